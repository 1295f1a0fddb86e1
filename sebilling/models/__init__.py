"""Table rows, one file per noun. Importing this package registers every table with `Base.metadata`."""

from sebilling.models import access, counter, customer, event, generation, idempotency, invoice, payment, period, plan
from sebilling.models.columns import Base

__all__ = [
    "Base",
    "access",
    "counter",
    "customer",
    "event",
    "generation",
    "idempotency",
    "invoice",
    "payment",
    "period",
    "plan",
]
