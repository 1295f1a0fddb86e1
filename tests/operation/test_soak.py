"""Hours of ordinary work: memory, descriptors, connections and the time that a payment takes stay as they are.

SEBILLING_TEST_SOAK_SECONDS says how long; `make soak` takes two hours. The slopes are printed, and var/soak.svg shows the curves. A short
run shows that the work is done and counted right; only a long one has slopes that mean something.
"""

import asyncio
import contextlib
import itertools
import json
import os
import random
import re
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from bench.web_documents import DOCUMENTS, VALUES, filled, name_of
from sebilling.clock import Month, system_clock
from sebilling.db.engine import Database
from tests.harness import PASSWORD, SECRET_KEY, Isp
from tests.live.watching import EVENTS, watching
from tests.operation.clerks import Clerk, hired, recording, see_that_all_are_recorded
from tests.operation.curves import drawn
from tests.operation.router import connected_router
from tests.operation.test_chaos import block_and_restore
from tests.processes import HttpApi, ServerProcess, WorkerProcess

SECONDS: Final = int(os.environ.get("SEBILLING_TEST_SOAK_SECONDS", "4"))
LONG_SECONDS: Final = 20 * 60
SAMPLES: Final = 240
FEWEST: Final = 4
"""Samples, screens, messages and blocks of the shortest run."""
WARM: Final = 0.25
"""Part of the time that isn't looked at: caches and pools fill."""
CLERKS: Final = 3
PAUSE_SECONDS: Final = 1.0
PEOPLE: Final = 20
SCREENS: Final = {"Dashboard", "Period", "Invoices", "Payments", "Customers", "Customer", "Isolation", "Devices", "EventLog", "Search"}
MOST_PER_HOUR: Final = {"MB": 4.0, "descriptors": 2.0, "connections": 2.0}
"""How much each may grow, by what it is counted in; milliseconds by a quarter of what they are."""
REPORT: Final = "query($m: Month!) { reportLink(report: PAYMENTS, month: $m, format: CSV) { url } }"
SIGN_IN: Final = "mutation($i: SignInInput!) { signIn(input: $i) { token } }"
SIGN_OUT: Final = "mutation { signOut { errors { code } } }"
ROOT: Final = Path(__file__).parents[2]
PLOT: Final = ROOT / "var" / "soak.svg"
DONE: Final = "SELECT count(*) FROM event WHERE kind IN ('customer.blocked', 'customer.restored') AND subject = 'service_access'"
"""Blocks and restores that the router has made."""
_PRIVATE: Final = re.compile(r"^Private_\w+:\s+(\d+) kB$", re.MULTILINE)


def private_megabytes(pid: int) -> float:
    """Memory that only this process has."""
    return sum(map(int, _PRIVATE.findall(Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")))) / 1024


def descriptors(pid: int) -> int:
    """How many files and sockets it has open."""
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())


async def repeated(every: float, deed: Callable[[], Awaitable[None]], over: asyncio.Event) -> None:
    """Do it again and again, until cancelled; `over` is for a deed that misses that, as one may that is just connecting."""
    while not over.is_set():
        await deed()
        await asyncio.sleep(every)


class Office:
    """What an admin's browser asks for, one thing after the other, as long as the soak takes."""

    def __init__(self, admin: HttpApi, month: Month, screens: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
        self.admin, self.month = admin, month
        self._screens = itertools.cycle(screens)
        self.seen = self.shown = 0

    @classmethod
    async def of(cls, admin: HttpApi, isp: Isp, month: Month) -> "Office":
        """With a value of the database for each variable of a screen."""
        known = {name: await isp.value(sql) for name, sql in VALUES.items()}
        asked = [(document, filled(json.loads(values or "{}"), known)) for document, values in DOCUMENTS]
        screens = [one for one in asked if name_of(one[0]) in {f"query {name}" for name in SCREENS}]
        assert len(screens) == len(SCREENS), [name_of(document) for document, _ in screens]
        return cls(admin, month, screens)

    async def show(self) -> None:
        """The next screen, whole."""
        document, values = next(self._screens)
        answer = await self.admin.http.post(
            "/graphql", json={"query": document, "variables": values}, headers={"Authorization": f"Bearer {self.admin.token}"}
        )
        assert "errors" not in answer.json(), answer.text
        self.shown += 1

    async def follow(self) -> None:
        """Open a page that follows what happens, and close it."""
        async with watching(self.admin.address, str(self.admin.token)) as watcher:
            await watcher.subscribe(EVENTS, kinds=["payment.recorded"])
            for _ in range(10):
                await watcher.next(within=60)
                self.seen += 1

    async def report(self) -> None:
        """Download a month's payments."""
        link = (await self.admin.ask(REPORT, m=str(self.month)))["url"]
        assert (await self.admin.http.get(link)).status_code == 200

    async def sign_in_and_out(self) -> None:
        """Somebody else comes and goes."""
        guest = HttpApi(self.admin.address, http=self.admin.http)
        guest.token = (await guest.ask(SIGN_IN, i={"username": "kasir0", "password": PASSWORD}))["token"]
        await guest.ask(SIGN_OUT)


class Gauges:
    """What is looked at every now and then: name and unit → a value for each time."""

    def __init__(self, processes: Mapping[str, int], isp: Isp, clerks: Sequence[Clerk]) -> None:
        self.processes, self.isp, self.clerks = processes, isp, clerks
        self.times: list[float] = []
        self.values: dict[tuple[str, str], list[float]] = {}
        self._began, self._paid = time.monotonic(), [0] * len(clerks)

    async def look(self) -> None:
        """Take a sample. One without any payment in it is none."""
        taken = [1_000 * (done - begun) for number, clerk in enumerate(self.clerks) for begun, done in clerk.waited[self._paid[number] :]]
        if not taken:
            return
        self._paid = [len(clerk.waited) for clerk in self.clerks]
        self.times.append(time.monotonic() - self._began)
        self._note("payment, median", "ms", statistics.median(taken))
        self._note("payment, slowest of twenty", "ms", sorted(taken)[len(taken) * 19 // 20])
        connections = await self.isp.value("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
        self._note("database", "connections", connections)
        for name, pid in self.processes.items():
            self._note(name, "MB", private_megabytes(pid))
            self._note(name, "descriptors", descriptors(pid))

    def _note(self, name: str, unit: str, value: float) -> None:
        self.values.setdefault((name, unit), []).append(value)

    def per_hour(self, of: tuple[str, str]) -> float:
        """The slope of a straight line through what was seen once it was warm."""
        first = int(len(self.times) * WARM)
        return 3_600 * statistics.linear_regression(self.times[first:], self.values[of][first:]).slope

    def most_per_hour(self, of: tuple[str, str]) -> float:
        """How steep it may be."""
        return MOST_PER_HOUR[of[1]] if of[1] in MOST_PER_HOUR else statistics.mean(self.values[of]) / 4


@pytest.mark.crash
async def test_hours_of_work_leave_nothing_behind(committed: Database) -> None:
    isp, month = await Isp.make(committed), Month.of(system_clock().date())
    await isp.many_customers(5 * CLERKS)
    await isp.open(month)
    await isp.generate(month, at=system_clock())
    # interpreters of their own: a forked one shares memory until it touches it, and seems to grow for hours
    settings = {"SEBILLING_INLINE_WORKER": "false", "SEBILLING_SECRET_KEY": SECRET_KEY, "PYTHONPATH": str(ROOT)}
    with contextlib.ExitStack() as stack:
        server = ServerProcess(committed.url, **settings)
        stack.callback(server.stop)
        worker = WorkerProcess(committed.url, **settings)
        stack.callback(worker.stop)
        admin = HttpApi(server.address)
        async with admin.http:
            await admin.sign_in()
            clerks = await hired(isp, admin, CLERKS, pause_seconds=PAUSE_SECONDS)
            people = [await isp.customer() for _ in range(PEOPLE)]
            async with connected_router(admin, people), recording(clerks):
                gauges = Gauges({"server": server.process.pid, "worker": worker.process.pid}, isp, clerks)
                await asyncio.sleep(1)
                office = await Office.of(admin, isp, month)
                over = asyncio.Event()
                async with asyncio.timeout(SECONDS + 120), asyncio.TaskGroup() as work:
                    deeds = [
                        work.create_task(block_and_restore(admin, people, random.Random(1))),
                        work.create_task(repeated(1, office.show, over)),
                        work.create_task(repeated(1, office.follow, over)),
                        work.create_task(repeated(30, office.report, over)),
                        work.create_task(repeated(20, office.sign_in_and_out, over)),
                        work.create_task(repeated(max(1, SECONDS / SAMPLES), gauges.look, over)),
                    ]
                    await asyncio.sleep(SECONDS)
                    while True:
                        if min(len(gauges.times), office.shown, office.seen, await isp.value(DONE)) >= FEWEST:
                            break
                        await asyncio.sleep(0.2)  # on a slow machine
                    over.set()
                    for deed in deeds:
                        deed.cancel()
        assert worker.process.poll() is None
        errors = [line for line in (server.log + worker.log).splitlines() if '"level":"error"' in line.replace(" ", "")]
        assert errors == []
    await see_that_all_are_recorded(isp, clerks)
    await isp.check()
    tell(gauges, sum(len(clerk.acknowledged) for clerk in clerks), office)


def tell(gauges: Gauges, payments: int, office: Office) -> None:
    """Print the slopes and draw the curves; if it was long, they must be flat."""
    sys.stdout.write(f"{gauges.times[-1]:.0f} s: {payments} payments, {office.shown} screens, {office.seen} messages followed\n")
    steep = []
    for of, values in gauges.values.items():
        slope, most = gauges.per_hour(of), gauges.most_per_hour(of)
        sys.stdout.write(f"{of[0]}: {values[-1]:.1f} {of[1]}, {slope:+.2f} an hour (at most {most:.1f})\n")
        if slope > most:
            steep.append(of)
    if SECONDS >= LONG_SECONDS:
        PLOT.parent.mkdir(exist_ok=True)
        PLOT.write_text(drawn("Soak", gauges.times, gauges.values), encoding="utf-8")
        assert steep == []
