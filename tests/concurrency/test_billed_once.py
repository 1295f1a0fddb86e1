"""Two writers of the same days, with real commits and plain SQL: whatever the order, one of them wins and the other is refused."""

import asyncio
import itertools
import random
import uuid
from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import asyncpg
import pytest

from sebilling.billing import customers, generation
from sebilling.clock import Month
from sebilling.db.engine import Database
from tests.concurrency.test_locks import waits
from tests.harness import FEBRUARY, Isp

ROUNDS = 25
WRITERS = 6
MARCH = FEBRUARY.plus(1)
SEQUENCES = itertools.count(1)


@asynccontextmanager
async def connections(database: Database, count: int) -> AsyncIterator["list[asyncpg.Connection[asyncpg.Record]]"]:
    """Connections without anything of ours around them."""
    url = database.url.replace("postgresql+asyncpg", "postgresql")
    made = [await asyncpg.connect(url) for _ in range(count)]
    yield made
    for connection in made:
        await connection.close()


async def period(isp: Isp, month: Month, *codes: str) -> int:
    """An open period whose series have begun."""
    made = await isp.open(month)
    async with connections(isp.database, 1) as (driver,):
        for code in codes or ("LKT01",):
            await driver.execute(f"INSERT INTO invoice_series VALUES ({made}, {isp.counters[code]}, 1)")
    return made


def invoice(period_id: int, counter_id: int, customer_id: int, first: str, until: str) -> str:
    """Plain SQL; the sequence is free."""
    return (
        "INSERT INTO invoice (period_id, counter_id, sequence, number, customer_id, plan_name, covers_from, covers_until, issued_at,"
        f" due_on, total, allocated, written_off) VALUES ({period_id}, {counter_id}, {next(SEQUENCES)}, 'x', {customer_id}, 'x',"
        f" '{first}', '{until}', now(), '2026-02-20', 1, 0, 0)"
    )


async def outcome(work: Awaitable[Any]) -> str | None:
    """SQLSTATE of the refusal, or None if it was done."""
    try:
        await work
    except asyncpg.PostgresError as error:
        return str(error.sqlstate)
    return None


async def overlapping(isp: Isp) -> int:
    """Pairs of live invoices of a customer that cover a common day, by a query that has nothing in common with the check."""
    return int(
        await isp.value(
            "SELECT count(*) FROM invoice a JOIN invoice b ON a.customer_id = b.customer_id AND a.id < b.id AND a.voided_at IS NULL"
            " AND b.voided_at IS NULL AND daterange(a.covers_from, a.covers_until) && daterange(b.covers_from, b.covers_until)"
        )
    )


@pytest.mark.parametrize("first_commits", [True, False])
async def test_the_second_waits_and_sees_what_the_first_has_done(committed: Database, *, first_commits: bool) -> None:
    isp = await Isp.make(committed)
    customer_id, counter_id = await isp.customer(), isp.counters["LKT01"]
    february, march = await period(isp, FEBRUARY), await period(isp, MARCH)
    async with connections(committed, 2) as (one, other):
        begun = one.transaction()
        await begun.start()
        await one.execute(invoice(february, counter_id, customer_id, "2026-02-01", "2026-03-15"))
        second = await waits(outcome(other.execute(invoice(march, counter_id, customer_id, "2026-03-14", "2026-04-01"))))
        await (begun.commit() if first_commits else begun.rollback())
        assert await second == ("23P01" if first_commits else None)
    assert await isp.rows("SELECT period_id FROM invoice") == [(february if first_commits else march,)]


async def test_of_two_at_once_exactly_one_wins(committed: Database) -> None:
    isp = await Isp.make(committed)
    counter_id = isp.counters["LKT01"]
    february, march = await period(isp, FEBRUARY), await period(isp, MARCH)
    async with connections(committed, 2) as (one, other):
        for _ in range(ROUNDS):
            customer_id = await isp.customer()
            outcomes = await asyncio.gather(
                outcome(one.execute(invoice(february, counter_id, customer_id, "2026-02-01", "2026-05-01"))),
                outcome(other.execute(invoice(march, counter_id, customer_id, "2026-03-01", "2026-04-01"))),
            )
            assert sorted(outcomes, key=str) == ["23P01", None]
    assert await isp.value("SELECT count(*) FROM invoice") == ROUNDS


async def test_many_writers_of_random_days_with_moves_between_counters(committed: Database) -> None:
    """Inserted, rolled back, voided and inserted again, by writers who know nothing of locks, while the customers move about."""
    isp = await Isp.make(committed, "LKT01", "LKT02")
    people = [await isp.customer() for _ in range(3)]
    months = [await period(isp, Month(2026, 1).plus(number), "LKT01", "LKT02") for number in range(12)]
    refused: list[str | None] = []

    async def write(driver: "asyncpg.Connection[asyncpg.Record]", seed: int) -> None:
        chance = random.Random(seed)
        for _ in range(40):
            person, first = chance.choice(people), chance.randrange(300)
            home = await driver.fetchval("SELECT counter_id FROM customer WHERE id = $1", person)
            day = "DATE '2026-01-01' + {}"
            statement = invoice(chance.choice(months), home, person, "@", "#")
            statement = statement.replace("'@'", day.format(first)).replace("'#'", day.format(first + chance.randrange(1, 60)))
            begun = driver.transaction()
            await begun.start()
            refused.append(await outcome(driver.execute(statement)))
            await asyncio.sleep(chance.random() / 500)
            await (begun.commit() if refused[-1] is None and chance.random() < 0.8 else begun.rollback())
            if chance.random() < 0.5:
                await outcome(driver.execute(
                    f"INSERT INTO invoice_void SELECT id, {months[11]}, 'x', now() FROM invoice"
                    f" WHERE customer_id = {person} AND voided_at IS NULL ORDER BY id LIMIT 1"
                ))  # fmt: skip
            if chance.random() < 0.3:
                counter_id = chance.choice([*isp.counters.values()])
                refused.append(await outcome(driver.execute(f"UPDATE customer SET counter_id = {counter_id} WHERE id = {person}")))

    async with connections(committed, WRITERS) as drivers:
        await asyncio.gather(*(write(driver, seed) for seed, driver in enumerate(drivers)))
    assert set(refused) <= {None, "23P01", "23505", "23001", "40P01"}, "overlaps, same periods, moved meanwhile, deadlocks: all refusals"
    assert refused.count(None) > 30, "it is no test if nothing is written"
    assert refused.count("23P01") > 30
    assert await overlapping(isp) == 0


async def test_a_move_waits_for_whoever_issues_an_invoice_at_the_old_counter(committed: Database) -> None:
    """Else an invoice issued at the new counter would not wait for the one at the old one."""
    isp = await Isp.make(committed, "LKT01", "LKT02")
    customer_id, (old, new) = await isp.customer(), isp.counters.values()
    february, march = await period(isp, FEBRUARY), await period(isp, MARCH, "LKT01", "LKT02")
    async with connections(committed, 2) as (one, other):
        begun = one.transaction()
        await begun.start()
        await one.execute(invoice(february, old, customer_id, "2026-02-01", "2026-03-15"))
        moving = await waits(other.execute(f"UPDATE customer SET counter_id = {new} WHERE id = {customer_id}"))
        await begun.commit()
        await moving
        assert await outcome(other.execute(invoice(march, new, customer_id, "2026-03-14", "2026-04-01"))) == "23P01"


async def test_an_invoice_at_the_old_counter_waits_for_the_move_and_is_refused(committed: Database) -> None:
    isp = await Isp.make(committed, "LKT01", "LKT02")
    customer_id, (old, new) = await isp.customer(), isp.counters.values()
    february = await period(isp, FEBRUARY, "LKT01", "LKT02")
    async with connections(committed, 1) as (other,):
        async with isp.write() as session:
            await customers.update(session, customer_id, counter_id=new)
            late = await waits(outcome(other.execute(invoice(february, old, customer_id, "2026-02-01", "2026-03-01"))))
        assert await late == "23001"
        assert await outcome(other.execute(invoice(february, new, customer_id, "2026-02-01", "2026-03-01"))) is None


@pytest.mark.parametrize("lives", [True, False])
async def test_an_invoice_issued_while_another_is_being_voided_is_refused(committed: Database, *, lives: bool) -> None:
    """The void isn't committed, so its days are still covered; afterwards they are free."""
    isp = await Isp.make(committed)
    customer_id, counter_id = await isp.customer(), isp.counters["LKT01"]
    february, march = await period(isp, FEBRUARY), await period(isp, MARCH)
    again = invoice(march, counter_id, customer_id, "2026-02-10", "2026-04-01")
    async with connections(committed, 2) as (one, other):
        await one.execute(invoice(february, counter_id, customer_id, "2026-02-01", "2026-03-01"))
        begun = one.transaction()
        await begun.start()
        await one.execute(f"INSERT INTO invoice_void SELECT id, {march}, 'x', now() FROM invoice")
        assert await outcome(other.execute(again)) == "23P01"
        await (begun.rollback() if lives else begun.commit())
        assert await outcome(other.execute(again)) == ("23P01" if lives else None)


async def test_plain_sql_waits_for_a_chunk_of_generation(committed: Database) -> None:
    isp = await Isp.make(committed)
    customer_id, counter_id = await isp.customer(), isp.counters["LKT01"]
    await isp.open()
    march = await period(isp, MARCH)
    async with connections(committed, 1) as (other,):
        async with isp.write() as session:
            started = await generation.start(session, FEBRUARY, key=str(uuid.uuid4()))
            await generation.advance(session, chunk=10, run_id=started.run_id)
            second = await waits(outcome(other.execute(invoice(march, counter_id, customer_id, "2026-02-27", "2026-04-01"))))
        assert await second == "23P01"
    assert await isp.rows("SELECT covers_from, covers_until FROM invoice") == [(FEBRUARY.first, FEBRUARY.after)]


async def test_writers_at_different_counters_wait_for_nobody(committed: Database) -> None:
    codes = [f"LKT{number:02}" for number in range(1, WRITERS + 1)]
    isp = await Isp.make(committed, *codes)
    people = [await isp.customer(counter=code) for code in codes]
    february = await period(isp, FEBRUARY, *codes)
    async with connections(committed, WRITERS) as drivers, AsyncExitStack() as stack:
        for driver, person, code in zip(drivers, people, codes, strict=True):
            await stack.enter_async_context(driver.transaction())
            statement = invoice(february, isp.counters[code], person, "2026-02-01", "2026-03-01")
            await asyncio.wait_for(driver.execute(statement), timeout=10)
    assert await isp.value("SELECT count(*) FROM invoice") == WRITERS
