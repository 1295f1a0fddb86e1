"""The office's work on customers, clicked as the manual says: Tambah Pelanggan, Custom Pembayaran, Custom Isolir, and the rest."""

import re
from datetime import timedelta

from playwright.async_api import Page, expect
from sqlalchemy import text

from sebilling.actor import operator
from sebilling.clock import JAKARTA, local_date, system_clock
from sebilling.db.engine import Database
from tests.web.conftest import Shop
from tests.web.test_month import picture, sign_in


async def test_customers(page: Page, busy_shop: Shop, committed: Database) -> None:
    await sign_in(page, busy_shop.admin.username, busy_shop.admin.password)
    await _add(page)
    await _edit(page, committed)
    await _custom_billing(page)
    await _pause_and_end(page)
    await _give_access(page)
    await _custom_isolation(page, committed)
    await _several(page)


async def _add(page: Page) -> None:
    """Tambah Pelanggan: what is wrong is said at its field; then the customer's page opens."""
    await page.get_by_role("link", name="Pelanggan").click()
    await page.get_by_role("button", name="Tambah Pelanggan").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Kode").fill("BARU 1")
    await dialog.get_by_label("Nama", exact=True).fill("Wayan <b>Sari</b>")
    await dialog.get_by_label("Telepon").fill("12")
    await dialog.get_by_role("button", name="Tambah Pelanggan").click()
    await expect(dialog.get_by_label("Kode")).to_have_attribute("aria-invalid", "true")
    await expect(dialog.get_by_label("Telepon")).to_have_attribute("aria-invalid", "true")
    await picture(page, "pelanggan-1-tambah")
    await dialog.get_by_label("Kode").fill("BARU-1")
    await dialog.get_by_label("Telepon").fill("0812 3456 7890")
    await dialog.get_by_role("button", name="Tambah Pelanggan").click()
    await expect(page.get_by_role("heading", name="Wayan <b>Sari</b>")).to_be_visible()


async def _edit(page: Page, database: Database) -> None:
    """Somebody else changes the same customer meanwhile: both versions are shown, and one is chosen."""
    dialog = page.get_by_role("dialog")
    await page.get_by_role("button", name="Ubah", exact=True).click()
    await dialog.get_by_label("Alamat").fill("Jalan Kenanga 5")
    async with database.transaction(actor=operator("test"), at=system_clock()) as session:
        await session.execute(text("UPDATE customer SET address = 'Jalan Mawar 1', version = version + 1 WHERE code = 'BARU-1'"))
    await dialog.get_by_role("button", name="Simpan Perubahan").click()
    conflict = dialog.get_by_role("row", name="Alamat")
    await expect(conflict).to_contain_text("Jalan Kenanga 5")
    await expect(conflict).to_contain_text("Jalan Mawar 1")
    await picture(page, "pelanggan-2-bentrok")
    await dialog.get_by_role("button", name="Simpan isian saya").click()
    await expect(dialog).to_have_count(0)
    await expect(page.get_by_text("Jalan Kenanga 5").first).to_be_visible()
    await expect(page.get_by_role("button", name="Ubah", exact=True)).to_be_focused()


async def _custom_billing(page: Page) -> None:
    """Custom Pembayaran: Jumlah Bulan, Tanggal Mulai Berlaku; the due dates are there before Simpan Perubahan."""
    dialog = page.get_by_role("dialog")
    await page.get_by_role("button", name="Custom Pembayaran").click()
    await expect(dialog.get_by_role("row")).to_have_count(7)
    await dialog.get_by_label("Jumlah Bulan").fill("3")
    await expect(dialog.get_by_role("row").nth(1)).to_contain_text("Rp")
    await picture(page, "pelanggan-3-custom-pembayaran")
    due = await dialog.get_by_role("row").nth(1).get_by_role("cell").nth(2).inner_text()
    await dialog.get_by_role("button", name="Simpan Perubahan").click()
    await expect(dialog).to_have_count(0)
    await page.get_by_role("button", name="Custom Pembayaran").click()
    await expect(dialog).to_contain_text("setiap 3 bulan")
    await expect(dialog.get_by_role("row").nth(1)).to_contain_text(due)
    await dialog.get_by_label("Tanggal Mulai Berlaku").fill("2020-01-01")
    await expect(dialog.get_by_role("alert")).to_be_visible()
    await expect(dialog.get_by_role("button", name="Simpan Perubahan")).to_be_disabled()
    await page.keyboard.press("Escape")


async def _pause_and_end(page: Page) -> None:
    """Jeda and its end; Akhiri layanan and back."""
    dialog, today = page.get_by_role("dialog"), local_date(system_clock(), JAKARTA)
    await page.get_by_role("button", name="Jeda", exact=True).click()
    await dialog.get_by_label("Mulai", exact=True).fill(str(today + timedelta(days=1)))
    await dialog.get_by_label("Alasan").fill("Rumah kosong")
    await picture(page, "pelanggan-4-jeda")
    await dialog.get_by_role("button", name="Jeda", exact=True).click()
    await expect(page.get_by_text("Rumah kosong").first).to_be_visible()
    await page.get_by_role("button", name="Akhiri jeda").click()
    await dialog.get_by_label("Ditagih lagi mulai").fill(str(today + timedelta(days=1)))
    await dialog.get_by_role("button", name="Akhiri jeda").click()
    await expect(page.get_by_role("button", name="Jeda", exact=True)).to_be_visible()
    await page.get_by_role("button", name="Akhiri layanan").click()
    await dialog.get_by_label("Hari pertama tanpa layanan").fill(str(today + timedelta(days=40)))
    await dialog.get_by_label("Alasan").fill("Pindah rumah")
    await picture(page, "pelanggan-5-akhiri-layanan")
    await dialog.get_by_role("button", name="Akhiri layanan").click()
    await expect(page.get_by_text("Layanan berakhir mulai").first).to_be_visible()
    await page.get_by_role("button", name="Batalkan akhir layanan").click()
    await dialog.get_by_role("button", name="Batalkan akhir layanan").click()
    await expect(page.get_by_text("Layanan berakhir mulai")).to_have_count(0)


async def _give_access(page: Page) -> None:
    """Tambah akses, Hapus akses, Isolir, Buka isolir."""
    dialog, access = page.get_by_role("dialog"), page.get_by_role("region", name="Akses internet")
    for key in ("salah-ketik", "wayan-baru"):
        await page.get_by_role("button", name="Tambah akses").click()
        await dialog.get_by_role("textbox").fill(key)
        await picture(page, "pelanggan-6-tambah-akses")
        await dialog.get_by_role("button", name="Tambah akses").click()
        await expect(access).to_contain_text(key)
    await access.get_by_role("button", name="Hapus akses salah-ketik").click()
    await dialog.get_by_role("button", name="Hapus akses").click()
    await expect(access).not_to_contain_text("salah-ketik")
    await access.get_by_role("button", name="Isolir", exact=True).click()
    await dialog.get_by_label("Alasan").fill("Perangkat dipindah tanpa izin")
    await dialog.get_by_role("button", name="Isolir").click()
    await expect(access).to_contain_text("Perangkat dipindah tanpa izin")
    await access.get_by_role("button", name="Buka isolir").click()
    await dialog.get_by_label("Alasan").fill("Sudah diperiksa")
    await dialog.get_by_role("button", name="Buka isolir").click()
    await expect(access.get_by_role("button", name="Isolir", exact=True)).to_be_visible()


async def _custom_isolation(page: Page, database: Database) -> None:
    """Custom Isolir of a customer who owes: the day of the block is shown while choosing, and stands in the page once it is saved."""
    dialog = page.get_by_role("dialog")
    async with database.reading() as session:
        owing = await session.value(text("SELECT 'cus_' || min(customer_id) FROM invoice WHERE outstanding > 0"), {}, kind=str)
    await page.goto(f"/pelanggan/{owing}")
    await page.get_by_role("button", name="Custom Isolir").click()
    await dialog.get_by_label("Waktu isolir").select_option("Secara manual")
    await expect(dialog).to_contain_text("Tidak akan diisolir")
    await dialog.get_by_label("Waktu isolir").select_option("Otomatis dari invoice terbit")
    await dialog.get_by_label("Hari sesudahnya").fill("90")
    await expect(dialog).to_contain_text("Akan diisolir")
    await picture(page, "pelanggan-7-custom-isolir")
    await dialog.get_by_role("button", name="Simpan Perubahan").click()
    await expect(dialog).to_have_count(0)
    await expect(page.get_by_role("region", name="Akses internet")).to_contain_text("Diisolir mulai")
    await page.get_by_role("button", name="Custom Isolir").click()
    await dialog.get_by_role("button", name="Hapus pengaturan khusus").click()
    await expect(dialog).to_have_count(0)
    await picture(page, "pelanggan-8-halaman")
    await page.set_viewport_size({"width": 360, "height": 800})
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360
    await picture(page, "pelanggan-9-telepon")


async def _several(page: Page) -> None:
    """Pelanggan: filters in the address; two customers are blocked and moved at once, and it is said how many and who not."""
    dialog = page.get_by_role("dialog")
    await page.set_viewport_size({"width": 1440, "height": 900})
    await page.goto("/pelanggan?tampil=menunggak&urut=OUTSTANDING")
    await expect(page.get_by_label("Urutan")).to_have_value("OUTSTANDING")
    await expect(page.get_by_role("button", name="Menunggak")).to_have_attribute("aria-pressed", "true")
    for row in (1, 2):
        await page.get_by_role("row").nth(row).get_by_role("checkbox").check()
    await expect(page.get_by_role("group", name="2 dipilih")).to_be_visible()
    await picture(page, "pelanggan-10-daftar")
    await page.get_by_role("button", name="Pindah loket").click()
    await dialog.get_by_label("Loket").select_option(index=1)
    await expect(dialog).to_contain_text("akan diubah")
    await picture(page, "pelanggan-11-pindah-loket")
    await dialog.get_by_role("button", name="Pindah loket").click()
    await expect(dialog.get_by_role("status")).to_contain_text("diubah")
    await expect(dialog.get_by_role("row")).to_have_count(2)
    await picture(page, "pelanggan-12-hasil")
    await dialog.get_by_role("button", name="Selesai").click()
    await expect(page.get_by_role("group", name="2 dipilih")).to_have_count(0)
    await page.get_by_label("Loket").select_option(index=1)
    await expect(page).to_have_url(re.compile("loket=cou_"))
    await page.get_by_label("Pilih semua di halaman ini").check()
    await page.get_by_role("button", name="Buka isolir").click()
    await dialog.get_by_label("Alasan").fill("Pemeliharaan selesai")
    await expect(dialog).to_contain_text("tidak dapat diubah")
    await picture(page, "pelanggan-13-buka-isolir")
