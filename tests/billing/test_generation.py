"""Generation: everybody is accounted for, nobody is billed twice, numbers are gapless, prices are snapshots."""

from datetime import date, timedelta

import pytest

from sebilling.actor import EVERYWHERE, operator
from sebilling.billing import counters, customers, generation, periods, plans, previews
from sebilling.clock import Month
from sebilling.db.engine import Database
from sebilling.errors import GenerationRunning, IdempotencyMismatch, NotFound, PeriodClosed
from tests.harness import FEBRUARY, NOW, Api, Isp, counted_statements


async def test_everybody_is_issued_already_invoiced_or_skipped_with_the_reason(database: Database) -> None:
    isp = await Isp.make(database, "LKT01", "LKT02")
    first = await isp.customer("A")
    await isp.customer("B", counter="LKT02", price=99_000)
    await isp.customer("C", active=False)
    await isp.customer("D", installed_on=date(2026, 3, 1))
    await isp.customer("E", installed_on=date(2026, 2, 28))
    await isp.customer("F", price=0)
    await isp.open()
    async with database.reading() as session:
        expected = await previews.preview(session, FEBRUARY, at=NOW, counters=None, scope=EVERYWHERE)
    skipped = {"INACTIVE": 1, "NOT_INSTALLED_YET": 1, "ZERO_AMOUNT": 1}
    assert expected == previews.Counts(issued=3, already_invoiced=0, skipped=skipped, total_amount=399_000)

    assert await isp.generate() == expected
    async with database.reading() as session:
        named = await previews.skipped(session, FEBRUARY, at=NOW, counters=None, scope=EVERYWHERE)
        elsewhere = await previews.skipped(session, FEBRUARY, at=NOW, counters=[isp.counters["LKT02"]], scope=EVERYWHERE)
    codes = dict(await isp.rows("SELECT id, code FROM customer"))
    assert [(part.reason, part.count, [codes[number] for number in part.customer_ids]) for part in named] == [
        ("INACTIVE", 1, ["C"]), ("NOT_INSTALLED_YET", 1, ["D"]), ("ZERO_AMOUNT", 1, ["F"])
    ]  # fmt: skip
    assert elsewhere == []
    assert await isp.generate() == previews.Counts(issued=0, already_invoiced=3, skipped=skipped, total_amount=0)
    await isp.customer("G")
    assert await isp.generate() == previews.Counts(issued=1, already_invoiced=3, skipped=skipped, total_amount=150_000)
    numbers = await isp.rows("SELECT number FROM invoice ORDER BY counter_id, sequence")
    assert numbers == [(f"INV/2026-02/{place}",) for place in ("LKT01/000001", "LKT01/000002", "LKT01/000003", "LKT02/000001")]
    assert await isp.rows("SELECT covers_from, covers_until, total FROM invoice WHERE customer_id = :id", id=first) == [
        (date(2026, 2, 1), date(2026, 3, 1), 150_000)
    ]
    await isp.check()


@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 100])
async def test_the_size_of_chunks_changes_nothing(database: Database, chunk: int) -> None:
    isp = await Isp.make(database, "LKT01", "LKT02")
    for number in range(7):
        await isp.customer(counter=("LKT01", "LKT02")[number % 3 == 0], active=number != 4)
    await isp.open()
    counts = await isp.generate(chunk=chunk)
    assert counts == previews.Counts(issued=6, already_invoiced=0, skipped={"INACTIVE": 1}, total_amount=900_000)
    await isp.check()


async def test_only_the_counters_named(database: Database) -> None:
    isp = await Isp.make(database, "LKT01", "LKT02")
    await isp.customer(counter="LKT01")
    await isp.customer(counter="LKT02")
    await isp.open()
    assert (await isp.generate(counters=[isp.counters["LKT02"]])).issued == 1
    assert await isp.rows("SELECT counter_id FROM invoice") == [(isp.counters["LKT02"],)]


async def test_a_run_without_customers_or_counters_is_finished(database: Database) -> None:
    isp = await Isp.make(database)
    await isp.open()
    assert (await isp.generate()).issued == 0
    async with isp.write() as session:
        started = await generation.start(session, FEBRUARY, counters=[], key="nothing-at-all")
    assert await isp.value("SELECT count(*) FROM generation_run WHERE finished_at IS NULL") == 0
    assert started.total == 0


async def test_an_invoice_keeps_the_price_and_plan_of_its_day(database: Database) -> None:
    isp = await Isp.make(database)
    customer_id = await isp.customer()
    await isp.open()
    await isp.generate()
    async with isp.write() as session:
        await plans.update(session, isp.plan_id, price=175_000)
        other = await plans.create(session, name="Home 50M", price=350_000)
        await customers.update(session, customer_id, plan_id=other, name="Budi Baru")
    await isp.open(Month(2026, 3))
    await isp.generate(Month(2026, 3))
    assert await isp.rows(
        "SELECT plan_name, total, description, unit_price FROM invoice JOIN invoice_line ON invoice_id = id ORDER BY id"
    ) == [
        ("Home 10M", 150_000, "Home 10M", 150_000),
        ("Home 50M", 350_000, "Home 50M", 350_000),
    ]


async def test_due_on_the_counters_day_but_never_before_it_is_issued(database: Database) -> None:
    isp = await Isp.make(database)
    async with isp.write() as session:
        await counters.update(session, isp.counters["LKT01"], due_day=10)
    await isp.customer("early")
    await isp.open()
    await isp.generate()
    await isp.customer("late")
    await isp.generate(at=NOW + timedelta(days=20, hours=16))  # 01:00 on 24 February in Jakarta, the 23rd in UTC
    assert await isp.rows("SELECT due_on FROM invoice ORDER BY id") == [(date(2026, 2, 10),), (date(2026, 2, 24),)]


async def test_waiting_credit_pays_the_new_invoice_oldest_money_first(database: Database) -> None:
    isp = await Isp.make(database)
    rich, poor = await isp.customer(), await isp.customer()
    await isp.pay(rich, 100_000)
    await isp.pay(rich, 100_000)
    await isp.pay(poor, 1_000)
    await isp.open()
    await isp.generate()
    taken = await isp.rows("SELECT payment.amount - payment.allocated FROM payment ORDER BY id")
    assert taken == [(0,), (50_000,), (0,)]
    assert await isp.rows("SELECT allocated FROM invoice ORDER BY customer_id") == [(150_000,), (1_000,)]
    await isp.check()


async def test_the_same_key_is_the_same_run_and_another_body_an_error(database: Database) -> None:
    isp = await Isp.make(database)
    await isp.customer()
    await isp.open()
    assert (await isp.generate(key="a-click-1")).issued == 1
    await isp.customer()
    assert (await isp.generate(key="a-click-1")).issued == 1, "the same click starts nothing"
    assert await isp.value("SELECT count(*) FROM generation_run") == 1
    with pytest.raises(IdempotencyMismatch):
        await isp.generate(key="a-click-1", counters=[isp.counters["LKT01"]])


async def test_a_closed_period_takes_no_invoices_and_an_open_run_keeps_it_open(database: Database) -> None:
    isp = await Isp.make(database)
    await isp.customer()
    await isp.open()
    async with isp.write() as session:
        await generation.start(session, FEBRUARY, counters=None, key="not-worked-on")
    with pytest.raises(GenerationRunning):
        async with isp.write() as session:
            await periods.close(session, FEBRUARY, incomplete=True)
    async with database.transaction(actor=operator("worker"), at=NOW) as session:
        while await generation.advance(session, chunk=10):
            pass
    async with isp.write() as session:
        await periods.close(session, FEBRUARY, incomplete=True)
    with pytest.raises(PeriodClosed):
        await isp.generate()
    with pytest.raises(PeriodClosed):
        async with isp.write() as session:
            await periods.close(session, FEBRUARY, incomplete=True)
    assert await isp.value("SELECT count(*) FROM generation_run") == 1, "a refused run leaves nothing"


async def test_unknown_periods_and_counters_are_refused(database: Database) -> None:
    isp = await Isp.make(database)
    with pytest.raises(NotFound):
        await isp.generate()
    await isp.open()
    with pytest.raises(NotFound):
        await isp.generate(counters=[isp.counters["LKT01"], 999_999_999])
    assert await isp.value("SELECT count(*) FROM generation_run") == 0


async def test_a_customer_moves_to_another_counter_only_between_runs(database: Database) -> None:
    isp = await Isp.make(database, "LKT01", "LKT02")
    customer_id = await isp.customer()
    await isp.open()
    async with isp.write() as session:
        started = await generation.start(session, FEBRUARY, counters=None, key="not-worked-on")
    with pytest.raises(GenerationRunning):
        async with isp.write() as session:
            await customers.update(session, customer_id, counter_id=isp.counters["LKT02"])
    await generation.work(isp.write, run_id=started.run_id, chunk=10)
    async with isp.write() as session:
        await customers.update(session, customer_id, counter_id=isp.counters["LKT02"])
    assert (await isp.generate()).already_invoiced == 1, "who moved isn't billed again at the new counter"
    await isp.check()


async def test_a_thousand_customers_of_three_counters_take_ten_statements_as_many_as_three(committed: Database) -> None:
    isp = await Isp.make(committed, "LKT01", "LKT02", "LKT03")
    api = Api(committed)
    await api.sign_in()
    document = "mutation($i: GenerateInvoicesInput!) { generateInvoices(input: $i) { run { issued skipped { count } } errors { code } } }"
    counted = []
    for number, customers_each in enumerate((1, 332)):
        for code in isp.counters:
            await isp.many_customers(customers_each, counter=code, first=10 * number)
        month = Month(2026, 2).plus(number)
        await isp.open(month)
        with counted_statements(committed) as sent:
            payload = await api.do(document, i={"month": str(month), "idempotencyKey": f"key-for-{month}"})
        counted.append((payload["run"]["issued"], len(sent)))
    assert counted == [(3, counted[0][1]), (999, counted[0][1])]
    assert counted[1][1] <= 10
