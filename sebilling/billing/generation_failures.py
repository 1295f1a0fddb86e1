"""Failures of generation runs: recorded, retried with increasing delays without blocking other runs, or abandoned."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import text

from sebilling import events
from sebilling.billing import scope, validation
from sebilling.billing.pricing import statement
from sebilling.db.engine import WriteSession
from sebilling.error_codes import ErrorCode
from sebilling.errors import GenerationEnded, NotFound
from sebilling.events.invoices import GenerationAbandoned, GenerationFailed
from sebilling.nouns import Noun


@dataclass(frozen=True, slots=True)
class _Run:
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class _Progress:
    """Customers that a run has accounted for, all of them, and the invoices issued."""

    done: int
    total: int
    issued: int


# SKIP LOCKED: a worker that has taken the run meanwhile records its own failure.
_FAILED: Final = statement(
    """
    UPDATE generation_run SET attempts = attempts + 1, error = :code,
           error_reference = CASE WHEN error = :code THEN error_reference ELSE :reference END,
           next_at = :at + least(interval '10 minutes', interval '5 seconds' * 2 ^ least(attempts, 10))
     WHERE id = (SELECT id FROM generation_run WHERE id = :run AND finished_at IS NULL FOR UPDATE SKIP LOCKED)
    RETURNING attempts
    """
)
_LOCK: Final = text("SELECT finished_at FROM generation_run WHERE id = :run FOR UPDATE")
_ABANDON: Final = statement(
    """
    WITH run AS (
        UPDATE generation_run SET finished_at = :at, abandoned_at = :at, abandon_reason = :reason WHERE id = :run
    )
    SELECT coalesce(sum(done), 0)::bigint AS done, coalesce(sum(total), 0)::bigint AS total, coalesce(sum(issued), 0)::bigint AS issued
      FROM generation_task WHERE run_id = :run
    """
)


async def record(session: WriteSession, run_id: int, *, code: ErrorCode, reference: str) -> None:
    """Record that the run's next chunk failed, and schedule the retry: the delay doubles each time, from 5 s to 10 minutes.

    The first of consecutive failures is written as an event.
    """
    parameters = {"run": run_id, "at": session.at, "code": code.value, "reference": reference}
    attempts = await session.value(_FAILED, parameters, kind=int)
    if attempts == 1:
        await events.append(session, GenerationFailed(code=code, reference=reference), subject_id=run_id)


async def abandon(session: WriteSession, run_id: int, *, reason: str) -> None:
    """Abandon an unfinished run: invoices that it issued stay; the remaining customers get none from it.

    Waits for the chunk in progress. Raises Forbidden, InvalidText, NotFound, GenerationEnded.
    """
    scope.central(session)
    why = validation.reason(reason)
    row = await session.row(_LOCK, {"run": run_id}, into=_Run)
    if row is None:
        raise NotFound(field="run_id", noun=Noun.RUN, given=run_id)
    if row.finished_at is not None:
        raise GenerationEnded(field="run_id", given=Noun.RUN.id(run_id))
    counts = await session.only_row(_ABANDON, {"run": run_id, "at": session.at, "reason": why}, into=_Progress)
    abandoned = GenerationAbandoned(reason=why, done=counts.done, total=counts.total, issued=counts.issued)
    await events.append(session, abandoned, subject_id=run_id)
