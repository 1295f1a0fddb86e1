"""Warnings about isolation policies that are allowed, but that hardly anybody means."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from sqlalchemy import text

from sebilling.billing.isolation.policy import IsolationMode
from sebilling.clock import Month
from sebilling.db.engine import ReadSession
from sebilling.language import Sentence


class PolicyWarningCode(StrEnum):
    """What is remarkable about a policy."""

    BLOCKED_BEFORE_OVERDUE = "BLOCKED_BEFORE_OVERDUE"


@dataclass(frozen=True, slots=True)
class PolicyWarning:
    """A warning with an example: an invoice issued on `issued_on`, due on `due_on`, for which a customer is blocked on `block_on`."""

    code: PolicyWarningCode
    issued_on: date
    due_on: date
    block_on: date

    @property
    def text(self) -> Sentence:
        """Return the warning and its remedy."""
        issued, due, block = self.issued_on, self.due_on, self.block_on
        return Sentence(
            f"Customers can be blocked before they are overdue: for an invoice issued on {issued} and due on {due}, from {block} on."
            f" Use {IsolationMode.FROM_DUE_DATE} with at least one day.",
            f"Pelanggan dapat diisolir sebelum jatuh temponya lewat: untuk tagihan terbit {issued} dan jatuh tempo {due}, mulai {block}."
            f" Pakai {IsolationMode.FROM_DUE_DATE} dengan paling sedikit satu hari.",
        )


@dataclass(frozen=True, slots=True)
class _Example:
    due_on: date
    block_on: date


# The earliest invoice of a month is of its first day, and the latest due day among those whom the policy reaches leaves them least
# time. Without a customer, somebody is installed on the first.
_EXAMPLE: Final = text(
    """
    WITH reached AS (
        SELECT max(due_day) AS due_day, coalesce(max(install_day), 1) AS install_day FROM (
            SELECT due_day, NULL::int AS install_day FROM counter
             WHERE CAST(:customer AS bigint) IS NULL AND CASE WHEN CAST(:counter AS bigint) IS NULL
                   THEN NOT EXISTS (SELECT FROM isolation_policy WHERE counter_id = counter.id) ELSE id = :counter END
            UNION ALL
            SELECT coalesce(customer.due_day, counter.due_day), extract(day FROM installed_on)::int
              FROM customer JOIN counter ON counter.id = counter_id WHERE customer.id = :customer
            UNION ALL
            SELECT max(due_day), NULL FROM customer
             WHERE CAST(:customer AS bigint) IS NULL AND CASE WHEN CAST(:counter AS bigint) IS NULL
                   THEN NOT EXISTS (SELECT FROM isolation_policy WHERE counter_id = customer.counter_id) ELSE counter_id = :counter END
               AND NOT EXISTS (SELECT FROM isolation_policy WHERE customer_id = customer.id)) one
    )
    SELECT due_on, CAST(:days AS int) + isolation_counted_from(:mode, :first, monthly_on, due_on) AS block_on
      FROM reached, LATERAL (SELECT CAST(:first AS date) + due_day - 1 AS due_on,
                                    least(CAST(:first AS date) + install_day, CAST(:after AS date)) - 1 AS monthly_on) next_month
     WHERE due_day IS NOT NULL
    """
)


async def of_policy(
    session: ReadSession, *, on: date, mode: IsolationMode, days: int, customer_id: int | None = None, counter_id: int | None = None
) -> PolicyWarning | None:
    """Return the warning about a policy that was set, with an example of the month after `on`; None if there is none.

    Invoices of counters that have a policy of their own aren't looked at for the ISP's.
    """
    if mode is IsolationMode.MANUAL:
        return None
    month = Month.of(on).plus(1)
    bound = {"mode": mode.value, "days": days, "customer": customer_id, "counter": counter_id, "first": month.first, "after": month.after}
    example = await session.row(_EXAMPLE, bound, into=_Example)
    if example is None or example.block_on > example.due_on:
        return None
    return PolicyWarning(PolicyWarningCode.BLOCKED_BEFORE_OVERDUE, month.first, example.due_on, example.block_on)
