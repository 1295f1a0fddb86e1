"""Periode: a billing month, opened and closed by hand."""

from typing import Final

from sqlalchemy import text

from sebilling import events
from sebilling.billing import scope
from sebilling.clock import Month
from sebilling.db.engine import WriteSession
from sebilling.errors import AlreadyExists, GenerationRunning, NotFound, PeriodClosed

_OPEN: Final = text("INSERT INTO period (month, opened_at) VALUES (:month, :at) ON CONFLICT (month) DO NOTHING RETURNING id")
_LOCK: Final = text("SELECT id, closed_at FROM period WHERE month = :month FOR UPDATE")
_UNFINISHED: Final = text("SELECT EXISTS (SELECT FROM generation_run WHERE period_id = :id AND finished_at IS NULL)")
# A closing may have waited for a run that began after it: it is then dated behind what the period took last.
_CLOSE: Final = text(
    """
    UPDATE period SET closed_at = greatest(
               :at, (SELECT max(issued_at) FROM invoice WHERE period_id = :id),
               (SELECT max(voided_at) FROM invoice_void WHERE period_id = :id))
     WHERE id = :id
    """
)


async def create(session: WriteSession, month: Month) -> int:
    """Open a month; gives the period's id. Raises AlreadyExists if it was ever opened, Forbidden."""
    scope.central(session)
    period_id: int | None = await session.value(_OPEN, {"month": month.first, "at": session.at})
    if period_id is None:
        raise AlreadyExists(field=("input", "month"), noun="period", given=month)
    await events.append(session, "period.opened", subject="period", subject_id=period_id, month=str(month))
    return period_id


async def close(session: WriteSession, month: Month) -> int:
    """Close a month for good: it takes no new invoices. Gives the period's id.

    Raises Forbidden, NotFound, PeriodClosed, and GenerationRunning while a run isn't finished. The row lock excludes a run
    that is just starting, which holds it shared.
    """
    scope.central(session)
    row = await session.row(_LOCK, {"month": month.first})
    if row is None:
        raise NotFound(field=("input", "month"), noun="period", given=month)
    if row.closed_at is not None:
        raise PeriodClosed(field=("input", "month"), month=month)
    if await session.value(_UNFINISHED, {"id": row.id}):
        raise GenerationRunning(field=("input", "month"), what=month)
    await session.execute(_CLOSE, {"id": row.id, "at": session.at})
    await events.append(session, "period.closed", subject="period", subject_id=row.id, month=str(month))
    period_id: int = row.id
    return period_id
