"""The collector's app at /kolektor/: money taken at the door, with and without a line."""

import gzip
import io
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest_asyncio
from PIL import Image
from playwright.async_api import Browser, BrowserContext, Page, expect

from sebilling import web
from sebilling.actor import Role
from sebilling.clock import system_clock
from tests.web.conftest import PHONE, Complaints, Shop
from tests.web.test_month import picture, sign_in

MAX_FIRST_LOAD_BYTES: Final = 60 * 1024
MAX_PHOTO_BYTES: Final = 300 * 1024


@pytest_asyncio.fixture
async def phone(browser: Browser, shop: Shop) -> AsyncIterator[BrowserContext]:
    """A phone's browser, with its own storage."""
    context = await browser.new_context(base_url=shop.address, locale="id-ID", viewport=PHONE, timezone_id="Asia/Jakarta")
    context.set_default_timeout(60_000)
    yield context
    await context.close()


async def collects(context: BrowserContext, shop: Shop, complaints: Complaints, role: Role = Role.COLLECTOR) -> Page:
    """The app, signed in as a user of the demo, with the customers on the phone."""
    collector = next(sign_in for sign_in in shop.sign_ins if sign_in.role is role)
    page = await context.new_page()
    complaints.listen(page)
    await page.goto("/kolektor/")
    await page.get_by_label("Nama pengguna").fill(collector.username)
    await page.get_by_label("Kata sandi").fill(collector.password)
    await page.get_by_role("button", name="Masuk").click()
    await expect(page.get_by_role("status")).to_contain_text("Tersinkron")
    return page


async def test_the_dashboard_shows_at_once_what_the_collector_takes(
    page: Page, phone: BrowserContext, shop: Shop, complaints: Complaints
) -> None:
    await sign_in(page, shop.admin.username, shop.admin.password)
    today = page.locator("dl", has_text="Masuk hari ini").locator("dd")
    await expect(today).to_have_text("Rp0")
    app = await collects(phone, shop, complaints)
    await picture(app, "kolektor-1-pelanggan")
    await app.get_by_role("main").get_by_role("listitem").first.get_by_role("link").click()
    await picture(app, "kolektor-2-pelanggan")
    await app.get_by_role("button", name="Bayar", exact=True).click()
    dialog = app.get_by_role("dialog")
    await dialog.get_by_label("Nominal", exact=True).fill("25.000")
    await expect(dialog.get_by_role("list", name="Melunasi")).to_contain_text("Rp25.000 untuk INV/")
    await picture(app, "kolektor-3-bayar")
    await dialog.get_by_role("button", name="Terima Rp25.000").click()
    await expect(app.get_by_role("heading", name="TERCATAT")).to_be_visible()
    await expect(today).to_have_text("Rp25.000", timeout=1_000)
    await expect(app.locator("pre")).to_contain_text(re.compile("KW/"))
    await picture(app, "kolektor-4-kuitansi")
    await app.get_by_role("link", name="Uang").click()
    await expect(app.locator("dl", has_text="Belum disetor").locator("dd")).to_have_text("Rp25.000")
    await hand_over(app)
    await picture(app, "kolektor-5-uang")


async def hand_over(app: Page) -> None:
    """Hand the cash over, with a photo as large as a phone makes them."""
    await app.get_by_role("button", name="Tambah Setoran").click()
    dialog = app.get_by_role("dialog")
    await expect(dialog.get_by_label("Nominal")).to_have_value("25000")
    photo = large_photo()
    assert len(photo) > 2 * MAX_PHOTO_BYTES
    await dialog.get_by_label("Foto bukti").set_input_files({"name": "bukti.jpg", "mimeType": "image/jpeg", "buffer": photo})
    size = re.search(r"(\d+) KB", await dialog.get_by_text("KB akan dikirim").inner_text())
    assert size is not None
    assert int(size[1]) * 1024 <= MAX_PHOTO_BYTES
    await dialog.get_by_role("button", name="Tambah Setoran").click()
    await expect(app.get_by_role("region", name="Setoran").get_by_role("listitem")).to_contain_text("Menunggu verifikasi")


def large_photo() -> bytes:
    """A picture of much detail, which doesn't compress well."""
    file = io.BytesIO()
    Image.effect_noise((2400, 1600), 90).convert("RGB").save(file, "JPEG", quality=90)
    return file.getvalue()


async def test_at_the_door_of_who_doesnt_pay(phone: BrowserContext, shop: Shop, complaints: Complaints) -> None:
    """Found by a phone number as people write it, and reminded by WhatsApp."""
    app = await collects(phone, shop, complaints)
    await app.get_by_role("main").get_by_role("listitem").first.get_by_role("link").click()
    number = (await app.get_by_role("link", name="Telepon").get_attribute("href") or "").removeprefix("tel:+62")
    await app.get_by_role("link", name="← Pelanggan").click()
    await app.get_by_label("Cari").fill(f"0{number[:3]}-{number[3:]}")
    await expect(app.get_by_role("main").get_by_role("listitem")).to_have_count(1)
    await app.get_by_label("Cari").fill("tidak ada yang bernama begini")
    await expect(app.get_by_text("Tidak ada pelanggan yang cocok.")).to_be_visible()
    await app.get_by_label("Cari").fill(number)
    await app.get_by_role("main").get_by_role("listitem").get_by_role("link").click()
    reminder = await app.get_by_role("link", name="Ingatkan").get_attribute("href") or ""
    assert reminder.startswith(f"https://wa.me/62{number}?text=Yth.%20")
    assert "INV%2F" in reminder
    await expect(app.get_by_role("button", name="Janji bayar")).to_have_count(0)


async def test_a_clerk_may_agree_to_a_promise(phone: BrowserContext, shop: Shop, complaints: Complaints) -> None:
    """Collectors may not, and aren't offered it; what the role may do decides."""
    app = await collects(phone, shop, complaints, Role.CLERK)
    await app.get_by_role("main").get_by_role("listitem").first.get_by_role("link").click()
    await app.get_by_role("button", name="Janji bayar").click()
    dialog = app.get_by_role("dialog")
    await dialog.get_by_label("Sampai").fill((system_clock() + timedelta(days=3)).date().isoformat())
    await dialog.get_by_label("Alasan").fill("Gajian tanggal lima")
    await dialog.get_by_role("button", name="Janji bayar").click()
    await expect(dialog.get_by_role("status")).to_contain_text("tercatat")


async def test_a_new_phone_asks_for_everything_at_once(phone: BrowserContext, shop: Shop) -> None:
    collector = next(sign_in for sign_in in shop.sign_ins if sign_in.role is Role.COLLECTOR)
    values = {"input": {"username": collector.username, "password": collector.password, "cookie": True}}
    data = {"query": "mutation($input: SignInInput!) { signIn(input: $input) { errors { message } } }", "variables": values}
    answer = await phone.request.post("/graphql", data=data, headers={"GraphQL-Require-Preflight": "1"})
    assert (await answer.json())["data"]["signIn"]["errors"] == []
    asked: list[str] = []
    phone.on("request", lambda request: asked.append(str(request.post_data)) if request.url.endswith("/graphql") else None)
    app = await phone.new_page()
    for questions in (["CollectorStart", "CollectorCash"], ["CollectorMe", "Sync", "CollectorCash"]):
        async with app.expect_request(lambda request: "query CollectorCash" in str(request.post_data)):
            await app.goto("/kolektor/")
        await expect(app.get_by_role("main").get_by_role("listitem").first).to_be_visible()
        assert [re.findall(r"query (\w+)", body) for body in asked] == [[name] for name in questions]
        asked.clear()
        await app.goto("about:blank")


def test_the_first_load_is_small() -> None:
    """The page with the scripts and styles that it names, compressed as the server does."""
    folder = Path(web.__file__).parent / "web_files"
    page = (folder / "kolektor" / "index.html").read_text()
    named = set(re.findall(r'"/(kolektor/assets/[^"]+\.(?:js|css))"', page))
    assert len(named) >= 3, "two scripts and styles"
    size = len(gzip.compress(page.encode(), 5)) + sum(len(gzip.compress((folder / name).read_bytes(), 5)) for name in named)
    assert size <= MAX_FIRST_LOAD_BYTES, f"{size / 1024:.1f} KiB"


async def test_it_can_be_installed(phone: BrowserContext, shop: Shop) -> None:
    """What a browser wants of an app for the home screen."""
    page = await phone.new_page()
    await page.goto("/kolektor/")
    session = await phone.new_cdp_session(page)
    assert (await session.send("Page.getAppManifest"))["errors"] == []
    found = (await session.send("Page.getInstallabilityErrors"))["installabilityErrors"]
    assert [error["errorId"] for error in found] in ([], ["in-incognito"]), "the test's own window is one"
