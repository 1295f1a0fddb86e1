"""The rules of money and access, a row for each deed: what it must do to Budi's access, to every figure, to the journal, to the feed.

Figures are differences, by name, of the counter TIMUR; whatever a row doesn't name must not move. A deed is done at `world.AT`: its
day is TODAY, its month March. Sums are whole rupiah, in thousands here where `K` stands behind them.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from tests.rules import steps
from tests.rules.steps import Do, Prepare
from tests.rules.world import TODAY

K: Final = 1_000
Figures = Mapping[str, int]


class Access(StrEnum):
    """What is wanted of Budi's access after a deed."""

    BLOCKED = "BLOCKED"
    """As before."""
    RESTORED = "RESTORED"
    """It was blocked, and the deed itself has given it back."""
    ACTIVE = "ACTIVE"
    """As before."""


@dataclass(frozen=True, slots=True)
class Posting:
    """A row of the journal at TIMUR."""

    debit: str
    credit: str
    amount: int
    on: date = TODAY


@dataclass(frozen=True, slots=True)
class Told:
    """An event."""

    kind: str
    subject: str
    counter: str = "TIMUR"


@dataclass(frozen=True, slots=True)
class Deed:
    """A row: what is done, after which preparations, and what must come of it."""

    name: str
    do: Do
    access: Access
    figures: Figures
    journal: tuple[Posting, ...]
    events: tuple[Told, ...]
    before: Prepare = steps.nothing
    swept: Access | None = None
    """What the next look at everybody makes of it; None: it stays."""
    by: str = "siti"


def both(*parts: Figures) -> Figures:
    """Their sum."""
    found: Counter[str] = Counter()
    for part in parts:
        found.update(part)
    return dict(found)


def whenever(name: str, amount: int) -> Figures:
    """A figure of the recap that is of now, in whatever month."""
    return {f"TIMUR.{month}.{name}": amount for month in ("2026-01", "2026-02", "2026-03")}


def cash(amount: int) -> Figures:
    """In the drawers."""
    return both({"TIMUR.dashboard.cash_on_hand": amount}, whenever("cash_on_hand", amount))


def debts(january: int = 0, february: int = 0, *, by: str = "allocated") -> Figures:
    """So much less is owed of each month, because of `by`."""
    found = {"TIMUR.dashboard.outstanding": -january - february}
    for month, amount in (("2026-01", january), ("2026-02", february)):
        found |= {f"TIMUR.{month}.{by}": amount, f"TIMUR.{month}.outstanding": -amount}
    return found


def unbilled(month: str, amount: int) -> Figures:
    """An invoice, of which so much was owed, is void in its own month."""
    return {
        "TIMUR.dashboard.outstanding": -amount, f"TIMUR.{month}.total_billed": -amount, f"TIMUR.{month}.outstanding": -amount,
    }  # fmt: skip


def received(amount: int) -> Figures:
    """One payment, today."""
    return {
        "TIMUR.dashboard.received_today": amount, "TIMUR.dashboard.received_this_month": amount, "TIMUR.dashboard.payments_today": 1,
        "TIMUR.dashboard.payments_this_month": 1, "TIMUR.2026-03.payments": 1, "TIMUR.2026-03.total_received": amount,
    }  # fmt: skip


def reversed_today(amount: int) -> Figures:
    """Taken back today, whenever it came."""
    return {
        "TIMUR.dashboard.received_today": -amount, "TIMUR.dashboard.received_this_month": -amount, "TIMUR.2026-03.reversed": amount,
        "TIMUR.2026-03.total_received": -amount,
    }  # fmt: skip


def allocations(*amounts: int) -> tuple[Posting, ...]:
    """Money that settles debts."""
    return tuple(Posting("CREDIT", "RECEIVABLE", amount) for amount in amounts)


def deallocations(*amounts: int) -> tuple[Posting, ...]:
    """Debts that are open again."""
    return tuple(Posting("RECEIVABLE", "CREDIT", amount) for amount in amounts)


BLOCKED, RESTORED, ACTIVE = Access
RESTORE: Final = Told("isolation.restore_wanted", "service_access")
PAID: Final = Told("payment.recorded", "payment")
VOIDED: Final = Told("invoice.voided", "invoice")
APPLIED: Final = Told("credit.applied", "customer")
CHANGED: Final = Told("customer.changed", "customer")
RESUMED: Final = Told("customer.resumed", "customer")
POLICY: Final = Told("isolation.policy_set", "customer")

PAYMENTS: Final = (
    Deed(
        "payment-in-full", steps.pay(300 * K), RESTORED, both(received(300 * K), cash(300 * K), debts(150 * K, 150 * K)),
        (Posting("CASH_ON_HAND", "CREDIT", 300 * K), *allocations(150 * K, 150 * K)), (RESTORE, PAID), by="kasir",
    ),
    Deed(
        "payment-that-leaves-less-than-the-minimum", steps.pay(200 * K + 1), RESTORED,
        both(received(200 * K + 1), cash(200 * K + 1), debts(150 * K, 50 * K + 1)),
        (Posting("CASH_ON_HAND", "CREDIT", 200 * K + 1), *allocations(150 * K, 50 * K + 1)), (RESTORE, PAID), by="kasir",
    ),
    Deed(
        "payment-that-leaves-the-minimum", steps.pay(200 * K), BLOCKED, both(received(200 * K), cash(200 * K), debts(150 * K, 50 * K)),
        (Posting("CASH_ON_HAND", "CREDIT", 200 * K), *allocations(150 * K, 50 * K)), (PAID,), by="kasir",
    ),
    Deed(
        "payment-of-more-by-transfer", steps.pay(350 * K, "TRANSFER"), RESTORED,
        both(received(350 * K), debts(150 * K, 150 * K), {"TIMUR.2026-03.credit": 50 * K}),
        (Posting("BANK", "CREDIT", 350 * K), *allocations(150 * K, 150 * K)), (RESTORE, PAID), by="kasir",
    ),
    Deed(
        "payment-of-february-alone", steps.pay(150 * K, "OTHER", invoice="2026-02"), BLOCKED, both(received(150 * K), debts(0, 150 * K)),
        (Posting("OTHER_RECEIPTS", "CREDIT", 150 * K), *allocations(150 * K)), (PAID,), by="kasir",
    ),
    Deed(
        "payment-of-who-is-blocked-by-hand", steps.pay(300 * K), BLOCKED, both(received(300 * K), cash(300 * K), debts(150 * K, 150 * K)),
        (Posting("CASH_ON_HAND", "CREDIT", 300 * K), *allocations(150 * K, 150 * K)), (PAID,), before=steps.block_by_hand, by="kasir",
    ),
    Deed(  # it had been handed over before the phone could tell of it: the surplus of then is none
        "payment-that-explains-a-surplus", steps.pay_late(30 * K), ACTIVE,
        both(received(30 * K), cash(20 * K), {"TIMUR.2026-03.credit": 30 * K, "TIMUR.2026-03.difference": -10 * K}),
        (Posting("CASH_ON_HAND", "CREDIT", 30 * K), Posting("SURPLUS", "CASH_ON_HAND", 10 * K)),
        (PAID, Told("deposit.surplus_settled", "deposit")), before=steps.handed_in(260 * K), by="kasir",
    ),
    Deed(
        "reversal-of-a-payment-of-before", steps.reverse_payment, ACTIVE,
        both(reversed_today(350 * K), cash(-350 * K), debts(-150 * K, -150 * K), {"TIMUR.2026-02.credit": -50 * K}),
        (Posting("CREDIT", "CASH_ON_HAND", 350 * K), *deallocations(150 * K, 150 * K)), (Told("payment.reversed", "payment"),),
        before=steps.paid(350 * K), swept=BLOCKED,
    ),
    Deed(
        "reversal-of-a-payment-of-today", steps.reverse_payment, ACTIVE,
        both(reversed_today(300 * K), debts(-150 * K, -150 * K)),
        (Posting("CREDIT", "BANK", 300 * K), *deallocations(150 * K, 150 * K)), (Told("payment.reversed", "payment"),),
        before=steps.paid_today(300 * K, "QRIS"), swept=BLOCKED,
    ),
)  # fmt: skip

CORRECTIONS: Final = (
    Deed(
        "void-that-leaves-less-than-the-minimum", steps.void("2026-02"), RESTORED, unbilled("2026-02", 150 * K),
        (Posting("REVENUE", "RECEIVABLE", 150 * K),), (RESTORE, VOIDED), before=steps.paid(100 * K),
    ),
    Deed(
        "void-that-leaves-the-minimum", steps.void("2026-02"), BLOCKED, unbilled("2026-02", 150 * K),
        (Posting("REVENUE", "RECEIVABLE", 150 * K),), (VOIDED,),
    ),
    Deed(
        "void-that-releases-what-had-paid", steps.void("2026-01", release=True), RESTORED,
        both(
            {"TIMUR.2026-01.total_billed": -150 * K, "TIMUR.2026-01.allocated": -100 * K, "TIMUR.2026-01.outstanding": -50 * K},
            {"TIMUR.dashboard.outstanding": -50 * K}, debts(0, 100 * K),
        ),
        (Posting("REVENUE", "RECEIVABLE", 150 * K), *deallocations(100 * K), *allocations(100 * K)), (APPLIED, RESTORE, VOIDED),
        before=steps.paid(100 * K),
    ),
    Deed(
        "void-of-an-opening-balance", steps.void_opening, BLOCKED, unbilled("2026-01", 200 * K),
        (Posting("OPENING_BALANCE", "RECEIVABLE", 200 * K),), (VOIDED,), before=steps.opened_with(arrears=200 * K),
    ),
    Deed(  # the newest open month that has begun: March, though in UTC it hasn't
        "void-in-a-closed-month", steps.void("2026-01"), BLOCKED,
        {
            "TIMUR.dashboard.outstanding": -150 * K, "TIMUR.2026-01.voided_later": 150 * K, "TIMUR.2026-01.outstanding": -150 * K,
            "TIMUR.2026-03.voided_earlier": 150 * K, "TIMUR.2026-03.total_billed": -150 * K,
        },
        (Posting("REVENUE", "RECEIVABLE", 150 * K),), (VOIDED,), before=steps.closed("2026-01"),
    ),
    Deed(
        "write-off-that-leaves-less-than-the-minimum", steps.write_off("2026-02"), RESTORED, debts(0, 150 * K, by="written_off"),
        (Posting("BAD_DEBT", "RECEIVABLE", 150 * K),), (RESTORE, Told("invoice.written_off", "invoice")), before=steps.paid(100 * K),
    ),
    Deed(
        "write-off-that-leaves-the-minimum", steps.write_off("2026-02", 100 * K), BLOCKED, debts(0, 100 * K, by="written_off"),
        (Posting("BAD_DEBT", "RECEIVABLE", 100 * K),), (Told("invoice.written_off", "invoice"),), before=steps.paid(100 * K),
    ),
    Deed(
        "reversal-of-a-write-off", steps.reverse_write_off("2026-02"), ACTIVE, debts(0, -150 * K, by="written_off"),
        (Posting("RECEIVABLE", "BAD_DEBT", 150 * K),), (Told("invoice.write_off_reversed", "invoice"),),
        before=steps.written_off("2026-02"), swept=BLOCKED,
    ),
)  # fmt: skip

CREDIT: Final = (
    Deed(
        "refund-in-cash", steps.refund, ACTIVE,
        both(cash(-50 * K), {"TIMUR.2026-02.credit": -50 * K, "TIMUR.2026-03.refunded": 50 * K}),
        (Posting("CREDIT", "CASH_ON_HAND", 50 * K),), (Told("credit.refunded", "payment"),), before=steps.paid(350 * K), by="kasir",
    ),
    Deed(
        "reversal-of-a-refund", steps.reverse_refund, RESTORED,
        both(cash(250 * K), debts(150 * K, 100 * K), {"TIMUR.2026-03.refunded": -250 * K}),
        (Posting("CASH_ON_HAND", "CREDIT", 250 * K), *allocations(150 * K, 100 * K)),
        (APPLIED, RESTORE, Told("credit.refund_reversed", "payment")), before=steps.refunded_then_owing,
    ),
    Deed(
        "credit-applied", steps.apply_credit(), RESTORED, both(debts(150 * K, 100 * K), {"TIMUR.2026-02.credit": -250 * K}),
        allocations(150 * K, 100 * K), (APPLIED, RESTORE), before=steps.credit_held_beside_debts(250 * K),
    ),
    Deed(
        "credit-applied-to-february-first", steps.apply_credit("2026-02"), RESTORED,
        both(debts(100 * K, 150 * K), {"TIMUR.2026-02.credit": -250 * K}), allocations(150 * K, 100 * K), (APPLIED, APPLIED, RESTORE),
        before=steps.credit_held_beside_debts(250 * K),
    ),
    Deed(
        "credit-applied-that-leaves-the-minimum", steps.apply_credit(), BLOCKED,
        both(debts(150 * K, 50 * K), {"TIMUR.2026-02.credit": -200 * K}), allocations(150 * K, 50 * K), (APPLIED,),
        before=steps.credit_held_beside_debts(200 * K),
    ),
    Deed("credit-held", steps.hold_credit, ACTIVE, {}, (), (Told("credit.held", "payment"),), before=steps.paid(350 * K)),
    Deed(
        "generation-with-credit-that-waits", steps.generate, ACTIVE,
        {
            "TIMUR.2026-03.invoices": 1, "TIMUR.2026-03.total_billed": 150 * K, "TIMUR.2026-03.allocated": 150 * K,
            "TIMUR.2026-02.credit": -150 * K,
        },
        (Posting("RECEIVABLE", "REVENUE", 150 * K), *allocations(150 * K)),
        (Told("generation.started", "generation_run", ""), Told("invoices.issued", "generation_run"),
         Told("generation.finished", "generation_run", "")),
        before=steps.paid(450 * K),
    ),
    Deed(
        "generation-with-late-fees", steps.generate, BLOCKED,
        {
            "TIMUR.2026-03.invoices": 1, "TIMUR.2026-03.total_billed": 160 * K, "TIMUR.2026-03.outstanding": 160 * K,
            "TIMUR.dashboard.outstanding": 160 * K,
        },
        (Posting("RECEIVABLE", "REVENUE", 160 * K),),
        (Told("generation.started", "generation_run", ""), Told("charge.created", "charge"), Told("charge.created", "charge"),
         Told("invoices.issued", "generation_run"), Told("generation.finished", "generation_run", "")),
        before=steps.late_fees(5 * K),
    ),
    Deed(
        "opening-balance-owed", steps.open_with(arrears=200 * K), BLOCKED,
        {
            "TIMUR.dashboard.outstanding": 200 * K, "TIMUR.2026-01.invoices": 1, "TIMUR.2026-01.total_billed": 200 * K,
            "TIMUR.2026-01.outstanding": 200 * K,
        },
        (Posting("RECEIVABLE", "OPENING_BALANCE", 200 * K, date(2026, 1, 31)),),
        (Told("customer.opening_recorded", "customer"), Told("openings.recorded", "period", "")),
    ),
    Deed(
        "opening-balance-paid-ahead", steps.open_with(credit=50 * K), BLOCKED,
        {"TIMUR.2026-01.payments": 1, "TIMUR.2026-01.total_received": 50 * K, "TIMUR.2026-01.credit": 50 * K},
        (Posting("OPENING_BALANCE", "CREDIT", 50 * K, date(2026, 1, 31)),),
        (Told("customer.opening_recorded", "customer"), Told("openings.recorded", "period", "")),
    ),
)  # fmt: skip

DEPOSITS: Final = (
    Deed(
        "deposit-submitted", steps.submit_deposit, ACTIVE, whenever("awaiting_verification", 250 * K), (),
        (Told("deposit.submitted", "deposit"),), before=steps.paid(300 * K), by="kasir",
    ),
    Deed(
        "deposit-verified", steps.verify_deposit(), ACTIVE,
        both(cash(-250 * K), whenever("awaiting_verification", -250 * K), {"TIMUR.2026-03.total_deposited": 250 * K}),
        (Posting("CENTRAL_CASH", "CASH_ON_HAND", 250 * K),), (Told("deposit.verified", "deposit"),), before=steps.submitted,
    ),
    Deed(
        "deposit-verified-with-a-shortage", steps.verify_deposit(240 * K), ACTIVE,
        both(
            cash(-250 * K), whenever("awaiting_verification", -250 * K),
            {"TIMUR.2026-03.total_deposited": 240 * K, "TIMUR.2026-03.difference": -10 * K},
        ),
        (Posting("CENTRAL_CASH", "CASH_ON_HAND", 240 * K), Posting("SHORTAGE", "CASH_ON_HAND", 10 * K)),
        (Told("deposit.verified", "deposit"),), before=steps.submitted,
    ),
    Deed(
        "deposit-rejected", steps.reject_deposit, ACTIVE, whenever("awaiting_verification", -250 * K), (),
        (Told("deposit.rejected", "deposit"),), before=steps.submitted,
    ),
    Deed(
        "deposit-corrected", steps.correct_deposit(260 * K), ACTIVE,
        {"TIMUR.2026-03.total_deposited": 10 * K, "TIMUR.2026-03.difference": 10 * K},
        (Posting("CENTRAL_CASH", "CASH_ON_HAND", 10 * K), Posting("CASH_ON_HAND", "SURPLUS", 10 * K)),
        (Told("deposit.corrected", "deposit"),), before=steps.handed_in(250 * K),
    ),
    Deed(
        "shortage-settled", steps.settle("SHORTAGE"), ACTIVE, both(cash(10 * K), {"TIMUR.2026-03.difference": 10 * K}),
        (Posting("CASH_ON_HAND", "SHORTAGE", 10 * K),), (Told("deposit.shortage_settled", "deposit"),), before=steps.handed_in(240 * K),
    ),
    Deed(
        "surplus-settled", steps.settle("SURPLUS"), ACTIVE, both(cash(-10 * K), {"TIMUR.2026-03.difference": -10 * K}),
        (Posting("SURPLUS", "CASH_ON_HAND", 10 * K),), (Told("deposit.surplus_settled", "deposit"),), before=steps.handed_in(260 * K),
    ),
    Deed(
        "reversal-of-a-settlement", steps.reverse_settlement, ACTIVE, both(cash(-10 * K), {"TIMUR.2026-03.difference": -10 * K}),
        (Posting("SHORTAGE", "CASH_ON_HAND", 10 * K),), (Told("deposit.settlement_reversed", "deposit"),),
        before=steps.settled_shortage,
    ),
)  # fmt: skip

TERMS: Final = (
    Deed("promise", steps.promise, RESTORED, {}, (), (Told("customer.promised", "customer"), RESTORE)),
    Deed("policy-of-the-customer", steps.manual(customer=True), RESTORED, {}, (), (POLICY, RESTORE)),
    Deed("policy-of-the-counter", steps.manual(counter=True), BLOCKED, {}, (), (Told("isolation.policy_set", "counter"),), swept=ACTIVE),
    Deed("policy-of-the-isp", steps.manual(), BLOCKED, {}, (), (Told("isolation.policy_set", "counter", ""),), swept=ACTIVE),
    Deed(
        "policy-of-the-customer-forgotten", steps.forget_policy, RESTORED, {}, (),
        (Told("isolation.policy_forgotten", "customer"), RESTORE), before=steps.blocked_for_less,
    ),
    Deed("restore-by-hand", steps.restore_by_hand, RESTORED, {}, (), (RESTORE,), before=steps.paid_though_blocked_by_hand),
    Deed("charge", steps.charge, BLOCKED, {}, (), (Told("charge.created", "charge"),)),
    Deed("discount", steps.discount, BLOCKED, {}, (), (Told("discount.created", "discount"),)),
    Deed(  # invoices, payments and their figures stay where they were; only who is blocked is told of the new counter
        "move-with-a-debt", steps.move, BLOCKED, {"TIMUR.dashboard.blocked_customers": -1, "BARAT.dashboard.blocked_customers": 1}, (),
        (Told("customer.changed", "customer", "BARAT"),),
    ),
    Deed(
        "move-to-where-nobody-is-blocked", steps.move, BLOCKED,
        {"TIMUR.dashboard.blocked_customers": -1, "BARAT.dashboard.blocked_customers": 1}, (),
        (Told("customer.changed", "customer", "BARAT"),),
        before=steps.nobody_blocked_at_barat, swept=ACTIVE,
    ),
    Deed("customer-paused", steps.pause, BLOCKED, {}, (), (Told("customer.paused", "customer"),)),
    Deed("customer-resumed", steps.resume, BLOCKED, {}, (), (RESUMED,), before=steps.paused),
    Deed(
        "payment-of-who-was-paused-by-the-sweep", steps.pay(300 * K), RESTORED,
        both(received(300 * K), cash(300 * K), debts(150 * K, 150 * K)),
        (Posting("CASH_ON_HAND", "CREDIT", 300 * K), *allocations(150 * K, 150 * K)), (RESTORE, RESUMED, PAID),
        before=steps.paused_by_the_sweep, by="kasir",
    ),
    Deed("end-of-service", steps.end_service, BLOCKED, {}, (), (Told("customer.end_of_service_set", "customer"),)),
    Deed(
        "end-of-service-undone", steps.undo_end_of_service, BLOCKED, {}, (), (Told("customer.end_of_service_undone", "customer"),),
        before=steps.service_ending,
    ),
    Deed("customer-made-inactive", steps.deactivate, BLOCKED, {}, (), (CHANGED,)),
    Deed("customer-of-another-plan", steps.reprice, BLOCKED, {}, (), (CHANGED,)),
    Deed("period-closed", steps.close("2026-01"), BLOCKED, {}, (), (Told("period.closed", "period", ""),)),
    Deed(
        "period-reopened", steps.reopen("2026-01"), BLOCKED, {}, (), (Told("period.reopened", "period", ""),),
        before=steps.closed("2026-01"),
    ),
)  # fmt: skip

DEEDS: Final = (*PAYMENTS, *CORRECTIONS, *CREDIT, *DEPOSITS, *TERMS)
