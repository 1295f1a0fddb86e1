"""Tagihan in GraphQL."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Final

import strawberry

from sebilling.billing.pricing import LineKind
from sebilling.schema.counters import Counter
from sebilling.schema.customers import Customer
from sebilling.schema.engine import ids
from sebilling.schema.engine.access import COUNTERS, query
from sebilling.schema.engine.connections import After, Connection, First
from sebilling.schema.engine.context import Info
from sebilling.schema.engine.reading import Conditions, Link, Node, Order, one, page
from sebilling.schema.engine.scalars import Day, Instant, MonthText, Rate, Rupiah, month_in
from sebilling.schema.enums import described
from sebilling.schema.periods import Period

if TYPE_CHECKING:
    from sebilling.schema.payments import Allocation, Payment


class InvoiceStatus(StrEnum):
    """How far an invoice is paid."""

    OPEN = "OPEN"
    PARTLY_PAID = "PARTLY_PAID"
    PAID = "PAID"
    WRITTEN_OFF = "WRITTEN_OFF"
    VOID = "VOID"


described(
    InvoiceStatus,
    "How far an invoice is paid.",
    OPEN="Nothing paid yet.",
    PARTLY_PAID="A part is paid, or written off.",
    PAID="Nothing is owed.",
    WRITTEN_OFF="Nothing is owed: what payments left was written off.",
    VOID="It should not have been; nothing is owed, its number stays.",
)


@strawberry.type(description="A line of an invoice.")
class InvoiceLine:
    kind: LineKind = strawberry.field(description="What it bills.")
    description: str = strawberry.field(description="As printed, such as the plan's name at that time.")
    quantity: int = strawberry.field(description="How many.")
    unit_price: Rupiah = strawberry.field(description="For each, as it was when the invoice was issued; of a discount below nothing.")
    amount: Rupiah = strawberry.field(description="quantity times unitPrice.")
    tax_rate: Rate | None = strawberry.field(description="Of a tax line: percent …")
    tax_fraction: str | None = strawberry.field(description="… of this part, such as 11/12 …")
    tax_base: Rupiah | None = strawberry.field(description="… of this.")


@strawberry.type(description="Why and when an invoice was voided.")
class InvoiceVoid:
    reason: str = strawberry.field(description="Why.")
    voided_at: Instant = strawberry.field(description="When.")
    voided_by: str | None = strawberry.field(description="By whom.")
    period: Period = strawberry.field(description="In whose recap it stands: its own, or the newest open one if that was closed.")


class WriteOffKind(StrEnum):
    """Why an invoice asks for less."""

    BAD_DEBT = "BAD_DEBT"
    LATE_FEE = "LATE_FEE"


described(
    WriteOffKind,
    "Why something of an invoice was given up.",
    BAD_DEBT="Nobody will pay it: a loss.",
    LATE_FEE="A late fee whose overdue invoice was voided: it takes back revenue.",
)


@strawberry.type(description="When and why a correction was taken back.")
class Reversal:
    reason: str = strawberry.field(description="Why.")
    reversed_at: Instant = strawberry.field(description="When.")
    reversed_on: Day = strawberry.field(description="The counter's day, in whose recap it stands.")
    reversed_by: str | None = strawberry.field(description="By whom.")


@strawberry.type(description="What was given up of an invoice.")
class WriteOff:
    id: strawberry.ID = strawberry.field(description="Opaque id.")
    kind: WriteOffKind = strawberry.field(description="Why it asks for less.")
    reversal: Reversal | None = strawberry.field(description="Its reversal, if it was taken back.")
    amount: Rupiah = strawberry.field(description="How much.")
    reason: str = strawberry.field(description="Why.")
    written_off_at: Instant = strawberry.field(description="When.")
    written_off_by: str | None = strawberry.field(description="By whom.")


@strawberry.type(description="Tagihan: what a customer owes for one stretch of service. Never edited, never deleted.")
class Invoice:
    id: strawberry.ID = strawberry.field(description="Opaque id.")
    number: str = strawberry.field(description="Gapless per counter and period, such as INV/2026-02/LKT01/000123.")
    status: InvoiceStatus = strawberry.field(description="How far it is paid.")
    plan_name: str = strawberry.field(description="The plan when it was issued.")
    covers_from: Day = strawberry.field(
        description="The first day of service that it bills; that of coversUntil if it bills charges alone."
    )
    covers_until: Day = strawberry.field(description="The first day that it no longer bills.")
    issued_at: Instant = strawberry.field(description="When.")
    due_on: Day = strawberry.field(description="Jatuh tempo.")
    total: Rupiah = strawberry.field(description="Sum of its lines.")
    allocated: Rupiah = strawberry.field(description="What payments have settled.")
    written_off: Rupiah = strawberry.field(description="What was given up.")
    outstanding: Rupiah = strawberry.field(description="Sisa tagihan: total less allocated and writtenOff; nothing if it is void.")
    period: Period = strawberry.field(description="In which it was issued.")
    counter: Counter = strawberry.field(description="At which it was issued: the customer's at that time.")
    customer: Customer | None = strawberry.field(description="Who owes it; null if they are of a counter that the caller may not see.")
    customer_code: str = strawberry.field(description="Code of who owes it, as on paper.")
    customer_name: str = strawberry.field(description="Name of who owes it, as on paper.")
    lines: list[InvoiceLine] = strawberry.field(description="What the total consists of.")
    void: InvoiceVoid | None = strawberry.field(description="Its voiding, if it is void.")
    write_offs: list[WriteOff] = strawberry.field(description="What was given up, in order.")
    allocations: list[Annotated["Allocation", strawberry.lazy("sebilling.schema.payments")]] = strawberry.field(
        description="What settled it, in order."
    )
    payments: list[Annotated["Payment", strawberry.lazy("sebilling.schema.payments")]] = strawberry.field(
        description="The payments that settled it, wholly or in part, in order; those that the caller may see."
    )


_STATUS_SQL: Final = (
    "CASE WHEN {t}.voided_at IS NOT NULL THEN 'VOID' WHEN {t}.outstanding = 0 AND {t}.written_off > 0 THEN 'WRITTEN_OFF'"
    " WHEN {t}.outstanding = 0 THEN 'PAID' WHEN {t}.outstanding = {t}.total THEN 'OPEN' ELSE 'PARTLY_PAID' END"
)
LIVE_ALLOCATION: Final = "NOT EXISTS (SELECT FROM deallocation WHERE allocation_id = {n}.id)"
"""Condition on the other's alias of a link: what a correction took back doesn't count."""
INVOICE: Final = Node(
    "invoice",
    {
        "id": ids.column("invoice", "{t}.id"),
        **{name: f"{{t}}.{name}" for name in ("number", "plan_name", "covers_from", "covers_until", "issued_at", "due_on", "total")},
        "status": _STATUS_SQL,
        **{name: f"{{t}}.{name}" for name in ("allocated", "written_off", "outstanding")},
        **{f"customer_{name}": f"(SELECT {name} FROM customer WHERE id = {{t}}.customer_id)" for name in ("code", "name")},
    },
    {
        "period": Link("period", "{n}.id = {t}.period_id"),
        "counter": Link("counter", "{n}.id = {t}.counter_id", follows=True),
        "customer": Link("customer", "{n}.id = {t}.customer_id"),
        "lines": Link("invoice_line", "{n}.invoice_id = {t}.id", many=True, order="{n}.position"),
        "void": Link("invoice_void", "{n}.invoice_id = {t}.id"),
        "write_offs": Link("write_off", "{n}.invoice_id = {t}.id", many=True),
        "allocations": Link("allocation", f"{{n}}.invoice_id = {{t}}.id AND {LIVE_ALLOCATION}", many=True),
        "payments": Link(
            "payment",
            "{n}.id IN (SELECT payment_id FROM allocation live WHERE invoice_id = {t}.id"
            " AND NOT EXISTS (SELECT FROM deallocation WHERE allocation_id = live.id))",
            many=True,
        ),
    },
)
_LINE_FIELDS: Final = ("kind", "description", "quantity", "unit_price", "amount", "tax_fraction", "tax_base")
INVOICE_LINE: Final = Node(
    "invoice_line", {name: f"{{t}}.{name}" for name in _LINE_FIELDS} | {"tax_rate": "trim_scale({t}.tax_rate)::text"}
)
INVOICE_VOID: Final = Node(
    "invoice_void",
    {"reason": "{t}.reason", "voided_at": "{t}.voided_at", "voided_by": "(SELECT name FROM app_user WHERE id = {t}.voided_by)"},
    {"period": Link("period", "{n}.id = {t}.period_id")},
)
WRITE_OFF: Final = Node(
    "write_off",
    {
        "id": ids.column("write_off", "{t}.id"),
        **{name: f"{{t}}.{name}" for name in ("kind", "amount", "reason", "written_off_at")},
        "written_off_by": "(SELECT name FROM app_user WHERE id = {t}.written_off_by)",
    },
    {"reversal": Link("write_off_reversal", "{n}.write_off_id = {t}.id")},
)
REVERSAL_COLUMNS: Final = {
    **{name: f"{{t}}.{name}" for name in ("reason", "reversed_at", "reversed_on")},
    "reversed_by": "(SELECT name FROM app_user WHERE id = {t}.reversed_by)",
}
"""Columns of every kind of reversal."""
WRITE_OFF_REVERSAL: Final = Node("write_off_reversal", REVERSAL_COLUMNS)


class InvoiceOrder(StrEnum):
    """How lists of invoices are sorted."""

    NEWEST = "NEWEST"
    OLDEST = "OLDEST"
    DUE = "DUE"
    NUMBER = "NUMBER"


described(
    InvoiceOrder,
    "Ways to sort invoices.",
    NEWEST="The last issued first.",
    OLDEST="The first issued first.",
    DUE="What falls due first.",
    NUMBER="By number.",
)
_ORDERS: Final = {
    "NEWEST": Order("newest", "{t}.id", "bigint", descending=True),
    "OLDEST": Order("oldest", "{t}.id", "bigint"),
    "DUE": Order("due", "{t}.due_on", "date"),
    "NUMBER": Order("number", "{t}.number", "text"),
}


@strawberry.input(description="Which invoices; every condition given must hold.")
class InvoiceFilter:
    month: MonthText | None = strawberry.field(default=None, description="Of this period.")
    counter_id: strawberry.ID | None = strawberry.field(default=None, description="Of this counter.")
    customer_id: strawberry.ID | None = strawberry.field(default=None, description="Of this customer.")
    status: InvoiceStatus | None = strawberry.field(default=None, description="Paid so far.")
    due_before: Day | None = strawberry.field(default=None, description="Due before this day.")


@query(COUNTERS, "Invoices of the counters that the caller may see.")
async def invoices(
    info: Info,
    first: First = 50,
    after: After = None,
    filter: Annotated[InvoiceFilter | None, strawberry.argument(description="Which; all if left out.")] = None,
    order_by: Annotated[InvoiceOrder, strawberry.argument(description="How sorted.")] = InvoiceOrder.NEWEST,
) -> Connection[Invoice]:
    conditions = {} if filter is None else _conditions(filter)
    return await page(info, INVOICE, first=first, after=after, order=_ORDERS[order_by], conditions=conditions)


_STATUS: Final = {
    InvoiceStatus.OPEN: "t.outstanding > 0 AND t.outstanding = t.total",
    InvoiceStatus.PARTLY_PAID: "t.outstanding > 0 AND t.outstanding < t.total",
    InvoiceStatus.PAID: "t.outstanding = 0 AND t.written_off = 0 AND t.voided_at IS NULL",
    InvoiceStatus.WRITTEN_OFF: "t.outstanding = 0 AND t.written_off > 0 AND t.voided_at IS NULL",
    InvoiceStatus.VOID: "t.voided_at IS NOT NULL",
}


def _conditions(given: InvoiceFilter) -> Conditions:
    found: Conditions = {}
    if given.month is not None:
        first = month_in(given.month, field=("filter", "month")).first
        found["t.period_id = (SELECT id FROM period WHERE month = :month)"] = {"month": first}
    if given.counter_id is not None:
        found["t.counter_id = :counter"] = {"counter": ids.decode(given.counter_id, "counter", field=("filter", "counterId"))}
    if given.customer_id is not None:
        found["t.customer_id = :customer"] = {"customer": ids.decode(given.customer_id, "customer", field=("filter", "customerId"))}
    if given.status is not None:
        found[_STATUS[given.status]] = {}
    if given.due_before is not None:
        found["t.due_on < :due_before"] = {"due_before": given.due_before}
    return found


@query(COUNTERS, "One invoice; null if there is none, or none that the caller may see.")
async def invoice(info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="Its id.")]) -> Invoice | None:
    return await one(info, INVOICE, "t.id = :id", {"id": ids.decode(id, "invoice", field=("id",))})


QUERIES: Final = [invoices, invoice]
