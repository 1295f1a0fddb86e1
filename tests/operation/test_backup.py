"""A backup under writes comes back as one moment: every row, every proof, the chain of events, and nothing that breaks an invariant."""

import asyncio
import struct
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from sebilling import feed
from sebilling.actor import EVERYWHERE
from sebilling.billing import counters, sync
from sebilling.billing.isolation import policy
from sebilling.cli import events
from sebilling.clock import system_clock
from sebilling.db.databases import create_database, drop_database
from sebilling.db.engine import Database
from sebilling.device_errors import SecretKeyMissing
from sebilling.jobs.relay import Relay
from sebilling.network import devices, health
from sebilling.network.engine import Engine
from sebilling.operation import archive, missing, restore
from sebilling.operator_errors import UnusableFile
from sebilling.storage import ObjectStore, new_key
from sebilling.vault import Vault
from tests.harness import FEBRUARY, NOW, Isp
from tests.isolation.gear import Gear, plugins
from tests.isolation.routers import console

_SCHEMA = text(
    """
    SELECT 'fk ' || conname || condeferrable || condeferred AS one FROM pg_constraint WHERE contype = 'f'
     UNION ALL SELECT 'trigger ' || tgname || tgrelid::regclass || tgenabled::text FROM pg_trigger WHERE NOT tgisinternal
     ORDER BY 1
    """
)


@asynccontextmanager
async def empty(server_url: str, name: str) -> AsyncIterator[Database]:
    """A database without any table."""
    database = Database(await create_database(server_url, name), connections=4)
    try:
        yield database
    finally:
        await database.close()
        await drop_database(server_url, name)


async def counts(database: Database) -> dict[str, int]:
    async with database.reading() as session:
        names = [row.name for row in await session.rows(archive.TABLES)]
        return {name: await session.value(text(f'SELECT count(*) FROM "{name}"')) for name in names}


async def schema(database: Database) -> list[str]:
    async with database.reading() as session:
        return [row.one for row in await session.rows(_SCHEMA)]


async def busy_isp(database: Database, store: ObjectStore) -> tuple[Isp, list[int], str]:
    """Invoices, a device, a proof; gives who can pay, and the proof's key."""
    isp = await Isp.make(database)
    people = [await isp.customer() for _ in range(8)]
    await isp.open()
    await isp.generate()
    key = new_key("proofs", "image/png", on=NOW.date())
    await store.put(key, b"a picture", media_type="image/png")
    async with isp.write() as session:
        await devices.create(session, plugins(), Vault(b"key"), name="RB1", kind="test.gear", config={"gear": "one"})
        await session.execute(
            text(
                "INSERT INTO proof (object_key, media_type, size_bytes, sha256, uploaded_at)"
                " VALUES (:key, 'image/png', 9, sha256('a picture'), now())"
            ),
            {"key": key},
        )
    return isp, people, key


async def test_a_backup_under_writes_comes_back_whole(committed: Database, server_url: str, tmp_path: Path, gear: Gear) -> None:
    store, other = (ObjectStore.open(None, tmp_path / name) for name in ("here", "there"))
    isp, people, key = await busy_isp(committed, store)
    stop = asyncio.Event()

    acknowledged: list[int] = []

    async def take_money() -> int:
        taken = 0
        while not stop.is_set():
            acknowledged.append((await isp.pay(people[taken % len(people)], 1_000)).payment_id)
            taken += 1
        return taken

    async def number_events() -> None:
        relay = Relay(committed, system_clock)
        await relay.begin()
        while not stop.is_set():
            await relay.turn()
            await asyncio.sleep(0.01)

    writing = [asyncio.create_task(take_money()), asyncio.create_task(number_events())]
    await asyncio.sleep(0.3)
    file = tmp_path / "backup.zip"
    before_it = list(acknowledged)
    done = await archive.write(committed, store, file, at=NOW)
    stop.set()
    taken, _ = await asyncio.gather(*writing)
    assert taken
    assert file.stat().st_mode & 0o777 == 0o600
    async with empty(server_url, "restored") as restored:
        assert (await restore.restore(restored, other, file, at=NOW)).rows == done.rows
        assert await counts(restored) == {table.name: table.rows for table in done.tables}
        assert await schema(restored) == await schema(committed), "guards and references are as they were"
        again = Isp(restored, isp.admin, isp.plan_id, isp.counters)
        await again.check()
        async with restored.reading() as session:
            kept = set(await session.values(text("SELECT id FROM payment"), kind=int))
            assert before_it
            assert set(before_it) <= kept, "each payment that was acknowledged before the backup began"
            head = await feed.head(session)
            assert (head.number, head.digest.hex()) == (done.feed_number, done.feed_digest)
            assert head.number > 0
        assert await events.verify(restored, {}, console(), console())
        assert await other.get(key) == b"a picture"
        before = await again.value("SELECT count(*) FROM payment")
        await again.pay(people[0], 1_000)
        assert await again.value("SELECT count(*) FROM payment") == before + 1, "numbers go on behind those that are there"
        with pytest.raises(UnusableFile, match="in use"):
            await restore.restore(restored, other, file, at=NOW)


async def test_nobody_is_blocked_until_payments_since_the_backup_are_entered(database: Database, tmp_path: Path) -> None:
    """Half past eleven at night in Jakarta is the next day in Jayapura. Holidays stay what they are."""
    isp = await Isp.make(database)
    late = datetime(2026, 2, 3, 16, 30, tzinfo=UTC)
    async with isp.write() as session:
        await counters.create(session, code="JYP", name="Jayapura", timezone="Asia/Jayapura")
        await policy.add_blackout_date(session, date(2026, 2, 4), reason="Libur")
    manifest = await archive.write(database, ObjectStore.open(None, tmp_path), tmp_path / "backup.zip", at=NOW)
    assert await restore.postpone_blocks(database, manifest, at=late) == [date(2026, 2, 3), date(2026, 2, 5)]
    reasons = [reason for _, reason in await isp.rows("SELECT day, reason FROM blackout_date ORDER BY day")]
    assert ["2026-02-03 02:00 UTC" in reason for reason in reasons] == [True, False, True]
    assert await restore.postpone_blocks(database, manifest, at=late) == []


async def test_a_phone_that_knows_more_than_the_backup_starts_over(committed: Database, server_url: str, tmp_path: Path) -> None:
    """Also if the restored database has caught up with its number: with other events."""

    async def synced(database: Database, since: str | None) -> sync.Changes:
        relay = Relay(database, system_clock)
        await relay.begin()
        while await relay.turn():
            pass
        async with database.reading() as session:
            return await sync.changes(session, scope=EVERYWHERE, counter_id=None, since=since, first=100)

    isp, store, file = await Isp.make(committed), ObjectStore.open(None, tmp_path / "here"), tmp_path / "backup.zip"
    budi = await isp.customer("BUDI")
    at_backup = (await synced(committed, None)).cursor
    await archive.write(committed, store, file, at=NOW)
    await isp.customer("LOST")
    phone = await synced(committed, at_backup)
    assert [customer["code"] for customer in phone.customers] == ["LOST"]
    async with empty(server_url, "forked") as restored:
        await restore.restore(restored, store, file, at=NOW)
        again = Isp(restored, isp.admin, isp.plan_id, isp.counters)
        for number in range(3):  # as many events as the phone has seen, and more
            await again.pay(budi, 1_000 + number)
        for since, starts_over in ((phone.cursor, True), (at_backup, False)):
            found = await synced(restored, since)
            assert found.reset is starts_over
            assert [(customer["code"], customer["credit"]) for customer in found.customers] == [("BUDI", 3_003)]
            assert not (await synced(restored, found.cursor)).reset


async def test_without_key_and_uploads_it_is_told_what_is_missing(committed: Database, server_url: str, tmp_path: Path, gear: Gear) -> None:
    store, nothing = (ObjectStore.open(None, tmp_path / name) for name in ("here", "nothing"))
    isp, _, key = await busy_isp(committed, store)
    assert not await missing.missing(committed, store, Vault(b"key"))
    found = await missing.missing(committed, nothing, Vault(b"another"))
    assert (list(found.devices), list(found.users), list(found.proofs)) == (["RB1"], [], [key])
    engine = Engine(committed, plugins(), Vault(b"another"), lambda: NOW, "test")
    try:
        with pytest.raises(SecretKeyMissing, match="SEBILLING_SECRET_KEY"):
            await health.ask(engine, await isp.value("SELECT id FROM device"))
    finally:
        await engine.close()
    assert await isp.rows("SELECT reachable FROM device") == [(False,)], "nobody asked it"
    told = await archive.write(committed, nothing, tmp_path / "b.zip", at=NOW)
    assert told.missing_uploads == (key,)


async def test_what_is_no_whole_backup_is_refused_and_nothing_is_written(committed: Database, server_url: str, tmp_path: Path) -> None:
    store = ObjectStore.open(None, tmp_path / "here")
    await Isp.make(committed)
    file = tmp_path / "backup.zip"
    await archive.write(committed, store, file, at=NOW)
    with pytest.raises(UnusableFile, match="exists already"):
        await archive.write(committed, store, file, at=NOW)
    content = file.read_bytes()
    with zipfile.ZipFile(file) as packed:
        part = packed.getinfo("tables/event.copy")
    behind_header = part.header_offset + 30 + sum(struct.unpack_from("<HH", content, part.header_offset + 26))
    middle = behind_header + part.compress_size // 2
    broken = {"empty": b"", "short": content[:-100], "torn": content[:middle] + bytes([content[middle] ^ 255]) + content[middle + 1 :]}
    async with empty(server_url, "untouched") as database:
        for name, given in broken.items():
            (tmp_path / name).write_bytes(given)
            with pytest.raises(UnusableFile):
                await restore.restore(database, store, tmp_path / name, at=NOW)
        async with database.reading() as session:
            assert not await session.value(restore._ANY_TABLE)


async def test_a_part_that_was_left_out_brings_back_nothing(committed: Database, server_url: str, tmp_path: Path) -> None:
    store, file, thinner = ObjectStore.open(None, tmp_path / "here"), tmp_path / "a.zip", tmp_path / "b.zip"
    await Isp.make(committed)
    await archive.write(committed, store, file, at=NOW)
    with zipfile.ZipFile(file) as whole, zipfile.ZipFile(thinner, "w") as part:
        for name in whole.namelist():
            part.writestr(name, b"" if name == "tables/counter.copy" else whole.read(name))
    async with empty(server_url, "half") as database:
        with pytest.raises(UnusableFile, match="another number of rows"):
            await restore.restore(database, store, thinner, at=NOW)
        written_by_migrations = dict.fromkeys(("billing_settings", "isolation_policy", "feed_mark", "payment_method"), 0)
        assert await counts(database) | written_by_migrations == dict.fromkeys(await counts(database), 0)


@pytest.mark.parametrize(
    ("table", "change", "told"),
    [("invoice_line", (b"1\t", b"999\t"), "exist"), ("invoice", (b"\t2026-02-01\t2026-03", b"\t2026-01-31\t2026-03"), "billed twice")],
)
async def test_what_only_triggers_check_is_checked_in_a_backup_too(  # noqa: PLR0917 - fixtures
    committed: Database, server_url: str, tmp_path: Path, table: str, change: tuple[bytes, bytes], told: str
) -> None:
    """Triggers are disabled while it is restored."""
    store, file, changed = ObjectStore.open(None, tmp_path / "here"), tmp_path / "a.zip", tmp_path / "b.zip"
    isp = await Isp.make(committed)
    await isp.customer()
    for month in (FEBRUARY.plus(-1), FEBRUARY):
        await isp.open(month)
        await isp.generate(month)
    await archive.write(committed, store, file, at=NOW)
    with zipfile.ZipFile(file) as whole, zipfile.ZipFile(changed, "w") as part:
        for name in whole.namelist():
            content = whole.read(name)
            if name == f"tables/{table}.copy":
                assert change[0] in content
                content = content.replace(*change, 1)
            part.writestr(name, content)
    async with empty(server_url, "changed") as database:
        with pytest.raises(UnusableFile, match=told):
            await restore.restore(database, store, changed, at=NOW)
        assert (await counts(database))["invoice"] == 0
