"""A collector's app without a line: 20 payments taken, two tabs, lost answers, and an app that is killed; each is recorded once.

The answers are lost by the same bad line as that of tests/phone: the server has done what it was asked for, and nobody hears of it. While
the phone is offline, the counter takes money for some of the same invoices; two payments are spoilt in the phone's store, and stop nobody.
`make campaign ARGS=web/test_collector_offline.py` does it for 30 seeds.
"""

import asyncio
import json
import os
import random
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Final

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Error, Page, expect

from sebilling.actor import Role
from sebilling.app import create_app
from sebilling.clock import Month, system_clock
from sebilling.db.engine import Database
from sebilling.server import listening_socket, serving
from tests.harness import PASSWORD, Isp, make_user, quiet_settings
from tests.phone.line import bad_line
from tests.web.conftest import PHONE

SEEDS: Final = int(os.environ.get("SEBILLING_TEST_COLLECTOR_SEEDS", "1"))
PAYMENTS: Final = 20
CUSTOMERS: Final = 12
PRICE: Final = 150_000
AMOUNTS: Final = (PRICE, PRICE, 50_000, 2 * PRICE, 475_000, 1)
KILLED_WHILE_TAKING: Final = 0.15
LOST: Final = 0.35
STORED: Final = """() => new Promise((done, failed) => {
  const opening = indexedDB.open('sebilling-kolektor');
  opening.onerror = () => failed(opening.error);
  opening.onsuccess = () => {
    const all = opening.result.transaction('outbox').objectStore('outbox').getAll();
    all.onsuccess = () => { opening.result.close(); done(all.result); };
  };
})"""
"""The outbox, as it is on the phone."""
SPOIL: Final = """(spoilt) => new Promise((done) => {
  const opening = indexedDB.open('sebilling-kolektor');
  opening.onsuccess = () => {
    const change = opening.result.transaction('outbox', 'readwrite');
    const outbox = change.objectStore('outbox');
    outbox.getAll().onsuccess = (event) => {
      const { number, ...other } = event.target.result[0];
      for (const [key, body] of Object.entries(spoilt)) {
        outbox.add({ ...other, key, body: { ...other.body, idempotencyKey: key, ...body } });
      }
    };
    change.oncomplete = () => { opening.result.close(); done(); };
  };
})"""
"""Put payments into the outbox that the server can't record."""
SPOILT: Final = {"unknown-customer": {"customerId": "cus_999999"}, "unreadable-amount": {"amount": "banyak"}}


@pytest_asyncio.fixture
async def isp(committed: Database) -> Isp:
    """Customers with two open invoices each, and two collectors."""
    isp = await Isp.make(committed)
    async with isp.write() as session:
        await make_user(session, "kolektor", Role.COLLECTOR, "LKT01")
        await make_user(session, "kolektor2", Role.COLLECTOR, "LKT01")
    await isp.many_customers(CUSTOMERS)
    for month in (Month(2026, 1), Month(2026, 2)):
        await isp.open(month)
        await isp.generate(month)
    return isp


@pytest_asyncio.fixture
async def address(committed: Database, isp: Isp) -> AsyncIterator[str]:
    app = create_app(quiet_settings(allowed_hosts="127.0.0.1", inline_worker=True), Database(committed.url), clock=system_clock)
    server = serving(app, listening_socket("127.0.0.1", 0))
    yield await asyncio.to_thread(server.__enter__)
    await asyncio.to_thread(server.__exit__, None, None, None)


async def opened(context: BrowserContext) -> Page:
    """A tab with the app, as far as the phone's own files and store bring it."""
    page = await context.new_page()
    await page.goto("/kolektor/")
    await expect(page.get_by_role("navigation", name="Menu")).to_be_visible()
    return page


async def signed_in(context: BrowserContext, username: str = "kolektor") -> Page:
    page = await context.new_page()
    await page.goto("/kolektor/")
    await fill_sign_in(page, username)
    await expect(page.get_by_role("status")).to_contain_text("Tersinkron")
    await asyncio.wait_for(page.evaluate("navigator.serviceWorker.ready.then(() => undefined)"), 20)
    return page


async def fill_sign_in(page: Page, username: str) -> None:
    await page.get_by_label("Nama pengguna").fill(username)
    await page.get_by_label("Kata sandi").fill(PASSWORD)
    await page.get_by_role("main").get_by_role("button", name="Masuk").click()


async def kill(page: Page) -> None:
    """End the app as a phone does: nothing of it runs any more, not even an `unload`."""
    session = await page.context.new_cdp_session(page)
    with suppress(Error, TimeoutError):
        await asyncio.wait_for(session.send("Page.crash"), 0.3)
    await page.close()


async def take(page: Page, customer: int, amount: int, *, killed: bool = False) -> str | None:
    """Take a payment; its key once the app says that it has it. `killed`: the app ends right after the click."""
    await page.evaluate(f"location.hash = '/pelanggan/cus_{customer}'")
    await page.get_by_role("button", name="Bayar", exact=True).click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Nominal").fill(str(amount))
    await dialog.get_by_role("button", name="Terima").click()
    if killed:
        await kill(page)
        return None
    await expect(page.get_by_role("heading", name="DITERIMA – menunggu sinkron")).to_be_visible()
    return page.url.rpartition("/")[2]


async def take_offline(context: BrowserContext, customers: list[int], chance: random.Random) -> list[str]:
    """Take 20 payments; gives the keys of which the app said that it has them."""
    page, keys = context.pages[0], []
    for number in range(PAYMENTS):
        if number == PAYMENTS // 2:
            await page.evaluate(SPOIL, SPOILT)
            await page.reload()
        killed = chance.random() < KILLED_WHILE_TAKING
        key = await take(page, chance.choice(customers), chance.choice(AMOUNTS), killed=killed)
        if key is None:
            page = await opened(context)
        else:
            keys.append(key)
    return keys


async def send_all(context: BrowserContext, chance: random.Random) -> int:
    """Let two tabs send while they are killed now and then; how often they were."""
    kills = 0
    while True:
        page = chance.choice(context.pages)
        await asyncio.sleep(chance.uniform(0, 0.5))
        if all(payment["state"] != "queued" for payment in await page.evaluate(STORED)):
            return kills
        if chance.random() < 0.3:
            await kill(page)
            await opened(context)
            kills += 1
        else:
            with suppress(Error):  # it may be at it already
                await page.get_by_role("button", name="Sinkron").click(timeout=200)


RECORDED: Final = (
    "SELECT key, amount, surplus_because FROM payment JOIN receipt ON payment_id = payment.id"
    " JOIN idempotency_key ON result_id = payment.id AND operation = 'recordPayment'"
    " JOIN app_user ON app_user.id = received_by WHERE username = 'kolektor' ORDER BY month, sequence"
)


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_every_payment_is_recorded_once(browser: Browser, isp: Isp, address: str, seed: int) -> None:
    chance = random.Random(seed)
    customers = [row[0] for row in await isp.rows("SELECT id FROM customer ORDER BY id")]
    with bad_line(address, lost=0, seed=seed) as line:
        context = await browser.new_context(base_url=line.address, locale="id-ID", viewport=PHONE, timezone_id="Asia/Jakarta")
        context.set_default_timeout(60_000)
        await signed_in(context)
        await context.set_offline(True)
        keys = await take_offline(context, customers, chance)
        await opened(context)
        for customer in customers:
            if chance.random() < 0.3:
                await isp.pay(customer, PRICE)
        line.lost = LOST
        await context.set_offline(False)
        kills = await send_all(context, chance)

        page = context.pages[0]
        stored = {payment["key"]: payment for payment in await page.evaluate(STORED)}
        recorded = await isp.rows(RECORDED)
        taken = [key for key in stored if key not in SPOILT]
        assert [row[0] for row in recorded] == taken, "each once, and in order"
        assert [row[1] for row in recorded] == [stored[key]["body"]["amount"] for key in taken]
        assert set(keys) <= set(taken), "what the app said it has"
        assert {key for key in stored if stored[key]["state"] == "refused"} == set(SPOILT)
        conflicts = {key for key in stored if stored[key]["state"] == "conflict"}
        assert {row[0] for row in recorded if row[2] == "ALREADY_PAID"} <= conflicts
        await isp.check()
        await seen(page, conflicts=len(conflicts))
        await context.close()
    told = {"seed": seed, "answers": line.answers, "dropped": line.dropped, "killed": kills, "conflicts": len(conflicts)}
    sys.stdout.write(json.dumps(told) + "\n")
    assert line.dropped > 0, told


async def seen(page: Page, *, conflicts: int) -> None:
    """What the screen of the outbox says in the end."""
    await page.reload()
    await page.evaluate("location.hash = '/antrean'")
    await expect(page.get_by_role("region", name="Menunggu dikirim")).to_contain_text("Semua sudah terkirim.")
    needy = page.get_by_role("region", name="Perlu tindakan Anda")
    await expect(needy.get_by_role("listitem")).to_have_count(conflicts + len(SPOILT))
    await needy.get_by_role("listitem").filter(has_text="Ditolak").first.get_by_role("link").click()
    await expect(page.get_by_text("Jawaban server:")).to_be_visible()
