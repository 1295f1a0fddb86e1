"""Enums of the domain as GraphQL enums: each value described."""

from enum import Enum
from typing import Final

import strawberry

from sebilling.actor import Role
from sebilling.billing.payments import PaymentMethod
from sebilling.billing.pricing import SkipReason
from sebilling.errors import ErrorCode, SebillingError


def described(enum: type[Enum], description: str, **values: str) -> None:
    """Make a GraphQL enum of a Python one. Raises ValueError unless exactly its members are described."""
    if set(values) != set(enum.__members__):
        raise ValueError(f"{enum.__name__}: describe {sorted(set(values) ^ set(enum.__members__))}")
    strawberry.enum(enum, description=description)
    for value in enum.__strawberry_definition__.values:  # type: ignore[attr-defined]
        value.description = values[value.name]


def _leaves(error: type[SebillingError]) -> list[type[SebillingError]]:
    return [leaf for child in error.__subclasses__() for leaf in ([child] if "code" in vars(child) else _leaves(child))]


ERROR_MESSAGES: Final = {leaf.code.value: leaf.english for leaf in _leaves(SebillingError) if leaf.__module__ == SebillingError.__module__}

described(ErrorCode, "Stable names of errors, to branch on.", **ERROR_MESSAGES)
described(
    Role,
    "What a user is.",
    ADMIN="May do everything.",
    FINANCE="May do everything with money and customers, but not with users and devices.",
    CLERK="Petugas loket: receives money at one counter.",
    COLLECTOR="Kolektor: receives money on the way, for their counters.",
    TECHNICIAN="Looks after devices and customers' service; sees no money.",
    AUDITOR="Reads everything, changes nothing.",
)
described(
    SkipReason,
    "Why a customer gets no invoice in a period.",
    INACTIVE="The customer isn't active.",
    NOT_INSTALLED_YET="The customer's first day of service lies after the period.",
    COVERED_BY_CYCLE="An invoice of another period covers these days: the customer pays several months at once.",
    ZERO_AMOUNT="Nothing remains to be paid, after discounts.",
)
described(
    PaymentMethod,
    "How money came.",
    CASH="Notes and coins.",
    TRANSFER="By bank.",
    QRIS="By QR code.",
    OTHER="In another way; the note tells which.",
)
