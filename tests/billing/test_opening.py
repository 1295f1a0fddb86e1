"""Opening balances: whoever comes from another system owes what they owed there, and every later month is right."""

from datetime import date

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from sebilling.actor import EVERYWHERE
from sebilling.billing import billing_cycles, corrections, opening, periods, recap
from sebilling.billing.isolation import forecast, policy
from sebilling.billing.isolation.policy import IsolationMode
from sebilling.billing.opening import Opening, Past
from sebilling.billing.payments import PaymentMethod
from sebilling.clock import Month
from sebilling.db.engine import Database
from sebilling.errors import AlreadyExists, InvalidDate, InvalidNumber, InvalidText, NotFound, PeriodClosed
from tests.harness import FEBRUARY, NOW, Isp, counted_statements

JANUARY = Month(2026, 1)
PRICE = 150_000


async def bring_in(isp: Isp, *openings: Opening, month: Month = JANUARY, past: tuple[Past, ...] = ()) -> opening.Recorded:
    async with isp.write() as session:
        return await opening.record(session, month, openings, by=isp.admin.user_id or 0, past=past)


async def recaps(isp: Isp, month: Month) -> dict[str, tuple[int, int, int, int]]:
    """By counter: billed, received, outstanding, credit."""
    async with isp.database.reading() as session:
        found = await recap.read(session, month, scope=EVERYWHERE)
    return {one.counter_code: (one.total_billed, one.total_received, one.outstanding, one.credit) for one in found}


async def test_arrears_credit_and_billed_days_come_in_and_the_next_month_is_right(database: Database) -> None:
    isp = await Isp.make(database, "LKT01", "LKT02")
    owing, ahead, even = await isp.customer("A"), await isp.customer("B", counter="LKT02"), await isp.customer("C")
    told = await bring_in(
        isp, Opening(owing, arrears=300_000, due_on=date(2025, 12, 20)), Opening(ahead, credit=50_000), Opening(even),
    )  # fmt: skip
    assert told == opening.Recorded(3, 300_000, 50_000)
    await isp.check()
    assert await recaps(isp, JANUARY) == {"LKT01": (300_000, 0, 300_000, 0), "LKT02": (0, 50_000, 0, 50_000)}
    assert await isp.rows("SELECT number, due_on, total, plan_name FROM invoice") == [
        ("INV/2026-01/LKT01/000001", date(2025, 12, 20), 300_000, "Saldo awal")
    ]
    assert await isp.value("SELECT sum(on_hand) FROM drawer") is None, "what was paid ahead lies in no drawer"
    journal = "SELECT debit, credit, amount::bigint FROM journal WHERE posted_on = '2026-01-31' ORDER BY amount"
    assert await isp.rows(journal) == [("OPENING_BALANCE", "CREDIT", 50_000), ("RECEIVABLE", "OPENING_BALANCE", 300_000)]
    await isp.open()
    assert (await isp.generate()).issued == 3
    await isp.pay(owing, 300_000 + PRICE)
    await isp.check()
    assert await recaps(isp, FEBRUARY) == {"LKT01": (2 * PRICE, 450_000, PRICE, 0), "LKT02": (PRICE, 0, 100_000, 0)}
    assert await isp.rows("SELECT customer_id, outstanding FROM invoice WHERE outstanding > 0 ORDER BY 1") == [
        (ahead, 100_000), (even, PRICE)
    ]  # fmt: skip


async def test_days_that_the_system_before_has_billed_are_not_billed_again(database: Database) -> None:
    isp = await Isp.make(database)
    until, cycle = await isp.customer("A"), await isp.customer("B")
    await bring_in(isp, Opening(until, billed_until=date(2026, 2, 15)), Opening(cycle, billed_until=date(2026, 3, 1), cycle_months=3))
    for month in (FEBRUARY, Month(2026, 3)):
        await isp.open(month)
        await isp.generate(month)
    stretches = "SELECT customer_id, covers_from, covers_until, total FROM invoice ORDER BY id"
    assert await isp.rows(stretches) == [
        (until, date(2026, 2, 15), date(2026, 3, 1), 75_000),
        (until, date(2026, 3, 1), date(2026, 4, 1), PRICE),
        (cycle, date(2026, 3, 1), date(2026, 6, 1), 3 * PRICE),
    ]
    async with isp.database.reading() as session:
        assert (await billing_cycles.standing(session, cycle, at=NOW, scope=EVERYWHERE)).first_possible == date(2026, 6, 1)
    await isp.check()


async def test_nobody_is_blocked_on_the_day_of_the_import(database: Database) -> None:
    isp = await Isp.make(database)
    owing = await isp.customer()
    async with isp.write() as session:
        await policy.set_policy(session, mode=IsolationMode.FROM_INVOICE, days=10)
    await bring_in(isp, Opening(owing, arrears=PRICE, due_on=date(2025, 6, 20)))
    async with isp.database.reading() as session:
        upcoming = await forecast.of_customer(session, owing, scope=EVERYWHERE)
    assert upcoming is not None
    assert upcoming.block_on == date(2026, 2, 13)


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"arrears": -1}, InvalidNumber),
        ({"arrears": 1, "credit": 1}, InvalidNumber),
        ({"credit": 10**15 + 1}, InvalidNumber),
        ({"cycle_months": 0}, InvalidNumber),
        ({"cycle_months": 3}, InvalidNumber),
        ({"billed_until": date(2024, 1, 1)}, InvalidDate),
        ({"due_on": date(1980, 1, 1), "arrears": 1}, InvalidDate),
    ],
)
async def test_what_can_not_be_is_refused_and_nothing_is_recorded(
    database: Database, given: dict[str, int], error: type[Exception]
) -> None:
    isp = await Isp.make(database)
    right, wrong = await isp.customer(), await isp.customer()
    with pytest.raises(error):
        await bring_in(isp, Opening(right, arrears=1_000), Opening(wrong, **given))  # type: ignore[arg-type]
    assert await isp.rows("SELECT 1 FROM period") == []
    assert await isp.rows("SELECT 1 FROM invoice") == []


async def test_each_customer_comes_in_once(database: Database) -> None:
    isp = await Isp.make(database)
    customer = await isp.customer()
    await bring_in(isp, Opening(customer, arrears=1_000))
    with pytest.raises(AlreadyExists):
        await bring_in(isp, Opening(customer))
    with pytest.raises(NotFound):
        await bring_in(isp, Opening(customer + 1))
    with pytest.raises(InvalidNumber):
        await bring_in(isp, Opening(customer), Opening(customer))
    later = await isp.customer()
    async with isp.write() as session:
        await session.execute(text("SELECT 1"))
    await isp.open()
    await isp.generate()
    with pytest.raises(AlreadyExists):
        await bring_in(isp, Opening(later, arrears=1_000))


async def test_a_closed_month_takes_no_opening_balances(database: Database) -> None:
    isp = await Isp.make(database)
    customer = await isp.customer()
    await isp.open(JANUARY)
    async with isp.write() as session:
        await periods.close(session, JANUARY, incomplete=True)
    with pytest.raises(PeriodClosed):
        await bring_in(isp, Opening(customer, arrears=1_000))


async def test_a_mistake_is_corrected_like_any_other(database: Database) -> None:
    isp = await Isp.make(database)
    owing, ahead = await isp.customer("A"), await isp.customer("B")
    await bring_in(isp, Opening(owing, arrears=PRICE), Opening(ahead, credit=PRICE))
    async with isp.write() as session:
        await corrections.void_invoice(session, await session.value(text("SELECT id FROM invoice")), reason="salah", key="batal-saldo")
        await corrections.reverse_payment(session, await session.value(text("SELECT id FROM payment")), reason="salah", key="balik-saldo")
    await isp.check()
    assert await recaps(isp, JANUARY) == {"LKT01": (0, PRICE, 0, 0)}
    balance = "SELECT sum(CASE 'OPENING_BALANCE' WHEN debit THEN amount WHEN credit THEN -amount ELSE 0 END)::bigint FROM journal"
    assert await isp.value(balance) == 0


async def test_no_money_comes_or_goes_as_an_opening_balance(database: Database) -> None:
    isp = await Isp.make(database)
    customer = await isp.customer()
    paid = await isp.pay(customer, PRICE)
    with pytest.raises(InvalidText):
        await isp.pay(customer, PRICE, method=PaymentMethod.OPENING)
    with pytest.raises(InvalidText):
        async with isp.write() as session:
            await corrections.refund(session, paid.payment_id, method=PaymentMethod.OPENING, reason="tidak ada", key="kembali-satu")


async def test_the_history_is_kept_and_counted_nowhere(database: Database) -> None:
    isp = await Isp.make(database)
    customer = await isp.customer()
    past = (Past(customer, date(2025, 11, 3), "INVOICE", PRICE, "INV-77"), Past(customer, date(2025, 11, 9), "PAYMENT", PRICE, ""))
    await bring_in(isp, Opening(customer), past=past)
    assert await isp.rows("SELECT happened_on, kind, amount, note FROM opening_history ORDER BY id") == [
        (one.happened_on, one.kind, one.amount, one.note) for one in past
    ]
    assert await isp.rows("SELECT 1 FROM journal") == []


async def test_money_that_came_before_the_opening_settles_what_it_brings(database: Database) -> None:
    """A payment was recorded before the balances were brought in: it never lies as credit beside the arrears."""
    isp = await Isp.make(database)
    customer, other = await isp.customer(), await isp.customer()
    await isp.pay(customer, PRICE)
    await isp.pay(other, PRICE)
    await isp.hold(await isp.value("SELECT max(id) FROM payment"))
    await bring_in(isp, Opening(customer, arrears=PRICE + 1), Opening(other, arrears=PRICE))
    assert await isp.rows("SELECT outstanding FROM invoice ORDER BY customer_id") == [(1,), (PRICE,)]
    assert await isp.rows("SELECT credit FROM payment ORDER BY id") == [(0,), (PRICE,)]
    await isp.check()


@pytest.mark.parametrize("table", ["opening_balance", "opening_history"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET customer_id = 1", "DELETE FROM {}", "TRUNCATE {}"])
async def test_opening_documents_are_written_once(database: Database, table: str, statement: str) -> None:
    isp = await Isp.make(database)
    customer = await isp.customer()
    await bring_in(isp, Opening(customer, arrears=1), past=(Past(customer, date(2025, 1, 1), "PAYMENT", 1),))
    with pytest.raises(DBAPIError, match="append-only"):
        async with isp.write() as session:
            await session.execute(text(statement.format(table)))


async def test_it_takes_a_fixed_number_of_statements(committed: Database) -> None:
    isp = await Isp.make(committed)
    await isp.many_customers(300)
    ids = [row[0] for row in await isp.rows("SELECT id FROM customer ORDER BY id")]
    sent = []
    for part, month in ((ids[:2], JANUARY), (ids[2:], Month(2025, 12))):
        with counted_statements(committed) as statements:
            openings = [Opening(number, arrears=number % 2 * 1_000, credit=(1 - number % 2) * 7_000) for number in part]
            await bring_in(isp, *openings, month=month)
        sent.append(len(statements))
    assert sent[0] == sent[1]
    assert await isp.rows("SELECT count(*), max(sequence) FROM invoice WHERE run_id IS NULL") == [(150, 149)]
    await isp.check()
