"""A service access as the engine reads it: with what a driver needs of it, in one piece of SQL for all who read one."""

from dataclasses import dataclass
from typing import Final

from sebilling.network.engine import MAX_BACKOFF_SECONDS, MAX_DOUBLINGS
from sebilling.plugins.contract import Ref

COLUMNS: Final = (
    "service_access.id, customer_id, key, service_kind, rate_down_kbps, rate_up_kbps, customer.code, customer.name, customer.counter_id"
)
"""Columns of an `AccessRow`."""
TABLES: Final = "service_access JOIN customer ON customer.id = customer_id JOIN plan ON plan.id = plan_id"
# A `next_at` later than any backoff allows was written while the clock was ahead, and is ignored. An access whose failure is permanent
# waits longer, the more often it was tried.
IS_TIME: Final = f"""
    (service_access.next_at <= :at OR service_access.next_at > CAST(:at AS timestamptz)
     + interval '{2 * MAX_BACKOFF_SECONDS} seconds' * power(2, least(service_access.attempts, {MAX_DOUBLINGS})))
"""
"""Whether an access is to be worked on at the instant `:at`."""


@dataclass(frozen=True, slots=True)
class AccessRow:
    """A service access, with its customer's code, name and counter and its plan's speed."""

    id: int
    customer_id: int
    key: str
    service_kind: str
    rate_down_kbps: int | None
    rate_up_kbps: int | None
    code: str
    name: str
    counter_id: int

    @property
    def ref(self) -> Ref:
        """The access as drivers know it."""
        return Ref(
            self.id, self.key, self.rate_down_kbps, self.rate_up_kbps, service_kind=self.service_kind, code=self.code, name=self.name
        )  # fmt: skip
