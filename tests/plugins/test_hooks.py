"""Hooks are delivered from the feed, at least once and in order; a plugin that raises, hangs or blocks holds up no other."""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from sebilling.config import PLUGIN_GROUP
from sebilling.db.engine import Database
from sebilling.jobs import hooks, relay
from sebilling.plugins import executor, loading
from sebilling.plugins.loading import Plugins, raised
from tests.feed.relaying import all_turns, bare, tell
from tests.feed.relaying import relay as relay_of
from tests.harness import Api, Isp
from tests.plugins.installing import put
from tests.processes import WorkerProcess

BEGIN = """
import asyncio, json, os, time
from sebilling.plugins.hookspecs import hookimpl
SEBILLING_PLUGIN_API = (2, 0)
HEARD, LIFE = [], []

@hookimpl
def sebilling_startup(context):
    LIFE.append(context)

@hookimpl
def sebilling_shutdown():
    LIFE.append("shutdown")

"""
HEARS = "@hookimpl\nasync def sebilling_payment_recorded(event):\n    HEARD.append(event)\n"
BAD = {
    "raises": "@hookimpl\ndef sebilling_payment_recorded(event):\n    raise ValueError('no ' + event.kind)\n",
    "exits": "@hookimpl\nasync def sebilling_payment_recorded(event):\n    raise SystemExit(3)\n",
    "hangs": "@hookimpl\nasync def sebilling_payment_recorded(event):\n    await asyncio.sleep(3600)\n",
    "blocks a thread": "@hookimpl\ndef sebilling_payment_recorded(event):\n    time.sleep(20)\n",
    "blocks a loop": "@hookimpl\nasync def sebilling_payment_recorded(event):\n    time.sleep(20)\n",
}
TOLD = {
    "raises": "no payment.recorded", "exits": "SystemExit", "hangs": "TimeoutError", "blocks a thread": "TimeoutError",
    "blocks a loop": "TimeoutError",
}  # fmt: skip
SHAKY = """
TRIED = []

@hookimpl
def sebilling_payment_recorded(event):
    TRIED.append(event.id)
    if TRIED.count(event.id) < 3 and event.subject_id == 2:
        raise ValueError("not yet")
    HEARD.append(event)
"""
LATE = """
READY = []

@hookimpl
def sebilling_payment_recorded(event):
    assert READY
    HEARD.append(event)

@hookimpl
def sebilling_startup(context):
    if not LIFE:
        LIFE.append(context)
        raise ValueError("no settings")
    READY.append(1)
"""
Write = Callable[[str, str], EntryPoint]
CURSORS = "SELECT plugin, number, attempts, error FROM plugin_cursor"


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write a module, give an entry point to it."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def written(name: str, source: str) -> EntryPoint:
        module = f"plugin_{uuid.uuid4().hex}"
        (tmp_path / f"{module}.py").write_text(BEGIN + source, encoding="utf-8")
        return EntryPoint(name, module, PLUGIN_GROUP)

    return written


def heard(point: EntryPoint) -> list[Any]:
    found: list[Any] = point.load().HEARD
    return found


class Ticking:
    """A clock that can be put forward."""

    def __init__(self) -> None:
        self.now = datetime(2026, 2, 3, 2, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@asynccontextmanager
async def delivering(database: Database, *points: EntryPoint, clock: Ticking | None = None) -> AsyncIterator[Plugins]:
    """A relay and the delivery of hooks to these plugins, in this process."""
    plugins, clock = Plugins.load(points=points), clock or Ticking()
    running = [
        asyncio.create_task(relay.run(database, clock=clock)),
        asyncio.create_task(hooks.run(database, plugins, clock=clock, page=lambda _: "")),
    ]
    try:
        async with bare(database) as connection:
            while await connection.fetchval("SELECT count(*) FROM plugin_cursor") < len(points):  # noqa: ASYNC110 - rows are waited for
                await asyncio.sleep(0.02)
        yield plugins
    finally:
        for task in running:
            task.cancel()
        await asyncio.wait(running)


async def until(condition: Callable[[], Any], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it doesn't come"
        await asyncio.sleep(0.02)


async def rows(database: Database, sql: str) -> list[dict[str, Any]]:
    async with bare(database) as connection:
        return [dict(row) for row in await connection.fetch(sql)]


async def test_events_come_in_order_as_frozen_values_and_others_dont(committed: Database, write: Write) -> None:
    good = write("good", HEARS + "@hookimpl\ndef sebilling_customer_blocked(event):\n    HEARD.append(event)\n")
    async with bare(committed) as connection:
        await tell(connection, 1)  # before the plugin was there
        async with delivering(committed, good):
            expected = []
            for number in range(30):
                kind = ("payment.recorded", "user.signed_in", "customer.blocked")[number % 3]
                event_id = await tell(connection, number, kind)
                expected += [(event_id, kind)] if kind != "user.signed_in" else []
            await until(lambda: len(heard(good)) >= len(expected))
            await asyncio.sleep(0.4)
            (cursor,) = await rows(committed, CURSORS)
            assert cursor == {"plugin": "good", "number": 31, "attempts": 0, "error": ""}
    assert [(event.id, event.kind) for event in heard(good)] == expected
    event = heard(good)[0]
    assert (event.actor, event.subject, event.subject_id, event.counter_id) == ("Kasir", "payment", 0, None)
    assert event.data == {"b": 1.5, "aa": "Dé wi 🌴"}
    with pytest.raises(AttributeError):
        event.kind = "other"
    life = good.load().LIFE
    assert [type(one).__name__ for one in life] == ["PluginContext", "str"], "started and shut down, once each"


@pytest.mark.parametrize("case", BAD)
async def test_a_bad_plugin_holds_up_no_other(committed: Database, write: Write, monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    monkeypatch.setattr(loading, "HOOK_SECONDS", 0.3)
    good, bad = write("good", HEARS), write("bad", BAD[case])
    async with bare(committed) as connection, delivering(committed, good, bad):
        began, gaps = time.monotonic(), []
        for number in range(20):
            await tell(connection, number)
        sleeping = time.monotonic()
        while len(heard(good)) < 20:
            await asyncio.sleep(0.01)
            gaps.append(time.monotonic() - sleeping)
            sleeping = time.monotonic()
            assert time.monotonic() < began + 30
        assert max(gaps) < 5, "our own loop was blocked, as for 20 seconds"
        while not (cursors := {row["plugin"]: row for row in await rows(committed, CURSORS)})["bad"]["attempts"]:
            await asyncio.sleep(0.02)
            assert time.monotonic() < began + 30
    assert (cursors["good"]["number"], cursors["good"]["error"]) == (20, "")
    assert (cursors["bad"]["number"], cursors["bad"]["attempts"]) == (0, 1)
    assert TOLD[case] in cursors["bad"]["error"]


async def test_what_failed_comes_again_and_nothing_overtakes_it(committed: Database, write: Write) -> None:
    shaky = write("shaky", SHAKY)
    clock = Ticking()
    async with bare(committed) as connection, delivering(committed, shaky, clock=clock):
        ids = [await tell(connection, number) for number in range(5)]
        for attempts in (1, 2):
            while (row := (await rows(committed, CURSORS))[0])["attempts"] < attempts:  # noqa: ASYNC110 - a row is waited for
                await asyncio.sleep(0.02)
            assert (row["number"], row["error"]) == (2, "ValueError: not yet")
            await asyncio.sleep(0.4)
            assert shaky.load().TRIED.count(ids[2]) == attempts, "before its time"
            clock.now += timedelta(seconds=hooks.backoff_seconds(attempts))
        await until(lambda: len(heard(shaky)) == 5)
    assert [event.id for event in heard(shaky)] == ids
    assert [ids[0], ids[1], ids[2], ids[2], ids[2], ids[3], ids[4]] == shaky.load().TRIED


async def test_what_fails_again_and_again_is_told_and_passed_over(committed: Database, write: Write) -> None:
    poisoned = write("poisoned", "@hookimpl\ndef sebilling_payment_recorded(event):\n"
                     "    if event.subject_id == 1: raise ValueError('poison')\n    HEARD.append(event)\n")  # fmt: skip
    clock = Ticking()
    async with bare(committed) as connection, delivering(committed, poisoned, clock=clock):
        ids = [await tell(connection, number) for number in range(3)]
        seen = 0
        end = time.monotonic() + 30
        while len(heard(poisoned)) < 2:
            (row,) = await rows(committed, CURSORS)
            if row["attempts"] > seen:
                seen = row["attempts"]
                clock.now += timedelta(seconds=hooks.MAX_WAIT_SECONDS)
            assert time.monotonic() < end
            await asyncio.sleep(0.02)
    assert seen == hooks.MAX_ATTEMPTS - 1
    assert [event.id for event in heard(poisoned)] == [ids[0], ids[2]]
    (told,) = await rows(committed, "SELECT subject, subject_id, data FROM event WHERE kind = 'plugin.delivery_failed'")
    assert (told["subject"], told["subject_id"]) == ("event", ids[1])
    data = json.loads(told["data"])
    assert data["number"] == 2
    assert (data["plugin"], data["hook"], data["attempts"]) == ("poisoned", "sebilling_payment_recorded", hooks.MAX_ATTEMPTS)
    assert "poison" in data["error"]


async def test_a_plugin_whose_calls_never_end_isnt_called_for_ever(
    committed: Database, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its threads are bounded, and its event waits for the next start instead of being passed over."""
    monkeypatch.setattr(loading, "HOOK_SECONDS", 0.05)
    monkeypatch.setattr(executor, "MAX_UNENDED", 3)
    stuck, clock = write("stuck", BAD["blocks a thread"].replace("event):\n", "event):\n    HEARD.append(event)\n")), Ticking()
    async with bare(committed) as connection, delivering(committed, stuck, clock=clock):
        await tell(connection)
        for _ in range(60):
            await asyncio.sleep(0.05)
            clock.now += timedelta(seconds=hooks.MAX_WAIT_SECONDS)
        (row,) = await rows(committed, CURSORS)
    assert len(heard(stuck)) == 3
    assert (row["number"], row["attempts"]) == (0, 3)
    assert "never ended" in row["error"]


async def test_old_events_are_none_of_a_new_plugins_even_if_they_get_their_numbers_later(committed: Database, write: Write) -> None:
    good = write("good", HEARS)
    async with bare(committed) as connection:
        for number in range(2_500):
            await tell(connection, number)
        async with delivering(committed, good):
            new = await tell(connection, 7)
            await until(lambda: heard(good))
    assert [event.id for event in heard(good)] == [new]


async def test_a_start_that_fails_is_tried_again_and_shown(committed: Database, write: Write) -> None:
    late = write("late", LATE)
    async with bare(committed) as connection, delivering(committed, late):
        await tell(connection)
        await asyncio.sleep(0.3)
        (row,) = await rows(committed, CURSORS)
        assert row["error"] == "sebilling_startup: ValueError: no settings"
        await until(lambda: heard(late))
        await asyncio.sleep(0.3)
        (row,) = await rows(committed, CURSORS)
        assert (row["error"], row["number"]) == ("", 1)


async def test_what_a_plugin_may_read(committed: Database, write: Write) -> None:
    reader = write("reader", "@hookimpl\ndef sebilling_invoices_issued(event):\n    HEARD.extend(LIFE[0].invoices(event))\n"
                   "@hookimpl\nasync def sebilling_payment_recorded(event):\n"
                   "    HEARD.append(await asyncio.to_thread(LIFE[0].customer, event.data['customer_id']))\n"
                   "    due, nobody = LIFE[0].upcoming_blocks(within_days=3), LIFE[0].customer('cus_1000')\n"
                   "    HEARD.append((LIFE[0].company(), due, nobody))\n")  # fmt: skip
    isp = await Isp.make(committed)
    async with delivering(committed, reader):
        budi = await isp.customer("BUDI", name="Budi", phone="081234567890")
        siti = await isp.customer("SITI", name="Siti")
        await isp.open()
        await isp.generate()
        await isp.pay(budi, 50_000)
        await until(lambda: len(heard(reader)) == 4)
    first, second, customer, (company, due, nobody) = heard(reader)
    assert (first.number, first.total, first.customer.name) == ("INV/2026-02/LKT01/000001", 150_000, "Budi")
    assert second.customer.id == f"cus_{siti}"
    assert (customer.id, customer.phone, customer.owes, customer.counter) == (f"cus_{budi}", "+6281234567890", 100_000, "LKT01")
    assert (company, due, nobody) == ("", [], None)


async def test_graphql_and_the_shell_show_how_far_a_plugin_is(committed: Database, write: Write) -> None:
    async with bare(committed) as connection:
        await connection.execute(
            "INSERT INTO plugin_cursor (plugin, number, since_event_id, attempts, error) VALUES ('gear', 3, 0, 2, 'no')"
        )
        for number in range(5):
            await tell(connection, number)
    await all_turns(relay_of(committed))
    isp = await Isp.make(committed)
    await all_turns(relay_of(committed))
    api = Api(isp.database)
    await api.sign_in()
    (shown,) = [one for one in await api.ask("{ plugins { name events { deliveredUpTo waiting attempts error } } }") if one["events"]] or [
        {}
    ]
    number = await isp.value("SELECT max(number) FROM feed")
    assert shown["events"] == {"deliveredUpTo": "3", "waiting": number - 3, "attempts": 2, "error": raised("no").english}


WRITES = """
import json, os, time
from sebilling.plugins.hookspecs import hookimpl
SEBILLING_PLUGIN_API = (2, 0)

@hookimpl
def sebilling_payment_recorded(event):
    with open(os.environ["HEARD"], "a") as file:
        file.write(json.dumps([event.id, os.getpid()]) + "\\n")
    time.sleep(0.002)

@hookimpl
def sebilling_startup():
    with open(os.environ["HEARD"] + ".life", "a") as file:
        file.write("startup\\n")

@hookimpl
def sebilling_shutdown():
    with open(os.environ["HEARD"] + ".life", "a") as file:
        file.write("shutdown\\n")
"""


@pytest.mark.crash
async def test_workers_that_are_killed_between_deliveries_lose_none_and_keep_the_order(committed: Database, tmp_path: Path) -> None:
    put("writes", WRITES, tmp_path)
    file, life = tmp_path / "heard", tmp_path / "heard.life"
    file.touch()
    environment = {"PYTHONPATH": str(tmp_path), "HEARD": str(file), "SEBILLING_PLUGINS_DISABLED": "mikrotik,nftables,olt,radius,notify"}

    def told() -> list[tuple[int, int]]:
        return [(event_id, pid) for event_id, pid in map(json.loads, file.read_text(encoding="utf-8").splitlines())]

    running = [WorkerProcess(committed.url, **environment) for _ in range(2)]
    try:
        async with bare(committed) as connection:
            async with asyncio.timeout(60):
                while not await connection.fetchval("SELECT EXISTS (SELECT FROM plugin_cursor)"):  # noqa: ASYNC110 - another process
                    await asyncio.sleep(0.05)
            ids = [await tell(connection, number) for number in range(400)]
        for reached in (50, 150, 250):
            await until(lambda reached=reached: len(told()) >= reached, 30)  # type: ignore[misc]  # a lambda's default
            delivering_now = told()[-1][1]
            (victim,) = (one for one in running if one.process.pid == delivering_now)
            victim.kill()
            running.remove(victim)
            running.append(WorkerProcess(committed.url, **environment))
        await until(lambda: told()[-1][0] == ids[-1], 60)
        await until(lambda: life.read_text(encoding="utf-8").count("startup") == 5, 30)
    finally:
        codes = [one.stop() for one in running]
    assert codes == [0, 0]
    seen = [event_id for event_id, _ in told()]
    assert sorted(set(seen)) == ids, "none is lost"
    assert len(seen) <= len(ids) + 3, "at most one twice for each kill"
    assert seen == sorted(seen), "in order, the repeated ones too"
    assert life.read_text(encoding="utf-8").count("shutdown") == 2, "those who end politely are told"
