"""Events of periods, generation and invoices. Amounts are whole rupiah."""

from collections.abc import Mapping, Sequence

from sebilling.clock import Month
from sebilling.events.catalogue import Payload, Subject, Topic, event, values
from sebilling.events.ids import ChargeId, ClosingId, CounterId, CustomerId, InvoiceId, PeriodId, WriteOffId


@event("period.opened", Subject.PERIOD)
class PeriodOpened(Payload):
    """A period was opened."""

    month: Month


@values
class Missing:
    """What a period lacked when it was closed, at one counter."""

    reason: str
    counter_code: str
    count: int
    amount: int


@event("period.closed", Subject.PERIOD, topics=[Topic.RECAP])
class PeriodClosed(Payload):
    """A period was closed."""

    month: Month
    closing_id: ClosingId
    missing: Sequence[Missing]


@event("period.reopened", Subject.PERIOD, topics=[Topic.RECAP])
class PeriodReopened(Payload):
    """A period was reopened."""

    month: Month
    reason: str


@event("generation.started", Subject.GENERATION_RUN, topics=[Topic.GENERATION])
class GenerationStarted(Payload):
    """A generation run was started, for counters or for one customer."""

    month: Month
    counter_ids: Sequence[CounterId]
    customer_id: CustomerId | None


@event("invoices.issued", Subject.GENERATION_RUN, topics=[Topic.GENERATION, Topic.RECAP], hook=True)
class InvoicesIssued(Payload):
    """A chunk of a generation run was issued at one counter: so many invoices, numbered from `first_sequence` on."""

    period_id: PeriodId
    first_sequence: int
    issued: int
    already_invoiced: int
    skipped: Mapping[str, int]
    amount: int


@event("generation.finished", Subject.GENERATION_RUN, topics=[Topic.GENERATION])
class GenerationFinished(Payload):
    """A generation run was finished."""


@event("generation.failed", Subject.GENERATION_RUN, topics=[Topic.GENERATION])
class GenerationFailed(Payload):
    """A chunk of a generation run failed; it is tried again."""

    code: str
    reference: str


@event("generation.abandoned", Subject.GENERATION_RUN, topics=[Topic.GENERATION])
class GenerationAbandoned(Payload):
    """A generation run was abandoned before it had finished."""

    reason: str
    done: int
    total: int
    issued: int


@event("invoice.voided", Subject.INVOICE, topics=[Topic.RECAP])
class InvoiceVoided(Payload):
    """An invoice was voided; what had been paid for it is credit again."""

    customer_id: CustomerId
    period_id: PeriodId
    total: int
    released: int
    reason: str


@event("invoice.written_off", Subject.INVOICE, topics=[Topic.RECAP])
class InvoiceWrittenOff(Payload):
    """A debt was written off."""

    customer_id: CustomerId
    amount: int
    reason: str


@event("invoice.write_off_reversed", Subject.INVOICE, topics=[Topic.RECAP])
class InvoiceWriteOffReversed(Payload):
    """A write-off was reversed: the debt is owed again."""

    customer_id: CustomerId
    write_off_id: WriteOffId
    amount: int
    reason: str


@event("invoice.late_fee_cancelled", Subject.INVOICE, topics=[Topic.RECAP])
class InvoiceLateFeeCancelled(Payload):
    """A late fee was cancelled, because the invoice that was late is void."""

    customer_id: CustomerId
    charge_id: ChargeId
    voided_invoice_id: InvoiceId
    amount: int
    released: int
