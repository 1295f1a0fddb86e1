"""The manual's month, clicked: sign in, open a month, generate, pay, deposit, verify."""

import io
import re

from PIL import Image
from playwright.async_api import Browser, Page, expect

from sebilling.actor import Role
from tests.web.conftest import PICTURES, Complaints, Shop


async def sign_in(page: Page, username: str, password: str) -> None:
    await page.goto("/")
    await page.get_by_label("Nama pengguna").fill(username)
    await page.get_by_label("Kata sandi").fill(password)
    await page.get_by_role("button", name="Masuk").click()
    await expect(page.get_by_role("button", name="Keluar")).to_be_visible()


async def picture(page: Page, name: str) -> None:
    await page.screenshot(path=PICTURES / f"{name}.png")


async def test_the_month(page: Page, shop: Shop, browser: Browser, complaints: Complaints) -> None:
    """Each step as the manual numbers it; the clerk works on a page of their own, and the admin's dashboard shows it."""
    clerk = next(sign_in for sign_in in shop.sign_ins if sign_in.role is Role.CLERK)
    await sign_in(page, shop.admin.username, shop.admin.password)
    await picture(page, "1-dashboard")
    await _open_and_generate(page, shop)
    context = await browser.new_context(base_url=shop.address, locale="id-ID", viewport={"width": 1280, "height": 800})
    counter = await context.new_page()
    complaints.listen(counter)
    await sign_in(counter, clerk.username, clerk.password)
    await _take_a_payment(counter, page)
    await _hand_over(counter)
    await context.close()
    await _count(page)


async def _open_and_generate(page: Page, shop: Shop) -> None:
    """Keuangan › Invoice: Tambah Invoice, then Buat Pembayaran: the preview, then the run."""
    await page.get_by_role("link", name="Invoice").click()
    await page.get_by_role("button", name="Tambah Invoice").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_label("Bulan")).to_have_value(str(shop.month))
    await dialog.get_by_role("button", name="Tambah Invoice").click()
    await page.get_by_role("button", name="Buat Pembayaran", exact=True).first.click()
    await expect(dialog).to_contain_text("Akan dibuat")
    await expect(dialog).to_contain_text("Nonaktif")
    await picture(page, "2-generate-pembayaran")
    await dialog.get_by_role("button", name="Generate Sekarang").click()
    await expect(dialog).to_contain_text("Selesai.")
    await picture(page, "3-selesai")
    await dialog.get_by_role("button", name="Selesai").click()
    await expect(page.get_by_role("row", name="Ciawi")).to_contain_text("Rp")
    await picture(page, "4-bulan")


async def _take_a_payment(counter: Page, dashboard: Page) -> None:
    """A clerk takes part of what is owed; the dashboard that is open shows it by itself."""
    await dashboard.get_by_role("link", name="Dashboard").click()
    today = dashboard.locator("dl", has_text="Masuk hari ini").locator("dd")
    await expect(today).to_have_text("Rp0")
    await counter.get_by_role("link", name="Pelanggan").click()
    await counter.get_by_role("button", name="Menunggak").click()
    await counter.get_by_role("row").nth(1).get_by_role("link").click()
    await counter.get_by_role("button", name="Bayar", exact=True).click()
    pay = counter.get_by_role("dialog")
    await pay.get_by_label("Nominal").fill("10.000,5")
    await expect(pay.get_by_role("alert")).to_contain_text("rupiah bulat")
    await expect(pay.get_by_role("button", name="Bayar")).to_be_disabled()
    await pay.get_by_label("Nominal").fill("25.000")
    await expect(pay).to_contain_text("Rp25.000 untuk INV/")
    await picture(counter, "5-bayar")
    await pay.get_by_role("button", name="Bayar").click()
    await expect(pay.get_by_role("status")).to_contain_text("Pembayaran Rp25.000 tercatat.")
    await expect(pay).to_contain_text("KW/")
    await expect(today).to_have_text("Rp25.000", timeout=2_000)
    await picture(dashboard, "6-dashboard")
    await pay.get_by_role("button", name="Selesai").click()
    await expect(counter.get_by_role("region", name="Pembayaran terakhir")).to_contain_text("Rp25.000")
    await expect(counter.get_by_role("region", name="Riwayat")).to_contain_text("25.000")
    await picture(counter, "7-pelanggan")


async def _hand_over(counter: Page) -> None:
    """Setoran: the clerk hands the money over, with a picture."""
    dialog = counter.get_by_role("dialog")
    await counter.get_by_role("link", name="Setoran").click()
    await counter.get_by_role("button", name="Tambah Setoran").click()
    await dialog.get_by_label("Nominal").fill("25.000")
    await dialog.get_by_label("Jenis").select_option("Transfer")
    await dialog.get_by_label("Bukti").set_input_files({"name": "bukti.png", "mimeType": "image/png", "buffer": _picture()})
    await expect(dialog.get_by_role("img", name="Bukti")).to_be_visible()
    await picture(counter, "8-setoran")
    await dialog.get_by_role("button", name="Tambah Setoran").click()
    await expect(counter.get_by_role("row", name="Menunggu verifikasi").filter(has_text="Rp25.000")).to_be_visible()


async def _count(page: Page) -> None:
    """The admin counts less than was handed over."""
    dialog = page.get_by_role("dialog")
    await page.get_by_role("link", name="Setoran").click()
    row = page.get_by_role("row", name="Rp25.000").filter(has_text="Menunggu verifikasi")
    await expect(row.get_by_role("link", name="Bukti")).to_have_attribute("href", re.compile("^/downloads/"))
    await row.get_by_role("button", name="Verifikasi").click()
    await dialog.get_by_label("Terhitung").fill("20.000")
    await expect(dialog.get_by_role("status")).to_contain_text("Kurang Rp5.000")
    await dialog.get_by_role("button", name="Verifikasi").click()
    await expect(dialog).to_have_count(0)
    await page.get_by_label("Status").select_option("Terverifikasi")
    await expect(page.get_by_role("row").filter(has_text="Kasir").filter(has_text="Terverifikasi")).to_contain_text("Rp20.000")
    await picture(page, "9-terverifikasi")


def _picture() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (60, 40), "teal").save(file, "PNG")
    return file.getvalue()
