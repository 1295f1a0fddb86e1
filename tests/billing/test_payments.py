"""Payments: allocation against a simple model, credit, keys, rights."""

import uuid
from datetime import UTC, date, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sebilling.billing import counters, payments
from sebilling.clock import Month
from sebilling.db.engine import Database
from sebilling.errors import IdempotencyMismatch, InvalidAmount, InvalidText, InvoiceNotPayable, NotFound
from sebilling.money import MAX_RUPIAH
from tests.harness import Isp, clerk


def settled(owed: list[int], paid: list[int]) -> tuple[list[int], int]:
    """What remains of each debt, the oldest first, and what is left over: the model, by hand, rupiah by rupiah."""
    rest, credit = list(owed), 0
    for amount in paid:
        for place, debt in enumerate(rest):
            part = min(debt, amount)
            rest[place] -= part
            amount -= part  # noqa: PLW2901 - money runs through the fingers
        credit += amount
    return rest, credit


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    months=st.integers(0, 4),
    price=st.integers(1, 1_000_000),
    paid=st.lists(st.integers(1, 2_000_000), max_size=6),
)
async def test_money_goes_to_the_oldest_debt_and_the_rest_is_credit(database: Database, months: int, price: int, paid: list[int]) -> None:
    isp = await _fresh(database)
    customer_id = await isp.customer(price=price)
    for number in range(months):
        await isp.open(Month(2026, 1).plus(number))
        await isp.generate(Month(2026, 1).plus(number))
    for amount in paid:
        await isp.pay(customer_id, amount)
    rest, credit = settled([price] * months, paid)
    assert [
        row[0] for row in await isp.rows("SELECT total - allocated FROM invoice WHERE customer_id = :c ORDER BY due_on", c=customer_id)
    ] == rest
    assert await isp.value("SELECT coalesce(sum(amount - allocated), 0) FROM payment WHERE customer_id = :c", c=customer_id) == credit
    await isp.check()


async def _fresh(database: Database) -> Isp:
    """An ISP in the test's database, emptied: Hypothesis gives every example the same one."""
    connection = database.connection  # type: ignore[attr-defined]
    await connection.rollback()
    await connection.begin()
    return await Isp.make(database)


async def test_named_invoices_are_paid_in_the_order_given(database: Database) -> None:
    isp = await Isp.make(database)
    customer_id = await isp.customer()
    for number in (1, 2, 3):
        await isp.open(Month(2026, number))
        await isp.generate(Month(2026, number))
    ids = [row[0] for row in await isp.rows("SELECT id FROM invoice ORDER BY due_on")]
    await isp.pay(customer_id, 200_000, invoice_ids=[ids[2], ids[1]])
    assert await isp.rows("SELECT allocated FROM invoice ORDER BY due_on") == [(0,), (50_000,), (150_000,)]
    await isp.pay(customer_id, 150_000, invoice_ids=[ids[2]])
    assert await isp.rows("SELECT allocated FROM invoice ORDER BY due_on") == [(150_000,), (50_000,), (150_000,)]
    assert await isp.value("SELECT surplus_because FROM payment ORDER BY id DESC LIMIT 1") == "ALREADY_PAID", "told to who resolves it"
    await isp.check()


@pytest.mark.parametrize(
    ("owed", "amount", "reason"),
    [(0, 1, "IN_ADVANCE"), (0, 150_000, "IN_ADVANCE"), (1, 149_999, ""), (1, 150_000, ""), (1, 150_001, "OVERPAID"), (2, 150_001, ""),
     (2, 300_000, ""), (2, 300_001, "OVERPAID")],
)  # fmt: skip
async def test_a_surplus_has_its_reason(database: Database, owed: int, amount: int, reason: str) -> None:
    """Of payments that name no invoice: what is above the debt is OVERPAID, or IN_ADVANCE if there is none."""
    isp = await Isp.make(database)
    customer_id = await isp.customer(price=150_000)
    for number in range(1, owed + 1):
        await isp.open(Month(2026, number))
        await isp.generate(Month(2026, number))
    await isp.pay(customer_id, amount)
    assert await isp.value("SELECT surplus_because FROM payment") == reason
    await isp.check()


async def test_an_invoice_of_someone_else_is_refused_and_nothing_changes(database: Database) -> None:
    isp = await Isp.make(database)
    one, other = await isp.customer(), await isp.customer()
    await isp.open()
    await isp.generate()
    (foreign,) = await isp.rows("SELECT id FROM invoice WHERE customer_id = :c", c=other)
    with pytest.raises(InvoiceNotPayable):
        await isp.pay(one, 1_000, invoice_ids=[foreign[0]])
    assert await isp.rows("SELECT 1 FROM payment") == []
    assert await isp.rows("SELECT 1 FROM idempotency_key WHERE operation = 'recordPayment'") == []


@pytest.mark.parametrize("amount", [0, -1, -(10**18), MAX_RUPIAH + 1, 10**18])
async def test_amounts_that_are_none(database: Database, amount: int) -> None:
    isp = await Isp.make(database)
    customer_id = await isp.customer()
    with pytest.raises(InvalidAmount):
        await isp.pay(customer_id, amount)
    assert await isp.rows("SELECT 1 FROM payment") == []


async def test_the_largest_amount_is_kept_to_the_rupiah(database: Database) -> None:
    isp = await Isp.make(database)
    await isp.pay(await isp.customer(), MAX_RUPIAH)
    assert await isp.value("SELECT amount - allocated FROM payment") == MAX_RUPIAH


async def test_the_same_key_is_the_same_payment_whatever_happened_since(database: Database) -> None:
    isp = await Isp.make(database)
    customer_id = await isp.customer()
    key = str(uuid.uuid4())
    first = await isp.pay(customer_id, 5_000, key=key)
    again = await isp.pay(customer_id, 5_000, key=key, at=datetime(2026, 2, 9, tzinfo=UTC))
    assert (again.payment_id, again.replayed, first.replayed) == (first.payment_id, True, False)
    with pytest.raises(IdempotencyMismatch):
        await isp.pay(customer_id, 5_001, key=key)
    with pytest.raises(IdempotencyMismatch):
        await isp.pay(await isp.customer(), 5_000, key=key)
    assert await isp.value("SELECT count(*) FROM payment") == 1


@pytest.mark.parametrize("key", ["", "short", "x" * 101, "with\nnewline", "päymentkey"])
async def test_keys_that_are_none(database: Database, key: str) -> None:
    isp = await Isp.make(database)
    with pytest.raises(InvalidText):
        await isp.pay(await isp.customer(), 5_000, key=key)


async def test_a_clerk_takes_money_at_their_own_counter_only(database: Database) -> None:
    isp = await Isp.make(database, "LKT01", "LKT02")
    own, foreign = await isp.customer(counter="LKT01"), await isp.customer(counter="LKT02")
    actor = clerk(isp.admin.user_id or 0, isp.counters["LKT01"])

    async def take(customer_id: int, counter: str | None = None) -> None:
        async with database.transaction(actor=actor, at=datetime(2026, 2, 3, tzinfo=UTC)) as session:
            received = payments.Received(
                customer_id=customer_id, amount=1, method=payments.PaymentMethod.CASH, key=str(uuid.uuid4()),
                counter_id=None if counter is None else isp.counters[counter],
            )  # fmt: skip
            await payments.record(session, received)

    await take(own)
    await take(own, "LKT01")
    with pytest.raises(NotFound):
        await take(foreign)
    with pytest.raises(NotFound):
        await take(own, "LKT02")
    assert await isp.value("SELECT count(*) FROM payment") == 2


async def test_the_day_of_a_payment_is_the_counters_day(database: Database) -> None:
    isp = await Isp.make(database)
    async with isp.write() as session:
        isp.counters["TIM"] = await counters.create(session, code="TIM", name="Jayapura", timezone="Asia/Jayapura")
    at = datetime(2026, 1, 31, 16, 30, tzinfo=UTC)  # 23:30 on the 31st in Jakarta, 01:30 on the 1st in Jayapura
    await isp.pay(await isp.customer(counter="LKT01"), 1, at=at)
    await isp.pay(await isp.customer(counter="TIM"), 1, at=at)
    assert await isp.rows("SELECT received_on FROM payment ORDER BY id") == [(date(2026, 1, 31),), (date(2026, 2, 1),)]
