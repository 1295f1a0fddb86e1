"""Contents of printed receipts (kuitansi) and invoices (tagihan), each read by one statement."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import ClassVar, Final
from zoneinfo import ZoneInfo

from pydantic import ConfigDict, TypeAdapter
from sqlalchemy import text

from sebilling.actor import Scope
from sebilling.billing import scope
from sebilling.billing.payments import PaymentMethod
from sebilling.billing.pricing import LineKind
from sebilling.clock import Month, local_date
from sebilling.db.engine import ReadSession
from sebilling.errors import NotFound
from sebilling.nouns import Noun

ZONE_NAMES: Final = {"Asia/Jakarta": "WIB", "Asia/Makassar": "WITA", "Asia/Jayapura": "WIT"}
"""Usual abbreviation of a counter's time zone."""

INVOICE_STATUS_SQL: Final = (
    "CASE WHEN invoice.voided_at IS NOT NULL THEN 'BATAL' WHEN invoice.outstanding = 0 AND invoice.written_off > 0 THEN 'DIHAPUS'"
    " WHEN invoice.outstanding = 0 THEN 'LUNAS' WHEN invoice.outstanding = invoice.total THEN 'BELUM LUNAS' ELSE 'SEBAGIAN' END"
)
"""Payment status of a row of `invoice`, in the Indonesian words of printed documents and reports."""


@dataclass(frozen=True, slots=True)
class Company:
    """The ISP's details on printed documents. Each text may be empty."""

    name: str
    address: str
    phone: str
    footer: str


@dataclass(frozen=True, slots=True)
class Settled:
    """Part of a payment allocated to one invoice, in rupiah; the days of service are [covers_from, covers_until)."""

    invoice_number: str
    covers_from: date
    covers_until: date
    amount: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """Contents of a payment's receipt, in rupiah: amount = settled + credit + refunded, unless it was reversed."""

    number: str
    company: Company
    counter_code: str
    counter_name: str
    customer_id: int
    customer_code: str
    customer_name: str
    received_at: datetime
    """Timezone-aware, in the counter's time zone."""
    zone: str
    """WIB, WITA or WIT."""
    received_by: str
    method: PaymentMethod
    amount: int
    lines: tuple[Settled, ...]
    """Invoices that it settles now, oldest service first. Empty once it is reversed."""
    credit: int
    refunded: int
    outstanding: int | None
    """Outstanding amount of all the customer's invoices at the time of reading; None if their counter is outside the reader's scope."""
    reversed: bool
    """Whether the payment was reversed: such a receipt is no proof of payment and must say so."""
    reversal_reason: str
    """Empty unless reversed."""


@dataclass(frozen=True, slots=True)
class InvoicePaperLine:
    """One line of an invoice; amount = quantity * unit_price, in rupiah, below 0 for a discount."""

    kind: LineKind
    description: str
    quantity: int
    unit_price: int
    amount: int


@dataclass(frozen=True, slots=True)
class InvoicePaper:
    """Contents of a printed invoice, in rupiah. Dates are the counter's; the days of service are [covers_from, covers_until)."""

    number: str
    status: str
    """LUNAS, BELUM LUNAS, SEBAGIAN, BATAL or DIHAPUS."""
    company: Company
    counter_code: str
    counter_name: str
    customer_code: str
    customer_name: str
    customer_address: str
    """Also empty if the customer's present counter is outside the reader's scope; so is the phone number."""
    customer_phone: str
    plan_name: str
    covers_from: date
    covers_until: date
    issued_on: date
    due_on: date
    lines: tuple[InvoicePaperLine, ...]
    total: int
    allocated: int
    written_off: int
    outstanding: int
    void_reason: str
    """Empty unless the status is BATAL."""


@dataclass(frozen=True, slots=True)
class _Content:
    """What RECEIPT_JSON reads, with its names."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(defer_build=True)
    number: str
    company: Company
    counter_code: str
    counter_name: str
    timezone: str
    customer_id: int
    customer_code: str
    customer_name: str
    received_at: datetime
    received_by: str
    method: str
    amount: int
    lines: tuple[Settled, ...]
    credit: int
    refunded: int
    outstanding: int | None
    reversed: bool
    reversal_reason: str


@dataclass(frozen=True, slots=True)
class _InvoiceRow:
    """An invoice with one of its lines; without, if there is none."""

    number: str
    status: str
    company_name: str
    company_address: str
    company_phone: str
    receipt_footer: str
    counter_code: str
    counter_name: str
    timezone: str
    customer_code: str
    customer_name: str
    customer_address: str
    customer_phone: str
    plan_name: str
    covers_from: date
    covers_until: date
    issued_at: datetime
    due_on: date
    total: int
    allocated: int
    written_off: int
    outstanding: int
    void_reason: str
    kind: str | None
    description: str | None
    quantity: int | None
    unit_price: int | None
    amount: int | None

    @property
    def line(self) -> InvoicePaperLine | None:
        """The line, if there is one: all five columns come of the same join."""
        if self.kind is None or self.description is None or self.quantity is None or self.unit_price is None or self.amount is None:
            return None
        return InvoicePaperLine(LineKind[self.kind], self.description, self.quantity, self.unit_price, self.amount)


# Allocations to the same invoice are summed.
RECEIPT_JSON: Final = f"""(
    SELECT json_build_object(
               'number', receipt.number,
               'company', json_build_object('name', company_name, 'address', company_address, 'phone', company_phone,
                                            'footer', receipt_footer),
               'counter_code', counter.code, 'counter_name', counter.name, 'timezone', counter.timezone,
               'customer_id', customer.id, 'customer_code', customer.code, 'customer_name', customer.name, 'received_at', {{t}}.received_at,
               'received_by', app_user.name, 'method', {{t}}.method, 'amount', {{t}}.amount,
               'lines', (SELECT coalesce(json_agg(json_build_object('invoice_number', number, 'covers_from', covers_from,
                                'covers_until', covers_until, 'amount', settled.amount) ORDER BY covers_from, invoice.id), '[]')
                           FROM (SELECT invoice_id, sum(amount)::bigint AS amount FROM allocation
                                  WHERE payment_id = {{t}}.id AND NOT EXISTS (SELECT FROM deallocation WHERE allocation_id = allocation.id)
                                  GROUP BY invoice_id) settled JOIN invoice ON invoice.id = invoice_id),
               'credit', {{t}}.credit, 'refunded', {{t}}.refunded,
               'outstanding', CASE WHEN {scope.sees("customer.counter_id")} THEN (
                   SELECT coalesce(sum(outstanding), 0)::bigint FROM invoice
                    WHERE customer_id = {{t}}.customer_id AND outstanding > 0) END,
               'reversed', payment_reversal.payment_id IS NOT NULL, 'reversal_reason', coalesce(payment_reversal.reason, ''))
      FROM receipt
      JOIN counter ON counter.id = {{t}}.counter_id
      JOIN customer ON customer.id = {{t}}.customer_id
      JOIN app_user ON app_user.id = {{t}}.received_by
      JOIN billing_settings ON billing_settings.id = 1
      LEFT JOIN payment_reversal ON payment_reversal.payment_id = {{t}}.id
     WHERE receipt.payment_id = {{t}}.id)"""
"""SQL for the content of the receipt of the payment `{{t}}`, for readers of the counters `:scope` (null: all). See `receipt_of`."""
_RECEIPT: Final = text(f"SELECT {RECEIPT_JSON.format(t='payment')} FROM payment WHERE id = :payment AND {scope.sees('payment.counter_id')}")
_INVOICES: Final = text(
    f"""
    SELECT invoice.number, {INVOICE_STATUS_SQL} AS status, company_name, company_address, company_phone, receipt_footer,
           counter.code AS counter_code, counter.name AS counter_name, counter.timezone,
           customer.code AS customer_code, customer.name AS customer_name, customer.address AS customer_address,
           customer.phone AS customer_phone, plan_name, covers_from, covers_until, issued_at, due_on,
           total, allocated, written_off, outstanding, coalesce(invoice_void.reason, '') AS void_reason,
           line.kind, line.description, line.quantity, line.unit_price, line.amount
      FROM invoice
      JOIN counter ON counter.id = invoice.counter_id
     CROSS JOIN LATERAL (
           SELECT code, name, plan_id, CASE WHEN is_seen THEN address ELSE '' END AS address,
                  CASE WHEN is_seen THEN phone ELSE '' END AS phone
             FROM (SELECT *, {scope.sees("counter_id")} AS is_seen
                     FROM customer WHERE id = invoice.customer_id) who) customer
      JOIN billing_settings ON billing_settings.id = 1
      LEFT JOIN invoice_void ON invoice_void.invoice_id = invoice.id
      LEFT JOIN invoice_line line ON line.invoice_id = invoice.id
     WHERE invoice.id = ANY (CAST(:invoices AS bigint[])) AND {scope.sees("invoice.counter_id")}
     ORDER BY array_position(CAST(:invoices AS bigint[]), invoice.id), line.position
    """
)
_CHOSEN: Final = f"""
      FROM invoice
      JOIN period ON period.id = invoice.period_id
      JOIN counter ON counter.id = invoice.counter_id
     WHERE period.month = :month AND (CAST(:run AS bigint) IS NULL OR run_id = :run) AND voided_at IS NULL
       AND (outstanding > 0 OR NOT :unpaid_only) AND {scope.sees("invoice.counter_id")}
"""
_ANY: Final = text(f"SELECT EXISTS (SELECT {_CHOSEN})")
_IDS: Final = text(f"SELECT invoice.id {_CHOSEN} ORDER BY counter.code, sequence")
_READ_AT_ONCE: Final = 200
"""Invoices of a whole run that are in memory at a time."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Which of a month's invoices are printed together; voided ones never are."""

    month: Month
    run_id: int | None
    """Generation run that issued them; None for all of the month."""
    unpaid_only: bool
    """Whether paid ones are left out."""


_READER: Final = TypeAdapter(_Content)


async def read(session: ReadSession, payment_id: int, *, scope: Scope) -> Receipt:
    """Read a payment's receipt as of now. Raises NotFound for an unknown payment, or one at a counter outside `scope`."""
    content = await session.value(_RECEIPT, {"payment": payment_id, "scope": scope.ids}, kind=dict)
    if content is None:
        raise NotFound(field="payment_id", noun=Noun.PAYMENT, given=payment_id)
    return receipt_of(content)


def receipt_of(content: object) -> Receipt:
    """The receipt of what RECEIPT_JSON has read. Raises KeyError for a payment method that this version doesn't know."""
    read = _READER.validate_python(content)
    return Receipt(
        number=read.number,
        company=read.company,
        counter_code=read.counter_code,
        counter_name=read.counter_name,
        customer_id=read.customer_id,
        customer_code=read.customer_code,
        customer_name=read.customer_name,
        received_at=read.received_at.astimezone(ZoneInfo(read.timezone)),
        zone=ZONE_NAMES[read.timezone],
        received_by=read.received_by,
        method=PaymentMethod[read.method],
        amount=read.amount,
        lines=read.lines,
        credit=read.credit,
        refunded=read.refunded,
        outstanding=read.outstanding,
        reversed=read.reversed,
        reversal_reason=read.reversal_reason,
    )


async def read_invoice(session: ReadSession, invoice_id: int, *, scope: Scope) -> InvoicePaper:
    """Read an invoice with its lines as of now. Raises NotFound for an unknown invoice, or one of a counter outside `scope`."""
    papers = await _read_invoices(session, [invoice_id], scope=scope)
    if not papers:
        raise NotFound(field="invoice_id", noun=Noun.INVOICE, given=invoice_id)
    return papers[0]


async def expect_any(session: ReadSession, choice: Choice, *, scope: Scope) -> None:
    """Raise NotFound if the choice has no invoice of a counter in `scope`."""
    if not await session.value(_ANY, _bound(choice, scope), kind=bool):
        raise NotFound(field="month", noun=Noun.INVOICE, given=str(choice.month))


async def chosen_invoices(session: ReadSession, choice: Choice, *, scope: Scope) -> AsyncGenerator[InvoicePaper]:
    """Yield the chosen invoices by counter and number, some hundred in memory at a time. Read them from a Snapshot, so that they agree."""
    invoice_ids = await session.values(_IDS, _bound(choice, scope), kind=int)
    for start in range(0, len(invoice_ids), _READ_AT_ONCE):
        for paper in await _read_invoices(session, invoice_ids[start : start + _READ_AT_ONCE], scope=scope):
            yield paper


def _bound(choice: Choice, scope: Scope) -> dict[str, object]:
    return {"month": choice.month.first, "run": choice.run_id, "unpaid_only": choice.unpaid_only, "scope": scope.ids}


async def _read_invoices(session: ReadSession, invoice_ids: Sequence[int], *, scope: Scope) -> list[InvoicePaper]:
    """Read the invoices of counters in `scope`, in the order of their ids as given."""
    rows = await session.rows(_INVOICES, {"invoices": list(invoice_ids), "scope": scope.ids}, into=_InvoiceRow)
    lines_of: dict[str, list[_InvoiceRow]] = {}
    for row in rows:
        lines_of.setdefault(row.number, []).append(row)
    return [_paper(lined) for lined in lines_of.values()]


def _paper(rows: Sequence[_InvoiceRow]) -> InvoicePaper:
    """The invoice of its rows, one for each line."""
    row = rows[0]
    return InvoicePaper(
        number=row.number,
        status=row.status,
        company=Company(row.company_name, row.company_address, row.company_phone, row.receipt_footer),
        counter_code=row.counter_code,
        counter_name=row.counter_name,
        customer_code=row.customer_code,
        customer_name=row.customer_name,
        customer_address=row.customer_address,
        customer_phone=row.customer_phone,
        plan_name=row.plan_name,
        covers_from=row.covers_from,
        covers_until=row.covers_until,
        issued_on=local_date(row.issued_at, row.timezone),
        due_on=row.due_on,
        lines=tuple(lined.line for lined in rows if lined.line is not None),
        total=row.total,
        allocated=row.allocated,
        written_off=row.written_off,
        outstanding=row.outstanding,
        void_reason=row.void_reason,
    )
