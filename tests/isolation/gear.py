"""Gear in memory: a driver whose device is a dictionary that outlives its sessions, and that fails as it is told."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from pydantic import Field, SecretStr

from sebilling.plugins.contract import (
    DeviceConfig,
    DeviceError,
    DeviceHealth,
    Fault,
    InvalidValue,
    IsolationDriver,
    Job,
    Outcome,
    Reading,
    Ref,
    Result,
    Sentence,
    Snapshot,
    State,
    Subscriber,
    Usage,
    indonesian,
)
from sebilling.plugins.loading import Plugin, Plugins, PluginStatus


@dataclass
class Gear:
    """A device: what each key's profile is, and what goes wrong."""

    profiles: dict[str, str] = field(default_factory=dict)
    sessions: int = 0
    most_sessions: int = 0
    unreachable: bool = False
    forbids: set[str] = field(default_factory=set)
    """Keys that it refuses to change, for good."""
    forgets_answers: int = 0
    """So many outcomes are done and not answered."""
    refuses: int = 0
    """So many sets are refused."""
    dies_after: int | None = None
    """So many sets, then the line is gone."""
    log: list[tuple[str, str]] = field(default_factory=list)
    lingering: set[str] = field(default_factory=set)
    """Keys whose session from before a change is still up."""
    dumb: bool = False
    """It can't tell whether a session is up."""
    uptime: float | None = None
    online: list[tuple[str, str]] = field(default_factory=list)
    """Key and address of each open session."""
    rates: dict[str, int] = field(default_factory=dict)
    reads: int = 0


GEARS: dict[str, Gear] = {}


class GearConfig(DeviceConfig, frozen=True):
    """Which gear, and its password."""

    gear: str = Field(json_schema_extra=indonesian("Perangkat"))
    password: SecretStr = Field(default=SecretStr(""), json_schema_extra=indonesian("Kata sandi"))


class GearDriver(IsolationDriver[GearConfig]):
    kind = "test.gear"
    title = Sentence("Gear in memory", "Perangkat di memori")
    config_model = GearConfig
    service_kinds: ClassVar[Mapping[str, Sentence]] = {"PPPOE": Sentence("PPPoE name", "nama PPPoE")}
    max_batch = 7

    @classmethod
    def canonical_key(cls, service_kind: str, text: str) -> str:  # noqa: ARG003 - the contract's
        if " " in text:
            raise InvalidValue("no spaces in a PPPoE name", "nama PPPoE tanpa spasi")
        return text.lower()

    @property
    def gear(self) -> Gear:
        return GEARS[self.config.gear]

    async def open(self) -> None:
        await asyncio.sleep(0)
        if self.gear.unreachable:
            raise DeviceError(Fault.UNREACHABLE, Sentence("no route", "tidak ada rute"), retryable=True)
        self.gear.sessions += 1
        self.gear.most_sessions = max(self.gear.most_sessions, self.gear.sessions)

    async def close(self) -> None:
        self.gear.sessions = max(0, self.gear.sessions - 1)

    async def probe(self) -> DeviceHealth:
        return DeviceHealth(reachable=not self.gear.unreachable, facts={"version": "1"}, uptime_seconds=self.gear.uptime)

    async def read_state(self, refs: Sequence[Ref], snapshots: Mapping[int, Snapshot]) -> Mapping[int, Reading]:  # noqa: ARG002 - the contract's
        await asyncio.sleep(0)
        if self.gear.unreachable:
            raise DeviceError(Fault.UNREACHABLE, Sentence("no route", "tidak ada rute"), retryable=True)
        self.gear.reads += 1
        found = {}
        for ref in refs:
            profile = self.gear.profiles.get(ref.key)
            state = State.ABSENT if profile is None else State.BLOCKED if profile == "isolir" else State.ACTIVE
            told = None if profile is None else Sentence(f"profile {profile}", f"profil {profile}")
            found[ref.id] = Reading(state, told, in_effect=None if self.gear.dumb else ref.key not in self.gear.lingering)
        return found

    async def snapshot(self, refs: Sequence[Ref]) -> Mapping[int, Snapshot]:
        await asyncio.sleep(0)
        return {ref.id: {"profile": self.gear.profiles[ref.key]} for ref in refs if ref.key in self.gear.profiles}

    async def read_customers(self) -> Sequence[Subscriber]:
        return [
            Subscriber(key, "PPPOE", plan=profile, rate_down_kbps=self.gear.rates.get(key)) for key, profile in self.gear.profiles.items()
        ]

    async def apply_plan(self, refs: Sequence[Ref]) -> AsyncIterator[Outcome]:
        for ref in refs:
            await asyncio.sleep(0)
            if self.gear.refuses:
                self.gear.refuses -= 1
                yield Outcome(ref.id, Result.FAILED, Fault.REFUSED, Sentence("disk full", "disk penuh"), retryable=True)
            elif ref.key not in self.gear.profiles:
                yield Outcome(ref.id, Result.FAILED, Fault.ABSENT, Sentence("no such name", "nama itu tidak ada"))
            else:
                changed = self.gear.rates.get(ref.key) != ref.rate_down_kbps
                self.gear.rates[ref.key] = ref.rate_down_kbps or 0
                yield Outcome(ref.id, Result.CHANGED if changed else Result.UNCHANGED)

    async def read_usage(self) -> Sequence[Usage]:
        return [Usage(key, "PPPOE", address=address, bytes_down=7_500_000) for key, address in self.gear.online]

    async def block(self, jobs: Sequence[Job]) -> AsyncIterator[Outcome]:
        for job in jobs:
            if job.snapshot:
                yield await self._set(job, "isolir")
            else:
                yield Outcome(job.ref.id, Result.FAILED, Fault.ABSENT, Sentence("nothing could restore it", "tidak bisa dipulihkan"))

    async def restore(self, jobs: Sequence[Job]) -> AsyncIterator[Outcome]:
        for job in jobs:
            profile = self.gear.profiles.get(job.ref.key)
            if job.reclaim and profile == "isolir":
                yield await self._set(job, f"home-{job.ref.key}")
            elif not job.snapshot:
                yield Outcome(job.ref.id, Result.UNCHANGED)
            elif profile not in {"isolir", job.snapshot["profile"]}:
                yield Outcome(job.ref.id, Result.FAILED, Fault.DRIFTED, Sentence("changed by hand", "diubah manual"))
            else:
                yield await self._set(job, job.snapshot["profile"])

    async def _set(self, job: Job, profile: str) -> Outcome:
        await asyncio.sleep(0)
        gear, key = self.gear, job.ref.key
        if gear.dies_after is not None:
            gear.dies_after -= 1
            if gear.dies_after < 0:
                gear.unreachable, gear.dies_after = True, None
                raise DeviceError(Fault.UNREACHABLE, Sentence("the line is gone", "koneksi terputus"), retryable=True)
        if gear.refuses:
            gear.refuses -= 1
            return Outcome(job.ref.id, Result.FAILED, Fault.REFUSED, Sentence("disk full", "disk penuh"), retryable=True)
        if key in gear.forbids:
            return Outcome(job.ref.id, Result.FAILED, Fault.REFUSED, Sentence("not this one", "tidak untuk yang ini"))
        if key not in gear.profiles:
            return Outcome(job.ref.id, Result.FAILED, Fault.ABSENT, Sentence("no such name", "nama itu tidak ada"), retryable=False)
        changed = gear.profiles[key] != profile
        gear.profiles[key] = profile
        gear.log.append((key, profile))
        if gear.forgets_answers:
            gear.forgets_answers -= 1
            return Outcome(job.ref.id, Result.UNKNOWN, Fault.TIMEOUT, Sentence("no answer", "tanpa jawaban"), retryable=True)
        return Outcome(job.ref.id, Result.CHANGED if changed else Result.UNCHANGED)


def plugins() -> Plugins:
    """Plugins with this driver alone."""
    found = Plugins()
    found.drivers[GearDriver.kind] = GearDriver
    found.plugins.append(Plugin("gear", "tests", "0", PluginStatus.ACTIVE, drivers=(GearDriver.kind,)))
    return found
