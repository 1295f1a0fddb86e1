"""Block addresses by elements of a named set that the router's forward chain stops: one transaction for all of a batch.

Only elements with SeBilling's comment are ever removed. An address has no entry of its own on a router, so it is never ABSENT.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import ClassVar, Final

from sebilling.plugins.contract import (
    DeviceError,
    DeviceHealth,
    Fault,
    IsolationDriver,
    Job,
    Outcome,
    Quality,
    Reading,
    Ref,
    Result,
    Sentence,
    Snapshot,
)

from sebilling_nftables.addresses import parse, spelled
from sebilling_nftables.config import NftablesConfig
from sebilling_nftables.faults import Unanswered
from sebilling_nftables.judgement import Change, Judgement, refused
from sebilling_nftables.router import Router

_AWAY: Final = (Fault.UNREACHABLE, Fault.TIMEOUT)
_TRANSACTIONS: Final = 2
"""Attempts at a transaction: nft refuses the first if a hand has changed the set since it was read."""
_COMMANDS: Final = 3 * (_TRANSACTIONS + 1) + _TRANSACTIONS
"""At most that many commands in one call: three for a reading, before each transaction and after the last."""
_MIN_BUDGET_SECONDS: Final = 60.0


class NftablesDriver(IsolationDriver[NftablesConfig]):
    """A driver with one session."""

    kind: ClassVar[str] = "nftables.set"
    title: ClassVar[Sentence] = Sentence("Linux router (nftables)", "Router Linux (nftables)")
    config_model: ClassVar[type[NftablesConfig]] = NftablesConfig
    service_kinds: ClassVar[Mapping[str, Sentence]] = {
        "STATIC_IP": Sentence(
            "IPv4 or IPv6 address, or network such as 10.0.0.8/29 or 2001:db8:8::/56",
            "alamat IPv4 atau IPv6, atau jaringan seperti 10.0.0.8/29 atau 2001:db8:8::/56",
        )
    }
    quality: ClassVar[Quality] = Quality.GOLD
    _router: Router | None = None

    @classmethod
    def canonical_key(cls, service_kind: str, text: str) -> str:
        """Return an address, or a network that isn't a single address. Raises InvalidValue."""
        del service_kind
        return spelled(parse(text))

    def budget(self, jobs: int) -> float:
        """Time for each command's longest wait, whatever the number of jobs: a batch is one transaction."""
        del jobs
        return max(_MIN_BUDGET_SECONDS, _COMMANDS * self.config.timeout_seconds)

    async def open(self) -> None:
        if self._router is None:
            router = Router(self.config)
            try:
                await router.connect()
            except BaseException:
                await router.close()
                raise
            self._router = router

    async def close(self) -> None:
        router, self._router = self._router, None
        if router is not None:
            await router.close()

    @property
    def router(self) -> Router:
        """The open session. Raises DeviceError if there is none, which is an error of the caller, not of the router."""
        if self._router is None:
            raise DeviceError(
                Fault.UNREACHABLE,
                Sentence("There is no open session: call open first.", "Tidak ada sesi yang terbuka: panggil open dulu."),
                retryable=True,
            )
        return self._router

    async def probe(self) -> DeviceHealth:
        opened = self._router is None
        try:
            await self.open()
            ruleset = await self.router.read()
            problems = dict.fromkeys(problem for problem in Judgement(ruleset).gates.values() if problem is not None)
            uptime = await self.router.uptime_seconds()
            return DeviceHealth(reachable=True, problems=tuple(problems), facts={"nftables": ruleset.version}, uptime_seconds=uptime)
        except DeviceError as error:
            self.context.logger.warning("nftables_probe_failed fault=%s", error.fault)
            return DeviceHealth(reachable=error.fault not in _AWAY, problems=(error.message,))
        finally:
            if opened:
                await self.close()

    async def read_state(self, refs: Sequence[Ref], snapshots: Mapping[int, Snapshot]) -> Mapping[int, Reading]:
        judgement = Judgement(await self.router.read())
        ipv6 = await self.router.read_ipv6_of(judgement.listed_ipv4(refs))
        return {ref.id: judgement.reading(ref, snapshots.get(ref.id), ipv6) for ref in refs}

    async def snapshot(self, refs: Sequence[Ref]) -> Mapping[int, Snapshot]:
        judgement = Judgement(await self.router.read())
        return {ref.id: snapshot for ref in refs if (snapshot := judgement.snapshot(ref)) is not None}

    async def block(self, jobs: Sequence[Job]) -> AsyncIterator[Outcome]:
        async for outcome in self._run(jobs, restoring=False):
            yield outcome

    async def restore(self, jobs: Sequence[Job]) -> AsyncIterator[Outcome]:
        async for outcome in self._run(jobs, restoring=True):
            yield outcome

    async def _run(self, jobs: Sequence[Job], *, restoring: bool) -> AsyncIterator[Outcome]:
        """Judge, change everything in one transaction, read back."""
        for left in reversed(range(_TRANSACTIONS)):
            if not jobs:
                return
            outcomes, changes = Judgement(await self.router.read()).judge(jobs, restoring=restoring)
            for outcome in outcomes:
                yield outcome
            jobs = [change.job for change in changes]
            error = await self._send(changes, restoring=restoring) if changes else None
            if error is not None and error.fault is Fault.REFUSED and left:
                continue  # a hand may have changed the set since it was read: judge by what it holds now
            for outcome in await self._outcomes(changes, error, restoring=restoring):
                yield outcome
            return

    async def _send(self, changes: Sequence[Change], *, restoring: bool) -> DeviceError | None:
        """Make all changes or none; return why they weren't made, or why that isn't known."""
        try:
            if restoring:
                await self.router.unlist_members([change.network for change in changes])
            else:
                await self.router.list_members([(change.network, change.comment) for change in changes])
        except DeviceError as error:
            return error
        return None

    async def _outcomes(self, changes: Sequence[Change], error: DeviceError | None, *, restoring: bool) -> list[Outcome]:
        """Return the outcome of each change: of a transaction that was answered, by another reading."""
        refs = [change.job.ref for change in changes]
        if isinstance(error, Unanswered):
            return [Outcome(ref.id, Result.UNKNOWN, error.fault, error.message, retryable=True) for ref in refs]
        if error is not None:
            return [refused(ref, error.fault, error.message, retryable=error.retryable) for ref in refs]
        if not changes:
            return []
        try:
            judgement = Judgement(await self.router.read())
        except DeviceError as lost:
            why = Sentence(
                f"Changed, but not read back. {lost.message.english}",
                f"Sudah diubah, tetapi belum terbaca kembali. {lost.message.indonesian}",
            )
            return [Outcome(ref.id, Result.UNKNOWN, lost.fault, why, retryable=True) for ref in refs]
        return [judgement.proven(change, restoring=restoring) for change in changes]
