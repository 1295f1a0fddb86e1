"""Impor pelanggan: the file, its columns, its faults by row, and then everything or nothing."""

from playwright.async_api import Page, expect

from tests.web.conftest import Shop
from tests.web.test_month import picture, sign_in

_HEADINGS = "Kode;Nama;Loket;Paket;Harga;Tanggal Pasang;Catatan\n"
_FAULTY = _HEADINGS + "BARU-1;Budi;LKT99;Rumah 20M;200000;2026-01-31;x\nBARU-2;;LKT99;Rumah 20M;dua ratus;2026-01-31;x\n"
_RIGHT = _HEADINGS + "BARU-1;<i>Budi</i>;LKT99;Rumah 20M;200000;2026-01-31;x\nBARU-2;Siti;LKT99;Rumah 20M;200000;2026-01-31;x\n"


async def test_a_file_of_customers_is_imported(page: Page, shop: Shop) -> None:
    await sign_in(page, shop.admin.username, shop.admin.password)
    await page.get_by_role("link", name="Pelanggan", exact=True).click()
    await page.get_by_role("link", name="Impor pelanggan").click()
    await _choose(page, _FAULTY)
    await page.get_by_label("Abaikan kolom yang tidak dikenal").check()
    await expect(page.get_by_role("heading", name="kesalahan")).to_be_visible()
    await expect(page.get_by_role("cell", name="3").first).to_be_visible()
    await expect(page.get_by_role("row", name="'dua ratus' bukan harga")).to_contain_text("Harga")
    await expect(page.get_by_role("button", name="Impor")).to_be_disabled()
    await picture(page, "impor-1-kesalahan")
    await page.get_by_label("Tambahkan loket dan paket yang belum ada").check()
    await _choose(page, _RIGHT)
    await expect(page.get_by_role("region", name="Yang akan masuk")).to_contain_text("2 pelanggan")
    await expect(page.get_by_label("Catatan")).to_have_value("")
    await picture(page, "impor-2-yang-akan-masuk")
    await page.get_by_role("button", name="Impor 2 pelanggan").click()
    await expect(page.get_by_role("status")).to_contain_text("2 pelanggan masuk")
    await page.get_by_role("link", name="Lihat pelanggan baru").click()
    await expect(page.get_by_role("link", name="<i>Budi</i>")).to_be_visible()


async def _choose(page: Page, content: str) -> None:
    await page.locator("input[type=file]").set_input_files({"name": "pelanggan.csv", "mimeType": "text/csv", "buffer": content.encode()})
