"""The manual's month, clicked in both languages: sign in, open a month, generate, pay, deposit, verify."""

import contextlib
import io
import re

import pytest
from PIL import Image
from playwright.async_api import Browser, Page, expect

from sebilling.actor import Role
from tests.web.conftest import PICTURES, Complaints, Shop
from tests.web.words import LANGUAGES, Words


async def sign_in(page: Page, username: str, password: str, language: str = "id") -> None:
    words = Words(language)
    await page.goto("/")
    await page.get_by_label(words("username")).fill(username)
    await page.get_by_label(words("password")).fill(password)
    await page.get_by_role("button", name=words("sign_in")).click()
    await expect(page.get_by_role("button", name=words("sign_out"))).to_be_visible()


async def picture(page: Page, name: str) -> None:
    await page.screenshot(path=PICTURES / f"{name}.png")


class Person:
    """Somebody at a page of their own, in a language; pictures are kept of the Indonesian one."""

    def __init__(self, page: Page, words: Words) -> None:
        self.page, self.words, self.dialog = page, words, page.get_by_role("dialog")

    async def go(self, menu: str) -> None:
        await self.page.get_by_role("link", name=self.words(menu), exact=True).click()

    async def press(self, button: str) -> None:
        await self.page.get_by_role("button", name=self.words(button), exact=True).first.click()

    async def press_in_dialog(self, button: str) -> None:
        await self.dialog.get_by_role("button", name=self.words(button), exact=True).click()

    async def fill(self, field: str, value: str) -> None:
        await self.dialog.get_by_label(self.words(field)).fill(value)

    async def picture(self, name: str) -> None:
        if self.words.language == "id":
            await picture(self.page, name)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_month(browser: Browser, shop: Shop, complaints: Complaints, language: str) -> None:
    """Each step as the manual numbers it; the clerk works on a page of their own, and the admin's dashboard shows it."""
    words, people = Words(language), []
    of_clerk = next(one for one in shop.sign_ins if one.role is Role.CLERK)
    async with contextlib.AsyncExitStack() as contexts:
        for user in (shop.admin, of_clerk):
            context = await browser.new_context(
                base_url=shop.address, locale="id-ID" if language == "id" else "en-GB", viewport={"width": 1280, "height": 800}
            )
            contexts.push_async_callback(context.close)
            context.set_default_timeout(60_000)
            person = Person(await context.new_page(), words)
            complaints.listen(person.page)
            await sign_in(person.page, user.username, user.password, language)
            people.append(person)
        admin, clerk = people
        await admin.picture("1-dashboard")
        await _open_and_generate(admin, shop)
        await _take_a_payment(clerk, admin)
        await _hand_over(clerk)
        await _count(admin)


async def _open_and_generate(admin: Person, shop: Shop) -> None:
    """Keuangan › Invoice: Tambah Invoice, then Buat Pembayaran: the preview, then the run."""
    words, dialog = admin.words, admin.dialog
    await admin.go("invoice_menu")
    await admin.press("add_period")
    await expect(dialog.get_by_label(words("month"))).to_have_value(str(shop.month))
    await admin.press_in_dialog("add_period")
    await admin.press("generate")
    would_issue = re.escape(words("would_issue", invoices="NUMBER", amount="AMOUNT"))
    await expect(dialog).to_contain_text(re.compile(would_issue.replace("NUMBER", r"\d+").replace("AMOUNT", r"Rp[\d.]+")))
    await expect(dialog).to_contain_text(words("skip_inactive"))
    await admin.picture("2-generate-pembayaran")
    await admin.press_in_dialog("generate_now")
    await expect(dialog).to_contain_text(words("run_finished"))
    await admin.picture("3-selesai")
    await admin.press_in_dialog("done")
    await expect(admin.page.get_by_role("row", name="Ciawi")).to_contain_text("Rp")
    await admin.picture("4-bulan")


async def _take_a_payment(clerk: Person, admin: Person) -> None:
    """A clerk takes part of what is owed; the dashboard that is open shows it by itself."""
    words, page, pay = clerk.words, clerk.page, clerk.dialog
    await admin.go("dashboard")
    today = admin.page.locator("dl", has_text=words("received_today")).locator("dd")
    await expect(today).to_have_text("Rp0")
    await clerk.go("customers")
    await page.get_by_role("button", name=words("owing")).click()
    await page.get_by_role("row").nth(1).get_by_role("link").click()
    await clerk.press("pay")
    await clerk.fill("amount", "10.000,5")
    await expect(pay.get_by_role("alert")).to_contain_text(words("whole_rupiah"))
    await expect(pay.get_by_role("button", name=words("pay"))).to_be_disabled()
    await clerk.fill("amount", "25.000")
    await expect(pay).to_contain_text(words("pays_part", amount="Rp25.000", invoice="INV/", remaining="").partition("INV/")[0] + "INV/")
    await clerk.picture("5-bayar")
    await clerk.press_in_dialog("pay")
    await expect(pay.get_by_role("status")).to_contain_text(words("paid", amount="Rp25.000"))
    await expect(pay).to_contain_text("KW/")
    await expect(today).to_have_text("Rp25.000", timeout=2_000)
    await admin.picture("6-dashboard")
    await clerk.press_in_dialog("done")
    await expect(page.get_by_role("region", name=words("last_payments"))).to_contain_text("Rp25.000")
    await expect(page.get_by_role("region", name=words("timeline"))).to_contain_text("25.000")
    await clerk.picture("7-pelanggan")


async def _hand_over(clerk: Person) -> None:
    """Setoran: the clerk hands the money over, with a picture."""
    words, dialog = clerk.words, clerk.dialog
    await clerk.go("deposits")
    await clerk.press("add_deposit")
    await clerk.fill("amount", "25.000")
    await dialog.get_by_label(words("type")).select_option(words("deposit_transfer"))
    await dialog.get_by_label(words("proof")).set_input_files({"name": "bukti.png", "mimeType": "image/png", "buffer": _picture()})
    await expect(dialog.get_by_role("img", name=words("proof"))).to_be_visible()
    await clerk.picture("8-setoran")
    await clerk.press_in_dialog("add_deposit")
    waiting = clerk.page.get_by_role("row", name=words("deposit_submitted"))
    await expect(waiting.filter(has_text="Rp25.000")).to_be_visible()


async def _count(admin: Person) -> None:
    """The admin counts less than was handed over."""
    words, page, dialog = admin.words, admin.page, admin.dialog
    await admin.go("deposits")
    row = page.get_by_role("row", name="Rp25.000").filter(has_text=words("deposit_submitted"))
    await expect(row.get_by_role("link", name=words("proof"))).to_have_attribute("href", re.compile("^/downloads/"))
    await row.get_by_role("button", name=words("verify")).click()
    await admin.fill("counted", "20.000")
    await expect(dialog.get_by_role("status")).to_contain_text(words("shortage", amount="Rp5.000"))
    await admin.press_in_dialog("verify")
    await expect(dialog).to_have_count(0)
    await page.get_by_label(words("status")).select_option(words("deposit_verified"))
    verified = page.get_by_role("row").filter(has_text="Kasir").filter(has_text=words("deposit_verified"))
    await expect(verified).to_contain_text("Rp20.000")
    await admin.picture("9-terverifikasi")


def _picture() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (60, 40), "teal").save(file, "PNG")
    return file.getvalue()
