"""The office's work on money: receipts, corrections with what they will change, titipan, and the lists."""

import re

from playwright.async_api import Page, expect
from sqlalchemy import text

from sebilling.db.engine import Database
from tests.web.conftest import Shop
from tests.web.test_month import picture, sign_in

_OWES_TWICE = text(
    """
    SELECT 'cus_' || customer_id FROM invoice WHERE outstanding = total AND outstanding > 0
     GROUP BY customer_id HAVING count(*) = 2 ORDER BY customer_id LIMIT 1
    """
)


async def test_money(page: Page, busy_shop: Shop, committed: Database) -> None:
    await sign_in(page, busy_shop.admin.username, busy_shop.admin.password)
    async with committed.reading() as session:
        customer = await session.only_value(_OWES_TWICE, {}, kind=str)
    await _pay(page, customer)
    await _hold_and_void(page)
    await _apply(page)
    await _write_off(page)
    await _refund(page)
    await _reverse(page)
    await _lists(page)


async def _pay(page: Page, customer: str) -> None:
    """Bayar the older of two invoices; the receipt for both rolls, as PDF and by WhatsApp."""
    dialog = page.get_by_role("dialog")
    await page.goto(f"/pelanggan/{customer}")
    invoice = page.get_by_role("region", name="Tagihan").get_by_role("row").nth(2)
    amount = (await invoice.get_by_role("cell").last.inner_text()).removeprefix("Rp")
    await page.get_by_role("button", name="Bayar", exact=True).click()
    await dialog.get_by_label("Nominal").fill(amount)
    await dialog.get_by_role("button", name="Bayar").click()
    await expect(dialog.get_by_role("status")).to_contain_text("tercatat")
    await dialog.get_by_label("80 mm").check()
    await expect(dialog.get_by_role("link", name="PDF")).to_have_attribute("href", re.compile("^/downloads/"))
    await expect(dialog.get_by_role("link", name="WhatsApp")).to_have_attribute("href", re.compile(r"^https://wa.me/62\d+\?text=.*KW"))
    await picture(page, "uang-1-kuitansi")
    await page.emulate_media(media="print")
    await expect(page.locator("pre")).to_be_visible()
    await expect(page.get_by_role("button", name="Cetak")).not_to_be_visible()
    await picture(page, "uang-2-kuitansi-cetak")
    printed = await page.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type ?/Page\b", printed)) == 1
    assert re.search(rb"/MediaBox ?\[0 0 22[67]", printed), "80 mm are 227 points"
    await page.emulate_media(media="screen")
    await dialog.get_by_role("link", name=re.compile("KW")).click()
    await expect(page.get_by_role("heading", name=re.compile("KW"))).to_be_visible()


async def _hold_and_void(page: Page) -> None:
    """Tahan titipan, then Batalkan tagihan: what was paid is credit, and stays so beside the other debt."""
    dialog = page.get_by_role("dialog")
    await page.get_by_role("button", name="Tahan titipan").click()
    await dialog.get_by_label("Alasan").fill("Tunggu konfirmasi")
    await dialog.get_by_role("button", name="Tahan titipan").click()
    await expect(dialog).to_have_count(0)
    await page.get_by_role("region", name="Melunasi").get_by_role("link").click()
    await page.get_by_role("button", name="Batalkan tagihan").click()
    await expect(dialog).to_contain_text("menjadi titipan")
    await dialog.get_by_label("Alasan").fill("Salah paket")
    await picture(page, "uang-3-batalkan-tagihan")
    await dialog.get_by_role("button", name="Batalkan tagihan").click()
    await expect(page.get_by_text("Dibatalkan").first).to_be_visible()
    await picture(page, "uang-4-tagihan-batal")


async def _apply(page: Page) -> None:
    """Titipan beside a debt is applied to it."""
    dialog = page.get_by_role("dialog")
    await page.get_by_role("link", name="Titipan").click()
    await page.get_by_label("Punya sisa tagihan").select_option("Ya")
    await expect(page.get_by_role("row")).to_have_count(2)
    await picture(page, "uang-5-titipan")
    await page.get_by_role("button", name=re.compile("^Pakai titipan")).click()
    await expect(dialog).to_contain_text("Sisa tagihan")
    await dialog.get_by_role("button", name="Pakai").click()
    await expect(page.get_by_text("Tidak ada titipan.")).to_be_visible()


async def _write_off(page: Page) -> None:
    """Hapus piutang for a part of another's invoice, taken back afterwards; a bookmark has the filters."""
    dialog = page.get_by_role("dialog")
    await page.goto("/daftar-invoice?status=belum-lunas&urut=DUE")
    await expect(page.get_by_label("Status")).to_have_value("belum-lunas")
    await picture(page, "uang-6-daftar-tagihan")
    await page.get_by_role("row").nth(1).get_by_role("link").first.click()
    await page.get_by_role("button", name="Hapus piutang").click()
    await dialog.get_by_label("Nominal").fill("999.999.999")
    await expect(dialog.get_by_role("button", name="Hapus piutang")).to_be_disabled()
    await dialog.get_by_label("Nominal").fill("1.000")
    await expect(dialog).to_contain_text("Rp1.000 dicatat sebagai kerugian")
    await dialog.get_by_label("Alasan").fill("Pembulatan")
    await picture(page, "uang-7-hapus-piutang")
    await dialog.get_by_role("button", name="Hapus piutang").click()
    written_off = page.get_by_role("region", name="Penghapusan piutang")
    await expect(written_off).to_contain_text("Pembulatan")
    await written_off.get_by_role("button", name="Batalkan").click()
    await dialog.get_by_label("Alasan").fill("Ternyata dibayar")
    await dialog.get_by_role("button", name="Batalkan").click()
    await expect(written_off).to_contain_text("Ternyata dibayar")
    async with page.context.expect_page() as opened:
        await page.get_by_role("button", name="Cetak (PDF)").click()
    paper = await opened.value
    await paper.wait_for_url(re.compile("/downloads/"))
    await paper.close()


async def _refund(page: Page) -> None:
    """Too much is paid: the rest is credit, some of which is given back, and taken back again."""
    dialog = page.get_by_role("dialog")
    await page.locator("main a[href^='/pelanggan/']").first.click()
    await page.get_by_role("button", name="Bayar", exact=True).click()
    await dialog.get_by_label("Nominal").fill("5.000.000")
    await dialog.get_by_role("button", name="Bayar").click()
    await dialog.get_by_role("link", name=re.compile("KW")).click()
    await page.get_by_role("button", name="Kembalikan").click()
    await dialog.get_by_label("Nominal").fill("100.000")
    await dialog.get_by_label("Alasan").fill("Lebih bayar")
    await picture(page, "uang-8-kembalikan")
    await dialog.get_by_role("button", name="Kembalikan").click()
    settled = page.get_by_role("region", name="Melunasi")
    await expect(settled).to_contain_text("Dikembalikan")
    await settled.get_by_role("button", name="Batalkan").click()
    await dialog.get_by_label("Alasan").fill("Transfer kembali")
    await dialog.get_by_role("button", name="Batalkan").click()
    await expect(settled.get_by_role("button", name="Batalkan")).to_have_count(0)


async def _reverse(page: Page) -> None:
    """Batalkan pembayaran: the invoices it will open again are named before."""
    dialog = page.get_by_role("dialog")
    await page.get_by_role("button", name="Batalkan pembayaran").click()
    await expect(dialog).to_contain_text("terbuka lagi")
    await expect(dialog).to_contain_text("Total Masuk berkurang Rp5.000.000")
    await dialog.get_by_label("Alasan").fill("Salah ketik nominal")
    await picture(page, "uang-9-batalkan-pembayaran")
    await dialog.get_by_role("button", name="Batalkan pembayaran").click()
    await expect(page.get_by_text("Salah ketik nominal").first).to_be_visible()
    await picture(page, "uang-10-pembayaran-batal")


async def _lists(page: Page) -> None:
    """Pembayaran: the totals are those of the filter."""
    await page.get_by_role("link", name="Pembayaran", exact=True).click()
    await page.get_by_label("Dibatalkan").select_option("Dibatalkan")
    await expect(page.get_by_role("row")).to_have_count(3)
    await expect(page.get_by_role("row").last).to_contain_text("Rp5.000.000")
    await expect(page).to_have_url(re.compile("batal=ya"))
    await page.reload()
    await expect(page.get_by_role("row")).to_have_count(3)
    await page.set_viewport_size({"width": 360, "height": 800})
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360
    await picture(page, "uang-11-pembayaran-telepon")
