"""Every screen of the admin, as `web/src/admin/screens.ts` lists them, with an address that shows something."""

import re
from pathlib import Path
from typing import Any, Final

from playwright.async_api import Locator, Page, expect

ROOT: Final = Path(__file__).parents[3]
_ROUTES: Final = re.findall(r"^  '(/[^']*)':", (ROOT / "web" / "src" / "admin" / "screens.ts").read_text(encoding="utf-8"), re.MULTILINE)

_IDS: Final = {"/pelanggan/:id": "cus_1", "/perangkat/:id": "dev_1", "/pembayaran/:id": "pay_1"}
"""What stands for the parameter `id`."""


def addresses(month: str) -> list[str]:
    """Each screen's address, with a month, customer or device of the office's in place of the parameter."""
    assert len(_ROUTES) > 20, "the list of the screens isn't where it was"
    return [
        route.replace("/:month/:id", f"/{month}/inv_1").replace(":month", month).replace(":id", _IDS.get(route, "")) for route in _ROUTES
    ]


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
    """Every mutation fails, so that any button can be pressed; the dialogs show the error. Root fields that the server
    forbids are added to `forbidden`."""

    async def answer(route: Any) -> None:
        if str(route.request.post_data_json.get("query", "")).lstrip().startswith("mutation"):
            refused = {"message": "Ditolak oleh tes.", "extensions": {"code": "REFUSED"}}
            await route.fulfill(json={"data": None, "errors": [refused]})
            return
        response = await route.fetch()
        if forbidden is not None:
            errors = (await response.json()).get("errors") or ()
            forbidden.update(
                {
                    f"{error['path']} of {page.url}"
                    for error in errors
                    if error["extensions"]["code"] == "FORBIDDEN" and len(error["path"]) == 1
                }
            )
        await route.fulfill(response=response)

    await page.route("**/graphql", answer)
