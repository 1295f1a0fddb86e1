"""Drivers that differ from the good one by one fault each, and worlds that prove nothing: the kit must fail every one of these."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from pydantic import Field

from sebilling.plugins.contract import (
    HOST,
    NOT_A_DESTINATION,
    OWN_DESTINATION,
    DeviceConfig,
    DeviceError,
    DeviceHealth,
    IsolationDriver,
    Reading,
    Ref,
    Sentence,
    Snapshot,
    State,
    Subscriber,
)
from tests.plugins.shelf import Good, Row, ShelfConfig, ShelfWorld

log = logging.getLogger("shelf")
BROKEN: dict[str, list[type[IsolationDriver[Any]]]] = {}
"""Check → the drivers that it must fail."""


def caught_by(*checks: str) -> Any:
    """Marks a broken driver with the checks that must fail it."""

    def marked(driver: type[IsolationDriver[Any]]) -> type[IsolationDriver[Any]]:
        for check in checks:
            BROKEN.setdefault(check, []).append(driver)
        return driver

    return marked


@caught_by("test_the_class_says_what_it_is")
class NamedLikeNothing(Good):
    kind = "Shelf"


@caught_by("test_the_class_says_what_it_is")
class ServesNobody(Good):
    service_kinds: ClassVar[Mapping[str, Sentence]] = {}


@caught_by("test_settings_hide_what_is_secret")
class OpenPassword(Good):
    class Config(DeviceConfig, frozen=True):
        password: str
        profile: str = "isolir"

    config_model = Config
    password = property(lambda self: self.config.password)


@caught_by("test_settings_hide_what_is_secret")
class TalkativeSettings(Good):
    class Config(ShelfConfig, frozen=True, hide_input_in_errors=False):
        port: int = 1

    config_model = Config


@caught_by("test_settings_hide_what_is_secret")
class TakesAnySetting(Good):
    class Config(ShelfConfig, frozen=True, extra="ignore"):
        pass

    config_model = Config


@caught_by("test_settings_come_back_from_json")
class SettingsThatDontComeBack(Good):
    class Config(ShelfConfig, frozen=True):
        seen: list[object] = Field(default_factory=list)

        def model_post_init(self, _context: object) -> None:
            self.seen.append(len(self.seen))

    config_model = Config


@caught_by("test_probe_changes_nothing")
class ProbeThatWrites(Good):
    async def probe(self) -> DeviceHealth:
        health = await super().probe()
        self.shelf.probes += health.reachable
        return health


@caught_by("test_probe_of_a_dead_device_tells_and_doesnt_raise")
class ProbeThatRaises(Good):
    async def probe(self) -> DeviceHealth:
        await self.open()
        return DeviceHealth(reachable=True)


@caught_by("test_probe_of_a_dead_device_tells_and_doesnt_raise")
class ProbeThatSeesTheDead(Good):
    async def probe(self) -> DeviceHealth:
        return DeviceHealth(reachable=True)


@caught_by("test_close_never_raises")
class CloseNeedsOpen(Good):
    async def close(self) -> None:
        if not self.opened:
            raise RuntimeError("not open")
        self.opened = False


@caught_by("test_close_never_raises")
class CloseSaysGoodbye(Good):
    async def close(self) -> None:
        self.shelf.look()


@caught_by("test_snapshot_changes_nothing")
class SnapshotThatWrites(Good):
    async def snapshot(self, refs: Sequence[Ref]) -> Mapping[int, Snapshot]:
        found = await super().snapshot(refs)
        for ref in refs[:1]:
            self.shelf.rows.get(ref.key, {})["note"] = "seen"
        return found


@caught_by("test_snapshot_is_strings_that_survive_json")
class TypedSnapshot(Good):
    def kept(self, row: Row) -> Snapshot:
        return {"profile": row["profile"], "number": 7}  # type: ignore[dict-item]


@caught_by("test_snapshot_is_strings_that_survive_json", "test_no_secret_is_told")
class SecretSnapshot(Good):
    def kept(self, row: Row) -> Snapshot:
        return {**super().kept(row), "password": row["password"]}


@caught_by("test_snapshot_is_strings_that_survive_json")
class SnapshotOfTheAbsent(Good):
    async def snapshot(self, refs: Sequence[Ref]) -> Mapping[int, Snapshot]:
        return {ref.id: {"profile": "home-1"} for ref in refs} | dict(await super().snapshot(refs))


@caught_by("test_read_state_changes_nothing")
class ReadThatWrites(Good):
    async def read_state(self, refs: Sequence[Ref], snapshots: Mapping[int, Snapshot]) -> Mapping[int, Reading]:
        row = self.shelf.rows[refs[0].key] if refs else {}
        row["seen"] = str(int(row.get("seen", "0")) + 1)
        return await super().read_state(refs, snapshots)


@caught_by("test_read_state_tells_what_is_there")
class ReadThatSkipsTheAbsent(Good):
    async def read_state(self, refs: Sequence[Ref], snapshots: Mapping[int, Snapshot]) -> Mapping[int, Reading]:
        found = await super().read_state(refs, snapshots)
        return {ref_id: one for ref_id, one in found.items() if one.state is not State.ABSENT}


@caught_by("test_read_state_tells_what_is_there", "test_what_is_blocked_comes_back_to_the_byte", "test_a_call_that_is_given_up")
class ReadFromMemory(Good):
    """Believes what it told once in this session."""

    def state(self, row: Row | None, snapshot: Snapshot | None) -> State:
        found = super().state(row, snapshot)
        return State.ACTIVE if found is State.BLOCKED else found


@caught_by("test_read_state_tells_what_a_hand_changed")
class BlindForHands(Good):
    def state(self, row: Row | None, snapshot: Snapshot | None) -> State:
        return super().state(row, None if snapshot is None else {})


@caught_by("test_no_secret_is_told")
class LogsItsPassword(Good):
    async def open(self) -> None:
        self.context.logger.debug("login with %s", self.password)
        await super().open()


@caught_by("test_no_secret_is_told")
class LogsRows(Good):
    async def rows(self) -> dict[str, Row]:
        found = await super().rows()
        log.debug("rows %r", found)
        return found


@caught_by("test_no_secret_is_told")
class PrintsItsPassword(Good):
    async def close(self) -> None:
        print("bye", self.password)  # noqa: T201 - the fault


@caught_by("test_no_secret_is_told")
class RaisesItsPassword(Good):
    async def open(self) -> None:
        try:
            await super().open()
        except DeviceError as error:
            raise DeviceError(
                error.fault, Sentence(f"{error} ({self.password})", error.message.indonesian), retryable=error.retryable
            ) from None


@caught_by("test_no_secret_is_told")
class ShowsItsPassword(Good):
    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.password})"


@caught_by("test_no_secret_is_told")
class TellsCustomersPasswords(Good):
    async def read_state(self, refs: Sequence[Ref], snapshots: Mapping[int, Snapshot]) -> Mapping[int, Reading]:
        rows = await self.rows()
        found = await super().read_state(refs, snapshots)
        return {
            ref.id: Reading(found[ref.id].state, Sentence(f"'{rows.get(ref.key)}'", f"'{rows.get(ref.key)}'"), in_effect=True)
            for ref in refs
        }


@caught_by("test_customers_for_an_import_are_all_told")
class ImportsHalf(Good):
    async def read_customers(self) -> Sequence[Subscriber]:
        return [self.subscriber(key, row) for key, row in (await self.shelf.rows_of(half=True)).items()]


@caught_by("test_customers_for_an_import_are_all_told")
class ImportsNobody(Good):
    async def read_customers(self) -> Sequence[Subscriber]:
        return []


@caught_by("test_customers_for_an_import_are_all_told")
class ImportsPasswords(Good):
    def subscriber(self, key: str, row: Row) -> Subscriber:
        return Subscriber(key, "PPPOE", comment=row["password"])


@caught_by("test_customers_for_an_import_are_all_told")
class ImportsAnUnknownKind(Good):
    def subscriber(self, key: str, row: Row) -> Subscriber:
        return Subscriber(key, "ONU", plan=row["profile"])


@caught_by("test_settings_say_where_secrets_go")
class LetsItsAddressBeChanged(Good):
    class Config(ShelfConfig, frozen=True):
        host: str = Field(default="10.0.0.1", json_schema_extra=NOT_A_DESTINATION)

    config_model = Config


@caught_by("test_settings_say_where_secrets_go")
class LetsItsFingerprintBeChanged(Good):
    class Config(ShelfConfig, frozen=True):
        host: str = Field(default="10.0.0.1", json_schema_extra=HOST)
        host_fingerprint: str = Field(default="", json_schema_extra=NOT_A_DESTINATION)

    config_model = Config


@caught_by("test_settings_say_where_secrets_go")
class HidesItsAddress(Good):
    class Config(ShelfConfig, frozen=True):
        api_url: str = "https://10.0.0.1"

    config_model = Config


@caught_by("test_settings_say_where_secrets_go")
class OwnsNothing(Good):
    class Config(ShelfConfig, frozen=True):
        peers: tuple[str, ...] = Field(default=(), json_schema_extra=OWN_DESTINATION)

    config_model = Config


class StateThatChanges(ShelfWorld):
    async def state(self) -> Any:
        return object()


class EmptyState(ShelfWorld):
    async def state(self) -> Any:
        return {}


class UnplantedSecret(ShelfWorld):
    secrets: Sequence[str] = ("something-else",)


class SamePassword(ShelfWorld):
    wrong_password: Mapping[str, Any] = {}


class TooFew(ShelfWorld):
    refs: Sequence[Ref] = ShelfWorld.refs[:2]


class LinkThatHolds(ShelfWorld):
    async def cut_link_after(self, jobs: int, *, made: bool) -> None:
        pass


class ReadingThatHolds(ShelfWorld):
    async def break_reading(self, answers: int) -> None:
        pass


UNFIT: dict[type[ShelfWorld], str] = {
    StateThatChanges: "test_the_world_is_fit",
    EmptyState: "test_the_world_is_fit",
    UnplantedSecret: "test_the_world_is_fit",
    SamePassword: "test_the_world_is_fit",
    TooFew: "test_the_world_is_fit",
    LinkThatHolds: "test_a_link_that_breaks_while_blocking",
    ReadingThatHolds: "test_a_failed_reading_is_never_less",
}
"""Worlds in which a check would prove nothing → the check that says so."""
