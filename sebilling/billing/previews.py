"""What a run would do, before anybody confirms it: counts and total, or one customer's invoice line by line.

A preview's token stands for its figures: a run that is given it issues just these, or refuses.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import orjson
from sqlalchemy import Row

from sebilling.actor import Scope
from sebilling.billing.pricing import COUNTED, LINES, ONE_CUSTOMER, pricing, skipped_by_reason, statement
from sebilling.billing.scope import narrowed
from sebilling.clock import Month
from sebilling.db.engine import ReadSession
from sebilling.errors import InvalidText, NotFound, PreviewOutdated
from sebilling.money import format_rupiah


@dataclass(frozen=True, slots=True)
class Counts:
    """What a run would do now, or did."""

    issued: int
    already_invoiced: int
    skipped: dict[str, int]
    total_amount: int
    """Rupiah."""

    @classmethod
    def of(cls, row: Row[*tuple[Any, ...]]) -> "Counts":
        """From a row of COUNTED columns."""
        return cls(row.issued, row.already_invoiced, skipped_by_reason(row), row.total_amount)

    def token(self, month: Month, counters: Sequence[int] | None) -> str:
        """Stands for these figures of the month at these counters (None: at all)."""
        where = [str(month), None if counters is None else sorted(set(counters))]
        figures = [*where, self.issued, self.already_invoiced, sorted(self.skipped.items()), self.total_amount]
        return f"pre_{self.issued}_{self.total_amount}_{hashlib.sha256(orjson.dumps(figures)).hexdigest()[:32]}"


_TOKEN: Final = re.compile(r"pre_([0-9]{1,10})_([0-9]{1,19})_[0-9a-f]{32}")


def compare(token: str, now: Counts, month: Month, counters: Sequence[int] | None) -> None:
    """Make sure that the figures are still those that the token stands for. Raises InvalidText, PreviewOutdated."""
    field = ("input", "previewToken")
    shown = _TOKEN.fullmatch(token)
    if shown is None:
        raise InvalidText(field=field, what="The preview token", why="give the token of previewGeneration as it is, or none.")
    if token != now.token(month, counters):
        raise PreviewOutdated(
            field=field, issued=int(shown[1]), issued_now=now.issued,
            total=format_rupiah(int(shown[2])), total_now=format_rupiah(now.total_amount),
        )  # fmt: skip


_PERIOD: Final = statement("SELECT id FROM period WHERE month = :month")
_WANTED: Final = "(SELECT * FROM customer WHERE (CAST(:counters AS bigint[]) IS NULL OR counter_id = ANY (:counters))) customer"
_PREVIEW: Final = statement(f"WITH {pricing(_WANTED)} SELECT {COUNTED} FROM priced")
_PREVIEW_ONE: Final = statement(f"WITH {pricing(ONE_CUSTOMER)} SELECT verdict, covers_from, covers_until, falls_due, total FROM priced")
_PREVIEW_LINES: Final = statement(
    f"""
    WITH {pricing(ONE_CUSTOMER)}
    SELECT kind, description, quantity, unit_price, quantity * unit_price AS amount
      FROM ({LINES.format(new_fee="NULL", join_new_fees="")}) line ORDER BY position
    """
)


async def preview(session: ReadSession, month: Month, *, at: datetime, counters: Sequence[int] | None, scope: Scope) -> Counts:
    """What a run that begins at `at` would do at the counters of the scope (None: at all). Raises NotFound."""
    row = await session.row(_PREVIEW, {**await _days(session, month, at), "counters": narrowed(scope, counters)})
    assert row is not None  # noqa: S101 - a count always gives one row
    return Counts.of(row)


_MISSED: Final = statement(
    f"WITH {pricing(_WANTED)} SELECT counter_id, count(*) AS customers, sum(total)::bigint AS amount FROM priced WHERE verdict = 'ISSUE'"
    " GROUP BY counter_id"
)


async def not_invoiced(session: ReadSession, month: Month, *, at: datetime, scope: Scope) -> dict[int, tuple[int, int]]:
    """By counter of the scope, how many customers a run at `at` would still invoice, and over how many rupiah. Raises NotFound."""
    rows = await session.rows(_MISSED, {**await _days(session, month, at), "counters": scope.ids})
    return {row.counter_id: (row.customers, row.amount) for row in rows}


@dataclass(frozen=True, slots=True)
class PricedInvoice:
    """What one customer's invoice of a period would be. Without one (`verdict` isn't ISSUE) there are no lines."""

    verdict: str
    covers_from: date
    covers_until: date
    due_on: date
    total: int
    lines: list[dict[str, Any]]


async def preview_one(session: ReadSession, month: Month, customer_id: int, *, at: datetime, scope: Scope) -> PricedInvoice:
    """The invoice that this customer of the scope would get for the period at `at`. Raises NotFound."""
    bound = {**await _days(session, month, at), "customer": customer_id, "scope": scope.ids}
    row = await session.row(_PREVIEW_ONE, bound)
    if row is None:
        raise NotFound(field=("customerId",), noun="customer", given=f"cus_{customer_id}")
    lines = [dict(line._mapping) for line in await session.rows(_PREVIEW_LINES, bound)]  # noqa: SLF001 - SQLAlchemy's documented name
    return PricedInvoice(row.verdict, row.covers_from, row.covers_until, row.falls_due, row.total if lines else 0, lines)


async def _days(session: ReadSession, month: Month, at: datetime) -> dict[str, Any]:
    """What the pricing rule binds for a period. Raises NotFound."""
    period = await session.row(_PERIOD, {"month": month.first})
    if period is None:
        raise NotFound(field=("month",), noun="period", given=month)
    return {"period": period.id, "month": month.first, "after": month.after, "at": at, "as_of": at}
