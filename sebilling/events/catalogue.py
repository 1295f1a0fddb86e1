"""The catalogue of events: how a kind is declared, and everything that is derived from its declaration.

A kind is one class, in the file of its subject: its docstring is the sentence that people read, its fields are the payload. Hooks,
subscriptions, the documentation and the tests derive from it. Keys are snake_case nouns; an object is named by its public id, under
the key `…_id`, never by its row's number; money is whole rupiah; dates are ISO 8601.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import date
from decimal import Decimal
from enum import Enum, StrEnum, auto
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeVar, dataclass_transform, get_args, get_origin, get_type_hints

from sebilling.clock import Month
from sebilling.events.ids import PublicId
from sebilling.language import Sentence

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Json = str | int | bool | None | Mapping[str, "Json"] | list["Json"]


class Subject(StrEnum):
    """What an event is about: the table of the row that `event.subject_id` names. 0 if it is about all of them."""

    APP_USER = "app_user"
    BILLING_SETTINGS = "billing_settings"
    BLACKOUT_DATE = "blackout_date"
    CHARGE = "charge"
    COUNTER = "counter"
    CUSTOMER = "customer"
    DEPOSIT = "deposit"
    DEVICE = "device"
    DISCOUNT = "discount"
    EVENT = "event"
    GENERATION_RUN = "generation_run"
    IMPORT = "import"
    INVOICE = "invoice"
    ISOLATION_HOLD = "isolation_hold"
    PAYMENT = "payment"
    PERIOD = "period"
    PLAN = "plan"
    SERVICE_ACCESS = "service_access"


class Topic(Enum):
    """What a subscription follows."""

    PAYMENTS = "payments as they are recorded"
    DEPOSITS = "deposits and their differences"
    GENERATION = "the progress of a generation run"
    ISOLATION = "customers who are blocked and restored"
    RECAP = "whatever changes a figure of a recap; a randomized test checks that no kind is missing"


class Unset(Enum):
    """Type of UNSET."""

    UNSET = auto()


UNSET: Final = Unset.UNSET
"""Value of a field that an event leaves out, such as one that a change did not touch. Not the same as None."""


class Payload:
    """Base of the payloads. Each subclass is one kind of event."""

    __slots__ = ()
    kind: ClassVar["EventKind"]


P = TypeVar("P", bound=Payload)
T = TypeVar("T")
V = TypeVar("V", bound="DataclassInstance")


@dataclass(frozen=True, slots=True)
class EventKind:
    """A kind of event, as its class declares it."""

    text: str
    """Such as `payment.recorded`."""
    sentence: str
    """What has happened."""
    payload: type[Payload]
    subjects: tuple[Subject, ...]
    """What it is about; the first unless its caller says otherwise."""
    topics: frozenset[Topic]
    """Subscriptions that deliver it."""
    has_hook: bool
    """Whether plugins receive it."""

    @property
    def hook(self) -> str:
        """Name of its hook, if it has one."""
        return f"sebilling_{self.text.replace('.', '_')}"

    @property
    def per_customer(self) -> bool:
        """Whether an event of this kind concerns one customer, by its subject or by its payload."""
        return self.subjects == (Subject.CUSTOMER,) or self.names_customer

    @property
    def names_customer(self) -> bool:
        """Whether the payload has a customer's id."""
        return "customer_id" in {field.name for field in fields_of(self.payload)}


KINDS: Final[dict[str, EventKind]] = {}
"""Every kind by its text, in the order of the files."""


@dataclass_transform(frozen_default=True, kw_only_default=True)
def values(cls: type[T]) -> type[T]:
    """Make a class part of a payload: frozen, with named arguments only."""
    return dataclass(frozen=True, slots=True, kw_only=True)(cls)


@dataclass_transform(frozen_default=True, kw_only_default=True)
def event(kind: str, *subjects: Subject, topics: Collection[Topic] = (), hook: bool = False) -> Callable[[type[P]], type[P]]:
    """Declare a kind of event. Raises ValueError if the kind exists already."""

    def declare(cls: type[P]) -> type[P]:
        if kind in KINDS or not cls.__doc__:
            raise ValueError(f"the kind {kind} exists already, or says not what has happened")
        made = values(cls)
        sentence = " ".join(cls.__doc__.split())
        made.kind = KINDS[kind] = EventKind(kind, sentence, made, subjects, frozenset(topics), hook)
        return made

    return declare


def of_topic(topic: Topic) -> frozenset[str]:
    """Return the kinds that subscriptions to a topic deliver."""
    return frozenset(kind.text for kind in KINDS.values() if topic in kind.topics)


def hooks() -> Mapping[str, str]:
    """Return the hook of each kind that plugins receive."""
    return {kind.text: kind.hook for kind in KINDS.values() if kind.has_hook}


def changed(before: V, after: V) -> tuple[V, V]:
    """Return both without the fields that are equal."""
    same = {name: UNSET for name in (field.name for field in fields(before)) if getattr(before, name) == getattr(after, name)}
    return replace(before, **same), replace(after, **same)


def to_json(value: object) -> Json:
    """Return a payload, or a part of one, as JSON. Raises TypeError for what no payload may hold, such as a float."""
    json: Json
    match value:
        case None | bool() | int():
            json = value
        case str() | Month() | Decimal():  # also ids and enums of strings
            json = str(value)
        case date():
            json = value.isoformat()
        case Mapping():
            json = {str(key): to_json(item) for key, item in value.items()}
        case list() | tuple():
            json = [to_json(item) for item in value]
        case Sentence():
            json = dict(value.to_json())
        case _ if is_dataclass(value):
            named = ((field.name, getattr(value, field.name)) for field in fields(value))
            json = {name: to_json(item) for name, item in named if item is not UNSET}
        case _:
            raise TypeError(f"{type(value).__name__} can't be part of an event's payload")
    return json


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a payload."""

    name: str
    types: tuple[Any, ...]
    """Alternatives, without None and Unset."""
    nullable: bool
    optional: bool
    """Whether an event may leave it out."""

    @property
    def id_type(self) -> type[PublicId] | None:
        """The type of its id, if it holds one."""
        return next((kind for kind in self.types if isinstance(kind, type) and issubclass(kind, PublicId)), None)


def fields_of(part: type) -> Iterator[Field]:
    """Yield the fields of a payload, or of a part of one."""
    hints = get_type_hints(part)
    for field in fields(part):
        hint = hints[field.name]
        types = (hint,) if get_origin(hint) is not None and get_origin(hint) is not _UNION else get_args(hint) or (hint,)
        yield Field(field.name, tuple(kind for kind in types if kind not in {type(None), Unset}), type(None) in types, Unset in types)


_UNION: Final = get_origin(int | str)
