"""Scalars of the API. Rows come from PostgreSQL as JSON, so dates and times may already be strings.

A value that a scalar can't read doesn't fail the request: an Unreadable stands in its place, until the root field says which input it is
about, beside all other wrong inputs (schema/request/unreadable.py).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NewType

import strawberry
from strawberry.file_uploads import Upload
from strawberry.file_uploads.scalars import UploadDefinition
from strawberry.types.scalar import ScalarDefinition

from sebilling.clock import Month, NotAMonthError
from sebilling.errors import InvalidDate, InvalidInput, InvalidMonth, InvalidNumber
from sebilling.language import Sentence

Rupiah = NewType("Rupiah", int)
MonthText = NewType("MonthText", str)
Day = NewType("Day", date)
Instant = NewType("Instant", datetime)
Rate = NewType("Rate", Decimal)


_AMOUNT: Final = Sentence("An amount", "Nominal")
_RUPIAH: Final = Sentence(
    "write whole rupiah, such as 150000 for Rp150.000, without fraction or quotes.",
    "tulis rupiah bulat, seperti 150000 untuk Rp150.000, tanpa pecahan atau tanda kutip.",
)
_DATE: Final = Sentence('write a day that exists, such as "2026-02-28".', 'tulis tanggal yang memang ada, seperti "2026-02-28".')
_INSTANT: Final = Sentence(
    'write date and time with its offset, such as "2026-02-28T08:30:00+07:00".',
    'tulis tanggal dan jam dengan selisih zonanya, seperti "2026-02-28T08:30:00+07:00".',
)
_PERCENTAGE: Final = Sentence("A rate", "Tarif")
_RATE: Final = Sentence(
    'write an exact decimal as a text, such as "12" or "2.5".', 'tulis desimal tepat sebagai teks, seperti "12" atau "2.5".'
)
_MAX_EXACT: Final = 2**53
"""Up to here a number with a decimal point is read as exactly the whole number that was written."""
_STAND_IN: Final = datetime(2026, 1, 1, tzinfo=UTC)
_THIS: Final = Sentence("This value", "Nilai ini")


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A value that its scalar can't read, with the error that tells why."""

    error: Callable[[tuple[str, ...]], InvalidInput]
    """The error for the field that has the value."""
    stand_in: object
    """A value of its kind, with which the other inputs are checked."""


def _told(value: object) -> object:
    """A wrong value as errors repeat it: a number; nothing else, as it may be a password in the wrong place."""
    return value if isinstance(value, int) and abs(value) < _MAX_EXACT else _THIS


def month_in(text: str, *, field: tuple[str, ...]) -> Month:
    """Parse a month such as `2026-02`. Raises InvalidMonth."""
    try:
        return Month.parse(text)
    except NotAMonthError as error:
        raise InvalidMonth(field=field, given=text[:20]) from error


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{type(value).__name__} is no amount")
    return value


def _rupiah(value: Any) -> int | Unreadable:
    """Whole rupiah. JSON doesn't tell 1000.0 from 1000, and some clients write the one for the other."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if _is_whole(value):
        return int(value)
    return Unreadable(lambda field: InvalidNumber(field=field, what=_AMOUNT, given=_told(value), why=_RUPIAH), 1)


def _is_whole(value: Any) -> bool:
    """Whether a number with a decimal point is whole."""
    return not isinstance(value, str | bool) and hasattr(value, "is_integer") and value.is_integer() and abs(value) <= _MAX_EXACT


def _month(value: Any) -> str | Unreadable:
    if isinstance(value, str):
        try:
            Month.parse(value)
        except NotAMonthError:
            written: object = value[:20]
        else:
            return value
    else:
        written = _told(value)
    return Unreadable(lambda field: InvalidMonth(field=field, given=written), f"{_STAND_IN:%Y-%m}")


def _day(value: Any) -> date | Unreadable:
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        return Unreadable(lambda field: InvalidDate(field=field, given=_told(value), why=_DATE), _STAND_IN.date())


def _instant(value: Any) -> datetime | Unreadable:
    try:
        instant = datetime.fromisoformat(value)
        if instant.tzinfo is not None:
            return instant.astimezone(UTC)
    except (OverflowError, TypeError, ValueError):  # also a time of the year 1 or 9999 that has another year in UTC
        pass
    return Unreadable(lambda field: InvalidDate(field=field, given=_told(value), why=_INSTANT), _STAND_IN)


def _rate(value: Any) -> Decimal | Unreadable:
    try:
        rate = Decimal(value) if isinstance(value, str) else None
    except InvalidOperation:
        rate = None
    if rate is None or not rate.is_finite():
        return Unreadable(lambda field: InvalidNumber(field=field, what=_PERCENTAGE, given=_told(value), why=_RATE), Decimal(1))
    return rate


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else f"{value.normalize():f}"


def _shown_day(value: Any) -> str:
    return value if isinstance(value, str) else value.isoformat()


def _shown_instant(value: Any) -> str:
    """In UTC with exactly three digits of a second, as engine/shapes.py and JavaScript write it."""
    instant = datetime.fromisoformat(value) if isinstance(value, str) else value
    return instant.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def _same(value: Any) -> Any:
    return value


def _scalar(name: str, description: str, *, specification: str, parse: Any, serialize: Any = _same) -> ScalarDefinition:
    return strawberry.scalar(name=name, description=description, specified_by_url=specification, parse_value=parse, serialize=serialize)


SCALARS: dict[object, ScalarDefinition] = {
    Upload: replace(
        UploadDefinition,
        description="File, in a request as the specification of multipart requests describes.",
        specified_by_url="https://github.com/jaydenseric/graphql-multipart-request-spec",
    ),
    Rupiah: _scalar(
        "Rupiah",
        "Whole rupiah, as a JSON integer: 150000 is Rp150.000. Fractions are refused.",
        specification="https://www.rfc-editor.org/rfc/rfc8259#section-6",
        parse=_rupiah,
        serialize=_whole,
    ),
    MonthText: _scalar("Month", 'Calendar month, such as "2026-02".', specification="https://www.w3.org/TR/NOTE-datetime", parse=_month),
    Day: _scalar(
        "Date",
        'Calendar date, such as "2026-02-28".',
        specification="https://scalars.graphql.org/andimarek/local-date",
        parse=_day,
        serialize=_shown_day,
    ),
    Rate: _scalar(
        "Rate",
        'Percentage as an exact decimal string, such as "12" or "2.5".',
        specification="https://www.w3.org/TR/xmlschema11-2/#decimal",
        parse=_rate,
        serialize=_plain,
    ),
    Instant: _scalar(
        "DateTime",
        'Date and time with offset. Results are in UTC with three digits of a second, such as "2026-02-28T01:30:00.000Z".',
        specification="https://scalars.graphql.org/andimarek/date-time",
        parse=_instant,
        serialize=_shown_instant,
    ),
}
