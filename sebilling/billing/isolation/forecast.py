"""Forecast: on which day customers will be blocked unless they pay."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sqlalchemy import text

from sebilling.actor import Scope
from sebilling.billing.isolation.policy import IsolationMode
from sebilling.db.engine import ReadSession
from sebilling.errors import NotFound
from sebilling.nouns import Noun

_OF_CUSTOMER: Final = text(
    """
    SELECT isolation.block_on, isolation.amount, number AS invoice_number, isolation.mode, promised_until
      FROM isolation JOIN invoice ON invoice.id = invoice_id
     WHERE isolation.customer_id = :customer
    """
)
_BY_POLICY: Final = text(
    """
    SELECT preview.block_on, preview.amount, number AS invoice_number, preview.mode, promised_until
      FROM isolation_by(:customer, :mode, :days, :minimum) preview JOIN invoice ON invoice.id = invoice_id
    """
)
_SEEN: Final = text(
    "SELECT EXISTS (SELECT FROM customer WHERE id = :customer AND (CAST(:scope AS bigint[]) IS NULL OR counter_id = ANY (:scope)))"
)
# Materialized, so that the rule is evaluated once and not for each customer.
_UPCOMING_BLOCKS: Final = text(
    """
    WITH upcoming AS MATERIALIZED (SELECT * FROM upcoming_blocks(CAST(:at AS timestamptz), CAST(:days AS int)))
    SELECT customer_id, amount, block_on FROM upcoming
     WHERE EXISTS (SELECT FROM service_access WHERE service_access.customer_id = upcoming.customer_id AND desired = 'ACTIVE')
     ORDER BY block_on, customer_id
    """
)


@dataclass(frozen=True, slots=True)
class Forecast:
    """Upcoming block of a customer: the day, the rupiah overdue by then, the invoice that causes it, and what the day follows from."""

    block_on: date
    amount: int
    invoice_number: str
    mode: IsolationMode
    promised_until: date | None


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of the view `isolation`, with the invoice's number."""

    block_on: date
    amount: int
    invoice_number: str
    mode: str
    promised_until: date | None


@dataclass(frozen=True, slots=True)
class UpcomingBlock:
    """A customer who will be blocked on a local day, unless `amount` rupiah are paid."""

    customer_id: int
    amount: int
    block_on: date


async def of_customer(session: ReadSession, customer_id: int, *, scope: Scope) -> Forecast | None:
    """Return the customer's block, unless they pay; None if their debts lead to none by the policy in force. Raises NotFound."""
    if not await session.only_value(_SEEN, {"customer": customer_id, "scope": scope.ids}, kind=bool):
        raise NotFound(field="customer_id", noun=Noun.CUSTOMER, given=customer_id)
    return _forecast(await session.row(_OF_CUSTOMER, {"customer": customer_id}, into=_Row))


async def by_policy(
    session: ReadSession, customer_id: int, *, mode: IsolationMode, days: int, minimum: int, scope: Scope
) -> Forecast | None:
    """Return the block that the customer's debts would lead to by this policy; None for none. Raises NotFound."""
    if not await session.only_value(_SEEN, {"customer": customer_id, "scope": scope.ids}, kind=bool):
        raise NotFound(field="customer_id", noun=Noun.CUSTOMER, given=customer_id)
    bound = {"customer": customer_id, "mode": mode.value, "days": days, "minimum": minimum}
    return _forecast(await session.row(_BY_POLICY, bound, into=_Row))


def _forecast(row: _Row | None) -> Forecast | None:
    return None if row is None else Forecast(row.block_on, row.amount, row.invoice_number, IsolationMode[row.mode], row.promised_until)


async def upcoming_blocks(session: ReadSession, *, at: datetime, within_days: int) -> Sequence[UpcomingBlock]:
    """List the customers who will be blocked within this many days, from tomorrow on, without those who are blocked already."""
    return await session.rows(_UPCOMING_BLOCKS, {"at": at, "days": within_days}, into=UpcomingBlock)
