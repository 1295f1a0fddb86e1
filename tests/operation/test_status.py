"""The state of an installation is told as it is: each fault makes its part bad, and its end makes it good again."""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from sebilling.actor import operator
from sebilling.clock import system_clock
from sebilling.db.engine import Database
from sebilling.jobs import backups
from sebilling.jobs.relay import Relay
from sebilling.operation import status
from sebilling.operation.runs import Last
from sebilling.operation.status import Figures, Level, Space, StatusPart, judge
from tests import commands
from tests.harness import Isp
from tests.processes import workers

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ROOMY = Space(total=100 * 1024**3, free=50 * 1024**3)
WELL = Figures(
    at=NOW, database_bytes=10**8, max_connections=100, connections=20, workers=1, silent_workers=0, feed_number=7, unnumbered=0,
    unnumbered_since=None, due=0, due_since=None, devices=3, devices_away=[], failing_runs=0, failing_plugins=[], undelivered=0,
    newest_event_at=NOW, clock_ahead=0.0, worker_clock_ahead=None, wrong_worker=None,
    installed_at=NOW - timedelta(days=100), backup_tried_at=NOW - timedelta(hours=10), backup_error=None,
    backup_at=NOW - timedelta(hours=10), proven_backup_at=NOW - timedelta(days=3), proof_error=None,
)  # fmt: skip


def level_of(part: StatusPart, figures: Figures, space: Space = ROOMY) -> Level:
    parts = {found.name: found for found in judge(figures, space)}
    assert set(parts) == set(StatusPart)
    assert all(found.sentence.english and found.sentence.indonesian for found in parts.values())
    others = {name for name, found in parts.items() if found.level is not Level.GOOD} - {part}
    assert not others, "a fault of one part is no fault of another"
    return parts[part].level


def ago(**since: float) -> datetime:
    return NOW - timedelta(**since)


@pytest.mark.parametrize(
    ("part", "change", "level"),
    [
        (StatusPart.DATABASE, {}, Level.GOOD),
        (StatusPart.DATABASE, {"connections": 85}, Level.WARNING),
        (StatusPart.CLOCK, {"clock_ahead": 29.9, "newest_event_at": ago(seconds=-29)}, Level.GOOD),
        (StatusPart.CLOCK, {"clock_ahead": 30.0}, Level.BAD),
        (StatusPart.CLOCK, {"clock_ahead": -30.0}, Level.BAD),
        (StatusPart.CLOCK, {"worker_clock_ahead": -3600, "wrong_worker": "billing2"}, Level.BAD),
        (StatusPart.CLOCK, {"newest_event_at": ago(seconds=-30)}, Level.BAD),
        (StatusPart.CLOCK, {"newest_event_at": None}, Level.GOOD),
        (StatusPart.WORKERS, {"workers": 0}, Level.BAD),
        (StatusPart.WORKERS, {"workers": 0, "silent_workers": 1}, Level.BAD),
        (StatusPart.WORKERS, {"silent_workers": 1}, Level.WARNING),
        (StatusPart.FEED, {"unnumbered": 1, "unnumbered_since": ago(seconds=9)}, Level.GOOD),
        (StatusPart.FEED, {"unnumbered": 1, "unnumbered_since": ago(seconds=10)}, Level.WARNING),
        (StatusPart.FEED, {"unnumbered": 1, "unnumbered_since": ago(seconds=30)}, Level.BAD),
        (StatusPart.ISOLATION, {"due": 1, "due_since": ago(seconds=119)}, Level.GOOD),
        (StatusPart.ISOLATION, {"due": 1, "due_since": ago(seconds=120)}, Level.WARNING),
        (StatusPart.ISOLATION, {"due": 1, "due_since": ago(seconds=600)}, Level.BAD),
        (StatusPart.DEVICES, {"devices_away": ["RB1"]}, Level.BAD),
        (StatusPart.GENERATION, {"failing_runs": 1}, Level.BAD),
        (StatusPart.PLUGINS, {"failing_plugins": ["notify"]}, Level.BAD),
        (StatusPart.BACKUP, {"backup_at": None, "proven_backup_at": None}, Level.BAD),
        (StatusPart.BACKUP, {"backup_at": None, "proven_backup_at": None, "installed_at": ago(hours=47)}, Level.WARNING),
        (StatusPart.BACKUP, {"backup_at": None, "proven_backup_at": None, "installed_at": None}, Level.WARNING),
        (StatusPart.BACKUP, {"backup_at": ago(hours=25)}, Level.GOOD),
        (StatusPart.BACKUP, {"backup_at": ago(hours=26)}, Level.WARNING),
        (StatusPart.BACKUP, {"backup_at": ago(hours=50)}, Level.BAD),
        (StatusPart.BACKUP, {"backup_error": "no space"}, Level.BAD),
        (StatusPart.BACKUP, {"proof_error": "invariants: paid"}, Level.BAD),
        (StatusPart.BACKUP, {"proven_backup_at": ago(days=10)}, Level.WARNING),
        (StatusPart.BACKUP, {"proven_backup_at": None}, Level.WARNING),
    ],
)
def test_each_fault_is_told_of_its_own_part(part: StatusPart, change: dict[str, Any], level: Level) -> None:
    assert level_of(part, replace(WELL, **change)) is level


@pytest.mark.parametrize(
    ("total", "free", "level"),
    [(1000, 20, Level.GOOD), (20, 3, Level.GOOD), (20, 1.9, Level.WARNING), (8, 0.3, Level.BAD), (0.5, 0.4, Level.GOOD), (0, 0, Level.BAD)],
)
def test_a_disk_is_full_by_its_share_and_by_its_bytes(total: float, free: float, level: Level) -> None:
    assert level_of(StatusPart.DISK, WELL, Space(int(total * 1024**3), int(free * 1024**3))) is level


async def levels(database: Database) -> dict[StatusPart, Level]:
    found = await status.read(database, Path.cwd())
    return {part.name: part.level for part in found.parts}


async def test_the_figures_are_those_of_the_database(committed: Database) -> None:
    isp = await Isp.make(committed)
    figures = await status.read_figures(committed)
    assert (figures.workers, figures.feed_number, figures.backup_at) == (0, 0, None)
    assert figures.unnumbered > 0
    relay = Relay(committed, system_clock)
    await relay.begin()
    while await relay.turn():
        pass
    figures = await status.read_figures(committed)
    assert (figures.unnumbered, figures.feed_number) == (0, await isp.value("SELECT count(*) FROM event"))
    async with isp.write() as session:
        await session.execute(text("INSERT INTO backup_run (name, started_at, finished_at) VALUES ('a', now(), now())"))
        await session.execute(text("INSERT INTO backup_run (name, started_at) VALUES ('being made', now())"))
    figures = await status.read_figures(committed)
    assert (figures.backup_at is not None, figures.backup_error) == (True, None)
    async with isp.write() as session:
        await session.execute(text("INSERT INTO backup_run (name, started_at, finished_at, error) VALUES ('b', now(), now(), 'full')"))
    assert (await status.read_figures(committed)).backup_error == "full"


async def test_the_command_tells_monitors_by_its_code_and_a_dead_database_is_bad(committed: Database, tmp_path: Path) -> None:
    await Isp.make(committed)
    where = {"SEBILLING_DATABASE_URL": committed.url, "SEBILLING_VAR": str(tmp_path)}

    async def told(*words: str, **more: str) -> tuple[int, str]:
        done = await asyncio.to_thread(lambda: commands.run(["status", *words], folder=tmp_path, **where | more))
        return done.returncode, done.stdout

    code, out = await told("--json")
    said = json.loads(out)
    parts = {part["part"]: part["level"] for part in said["parts"]}
    assert (code, said["level"], parts["WORKERS"], parts["DATABASE"]) == (2, "BAD", "BAD", "GOOD")
    with workers(committed.url, 1):
        for _ in range(100):
            if {(await levels(committed))[part] for part in (StatusPart.WORKERS, StatusPart.FEED)} == {Level.GOOD}:
                break
            await asyncio.sleep(0.1)
        code, out = await told()
        assert (code, "there is none: set SEBILLING_BACKUP_TO" in out, out.count("BAD")) == (2, True, 1), out
        async with committed.transaction(actor=operator("test"), at=system_clock()) as session:
            await session.execute(text("INSERT INTO backup_run (name, started_at, finished_at) VALUES ('a', now(), now())"))
        assert (await told())[0] == 1, "it wasn't proven"
    code, out = await told(SEBILLING_DATABASE_URL="postgresql://nobody@127.0.0.1:1/nothing")
    assert (code, out.startswith("DATABASE")) == (2, True)


@pytest.fixture
def schedule(committed_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> backups.Schedule:
    """A worker's backups into a folder, by commands that find this database."""
    tmp_path.chmod(0o711)
    (tmp_path / "backups").mkdir()
    monkeypatch.setenv("SEBILLING_DATABASE_URL", committed_url)
    monkeypatch.setenv("SEBILLING_VAR", str(tmp_path / "var"))
    monkeypatch.setenv("SEBILLING_BACKUP_PASSPHRASE", "empat kata yang diingat")
    return backups.Schedule(str(tmp_path / "backups"), hour=2)


async def test_the_worker_makes_the_days_backup_proves_it_and_tells_a_failure(
    committed: Database, schedule: backups.Schedule, tmp_path: Path
) -> None:
    """A backup that somebody made elsewhere is no reason to make none, and isn't looked for."""
    isp = await Isp.make(committed)
    async with isp.write() as session:
        await session.execute(
            text(
                "INSERT INTO backup_run (name, started_at, finished_at)"
                " VALUES ('by-hand.zip', now() - interval '1 hour', now() - interval '1 hour')"
            )
        )
    running = asyncio.create_task(backups.run(committed, schedule, clock=system_clock, look_seconds=0.1))
    try:
        figures = await status.read_figures(committed)
        for _ in range(600):
            if figures.proven_backup_at is not None:
                break
            await asyncio.sleep(0.1)
            figures = await status.read_figures(committed)
        assert (figures.backup_error, figures.proof_error) == (None, None)
        assert (await levels(committed))[StatusPart.BACKUP] is Level.GOOD
        await asyncio.sleep(0.5)
        assert len(list((tmp_path / "backups").iterdir())) == 1, "once a day"
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    nowhere = backups.Schedule(str(tmp_path / "unplugged" / "disk"), hour=2)
    tomorrow = system_clock() + timedelta(days=1)
    running = asyncio.create_task(backups.run(committed, nowhere, clock=lambda: tomorrow, look_seconds=0.1))
    try:
        for _ in range(300):
            if (await status.read_figures(committed)).backup_error is not None:
                break
            await asyncio.sleep(0.1)
        assert (await levels(committed))[StatusPart.BACKUP] is Level.BAD
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@pytest.mark.parametrize(
    ("newest", "last", "is_due"),
    [
        ("b", Last(NOW, None, None, None), True),
        ("b", Last(NOW, ago(days=6), "a", None), False),
        ("b", Last(NOW, ago(days=7), "a", None), True),
        ("b", Last(NOW, ago(hours=1), "b", "torn"), False),
        ("c", Last(NOW, ago(hours=1), "b", "torn"), True),
    ],
)
def test_a_proof_is_due_once_a_week_and_after_one_that_failed_with_the_next_backup(newest: str, last: Last, *, is_due: bool) -> None:
    assert backups._is_to_be_proven(newest, last, NOW) is is_due


@pytest.mark.parametrize(
    ("now", "moment"),
    [
        ("2026-03-01T18:59:59", "2026-02-28T19:00:00"),
        ("2026-03-01T19:00:00", "2026-03-01T19:00:00"),
        ("2026-03-02T10:00:00", "2026-03-01T19:00:00"),
    ],
)
def test_the_hour_is_of_jakarta(now: str, moment: str) -> None:
    at = datetime.fromisoformat(now).replace(tzinfo=UTC)
    assert backups.Schedule("x", hour=2).moment(at) == datetime.fromisoformat(moment).replace(tzinfo=UTC)
