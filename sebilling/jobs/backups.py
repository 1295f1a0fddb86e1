"""Daily backups, and once a week the proof of the last one: commands of their own, so that packing doesn't hold up anything here.

One worker at a time does it, by a lease. A backup that failed is tried again after an hour.
"""

import asyncio
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sebilling.clock import JAKARTA, Clock
from sebilling.db.engine import Database
from sebilling.db.leases import Leases
from sebilling.logs import get_logger
from sebilling.operation import runs
from sebilling.operation.places import BackupPlace
from sebilling.operation.retention import made_at
from sebilling.operator_errors import UnusableFile
from sebilling.retry import Retries

_log = get_logger(__name__)
_SPACE: Final = 7
"""Advisory lock space of the lease."""
LOOK_SECONDS: Final = 60.0
AGAIN_AFTER: Final = timedelta(hours=1)
PROVE_EVERY: Final = timedelta(days=7)
_MAX_SECONDS: Final = 6 * 3600.0
_END_SECONDS: Final = 20.0
_TAIL: Final = 500


@dataclass(frozen=True, slots=True)
class Schedule:
    """Where backups go to, and the hour (Asia/Jakarta) after which the day's is made."""

    target: str
    hour: int

    def moment(self, now: datetime) -> datetime:
        """The last time up to `now` at which a backup was to be made."""
        local = now.astimezone(ZoneInfo(JAKARTA))
        today = local.replace(hour=self.hour, minute=0, second=0, microsecond=0)
        return today if today <= local else today - timedelta(days=1)


async def run(database: Database, schedule: Schedule, *, clock: Clock, look_seconds: float = LOOK_SECONDS) -> None:
    """Make backups when they are due, until cancelled."""
    leases, turns = Leases(database.direct_url, space=_SPACE), Retries("backups")
    try:
        while True:
            await turns.run(_turn(leases, database, schedule, clock))
            await asyncio.sleep(look_seconds)
    finally:
        await leases.close()


async def _turn(leases: Leases, database: Database, schedule: Schedule, clock: Clock) -> float:
    async with leases.hold(1) as mine:
        if not mine:
            return LOOK_SECONDS
        last, now, newest = await runs.last(database), clock(), await _newest(schedule)
        if _is_old(newest, schedule.moment(now)) and (last.tried_at is None or now - last.tried_at >= AGAIN_AFTER):
            error = await _command(["backup", "write", schedule.target, "--thin", "--low-priority"])
            _told("backup", error)
            newest = await _newest(schedule)
        if newest is not None and _is_to_be_proven(newest, last, now):
            error = await _command(["backup", "verify", f"{schedule.target.rstrip('/')}/{newest}", "--low-priority"])
            await runs.proven(database, newest, error=error, at=clock())
            _told("backup_proof", error)
    return LOOK_SECONDS


async def _newest(schedule: Schedule) -> str | None:
    """Name of the newest backup there; None if there is none, or if the place can't be used, which the next backup will tell."""
    with suppress(UnusableFile):
        names = await BackupPlace.open(schedule.target).names()
        return names[-1] if names else None
    return None


def _is_old(newest: str | None, moment: datetime) -> bool:
    at = None if newest is None else made_at(newest)
    return at is None or at < moment


def _is_to_be_proven(newest: str, last: runs.Last, now: datetime) -> bool:
    """Once a week, and after a proof that failed as soon as there is another backup."""
    failed_before = last.proof_error is not None and last.proven != newest
    return last.proven_at is None or now - last.proven_at >= PROVE_EVERY or failed_before


def _told(what: str, error: str | None) -> None:
    if error is None:
        _log.info(f"{what}_made")
    else:
        _log.error(f"{what}_failed", why=error)


async def _command(arguments: Sequence[str]) -> str | None:
    """Run a command of ours; return the end of what it printed if it failed. It is ended when this task is."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sebilling.cli", *arguments, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        async with asyncio.timeout(_MAX_SECONDS):
            _, said = await process.communicate()
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)  # so that it removes its scratch server
            try:
                async with asyncio.timeout(_END_SECONDS):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()
    return None if process.returncode == 0 else said.decode(errors="replace").strip()[-_TAIL:] or f"exit code {process.returncode}"
