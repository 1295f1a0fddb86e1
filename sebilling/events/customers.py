"""Events of customers. Amounts are whole rupiah."""

from datetime import date

from sebilling.clock import Month
from sebilling.events.catalogue import UNSET, Payload, Subject, Unset, event, values
from sebilling.events.ids import CounterId, PlanId


@values
class CustomerValues:
    """Fields of a customer. An import leaves out who they are."""

    code: str | Unset = UNSET
    name: str | Unset = UNSET
    counter_id: CounterId | Unset = UNSET
    plan_id: PlanId | Unset = UNSET
    installed_on: date | Unset = UNSET
    phone: str | Unset = UNSET
    address: str | Unset = UNSET
    price: int | Unset | None = UNSET
    active: bool | Unset = UNSET
    due_day: int | Unset | None = UNSET
    pppoe_name: str | Unset | None = UNSET


@event("customer.created", Subject.CUSTOMER)
class CustomerCreated(Payload):
    """A customer was created."""

    after: CustomerValues


@event("customer.changed", Subject.CUSTOMER)
class CustomerChanged(Payload):
    """A customer's details were changed."""

    before: CustomerValues
    after: CustomerValues


@event("customers.imported", Subject.IMPORT)
class CustomersImported(Payload):
    """Customers were imported from a file or a device."""

    file: str
    customers: int


@values
class CycleValues:
    """A billing cycle: so many months at once, from a day on."""

    months: int
    effective_from: date


@event("customer.billing_set", Subject.CUSTOMER)
class CustomerBillingSet(Payload):
    """A customer's billing cycle was set."""

    before: CycleValues | None
    after: CycleValues


@event("customer.paused", Subject.CUSTOMER)
class CustomerPaused(Payload):
    """A customer isn't billed from a day on: by hand, with a reason, or (without one) because they were blocked for so long."""

    from_on: date
    until_on: date | None
    reason: str | None


@event("customer.resumed", Subject.CUSTOMER)
class CustomerResumed(Payload):
    """A pause ends, and the customer is billed from `until_on` on. If that is the pause's first day, it was withdrawn."""

    from_on: date
    until_on: date


@event("customer.end_of_service_set", Subject.CUSTOMER)
class CustomerEndOfServiceSet(Payload):
    """A customer's service ends: no invoices and no access from that day on."""

    on: date
    reason: str


@event("customer.end_of_service_undone", Subject.CUSTOMER)
class CustomerEndOfServiceUndone(Payload):
    """A customer's service doesn't end on that day after all."""

    on: date


@event("customer.opening_recorded", Subject.CUSTOMER)
class CustomerOpeningRecorded(Payload):
    """A customer's opening balance was recorded."""

    month: Month
    arrears: int
    credit: int
    billed_until: date | None
    cycle_months: int


@event("openings.recorded", Subject.PERIOD)
class OpeningsRecorded(Payload):
    """Opening balances were recorded."""

    month: Month
    customers: int
    arrears: int
    credit: int
