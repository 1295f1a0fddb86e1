"""A customer's timeline in GraphQL: what happened to them, newest first, read by one statement from documents and the event log."""

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Final

import strawberry

from sebilling.nouns import Noun
from sebilling.schema.context import Info
from sebilling.schema.engine.declarations import input_type, link, output, read
from sebilling.schema.engine.pages import Conditions, Order, Slice
from sebilling.schema.engine.reading import page
from sebilling.schema.enums import described
from sebilling.schema.request.access import query
from sebilling.schema.request.roles import COUNTERS
from sebilling.schema.scopes import OF_CUSTOMER
from sebilling.schema.timeline_sentences import sentence
from sebilling.schema.users import User
from sebilling.schema.values import ids
from sebilling.schema.values.connections import Connection
from sebilling.schema.values.scalars import Instant, Rupiah

if TYPE_CHECKING:
    from sebilling.schema.invoices import Invoice
    from sebilling.schema.payments import Payment


class TimelineKind(StrEnum):
    """What happened to a customer: the kind of the event, or `invoice.issued`."""

    CUSTOMER_CREATED = "customer.created"
    CUSTOMER_CHANGED = "customer.changed"
    OPENING_RECORDED = "customer.opening_recorded"
    INVOICE_ISSUED = "invoice.issued"
    INVOICE_VOIDED = "invoice.voided"
    WRITTEN_OFF = "invoice.written_off"
    WRITE_OFF_REVERSED = "invoice.write_off_reversed"
    LATE_FEE_CANCELLED = "invoice.late_fee_cancelled"
    CHARGE_ADDED = "charge.created"
    CHARGE_CANCELLED = "charge.cancelled"
    DISCOUNT_ADDED = "discount.created"
    PAYMENT_RECORDED = "payment.recorded"
    PAYMENT_REVERSED = "payment.reversed"
    CREDIT_APPLIED = "credit.applied"
    CREDIT_HELD = "credit.held"
    CREDIT_REFUNDED = "credit.refunded"
    REFUND_REVERSED = "credit.refund_reversed"
    BILLING_CYCLE_SET = "customer.billing_set"
    PAUSED = "customer.paused"
    RESUMED = "customer.resumed"
    END_OF_SERVICE_SET = "customer.end_of_service_set"
    END_OF_SERVICE_UNDONE = "customer.end_of_service_undone"
    PROMISED = "customer.promised"
    POLICY_SET = "isolation.policy_set"
    POLICY_FORGOTTEN = "isolation.policy_forgotten"
    BLOCK_DECIDED = "isolation.block_wanted"
    BLOCKED = "customer.blocked"
    RESTORE_DECIDED = "isolation.restore_wanted"
    RESTORED = "customer.restored"
    LEFT_BLOCKED = "customer.left_blocked"
    DRIFT_FOUND = "isolation.drift_found"
    ISOLATION_FAILED = "isolation.failed"
    ACCESS_ASSIGNED = "service_access.given"
    ACCESS_CORRECTED = "service_access.key_changed"
    ACCESS_RETRIED = "service_access.retried"
    SPEED_GIVEN = "service_access.speed_given"
    ACCESS_REMOVED = "service_access.taken"


described(
    TimelineKind,
    "What happened to a customer.",
    CUSTOMER_CREATED="The customer was added.",
    CUSTOMER_CHANGED="The customer's details, plan or counter were changed.",
    OPENING_RECORDED="The opening balance was recorded.",
    INVOICE_ISSUED="An invoice was issued.",
    INVOICE_VOIDED="An invoice was voided.",
    WRITTEN_OFF="A debt was written off.",
    WRITE_OFF_REVERSED="A write-off was reversed.",
    LATE_FEE_CANCELLED="A late fee was cancelled.",
    CHARGE_ADDED="A one-off charge was added.",
    CHARGE_CANCELLED="A one-off charge was cancelled.",
    DISCOUNT_ADDED="A discount was added.",
    PAYMENT_RECORDED="A payment was recorded.",
    PAYMENT_REVERSED="A payment was reversed.",
    CREDIT_APPLIED="Credit settled invoices.",
    CREDIT_HELD="Credit was put on hold.",
    CREDIT_REFUNDED="Credit was refunded.",
    REFUND_REVERSED="A refund was reversed.",
    BILLING_CYCLE_SET="The billing cycle was set.",
    PAUSED="The customer was paused.",
    RESUMED="A pause was ended.",
    END_OF_SERVICE_SET="The end of the service was set.",
    END_OF_SERVICE_UNDONE="The end of the service was undone.",
    PROMISED="The customer promised to pay.",
    POLICY_SET="The customer got an isolation policy of their own.",
    POLICY_FORGOTTEN="The customer's own isolation policy was deleted.",
    BLOCK_DECIDED="A block was decided.",
    BLOCKED="The customer was blocked at the device.",
    RESTORE_DECIDED="The restoring was decided.",
    RESTORED="The customer was restored at the device.",
    LEFT_BLOCKED="Nothing holds the customer back but the device, where they were blocked before.",
    DRIFT_FOUND="The device was found otherwise than it was left.",
    ISOLATION_FAILED="A block or restore failed at the device.",
    ACCESS_ASSIGNED="An account on a device was assigned to the customer.",
    ACCESS_CORRECTED="The account on a device was corrected.",
    ACCESS_RETRIED="A block or restore was tried again.",
    SPEED_GIVEN="The account on a device got the speed of the plan.",
    ACCESS_REMOVED="An account on a device was removed from the customer.",
)
_SUBJECT_IDS: Final = {
    "charge": Noun.CHARGE, "customer": Noun.CUSTOMER, "discount": Noun.DISCOUNT, "invoice": Noun.INVOICE, "payment": Noun.PAYMENT,
    "service_access": Noun.ACCESS,
}  # fmt: skip
_SUBJECT_ID: Final = (
    "(CASE {t}.subject "
    + " ".join(f"WHEN '{subject}' THEN '{noun.prefix}_'" for subject, noun in _SUBJECT_IDS.items())
    + " END || {t}.subject_id)"
)
_NAMES: Final = """(SELECT jsonb_object_agg(public_id, name)
    FROM (SELECT 'pla_' || id AS public_id, name FROM plan UNION ALL SELECT 'cou_' || id, name FROM counter) named
   WHERE public_id IN ({t}.data #>> '{{before,plan_id}}', {t}.data #>> '{{after,plan_id}}',
                       {t}.data #>> '{{before,counter_id}}', {t}.data #>> '{{after,counter_id}}'))"""
"""SQL for the names of the plans and counters between which the entry `{t}` changed the customer, by id."""
_INVOICE_OF: Final = "CASE WHEN {t}.subject = 'invoice' THEN {t}.subject_id ELSE substr({t}.data ->> 'invoice_id', 5)::bigint END"


def _text(root: strawberry.Parent[Mapping[str, Any]], info: Info) -> str:
    """The entry as a sentence in the caller's language."""
    entry: Mapping[str, Any] = root["text"]
    return sentence(entry["kind"], entry["data"], names=entry["names"] or {}, language=info.context.language)


@output("Entry of a customer's timeline.", "customer_timeline", scope=OF_CUSTOMER)
class TimelineEntry:
    # In brackets, as it is no id by which an entry could be read: entries are found for one customer at a time.
    id: strawberry.ID = read("Opaque id.", COUNTERS, sql=f"({ids.column(Noun.TIMELINE_ENTRY, '{t}.id')})")
    at: Instant = read("Time at which it happened.", COUNTERS)
    kind: TimelineKind = read("What happened.", COUNTERS)
    text: str = read(
        "What happened, as a sentence in the caller's language.",
        COUNTERS,
        sql="json_build_object('kind', {t}.kind, 'data', {t}.data, 'names', "
        f"CASE WHEN {{t}}.kind = 'customer.changed' THEN {_NAMES} END)",
        resolver=_text,
    )
    amount: Rupiah | None = read(
        "Amount of the money that moved or is owed; null if it is not about money.",
        COUNTERS,
        sql="coalesce({t}.data ->> 'amount', {t}.data ->> 'total')::bigint",
    )
    actor: str | None = read("Name of the user who caused it, as it was at that time; null if nobody did.", COUNTERS, sql="{t}.actor_name")
    user: User | None = link("User who caused it; null if it was no user.", COUNTERS, "app_user", "{n}.id = {t}.actor_id", follows=True)
    subject_id: strawberry.ID = read(
        "Id of what it concerns: a payment, invoice, charge, discount, service access or the customer.", COUNTERS, sql=_SUBJECT_ID
    )
    invoice: Annotated["Invoice", strawberry.lazy("sebilling.schema.invoices")] | None = link(
        "Invoice that it concerns; null if it concerns none.", COUNTERS, "invoice", f"{{n}}.id = {_INVOICE_OF}", follows=True
    )
    payment: Annotated["Payment", strawberry.lazy("sebilling.schema.payments")] | None = link(
        "Payment that it concerns; null if it concerns none.",
        COUNTERS,
        "payment",
        "{t}.subject = 'payment' AND {n}.id = {t}.subject_id",
        follows=True,
    )


_NEWEST: Final = Order("newest", "{t}.moment", "text", descending=True)
"""One customer's entries are found by indexes and sorted: a few hundred after ten years."""


@input_type("Filter of a timeline; all conditions must hold.")
class TimelineFilter:
    kinds: list[TimelineKind] | None = strawberry.field(default=None, description="Kinds of entries; an empty list means none.")


@query(COUNTERS, "List what happened to a customer, newest first; empty if the customer does not exist or the caller may not see them.")
async def customer_timeline(
    info: Info,
    customer_id: Annotated[strawberry.ID, strawberry.argument(description="Id of the customer.")],
    part: Slice,
    filter: Annotated[TimelineFilter | None, strawberry.argument(description="Filter; lists all if left out.")] = None,
) -> Connection[TimelineEntry]:
    conditions: Conditions = {"t.customer_id = :customer": {"customer": ids.decode(customer_id, Noun.CUSTOMER, field=("customerId",))}}
    if filter is not None and filter.kinds is not None:
        conditions["t.kind = ANY (CAST(:kinds AS text[]))"] = {"kinds": [kind.value for kind in filter.kinds]}
    return await page(info, TimelineEntry, part, order=_NEWEST, conditions=conditions)


QUERIES: Final = [customer_timeline]
