"""A phone with 300 offline payments on a line that loses three answers of ten: each is recorded once, in order, whatever happens.

The phone is examples/collector.py, the server a real one at a socket, the line a proxy that hangs up after the server has answered.
While the phone is offline the counter takes money for some of the same invoices; while it sends, its app is killed now and then.
`make campaign ARGS=phone` does it for 50 seeds.
"""

import asyncio
import contextlib
import json
import os
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sebilling.actor import Role
from sebilling.app import create_app
from sebilling.clock import Month, system_clock
from sebilling.db.engine import Database
from sebilling.server import listening_socket, serving
from tests.harness import PASSWORD, Isp, make_user, quiet_settings
from tests.isolation import gear
from tests.phone.collector import example
from tests.phone.line import BadLine, bad_line

SEEDS = int(os.environ.get("SEBILLING_TEST_PHONE_SEEDS", "2"))
PAYMENTS = 300
CUSTOMERS = 80
PRICE = 150_000
MONTHS = (Month(2026, 1), Month(2026, 2))
AMOUNTS = (PRICE, PRICE, PRICE, 50_000, 2 * PRICE, 475_000, 1)


async def billed(database: Database) -> Isp:
    """Customers with two open invoices each, and a collector."""
    isp = await Isp.make(database)
    async with isp.write() as session:
        await make_user(session, "kolektor", Role.COLLECTOR, "LKT01")
    await isp.many_customers(CUSTOMERS)
    for month in MONTHS:
        await isp.open(month)
        await isp.generate(month)
    return isp


@contextlib.contextmanager
def served(url: str) -> Iterator[str]:
    """The application with its worker and relay, at a real socket in a thread of this process."""
    settings = quiet_settings(inline_worker=True)
    with (
        contextlib.closing(listening_socket("127.0.0.1", 0)) as listener,
        serving(create_app(settings, Database(url), clock=system_clock, plugins=gear.plugins()), listener) as address,
    ):
        yield address


def opened(line: BadLine, store: Path) -> Any:
    """The app, just started; its pauses are short, as the line is only bad, not slow."""
    return example().Collector(line.address, store, pause_seconds=0.001)


class Killed(BaseException):
    """The phone's battery."""


def send_all(line: BadLine, store: Path, chance: random.Random, batch: int) -> tuple[int, int]:
    """Send until nothing waits, in batches of so many. Two starts of the app in three end by a kill before it has kept all of an answer.

    Gives how often it was killed, and how many payments the server had recorded before.
    """
    kills = replayed = 0
    example().BATCH = batch
    while True:
        app = opened(line, store)
        deadline = chance.choice((0, 1 + chance.randrange(60), 1 + chance.randrange(60)))
        settle, count = app._settle, 0

        def dying(*given: Any, deadline: int = deadline, settle: Any = settle) -> Any:
            nonlocal count
            count += 1
            if count == deadline:
                raise Killed
            return settle(*given)

        app._settle = dying
        try:
            app.send()
        except Killed:
            kills += 1
        replayed, is_done = replayed + app.replayed, not app.payments("WAITING")
        app.close()
        if is_done:
            return kills, replayed


def take_offline(app: Any, chance: random.Random) -> list[str]:
    """Money from whoever comes, for a named invoice or for the oldest; gives the keys in order."""
    people = app.customers()
    assert len(people) == CUSTOMERS
    keys = []
    for _ in range(PAYMENTS):
        one = chance.choice(people)
        invoice = chance.choice(one["openInvoices"])["number"] if chance.random() < 0.6 else None
        keys.append(app.pay(one["code"], chance.choice(AMOUNTS), invoice=invoice))
    return keys


RECEIPTS = "payment JOIN receipt ON payment_id = payment.id JOIN idempotency_key ON result_id = payment.id AND operation = 'recordPayment'"
IN_ORDER = "ORDER BY month, sequence"
"""Of receipts: the counter's payments are dated months ago."""


async def expected(isp: Isp, named: dict[str, list[int]]) -> list[tuple[int, int]]:
    """What of each payment settles invoices and what is credit: by hand, in the order of receipts. `named`: key → its invoices."""
    owed: dict[int, dict[int, int]] = {}
    for customer, invoice, total in await isp.rows("SELECT customer_id, id, total FROM invoice ORDER BY due_on, id"):
        owed.setdefault(customer, {})[invoice] = total
    found = []
    for key, customer, amount in await isp.rows(f"SELECT key, customer_id, amount FROM {RECEIPTS} {IN_ORDER}"):
        debts, rest = owed[customer], amount
        first = named.get(key, [])
        for invoice in (*first, *(one for one in debts if one not in first)):
            part = min(debts[invoice], rest)
            debts[invoice], rest = debts[invoice] - part, rest - part
        found.append((amount - rest, rest))
    return found


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_every_payment_is_recorded_once_and_in_order(committed: Database, tmp_path: Path, seed: int) -> None:
    chance, isp, store = random.Random(seed), await billed(committed), tmp_path / "phone.db"
    with served(committed.url) as address, bad_line(address, lost=0.3, seed=seed) as line:

        def before() -> list[str]:
            app = opened(line, store)
            with contextlib.closing(app):
                app.sign_in("kolektor", PASSWORD)
                app.sync()
                return take_offline(app, chance)

        keys = await asyncio.to_thread(before)
        with contextlib.closing(opened(line, store)) as app:
            waiting = app.payments("WAITING")
        assert [key for key, _, _ in waiting] == keys
        named = {key: [int(one[4:]) for one in body["invoiceIds"]] for key, body, _ in waiting if body["invoiceIds"]}
        for (customer_id,) in await isp.rows("SELECT id FROM customer ORDER BY id"):
            if chance.random() < 0.3:
                await isp.pay(customer_id, PRICE * chance.choice((1, 2)))
        kills, replayed = await asyncio.to_thread(send_all, line, store, chance, chance.choice((2, 5, 15)))

        # once, and in order
        mine = await isp.rows(
            f"SELECT key, amount, collected_at FROM {RECEIPTS} JOIN app_user ON app_user.id = received_by"
            f" WHERE username = 'kolektor' {IN_ORDER}"
        )
        bodies = [body for _, body, _ in waiting]
        assert [row[0] for row in mine] == keys
        assert [row[1] for row in mine] == [body["amount"] for body in bodies]
        assert [row[2].isoformat() for row in mine] == [body["collectedAt"] for body in bodies]

        # conflicts are credit
        assert await isp.rows(f"SELECT allocated, credit FROM {RECEIPTS} {IN_ORDER}") == await expected(isp, named)
        conflicts = await isp.value("SELECT count(*) FROM payment WHERE surplus_because = 'ALREADY_PAID'")
        await isp.check()

        # and the phone knows it all
        def after() -> Any:
            with contextlib.closing(opened(line, store)) as app:
                app.sync()
                return app.payments("SENT"), app.payments("REFUSED"), app.customers(), app.receipt(keys[0])

        await feed_caught_up(isp)
        sent, refused, people, receipt = await asyncio.to_thread(after)
    assert ([key for key, _, _ in sent], refused) == (keys, [])
    assert "KW/" in receipt
    assert {one["customerId"]: one["outstanding"] for one in people} == {
        f"cus_{row[0]}": row[1]
        for row in await isp.rows("SELECT customer_id, sum(outstanding)::bigint FROM invoice GROUP BY customer_id ORDER BY 1")
    }
    told = {
        "seed": seed,
        "answers": line.answers,
        "dropped": line.dropped,
        "cut": line.cut,
        "killed": kills,
        "replayed": replayed,
        "conflicts": conflicts,
    }
    sys.stdout.write(json.dumps(told) + "\n")
    assert min(line.dropped, replayed, conflicts) > 0, told


async def feed_caught_up(isp: Isp) -> None:
    """The relay has numbered everything."""
    for _ in range(400):
        if await isp.value("SELECT count(*) FROM event") == await isp.value("SELECT count(*) FROM feed"):
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the relay doesn't work")
