"""Compare the other system's file with the database after the import, customer by customer."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy import text

from sebilling.billing.imports.systems.account import Account, last_day
from sebilling.db.engine import ReadSession

_OURS: Final = text(
    """
    SELECT customer.code, plan.name AS plan, coalesce(customer.price, plan.price) AS price, counter.due_day,
           coalesce((SELECT sum(outstanding) FROM invoice WHERE customer_id = customer.id AND voided_at IS NULL), 0)::bigint AS arrears,
           coalesce((SELECT sum(credit) FROM payment WHERE customer_id = customer.id AND reversed_at IS NULL), 0)::bigint AS credit,
           (SELECT billed_until FROM opening_balance WHERE customer_id = customer.id) AS billed_until,
           coalesce((SELECT months FROM billing_cycle WHERE customer_id = customer.id ORDER BY id DESC LIMIT 1), 1) AS months
      FROM customer JOIN plan ON plan.id = plan_id JOIN counter ON counter.id = counter_id
     WHERE customer.code = ANY (:codes) ORDER BY customer.code
    """
)


@dataclass(frozen=True, slots=True)
class Side:
    """A customer's values on one side, in rupiah."""

    plan: str
    price: int | None
    months: int
    arrears: int
    credit: int
    billed_until: date | None
    """Last day that is billed."""
    due_day: int | None

    @property
    def balance(self) -> int:
        """Arrears less credit. Negative: paid ahead."""
        return self.arrears - self.credit


@dataclass(frozen=True, slots=True)
class Compared:
    """A customer on both sides."""

    code: str
    key: str
    """Their name in the other system."""
    name: str
    theirs: Side
    ours: Side

    @property
    def difference(self) -> int:
        """Our balance less theirs, rupiah."""
        return self.ours.balance - self.theirs.balance

    @property
    def wrong(self) -> list[str]:
        """Values that differ from the other system. After an import there must be none."""
        differences = ["balance"] if self.difference else []
        differences += ["price"] if self.theirs.price is not None and self.theirs.price != self.ours.price else []
        differences += ["months"] if self.theirs.months != self.ours.months else []
        billed = self.theirs.billed_until
        return differences + (
            ["billed until"] if billed is not None and self.ours.billed_until is not None and self.ours.billed_until < billed else []
        )


@dataclass(frozen=True, slots=True)
class _Ours:
    """A customer as the database has them, in rupiah."""

    code: str
    plan: str
    price: int
    due_day: int
    arrears: int
    credit: int
    billed_until: date | None
    """First day that isn't billed; None: they have no opening balance, or were installed after the opening month."""
    months: int


async def compare(session: ReadSession, accounts: Mapping[str, Account]) -> list[Compared]:
    """Read the customers of these codes back from the database, ordered by code. Raises RuntimeError if one is missing."""
    compared = [
        Compared(
            row.code, accounts[row.code].key, accounts[row.code].name, _theirs(accounts[row.code]),
            Side(row.plan, row.price, row.months, row.arrears, row.credit, None if row.billed_until is None else last_day(row.billed_until),
                 row.due_day),
        )
        for row in await session.rows(_OURS, {"codes": list(accounts)}, into=_Ours)
    ]  # fmt: skip
    if len(compared) != len(accounts):
        raise RuntimeError(f"{len(accounts)} customers came in, but {len(compared)} are there")
    return compared


def _theirs(account: Account) -> Side:
    return Side(
        account.plan, account.price, account.cycle_months, account.arrears, account.credit, account.paid_until, account.due_day
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Totals:
    """Totals of one side, rupiah."""

    customers: int
    arrears: int
    credit: int

    @property
    def balance(self) -> int:
        """Arrears less credit."""
        return self.arrears - self.credit


def total(sides: Iterable[Side]) -> Totals:
    """Return the totals of one side."""
    all_of_them = list(sides)
    return Totals(len(all_of_them), sum(side.arrears for side in all_of_them), sum(side.credit for side in all_of_them))
