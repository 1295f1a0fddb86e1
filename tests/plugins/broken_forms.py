"""Drivers that give the wrong form, tell too little, or fail in the wrong way, one fault each; and worlds that prove nothing."""

import itertools
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from pydantic import BaseModel, Field, SecretStr

from sebilling.plugins.contract import (
    DeviceConfig,
    DeviceError,
    DeviceHealth,
    Fault,
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
    indonesian,
)
from tests.plugins.broken import BROKEN, UNFIT, caught_by
from tests.plugins.shelf import PASSWORD, Good, Refused, Row, ShelfConfig, ShelfWorld

__all__ = ["BROKEN"]
FINE = Sentence("look at it", "periksa")
CLASS, SETTINGS, PROBE, DEAD_PROBE = (
    "test_the_class_says_what_it_is", "test_settings_hide_what_is_secret", "test_probe_changes_nothing",
    "test_probe_of_a_dead_device_tells_and_doesnt_raise",
)  # fmt: skip
SNAPSHOT, READ, IMPORT = (
    "test_snapshot_is_strings_that_survive_json",
    "test_read_state_tells_what_is_there",
    "test_customers_for_an_import_are_all_told",
)
LIFE, ONE, MISSING = "test_what_is_blocked_comes_back_to_the_byte", "test_each_job_has_one_outcome", "test_a_missing_customer_fails_alone"
WRONG, DEAD, BREAK = "test_a_wrong_password_is_told_as_such", "test_a_dead_link_is_told_as_such", "test_a_link_that_breaks_while_blocking"


def variant(check: str, name: str, **body: Any) -> None:
    """A good driver with something else in its class."""
    caught_by(check)(type(name, (Good,), body))


variant(CLASS, "Untitled", title=Sentence(" ", " "))
variant(CLASS, "TitledByAString", title="A shelf")
variant(CLASS, "TitledInEnglishOnly", title=Sentence("The shelf", "The shelf"))
variant(CLASS, "ServiceInSmallLetters", service_kinds={"pppoe": Sentence("PPPoE name", "nama PPPoE")})
variant(CLASS, "ServiceWithoutWords", service_kinds={"PPPOE": Sentence("PPPoE name", "")})
variant(CLASS, "BatchOfText", max_batch="20")
variant(CLASS, "BatchOfNobody", max_batch=0)
caught_by(CLASS)(type("NoDriver", (), {name: getattr(Good, name) for name in ("kind", "title", "service_kinds", "max_batch")}))


@caught_by(CLASS)
class Unfinished(Good):
    close = IsolationDriver.close


class PlainModel(BaseModel, extra="forbid", frozen=True, hide_input_in_errors=True):
    password: SecretStr
    profile: str = "isolir"


class OpenKey(ShelfConfig, frozen=True):
    api_key: str = Field(default="", json_schema_extra=indonesian("Kunci"))


class NestedOpenKey(ShelfConfig, frozen=True):
    class Inner(DeviceConfig, frozen=True):
        token: str | None = Field(default=None, json_schema_extra=indonesian("Token"))

    inner: Inner = Field(default=Inner(), json_schema_extra=indonesian("Isi"))


class SecretByDefault(ShelfConfig, frozen=True):
    login: str = Field(default=PASSWORD, json_schema_extra=indonesian("Nama"))


class SettingInEnglishOnly(ShelfConfig, frozen=True):
    port: int = Field(default=1, description="Port of the shelf.")


class SettingDescribedTwiceInEnglish(ShelfConfig, frozen=True):
    port: int = Field(default=1, description="Port of the shelf.", json_schema_extra=indonesian("Port", "Port of the shelf."))


for _model in (PlainModel, OpenKey, NestedOpenKey, SecretByDefault, SettingInEnglishOnly, SettingDescribedTwiceInEnglish):
    variant(SETTINGS, _model.__name__, config_model=_model)


class ProbeBy(Good):
    """Its probe gives what `health` says of a sound device."""

    health: ClassVar[Any]

    async def probe(self) -> DeviceHealth:
        found = await super().probe()
        return type(self).health if found.ok else found


for _name, _health in {
    "SoundToldAsDead": DeviceHealth(reachable=False, problems=[Sentence("gone", "hilang")]),
    "ProblemWithoutWords": DeviceHealth(reachable=True, problems=[Sentence("", "")]),
    "ProblemAsAString": DeviceHealth(reachable=True, problems=["The disk is full: delete something."]),  # type: ignore[list-item]
    "ProblemInEnglishOnly": DeviceHealth(reachable=True, problems=[Sentence("The disk is full.", "The disk is full.")]),
    "FactsOfNumbers": DeviceHealth(reachable=True, facts={"version": 1}),  # type: ignore[dict-item]
}.items():
    caught_by(PROBE)(type(_name, (ProbeBy,), {"health": _health}))


@caught_by(DEAD_PROBE)
class DeadWithoutAWord(Good):
    async def probe(self) -> DeviceHealth:
        return replace(await super().probe(), problems=[])


@caught_by(DEAD_PROBE)
class RefusalToldAsOk(Good):
    async def probe(self) -> DeviceHealth:
        found = await super().probe()
        return DeviceHealth(reachable=True) if found.reachable else found


@caught_by("test_snapshot_changes_nothing")
class SnapshotOfTheMoment(Good):
    moments: ClassVar["itertools.count[int]"] = itertools.count()

    def kept(self, row: Row) -> Snapshot:
        return {**super().kept(row), "at": str(next(self.moments))}


@caught_by(SNAPSHOT)
class SnapshotOfAll(Good):
    async def snapshot(self, refs: Sequence[Ref]) -> Mapping[int, Snapshot]:
        found = await super().snapshot(refs)
        return {number: {"profile": row["profile"]} for number, row in enumerate((await self.rows()).values(), 1)} | dict(found)


@caught_by(SNAPSHOT)
class EmptySnapshot(Good):
    def kept(self, row: Row) -> Snapshot:
        del row
        return {}


@caught_by(SNAPSHOT)
class SnapshotWithNul(Good):
    def kept(self, row: Row) -> Snapshot:
        return {**super().kept(row), "raw": "caf\x00"}


@caught_by(READ)
class OneAloneIsOtherwise(Good):
    async def read_state(self, refs: Sequence[Ref], snapshots: Mapping[int, Snapshot]) -> Mapping[int, Reading]:
        found = await super().read_state(refs, snapshots)
        return dict.fromkeys(found, Reading(State.ACTIVE, in_effect=True)) if len(refs) == 1 else found


@caught_by(READ)
class ReadsWhoWasntAsked(Good):
    async def read_state(self, refs: Sequence[Ref], snapshots: Mapping[int, Snapshot]) -> Mapping[int, Reading]:
        return await super().read_state(refs, snapshots) or {1: Reading(State.ACTIVE, in_effect=True)}


@caught_by(READ)
class NoDetailToShow(Good):
    async def read_state(self, refs: Sequence[Ref], snapshots: Mapping[int, Snapshot]) -> Mapping[int, Reading]:
        return {ref_id: Reading(one.state, 7, in_effect=True) for ref_id, one in (await super().read_state(refs, snapshots)).items()}  # type: ignore[arg-type]


@caught_by("test_read_state_tells_what_a_hand_changed")
class OneHandForAll(Good):
    async def read_state(self, refs: Sequence[Ref], snapshots: Mapping[int, Snapshot]) -> Mapping[int, Reading]:
        found = await super().read_state(refs, snapshots)
        drifted = any(one.state is State.DRIFTED for one in found.values())
        return dict.fromkeys(found, Reading(State.DRIFTED)) if drifted else found


@caught_by(IMPORT)
class ImportThatWrites(Good):
    async def read_customers(self) -> Sequence[Subscriber]:
        self.shelf.probes += 1
        return await super().read_customers()


@caught_by(IMPORT)
class ImportsTheAbsent(Good):
    async def read_customers(self) -> Sequence[Subscriber]:
        return [*await super().read_customers(), Subscriber("nobody", "PPPOE")]


class Told(Good):
    """Tells otherwise what it did well: `otherwise` says how."""

    def otherwise(self, one: Outcome) -> Any:
        return one

    async def change(self, jobs: Sequence[Job], *, restoring: bool) -> AsyncIterator[Outcome]:
        async for one in super().change(jobs, restoring=restoring):
            yield self.otherwise(one)


def told(check: str, name: str, otherwise: Any) -> None:
    """A driver that tells otherwise."""
    caught_by(check)(type(name, (Told,), {"otherwise": lambda _self, one: otherwise(one)}))


told(LIFE, "NeverChanged", lambda one: replace(one, result=Result.UNCHANGED) if one.result is Result.CHANGED else one)
told(ONE, "SuccessWithAFault", lambda one: replace(one, fault=Fault.REFUSED))
told(ONE, "FailsWithoutAFault", lambda one: replace(one, fault=None))
told(ONE, "FailsWithoutAMessage", lambda one: replace(one, message=Sentence(" ", " ")))
told(ONE, "ResultAsText", lambda one: replace(one, result=str(one.result)))
told(ONE, "NoOutcome", lambda one: type("Other", (), {"ref_id": one.ref_id, "result": one.result, "fault": one.fault, "message": FINE})())
told(MISSING, "TriesTheMissingAgain", lambda one: replace(one, retryable=one.fault is Fault.ABSENT))
told(
    "test_what_a_hand_changed_is_left_alone", "HandsWithoutAWord",
    lambda one: Outcome(one.ref_id, Result.UNCHANGED) if one.fault is Fault.DRIFTED else one,
)  # fmt: skip
told(
    "test_restoring_without_a_snapshot_changes_nothing", "ClaimsToHaveRestored",
    lambda one: replace(one, result=Result.CHANGED) if one.result is Result.UNCHANGED else one,
)  # fmt: skip
told(
    "test_who_was_blocked_before_us_stays_blocked", "ClaimsToHaveFreed",
    lambda one: replace(one, result=Result.CHANGED) if one.result is Result.UNCHANGED else one,
)  # fmt: skip
told(
    "test_without_a_snapshot_nothing_is_destroyed", "ClaimsToHaveBlocked",
    lambda one: Outcome(one.ref_id, Result.UNCHANGED) if one.fault is Fault.REFUSED else one,
)  # fmt: skip


class OneForAll(Good):
    """If one fails by `fault`, all do, though they were made so."""

    fault: ClassVar[Fault]

    async def change(self, jobs: Sequence[Job], *, restoring: bool) -> AsyncIterator[Outcome]:
        outcomes = [one async for one in super().change(jobs, restoring=restoring)]
        failed = any(one.fault is self.fault for one in outcomes) and len(outcomes) > 1
        for one in outcomes:
            bad = failed and one.fault is not self.fault
            yield (
                Outcome(one.ref_id, Result.FAILED, Fault.REFUSED, Sentence("another one failed: fix that", "yang lain gagal: perbaiki itu"))
                if bad
                else one
            )


caught_by(MISSING)(type("TheMissingFailsAll", (OneForAll,), {"fault": Fault.ABSENT}))
caught_by("test_what_a_hand_changed_is_left_alone")(type("TheDriftedFailsAll", (OneForAll,), {"fault": Fault.DRIFTED}))


@caught_by(LIFE, "test_a_changed_plan_doesnt_hinder_the_restore")
class OnceBlockedAlwaysBlocked(Good):
    """Reads from its own notes, which a restore doesn't touch."""

    async def block(self, jobs: Sequence[Job]) -> AsyncIterator[Outcome]:
        async for one in super().block(jobs):
            yield one
        self.shelf.noted = {job.ref.key for job in jobs}

    async def read_state(self, refs: Sequence[Ref], snapshots: Mapping[int, Snapshot]) -> Mapping[int, Reading]:
        found = await super().read_state(refs, snapshots)
        return {ref.id: Reading(State.BLOCKED, in_effect=True) if ref.key in self.shelf.noted else found[ref.id] for ref in refs}


@caught_by("test_a_changed_plan_doesnt_hinder_the_restore")
class SetsThePlanAgainAndAgain(Good):
    async def restore(self, jobs: Sequence[Job]) -> AsyncIterator[Outcome]:
        planned = {job.ref.id for job in jobs if job.plan_changed}
        async for one in super().restore(jobs):
            yield replace(one, result=Result.CHANGED) if one.ref_id in planned else one


@caught_by(ONE)
class OutcomeForNobody(Good):
    async def block(self, jobs: Sequence[Job]) -> AsyncIterator[Outcome]:
        async for one in super().block(jobs):
            yield one
        if not jobs:
            yield Outcome(0, Result.UNCHANGED)


class OpenBy(Good):
    """Its open raises this for a wrong password, and that for a dead line."""

    refusal: ClassVar[DeviceError | None] = DeviceError(Fault.AUTH, FINE, retryable=False)
    dead: ClassVar[DeviceError | None] = DeviceError(Fault.UNREACHABLE, FINE, retryable=True)

    async def open(self) -> None:
        try:
            await self.shelf.login(self.password)
        except (Refused, ConnectionError) as error:
            raised = self.refusal if isinstance(error, Refused) else self.dead
            if raised is not None:
                raise raised from None


for _check, _name, _raised in (
    (WRONG, "TakesAnyPassword", {"refusal": None}),
    (WRONG, "RefusalAsPermission", {"refusal": DeviceError(Fault.PERMISSION, FINE, retryable=False)}),
    (WRONG, "RefusalWithoutAWord", {"refusal": DeviceError(Fault.AUTH, Sentence("", ""), retryable=False)}),
    (DEAD, "OpensTheDead", {"dead": None}),
    (DEAD, "DeadAsProtocol", {"dead": DeviceError(Fault.PROTOCOL, FINE, retryable=True)}),
    (DEAD, "DeadForGood", {"dead": DeviceError(Fault.UNREACHABLE, FINE, retryable=False)}),
    (DEAD, "DeadWithoutASentence", {"dead": DeviceError(Fault.TIMEOUT, Sentence("gone", ""), retryable=True)}),
):
    caught_by(_check)(type(_name, (OpenBy,), _raised))


@caught_by(WRONG)
class NotesRefusals(Good):
    async def open(self) -> None:
        try:
            await super().open()
        except DeviceError:
            self.shelf.probes += 1
            raise


class BreakBy(Good):
    """Tells more of a break than there is."""

    async def more(self, one: Outcome) -> AsyncIterator[Outcome]:
        yield one

    async def block(self, jobs: Sequence[Job]) -> AsyncIterator[Outcome]:
        async for one in super().block(jobs):
            yield one
            if one.result is Result.UNKNOWN:
                async for another in self.more(one):
                    yield another


@caught_by(BREAK)
class BreakToldTwice(BreakBy):
    pass


@caught_by(BREAK)
class BreakOfNobody(BreakBy):
    async def more(self, one: Outcome) -> AsyncIterator[Outcome]:
        yield replace(one, ref_id=12345)


class TwiceTheSameKey(ShelfWorld):
    refs: Sequence[Ref] = (*ShelfWorld.refs, Ref(77, "true"))


class ShortSecret(ShelfWorld):
    secrets: Sequence[str] = (*ShelfWorld.secrets, "1234")


class BlockedFromTheBeginning(ShelfWorld):
    def put(self, ref: Ref) -> None:
        super().put(ref)
        self.shelf.rows[ref.key]["profile"] = "isolir"


class BlindState(ShelfWorld):
    async def state(self) -> Any:
        return sorted(self.shelf.rows)


class TooFewMore(ShelfWorld):
    async def more(self, count: int) -> Sequence[Ref]:
        return await super().more(count - 1)


UNFIT.update(dict.fromkeys((TwiceTheSameKey, ShortSecret, BlockedFromTheBeginning), "test_the_world_is_fit"))
UNFIT.update({BlindState: LIFE, TooFewMore: "test_batches_of_all_sizes_work"})
