"""What must never happen to money is impossible in SQL too: corrections, charges, discounts, cycles, deposits, receipts."""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from sebilling.actor import EVERYWHERE, Actor, Role
from sebilling.billing import billing_cycles, charges, corrections, deposits, payments, periods, settings
from sebilling.billing.charges import ChargeKind
from sebilling.billing.deposits import DepositType
from sebilling.billing.payments import PaymentMethod
from sebilling.clock import Month
from sebilling.db.databases import create_database, drop_database
from sebilling.db.engine import Database
from sebilling.db.migrate import migrate
from sebilling.errors import IdempotencyMismatch
from tests.harness import FEBRUARY, NOW, Isp, make_user

DECEMBER, JANUARY, MARCH = Month(2025, 12), Month(2026, 1), Month(2026, 3)


async def scene(database: Database) -> tuple[Isp, dict[str, int]]:
    """Each kind of document once, by name: those of A and B stand against invoices, C has only credit; December is closed."""
    isp = await Isp.make(database)
    found = {"counter": isp.counters["LKT01"], "plan": isp.plan_id, "admin": isp.admin.user_id or 0}
    for name, year in (("a", 2025), ("b", 2025), ("c", 2027)):
        found[name] = await isp.customer(name, installed_on=date(year, 1, 1))
    found |= {month.first.strftime("%b").lower(): await isp.open(month) for month in (DECEMBER, JANUARY, FEBRUARY, MARCH)}
    async with isp.write() as session:
        found["kolektor"] = await make_user(session, "kolektor", Role.COLLECTOR, "LKT01")
        found["finance"] = await make_user(session, "keuangan", Role.FINANCE)
        await periods.close(session, DECEMBER, incomplete=True)
        found["billed"] = await charge(session, found["a"], "billed")
    for month in (JANUARY, FEBRUARY):
        await isp.generate(month)
        for name in "ab":
            found[f"{name}_{month.first.strftime('%b').lower()}"] = await isp.value(
                "SELECT id FROM invoice WHERE customer_id = :c AND period_id = (SELECT id FROM period WHERE month = :m)",
                c=found[name], m=month.first,
            )  # fmt: skip
    for name, customer, amount in (("paid", "a", 100_000), ("reversed", "b", 50_000), ("credit", "c", 1_000_000)):
        found[name] = (await isp.pay(found[customer], amount)).payment_id
    async with isp.write() as session:
        for name, customer in (("waiting", "a"), ("cancelled", "a"), ("b_waiting", "b")):
            found[name] = await charge(session, found[customer], name)
        await charges.cancel(session, found["cancelled"], reason="salah")
        await corrections.reverse_payment(session, found["reversed"], reason="salah", key="reversed")
        await corrections.void_invoice(session, found["b_feb"], reason="salah", key="voided-1")
        await corrections.write_off(session, found["b_jan"], reason="pindah", key="written-off", amount=10_000)
        await corrections.refund(session, found["credit"], method=PaymentMethod.QRIS, reason="lebih", key="refunded", amount=1_000)
        await charges.discount(
            session, customer_id=found["c"], percent=Decimal(10), description="x", from_on=date(2026, 1, 1), key="key-of-discount"
        )
        await billing_cycles.set_billing(session, found["c"], months=3, effective_from=date(2027, 1, 1))
        await session.execute(text(PROOF))
        for name in ("decided", "undecided"):
            submitted = await deposits.submit(
                session, counter_id=found["counter"], collector_id=found["kolektor"], amount=5, type=DepositType.MANUAL, key=f"key-{name}"
            )
            found[name] = submitted.deposit_id
    finance = Actor(found["finance"], "keuangan", Role.FINANCE, EVERYWHERE)
    async with database.transaction(actor=finance, at=NOW) as session:
        await deposits.verify(session, found["decided"], key="verified")
    return isp, found


async def charge(session: Any, customer_id: int, name: str) -> int:
    return (await charges.add(session, customer_id, kind=ChargeKind.CABLE, description=name, amount=5_000, key=f"charge-{name}"))[0]


async def refusals(database: Database, statements: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The statements that were not refused by what should refuse them, and what happened instead."""
    isp, found = await scene(database)
    await isp.check()
    wrong = []
    for statement, refused_by in statements:
        try:
            async with isp.write() as session:
                await session.execute(text(statement.format(**found)))
            wrong.append((statement, "done"))
        except DBAPIError as error:
            if refused_by not in str(error.orig):
                wrong.append((statement, str(error.orig)))
    await isp.check()
    return wrong


PROOF = (
    "INSERT INTO proof (object_key, media_type, size_bytes, sha256, uploaded_at) VALUES ('proofs/1.jpg', 'image/jpeg', 1, '\\x00', now())"
)
APPEND_ONLY = {
    "billing_cycle": "months", "deallocation": "deallocated_at", "invoice_void": "reason", "payment_reversal": "reason",
    "write_off": "amount", "refund": "amount", "deposit_decision": "counted", "proof": "object_key", "receipt": "sequence",
    "allocation": "amount", "invoice_line": "amount", "event": "kind",
}  # fmt: skip
KEPT = ("invoice", "payment", "charge", "discount", "deposit", *APPEND_ONLY)


async def test_nothing_is_edited_and_nothing_deleted(database: Database) -> None:
    assert not await refusals(database, [
        *((f"UPDATE {table} SET {column} = {column}", f"UPDATE of {table}") for table, column in APPEND_ONLY.items()),
        *((f"DELETE FROM {table}", f"DELETE of {table}") for table in KEPT),
        *((f"TRUNCATE {table} CASCADE", f"TRUNCATE of {table}") for table in KEPT),
        ("UPDATE invoice SET outstanding = 0", "outstanding"), ("UPDATE payment SET credit = 0", "credit"),
        *((f"UPDATE invoice SET {what} WHERE id = {{a_feb}}", "UPDATE of invoice")
          for what in ("allocated = 1", "written_off = 1", "voided_at = now()", "total = 1", "customer_id = {b}", "due_on = due_on")),
        ("UPDATE invoice SET voided_at = NULL WHERE id = {b_feb}", "UPDATE of invoice"),
        *((f"UPDATE payment SET {what} WHERE id = {{credit}}", "UPDATE of payment")
          for what in ("allocated = 1", "refunded = 0", "reversed_at = now()", "amount = 1", "note = 'x'", "method = 'QRIS'")),
        ("UPDATE payment SET reversed_at = NULL WHERE id = {reversed}", "UPDATE of payment"),
        ("UPDATE charge SET invoice_id = NULL WHERE id = {billed}", "UPDATE of charge"),
        ("UPDATE charge SET invoice_id = {a_feb} WHERE id = {waiting}", "UPDATE of charge"),
        ("UPDATE charge SET amount = 1 WHERE id = {waiting}", "UPDATE of charge"),
        ("UPDATE charge SET cancelled_at = NULL WHERE id = {cancelled}", "UPDATE of charge"),
        ("UPDATE charge SET cancelled_at = now() WHERE id = {billed}", "charge_cancelled_check"),
        ("UPDATE discount SET percent = 100", "UPDATE of discount"), ("UPDATE discount SET customer_id = {a}", "UPDATE of discount"),
        ("UPDATE deposit SET status = 'VERIFIED' WHERE id = {undecided}", "UPDATE of deposit"),
        ("UPDATE deposit SET status = 'SUBMITTED' WHERE id = {decided}", "UPDATE of deposit"),
        ("UPDATE deposit SET amount = 1", "UPDATE of deposit"), ("UPDATE deposit SET collector_id = {admin}", "UPDATE of deposit"),
    ])  # fmt: skip


INVOICE = (
    "INSERT INTO invoice (period_id, counter_id, sequence, number, customer_id, plan_name, covers_from, covers_until, issued_at, due_on,"
    " total, allocated, written_off, voided_at) SELECT {period}, counter_id, 99, 'x', {customer}, 'x', '{first}', '{until}', now(),"
    " '2026-02-20', 1, {allocated}, {written_off}, {voided} FROM invoice LIMIT 1"
)
PAYMENT = (
    "INSERT INTO payment (customer_id, counter_id, amount, allocated, method, received_by, collected_at, received_at, received_on, note,"
    " surplus_because, refunded, reversed_at) VALUES ({c}, {counter}, 1, @0, 'CASH', {admin}, now(), now(), now(), '', '', @1, @2)"
)
CHARGE = (
    "INSERT INTO charge (customer_id, kind, description, amount, created_at, invoice_id, cancelled_at)"
    " VALUES ({a}, 'OTHER', 'x', @0, now(), @1, @2)"
)
DEPOSIT = (
    "INSERT INTO deposit (counter_id, collector_id, submitted_by, amount, type, note, submitted_at, deposited_on, status)"
    " VALUES ({counter}, {kolektor}, {kolektor}, @0, @1, '', now(), now(), @2)"
)


def invoice(**given: str) -> str:
    """An invoice that would be right for C in February, but for what is given."""
    fields = {"period": "{feb}", "customer": "{c}", "first": "2026-02-01", "until": "2026-03-01", "allocated": "0", "written_off": "0"}
    return INVOICE.format(**(fields | {"voided": "NULL"} | given))


def filled(statement: str, *values: str) -> str:
    for place, value in enumerate(values):
        statement = statement.replace(f"@{place}", value)
    return statement


async def test_nothing_is_born_settled(database: Database) -> None:
    assert not await refusals(database, [
        *((invoice(**given), "invoice begins without") for given in ({"allocated": "1"}, {"written_off": "1"}, {"voided": "now()"})),
        *((filled(PAYMENT, *given), "payment begins without") for given in (("1", "0", "NULL"), ("0", "1", "NULL"), ("0", "0", "now()"))),
        *((filled(CHARGE, "1", *given), "charge begins without") for given in (("{a_feb}", "NULL"), ("NULL", "now()"))),
        *((filled(DEPOSIT, "1", "'MANUAL'", status), "begins as SUBMITTED") for status in ("'VERIFIED'", "'REJECTED'")),
    ])  # fmt: skip


async def test_nobody_has_two_live_invoices_in_a_period_whatever_their_days(database: Database) -> None:
    elsewhere = invoice(customer="{a}", first="2027-01-01", until="2027-02-01")
    assert not await refusals(database, [(elsewhere, "invoice_live_period_idx"), (invoice(customer="{a}"), "invoice_live_period_idx")])


@pytest.mark.parametrize(("first", "until"), [("2026-02-28", "2026-03-05"), ("2026-01-15", "2026-02-02"), ("2025-12-31", "2027-01-01")])
async def test_no_day_is_billed_by_two_live_invoices_of_a_customer(database: Database, first: str, until: str) -> None:
    isp, found = await scene(database)
    async with isp.write() as session:
        await session.execute(text("INSERT INTO invoice_series SELECT :p, :c, 100"), {"p": found["mar"], "c": found["counter"]})
    statement = text(invoice(customer="{a}", period="{mar}", first=first, until=until).format(**found))
    with pytest.raises(IntegrityError, match="invoice_covers_excl"):
        async with isp.write() as session:
            await session.execute(statement)
    async with isp.write() as session:  # another's days are another's
        await session.execute(text(invoice(period="{mar}", first=first, until=until).format(**found)))


async def test_the_days_of_a_void_invoice_are_free_again(database: Database) -> None:
    isp, found = await scene(database)
    again = text(invoice(customer="{a}").format(**found))
    with pytest.raises(IntegrityError):
        async with isp.write() as session:
            await session.execute(again)
    async with isp.write() as session:
        await corrections.void_invoice(session, found["a_feb"], reason="salah", key="voided-2")
        await session.execute(again)
    assert await isp.value("SELECT count(*) FROM invoice WHERE customer_id = :a AND period_id = :p", a=found["a"], p=found["feb"]) == 2


ALLOCATE = "INSERT INTO allocation (payment_id, invoice_id, amount, allocated_at) VALUES (@0, @1, @2, now())"
WRITE_OFF = "INSERT INTO write_off (invoice_id, amount, reason, written_off_at, written_off_on) VALUES (@0, @1, 'x', now(), '2026-02-03')"
REFUND = (
    "INSERT INTO refund (payment_id, counter_id, amount, method, reason, refunded_at, refunded_on, refunded_by)"
    " VALUES (@0, {counter}, @1, 'CASH', 'x', now(), now(), {admin})"
)
VOID = "INSERT INTO invoice_void VALUES (@0, @1, 'x', now(), {admin})"
REVERSE = "INSERT INTO payment_reversal VALUES (@0, 'x', now(), now(), {admin})"


async def test_no_rupiah_settles_twice_or_what_is_not_there(database: Database) -> None:
    assert not await refusals(database, [
        (filled(ALLOCATE, "{credit}", "{a_feb}", "150001"), "invoice_allocated_check"),
        (filled(ALLOCATE, "{credit}", "{a_jan}", "55001"), "invoice_allocated_check"),
        (filled(ALLOCATE, "{credit}", "{b_jan}", "140001"), "invoice_allocated_check"),  # 10.000 was written off
        (filled(ALLOCATE, "{paid}", "{a_feb}", "1"), "payment_allocated_check"),
        (filled(ALLOCATE, "{credit}", "{b_feb}", "1"), "invoice_voided_check"),
        (filled(ALLOCATE, "{reversed}", "{b_jan}", "1"), "payment_reversed_check"),
        (filled(VOID, "{a_jan}", "{jan}"), "invoice_voided_check"), (filled(VOID, "{b_jan}", "{jan}"), "invoice_voided_check"),
        (filled(VOID, "{b_feb}", "{feb}"), "invoice_void_pkey"), (filled(VOID, "{a_feb}", "{dec}"), "a closed period takes no corrections"),
        (filled(REVERSE, "{paid}"), "payment_reversed_check"), (filled(REVERSE, "{credit}"), "payment_reversed_check"),  # refunded in part
        (filled(REVERSE, "{reversed}"), "payment_reversal_pkey"),
        (filled(WRITE_OFF, "{a_feb}", "150001"), "invoice_allocated_check"),
        (filled(WRITE_OFF, "{a_jan}", "55001"), "invoice_allocated_check"),
        (filled(WRITE_OFF, "{b_feb}", "1"), "invoice_voided_check"),
        (filled(REFUND, "{credit}", "999001"), "payment_allocated_check"), (filled(REFUND, "{paid}", "1"), "payment_allocated_check"),
        (filled(REFUND, "{reversed}", "1"), "payment_reversed_check"),
        *((filled(made, one, amount), f"{table}_amount_check") for made, one, table in ((WRITE_OFF, "{a_feb}", "write_off"),
          (REFUND, "{credit}", "refund")) for amount in ("0", "-1")),
        *((filled(ALLOCATE, "{credit}", "{a_feb}", amount), "allocation_amount_check") for amount in ("0", "-1")),
        ("INSERT INTO deallocation SELECT allocation_id, now() FROM deallocation", "deallocation_pkey"),
    ])  # fmt: skip


LINE = (
    "INSERT INTO invoice_line (invoice_id, position, kind, description, quantity, unit_price, amount, charge_id)"
    " SELECT @0, position, 'CHARGE', 'x', 1, @1, @1, @2 FROM unnest(ARRAY[@3]) position"
)


async def test_a_charge_is_billed_once_as_it_is_to_whom_it_belongs(database: Database) -> None:
    assert not await refusals(database, [
        (filled(LINE, invoice_id, amount, charge_id, positions), "waiting charges")
        for invoice_id, amount, charge_id, positions in (
            ("{a_feb}", "5000", "{billed}", "77"), ("{a_feb}", "5000", "{waiting}", "77, 78"), ("{a_feb}", "4999", "{waiting}", "77"),
            ("{a_feb}", "5000", "{b_waiting}", "77"), ("{a_feb}", "5000", "{cancelled}", "77"), ("{a_feb}", "5000", "999999", "77"),
        )
    ])  # fmt: skip


DECIDE = "INSERT INTO deposit_decision VALUES (@0, @1, @2, @3, @4, now(), @5, now())"
DISCOUNT = (
    "INSERT INTO discount (customer_id, plan_id, amount, percent, description, from_on, until_on, created_at)"
    " VALUES (@0, @1, @2, @3, 'x', '2026-02-01', @4, now())"
)
CYCLE = "INSERT INTO billing_cycle (customer_id, months, effective_from, set_at) VALUES ({a}, @0, '2026-03-01', now())"
SETTINGS = "UPDATE billing_settings SET "
SECOND_SETTINGS = (
    "INSERT INTO billing_settings SELECT 2, b.prorate_first_month, 0, 1, 1, 'DOWN', 0, 0, '', '', '', '', 30, 0, 0, 'WARN', 1,"
    " 10, 'REPORT', '', 0 FROM billing_settings b"
)


async def test_deposits_discounts_cycles_and_settings_stay_within_bounds(database: Database) -> None:
    verified = ("true", "5", "0", "''")
    assert not await refusals(database, [
        (filled(DECIDE, "{undecided}", *verified, "{admin}"), "by its own submitter"),
        (filled(DECIDE, "{undecided}", *verified, "{kolektor}"), "by its own submitter"),
        (filled(DECIDE, "{decided}", *verified, "{admin}"), "deposit_decision_pkey"),
        (filled(DECIDE, "{undecided}", "false", "NULL", "NULL", "''", "{finance}"), "deposit_decision_reason_check"),
        (filled(DECIDE, "{undecided}", "false", "5", "0", "'x'", "{finance}"), "deposit_decision_verified_check"),
        (filled(DECIDE, "{undecided}", "true", "NULL", "NULL", "''", "{finance}"), "deposit_decision_verified_check"),
        (filled(DECIDE, "{undecided}", "true", "0", "0", "''", "{finance}"), "deposit_decision_counted_check"),
        (filled(DECIDE, "{undecided}", "true", "5", "6", "''", "{finance}"), "deposit_decision_counted_check"),
        (filled(DEPOSIT, "5", "'TRANSFER'", "'SUBMITTED'"), "deposit_proof_check"),
        (filled(DEPOSIT, "0", "'MANUAL'", "'SUBMITTED'"), "deposit_amount_check"),
        *((filled(DISCOUNT, "{c}", "NULL", "NULL", percent, "NULL"), "discount_percent_check") for percent in ("150", "0", "-1")),
        *((filled(DISCOUNT, "{c}", "NULL", amount, "NULL", "NULL"), "discount_amount_check") for amount in ("0", "-1")),
        (filled(DISCOUNT, "{c}", "{plan}", "1", "NULL", "NULL"), "discount_target_check"),
        (filled(DISCOUNT, "NULL", "NULL", "1", "NULL", "NULL"), "discount_target_check"),
        (filled(DISCOUNT, "{c}", "NULL", "1", "1", "NULL"), "discount_measure_check"),
        (filled(DISCOUNT, "{c}", "NULL", "NULL", "NULL", "NULL"), "discount_measure_check"),
        (filled(DISCOUNT, "{c}", "NULL", "1", "NULL", "'2026-01-31'"), "discount_stretch_check"),
        *((filled(CYCLE, months), "billing_cycle_months_check") for months in ("0", "61", "-3")),
        *((filled(CHARGE, amount, "NULL", "NULL"), "charge_amount_check") for amount in ("0", "-1", "1000000000000001")),
        (SETTINGS + "tax_numerator = 12, tax_denominator = 11", "tax_fraction"), (SETTINGS + "tax_denominator = 0", "tax_fraction"),
        (SETTINGS + "tax_rate = 100.0001", "tax_rate"), (SETTINGS + "tax_rate = -1", "tax_rate"), (SETTINGS + "late_fee = -1", "late_fee"),
        (SECOND_SETTINGS, "single"),
        ("INSERT INTO receipt SELECT {credit}, counter_id, month, 99, 'KW/x' FROM receipt LIMIT 1", "receipt_pkey"),
    ])  # fmt: skip


async def with_late_fee(database: Database) -> tuple[Isp, list[int]]:
    """A January invoice that nobody paid, and February's with the fee for it; gives both."""
    isp = await Isp.make(database)
    await isp.customer()
    async with isp.write() as session:
        await settings.change(session, late_fee=10_000)
    for month in (JANUARY, FEBRUARY):
        await isp.open(month)
        await isp.generate(month, at=datetime(month.year, month.number, 3, tzinfo=UTC))
    assert await isp.rows("SELECT total FROM invoice ORDER BY id") == [(150_000,), (160_000,)]
    return isp, [row[0] for row in await isp.rows("SELECT id FROM invoice ORDER BY id")]


async def void(isp: Isp, invoice_id: int) -> None:
    async with isp.write() as session:
        await corrections.void_invoice(session, invoice_id, reason="salah", key=f"void-{invoice_id:06}")


async def test_a_late_fee_of_a_void_invoice_is_not_billed_again(database: Database) -> None:
    isp, (january, february) = await with_late_fee(database)
    await void(isp, january)
    await void(isp, february)
    assert (await isp.generate()).total_amount == 150_000


async def test_a_late_fee_that_is_forgiven_is_told(database: Database) -> None:
    isp, (january, february) = await with_late_fee(database)
    await void(isp, february)
    await void(isp, january)
    assert await isp.value("SELECT cancelled_at IS NOT NULL FROM charge") is True
    assert await isp.value("SELECT count(*) FROM event WHERE kind = 'charge.cancelled'") == 1


async def test_the_millionth_number_of_a_month_is_a_number_of_its_own(database: Database) -> None:
    isp = await Isp.make(database)
    customer_id = await isp.customer()
    await isp.open()
    invoices = "INSERT INTO invoice_series SELECT id, :c, :n FROM period ON CONFLICT (period_id, counter_id) DO UPDATE SET next_number = :n"
    receipts = "INSERT INTO receipt_series VALUES (:c, '2026-02-01', :n) ON CONFLICT (counter_id, month) DO UPDATE SET next_number = :n"
    for number in (100_000, 1_000_000):
        async with isp.write() as session:
            for series in (invoices, receipts):
                await session.execute(text(series), {"c": isp.counters["LKT01"], "n": number})
        await isp.generate()
        await isp.customer()
        await isp.pay(customer_id, 1)
    for table, prefix in (("invoice", "INV"), ("receipt", "KW")):
        assert await isp.rows(f"SELECT number FROM {table} ORDER BY sequence") == [
            (f"{prefix}/2026-02/LKT01/100000",), (f"{prefix}/2026-02/LKT01/1000000",),
        ]  # fmt: skip


RECORD_1 = text(
    "SELECT outcome FROM record_payment(:user, 'admin', :key, '\\x00', :customer, :counter, NULL, :amount, 'CASH', :at, :at, '', NULL)"
)
BEFORE = """
    INSERT INTO app_user (username, name, role, password_hash, active, created_at) VALUES ('admin', 'admin', 'ADMIN', '', true, now());
    INSERT INTO counter (code, name, timezone, due_day, created_at)
        VALUES ('LKT01', 'x', 'Asia/Jakarta', 20, now()), ('LKT02', 'x', 'Asia/Jayapura', 20, now());
    INSERT INTO plan (name, price, created_at) VALUES ('Home', 150000, now());
    INSERT INTO customer (code, name, phone, address, counter_id, plan_id, installed_on, active, created_at)
        SELECT 'C' || n, 'x', '', '', n, 1, '2025-01-01', true, now() FROM generate_series(1, 2) n;
    INSERT INTO period (month, opened_at, closed_at) VALUES ('2026-01-01', now(), NULL), ('2026-02-01', now(), NULL);
    INSERT INTO invoice_series SELECT period.id, counter.id, 2 FROM period, counter;
    INSERT INTO invoice (period_id, counter_id, sequence, number, customer_id, plan_name, covers_from, covers_until, issued_at, due_on,
                         total, allocated)
        SELECT period.id, counter.id, 1, 'INV/' || to_char(month, 'YYYY-MM') || '/' || counter.code || '/000001', customer.id, 'Home',
               month, (month + interval '1 month')::date, '2026-01-01', month + 19, 150000, 0
          FROM period, counter JOIN customer ON counter_id = counter.id ORDER BY month, counter.id;
    INSERT INTO invoice_line SELECT id, 1, 'SUBSCRIPTION', 'Home', 1, 150000, 150000 FROM invoice;
"""


async def test_what_was_paid_before_keeps_its_money_and_gets_its_receipt(server_url: str) -> None:
    url = await create_database(server_url, "upgraded")
    await migrate(url, "0001")
    database = Database(url, connections=2)
    isp = Isp(database, Actor(1, "admin", Role.ADMIN, EVERYWHERE), 1, {"LKT01": 1, "LKT02": 2})
    month_ends = datetime(2026, 1, 31, tzinfo=UTC)
    paid = [  # in the order in which it came: customer and counter, UTC hour on the month's last day, rupiah
        (1, 1, 100_000), (2, 2, 50_000), (2, 16, 400_000), (1, 16, 30_000), (1, 17, 50_000), (1, 18, 1),
    ]  # fmt: skip
    async with isp.write() as session:
        for statement in BEFORE.split(";\n"):
            if statement.strip():
                await session.execute(text(statement))
        for number, (customer, hour, amount) in enumerate(paid):
            row = {"user": 1, "key": f"key-{number:05}", "customer": customer, "counter": customer, "amount": amount}
            assert await session.value(RECORD_1, row | {"at": month_ends.replace(hour=hour)}) == "RECORDED"
    try:
        await migrate(url)
        await migrate(url)  # the second time does nothing
        assert await isp.rows("SELECT number FROM receipt ORDER BY payment_id") == [
            ("KW/2026-01/LKT01/000001",), ("KW/2026-01/LKT02/000001",),
            ("KW/2026-02/LKT02/000001",),  # 16 o'clock is past midnight in Jayapura, not in Jakarta
            ("KW/2026-01/LKT01/000002",), ("KW/2026-02/LKT01/000001",), ("KW/2026-02/LKT01/000002",),
        ]  # fmt: skip
        assert await isp.rows("SELECT customer_id, outstanding, written_off, voided_at FROM invoice ORDER BY customer_id, id") == [
            (1, 0, 0, None), (1, 119_999, 0, None), (2, 0, 0, None), (2, 0, 0, None),
        ]  # fmt: skip
        assert await isp.rows("SELECT amount, credit, refunded, surplus_because FROM payment WHERE credit > 0") == [
            (400_000, 150_000, 0, "")
        ]  # fmt: skip
        await isp.check()
        march = datetime(2026, 2, 1, 3, tzinfo=UTC)
        await isp.pay(1, 119_999, at=march)  # the next number, by the new function; what was owed is owed still
        assert await isp.value("SELECT max(number) FROM receipt WHERE counter_id = 1") == "KW/2026-02/LKT01/000003"
        assert await isp.value("SELECT sum(outstanding) FROM invoice") == 0
        replayed = payments.Received(customer_id=1, amount=119_999, method=PaymentMethod.CASH, key="key-00000")
        with pytest.raises(IdempotencyMismatch):  # keys of before are still taken
            async with isp.write(march) as session:
                await payments.record(session, replayed)
        async with isp.write(march) as session:  # and what came before can be corrected
            await corrections.reverse_payment(session, 1, reason="salah orang", key="reversed")
        assert await isp.value("SELECT sum(outstanding) FROM invoice") == 100_000
        await isp.check()
    finally:
        await database.close()
        await drop_database(server_url, "upgraded")


async def test_a_payment_settles_invoices_of_its_own_customer_only(database: Database) -> None:
    isp = await Isp.make(database)
    await isp.customer()
    await isp.open()
    await isp.generate()
    await isp.pay(await isp.customer(), 1_000)
    with pytest.raises(IntegrityError):
        async with isp.write() as session:
            await session.execute(
                text("INSERT INTO allocation (payment_id, invoice_id, amount, allocated_at) SELECT payment.id, invoice.id, 1, now()"
                     " FROM payment, invoice")
            )  # fmt: skip
