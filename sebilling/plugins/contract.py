"""The contract between SeBilling and drivers for network devices, complete. Version 2.0.

A driver is an async object for one device and one session: `open`, then bulk calls, then `close`. There are only bulk calls; one customer
is a list of one. A row that was changed isn't yet a customer who is offline: a reading tells apart what is set on the device (`state`) and
whether traffic follows it (`in_effect`), and the core reports a block or a restore only when both are so.

The core, not the driver, ensures that a device has only one session, commits snapshots before anything is changed, puts
a deadline around every call, reads the state after an `UNKNOWN` before a retry, backs off, and puts restores first. docs/plugins.md is
the tutorial.

Whatever a person reads is a `Sentence`, in English and Indonesian; the core shows it in the language of the reader.
"""

import abc
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import ClassVar, Final, Generic, Protocol, TypeVar, runtime_checkable

from pydantic import BaseModel, JsonValue

from sebilling.language import Sentence as Sentence  # noqa: PLC0414 - part of the contract

API: Final = (2, 0)
"""A plugin declares `SEBILLING_PLUGIN_API = (2, 0)`: the first number must equal this one's, the second must not exceed it."""


class State(StrEnum):
    """State of a service access as it is set on the device; whether traffic follows is `Reading.in_effect`."""

    ACTIVE = "ACTIVE"
    BLOCKED = "BLOCKED"
    DRIFTED = "DRIFTED"
    """Neither as it was before the block nor as the block left it: changed by hand. Reported, never overwritten."""
    ABSENT = "ABSENT"


class Result(StrEnum):
    """Result of one job."""

    CHANGED = "CHANGED"
    UNCHANGED = "UNCHANGED"
    FAILED = "FAILED"
    UNKNOWN = "UNKNOWN"
    """Sent, but not answered: the core reads the state before it retries. Must never be reported as success."""


class Fault(StrEnum):
    """Why something failed."""

    UNREACHABLE = "UNREACHABLE"
    TIMEOUT = "TIMEOUT"
    AUTH = "AUTH"
    PERMISSION = "PERMISSION"
    PROTOCOL = "PROTOCOL"
    REFUSED = "REFUSED"
    ABSENT = "ABSENT"
    DRIFTED = "DRIFTED"
    AMBIGUOUS = "AMBIGUOUS"
    """The key matches several things on the device."""
    SETUP = "SETUP"
    """The device lacks its one-time setup, such as the isolir profile."""


class Quality(IntEnum):
    """How well a driver is proven; the conformance kit lets it claim no more than its world can show."""

    BRONZE = 1
    """Rows: blocked and restored to the byte, and never more reported than is known."""
    SILVER = 2
    """Also full batches, and blocks that a hand has undone."""
    GOLD = 3
    """Also traffic: who is shown as blocked is offline."""
    PLATINUM = 4
    """Also sessions that survive and restarts; lists customers, and who is online."""


class DeviceError(Exception):
    """The device as a whole can't be used now. `message` names the remedy and holds no secret."""

    def __init__(self, fault: Fault, message: Sentence, *, retryable: bool) -> None:
        super().__init__(getattr(message, "english", message))  # a plugin may be untyped
        self.fault, self.message, self.retryable = fault, message, retryable


Snapshot = Mapping[str, str]
"""What a restore needs, as raw strings: it is stored as JSON and comes back equal. Never a secret."""


@dataclass(frozen=True, slots=True)
class Ref:
    """A service access: SeBilling's id, its key on the device, and the plan's speed (None: not known)."""

    id: int
    key: str
    """PPPoE name, address, MAC, ONU …, as the driver's `service_kinds` define, in the form of `canonical_key`."""
    rate_down_kbps: int | None = None
    rate_up_kbps: int | None = None
    service_kind: str = field(default="", kw_only=True)
    """One of the driver's `service_kinds`; always given by the core."""
    code: str = field(default="", kw_only=True)
    """The customer's code, for comments on the device."""
    name: str = field(default="", kw_only=True)
    """The customer's name, for comments on the device."""


@dataclass(frozen=True, slots=True)
class Reading:
    """State read from the device. `detail` describes it for people; no secret."""

    state: State
    detail: Sentence | None = None
    in_effect: bool | None = None
    """Whether traffic follows the state at this moment. True: blocked, and no session, login or connection gets through, IPv6 and
    connections from before included; or active, and nothing of ours holds it back. False: not yet, such as a session that is still up or
    a lease that is still bound. None: the device can't tell. The core counts only True as done, and looks again otherwise.
    """
    look_again_seconds: float | None = None
    """After how long another look can tell more, such as the time to the next accounting record or renewal. None: as after a failure."""

    @property
    def actual(self) -> State | None:
        """The state that traffic follows. None: not known."""
        if self.state in {State.DRIFTED, State.ABSENT} or self.in_effect:
            return self.state
        if self.in_effect is None:
            return None
        return State.ACTIVE if self.state is State.BLOCKED else State.BLOCKED


@dataclass(frozen=True, slots=True)
class Job:
    """Block the access, or restore it to `snapshot`. `plan_changed`: the plan's speed has changed, so restore to the ref's speed."""

    ref: Ref
    snapshot: Snapshot
    plan_changed: bool = False
    reclaim: bool = False
    """Restore someone whose snapshot was lost, as after SeBilling's database was restored from a backup: restore what bears
    SeBilling's mark or is in its walled garden, at the ref's speed. FAILED, with what to do by hand, if the device doesn't hold enough.
    """


@dataclass(frozen=True, slots=True)
class Outcome:
    """Result of the job of `ref_id`."""

    ref_id: int
    result: Result
    fault: Fault | None = None
    message: Sentence | None = None
    retryable: bool = False


@dataclass(frozen=True, slots=True)
class DeviceHealth:
    """Health of the device. Each of `problems` names a problem and its remedy; `facts` hold such things as version and board.

    A fact that is a text for people, and not a version or a name, is a Sentence.
    """

    reachable: bool
    problems: Sequence[Sentence] = ()
    facts: Mapping[str, Sentence | str] = field(default_factory=dict)
    uptime_seconds: float | None = None
    """Since its last start. The core reads everything again after a new start. None: the device doesn't tell."""

    @property
    def ok(self) -> bool:
        """Reachable and without problems."""
        return self.reachable and not self.problems


@dataclass(frozen=True, slots=True)
class DriverContext:
    """What the core gives a driver besides its settings. Log records are marked with the device; never log a secret."""

    device_id: int
    device_name: str
    logger: logging.Logger


HOST: Final[dict[str, JsonValue]] = {"destination": "host"}
"""`Field(json_schema_extra=HOST)`: an address, a name or a socket's path that the driver connects to."""
NOT_A_DESTINATION: Final[dict[str, JsonValue]] = {"destination": False}
"""`Field(json_schema_extra=NOT_A_DESTINATION)`: a setting that doesn't affect where secrets go or how they are protected."""
OWN_DESTINATION: Final[dict[str, JsonValue]] = {"destination": "own"}
"""`Field(json_schema_extra=OWN_DESTINATION)`: a nested model or list that only affects where the secrets within it go."""


def indonesian(title: str, description: str = "", mark: Mapping[str, JsonValue] | None = None) -> dict[str, JsonValue]:
    """`Field(json_schema_extra=indonesian("Alamat", "Alamat atau nama OLT.", HOST))`: a setting's title and description in Indonesian.

    Every setting has both, next to the English description of its Field. `mark` is one of the three above.
    """
    return {**(mark or {}), "indonesian": {"title": title, "description": description}}


class InvalidValue(ValueError):
    """Raise it in a validator of settings: why a value isn't accepted, and what to enter. Holds no secret."""

    def __init__(self, english: str, indonesian: str) -> None:
        super().__init__(english)
        self.sentence = Sentence(english, indonesian)


class DeviceConfig(BaseModel, extra="forbid", frozen=True, hide_input_in_errors=True):
    """A device's settings; secrets are SecretStr. Clients draw the form from its JSON schema.

    Every other setting counts as a destination of the secrets, such as host, port, TLS and fingerprint. When one changes, the stored
    secrets must be entered again; otherwise whoever may change a device could have them sent to a machine of their own. Mark settings
    that don't matter for that, such as timeouts, NOT_A_DESTINATION, and what is connected to HOST. A nested model or a list is one
    setting: it is replaced as a whole, its secrets included.
    """


C_co = TypeVar("C_co", bound=DeviceConfig, covariant=True)


class IsolationDriver(abc.ABC, Generic[C_co]):
    """Blocks and restores customers on one kind of device. An instance serves one session."""

    kind: ClassVar[str]
    """Unique, such as `mikrotik.pppoe`."""
    title: ClassVar[Sentence]
    config_model: ClassVar[type[DeviceConfig]]
    config_version: ClassVar[int] = 1
    service_kinds: ClassVar[Mapping[str, Sentence]]
    """Kinds of service that it supports → what their key is, in words, such as `PPPOE` → `Sentence("PPPoE name", "nama PPPoE")`."""
    max_batch: ClassVar[int] = 1_000
    """Maximum number of jobs in one call."""
    quality: ClassVar[Quality] = Quality.BRONZE
    """How well it is proven, as the kit checks."""

    def __init__(self, config: C_co, context: DriverContext) -> None:
        self.config, self.context = config, context

    @classmethod
    def canonical_key(cls, service_kind: str, text: str) -> str:  # noqa: ARG003 - for overriding
        """Return the one spelling of a key of this kind, so that one thing on the device can't belong to two customers.

        Such as `AA:BB:CC:00:11:22` for a MAC in any notation, or `10.1.0.5` for `10.1.0.5/32`. Raises InvalidValue, with what a key looks
        like. The default takes any text as it is.
        """
        return text

    def budget(self, jobs: int) -> float:  # noqa: ARG002 - for overriding
        """Seconds that one call with this many refs or jobs may take at most; the core gives up after that, and after 900 in any case."""
        return 60.0

    @classmethod
    def migrate_config(cls, config: Mapping[str, JsonValue], version: int) -> Mapping[str, JsonValue]:  # noqa: ARG003 - for overriding
        """Convert settings of an older `version` to this one. Raises ValueError if that isn't possible."""
        raise ValueError(f"{cls.kind}: settings of version {version} can't be migrated")

    @abc.abstractmethod
    async def open(self) -> None:
        """Log in, once for the session. Raises DeviceError."""

    @abc.abstractmethod
    async def close(self) -> None:
        """Log out. Never raises, whatever state the session is in."""

    @abc.abstractmethod
    async def probe(self) -> DeviceHealth:
        """Check the device, including its one-time setup. Changes nothing; doesn't raise if the device can't be reached."""

    @abc.abstractmethod
    async def read_state(self, refs: Sequence[Ref], snapshots: Mapping[int, Snapshot]) -> Mapping[int, Reading]:
        """Read the state of each ref and whether it is in effect, in O(1) round trips.

        `snapshots` (by ref id) are those of the blocked ones. The core also calls it on all accesses every few minutes, to find what was
        undone by hand or lost.

        Raises DeviceError rather than returning an incomplete result: a failed reading must never look like an empty one.
        """

    @abc.abstractmethod
    async def snapshot(self, refs: Sequence[Ref]) -> Mapping[int, Snapshot]:
        """Read what restoring each ref would need; absent refs are left out. Changes nothing. Raises DeviceError."""

    @abc.abstractmethod
    def block(self, jobs: Sequence[Job]) -> AsyncIterator[Outcome]:
        """Block each access. Yields one Outcome per job, as soon as it is known; UNCHANGED if it is blocked already. Raises DeviceError.

        Who is blocked already but still online is put offline: sessions are ended again, connections removed.
        """

    @abc.abstractmethod
    def restore(self, jobs: Sequence[Job]) -> AsyncIterator[Outcome]:
        """Restore each access exactly to its snapshot. What was changed by hand since is FAILED with DRIFTED, and left alone."""


@dataclass(frozen=True, slots=True)
class Usage:
    """A session that is open on the device now. Bytes are from and to the customer since it began."""

    key: str
    service_kind: str
    since: datetime | None = None
    """Aware. None: the device doesn't tell."""
    address: str = ""
    """The customer's address; empty if the device doesn't tell."""
    mac: str = ""
    bytes_up: int | None = None
    bytes_down: int | None = None


@runtime_checkable
class UsageReader(Protocol):
    """Optional ability of a driver: tell who is online now."""

    async def read_usage(self) -> Sequence[Usage]:
        """Read all open sessions, after `open`; a key appears once for each. Changes nothing. Raises DeviceError rather than only some."""


@runtime_checkable
class PlanApplier(Protocol):
    """Optional ability of a driver: give active customers the speed of their plan."""

    def apply_plan(self, refs: Sequence[Ref]) -> AsyncIterator[Outcome]:
        """Give each active ref its plan's speed. Yields one Outcome per ref, as soon as it is known; UNCHANGED if it has that speed.

        Blocked refs are FAILED with REFUSED: they get their speed when they are restored. Raises DeviceError.
        """


@dataclass(frozen=True, slots=True)
class Subscriber:
    """A customer as stored on the device, for an import. Never a password."""

    key: str
    service_kind: str
    """One of the driver's `service_kinds`."""
    plan: str | None = None
    """The plan's name on the device. None: the device can't say, such as for a blocked customer."""
    comment: str = ""
    disabled: bool = False
    rate_down_kbps: int | None = None
    """The plan's speed. None: not known, or no limit."""
    rate_up_kbps: int | None = None
    left_out: Sentence | None = None
    """Why this account isn't a customer, such as `service l2tp` for a tunnel: imports leave it out and report it. None for a customer."""


@runtime_checkable
class CustomerSource(Protocol):
    """Optional ability of a driver: list the customers on its device, for `sebilling import`."""

    async def read_customers(self) -> Sequence[Subscriber]:
        """Read all customers, in the device's order, after `open`. Changes nothing. Raises DeviceError rather than returning only some."""
