"""GraphQL enums of the domain, with a description for each value."""

from enum import Enum

import strawberry

from sebilling.actor import Role
from sebilling.billing.charges import ChargeKind
from sebilling.billing.closings import GapReason
from sebilling.billing.deposits import DepositStatus, DepositType
from sebilling.billing.differences import DifferenceKind
from sebilling.billing.isolation.policy import IsolationMode
from sebilling.billing.payments import PaymentMethod, SurplusReason
from sebilling.billing.pricing import LineKind, SkipReason
from sebilling.billing.reports import Report
from sebilling.billing.settings import CashLimitAction, DriftAction, TaxRounding


def described(enum: type[Enum], description: str, **values: str) -> None:
    """Register a Python enum as a GraphQL enum. Raises ValueError unless exactly its members are described."""
    if set(values) != set(enum.__members__):
        raise ValueError(f"{enum.__name__}: describe {sorted(set(values) ^ set(enum.__members__))}")
    strawberry.enum(enum, description=description)
    for value in enum.__strawberry_definition__.values:  # type: ignore[attr-defined]  # strawberry.enum has set it
        value.description = values[value.name]


described(
    Role,
    "Role of a user.",
    ADMIN="Administrator: may do everything.",
    FINANCE="Finance: may do everything with money and customers, but not manage users or devices.",
    CLERK="Petugas loket: receives money at their counters.",
    COLLECTOR="Kolektor: collects money in the field, for their counters.",
    TECHNICIAN="Technician: manages devices and customers' service; sees no money.",
    AUDITOR="Auditor: reads everything, changes nothing.",
)
described(
    SkipReason,
    "Reason for which a customer gets no invoice in a period.",
    INACTIVE="The customer is inactive.",
    NOT_INSTALLED_YET="The customer's first day of service is after the period.",
    COVERED_BY_CYCLE="An invoice of another period covers these days, as the customer pays several months at once.",
    ZERO_AMOUNT="Nothing remains to be paid after discounts.",
    PAUSED="The customer is paused at the end of the period, and nothing before is left to bill.",
    SERVICE_ENDED="The customer's service ended before the end of the period, and nothing before is left to bill.",
)
described(PaymentMethod, "Payment method.", **{method.name: method.english for method in PaymentMethod})
described(
    SurplusReason,
    "Reason for which part of a payment was not needed when it was received.",
    OVERPAID="The payment exceeded the amount owed.",
    IN_ADVANCE="Nothing was owed.",
    ALREADY_PAID="An invoice that it named had been paid in the meantime: ask the customer.",
)
described(IsolationMode, "When an overdue customer is blocked.", **{mode.name: mode.english for mode in IsolationMode})
described(LineKind, "Kind of an invoice line.", **{kind.name: kind.english for kind in LineKind})
described(
    ChargeKind,
    "Kind of a one-off charge.",
    INSTALLATION="Installation (pemasangan).",
    DEVICE="Device (perangkat).",
    CABLE="Cable (kabel).",
    LATE_FEE="Late fee (denda keterlambatan).",
    OTHER="Another charge, named by its description.",
)
described(TaxRounding, "Rounding of tax to whole rupiah.", HALF_UP="To the nearest rupiah, halves up.", DOWN="Down to the next rupiah.")
described(
    CashLimitAction,
    "What happens to new cash with which a collector would hold more than the limit.",
    WARN="It is recorded, with a warning.",
    REFUSE="It is refused; cash that was collected before (with collectedAt) is recorded, with a warning.",
)
described(
    DriftAction,
    "What happens to a customer who isn't as SeBilling left them on the device. What a hand set otherwise is always only reported.",
    REPORT="It is reported: serviceAccesses lists it as not in sync.",
    REAPPLY_BLOCKS="Whoever is to be blocked and isn't any more is blocked again; the rest is reported.",
    ENFORCE="As REAPPLY_BLOCKS; and whoever owes nothing but is blocked on the device is restored, at the speed of their plan.",
)
described(DepositType, "Way in which money is handed over.", **{way.name: way.english for way in DepositType})
described(
    DepositStatus,
    "Status of a deposit.",
    SUBMITTED="Waiting for another user to verify it.",
    VERIFIED="Counted and verified.",
    REJECTED="Rejected: the money was not received; cash is still in the drawer.",
)
described(
    DifferenceKind,
    "Direction in which the count of a deposit differs from the amount due.",
    SURPLUS="More was counted than due.",
    SHORTAGE="Less was counted than due.",
)
described(
    GapReason,
    "Reason for which a period is incomplete.",
    NOT_INVOICED="Customers without an invoice; if the period is closed without generateInvoices, their invoices are lost.",
    GENERATION_RUNNING="Customers whom a run has yet to process; the period can't be closed until it has.",
    DEPOSITS_WAITING="Deposits submitted by the end of the month that wait for verification.",
    MONEY_UNRESOLVED="Payments of the month for invoices that had already been paid, still kept as credit.",
)
described(
    Report,
    "Monthly report.",
    INVOICES="Invoices of the period.",
    PAYMENTS="Payments received in the month.",
    DEPOSITS="Deposits submitted in the month.",
    JOURNAL="Every document as debit, credit and amount, for accountants.",
    RECAP="Recap of the month: one row per counter, and their sums.",
)
