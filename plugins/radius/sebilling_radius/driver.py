"""Base of both methods: the connection, what is read, and what a method decides.

A customer's standing is derived only from the tables, including our mark, so the next call finishes what an aborted one left undone.
"""

import abc
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import ClassVar, Final, TypeVar

from sebilling.plugins.contract import (
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
    Sentence,
    Snapshot,
    State,
    Subscriber,
    Usage,
)  # fmt: skip

from sebilling_radius import customers, effect, mark, plan_push, radacct, setup, subscribers, usage
from sebilling_radius.catalogue import catalogue_of
from sebilling_radius.config import RadiusConfig
from sebilling_radius.customers import Customer, Source, Tables, View, Wanted
from sebilling_radius.database import RadiusDatabase
from sebilling_radius.mark import Mark
from sebilling_radius.radacct import Radacct, Session
from sebilling_radius.sessions import ALL_SECONDS
from sebilling_radius.standing import Standing, Step
from sebilling_radius.transition import Transition

R = TypeVar("R", bound=RadiusConfig)
_AWAY: Final = (Fault.UNREACHABLE, Fault.TIMEOUT)


class RadiusDriver(IsolationDriver[R], abc.ABC):
    """Base of both drivers, with one connection to the database. Subclasses decide, and write their rows."""

    walled: ClassVar[bool]
    """Whether a blocked customer has a session, in a walled garden."""
    _database: RadiusDatabase | None = None
    _radacct: Radacct | None = None
    tables: Tables

    quality: ClassVar[Quality] = Quality.PLATINUM
    _columns: frozenset[str] = frozenset()

    @classmethod
    def canonical_key(cls, service_kind: str, text: str) -> str:
        """Return the user name without blanks around it. Capitals and realms stay: what they mean depends on the device's settings."""
        del service_kind
        key = text.strip()
        if not customers.fits(key):
            raise InvalidValue(
                f"a user name has 1 to {customers.MAX_KEY_BYTES} bytes, and doesn't begin with {mark.PREFIX}",
                f"nama pengguna terdiri dari 1 sampai {customers.MAX_KEY_BYTES} byte, dan tidak diawali {mark.PREFIX}",
            )
        return key

    def budget(self, jobs: int) -> float:
        """Seconds for one call: its statements, each with its own timeout, and the sessions of all jobs together."""
        return ALL_SECONDS + 3 * self.config.timeout_seconds + jobs / 100

    async def open(self) -> None:
        if self._database is None:
            self._database = await RadiusDatabase.connect(self.config)
            self.tables = Tables.of(self.config, self._database)

    async def radacct(self) -> Radacct:
        """Return the queries of radacct, by the columns that it has. Raises DeviceError."""
        if self._radacct is None:
            self._columns = await catalogue_of(self.database, self.config).columns(self.config.radacct)
            self._radacct = Radacct(self.database, self.config, [name for name in radacct.OPTIONAL if name in self._columns])
        return self._radacct

    async def source(self) -> Source:
        """Return where customers are read from. Raises DeviceError."""
        return Source(self.database, self.tables, self.config.matching, await self.radacct())

    async def close(self) -> None:
        database, self._database, self._radacct = self._database, None, None
        if database is not None:
            await database.close()

    @property
    def database(self) -> RadiusDatabase:
        """The open connection. Raises DeviceError if there is none, which is an error of the caller."""
        if self._database is None:
            raise DeviceError(
                Fault.UNREACHABLE,
                Sentence("There is no open session: call open first.", "Tidak ada sesi yang terbuka: panggil open dulu."),
                retryable=True,
            )
        return self._database

    async def probe(self) -> DeviceHealth:
        opened = self._database is None
        try:
            await self.open()
            problems, facts = await setup.examine(self.database, self.config, await self.radacct(), needs=self.needs())
            problems = [*problems, *await self.setup_problems()]
            return DeviceHealth(reachable=True, problems=tuple(problems), facts=facts)
        except DeviceError as error:
            self.context.logger.warning("radius_probe_failed fault=%s", error.fault)
            return DeviceHealth(reachable=error.fault not in _AWAY, problems=(error.message,))
        finally:
            if opened:
                await self.close()

    @abc.abstractmethod
    def needs(self) -> Mapping[str, str]:
        """Return the privileges that this method needs, as letters of `setup.PRIVILEGES`, by table."""

    @abc.abstractmethod
    async def setup_problems(self) -> Sequence[Sentence]:
        """Return what is missing in the one-time setup for this method, each with its remedy. Raises DeviceError."""

    @abc.abstractmethod
    def wanted(self) -> Wanted:
        """Return what this method needs to know of customers."""

    async def view(self, refs: Sequence[Ref]) -> View:
        """Read these refs from the tables. Raises DeviceError."""
        return await customers.read(await self.source(), refs, self.wanted())

    @property
    def mark_table(self) -> str:
        """Table of our marks."""
        return self.wanted().pairs

    @abc.abstractmethod
    def ours(self, customer: Customer) -> int:
        """Return how many rows of the customer's name are ours, less the customer's rows that are under another name."""

    @abc.abstractmethod
    def standing(self, customer: Customer, snapshot: Snapshot | None) -> tuple[Standing, Sentence]:
        """Return the customer's standing and a description. Not called for an absent customer."""

    @abc.abstractmethod
    def kept(self, customer: Customer) -> Snapshot:
        """Return the snapshot that restoring needs, whether the customer is blocked now or not."""

    @abc.abstractmethod
    def blocked_mark(self, customer: Customer) -> Mark:
        """Return the mark of a customer who is about to be blocked."""

    @abc.abstractmethod
    def unblocked(self, customer: Customer) -> Sequence[Session]:
        """Return the unblocked open sessions of a blocked customer."""

    @abc.abstractmethod
    def restored_mark(self, customer: Customer, current_mark: Mark) -> Mark | None:
        """Return the mark that stays until all blocked sessions are ended; None if there can be none."""

    @abc.abstractmethod
    async def write_block(self, steps: Sequence[Step]) -> None:
        """Write the rows that block. Call inside a transaction. Raises DeviceError."""

    @abc.abstractmethod
    async def write_back(self, steps: Sequence[Step]) -> None:
        """Restore the rows of blocked customers. Call inside a transaction. Raises DeviceError."""

    def changed_since(self, customer: Customer, snapshot: Snapshot) -> Sentence | None:
        """Describe how an unblocked customer differs from the snapshot; None if they don't."""
        del customer, snapshot
        return None

    async def change_of_sessions(self) -> Mapping[str, str] | None:
        """Return the attributes to which sessions are changed instead of being ended; None to end them. Raises DeviceError."""
        return None

    def lost_mark(self, customer: Customer) -> Mark | Sentence:
        """Return the mark that a customer must have had whose mark was lost; or why it can't be known, and what to do by hand."""
        del customer
        return Sentence(
            "The login is refused, but no mark tells that SeBilling did it: if so, remove Auth-Type := Reject by hand.",
            "Login-nya ditolak, tetapi tidak ada tanda dari SeBilling: bila SeBilling yang melakukannya, hapus Auth-Type := Reject manual.",
        )

    def stands(self, view: View, ref: Ref, snapshot: Snapshot | None) -> tuple[Standing, Sentence]:
        """Return the ref's standing and a description."""
        customer = view.get(ref.key)
        if customer is None or customer.rows <= self.ours(customer):
            return Standing.ABSENT, Sentence(
                "No row of the RADIUS tables has this name.", "Tidak ada baris dengan nama ini di tabel RADIUS."
            )
        if customer.ambiguous:
            return Standing.AMBIGUOUS, Sentence(
                "Another service access has the same user name in other letters: correct one of the two.",
                "Akses layanan lain memakai nama pengguna yang sama dengan huruf berbeda: perbaiki salah satunya.",
            )
        return self.standing(customer, snapshot)

    async def read_state(self, refs: Sequence[Ref], snapshots: Mapping[int, Snapshot]) -> Mapping[int, Reading]:
        view = await self.view(refs)
        return {ref.id: self.reading(view, ref, snapshots.get(ref.id)) for ref in refs}

    def reading(self, view: View, ref: Ref, snapshot: Snapshot | None) -> Reading:
        """Return the reading of a ref."""
        standing, detail = self.stands(view, ref, snapshot)
        if standing is Standing.FREE and snapshot is not None and (changed := self.changed_since(view[ref.key], snapshot)):
            return Reading(State.DRIFTED, changed)
        if standing is Standing.BLOCKED:
            customer = view[ref.key]
            return effect.reading(State.BLOCKED, detail, customer, self.unblocked(customer), customer.mark)
        if standing is Standing.SWITCHED_OFF:
            return effect.reading(State.BLOCKED, detail, view[ref.key], view[ref.key].sessions, None)
        if standing is Standing.RESTORED and (current_mark := view[ref.key].mark) is not None:
            return effect.reading(State.ACTIVE, detail, view[ref.key], current_mark.pending(view[ref.key].sessions), current_mark)
        states = {Standing.ABSENT: State.ABSENT, Standing.FREE: State.ACTIVE, Standing.BLOCKED_BY_HAND: State.BLOCKED}
        return Reading(states.get(standing, State.DRIFTED), detail, in_effect=True)

    async def read_customers(self) -> Sequence[Subscriber]:
        """Return all users in radcheck, by name, for an import. Raises DeviceError."""
        garden: str | None = getattr(self.config, "group", None)
        kind = next(iter(self.service_kinds))
        return await subscribers.read(self.database, self.tables, marks=self.mark_table, service_kind=kind, garden=garden)

    async def read_usage(self) -> Sequence[Usage]:
        """Return who is online by radacct. Raises DeviceError."""
        source = await self.source()
        return await usage.read(source, sorted(self._columns), service_kind=next(iter(self.service_kinds)))

    async def apply_plan(self, refs: Sequence[Ref]) -> AsyncIterator[Outcome]:
        """Give active customers their plan's speed. Raises DeviceError."""
        async for outcome in plan_push.apply_plan(self, refs):
            yield outcome

    async def snapshot(self, refs: Sequence[Ref]) -> Mapping[int, Snapshot]:
        view = await self.view(refs)
        return {ref.id: self.kept(view[ref.key]) for ref in refs if ref.key in view and view[ref.key].rows > self.ours(view[ref.key])}

    async def block(self, jobs: Sequence[Job]) -> AsyncIterator[Outcome]:
        async for outcome in Transition(self, restoring=False).outcomes(jobs):
            yield outcome

    async def restore(self, jobs: Sequence[Job]) -> AsyncIterator[Outcome]:
        async for outcome in Transition(self, restoring=True).outcomes(jobs):
            yield outcome
