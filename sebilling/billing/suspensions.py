"""Suspensions: days for which a customer isn't billed. Pauses (jeda), by hand or after a long block, and the end of a service.

The pricing rule treats their days like days that are billed already (db/sql/suspension.sql); issued invoices stay as they are. Whoever
sets or ends one holds the customer's counter, so that no invoice is issued meanwhile.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import text

from sebilling import events
from sebilling.billing import locks, validation
from sebilling.billing.validation import Problems
from sebilling.clock import Month, local_date
from sebilling.customer_errors import AlreadyPaused, NotPaused, ServiceEnded
from sebilling.db.engine import ReadSession, WriteSession
from sebilling.db.parameters import instant
from sebilling.errors import InvalidDate
from sebilling.events.customers import CustomerPaused, CustomerResumed
from sebilling.language import Sentence


class SuspensionKind(StrEnum):
    """Why a customer isn't billed."""

    PAUSED = "PAUSED"
    BLOCKED = "BLOCKED"
    ENDED = "ENDED"


@dataclass(frozen=True, slots=True)
class Suspended:
    """A suspension: the days [from_on, until_on); `until_on` is None if no end is known."""

    kind: str
    from_on: date
    until_on: date | None


@dataclass(frozen=True, slots=True)
class SuspensionRow(Suspended):
    """A suspension that is stored."""

    id: int


NO_END: Final = date(9999, 12, 31)
"""End of days that have none, as in the view `taken_days`."""
MAX_AHEAD: Final = timedelta(days=366)
"""A pause or an end further ahead is probably a typing error, and so is a pause that begins so long ago."""
_NOT_OVER: Final = text(
    """
    SELECT kind, from_on, until_on, id FROM suspension
     WHERE customer_id = :customer AND (until_on IS NULL OR until_on > greatest(from_on, CAST(:after AS date)))
     ORDER BY from_on, id
    """
)
_SET: Final = text(
    """
    INSERT INTO suspension (customer_id, kind, from_on, until_on, reason, set_at, set_by)
    VALUES (:customer, :kind, :from, :until, :reason,
            greatest(:at, (SELECT max(issued_at) FROM invoice WHERE customer_id = :customer)), :user)
    """
).bindparams(instant("at"))
_SET_END: Final = text("UPDATE suspension SET until_on = :until WHERE id = :id")
_END_OF: Final = text(
    f"""
    SELECT kind, from_on, until_on, id FROM suspension
     WHERE customer_id = :customer AND kind = '{SuspensionKind.ENDED}' AND until_on IS NULL
    """
)


async def pause(session: WriteSession, customer_id: int, *, from_on: date, until_on: date | None = None, reason: str) -> None:
    """Bill the customer no days from `from_on` on, until `until_on` or (None) until they are resumed.

    A pause ends in a later month than it begins, so that each month's invoice bills one stretch of days.
    Raises InvalidDate, InvalidText, InvalidInputs, NotFound, AlreadyPaused, ServiceEnded.
    """
    customer = await locks.customer(session, customer_id)
    with Problems() as check:
        why = check(validation.reason, reason)
        check(check_pause, from_on, until_on, today=local_date(session.at, customer.timezone))
    for other in await not_over(session, customer_id, after=from_on):
        if other.kind == SuspensionKind.ENDED:
            if from_on >= other.from_on:
                raise ServiceEnded(field="from_on", given=customer.code, on=other.from_on)
        elif until_on is None or other.from_on < until_on:
            raise AlreadyPaused(field="from_on", given=customer.code, first=other.from_on)
    await insert(session, customer_id, Suspended(SuspensionKind.PAUSED, from_on, until_on), reason=why)
    paused = CustomerPaused(from_on=from_on, until_on=until_on, reason=why)
    await events.append(session, paused, subject_id=customer_id, counter_id=customer.counter_id)


def check_pause(from_on: date, until_on: date | None, *, today: date) -> None:
    """Raise InvalidDate unless a customer can be paused on these days."""
    if not today - MAX_AHEAD <= from_on <= today + MAX_AHEAD:
        earliest, latest = today - MAX_AHEAD, today + MAX_AHEAD
        why = Sentence(f"choose a day from {earliest} to {latest}.", f"pilih tanggal {earliest} sampai {latest}.")
        raise InvalidDate(field="from_on", given=from_on, why=why)
    first = Month.of(from_on).after
    if until_on is not None and not first <= until_on <= from_on + 10 * MAX_AHEAD:
        raise InvalidDate(field="until_on", given=until_on, why=_ends_from(first))


def _ends_from(first: date) -> Sentence:
    return Sentence(
        f"a pause ends in a later month than it begins; choose {first} or a later date, and a discount for less.",
        f"jeda berakhir di bulan sesudah bulan mulainya; pilih {first} atau sesudahnya, dan potongan untuk yang lebih singkat.",
    )


async def resume(session: WriteSession, customer_id: int, *, on: date | None = None) -> None:
    """End the customer's pause: they are billed from `on` (None: today) on. By its first day or earlier, the pause is withdrawn.

    Raises InvalidDate (in the month in which the pause begins, or after it has ended), NotFound, NotPaused.
    """
    customer = await locks.customer(session, customer_id)
    today = local_date(session.at, customer.timezone)
    pauses = [row for row in await not_over(session, customer_id, after=min(today, on or today)) if row.kind != SuspensionKind.ENDED]
    if not pauses:
        raise NotPaused(field="customer_id", given=customer.code)
    pause = pauses[0]
    until = max(pause.from_on, on or today)
    first = Month.of(pause.from_on).after
    if pause.from_on < until < first:
        why = Sentence(
            f"the pause ends on {first} at the earliest; choose that or a later date, or {pause.from_on} to withdraw it.",
            f"jeda berakhir paling cepat {first}; pilih tanggal itu atau sesudahnya, atau {pause.from_on} untuk membatalkannya.",
        )
        raise InvalidDate(field="on", given=until, why=why)
    if not (pause.until_on is None or until < pause.until_on) or until > today + MAX_AHEAD:
        last = min(today + MAX_AHEAD, (pause.until_on or date.max) - timedelta(days=1))
        raise InvalidDate(field="on", given=until, why=Sentence(f"choose {last} or an earlier date.", f"pilih {last} atau sebelumnya."))
    await set_end(session, pause.id, until_on=until)
    resumed = CustomerResumed(from_on=pause.from_on, until_on=until)
    await events.append(session, resumed, subject_id=customer_id, counter_id=customer.counter_id)


async def not_over(session: ReadSession, customer_id: int, *, after: date) -> list[SuspensionRow]:
    """Return the customer's suspensions that have days after `after` or on it, by their first day."""
    return list(await session.rows(_NOT_OVER, {"customer": customer_id, "after": after}, into=SuspensionRow))


async def end_of(session: ReadSession, customer_id: int) -> SuspensionRow | None:
    """Return the end of the customer's service, if one is set."""
    return await session.row(_END_OF, {"customer": customer_id}, into=SuspensionRow)


async def set_end(session: WriteSession, suspension_id: int, *, until_on: date) -> None:
    """Set the day on which a suspension ends. The caller has locked the customer and their counter, and appends the event."""
    await session.execute(_SET_END, {"id": suspension_id, "until": until_on})


async def insert(session: WriteSession, customer_id: int, suspended: Suspended, *, reason: str) -> None:
    """Insert a suspension. The caller has locked the customer and their counter, and appends the event."""
    bound = {"customer": customer_id, "kind": suspended.kind, "from": suspended.from_on, "until": suspended.until_on, "reason": reason}
    await session.execute(_SET, {**bound, "at": session.at, "user": session.actor.user_id})
