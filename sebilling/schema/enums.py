"""Enums of the domain as GraphQL enums: each value described."""

from enum import Enum
from typing import Final

import strawberry

from sebilling import device_errors, ledger_errors
from sebilling.actor import Role
from sebilling.billing.charges import ChargeKind
from sebilling.billing.closings import GapReason
from sebilling.billing.deposits import DepositStatus, DepositType
from sebilling.billing.differences import DifferenceKind
from sebilling.billing.payments import PaymentMethod, SurplusReason
from sebilling.billing.pricing import LineKind, SkipReason
from sebilling.billing.reports import Report
from sebilling.billing.settings import TaxRounding
from sebilling.error_codes import ErrorCode
from sebilling.errors import SebillingError


def described(enum: type[Enum], description: str, **values: str) -> None:
    """Make a GraphQL enum of a Python one. Raises ValueError unless exactly its members are described."""
    if set(values) != set(enum.__members__):
        raise ValueError(f"{enum.__name__}: describe {sorted(set(values) ^ set(enum.__members__))}")
    strawberry.enum(enum, description=description)
    for value in enum.__strawberry_definition__.values:  # type: ignore[attr-defined]
        value.description = values[value.name]


def _leaves(error: type[SebillingError]) -> list[type[SebillingError]]:
    return [leaf for child in error.__subclasses__() for leaf in ([child] if "code" in vars(child) else _leaves(child))]


_TREE: Final = {SebillingError.__module__, device_errors.__name__, ledger_errors.__name__}
ERROR_MESSAGES: Final = {leaf.code.value: leaf.english for leaf in _leaves(SebillingError) if leaf.__module__ in _TREE}

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
    OPENING="Saldo awal: paid ahead in the system before. Comes in with an import, never by recordPayment.",
)
described(
    SurplusReason,
    "Why something of a payment was left over when it came.",
    OVERPAID="More than was owed.",
    IN_ADVANCE="Nothing was owed.",
    ALREADY_PAID="An invoice that it named had been paid meanwhile: ask the customer.",
)
described(
    LineKind,
    "What a line of an invoice bills.",
    SUBSCRIPTION="Months of a plan.",
    PRORATION="Days of a plan.",
    CHARGE="A one-off charge.",
    DISCOUNT="Something off; below nothing.",
    TAX="PPN.",
    LATE_FEE="Denda keterlambatan: for an overdue invoice, once.",
    OPENING="Saldo awal: arrears that came in with an import.",
)
described(
    ChargeKind,
    "What a one-off charge is for.",
    INSTALLATION="Pemasangan.",
    DEVICE="Perangkat.",
    CABLE="Kabel.",
    LATE_FEE="Denda keterlambatan.",
    OTHER="Something else; the description tells what.",
)
described(TaxRounding, "How tax is rounded to whole rupiah.", HALF_UP="To the nearest, halves up.", DOWN="Down.")
described(DepositType, "How money is handed over.", MANUAL="In cash.", TRANSFER="To the ISP's bank account; needs a proof.")
described(
    DepositStatus,
    "How far a deposit is.",
    SUBMITTED="It waits for someone else to count it.",
    VERIFIED="It was counted.",
    REJECTED="It was not there; the cash is still in the drawer.",
)
described(
    DifferenceKind,
    "Which way a deposit differed from what its drawer owed.",
    SURPLUS="More was counted.",
    SHORTAGE="Less was counted.",
)
described(
    GapReason,
    "What a period lacks.",
    NOT_INVOICED="Customers whom generateInvoices would still invoice; closed without it, their invoices are lost.",
    GENERATION_RUNNING="Customers whom a run still has to account for; a period can't be closed meanwhile.",
    DEPOSITS_WAITING="Deposits submitted by the end of the month that wait for verification.",
    MONEY_UNRESOLVED="Payments of the month for an invoice that had been paid meanwhile, still credit.",
)
described(
    Report,
    "What can be exported for a month.",
    INVOICES="The period's invoices.",
    PAYMENTS="Payments received on the month's days.",
    DEPOSITS="Deposits submitted on the month's days.",
    JOURNAL="Every document as debit, credit and amount, for accountants.",
    RECAP="The month's recap: a row per counter, and their sums.",
)
