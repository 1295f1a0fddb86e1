"""Corrections beside payments, generation and each other: two transactions side by side, one step at a time."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any

import pytest

from sebilling.billing import billing_cycles, charges, corrections, credit, customers, deposits, generation, payments, periods
from sebilling.billing.charges import ChargeKind
from sebilling.billing.deposits import DepositType
from sebilling.billing.payments import PaymentMethod
from sebilling.clock import Month
from sebilling.db.engine import Database
from sebilling.errors import (
    AlreadyCorrected,
    AlreadyCovered,
    ChargeBilled,
    DatabaseUnavailable,
    InvoicePaid,
    NoCredit,
    NothingOwed,
    SebillingError,
)
from tests.concurrency.test_locks import BESIDE, run_of, step, waits
from tests.harness import FEBRUARY, Isp

MARCH = Month(2026, 3)
TIMES = 8
Verb = Callable[..., Awaitable[Any]]


def key() -> str:
    return str(uuid.uuid4())


async def alone(isp: Isp, verb: Verb, *given: Any, **named: Any) -> Any:
    """The verb in a transaction of its own."""
    async with isp.write() as session:
        return await verb(session, *given, **named)


async def beside(isp: Isp, first: tuple[Verb, Any, dict[str, Any]], second: Awaitable[Any]) -> Any:
    """Do the first, and before it commits begin the second, which must wait; gives what came of the second, or its error."""
    verb, given, named = first
    async with isp.write() as session:
        await verb(session, given, **named)
        task = await waits(second)
    return (await asyncio.gather(task, return_exceptions=True))[0]


async def at_once(works: list[Awaitable[Any]]) -> list[Any]:
    """Results and errors of ours; any other error, such as a deadlock, fails the test."""
    found = await asyncio.gather(*works, return_exceptions=True)
    for one in found:
        if isinstance(one, BaseException) and not isinstance(one, SebillingError):
            raise one
    return list(found)


async def billed(database: Database, *codes: str) -> tuple[Isp, int, int]:
    """A customer with one open invoice of Rp150.000; gives both ids."""
    isp = await Isp.make(database, *codes)
    customer_id = await isp.customer()
    await isp.open()
    await isp.generate()
    return isp, customer_id, await isp.value("SELECT id FROM invoice")


def paying(customer_id: int, amount: int) -> tuple[Verb, Any, dict[str, Any]]:
    return payments.record, payments.Received(customer_id=customer_id, amount=amount, method=PaymentMethod.CASH, key=key()), {}


def voiding(invoice_id: int) -> tuple[Verb, Any, dict[str, Any]]:
    return corrections.void_invoice, invoice_id, {"reason": "salah paket", "key": key()}


def reversing(payment_id: int) -> tuple[Verb, Any, dict[str, Any]]:
    return corrections.reverse_payment, payment_id, {"reason": "salah orang", "key": key()}


def refunding(payment_id: int, amount: int | None = None) -> tuple[Verb, Any, dict[str, Any]]:
    return corrections.refund, payment_id, {"method": PaymentMethod.QRIS, "reason": "lebih", "key": key(), "amount": amount}


def writing_off(invoice_id: int) -> tuple[Verb, Any, dict[str, Any]]:
    return corrections.write_off, invoice_id, {"reason": "pindah", "key": key()}


def applying(customer_id: int) -> tuple[Verb, Any, dict[str, Any]]:
    return credit.apply, customer_id, {"key": key()}


def do(isp: Isp, deed: tuple[Verb, Any, dict[str, Any]]) -> Awaitable[Any]:
    verb, given, named = deed
    return alone(isp, verb, given, **named)


async def test_money_for_an_invoice_that_is_just_being_voided_is_kept_as_credit(committed: Database) -> None:
    isp, customer_id, invoice_id = await billed(committed)
    await beside(isp, voiding(invoice_id), isp.pay(customer_id, 150_000, invoice_ids=[invoice_id]))
    assert await isp.rows("SELECT credit, surplus_because FROM payment") == [(150_000, "ALREADY_PAID")]
    assert await isp.value("SELECT voided_at IS NOT NULL FROM invoice") is True
    await isp.check()


async def test_an_invoice_that_is_just_being_paid_is_not_voided(committed: Database) -> None:
    isp, customer_id, invoice_id = await billed(committed)
    assert isinstance(await beside(isp, paying(customer_id, 150_000), do(isp, voiding(invoice_id))), InvoicePaid)
    assert await isp.rows("SELECT allocated, voided_at FROM invoice") == [(150_000, None)]
    await isp.check()


async def test_a_payment_settles_what_a_reversal_has_just_reopened(committed: Database) -> None:
    isp, customer_id, _ = await billed(committed)
    first = await isp.pay(customer_id, 150_000)
    await beside(isp, reversing(first.payment_id), isp.pay(customer_id, 150_000))
    assert await isp.rows("SELECT allocated, credit FROM payment ORDER BY id") == [(0, 0), (150_000, 0)]
    await isp.check()


async def test_a_reversal_takes_back_its_own_money_only(committed: Database) -> None:
    isp, customer_id, _ = await billed(committed)
    first = await isp.pay(customer_id, 100_000)
    assert await beside(isp, paying(customer_id, 50_000), do(isp, reversing(first.payment_id))) is False
    assert await isp.rows("SELECT allocated FROM payment ORDER BY id") == [(0,), (50_000,)]
    assert await isp.value("SELECT outstanding FROM invoice") == 100_000
    await isp.check()


async def test_of_two_reversals_one_wins(committed: Database) -> None:
    isp, customer_id, _ = await billed(committed)
    payment_id = (await isp.pay(customer_id, 150_000)).payment_id
    assert isinstance(await beside(isp, reversing(payment_id), do(isp, reversing(payment_id))), AlreadyCorrected)
    assert await isp.value("SELECT outstanding FROM invoice") == 150_000
    other = (await isp.pay(customer_id, 150_000)).payment_id
    found = await at_once([do(isp, reversing(other)) for _ in range(TIMES)])
    assert found.count(False) == 1
    assert sum(isinstance(one, AlreadyCorrected) for one in found) == TIMES - 1
    await isp.check()


async def test_of_two_voids_one_wins(committed: Database) -> None:
    isp, _, invoice_id = await billed(committed)
    assert isinstance(await beside(isp, voiding(invoice_id), do(isp, voiding(invoice_id))), AlreadyCorrected)
    await isp.check()


async def test_refunds_at_once_never_give_back_more_than_the_credit(committed: Database) -> None:
    isp, customer_id, _ = await billed(committed)
    payment_id = (await isp.pay(customer_id, 250_000)).payment_id  # of which 100.000 are left over
    found = await at_once([do(isp, refunding(payment_id, 30_000)) for _ in range(TIMES)])
    assert found.count(False) == 3
    assert sum(isinstance(one, NoCredit) for one in found) == TIMES - 3
    assert isinstance(await beside(isp, refunding(payment_id), do(isp, refunding(payment_id))), NoCredit)
    assert await isp.rows("SELECT credit, refunded FROM payment") == [(0, 100_000)]
    await isp.check()


async def test_a_refund_and_a_chunk_do_not_spend_the_same_credit(committed: Database) -> None:
    isp = await Isp.make(committed)
    customer_id = await isp.customer()
    payment_id = (await isp.pay(customer_id, 100_000)).payment_id
    await isp.open()
    started = await run_of(isp)
    async with isp.write() as session:
        await generation.advance(session, chunk=10, run_id=started.run_id)
        second = await waits(do(isp, refunding(payment_id)))
    assert isinstance((await asyncio.gather(second, return_exceptions=True))[0], NoCredit)
    other = (await isp.pay(await isp.customer(), 50_000)).payment_id
    started = await run_of(isp)
    await beside(isp, refunding(other), step(isp, started.run_id, 10))
    assert await isp.rows("SELECT allocated, refunded FROM payment ORDER BY id") == [(100_000, 0), (0, 50_000)]
    assert await isp.rows("SELECT allocated FROM invoice ORDER BY id") == [(100_000,), (0,)]
    await isp.check()


async def test_what_was_just_written_off_is_not_paid_as_well(committed: Database) -> None:
    isp, customer_id, invoice_id = await billed(committed)
    await beside(isp, writing_off(invoice_id), isp.pay(customer_id, 150_000))
    assert await isp.rows("SELECT allocated, written_off FROM invoice") == [(0, 150_000)]
    assert await isp.value("SELECT credit FROM payment") == 150_000
    await isp.check()


async def test_what_was_just_paid_is_not_written_off_as_well(committed: Database) -> None:
    isp, customer_id, invoice_id = await billed(committed)
    assert await beside(isp, paying(customer_id, 100_000), do(isp, writing_off(invoice_id))) is False
    assert await isp.rows("SELECT allocated, written_off FROM invoice") == [(100_000, 50_000)]
    await isp.open(MARCH)
    await isp.generate(MARCH)
    march = await isp.value("SELECT max(id) FROM invoice")
    assert isinstance(await beside(isp, paying(customer_id, 150_000), do(isp, writing_off(march))), NothingOwed)
    await isp.check()


async def with_credit(isp: Isp, customer_id: int) -> None:
    """Another open invoice, and 100.000 of credit beside it that someone holds."""
    await isp.hold((await isp.pay(customer_id, 250_000)).payment_id)
    await isp.open(MARCH)
    await isp.generate(MARCH)
    assert await isp.rows(BESIDE) == [(customer_id,)]


async def test_credit_that_is_applied_beside_a_payment(committed: Database) -> None:
    isp, customer_id, _ = await billed(committed)
    await with_credit(isp, customer_id)
    await beside(isp, applying(customer_id), isp.pay(customer_id, 100_000))
    assert await isp.rows("SELECT allocated, credit FROM payment ORDER BY id") == [(250_000, 0), (50_000, 50_000)]
    await isp.check()


async def test_a_payment_beside_which_credit_is_applied(committed: Database) -> None:
    isp, customer_id, _ = await billed(committed)
    await with_credit(isp, customer_id)
    assert await beside(isp, paying(customer_id, 100_000), do(isp, applying(customer_id))) is False
    assert await isp.rows("SELECT allocated, credit FROM payment ORDER BY id") == [(200_000, 50_000), (100_000, 0)]
    assert isinstance(await beside(isp, paying(customer_id, 1), do(isp, applying(customer_id))), NothingOwed)
    await isp.check()


async def test_custom_billing_waits_for_the_chunk_and_sees_its_invoice(committed: Database) -> None:
    isp = await Isp.make(committed)
    customer_id = await isp.customer()
    await isp.open()
    started = await run_of(isp)
    async with isp.write() as session:
        await generation.advance(session, chunk=10, run_id=started.run_id)
        setting = await waits(alone(isp, billing_cycles.set_billing, customer_id, months=3, effective_from=date(2026, 2, 1)))
    error = (await asyncio.gather(setting, return_exceptions=True))[0]
    assert isinstance(error, AlreadyCovered)
    assert error.facts["first"] == date(2026, 3, 1)
    assert await isp.value("SELECT count(*) FROM billing_cycle") == 0


async def test_a_chunk_waits_for_custom_billing_and_bills_by_it(committed: Database) -> None:
    isp = await Isp.make(committed)
    customer_id = await isp.customer()
    await isp.open()
    started = await run_of(isp)
    await beside(
        isp, (billing_cycles.set_billing, customer_id, {"months": 3, "effective_from": date(2026, 2, 1)}), step(isp, started.run_id, 10)
    )
    assert await isp.rows("SELECT covers_from, covers_until, total FROM invoice") == [(date(2026, 2, 1), date(2026, 5, 1), 450_000)]
    await isp.check()


async def with_charge(database: Database) -> tuple[Isp, int, int]:
    """A run about to take a charge; gives run and charge."""
    isp = await Isp.make(database)
    customer_id = await isp.customer()
    await isp.open()
    charge_id, _ = await alone(
        isp, charges.add, customer_id, kind=ChargeKind.CABLE, description="Kabel", amount=25_000, key="kabel-nomor-1"
    )
    return isp, (await run_of(isp)).run_id, charge_id


async def test_a_charge_that_a_chunk_has_just_taken_is_not_cancelled(committed: Database) -> None:
    isp, run_id, charge_id = await with_charge(committed)
    async with isp.write() as session:
        await generation.advance(session, chunk=10, run_id=run_id)
        cancelling = await waits(alone(isp, charges.cancel, charge_id, reason="tidak jadi"))
    assert isinstance((await asyncio.gather(cancelling, return_exceptions=True))[0], ChargeBilled)
    assert await isp.value("SELECT total FROM invoice") == 175_000
    await isp.check()


async def test_a_charge_that_has_just_been_cancelled_is_not_billed(committed: Database) -> None:
    isp, run_id, charge_id = await with_charge(committed)
    assert await beside(isp, (charges.cancel, charge_id, {"reason": "tidak jadi"}), step(isp, run_id, 10)) is False
    assert await isp.value("SELECT total FROM invoice") == 150_000
    await isp.check()


async def test_two_clicks_on_one_customers_invoice_issue_one(committed: Database) -> None:
    isp = await Isp.make(committed)
    customer_id = await isp.customer()
    await isp.open()

    async def issue() -> None:
        started = await alone(isp, generation.start, FEBRUARY, customer_id=customer_id, key=key())
        await generation.work(isp.write, run_id=started.run_id, chunk=10)

    await at_once([issue() for _ in range(TIMES)])
    assert await isp.value("SELECT count(*) FROM invoice") == 1
    assert sorted(await isp.rows("SELECT issued, already_invoiced FROM generation_task")) == [(0, 1)] * (TIMES - 1) + [(1, 0)]
    assert await isp.value("SELECT next_number FROM invoice_series") == 2
    await isp.check()


async def test_the_same_key_many_times_at_once_takes_effect_once(committed: Database) -> None:
    isp, customer_id, invoice_id = await billed(committed)
    verb, given, named = voiding(invoice_id)
    assert sorted(await at_once([alone(isp, verb, given, **named) for _ in range(TIMES)])) == [False] + [True] * (TIMES - 1)
    payment_id = (await isp.pay(customer_id, 100_000)).payment_id
    verb, given, named = refunding(payment_id, 10_000)
    assert sorted(await at_once([alone(isp, verb, given, **named) for _ in range(TIMES)])) == [False] + [True] * (TIMES - 1)
    assert await isp.value("SELECT refunded FROM payment") == 10_000
    handed = {"counter_id": isp.counters["LKT01"], "amount": 1_000, "type": DepositType.MANUAL, "key": key()}
    submitted = await at_once([alone(isp, deposits.submit, **handed) for _ in range(TIMES)])
    assert len({one.deposit_id for one in submitted}) == 1
    assert sorted(one.replayed for one in submitted) == [False] + [True] * (TIMES - 1)
    assert await isp.value("SELECT sum(amount) FROM deposit") == 1_000
    await isp.check()


async def test_a_key_whose_first_deed_failed_is_taken_by_the_one_that_waited(committed: Database) -> None:
    isp, _, invoice_id = await billed(committed)
    verb, given, named = voiding(invoice_id)

    waiting: list[asyncio.Task[Any]] = []

    async def lose() -> None:
        async with isp.write() as session:
            await verb(session, given, **named)
            waiting.append(await waits(alone(isp, verb, given, **named)))
            raise ConnectionResetError

    with pytest.raises(DatabaseUnavailable):
        await lose()
    assert await waiting[0] is False
    await isp.check()


async def test_a_correction_waits_for_a_move_and_then_finds_the_customer(committed: Database) -> None:
    isp, customer_id, invoice_id = await billed(committed, "LKT01", "LKT02")
    moving = (customers.update, customer_id, {"counter_id": isp.counters["LKT02"]})
    assert await beside(isp, moving, do(isp, voiding(invoice_id))) is False
    await isp.check()


async def test_one_customers_invoice_is_issued_though_they_were_just_moved(committed: Database) -> None:
    isp = await Isp.make(committed, "LKT01", "LKT02")
    customer_id = await isp.customer()
    await isp.open()
    moving = (customers.update, customer_id, {"counter_id": isp.counters["LKT02"]})
    started = await beside(isp, moving, alone(isp, generation.start, FEBRUARY, customer_id=customer_id, key=key()))
    assert isinstance(started, SebillingError) or started.total == 1


async def test_a_void_that_waited_for_a_closing_stands_in_the_newest_open_period(committed: Database) -> None:
    isp, _, invoice_id = await billed(committed)
    march = await isp.open(MARCH)
    assert await beside(isp, (periods.close, FEBRUARY, {"incomplete": True}), do(isp, voiding(invoice_id))) is False
    assert await isp.rows("SELECT period_id FROM invoice_void") == [(march,)]
    await isp.check()
