"""Reads straight by asyncpg: what a pool promises, with a real server that alters tables, ends connections and takes its time."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio
from sqlalchemy import make_url, text

from sebilling.actor import operator
from sebilling.clock import system_clock
from sebilling.db import direct
from sebilling.db.engine import Database
from sebilling.db.state import DatabaseNotReady, DatabaseState
from sebilling.errors import SumOutOfRange

BACKEND = text("SELECT pg_backend_pid()")
SLEEP = text("SELECT pg_backend_pid(), pg_sleep(:seconds)")


@pytest_asyncio.fixture
async def reads(committed: Database) -> AsyncIterator[direct.DirectConnections]:
    reads = direct.DirectConnections(committed.url, connections=2, server_settings={"application_name": "sebilling-direct"})
    yield reads
    await reads.close()


async def backends(database: Database) -> list[int]:
    async with database.reading() as session:
        sql = "SELECT pid FROM pg_stat_activity WHERE application_name = 'sebilling-direct' ORDER BY pid"
        return list(await session.values(text(sql), kind=int))


async def test_the_connection_used_last_is_used_next(reads: direct.DirectConnections, committed: Database) -> None:
    numbers = {(await reads.fetch(BACKEND, {}))[0][0] for _ in range(5)}
    assert list(numbers) == await backends(committed)


async def test_parameters_are_bound_by_name_and_others_ignored(reads: direct.DirectConnections) -> None:
    statement = text("SELECT CAST(:b AS int) - CAST(:a AS int) AS difference, CAST(:b AS int)")
    ((difference, b),) = await reads.fetch(statement, {"a": 2, "b": 5, "language": "en"})
    assert (difference, b) == (3, 5)


async def test_an_altered_table_is_read_as_it_is_now(reads: direct.DirectConnections, committed: Database) -> None:
    statement = text("SELECT number FROM altered")
    async with committed.write_engine.begin() as connection:
        await connection.execute(text("CREATE TABLE altered AS SELECT 1 AS number"))
    assert [tuple(row) for row in await reads.fetch(statement, {})] == [(1,)]
    async with committed.write_engine.begin() as connection:
        await connection.execute(text("ALTER TABLE altered ADD COLUMN word text, ALTER COLUMN number TYPE text"))
    assert [tuple(row) for row in await reads.fetch(statement, {})] == [("1",)]
    async with committed.write_engine.begin() as connection:
        await connection.execute(text("DROP TABLE altered"))


async def test_an_error_of_the_statement_is_raised_as_it_is_and_the_connection_stays(reads: direct.DirectConnections) -> None:
    ((before,),) = await reads.fetch(BACKEND, {})
    with pytest.raises(asyncpg.DivisionByZeroError):
        await reads.fetch(text("SELECT 1 / 0"), {})
    with pytest.raises(SumOutOfRange):
        await reads.fetch(text("SELECT 9223372036854775807 + 1"), {})
    assert (await reads.fetch(BACKEND, {}))[0][0] == before


async def test_a_server_that_ended_all_connections_costs_one_failure(reads: direct.DirectConnections, committed: Database) -> None:
    await asyncio.gather(*(reads.fetch(SLEEP, {"seconds": 0.2}) for _ in range(2)))
    ended = await backends(committed)
    assert len(ended) == 2
    async with committed.reading() as session:
        await session.rows(text("SELECT pg_terminate_backend(pid) FROM unnest(CAST(:pids AS int[])) pid"), {"pids": ended})
    await asyncio.sleep(0.1)
    answers = [await _answer(reads) for _ in range(4)]
    assert answers[0] is DatabaseState.UNREACHABLE
    assert all(type(answer) is int and answer not in ended for answer in answers[1:])


@asynccontextmanager
async def held_line(database: Database, folder: Path, *, last_word: bytes = b"") -> AsyncIterator[str]:
    """A proxy before the server that stays connected when the server hangs up: its last word is heard alone. Returns the URL.

    `last_word` is said in the server's place as soon as a session is ready.
    """
    url = make_url(database.url)
    socket = f"{url.query['host']}/.s.PGSQL.{url.port or 5432}"
    calls: set[asyncio.Task[None]] = set()
    writers: list[asyncio.StreamWriter] = []

    async def pass_on(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await source.read(65536):
                target.write(data + last_word if data.endswith(READY) else data)

    async def taken(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        server, to_server = await asyncio.open_unix_connection(socket)
        writers.extend((target, to_server))
        calls.update({asyncio.create_task(pass_on(source, to_server)), asyncio.create_task(pass_on(server, target))})

    async with await asyncio.start_unix_server(taken, folder / ".s.PGSQL.5432"):
        try:
            yield url.set(port=5432).update_query_dict({"host": str(folder)}).render_as_string(hide_password=False)
        finally:
            for writer in writers:
                writer.transport.abort()
            await asyncio.gather(*calls)


READY = b"Z\0\0\0\5I"
ENDED = b"SFATAL\0VFATAL\0C57P01\0Mterminating connection due to administrator command\0\0"


async def _read_directly(database: Database) -> int:
    return int((await database.fetch(BACKEND, {}))[0][0])


async def _read(database: Database) -> int:
    async with database.reading() as session:
        return await session.only_value(BACKEND, kind=int)


async def _read_a_snapshot(database: Database) -> int:
    async with database.snapshot() as session:
        return await session.only_value(BACKEND, kind=int)


async def _write(database: Database) -> int:
    async with database.transaction(actor=operator("test"), at=system_clock()) as session:
        return await session.only_value(BACKEND, kind=int)


@pytest.mark.parametrize("way", [_read_directly, _read, _read_a_snapshot, _write])
async def test_a_session_that_ends_before_its_settings_are_made_is_no_connection(
    committed: Database, tmp_path: Path, way: Callable[[Database], Awaitable[int]]
) -> None:
    async with held_line(committed, tmp_path, last_word=b"E" + (len(ENDED) + 4).to_bytes(4, "big") + ENDED) as url:
        database = Database(url)
        with pytest.raises(DatabaseNotReady) as lost:
            await way(database)
        assert lost.value.state is DatabaseState.UNREACHABLE
    await database.close()


@pytest.mark.parametrize("way", [_read_directly, _read, _read_a_snapshot, _write])
async def test_a_connection_that_the_server_ended_and_the_line_did_not_is_lost(
    committed: Database, tmp_path: Path, way: Callable[[Database], Awaitable[int]]
) -> None:
    async with held_line(committed, tmp_path) as url:
        database = Database(url)
        pid = await way(database)
        async with committed.reading() as session:
            await session.rows(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
        await asyncio.sleep(0.1)
        with pytest.raises(DatabaseNotReady) as lost:
            await way(database)
        assert lost.value.state is DatabaseState.UNREACHABLE
        assert await way(database) not in {0, pid}
    await database.close()


async def _answer(reads: direct.DirectConnections) -> int | DatabaseState:
    try:
        ((backend,),) = await reads.fetch(BACKEND, {})
    except DatabaseNotReady as error:
        return error.state
    return int(backend)


async def test_an_interrupted_read_is_nobody_elses_answer(reads: direct.DirectConnections, committed: Database) -> None:
    for _ in range(3):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await reads.fetch(text("SELECT 41, pg_sleep(30)"), {})
        assert (await reads.fetch(text("SELECT 42"), {}))[0][0] == 42
    async with asyncio.timeout(10):
        while len(await backends(committed)) > 1:  # noqa: ASYNC110 - the server tells no other way
            await asyncio.sleep(0.05)


async def test_more_reads_than_connections_wait_and_are_told_when_it_takes_too_long(
    reads: direct.DirectConnections, committed: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = await asyncio.gather(*(reads.fetch(SLEEP, {"seconds": 0.02}) for _ in range(10)))
    assert len({rows[0][0] for rows in numbers}) == 2 == len(await backends(committed))
    monkeypatch.setattr(direct, "_WAIT_SECONDS", 0.1)
    busy = [asyncio.create_task(reads.fetch(SLEEP, {"seconds": 1})) for _ in range(2)]
    await asyncio.sleep(0.05)
    with pytest.raises(DatabaseNotReady) as told:
        await reads.fetch(BACKEND, {})
    assert told.value.state is DatabaseState.BUSY
    await asyncio.gather(*busy)
    assert (await reads.fetch(BACKEND, {}))[0][0]


async def test_a_database_that_is_not_there_is_told_by_its_state(committed: Database) -> None:
    name = committed.url.rpartition("/")[2].partition("?")[0]
    reads = direct.DirectConnections(committed.url.replace(f"/{name}", "/nowhere", 1), connections=1, server_settings={})
    for _ in range(2):  # a failure to connect gives the place back
        with pytest.raises(DatabaseNotReady) as told:
            await reads.fetch(BACKEND, {})
        assert told.value.state is DatabaseState.NO_DATABASE


async def test_the_server_keeps_no_more_statements_than_the_connection(
    reads: direct.DirectConnections, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(direct, "_MAX_STATEMENTS", 5)
    kept = text("SELECT count(*) FROM pg_prepared_statements")
    for number in range(30):
        assert (await reads.fetch(text(f"SELECT {number}"), {}))[0][0] == number
        assert (await reads.fetch(kept, {}))[0][0] <= 6  # the one that is closed goes with the next message


async def test_what_a_pooler_would_refuse_is_set_after_connecting(committed: Database) -> None:
    settings = {"application_name": "sebilling-set", "jit": "off", "plan_cache_mode": "force_generic_plan"}
    reads = direct.DirectConnections(committed.url, connections=1, server_settings=settings)
    asked = text("SELECT current_setting('application_name'), current_setting('jit'), current_setting('plan_cache_mode')")
    assert tuple((await reads.fetch(asked, {}))[0]) == tuple(settings.values())
    await reads.close()
    async with committed.transaction(actor=operator("test"), at=system_clock()) as session:
        assert await session.value(text("SELECT current_setting('idle_in_transaction_session_timeout')")) == "2min"


async def test_a_read_waits_for_a_database_that_is_away_for_so_long(committed: Database) -> None:
    """Here the line to it is cut: its session is ended whenever it is asked."""
    reads = direct.DirectConnections(committed.url, connections=1, server_settings={}, failover_seconds=5)
    mine = (await reads.fetch(BACKEND, {}))[0][0]
    async with committed.reading() as session:
        assert await session.value(text("SELECT pg_terminate_backend(:pid)"), {"pid": mine})
    await asyncio.sleep(0.2)
    assert (await reads.fetch(BACKEND, {}, can_repeat=True))[0][0] != mine
    mine = (await reads.fetch(BACKEND, {}))[0][0]
    async with committed.reading() as session:
        assert await session.value(text("SELECT pg_terminate_backend(:pid)"), {"pid": mine})
    await asyncio.sleep(0.2)
    with pytest.raises(DatabaseNotReady):
        await reads.fetch(BACKEND, {})
    await reads.close()
