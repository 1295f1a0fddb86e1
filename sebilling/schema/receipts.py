"""Receipts, and short-lived download links for receipts, invoices, proofs and reports, in GraphQL."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Final

import strawberry
from sqlalchemy import text

from sebilling.actor import Scope
from sebilling.auth import customer_links, links
from sebilling.billing import receipts
from sebilling.billing.receipts import Choice
from sebilling.billing.reports import Report
from sebilling.errors import NotFound
from sebilling.nouns import Noun
from sebilling.printing.receipt_text import receipt_text, whatsapp_text
from sebilling.printing.report_job import INVOICES_AS_PDF
from sebilling.schema.context import Info
from sebilling.schema.engine.declarations import output, read
from sebilling.schema.enums import described
from sebilling.schema.request.access import query
from sebilling.schema.request.roles import COUNTERS
from sebilling.schema.values import ids
from sebilling.schema.values.payloads import row
from sebilling.schema.values.scalars import Instant, MonthText, month_in


class Paper(StrEnum):
    """Paper size of a receipt."""

    MM58 = "MM58"
    MM80 = "MM80"
    A5 = "A5"


class ReportFormat(StrEnum):
    """File format of a report."""

    CSV = "CSV"
    XLSX = "XLSX"


described(Paper, "Paper size of a receipt.", MM58="Roll of 58 mm.", MM80="Roll of 80 mm.", A5="A5 sheet.")
described(ReportFormat, "File format of a report.", CSV="CSV with semicolons, UTF-8 with BOM; opens in Excel.", XLSX="Excel workbook.")


@output("Download link that is valid for five minutes. The user's permissions are checked again at download.")
class DownloadLink:
    url: str = read("URL path on this server; needs no token.", COUNTERS)
    expires_at: Instant = read("Time at which the link expires.", COUNTERS)


def link_to(info: Info, kind: str, **about: int | str) -> Any:
    """A link to a document of this kind, for the caller, as a row."""
    context = info.context
    token = links.sign(links.Link(kind, about, context.signed_in.user_id or 0), key=context.parts.key, at=context.at)
    return row(url=f"/downloads/{token}", expires_at=context.at + links.LIFETIME)


_PAPER: Final = strawberry.argument(description="Paper size.")


@dataclass(frozen=True, slots=True)
class ReceiptRow:
    """A receipt whose texts are made as far as they are selected."""

    payment_id: int
    content: receipts.Receipt


def _number(root: strawberry.Parent[ReceiptRow]) -> str:
    return root.content.number


def _text32(root: strawberry.Parent[ReceiptRow]) -> str:
    return receipt_text(root.content, columns=32)


def _text48(root: strawberry.Parent[ReceiptRow]) -> str:
    return receipt_text(root.content, columns=48)


def _whats_app(root: strawberry.Parent[ReceiptRow], info: Info) -> str:
    """With the link to the customer's page only for those who may see what the customer owes."""
    seen = root.content.outstanding is not None
    return whatsapp_text(root.content, page=page_address(info, root.content.customer_id) if seen else "")


def page_address(info: Info, customer_id: int) -> str:
    """The whole address of a customer's own page; empty if the server's own isn't set."""
    parts = info.context.parts
    return customer_links.address(customer_id, key=parts.key, public_url=parts.settings.public_url)


def _pdf(root: strawberry.Parent[ReceiptRow], info: Info, paper: Annotated[Paper | None, _PAPER] = Paper.MM58) -> DownloadLink:
    return link_to(info, "receipt", payment=root.payment_id, paper=(paper or Paper.MM58).value)


@output("Receipt (kuitansi), as of now.")
class Receipt:
    number: str = read("Receipt number, such as KW/2026-02/LKT01/000123.", COUNTERS, resolver=_number)
    text32: str = read("Text for a roll of 58 mm: lines of at most 32 plain characters.", COUNTERS, resolver=_text32)
    text48: str = read("Text for a roll of 80 mm: lines of at most 48 plain characters.", COUNTERS, resolver=_text48)
    whats_app: str = read(
        "Text to send to the customer by WhatsApp, with a link to their own page if this server's address is set.",
        COUNTERS,
        resolver=_whats_app,
    )
    link: DownloadLink = read("Download link for the receipt as PDF.", COUNTERS, resolver=_pdf)


RECEIPT_OF_PAYMENT: Final = f"json_build_object('payment_id', {{t}}.id, 'content', {receipts.RECEIPT_JSON})"
"""SQL for the receipt of the payment `{t}`."""


def receipt_of(read: Mapping[str, Any]) -> ReceiptRow:
    """The receipt that RECEIPT_OF_PAYMENT has read."""
    return ReceiptRow(read["payment_id"], receipts.receipt_of(read["content"]))


PaymentId = Annotated[strawberry.ID, strawberry.argument(description="Id of the payment.")]
_PROOF: Final = text(
    "SELECT EXISTS (SELECT FROM deposit WHERE id = :id AND proof_id IS NOT NULL"
    " AND (CAST(:scope AS bigint[]) IS NULL OR counter_id = ANY (:scope)))"
)


@query(COUNTERS, "Get a payment's receipt as text.")
async def receipt(info: Info, payment_id: PaymentId) -> Receipt:
    wanted = ids.decode(payment_id, Noun.PAYMENT, field=("paymentId",))
    async with info.context.parts.database.reading() as session:
        content = await receipts.read(session, wanted, scope=info.context.signed_in.scope)
    return ReceiptRow(wanted, content)  # type: ignore[return-value]  # the type's resolvers read it


@query(COUNTERS, "Get a download link for a payment's receipt as PDF.")
async def receipt_link(info: Info, payment_id: PaymentId, paper: Annotated[Paper, _PAPER] = Paper.MM58) -> DownloadLink:
    wanted = ids.decode(payment_id, Noun.PAYMENT, field=("paymentId",))
    async with info.context.parts.database.reading() as session:
        await receipts.read(session, wanted, scope=info.context.signed_in.scope)
    return link_to(info, "receipt", payment=wanted, paper=paper.value)


@query(COUNTERS, "Get a download link for an invoice as PDF.")
async def invoice_link(
    info: Info, invoice_id: Annotated[strawberry.ID, strawberry.argument(description="Id of the invoice.")]
) -> DownloadLink:
    wanted = ids.decode(invoice_id, Noun.INVOICE, field=("invoiceId",))
    async with info.context.parts.database.reading() as session:
        await receipts.read_invoice(session, wanted, scope=info.context.signed_in.scope)
    return link_to(info, "invoice", invoice=wanted)


@query(COUNTERS, "Get a download link for many invoices of a month in one PDF, without voided ones.")
async def invoices_link(
    info: Info,
    month: Annotated[MonthText, strawberry.argument(description="Month of the invoices.")],
    run_id: Annotated[
        strawberry.ID | None, strawberry.argument(description="Id of the generation run that issued them; null for all.")
    ] = None,
    counter_ids: Annotated[
        list[strawberry.ID] | None, strawberry.argument(description="Ids of the counters; null for all that the caller may see.")
    ] = None,
    unpaid_only: Annotated[bool, strawberry.argument(description="Whether paid invoices are left out.")] = False,  # noqa: FBT002 - GraphQL passes it by name
) -> DownloadLink:
    scope = info.context.signed_in.scope
    counters = ids.decode_all(counter_ids, Noun.COUNTER, field=("counterIds",))
    wanted = scope if counters is None else Scope(frozenset(counter for counter in counters if counter in scope))
    choice = Choice(
        month_in(month, field=("month",)),
        ids.decode_optional(run_id, Noun.RUN, field=("runId",)),
        unpaid_only,
    )
    async with info.context.parts.database.reading() as session:
        await receipts.expect_any(session, choice, scope=wanted)
    return link_to(
        info, "invoices", report=INVOICES_AS_PDF, format="PDF", month=str(choice.month), run=choice.run_id or 0,
        unpaid_only=int(unpaid_only), counters="" if counters is None else ",".join(map(str, wanted.ids or [])),
    )  # fmt: skip


@query(COUNTERS, "Get a download link for a deposit's proof.")
async def proof_link(
    info: Info, deposit_id: Annotated[strawberry.ID, strawberry.argument(description="Id of the deposit.")]
) -> DownloadLink:
    wanted = ids.decode(deposit_id, Noun.DEPOSIT, field=("depositId",))
    async with info.context.parts.database.reading() as session:
        if not await session.value(_PROOF, {"id": wanted, "scope": info.context.signed_in.scope.ids}):
            raise NotFound(field=("depositId",), noun=Noun.PROOF, given=deposit_id)
    return link_to(info, "proof", deposit=wanted)


@query(COUNTERS, "Get a download link for a month's report of the counters that the caller may see.")
async def report_link(
    info: Info,
    report: Annotated[Report, strawberry.argument(description="Report to export.")],
    month: Annotated[MonthText, strawberry.argument(description="Month of the report.")],
    format: Annotated[ReportFormat, strawberry.argument(description="File format.")] = ReportFormat.XLSX,
) -> DownloadLink:
    return link_to(info, "report", report=report.value, month=str(month_in(month, field=("month",))), format=format.value)


_SEEN: Final = text(
    "SELECT EXISTS (SELECT FROM customer WHERE id = :id AND (CAST(:scope AS bigint[]) IS NULL OR counter_id = ANY (:scope)))"
)


@output("Customer's own page, with what they owe and how to pay it.")
class CustomerPageLink:
    path: str = read("URL path on this server, valid without an end: send it only to the customer.", COUNTERS)


@query(COUNTERS, "Get the address of a customer's own page, for a message to them.")
async def customer_page_link(
    info: Info, customer_id: Annotated[strawberry.ID, strawberry.argument(description="Id of the customer.")]
) -> CustomerPageLink:
    wanted = ids.decode(customer_id, Noun.CUSTOMER, field=("customerId",))
    async with info.context.parts.database.reading() as session:
        if not await session.value(_SEEN, {"id": wanted, "scope": info.context.signed_in.scope.ids}):
            raise NotFound(field=("customerId",), noun=Noun.CUSTOMER, given=customer_id)
    return row(path=customer_links.path(wanted, key=info.context.parts.key))


QUERIES: Final = [receipt, receipt_link, invoice_link, invoices_link, proof_link, report_link, customer_page_link]
