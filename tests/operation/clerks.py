"""Clerks who record payments through a cluster while something happens to it, and an app that follows them."""

import asyncio
import contextlib
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
from websockets.exceptions import WebSocketException

from sebilling.actor import Role
from sebilling.db.engine import Database
from sebilling.nouns import Noun
from sebilling.schema.feed_subscription import cursor
from tests.harness import Isp, make_user
from tests.live.watching import EVENTS, watching
from tests.processes import HttpApi
from tools.cluster.cluster import Cluster

PAY: Final = """mutation($i: RecordPaymentInput!) {
  recordPayment(input: $i) { payment { id amount } replayed errors { code message } } }"""


@dataclass
class Clerk:
    """Records payments one after the other; a payment without a clear answer is sent again with its key until it has one."""

    number: int
    http: httpx.AsyncClient
    token: str
    customers: list[int]
    pause_seconds: float
    """From a payment to the next, but not before it is acknowledged."""
    acknowledged: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Id of the payment and amount, by key."""
    sent_again: int = 0
    refused: set[str] = field(default_factory=set)
    waited: list[tuple[float, float]] = field(default_factory=list)
    """When each payment was first sent, and when it was acknowledged."""
    sent: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What was sent, by key."""

    async def work(self, stop: asyncio.Event) -> None:
        """Until told to stop, and the last payment is acknowledged."""
        turn = 0
        while not stop.is_set():
            turn, began = turn + 1, time.monotonic()
            customer = self.customers[turn % len(self.customers)]
            await self.pay(customer, 1_000 + self.number * 100 + turn % 100)
            await asyncio.sleep(max(0, began + self.pause_seconds - time.monotonic()))

    async def pay(self, customer: int, amount: int) -> str:
        """Record a payment, until it is acknowledged; gives its key."""
        key = str(uuid.uuid4())
        self.sent[key] = {"customerId": f"{Noun.CUSTOMER.prefix}_{customer}", "amount": amount, "method": "CASH", "idempotencyKey": key}
        await self.send(key)
        return key

    async def send(self, key: str) -> None:
        """Send a payment, perhaps once more, until it is acknowledged."""
        payment, began = self.sent[key], time.monotonic()
        while (payment_id := await self._answer(payment)) is None:
            self.sent_again += 1
            await asyncio.sleep(0.2)
        self.waited.append((began, time.monotonic()))
        self.acknowledged[key] = (payment_id, payment["amount"])

    async def _answer(self, payment: dict[str, Any]) -> str | None:
        """The payment's id; None if the answer doesn't say that it was recorded."""
        headers = {"Authorization": f"Bearer {self.token}"}
        try:
            answer = await self.http.post("/graphql", json={"query": PAY, "variables": {"i": payment}}, headers=headers)
            told = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            self.refused.add(type(error).__name__)
            return None
        payload = (told.get("data") or {}).get("recordPayment")
        if payload and payload.get("payment"):
            return str(payload["payment"]["id"])
        problems = told.get("errors") or (payload or {}).get("errors") or []
        codes = {problem.get("code") or problem.get("extensions", {}).get("code") for problem in problems}
        assert codes == {"DATABASE_UNAVAILABLE"}, told
        self.refused |= codes
        return None


class Subscriber:
    """Follows all payments through HAProxy and resumes after its cursor, as an app does."""

    def __init__(self, address: str, token: str) -> None:
        self.address, self.token = address, token
        self.seen: list[int] = []
        self.cursor = cursor(0)
        self._over = asyncio.Event()

    @asynccontextmanager
    async def following(self) -> AsyncIterator[None]:
        """Follow during the block. Whoever is just connecting may miss that it is cancelled, and finds out at the next try."""
        running = asyncio.create_task(self._run())
        try:
            yield
        finally:
            self._over.set()
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    async def _run(self) -> None:
        while not self._over.is_set():
            with contextlib.suppress(OSError, WebSocketException, TimeoutError, EOFError, AssertionError):
                async with watching(self.address, self.token, open_timeout=5) as watcher:
                    await watcher.subscribe(EVENTS, after=self.cursor, kinds=["payment.recorded"])
                    while not (self._over.is_set() or (watcher.reading.done() and watcher.came["1"].empty())):
                        with contextlib.suppress(TimeoutError):
                            event = await watcher.next(within=0.5)
                            self.seen.append(int(event["eventId"]))
                            self.cursor = event["cursor"]
            await asyncio.sleep(0.3)


@asynccontextmanager
async def signed_in(cluster: Cluster) -> AsyncIterator[HttpApi]:
    """The admin, who asks through HAProxy."""
    api = HttpApi(cluster.network.url)
    async with api.http:
        await api.sign_in()
        yield api


@dataclass(frozen=True)
class Office:
    """Clerks at work, and their ISP."""

    isp: Isp
    clerks: Sequence[Clerk]

    @property
    def payments(self) -> int:
        """How many were acknowledged so far."""
        return sum(len(clerk.acknowledged) for clerk in self.clerks)

    @property
    def sent_again(self) -> int:
        """How often one was sent again."""
        return sum(clerk.sent_again for clerk in self.clerks)


async def hired(isp: Isp, api: HttpApi, count: int, *, pause_seconds: float) -> Sequence[Clerk]:
    """New clerks, signed in, with five of the ISP's last customers each."""
    async with isp.write() as session:
        for number in range(count):
            await make_user(session, f"kasir{number}", Role.CLERK, "LKT01")
    customers = [row[0] for row in await isp.rows("SELECT id FROM customer ORDER BY id DESC LIMIT :count", count=5 * count)]
    tokens = [await HttpApi(api.address, http=api.http).sign_in(f"kasir{number}") for number in range(count)]
    return [Clerk(number, api.http, token, customers[number::count], pause_seconds) for number, token in enumerate(tokens)]


@asynccontextmanager
async def recording(clerks: Sequence[Clerk]) -> AsyncIterator[None]:
    """Let them work during the block; its end waits for their last acknowledgements."""
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for clerk in clerks:
            group.create_task(clerk.work(stop))
        yield
        stop.set()


@asynccontextmanager
async def at_work(cluster: Cluster, *, clerks: int, pause_seconds: float) -> AsyncIterator[Office]:
    """Let so many clerks record payments through HAProxy during the block, and an app follow them. Starts servers and workers.

    After the block, every payment that was acknowledged is there, none is there that wasn't, or twice, the app has seen each once, and
    the invariants hold.
    """
    database = Database(cluster.url, connections=2)
    isp = await Isp.make(database)
    await isp.many_customers(clerks * 5)
    await isp.open()
    await isp.generate()
    await asyncio.to_thread(cluster.start_sebilling)
    async with signed_in(cluster) as api:
        subscriber = Subscriber(cluster.network.url, str(api.token))
        working = await hired(isp, api, clerks, pause_seconds=pause_seconds)
        async with subscriber.following():
            async with recording(working):
                yield Office(isp, working)
            await database.close()  # its connections may be to servers that were killed
            isp.database = database = Database(cluster.url, connections=2)
            await see_that_all_are_recorded(isp, working)
            wanted = sum(len(clerk.acknowledged) for clerk in working)
            for _ in range(100):
                if len(subscriber.seen) >= wanted:
                    break
                await asyncio.sleep(0.2)
        assert len(subscriber.seen) == len(set(subscriber.seen)) == wanted
    await isp.check()
    await database.close()


async def recorded(isp: Isp) -> dict[str, tuple[str, int]]:
    """Id and amount of each payment, by key."""
    rows = await isp.rows(
        "SELECT key, payment.id, amount FROM payment JOIN idempotency_key ON result_id = payment.id AND operation = 'recordPayment'"
    )
    return {key: (f"{Noun.PAYMENT.prefix}_{payment_id}", amount) for key, payment_id, amount in rows}


async def see_that_all_are_recorded(isp: Isp, clerks: Sequence[Clerk]) -> None:
    """Each acknowledged payment is there once, and no other."""
    payments = await recorded(isp)
    acknowledged = {key: value for clerk in clerks for key, value in clerk.acknowledged.items()}
    assert acknowledged == {key: value for key, value in payments.items() if key in acknowledged}, "an acknowledged payment is lost"
    assert set(payments) == set(acknowledged), "one was recorded that nobody was told of"
    assert (await isp.value("SELECT count(*) FROM payment")) == len(acknowledged), "one was recorded twice"
