"""Scalars of the API. Rows come from PostgreSQL as JSON, so dates and times may already be strings."""

from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NewType

import strawberry
from strawberry.types.scalar import ScalarDefinition

from sebilling.clock import Month, NotAMonthError
from sebilling.errors import InvalidMonth
from sebilling.language import Sentence
from sebilling.schema.request.document_errors import InvalidScalar

Rupiah = NewType("Rupiah", int)
MonthText = NewType("MonthText", str)
Day = NewType("Day", date)
Instant = NewType("Instant", datetime)
Rate = NewType("Rate", Decimal)


_RUPIAH: Final = Sentence(
    "Rupiah are whole numbers: write 150000 for Rp150.000, without fraction or quotes.",
    "Rupiah adalah bilangan bulat: tulis 150000 untuk Rp150.000, tanpa pecahan atau tanda kutip.",
)
_MONTH: Final = Sentence('Write a month as a text, such as "2026-02".', 'Tulis bulan sebagai teks, seperti "2026-02".')
_DATE: Final = Sentence(
    'A Date is a text such as "2026-02-28", and a day that exists.', 'Date adalah teks seperti "2026-02-28", dan tanggal yang memang ada.'
)
_INSTANT: Final = Sentence(
    'A DateTime is a text with its offset, such as "2026-02-28T08:30:00+07:00".',
    'DateTime adalah teks dengan selisih zonanya, seperti "2026-02-28T08:30:00+07:00".',
)
_RATE: Final = Sentence(
    'A Rate is an exact decimal as a text, such as "12" or "2.5".', 'Rate adalah desimal tepat sebagai teks, seperti "12" atau "2.5".'
)


def month_in(text: str, *, field: tuple[str, ...]) -> Month:
    """Parse a month such as `2026-02`. Raises InvalidMonth."""
    try:
        return Month.parse(text)
    except NotAMonthError as error:
        raise InvalidMonth(field=field, given=text[:20]) from error


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidScalar(_RUPIAH, got=value)
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise InvalidScalar(_MONTH, got=value)
    return value


def _day(value: Any) -> date:
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise InvalidScalar(_DATE, got=value) from None


def _instant(value: Any) -> datetime:
    try:
        instant = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        instant = None
    if instant is None or instant.tzinfo is None:
        raise InvalidScalar(_INSTANT, got=value)
    return instant.astimezone(UTC)


def _rate(value: Any) -> Decimal:
    try:
        rate = Decimal(value) if isinstance(value, str) else None
    except InvalidOperation:
        rate = None
    if rate is None or not rate.is_finite():
        raise InvalidScalar(_RATE, got=value)
    return rate


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else f"{value.normalize():f}"


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else value.isoformat()


def _same(value: Any) -> Any:
    return value


def _scalar(name: str, description: str, *, parse: Any, serialize: Any = _same) -> ScalarDefinition:
    return strawberry.scalar(name=name, description=description, parse_value=parse, serialize=serialize)


SCALARS: dict[object, ScalarDefinition] = {
    Rupiah: _scalar(
        "Rupiah", "Whole rupiah, as a JSON integer: 150000 is Rp150.000. Fractions are refused.", parse=_whole, serialize=_whole
    ),
    MonthText: _scalar("Month", 'Calendar month, such as "2026-02".', parse=_text),
    Day: _scalar("Date", 'Calendar date, such as "2026-02-28".', parse=_day, serialize=_shown),
    Rate: _scalar("Rate", 'Percentage as an exact decimal string, such as "12" or "2.5".', parse=_rate, serialize=_plain),
    Instant: _scalar("DateTime", "Date and time with offset, RFC 3339; results are in UTC.", parse=_instant, serialize=_shown),
}
