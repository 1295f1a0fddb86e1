"""Events of payments and credit. Amounts are whole rupiah."""

from sebilling.events.catalogue import UNSET, Payload, Subject, Topic, Unset, event
from sebilling.events.ids import CustomerId, InvoiceId, RefundId, UserId


@event("payment.recorded", Subject.PAYMENT, topics=[Topic.PAYMENTS, Topic.RECAP], hook=True)
class PaymentRecorded(Payload):
    """A payment was recorded: `allocated` settled invoices, `credit` is left. `over_cash_limit`: the receiver holds that much cash more
    than the limit.
    """

    customer_id: CustomerId
    amount: int
    method: str
    allocated: int
    credit: int
    over_cash_limit: int | Unset = UNSET


@event("payment.reversed", Subject.PAYMENT, topics=[Topic.RECAP], hook=True)
class PaymentReversed(Payload):
    """A payment was reversed: `reopened` is owed again."""

    customer_id: CustomerId
    amount: int
    reopened: int
    reason: str


@event("credit.applied", Subject.CUSTOMER, topics=[Topic.RECAP])
class CreditApplied(Payload):
    """A customer's credit settled invoices: the one that was named, or the oldest."""

    amount: int
    invoice_id: InvoiceId | None = None


@event("credit.held", Subject.PAYMENT)
class CreditHeld(Payload):
    """Credit was put on hold, so that it settles no invoice."""

    customer_id: CustomerId
    reason: str


@event("credit.refunded", Subject.PAYMENT, topics=[Topic.RECAP])
class CreditRefunded(Payload):
    """Credit was refunded, from the collector's drawer if in cash."""

    customer_id: CustomerId
    collector_id: UserId
    amount: int
    method: str
    reason: str


@event("credit.refund_reversed", Subject.PAYMENT, topics=[Topic.RECAP])
class CreditRefundReversed(Payload):
    """A refund was reversed: it is credit again."""

    customer_id: CustomerId
    collector_id: UserId
    refund_id: RefundId
    amount: int
    method: str
    reason: str
