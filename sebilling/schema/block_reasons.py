"""The reason for which a customer is to be blocked, in GraphQL: data, and a sentence in the caller's language."""

from typing import Final, TypedDict

import strawberry

from sebilling.billing.isolation.blocks import BlockReasonCode
from sebilling.language import Sentence
from sebilling.schema.context import Info
from sebilling.schema.engine.declarations import output, read
from sebilling.schema.enums import described
from sebilling.schema.request.roles import COUNTERS, EVERYONE
from sebilling.schema.values.scalars import Day, Rupiah

described(
    BlockReasonCode,
    "Code of the reason for which a customer is to be blocked.",
    OVERDUE="The customer is overdue by the isolation policy.",
    BY_HAND="A person blocked the customer.",
    ENDED="The customer's service has ended.",
)


class ReasonRow(TypedDict):
    """A row of the type BlockReason, as COLUMN reads it."""

    code: str
    block_on: str | None
    amount: int | None
    invoice_number: str | None
    note: str | None


_SENTENCES: Final = {
    BlockReasonCode.OVERDUE: Sentence("Overdue; to be blocked from {block_on}.", "Menunggak; diisolir mulai {block_on}."),
    BlockReasonCode.BY_HAND: Sentence("Blocked by hand: {note}", "Diisolir oleh petugas: {note}"),
    BlockReasonCode.ENDED: Sentence("Service ended on {block_on}: {note}", "Layanan berakhir {block_on}: {note}"),
}


def _text(root: strawberry.Parent[ReasonRow], info: Info) -> str:
    """Render the sentence for a person. It has no amount, as technicians may read it."""
    sentence = _SENTENCES[BlockReasonCode(root["code"])].in_(info.context.language)
    return sentence.format(block_on=root["block_on"], note=root["note"])


@output("Reason for which a customer is to be blocked.")
class BlockReason:
    code: BlockReasonCode = read("Code of the reason.", EVERYONE)
    block_on: Day | None = read(
        "Day from which the policy blocks the customer, or on which their service ended; null if a person blocked them.", EVERYONE
    )
    amount: Rupiah | None = read("Overdue amount when the block was decided; null unless OVERDUE.", COUNTERS)
    invoice_number: str | None = read("Number of the invoice that causes the block; null unless OVERDUE.", COUNTERS)
    note: str | None = read("Note of the person who blocked the customer or ended the service; null if OVERDUE.", EVERYONE)
    text: str = read("The reason as a sentence in the caller's language, without the amount.", EVERYONE, resolver=_text)


COLUMN: Final = """CASE WHEN {t}.block_reason IS NOT NULL THEN json_build_object(
    'code', {t}.block_reason, 'block_on', {t}.block_on, 'amount', {t}.block_amount, 'note', {t}.block_note,
    'invoice_number', (SELECT number FROM invoice WHERE invoice.id = {t}.block_invoice_id)) END"""
"""SQL for a service access's reason, all of it: BlockReason says who may read which field."""
