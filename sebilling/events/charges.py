"""Events of charges and discounts. Amounts are whole rupiah."""

from datetime import date
from decimal import Decimal

from sebilling.events.catalogue import Payload, Subject, event, values
from sebilling.events.ids import CustomerId, InvoiceId, PlanId


@event("charge.created", Subject.CHARGE)
class ChargeCreated(Payload):
    """A charge was added, which the customer's next invoice bills. A late fee names the overdue invoice."""

    customer_id: CustomerId
    charge_kind: str
    description: str
    amount: int
    overdue_invoice_id: InvoiceId | None = None


@event("charge.cancelled", Subject.CHARGE)
class ChargeCancelled(Payload):
    """A charge that was not invoiced yet was cancelled."""

    customer_id: CustomerId
    amount: int
    reason: str


@event("discount.created", Subject.DISCOUNT)
class DiscountCreated(Payload):
    """A discount was added, for one customer or for all customers of a plan."""

    customer_id: CustomerId | None
    plan_id: PlanId | None
    amount: int | None
    percent: Decimal | None
    description: str
    from_on: date
    until_on: date | None


@values
class DiscountValues:
    """Fields of a discount."""

    until_on: date | None


@event("discount.ended", Subject.DISCOUNT)
class DiscountEnded(Payload):
    """A discount was ended earlier."""

    before: DiscountValues
    after: DiscountValues
