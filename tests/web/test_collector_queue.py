"""Whose the outbox is, and that neither a new version of the app nor a wrong clock loses anything of it."""

import functools
import re
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest
from playwright.async_api import Browser, Page, expect

from sebilling import web
from sebilling.clock import system_clock
from tests.harness import Isp
from tests.web.conftest import PHONE
from tests.web.test_collector_offline import PRICE, STORED, address, fill_sign_in, isp, signed_in, take

__all__ = ["address", "isp"]
BUILT: Final = Path(web.__file__).parent / "web_files"
RECORDED: Final = "SELECT count(*) FROM payment"


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the web app's files, so that the test can put a newer version there."""
    folder = tmp_path / "web_files"
    shutil.copytree(BUILT, folder)
    monkeypatch.setattr(web, "routes", functools.partial(web.routes, folder))
    return folder


def publish(files: Path) -> None:
    """A new version of the app, as a new build changes the page and its revision in the service worker."""
    page, worker = files / "kolektor" / "index.html", files / "kolektor" / "sw.js"
    page.write_text(page.read_text().replace("<title>", '<meta name="version" content="2" /><title>'))
    text, changed = re.subn(r'(url:"index.html",revision:")[0-9a-f]{32}', r"\g<1>" + "2" * 32, worker.read_text())
    assert changed == 1
    worker.write_text(text)


async def show(page: Page, screen: str) -> None:
    await page.evaluate(f"location.hash = '/{screen}'")


async def test_the_queue_belongs_to_its_user_and_outlives_an_update(browser: Browser, files: Path, isp: Isp, address: str) -> None:
    one, other, *_ = [row[0] for row in await isp.rows("SELECT id FROM customer ORDER BY id")]
    context = await browser.new_context(base_url=address, locale="id-ID", viewport=PHONE)
    page = await signed_in(context)
    await context.set_offline(True)
    keys = [await take(page, one, 2 * PRICE), await take(page, other, 50_000)]

    await show(page, "akun")
    await page.get_by_role("button", name="Keluar").click()
    await expect(page.get_by_role("alert")).to_contain_text("2 pembayaran belum terkirim")

    await context.clear_cookies()
    await context.set_offline(False)
    await expect(page.get_by_text("Masuk lagi agar 2 pembayaran dapat dikirim.")).to_be_visible()

    publish(files)
    await page.evaluate("navigator.serviceWorker.getRegistration().then((one) => one.update()).then(() => undefined)")
    await page.get_by_role("button", name="Perbarui").click()
    await expect(page.locator("meta[name=version]")).to_have_attribute("content", "2")
    assert [payment["key"] for payment in await page.evaluate(STORED)] == keys, "an update loses nothing"

    await page.get_by_role("link", name="Masuk").click()
    await fill_sign_in(page, "kolektor2")
    await expect(page.get_by_role("banner")).to_contain_text("kolektor2")
    await expect(page.get_by_role("banner").get_by_role("status")).to_contain_text("Tersinkron")
    await show(page, "antrean")
    await expect(page.get_by_text("2 pembayaran di ponsel ini milik pengguna lain.")).to_be_visible()
    assert await isp.value(RECORDED) == 0, "nobody sends what another took"

    await show(page, "akun")
    await page.get_by_role("button", name="Keluar").click()
    await fill_sign_in(page, "kolektor")
    await show(page, "antrean")
    await expect(page.get_by_role("region", name="Terkirim").get_by_role("listitem")).to_have_count(2)
    assert await isp.value(RECORDED) == 2
    await show(page, f"kuitansi/{keys[0]}")
    await expect(page.get_by_role("heading", name="LUNAS")).to_be_visible()
    await context.close()


async def test_a_wrong_clock_delays_no_payment(browser: Browser, isp: Isp, address: str) -> None:
    """The phone is two hours ahead: the server refuses the time, and the app sends the server's with the same key."""
    context = await browser.new_context(base_url=address, locale="id-ID", viewport=PHONE)
    page = await signed_in(context)
    await page.clock.set_fixed_time(system_clock() + timedelta(hours=2))
    await context.set_offline(True)
    key = await take(page, await isp.value("SELECT min(id) FROM customer"), PRICE)
    await context.set_offline(False)
    await expect(page.get_by_role("heading", name="TERCATAT – sisa Rp150.000")).to_be_visible()
    sql = "SELECT collected_at FROM payment JOIN idempotency_key ON result_id = payment.id WHERE operation = 'recordPayment' AND key = :key"
    collected = await isp.value(sql, key=key)
    assert abs(collected - system_clock()) < timedelta(minutes=5)
    await context.close()
