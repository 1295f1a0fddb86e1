"""Events of counters, plans and settings."""

from decimal import Decimal

from sebilling.events.catalogue import UNSET, Payload, Subject, Topic, Unset, event, values


@values
class CounterValues:
    """Fields of a counter."""

    code: str | Unset = UNSET
    name: str | Unset = UNSET
    timezone: str | Unset = UNSET
    due_day: int | Unset = UNSET
    archived: bool | Unset = UNSET


@event("counter.created", Subject.COUNTER, topics=[Topic.RECAP])
class CounterCreated(Payload):
    """A counter was created."""

    after: CounterValues


@event("counter.changed", Subject.COUNTER, topics=[Topic.RECAP])
class CounterChanged(Payload):
    """A counter was changed or archived."""

    before: CounterValues
    after: CounterValues


@values
class PlanValues:
    """Fields of a plan: rupiah a month, kbit/s."""

    name: str | Unset = UNSET
    price: int | Unset = UNSET
    rate_down_kbps: int | Unset | None = UNSET
    rate_up_kbps: int | Unset | None = UNSET
    archived: bool | Unset = UNSET


@event("plan.created", Subject.PLAN)
class PlanCreated(Payload):
    """A plan was created."""

    after: PlanValues


@event("plan.changed", Subject.PLAN)
class PlanChanged(Payload):
    """A plan was changed or archived."""

    before: PlanValues
    after: PlanValues


@values
class SettingsValues:
    """Fields of the billing settings. Money is whole rupiah."""

    prorate_first_month: bool | Unset = UNSET
    tax_rate: Decimal | Unset = UNSET
    tax_numerator: int | Unset = UNSET
    tax_denominator: int | Unset = UNSET
    tax_rounding: str | Unset = UNSET
    late_fee: int | Unset = UNSET
    late_fee_after_days: int | Unset = UNSET
    company_name: str | Unset = UNSET
    company_address: str | Unset = UNSET
    company_phone: str | Unset = UNSET
    receipt_footer: str | Unset = UNSET
    mass_block_percent: int | Unset = UNSET
    pause_after_blocked_days: int | Unset = UNSET
    cash_limit: int | Unset = UNSET
    cash_limit_action: str | Unset = UNSET
    look_every_minutes: int | Unset = UNSET
    drift_action: str | Unset = UNSET
    payment_instructions: str | Unset = UNSET
    customer_promise_days: int | Unset = UNSET


@event("settings.changed", Subject.BILLING_SETTINGS)
class SettingsChanged(Payload):
    """The billing settings were changed."""

    before: SettingsValues
    after: SettingsValues


@event("settings.picture_changed", Subject.BILLING_SETTINGS)
class PictureChanged(Payload):
    """The ISP's logo or QRIS picture was set or removed. Before and after are SHA-256 digests in hexadecimal; null for none."""

    picture: str
    before: str | None
    after: str | None
