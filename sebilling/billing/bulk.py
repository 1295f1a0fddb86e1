"""Bulk operations: one change of up to MAX_CUSTOMERS customers, each of whom is changed or refused alone, in a transaction of their own.

So payments wait for no bulk operation longer than for the change of one customer. Whoever repeats an interrupted one with the same key
finishes it: a customer who was changed keeps that, one who was refused is tried again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final, Protocol

from sqlalchemy import TextClause, text

from sebilling.actor import Scope
from sebilling.billing import counters, customers, idempotency, plans, scope, validation
from sebilling.billing.isolation import blocks
from sebilling.db.engine import ReadSession, WriteSession
from sebilling.error_codes import ErrorCode
from sebilling.errors import InvalidNumber
from sebilling.language import Sentence

MAX_CUSTOMERS: Final = 1_000
"""Most customers of one bulk operation, which takes some milliseconds for each."""


class Change(Protocol):
    """What a bulk operation does to each customer."""

    operation: ClassVar[str]
    """Name of the operation whose idempotency key it is."""
    preview: ClassVar[TextClause]
    """SQL that gives for each of `:customers` their id, and the code of the error that would refuse them; null if none would."""

    @property
    def target(self) -> int:
        """Id of what the customers are moved to; 0 if there is none."""
        ...

    @property
    def body(self) -> int | str:
        """What the change is about, beside the customers. Raises InvalidText."""
        ...

    async def check(self, session: ReadSession, scope: Scope) -> None:
        """Check what doesn't depend on the customer, before anybody is changed. Raises an error of the domain."""
        ...

    async def apply(self, session: WriteSession, customer_id: int) -> None:
        """Change one customer. Raises an error of the domain."""
        ...


def _preview(refused: str) -> TextClause:
    """SQL that gives the code by which each customer is refused: NOT_FOUND out of the caller's scope, or the WHENs of `refused`."""
    return text(
        f"""
        SELECT wanted.id AS customer_id, CASE WHEN customer.id IS NULL THEN 'NOT_FOUND' {refused} END AS code
          FROM unnest(CAST(:customers AS bigint[])) WITH ORDINALITY wanted (id, position)
          LEFT JOIN customer ON customer.id = wanted.id AND {scope.sees("customer.counter_id")}
          LEFT JOIN counter ON counter.id = customer.counter_id
         ORDER BY position
        """
    )


_ACCESS: Final = "EXISTS (SELECT FROM service_access WHERE customer_id = customer.id"
_RUNNING: Final = (
    "EXISTS (SELECT FROM generation_run JOIN generation_task ON run_id = generation_run.id AND NOT finished"
    " WHERE finished_at IS NULL AND generation_task.counter_id IN (customer.counter_id, CAST(:target AS bigint)))"
)
_ENDED: Final = (
    "EXISTS (SELECT FROM suspension WHERE customer_id = customer.id AND kind = 'ENDED' AND until_on IS NULL"
    " AND from_on <= (CAST(:at AS timestamptz) AT TIME ZONE counter.timezone)::date)"
)


@dataclass(frozen=True, slots=True)
class Block:
    """Block each customer by hand."""

    operation: ClassVar[str] = "blockCustomers"
    preview: ClassVar[TextClause] = _preview(f"WHEN NOT {_ACCESS}) THEN 'NO_ACCESS'")
    reason: str = ""
    target: int = 0

    @property
    def body(self) -> str:
        """The reason. Raises InvalidText."""
        return validation.reason(self.reason)

    async def check(self, session: ReadSession, scope: Scope) -> None:
        """Nothing: everything depends on the customer."""

    async def apply(self, session: WriteSession, customer_id: int) -> None:
        """Block one customer, as `blocks.block` does."""
        await blocks.block(session, customer_id, reason=self.reason)


@dataclass(frozen=True, slots=True)
class Restore:
    """Restore each blocked customer who is not overdue."""

    operation: ClassVar[str] = "restoreCustomers"
    preview: ClassVar[TextClause] = _preview(
        f"WHEN {_ENDED} THEN 'SERVICE_ENDED'"
        " WHEN customer.id IN (SELECT customer_id FROM overdue_customers(CAST(:at AS timestamptz))"
        " WHERE customer_id = ANY (CAST(:customers AS bigint[]))) THEN 'STILL_OVERDUE'"
        f" WHEN NOT {_ACCESS} AND desired = 'BLOCKED') THEN 'NO_ACCESS'"
    )
    reason: str = ""
    target: int = 0

    @property
    def body(self) -> str:
        """The reason. Raises InvalidText."""
        return validation.reason(self.reason)

    async def check(self, session: ReadSession, scope: Scope) -> None:
        """Nothing: everything depends on the customer."""

    async def apply(self, session: WriteSession, customer_id: int) -> None:
        """Restore one customer, as `blocks.restore` does."""
        await blocks.restore(session, customer_id, reason=self.reason)


@dataclass(frozen=True, slots=True)
class Move:
    """Move each customer to another counter."""

    operation: ClassVar[str] = "moveCustomers"
    preview: ClassVar[TextClause] = _preview(
        f"WHEN customer.counter_id <> CAST(:target AS bigint) AND {_RUNNING} THEN 'GENERATION_RUNNING'"
    )
    target: int

    @property
    def body(self) -> int:
        """The counter."""
        return self.target

    async def check(self, session: ReadSession, scope: Scope) -> None:
        """Check that customers can be moved to the counter, which the caller may see. Raises NotFound, Archived."""
        await counters.check_open(session, self.target, scope=scope)

    async def apply(self, session: WriteSession, customer_id: int) -> None:
        """Move one customer, as `customers.update` does."""
        await customers.update(session, customer_id, counter_id=self.target)


@dataclass(frozen=True, slots=True)
class ChangePlan:
    """Give each customer another plan, for future invoices."""

    operation: ClassVar[str] = "changePlanOfCustomers"
    preview: ClassVar[TextClause] = _preview("")
    target: int

    @property
    def body(self) -> int:
        """The plan."""
        return self.target

    async def check(self, session: ReadSession, scope: Scope) -> None:  # noqa: ARG002 - plans are of no counter
        """Check that customers can get the plan. Raises NotFound, Archived."""
        await plans.check_open(session, self.target)

    async def apply(self, session: WriteSession, customer_id: int) -> None:
        """Change one customer's plan, as `customers.update` does."""
        await customers.update(session, customer_id, plan_id=self.target)


@dataclass(frozen=True, slots=True)
class _Previewed:
    customer_id: int
    code: str | None


@dataclass(frozen=True, slots=True)
class Refused:
    """Customers whom a bulk operation would refuse for the same reason."""

    code: ErrorCode
    customer_ids: Sequence[int]


@dataclass(frozen=True, slots=True)
class BulkPreview:
    """What a bulk operation would do now: number of customers to be changed, and those to be refused, by reason."""

    accepted: int
    refused: Sequence[Refused]


def distinct(customer_ids: Sequence[int]) -> list[int]:
    """Return each id once, in the same order. Raises InvalidNumber for none, or more than MAX_CUSTOMERS."""
    ids = list(dict.fromkeys(customer_ids, True))
    if not 1 <= len(ids) <= MAX_CUSTOMERS:
        why = Sentence(f"name 1 to {MAX_CUSTOMERS} at a time.", f"sebutkan 1 sampai {MAX_CUSTOMERS} sekaligus.")
        raise InvalidNumber(field="customer_ids", what=Sentence("Customers", "Jumlah pelanggan"), given=len(ids), why=why)
    return ids


async def preview(
    session: ReadSession, change: Change, customer_ids: Sequence[int], *, scope: Scope, at: datetime
) -> BulkPreview:  # fmt: skip
    """Preview the change without changing anything. Raises InvalidNumber, or why no customer could be changed."""
    bound = {"customers": distinct(customer_ids), "scope": scope.ids, "at": at, "target": change.target}
    await change.check(session, scope)
    rows = await session.rows(change.preview, bound, into=_Previewed)
    refused: dict[str, list[int]] = {}
    for row in rows:
        if row.code is not None:
            refused.setdefault(row.code, []).append(row.customer_id)
    accepted = len(rows) - sum(map(len, refused.values()))
    return BulkPreview(accepted, [Refused(ErrorCode(code), ids) for code, ids in refused.items()])


async def begin(session: WriteSession, change: Change, customer_ids: Sequence[int], *, key: str) -> list[int]:
    """Claim the key, in a transaction of its own, and return each customer once. Raises InvalidNumber, IdempotencyMismatch, or why no
    customer could be changed.
    """
    ids = distinct(customer_ids)
    await change.check(session, session.actor.scope)
    await idempotency.claim(session, change.operation, key, [ids, change.body], result_id=0)
    return ids


async def apply(session: WriteSession, change: Change, customer_id: int, *, key: str) -> bool:
    """Change one customer in a transaction of their own; returns whether the key had done so before. Raises as the single change does."""
    claim = await idempotency.claim(session, change.operation, key, change.body, result_id=customer_id, part=customer_id)
    if not claim.replayed:
        await change.apply(session, customer_id)
    return claim.replayed


REASONS: Final[Mapping[ErrorCode, Sentence]] = {
    ErrorCode.NOT_FOUND: Sentence("They do not exist, or you may not see them.", "Tidak ada, atau Anda tidak berhak melihatnya."),
    ErrorCode.NO_ACCESS: Sentence(
        "They have no service access that this would change.", "Tidak punya akses layanan yang akan berubah karenanya."
    ),
    ErrorCode.SERVICE_ENDED: Sentence("Their service has ended.", "Layanannya sudah berakhir."),
    ErrorCode.STILL_OVERDUE: Sentence(
        "They are overdue and would be blocked again: record payments or promises to pay first.",
        "Masih menunggak dan akan diisolir lagi: catat dulu pembayaran atau janji bayarnya.",
    ),
    ErrorCode.GENERATION_RUNNING: Sentence(
        "Invoices are being generated at their counter or the new one: wait until the run is finished.",
        "Tagihan di loketnya atau loket yang baru sedang dibuat: tunggu sampai selesai.",
    ),
}
"""What a preview says of each reason for which customers would be refused."""
