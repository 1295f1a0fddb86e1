"""Previews of a run: its counts and total, or one customer's invoice line by line.

A preview's token identifies its figures: a run started with the token issues exactly these, or refuses.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

import orjson

from sebilling.actor import Scope
from sebilling.billing.pricing import COUNTED, LINES, ONE_CUSTOMER, PRICED, Counted, Priced, SkipReason, pricing, statement
from sebilling.billing.scope import narrowed
from sebilling.clock import Month
from sebilling.db.engine import ReadSession
from sebilling.errors import InvalidText, NotFound, PreviewOutdated
from sebilling.language import Sentence
from sebilling.money import format_rupiah
from sebilling.nouns import Noun


@dataclass(frozen=True, slots=True)
class Counts:
    """Counts and total of a run, planned or done."""

    issued: int
    already_invoiced: int
    skipped: dict[str, int]
    total_amount: int
    """Rupiah."""

    @classmethod
    def of(cls, counted: Counted) -> "Counts":
        """Return what a run over the counted customers does."""
        return cls(counted.issued, counted.already_invoiced, counted.skipped, counted.total_amount)

    def token(self, month: Month, counters: Sequence[int] | None) -> str:
        """Return the preview token of these figures for the month at these counters (None: all)."""
        where = [str(month), None if counters is None else sorted(set(counters))]
        figures = [*where, self.issued, self.already_invoiced, sorted(self.skipped.items()), self.total_amount]
        return f"pre_{self.issued}_{self.total_amount}_{hashlib.sha256(orjson.dumps(figures)).hexdigest()[:32]}"


_TOKEN: Final = re.compile(r"pre_([0-9]{1,10})_([0-9]{1,19})_[0-9a-f]{32}")


def compare(token: str, now: Counts, month: Month, counters: Sequence[int] | None) -> None:
    """Check that the figures still match the token. Raises InvalidText, PreviewOutdated."""
    field = "preview_token"
    shown = _TOKEN.fullmatch(token)
    if shown is None:
        raise InvalidText(
            field=field,
            what=Sentence("The preview token", "Token pratinjau"),
            why=Sentence(
                "send the token of previewGeneration unchanged, or none.",
                "kirim token dari previewGeneration tanpa diubah, atau jangan kirim sama sekali.",
            ),
        )
    if token != now.token(month, counters):
        raise PreviewOutdated(
            field=field, issued=int(shown[1]), issued_now=now.issued,
            total=format_rupiah(int(shown[2])), total_now=format_rupiah(now.total_amount),
        )  # fmt: skip


_PERIOD: Final = statement("SELECT id FROM period WHERE month = :month")
_WANTED: Final = "(SELECT * FROM customer WHERE (CAST(:counters AS bigint[]) IS NULL OR counter_id = ANY (:counters))) customer"
_PREVIEW: Final = statement(f"WITH {pricing(_WANTED)} SELECT {COUNTED} FROM priced")
_PREVIEW_ONE: Final = statement(f"WITH {pricing(ONE_CUSTOMER)} SELECT {PRICED} FROM priced")
_PREVIEW_LINES: Final = statement(
    f"""
    WITH {pricing(ONE_CUSTOMER)}
    SELECT kind, description, quantity, unit_price, quantity * unit_price AS amount
      FROM ({LINES.format(new_fee="NULL", join_new_fees="")}) line ORDER BY position
    """
)


async def preview(session: ReadSession, month: Month, *, at: datetime, counters: Sequence[int] | None, scope: Scope) -> Counts:
    """Preview a run that begins at `at`, at these counters (None: all) as far as they are in the scope. Raises NotFound."""
    parameters = {**await _days(session, month, at), "counters": narrowed(scope, counters)}
    return Counts.of(await session.only_row(_PREVIEW, parameters, into=Counted))


@dataclass(frozen=True, slots=True)
class _Missed:
    """Customers of a counter whom a run would still invoice, and the total in rupiah."""

    counter_id: int
    customers: int
    amount: int


_MISSED: Final = statement(
    f"WITH {pricing(_WANTED)} SELECT counter_id, count(*) AS customers, sum(total)::bigint AS amount FROM priced WHERE verdict = 'ISSUE'"
    " GROUP BY counter_id"
)


async def not_invoiced(session: ReadSession, month: Month, *, at: datetime, scope: Scope) -> dict[int, tuple[int, int]]:
    """Return, by counter of the scope, how many customers a run at `at` would still invoice, and their total in rupiah. Raises NotFound."""
    rows = await session.rows(_MISSED, {**await _days(session, month, at), "counters": scope.ids}, into=_Missed)
    return {row.counter_id: (row.customers, row.amount) for row in rows}


@dataclass(frozen=True, slots=True)
class Skipped:
    """Customers without an invoice for one reason."""

    reason: SkipReason
    count: int
    customer_ids: Sequence[int]
    """The first of them by code, at most MAX_SKIPPED."""


@dataclass(frozen=True, slots=True)
class _SkippedRow:
    verdict: str
    count: int
    customer_ids: list[int]


MAX_SKIPPED: Final = 100
"""Customers who are named for each reason."""
_SKIPPED: Final = statement(
    f"WITH {pricing(_WANTED)} SELECT verdict, count(*) AS count, (array_agg(id ORDER BY code))[1 : CAST(:most AS int)] AS customer_ids"
    " FROM priced JOIN customer USING (id) WHERE verdict NOT IN ('ISSUE', 'ALREADY_INVOICED') GROUP BY verdict ORDER BY verdict"
)


async def skipped(session: ReadSession, month: Month, *, at: datetime, counters: Sequence[int] | None, scope: Scope) -> list[Skipped]:
    """List who gets no invoice of a period, by reason, as a run at `at` would decide. Raises NotFound."""
    parameters = {**await _days(session, month, at), "counters": narrowed(scope, counters), "most": MAX_SKIPPED}
    rows = await session.rows(_SKIPPED, parameters, into=_SkippedRow)
    return [Skipped(SkipReason(row.verdict), row.count, row.customer_ids) for row in rows]


@dataclass(frozen=True, slots=True)
class PricedLine:
    """A line of a previewed invoice; amount = quantity * unit_price, in rupiah, below 0 for a discount."""

    kind: str
    description: str
    quantity: int
    unit_price: int
    amount: int


@dataclass(frozen=True, slots=True)
class PricedInvoice:
    """Preview of one customer's invoice for a period. If none would be issued (`verdict` isn't ISSUE), there are no lines."""

    verdict: str
    covers_from: date
    covers_until: date
    due_on: date
    total: int
    lines: Sequence[PricedLine]


async def preview_one(session: ReadSession, month: Month, customer_id: int, *, at: datetime, scope: Scope) -> PricedInvoice:
    """Preview the invoice that this customer would get for the period at `at`. Raises NotFound, also outside the scope."""
    bound = {**await _days(session, month, at), "customer": customer_id, "scope": scope.ids}
    priced = await session.row(_PREVIEW_ONE, bound, into=Priced)
    if priced is None:
        raise NotFound(field="customer_id", noun=Noun.CUSTOMER, given=customer_id)
    lines = await session.rows(_PREVIEW_LINES, bound, into=PricedLine)
    total = priced.total if lines else 0
    return PricedInvoice(priced.verdict, priced.covers_from, priced.covers_until, priced.falls_due, total, lines)


async def _days(session: ReadSession, month: Month, at: datetime) -> dict[str, object]:
    """Return the pricing rule's parameters for a period. Raises NotFound."""
    period_id = await session.value(_PERIOD, {"month": month.first}, kind=int)
    if period_id is None:
        raise NotFound(field="month", noun=Noun.PERIOD, given=month)
    return {"period": period_id, "month": month.first, "after": month.after, "at": at, "as_of": at}
