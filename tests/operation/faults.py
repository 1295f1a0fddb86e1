"""Faults of a cluster and of a router, each of which can be mended, and what a monitor sees of them."""

import asyncio
import itertools
import os
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final

import httpx

from sebilling.db.engine import Database
from sebilling.errors import DatabaseUnavailable
from sebilling.operation import status
from sebilling.operation.status import Level, StatusPart
from tests.wrong_clock import WrongClock
from tools.cluster.cluster import Cluster
from tools.cluster.machine import Machine
from tools.cluster.programs import Program

SERVERS: Final = "SERVERS"
"""What is red if the service doesn't answer at its address."""
_ANSWER_SECONDS: Final = 4
"""What takes longer doesn't answer, for a monitor."""
_DISK_MEGABYTES: Final = 64
_SLOW_MICROSECONDS: Final = 1_500_000


async def red(cluster: Cluster, database: Database, http: httpx.AsyncClient) -> set[str]:
    """What a monitor calls bad: parts of `sebilling status`, the database if it doesn't answer, the servers if they don't."""
    bad = set()
    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            parts = (await status.read(database, cluster.folder / "var")).parts
        bad |= {str(part.name) for part in parts if part.level is Level.BAD and part.name is not StatusPart.BACKUP}  # it has none
    except (DatabaseUnavailable, TimeoutError):
        bad.add("DATABASE")
    try:
        if (await http.get("/readyz", timeout=_ANSWER_SECONDS)).status_code != httpx.codes.OK:
            bad.add(SERVERS)
    except httpx.HTTPError:
        bad.add(SERVERS)
    return bad


class Fault(ABC):
    """One kind. `strike` and `mend` may take seconds."""

    part: ClassVar[str | None]
    """What is red meanwhile; None: nothing."""
    alerts: ClassVar[frozenset[str]] = frozenset()
    """What Prometheus tells before it is mended; nothing if it is over too soon."""

    def __init__(self, cluster: Cluster, router: Any) -> None:
        self.cluster, self.router = cluster, router

    @abstractmethod
    async def strike(self) -> None:
        """Make it happen."""

    @abstractmethod
    async def mend(self) -> None:
        """Do what an operator would."""


class PrimaryKilled(Fault):
    """PostgreSQL of the primary is killed; Patroni mends it."""

    part = "DATABASE"

    async def strike(self) -> None:
        self._primary().kill_postgresql()

    async def mend(self) -> None:
        pass

    def _primary(self) -> Machine:
        primary = self.cluster.primary()
        if primary is None:
            raise LookupError("there is no primary")
        return primary


class PowerLost(PrimaryKilled):
    """The primary's whole machine has no power."""

    async def strike(self) -> None:
        self._machine = self._primary()
        self._machine.lose_power()

    async def mend(self) -> None:
        self._machine.start()


class _OfPrograms(Fault):
    """All programs of a kind are killed, and started again."""

    @property
    @abstractmethod
    def programs(self) -> Iterable[Program]:
        """Those of the kind."""

    async def strike(self) -> None:
        for program in self.programs:
            program.kill()

    async def mend(self) -> None:
        for program in self.programs:
            program.start()


class ServersKilled(_OfPrograms):
    """All servers are killed."""

    part = SERVERS
    alerts = frozenset({"SebillingDown"})

    @property
    def programs(self) -> Iterable[Program]:
        return self.cluster.servers.values()


class WorkersKilled(_OfPrograms):
    """All workers are killed."""

    part = "WORKERS"
    alerts = frozenset({"SebillingDown", "SebillingPartBad:WORKERS"})

    @property
    def programs(self) -> Iterable[Program]:
        return self.cluster.workers.values()


class WorkersPaused(WorkersKilled):
    """All workers hang, and go on later as if nothing had been."""

    alerts = frozenset({"SebillingPartBad:WORKERS"})

    async def strike(self) -> None:
        for program in self.programs:
            program.pause()

    async def mend(self) -> None:
        for program in self.programs:
            program.go_on()


class LineCut(Fault):
    """HAProxy hangs: nobody gets to the servers, and no server to the database."""

    part = SERVERS
    alerts = frozenset({"SebillingDatabaseDown"})

    async def strike(self) -> None:
        self.cluster.haproxy.pause()

    async def mend(self) -> None:
        self.cluster.haproxy.go_on()


class PoolersHang(Fault):
    """PgBouncer hangs on all machines: servers answer, that the database doesn't."""

    part = "DATABASE"
    alerts = frozenset({"SebillingDatabaseDown", "SebillingServerErrors"})

    async def strike(self) -> None:
        for machine in self.cluster.machines.values():
            machine.pgbouncer.pause()

    async def mend(self) -> None:
        for machine in self.cluster.machines.values():
            machine.pgbouncer.go_on()


class ServersSlow(Fault):
    """The servers stand still most of the time."""

    part = None
    alerts = frozenset({"SebillingSlow"})

    async def strike(self) -> None:
        self._stopping = asyncio.create_task(self._stop_and_go())

    async def mend(self) -> None:
        self._stopping.cancel()
        await asyncio.gather(self._stopping, return_exceptions=True)
        for program in self.cluster.servers.values():
            program.go_on()

    async def _stop_and_go(self) -> None:
        while True:
            for program in self.cluster.servers.values():
                program.pause()
            await asyncio.sleep(1.5)
            for program in self.cluster.servers.values():
                program.go_on()
            await asyncio.sleep(0.7)  # long enough for their metrics to be read now and then


class DiskSlow(Fault):
    """The primary's disk takes a second and a half to confirm that something is on it."""

    part = None
    alerts = frozenset({"SebillingSlow"})

    async def strike(self) -> None:
        primary = self.cluster.primary()
        assert primary is not None
        slow = ["-e", "trace=fsync,fdatasync", "-e", f"inject=fsync,fdatasync:delay_enter={_SLOW_MICROSECONDS}"]
        processes = [word for pid in primary.postgresql() for word in ("-p", str(pid))]
        self._slowing = await asyncio.create_subprocess_exec("strace", "-f", "-qqq", "-o", os.devnull, *slow, *processes)

    async def mend(self) -> None:
        self._slowing.terminate()
        await self._slowing.wait()


class ClocksWrong(Fault):
    """The clocks of servers and workers jump by an hour; `clock` must be theirs. The database's is right."""

    part = None  # who looks here has a right clock; Prometheus asks the servers
    alerts = frozenset({"SebillingPartBad:CLOCK"})
    _jumps: ClassVar[Iterator[int]] = itertools.cycle([3_600, -3_600])

    async def strike(self) -> None:
        clock(self.cluster).set(next(self._jumps))

    async def mend(self) -> None:
        clock(self.cluster).set(0)


def clock(cluster: Cluster) -> WrongClock:
    """That of its servers and workers, if they were started with it. It is right."""
    return WrongClock(cluster.folder / "clock")


class RouterAway(Fault):
    """The router doesn't answer."""

    part = "DEVICES"
    alerts = frozenset({"SebillingPartBad:DEVICES"})

    async def strike(self) -> None:
        await self.router.stop()

    async def mend(self) -> None:
        await self.router.listen()


class DiskFull(Fault):
    """The disk of the servers' files is full; `mount` it first."""

    part: ClassVar[str | None] = "DISK"
    alerts = frozenset({"SebillingPartBad:DISK"})
    megabytes: ClassVar[int] = _DISK_MEGABYTES - 1

    async def strike(self) -> None:
        (self.cluster.folder / "var" / "filling").write_bytes(bytes(self.megabytes * 1024**2))

    async def mend(self) -> None:
        (self.cluster.folder / "var" / "filling").unlink()


class DiskNearlyFull(DiskFull):
    """It is nearly full, for long."""

    part = None
    alerts = frozenset({"SebillingPartWarning:DISK"})
    megabytes = _DISK_MEGABYTES - 5


KINDS: Final[Sequence[type[Fault]]] = (
    PrimaryKilled, PowerLost, PoolersHang, ServersKilled, ServersSlow, WorkersKilled, WorkersPaused, LineCut, DiskSlow, ClocksWrong,
    RouterAway, DiskFull, DiskNearlyFull,
)  # fmt: skip


def mount(folder: Path) -> None:
    """Give the folder a small disk of its own. Needs root."""
    folder.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={_DISK_MEGABYTES}m", "sebilling-chaos", folder], check=True)


def unmount(folder: Path) -> None:
    """Take it away, with what is on it."""
    subprocess.run(["umount", "--lazy", folder], check=True)
