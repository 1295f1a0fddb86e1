"""What the rows of the table do: a deed is a coroutine over the world and a session, a preparation one over the world."""

from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from typing import Any

from sebilling.billing import (
    charges,
    corrections,
    credit,
    customers,
    deposits,
    differences,
    end_of_service,
    generation,
    opening,
    payments,
    periods,
    reversals,
    settings,
    suspensions,
)
from sebilling.billing.charges import ChargeKind
from sebilling.billing.deposits import DepositType
from sebilling.billing.differences import DifferenceKind
from sebilling.billing.isolation import blocks, policy, promises
from sebilling.billing.isolation.policy import IsolationMode
from sebilling.billing.payments import PaymentMethod
from sebilling.clock import Month
from sebilling.db.engine import WriteSession
from tests.rules.world import AT, BEFORE, DAY, JANUARY, MARCH, TODAY, World

Do = Callable[[World, WriteSession], Awaitable[Any]]
Prepare = Callable[[World], Awaitable[None]]
WHY = "sesuai aturan"


async def nothing(_world: World) -> None:
    """Budi owes and is blocked."""


# --- money that comes ---------------------------------------------------------------------------------------------------


def pay(amount: int, method: str = "CASH", *, invoice: str | None = None) -> Do:
    async def do(world: World, session: WriteSession) -> None:
        invoices = None if invoice is None else [world.bills[invoice]]
        received = payments.Received(world.people["late"], amount, PaymentMethod[method], world.key(), invoice_ids=invoices)
        await payments.record(session, received)

    return do


def pay_late(amount: int) -> Do:
    """In cash that Kasir had collected before anything else was done."""

    async def do(world: World, session: WriteSession) -> None:
        received = payments.Received(world.people["late"], amount, PaymentMethod.CASH, world.key(), collected_at=BEFORE - DAY)
        await payments.record(session, received)

    return do


def paid(amount: int) -> Prepare:
    """Some days ago, in cash."""

    async def prepare(world: World) -> None:
        await world.pay(amount)

    return prepare


def paid_today(amount: int, method: str) -> Prepare:
    async def prepare(world: World) -> None:
        await world.pay(amount, method=PaymentMethod[method], at=AT - timedelta(minutes=10))

    return prepare


async def block_by_hand(world: World) -> None:
    await world.do(lambda session: blocks.block(session, world.people["late"], reason=WHY))


async def paid_though_blocked_by_hand(world: World) -> None:
    await block_by_hand(world)
    await world.pay(300_000)


async def restore_by_hand(world: World, session: WriteSession) -> None:
    await blocks.restore(session, world.people["late"], reason=WHY)


async def reverse_payment(world: World, session: WriteSession) -> None:
    await corrections.reverse_payment(session, world.made["paid"], reason=WHY, key=world.key())


# --- invoices -----------------------------------------------------------------------------------------------------------


def void(month: str, *, release: bool = False) -> Do:
    async def do(world: World, session: WriteSession) -> None:
        await corrections.void_invoice(session, world.bills[month], reason=WHY, key=world.key(), release_payments=release)

    return do


def write_off(month: str, amount: int | None = None) -> Do:
    async def do(world: World, session: WriteSession) -> None:
        await corrections.write_off(session, world.bills[month], reason=WHY, key=world.key(), amount=amount)

    return do


def written_off(month: str) -> Prepare:
    """After a payment of Rp100.000: less than the minimum is owed then."""

    async def prepare(world: World) -> None:
        await world.pay(100_000)
        await world.do(lambda session: write_off(month)(world, session))
        world.made["write_off"] = await world.newest("write_off")

    return prepare


def reverse_write_off(month: str) -> Do:
    async def do(world: World, session: WriteSession) -> None:
        number, invoice = world.made["write_off"], world.bills[month]
        await reversals.reverse_write_off(session, number, invoice_id=invoice, reason=WHY, key=world.key())

    return do


# --- credit -------------------------------------------------------------------------------------------------------------


async def refund(world: World, session: WriteSession) -> None:
    """Everything that is free of the payment, from the drawer of who does it."""
    await corrections.refund(session, world.made["paid"], method=PaymentMethod.CASH, reason=WHY, key=world.key())


async def refunded_then_owing(world: World) -> None:
    """Rp250.000 were refunded, and then another payment turned out to be none: January and February are owed again."""
    await world.pay(300_000, name="none", method=PaymentMethod.TRANSFER)
    await world.pay(250_000)
    await world.do(lambda session: refund(world, session), by="kasir")
    world.made["refund"] = await world.newest("refund")
    await _owing_again(world)


async def reverse_refund(world: World, session: WriteSession) -> None:
    refund_id, payment_id = world.made["refund"], world.made["paid"]
    await reversals.reverse_refund(session, refund_id, payment_id=payment_id, reason=WHY, key=world.key())


def credit_held_beside_debts(amount: int) -> Prepare:
    async def prepare(world: World) -> None:
        await world.pay(300_000, name="none", method=PaymentMethod.TRANSFER)
        await world.pay(amount)
        await world.do(lambda session: hold_credit(world, session))
        await _owing_again(world)

    return prepare


async def _owing_again(world: World) -> None:
    await world.do(lambda session: corrections.reverse_payment(session, world.made["none"], reason=WHY, key=world.key()))
    await world.sweep(BEFORE)


async def hold_credit(world: World, session: WriteSession) -> None:
    await credit.hold(session, world.made["paid"], reason=WHY, key=world.key())


def apply_credit(month: str | None = None) -> Do:
    async def do(world: World, session: WriteSession) -> None:
        invoice = None if month is None else world.bills[month]
        await credit.apply(session, world.people["late"], key=world.key(), invoice_id=invoice)

    return do


async def generate(world: World, session: WriteSession) -> None:
    """March, for Budi alone."""
    started = await generation.start(session, MARCH, key=world.key(), customer_id=world.people["late"])
    while await generation.advance(session, chunk=100, run_id=started.run_id):
        pass


def late_fees(amount: int) -> Prepare:
    """For every invoice that isn't paid on its due day."""

    async def prepare(world: World) -> None:
        await world.do(lambda session: settings.change(session, late_fee=amount, late_fee_after_days=0))

    return prepare


def open_with(*, arrears: int = 0, credit: int = 0) -> Do:
    """An opening balance of January, of somebody who has nothing yet."""

    async def do(world: World, session: WriteSession) -> None:
        given = opening.Opening(world.people["newcomer"], arrears=arrears, credit=credit)
        await opening.record(session, JANUARY, [given], by=world.actors["siti"].user_id or 0)

    return do


def opened_with(*, arrears: int) -> Prepare:
    async def prepare(world: World) -> None:
        await world.do(lambda session: open_with(arrears=arrears)(world, session))
        world.made["opening"] = await world.newest("invoice")

    return prepare


async def void_opening(world: World, session: WriteSession) -> None:
    await corrections.void_invoice(session, world.made["opening"], reason=WHY, key=world.key())


# --- deposits -----------------------------------------------------------------------------------------------------------


async def submit_deposit(world: World, session: WriteSession) -> None:
    await deposits.submit(session, counter_id=world.isp.counters["TIMUR"], amount=250_000, type=DepositType.MANUAL, key=world.key())


async def submitted(world: World) -> None:
    """Rp250.000 of the Rp300.000 in the drawer."""
    await world.pay(300_000)
    await world.submit(250_000)


def handed_in(counted: int) -> Prepare:
    """Rp250.000 of the Rp300.000 in the drawer were handed over, and so much was counted."""

    async def prepare(world: World) -> None:
        await world.pay(300_000)
        await world.hand_in(250_000, counted)

    return prepare


def verify_deposit(counted: int | None = None) -> Do:
    async def do(world: World, session: WriteSession) -> None:
        await deposits.verify(session, world.made["deposit"], counted=counted, key=world.key())

    return do


async def reject_deposit(world: World, session: WriteSession) -> None:
    await deposits.reject(session, world.made["deposit"], reason=WHY, key=world.key())


def correct_deposit(counted: int) -> Do:
    async def do(world: World, session: WriteSession) -> None:
        await differences.correct(session, world.made["deposit"], counted=counted, reason=WHY, key=world.key())

    return do


def settle(kind: str) -> Do:
    """Rp10.000 of the difference."""

    async def do(world: World, session: WriteSession) -> None:
        collector = world.actors["kasir"].user_id or 0
        place = {"counter_id": world.isp.counters["TIMUR"], "collector_id": collector}
        await differences.settle(session, DifferenceKind(kind), amount=10_000, reason=WHY, key=world.key(), **place)

    return do


async def settled_shortage(world: World) -> None:
    await handed_in(240_000)(world)
    await world.do(lambda session: settle("SHORTAGE")(world, session))
    world.made["settlement"] = await world.newest("difference_settlement")


async def reverse_settlement(world: World, session: WriteSession) -> None:
    settlement, deposit = world.made["settlement"], world.made["deposit"]
    await differences.reverse(session, settlement, deposit_id=deposit, reason=WHY, key=world.key())


# --- terms --------------------------------------------------------------------------------------------------------------


async def promise(world: World, session: WriteSession) -> None:
    """For today, in Jayapura."""
    await promises.record(session, world.people["late"], until_on=TODAY, reason=WHY)


def manual(*, customer: bool = False, counter: bool = False) -> Do:
    """Who is blocked by hand only: Budi, TIMUR, everybody."""

    async def do(world: World, session: WriteSession) -> None:
        customer_id = world.people["late"] if customer else None
        counter_id = world.isp.counters["TIMUR"] if counter else None
        await policy.set_policy(session, mode=IsolationMode.MANUAL, days=0, customer_id=customer_id, counter_id=counter_id)

    return do


async def blocked_for_less(world: World) -> None:
    """Budi's own policy blocks him for Rp50.000, which everybody else may owe."""
    budi = world.people["late"]
    await world.do(lambda session: policy.set_policy(session, mode=IsolationMode.FROM_INVOICE, days=7, minimum=1, customer_id=budi))
    await world.pay(250_000)


async def forget_policy(world: World, session: WriteSession) -> None:
    await policy.forget_policy(session, customer_id=world.people["late"])


async def pause(world: World, session: WriteSession) -> None:
    await suspensions.pause(session, world.people["late"], from_on=TODAY, reason=WHY)


async def paused(world: World) -> None:
    await world.do(lambda session: suspensions.pause(session, world.people["late"], from_on=TODAY - 40 * DAY, reason=WHY))


async def resume(world: World, session: WriteSession) -> None:
    await suspensions.resume(session, world.people["late"])


async def paused_by_the_sweep(world: World) -> None:
    """Blocked the day before, and one day is long."""
    await world.do(lambda session: settings.change(session, pause_after_blocked_days=1))
    await world.sweep(BEFORE)


async def end_service(world: World, session: WriteSession) -> None:
    await end_of_service.end(session, world.people["late"], on=TODAY + DAY, reason=WHY)


async def service_ending(world: World) -> None:
    await world.do(lambda session: end_service(world, session))


async def undo_end_of_service(world: World, session: WriteSession) -> None:
    await end_of_service.undo(session, world.people["late"])


async def nobody_blocked_at_barat(world: World) -> None:
    barat = world.isp.counters["BARAT"]
    await world.do(lambda session: policy.set_policy(session, mode=IsolationMode.MANUAL, days=0, counter_id=barat))
    await world.sweep(BEFORE)


async def charge(world: World, session: WriteSession) -> None:
    await charges.add(session, world.people["late"], kind=ChargeKind.DEVICE, description="Modem", amount=75_000, key=world.key())


async def discount(world: World, session: WriteSession) -> None:
    await charges.discount(
        session, customer_id=world.people["late"], amount=25_000, description="Promo", from_on=TODAY - 60 * DAY, key=world.key()
    )


async def move(world: World, session: WriteSession) -> None:
    await customers.update(session, world.people["late"], counter_id=world.isp.counters["BARAT"])


async def deactivate(world: World, session: WriteSession) -> None:
    await customers.update(session, world.people["late"], active=False)


async def reprice(world: World, session: WriteSession) -> None:
    """A price agreed, and an installation that was earlier."""
    await customers.update(session, world.people["late"], price=99_000, installed_on=date(2025, 1, 1))


def close(month: str) -> Do:
    async def do(_world: World, session: WriteSession) -> None:
        await periods.close(session, Month(int(month[:4]), int(month[5:])), incomplete=True)

    return do


def closed(month: str) -> Prepare:
    async def prepare(world: World) -> None:
        await world.do(lambda session: close(month)(world, session))

    return prepare


def reopen(month: str) -> Do:
    async def do(world: World, session: WriteSession) -> None:
        await periods.reopen(session, Month(int(month[:4]), int(month[5:])), reason=WHY, key=world.key())

    return do
