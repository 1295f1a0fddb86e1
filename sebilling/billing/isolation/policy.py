"""Isolation policies (custom isolir): when overdue customers are blocked, and blackout dates, on which nobody is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final, Self

from sqlalchemy import text

from sebilling import events
from sebilling.billing import locks, validation
from sebilling.billing import scope as scopes
from sebilling.billing.isolation import blocks
from sebilling.billing.validation import Problems
from sebilling.db.engine import WriteSession
from sebilling.errors import WHOLE_INPUT, InvalidNumber, NotFound
from sebilling.events import Subject
from sebilling.events.isolation import BlackoutDateAdded, BlackoutDateRemoved, IsolationPolicyForgotten, IsolationPolicySet, PolicyValues
from sebilling.language import Sentence
from sebilling.nouns import Noun


class IsolationMode(StrEnum):
    """When an overdue customer is blocked: code and description. db/sql/isolation_modes.sql has the day from which days are counted."""

    english: str
    """Description in the API."""

    FROM_DUE_DATE = "FROM_DUE_DATE", "A number of days after the invoice's due date: due on the 15th and 5 days, blocked from the 20th on."
    FROM_INVOICE = "FROM_INVOICE", "A number of days after the invoice was issued, or after the first day that it bills if that is later."
    FROM_INSTALL_DATE = (
        "FROM_INSTALL_DATE",
        "Each month on the day of the installation (or the month's last day), plus a number of days.",
    )
    MANUAL = "MANUAL", "Never automatically."

    def __new__(cls, code: str, english: str) -> Self:
        """Create the member of a code."""
        member = str.__new__(cls, code)
        member._value_ = code
        member.english = english
        return member


DEFAULT_DAYS: Final = 5
"""Days of a policy for which none are given, with FROM_DUE_DATE: due on the 15th, blocked from the 20th on (docs/decisions/0027)."""
NOT_POSTPONED: Final = """
    (desired = 'ACTIVE' OR manual OR NOT EXISTS (
        SELECT FROM blackout_date WHERE day = (
            SELECT (CAST(:at AS timestamptz) AT TIME ZONE timezone)::date FROM customer owner JOIN counter ON counter.id = owner.counter_id
             WHERE owner.id = service_access.customer_id)))
"""
"""Condition on `service_access` at `:at`. On a blackout date, automatic blocks decided earlier wait until it is over; manual ones don't."""
_SET: Final = text(
    """
    INSERT INTO isolation_policy (customer_id, counter_id, mode, days, minimum) VALUES (:customer, :counter, :mode, :days, :minimum)
    ON CONFLICT (customer_id, counter_id) DO UPDATE SET mode = :mode, days = :days, minimum = :minimum RETURNING id
    """
)
_COUNTER: Final = text("SELECT EXISTS (SELECT FROM counter WHERE id = :counter)")
_FORGET: Final = text("DELETE FROM isolation_policy WHERE customer_id = :customer OR counter_id = :counter RETURNING id")
_APPLIES: Final = text(
    """
    SELECT id FROM isolation_policy
     WHERE counter_id IS NULL AND customer_id IS NULL OR counter_id = (SELECT counter_id FROM customer WHERE id = :customer)
     ORDER BY counter_id IS NULL LIMIT 1
    """
)
_ADD_BLACKOUT_DATE: Final = text("INSERT INTO blackout_date VALUES (:day, :reason) ON CONFLICT (day) DO UPDATE SET reason = :reason")
_TODAY_AND_TOMORROW: Final = text(
    """
    SELECT (CAST(:at AS timestamptz) AT TIME ZONE timezone)::date + ahead AS day FROM counter, generate_series(0, 1) ahead
    EXCEPT SELECT day FROM blackout_date ORDER BY day
    """
)
_REMOVE_BLACKOUT_DATE: Final = text("DELETE FROM blackout_date WHERE day = :day RETURNING reason")


@dataclass(frozen=True, slots=True)
class Forgotten:
    """Ids of a policy that was removed (None if there was none), and of the one that applies instead."""

    policy_id: int | None
    applies_id: int


async def set_policy(
    session: WriteSession,
    *,
    mode: IsolationMode,
    days: int,
    minimum: int = 1,
    customer_id: int | None = None,
    counter_id: int | None = None,
) -> int:
    """Set when customers are blocked: one customer, else a counter's customers, else (neither) everybody.

    Returns the policy's id. Raises InvalidNumber, InvalidAmount, NotFound, Forbidden.
    """
    if customer_id is not None and counter_id is not None:
        raise InvalidNumber(
            field=WHOLE_INPUT,
            what=Sentence("policy", "kebijakan isolir"),
            given="both",
            why=Sentence(
                "name a customer or a counter, or neither for the ISP.",
                "isi pelanggan atau loket, atau kosongkan keduanya untuk seluruh ISP.",
            ),
        )
    minimum = check_values(days=days, minimum=minimum)
    event_counter_id = await _counter_of(session, customer_id, counter_id)
    bound = {"mode": mode.value, "days": days, "minimum": minimum, "customer": customer_id, "counter": counter_id}
    policy_id = await session.only_value(_SET, bound, kind=int)
    policy = IsolationPolicySet(after=PolicyValues(mode=mode, days=days, minimum=minimum))
    await events.append(
        session, policy, subject=Subject.CUSTOMER if customer_id else Subject.COUNTER, subject_id=customer_id or counter_id or 0,
        counter_id=event_counter_id,
    )  # fmt: skip
    if customer_id is not None:
        await blocks.reconsider(session, [customer_id])
    return policy_id


def check_values(*, days: int, minimum: int) -> int:
    """Return the minimum of a policy, in rupiah. Raises InvalidNumber, InvalidAmount."""
    with Problems() as check:
        if not 0 <= days <= 365:
            why = Sentence("give 0 to 365.", "isi 0 sampai 365.")
            check.add(InvalidNumber(field="days", what=Sentence("days", "jumlah hari"), given=days, why=why))
        minimum = check(validation.rupiah, minimum, field="minimum", least=1)
    return minimum  # noqa: RET504 - errors are raised at the end of the block


async def _counter_of(session: WriteSession, customer_id: int | None, counter_id: int | None) -> int | None:
    if customer_id is not None:
        return (await locks.customer(session, customer_id)).counter_id
    if counter_id is None:
        scopes.central(session)
    elif counter_id not in session.actor.scope or not await session.only_value(_COUNTER, {"counter": counter_id}, kind=bool):
        raise NotFound(field="counter_id", noun=Noun.COUNTER, given=counter_id)
    return counter_id


async def forget_policy(session: WriteSession, *, customer_id: int | None = None, counter_id: int | None = None) -> Forgotten:
    """Remove a policy, so that the next wider one applies. Raises NotFound, Forbidden."""
    event_counter_id = await _counter_of(session, customer_id, counter_id)
    policy_id = await session.value(_FORGET, {"customer": customer_id, "counter": counter_id}, kind=int)
    await events.append(
        session, IsolationPolicyForgotten(), subject=Subject.CUSTOMER if customer_id else Subject.COUNTER,
        subject_id=customer_id or counter_id or 0, counter_id=event_counter_id,
    )  # fmt: skip
    if customer_id is not None:
        await blocks.reconsider(session, [customer_id])
    return Forgotten(policy_id, await session.only_value(_APPLIES, {"customer": customer_id}, kind=int))


async def add_blackout_date(session: WriteSession, day: date, *, reason: str) -> None:
    """Add a blackout date: nobody is blocked on `day`. Raises InvalidText, Forbidden."""
    scopes.central(session)
    why = validation.reason(reason)
    await session.execute(_ADD_BLACKOUT_DATE, {"day": day, "reason": why})
    await events.append(session, BlackoutDateAdded(day=day, reason=why), subject_id=day.toordinal())


async def postpone(session: WriteSession, *, reason: str) -> Sequence[date]:
    """Make today and tomorrow blackout dates, at each counter by its own clock; return those that weren't any yet.

    Raises InvalidText, Forbidden.
    """
    days = await session.values(_TODAY_AND_TOMORROW, {"at": session.at}, kind=date)
    for day in days:
        await add_blackout_date(session, day, reason=reason)
    return days


async def remove_blackout_date(session: WriteSession, day: date) -> str | None:
    """Remove a blackout date: customers are blocked on `day` as on any other. Returns its reason; None if there was none.

    Raises Forbidden.
    """
    scopes.central(session)
    reason = await session.value(_REMOVE_BLACKOUT_DATE, {"day": day}, kind=str)
    await events.append(session, BlackoutDateRemoved(day=day), subject_id=day.toordinal())
    return reason
