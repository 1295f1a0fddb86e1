"""The web app in a real browser (Debian's Chromium, driven by Playwright), on the real server and the embedded database."""

import asyncio
import contextlib
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, ViewportSize, async_playwright, expect

from sebilling import web
from sebilling.app import create_app
from sebilling.clock import Month, system_clock
from sebilling.db.engine import Database
from sebilling.demo import isp, month
from sebilling.server import listening_socket, serving
from tests.harness import quiet_settings

_CHROMIUM: Final = shutil.which("chromium")
_WITHOUT: Final = (
    "WebUIOmniboxPopup", "WebUIOmniboxAimPopup",
    # of Playwright's, whose switch this one replaces
    "AimEnabled", "AvoidUnnecessaryBeforeUnloadCheckSync", "DestroyProfileOnBrowserClose", "HttpsFirstBalancedModeAutoEnable",
    "HttpsUpgrades", "LensOverlay", "MediaRouter", "NetworkTimeServiceQuerying", "OptimizationHints", "PaintHolding", "PreconnectToSearch",
    "ThirdPartyStoragePartitioning",
)  # fmt: skip
"""Features that are switched off. A menu of the address bar, which nobody sees, is loaded for each context: two thirds of its CPU time."""
_ARGUMENTS: Final = [
    f"--disable-features={','.join(_WITHOUT)}",
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-gpu-rasterization",
    "--disable-software-rasterizer",
]
"""Without graphics hardware its stand-in in software takes a tenth of the browser's time, for pages that need none."""
PICTURES: Final = Path(os.environ.get("SEBILLING_TEST_PICTURES", "var/pictures"))
"""Where screenshots go."""
# A machine of two cores runs other tests beside; what has to be fast says so itself.
expect.set_options(timeout=60_000)
PHONE: Final[ViewportSize] = {"width": 360, "height": 740}
"""Size of a small phone's screen."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave these tests out where there is no browser or the web app isn't built; in CI both must be there."""
    if os.environ.get("CI"):
        return
    here = Path(__file__).parent
    reason = "install Debian's package chromium" if _CHROMIUM is None else "run `make web`" if not web.is_built() else None
    for item in items:
        if reason is not None and item.path.is_relative_to(here):
            item.add_marker(pytest.mark.skip(reason=reason))


@dataclass(frozen=True)
class Shop:
    """A demo ISP with its server."""

    address: str
    month: Month
    """The month that is still to be opened."""
    sign_ins: list[isp.SignIn]

    @property
    def admin(self) -> isp.SignIn:
        return self.sign_ins[0]


@pytest_asyncio.fixture
async def shop(committed: Database) -> AsyncIterator[Shop]:
    """40 customers; nothing of this month has begun."""
    to_open, sign_ins = await isp.make(committed, customers=40, now=system_clock())
    app = create_app(quiet_settings(allowed_hosts="127.0.0.1", inline_worker=True), Database(committed.url), is_demo=True)
    with contextlib.ExitStack() as stack:
        address = await asyncio.to_thread(stack.enter_context, serving(app, listening_socket("127.0.0.1", 0)))
        yield Shop(address, to_open, sign_ins)


@pytest_asyncio.fixture
async def busy_shop(shop: Shop, committed: Database) -> AsyncIterator[Shop]:
    """After its month: invoices, payments, deposits, and devices with customers, some of whom are blocked."""
    with contextlib.ExitStack() as gear:
        await asyncio.to_thread(month.run_month, shop.address, committed.url, shop.month, shop.sign_ins, gear, full=False)
        yield shop


@pytest_asyncio.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """One for all tests of a process: each has contexts of its own, which share nothing."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=_CHROMIUM, args=_ARGUMENTS)
        yield browser
        await browser.close()


class Complaints:
    """What the browser complains about: refused by the policy, errors of scripts, requests to anywhere else."""

    def __init__(self, address: str) -> None:
        self._address = address
        self.heard: list[str] = []

    def listen(self, page: Page) -> None:
        page.on("console", lambda message: self.heard.append(message.text) if message.type in {"error", "warning"} else None)
        page.on("pageerror", lambda error: self.heard.append(str(error)))
        page.on(
            "request", lambda request: None if request.url.startswith((self._address, "data:", "blob:")) else self.heard.append(request.url)
        )


@pytest.fixture
def complaints(shop: Shop) -> Iterator[Complaints]:
    """Fails the test if the browser complained."""
    complaints = Complaints(shop.address)
    yield complaints
    assert complaints.heard == []


@pytest_asyncio.fixture
async def page(browser: Browser, shop: Shop, complaints: Complaints) -> AsyncIterator[Page]:
    """A page of the size of an office's screen, in Indonesian."""
    context: BrowserContext = await browser.new_context(base_url=shop.address, locale="id-ID", viewport={"width": 1280, "height": 800})
    context.set_default_timeout(60_000)
    page = await context.new_page()
    complaints.listen(page)
    yield page
    await context.close()
