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
from sebilling.schema.engine import ids
from sebilling.schema.engine.access import OFFICE, READERS, mutation, query
from sebilling.schema.engine.connections import After, Connection, First
from sebilling.schema.engine.context import Info
from sebilling.schema.engine.payloads import INPUT, Payload, row
from sebilling.schema.engine.reading import Link, Node, Order, one, page
from sebilling.schema.engine.scalars import Day, Instant, MonthText, Rupiah, month_in
from sebilling.schema.enums import described
from sebilling.schema.periods import Period


@strawberry.type(description="Customers without an invoice for one reason.")
class Skipped:
    reason: SkipReason = strawberry.field(description="Reason for which the customers get no invoice.")
    count: int = strawberry.field(description="Number of customers.")


@strawberry.type(description="Progress of a generation run.")
class Progress:
    done: int = strawberry.field(description="Customers processed so far.")
    total: int = strawberry.field(description="Customers in the run.")


@strawberry.type(description="Preview of generateInvoices. Every customer is in exactly one of the counts.")
class GenerationPreview:
    issued: int = strawberry.field(description="Number of invoices that would be issued.")
    already_invoiced: int = strawberry.field(description="Number of customers who already have an invoice of the period.")
    skipped: list[Skipped] = strawberry.field(description="Customers who would get no invoice, by reason.")
    total_amount: Rupiah = strawberry.field(description="Sum of the invoices that would be issued.")
    token: str = strawberry.field(description="Token of these figures: with it, generateInvoices fails if the figures have changed.")


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


@strawberry.type(description="One call of generateInvoices. When it is finished, progress.total = issued + alreadyInvoiced + skipped.")
class GenerationRun:
    id: strawberry.ID = strawberry.field(description="Opaque id.")
    status: GenerationStatus = strawberry.field(description="Status of the run.")
    progress: Progress = strawberry.field(description="Progress of the run.")
    issued: int = strawberry.field(description="Number of invoices that this run issued.")
    already_invoiced: int = strawberry.field(description="Number of customers who already had an invoice of the period.")
    skipped: list[Skipped] = strawberry.field(description="Customers who got no invoice, by reason.")
    total_amount: Rupiah = strawberry.field(description="Sum of the invoices that this run issued.")
    started_at: Instant = strawberry.field(description="Time at which the run started.")
    finished_at: Instant | None = strawberry.field(description="Time at which the last customer was processed; null until then.")
    error: ErrorCode | None = strawberry.field(description="Code of the last failure, while it is FAILING.")
    error_reference: str | None = strawberry.field(description="Reference of the last failure in the server's log, while it is FAILING.")
    attempts: int = strawberry.field(description="Number of consecutive failures; 0 unless it is FAILING.")
    next_attempt_at: Instant | None = strawberry.field(description="Time of the next attempt, while it is FAILING.")
    abandoned_at: Instant | None = strawberry.field(description="Time at which the run was abandoned; null if it was not.")
    abandon_reason: str | None = strawberry.field(description="Reason for which the run was abandoned; null if it was not.")
    period: Period = strawberry.field(description="Period of the invoices.")


def _sum(column: str) -> str:
    return f"(SELECT coalesce(sum({column}), 0)::bigint FROM generation_task WHERE run_id = {{t}}.id)"


RUN: Final = Node(
    "generation_run",
    {
        "id": ids.column(Noun.RUN, "{t}.id"),
        "status": "CASE WHEN {t}.abandoned_at IS NOT NULL THEN 'ABANDONED' WHEN {t}.finished_at IS NOT NULL THEN 'FINISHED'"
        " WHEN {t}.attempts > 0 THEN 'FAILING' ELSE 'RUNNING' END",
        "progress": "(SELECT json_build_object('done', coalesce(sum(done), 0), 'total', coalesce(sum(total), 0))"
        " FROM generation_task WHERE run_id = {t}.id)",
        "issued": _sum("issued"),
        "already_invoiced": _sum("already_invoiced"),
        "skipped": "(SELECT coalesce(json_agg(json_build_object('reason', key, 'count', count) ORDER BY key), '[]') FROM ("
        "SELECT key, sum(value::bigint) AS count FROM generation_task, jsonb_each_text(skipped_by_reason)"
        " WHERE run_id = {t}.id GROUP BY key) reasons)",
        "total_amount": _sum("total_amount"),
        "started_at": "{t}.started_at",
        "finished_at": "CASE WHEN {t}.abandoned_at IS NULL THEN {t}.finished_at END",
        **{name: f"CASE WHEN {{t}}.finished_at IS NULL THEN {{t}}.{name} END" for name in ("error", "error_reference")},
        "attempts": "CASE WHEN {t}.finished_at IS NULL THEN {t}.attempts ELSE 0 END",
        "next_attempt_at": "CASE WHEN {t}.finished_at IS NULL AND {t}.attempts > 0 THEN {t}.next_at END",
        "abandoned_at": "{t}.abandoned_at",
        "abandon_reason": "{t}.abandon_reason",
    },
    {"period": Link("period", "{n}.id = {t}.period_id")},
)
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


@query(READERS, "List the generation runs, newest first.")
async def generation_runs(info: Info, first: First = 50, after: After = None) -> Connection[GenerationRun]:
    return await page(info, RUN, first=first, after=after, order=_NEWEST)


@query(READERS, "Get one generation run, to follow its progress; null if there is none.")
async def generation_run(
    info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="Id of the run.")]
) -> GenerationRun | None:
    return await one(info, RUN, "t.id = :id", {"id": ids.decode(id, Noun.RUN, field=("id",))})


@strawberry.input(description="Input of generateInvoices.")
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


@strawberry.type(description="Result of generateInvoices or issueInvoice.")
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
    run = await one(info, RUN, "t.id = :id", {"id": started.run_id}, below=("run",))
    return row(run=run, replayed=started.replayed)


@strawberry.type(description="Line of an invoice preview.")
class PreviewLine:
    kind: LineKind = strawberry.field(description="Kind of the line.")
    description: str = strawberry.field(description="Description, as it would be printed.")
    quantity: int = strawberry.field(description="Quantity.")
    unit_price: Rupiah = strawberry.field(description="Price per unit.")
    amount: Rupiah = strawberry.field(description="Amount: quantity times unitPrice.")


@strawberry.type(description="Preview of one customer's invoice.")
class InvoicePreview:
    already_invoiced: bool = strawberry.field(
        description="Whether the customer already has an invoice of the period and would get no other."
    )
    skipped: SkipReason | None = strawberry.field(
        description="Reason for which the customer would get no invoice; null if they would get one."
    )
    covers_from: Day | None = strawberry.field(description="First day of service on the invoice.")
    covers_until: Day | None = strawberry.field(description="First day after the service on the invoice.")
    due_on: Day | None = strawberry.field(description="Due date (jatuh tempo).")
    total: Rupiah = strawberry.field(description="Sum of the lines.")
    lines: list[PreviewLine] = strawberry.field(description="Lines of the invoice, by the same rules as generateInvoices.")


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


@strawberry.input(description="Input of issueInvoice.")
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
    run = await one(info, RUN, "t.id = :id", {"id": started.run_id}, below=("run",))
    return row(run=run, replayed=started.replayed)


@strawberry.input(description="Input of abandonGeneration.")
class AbandonGenerationInput:
    run_id: strawberry.ID = strawberry.field(description="Id of the run, which must not have ended.")
    reason: str = strawberry.field(description="Reason, for the history: 3 to 500 characters.")


@strawberry.type(description="Result of abandonGeneration.")
class AbandonGenerationPayload(Payload):
    run: GenerationRun | None = strawberry.field(description="The run after it has ended.")


@mutation(OFFICE, "End a run that fails or was started by mistake. Its issued invoices stay; the remaining customers get none from it.")
async def abandon_generation(info: Info, input: Annotated[AbandonGenerationInput, INPUT]) -> AbandonGenerationPayload:
    run_id = ids.decode(input.run_id, Noun.RUN, field=("input", "runId"))
    async with info.context.transaction() as session:
        await generation_failures.abandon(session, run_id, reason=input.reason)
    return row(run=await one(info, RUN, "t.id = :id", {"id": run_id}, below=("run",)))


QUERIES: Final = [preview_generation, preview_invoice, generation_runs, generation_run]
MUTATIONS: Final = [generate_invoices, issue_invoice, abandon_generation]
