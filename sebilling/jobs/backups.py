"""Daily backups, and once a week the proof of the last one: commands of their own, so that packing doesn't hold up anything here.

One worker at a time does it, by a lease. A backup that failed is tried again after an hour.
"""

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sebilling.clock import JAKARTA, Clock
from sebilling.db.engine import Database
from sebilling.db.leases import Leases
from sebilling.logs import get_logger
from sebilling.operation import runs
from sebilling.retry import Retries

_log = get_logger(__name__)
_SPACE: Final = 7
"""Advisory lock space of the lease."""
LOOK_SECONDS: Final = 60.0
AGAIN_AFTER: Final = timedelta(hours=1)
PROVE_EVERY: Final = timedelta(days=7)
_MAX_SECONDS: Final = 6 * 3600.0
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
    leases, turns = Leases(database.url, space=_SPACE), Retries("backups")
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
        last, now = await runs.last(database), clock()
        if last.is_due(now, moment=schedule.moment(now), pause=AGAIN_AFTER):
            error = await _command(["backup", "write", schedule.target, "--thin", "--low-priority"])
            _log.log(40 if error else 20, "backup_failed" if error else "backup_made", why=error)
            last = await runs.last(database)
        if last.name is not None and (last.proven_at is None or now - last.proven_at >= PROVE_EVERY):
            error = await _command(["backup", "verify", f"{schedule.target.rstrip('/')}/{last.name}", "--low-priority"])
            await runs.proven(database, last.name, error=error, at=clock())
            _log.log(40 if error else 20, "backup_proof_failed" if error else "backup_proven", why=error)
    return LOOK_SECONDS


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
            process.kill()
            await process.wait()
    return None if process.returncode == 0 else said.decode(errors="replace").strip()[-_TAIL:] or f"exit code {process.returncode}"
