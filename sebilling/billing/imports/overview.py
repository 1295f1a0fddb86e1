"""What staged rows would bring, counted: for people to look at before anything is written."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import text

from sebilling.db.engine import WriteSession


@dataclass(frozen=True, slots=True)
class Counted:
    """Customers of a counter or a plan, or all."""

    name: str
    customers: int
    active: int
    without_phone: int
    without_price: int
    """Of whom the file tells no price: they pay the plan's."""
    owing: int = 0
    arrears: int = 0
    """Rupiah that they owe from before."""
    ahead: int = 0
    credit: int = 0
    """Rupiah that they have paid ahead."""

    @property
    def inactive(self) -> int:
        """Who come in as inactive."""
        return self.customers - self.active


@dataclass(frozen=True, slots=True)
class Overview:
    """All, by counter and by plan."""

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


async def read(session: WriteSession) -> Overview:
    """Of what was staged in this transaction (load.stage)."""
    rows = await session.rows(_COUNTED)
    counted = [
        (row.counter, row.plan, Counted(row.counter or row.plan or "", row.customers, row.active, row.without_phone, row.without_price,
                                        row.owing, row.arrears, row.ahead, row.credit))
        for row in rows
    ]  # fmt: skip
    return Overview(
        total=next(one for counter, plan, one in counted if counter is None and plan is None),
        counters=tuple(one for counter, _, one in counted if counter is not None),
        plans=tuple(one for _, plan, one in counted if plan is not None),
    )
