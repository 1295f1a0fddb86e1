"""A run of isolation in which everything goes wrong that can, by a seed, and what must hold afterwards.

Devices fail, workers and the database are killed, while customers pay, payments are reversed and people cut and lift by hand. Then it
is left alone, and must come right by itself.
"""

import asyncio
import os
import random
import signal
import uuid
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from sebilling import keys
from sebilling.billing import corrections, settings
from sebilling.billing.isolation import blocks, policy, promises, sweep
from sebilling.billing.isolation.policy import IsolationMode
from sebilling.clock import system_clock
from sebilling.db.engine import Database
from sebilling.errors import AlreadyCorrected, DatabaseUnavailable, StillOverdue
from sebilling.network import accesses, devices
from sebilling.plugins.loading import Plugins
from sebilling.plugins.networks import Networks
from sebilling.vault import Vault
from tests.harness import LAB, SECRET_KEY, Isp
from tests.isolation.sites import ROUTERS, Site
from tests.isolation.sites_olt import OLTS
from tests.isolation.sites_radius import RadiusSite, RejectSite
from tests.processes import WorkerProcess

KEY: Final = SECRET_KEY
PRICE: Final = 150_000
GRACE: Final = timedelta(seconds=4)
"""How long after it was no longer wished a cut may still land: it was sent when it was wished, and the line was slow. The drivers'
deadlines of a campaign are below."""
STILL: Final = datetime(9000, 1, 1, tzinfo=UTC)
CONVERGES_SECONDS: Final = 60.0


@dataclass(slots=True)
class Person:
    """A customer, and by which rules they should be cut."""

    customer_id: int
    site: Site
    key: str
    owes: bool = True
    by_hand: bool = False
    promised: bool = False
    payment_id: int | None = None
    was_ever_to_be_blocked: bool = False

    @property
    def should_be_blocked(self) -> bool:
        """What product.md §5 says of them."""
        return self.by_hand or (self.owes and not self.promised)


@dataclass(slots=True)
class Campaign:
    """One seed's run over a database of its own."""

    seed: int
    database: Database
    customers: int = 16
    """On each device."""
    chance: random.Random = field(init=False)
    sites: list[Site] = field(default_factory=list)
    people: list[Person] = field(default_factory=list)
    workers: list[WorkerProcess] = field(default_factory=list)
    history: list[str] = field(default_factory=list)
    """What was done, to be read when it went wrong."""

    async def run(self) -> None:
        """Set up, let everything go wrong for a while, then wait until it is right. Raises AssertionError with the history."""
        self.chance = random.Random(self.seed)
        try:
            isp = await self._set_up()
            before = [dict(await site.state()) for site in self.sites]
            self.workers = [WorkerProcess(self.database.url, SEBILLING_SECRET_KEY=KEY) for _ in range(2)]
            await self._storm(isp)
            await self._calm(isp)
            await self._converged(isp)
            await self._judged(isp, before)
        except BaseException as error:
            error.add_note(f"seed {self.seed}:\n" + "\n".join(self.history))
            for worker in self.workers:
                error.add_note(worker.log[-6000:])
            raise
        finally:
            for worker in self.workers:
                worker.kill()
                worker.stop()
            for site in self.sites:
                await site.stop()

    async def _set_up(self) -> Isp:
        """An ISP that cuts ten days after the invoice, three devices, and invoices of twenty days ago."""
        isp = await Isp.make(self.database)
        plugins, vault = Plugins.load(), Vault(keys.derived(KEY))
        plugins.networks = Networks.parse(LAB)
        async with isp.write() as session:
            await policy.set_policy(session, mode=IsolationMode.FROM_INVOICE, days=10)
            await settings.change(session, mass_block_percent=100)
        choice = self.chance.choice
        mixed: list[type[Site]] = [choice(ROUTERS), choice((RadiusSite, RejectSite)), choice(OLTS)]
        for number, kind in enumerate(mixed if self.seed % 2 else self.chance.sample(ROUTERS, 3), 1):
            site = kind(kind.names(number, self.customers))
            await site.start()
            self.sites.append(site)
            async with isp.write() as session:
                device_id = await devices.create(session, plugins, vault, name=f"device {number}", kind=site.kind, config=site.config())
            for key in site.keys:
                customer_id = await isp.customer()
                async with isp.write() as session:
                    await accesses.give(session, plugins, customer_id=customer_id, device_id=device_id, service_kind=site.service, key=key)
                self.people.append(Person(customer_id, site, key))
        await isp.open()
        await isp.generate(at=system_clock() - timedelta(days=20))
        for person in self.people[::3]:  # these never owe anything when someone is cut
            await self._pays(isp, person)
        return isp

    async def _storm(self, isp: Isp) -> None:
        while await isp.value("SELECT count(*) FROM device WHERE checked_at IS NULL"):  # noqa: ASYNC110 - until a worker is at work
            await asyncio.sleep(0.05)
        await self._sweep(isp)
        async with asyncio.TaskGroup() as group:
            for start in range(2):
                group.create_task(self._deeds(isp, self.people[start::2]))
            group.create_task(self._faults())
            group.create_task(self._kills(isp))

    async def _pause(self, most: float) -> None:
        await asyncio.sleep(self.chance.uniform(0, most))

    async def _deeds(self, isp: Isp, people: Sequence[Person]) -> None:
        """What people do meanwhile."""
        for _ in range(20):
            await self._pause(0.5)
            person = self.chance.choice(people)
            deed = self.chance.choice((self._pays, self._pays, self._reversed, self._blocked_by_hand, self._lifted, self._promises))
            self.history.append(f"{system_clock():%H:%M:%S.%f} {deed.__name__} {person.site.kind} {person.key}")
            await deed(isp, person)
            if self.chance.random() < 0.3:
                await self._until_done(lambda: self._sweep(isp))

    async def _sweep(self, isp: Isp) -> None:
        for person in self.people:
            person.was_ever_to_be_blocked |= person.should_be_blocked
        async with isp.write(system_clock()) as session:
            await sweep.decide(session)

    async def _until_done(self, deed: Callable[[], Awaitable[Any]]) -> Any:
        """The deed's answer, however often the database goes away meanwhile."""
        while True:
            with suppress(DatabaseUnavailable):
                return await deed()
            await asyncio.sleep(0.05)

    async def _pays(self, isp: Isp, person: Person) -> None:
        if not person.owes:
            return
        key = str(uuid.uuid4())
        recorded = await self._until_done(lambda: isp.pay(person.customer_id, PRICE, key=key, at=system_clock()))
        person.owes, person.payment_id = False, recorded.payment_id

    async def _reversed(self, isp: Isp, person: Person) -> None:
        payment_id = person.payment_id
        if payment_id is None or person in self.people[::3]:
            return
        key = str(uuid.uuid4())
        person.was_ever_to_be_blocked, person.owes, person.payment_id = True, True, None

        async def undo() -> None:
            async with isp.write(system_clock()) as session:
                with suppress(AlreadyCorrected):
                    await corrections.reverse_payment(session, payment_id, reason="uang palsu", key=key)

        await self._until_done(undo)

    async def _blocked_by_hand(self, isp: Isp, person: Person) -> None:
        if person in self.people[::3]:
            return
        person.was_ever_to_be_blocked = person.by_hand = True

        async def cut() -> None:
            async with isp.write(system_clock()) as session:
                await blocks.block(session, person.customer_id, reason="kabel dicuri")

        await self._until_done(cut)

    async def _lifted(self, isp: Isp, person: Person) -> None:
        if not person.by_hand or person.owes:
            return

        async def lift() -> None:
            async with isp.write(system_clock()) as session:
                with suppress(StillOverdue):
                    await blocks.restore(session, person.customer_id, reason="sudah selesai")

        await self._until_done(lift)
        person.by_hand = False

    async def _promises(self, isp: Isp, person: Person) -> None:
        async def promise() -> None:
            async with isp.write(system_clock()) as session:
                today = (system_clock() + timedelta(hours=7)).date()
                await promises.record(session, person.customer_id, until_on=today + timedelta(days=3), reason="gajian")

        await self._until_done(promise)
        person.promised = True

    async def _faults(self) -> None:
        for _ in range(10):
            await self._pause(0.8)
            site = self.chance.choice(self.sites)
            self.history.append(f"{system_clock():%H:%M:%S.%f} {site.kind} fails")
            await site.fail(self.chance)
            if self.chance.random() < 0.4:
                await site.heal()

    async def _kills(self, isp: Isp) -> None:
        for _ in range(self.chance.randrange(1, 3)):
            await self._pause(2.5)
            if self.chance.random() < 0.35:
                self.history.append(f"{system_clock():%H:%M:%S.%f} the database is killed")
                await self._until_done(lambda: _kill_database(isp))
            else:
                self.history.append(f"{system_clock():%H:%M:%S.%f} a worker is killed")
                number = self.chance.randrange(len(self.workers))
                self.workers[number].kill()
                self.workers[number].stop()
                self.workers[number] = WorkerProcess(self.database.url, SEBILLING_SECRET_KEY=KEY)

    async def _calm(self, isp: Isp) -> None:
        self.history.append(f"{system_clock():%H:%M:%S.%f} calm")
        for site in self.sites:
            await site.heal()
        await self._until_done(lambda: self._sweep(isp))

    async def _converged(self, isp: Isp) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + CONVERGES_SECONDS
        waits: list[Any] = [True]
        while waits:
            assert loop.time() < deadline, f"not in line after a minute: {waits}"
            await asyncio.sleep(0.1)
            waits = await self._until_done(
                lambda: isp.rows("SELECT key, desired, actual, error FROM service_access WHERE desired_generation > observed_generation")
            )

    async def _judged(self, isp: Isp, before: Sequence[dict[str, Any]]) -> None:
        await isp.check()
        block_on = {id(site): await site.cut_keys() for site in self.sites}
        for person in self.people:
            cut = person.key in block_on[id(person.site)]
            assert cut is person.should_be_blocked, f"{person.key} on {person.site.kind} is {'cut' if cut else 'not cut'}"
        await self._judged_by_traffic(isp)
        for site, then in zip(self.sites, before, strict=True):
            now = await site.state()
            gone = {person.key for person in self.people if person.site is site and person.should_be_blocked}
            for key in site.keys:
                assert key in gone or now[key] == then[key], f"{key} on {site.kind} isn't as it was"
            assert site.overlaps == 0, f"two sessions were at work on {site.kind} at once"
        never = {(id(person.site), person.key) for person in self.people if not person.was_ever_to_be_blocked}
        wished = await self._wished(isp)
        for site in self.sites:
            for one in site.cuts:
                assert (id(site), one.key) not in never, f"{one.key} on {site.kind} was cut and never should have been"
                spans = wished.get(f"{site.kind}/{one.key}", [])
                assert any(start <= one.at <= end + GRACE for start, end in spans), f"{one.key} was cut at {one.at}, wished: {spans}"

    async def _judged_by_traffic(self, isp: Isp) -> None:
        """Nobody is online who is shown blocked, and nobody offline who is shown active."""
        shown = dict(await isp.rows("SELECT device.kind || '/' || key, actual FROM service_access JOIN device ON device.id = device_id"))
        for site in self.sites:
            online = await site.online_keys()
            for key in site.keys:
                state = shown[f"{site.kind}/{key}"]
                wrong = "BLOCKED" if key in online else "ACTIVE"
                assert state != wrong, f"{key} on {site.kind} is shown {state}: online {key in online}"

    async def _wished(self, isp: Isp) -> dict[str, list[tuple[datetime, datetime]]]:
        """From when to when it was wished that someone is cut, by the event log."""
        spans: dict[str, list[tuple[datetime, datetime]]] = {}
        rows = await isp.rows(
            "SELECT device.kind || '/' || key, event.kind, event.at FROM event JOIN service_access ON service_access.id = subject_id"
            " JOIN device ON device.id = device_id"
            " WHERE event.kind IN ('isolation.block_wanted', 'isolation.restore_wanted') ORDER BY event.id"
        )
        for key, kind, at in rows:
            mine = spans.setdefault(key, [])
            if kind == "isolation.block_wanted":
                mine.append((at, STILL))
            elif mine and mine[-1][1] is STILL:
                mine[-1] = (mine[-1][0], at)
        return spans


async def _kill_database(isp: Isp) -> None:
    """The server's first process, and so all of it; its owner brings it back."""
    os.kill(_parent(await isp.value("SELECT pg_backend_pid()")), signal.SIGKILL)


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[1])
