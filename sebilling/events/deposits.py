"""Events of deposits. Amounts are whole rupiah."""

from sebilling.events.catalogue import Payload, Subject, Topic, event, values
from sebilling.events.ids import PaymentId, UserId

_TOPICS = (Topic.DEPOSITS, Topic.RECAP)


@event("deposit.submitted", Subject.DEPOSIT, topics=_TOPICS)
class DepositSubmitted(Payload):
    """A deposit was submitted. `on_hand` was in the drawer, of which `waiting` was submitted before."""

    collector_id: UserId
    amount: int
    deposit_type: str
    on_hand: int
    waiting: int


@event("deposit.verified", Subject.DEPOSIT, topics=_TOPICS, hook=True)
class DepositVerified(Payload):
    """A deposit was verified: `counted` is what was there, `difference` is above 0 for a surplus, below 0 for a shortage."""

    collector_id: UserId
    amount: int
    counted: int
    difference: int


@event("deposit.rejected", Subject.DEPOSIT, topics=_TOPICS)
class DepositRejected(Payload):
    """A deposit was rejected: its cash stays in the drawer."""

    collector_id: UserId
    amount: int
    reason: str


@values
class Count:
    """What was counted."""

    counted: int
    difference: int


@event("deposit.corrected", Subject.DEPOSIT, topics=_TOPICS)
class DepositCorrected(Payload):
    """The count of a verified deposit was corrected."""

    collector_id: UserId
    before: Count
    after: Count
    reason: str


@event("deposit.surplus_settled", Subject.DEPOSIT, topics=_TOPICS)
class DepositSurplusSettled(Payload):
    """A surplus was settled, by a decision or by a payment that was recorded later."""

    collector_id: UserId
    amount: int
    reason: str
    payment_id: PaymentId | None


@event("deposit.shortage_settled", Subject.DEPOSIT, topics=_TOPICS)
class DepositShortageSettled(Payload):
    """A shortage was settled."""

    collector_id: UserId
    amount: int
    reason: str


@event("deposit.settlement_reversed", Subject.DEPOSIT, topics=_TOPICS)
class DepositSettlementReversed(Payload):
    """A settlement of a surplus or a shortage was reversed."""

    collector_id: UserId
    amount: int
    settlement_kind: str
    reason: str
