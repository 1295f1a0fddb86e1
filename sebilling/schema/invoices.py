"""Invoices (tagihan) in GraphQL."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Final

import strawberry

from sebilling.billing.pricing import LineKind
from sebilling.nouns import Noun
from sebilling.schema import filters
from sebilling.schema.context import Info
from sebilling.schema.counters import Counter
from sebilling.schema.customers import Customer
from sebilling.schema.engine import reading
from sebilling.schema.engine.declarations import input_type, link, output, read, totals
from sebilling.schema.engine.pages import Conditions, Order, Parts, Slice
from sebilling.schema.engine.reading import one, page
from sebilling.schema.enums import described
from sebilling.schema.periods import Period
from sebilling.schema.request.access import query
from sebilling.schema.request.roles import COUNTERS
from sebilling.schema.scopes import AT_COUNTER, PART, WITH_CUSTOMER, part_of
from sebilling.schema.users import User, person
from sebilling.schema.values import ids
from sebilling.schema.values.connections import Connection
from sebilling.schema.values.scalars import Day, Instant, MonthText, Rate, Rupiah, month_in

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


@output("Line of an invoice.", "invoice_line", scope=PART)
class InvoiceLine:
    kind: LineKind = read("Kind of the line.", COUNTERS)
    description: str = read("Description as printed, such as the plan's name at the time of issue.", COUNTERS)
    quantity: int = read("Quantity.", COUNTERS)
    unit_price: Rupiah = read("Price per unit at the time of issue; negative for a discount.", COUNTERS)
    amount: Rupiah = read("Amount: quantity times unitPrice.", COUNTERS)
    tax_rate: Rate | None = read("Tax rate in percent; null unless it is a tax line.", COUNTERS, sql="trim_scale({t}.tax_rate)::text")
    tax_fraction: str | None = read("Taxed fraction of taxBase, such as 11/12; null unless it is a tax line.", COUNTERS)
    tax_base: Rupiah | None = read("Amount of which taxFraction is taxed; null unless it is a tax line.", COUNTERS)


@output("Voiding of an invoice.", "invoice_void", scope=PART)
class InvoiceVoid:
    reason: str = read("Reason for the voiding.", COUNTERS)
    voided_at: Instant = read("Time at which the invoice was voided.", COUNTERS)
    voided_by: User | None = person("User who voided the invoice.", COUNTERS, "voided_by")
    period: Period = link(
        "Period whose recap includes the voiding: the invoice's own, or the newest open one if that was closed.",
        COUNTERS,
        "period",
        "{n}.id = {t}.period_id",
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


@output("Reversal of a correction.", "settlement_reversal", "write_off_reversal", "refund_reversal", scope=PART)
class Reversal:
    reason: str = read("Reason for the reversal.", COUNTERS)
    reversed_at: Instant = read("Time of the reversal.", COUNTERS)
    reversed_on: Day = read("Date of the reversal at the counter, which decides in which recap it counts.", COUNTERS)
    reversed_by: User | None = person("User who made the reversal.", COUNTERS, "reversed_by")


@output("Amount of an invoice that was written off.", "write_off", scope=part_of("invoice", "invoice_id", WITH_CUSTOMER))
class WriteOff:
    id: strawberry.ID = read("Opaque id.", COUNTERS, sql=ids.column(Noun.WRITE_OFF, "{t}.id"))
    kind: WriteOffKind = read("Kind of the write-off.", COUNTERS)
    reversal: Reversal | None = link(
        "Reversal of the write-off; null if it was not reversed.", COUNTERS, "write_off_reversal", "{n}.write_off_id = {t}.id"
    )
    amount: Rupiah = read("Amount that was written off.", COUNTERS)
    reason: str = read("Reason for the write-off.", COUNTERS)
    written_off_at: Instant = read("Time of the write-off.", COUNTERS)
    written_off_by: User | None = person("User who wrote it off.", COUNTERS, "written_off_by")


_STATUS_SQL: Final = (
    "CASE WHEN {t}.voided_at IS NOT NULL THEN 'VOID' WHEN {t}.outstanding = 0 AND {t}.written_off > 0 THEN 'WRITTEN_OFF'"
    " WHEN {t}.outstanding = 0 THEN 'PAID' WHEN {t}.outstanding = {t}.total THEN 'OPEN' ELSE 'PARTLY_PAID' END"
)
LIVE_ALLOCATION: Final = "NOT EXISTS (SELECT FROM deallocation WHERE allocation_id = {n}.id)"
"""Condition on the linked allocation: one that a correction released does not count."""


@output(
    "Invoice (tagihan): amount that a customer owes for one span of service. Never edited, never deleted.", "invoice", scope=WITH_CUSTOMER
)
class Invoice:
    id: strawberry.ID = read("Opaque id.", COUNTERS, sql=ids.column(Noun.INVOICE, "{t}.id"))
    number: str = read("Invoice number, gapless per counter and period, such as INV/2026-02/LKT01/000123.", COUNTERS)
    status: InvoiceStatus = read("Payment status.", COUNTERS, sql=_STATUS_SQL)
    plan_name: str = read("Name of the plan at the time of issue.", COUNTERS)
    covers_from: Day = read("First day of service on the invoice; equal to coversUntil if it has only charges.", COUNTERS)
    covers_until: Day = read("First day after the service on the invoice.", COUNTERS)
    issued_at: Instant = read("Time at which the invoice was issued.", COUNTERS)
    due_on: Day = read("Due date (jatuh tempo).", COUNTERS)
    total: Rupiah = read("Sum of the lines.", COUNTERS)
    allocated: Rupiah = read("Amount paid: sum of the allocations.", COUNTERS)
    written_off: Rupiah = read("Amount written off.", COUNTERS)
    outstanding: Rupiah = read("Sisa tagihan: total less allocated and writtenOff; 0 if the invoice is void.", COUNTERS)
    period: Period = link("Period in which the invoice was issued.", COUNTERS, "period", "{n}.id = {t}.period_id")
    counter: Counter = link("Counter of the customer at the time of issue.", COUNTERS, "counter", "{n}.id = {t}.counter_id", follows=True)
    customer: Customer | None = link(
        "Customer who owes the invoice; null if they belong to a counter that the caller may not see.",
        COUNTERS,
        "customer",
        "{n}.id = {t}.customer_id",
    )
    customer_code: str = read(
        "Code of the customer, as on the printed invoice.", COUNTERS, sql="(SELECT code FROM customer WHERE id = {t}.customer_id)"
    )
    customer_name: str = read(
        "Name of the customer, as on the printed invoice.", COUNTERS, sql="(SELECT name FROM customer WHERE id = {t}.customer_id)"
    )
    lines: list[InvoiceLine] = link("Lines of the invoice.", COUNTERS, "invoice_line", "{n}.invoice_id = {t}.id", order="{n}.position")
    voiding: InvoiceVoid | None = link(
        "Voiding of the invoice; null if it is not void.", COUNTERS, "invoice_void", "{n}.invoice_id = {t}.id"
    )
    write_offs: list[WriteOff] = link("Write-offs, in order.", COUNTERS, "write_off", "{n}.invoice_id = {t}.id")
    allocations: list[Annotated["Allocation", strawberry.lazy("sebilling.schema.payments")]] = link(
        "Allocations of payments to the invoice, in order.", COUNTERS, "allocation", f"{{n}}.invoice_id = {{t}}.id AND {LIVE_ALLOCATION}"
    )
    payments: list[Annotated["Payment", strawberry.lazy("sebilling.schema.payments")]] = link(
        "Payments allocated to the invoice that the caller may see, in order.",
        COUNTERS,
        "payment",
        # An array, as IN would sort the few ids of each invoice: a seventh of the time of a page of 200.
        "{n}.id = ANY(ARRAY(SELECT payment_id FROM allocation live WHERE invoice_id = {t}.id"
        " AND NOT EXISTS (SELECT FROM deallocation WHERE allocation_id = live.id)))",
    )


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
# Numbers begin with their month and counter, and go on with six digits or more.
_SERIES_OF: Final = "left({t}.number, -greatest(6, length({t}.sequence::text)))"
_NUMBER: Final = f"({_SERIES_OF} || lpad({{t}}.sequence::text, 10, '0')) COLLATE \"C\""
_SERIES: Final = Parts(
    "SELECT period_id, counter_id, ('INV/' || to_char(month, 'YYYY-MM') || '/' || code || '/') COLLATE \"C\" AS place"
    " FROM invoice_series JOIN period ON period.id = period_id JOIN counter ON counter.id = counter_id",
    of="t.period_id = part.period_id AND t.counter_id = part.counter_id",
    key="sequence",
    place=f'{_SERIES_OF} COLLATE "C"',
)
_ORDERS: Final = {
    "NEWEST": Order("newest", "{t}.id", "bigint", descending=True),
    "OLDEST": Order("oldest", "{t}.id", "bigint"),
    "DUE": Order("due", "{t}.due_on", "date"),
    "NUMBER": Order("number", _NUMBER, "text"),
}
_IN_DEBT: Final = {"DUE": replace(_ORDERS["DUE"], by_counter=True)}
"""Orders of invoices that are owed: invoice_owed_idx has each counter's by due date."""
_MANY: Final = {"NUMBER": replace(_ORDERS["NUMBER"], parts=_SERIES)}
"""Orders where nearly all invoices meet the filter: few ones are found and sorted sooner than met in this order."""


@input_type("Filter of invoices; all conditions must hold.")
class InvoiceFilter:
    month: MonthText | None = strawberry.field(default=None, description="Month of the period.")
    counter_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Ids of the counters, of which it is one; an empty list lists none."
    )
    customer_id: strawberry.ID | None = strawberry.field(default=None, description="Id of the customer.")
    plan_id: strawberry.ID | None = strawberry.field(default=None, description="Id of the customer's present plan.")
    statuses: list[InvoiceStatus] | None = strawberry.field(
        default=None,
        description="Payment statuses, of which it has one; an empty list lists none. Unpaid invoices are OPEN and PARTLY_PAID.",
    )
    overdue: bool | None = strawberry.field(
        default=None, description="Whether something is owed on it and its due date is past, by the date at its counter."
    )
    due_from: Day | None = strawberry.field(default=None, description="First due date.")
    due_until: Day | None = strawberry.field(default=None, description="First day after the due dates.")
    number: str | None = strawberry.field(default=None, description="Whole invoice number.")
    search: str | None = strawberry.field(
        default=None,
        description="Part of the customer's name, start of the customer's code, or invoice number or its end, such as 123 or LKT01/123.",
    )


FilterArgument = Annotated[InvoiceFilter | None, strawberry.argument(description="Filter; all invoices if left out.")]


@query(COUNTERS, "List the invoices of the counters that the caller may see.")
async def invoices(
    info: Info,
    part: Slice,
    filter: FilterArgument = None,
    order_by: Annotated[InvoiceOrder, strawberry.argument(description="Sort order.")] = InvoiceOrder.NEWEST,
) -> Connection[Invoice]:
    chosen = filter or InvoiceFilter()
    conditions = _conditions(chosen, at=info.context.at)
    return await page(info, Invoice, part, order=_order(order_by, chosen), conditions=conditions)


_OWED: Final = frozenset({InvoiceStatus.OPEN, InvoiceStatus.PARTLY_PAID})


def _order(order_by: InvoiceOrder, filter: InvoiceFilter) -> Order:
    """The order, read in the way that suits the filter."""
    statuses = None if filter.statuses is None else frozenset(filter.statuses)
    if filter.customer_id is not None or filter.number is not None or filter.search:
        return _ORDERS[order_by]
    is_owed = statuses is not None and InvoiceStatus.OPEN in statuses and statuses <= _OWED
    if is_owed or filter.overdue:
        is_of_one = filter.counter_ids is not None and len(filter.counter_ids) == 1
        return _ORDERS[order_by] if is_of_one else _IN_DEBT.get(order_by, _ORDERS[order_by])
    is_most = (statuses is None or InvoiceStatus.PAID in statuses) and filter.due_from is None and filter.due_until is None
    return _MANY.get(order_by, _ORDERS[order_by]) if is_most else _ORDERS[order_by]


_STATUS: Final = {
    # not `=`, of which PostgreSQL expects so few rows that it reads and sorts them all
    InvoiceStatus.OPEN: "t.outstanding > 0 AND NOT t.outstanding < t.total",
    InvoiceStatus.PARTLY_PAID: "t.outstanding > 0 AND t.outstanding < t.total",
    InvoiceStatus.PAID: "t.outstanding = 0 AND t.written_off = 0 AND t.voided_at IS NULL",
    InvoiceStatus.WRITTEN_OFF: "t.outstanding = 0 AND t.written_off > 0 AND t.voided_at IS NULL",
    InvoiceStatus.VOID: "t.voided_at IS NOT NULL",
}
_IS_OWED: Final = "t.outstanding > 0"


def _with_statuses(statuses: Sequence[InvoiceStatus]) -> str:
    """The condition on invoices that have one of these statuses."""
    parts = [_STATUS[status] for status in InvoiceStatus if status in statuses and not (status in _OWED and {*statuses} >= _OWED)]
    if {*statuses} >= _OWED:
        parts.append(_IS_OWED)
    return parts[0] if len(parts) == 1 else f"({' OR '.join(f'({part})' for part in parts)})" if parts else filters.NONE


def _conditions(filter: InvoiceFilter, *, at: datetime) -> Conditions:
    conditions = filters.of_counters(filter.counter_ids)
    if filter.month is not None:
        first = month_in(filter.month, field=("filter", "month")).first
        conditions["t.period_id = (SELECT id FROM period WHERE month = :month)"] = {"month": first}
    if filter.customer_id is not None:
        conditions["t.customer_id = :customer"] = {
            "customer": ids.decode(filter.customer_id, Noun.CUSTOMER, field=("filter", "customerId"))
        }
    if filter.plan_id is not None:
        conditions["t.customer_id IN (SELECT id FROM customer WHERE plan_id = :plan)"] = {
            "plan": ids.decode(filter.plan_id, Noun.PLAN, field=("filter", "planId"))
        }
    return conditions | _debts(filter, at=at) | _numbers(filter)


def _debts(filter: InvoiceFilter, *, at: datetime) -> Conditions:
    conditions: Conditions = {}
    if filter.statuses is not None:
        conditions[_with_statuses(filter.statuses)] = {}
    if filter.overdue is not None:
        ((is_past, parameters),) = filters.today_at_counter("t.due_on", "<", at=at).items()
        conditions[f"{_IS_OWED} AND {is_past}" if filter.overdue else f"NOT ({_IS_OWED} AND {is_past})"] = parameters
    if filter.due_from is not None:
        conditions["t.due_on >= :due_from"] = {"due_from": filter.due_from}
    if filter.due_until is not None:
        conditions["t.due_on < :due_until"] = {"due_until": filter.due_until}
    return conditions


def _numbers(filter: InvoiceFilter) -> Conditions:
    conditions: Conditions = {}
    if filter.number is not None:
        conditions |= filters.with_number(filter.number, filters.INVOICES_OF_NUMBER)
    if filter.search:
        conditions |= filters.search(filter.search, filters.INVOICES_OF_NUMBER)
    return conditions


@totals("Totals of invoices.", of=Invoice)
class InvoiceTotals:
    count: int = read("Number of invoices.", COUNTERS, sql="count(*)")
    total: Rupiah = read(
        "Sum of their totals; an invoice that is void counts nothing.",
        COUNTERS,
        sql="coalesce(sum({t}.total) FILTER (WHERE {t}.voided_at IS NULL), 0)::bigint",
    )
    allocated: Rupiah = read("Sum of the amounts paid.", COUNTERS, sql="coalesce(sum({t}.allocated), 0)::bigint")
    written_off: Rupiah = read("Sum of the amounts written off.", COUNTERS, sql="coalesce(sum({t}.written_off), 0)::bigint")
    outstanding: Rupiah = read(
        "Sum of the amounts owed: total less allocated and writtenOff.", COUNTERS, sql="coalesce(sum({t}.outstanding), 0)::bigint"
    )


@output("Invoices of one period and counter in sums.", "period_total", scope=AT_COUNTER)
class _PeriodTotal:
    """Rows that are added up; no part of the schema."""

    invoices: int = read("Number of invoices.", COUNTERS)


@totals("Totals of invoices of whole periods and counters.", of=_PeriodTotal)
class _KeptInvoiceTotals:
    """InvoiceTotals, from sums that are kept: no part of the schema."""

    count: int = read("Number.", COUNTERS, sql="coalesce(sum({t}.invoices), 0)::bigint")
    total: Rupiah = read("Billed.", COUNTERS, sql="coalesce(sum({t}.billed), 0)::bigint")
    allocated: Rupiah = read("Paid.", COUNTERS, sql="coalesce(sum({t}.allocated), 0)::bigint")
    written_off: Rupiah = read("Written off.", COUNTERS, sql="coalesce(sum({t}.written_off), 0)::bigint")
    outstanding: Rupiah = read("Owed.", COUNTERS, sql="coalesce(sum({t}.outstanding), 0)::bigint")


@query(COUNTERS, "Get the totals of the invoices of the counters that the caller may see.")
async def invoice_totals(info: Info, filter: FilterArgument = None) -> InvoiceTotals:
    chosen = filter or InvoiceFilter()
    # All invoices of a period and counter are a row; of other filters, the invoices themselves are added up.
    is_kept = chosen == InvoiceFilter(month=chosen.month, counter_ids=chosen.counter_ids)
    kind = _KeptInvoiceTotals if is_kept else InvoiceTotals
    return await reading.totals(info, kind, _conditions(chosen, at=info.context.at))


@query(COUNTERS, "Get one invoice by id or number; null if it does not exist or the caller may not see it.")
async def invoice(
    info: Info,
    id: Annotated[strawberry.ID | None, strawberry.argument(description="Id of the invoice.")] = None,
    number: Annotated[str | None, strawberry.argument(description="Whole invoice number, such as INV/2026-02/LKT01/000123.")] = None,
) -> Invoice | None:
    row_id = ids.decode_either(id, number, Noun.INVOICE)
    if number is None:
        return await one(info, Invoice, "t.id = :id", {"id": row_id})
    ((condition, parameters),) = filters.with_number(number, filters.INVOICES_OF_NUMBER).items()
    return await one(info, Invoice, condition, parameters)


QUERIES: Final = [invoices, invoice_totals, invoice]
