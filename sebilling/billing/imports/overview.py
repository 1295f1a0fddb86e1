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
           count(*) FILTER (WHERE phone = '') AS without_phone, count(*) FILTER (WHERE price IS NULL) AS without_price
      FROM import_row GROUP BY GROUPING SETS ((), (counter), (plan)) ORDER BY counter, plan
    """
)


async def read(session: WriteSession) -> Overview:
    """Of what was staged in this transaction (load.stage)."""
    rows = await session.rows(_COUNTED)
    counted = [
        (row.counter, row.plan, Counted(row.counter or row.plan or "", row.customers, row.active, row.without_phone, row.without_price))
        for row in rows
    ]
    return Overview(
        total=next(one for counter, plan, one in counted if counter is None and plan is None),
        counters=tuple(one for counter, _, one in counted if counter is not None),
        plans=tuple(one for _, plan, one in counted if plan is not None),
    )
