"""Subscriptions in GraphQL. sebilling/live delivers them; docs/realtime.md explains them to clients.

Each function returns the messages of one iteration. One statement reads the rows of all its events, limited to the counters that
the caller may see like every read; an event whose row the caller may not see makes no message.
"""

from datetime import timedelta
from typing import Annotated, Any, Final

import strawberry
from sqlalchemy import text

from sebilling.billing import recap as recaps
from sebilling.events import Topic
from sebilling.events.invoices import GenerationFinished
from sebilling.feed import Numbered
from sebilling.nouns import Noun
from sebilling.schema.context import Info
from sebilling.schema.deposits import Deposit
from sebilling.schema.engine.declarations import output, read
from sebilling.schema.engine.objects import selection
from sebilling.schema.engine.reading import many
from sebilling.schema.events import Event, say_in_language
from sebilling.schema.feed_subscription import Look, Resume, of_topic, told, told_of_state
from sebilling.schema.generation import GenerationRun
from sebilling.schema.payments import Payment
from sebilling.schema.recap import Recap, rows_of
from sebilling.schema.request.access import subscription
from sebilling.schema.request.roles import COUNTERS, EVERYONE, READERS
from sebilling.schema.service_accesses import ServiceAccess
from sebilling.schema.values import ids
from sebilling.schema.values.payloads import row
from sebilling.schema.values.scalars import Instant, MonthText, month_in

TWICE_A_SECOND: Final = timedelta(milliseconds=500)
_FINISHED: Final = text("SELECT finished_at IS NOT NULL FROM generation_run WHERE id = :run")
CounterId = Annotated[
    strawberry.ID | None, strawberry.argument(description="Id of the counter; all counters that the caller may see if left out.")
]


@output("Message of a subscription.")
class Message:
    cursor: str = read("Position in the feed; send it as `after` to continue after this message.", EVERYONE)


@output("Message about an event.")
class Happened(Message):
    event_id: strawberry.ID = read("Id of the event, the same in every message about it.", EVERYONE)
    at: Instant = read("Time at which the event happened.", EVERYONE)
    kind: str = read("Kind of the event, such as payment.recorded.", EVERYONE)


@output("Message about a state.")
class Stands(Message):
    event_id: strawberry.ID | None = read(
        "Id of the last event of the caller's counters that led to this state; null if there is none, as in the first message.", EVERYONE
    )


@output("Message about a recorded payment.")
class PaymentMessage(Happened):
    payment: Payment = read("Recorded payment.", COUNTERS)


@output("Message about the recaps of a month.")
class RecapMessage(Stands):
    recaps: list[Recap] = read("Recaps of the requested counters, by code.", COUNTERS)


@output("Message about the progress of a generation run.")
class GenerationMessage(Stands):
    run: GenerationRun = read("Generation run in its current state.", READERS)


@output(
    "Message about a deposit that was submitted, verified, rejected or corrected, or whose surplus or shortage was settled,"
    " or a settlement of which was reversed."
)
class DepositMessage(Happened):
    deposit: Deposit = read("Deposit in its current state.", COUNTERS)


@output("Message about a customer who is to be blocked or restored, has been, or could not be.")
class IsolationMessage(Happened):
    access: ServiceAccess = read("Service access in its current state.", EVERYONE)


@output("Message with an event.")
class EventMessage(Message):
    event_id: strawberry.ID = read("Id of the event.", READERS)
    event: Event = read("The event.", READERS)


async def _messages(info: Info, kind: type, events: list[Numbered], name: str) -> list[Any]:
    """One message for each event, with its row; none for a row that the caller may not see."""
    if not events:
        return []
    rows = await many(info, kind, [event.subject_id for event in events], below=(name,))
    return [row(**told(event), **{name: rows[event.subject_id]}) for event in events if event.subject_id in rows]


def _look(info: Info) -> Look:
    look = info.context.look
    if look is None:
        raise LookupError("subscriptions are executed by sebilling/live only")
    return look


@subscription(COUNTERS, "Follow payments as they are recorded, at the counters that the caller may see.")
async def payment_recorded(info: Info, counter_id: CounterId = None, after: Resume = None) -> list[PaymentMessage]:  # noqa: ARG001 - see access.py
    counter = ids.decode_optional(counter_id, Noun.COUNTER, field=("counterId",))
    events = _look(info).chosen(of_topic(Topic.PAYMENTS, counter_id=counter))
    return await _messages(info, Payment, events, "payment")


@subscription(COUNTERS, "Follow the changes of deposits at the counters that the caller may see.")
async def deposit_changed(info: Info, counter_id: CounterId = None, after: Resume = None) -> list[DepositMessage]:  # noqa: ARG001 - see access.py
    counter = ids.decode_optional(counter_id, Noun.COUNTER, field=("counterId",))
    events = _look(info).chosen(of_topic(Topic.DEPOSITS, counter_id=counter))
    return await _messages(info, Deposit, events, "deposit")


@subscription(EVERYONE, "Follow the blocking and restoring of customers, at the counters that the caller may see.")
async def isolation_changed(info: Info, counter_id: CounterId = None, after: Resume = None) -> list[IsolationMessage]:  # noqa: ARG001 - see access.py
    counter = ids.decode_optional(counter_id, Noun.COUNTER, field=("counterId",))
    events = _look(info).chosen(of_topic(Topic.ISOLATION, counter_id=counter))
    return await _messages(info, ServiceAccess, events, "access")


@subscription(READERS, "Follow all events, in the order of the feed.")
async def events(
    info: Info,
    after: Resume = None,  # noqa: ARG001 - see access.py
    kinds: Annotated[
        list[str] | None, strawberry.argument(description="Kinds of events to include, such as payment.recorded; all if left out.")
    ] = None,
) -> list[EventMessage]:
    wanted = None if kinds is None else frozenset(kinds)
    selected = _look(info).chosen(lambda event: wanted is None or event.kind in wanted)
    rows = await many(info, Event, [event.id for event in selected], below=("event",), as_rows=True) if selected else {}
    say_in_language(rows.values(), info.context.language)
    return [row(**told(event), event=rows[event.id]) for event in selected if event.id in rows]


@subscription(
    COUNTERS, "Follow the recaps of a month: first as they are, then after changes, at most twice a second.", every=TWICE_A_SECOND
)
async def recap_changed(
    info: Info,
    month: Annotated[MonthText, strawberry.argument(description="Month of the period, which must have been opened.")],
    counter_id: CounterId = None,
    after: Resume = None,  # noqa: ARG001 - see access.py
) -> list[RecapMessage]:
    look, counter = _look(info), ids.decode_optional(counter_id, Noun.COUNTER, field=("counterId",))
    # A payment at one counter can pay another's invoices: an event only means that figures may have changed.
    changed = look.chosen(of_topic(Topic.RECAP))
    scope = info.context.signed_in.scope
    async with info.context.parts.database.reading() as session:
        is_missed = "not_invoiced" in selection(info, "recaps")
        current = await recaps.read(session, month_in(month, field=("month",)), scope=scope, counter_id=counter, with_missed=is_missed)
    look.state = current
    if not (changed or look.greets):
        return []
    own = [event for event in changed if scope.counters is None or event.counter_id in scope.counters]
    return [row(**told_of_state(look, own), recaps=rows_of(current))]


@subscription(READERS, "Follow a generation run: first its state, then its progress. Ends when the run has ended.", every=TWICE_A_SECOND)
async def generation_progress(
    info: Info,
    run_id: Annotated[strawberry.ID, strawberry.argument(description="Id of the run.")],
    after: Resume = None,  # noqa: ARG001 - see access.py
) -> list[GenerationMessage]:
    look, run = _look(info), ids.decode(run_id, Noun.RUN, field=("runId",))
    changed = look.chosen(of_topic(Topic.GENERATION, subject_id=run))
    if not changed and not look.greets:
        return []
    rows = await many(info, GenerationRun, [run], below=("run",))
    look.ends = run not in rows or any(event.kind == GenerationFinished.kind.text for event in changed) or await _is_finished(info, run)
    return [row(**told_of_state(look, changed), run=rows[run])] if run in rows else []


async def _is_finished(info: Info, run_id: int) -> bool:
    async with info.context.parts.database.reading() as session:
        return bool(await session.value(_FINISHED, {"run": run_id}))


SUBSCRIPTIONS: Final = [payment_recorded, recap_changed, generation_progress, deposit_changed, isolation_changed, events]
