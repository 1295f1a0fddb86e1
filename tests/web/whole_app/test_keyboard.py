"""The month by keyboard alone: a month is opened, generated, and paid; nothing is clicked."""

from typing import Final

from playwright.async_api import Browser, Locator, Page, expect

from tests.web.whole_app.conftest import Office, signed_in

_MOST_TABS: Final = 60
_HAS_FOCUS: Final = "element => element === document.activeElement"


async def _tab_to(page: Page, element: Locator) -> None:
    """Press Tab until the element has the focus, which has to be seen."""
    await expect(element).to_be_visible()
    for _ in range(_MOST_TABS):
        if await element.evaluate(_HAS_FOCUS):
            assert await element.evaluate("element => getComputedStyle(element).outlineStyle") != "none"
            return
        await page.keyboard.press("Tab")
    raise AssertionError(f"the keyboard doesn't reach {element}")


async def _press(page: Page, element: Locator) -> None:
    await _tab_to(page, element)
    await page.keyboard.press("Enter")


async def test_the_month_without_a_mouse(browser: Browser, office: Office) -> None:
    async with signed_in(browser, office) as context:
        page = await context.new_page()
        await page.goto("/")
        await _open(page)
        await _generate(page)
        await _pay(page)


async def _open(page: Page) -> None:
    dialog = page.get_by_role("dialog")
    await _press(page, page.get_by_role("link", name="Invoice", exact=True))
    await _press(page, page.get_by_role("button", name="Tambah Invoice"))
    await expect(dialog).to_be_visible()
    month = await dialog.get_by_label("Bulan").input_value()
    await _press(page, dialog.get_by_role("button", name="Tambah Invoice"))
    await page.wait_for_url(f"**/invoice/{month}")


async def _generate(page: Page) -> None:
    """The focus is back on the button once the dialog is closed."""
    dialog, button = page.get_by_role("dialog"), page.get_by_role("button", name="Buat Pembayaran", exact=True)
    await _press(page, button)
    await expect(dialog).to_contain_text("Akan dibuat")
    await _press(page, dialog.get_by_role("button", name="Generate Sekarang"))
    await expect(dialog).to_contain_text("Selesai.")
    await _press(page, dialog.get_by_role("button", name="Selesai"))
    await expect(dialog).to_have_count(0)
    await expect(button).to_be_focused()


async def _pay(page: Page) -> None:
    """Ctrl-K finds the customer; Bayar, the amount, Enter; the receipt's dialog closes by Escape."""
    dialog = page.get_by_role("dialog")
    await page.keyboard.press("Control+k")
    await expect(dialog.get_by_role("combobox")).to_be_focused()
    await page.keyboard.type("P000003")
    await expect(page.get_by_role("option").filter(has_text="P000003")).to_have_attribute("aria-selected", "true")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", level=1)).to_contain_text("P000003")
    await _press(page, page.get_by_role("button", name="Bayar", exact=True))
    await _tab_to(page, dialog.get_by_label("Nominal"))
    await page.keyboard.press("Control+a")
    await page.keyboard.type("25.000")
    await expect(dialog).to_contain_text("Rp25.000")
    await page.keyboard.press("Enter")
    await expect(dialog.get_by_role("status")).to_contain_text("Pembayaran Rp25.000 tercatat.")
    await page.keyboard.press("Escape")
    await expect(dialog).to_have_count(0)
    await expect(page.get_by_role("region", name="Pembayaran terakhir")).to_contain_text("Rp25.000")
