"""Ways back: deposits counted anew, differences settled, write-offs and refunds reversed; what a closing keeps, and asks."""

import hashlib
import itertools
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from sebilling.actor import EVERYWHERE, Actor, Role
from sebilling.billing import billing_cycles, corrections, credit, deposits, differences, generation, periods, recap, reversals, settings
from sebilling.billing.closings import GapReason, gaps
from sebilling.billing.deposits import DepositType
from sebilling.billing.differences import DifferenceKind
from sebilling.billing.payments import PaymentMethod
from sebilling.clock import Month
from sebilling.db.engine import Database
from sebilling.errors import AlreadyCorrected, AlreadyCovered, GenerationRunning, NotFound, OwnDeposit, PeriodClosed
from sebilling.ledger_errors import (
    ConfirmDifference,
    ConfirmPeriod,
    InsufficientCash,
    NothingToSettle,
    NotVerified,
    PeriodIncomplete,
    PeriodIsOpen,
)
from sebilling.storage.proofs import Proof
from tests.harness import FEBRUARY, NOW, Isp, make_user

JANUARY, MARCH = Month(2026, 1), Month(2026, 3)
MOMENT = timedelta(microseconds=1)
MARCH_IN_JAKARTA = datetime(2026, 2, 28, 17, tzinfo=UTC)
"""Midnight of 1 March there; in UTC it is still February."""
_keys = (f"key-of-ledger-{number}" for number in itertools.count())


class Till:
    """A drawer of Kasir's at LKT01, and Siti, who counts and corrects."""

    def __init__(self, isp: Isp, kasir: Actor, siti: Actor) -> None:
        self.isp, self.kasir, self.siti = isp, kasir, siti
        self.place = {"counter_id": isp.counters["LKT01"], "collector_id": kasir.user_id or 0}

    @classmethod
    async def make(cls, database: Database, *months: Month) -> "Till":
        isp = await Isp.make(database)
        async with isp.write() as session:
            actors = [Actor(await make_user(session, name, role, *codes), name, role, EVERYWHERE)
                      for name, role, codes in (("kasir", Role.CLERK, ["LKT01"]), ("siti", Role.FINANCE, []))]  # fmt: skip
        for month in months or (FEBRUARY,):
            await isp.open(month)
        return cls(isp, *actors)

    async def take(self, amount: int, *, at: datetime = NOW, collected_at: datetime | None = None) -> int:
        customer_id = await self.isp.customer()
        self.isp.admin, admin = self.kasir, self.isp.admin
        try:
            return (await self.isp.pay(customer_id, amount, at=at, collected_at=collected_at)).payment_id
        finally:
            self.isp.admin = admin

    async def hand_in(self, amount: int, counted: int | None = None, *, at: datetime = NOW) -> int:
        """Submitted by Kasir, verified by Siti."""
        async with self.isp.database.transaction(actor=self.kasir, at=at) as session:
            found = await deposits.submit(
                session, amount=amount, type=DepositType.MANUAL, key=next(_keys), counter_id=self.place["counter_id"]
            )
        async with self.isp.database.transaction(actor=self.siti, at=at) as session:
            await deposits.verify(session, found.deposit_id, key=next(_keys), counted=counted, confirm_difference=True)
        return found.deposit_id

    async def correct(self, deposit_id: int, counted: int, *, at: datetime = NOW, by: Actor | None = None) -> None:
        async with self.isp.database.transaction(actor=by or self.siti, at=at) as session:
            await differences.correct(session, deposit_id, counted=counted, reason="salah ketik", key=next(_keys))

    async def settle(self, kind: DifferenceKind, amount: int, *, at: datetime = NOW, by: Actor | None = None) -> None:
        async with self.isp.database.transaction(actor=by or self.siti, at=at) as session:
            await differences.settle(session, kind, amount=amount, reason="ketemu", key=next(_keys), **self.place)

    async def reverse(self, payment_id: int) -> None:
        async with self.isp.write() as session:
            await corrections.reverse_payment(session, payment_id, reason="salah orang", key=next(_keys))

    async def drawer(self) -> tuple[int, int, int]:
        """Deposited, difference, on hand."""
        (row,) = await self.isp.rows("SELECT deposited, difference, on_hand FROM drawer")
        return row

    async def recap(self, month: Month = FEBRUARY) -> recap.Recap:
        async with self.isp.database.reading() as session:
            (row,) = await recap.read(session, month, scope=EVERYWHERE)
        return row

    async def close(self, month: Month = FEBRUARY, *, at: datetime = NOW) -> None:
        async with self.isp.write(at) as session:
            await periods.close(session, month, incomplete=True)

    async def reopen(self, month: Month = FEBRUARY) -> None:
        async with self.isp.write() as session:
            await periods.reopen(session, month, reason="salah tutup", key=next(_keys))

    async def journal(self, document: str) -> list[tuple[str, str, int]]:
        return await self.isp.rows("SELECT debit, credit, amount FROM journal WHERE document = :d ORDER BY id", d=document)


async def test_a_count_that_was_mistyped_is_corrected_and_everything_follows(database: Database) -> None:
    till = await Till.make(database)
    await till.take(150_000)
    deposit_id = await till.hand_in(150_000, 1_500_000)
    assert await till.drawer() == (1_500_000, 1_350_000, 0)
    await till.correct(deposit_id, 150_000)
    assert await till.drawer() == (150_000, 0, 0)
    row = await till.recap()
    assert (row.total_deposited, row.difference, row.cash_on_hand) == (150_000, 0, 0)
    assert await till.journal("deposit_correction") == [("CASH_ON_HAND", "CENTRAL_CASH", 1_350_000), ("SURPLUS", "CASH_ON_HAND", 1_350_000)]
    await till.correct(deposit_id, 140_000)
    assert await till.drawer() == (140_000, -10_000, 0)
    assert await till.journal("deposit_correction") == [
        ("CASH_ON_HAND", "CENTRAL_CASH", 1_350_000), ("SURPLUS", "CASH_ON_HAND", 1_350_000),
        ("CASH_ON_HAND", "CENTRAL_CASH", 10_000), ("SHORTAGE", "CASH_ON_HAND", 10_000),
    ]  # fmt: skip
    assert await till.isp.rows("SELECT counted_before, counted, corrects_id IS NULL FROM deposit_correction ORDER BY id") == [
        (1_500_000, 150_000, True), (150_000, 140_000, False),
    ]  # fmt: skip
    with pytest.raises(AlreadyCorrected):
        await till.correct(deposit_id, 140_000)
    await till.isp.check()


async def test_a_deposit_of_which_nothing_was_there_is_all_shortage(database: Database) -> None:
    till = await Till.make(database)
    await till.take(150_000)
    deposit_id = await till.hand_in(150_000)
    await till.correct(deposit_id, 0)
    assert await till.drawer() == (0, -150_000, 0)
    await till.isp.check()


async def test_nobody_corrects_their_own_deposit_and_none_that_waits(database: Database) -> None:
    till = await Till.make(database)
    await till.take(150_000)
    deposit_id = await till.hand_in(100_000)
    with pytest.raises(OwnDeposit):
        await till.correct(deposit_id, 90_000, by=till.kasir)
    with pytest.raises(IntegrityError, match="by its own submitter"):
        async with till.isp.write() as session:
            await session.execute(text(
                "INSERT INTO deposit_correction (deposit_id, counted_before, counted, difference_before, difference, reason, corrected_at,"
                " corrected_on, corrected_by) SELECT id, counted, 1, difference, difference + 1 - counted, 'x', now(), now(), submitted_by"
                " FROM deposit"
            ))  # fmt: skip
    async with till.isp.database.transaction(actor=till.kasir, at=NOW) as session:
        waiting = await deposits.submit(session, counter_id=till.place["counter_id"], amount=5, type=DepositType.MANUAL, key=next(_keys))
    with pytest.raises(NotVerified):
        await till.correct(waiting.deposit_id, 4)


@pytest.mark.parametrize(
    ("amount", "counted", "asks"),
    [
        (150_000, 1_500_000, True), (150_000, 200_000, False), (150_000, 200_001, True), (150_000, 99_999, True), (150_000, 100_000, False),
        (1_000_000, 1_100_000, False), (1_000_000, 1_100_001, True), (1_000_000, 899_999, True), (1_000, 51_000, False),
    ],
)  # fmt: skip
async def test_an_absurd_count_is_asked_about(database: Database, amount: int, counted: int, asks: bool) -> None:  # noqa: FBT001 - a case
    till = await Till.make(database)
    await till.take(amount)
    async with till.isp.database.transaction(actor=till.kasir, at=NOW) as session:
        found = await deposits.submit(session, counter_id=till.place["counter_id"], amount=amount, type=DepositType.MANUAL, key=next(_keys))

    async def verify(*, confirm: bool) -> None:
        async with till.isp.database.transaction(actor=till.siti, at=NOW) as session:
            await deposits.verify(session, found.deposit_id, key="the-same-key", counted=counted, confirm_difference=confirm)

    if asks:
        with pytest.raises(ConfirmDifference):
            await verify(confirm=False)
        assert await till.isp.rows("SELECT status FROM deposit") == [("SUBMITTED",)]
    await verify(confirm=asks)
    assert await till.isp.value("SELECT counted FROM deposit") == counted


async def test_cash_that_was_handed_over_before_the_phone_could_tell_of_it(database: Database) -> None:
    till = await Till.make(database)
    deposit_id = await till.hand_in(150_000, at=NOW)  # from an empty drawer: all surplus
    later = NOW + timedelta(hours=3)
    await till.take(100_000, at=later, collected_at=NOW - timedelta(hours=1))
    assert await till.drawer() == (150_000, 50_000, 0)
    await till.take(20_000, at=later, collected_at=NOW)  # at the very instant of the count: not before it
    assert await till.drawer() == (150_000, 50_000, 20_000)
    last = await till.take(80_000, at=later, collected_at=NOW - MOMENT)  # more than is left of the surplus
    assert await till.drawer() == (150_000, 0, 50_000)
    assert await till.journal("difference_settlement") == [("SURPLUS", "CASH_ON_HAND", 100_000), ("SURPLUS", "CASH_ON_HAND", 50_000)]
    await till.isp.check()
    await till.reverse(last)
    assert await till.drawer() == (150_000, 50_000, 20_000)
    assert await till.isp.value("SELECT settled FROM deposit WHERE id = :d", d=deposit_id) == 100_000
    await till.isp.check()


async def test_cash_of_the_moment_is_no_surplus_though_a_closing_moves_its_date(database: Database) -> None:
    till = await Till.make(database)
    await till.close(at=NOW)
    await till.hand_in(150_000, at=NOW)  # dated just behind the closing, as the payment is
    await till.take(100_000, at=NOW)
    assert await till.drawer() == (150_000, 150_000, 100_000)
    assert await till.isp.rows("SELECT collected_at = received_at, received_at > :at FROM payment", at=NOW) == [(True, True)]
    await till.isp.check()


async def test_only_cash_of_that_drawer_uses_its_surplus(database: Database) -> None:
    till = await Till.make(database)
    await till.hand_in(150_000)
    customer_id, later, before = await till.isp.customer(), NOW + timedelta(hours=3), NOW - timedelta(hours=1)
    await till.isp.pay(customer_id, 150_000, at=later, collected_at=before)  # the admin's own cash
    till.isp.admin = till.kasir
    await till.isp.pay(customer_id, 150_000, at=later, collected_at=before, method=PaymentMethod.TRANSFER)
    assert await till.isp.value("SELECT sum(settled) FROM deposit") == 0
    await till.isp.check()


async def test_a_surplus_that_turns_out_smaller_gives_back_what_no_longer_fits(database: Database) -> None:
    till = await Till.make(database)
    deposit_id = await till.hand_in(150_000)
    later, before = NOW + timedelta(hours=3), NOW - timedelta(hours=1)
    await till.take(60_000, at=later, collected_at=before)
    await till.take(70_000, at=later, collected_at=before)
    await till.correct(deposit_id, 100_000, at=later)
    assert await till.drawer() == (100_000, 0, 30_000)
    assert await till.isp.rows("SELECT amount FROM difference_settlement WHERE NOT EXISTS (SELECT FROM settlement_reversal"
                               " WHERE settlement_id = id) ORDER BY id") == [(60_000,), (40_000,)]  # fmt: skip
    await till.isp.check()


async def test_differences_are_settled_by_hand_as_far_as_they_go(database: Database) -> None:
    till = await Till.make(database)
    await till.take(100_000)
    await till.hand_in(100_000, 90_000)
    with pytest.raises(NothingToSettle):
        await till.settle(DifferenceKind.SURPLUS, 1)
    with pytest.raises(NothingToSettle):
        await till.settle(DifferenceKind.SHORTAGE, 10_001)
    with pytest.raises(OwnDeposit):
        await till.settle(DifferenceKind.SHORTAGE, 10_000, by=till.kasir)
    await till.settle(DifferenceKind.SHORTAGE, 10_000)
    assert await till.drawer() == (90_000, 0, 10_000)
    assert await till.journal("difference_settlement") == [("CASH_ON_HAND", "SHORTAGE", 10_000)]
    await till.hand_in(10_000)
    with pytest.raises(InsufficientCash):  # the cash that was found is gone
        await till.correct(await till.isp.value("SELECT min(id) FROM deposit"), 100_000)
    await till.hand_in(30_000)
    with pytest.raises(InsufficientCash):  # nothing lies in the drawer that could be taken out
        await till.settle(DifferenceKind.SURPLUS, 30_000)
    await till.take(30_000)
    await till.settle(DifferenceKind.SURPLUS, 30_000)
    assert await till.drawer() == (130_000, 0, 0)
    await till.isp.check()


async def test_a_settlement_is_reversed_once(database: Database) -> None:
    till = await Till.make(database)
    await till.take(100_000)
    deposit_id = await till.hand_in(100_000, 90_000)
    await till.settle(DifferenceKind.SHORTAGE, 10_000)
    settlement = await till.isp.value("SELECT id FROM difference_settlement")
    for expected in (None, AlreadyCorrected):

        async def reverse() -> None:
            async with till.isp.database.transaction(actor=till.siti, at=NOW) as session:
                await differences.reverse(session, settlement, deposit_id=deposit_id, reason="ternyata tidak", key=next(_keys))

        if expected is None:
            await reverse()
        else:
            with pytest.raises(expected):
                await reverse()
    assert await till.drawer() == (90_000, -10_000, 0)
    await till.isp.check()


async def billed(database: Database, *months: Month) -> tuple[Till, list[int]]:
    """A customer with an invoice of Rp150.000 for each month."""
    till = await Till.make(database, *(months or (FEBRUARY,)))
    await till.isp.customer()
    for month in months or (FEBRUARY,):
        await till.isp.generate(month)
    return till, [row[0] for row in await till.isp.rows("SELECT id FROM invoice ORDER BY id")]


async def write_off(till: Till, invoice_id: int, *, at: datetime = NOW) -> int:
    async with till.isp.write(at) as session:
        await corrections.write_off(session, invoice_id, reason="pindah", key=next(_keys))
    return int(await till.isp.value("SELECT max(id) FROM write_off"))


async def reverse_write_off(till: Till, number: int, invoice_id: int, *, at: datetime = NOW) -> None:
    async with till.isp.write(at) as session:
        await reversals.reverse_write_off(session, number, invoice_id=invoice_id, reason="salah orang", key=next(_keys))


async def test_a_write_off_of_the_wrong_customer_is_taken_back_once(database: Database) -> None:
    till, (february, march) = await billed(database, FEBRUARY, MARCH)
    number = await write_off(till, february)
    with pytest.raises(NotFound):
        await reverse_write_off(till, number, march)
    await reverse_write_off(till, number, february)
    assert await till.isp.rows("SELECT written_off, outstanding FROM invoice ORDER BY id") == [(0, 150_000), (0, 150_000)]
    assert await till.journal("write_off_reversal") == [("RECEIVABLE", "BAD_DEBT", 150_000)]
    with pytest.raises(AlreadyCorrected):
        await reverse_write_off(till, number, february)
    async with till.isp.write() as session:  # now it can be voided
        await corrections.void_invoice(session, february, reason="salah paket", key=next(_keys))
    await till.isp.check()


async def test_a_refund_that_was_not_given_is_credit_again_and_back_in_the_drawer(database: Database) -> None:
    till = await Till.make(database)
    payment_id = await till.take(100_000)
    async with till.isp.write() as session:
        await corrections.refund(session, payment_id, method=PaymentMethod.CASH, reason="lebih", key=next(_keys), amount=40_000,
                                 collector_id=till.kasir.user_id)  # fmt: skip
    number = await till.isp.value("SELECT id FROM refund")

    async def reverse() -> None:
        async with till.isp.write() as session:
            await reversals.reverse_refund(session, number, payment_id=payment_id, reason="tidak jadi", key=next(_keys))

    assert await till.drawer() == (0, 0, 60_000)
    await reverse()
    assert await till.drawer() == (0, 0, 100_000)
    assert await till.isp.rows("SELECT credit, refunded FROM payment") == [(100_000, 0)]
    assert (await till.recap()).refunded == 0
    with pytest.raises(AlreadyCorrected):
        await reverse()
    await till.isp.check()


async def test_what_counts_on_which_day_of_the_counter(database: Database) -> None:
    """At half past midnight in Jakarta it is still yesterday in UTC: nothing of it may stand in February."""
    till, (invoice_id,) = await billed(database)
    await till.isp.open(MARCH)
    paid, reversed_one = await till.take(100_000), await till.take(10_000)
    short = await till.hand_in(50_000, 45_000)
    async with till.isp.write() as session:
        await corrections.refund(session, paid, method=PaymentMethod.TRANSFER, reason="lebih", key=next(_keys), amount=7_000)
    refund_id, written = await till.isp.value("SELECT id FROM refund"), await write_off(till, invoice_id)
    at = MARCH_IN_JAKARTA
    await till.correct(short, 46_000, at=at)
    await till.settle(DifferenceKind.SHORTAGE, 1_000, at=at)
    await till.hand_in(2_000, at=at)
    async with till.isp.write(at) as session:
        await corrections.reverse_payment(session, reversed_one, reason="salah orang", key=next(_keys))
        await reversals.reverse_refund(session, refund_id, payment_id=paid, reason="tidak jadi", key=next(_keys))
    await reverse_write_off(till, written, invoice_id, at=at)
    settlement = await till.isp.value("SELECT id FROM difference_settlement")
    async with till.isp.database.transaction(actor=till.siti, at=at) as session:
        await differences.reverse(session, settlement, deposit_id=short, reason="ternyata tidak", key=next(_keys))
    february, march = await till.recap(), await till.recap(MARCH)
    names = ("total_received", "reversed", "refunded", "total_deposited", "difference")
    assert {name: (getattr(february, name), getattr(march, name)) for name in names} == {
        "total_received": (110_000, -10_000), "reversed": (0, 10_000), "refunded": (7_000, -7_000), "total_deposited": (45_000, 3_000),
        "difference": (-5_000, 1_000),
    }  # fmt: skip
    days = {
        "payment_reversal": "reversed_on", "refund_reversal": "reversed_on", "write_off_reversal": "reversed_on",
        "settlement_reversal": "reversed_on", "deposit_correction": "corrected_on", "difference_settlement": "settled_on",
    }  # fmt: skip
    assert {table: await till.isp.value(f"SELECT max({column}) FROM {table}") for table, column in days.items()} == dict.fromkeys(
        days, date(2026, 3, 1)
    )
    assert await till.isp.rows("SELECT written_off_on FROM write_off") == [(date(2026, 2, 3),)]
    await till.isp.check()


async def test_a_closing_keeps_its_figures_and_what_came_later_stands_apart(database: Database) -> None:
    till, (invoice_id,) = await billed(database)
    customer_id = await till.isp.value("SELECT customer_id FROM invoice")
    await till.isp.pay(customer_id, 50_000)
    await till.close()
    kept = await till.recap()
    assert kept.as_of_closing is not None
    assert (kept.as_of_closing.allocated, kept.as_of_closing.outstanding, kept.as_of_closing.total_received) == (50_000, 100_000, 50_000)
    assert {getattr(kept.since, name) for name in recap.NAMES} == {0}
    march = NOW + timedelta(days=40)
    await till.isp.pay(customer_id, 60_000, at=march)
    await write_off(till, invoice_id, at=march)
    row = await till.recap()
    assert row.as_of_closing == kept.as_of_closing
    assert row.since is not None
    assert (row.since.allocated, row.since.written_off, row.since.outstanding, row.since.total_received) == (60_000, 40_000, -100_000, 0)
    await till.isp.check()


async def test_a_deposit_counts_in_the_month_in_which_it_was_verified(database: Database) -> None:
    till = await Till.make(database, FEBRUARY, MARCH)
    await till.take(100_000)
    async with till.isp.database.transaction(actor=till.kasir, at=NOW) as session:
        found = await deposits.submit(
            session, counter_id=till.place["counter_id"], amount=100_000, type=DepositType.MANUAL, key=next(_keys)
        )
    async with till.isp.database.transaction(actor=till.siti, at=MARCH_IN_JAKARTA - MOMENT) as session:
        await deposits.verify(session, found.deposit_id, key=next(_keys), counted=99_000)
    await till.take(5_000)
    await till.hand_in(5_000, at=MARCH_IN_JAKARTA)
    assert [(await till.recap(month)).total_deposited for month in (FEBRUARY, MARCH)] == [99_000, 5_000]
    booked = await till.isp.rows("SELECT posted_on, amount FROM journal WHERE document = 'deposit' AND debit = 'CENTRAL_CASH' ORDER BY id")
    assert booked == [
        (date(2026, 2, 28), 99_000), (date(2026, 3, 1), 5_000),
    ]  # fmt: skip
    await till.isp.check()


async def test_closing_says_what_is_missing(database: Database) -> None:
    till = await Till.make(database)
    await till.isp.customer()
    await till.take(100_000)  # from one more customer
    async with till.isp.database.transaction(actor=till.kasir, at=NOW) as session:
        await deposits.submit(session, counter_id=till.place["counter_id"], amount=30_000, type=DepositType.MANUAL, key=next(_keys))
    async with database.reading() as session:
        found = await gaps(session, FEBRUARY, at=NOW, scope=EVERYWHERE)
    assert [(gap.reason, gap.counter_code, gap.count, gap.amount) for gap in found] == [
        (GapReason.NOT_INVOICED, "LKT01", 2, 300_000), (GapReason.DEPOSITS_WAITING, "LKT01", 1, 30_000),
    ]  # fmt: skip
    with pytest.raises(PeriodIncomplete, match="LKT01: 2 customers without an invoice; LKT01: 1 deposits waiting"):
        async with till.isp.write() as session:
            await periods.close(session, FEBRUARY)
    assert await till.isp.value("SELECT closed_at FROM period") is None
    await till.close()
    assert await till.isp.value("SELECT incomplete FROM period_closing") is True
    async with database.reading() as session:
        assert await gaps(session, FEBRUARY, at=NOW, scope=EVERYWHERE) == []


async def test_money_for_a_paid_invoice_and_a_run_under_way_are_missing_too(database: Database) -> None:
    till, (invoice_id,) = await billed(database)
    customer_id = await till.isp.value("SELECT customer_id FROM invoice")
    for _ in range(2):
        await till.isp.pay(customer_id, 150_000, invoice_ids=[invoice_id])
    await till.isp.customer()
    async with till.isp.write() as session:
        started = await generation.start(session, FEBRUARY, counters=None, key=next(_keys))
    async with database.reading() as session:
        found = await gaps(session, FEBRUARY, at=NOW, scope=EVERYWHERE)
    assert [(gap.reason, gap.count, gap.amount) for gap in found] == [
        (GapReason.NOT_INVOICED, 1, 150_000), (GapReason.GENERATION_RUNNING, 2, 0), (GapReason.MONEY_UNRESOLVED, 1, 150_000),
    ]  # fmt: skip
    with pytest.raises(GenerationRunning):
        await till.close()
    await generation.work(till.isp.write, run_id=started.run_id, chunk=10)
    with pytest.raises(PeriodIncomplete, match="LKT01: 1 payments for invoices"):
        async with till.isp.write() as session:
            await periods.close(session, FEBRUARY)


async def test_a_period_is_reopened_and_takes_invoices_again(database: Database) -> None:
    till, (invoice_id,) = await billed(database)
    with pytest.raises(PeriodIsOpen):
        await till.reopen()
    await till.close()
    await till.isp.customer()
    with pytest.raises(PeriodClosed):
        await till.isp.generate()
    await till.reopen()
    assert (await till.isp.generate()).issued == 1
    async with till.isp.write() as session:
        await corrections.void_invoice(session, invoice_id, reason="salah paket", key=next(_keys))
    assert await till.isp.rows("SELECT period_id = (SELECT id FROM period) FROM invoice_void") == [(True,)]
    assert (await till.recap()).as_of_closing is None
    await till.close()
    assert await till.isp.rows("SELECT invoices, total_billed FROM period_closing_figure ORDER BY closing_id") == [
        (1, 150_000),
        (2, 150_000),
    ]
    await till.isp.check()
    with pytest.raises(
        IntegrityError, match=r"is not the one that holds|period_reopening_closing_id_key"
    ):  # a closing that was reopened already, or not the last
        async with till.isp.write() as session:
            await session.execute(text("INSERT INTO period_reopening (closing_id, reason, reopened_at)"
                                       " SELECT min(id), 'x', now() FROM period_closing"))  # fmt: skip


async def test_a_period_far_from_today_must_be_meant(database: Database) -> None:
    isp = await Isp.make(database)

    async def opens(month: Month, *, confirm: bool = False) -> None:
        async with isp.write() as session:
            await periods.open_period(session, month, confirm=confirm)

    for month in (Month(2035, 1), Month(2026, 5), Month(2025, 1)):
        with pytest.raises(ConfirmPeriod):
            await opens(month)
        await opens(month, confirm=True)
    for month in (Month(2026, 4), Month(2025, 2)):
        await opens(month)


async def test_a_period_closed_by_mistake_far_ahead_poisons_nobodys_billing(database: Database) -> None:
    isp = await Isp.make(database)
    customer_id = await isp.customer()
    async with isp.write() as session:
        await periods.open_period(session, Month(2035, 1), confirm=True)
        await periods.close(session, Month(2035, 1), incomplete=True)
        await billing_cycles.set_billing(session, customer_id, months=3, effective_from=date(2026, 3, 1))
    with pytest.raises(AlreadyCovered, match="2035-02-01"):  # in the closed month itself nothing can begin
        async with isp.write() as session:
            await billing_cycles.set_billing(session, customer_id, months=3, effective_from=date(2035, 1, 15))


async def late_fee_on_march(database: Database) -> tuple[Till, int, int]:
    """February's invoice, overdue, and March's with its fee of Rp10.000."""
    till = await Till.make(database, FEBRUARY, MARCH)
    await till.isp.customer()
    async with till.isp.write() as session:
        await settings.change(session, late_fee=10_000, late_fee_after_days=0)
    await till.isp.generate()
    await till.isp.generate(MARCH, at=datetime(2026, 3, 25, tzinfo=UTC))
    february, march = [row[0] for row in await till.isp.rows("SELECT id FROM invoice ORDER BY id")]
    return till, february, march


async def void(till: Till, invoice_id: int, *, release: bool = False) -> None:
    async with till.isp.write(datetime(2026, 3, 26, tzinfo=UTC)) as session:
        await corrections.void_invoice(session, invoice_id, reason="modem rusak", key=next(_keys), release_payments=release)


async def test_a_fee_that_was_billed_goes_with_the_invoice_that_it_was_for(database: Database) -> None:
    till, february, march = await late_fee_on_march(database)
    await void(till, february)
    assert await till.isp.rows("SELECT total, written_off, outstanding FROM invoice WHERE id = :i", i=march) == [(160_000, 10_000, 150_000)]
    assert await till.isp.rows("SELECT debit, credit, amount FROM journal WHERE document = 'write_off'") == [
        ("REVENUE", "RECEIVABLE", 10_000)
    ]
    await till.isp.check()
    number = await till.isp.value("SELECT id FROM write_off")
    with pytest.raises(NotFound):  # it belongs to the void, it is no bad debt
        await reverse_write_off(till, number, march)
    await void(till, march)  # its own void takes back the cancellation too
    assert await till.isp.rows("SELECT written_off, outstanding, voided_at IS NULL FROM invoice WHERE id = :i", i=march) == [(0, 0, False)]
    assert await till.isp.rows("SELECT cancelled_at IS NULL, invoice_id FROM charge") == [(False, None)]
    await till.isp.check()


async def test_a_fee_that_was_paid_becomes_credit_the_newest_money_first(database: Database) -> None:
    till, february, march = await late_fee_on_march(database)
    customer_id = await till.isp.value("SELECT customer_id FROM invoice LIMIT 1")
    at = datetime(2026, 3, 25, 1, tzinfo=UTC)
    for amount in (100_000, 55_000, 4_000):  # 1,000 of March's are still owed
        await till.isp.pay(customer_id, amount, at=at, invoice_ids=[march])
    await void(till, february)
    assert await till.isp.rows("SELECT allocated, written_off, outstanding FROM invoice WHERE id = :i", i=march) == [(150_000, 10_000, 0)]
    assert await till.isp.rows("SELECT amount, credit FROM payment ORDER BY id") == [(100_000, 0), (55_000, 5_000), (4_000, 4_000)]
    await till.isp.check()


async def test_money_that_is_held_is_released_no_further_than_the_fee(database: Database) -> None:
    till, february, march = await late_fee_on_march(database)
    customer_id = await till.isp.value("SELECT customer_id FROM invoice LIMIT 1")
    at = datetime(2026, 3, 25, 1, tzinfo=UTC)
    paid = await till.isp.pay(customer_id, 160_000, at=at, invoice_ids=[march])
    async with till.isp.write(at) as session:
        await credit.hold(session, paid.payment_id, reason="titipan alat", key=next(_keys))
    await void(till, february)
    assert await till.isp.rows("SELECT allocated, written_off, outstanding FROM invoice WHERE id = :i", i=march) == [(150_000, 10_000, 0)]
    assert await till.isp.value("SELECT credit FROM payment") == 10_000
    await till.isp.check()


async def test_a_refund_counts_in_its_own_month(database: Database) -> None:
    till = await Till.make(database, FEBRUARY, MARCH)
    paid = await till.take(50_000)
    async with till.isp.write(datetime(2026, 3, 5, 3, tzinfo=UTC)) as session:
        await corrections.refund(session, paid, method=PaymentMethod.TRANSFER, reason="lebih", key=next(_keys), amount=20_000)
    assert [(await till.recap(month)).refunded for month in (FEBRUARY, MARCH)] == [0, 20_000]


async def test_a_deposit_by_transfer_is_in_the_bank(database: Database) -> None:
    till = await Till.make(database)
    await till.take(50_000)
    async with database.transaction(actor=till.kasir, at=NOW) as session:
        submitted = await deposits.submit(
            session, amount=50_000, type=DepositType.TRANSFER, key=next(_keys), counter_id=till.place["counter_id"],
            proof=Proof("image/png", b"struk", hashlib.sha256(b"struk").digest()), object_key="proofs/2026/02/bank.png",
        )  # fmt: skip
    async with database.transaction(actor=till.siti, at=NOW) as session:
        await deposits.verify(session, submitted.deposit_id, key=next(_keys))
    assert await till.journal("deposit") == [("BANK", "CASH_ON_HAND", 50_000)]
    await till.isp.check()


async def test_other_ways_of_paying_have_an_account_of_their_own(database: Database) -> None:
    isp = await Isp.make(database)
    customer_id = await isp.customer()
    for method, amount in ((PaymentMethod.OTHER, 10), (PaymentMethod.QRIS, 20), (PaymentMethod.TRANSFER, 30), (PaymentMethod.CASH, 40)):
        await isp.pay(customer_id, amount, method=method)
    payment_id = await isp.value("SELECT min(id) FROM payment")
    async with isp.write() as session:
        await corrections.refund(session, payment_id, method=PaymentMethod.OTHER, reason="lebih", key=next(_keys), amount=4)
    assert await isp.rows("SELECT debit, credit, amount FROM journal WHERE document IN ('payment', 'refund') ORDER BY amount") == [
        ("CREDIT", "OTHER_RECEIPTS", 4), ("OTHER_RECEIPTS", "CREDIT", 10), ("BANK", "CREDIT", 20), ("BANK", "CREDIT", 30),
        ("CASH_ON_HAND", "CREDIT", 40),
    ]  # fmt: skip
    rest = {
        "payment": "customer_id, allocated, refunded, received_by, collected_at, received_at, received_on, note, surplus_because",
        "refund": "payment_id, reason, refunded_at, refunded_on, refunded_by",
    }
    for table, columns in rest.items():
        values = columns.replace("allocated, refunded,", "0, 0,")
        statement = (
            f"INSERT INTO {table} (counter_id, amount, method, {columns}) SELECT counter_id, 1, 'KRIPTO', {values} FROM {table} LIMIT 1"
        )
        with pytest.raises(IntegrityError, match=f"{table}_method_fkey"):
            async with isp.write() as session:
                await session.execute(text(statement))
    await isp.check()
