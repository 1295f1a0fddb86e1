"""The domain once more, as simply as it can be said: days in sets, money in dictionaries, one customer at a time.

It shares no line with `sebilling.billing`. The machine does each deed to both and compares what there is after each step.
Whatever a person can do wrong is raised as `Refused` with the name of the error that the API must answer.
"""

import calendar
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo


class Refused(Exception):
    """The deed is impossible; the argument is the error's class."""


@dataclass
class Place:
    """A counter."""

    id: int
    code: str
    zone: str
    due_day: int


@dataclass
class Person:
    """A customer."""

    id: int
    counter: int
    plan: int
    price: int | None
    installed: date
    active: bool = True
    billed_until: date = date.min
    """Days before it, since the installation, were billed by the system before."""
    cycles: list[tuple[int, date]] = field(default_factory=list)
    pauses: list[tuple[date, date]] = field(default_factory=list)
    """[start, end); without days if it was withdrawn."""
    due_day: int | None = None
    ended: date = date.max
    """First day without service."""


FOREVER: date = date(2032, 1, 1)
"""End of a pause that has none: no machine lives so long."""


@dataclass
class Bill:
    """An invoice."""

    customer: int
    month: date
    counter: int
    sequence: int
    covers_from: date
    covers_until: date
    due: date
    lines: list[tuple[str, int]]
    paid: list[tuple[int, int]] = field(default_factory=list)
    """Payment and amount, in the order in which they settled it."""
    written_off: int = 0
    fees_cancelled: int = 0
    """Of written_off."""
    void: bool = False
    void_in: date | None = None
    """In which period's recap."""
    charges: list[int] = field(default_factory=list)

    @property
    def total(self) -> int:
        return sum(amount for _, amount in self.lines)

    @property
    def settled(self) -> int:
        return sum(amount for _, amount in self.paid)

    @property
    def owed(self) -> int:
        return 0 if self.void else self.total - self.settled - self.written_off


@dataclass
class Money:
    """A payment."""

    customer: int
    counter: int
    collector: int
    method: str
    amount: int
    because: str
    day: date = date.min
    refunded: int = 0
    reversed: bool = False
    held: bool = False
    """Its credit settles nothing by itself."""


@dataclass
class Extra:
    """A one-off charge."""

    customer: int
    fee_for: int | None
    amount: int
    bill: int | None = None
    cancelled: bool = False


@dataclass
class Off:
    """A discount."""

    customer: int | None
    plan: int | None
    amount: int | None
    percent: Fraction | None
    start: date
    end: date | None


@dataclass
class GivenUp:
    """A write-off of a bad debt."""

    bill: int
    amount: int
    reversed: bool = False


@dataclass
class Refund:
    """A refund."""

    payment: int
    counter: int
    collector: int
    method: str
    amount: int
    reversed: bool = False


@dataclass
class Explained:
    """What is settled of a difference, by which payment: above 0 of a surplus, below of a shortage."""

    payment: int | None
    amount: int


@dataclass
class Handed:
    """A deposit."""

    counter: int
    collector: int
    submitter: int
    amount: int
    status: str = "SUBMITTED"
    counted: int = 0
    difference: int = 0
    decided: datetime | None = None
    settlements: list[Explained] = field(default_factory=list)

    @property
    def settled(self) -> int:
        return sum(one.amount for one in self.settlements)

    @property
    def unsettled(self) -> int:
        return self.difference - self.settled


def rounded(exact: Fraction) -> int:
    """To the nearest whole, halves up."""
    return int((exact + Fraction(1, 2)).__floor__())


def months_later(day: date, months: int) -> date:
    """The same day of the month, or its last."""
    year, number = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, number + 1, min(day.day, calendar.monthrange(year, number + 1)[1]))


def months_between(one: date, other: date) -> int:
    """From the month of the one to the month of the other."""
    return (other.year - one.year) * 12 + other.month - one.month


def next_month(first: date) -> date:
    """The first day after a month."""
    return months_later(first, 1)


def days(start: date, end: date) -> list[date]:
    """[start, end)"""
    return [start + timedelta(days=n) for n in range(max((end - start).days, 0))]


@dataclass
class Stretch:
    """What a customer's invoice bills: whole months that begin on these days, and parts (days, of how many, first day)."""

    starts: list[date]
    parts: list[tuple[int, int, date]]
    covers_from: date
    covers_until: date
    due: date


@dataclass
class Model:
    """Everything that is, with ids as the database gave them."""

    now: datetime
    places: dict[int, Place] = field(default_factory=dict)
    plans: dict[int, int] = field(default_factory=dict)
    people: dict[int, Person] = field(default_factory=dict)
    periods: dict[date, bool] = field(default_factory=dict)
    """First day → open."""
    bills: dict[int, Bill] = field(default_factory=dict)
    money: dict[int, Money] = field(default_factory=dict)
    extras: dict[int, Extra] = field(default_factory=dict)
    offs: dict[int, Off] = field(default_factory=dict)
    handed: dict[int, Handed] = field(default_factory=dict)
    given_up: list[GivenUp] = field(default_factory=list)
    refunds: list[Refund] = field(default_factory=list)
    moved: list[tuple[int, date, str, int]] = field(default_factory=list)
    """Counter, day, figure of the recap, rupiah: what counts on a day."""
    kept: dict[tuple[date, int], dict[str, int]] = field(default_factory=dict)
    """Recaps of closed months, as they were when they were closed."""
    prorate: bool = False
    tax: tuple[Fraction, Fraction, str] = (Fraction(0), Fraction(1), "HALF_UP")
    fee: tuple[int, int] = (0, 0)
    """Rupiah, and the days after which."""

    def today(self, counter: int) -> date:
        """The counter's day."""
        return self.now.astimezone(ZoneInfo(self.places[counter].zone)).date()

    # --- who is billed for what -------------------------------------------------------------------------------------------

    def live(self, customer: int) -> list[Bill]:
        return [bill for bill in self.bills.values() if bill.customer == customer and not bill.void]

    def covered(self, customer: int) -> set[date]:
        person = self.people[customer]
        before = days(person.installed, person.billed_until) if person.billed_until > person.installed else []
        billed = (day for bill in self.live(customer) for day in days(bill.covers_from, bill.covers_until))
        return {*before, *billed, *self.suspended(person)}

    @staticmethod
    def suspended(person: Person) -> set[date]:
        """Days that aren't billed."""
        return {day for start, end in (*person.pauses, (person.ended, FOREVER)) for day in days(start, min(end, FOREVER))}

    def stretch(self, person: Person, month: date) -> Stretch | str:
        """What the month bills, or why nothing."""
        end = next_month(month)
        if any(bill.month == month and bill.covers_from < bill.covers_until for bill in self.live(person.id)):
            return "ALREADY_INVOICED"
        if not person.active:
            return "INACTIVE"
        if person.installed >= end:
            return "NOT_INSTALLED_YET"
        found = self._service(person, month, end)
        if found == "COVERED_BY_CYCLE" and person.ended < end:
            return "SERVICE_ENDED"
        return "PAUSED" if found == "COVERED_BY_CYCLE" and end - timedelta(days=1) in self.suspended(person) else found

    def _service(self, person: Person, month: date, end: date) -> Stretch | str:
        """The days that the month bills, if any."""
        held = [place for place, (_, start) in enumerate(person.cycles) if start < end]
        if held and person.cycles[held[-1]][0] > 1:
            limit = min((start for _, start in person.cycles[held[-1] + 1 :]), default=date.max)
            return self._cycle(person, month, *person.cycles[held[-1]], limit)
        return self._calendar_month(person, month)

    def _calendar_month(self, person: Person, month: date) -> Stretch | str:
        end, covered = next_month(month), self.covered(person.id)
        free = [day for day in days(max(month, person.installed), end) if day not in covered]
        if not free:
            return "COVERED_BY_CYCLE"
        due = max(self.due(person, month), free[0])
        of, untouched = (end - month).days, not any(day in covered for day in days(month, end))
        if len(free) == of or (untouched and not self.prorate):
            return Stretch([free[0]], [], free[0], end, due)
        return Stretch([], [(len(free), of, free[0])], free[0], free[-1] + timedelta(days=1), due)

    def due(self, person: Person, month: date) -> date:
        """The counter's day of the month, or today."""
        return max(self.today(person.counter), month + timedelta(days=(person.due_day or self.places[person.counter].due_day) - 1))

    def _cycle(self, person: Person, month: date, months: int, anchor: date, limit: date) -> Stretch | str:
        covered, today = self.covered(person.id), self.today(person.counter)
        own = date.min if person.due_day is None else month + timedelta(days=person.due_day - 1)
        nth = months_between(anchor, month)
        start, after, *_ = grid = [months_later(anchor, nth + k) for k in range(months + 1)]
        limit = min([limit, *(day for day in covered if day > start and day - timedelta(days=1) not in covered)])
        if start in covered or start < person.installed:
            bare, end = max(start, person.installed), min(next_month(month), limit)
            while bare in covered:
                bare += timedelta(days=1)
            part = ((end - bare).days, (after - start).days, bare)
            return Stretch([], [part], bare, end, max(today, bare, own)) if bare < end else "COVERED_BY_CYCLE"
        begun = begin = self._begin(anchor, start, covered)
        while begin + months <= nth and self._is_free(person, anchor, range(begin, begin + months), limit):
            begin += months
        if begin < nth and self._is_free(person, anchor, range(begin, begin + months), limit):
            return "ZERO_AMOUNT"
        starts = [here for here, _ in itertools.takewhile(lambda pair: pair[1] <= limit, itertools.pairwise(grid))]
        until = months_later(anchor, nth + len(starts)) if starts else limit
        parts, first = [], start
        if not begun < begin == nth:  # else the days before are those of a free cycle
            while first > max(month, person.installed) and first - timedelta(days=1) not in covered:
                first -= timedelta(days=1)
            if first < start:
                parts.append(((start - first).days, (next_month(month) - month).days, first))
        if not starts:
            parts.append(((until - start).days, (after - start).days, start))
        return Stretch(starts, parts, first, until, max(today, start, own))

    @staticmethod
    def _begin(anchor: date, start: date, covered: set[date]) -> int:
        """From which of the anchor's months on cycles are counted: behind what was invoiced last."""
        last = max((day for day in covered if anchor <= day < start), default=None)
        return 0 if last is None else next(n for n in itertools.count() if months_later(anchor, n) > last)

    def _is_free(self, person: Person, anchor: date, months: range, limit: date) -> bool:
        """Whether discounts take all of these months that begin before the limit."""
        price = self.plans[person.plan] if person.price is None else person.price
        starts = [day for day in (months_later(anchor, n) for n in months) if day < limit]
        theirs = [off for off in self.offs.values() if off.customer == person.id or off.plan == person.plan]
        return sum(self.off_month(off, price, 1, 1, first) for off in theirs for first in starts) >= price * len(starts)

    def priced(self, person: Person, month: date) -> tuple[Stretch, list[tuple[str, int]], list[int], list[int]] | str:
        """Lines, the charges taken, the overdue invoices that get a fee; or why nothing."""
        found = self.stretch(person, month)
        waiting = [number for number, extra in sorted(self.extras.items()) if extra.customer == person.id and self.waits(extra)]
        if isinstance(found, str) and found in {"INACTIVE", "COVERED_BY_CYCLE", "ZERO_AMOUNT", "PAUSED", "SERVICE_ENDED"}:
            if any(bill.month == month for bill in self.live(person.id)):
                return "ALREADY_INVOICED"
            if waiting:
                found = Stretch([], [], month, month, self.due(person, month))
        if isinstance(found, str):
            return found
        price = self.plans[person.plan] if person.price is None else person.price
        lines = [("SUBSCRIPTION", price * len(found.starts))] if found.starts else []
        parts = [(rounded(Fraction(price * count, of)), count, of, first) for count, of, first in found.parts]
        lines += [("PRORATION", amount) for amount, *_ in parts]
        months_amount = sum(amount for _, amount in lines)
        left, offs = months_amount, []
        for _, off in sorted(self.offs.items()):
            if off.customer != person.id and off.plan != person.plan:
                continue
            taken = min(left, sum(self.off_month(off, price, 1, 1, first) for first in found.starts)
                        + sum(self.off_month(off, amount, count, of, first) for amount, count, of, first in parts))  # fmt: skip
            left -= taken
            offs += [("DISCOUNT", -taken)] if taken else []
        lines += [("LATE_FEE" if self.extras[number].fee_for else "CHARGE", self.extras[number].amount) for number in waiting]
        late = self.late(person)
        lines += [("LATE_FEE", self.fee[0])] * len(late)
        lines += offs
        taxable = left + sum(amount for kind, amount in lines if kind == "CHARGE")
        net = sum(amount for _, amount in lines)
        exact = taxable * self.tax[0] * self.tax[1] / 100
        tax = rounded(exact) if self.tax[2] == "HALF_UP" else exact.__floor__()
        if net == 0:
            return "ZERO_AMOUNT"
        return found, lines + ([("TAX", tax)] if tax else []), waiting, late

    @staticmethod
    def off_month(off: Off, price: int, count: int, of: int, first: date) -> int:
        """What a discount takes off one month, or `count` of its `of` days, that begins on `first`."""
        if first < off.start or (off.end is not None and first >= off.end):
            return 0
        if off.percent is not None:
            return min(price, rounded(price * off.percent / 100))
        return min(price, rounded(Fraction((off.amount or 0) * count, of)))

    @staticmethod
    def waits(extra: Extra) -> bool:
        return extra.bill is None and not extra.cancelled

    def late(self, person: Person) -> list[int]:
        """The overdue invoices that had no fee yet."""
        amount, after = self.fee
        had = {extra.fee_for for extra in self.extras.values()}
        today = self.today(person.counter)
        return [
            number
            for number, bill in sorted(self.bills.items())
            if amount and bill.customer == person.id and bill.owed > 0 and bill.due + timedelta(days=after) < today and number not in had
        ]

    # --- money ------------------------------------------------------------------------------------------------------------

    def credit(self, payment: int) -> int:
        money = self.money[payment]
        settled = sum(amount for bill in self.bills.values() for payer, amount in bill.paid if payer == payment)
        return 0 if money.reversed else money.amount - settled - money.refunded

    def settle(self, payment: int, bills: Iterable[int]) -> None:
        """Let the payment's credit settle the bills in this order."""
        for number in bills:
            part = min(self.bills[number].owed, self.credit(payment))
            if part:
                self.bills[number].paid.append((payment, part))

    def open_bills(self, customer: int) -> list[int]:
        found = [number for number, bill in self.bills.items() if bill.customer == customer and bill.owed > 0]
        return sorted(found, key=lambda number: (self.bills[number].due, number))

    def credits(self, customer: int) -> list[int]:
        return [number for number, money in sorted(self.money.items()) if money.customer == customer and self.credit(number) > 0]

    def pay(self, number: int, money: Money, named: Sequence[int] | None, collected: datetime | None = None) -> None:
        named = named or ()
        owed = self.open_bills(money.customer)
        candidates = [bill for bill in named if bill in owed] + [bill for bill in owed if bill not in named]
        payable = sum(self.bills[bill].owed for bill in candidates)
        if any(self.bills[bill].owed == 0 for bill in named) and money.amount > sum(self.bills[bill].owed for bill in named):
            money.because = "ALREADY_PAID"
        elif money.amount > payable:
            money.because = "OVERPAID" if payable else "IN_ADVANCE"
        money.day = self.today(money.counter)
        self.money[number] = money
        self.settle(number, candidates)
        if collected is not None and collected < self.now and money.method == "CASH":
            self.use_surplus(number, collected)

    def use_surplus(self, number: int, collected: datetime) -> None:
        """What had been handed over already is taken by the surpluses that were counted after it was collected."""
        money = self.money[number]
        rest = money.amount
        for _, one in sorted(self.handed.items()):
            mine = (one.counter, one.collector) == (money.counter, money.collector) and one.decided is not None
            if mine and one.decided is not None and one.decided > collected and one.difference > 0 and one.unsettled and rest:
                part = min(rest, one.unsettled)
                rest -= part
                self.explain(one, Explained(number, part))

    def explain(self, one: Handed, settlement: Explained) -> None:
        one.settlements.append(settlement)
        self.moved.append((one.counter, self.today(one.counter), "difference", -settlement.amount))

    def unexplain(self, one: Handed, settlement: Explained) -> None:
        one.settlements.remove(settlement)
        self.moved.append((one.counter, self.today(one.counter), "difference", settlement.amount))

    def settle_debts(self, customer: int) -> None:
        """Let credit that nobody holds settle what the customer owes, the oldest first of both."""
        for payment in self.credits(customer):
            if not self.money[payment].held:
                self.settle(payment, self.open_bills(customer))

    def hold(self, number: int) -> None:
        money = self.money[number]
        if money.reversed:
            raise Refused("AlreadyCorrected")
        if money.held:
            raise Refused("AlreadyHeld")
        money.held = True

    def drawer(self, counter: int, collector: int) -> tuple[int, int]:
        """On hand, and waiting."""
        here = [money for money in self.money.values() if (money.counter, money.collector, money.method) == (counter, collector, "CASH")]
        gone = [one for one in self.handed.values() if (one.counter, one.collector) == (counter, collector)]
        held = sum(money.amount for money in here if not money.reversed)
        held -= sum(one.amount for one in self.cash_refunds() if (one.counter, one.collector) == (counter, collector))
        held -= sum(one.counted - one.unsettled for one in gone if one.status == "VERIFIED")
        return held, sum(one.amount for one in gone if one.status == "SUBMITTED")

    def cash_refunds(self) -> list[Refund]:
        """Those that hold: a reversed one isn't in any drawer."""
        return [one for one in self.refunds if one.method == "CASH" and not one.reversed]

    def out_of_drawer(self, counter: int, collector: int, amount: int) -> None:
        held, waiting = self.drawer(counter, collector)
        if amount > held - waiting:
            raise Refused("InsufficientCash")

    def reverse(self, number: int) -> None:
        money = self.money[number]
        if money.reversed:
            raise Refused("AlreadyCorrected")
        if money.refunded:
            raise Refused("PaymentRefunded")
        if money.method == "CASH":
            used = [(one, settlement) for one in self.handed.values() for settlement in one.settlements if settlement.payment == number]
            self.out_of_drawer(money.counter, money.collector, money.amount - sum(settlement.amount for _, settlement in used))
            for one, settlement in used:
                self.unexplain(one, settlement)
        for bill in self.bills.values():
            bill.paid = [(payer, amount) for payer, amount in bill.paid if payer != number]
        money.reversed = True
        self.settle_debts(money.customer)
        self.moved.append((money.counter, self.today(money.counter), "reversed", money.amount))

    def refund(self, number: int, amount: int | None, method: str, collector: int) -> None:
        money, credit = self.money[number], self.credit(number)
        given = credit if amount is None else amount
        if given > credit or given == 0:
            raise Refused("NoCredit")
        if method == "CASH":
            self.out_of_drawer(money.counter, collector, given)
        money.refunded += given
        self.refunds.append(Refund(number, money.counter, collector, method, given))
        self.moved.append((money.counter, self.today(money.counter), "refunded", given))

    def reverse_refund(self, place: int) -> None:
        given = self.refunds[place]
        money = self.money[given.payment]
        if given.reversed:
            raise Refused("AlreadyCorrected")
        given.reversed = True
        money.refunded -= given.amount
        self.moved.append((money.counter, self.today(money.counter), "refunded", -given.amount))
        self.settle_debts(money.customer)

    def reverse_write_off(self, place: int) -> None:
        given = self.given_up[place]
        if given.reversed:
            raise Refused("AlreadyCorrected")
        given.reversed = True
        self.bills[given.bill].written_off -= given.amount
        self.settle_debts(self.bills[given.bill].customer)

    def void(self, number: int, *, release: bool) -> None:
        bill = self.bills[number]
        if bill.void:
            raise Refused("AlreadyCorrected")
        if bill.written_off - bill.fees_cancelled or (bill.paid and not release):
            raise Refused("InvoicePaid")
        bill.void_in = self.dated_in(bill)
        bill.paid.clear()
        bill.written_off = bill.fees_cancelled = 0
        bill.void = True
        for extra in self.extras.values():
            if extra.bill == number:
                extra.bill = None
        for extra in self.extras.values():
            if extra.fee_for is not None and self.bills[extra.fee_for].void and self.waits(extra):
                extra.cancelled = True
        for extra in self.extras.values():
            if extra.fee_for == number and extra.bill is not None:
                self.cancel_fee(self.bills[extra.bill], extra.amount)
        self.settle_debts(bill.customer)

    @staticmethod
    def cancel_fee(bill: Bill, fee: int) -> None:
        """The fee that was billed for a void invoice isn't asked for any more; what had paid it, the newest first, is credit."""
        fee = min(fee, bill.owed + bill.settled)
        release = max(fee - bill.owed, 0)
        while release:
            payment, amount = bill.paid.pop()
            if amount > release:
                bill.paid.append((payment, amount - release))
            release -= min(release, amount)
        bill.written_off += fee
        bill.fees_cancelled += fee

    def dated_in(self, bill: Bill) -> date:
        """Its own period while that is open; else the newest after it that has begun, or the first that will."""
        can = sorted(month for month, is_open in self.periods.items() if is_open and month >= bill.month)
        if not can:
            raise Refused("NoOpenPeriod")
        begun = [month for month in can if month <= self.today(bill.counter)]
        return bill.month if bill.month in can else begun[-1] if begun else can[0]

    def write_off(self, number: int, amount: int | None) -> None:
        owed = self.bills[number].owed
        given_up = owed if amount is None else amount
        if given_up > owed or given_up == 0:
            raise Refused("NothingOwed")
        self.bills[number].written_off += given_up
        self.given_up.append(GivenUp(number, given_up))

    def apply(self, customer: int) -> None:
        if not self.credits(customer):
            raise Refused("NoCredit")
        if not self.open_bills(customer):
            raise Refused("NothingOwed")
        for money in self.money.values():
            if money.customer == customer:
                money.held = False
        self.settle_debts(customer)

    def verify(self, number: int, counted: int | None, verifier: int, *, confirm: bool = True) -> None:
        one = self.undecided(number, verifier)
        if counted is not None and not confirm and abs(counted - one.amount) > 50_000 and abs(counted - one.amount) * 10 > one.amount:
            raise Refused("ConfirmDifference")
        held, _ = self.drawer(one.counter, one.collector)
        there = one.amount if counted is None else counted
        one.status, one.counted, one.difference, one.decided = "VERIFIED", there, there - min(one.amount, held), self.now
        self.moved += [(one.counter, self.today(one.counter), "deposited", there),
                       (one.counter, self.today(one.counter), "difference", one.difference)]  # fmt: skip

    def correct(self, number: int, counted: int, by: int) -> None:
        """Another count: what the drawer was relieved of stays; settlements that no longer fit are shortened, the newest first."""
        one = self.handed[number]
        if by in {one.submitter, one.collector}:
            raise Refused("OwnDeposit")
        if one.status != "VERIFIED":
            raise Refused("NotVerified")
        if counted == one.counted:
            raise Refused("AlreadyCorrected")
        difference = one.difference + counted - one.counted
        fits = min(max(difference, 0), one.settled) if one.settled > 0 else max(min(difference, 0), one.settled)
        excess = abs(one.settled - fits)
        if one.settled < 0 and excess:
            self.out_of_drawer(one.counter, one.collector, excess)
        while excess:
            last = one.settlements[-1]
            self.unexplain(one, last)
            stays = max(abs(last.amount) - excess, 0)
            excess -= min(excess, abs(last.amount))
            if stays:
                self.explain(one, Explained(last.payment, stays if last.amount > 0 else -stays))
        self.moved += [(one.counter, self.today(one.counter), name, counted - one.counted) for name in ("deposited", "difference")]
        one.counted, one.difference = counted, difference

    def settle_difference(self, counter: int, collector: int, sign: int, amount: int, by: int) -> None:
        """Above 0 a surplus, whose cash leaves the drawer; below a shortage, whose cash comes in. The oldest deposit first."""
        if by == collector:
            raise Refused("OwnDeposit")
        mine = [one for _, one in sorted(self.handed.items()) if (one.counter, one.collector) == (counter, collector)]
        mine = [one for one in mine if one.difference * sign > 0 and one.unsettled]
        if amount > sum(abs(one.unsettled) for one in mine):
            raise Refused("NothingToSettle")
        if sign > 0:
            self.out_of_drawer(counter, collector, amount)
        for one in mine:
            part = min(amount, abs(one.unsettled))
            amount -= part
            if part:
                self.explain(one, Explained(None, sign * part))

    def recap(self, month: date, counter: int) -> dict[str, int]:
        """The month's figures, by the names of billing/recap.py."""
        here = [bill for bill in self.bills.values() if bill.counter == counter]
        own = [bill for bill in here if bill.month == month]
        earlier = sum(bill.total for bill in here if bill.void_in == month and bill.month != month)
        money = [(number, one) for number, one in self.money.items() if one.counter == counter and one.day.replace(day=1) == month]
        flows = {
            name: sum(amount for place, day, what, amount in self.moved if (place, day.replace(day=1), what) == (counter, month, name))
            for name in ("reversed", "refunded", "deposited", "difference")
        }
        drawers = [self.drawer(counter, collector) for collector in self.collectors()]
        return {
            "invoices": len(own), "voided_earlier": earlier,
            "total_billed": sum(bill.total for bill in own if bill.void_in != month) - earlier,
            "voided_later": sum(bill.total for bill in own if bill.void_in not in {None, month}),
            "allocated": sum(bill.settled for bill in own), "written_off": sum(bill.written_off for bill in own),
            "outstanding": sum(bill.owed for bill in own), "payments": len(money), "reversed": flows["reversed"],
            "refunded": flows["refunded"], "total_received": sum(one.amount for _, one in money) - flows["reversed"],
            "credit": sum(self.credit(number) for number, _ in money), "total_deposited": flows["deposited"],
            "difference": flows["difference"], "awaiting_verification": sum(waiting for _, waiting in drawers),
            "cash_on_hand": sum(held for held, _ in drawers),
        }  # fmt: skip

    def dashboard(self, counter: int) -> dict[str, int]:
        """Today's and this month's figures, by the names of billing/dashboard.py; nobody is on a device here."""
        today = self.today(counter)
        first = today.replace(day=1)
        money = [one for one in self.money.values() if one.counter == counter and first <= one.day <= today]
        back = [
            (day, amount) for place, day, name, amount in self.moved if (place, name) == (counter, "reversed") and first <= day <= today
        ]
        return {
            "received_today": sum(one.amount for one in money if one.day == today) - sum(amount for day, amount in back if day == today),
            "payments_today": sum(one.day == today for one in money),
            "received_this_month": sum(one.amount for one in money) - sum(amount for _, amount in back),
            "payments_this_month": len(money),
            "billed_this_month": sum(
                bill.total for bill in self.bills.values() if (bill.counter, bill.month) == (counter, first) and not bill.void
            ),
            "outstanding": sum(bill.owed for bill in self.bills.values() if bill.counter == counter),
            "cash_on_hand": sum(self.drawer(counter, collector)[0] for collector in self.collectors()),
            "blocked_customers": 0,
        }  # fmt: skip

    def open_with(self, customer: int, month: date, *, arrears: int, credit: int, invoice: int | None, payment: int | None) -> None:
        """How the customer stood at the end of `month`: an invoice or a payment of it, and days that nobody bills again."""
        person, after = self.people[customer], next_month(month)
        person.billed_until = after
        if invoice is not None:
            before = [bill.sequence for bill in self.bills.values() if (bill.month, bill.counter) == (month, person.counter)]
            due = after - timedelta(days=1)
            lines = [("OPENING", arrears)]
            self.bills[invoice] = Bill(customer, month, person.counter, max(before, default=0) + 1, after, after, due, lines)
        if payment is not None:
            day = after - timedelta(days=1)
            self.money[payment] = Money(customer, person.counter, 0, "OPENING", credit, "IN_ADVANCE", day)

    def collectors(self) -> set[int]:
        gave = {one.collector for one in self.cash_refunds()}
        return {one.collector for one in self.money.values()} | {one.collector for one in self.handed.values()} | gave

    def close(self, month: date) -> None:
        self.periods[month] = False
        for counter in self.places:
            self.kept[month, counter] = self.recap(month, counter)

    def reopen(self, month: date) -> None:
        if self.periods[month]:
            raise Refused("PeriodIsOpen")
        self.periods[month] = True
        for counter in self.places:
            del self.kept[month, counter]

    def reject(self, number: int, verifier: int) -> None:
        self.undecided(number, verifier).status = "REJECTED"

    def undecided(self, number: int, verifier: int) -> Handed:
        one = self.handed[number]
        if verifier in {one.submitter, one.collector}:
            raise Refused("OwnDeposit")
        if one.status != "SUBMITTED":
            raise Refused("AlreadyDecided")
        return one

    # --- customers --------------------------------------------------------------------------------------------------------

    def first_possible(self, person: Person) -> date:
        closed = [next_month(month) for month, is_open in self.periods.items() if not is_open and not self.empty_ahead(month, person)]
        brought_in = [person.billed_until] if person.billed_until > person.installed else []
        return max(
            [
                person.installed,
                *brought_in,
                *closed,
                *(bill.covers_until for bill in self.live(person.id) if bill.covers_from < bill.covers_until),
            ]
        )

    def install(self, person: Person, day: date) -> None:
        """The installation is put off, or was earlier; a cycle doesn't begin before it."""
        if day > person.installed:
            if any(bill.covers_from < min(day, bill.covers_until) for bill in self.live(person.id)):
                raise Refused("AlreadyInvoiced")
            self._begin_cycles_anew(person, day)
        person.installed = day

    @staticmethod
    def _begin_cycles_anew(person: Person, day: date) -> None:
        holds: list[tuple[int, date]] = []
        for cycle in person.cycles:
            holds = [*(one for one in holds if one[1] < cycle[1]), cycle]
        before, later = [one for one in holds if one[1] < day], [one for one in holds if one[1] >= day]
        if before and before[-1][0] > 1 and not any(start == day for _, start in later):
            person.cycles += [(before[-1][0], day), *later]

    def pause(self, person: Person, start: date, end: date | None) -> None:
        if end is not None and end < next_month(start.replace(day=1)):
            raise Refused("InvalidDate")
        until = end or FOREVER
        theirs = sorted([(*one, False) for one in person.pauses if one[0] < one[1]] + [(person.ended, date.max, True)])
        for first, after, is_end in theirs:
            if is_end and start >= first:
                raise Refused("ServiceEnded")
            if not is_end and first < until and start < after:
                raise Refused("AlreadyPaused")
        person.pauses.append((start, until))

    def resume(self, person: Person, day: date) -> None:
        """The first pause that isn't over ends; on its first day or before, it is withdrawn."""
        since = min(day, self.today(person.counter))
        there = sorted(one for one in person.pauses if one[1] > max(one[0], since))
        if not there:
            raise Refused("NotPaused")
        start, end = there[0]
        until = max(start, day)
        if start < until < next_month(start.replace(day=1)) or (end != FOREVER and until >= end):
            raise Refused("InvalidDate")
        person.pauses[person.pauses.index(there[0])] = (start, until)

    def end_service(self, person: Person, day: date) -> None:
        if day < self.today(person.counter):
            raise Refused("InvalidDate")
        if person.ended != date.max:
            raise Refused("ServiceEnded")
        person.ended = day

    def undo_end(self, person: Person) -> None:
        if person.ended == date.max:
            raise Refused("ServiceNotEnding")
        if person.ended <= self.today(person.counter):
            raise Refused("ServiceEnded")
        person.ended = date.max

    def empty_ahead(self, month: date, person: Person) -> bool:
        """Whether the month lies ahead and nothing was ever invoiced in it."""
        return month > self.today(person.counter) and not any(bill.month == month for bill in self.bills.values())

    def set_cycle(self, person: Person, months: int, start: date) -> None:
        if not 1 <= months <= 60:
            raise Refused("InvalidNumber")
        first_day = start.replace(day=1)
        shut = self.periods.get(first_day) is False and self.empty_ahead(first_day, person)
        if start < self.first_possible(person) or shut:
            raise Refused("AlreadyCovered")
        person.cycles.append((months, start))

    def state(self) -> dict[str, Any]:
        """What is compared with the database."""
        return {
            "bills": {
                number: (bill.customer, bill.month, bill.counter, bill.sequence, bill.covers_from, bill.covers_until, bill.due, bill.total,
                         bill.settled, bill.written_off, bill.owed, bill.void, sorted(bill.lines))
                for number, bill in self.bills.items()
            },
            "money": {
                number: (money.customer, money.counter, money.amount, self.credit(number), money.refunded, money.reversed, money.because)
                for number, money in self.money.items()
            },
            "extras": {number: (extra.amount, extra.bill, extra.cancelled, extra.fee_for) for number, extra in self.extras.items()},
            "drawers": {
                place: self.drawer(*place)
                for place in {(m.counter, m.collector) for m in self.money.values() if m.method == "CASH" and not m.reversed}
                | {(h.counter, h.collector) for h in self.handed.values() if h.status == "SUBMITTED" or h.counted or h.unsettled}
                | {(r.counter, r.collector) for r in self.cash_refunds()}
            },
            "handed": {number: (one.status, one.counted, one.difference, one.settled) for number, one in self.handed.items()},
            "recaps": {(month, counter): self.recap(month, counter) for month in self.periods for counter in self.places},
            "kept": self.kept,
            "dashboards": {counter: self.dashboard(counter) for counter in self.places},
        }  # fmt: skip
