"""Events of generation, as parts of its statements: each appends an event for each row, and gives their number."""

from typing import Final

from sebilling import events
from sebilling.events.charges import ChargeCreated
from sebilling.events.ids import CounterId
from sebilling.events.invoices import GenerationFinished, GenerationStarted, InvoicesIssued

STARTED: Final = events.appending(
    GenerationStarted,
    {
        "month": "to_char(:month, 'YYYY-MM')", "customer_id": "CAST(:customer AS bigint)",
        "counter_ids": f"(SELECT coalesce(jsonb_agg('{CounterId.prefix}' || id ORDER BY id), '[]')"
                       " FROM unnest(CAST(:counters AS bigint[])) started (id))",
    },
    subject_id=":run",
)  # fmt: skip
LATE_FEES: Final = events.appending(
    ChargeCreated,
    {
        "customer_id": "customer_id", "charge_kind": "'LATE_FEE'", "description": "description", "amount": "amount",
        "overdue_invoice_id": "overdue_invoice_id",
    },
    subject_id="fee.id", counter_id="counter_id",
)  # fmt: skip
ISSUED: Final = events.appending(
    InvoicesIssued,
    {
        "period_id": ":period", "first_sequence": "next", "issued": "issued", "already_invoiced": "already_invoiced",
        "skipped": "reasons", "amount": "total_amount",
    },
    subject_id=":run", counter_id="counter_id", order_by="counter_id",
)  # fmt: skip
FINISHED: Final = events.appending(GenerationFinished, {}, subject_id="id")
