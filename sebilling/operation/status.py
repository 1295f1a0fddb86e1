"""The state of an installation, part by part, for people and monitors: `sebilling status`, `systemStatus`, and the metrics.

`read` takes the figures in one statement; `judge` makes levels and sentences of them, by the thresholds below. Nothing here repairs
anything.
"""

import asyncio
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Final

from sqlalchemy import text

from sebilling import __version__
from sebilling.clock import Clock, system_clock
from sebilling.db import clocks
from sebilling.db.engine import Database
from sebilling.db.leases import HOLD_SECONDS, HOLDERS
from sebilling.errors import DatabaseUnavailable
from sebilling.feed import WAITING
from sebilling.language import Sentence


class Level(StrEnum):
    """GOOD; WARNING: look at it today; BAD: something doesn't work now."""

    GOOD = "GOOD"
    WARNING = "WARNING"
    BAD = "BAD"


class StatusPart(StrEnum):
    """Part of an installation."""

    DATABASE = "DATABASE"
    CLOCK = "CLOCK"
    WORKERS = "WORKERS"
    FEED = "FEED"
    ISOLATION = "ISOLATION"
    DEVICES = "DEVICES"
    GENERATION = "GENERATION"
    PLUGINS = "PLUGINS"
    BACKUP = "BACKUP"
    DISK = "DISK"


FEED_SECONDS: Final = (10, 30)
"""Age of the oldest event without a number: a warning, and bad. An idle relay numbers four times a second."""
ISOLATION_SECONDS: Final = (120, 600)
"""Age of the oldest block or restore that is still to be done on a device that answers. A turn of the engine takes seconds."""
BACKUP_HOURS: Final = (26, 50)
"""Age of the last backup: one day was missed, two days were."""
NEW_HOURS: Final = 48
"""An installation younger than this may be without a backup."""
PROOF_DAYS: Final = 9
"""Age of the last backup that was proven: the worker proves one a week."""
FREE_PERCENT: Final = (10, 5)
FREE_BYTES: Final = (2 * 1024**3, 512 * 1024**2)
"""Free space of a disk: a warning below both of the first, bad below both of the second. Small shares of large disks suffice."""
CONNECTIONS_PERCENT: Final = 85
ANSWER_SECONDS: Final = 10.0
"""A database that hasn't answered for so long is told as away: one that hangs would else look as it did before."""
_NO_ANSWER: Final = Sentence(f"no answer within {ANSWER_SECONDS:.0f} seconds", f"tidak ada jawaban dalam {ANSWER_SECONDS:.0f} detik")
_SHOWN: Final = 5
"""Devices and plugins that a sentence names."""

_FIGURES: Final = text(
    f"""
    WITH head AS MATERIALIZED (SELECT coalesce(max(number), 0) AS number FROM feed),
    worker AS ({HOLDERS}), wrong AS (
        SELECT host, clock_ahead FROM worker WHERE silent_seconds <= {HOLD_SECONDS} AND clock_ahead IS NOT NULL
         ORDER BY abs(clock_ahead) DESC LIMIT 1
    ), unnumbered AS ({WAITING}), due AS (
        SELECT count(*)::int AS accesses, min(desired_at) AS since
          FROM service_access JOIN device ON device.id = device_id
         WHERE desired_generation > observed_generation AND enabled AND reachable IS NOT FALSE
    ), last_backup AS (SELECT started_at, error FROM backup_run WHERE finished_at IS NOT NULL ORDER BY id DESC LIMIT 1)
    SELECT now() AS at, pg_database_size(current_database()) AS database_bytes, current_setting('max_connections')::int AS max_connections,
           (SELECT count(*)::int FROM pg_stat_activity WHERE backend_type = 'client backend') AS connections,
           (SELECT count(*)::int FROM worker WHERE silent_seconds <= {HOLD_SECONDS}) AS workers,
           (SELECT count(*)::int FROM worker WHERE silent_seconds > {HOLD_SECONDS}) AS silent_workers,
           (SELECT clock_ahead FROM wrong) AS worker_clock_ahead, (SELECT host FROM wrong) AS wrong_worker,
           (SELECT number FROM head) AS feed_number, unnumbered.events::int AS unnumbered, unnumbered.since AS unnumbered_since,
           due.accesses AS due, due.since AS due_since,
           (SELECT count(*)::int FROM device WHERE enabled) AS devices,
           ARRAY(SELECT name FROM device WHERE enabled AND reachable IS FALSE ORDER BY name) AS devices_away,
           (SELECT count(*)::int FROM generation_run WHERE finished_at IS NULL AND error IS NOT NULL) AS failing_runs,
           ARRAY(SELECT plugin FROM plugin_cursor WHERE attempts > 0 ORDER BY plugin) AS failing_plugins,
           (SELECT coalesce(max(head.number - plugin_cursor.number), 0) FROM plugin_cursor, head) AS undelivered,
           (SELECT at FROM event ORDER BY id DESC LIMIT 1) AS newest_event_at, 0::float8 AS clock_ahead,
           (SELECT min(created_at) FROM app_user) AS installed_at,
           (SELECT started_at FROM last_backup) AS backup_tried_at, (SELECT error FROM last_backup) AS backup_error,
           (SELECT max(started_at) FROM backup_run WHERE finished_at IS NOT NULL AND error IS NULL) AS backup_at,
           (SELECT max(started_at) FROM backup_run WHERE proven_at IS NOT NULL AND proof_error IS NULL) AS proven_backup_at,
           (SELECT proof_error FROM backup_run WHERE proven_at IS NOT NULL ORDER BY proven_at DESC LIMIT 1) AS proof_error
      FROM unnumbered, due
    """
)


@dataclass(frozen=True, slots=True)
class Figures:
    """What the database says of itself and of the work that waits in it. Instants are aware."""

    at: datetime
    """The database's clock."""
    database_bytes: int
    max_connections: int
    connections: int
    workers: int
    """Worker processes that reported within the last seconds."""
    silent_workers: int
    """Those that hold leases and don't report."""
    worker_clock_ahead: int | None
    """As `clock_ahead`, of the worker whose clock is furthest from the database's; None if none is wrong."""
    wrong_worker: str | None
    """That worker's machine."""
    feed_number: int
    unnumbered: int
    """Committed events without a number."""
    unnumbered_since: datetime | None
    due: int
    """Accesses that are to be blocked or restored on devices that answer."""
    due_since: datetime | None
    devices: int
    devices_away: list[str]
    failing_runs: int
    failing_plugins: list[str]
    undelivered: int
    """Events that the slowest plugin hasn't seen yet."""
    newest_event_at: datetime | None
    """Of the event that was recorded last, by the clock of whoever recorded it."""
    clock_ahead: float
    """Seconds by which this machine's clock is ahead of the database's; negative: behind."""
    installed_at: datetime | None
    """When the first user was made."""
    backup_tried_at: datetime | None
    backup_error: str | None
    """Error of the last backup that ended; None if it succeeded."""
    backup_at: datetime | None
    """Start of the last backup that succeeded: it has what was committed before."""
    proven_backup_at: datetime | None
    proof_error: str | None

    @property
    def unnumbered_seconds(self) -> int:
        """Age of the oldest event without a number."""
        return _age(self.at, self.unnumbered_since)

    @property
    def future_seconds(self) -> float:
        """How far in the future, by the database's clock, the last event was recorded."""
        return 0.0 if self.newest_event_at is None else max(0.0, (self.newest_event_at - self.at).total_seconds())

    @property
    def due_seconds(self) -> int:
        """Age of the oldest block or restore that is still to be done."""
        return _age(self.at, self.due_since)


@dataclass(frozen=True, slots=True)
class Space:
    """Space of a disk, in bytes."""

    total: int
    free: int

    @classmethod
    def of(cls, folder: Path) -> "Space":
        """Space of the disk that holds the folder. Raises OSError."""
        usage = shutil.disk_usage(folder)
        return cls(usage.total, usage.free)


@dataclass(frozen=True, slots=True)
class Part:
    """Level of a part, and one sentence of what was found; unless it is good, with the remedy."""

    name: StatusPart
    level: Level
    sentence: Sentence


@dataclass(frozen=True, slots=True)
class Status:
    """State of the installation."""

    at: datetime
    version: str
    parts: Sequence[Part]

    @property
    def level(self) -> Level:
        """The worst of the parts' levels."""
        levels = {part.level for part in self.parts}
        return next((level for level in (Level.BAD, Level.WARNING) if level in levels), Level.GOOD)


async def read_figures(database: Database, clock: Clock = system_clock) -> Figures:
    """Read all figures in one statement, and compare this machine's clock with the database's.

    Raises DatabaseUnavailable, also if there is no answer within ANSWER_SECONDS.
    """
    before = clock()
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            (figures,) = await database.fetch(_FIGURES, {}, into=Figures)
    except TimeoutError as error:
        raise DatabaseUnavailable(why=_NO_ANSWER) from error
    return replace(figures, clock_ahead=clocks.ahead(before, figures.at, clock()))


async def read(database: Database, var: Path) -> Status:
    """Read and judge the state; `var` is the folder whose disk is looked at. Raises DatabaseUnavailable, OSError."""
    figures = await read_figures(database)
    return Status(figures.at, __version__, judge(figures, Space.of(var)))


def judge(figures: Figures, space: Space) -> Sequence[Part]:
    """Judge the figures, in the order in which problems cause each other."""
    return [
        _database(figures),
        _clock(figures),
        _disk(space),
        _workers(figures),
        _feed(figures),
        _isolation(figures),
        _devices(figures),
        _generation(figures),
        _plugins(figures),
        _backup(figures),
    ]


def _age(now: datetime, since: datetime | None) -> int:
    return 0 if since is None else max(0, int((now - since).total_seconds()))


def _step(value: float, steps: tuple[float, float]) -> Level:
    warning, bad = steps
    return Level.BAD if value >= bad else Level.WARNING if value >= warning else Level.GOOD


def _named(names: Sequence[str]) -> str:
    more = f" (+{len(names) - _SHOWN})" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _database(figures: Figures) -> Part:
    megabytes = figures.database_bytes // 1024**2
    seen = Sentence(
        f"answers; {megabytes} MB, {figures.connections} of {figures.max_connections} connections in use",
        f"menjawab; {megabytes} MB, {figures.connections} dari {figures.max_connections} koneksi terpakai",
    )
    if figures.connections * 100 < figures.max_connections * CONNECTIONS_PERCENT:
        return Part(StatusPart.DATABASE, Level.GOOD, seen)
    remedy = Sentence(
        f"{seen.english}: raise max_connections, or lower SEBILLING_DATABASE_CONNECTIONS",
        f"{seen.indonesian}: naikkan max_connections, atau turunkan SEBILLING_DATABASE_CONNECTIONS",
    )
    return Part(StatusPart.DATABASE, Level.WARNING, remedy)


def _clock(figures: Figures) -> Part:
    remedy = Sentence(
        "Let a time service set both (timedatectl set-ntp true)", "Pakai layanan waktu di keduanya (timedatectl set-ntp true)"
    )
    for ahead, english, indonesian in (
        (figures.clock_ahead, "this machine's clock", "jam mesin ini"),
        (figures.worker_clock_ahead or 0, f"the clock of the worker on {figures.wrong_worker}", f"jam worker di {figures.wrong_worker}"),
    ):
        if abs(ahead) >= clocks.MOST_SECONDS:
            than, dari = ("ahead of", "lebih cepat dari") if ahead > 0 else ("behind", "lebih lambat dari")
            why = Sentence(
                f"{english} is {abs(ahead):.0f} s {than} the database's: nobody is blocked by it. {remedy.english}",
                f"{indonesian} {abs(ahead):.0f} detik {dari} jam database: tidak ada yang diblokir menurut jam itu. {remedy.indonesian}",
            )
            return Part(StatusPart.CLOCK, Level.BAD, why)
    if figures.future_seconds >= clocks.MOST_SECONDS:
        seconds = figures.future_seconds
        why = Sentence(
            f"what was recorded last is dated {seconds:.0f} s in the future: some machine's clock is or was wrong. {remedy.english}",
            f"catatan terakhir bertanggal {seconds:.0f} detik di masa depan: jam suatu mesin salah atau pernah salah. {remedy.indonesian}",
        )
        return Part(StatusPart.CLOCK, Level.BAD, why)
    return Part(StatusPart.CLOCK, Level.GOOD, Sentence("as the database's", "sama dengan jam database"))


def _disk(space: Space) -> Part:
    megabytes, percent = space.free // 1024**2, space.free * 100 // max(1, space.total)
    seen = Sentence(f"{megabytes} MB free ({percent} %)", f"sisa {megabytes} MB ({percent} %)")
    for level, share, least in zip((Level.BAD, Level.WARNING), reversed(FREE_PERCENT), reversed(FREE_BYTES), strict=True):
        if percent < share and space.free < least:
            remedy = Sentence(f"{seen.english}: free some space", f"{seen.indonesian}: kosongkan ruang")
            return Part(StatusPart.DISK, level, remedy)
    return Part(StatusPart.DISK, Level.GOOD, seen)


def _workers(figures: Figures) -> Part:
    if not figures.workers:
        why = Sentence(
            "none is running: nobody is blocked or restored, and no month is generated. Start `sebilling worker`, or restart it",
            "tidak ada yang berjalan: tidak ada yang diblokir atau dibuka, dan tagihan tidak dibuat. Jalankan `sebilling worker` lagi",
        )
        return Part(StatusPart.WORKERS, Level.BAD, why)
    if figures.silent_workers:
        why = Sentence(
            f"{figures.silent_workers} of them doesn't report, the others do its work: restart it",
            f"{figures.silent_workers} di antaranya tidak memberi kabar, pekerjaannya diambil yang lain: jalankan ulang",
        )
        return Part(StatusPart.WORKERS, Level.WARNING, why)
    return Part(StatusPart.WORKERS, Level.GOOD, Sentence(f"{figures.workers} running", f"{figures.workers} berjalan"))


def _feed(figures: Figures) -> Part:
    age = figures.unnumbered_seconds
    level = _step(age, FEED_SECONDS)
    if level is Level.GOOD:
        return Part(StatusPart.FEED, level, Sentence(f"up to date, number {figures.feed_number}", f"terkini, nomor {figures.feed_number}"))
    why = Sentence(
        f"{figures.unnumbered} events wait for their numbers, the oldest for {age} s: look for relay in the workers' log",
        f"{figures.unnumbered} kejadian menunggu nomor, terlama {age} detik: cari relay di log worker",
    )
    return Part(StatusPart.FEED, level, why)


def _isolation(figures: Figures) -> Part:
    age = figures.due_seconds
    level = _step(age, ISOLATION_SECONDS)
    if level is Level.GOOD:
        return Part(
            StatusPart.ISOLATION, level, Sentence(f"{figures.due} to do, none late", f"{figures.due} menunggu, tidak ada yang telat")
        )
    why = Sentence(
        f"{figures.due} blocks or restores wait on devices that answer, the oldest for {age // 60} minutes: see Log Isolir",
        f"{figures.due} blokir atau buka blokir menunggu di perangkat yang menjawab, terlama {age // 60} menit: lihat Log Isolir",
    )
    return Part(StatusPart.ISOLATION, level, why)


def _devices(figures: Figures) -> Part:
    away = figures.devices_away
    if not away:
        return Part(StatusPart.DEVICES, Level.GOOD, Sentence(f"{figures.devices}, none away", f"{figures.devices}, semua menjawab"))
    why = Sentence(
        f"{len(away)} of {figures.devices} don't answer: {_named(away)}. Check power and network",
        f"{len(away)} dari {figures.devices} tidak menjawab: {_named(away)}. Periksa listrik dan jaringannya",
    )
    return Part(StatusPart.DEVICES, Level.BAD, why)


def _generation(figures: Figures) -> Part:
    if not figures.failing_runs:
        return Part(StatusPart.GENERATION, Level.GOOD, Sentence("no run fails", "tidak ada yang gagal"))
    why = Sentence(
        f"{figures.failing_runs} runs fail and are tried again: the period shows the cause",
        f"{figures.failing_runs} pembuatan tagihan gagal dan dicoba lagi: penyebabnya ada di periode",
    )
    return Part(StatusPart.GENERATION, Level.BAD, why)


def _plugins(figures: Figures) -> Part:
    if figures.failing_plugins:
        why = Sentence(
            f"{_named(figures.failing_plugins)} can't take events, such as messages to customers: {figures.undelivered} wait;"
            " see `sebilling plugin list`",
            f"{_named(figures.failing_plugins)} tidak bisa menerima kejadian, misalnya pesan ke pelanggan: {figures.undelivered} menunggu;"
            " lihat `sebilling plugin list`",
        )
        return Part(StatusPart.PLUGINS, Level.BAD, why)
    return Part(StatusPart.PLUGINS, Level.GOOD, Sentence(f"{figures.undelivered} events wait", f"{figures.undelivered} kejadian menunggu"))


def _backup(figures: Figures) -> Part:
    if figures.backup_error is not None:
        why = Sentence(f"the last one failed: {figures.backup_error}", f"yang terakhir gagal: {figures.backup_error}")
        return Part(StatusPart.BACKUP, Level.BAD, why)
    if figures.backup_at is None:
        is_new = figures.installed_at is None or figures.at - figures.installed_at < timedelta(hours=NEW_HOURS)
        why = Sentence(
            "there is none: set SEBILLING_BACKUP_TO, or run `sebilling backup` daily",
            "belum ada: isi SEBILLING_BACKUP_TO, atau jalankan `sebilling backup` tiap hari",
        )
        return Part(StatusPart.BACKUP, Level.WARNING if is_new else Level.BAD, why)
    hours = _age(figures.at, figures.backup_at) // 3600
    seen = Sentence(f"the last one is {hours} hours old", f"yang terakhir {hours} jam lalu")
    if figures.proof_error is not None:
        why = Sentence(
            f"{seen.english}; restoring it failed: {figures.proof_error}",
            f"{seen.indonesian}; gagal saat dicoba dipulihkan: {figures.proof_error}",
        )
        return Part(StatusPart.BACKUP, Level.BAD, why)
    if (level := _step(hours, BACKUP_HOURS)) is not Level.GOOD:
        why = Sentence(f"{seen.english}: look for backup in the workers' log", f"{seen.indonesian}: cari backup di log worker")
        return Part(StatusPart.BACKUP, level, why)
    if figures.proven_backup_at is None or figures.at - figures.proven_backup_at > timedelta(days=PROOF_DAYS):
        why = Sentence(
            f"{seen.english}; none was proven in the last {PROOF_DAYS} days: run `sebilling backup verify FILE`",
            f"{seen.indonesian}; {PROOF_DAYS} hari ini tidak ada yang diuji pulih: jalankan `sebilling backup verify BERKAS`",
        )
        return Part(StatusPart.BACKUP, Level.WARNING, why)
    return Part(StatusPart.BACKUP, Level.GOOD, Sentence(f"{seen.english}, and one was proven", f"{seen.indonesian}, dan sudah diuji pulih"))
