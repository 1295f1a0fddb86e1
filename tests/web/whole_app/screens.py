"""Every screen of the admin, as `web/src/admin/routes.ts` lists them, with an address that shows something."""

import re
from pathlib import Path
from typing import Final

from playwright.async_api import Page, expect

ROOT: Final = Path(__file__).parents[3]
_ROUTES: Final = re.findall(r"^  '(/[^']*)':", (ROOT / "web" / "src" / "admin" / "routes.ts").read_text(encoding="utf-8"), re.MULTILINE)


def addresses(month: str) -> list[str]:
    """Each screen's address, with a month, customer or device of the office's in place of the parameter."""
    return [
        re.sub(":month", month, route).replace("/pelanggan/:id", "/pelanggan/cus_1").replace("/perangkat/:id", "/perangkat/dev_1")
        for route in _ROUTES
    ]


async def shown(page: Page) -> None:
    """Wait until the screen has what it asked for."""
    await expect(page.locator("main h1").first).to_be_visible()
    await expect(page.locator("[aria-busy=true]")).to_have_count(0)
