"""Count the staged rows by counter and plan, for review before anything is written."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import text

from sebilling.db.engine import WriteSession


@dataclass(frozen=True, slots=True)
class Counted:
    """Numbers of a counter, of a plan, or of all."""

    name: str
    customers: int
    active: int
    without_phone: int
    without_price: int
    """Customers without a price of their own in the file: they pay the plan's price."""
    owing: int = 0
    arrears: int = 0
    """Sum of arrears, rupiah."""
    ahead: int = 0
    credit: int = 0
    """Sum of credit, rupiah."""

    @property
    def inactive(self) -> int:
        """Customers that are imported as inactive."""
        return self.customers - self.active


@dataclass(frozen=True, slots=True)
class Overview:
    """Numbers in total, by counter and by plan."""

    total: Counted
    counters: tuple[Counted, ...]
    plans: tuple[Counted, ...]


_COUNTED: Final = text(
    """
    SELECT counter, plan, count(*) AS customers, count(*) FILTER (WHERE active) AS active,
           count(*) FILTER (WHERE phone = '') AS without_phone, count(*) FILTER (WHERE price IS NULL) AS without_price,
           count(*) FILTER (WHERE arrears > 0) AS owing, coalesce(sum(arrears), 0)::bigint AS arrears,
           count(*) FILTER (WHERE credit > 0) AS ahead, coalesce(sum(credit), 0)::bigint AS credit
      FROM import_row GROUP BY GROUPING SETS ((), (counter), (plan)) ORDER BY counter, plan
    """
)


@dataclass(frozen=True, slots=True)
class _Group:
    """Numbers of a group of rows: those of `counter`, those of `plan`, or all of them if both are None."""

    counter: str | None
    plan: str | None
    customers: int
    active: int
    without_phone: int
    without_price: int
    owing: int
    arrears: int
    ahead: int
    credit: int


async def read(session: WriteSession) -> Overview:
    """Count what was staged in this transaction (load.stage)."""
    rows = await session.rows(_COUNTED, into=_Group)
    counted = [
        (row.counter, row.plan, Counted(row.counter or row.plan or "", row.customers, row.active, row.without_phone, row.without_price,
                                        row.owing, row.arrears, row.ahead, row.credit))
        for row in rows
    ]  # fmt: skip
    return Overview(
        total=next(numbers for counter, plan, numbers in counted if counter is None and plan is None),
        counters=tuple(numbers for counter, _, numbers in counted if counter is not None),
        plans=tuple(numbers for _, plan, numbers in counted if plan is not None),
    )
