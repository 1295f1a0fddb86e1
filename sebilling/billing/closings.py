"""Gaps of a period before it is closed: customers not invoiced, runs in progress, money that awaits a decision."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import text

from sebilling.actor import Scope
from sebilling.billing import previews, scope
from sebilling.clock import Month
from sebilling.db.engine import ReadSession
from sebilling.errors import NotFound
from sebilling.nouns import Noun


class GapReason(StrEnum):
    """What a period lacks."""

    NOT_INVOICED = "NOT_INVOICED"
    GENERATION_RUNNING = "GENERATION_RUNNING"
    DEPOSITS_WAITING = "DEPOSITS_WAITING"
    MONEY_UNRESOLVED = "MONEY_UNRESOLVED"


@dataclass(frozen=True, slots=True)
class Gap:
    """Unfinished business of a period at one counter."""

    reason: GapReason
    counter_id: int
    counter_code: str
    counter_name: str
    timezone: str
    due_day: int
    archived_at: datetime | None
    count: int
    """Number of customers (NOT_INVOICED, GENERATION_RUNNING), deposits or payments."""
    amount: int
    """Rupiah; 0 for GENERATION_RUNNING."""


@dataclass(frozen=True, slots=True)
class PeriodRow:
    """Id of a period, and when it was closed, if it is."""

    id: int
    closed_at: datetime | None


@dataclass(frozen=True, slots=True)
class _CountedGap:
    """A gap that one statement finds, of every kind but NOT_INVOICED."""

    reason: str
    counter_id: int
    count: int
    amount: int
    counter_code: str
    counter_name: str
    timezone: str
    due_day: int
    archived_at: datetime | None


@dataclass(frozen=True, slots=True)
class _Counter:
    id: int
    code: str
    name: str
    timezone: str
    due_day: int
    archived_at: datetime | None


_PERIOD: Final = text("SELECT id, closed_at FROM period WHERE month = :month")
_GAPS: Final = text(
    f"""
    SELECT gap.*, code AS counter_code, name AS counter_name, timezone, due_day, archived_at FROM (
        SELECT 'GENERATION_RUNNING' AS reason, counter_id, sum(total - done)::bigint AS count, 0::bigint AS amount
          FROM generation_task JOIN generation_run ON generation_run.id = run_id
         WHERE period_id = :period AND finished_at IS NULL AND NOT finished GROUP BY counter_id
        UNION ALL
        SELECT 'DEPOSITS_WAITING', counter_id, count(*), sum(amount)::bigint
          FROM deposit WHERE status = 'SUBMITTED' AND deposited_on < :after GROUP BY counter_id
        UNION ALL
        SELECT 'MONEY_UNRESOLVED', counter_id, count(*), sum(credit)::bigint FROM payment
         WHERE credit > 0 AND surplus_because = 'ALREADY_PAID' AND received_on >= :month AND received_on < :after GROUP BY counter_id
    ) gap JOIN counter ON counter.id = gap.counter_id
    WHERE {scope.sees("counter.id")}
    """
)
_COUNTERS: Final = text("SELECT id, code, name, timezone, due_day, archived_at FROM counter")


async def gaps(session: ReadSession, month: Month, *, at: datetime, scope: Scope) -> list[Gap]:
    """List the period's gaps at the counters of the scope, ordered by counter; a closed period has none. Raises NotFound."""
    period = await session.row(_PERIOD, {"month": month.first}, into=PeriodRow)
    if period is None:
        raise NotFound(field="month", noun=Noun.PERIOD, given=month)
    if period.closed_at is not None:
        return []
    parameters = {"period": period.id, "month": month.first, "after": month.after, "scope": scope.ids}
    period_gaps = [
        Gap(
            GapReason(gap.reason),
            gap.counter_id,
            gap.counter_code,
            gap.counter_name,
            gap.timezone,
            gap.due_day,
            gap.archived_at,
            gap.count,
            gap.amount,
        )
        for gap in await session.rows(_GAPS, parameters, into=_CountedGap)
    ]
    missed = await previews.not_invoiced(session, month, at=at, scope=scope)
    if missed:
        counters = {row.id: row for row in await session.rows(_COUNTERS, into=_Counter)}
        period_gaps += [
            Gap(GapReason.NOT_INVOICED, counter, counters[counter].code, counters[counter].name, counters[counter].timezone,
                counters[counter].due_day, counters[counter].archived_at, count, amount)
            for counter, (count, amount) in missed.items()
        ]  # fmt: skip
    return sorted(period_gaps, key=_place)


def _place(gap: Gap) -> tuple[str, int]:
    """Return the gap's place in a list: by counter, then in the order of GapReason."""
    return gap.counter_code, list(GapReason).index(gap.reason)
