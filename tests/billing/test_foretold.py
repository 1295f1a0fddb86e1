"""What was foretold is what a preview shows and what a run issues, over random settings, customers, cycles, discounts and corrections."""

import asyncio
import os
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from sebilling.actor import EVERYWHERE
from sebilling.billing import billing_cycles, charges, corrections, counters, customers, generation, periods, previews
from sebilling.billing import settings as billing_settings
from sebilling.billing.charges import ChargeKind
from sebilling.clock import Month
from sebilling.errors import SebillingError
from tests.harness import Isp, SavepointDatabase

EXAMPLES = int(os.environ.get("SEBILLING_TEST_FORETOLD_EXAMPLES", "6"))
"""`make campaign` takes 400."""
AT = datetime(2027, 12, 20, 3, tzinfo=UTC)
"""All months are generated ahead, at one instant, so that due dates are the foretold ones."""
FIRST = Month(2027, 12)
MONTHS = [FIRST.plus(ahead) for ahead in range(9)]
DAYS = st.integers(0, 200).map(lambda ahead: date(2027, 12, 15) + timedelta(days=ahead))
Told = tuple[str, date, date, date, int]


@dataclass(frozen=True)
class Offer:
    """A discount."""

    percent: str | None
    start: date
    length: int | None


@dataclass(frozen=True)
class Someone:
    """A customer as drawn."""

    installed: date
    price: int | None
    months: int
    """Of a cycle; 0: none was decided."""
    begins: int
    """Days after the installation."""
    offer: Offer | None
    charged: bool


@dataclass(frozen=True)
class World:
    """A whole ISP as drawn, and what is done to it after so many months."""

    prorate: bool
    taxed: bool
    due_day: int
    people: list[Someone]
    after: int
    deed: str
    closed: int


offers = st.none() | st.builds(
    Offer, st.sampled_from(("100", "100", "50", "33.3333", None)), DAYS.map(lambda day: day.replace(day=1)) | DAYS,
    st.sampled_from((1, 31, 91, 92, 182, None)),
)  # fmt: skip
people = st.builds(
    Someone, DAYS, st.sampled_from((None, None, 99_999, 0)), st.sampled_from((0, 0, 1, 2, 3, 3, 6)),
    st.sampled_from((0, 0, 1, 16, 31)), offers, st.booleans(),
)  # fmt: skip
worlds = st.builds(
    World, st.booleans(), st.booleans(), st.sampled_from((1, 10, 28)), st.lists(people, min_size=2, max_size=3),
    st.integers(1, 5), st.sampled_from(("void", "void first", "put off", "set cycle", "end discount", "deactivate", "charge")),
    st.integers(0, 5),
)  # fmt: skip


class Life:
    """The ISP in the database."""

    def __init__(self, database: SavepointDatabase, world: World) -> None:
        self.database, self.world = database, world
        self.ids: list[int] = []
        self.discounts: list[int] = []

    async def begin(self) -> None:
        self.isp = await Isp.make(self.database)
        async with self.isp.write(AT) as session:
            await counters.update(session, self.isp.counters["LKT01"], due_day=self.world.due_day)
            rate = Decimal(11 if self.world.taxed else 0)
            await billing_settings.change(session, prorate_first_month=self.world.prorate, tax_rate=rate)
        for one in self.world.people:
            customer_id = await self.isp.customer(installed_on=one.installed, price=one.price)
            self.ids.append(customer_id)
            async with self.isp.write(AT) as session:
                if one.months:
                    await billing_cycles.set_billing(
                        session, customer_id, months=one.months, effective_from=one.installed + timedelta(days=one.begins)
                    )
                if one.offer is not None:
                    until = None if one.offer.length is None else one.offer.start + timedelta(days=one.offer.length)
                    percent = None if one.offer.percent is None else Decimal(one.offer.percent)
                    found = await charges.discount(
                        session, customer_id=customer_id, percent=percent, amount=None if percent else 60_001, description="Promo",
                        from_on=one.offer.start, until_on=until, key=str(uuid.uuid4()),
                    )  # fmt: skip
                    self.discounts.append(found[0])
                if one.charged:
                    await self._charge(session, customer_id)

    async def _charge(self, session: Any, customer_id: int) -> None:
        await charges.add(session, customer_id, kind=ChargeKind.DEVICE, description="ONT", amount=25_000, key=str(uuid.uuid4()))

    async def foretold(self) -> dict[int, list[Told]]:
        """Of each customer, what comes until the last of the months."""
        async with self.database.reading() as session:
            found = {}
            for customer_id in self.ids:
                standing = await billing_cycles.standing(session, customer_id, at=AT, scope=EVERYWHERE)
                coming = await billing_cycles.coming(session, standing, at=AT, scope=EVERYWHERE, count=len(MONTHS) + 1)
                found[customer_id] = [(str(one.month), one.covers_from, one.covers_until, one.due_on, one.total) for one in coming]
        return found

    async def generate(self, months: list[Month]) -> None:
        """What was foretold of these months comes true, and each preview too."""
        told = await self.foretold()
        last = await self.isp.value("SELECT coalesce(max(id), 0) FROM invoice")
        for month in months:
            async with self.database.reading() as session:
                shown = await previews.preview(session, month, at=AT, counters=None, scope=EVERYWHERE)
            async with self.isp.write(AT) as session:
                run = await generation.start(session, month, key=str(uuid.uuid4()), preview_token=shown.token(month, None))
            assert await generation.work(lambda: self.isp.write(AT), run_id=run.run_id, chunk=2)
            async with self.database.reading() as session:
                assert await generation.outcome(session, run.run_id) == shown
        rows = await self.isp.rows(
            "SELECT customer_id, to_char(month, 'YYYY-MM'), covers_from, covers_until, due_on, total FROM invoice"
            " JOIN period ON period.id = period_id WHERE invoice.id > :last ORDER BY invoice.id", last=last,
        )  # fmt: skip
        wanted = {str(month) for month in months}
        for customer_id in self.ids:
            assert [tuple(row[1:]) for row in rows if row[0] == customer_id] == [one for one in told[customer_id] if one[0] in wanted]

    async def happen(self) -> None:
        """The deed; one that is refused changes nothing. Then some months are closed."""
        try:
            async with self.isp.write(AT) as session:
                await self._do(session)
        except SebillingError:
            pass
        for month in MONTHS[: min(self.world.closed, self.world.after)]:
            async with self.isp.write(AT) as session:
                await periods.close(session, month)

    async def _do(self, session: Any) -> None:
        who, deed = self.ids[0], self.world.deed
        if deed.startswith("void"):
            order = "ASC" if deed == "void first" else "DESC"
            sql = f"SELECT id FROM invoice WHERE customer_id = :who ORDER BY id {order} LIMIT 1"
            if (number := await session.value(text(sql), {"who": who})) is not None:
                await corrections.void_invoice(session, number, reason="salah paket", key=str(uuid.uuid4()))
        elif deed == "put off":
            await customers.update(session, who, installed_on=self.world.people[0].installed + timedelta(days=40))
        elif deed == "set cycle":
            found = await billing_cycles.standing(session, who, at=AT, scope=EVERYWHERE)
            await billing_cycles.set_billing(session, who, months=2, effective_from=found.first_possible + timedelta(days=9))
        elif deed == "end discount" and self.discounts:
            await charges.end_discount(session, self.discounts[0], until_on=MONTHS[self.world.after].first)
        elif deed == "deactivate":
            await customers.update(session, who, active=False)
        else:
            await self._charge(session, who)


async def live(url: str, world: World) -> None:
    engine = create_async_engine(url)
    async with engine.connect() as connection:
        await connection.begin()
        life = Life(SavepointDatabase(url, connection), world)
        await life.begin()
        for month in MONTHS:
            await life.isp.open(month)
        await life.generate(MONTHS[: world.after])
        await life.happen()
        closed = min(world.closed, world.after)
        await life.generate(MONTHS[closed:])
        await life.isp.check()
        await connection.rollback()
    await engine.dispose()


def test_what_was_foretold_is_what_is_shown_and_issued(shared_url: str) -> None:
    with asyncio.Runner() as runner:
        run: Callable[[Awaitable[None]], None] = runner.run  # type: ignore[assignment]

        @settings(
            max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck), print_blob=True,
            derandomize=EXAMPLES < 100, phases=[Phase.generate, Phase.shrink] if EXAMPLES >= 100 else [Phase.generate],
        )  # fmt: skip
        @given(worlds)
        def lives(world: World) -> None:
            run(live(shared_url, world))

        lives()
