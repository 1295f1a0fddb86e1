"""Generation of invoices (buat pembayaran) in GraphQL: preview, run, progress."""

from dataclasses import asdict
from enum import StrEnum
from typing import Annotated, Final

import strawberry

from sebilling.billing import generation as verbs
from sebilling.billing import generation_failures, idempotency, previews
from sebilling.billing.pricing import ALREADY_INVOICED, ISSUE, LineKind, SkipReason
from sebilling.billing.scope import narrowed
from sebilling.error_codes import ErrorCode
from sebilling.nouns import Noun
from sebilling.schema.context import Info
from sebilling.schema.customers import Customer
from sebilling.schema.engine.declarations import input_type, link, output, payload, read
from sebilling.schema.engine.pages import Order, Slice
from sebilling.schema.engine.reading import many, one, page
from sebilling.schema.enums import described
from sebilling.schema.periods import Period
from sebilling.schema.request.access import mutation, query
from sebilling.schema.request.roles import OFFICE, READERS
from sebilling.schema.scopes import CENTRAL
from sebilling.schema.values import ids
from sebilling.schema.values.connections import Connection
from sebilling.schema.values.payloads import INPUT, Payload, row
from sebilling.schema.values.scalars import Day, Instant, MonthText, Rupiah, month_in


@output("Customers without an invoice for one reason.")
class Skipped:
    reason: SkipReason = read("Reason for which the customers get no invoice.", READERS)
    count: int = read("Number of customers.", READERS)


@output("Customers whom a period leaves without an invoice for one reason.")
class SkippedCustomers:
    reason: SkipReason = read("Reason for which the customers get no invoice.", OFFICE)
    count: int = read("Number of customers.", OFFICE)
    customers: list[Customer] = read(f"The first of them by code, at most {previews.MAX_SKIPPED}.", OFFICE)


@output("Progress of a generation run.")
class Progress:
    done: int = read("Customers processed so far.", READERS)
    total: int = read("Customers in the run.", READERS)


@output("Preview of generateInvoices. Every customer is in exactly one of the counts.")
class GenerationPreview:
    issued: int = read("Number of invoices that would be issued.", OFFICE)
    already_invoiced: int = read("Number of customers who already have an invoice of the period.", OFFICE)
    skipped: list[Skipped] = read("Customers who would get no invoice, by reason.", OFFICE)
    total_amount: Rupiah = read("Sum of the invoices that would be issued.", OFFICE)
    token: str = read("Token of these figures: with it, generateInvoices fails if the figures have changed.", OFFICE)


class GenerationStatus(StrEnum):
    """Status of a generation run."""

    RUNNING = "RUNNING"
    FAILING = "FAILING"
    FINISHED = "FINISHED"
    ABANDONED = "ABANDONED"


described(
    GenerationStatus,
    "Status of a generation run.",
    RUNNING="Customers remain to be processed; the run continues by itself, also after a crash.",
    FAILING="The next customers could not be processed; retried at nextAttemptAt until it succeeds or the run is abandoned.",
    FINISHED="Every customer is processed.",
    ABANDONED="Ended by a user: the issued invoices stay, the remaining customers got none from this run.",
)


def _sum(column: str) -> str:
    return f"(SELECT coalesce(sum({column}), 0)::bigint FROM generation_task WHERE run_id = {{t}}.id)"


@output(
    "One call of generateInvoices. When it is finished, progress.total = issued + alreadyInvoiced + skipped.",
    "generation_run",
    scope=CENTRAL,
)
class GenerationRun:
    id: strawberry.ID = read("Opaque id.", READERS, sql=ids.column(Noun.RUN, "{t}.id"))
    status: GenerationStatus = read(
        "Status of the run.",
        READERS,
        sql="CASE WHEN {t}.abandoned_at IS NOT NULL THEN 'ABANDONED' WHEN {t}.finished_at IS NOT NULL THEN 'FINISHED'"
        " WHEN {t}.attempts > 0 THEN 'FAILING' ELSE 'RUNNING' END",
    )
    progress: Progress = read(
        "Progress of the run.",
        READERS,
        sql="(SELECT json_build_object('done', coalesce(sum(done), 0), 'total', coalesce(sum(total), 0))"
        " FROM generation_task WHERE run_id = {t}.id)",
    )
    issued: int = read("Number of invoices that this run issued.", READERS, sql=_sum("issued"))
    already_invoiced: int = read("Number of customers who already had an invoice of the period.", READERS, sql=_sum("already_invoiced"))
    skipped: list[Skipped] = read(
        "Customers who got no invoice, by reason.",
        READERS,
        sql="(SELECT coalesce(json_agg(json_build_object('reason', key, 'count', count) ORDER BY key), '[]') FROM ("
        "SELECT key, sum(value::bigint) AS count FROM generation_task, jsonb_each_text(skipped_by_reason)"
        " WHERE run_id = {t}.id GROUP BY key) reasons)",
    )
    skipped_count: int = read("Number of customers who got no invoice.", READERS, sql=_sum("skipped"))
    total_amount: Rupiah = read("Sum of the invoices that this run issued.", READERS, sql=_sum("total_amount"))
    started_at: Instant = read("Time at which the run started.", READERS)
    finished_at: Instant | None = read(
        "Time at which the last customer was processed; null until then.",
        READERS,
        sql="CASE WHEN {t}.abandoned_at IS NULL THEN {t}.finished_at END",
    )
    error: ErrorCode | None = read(
        "Code of the last failure, while it is FAILING.", READERS, sql="CASE WHEN {t}.finished_at IS NULL THEN {t}.error END"
    )
    error_reference: str | None = read(
        "Reference of the last failure in the server's log, while it is FAILING.",
        READERS,
        sql="CASE WHEN {t}.finished_at IS NULL THEN {t}.error_reference END",
    )
    attempts: int = read(
        "Number of consecutive failures; 0 unless it is FAILING.",
        READERS,
        sql="CASE WHEN {t}.finished_at IS NULL THEN {t}.attempts ELSE 0 END",
    )
    next_attempt_at: Instant | None = read(
        "Time of the next attempt, while it is FAILING.",
        READERS,
        sql="CASE WHEN {t}.finished_at IS NULL AND {t}.attempts > 0 THEN {t}.next_at END",
    )
    abandoned_at: Instant | None = read("Time at which the run was abandoned; null if it was not.", READERS)
    abandon_reason: str | None = read("Reason for which the run was abandoned; null if it was not.", READERS)
    period: Period = link("Period of the invoices.", READERS, "period", "{n}.id = {t}.period_id")


_NEWEST: Final = Order("newest", "{t}.id", "bigint", descending=True)
Counters = Annotated[list[strawberry.ID] | None, strawberry.argument(description="Ids of the counters; all counters if left out.")]


@query(OFFICE, "Preview generateInvoices without changing anything.")
async def preview_generation(
    info: Info, month: Annotated[MonthText, strawberry.argument(description="Month of the period.")], counter_ids: Counters = None
) -> GenerationPreview:
    wanted = ids.decode_all(counter_ids, Noun.COUNTER, field=("counterIds",))
    async with info.context.parts.database.reading() as session:
        month_asked, scope = month_in(month, field=("month",)), info.context.signed_in.scope
        preview = await previews.preview(session, month_asked, at=info.context.at, counters=wanted, scope=scope)
    return row(
        issued=preview.issued, already_invoiced=preview.already_invoiced, total_amount=preview.total_amount,
        skipped=[{"reason": reason, "count": count} for reason, count in preview.skipped.items()],
        token=preview.token(month_asked, narrowed(scope, wanted)),
    )  # fmt: skip


@query(OFFICE, "List by reason who has no invoice of a period and would get none from generateInvoices, as things are now.")
async def skipped_customers(
    info: Info, month: Annotated[MonthText, strawberry.argument(description="Month of the period.")], counter_ids: Counters = None
) -> list[SkippedCustomers]:
    wanted = ids.decode_all(counter_ids, Noun.COUNTER, field=("counterIds",))
    async with info.context.parts.database.reading() as session:
        month_asked, scope = month_in(month, field=("month",)), info.context.signed_in.scope
        skipped = await previews.skipped(session, month_asked, at=info.context.at, counters=wanted, scope=scope)
    shown = await many(info, Customer, [number for part in skipped for number in part.customer_ids], below=("customers",))
    return [
        row(reason=part.reason.value, count=part.count, customers=[shown[number] for number in part.customer_ids if number in shown])
        for part in skipped
    ]


@query(READERS, "List the generation runs, newest first.")
async def generation_runs(info: Info, part: Slice) -> Connection[GenerationRun]:
    return await page(info, GenerationRun, part, order=_NEWEST)


@query(READERS, "Get one generation run, to follow its progress; null if there is none.")
async def generation_run(
    info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="Id of the run.")]
) -> GenerationRun | None:
    return await one(info, GenerationRun, "t.id = :id", {"id": ids.decode(id, Noun.RUN, field=("id",))})


@input_type("Input of generateInvoices.")
class GenerateInvoicesInput:
    month: MonthText = strawberry.field(description="Month of the period, which must be open.")
    idempotency_key: str = strawberry.field(
        description="Idempotency key, 8 to 100 characters, new for each click: repeating the key starts no second run."
    )
    counter_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Ids of the counters whose customers to invoice; all counters if left out."
    )
    preview_token: str | None = strawberry.field(
        default=None,
        description="Token of a preview of the same month and counters; fails with PREVIEW_OUTDATED if its figures have changed.",
    )


@payload("Result of generateInvoices or issueInvoice.")
class GenerateInvoicesPayload(Payload):
    run: GenerationRun | None = strawberry.field(
        description=f"The run: with up to {verbs.MAX_INLINE:,} customers finished or FAILING, else still running: poll generationRun."
    )
    replayed: bool = strawberry.field(description="Whether the key had started this run before, so that no new run was started.")


@mutation(OFFICE, "Issue the invoices of a period. A customer who already has one gets no second, however often this is called.")
async def generate_invoices(info: Info, input: Annotated[GenerateInvoicesInput, INPUT]) -> GenerateInvoicesPayload:
    context = info.context
    month, key = month_in(input.month, field=("input", "month")), idempotency.key(input.idempotency_key)
    wanted = ids.decode_all(input.counter_ids, Noun.COUNTER, field=("input", "counterIds"))
    async with context.transaction() as session:
        started = await verbs.start(session, month, counters=wanted, key=key, preview_token=input.preview_token)
    if started.total <= verbs.MAX_INLINE:
        await verbs.work(context.transaction, run_id=started.run_id, chunk=context.parts.settings.generate_chunk)
    else:
        context.parts.wake.set()
    run = await one(info, GenerationRun, "t.id = :id", {"id": started.run_id}, below=("run",))
    return row(run=run, replayed=started.replayed)


@output("Line of an invoice preview.")
class PreviewLine:
    kind: LineKind = read("Kind of the line.", OFFICE)
    description: str = read("Description, as it would be printed.", OFFICE)
    quantity: int = read("Quantity.", OFFICE)
    unit_price: Rupiah = read("Price per unit.", OFFICE)
    amount: Rupiah = read("Amount: quantity times unitPrice.", OFFICE)


@output("Preview of one customer's invoice.")
class InvoicePreview:
    already_invoiced: bool = read("Whether the customer already has an invoice of the period and would get no other.", OFFICE)
    skipped: SkipReason | None = read("Reason for which the customer would get no invoice; null if they would get one.", OFFICE)
    covers_from: Day | None = read("First day of service on the invoice.", OFFICE)
    covers_until: Day | None = read("First day after the service on the invoice.", OFFICE)
    due_on: Day | None = read("Due date (jatuh tempo).", OFFICE)
    total: Rupiah = read("Sum of the lines.", OFFICE)
    lines: list[PreviewLine] = read("Lines of the invoice, by the same rules as generateInvoices.", OFFICE)


@query(OFFICE, "Preview one customer's invoice of a period, line by line, without changing anything.")
async def preview_invoice(
    info: Info,
    month: Annotated[MonthText, strawberry.argument(description="Month of the period.")],
    customer_id: Annotated[strawberry.ID, strawberry.argument(description="Id of the customer.")],
) -> InvoicePreview:
    wanted = ids.decode(customer_id, Noun.CUSTOMER, field=("customerId",))
    async with info.context.parts.database.reading() as session:
        month_asked, scope = month_in(month, field=("month",)), info.context.signed_in.scope
        preview = await previews.preview_one(session, month_asked, wanted, at=info.context.at, scope=scope)
    issued, invoiced = preview.verdict == ISSUE, preview.verdict == ALREADY_INVOICED
    return row(
        already_invoiced=invoiced, skipped=None if issued or invoiced else preview.verdict, total=preview.total,
        lines=[asdict(line) for line in preview.lines],
        covers_from=preview.covers_from if issued else None, covers_until=preview.covers_until if issued else None,
        due_on=preview.due_on if issued else None,
    )  # fmt: skip


@input_type("Input of issueInvoice.")
class IssueInvoiceInput:
    month: MonthText = strawberry.field(description="Month of the period, which must be open.")
    customer_id: strawberry.ID = strawberry.field(description="Id of the customer.")
    idempotency_key: str = strawberry.field(description="Idempotency key, 8 to 100 characters, new for each click.")


@mutation(OFFICE, "Issue one customer's invoice of a period, for example for someone installed today. Starts a run with one customer.")
async def issue_invoice(info: Info, input: Annotated[IssueInvoiceInput, INPUT]) -> GenerateInvoicesPayload:
    context = info.context
    month, customer_id = (
        month_in(input.month, field=("input", "month")),
        ids.decode(input.customer_id, Noun.CUSTOMER, field=("input", "customerId")),
    )
    async with context.transaction() as session:
        started = await verbs.start(session, month, customer_id=customer_id, key=input.idempotency_key)
    await verbs.work(context.transaction, run_id=started.run_id, chunk=context.parts.settings.generate_chunk)
    run = await one(info, GenerationRun, "t.id = :id", {"id": started.run_id}, below=("run",))
    return row(run=run, replayed=started.replayed)


@input_type("Input of abandonGeneration.")
class AbandonGenerationInput:
    run_id: strawberry.ID = strawberry.field(description="Id of the run, which must not have ended.")
    reason: str = strawberry.field(description="Reason, for the history: 3 to 500 characters.")


@payload("Result of abandonGeneration.")
class AbandonGenerationPayload(Payload):
    run: GenerationRun | None = strawberry.field(description="The run after it has ended.")


@mutation(OFFICE, "End a run that fails or was started by mistake. Its issued invoices stay; the remaining customers get none from it.")
async def abandon_generation(info: Info, input: Annotated[AbandonGenerationInput, INPUT]) -> AbandonGenerationPayload:
    run_id = ids.decode(input.run_id, Noun.RUN, field=("input", "runId"))
    async with info.context.transaction() as session:
        await generation_failures.abandon(session, run_id, reason=input.reason)
    return row(run=await one(info, GenerationRun, "t.id = :id", {"id": run_id}, below=("run",)))


QUERIES: Final = [preview_generation, skipped_customers, preview_invoice, generation_runs, generation_run]
MUTATIONS: Final = [generate_invoices, issue_invoice, abandon_generation]
