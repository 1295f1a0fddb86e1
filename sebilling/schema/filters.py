"""Conditions that the filters of invoices, payments and deposits share. Each is SQL on the row `t`, with what it binds."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

import strawberry

from sebilling.billing import validation
from sebilling.clock import TIMEZONES, Month, NotAMonthError, local_date
from sebilling.nouns import Noun
from sebilling.schema.engine.pages import Conditions
from sebilling.schema.values import ids

_MAX_SEQUENCE_DIGITS: Final = 9
_NUMBER: Final = re.compile(r"(?:(?:[A-Z]{2,3}/)?([0-9]{4}-[0-9]{2})/)?(?:([A-Z0-9-]{1,20})/)?([0-9]{1,9})")
"""A document's number, or the end of one: its month, its counter's code, its sequence."""
NONE: Final = "false"
"""The condition that no row meets, such as that its status is one of an empty list."""


@dataclass(frozen=True, slots=True)
class DocumentNumber:
    """Number of an invoice or receipt, such as KW/2026-02/LKT01/000123; only the sequence, or also the counter, if it is the end of one."""

    month: date | None
    code: str | None
    sequence: int

    @property
    def parameters(self) -> dict[str, object]:
        """What NUMBER_OF binds."""
        return {"number_month": self.month, "number_code": self.code, "number_sequence": self.sequence}


def document_number(text: str) -> DocumentNumber | None:
    """Read a number or the end of one; None if it is neither."""
    match = _NUMBER.fullmatch(text.strip().upper())
    if match is None or len(match[3]) > _MAX_SEQUENCE_DIGITS:
        return None
    try:
        month = None if match[1] is None else Month.parse(match[1]).first
    except NotAMonthError:
        return None
    return DocumentNumber(month, match[2], int(match[3]))


_NUMBER_PARTS: Final = (
    "(CAST(:number_month AS date) IS NULL OR month = :number_month) AND (CAST(:number_code AS text) IS NULL OR code = :number_code)"
)
# Series by series: there are as many as months and counters, and the index of sequences finds the number in each.
INVOICES_OF_NUMBER: Final = (
    "SELECT numbered.id FROM invoice_series series JOIN period ON period.id = series.period_id"
    " JOIN counter ON counter.id = series.counter_id JOIN invoice numbered"
    " ON numbered.period_id = series.period_id AND numbered.counter_id = series.counter_id"
    f" AND numbered.sequence = :number_sequence WHERE {_NUMBER_PARTS}"
)
PAYMENTS_OF_NUMBER: Final = (
    "SELECT payment_id FROM receipt_series series JOIN counter ON counter.id = series.counter_id"
    " JOIN receipt numbered ON numbered.counter_id = series.counter_id AND numbered.month = series.month"
    f" AND numbered.sequence = :number_sequence WHERE {_NUMBER_PARTS.replace('month =', 'series.month =')}"
)


def of_counters(counter_ids: Sequence[strawberry.ID] | None) -> Conditions:
    """Rows of one of these counters; none for an empty list. Raises InvalidId."""
    counters = ids.decode_all(counter_ids, Noun.COUNTER, field=("filter", "counterIds"))
    if counters is None:
        return {}
    if len(counters) == 1:  # `=`, so that an index has the counter's rows in the page's order
        return {"t.counter_id = :counter": {"counter": counters[0]}}
    return {"t.counter_id = ANY (CAST(:counters AS bigint[]))": {"counters": counters}}


def search(text: str, numbered: str) -> Conditions:
    """Rows whose customer's name has the text, whose customer's code begins with it, or whose number it is, or the end of it.

    `numbered` is SQL for the ids of the rows with a number: INVOICES_OF_NUMBER or PAYMENTS_OF_NUMBER.
    """
    visible = validation.without_marks(text).strip()
    if not visible:
        return {}
    exact = visible.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
    # Arrays, so that the rows are found by the indexes of both instead of one by one.
    customers = "t.customer_id = ANY (ARRAY(SELECT id FROM customer WHERE name ILIKE :part OR code ILIKE :start))"
    parameters: dict[str, object] = {"part": f"%{exact}%", "start": f"{exact}%"}
    number = document_number(visible)
    if number is None:
        return {customers: parameters}
    return {f"({customers} OR t.id = ANY (ARRAY({numbered})))": parameters | number.parameters}


def with_number(text: str, numbered: str) -> Conditions:
    """The row with exactly this number."""
    number = document_number(text)
    if number is None or number.month is None or number.code is None:
        return {NONE: {}}
    return {f"t.id = ANY (ARRAY({numbered}))": number.parameters}


def today_at_counter(column: str, comparison: str, *, at: datetime) -> Conditions:
    """Rows whose day compares so with the date at their counter: `<` or `=`.

    The days of all time zones come first, so that an index helps, and most rows need no look at their counter.
    """
    days = [local_date(at, timezone) for timezone in TIMEZONES]
    own = "(SELECT (CAST(:now AS timestamptz) AT TIME ZONE timezone)::date FROM counter WHERE counter.id = t.counter_id)"
    if comparison == "<":
        condition = f"({column} < :latest_day AND ({column} < :earliest_day OR {column} < {own}))"
    else:
        condition = f"({column} >= :earliest_day AND {column} <= :latest_day AND {column} = {own})"
    return {condition: {"now": at, "earliest_day": min(days), "latest_day": max(days)}}
