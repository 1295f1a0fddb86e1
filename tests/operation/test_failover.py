"""The primary is killed again and again under payments: none that was acknowledged is lost, none is doubled, and everything recovers.

It needs Debian's etcd, Patroni, PgBouncer and HAProxy, and starts a cluster as `make cluster` does. SEBILLING_TEST_FAILOVERS says how
often the primary is killed; without it nothing runs.
"""

import asyncio
import contextlib
import os
import shutil
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from websockets.exceptions import WebSocketException

from sebilling.actor import Role
from sebilling.db.engine import Database
from sebilling.nouns import Noun
from sebilling.schema.feed_subscription import cursor
from tests.harness import PASSWORD, Isp, make_user
from tests.live.watching import EVENTS, watching
from tools.cluster.addresses import Network
from tools.cluster.cluster import Cluster, running

KILLS: Final = int(os.environ.get("SEBILLING_TEST_FAILOVERS", "0"))
pytestmark = pytest.mark.skipif(KILLS == 0, reason="SEBILLING_TEST_FAILOVERS isn't set")
CLERKS: Final = 4
_PAUSE_SECONDS: Final = 0.2
"""Of a clerk between two payments."""
PAY: Final = """mutation($i: RecordPaymentInput!) {
  recordPayment(input: $i) { payment { id amount } replayed errors { code message } } }"""
SIGN_IN: Final = "mutation($i: SignInInput!) { signIn(input: $i) { token errors { code } } }"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    folder = Path(tempfile.mkdtemp(prefix="sebilling-cluster-"))
    folder.chmod(0o711)
    try:
        with running(folder, Network(f"127.84.{os.getpid() % 250 + 1}")) as started:
            yield started
    finally:
        if "SEBILLING_TEST_KEEP" not in os.environ:
            shutil.rmtree(folder, ignore_errors=True)


@dataclass
class Clerk:
    """Records payments one after the other; a payment without a clear answer is sent again with its key until it has one."""

    number: int
    http: httpx.AsyncClient
    token: str
    customers: list[int]
    acknowledged: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Id of the payment and amount, by key."""
    sent_again: int = 0
    refused: set[str] = field(default_factory=set)
    waited: list[tuple[float, float]] = field(default_factory=list)
    """When each payment was first sent, and when it was acknowledged."""

    async def work(self, stop: asyncio.Event) -> None:
        """Until told to stop, and the last payment is acknowledged."""
        turn = 0
        while not stop.is_set():
            turn += 1
            customer = self.customers[turn % len(self.customers)]
            await self._pay(customer, 1_000 + self.number * 100 + turn % 100, str(uuid.uuid4()))
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _pay(self, customer: int, amount: int, key: str) -> None:
        payment = {"customerId": f"{Noun.CUSTOMER.prefix}_{customer}", "amount": amount, "method": "CASH", "idempotencyKey": key}
        began = time.monotonic()
        while (payment_id := await self._sent(payment)) is None:
            self.sent_again += 1
            await asyncio.sleep(0.2)
        self.waited.append((began, time.monotonic()))
        self.acknowledged[key] = (payment_id, amount)

    async def _sent(self, payment: dict[str, Any]) -> str | None:
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

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            with contextlib.suppress(OSError, WebSocketException, TimeoutError, EOFError, AssertionError):
                async with watching(self.address, self.token, open_timeout=5) as watcher:
                    await watcher.subscribe(EVENTS, after=self.cursor, kinds=["payment.recorded"])
                    while not (watcher.reading.done() and watcher.came["1"].empty()):
                        with contextlib.suppress(TimeoutError):
                            event = await watcher.next(within=0.5)
                            self.seen.append(int(event["eventId"]))
                            self.cursor = event["cursor"]
            await asyncio.sleep(0.3)


async def _token(http: httpx.AsyncClient, username: str) -> str:
    asking = {"query": SIGN_IN, "variables": {"i": {"username": username, "password": PASSWORD}}}
    return str((await http.post("/graphql", json=asking)).json()["data"]["signIn"]["token"])


@pytest.mark.crash
async def test_no_acknowledged_payment_is_lost_when_primaries_are_killed(cluster: Cluster) -> None:
    database = Database(cluster.url, connections=2)
    isp = await Isp.make(database)
    customers = [await isp.customer() for _ in range(CLERKS * 5)]
    async with isp.write() as session:
        for number in range(CLERKS):
            await make_user(session, f"kasir{number}", Role.CLERK, "LKT01")
    await isp.open()
    await isp.generate()
    await asyncio.to_thread(cluster.start_sebilling)
    stop, killed = asyncio.Event(), []
    async with httpx.AsyncClient(base_url=cluster.network.url, timeout=60) as http:
        tokens = [await _token(http, f"kasir{number}") for number in range(CLERKS)]
        clerks = [Clerk(number, http, token, customers[number::CLERKS]) for number, token in enumerate(tokens)]
        subscriber = Subscriber(cluster.network.url, await _token(http, "admin"))
        following = asyncio.create_task(subscriber.run())
        async with asyncio.TaskGroup() as group:
            for clerk in clerks:
                group.create_task(clerk.work(stop))
            for number in range(KILLS):
                await asyncio.sleep(3)
                killed.append(await _one_failover(cluster, has_power=number % 2 == 0))
                unavailable = _unavailable(clerks, killed[-1])
                sys.stdout.write(f"{number + 1}: {'PostgreSQL' if number % 2 == 0 else 'machine'} killed, {unavailable:.1f} s\n")
            await asyncio.sleep(3)
            stop.set()
        seconds = sorted(_unavailable(clerks, moment) for moment in killed)
        p95 = seconds[max(0, -(-len(seconds) * 95 // 100) - 1)]
        count = sum(len(clerk.acknowledged) for clerk in clerks)
        again = sum(clerk.sent_again for clerk in clerks)
        sys.stdout.write(
            f"{KILLS} primaries killed, {count} payments, {again} sent again ({set().union(*(clerk.refused for clerk in clerks))});"
            f" unavailable: median {seconds[len(seconds) // 2]:.1f} s, p95 {p95:.1f} s, longest {seconds[-1]:.1f} s\n"
        )
        await database.close()  # its connections are to servers that were killed
        isp.database = database = Database(cluster.url, connections=2)
        recorded = await isp.rows(
            "SELECT key, amount, payment.id FROM payment JOIN idempotency_key ON result_id = payment.id AND operation = 'recordPayment'"
        )
        payments = {row[0]: (f"{Noun.PAYMENT.prefix}_{row[2]}", row[1]) for row in recorded}
        acknowledged = {key: value for clerk in clerks for key, value in clerk.acknowledged.items()}
        assert acknowledged == {key: value for key, value in payments.items() if key in acknowledged}, "an acknowledged payment is lost"
        assert set(payments) == set(acknowledged), "one was recorded that nobody was told of"
        assert (await isp.value("SELECT count(*) FROM payment")) == len(acknowledged), "one was recorded twice"
        wanted = len(acknowledged)
        for _ in range(100):
            if len(subscriber.seen) >= wanted:
                break
            await asyncio.sleep(0.2)
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        assert len(subscriber.seen) == len(set(subscriber.seen)) == wanted
    await isp.check()
    await database.close()
    assert cluster.is_whole(), "the last former primary is a replica again"
    assert all(program.is_running for program in (*cluster.servers.values(), *cluster.workers.values()))
    assert p95 <= 15


def _unavailable(clerks: list[Clerk], moment: float) -> float:
    """The longest that a payment took which was under way at the moment of a kill or sent soon after it."""
    return max((done - began for clerk in clerks for began, done in clerk.waited if began <= moment + 15 and done >= moment), default=0)


async def _one_failover(cluster: Cluster, *, has_power: bool) -> float:
    """Kill the primary, its PostgreSQL alone or all on its machine; wait for another, and for all three. Gives the moment."""
    primary = await asyncio.to_thread(cluster.primary)
    assert primary is not None
    moment = time.monotonic()
    if has_power:
        primary.kill_postgresql()
    else:
        primary.lose_power()
    until = time.monotonic() + 60
    while (now := await asyncio.to_thread(cluster.primary)) is None or now is primary:
        assert time.monotonic() < until, "no other primary"
        await asyncio.sleep(0.3)
    primary.start()
    await asyncio.to_thread(cluster.await_whole, 120)
    assert not primary.is_primary, "the former primary is a replica"
    return moment
