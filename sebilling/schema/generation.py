"""Buat pembayaran in GraphQL: preview, run, progress."""

from enum import StrEnum
from typing import Annotated, Final

import strawberry

from sebilling.billing import generation as verbs
from sebilling.billing import generation_failures, idempotency, previews
from sebilling.billing.pricing import ALREADY_INVOICED, ISSUE, LineKind, SkipReason
from sebilling.billing.scope import narrowed
from sebilling.error_codes import ErrorCode
from sebilling.schema.engine import ids
from sebilling.schema.engine.access import OFFICE, READERS, mutation, query
from sebilling.schema.engine.connections import After, Connection, First
from sebilling.schema.engine.context import Info
from sebilling.schema.engine.payloads import INPUT, Payload, row
from sebilling.schema.engine.reading import Link, Node, Order, one, page
from sebilling.schema.engine.scalars import Day, Instant, MonthText, Rupiah, month_in
from sebilling.schema.enums import described
from sebilling.schema.periods import Period


@strawberry.type(description="Customers who got no invoice, for one reason.")
class Skipped:
    reason: SkipReason = strawberry.field(description="Why.")
    count: int = strawberry.field(description="How many.")


@strawberry.type(description="How far a run is.")
class Progress:
    done: int = strawberry.field(description="Customers accounted for.")
    total: int = strawberry.field(description="Customers in all.")


@strawberry.type(description="What generateInvoices would do now. Every customer is in one of the counts.")
class GenerationPreview:
    issued: int = strawberry.field(description="Invoices that would be issued.")
    already_invoiced: int = strawberry.field(description="Customers who have their invoice of the period.")
    skipped: list[Skipped] = strawberry.field(description="Customers who would get none, by reason.")
    total_amount: Rupiah = strawberry.field(description="Sum of the invoices that would be issued.")
    token: str = strawberry.field(description="Stands for these figures: with it generateInvoices refuses to issue anything else.")


class GenerationStatus(StrEnum):
    """Whether a run goes on."""

    RUNNING = "RUNNING"
    FAILING = "FAILING"
    FINISHED = "FINISHED"
    ABANDONED = "ABANDONED"


described(
    GenerationStatus,
    "Whether a run goes on.",
    RUNNING="Customers are still to be accounted for; it goes on by itself, after a crash too.",
    FAILING="The next customers could not be done; it is tried again at nextAttemptAt, until it succeeds or is abandoned.",
    FINISHED="Every customer is accounted for.",
    ABANDONED="Given up by a person: what it issued stays, the customers that it had not reached got nothing from it.",
)


@strawberry.type(description="One click on Generate. progress.total = issued + alreadyInvoiced + skipped, when it is finished.")
class GenerationRun:
    id: strawberry.ID = strawberry.field(description="Opaque id.")
    status: GenerationStatus = strawberry.field(description="Whether it goes on.")
    progress: Progress = strawberry.field(description="How far it is.")
    issued: int = strawberry.field(description="Invoices that this run issued.")
    already_invoiced: int = strawberry.field(description="Customers who had their invoice of the period before.")
    skipped: list[Skipped] = strawberry.field(description="Customers who got none, by reason.")
    total_amount: Rupiah = strawberry.field(description="Sum of the invoices that it issued.")
    started_at: Instant = strawberry.field(description="When.")
    finished_at: Instant | None = strawberry.field(description="Time at which the last customer was accounted for; null before.")
    error: ErrorCode | None = strawberry.field(description="Code of the last failure, while it is FAILING.")
    error_reference: str | None = strawberry.field(description="Reference of the last failure in the server's log, while it is FAILING.")
    attempts: int = strawberry.field(description="Failures in a row; 0 unless it is FAILING.")
    next_attempt_at: Instant | None = strawberry.field(description="Time of the next attempt, while it is FAILING.")
    abandoned_at: Instant | None = strawberry.field(description="Time at which it was abandoned, if it was.")
    abandon_reason: str | None = strawberry.field(description="Why it was abandoned, if it was.")
    period: Period = strawberry.field(description="RowScope invoices.")


def _sum(column: str) -> str:
    return f"(SELECT coalesce(sum({column}), 0)::bigint FROM generation_task WHERE run_id = {{t}}.id)"


RUN: Final = Node(
    "generation_run",
    {
        "id": ids.column("run", "{t}.id"),
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
Counters = Annotated[list[strawberry.ID] | None, strawberry.argument(description="At these counters; at all if left out.")]


@query(OFFICE, "What generateInvoices would do now; changes nothing.")
async def preview_generation(
    info: Info, month: Annotated[MonthText, strawberry.argument(description="Of which period.")], counter_ids: Counters = None
) -> GenerationPreview:
    wanted = ids.decode_all(counter_ids, "counter", field=("counterIds",))
    async with info.context.parts.database.reading() as session:
        month_asked, scope = month_in(month, field=("month",)), info.context.signed_in.scope
        found = await previews.preview(session, month_asked, at=info.context.at, counters=wanted, scope=scope)
    return row(
        issued=found.issued, already_invoiced=found.already_invoiced, total_amount=found.total_amount,
        skipped=[{"reason": reason, "count": count} for reason, count in found.skipped.items()],
        token=found.token(month_asked, narrowed(scope, wanted)),
    )  # fmt: skip


@query(READERS, "Runs, the newest first.")
async def generation_runs(info: Info, first: First = 50, after: After = None) -> Connection[GenerationRun]:
    return await page(info, RUN, first=first, after=after, order=_NEWEST)


@query(READERS, "One run, to follow its progress; null if there is none.")
async def generation_run(info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="Its id.")]) -> GenerationRun | None:
    return await one(info, RUN, "t.id = :id", {"id": ids.decode(id, "run", field=("id",))})


@strawberry.input(description="RowScope invoices to issue.")
class GenerateInvoicesInput:
    month: MonthText = strawberry.field(description="Of which period; it must be open.")
    idempotency_key: str = strawberry.field(description="8 to 100 characters, new for each click: the same key again starts no second run.")
    counter_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="For the customers of these counters; of all if left out."
    )
    preview_token: str | None = strawberry.field(
        default=None, description="The token of a preview of the same month and counters: PREVIEW_OUTDATED if it no longer holds."
    )


@strawberry.type(description="What came of generateInvoices.")
class GenerateInvoicesPayload(Payload):
    run: GenerationRun | None = strawberry.field(
        description=f"The run: up to {verbs.INLINE_MOST:,} customers finished, or FAILING; beyond that it runs on, follow generationRun."
    )
    replayed: bool = strawberry.field(description="The key had started this run before; no other was started.")


@mutation(OFFICE, "Issue the period's invoices. Whoever has one already gets no second, however often and from wherever it is called.")
async def generate_invoices(info: Info, input: Annotated[GenerateInvoicesInput, INPUT]) -> GenerateInvoicesPayload:
    context = info.context
    month, key = month_in(input.month, field=("input", "month")), idempotency.key(input.idempotency_key)
    wanted = ids.decode_all(input.counter_ids, "counter", field=("input", "counterIds"))
    async with context.transaction() as session:
        started = await verbs.start(session, month, counters=wanted, key=key, preview_token=input.preview_token)
    if started.total <= verbs.INLINE_MOST:
        await verbs.work(context.transaction, run_id=started.run_id, chunk=context.parts.settings.generate_chunk)
    else:
        context.parts.wake.set()
    found = await one(info, RUN, "t.id = :id", {"id": started.run_id}, below=("run",))
    return row(run=found, replayed=started.replayed)


@strawberry.type(description="A line of an invoice that would be issued.")
class PreviewLine:
    kind: LineKind = strawberry.field(description="What it bills.")
    description: str = strawberry.field(description="As it would be printed.")
    quantity: int = strawberry.field(description="How many.")
    unit_price: Rupiah = strawberry.field(description="For each.")
    amount: Rupiah = strawberry.field(description="quantity times unitPrice.")


@strawberry.type(description="The invoice that one customer would get now.")
class InvoicePreview:
    already_invoiced: bool = strawberry.field(description="They have their invoice of the period; there would be no other.")
    skipped: SkipReason | None = strawberry.field(description="Why they would get none, if so.")
    covers_from: Day | None = strawberry.field(description="The first day that it would bill.")
    covers_until: Day | None = strawberry.field(description="The first day that it would no longer bill.")
    due_on: Day | None = strawberry.field(description="Jatuh tempo.")
    total: Rupiah = strawberry.field(description="Sum of the lines.")
    lines: list[PreviewLine] = strawberry.field(description="By the same rule as generateInvoices.")


@query(OFFICE, "The invoice that one customer would get for a period now, line by line; changes nothing.")
async def preview_invoice(
    info: Info,
    month: Annotated[MonthText, strawberry.argument(description="Of which period.")],
    customer_id: Annotated[strawberry.ID, strawberry.argument(description="RowScope.")],
) -> InvoicePreview:
    wanted = ids.decode(customer_id, "customer", field=("customerId",))
    async with info.context.parts.database.reading() as session:
        month_asked, scope = month_in(month, field=("month",)), info.context.signed_in.scope
        found = await previews.preview_one(session, month_asked, wanted, at=info.context.at, scope=scope)
    issued, invoiced = found.verdict == ISSUE, found.verdict == ALREADY_INVOICED
    return row(
        already_invoiced=invoiced, skipped=None if issued or invoiced else found.verdict, total=found.total, lines=found.lines,
        covers_from=found.covers_from if issued else None, covers_until=found.covers_until if issued else None,
        due_on=found.due_on if issued else None,
    )  # fmt: skip


@strawberry.input(description="RowScope invoice to issue.")
class IssueInvoiceInput:
    month: MonthText = strawberry.field(description="Of which period; it must be open.")
    customer_id: strawberry.ID = strawberry.field(description="RowScope.")
    idempotency_key: str = strawberry.field(description="8 to 100 characters, new for each click.")


@mutation(OFFICE, "Issue one customer's invoice of a period, such as for someone installed today. A run over one customer.")
async def issue_invoice(info: Info, input: Annotated[IssueInvoiceInput, INPUT]) -> GenerateInvoicesPayload:
    context = info.context
    month, customer_id = (
        month_in(input.month, field=("input", "month")),
        ids.decode(input.customer_id, "customer", field=("input", "customerId")),
    )
    async with context.transaction() as session:
        started = await verbs.start(session, month, customer_id=customer_id, key=input.idempotency_key)
    await verbs.work(context.transaction, run_id=started.run_id, chunk=context.parts.settings.generate_chunk)
    found = await one(info, RUN, "t.id = :id", {"id": started.run_id}, below=("run",))
    return row(run=found, replayed=started.replayed)


@strawberry.input(description="Which run to abandon, and why.")
class AbandonGenerationInput:
    run_id: strawberry.ID = strawberry.field(description="The run; it must not have ended.")
    reason: str = strawberry.field(description="Why, for the history: 3 to 500 characters.")


@strawberry.type(description="Result of abandonGeneration.")
class AbandonGenerationPayload(Payload):
    run: GenerationRun | None = strawberry.field(description="The run as it ended.")


@mutation(OFFICE, "End a run that fails, or that was a mistake: what it issued stays, nobody else gets an invoice from it.")
async def abandon_generation(info: Info, input: Annotated[AbandonGenerationInput, INPUT]) -> AbandonGenerationPayload:
    run_id = ids.decode(input.run_id, "run", field=("input", "runId"))
    async with info.context.transaction() as session:
        await generation_failures.abandon(session, run_id, reason=input.reason)
    return row(run=await one(info, RUN, "t.id = :id", {"id": run_id}, below=("run",)))


QUERIES: Final = [preview_generation, preview_invoice, generation_runs, generation_run]
MUTATIONS: Final = [generate_invoices, issue_invoice, abandon_generation]
