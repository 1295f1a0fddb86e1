"""A small ISP at an instant at which every date is easily wrong: in its counter a new month has begun, in UTC and in Jakarta not yet.

Budi (`late`) is of the counter TIMUR, in Jayapura. He owes January and February, Rp150.000 each, and is blocked for it. Wati
(`neighbour`) is the same at BARAT, in Jakarta: whatever is done to Budi, nothing of hers may move.
"""

import itertools
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import text

from sebilling.actor import EVERYWHERE, Actor, Role
from sebilling.billing import counters, dashboard, deposits, payments, periods, recap
from sebilling.billing.deposits import DepositType
from sebilling.billing.isolation import policy, sweep
from sebilling.billing.isolation.policy import IsolationMode
from sebilling.billing.payments import PaymentMethod
from sebilling.clock import Month
from sebilling.db.engine import Database, WriteSession
from tests.harness import Isp, make_user

JANUARY, FEBRUARY, MARCH = months = (Month(2026, 1), Month(2026, 2), Month(2026, 3))
EAST: Final = "Asia/Jayapura"
AT: Final = datetime(2026, 2, 28, 15, 30, tzinfo=UTC)
"""Half past midnight of 1 March in Jayapura, half past ten in the evening of 28 February in Jakarta."""
TODAY: Final = date(2026, 3, 1)
"""The day then in Jayapura."""
DAY: Final = timedelta(days=1)
BEFORE: Final = AT - 4 * DAY
"""When what a deed takes back was done: in February everywhere."""
PRICE: Final = 150_000
MINIMUM: Final = 100_000
"""Of the policy: for less nobody is blocked."""
FIGURES: Final = (
    "received_today", "payments_today", "received_this_month", "payments_this_month", "outstanding", "cash_on_hand", "blocked_customers",
)  # fmt: skip
"""Of the dashboard."""

_DEVICE: Final = text(
    """
    INSERT INTO device (name, kind, config, config_version, enabled, created_at, problems, facts, next_at, failures)
    VALUES ('RB1', 'test.gear', '', 1, true, :at, '[]', '{}', :at, 0) RETURNING id
    """
)
_ACCESS: Final = text(
    """
    INSERT INTO service_access (customer_id, device_id, service_kind, key, desired, manual, desired_at,
           desired_generation, observed_generation, actual,
           next_at, attempts)
    SELECT id, :device, 'PPPOE', code, 'ACTIVE', false, :at, 0, 0, 'ACTIVE', :at, 0 FROM customer
    """
)


@dataclass
class Seen:
    """Everything that somebody can look at: figures by name, rows of the journal, events."""

    figures: dict[str, int]
    journal: Counter[tuple[str, str, int, date, str]]
    events: int
    """The last event's id."""
    access: dict[str, tuple[str, int]]
    """What should be, and how often that has changed: `late`, `neighbour`."""


@dataclass
class World:
    """The ISP, its people, and a clock."""

    isp: Isp
    actors: dict[str, Actor] = field(default_factory=dict)
    people: dict[str, int] = field(default_factory=dict)
    bills: dict[str, int] = field(default_factory=dict)
    """Budi's invoices, by month."""
    made: dict[str, int] = field(default_factory=dict)
    """Payments and deposits that a scene has made, by the name it gave them."""
    keys: "itertools.count[int]" = field(default_factory=itertools.count)

    @classmethod
    async def make(cls, database: Database, zone: str = EAST) -> "World":
        world = cls(await Isp.make(database, "BARAT"))
        issued = datetime(2026, 1, 5, 2, tzinfo=UTC)
        async with world.isp.write(issued) as session:
            world.isp.counters["TIMUR"] = await counters.create(session, code="TIMUR", name="Loket Timur", timezone=zone)
            for name, role in (("kasir", Role.FINANCE), ("siti", Role.FINANCE)):
                world.actors[name] = Actor(await make_user(session, name, role), name, role, EVERYWHERE)
            for month in months:
                await periods.open_period(session, month)
            await policy.set_policy(session, mode=IsolationMode.FROM_INVOICE, days=7, minimum=MINIMUM)
        for name, counter, installed in (
            ("late", "TIMUR", date(2025, 1, 31)), ("neighbour", "BARAT", date(2025, 1, 31)), ("newcomer", "TIMUR", date(2026, 3, 20)),
        ):  # fmt: skip
            world.people[name] = await world.isp.customer(name, counter=counter, installed_on=installed)
        async with world.isp.write() as session:
            await session.execute(_ACCESS, {"device": await session.value(_DEVICE, {"at": issued}), "at": issued})
        for month, at in ((JANUARY, issued), (FEBRUARY, issued + 31 * DAY)):
            await world.isp.generate(month, at=at)
            world.bills[str(month)] = await world.isp.value("SELECT max(id) FROM invoice WHERE customer_id = :c", c=world.people["late"])
        await world.sweep(BEFORE - DAY)
        async with world.isp.write() as session:
            await session.execute(text("UPDATE service_access SET actual = desired, observed_generation = desired_generation"))
        return world

    def key(self) -> str:
        return f"key-of-rules-{next(self.keys)}"

    async def do(self, work: Callable[[WriteSession], Awaitable[Any]], *, by: str = "siti", at: datetime = BEFORE) -> Any:
        """In a transaction of this user's."""
        async with self.isp.database.transaction(actor=self.actors[by], at=at) as session:
            return await work(session)

    async def sweep(self, at: datetime = AT) -> None:
        """Block whose day has come."""
        async with self.isp.write(at) as session:
            await sweep.decide(session)

    async def pay(self, amount: int, *, name: str = "paid", method: PaymentMethod = PaymentMethod.CASH, at: datetime = BEFORE) -> int:
        """Budi pays Kasir."""
        received = payments.Received(self.people["late"], amount, method, self.key())
        recorded: payments.Recorded = await self.do(lambda session: payments.record(session, received), by="kasir", at=at)
        self.made[name] = recorded.payment_id
        return recorded.payment_id

    async def submit(self, amount: int, *, at: datetime = BEFORE) -> int:
        """Kasir hands money of TIMUR over."""
        given: deposits.Submitted = await self.do(
            lambda session: deposits.submit(
                session, counter_id=self.isp.counters["TIMUR"], amount=amount, type=DepositType.MANUAL, key=self.key()
            ),
            by="kasir", at=at,
        )  # fmt: skip
        self.made["deposit"] = given.deposit_id
        return given.deposit_id

    async def hand_in(self, amount: int, counted: int | None = None) -> int:
        """Likewise, and Siti counts it."""
        deposit_id = await self.submit(amount)
        await self.do(lambda session: deposits.verify(session, deposit_id, counted=counted, key=self.key()))
        return deposit_id

    async def newest(self, table: str) -> int:
        return int(await self.isp.value(f"SELECT max(id) FROM {table}"))

    async def look(self, at: datetime = AT) -> Seen:
        """At every figure of both counters, without one that is nothing."""
        names = {number: code for code, number in self.isp.counters.items()}
        async with self.isp.database.reading() as session:
            found: dict[str, int] = {}
            for one in await dashboard.read(session, at=at, scope=EVERYWHERE):
                found |= {f"{one.counter_code}.dashboard.{name}": getattr(one, name) for name in FIGURES}
            for month in months:
                for row in await recap.read(session, month, scope=EVERYWHERE):
                    kept = row.as_of_closing
                    found |= {f"{row.counter_code}.{month}.{name}": getattr(row, name) for name in recap.NAMES}
                    found |= {f"{row.counter_code}.{month}.kept.{name}": getattr(kept, name) for name in recap.NAMES if kept}
            rows = await session.rows(text("SELECT debit, credit, amount, posted_on, counter_id FROM journal"))
            accesses = await session.rows(text("SELECT key, desired, desired_generation FROM service_access"))
            last = await session.value(text("SELECT max(id) FROM event"))
        return Seen(
            found, Counter((row.debit, row.credit, row.amount, row.posted_on, names[row.counter_id]) for row in rows), last,
            {row.key: (row.desired, row.desired_generation) for row in accesses},
        )  # fmt: skip

    async def told(self, after: int) -> list[tuple[str, str, str]]:
        """Kind, subject and counter of the events since then, in order; "" for no counter."""
        rows = await self.isp.rows(
            "SELECT kind, subject, coalesce((SELECT code FROM counter WHERE id = counter_id), '') FROM event WHERE id > :after ORDER BY id",
            after=after,
        )
        return [(row[0], row[1], row[2]) for row in rows]
