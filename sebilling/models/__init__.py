"""Table rows, one file per noun. Importing this package registers every table with `Base.metadata`."""

from sebilling.models import (
    access,
    billing_cycle,
    charge,
    correction,
    counter,
    customer,
    deposit,
    event,
    generation,
    idempotency,
    invoice,
    payment,
    period,
    plan,
    receipt,
    settings,
)
from sebilling.models.columns import Base

__all__ = [
    "Base",
    "access",
    "billing_cycle",
    "charge",
    "correction",
    "counter",
    "customer",
    "deposit",
    "event",
    "generation",
    "idempotency",
    "invoice",
    "payment",
    "period",
    "plan",
    "receipt",
    "settings",
]
