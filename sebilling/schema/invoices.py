"""Invoices (tagihan) in GraphQL."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Final

import strawberry

from sebilling.billing.pricing import LineKind
from sebilling.nouns import Noun
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
    """Payment status of an invoice."""

    OPEN = "OPEN"
    PARTLY_PAID = "PARTLY_PAID"
    PAID = "PAID"
    WRITTEN_OFF = "WRITTEN_OFF"
    VOID = "VOID"


described(
    InvoiceStatus,
    "Payment status of an invoice.",
    OPEN="Nothing is paid yet.",
    PARTLY_PAID="Part of it is paid or written off.",
    PAID="Nothing is owed any more.",
    WRITTEN_OFF="Nothing is owed any more: what was not paid was written off.",
    VOID="Voided: nothing is owed, and the number is kept.",
)


@strawberry.type(description="Line of an invoice.")
class InvoiceLine:
    kind: LineKind = strawberry.field(description="Kind of the line.")
    description: str = strawberry.field(description="Description as printed, such as the plan's name at the time of issue.")
    quantity: int = strawberry.field(description="Quantity.")
    unit_price: Rupiah = strawberry.field(description="Price per unit at the time of issue; negative for a discount.")
    amount: Rupiah = strawberry.field(description="Amount: quantity times unitPrice.")
    tax_rate: Rate | None = strawberry.field(description="Tax rate in percent; null unless it is a tax line.")
    tax_fraction: str | None = strawberry.field(description="Taxed fraction of taxBase, such as 11/12; null unless it is a tax line.")
    tax_base: Rupiah | None = strawberry.field(description="Amount of which taxFraction is taxed; null unless it is a tax line.")


@strawberry.type(description="Voiding of an invoice.")
class InvoiceVoid:
    reason: str = strawberry.field(description="Reason for the voiding.")
    voided_at: Instant = strawberry.field(description="Time at which the invoice was voided.")
    voided_by: str | None = strawberry.field(description="Name of the user who voided the invoice.")
    period: Period = strawberry.field(
        description="Period whose recap includes the voiding: the invoice's own, or the newest open one if that was closed."
    )


class WriteOffKind(StrEnum):
    """Kind of a write-off."""

    BAD_DEBT = "BAD_DEBT"
    LATE_FEE = "LATE_FEE"


described(
    WriteOffKind,
    "Kind of a write-off.",
    BAD_DEBT="Amount that nobody will pay: a loss.",
    LATE_FEE="Late fee whose overdue invoice was voided: reduces revenue.",
)


@strawberry.type(description="Reversal of a correction.")
class Reversal:
    reason: str = strawberry.field(description="Reason for the reversal.")
    reversed_at: Instant = strawberry.field(description="Time of the reversal.")
    reversed_on: Day = strawberry.field(description="Date of the reversal at the counter, which decides in which recap it counts.")
    reversed_by: str | None = strawberry.field(description="Name of the user who made the reversal.")


@strawberry.type(description="Amount of an invoice that was written off.")
class WriteOff:
    id: strawberry.ID = strawberry.field(description="Opaque id.")
    kind: WriteOffKind = strawberry.field(description="Kind of the write-off.")
    reversal: Reversal | None = strawberry.field(description="Reversal of the write-off; null if it was not reversed.")
    amount: Rupiah = strawberry.field(description="Amount that was written off.")
    reason: str = strawberry.field(description="Reason for the write-off.")
    written_off_at: Instant = strawberry.field(description="Time of the write-off.")
    written_off_by: str | None = strawberry.field(description="Name of the user who wrote it off.")


@strawberry.type(description="Invoice (tagihan): amount that a customer owes for one span of service. Never edited, never deleted.")
class Invoice:
    id: strawberry.ID = strawberry.field(description="Opaque id.")
    number: str = strawberry.field(description="Invoice number, gapless per counter and period, such as INV/2026-02/LKT01/000123.")
    status: InvoiceStatus = strawberry.field(description="Payment status.")
    plan_name: str = strawberry.field(description="Name of the plan at the time of issue.")
    covers_from: Day = strawberry.field(description="First day of service on the invoice; equal to coversUntil if it has only charges.")
    covers_until: Day = strawberry.field(description="First day after the service on the invoice.")
    issued_at: Instant = strawberry.field(description="Time at which the invoice was issued.")
    due_on: Day = strawberry.field(description="Due date (jatuh tempo).")
    total: Rupiah = strawberry.field(description="Sum of the lines.")
    allocated: Rupiah = strawberry.field(description="Amount paid: sum of the allocations.")
    written_off: Rupiah = strawberry.field(description="Amount written off.")
    outstanding: Rupiah = strawberry.field(description="Sisa tagihan: total less allocated and writtenOff; 0 if the invoice is void.")
    period: Period = strawberry.field(description="Period in which the invoice was issued.")
    counter: Counter = strawberry.field(description="Counter of the customer at the time of issue.")
    customer: Customer | None = strawberry.field(
        description="Customer who owes the invoice; null if they belong to a counter that the caller may not see."
    )
    customer_code: str = strawberry.field(description="Code of the customer, as on the printed invoice.")
    customer_name: str = strawberry.field(description="Name of the customer, as on the printed invoice.")
    lines: list[InvoiceLine] = strawberry.field(description="Lines of the invoice.")
    void: InvoiceVoid | None = strawberry.field(description="Voiding of the invoice; null if it is not void.")
    write_offs: list[WriteOff] = strawberry.field(description="Write-offs, in order.")
    allocations: list[Annotated["Allocation", strawberry.lazy("sebilling.schema.payments")]] = strawberry.field(
        description="Allocations of payments to the invoice, in order."
    )
    payments: list[Annotated["Payment", strawberry.lazy("sebilling.schema.payments")]] = strawberry.field(
        description="Payments allocated to the invoice that the caller may see, in order."
    )


_STATUS_SQL: Final = (
    "CASE WHEN {t}.voided_at IS NOT NULL THEN 'VOID' WHEN {t}.outstanding = 0 AND {t}.written_off > 0 THEN 'WRITTEN_OFF'"
    " WHEN {t}.outstanding = 0 THEN 'PAID' WHEN {t}.outstanding = {t}.total THEN 'OPEN' ELSE 'PARTLY_PAID' END"
)
LIVE_ALLOCATION: Final = "NOT EXISTS (SELECT FROM deallocation WHERE allocation_id = {n}.id)"
"""Condition on the linked allocation: one that a correction released does not count."""
INVOICE: Final = Node(
    "invoice",
    {
        "id": ids.column(Noun.INVOICE, "{t}.id"),
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
        "id": ids.column(Noun.WRITE_OFF, "{t}.id"),
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
    """Sort order of invoices."""

    NEWEST = "NEWEST"
    OLDEST = "OLDEST"
    DUE = "DUE"
    NUMBER = "NUMBER"


described(
    InvoiceOrder,
    "Sort order of invoices.",
    NEWEST="By time of issue, newest first.",
    OLDEST="By time of issue, oldest first.",
    DUE="By due date, earliest first.",
    NUMBER="By number.",
)
_ORDERS: Final = {
    "NEWEST": Order("newest", "{t}.id", "bigint", descending=True),
    "OLDEST": Order("oldest", "{t}.id", "bigint"),
    "DUE": Order("due", "{t}.due_on", "date"),
    "NUMBER": Order("number", "{t}.number", "text"),
}


@strawberry.input(description="Filter of invoices; all conditions must hold.")
class InvoiceFilter:
    month: MonthText | None = strawberry.field(default=None, description="Month of the period.")
    counter_id: strawberry.ID | None = strawberry.field(default=None, description="Id of the counter.")
    customer_id: strawberry.ID | None = strawberry.field(default=None, description="Id of the customer.")
    status: InvoiceStatus | None = strawberry.field(default=None, description="Payment status.")
    due_before: Day | None = strawberry.field(default=None, description="Day before which the invoices are due.")


@query(COUNTERS, "List the invoices of the counters that the caller may see.")
async def invoices(
    info: Info,
    first: First = 50,
    after: After = None,
    filter: Annotated[InvoiceFilter | None, strawberry.argument(description="Filter; lists all if left out.")] = None,
    order_by: Annotated[InvoiceOrder, strawberry.argument(description="Sort order.")] = InvoiceOrder.NEWEST,
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


def _conditions(filter: InvoiceFilter) -> Conditions:
    conditions: Conditions = {}
    if filter.month is not None:
        first = month_in(filter.month, field=("filter", "month")).first
        conditions["t.period_id = (SELECT id FROM period WHERE month = :month)"] = {"month": first}
    if filter.counter_id is not None:
        conditions["t.counter_id = :counter"] = {"counter": ids.decode(filter.counter_id, Noun.COUNTER, field=("filter", "counterId"))}
    if filter.customer_id is not None:
        conditions["t.customer_id = :customer"] = {
            "customer": ids.decode(filter.customer_id, Noun.CUSTOMER, field=("filter", "customerId"))
        }
    if filter.status is not None:
        conditions[_STATUS[filter.status]] = {}
    if filter.due_before is not None:
        conditions["t.due_on < :due_before"] = {"due_before": filter.due_before}
    return conditions


@query(COUNTERS, "Get one invoice; null if it does not exist or the caller may not see it.")
async def invoice(info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="Id of the invoice.")]) -> Invoice | None:
    return await one(info, INVOICE, "t.id = :id", {"id": ids.decode(id, Noun.INVOICE, field=("id",))})


QUERIES: Final = [invoices, invoice]
