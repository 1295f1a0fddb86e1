"""Credit never lies beside a debt: whoever has paid in full owes nothing, however the money was named, freed or held."""

import uuid
from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import text

from sebilling.actor import Role
from sebilling.billing import corrections, credit
from sebilling.billing.payments import PaymentMethod
from sebilling.clock import Month
from sebilling.db.engine import Database
from sebilling.errors import AlreadyCorrected, AlreadyHeld, NoCredit, NothingOwed
from tests.harness import FEBRUARY, Api, Isp, make_user

MARCH = Month(2026, 3)
PRICE = 150_000


async def with_two_debts(database: Database) -> tuple[Isp, int, int, int]:
    """An ISP, its customer, and their invoices of February and March: Rp150.000 each, open."""
    isp = await Isp.make(database)
    customer = await isp.customer()
    for month in (FEBRUARY, MARCH):
        await isp.open(month)
        await isp.generate(month)
    older, newer = [row[0] for row in await isp.rows("SELECT id FROM invoice ORDER BY due_on")]
    return isp, customer, older, newer


async def owed(isp: Isp, customer: int) -> tuple[int, int]:
    """Outstanding and credit of a customer, every invariant holding."""
    await isp.check()
    (row,) = await isp.rows(
        "SELECT (SELECT sum(outstanding)::bigint FROM invoice WHERE customer_id = :c), (SELECT sum(credit)::bigint FROM payment"
        " WHERE customer_id = :c)", c=customer,
    )  # fmt: skip
    return row[0], row[1]


def key() -> str:
    return str(uuid.uuid4())


async def test_money_beyond_the_named_invoice_settles_the_older_debt(database: Database) -> None:
    isp, customer, older, newer = await with_two_debts(database)
    await isp.pay(customer, 2 * PRICE, invoice_ids=[newer])
    assert await owed(isp, customer) == (0, 0)
    assert await isp.rows("SELECT invoice_id, amount FROM allocation ORDER BY id") == [(newer, PRICE), (older, PRICE)]
    assert await isp.value("SELECT surplus_because FROM payment") == ""


async def test_a_named_invoice_comes_first_even_if_the_money_ends_there(database: Database) -> None:
    isp, customer, older, newer = await with_two_debts(database)
    await isp.pay(customer, PRICE + 1, invoice_ids=[newer])
    assert await isp.rows("SELECT id, outstanding FROM invoice ORDER BY id") == [(older, PRICE - 1), (newer, 0)]


async def test_no_invoice_named_means_the_oldest_first_and_is_the_same_request(database: Database) -> None:
    isp, customer, older, newer = await with_two_debts(database)
    first = await isp.pay(customer, PRICE, invoice_ids=[], key="kunci-satu")
    assert await isp.rows("SELECT id, outstanding FROM invoice ORDER BY id") == [(older, 0), (newer, PRICE)]
    again = await isp.pay(customer, PRICE, invoice_ids=None, key="kunci-satu")
    assert (again.payment_id, again.replayed) == (first.payment_id, True)


async def test_paid_twice_is_told_though_another_debt_takes_it(database: Database) -> None:
    isp, customer, older, newer = await with_two_debts(database)
    await isp.pay(customer, PRICE, invoice_ids=[older])
    await isp.pay(customer, PRICE, invoice_ids=[older])
    assert await owed(isp, customer) == (0, 0)
    assert await isp.rows("SELECT surplus_because FROM payment ORDER BY id") == [("",), ("ALREADY_PAID",)]
    assert await isp.value("SELECT outstanding FROM invoice WHERE id = :i", i=newer) == 0


async def test_money_for_an_invoice_that_was_voided_meanwhile_settles_the_other(database: Database) -> None:
    isp, customer, older, newer = await with_two_debts(database)
    async with isp.write() as session:
        await corrections.void_invoice(session, newer, reason="salah", key=key())
    await isp.pay(customer, PRICE, invoice_ids=[newer])
    assert await owed(isp, customer) == (0, 0)
    assert await isp.value("SELECT outstanding FROM invoice WHERE id = :i", i=older) == 0


Deed = Callable[[Isp, int, int, int], Awaitable[None]]


async def void_the_newer(isp: Isp, customer: int, older: int, newer: int) -> None:
    await isp.pay(customer, PRICE, invoice_ids=[newer])
    async with isp.write() as session:
        await corrections.void_invoice(session, newer, reason="salah", key=key(), release_payments=True)


async def reverse_beside_held_no_longer(isp: Isp, customer: int, older: int, newer: int) -> None:
    """Both debts are paid and something is over; then the payment of one bounces."""
    bounced = await isp.pay(customer, PRICE, method=PaymentMethod.TRANSFER, invoice_ids=[older])
    await isp.pay(customer, 2 * PRICE, invoice_ids=[newer])
    async with isp.write() as session:
        await corrections.reverse_payment(session, bounced.payment_id, reason="batal", key=key())


@pytest.mark.parametrize("deed", [void_the_newer, reverse_beside_held_no_longer])
async def test_whatever_frees_money_or_opens_a_debt_settles(database: Database, deed: Deed) -> None:
    isp, customer, older, newer = await with_two_debts(database)
    await deed(isp, customer, older, newer)
    assert (await owed(isp, customer)) == (0, 0)
    told = await isp.rows("SELECT subject_id, (data->>'amount')::bigint FROM event WHERE kind = 'credit.applied'")
    assert told == [(customer, PRICE)]


async def test_a_hold_keeps_credit_until_it_is_applied(database: Database) -> None:
    isp = await Isp.make(database)
    customer = await isp.customer()
    paid = await isp.pay(customer, 2 * PRICE)
    async with isp.write() as session:
        assert not await credit.hold(session, paid.payment_id, reason="uang jaminan alat", key="tahan-satu")
        assert await credit.hold(session, paid.payment_id, reason="uang jaminan alat", key="tahan-satu")
    with pytest.raises(AlreadyHeld):
        async with isp.write() as session:
            await credit.hold(session, paid.payment_id, reason="lagi", key=key())
    await isp.open()
    await isp.generate()
    assert await owed(isp, customer) == (PRICE, 2 * PRICE)
    async with isp.write() as session:
        await credit.apply(session, customer, key=key())
    assert await owed(isp, customer) == (0, PRICE)
    with pytest.raises(NothingOwed):
        async with isp.write() as session:
            await credit.apply(session, customer, key=key())
    await isp.open(MARCH)
    await isp.generate(MARCH)
    assert await owed(isp, customer) == (0, 0), "the hold has ended"
    with pytest.raises(NoCredit):
        async with isp.write() as session:
            await credit.apply(session, customer, key=key())


async def test_the_oldest_money_settles_first(database: Database) -> None:
    isp = await Isp.make(database)
    customer = await isp.customer()
    older, newer = [(await isp.pay(customer, amount)).payment_id for amount in (100_000, 120_000)]
    async with isp.write() as session:
        for payment in (older, newer):
            await credit.hold(session, payment, reason="tahan", key=key())
    await isp.open()
    await isp.generate()
    async with isp.write() as session:
        await credit.apply(session, customer, key=key())
    assert await isp.rows("SELECT id, credit FROM payment ORDER BY id") == [(older, 0), (newer, 70_000)]


async def test_a_hold_may_come_before_the_money_is_free(database: Database) -> None:
    isp, customer, _older, newer = await with_two_debts(database)
    paid = await isp.pay(customer, PRICE, invoice_ids=[newer])
    async with isp.write() as session:
        await credit.hold(session, paid.payment_id, reason="akan dikembalikan", key=key())
        await corrections.void_invoice(session, newer, reason="salah", key=key(), release_payments=True)
    assert await owed(isp, customer) == (PRICE, PRICE)
    async with isp.write() as session:
        await corrections.refund(session, paid.payment_id, method=PaymentMethod.CASH, reason="diminta", key=key())
    assert await owed(isp, customer) == (PRICE, 0)


async def test_money_that_was_not_received_is_not_held(database: Database) -> None:
    isp = await Isp.make(database)
    paid = await isp.pay(await isp.customer(), PRICE)
    async with isp.write() as session:
        await corrections.reverse_payment(session, paid.payment_id, reason="salah", key=key())
    with pytest.raises(AlreadyCorrected):
        async with isp.write() as session:
            await credit.hold(session, paid.payment_id, reason="tahan", key=key())


@pytest.mark.parametrize("statement", ["UPDATE credit_hold SET reason = 'x'", "DELETE FROM credit_hold", "TRUNCATE credit_hold"])
async def test_holds_are_written_once(database: Database, statement: str) -> None:
    isp = await Isp.make(database)
    paid = await isp.pay(await isp.customer(), PRICE)
    async with isp.write() as session:
        await credit.hold(session, paid.payment_id, reason="tahan", key=key())
    with pytest.raises(Exception, match="append-only"):
        async with isp.write() as session:
            await session.execute(text(statement))


async def test_the_office_holds_and_applies_over_graphql(database: Database) -> None:
    isp = await Isp.make(database)
    customer = await isp.customer()
    paid = await isp.pay(customer, PRICE)
    async with isp.write() as session:
        await make_user(session, "kasir", Role.CLERK, "LKT01")
    hold = "mutation($i: HoldCreditInput!) { holdCredit(input: $i) { payment { credit creditHoldReason } replayed errors { code } } }"
    given = {"paymentId": f"pay_{paid.payment_id}", "reason": "uang jaminan", "idempotencyKey": "tahan-titipan"}
    api = Api(database)
    await api.sign_in("kasir")
    assert (await api.ask(hold, i=given))["errors"][0]["code"] == "FORBIDDEN"
    await api.sign_in()
    told = {"payment": {"credit": PRICE, "creditHoldReason": "uang jaminan"}, "errors": []}
    assert await api.ask(hold, i=given) == told | {"replayed": False}
    assert await api.ask(hold, i=given) == told | {"replayed": True}
    await isp.open()
    await isp.generate()
    apply = "mutation($i: ApplyCreditInput!) { applyCredit(input: $i) { customer { outstanding credit } errors { code } } }"
    answer = await api.ask(apply, i={"customerId": f"cus_{customer}", "idempotencyKey": "pakai-titipan"})
    assert answer == {"customer": {"outstanding": 0, "credit": 0}, "errors": []}
