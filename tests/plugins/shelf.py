"""A device in memory, a driver that does all that the contract asks of it, and its world for the conformance kit."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, ClassVar

from pydantic import Field, SecretStr

from sebilling.plugins.conformance import AWKWARD_NAMES, DriverConformance, World
from sebilling.plugins.contract import (
    DeviceConfig,
    DeviceError,
    DeviceHealth,
    Fault,
    InvalidValue,
    IsolationDriver,
    Job,
    Outcome,
    Quality,
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

PASSWORD = "sandi-perangkat-91"
CUSTOMERS_PASSWORD = "sandi-pelanggan-17"
Row = dict[str, str]


class Refused(Exception):
    """The shelf's word for a wrong password."""


class Shelf:
    """A device in memory with the shortcomings of a real one: its link breaks, and a change may be made without an answer."""

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}
        self.up = True
        self.sets: int | None = None
        self.made = True
        self.answers: int | None = None
        self.probes = 0
        self.noted: set[str] = set()
        self.sessions: dict[str, str] = {}
        """Who is connected → the profile with which their session began."""
        self.unsaved: dict[str, str] = {}
        """Whose change wasn't saved → the profile that a restart brings back."""
        self.stubborn: set[str] = set()
        """Whose session survives a change."""

    def look(self) -> None:
        """Raises ConnectionError."""
        if not self.up:
            raise ConnectionResetError("the line is gone")

    async def login(self, password: str) -> None:
        """Raises ConnectionError, Refused."""
        await asyncio.sleep(0)
        self.look()
        if password != PASSWORD:
            raise Refused

    async def rows_of(self, *, half: bool = False) -> dict[str, Row]:
        """All rows, or ConnectionError; with `half`, what came before the line went."""
        await asyncio.sleep(0)
        if self.answers is not None:
            self.answers -= 1
            if self.answers < 0:
                self.up = False
        if half and not self.up:
            return dict(list(self.rows.items())[: len(self.rows) // 2])
        self.look()
        return {key: dict(row) for key, row in self.rows.items()}

    async def set(self, key: str, **fields: str) -> None:
        """Change a row. Raises KeyError; ConnectionError, perhaps after the change."""
        await asyncio.sleep(0)
        self.look()
        row = self.rows[key]
        if self.sets is not None:
            self.sets -= 1
            self.up = self.sets >= 0
        if self.up or self.made:
            row |= fields
            if "profile" in fields:
                self.dial(key)
        self.look()

    def dial(self, key: str) -> None:
        """The session ends, and the customer connects again with the profile of now."""
        if key not in self.stubborn:
            self.sessions[key] = self.rows[key]["profile"]

    async def sessions_now(self) -> dict[str, str]:
        """All sessions, or ConnectionError."""
        await asyncio.sleep(0)
        self.look()
        return dict(self.sessions)


class ShelfConfig(DeviceConfig, frozen=True):
    """How to reach the shelf."""

    name: str = Field(default="shelf", json_schema_extra=indonesian("Nama"))
    password: SecretStr = Field(json_schema_extra=indonesian("Kata sandi"))
    profile: str = Field(default="isolir", json_schema_extra=indonesian("Profil"))


SHELVES: dict[str, Shelf] = {}


class Good(IsolationDriver[Any]):
    """Does all that the contract asks."""

    kind: ClassVar[str] = "test.shelf"
    title: ClassVar[Sentence] = Sentence("A shelf", "Sebuah rak")
    config_model: ClassVar[type[DeviceConfig]] = ShelfConfig
    service_kinds: ClassVar[Mapping[str, Sentence]] = {"PPPOE": Sentence("PPPoE name", "nama PPPoE")}
    max_batch: ClassVar[int] = 20
    quality: ClassVar[Quality] = Quality.PLATINUM
    opened = False

    @classmethod
    def canonical_key(cls, service_kind: str, text: str) -> str:  # noqa: ARG003 - the contract's
        if "\n" in text:
            raise InvalidValue("a name has one line", "nama hanya satu baris")
        return text.strip()

    @property
    def shelf(self) -> Shelf:
        return SHELVES["shelf"]

    @property
    def password(self) -> str:
        found: str = self.config.password.get_secret_value()
        return found

    async def open(self) -> None:
        try:
            await self.shelf.login(self.password)
        except Refused:
            raise DeviceError(
                Fault.AUTH, Sentence("the shelf refuses the password: check it", "rak menolak kata sandi: periksa"), retryable=False
            ) from None
        except ConnectionError as error:
            raise self.away(error) from error
        self.opened = True

    def away(self, error: Exception) -> DeviceError:
        return DeviceError(Fault.UNREACHABLE, Sentence(f"'{error}': look at the cable", f"'{error}': periksa kabelnya"), retryable=True)

    async def close(self) -> None:
        self.opened = False

    async def probe(self) -> DeviceHealth:
        try:
            await self.shelf.login(self.password)
        except (ConnectionError, Refused) as error:
            return DeviceHealth(
                reachable=isinstance(error, Refused), problems=[Sentence("it doesn't let us in: look at it", "tidak bisa masuk: periksa")]
            )
        return DeviceHealth(reachable=True, facts={"version": "1"})

    async def rows(self) -> dict[str, Row]:
        try:
            return await self.shelf.rows_of()
        except ConnectionError as error:
            raise self.away(error) from error

    def state(self, row: Row | None, snapshot: Snapshot | None) -> State:
        if row is None:
            return State.ABSENT
        if row["profile"] == self.config.profile:
            return State.BLOCKED
        return State.DRIFTED if snapshot and row["profile"] != snapshot["profile"] else State.ACTIVE

    async def read_state(self, refs: Sequence[Ref], snapshots: Mapping[int, Snapshot]) -> Mapping[int, Reading]:
        rows, sessions = await self.rows(), await self.sessions()
        return {
            ref.id: Reading(
                self.state(rows.get(ref.key), snapshots.get(ref.id)), in_effect=self.in_effect(rows.get(ref.key), sessions.get(ref.key))
            )
            for ref in refs
        }

    async def sessions(self) -> dict[str, str]:
        try:
            return await self.shelf.sessions_now()
        except ConnectionError as error:
            raise self.away(error) from error

    def in_effect(self, row: Row | None, session: str | None) -> bool | None:
        """Whether the session is one of the state that is set."""
        garden = self.config.profile
        return row is None or session is None or (row["profile"] == garden) is (session == garden)

    async def read_usage(self) -> Sequence[Usage]:
        return [Usage(key, "PPPOE") for key in await self.sessions()]

    def kept(self, row: Row) -> Snapshot:
        return {"profile": row["profile"]}

    async def snapshot(self, refs: Sequence[Ref]) -> Mapping[int, Snapshot]:
        rows = await self.rows()
        return {ref.id: self.kept(rows[ref.key]) for ref in refs if ref.key in rows}

    async def read_customers(self) -> Sequence[Subscriber]:
        return [self.subscriber(key, row) for key, row in (await self.rows()).items()]

    def subscriber(self, key: str, row: Row) -> Subscriber:
        return Subscriber(key, "PPPOE", plan=row["profile"])

    def judged(self, job: Job, row: Row | None, *, restoring: bool) -> Outcome | str:
        """The profile to set, or what to tell without setting anything."""
        ref_id = job.ref.id
        if row is None:
            return Outcome(
                ref_id, Result.FAILED, Fault.ABSENT, Sentence("no such name: look at the shelf", "nama itu tidak ada: periksa raknya")
            )
        before = job.snapshot.get("profile")
        if job.reclaim and row["profile"] == self.config.profile:
            return "home-0"
        target = before if restoring else self.config.profile
        if before is None and not restoring and row["profile"] != target:
            return Outcome(
                ref_id,
                Result.FAILED,
                Fault.REFUSED,
                Sentence("no snapshot: nothing could restore it", "tanpa snapshot tidak bisa dipulihkan"),
            )
        if before is None or row["profile"] == target:
            if not restoring:
                self.shelf.dial(job.ref.key)
            return Outcome(ref_id, Result.UNCHANGED)
        if row["profile"] not in {before, self.config.profile}:
            return Outcome(ref_id, Result.FAILED, Fault.DRIFTED, Sentence("changed by hand: look at it", "diubah manual: periksa"))
        return str(target)

    async def change(self, jobs: Sequence[Job], *, restoring: bool) -> AsyncIterator[Outcome]:
        rows = await self.rows()
        for job in jobs:
            judged = self.judged(job, rows.get(job.ref.key), restoring=restoring)
            if isinstance(judged, Outcome):
                yield judged
                continue
            try:
                self.shelf.look()
            except ConnectionError as error:
                raise self.away(error) from error
            try:
                await self.shelf.set(job.ref.key, profile=judged)
            except ConnectionError as error:
                yield self.unanswered(job, error)
            else:
                yield Outcome(job.ref.id, Result.CHANGED)

    def unanswered(self, job: Job, error: Exception) -> Outcome:
        return Outcome(
            job.ref.id,
            Result.UNKNOWN,
            Fault.UNREACHABLE,
            Sentence(f"sent, no answer: '{error}'", f"terkirim, tanpa jawaban: '{error}'"),
            retryable=True,
        )

    async def block(self, jobs: Sequence[Job]) -> AsyncIterator[Outcome]:
        async for one in self.change(jobs, restoring=False):
            yield one

    async def restore(self, jobs: Sequence[Job]) -> AsyncIterator[Outcome]:
        async for one in self.change(jobs, restoring=True):
            yield one


class ShelfWorld(World):
    """A shelf with customers."""

    settings: Mapping[str, Any] = {"password": PASSWORD}
    wrong_password: Mapping[str, Any] = {"password": "salah-sekali-55"}
    secrets: Sequence[str] = (PASSWORD, CUSTOMERS_PASSWORD)
    spellings: Mapping[str, Sequence[str]] = {"budi": (" budi", "budi ")}
    refs: Sequence[Ref] = tuple(Ref(number, name) for number, name in enumerate(AWKWARD_NAMES, 1))
    absent: Ref | None = Ref(900, "nobody")

    def __init__(self, driver: type[IsolationDriver[Any]]) -> None:
        self.driver = driver
        self.shelf = SHELVES["shelf"] = Shelf()
        for ref in self.refs:
            self.put(ref)

    def put(self, ref: Ref) -> None:
        self.shelf.rows[ref.key] = {"profile": f"home-{ref.id % 3}", "password": CUSTOMERS_PASSWORD, "note": "", "seen": "0"}
        self.shelf.dial(ref.key)

    async def state(self) -> Any:
        return {key: dict(row) for key, row in self.shelf.rows.items()} | {"probes": self.shelf.probes}

    async def is_blocked(self, ref: Ref) -> bool:
        return self.shelf.rows[ref.key]["profile"] == "isolir"

    async def cut_link_after(self, jobs: int, *, made: bool) -> None:
        self.shelf.sets, self.shelf.made = jobs, made

    async def break_reading(self, answers: int) -> None:
        self.shelf.answers = answers

    async def make_unreachable(self) -> None:
        self.shelf.up = False

    async def mend(self) -> None:
        self.shelf.up, self.shelf.sets, self.shelf.answers = True, None, None
        self.shelf.stubborn.clear()

    async def online(self, ref: Ref) -> bool:
        return self.shelf.sessions.get(ref.key) not in {"isolir", None}

    async def keep_online(self, ref: Ref) -> None:
        self.shelf.stubborn.add(ref.key)

    async def undo_by_hand(self, ref: Ref) -> None:
        self.shelf.rows[ref.key]["profile"] = f"home-{ref.id % 3}"
        self.shelf.dial(ref.key)

    async def reboot(self) -> None:
        for key in self.shelf.rows:
            self.shelf.rows[key]["profile"] = self.shelf.unsaved.pop(key, self.shelf.rows[key]["profile"])
            self.shelf.dial(key)

    async def by_hand(self, ref: Ref) -> None:
        self.shelf.rows[ref.key]["profile"] = "by-hand"
        self.shelf.dial(ref.key)

    async def blocked_by_hand(self, ref: Ref) -> None:
        self.shelf.rows[ref.key]["profile"] = "isolir"
        self.shelf.dial(ref.key)

    async def more(self, count: int) -> Sequence[Ref]:
        refs = [Ref(1_000 + number, f"more{number}") for number in range(count)]
        for ref in refs:
            self.put(ref)
        return refs


def kit(driver: type[IsolationDriver[Any]], world: type[ShelfWorld] = ShelfWorld) -> DriverConformance:
    """The kit for one of these drivers, in this world or one that is broken."""

    class Kit(DriverConformance):
        seconds = 5.0

        @asynccontextmanager
        async def world(self) -> AsyncIterator[World]:
            yield world(driver)

    return Kit()
