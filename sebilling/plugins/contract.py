"""What a driver is: the whole contract between SeBilling and network gear. Version 1.0.

A driver is an async object for one device, made for one session: `open`, then bulk calls, then `close`. Bulk is the only form; one
customer is a list of one. The core, not the driver, holds the only session of a device, commits snapshots before anything is
touched, puts a deadline around every call, reads the state after an `UNKNOWN` before it tries again, backs off, and puts
restores first. docs/plugins.md is the tutorial.
"""

import abc
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar, Final, Generic, Protocol, TypeVar, runtime_checkable

from pydantic import BaseModel, JsonValue

API: Final = (1, 0)
"""A plugin says `SEBILLING_PLUGIN_API = (1, 0)`: the first number must be ours, the second at most ours."""


class State(StrEnum):
    """What a customer's access is on the device."""

    ACTIVE = "ACTIVE"
    BLOCKED = "BLOCKED"
    DRIFTED = "DRIFTED"
    """Neither as it was nor as we left it: someone changed it by hand. Reported, never overwritten."""
    ABSENT = "ABSENT"


class Result(StrEnum):
    """What became of one job."""

    CHANGED = "CHANGED"
    UNCHANGED = "UNCHANGED"
    FAILED = "FAILED"
    UNKNOWN = "UNKNOWN"
    """Sent, but not answered: the core reads the state before it tries again. Never to be told as success."""


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
    """The key names several things on the device."""
    SETUP = "SETUP"
    """The device lacks its one-time setup, such as the isolir profile."""


class DeviceError(Exception):
    """The device as a whole can't be worked with now. `message` tells the remedy and holds no secret."""

    def __init__(self, fault: Fault, message: str, *, retryable: bool) -> None:
        super().__init__(message)
        self.fault, self.message, self.retryable = fault, message, retryable


Snapshot = Mapping[str, str]
"""What restore needs, as raw strings: it is kept as JSON and comes back equal. Never a secret."""


@dataclass(frozen=True, slots=True)
class Ref:
    """A customer's access on the device: our id, what it is called there, and the plan's speed (None: not known)."""

    id: int
    key: str
    """PPPoE name, address, MAC, ONU …: the driver's `service_kinds` say which."""
    rate_down_kbps: int | None = None
    rate_up_kbps: int | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What is there now. `detail` says in words what was found, for people; no secret."""

    state: State
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Job:
    """Block it, or restore it to `snapshot`. With `plan_changed` the plan's speed has changed since: restore to the ref's speed."""

    ref: Ref
    snapshot: Snapshot
    plan_changed: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the job of `ref_id`."""

    ref_id: int
    result: Result
    fault: Fault | None = None
    message: str = ""
    retryable: bool = False


@dataclass(frozen=True, slots=True)
class DeviceHealth:
    """How the device is. `problems` name what to mend, each with its remedy; `facts` are such as version and board."""

    reachable: bool
    problems: Sequence[str] = ()
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Nothing to mend."""
        return self.reachable and not self.problems


@dataclass(frozen=True, slots=True)
class DriverContext:
    """What the core gives a driver besides its settings. The logger's lines carry the device; never log a secret."""

    device_id: int
    device_name: str
    logger: logging.Logger


HOST: Final[dict[str, JsonValue]] = {"destination": "host"}
"""`Field(json_schema_extra=HOST)`: an address, a name or a socket's path that the driver connects to."""
NOT_A_DESTINATION: Final[dict[str, JsonValue]] = {"destination": False}
"""`Field(json_schema_extra=NOT_A_DESTINATION)`: a setting that has no say in where a secret goes, and how well it is hidden on the way."""
OWN_DESTINATION: Final[dict[str, JsonValue]] = {"destination": "own"}
"""`Field(json_schema_extra=OWN_DESTINATION)`: a nested model or list that says only where the secrets within it go."""


class DeviceConfig(BaseModel, extra="forbid", frozen=True, hide_input_in_errors=True):
    """A device's settings; secrets are SecretStr. Its JSON schema is given to clients to draw the form.

    Every other setting is taken for one that says where the secrets go, such as host, port, TLS and fingerprint: a change of it
    demands the stored secrets anew, or who may change a device could have them sent to a machine of their own. Settings that
    have no such say, such as timeouts, are marked NOT_A_DESTINATION; what is connected to is marked HOST. A nested model or a
    list is one setting: it is replaced as a whole, its secrets included.
    """


C = TypeVar("C", bound=DeviceConfig)


class IsolationDriver(abc.ABC, Generic[C]):
    """Blocks and restores customers on one kind of device. Everything but the class's facts is per session."""

    kind: ClassVar[str]
    """Unique, such as `mikrotik.pppoe`."""
    title: ClassVar[str]
    config_model: ClassVar[type[DeviceConfig]]
    config_version: ClassVar[int] = 1
    service_kinds: ClassVar[Mapping[str, str]]
    """Kinds of service that it takes → what their key is, in words, such as `PPPOE` → `PPPoE name`."""
    max_batch: ClassVar[int] = 1_000
    """Jobs that one call takes at most."""

    def __init__(self, config: C, context: DriverContext) -> None:
        self.config, self.context = config, context

    @classmethod
    def migrate_config(cls, config: Mapping[str, Any], version: int) -> Mapping[str, Any]:  # noqa: ARG003 - for those who override it
        """Settings of an older `version` as this one's. Raises ValueError if they can't be."""
        raise ValueError(f"{cls.kind}: settings of version {version} aren't known")

    @abc.abstractmethod
    async def open(self) -> None:
        """Log in, once for the session. Raises DeviceError."""

    @abc.abstractmethod
    async def close(self) -> None:
        """Log out. Never raises, whatever state the session is in."""

    @abc.abstractmethod
    async def probe(self) -> DeviceHealth:
        """How the device is, its one-time setup among it. Changes nothing; doesn't raise for one that can't be reached."""

    @abc.abstractmethod
    async def read_state(self, refs: Sequence[Ref], snapshots: Mapping[int, Snapshot]) -> Mapping[int, Reading]:
        """What is there for each ref, in O(1) round trips. Snapshots (by ref id) are those of the blocked ones.

        Raises DeviceError rather than giving less than there is: a failed reading must never look like an empty one.
        """

    @abc.abstractmethod
    async def snapshot(self, refs: Sequence[Ref]) -> Mapping[int, Snapshot]:
        """What restoring each ref would need; those that are absent are left out. Changes nothing. Raises DeviceError."""

    @abc.abstractmethod
    def block(self, jobs: Sequence[Job]) -> AsyncIterator[Outcome]:
        """Cut each; one Outcome per job, as soon as it is known. A second time it is UNCHANGED. Raises DeviceError."""

    @abc.abstractmethod
    def restore(self, jobs: Sequence[Job]) -> AsyncIterator[Outcome]:
        """Give each back exactly as its snapshot says. What was changed by hand since is FAILED with DRIFTED, and left alone."""


@dataclass(frozen=True, slots=True)
class Subscriber:
    """A customer as the device has them, for an import. Never a password."""

    key: str
    service_kind: str
    """One of the driver's `service_kinds`."""
    plan: str | None = None
    """The plan's name there. None: the device can't tell it, such as of someone who is cut there."""
    comment: str = ""
    disabled: bool = False
    rate_down_kbps: int | None = None
    """The plan's speed. None: not known, or no limit."""
    rate_up_kbps: int | None = None
    left_out: str = ""
    """Why this account is no customer's, such as `service l2tp` of a tunnel: it is left out of imports, and told. Empty: it is one's."""


@runtime_checkable
class CustomerSource(Protocol):
    """What a driver may offer besides: the customers that are on its device, for `sebilling import`. Optional."""

    async def read_customers(self) -> Sequence[Subscriber]:
        """All of them, in the device's order; `open` was called before. Changes nothing. Raises DeviceError rather than give only some."""
