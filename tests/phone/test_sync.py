"""syncCustomers: a phone that follows it has what there is, whoever writes meanwhile and whenever they commit."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from sebilling.actor import EVERYWHERE, Actor, Role, Scope
from sebilling.billing import corrections, customers, plans, sync
from sebilling.clock import Month
from sebilling.db.engine import Database
from sebilling.errors import InvalidCursor, InvalidPageSize, NotFound, SebillingError
from sebilling.jobs.relay import Relay
from tests.harness import NOW, Api, Isp, make_user
from tests.money.clients import BEGIN, DEEDS, Client
from tests.phone.mirror import Mirror

SYNC = """query($since: String, $first: Int, $counter: ID) { syncCustomers(since: $since, first: $first, counterId: $counter) {
  reset more cursor removed { customerId reason }
  customers { customerId code name phone address counterId planName price outstanding credit
              openInvoices { invoiceId number coversFrom coversUntil dueOn total outstanding } } } }"""


async def numbered(database: Database) -> None:
    """The relay has numbered all that is committed."""
    relay = Relay(database, lambda: NOW)
    while await relay.turn():
        pass


async def synced(mirror: Mirror) -> list[sync.Changes]:
    """The phone syncs after the relay had its turn, and then has what there is."""
    await numbered(mirror.database)
    pages = await mirror.sync()
    assert await mirror.differences() == []
    return pages


def told(pages: list[sync.Changes]) -> tuple[list[str], list[tuple[str, str]]]:
    """Codes of customers given, ids and reasons of those taken away."""
    return (
        [one["code"] for page in pages for one in page.customers],
        [(one["customer_id"], one["reason"]) for page in pages for one in page.removed],
    )


async def test_all_at_first_and_then_only_what_has_changed(database: Database) -> None:
    isp = await Isp.make(database, "LKT01", "LKT02")
    ids = {code: await isp.customer(code, counter="LKT01") for code in "ABCDEFGHIJ"}
    foreign = await isp.customer("Z", counter="LKT02")
    await isp.open()
    await isp.generate()
    mirror = Mirror(database, isp.counters["LKT01"], first=4)
    pages = await synced(mirror)
    assert [(page.reset, page.more, len(page.customers)) for page in pages] == [(True, True, 4), (False, True, 4), (False, False, 2)]
    assert told(await synced(mirror)) == ([], [])

    await isp.pay(ids["C"], 150_000)  # its invoice is settled
    await isp.pay(ids["D"], 50_000)
    await isp.pay(foreign, 50_000)
    async with isp.write() as session:
        await customers.update(session, ids["E"], counter_id=isp.counters["LKT02"])
        await customers.update(session, ids["F"], active=False)
        await customers.update(session, ids["G"], address="Jl. Baru 1")
        await customers.update(session, foreign, counter_id=isp.counters["LKT01"])
    invoice = await isp.value("SELECT id FROM invoice WHERE customer_id = :c", c=ids["H"])
    async with isp.write() as session:
        await corrections.void_invoice(session, invoice, reason="salah paket", key="void-the-invoice")
    pages = await synced(mirror)
    assert told(pages) == (["C", "D", "G", "H", "Z"], [(f"cus_{ids['E']}", "MOVED"), (f"cus_{ids['F']}", "INACTIVE")])
    assert mirror.customers[f"cus_{ids['C']}"]["open_invoices"] == mirror.customers[f"cus_{ids['H']}"]["open_invoices"] == []
    assert mirror.customers[f"cus_{ids['D']}"]["outstanding"] == 100_000
    assert mirror.resets == 1

    async with isp.write() as session:  # away and back again
        await customers.update(session, ids["A"], counter_id=isp.counters["LKT02"])
        await customers.update(session, ids["A"], counter_id=isp.counters["LKT01"])
        await customers.update(session, ids["F"], active=True)
    assert told(await synced(mirror)) == (["A", "F"], [])
    async with isp.write() as session:
        await plans.update(session, isp.plan_id, price=175_000)
    assert len(told(await synced(mirror))[0]) == 10
    await isp.open(Month(2026, 3))
    await isp.generate(Month(2026, 3))
    assert len(told(await synced(mirror))[0]) == 10
    reverse = await isp.value("SELECT id FROM payment WHERE customer_id = :c", c=ids["C"])
    async with isp.write() as session:
        await corrections.reverse_payment(session, reverse, reason="salah orang", key="reverse-the-payment")
    assert told(await synced(mirror)) == (["C"], [])


@asynccontextmanager
async def open_change(isp: Isp, customer_id: int) -> AsyncIterator[None]:
    """A change that has its id in the event log and commits when the block ends. (A payment would hold up the others' receipts.)"""
    async with isp.write() as session:
        await customers.update(session, customer_id, address="Jl. Baru 2")
        yield


async def test_what_commits_late_is_not_missed(committed: Database) -> None:
    isp = await Isp.make(committed)
    late, later, quick = [await isp.customer(code) for code in ("LATE", "LATER", "QUICK")]
    mirror = Mirror(committed)
    await synced(mirror)
    async with open_change(isp, later):
        async with open_change(isp, late):
            async with open_change(isp, quick):  # its event has the highest id, and it commits first
                pass
            assert told(await synced(mirror)) == (["QUICK"], [])
        assert told(await synced(mirror)) == (["LATE"], [])
        assert told(await synced(mirror)) == ([], [])
    assert told(await synced(mirror)) == (["LATER"], [])
    numbers = await isp.rows("SELECT event_id FROM feed JOIN event ON id = event_id WHERE kind = 'customer.changed' ORDER BY number")
    assert numbers == sorted(numbers, reverse=True), "commits came in the opposite order of ids"


async def test_what_changes_between_pages_is_not_missed(committed: Database) -> None:
    isp = await Isp.make(committed)
    ids = [await isp.customer() for _ in range(9)]
    mirror = Mirror(committed, first=3)
    await numbered(committed)
    for customer_id in (ids[0], ids[8], ids[1]):  # behind the cursor and before it, in the first pages and in those of changes
        await mirror.page()
        await isp.pay(customer_id, 1_000)
    await synced(mirror)
    for customer_id in ids:
        await isp.pay(customer_id, 1_000)
    await numbered(committed)
    await mirror.page()
    await isp.pay(ids[0], 7)
    await numbered(committed)
    await synced(mirror)
    assert mirror.resets == 1


@pytest.mark.parametrize("seed", range(2))
async def test_phones_are_right_after_whatever_was_done_by_many_at_once(committed: Database, seed: int) -> None:
    """Every deed of the money, by eight clients at once whose commits are slow at random, while two phones sync and the relay works."""
    isp = await Isp.make(committed, "LKT01", "LKT02")
    async with isp.write() as session:
        for name in ("ani", "beni"):
            await make_user(session, name, Role.FINANCE)
    for number in range(40):
        await isp.customer(counter=("LKT01", "LKT02")[number % 2])
    chance, working = random.Random(seed), True
    mirrors = [Mirror(committed), Mirror(committed, isp.counters["LKT01"]), Mirror(committed, isp.counters["LKT02"], first=100)]
    done = 0

    async def client(name: str) -> None:
        nonlocal done
        one = Client(committed, name, f"{seed}/{name}")
        one.users, names = [1, 2, 3], list(DEEDS)
        weights = [weight for weight, _ in DEEDS.values()]
        for number in range(60):
            one.months = 1 + number // 12
            actor = Actor(one.chance.choice(one.users), name, Role.FINANCE, EVERYWHERE)
            deed = DEEDS[one.chance.choices(names, weights)[0]][1]
            with suppress(SebillingError):
                async with committed.transaction(actor=actor, at=BEGIN) as session:
                    await deed(one, session)
                    await asyncio.sleep(one.chance.random() * 0.02)
                done += 1

    async def follow(work: Any) -> None:
        while working:
            await work()
            await asyncio.sleep(chance.random() * 0.02)

    relay = Relay(committed, lambda: NOW)
    followers = [asyncio.create_task(follow(relay.turn)), *(asyncio.create_task(follow(mirror.page)) for mirror in mirrors)]
    await asyncio.gather(*(client(f"client{number}") for number in range(8)))
    working = False
    await asyncio.gather(*followers)
    for mirror in mirrors:
        await synced(mirror)
        assert mirror.resets == 1
        assert mirror.pages > 20
    assert done > 200


async def test_only_of_the_counters_that_the_caller_has(database: Database) -> None:
    isp = await Isp.make(database, "LKT01", "LKT02", "LKT03")
    ids = {code: await isp.customer(code, counter=counter) for code, counter in (("A", "LKT01"), ("B", "LKT02"), ("C", "LKT03"))}
    async with isp.write() as session:
        collector = await make_user(session, "kolektor", Role.COLLECTOR, "LKT01", "LKT02")
    await numbered(database)
    api = Api(database)
    await api.sign_in("kolektor")
    counters = {code: f"cou_{number}" for code, number in isp.counters.items()}
    everywhere = await api.ask(SYNC)
    assert [one["code"] for one in everywhere["customers"]] == ["A", "B"]
    one = await api.ask(SYNC, counter=counters["LKT02"])
    assert [(one["code"], one["counterId"]) for one in one["customers"]] == [("B", counters["LKT02"])]
    assert await api.top_error(SYNC, counter=counters["LKT03"]) == "NOT_FOUND"
    assert await api.top_error(SYNC, counter="cou_999999") == "NOT_FOUND"
    for customer_id in ids.values():
        await isp.pay(customer_id, 1)
    async with isp.write() as session:  # of no counter of theirs, before or after: they hear nothing of it
        await customers.update(session, ids["C"], active=False)
    await numbered(database)
    assert (await api.ask(SYNC, since=everywhere["cursor"]))["removed"] == []
    assert [one["code"] for one in (await api.ask(SYNC, since=everywhere["cursor"]))["customers"]] == ["A", "B"]
    assert [one["code"] for one in (await api.ask(SYNC, since=one["cursor"], counter=counters["LKT02"]))["customers"]] == ["B"]
    # a cursor of other counters begins anew: someone was given another route
    again = await api.ask(SYNC, since=one["cursor"])
    assert (again["reset"], [one["code"] for one in again["customers"]]) == (True, ["A", "B"])
    await isp.rows("DELETE FROM user_counter WHERE user_id = :u AND counter_id = :c RETURNING 1", u=collector, c=isp.counters["LKT01"])
    again = await api.ask(SYNC, since=again["cursor"])
    assert (again["reset"], [one["code"] for one in again["customers"]]) == (True, ["B"])


async def test_cursors_that_are_none_and_cursors_of_another_database(database: Database) -> None:
    isp = await Isp.make(database)
    await isp.customer("A")
    await numbered(database)
    mirror = Mirror(database)
    await mirror.sync()
    async with database.reading() as session:
        for since in ("", "x", "bm9uZQ", "W10", "WzEsMiwzLDQsNV0", "é", "[null,1,null,0,0]"):
            with pytest.raises(InvalidCursor):
                await sync.changes(session, scope=EVERYWHERE, counter_id=None, since=since, first=1)
        for first in (0, -1, sync.MAX_CUSTOMERS + 1):
            with pytest.raises(InvalidPageSize):
                await sync.changes(session, scope=EVERYWHERE, counter_id=None, since=None, first=first)
        with pytest.raises(NotFound):
            await sync.changes(session, scope=Scope(frozenset()), counter_id=1, since=None, first=1)
        assert not (await sync.changes(session, scope=Scope(frozenset()), counter_id=None, since=None, first=1)).customers
        ahead = sync._Place(None, low=10**6).written()  # a backup was restored: numbers begin lower again
        found = await sync.changes(session, scope=EVERYWHERE, counter_id=None, since=ahead, first=10)
    assert (found.reset, len(found.customers)) == (True, 1)


async def test_who_is_far_behind_begins_anew(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    isp = await Isp.make(database)
    customer_id = await isp.customer("A")
    mirror = Mirror(database)
    await synced(mirror)
    monkeypatch.setattr(sync, "MAX_EVENTS", 3)
    for amount in range(1, 4):
        await isp.pay(customer_id, amount)
    await synced(mirror)
    assert mirror.resets == 1
    for amount in range(4, 8):
        await isp.pay(customer_id, amount)
    await synced(mirror)
    assert mirror.resets == 2
