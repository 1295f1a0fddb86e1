"""Whoever changes, deletes or slips in an event is found, also if they are the database's owner and switch the guards off."""

import io
from pathlib import Path

import pytest
from rich.console import Console
from sqlalchemy import text

from sebilling import feed
from sebilling.billing import invariants
from sebilling.cli import events
from sebilling.db.engine import Database
from tests.cli.test_isolation import shell
from tests.feed.relaying import all_turns, bare, recomputed, relay, tell

MIDDLE = "(SELECT event_id FROM feed WHERE number = 5)"
SLIPPED_IN = "event (id, at, actor_name, kind, subject, subject_id, data) OVERRIDING SYSTEM VALUE"
TAMPERED = {
    "data": f"UPDATE event SET data = jsonb_set(data, '{{b}}', '1000000') WHERE id = {MIDDLE}",
    "who": f"UPDATE event SET actor_id = 8 WHERE id = {MIDDLE}",
    "name": f"UPDATE event SET actor_name = 'Someone else' WHERE id = {MIDDLE}",
    "when": f"UPDATE event SET at = at + interval '1 microsecond' WHERE id = {MIDDLE}",
    "what": f"UPDATE event SET kind = 'payment.recorded ' WHERE id = {MIDDLE}",
    "where": f"UPDATE event SET counter_id = 0 WHERE id = {MIDDLE}",
    "subject": f"UPDATE event SET subject_id = subject_id + 1 WHERE id = {MIDDLE}",
    "deleted": f"DELETE FROM event WHERE id = {MIDDLE}",
    "the last deleted": "DELETE FROM event WHERE id = (SELECT max(event_id) FROM feed)",
    "deleted with its number": "WITH gone AS (DELETE FROM feed WHERE number = 5 RETURNING event_id) DELETE FROM event"
    " WHERE id IN (SELECT event_id FROM gone)",
    "slipped in": f"INSERT INTO {SLIPPED_IN} VALUES (0, now(), 'x', 'payment.recorded', 'payment', 1, '{{}}')",
    "two swapped": "UPDATE feed SET event_id = -event_id WHERE number IN (4, 5);"
    "UPDATE feed SET event_id = CASE number WHEN 4 THEN (SELECT -event_id FROM feed WHERE number = 5) ELSE"
    " (SELECT -event_id FROM feed WHERE number = 4) END WHERE number IN (4, 5)",
    "one digest": "UPDATE feed SET digest = sha256('x') WHERE number = 5",
}


async def broken(database: Database) -> dict[str, int]:
    async with database.reading() as session:
        return {found.invariant.name: found.rows async for found in invariants.check(session) if found.rows}


async def ten_events(database: Database) -> feed.Head:
    async with bare(database) as connection:
        for number in range(10):
            await tell(connection, number)
    one = relay(database)
    await all_turns(one)
    for _ in range(3):
        await one.turn()
    async with database.reading() as session:
        assert await session.value(text("SELECT low FROM feed_mark")) == 10
        return await feed.head(session)


async def verified(database: Database, *written: str) -> tuple[bool, str]:
    out = Console(file=io.StringIO(), width=200)
    is_well = await events.verify(database, events.read_written(written), out, out)
    assert isinstance(out.file, io.StringIO)
    return is_well, out.file.getvalue()


async def without_guards(database: Database, statements: str) -> None:
    async with bare(database) as connection:
        await connection.execute("SET session_replication_role = replica")
        await connection.execute(statements)


async def test_the_chain_is_what_the_document_says(committed: Database) -> None:
    """Worked out a second time by other means: canonical form and SHA-256 in Python."""
    head = await ten_events(committed)
    async with bare(committed) as connection:
        await connection.execute("SET timezone = 'Asia/Jayapura'; SET datestyle = 'German'; SET intervalstyle = 'iso_8601'")
        assert await recomputed(connection) == head.digest
        assert await connection.fetchval("SELECT event_canonical(event) FROM event WHERE id = 1") == (
            '[1, 1770084000123456, 7, "Kasir", "payment.recorded", "payment", 0, null, {"b": 1.50, "aa": "Dé wi 🌴"}]'.encode()
        )
    assert await broken(committed) == {}
    is_well, said = await verified(committed, f"{head.number}:{head.digest.hex()}")
    assert is_well
    assert f"10:{head.digest.hex()}" in said


@pytest.mark.parametrize("case", TAMPERED)
async def test_what_is_changed_behind_the_guards_is_found(committed: Database, case: str) -> None:
    await ten_events(committed)
    await without_guards(committed, TAMPERED[case])
    found = await broken(committed)
    assert {"feed_chain", "feed_complete", "feed_gapless"} & set(found), found
    is_well, said = await verified(committed)
    assert not is_well
    assert "broken" in said


async def test_a_chain_made_anew_is_found_by_what_was_written_down(committed: Database) -> None:
    head = await ten_events(committed)
    await without_guards(
        committed,
        f"{TAMPERED['data']}; DELETE FROM feed; UPDATE feed_mark SET low = 0",
    )
    one = relay(committed)
    await all_turns(one)
    assert await broken(committed) == {}, "by itself the new chain is sound"
    is_well, _ = await verified(committed)
    assert is_well
    is_well, said = await verified(committed, f"{head.number}:{head.digest.hex()}")
    assert not is_well
    assert "another digest" in said
    is_well, said = await verified(committed, f"11:{head.digest.hex()}")
    assert not is_well
    assert "cut off" in said


@pytest.mark.parametrize("statement", ["UPDATE feed SET digest = ''", "DELETE FROM feed", "TRUNCATE feed", "DELETE FROM feed_mark"])
async def test_the_feed_is_append_only(committed: Database, statement: str) -> None:
    await ten_events(committed)
    async with bare(committed) as connection:
        with pytest.raises(Exception, match="append-only"):
            await connection.execute(statement)


async def test_the_commands(committed: Database, tmp_path: Path) -> None:
    head = await ten_events(committed)
    written = f"{head.number}:{head.digest.hex()}"
    assert shell(tmp_path, "events", "head", SEBILLING_DATABASE_URL=committed.url).stdout.strip() == written
    good = shell(tmp_path, "events", "verify", "--written", written, SEBILLING_DATABASE_URL=committed.url)
    assert (good.returncode, good.stdout.splitlines()[-1]) == (0, written)
    await without_guards(committed, TAMPERED["name"])
    bad = shell(tmp_path, "events", "verify", SEBILLING_DATABASE_URL=committed.url)
    assert bad.returncode == 1
    assert "first at number 5" in bad.stderr
    assert shell(tmp_path, "check", SEBILLING_DATABASE_URL=committed.url).returncode == 1
    odd = shell(tmp_path, "events", "verify", "--written", "5", SEBILLING_DATABASE_URL=committed.url)
    assert odd.returncode == 2
    assert "NUMBER:DIGEST" in odd.stderr
    async with bare(committed) as connection:
        await tell(connection)
    assert "1 events have no number yet" in shell(tmp_path, "events", "head", SEBILLING_DATABASE_URL=committed.url).stdout
    async with bare(committed) as connection:
        await connection.execute(
            "INSERT INTO plugin_cursor (plugin, number, since_event_id, attempts, error) VALUES ('mikrotik', 4, 0, 2, 'no [way]')"
        )
    listed = shell(tmp_path, "plugin", "list", SEBILLING_DATABASE_URL=committed.url).stdout
    assert "up to 4, 6 wait" in " ".join(listed.replace("│", " ").split())
