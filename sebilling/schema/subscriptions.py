"""Subscriptions in GraphQL: what happens, as it happens. sebilling/live carries them; docs/realtime.md tells clients how.

Each function gives the messages of one turn. What an event is about is read by one statement for the whole turn, bounded by the
caller's counters as every read; what they may not see makes no message.
"""

from datetime import timedelta
from typing import Annotated, Any, Final

import strawberry
from sqlalchemy import text

from sebilling.billing import recap as recaps
from sebilling.feed import Numbered
from sebilling.schema.deposits import DEPOSIT, Deposit
from sebilling.schema.devices import ACCESS, ServiceAccess
from sebilling.schema.engine import ids
from sebilling.schema.engine.access import COUNTERS, EVERYONE, READERS, subscription
from sebilling.schema.engine.context import Info
from sebilling.schema.engine.feed_subscription import Look, Resume, of_kinds, told, told_of_state
from sebilling.schema.engine.payloads import row
from sebilling.schema.engine.reading import Node, many
from sebilling.schema.engine.scalars import Instant, MonthText, month_in
from sebilling.schema.events import EVENT, Event
from sebilling.schema.generation import RUN, GenerationRun
from sebilling.schema.payments import PAYMENT, Payment
from sebilling.schema.recap import Recap, rows_of

TWICE_A_SECOND: Final = timedelta(milliseconds=500)
_PAYMENTS: Final = frozenset({"payment.recorded"})
_DEPOSITS: Final = frozenset(
    {
        "deposit.submitted", "deposit.verified", "deposit.rejected", "deposit.corrected", "deposit.surplus_settled",
        "deposit.shortage_settled", "deposit.settlement_reversed",
    }
)  # fmt: skip
_ISOLATION: Final = frozenset(
    {"isolation.block_wanted", "isolation.restore_wanted", "customer.blocked", "customer.restored", "isolation.failed"}
)
_RUNS: Final = frozenset({"generation.started", "invoices.issued", "generation.finished", "generation.failed", "generation.abandoned"})
_MONEY: Final = _DEPOSITS | frozenset(
    {
        "payment.recorded", "payment.reversed", "credit.applied", "credit.refunded", "credit.refund_reversed", "invoices.issued",
        "invoice.voided", "invoice.written_off", "invoice.write_off_reversed", "invoice.late_fee_cancelled", "period.closed",
        "period.reopened", "counter.created", "counter.changed",
    }
)  # fmt: skip
"""Whatever changes a figure of a recap; a test pays, reverses, voids and deposits at random and compares."""

_FINISHED: Final = text("SELECT finished_at IS NOT NULL FROM generation_run WHERE id = :run")
CounterId = Annotated[strawberry.ID | None, strawberry.argument(description="At this counter alone.")]


@strawberry.type(description="Where a message stands.")
class Message:
    cursor: str = strawberry.field(description="Its place in the feed: `after` to go on behind it.")


@strawberry.type(description="A message about something that happened.")
class Happened(Message):
    event_id: strawberry.ID = strawberry.field(description="The event's id: the same event has the same, in whichever message.")
    at: Instant = strawberry.field(description="When it happened.")
    kind: str = strawberry.field(description="What, such as payment.recorded.")


@strawberry.type(description="A message about how something stands.")
class Stands(Message):
    event_id: strawberry.ID | None = strawberry.field(
        description="The last event of the caller's counters behind it; null if there is none, as in the first message."
    )


@strawberry.type(description="Money has come in.")
class PaymentMessage(Happened):
    payment: Payment = strawberry.field(description="The payment.")


@strawberry.type(description="How a month stands.")
class RecapMessage(Stands):
    recaps: list[Recap] = strawberry.field(description="Of every counter that was asked for, by code.")


@strawberry.type(description="How far a run is.")
class GenerationMessage(Stands):
    run: GenerationRun = strawberry.field(description="The run.")


@strawberry.type(
    description="A deposit was submitted, verified, rejected or corrected, its surplus or shortage was settled,"
    " or such a settlement was reversed."
)
class DepositMessage(Happened):
    deposit: Deposit = strawberry.field(description="As it is now.")


@strawberry.type(description="A customer is to be cut or given back, or it was done, or it failed.")
class IsolationMessage(Happened):
    access: ServiceAccess = strawberry.field(description="As it is now.")


@strawberry.type(description="Something has happened.")
class EventMessage(Message):
    event_id: strawberry.ID = strawberry.field(description="The event's id.")
    event: Event = strawberry.field(description="What.")


async def _messages(info: Info, node: Node, events: list[Numbered], name: str) -> list[Any]:
    """A message for each event, with the row that it is about; none where the caller may not see the row."""
    if not events:
        return []
    rows = await many(info, node, [event.subject_id for event in events], below=(name,))
    return [row(**told(event), **{name: rows[event.subject_id]}) for event in events if event.subject_id in rows]


def _look(info: Info) -> Look:
    look = info.context.look
    if look is None:
        raise LookupError("a subscription is executed by sebilling/live, turn by turn")
    return look


@subscription(COUNTERS, "Each payment, as it is recorded, at the counters that the caller may see.")
async def payment_recorded(info: Info, counter_id: CounterId = None, after: Resume = None) -> list[PaymentMessage]:  # noqa: ARG001 - see access.py
    counter = ids.decode_optional(counter_id, "counter", field=("counterId",))
    events = _look(info).chosen(of_kinds(_PAYMENTS, counter_id=counter))
    return await _messages(info, PAYMENT, events, "payment")


@subscription(COUNTERS, "Each step of a deposit, at the counters that the caller may see.")
async def deposit_changed(info: Info, counter_id: CounterId = None, after: Resume = None) -> list[DepositMessage]:  # noqa: ARG001 - see access.py
    counter = ids.decode_optional(counter_id, "counter", field=("counterId",))
    events = _look(info).chosen(of_kinds(_DEPOSITS, counter_id=counter))
    return await _messages(info, DEPOSIT, events, "deposit")


@subscription(EVERYONE, "Each step of cutting customers and giving them back, at the counters that the caller may see.")
async def isolation_changed(info: Info, counter_id: CounterId = None, after: Resume = None) -> list[IsolationMessage]:  # noqa: ARG001 - see access.py
    counter = ids.decode_optional(counter_id, "counter", field=("counterId",))
    events = _look(info).chosen(of_kinds(_ISOLATION, counter_id=counter))
    return await _messages(info, ACCESS, events, "access")


@subscription(READERS, "Whatever happens, in the order of the feed.")
async def events(
    info: Info,
    after: Resume = None,  # noqa: ARG001 - see access.py
    kinds: Annotated[list[str] | None, strawberry.argument(description="Only these, such as payment.recorded.")] = None,
) -> list[EventMessage]:
    wanted = None if kinds is None else frozenset(kinds)
    found = _look(info).chosen(lambda event: wanted is None or event.kind in wanted)
    rows = await many(info, EVENT, [event.id for event in found], below=("event",)) if found else {}
    return [row(**told(event), event=rows[event.id]) for event in found if event.id in rows]


@subscription(
    COUNTERS, "The recaps of a month: first as they are, then whenever they have changed, at most twice a second.", every=TWICE_A_SECOND
)
async def recap_changed(
    info: Info,
    month: Annotated[MonthText, strawberry.argument(description="Of which period; it must have been opened.")],
    counter_id: CounterId = None,
    after: Resume = None,  # noqa: ARG001 - see access.py
) -> list[RecapMessage]:
    look, counter = _look(info), ids.decode_optional(counter_id, "counter", field=("counterId",))
    # Money taken at one counter settles another's invoices: an event says no more than that figures may have changed.
    changed = look.chosen(of_kinds(_MONEY))
    scope = info.context.signed_in.scope
    async with info.context.parts.database.reading() as session:
        found = await recaps.read(session, month_in(month, field=("month",)), scope=scope, counter_id=counter)
    look.state = found
    if not (changed or look.greets):
        return []
    own = [event for event in changed if scope.counters is None or event.counter_id in scope.counters]
    return [row(**told_of_state(look, own), recaps=rows_of(found))]


@subscription(READERS, "How far a generation run is: first as it is, then as it goes on. Ends when the run has.", every=TWICE_A_SECOND)
async def generation_progress(
    info: Info,
    run_id: Annotated[strawberry.ID, strawberry.argument(description="Which run.")],
    after: Resume = None,  # noqa: ARG001 - see access.py
) -> list[GenerationMessage]:
    look, run = _look(info), ids.decode(run_id, "run", field=("runId",))
    changed = look.chosen(of_kinds(_RUNS, subject_id=run))
    if not changed and not look.greets:
        return []
    rows = await many(info, RUN, [run], below=("run",))
    look.ends = run not in rows or any(event.kind == "generation.finished" for event in changed) or await _is_finished(info, run)
    return [row(**told_of_state(look, changed), run=rows[run])] if run in rows else []


async def _is_finished(info: Info, run_id: int) -> bool:
    async with info.context.parts.database.reading() as session:
        return bool(await session.value(_FINISHED, {"run": run_id}))


SUBSCRIPTIONS: Final = [payment_recorded, recap_changed, generation_progress, deposit_changed, isolation_changed, events]
