"""The whole domain, driven at random beside a simple model: after each step both must say the same (recaps: WHOLE_EVERY).

One machine is one ISP with four customers at two counters in two time zones, over some months. Deeds that the model refuses must
be refused by the domain with the same error, and change nothing.
"""

import asyncio
import itertools
import os
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from sebilling.actor import EVERYWHERE, Actor, Role, operator
from sebilling.billing import (
    billing_cycles,
    charges,
    corrections,
    counters,
    credit,
    customers,
    dashboard,
    deposits,
    differences,
    end_of_service,
    generation,
    invariants,
    opening,
    payment_previews,
    payments,
    periods,
    plans,
    recap,
    reversals,
    settings,
    suspensions,
)
from sebilling.billing.charges import ChargeKind
from sebilling.billing.deposits import DepositType
from sebilling.billing.payments import PaymentMethod
from sebilling.clock import Month
from sebilling.db.engine import WriteSession
from sebilling.errors import SebillingError
from tests.harness import SavepointDatabase, make_user
from tests.money.model import Bill, Extra, Handed, Model, Money, Off, Person, Place, Refused, next_month

BEGIN = datetime(2028, 1, 28, 3, 0, tzinfo=UTC)
"""28 January of a leap year, in the morning in Jakarta."""
CYCLES = ((3, date(2027, 12, 31)), (2, date(2028, 1, 15)))
"""Of the third and fourth customer from the beginning."""
AMOUNTS = (1, 49_999, 75_000, 99_999, 150_000, 300_000, 1_000_003)
PRICES = (0, 99_999, 150_000, 333_331)
WHOLE_EVERY = int(os.environ.get("SEBILLING_TEST_MACHINE_WHOLE_EVERY", "3"))
"""Recaps and invariants take most of the time: they are compared after every so many operations of a life, after each that opens,
closes or hands something over, and at its end. `make campaign` compares them every time."""
_SETTLED = text("SELECT invoice_id, amount FROM allocation WHERE payment_id = :payment")
_CREDIT = text("SELECT credit FROM payment WHERE id = :payment")
_BROKEN = text(
    " UNION ALL ".join(f"SELECT '{one.name}' FROM ({one.broken.replace(':', chr(92) + ':')}) {one.name}" for one in invariants.INVARIANTS)
)
_STATE = {
    "bills": """SELECT invoice.id, customer_id, month, counter_id, sequence, covers_from, covers_until, due_on, total, allocated,
                       written_off, outstanding, voided_at IS NOT NULL,
                       ARRAY(SELECT kind || ' ' || amount FROM invoice_line WHERE invoice_id = invoice.id)
                  FROM invoice JOIN period ON period.id = period_id""",
    "money": "SELECT id, customer_id, counter_id, amount, credit, refunded, reversed_at IS NOT NULL, surplus_because FROM payment",
    "extras": "SELECT id, amount, invoice_id, cancelled_at IS NOT NULL, overdue_invoice_id FROM charge",
    "drawers": "SELECT counter_id, collector_id, on_hand, waiting FROM drawer",
    "handed": "SELECT id, status, counted, difference, settled FROM deposit",
}
pick = st.integers(0, 11)
"""Which of the things there are: the remainder of the division by their number."""
few = st.integers(0, 3)
DASHBOARD = (
    "received_today",
    "payments_today",
    "received_this_month",
    "payments_this_month",
    "billed_this_month",
    "outstanding",
    "cash_on_hand",
    "blocked_customers",
)


def _refusal(deed: Callable[[], Any], kind: type[Exception], name: Callable[[Exception], str]) -> str | None:
    """The name of the error with which the deed is refused, or None."""
    try:
        deed()
    except kind as error:
        return name(error)
    return None


def _figures(one: recap.Figures) -> dict[str, int]:
    return {name: getattr(one, name) for name in recap.NAMES}


class MoneyMachine(RuleBasedStateMachine):
    """The rules. `url` is set by the test."""

    url = ""
    machines = 0

    def __init__(self) -> None:
        super().__init__()
        self.steps, self.is_comparable = 0, False
        self.runner = asyncio.Runner()
        self.keys = (f"key-of-machine-{number}" for number in itertools.count())
        self.model = Model(BEGIN)
        type(self).machines += 1
        self.run(self._open())

    def run(self, work: Awaitable[Any]) -> Any:
        async def awaited() -> Any:
            return await work

        return self.runner.run(awaited())

    async def _open(self) -> None:
        self.engine = create_async_engine(self.url)
        self.connection = await self.engine.connect()
        await self.connection.begin()
        self.database = SavepointDatabase(self.url, self.connection)

    def teardown(self) -> None:
        try:
            if self.is_comparable:  # else something else has failed, and that is what is told
                self.compare(whole=True)
        finally:
            self.run(self._close())
            self.runner.close()

    async def _close(self) -> None:
        await self.connection.rollback()
        await self.connection.close()
        await self.engine.dispose()

    # --- doing ------------------------------------------------------------------------------------------------------------

    @initialize(arrears=st.sampled_from((0, 1, 250_000)), credit=st.sampled_from((0, 49_999, 400_000)), brought=st.booleans())
    def begin(self, arrears: int, credit: int, brought: bool) -> None:  # noqa: FBT001 - Hypothesis gives it by name
        """`brought`: the first two customers come from another system, the one owing, the other ahead."""

        async def make() -> None:
            async with self.database.transaction(actor=operator("test"), at=BEGIN) as session:
                self.users = [await make_user(session, name, Role.FINANCE) for name in ("ani", "beni", "cici")]
            self.actors = [Actor(user, f"user {user}", Role.FINANCE, EVERYWHERE) for user in self.users]
            async with self.database.transaction(actor=self.actors[0], at=BEGIN) as session:
                for code, zone, due_day in (("BARAT", "Asia/Jakarta", 10), ("TIMUR", "Asia/Jayapura", 28)):
                    number = await counters.create(session, code=code, name=code, timezone=zone, due_day=due_day)
                    self.model.places[number] = Place(number, code, zone, due_day)
                for name, price in (("kecil", 99_999), ("besar", 150_000)):
                    self.model.plans[await plans.create(session, name=name, price=price)] = price
                for month in (date(2027, 12, 1), date(2028, 1, 1)):
                    await periods.open_period(session, Month.of(month), confirm=True)
                    self.model.periods[month] = True
            for number in range(4):
                await self._add(number, date(2027, 11 + number % 2, 28 + number % 3))

        self.run(make())
        if brought:
            self._bring_in(arrears, credit)
        for person, (months, start) in zip(list(self.model.people.values())[2:], CYCLES, strict=True):
            self._set_cycle(person, months, start)

    def _bring_in(self, arrears: int, credit: int) -> None:
        """Opening balances of December, which is open."""
        owing, ahead = list(self.model.people)[:2]
        month = date(2027, 12, 1)

        async def bring(session: WriteSession) -> None:
            given = [opening.Opening(owing, arrears=arrears), opening.Opening(ahead, credit=credit)]
            await opening.record(session, Month.of(month), given, by=self.users[0])
            sql = "SELECT customer_id, invoice_id, payment_id FROM opening_balance"
            for row in await session.rows(text(sql)):
                due, free = (arrears, 0) if row.customer_id == owing else (0, credit)
                self.model.open_with(row.customer_id, month, arrears=due, credit=free, invoice=row.invoice_id, payment=row.payment_id)

        self.deed(lambda: None, bring)

    async def _add(self, number: int, installed: date) -> None:
        async with self.database.transaction(actor=self.actors[0], at=self.model.now) as session:
            await self._new(session, number, installed)

    async def _new(self, session: WriteSession, number: int, installed: date) -> None:
        counter = list(self.model.places)[number % 2]
        plan = list(self.model.plans)[number % 2]
        price = [None, None, 333_331][number % 3]
        given = customers.CustomerDetails(
            code=f"P{len(self.model.people)}", name="Budi", counter_id=counter, plan_id=plan, installed_on=installed, price=price
        )
        found = await customers.create(session, given)
        self.model.people[found] = Person(found, counter, plan, price, installed)

    def deed(
        self, modelled: Callable[[], Any], done: Callable[[WriteSession], Awaitable[Any]], *, who: int = 0, whole: bool = False
    ) -> None:
        """Do it to the model and to the domain: both succeed, or both refuse with the same error."""

        async def do() -> None:
            async with self.database.transaction(actor=self.actors[who], at=self.model.now) as session:
                await done(session)

        self.is_comparable = False
        expected = _refusal(modelled, Refused, str)
        assert _refusal(lambda: self.run(do()), SebillingError, lambda error: type(error).__name__) == expected
        self.compare(whole=whole)
        self.is_comparable = True

    def compare(self, *, whole: bool) -> None:
        """The database says what the model says; if `whole`, also its recaps, and no invariant is broken."""
        self.steps += 1
        is_whole = whole or self.steps % WHOLE_EVERY == 0

        async def read() -> dict[str, Any]:
            async with self.database.reading() as session:
                found: dict[str, Any] = {name: await session.rows(text(sql)) for name, sql in _STATE.items()}
                if is_whole:
                    assert not (broken := await session.rows(_BROKEN)), broken
                found["recaps"] = [
                    (month, one)
                    for month in (self.model.periods if is_whole else ())
                    for one in await recap.read(session, Month.of(month), scope=EVERYWHERE)
                ]
                found["dashboards"] = await dashboard.read(session, at=self.model.now, scope=EVERYWHERE)
                return found

        rows = self.run(read())
        found: dict[str, Any] = {name: {row[0]: tuple(row[1:]) for row in rows[name]} for name in ("money", "extras", "handed")}
        found["bills"] = {
            row[0]: (*row[1:13], sorted((kind, int(amount)) for kind, amount in (line.split() for line in row[13])))
            for row in rows["bills"]
        }
        found["drawers"] = {(row[0], row[1]): (row[2], row[3]) for row in rows["drawers"]}
        found["recaps"] = {(month, one.counter_id): _figures(one) for month, one in rows["recaps"]}
        found["kept"] = {(month, one.counter_id): _figures(one.as_of_closing) for month, one in rows["recaps"] if one.as_of_closing}
        found["dashboards"] = {one.counter_id: {name: getattr(one, name) for name in DASHBOARD} for one in rows["dashboards"]}
        expected = self.model.state()
        for name, value in found.items():
            if is_whole or name not in {"recaps", "kept"}:
                assert value == expected[name], name

    def person(self, place: int) -> Person:
        return list(self.model.people.values())[place % len(self.model.people)]

    @staticmethod
    def one_of(things: dict[int, Any], place: int) -> int:
        return sorted(things)[-1 - place % len(things)]

    # --- months -----------------------------------------------------------------------------------------------------------

    @rule(count=st.sampled_from((1, 3, 9)), hours=st.sampled_from((0, 14)))
    def time_passes(self, count: int, hours: int) -> None:
        self.model.now += timedelta(days=count, hours=hours)

    @rule(day=st.integers(0, 4), chunk=st.sampled_from((1, 3, 100)))
    def month_begins(self, day: int, chunk: int) -> None:
        """The next month is opened and generated, before it begins or in its first days."""
        month = next_month(max(self.model.periods))
        self.model.now = max(self.model.now, datetime(month.year, month.month, 1, 16, 30, tzinfo=UTC) + timedelta(days=day - 1))
        self.model.periods[month] = True
        self.deed(lambda: None, lambda session: periods.open_period(session, Month.of(month), confirm=True))
        self._issue(month, lambda _: True, chunk)

    @precondition(lambda self: sum(self.model.periods.values()) > 2)
    @rule()
    def close_oldest_period(self) -> None:
        self._close_period(min(month for month, is_open in self.model.periods.items() if is_open))

    @precondition(lambda self: any(self.model.periods.values()) and len(self.model.periods) % 5 == 0)  # seldom: then nothing can be voided
    @rule()
    def close_every_period(self) -> None:
        for month in [month for month, is_open in self.model.periods.items() if is_open]:
            self._close_period(month)

    @precondition(lambda self: len(self.model.periods) % 3 == 0)  # seldom: a period ahead is closed before anything is in it
    @rule(day=st.integers(1, 8))
    def open_and_close_ahead(self, day: int) -> None:
        month = next_month(max(self.model.periods))
        if month > self.model.now.date() + timedelta(days=day):
            self.model.periods[month] = True
            self.deed(lambda: None, lambda session: periods.open_period(session, Month.of(month), confirm=True))
            self._close_period(month)

    @precondition(lambda self: not all(self.model.periods.values()))
    @rule(which=pick)
    def reopen_period(self, which: int) -> None:
        month = sorted(month for month, is_open in self.model.periods.items() if not is_open)[-1 - which % sum(
            not is_open for is_open in self.model.periods.values()
        )]  # fmt: skip
        self.deed(
            lambda: self.model.reopen(month),
            lambda session: periods.reopen(session, Month.of(month), reason="salah tutup", key=next(self.keys)),
            whole=True,
        )

    def _close_period(self, month: date) -> None:
        self.deed(lambda: self.model.close(month), lambda session: periods.close(session, Month.of(month), incomplete=True),
                  whole=True)  # fmt: skip

    @rule(place=few, where=few, chunk=st.sampled_from((1, 3, 100)), beside=st.booleans())
    def generate(self, place: int, where: int, chunk: int, beside: bool) -> None:  # noqa: FBT001 - Hypothesis gives it by name
        """`beside`: while it runs, a plan becomes dearer, tax begins and somebody is added; none of it is the run's."""
        month = sorted(self.model.periods)[-1 - place % len(self.model.periods)]
        wanted = None if where > 1 else [list(self.model.places)[where]]
        self._issue(month, lambda person: wanted is None or person.counter in wanted, chunk, beside=beside, counters=wanted)

    @rule(place=few, who=pick)
    def issue_one(self, place: int, who: int) -> None:
        month, person = sorted(self.model.periods)[-1 - place % len(self.model.periods)], self.person(who)
        self._issue(month, lambda one: one is person, 100, customer_id=person.id)

    def _issue(self, month: date, wanted: Callable[[Person], bool], chunk: int, *, beside: bool = False, **options: Any) -> None:
        def modelled() -> None:
            if not self.model.periods[month]:
                raise Refused("PeriodClosed")

        foretold = self._foretold(month)
        people = [person for person in sorted(self.model.people.values(), key=lambda one: (one.counter, one.id)) if wanted(person)]
        expected = {person.id: self.model.priced(person, month) for person in people}

        async def run(session: WriteSession) -> dict[int, Any]:
            started = await generation.start(session, Month.of(month), key=next(self.keys), **options)
            if beside:
                await self._meanwhile(session)
            while await generation.advance(session, chunk=chunk, run_id=started.run_id):
                pass
            counts = await generation.outcome(session, started.run_id)
            verdicts = [found for found in expected.values() if isinstance(found, str)]
            assert counts.issued == len(expected) - len(verdicts)
            assert counts.already_invoiced == verdicts.count("ALREADY_INVOICED")
            assert counts.skipped == {name: verdicts.count(name) for name in set(verdicts) - {"ALREADY_INVOICED"}}
            rows = await session.rows(text("SELECT customer_id, id FROM invoice WHERE run_id = :run"), {"run": started.run_id})
            fees = await session.rows(text("SELECT overdue_invoice_id, id FROM charge WHERE overdue_invoice_id IS NOT NULL"))
            invoices = {row[0]: row[1] for row in rows}
            for person in people:
                if person.id in invoices:
                    self._billed(person, month, invoices[person.id], expected[person.id], dict(tuple(row) for row in fees))
            self._came_true({customer: told for customer, told in foretold.items() if customer in expected}, invoices)
            return invoices

        if self.model.periods[month]:
            self.deed(modelled, run)
        else:
            self.deed(modelled, lambda session: generation.start(session, Month.of(month), key=next(self.keys), **options))

    def _came_true(self, foretold: dict[int, Any], invoices: dict[int, int]) -> None:
        for customer, told in foretold.items():
            if customer in invoices:
                bill = self.model.bills[invoices[customer]]
                assert told == (bill.covers_from, bill.covers_until, bill.due, bill.total), "custom.coming foretold something else"
            else:
                assert isinstance(told, str), "custom.coming foretold what wasn't issued"

    async def _meanwhile(self, session: WriteSession) -> None:
        """Known to the model only from the next deed on: `expected` is worked out."""
        plan = min(self.model.plans)
        self.model.plans[plan] = 175_001
        await plans.update(session, plan, price=175_001)
        self.model.tax = (Fraction(11), Fraction(1), "HALF_UP")
        await settings.change(session, tax_rate=Decimal(11), tax_numerator=1, tax_denominator=1, tax_rounding="HALF_UP")
        if len(self.model.people) < 7:
            await self._new(session, len(self.model.people), self.model.now.date())

    def _billed(self, person: Person, month: date, number: int, expected: Any, fees: dict[int, int]) -> None:
        """The model's invoice, under the database's id; credit that waits settles it at once."""
        stretch, lines, waiting, late = expected
        before = [bill.sequence for bill in self.model.bills.values() if (bill.month, bill.counter) == (month, person.counter)]
        self.model.bills[number] = Bill(
            person.id, month, person.counter, max(before, default=0) + 1, stretch.covers_from, stretch.covers_until, stretch.due, lines
        )
        for overdue in late:
            self.model.extras[fees[overdue]] = Extra(person.id, overdue, self.model.fee[0])
            waiting.append(fees[overdue])
        for extra in waiting:
            self.model.extras[extra].bill = number
        for payment in self.model.credits(person.id):
            if not self.model.money[payment].held:
                self.model.settle(payment, [number])

    def _foretold(self, month: date) -> dict[int, Any]:
        """What `custom.coming` says of this month's invoices, if it is the present month."""

        async def ask(person: Person) -> Any:
            async with self.database.reading() as session:
                standing = await billing_cycles.standing(session, person.id, at=self.model.now, scope=EVERYWHERE)
                coming = await billing_cycles.coming(session, standing, at=self.model.now, scope=EVERYWHERE, count=1)
            if not coming or coming[0].month > Month.of(month):
                return "nothing before later"
            (first,) = coming
            if first.month < Month.of(month):  # an earlier period is still to be generated
                return None
            return first.covers_from, first.covers_until, first.due_on, first.total

        here = [one for one in self.model.people.values() if self.model.today(one.counter).replace(day=1) == month]
        told = {person.id: self.run(ask(person)) for person in here}
        return {customer: one for customer, one in told.items() if one is not None}

    # --- money ------------------------------------------------------------------------------------------------------------

    @rule(
        who=pick, amount=st.sampled_from(AMOUNTS), method=st.sampled_from(("CASH", "CASH", "CASH", "TRANSFER", "OTHER")), by=few, named=few,
        hours=st.sampled_from((0, 0, 5, 60)),
    )  # fmt: skip
    def pay(self, who: int, amount: int, method: str, by: int, *, named: int, hours: int) -> None:
        person, user = self.person(who), by % 3
        theirs = sorted(number for number, bill in self.model.bills.items() if bill.customer == person.id)
        wanted = None if named < 2 or not theirs else list(reversed(theirs))[: named - 1]
        collected = self.model.now - timedelta(hours=hours) if hours else None
        self._pay(person, amount, method, user, wanted=wanted, collected=collected)

    def _pay(
        self, person: Person, amount: int, method: str, user: int, *, wanted: list[int] | None, collected: datetime | None = None
    ) -> None:  # fmt: skip
        received = payments.Received(
            customer_id=person.id,
            amount=amount,
            method=PaymentMethod[method],
            key=next(self.keys),
            invoice_ids=wanted,
            collected_at=collected,
        )

        async def twice(session: WriteSession) -> None:
            shown = await payment_previews.preview(session, person.id, amount=amount, invoice_ids=wanted, scope=EVERYWHERE)
            recorded = await payments.record(session, received)
            settled = await session.rows(_SETTLED, {"payment": recorded.payment_id})
            assert sorted((part.invoice_id, part.amount) for part in shown.allocations) == sorted(map(tuple, settled))
            assert shown.credit == await session.value(_CREDIT, {"payment": recorded.payment_id})
            self.model.pay(recorded.payment_id, Money(person.id, person.counter, self.users[user], method, amount, ""), wanted, collected)
            again = await payments.record(session, received)
            assert (again.payment_id, again.replayed) == (recorded.payment_id, True)

        self.deed(lambda: None, twice, who=user)

    @precondition(lambda self: any(bill.owed for bill in self.model.bills.values()))
    @rule(which=pick, more=st.sampled_from((0, 0, -1, 1, 50_000)), by=few)
    def pay_what_is_owed(self, which: int, more: int, by: int) -> None:
        owing = sorted({bill.customer for bill in self.model.bills.values() if bill.owed})
        customer, user = owing[which % len(owing)], by % 3
        amount = max(sum(bill.owed for bill in self.model.bills.values() if bill.customer == customer) + more, 1)
        self._pay(self.model.people[customer], amount, "CASH", user, wanted=None)

    @precondition(lambda self: self.model.money)
    @rule(which=pick)
    def reverse(self, which: int) -> None:
        number = self.one_of(self.model.money, which)
        self.deed(
            lambda: self.model.reverse(number),
            lambda session: corrections.reverse_payment(session, number, reason="salah orang", key=next(self.keys)),
        )

    @precondition(lambda self: self.model.money)
    @rule(which=pick, amount=st.sampled_from((None, 1, 75_000)), method=st.sampled_from(("CASH", "TRANSFER")), by=few)
    def refund(self, which: int, amount: int | None, method: str, by: int) -> None:
        number, collector = self.one_of(self.model.money, which), self.users[by % 3]
        self.deed(
            lambda: self.model.refund(number, amount, method, collector),
            lambda session: corrections.refund(
                session,
                number,
                method=PaymentMethod[method],
                reason="kelebihan",
                key=next(self.keys),
                amount=amount,
                collector_id=collector,
            ),
        )

    @precondition(lambda self: self.model.bills)
    @rule(which=pick, release=st.booleans())
    def void(self, which: int, release: bool) -> None:  # noqa: FBT001 - Hypothesis gives it by name
        number = self.one_of(self.model.bills, which)
        self.deed(
            lambda: self.model.void(number, release=release),
            lambda session: corrections.void_invoice(session, number, reason="salah paket", key=next(self.keys), release_payments=release),
        )

    @precondition(lambda self: self.model.bills)
    @rule(which=pick, amount=st.sampled_from((None, 1, 75_000)))
    def write_off(self, which: int, amount: int | None) -> None:
        number = self.one_of(self.model.bills, which)
        self.deed(
            lambda: self.model.write_off(number, amount),
            lambda session: corrections.write_off(session, number, reason="pindah rumah", key=next(self.keys), amount=amount),
        )

    @precondition(lambda self: self.model.given_up)
    @rule(which=pick)
    def reverse_write_off(self, which: int) -> None:
        place = which % len(self.model.given_up)
        bill = self.model.given_up[place].bill

        async def reverse(session: WriteSession) -> None:
            found = await session.rows(text("SELECT id FROM write_off WHERE kind = 'BAD_DEBT' ORDER BY id"))
            await reversals.reverse_write_off(session, found[place][0], invoice_id=bill, reason="salah orang", key=next(self.keys))

        self.deed(lambda: self.model.reverse_write_off(place), reverse)

    @precondition(lambda self: self.model.refunds)
    @rule(which=pick)
    def reverse_refund(self, which: int) -> None:
        place = which % len(self.model.refunds)
        payment = self.model.refunds[place].payment

        async def reverse(session: WriteSession) -> None:
            found = await session.rows(text("SELECT id FROM refund ORDER BY id"))
            await reversals.reverse_refund(session, found[place][0], payment_id=payment, reason="tidak jadi", key=next(self.keys))

        self.deed(lambda: self.model.reverse_refund(place), reverse)

    @rule(who=pick)
    def apply_credit(self, who: int) -> None:
        person = self.person(who)
        self.deed(lambda: self.model.apply(person.id), lambda session: credit.apply(session, person.id, key=next(self.keys)))

    @precondition(lambda self: self.model.money)
    @rule(which=pick)
    def hold_credit(self, which: int) -> None:
        number = self.one_of(self.model.money, which)
        self.deed(
            lambda: self.model.hold(number),
            lambda session: credit.hold(session, number, reason="titipan alat", key=next(self.keys)),
        )

    # --- drawers ----------------------------------------------------------------------------------------------------------

    @rule(where=few, by=few, amount=st.sampled_from(AMOUNTS))
    def hand_over(self, where: int, by: int, amount: int) -> None:
        counter, user = list(self.model.places)[where % 2], by % 3

        async def submit(session: WriteSession) -> None:
            given = await deposits.submit(session, counter_id=counter, amount=amount, type=DepositType.MANUAL, key=next(self.keys))
            self.model.handed[given.deposit_id] = Handed(counter, self.users[user], self.users[user], amount)

        self.deed(lambda: None, submit, who=user, whole=True)

    @precondition(lambda self: self.model.handed)
    @rule(which=pick, by=few, less=st.sampled_from((None, -5_000, 0, 10_000, -300_000)), confirm=st.booleans())
    def verify(self, which: int, by: int, less: int | None, confirm: bool) -> None:  # noqa: FBT001 - as above
        number, user = self.one_of(self.model.handed, which), by % 3
        counted = None if less is None else max(self.model.handed[number].amount - less, 1)
        self.deed(
            lambda: self.model.verify(number, counted, self.users[user], confirm=confirm),
            lambda session: deposits.verify(session, number, key=next(self.keys), counted=counted, confirm_difference=confirm),
            who=user,
        )

    @precondition(lambda self: self.model.handed)
    @rule(which=pick, by=few, counted=st.sampled_from((0, 1, 74_999, 75_000, 400_000)))
    def correct_deposit(self, which: int, by: int, counted: int) -> None:
        number, user = self.one_of(self.model.handed, which), by % 3
        self.deed(
            lambda: self.model.correct(number, counted, self.users[user]),
            lambda session: differences.correct(session, number, counted=counted, reason="salah hitung", key=next(self.keys)),
            who=user,
        )

    @precondition(lambda self: any(one.unsettled for one in self.model.handed.values()))
    @rule(which=pick, by=few, amount=st.sampled_from((None, None, 1, 60_000)))
    def settle_difference(self, which: int, by: int, amount: int | None) -> None:
        one = [one for _, one in sorted(self.model.handed.items()) if one.unsettled][which % sum(
            bool(one.unsettled) for one in self.model.handed.values()
        )]  # fmt: skip
        user, sign = by % 3, 1 if one.difference > 0 else -1
        kind = differences.DifferenceKind.SURPLUS if sign > 0 else differences.DifferenceKind.SHORTAGE
        much = abs(one.unsettled) if amount is None else amount
        self.deed(
            lambda: self.model.settle_difference(one.counter, one.collector, sign, much, self.users[user]),
            lambda session: differences.settle(
                session, kind, counter_id=one.counter, collector_id=one.collector, amount=much, reason="ketemu", key=next(self.keys)
            ),
            who=user,
        )

    @precondition(lambda self: self.model.handed)
    @rule(which=pick, by=few)
    def reject(self, which: int, by: int) -> None:
        number, user = self.one_of(self.model.handed, which), by % 3
        self.deed(
            lambda: self.model.reject(number, self.users[user]),
            lambda session: deposits.reject(session, number, reason="uangnya tidak ada", key=next(self.keys)),
            who=user,
        )

    # --- terms ------------------------------------------------------------------------------------------------------------

    @rule(who=pick, months=st.sampled_from((0, 1, 2, 3, 12, 61)), shift=st.sampled_from((-1, 0, 0, 0, 1, 14, 31, 40)))
    def set_cycle(self, who: int, months: int, shift: int) -> None:
        person = self.person(who)
        self._set_cycle(person, months, self.model.first_possible(person) + timedelta(days=shift))

    @rule(who=pick, months=st.sampled_from((1, 3)), ahead=st.integers(0, 70))
    def set_cycle_ahead(self, who: int, months: int, ahead: int) -> None:
        person = self.person(who)
        self._set_cycle(person, months, max(self.model.now.date(), self.model.first_possible(person)) + timedelta(days=ahead))

    def _set_cycle(self, person: Person, months: int, start: date) -> None:
        self.deed(
            lambda: self.model.set_cycle(person, months, start),
            lambda session: billing_cycles.set_billing(session, person.id, months=months, effective_from=start),
        )

    @rule(who=pick, ahead=st.integers(-40, 50), length=st.sampled_from((None, 3, 25, 40, 75)))
    def pause(self, who: int, ahead: int, length: int | None) -> None:
        person = self.person(who)
        start = self.model.today(person.counter) + timedelta(days=ahead)
        end = None if length is None else start + timedelta(days=length)
        self.deed(
            lambda: self.model.pause(person, start, end),
            lambda session: suspensions.pause(session, person.id, from_on=start, until_on=end, reason="pulang kampung"),
        )

    @rule(who=pick, ahead=st.sampled_from((-40, -20, 0, 0, 0, 15, 30)))
    def resume(self, who: int, ahead: int) -> None:
        person = self.person(who)
        day = self.model.today(person.counter) + timedelta(days=ahead)
        self.deed(lambda: self.model.resume(person, day), lambda session: suspensions.resume(session, person.id, on=day))

    @precondition(lambda self: self.steps % 3 == 0)  # seldom: nothing comes after it
    @rule(who=pick, ahead=st.sampled_from((-1, 0, 12, 40)))
    def end_service(self, who: int, ahead: int) -> None:
        person = self.person(who)
        day = self.model.today(person.counter) + timedelta(days=ahead)
        self.deed(
            lambda: self.model.end_service(person, day),
            lambda session: end_of_service.end(session, person.id, on=day, reason="pindah kota"),
        )

    @precondition(lambda self: any(one.ended != date.max for one in self.model.people.values()))
    @rule(who=pick)
    def undo_end_of_service(self, who: int) -> None:
        person = self.person(who)
        self.deed(lambda: self.model.undo_end(person), lambda session: end_of_service.undo(session, person.id))

    @rule(who=pick, later=st.sampled_from((-9, 1, 10, 20, 45)))
    def put_off(self, who: int, later: int) -> None:
        person = self.person(who)
        installed = person.installed + timedelta(days=later)
        self.deed(
            lambda: self.model.install(person, installed),
            lambda session: customers.update(session, person.id, installed_on=installed),
        )

    @rule(which=few, price=st.sampled_from(PRICES))
    def change_price(self, which: int, price: int) -> None:
        plan = list(self.model.plans)[which % 2]
        self.model.plans[plan] = price
        self.deed(lambda: None, lambda session: plans.update(session, plan, price=price))

    @rule(who=pick, plan=few, active=st.integers(0, 4), moved=few, due_day=st.sampled_from((None, None, 1, 15, 28)))
    def change_customer(self, who: int, plan: int, active: int, moved: int, due_day: int | None) -> None:
        person = self.person(who)
        person.plan, person.active = list(self.model.plans)[plan % 2], active > 0
        person.counter, person.due_day = list(self.model.places)[moved % 2], due_day
        changes: customers.CustomerChanges = {
            "plan_id": person.plan, "active": person.active, "counter_id": person.counter, "due_day": due_day,
        }  # fmt: skip
        self.deed(lambda: None, lambda session: customers.update(session, person.id, **changes))

    @precondition(lambda self: len(self.model.people) < 7)
    @rule(number=few)
    def add_customer(self, number: int) -> None:
        self.run(self._add(number, self.model.now.date()))

    @rule(who=pick, amount=st.sampled_from(AMOUNTS))
    def add_charge(self, who: int, amount: int) -> None:
        person = self.person(who)

        async def add(session: WriteSession) -> None:
            given = {"kind": ChargeKind.DEVICE, "description": "Perangkat", "amount": amount, "key": next(self.keys)}
            number, _ = await charges.add(session, person.id, **given)  # type: ignore[arg-type]
            self.model.extras[number] = Extra(person.id, None, amount)

        self.deed(lambda: None, add)

    @precondition(lambda self: self.model.extras)
    @rule(which=pick)
    def cancel_charge(self, which: int) -> None:
        number = self.one_of(self.model.extras, which)

        def modelled() -> None:
            if self.model.extras[number].bill is not None:
                raise Refused("ChargeBilled")
            if self.model.extras[number].cancelled:
                raise Refused("AlreadyCorrected")
            self.model.extras[number].cancelled = True

        self.deed(modelled, lambda session: charges.cancel(session, number, reason="tidak jadi"))

    @precondition(lambda self: len(self.model.offs) < 6)
    @rule(who=st.integers(0, 5), percent=st.sampled_from((None, "33.3333", "50", "100")), length=st.sampled_from((None, 1, 40, 92)))
    def add_discount(self, who: int, percent: str | None, length: int | None) -> None:
        start = self.model.now.date().replace(day=1)
        end = None if length is None else start + timedelta(days=length)
        plan = list(self.model.plans)[who % 2] if who > 3 else None
        person = None if plan is not None else self.person(who).id
        amount = 25_001 if percent is None else None

        async def add(session: WriteSession) -> None:
            number, _ = await charges.discount(
                session, customer_id=person, plan_id=plan, amount=amount, percent=None if percent is None else Decimal(percent),
                description="Promo", from_on=start, until_on=end, key=next(self.keys),
            )  # fmt: skip
            self.model.offs[number] = Off(person, plan, amount, None if percent is None else Fraction(percent), start, end)

        self.deed(lambda: None, add)

    @precondition(lambda self: self.model.offs)
    @rule(which=pick)
    def end_discount(self, which: int) -> None:
        number = self.one_of(self.model.offs, which)
        off = self.model.offs[number]
        until = max(off.start, self.model.now.date())
        if off.end is None or until <= off.end:
            off.end = until
            self.deed(lambda: None, lambda session: charges.end_discount(session, number, until_on=until))

    @rule(
        prorate=st.booleans(), tax=st.sampled_from(((0, 1, 1), (12, 11, 12), (11, 1, 1), (33, 1, 3))), down=st.booleans(),
        fee=st.sampled_from((0, 0, 10_000)), after=st.sampled_from((0, 5)),
    )  # fmt: skip
    def change_settings(self, prorate: bool, tax: tuple[int, int, int], down: bool, fee: int, after: int) -> None:  # noqa: FBT001 - as above
        rate, numerator, denominator = tax
        rounding = "DOWN" if down else "HALF_UP"
        self.model.prorate, self.model.fee = prorate, (fee, after)
        self.model.tax = (Fraction(rate), Fraction(numerator, denominator), rounding)
        self.deed(
            lambda: None,
            lambda session: settings.change(
                session, prorate_first_month=prorate, tax_rate=Decimal(rate), tax_numerator=numerator, tax_denominator=denominator,
                tax_rounding=rounding, late_fee=fee, late_fee_after_days=after,
            ),
        )  # fmt: skip
