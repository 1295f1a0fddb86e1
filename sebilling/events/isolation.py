"""Events of isolation. Amounts are whole rupiah."""

from datetime import date

from sebilling.events.catalogue import Payload, Subject, Topic, event, values
from sebilling.events.ids import CustomerId, DeviceId, InvoiceId
from sebilling.language import Sentence


@values
class PolicyValues:
    """An isolation policy: blocked so many days after the mode's day, once `minimum` is overdue."""

    mode: str
    days: int
    minimum: int


@event("isolation.policy_set", Subject.COUNTER, Subject.CUSTOMER)
class IsolationPolicySet(Payload):
    """The isolation policy of a customer, a counter or the whole ISP was set."""

    after: PolicyValues


@event("isolation.policy_forgotten", Subject.COUNTER, Subject.CUSTOMER)
class IsolationPolicyForgotten(Payload):
    """An isolation policy was removed: the next wider one applies."""


@event("customer.promised", Subject.CUSTOMER)
class CustomerPromised(Payload):
    """A customer promised to pay, and isn't blocked up to and on that day."""

    until_on: date
    reason: str


@event("isolation.blackout_date_added", Subject.BLACKOUT_DATE)
class BlackoutDateAdded(Payload):
    """A blackout date was added."""

    day: date
    reason: str


@event("isolation.blackout_date_removed", Subject.BLACKOUT_DATE)
class BlackoutDateRemoved(Payload):
    """A blackout date was removed."""

    day: date


@event("isolation.block_wanted", Subject.SERVICE_ACCESS, topics=[Topic.ISOLATION])
class BlockWanted(Payload):
    """A customer is to be blocked: by hand, with a note, or because so much is overdue on that day with that invoice."""

    customer_id: CustomerId
    reason: str
    note: str | None = None
    invoice_id: InvoiceId | None = None
    amount: int | None = None
    block_on: date | None = None


@event("isolation.restore_wanted", Subject.SERVICE_ACCESS, topics=[Topic.ISOLATION])
class RestoreWanted(Payload):
    """A customer is to be restored: by hand, with a note, or because nothing is overdue any more."""

    customer_id: CustomerId
    reason: str
    note: str | None = None


@event("isolation.held", Subject.ISOLATION_HOLD)
class IsolationHeld(Payload):
    """A sweep would have blocked too many customers at once: it waits for a decision."""

    would_block: int
    of_active: int


@event("isolation.hold_decided", Subject.ISOLATION_HOLD)
class IsolationHoldDecided(Payload):
    """A hold was approved or rejected."""

    approved: bool


@event("customer.blocked", Subject.SERVICE_ACCESS, topics=[Topic.ISOLATION], hook=True)
class CustomerBlocked(Payload):
    """A customer was blocked, and the device was read back."""

    customer_id: CustomerId
    device_id: DeviceId
    key: str
    note: Sentence | None


@event("customer.restored", Subject.SERVICE_ACCESS, topics=[Topic.ISOLATION], hook=True)
class CustomerRestored(Payload):
    """A customer was restored, and the device was read back."""

    customer_id: CustomerId
    device_id: DeviceId
    key: str
    note: Sentence | None


@event("customer.left_blocked", Subject.SERVICE_ACCESS, topics=[Topic.ISOLATION])
class CustomerLeftBlocked(Payload):
    """Nothing holds a customer back any more but the device: they were blocked there before SeBilling did, and stay so."""

    customer_id: CustomerId
    device_id: DeviceId
    key: str


@event("isolation.drift_found", Subject.SERVICE_ACCESS, topics=[Topic.ISOLATION])
class DriftFound(Payload):
    """A look at a device found an access otherwise than SeBilling left it. `put_right`: the engine brings it to the wanted state."""

    customer_id: CustomerId
    device_id: DeviceId
    key: str
    wanted: str
    found: str
    put_right: bool
    detail: Sentence | None


@event("isolation.failed", Subject.SERVICE_ACCESS, topics=[Topic.ISOLATION], hook=True)
class IsolationFailed(Payload):
    """A block or restore failed; it is retried. Written for the first failure, then for every tenth."""

    customer_id: CustomerId
    device_id: DeviceId
    key: str
    wanted: str
    fault: str | None
    error: Sentence
