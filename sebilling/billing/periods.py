"""Periods (periode): billing months, opened, closed and reopened by hand."""

from datetime import datetime
from typing import Final

from sqlalchemy import text

from sebilling import events
from sebilling.billing import closings, idempotency, locks, scope, validation
from sebilling.billing.closings import PeriodRow
from sebilling.clock import JAKARTA, Month, local_date
from sebilling.db.engine import WriteSession
from sebilling.db.parameters import instant
from sebilling.errors import AlreadyExists, GenerationRunning, NotFound, PeriodClosed
from sebilling.events import invoices as invoice_events
from sebilling.events.ids import ClosingId
from sebilling.events.invoices import Missing, PeriodOpened, PeriodReopened
from sebilling.ledger_errors import ConfirmPeriod, PeriodIncomplete, PeriodIsOpen
from sebilling.nouns import Noun

MAX_MONTHS_AHEAD: Final = 2
"""A period further ahead requires confirmation: it is probably a typing error, as nobody is billed so far ahead."""
MAX_MONTHS_PAST: Final = 12
"""A period further in the past requires confirmation too."""
_OPEN: Final = text("INSERT INTO period (month, opened_at) VALUES (:month, :at) ON CONFLICT (month) DO NOTHING RETURNING id")
_FIND: Final = text("SELECT id, closed_at FROM period WHERE month = :month")
_LOCK: Final = text("SELECT id, closed_at FROM period WHERE month = :month FOR NO KEY UPDATE")
_UNFINISHED: Final = text("SELECT EXISTS (SELECT FROM generation_run WHERE period_id = :id AND finished_at IS NULL)")
# A closing may have waited for a run that began after it: it is then dated after the period's last document.
_CLOSE: Final = text(
    """
    INSERT INTO period_closing (period_id, incomplete, closed_at, closed_by)
    VALUES (:id, :incomplete,
            greatest(:at, (SELECT max(issued_at) FROM invoice WHERE period_id = :id),
                     (SELECT max(voided_at) FROM invoice_void WHERE period_id = :id)), :user)
    RETURNING id
    """
).bindparams(instant("at"))
_KEEP_FIGURES: Final = text(
    """
    INSERT INTO period_closing_figure
    SELECT period_closing.id, figures.* FROM period_closing, period_figures(period_id, closed_at) figures WHERE period_closing.id = :closing
    """
)
_REOPEN: Final = text(
    """
    INSERT INTO period_reopening (id, closing_id, reason, reopened_at, reopened_by) OVERRIDING SYSTEM VALUE
    SELECT :id, max(period_closing.id), :reason, :at, :user FROM period_closing WHERE period_id = :period
    """
).bindparams(instant("at"))


async def open_period(session: WriteSession, month: Month, *, confirm: bool = False) -> int:
    """Open a period and return its id.

    Raises AlreadyExists if it was ever opened, ConfirmPeriod if it is far from today and not confirmed, Forbidden.
    """
    scope.central(session)
    if not confirm:
        check_near(month, at=session.at)
    period_id = await session.value(_OPEN, {"month": month.first, "at": session.at}, kind=int)
    if period_id is None:
        raise AlreadyExists(field="month", noun=Noun.PERIOD, given=month)
    await events.append(session, PeriodOpened(month=month), subject_id=period_id)
    return period_id


def check_near(month: Month, *, at: datetime) -> None:
    """Raise ConfirmPeriod for a month that is far from the present one."""
    this_month = Month.of(local_date(at, JAKARTA))
    if not this_month.plus(-MAX_MONTHS_PAST) <= month <= this_month.plus(MAX_MONTHS_AHEAD):
        raise ConfirmPeriod(field="month", month=month, today=this_month)


async def close(session: WriteSession, month: Month, *, incomplete: bool = False) -> int:
    """Close a period: it takes no new invoices, and its present recap is kept. Returns the period's id.

    Waits for all operations that move money and blocks new ones until commit, so that the figures are complete; the row lock
    excludes a run that is just starting, which holds it shared. Raises Forbidden, NotFound, PeriodClosed, GenerationRunning
    while a run is unfinished, and, unless `incomplete`, PeriodIncomplete with the period's gaps.
    """
    scope.central(session)
    row = await session.row(_FIND, {"month": month.first}, into=PeriodRow)
    if row is None:
        raise NotFound(field="month", noun=Noun.PERIOD, given=month)
    gaps = [] if row.closed_at is not None else await closings.gaps(session, month, at=session.at, scope=session.actor.scope)
    missing = [gap for gap in gaps if gap.reason is not closings.GapReason.GENERATION_RUNNING]
    if missing and not incomplete:
        raise PeriodIncomplete(field="month", month=month, gaps=missing)
    await locks.closing(session)
    row = await session.row(_LOCK, {"month": month.first}, into=PeriodRow)
    if row is None or row.closed_at is not None:
        raise PeriodClosed(field="month", month=month)
    if await session.only_value(_UNFINISHED, {"id": row.id}, kind=bool):
        raise GenerationRunning(field="month", what=month)
    parameters = {"id": row.id, "incomplete": bool(missing), "at": session.at, "user": session.actor.user_id}
    closing = await session.only_value(_CLOSE, parameters, kind=int)
    await session.execute(_KEEP_FIGURES, {"closing": closing})
    left_undone = [Missing(reason=gap.reason, counter_code=gap.counter_code, count=gap.count, amount=gap.amount) for gap in missing]
    payload = invoice_events.PeriodClosed(month=month, closing_id=ClosingId.of(closing), missing=left_undone)
    await events.append(session, payload, subject_id=row.id)
    return row.id


async def reopen(session: WriteSession, month: Month, *, reason: str, key: str) -> bool:
    """Reopen a closed period for invoices and corrections; its closing and that closing's figures are kept.

    Returns True if the request is a replay of its key. Raises InvalidText, Forbidden, NotFound, PeriodIsOpen, IdempotencyMismatch.
    """
    scope.central(session)
    why = validation.reason(reason)
    claim = await idempotency.claim(session, "reopenPeriod", key, [str(month), why], table="period_reopening")
    if claim.replayed:
        return True
    await locks.closings(session)
    row = await session.row(_LOCK, {"month": month.first}, into=PeriodRow)
    if row is None:
        raise NotFound(field="month", noun=Noun.PERIOD, given=month)
    if row.closed_at is None:
        raise PeriodIsOpen(field="month", month=month)
    await session.execute(
        _REOPEN, {"id": claim.result_id, "period": row.id, "reason": why, "at": session.at, "user": session.actor.user_id}
    )
    await events.append(session, PeriodReopened(month=month, reason=why), subject_id=row.id)
    return False
