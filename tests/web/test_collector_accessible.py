"""axe finds nothing on any screen and dialog of the collector's app; nothing is wider than a phone; names are text, whatever they say."""

import json
from pathlib import Path
from typing import Final, Literal

import pytest
from playwright.async_api import Browser, Page, expect

from sebilling.clock import Month
from tests.harness import Isp
from tests.web.conftest import PHONE, Complaints
from tests.web.test_collector_offline import address, isp, signed_in

__all__ = ["address", "isp"]
_AXE: Final = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
_RULES: Final = {"resultTypes": ["violations"], "iframes": False}
NASTY: Final = "<img src=x onerror=document.title='stolen'>'\"&"
LARGE: Final = {"width": 1440, "height": 900}


async def findings(page: Page, where: str) -> list[str]:
    """What axe finds on the page, and what sticks out at the right."""
    found = await page.evaluate("options => axe.run(document, options)", _RULES)
    width = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return [
        f"{where}: {violation['id']}: {node['html'][:150]}: {node['failureSummary'][-160:]}"
        for violation in found["violations"]
        for node in violation["nodes"][:3]
    ] + ([f"{where}: {width} px too wide"] if width > 0 else [])


@pytest.mark.parametrize(("theme", "size"), [("light", PHONE), ("dark", LARGE), ("dark", PHONE)])
async def test_every_screen_and_dialog(
    browser: Browser, isp: Isp, address: str, theme: Literal["light", "dark"], size: dict[str, int]
) -> None:
    customer = await isp.customer("X1", name=NASTY, address=f"Jl. {NASTY} No. 1")
    await isp.generate(Month(2026, 2), key="the-nasty-one")
    context = await browser.new_context(
        base_url=address, locale="id-ID", viewport={"width": size["width"], "height": size["height"]}, color_scheme=theme
    )
    complaints = Complaints(address)
    page = await context.new_page()
    complaints.listen(page)
    await page.goto("/kolektor/")
    await page.get_by_label("Kata sandi").wait_for()
    await page.evaluate(_AXE.read_text(encoding="utf-8"))
    wrong = await findings(page, "sign-in")
    await page.close()
    page = await signed_in(context)
    complaints.listen(page)
    await page.evaluate(_AXE.read_text(encoding="utf-8"))
    wrong += await findings(page, "customers")
    await page.evaluate(f"location.hash = '/pelanggan/cus_{customer}'")
    await expect(page.get_by_role("heading", level=1)).to_have_text(NASTY)
    wrong += await findings(page, "customer")
    await page.get_by_role("button", name="Bayar", exact=True).click()
    wrong += await findings(page, "pay")
    await page.get_by_role("dialog").get_by_role("button", name="Terima").click()
    await expect(page.get_by_role("heading", name="LUNAS")).to_be_visible()
    await page.get_by_role("link", name="Cetak").wait_for()
    wrong += await findings(page, "receipt")
    for screen in ("uang", "antrean", "akun", "masuk"):
        await page.evaluate(f"location.hash = '/{screen}'")
        await expect(page.get_by_role("main").get_by_role("heading").first).to_be_visible()
        wrong += await findings(page, screen)
    await page.evaluate("location.hash = '/uang'")
    await page.get_by_role("button", name="Tambah Setoran").click()
    wrong += await findings(page, "deposit")
    assert await page.title() != "stolen"
    await context.close()
    assert wrong == [], json.dumps(wrong, indent=1, ensure_ascii=False)
    assert complaints.heard == []


async def test_a_payment_by_keyboard_alone(browser: Browser, isp: Isp, address: str) -> None:
    context = await browser.new_context(base_url=address, locale="id-ID", viewport=PHONE)
    page = await signed_in(context)
    await page.get_by_label("Cari").focus()
    await page.keyboard.type("Pelanggan 12")
    first = page.get_by_role("main").get_by_role("listitem").first.get_by_role("link")
    for _ in range(8):
        await page.keyboard.press("Tab")
        if await first.evaluate("link => link === document.activeElement"):
            break
    await page.keyboard.press("Enter")
    pay = page.get_by_role("button", name="Bayar", exact=True)
    await pay.wait_for()
    for _ in range(8):
        await page.keyboard.press("Tab")
        if await pay.evaluate("button => button === document.activeElement"):
            break
    await page.keyboard.press("Enter")
    await page.get_by_role("dialog").get_by_label("Nominal").focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="LUNAS")).to_be_visible()
    assert await isp.value("SELECT count(*) FROM payment") == 1
    await context.close()
