"""Every screen of the admin, as `web/src/admin/routes.ts` lists them, with an address that shows something."""

import re
from pathlib import Path
from typing import Any, Final

from playwright.async_api import Locator, Page, expect

ROOT: Final = Path(__file__).parents[3]
_ROUTES: Final = re.findall(r"^  '(/[^']*)':", (ROOT / "web" / "src" / "admin" / "routes.ts").read_text(encoding="utf-8"), re.MULTILINE)


def addresses(month: str) -> list[str]:
    """Each screen's address, with something of the office's in place of the parameters."""
    known = {"/pelanggan/": "cus_1", "/perangkat/": "dev_1", "/pembayaran/": "pay_1", "/invoice/:month/": "inv_1"}
    return [re.sub("(.*/):id", lambda found: found[1] + known[found[1]], route).replace(":month", month) for route in _ROUTES]


async def shown(page: Page) -> None:
    """Wait until the screen has what it asked for."""
    await expect(page.locator("main h1").first).to_be_visible()
    await expect(page.locator("[aria-busy=true]")).to_have_count(0)


def buttons(page: Page) -> Locator:
    """Buttons that may open a dialog."""
    return page.locator("main button:not([type=submit]):visible:enabled")


def named(page: Page, name: str) -> Locator:
    """Those of the buttons that have this text."""
    return buttons(page).filter(has_text=re.compile(rf"^\s*{re.escape(name.strip())}\s*$"))


async def answer_no_mutation(page: Page, forbidden: set[str] | None = None) -> None:
    """Every mutation fails, so that any button can be pressed; the dialogs show the error. Root fields of queries that the server
    forbids are added to `forbidden`."""

    async def answer(route: Any) -> None:
        if str(route.request.post_data_json.get("query", "")).lstrip().startswith("mutation"):
            refused = {"message": "Ditolak oleh tes.", "extensions": {"code": "REFUSED"}}
            await route.fulfill(json={"data": None, "errors": [refused]})
            return
        response = await route.fetch()
        if forbidden is not None:
            errors = (await response.json()).get("errors") or ()
            forbidden.update({f"{error['path']} of {page.url}" for error in errors if error["extensions"]["code"] == "FORBIDDEN"})
        await route.fulfill(response=response)

    await page.route("**/graphql", answer)
