"""The collector's app at /kolektor/: money taken at the door, with and without a line."""

import re
from collections.abc import AsyncIterator

import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, expect

from sebilling.actor import Role
from tests.web.conftest import PHONE, Complaints, Shop
from tests.web.test_month import picture, sign_in


@pytest_asyncio.fixture
async def phone(browser: Browser, shop: Shop) -> AsyncIterator[BrowserContext]:
    """A phone's browser, with its own storage."""
    context = await browser.new_context(base_url=shop.address, locale="id-ID", viewport=PHONE, timezone_id="Asia/Jakarta")
    context.set_default_timeout(20_000)
    yield context
    await context.close()


async def collects(context: BrowserContext, shop: Shop, complaints: Complaints | None = None) -> Page:
    """The app, signed in as the demo's collector, with the customers on the phone."""
    collector = next(sign_in for sign_in in shop.sign_ins if sign_in.role is Role.COLLECTOR)
    page = await context.new_page()
    if complaints is not None:
        complaints.listen(page)
    await page.goto("/kolektor/")
    await page.get_by_label("Nama pengguna").fill(collector.username)
    await page.get_by_label("Kata sandi").fill(collector.password)
    await page.get_by_role("button", name="Masuk").click()
    await expect(page.get_by_role("status")).to_contain_text("Tersinkron")
    return page


async def pay_someone(page: Page, amount: str) -> str:
    """Take part of what the first customer of the list owes; gives the customer's name."""
    link = page.get_by_role("main").get_by_role("listitem").first.get_by_role("link")
    name = await link.locator(".name").inner_text()
    await link.click()
    await page.get_by_role("button", name="Bayar", exact=True).click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Nominal", exact=True).fill(amount)
    await dialog.get_by_role("button", name="Terima").click()
    return name


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
    await picture(app, "kolektor-5-uang")
