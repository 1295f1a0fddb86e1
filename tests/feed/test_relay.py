"""Committed events get gapless numbers: none is lost however late it commits, none waits for another's transaction."""

import asyncio
import itertools
import random
import time
import uuid

import asyncpg
import pytest

from sebilling import feed
from sebilling.db.engine import Database
from sebilling.jobs import relay as loop
from tests.feed.relaying import FEED, all_turns, bare, relay, tell
from tests.harness import NOW, Isp


async def numbers(database: Database) -> list[tuple[int, int]]:
    async with bare(database) as connection:
        return [(row["number"], row["event_id"]) for row in await connection.fetch(FEED)]


async def ids_in_feed(database: Database) -> list[int]:
    """In the feed's order, whose numbers have no gap."""
    found = await numbers(database)
    assert [number for number, _ in found] == list(range(1, len(found) + 1))
    return [event_id for _, event_id in found]


async def low(database: Database) -> int:
    async with bare(database) as connection:
        return int(await connection.fetchval("SELECT low FROM feed_mark"))


async def check(database: Database) -> None:
    await Isp(database, None, 0).check()  # type: ignore[arg-type]  # it looks at the tables only


async def test_who_commits_late_is_numbered_late_and_holds_up_nobody(committed: Database) -> None:
    one = relay(committed)
    async with bare(committed) as slow, bare(committed) as quick:
        open_one = slow.transaction()
        await open_one.start()
        late = await tell(slow, 1)
        early = [await tell(quick, number) for number in range(5)]
        assert late < min(early)
        assert await one.turn() == 5, "newer ones are shown while the older transaction runs"
        for _ in range(5):
            assert await one.turn() == 0
        assert await low(committed) < late, "the mark waits"
        await open_one.commit()
        assert await one.turn() == 1
    assert await ids_in_feed(committed) == [*early, late]
    for _ in range(3):
        await one.turn()
    assert await low(committed) == max(early)
    await check(committed)


async def test_who_has_an_id_but_no_transaction_number_yet_is_not_lost(committed: Database) -> None:
    """The hole in the usual way, which waits for the oldest running xid: an INSERT takes its id first and its xid when it writes."""
    one = relay(committed)
    async with bare(committed) as slow, bare(committed) as quick:
        # Each 32nd id takes a number too, as it is logged: not the one that matters.
        await tell(quick)
        await quick.execute("SELECT nextval('event_id_seq')")
        began = asyncio.create_task(
            slow.fetchval(
                "INSERT INTO event (at, actor_name, kind, subject, subject_id, data)"
                " VALUES (now(), 'x', CASE WHEN pg_sleep(1.5) IS NULL THEN '' ELSE 'late' END, 'payment', 1, '{}') RETURNING id"
            )
        )
        await asyncio.sleep(0.3)
        assert (
            await quick.fetchval("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'INSERT%pg_sleep%' AND backend_xid IS NULL") == 1
        )
        newer = await tell(quick)
        for _ in range(8):
            await one.turn()
        late = await began
        assert late < newer
        await all_turns(one)
    assert (await ids_in_feed(committed))[-1] == late
    await check(committed)


async def test_what_is_rolled_back_gets_no_number_and_leaves_no_gap(committed: Database) -> None:
    one = relay(committed)
    async with bare(committed) as connection:
        first = await tell(connection)
        undone = connection.transaction()
        await undone.start()
        await tell(connection)
        await undone.rollback()
        last = await tell(connection)
    assert await all_turns(one) == 2
    assert await ids_in_feed(committed) == [first, last]
    for _ in range(3):
        await one.turn()
    assert await low(committed) == last


@pytest.mark.parametrize("seed", range(12))
async def test_any_order_of_commits(committed: Database, seed: int) -> None:
    """Transactions of several events each, begun, told, committed and rolled back at random between turns of two relays."""
    chance = random.Random(seed)
    relays = [relay(committed, most=chance.choice([1, 3, 1000])) for _ in range(2)]
    connections = [await asyncpg.connect(committed.url.replace("postgresql+asyncpg", "postgresql")) for _ in range(5)]
    running: dict[int, tuple[asyncpg.transaction.Transaction, list[int]]] = {}
    expected: set[int] = set()
    try:
        for _ in range(150):
            which = chance.randrange(len(connections))
            connection, deed = connections[which], chance.random()
            if deed < 0.3:
                await chance.choice(relays).turn()
            elif which not in running and deed < 0.55:
                running[which] = (connection.transaction(), [])
                await running[which][0].start()
            elif which not in running:
                expected.add(await tell(connection))
            elif deed < 0.8:
                running[which][1].append(await tell(connection))
            elif deed < 0.95:
                await running[which][0].commit()
                expected.update(running.pop(which)[1])
            else:
                await running.pop(which)[0].rollback()
            assert set(await ids_in_feed(committed)) <= expected
        for transaction, told in running.values():
            await transaction.commit()
            expected.update(told)
        for one in relays:
            await all_turns(one)
        assert sorted(await ids_in_feed(committed)) == sorted(expected)
        await check(committed)
    finally:
        for connection in connections:
            await connection.close()


async def test_many_writers_and_two_relays_that_both_think_they_are_alone(committed: Database) -> None:
    """Without a lease: the row lock alone keeps numbers unique, and each event has one."""
    expected: list[int] = []
    stop = asyncio.Event()

    async def writes(seed: int) -> None:
        chance = random.Random(seed)
        async with bare(committed) as connection:
            for _ in range(40):
                async with connection.transaction():
                    for _ in range(chance.randrange(1, 4)):
                        expected.append(await tell(connection))
                        await asyncio.sleep(chance.random() * 0.004)

    async def relays() -> None:
        one = relay(committed)
        while not stop.is_set():
            await one.turn()

    numbering = [asyncio.create_task(relays()) for _ in range(2)]
    await asyncio.gather(*(writes(seed) for seed in range(12)))
    stop.set()
    await asyncio.gather(*numbering)
    await all_turns(relay(committed))
    assert sorted(await ids_in_feed(committed)) == sorted(expected)
    await check(committed)


async def test_one_relay_at_a_time_and_the_next_takes_over(committed: Database) -> None:
    numbered = committed, Database(committed.url, connections=5)
    running = [asyncio.create_task(loop.run(one, clock=lambda: NOW)) for one in numbered]
    try:
        async with bare(committed) as connection:
            await _numbered(connection, await tell(connection))
            holders = await connection.fetch(
                "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND classid = 5 AND objid = 1 AND granted"
                " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            )
            assert len(holders) == 1
            await connection.execute("SELECT pg_terminate_backend($1)", holders[0]["pid"])
            await _numbered(connection, await tell(connection))
            running[0].cancel()
            await asyncio.wait(running[:1])
            await _numbered(connection, await tell(connection))
        await check(committed)
    finally:
        for task in running:
            task.cancel()
        await asyncio.wait(running)
        await numbered[1].close()


async def _numbered(connection: asyncpg.Connection, event_id: int) -> None:
    until = time.monotonic() + 10
    while not await connection.fetchval("SELECT EXISTS (SELECT FROM feed WHERE event_id = $1)", event_id):
        assert time.monotonic() < until, "no relay numbers it"
        await asyncio.sleep(0.02)


async def test_it_tells_the_last_number_and_not_too_often(committed: Database) -> None:
    heard: list[tuple[float, str]] = []
    async with bare(committed) as listener, bare(committed) as connection:
        await listener.add_listener(feed.CHANNEL, lambda *given: heard.append((time.monotonic(), str(given[3]))))
        running = asyncio.create_task(loop.run(committed, clock=lambda: NOW))
        try:
            until = time.monotonic() + 1.5
            while time.monotonic() < until:
                await tell(connection)
                await asyncio.sleep(0.002)
            await _numbered(connection, await tell(connection))
            await asyncio.sleep(0.2)
        finally:
            running.cancel()
            await asyncio.wait([running])
        last = await connection.fetchval("SELECT max(number) FROM feed")
    assert heard[-1][1] == str(last)
    assert [int(number) for _, number in heard] == sorted({int(number) for _, number in heard})
    gaps = [after[0] - before[0] for before, after in itertools.pairwise(heard)]
    assert len(heard) > 10
    assert sum(gaps) / len(gaps) >= 0.02, "more than one in 20 ms"
    assert last > 3 * len(heard), "each event was told by itself"


async def test_events_from_before_the_feed_are_numbered_in_chunks(committed: Database) -> None:
    async with bare(committed) as connection:
        old = [await tell(connection) for _ in range(25)]
    one = relay(committed, most=10)
    assert [await one.turn() for _ in range(4)] == [10, 10, 5, 0]
    assert await ids_in_feed(committed) == old
    await check(committed)


async def test_a_reader_goes_on_from_a_number_and_skips_what_it_doesnt_want(committed: Database) -> None:
    async with bare(committed) as connection:
        for number in range(10):
            await tell(connection, number, "payment.recorded" if number % 3 == 0 else "user.signed_in")
    await all_turns(relay(committed))
    async with committed.reading() as session:
        everything = await feed.after(session, 0)
        assert [one.number for one in everything.events] == list(range(1, 11))
        assert everything.events[0].data == {"b": 1.5, "aa": "Dé wi 🌴"}
        first = await feed.after(session, 0, 4, kinds=["payment.recorded"])
        assert ([one.number for one in first.events], first.upto, first.looked_at) == ([1, 4], 4, 4)
        rest = await feed.after(session, first.upto, kinds=["payment.recorded"])
        assert ([one.subject_id for one in rest.events], rest.upto) == ([6, 9], 10)
        none = await feed.after(session, rest.upto, kinds=["payment.recorded"])
        assert (none.events, none.upto, none.looked_at) == ([], 10, 0)
        head = await feed.head(session)
        assert head.number == 10


async def test_payments_know_nothing_of_it(committed: Database) -> None:
    """No trigger and no further row on the way of a payment: what record_payment touches is what it touched before."""
    isp = await Isp.make(committed)
    customer = await isp.customer()
    await isp.pay(customer, 50_000, key=str(uuid.uuid4()))
    triggers = await isp.value("SELECT count(*) FROM pg_trigger WHERE tgrelid = 'event'::regclass")
    assert triggers == 1, "the one that keeps it append-only"
    assert await isp.value("SELECT count(*) FROM feed") == 0


async def test_a_hundred_thousand_that_wait_are_numbered(committed: Database) -> None:
    """By a relay that has seen the feed empty. How long it takes is measured by `make bench ARGS=relay`; a hang is noticed here."""
    one = relay(committed, mark_seconds=loop.MARK_SECONDS)
    async with bare(committed) as connection:
        for number in range(5):
            await tell(connection, number)
        await connection.execute("VACUUM ANALYZE event, feed")
        for _ in range(2):
            await one.turn()
        await connection.execute(
            "INSERT INTO event (at, actor_id, actor_name, kind, subject, subject_id, counter_id, data) SELECT now(), 1, 'Kasir',"
            " 'payment.recorded', 'payment', n, 1, jsonb_build_object('customer', n, 'amount', 150000, 'method', 'CASH')"
            " FROM generate_series(1, 100000) n"
        )
        async with asyncio.timeout(45):
            assert await all_turns(one) == 100_000
    await check(committed)
