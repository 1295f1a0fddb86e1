"""Subscriptions during payments: two API processes and one worker on one database.

Payments are sent to process A at a steady rate; the subscribers are connected to process B. Most subscribe as the office; one in ten
as a clerk who sees one counter only. Each must see every payment in their scope exactly once, in order. A subscriber's wait is
measured from the moment at which the payment was sent to A, so it includes the whole payment. The second row compares the payments
themselves with the same payments without subscribers, before and after.
"""

import asyncio
import itertools
import os
import statistics
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import orjson
from sqlalchemy import text

from bench.place import PASSWORD, place
from bench.result import Result
from bench.serving import SERVE, served
from sebilling.actor import Role, operator
from sebilling.auth import passwords, users
from sebilling.clock import system_clock
from sebilling.db.engine import Database

CUSTOMERS = 5_000
CLERKS_OF = 10
"""Subscribers per clerk: the first of so many is a clerk."""
MAX_MILLISECONDS = 500
_PAY = "mutation($i: RecordPaymentInput!) { recordPayment(input: $i) { payment { id counter { code } } errors { code } } }"
_SIGN_IN = "mutation($i: SignInInput!) { signIn(input: $i) { token } }"


@dataclass
class Paid:
    """Payments that were sent."""

    sent: dict[str, float]
    """Payment → when it was sent, in seconds."""
    seconds: list[float]
    """Duration of each."""
    at_counter: dict[str, str]


@dataclass(frozen=True)
class _Site:
    database: Database
    a: str
    b: str
    office: str
    clerk: str
    counter: str
    customers: Sequence[str]


async def measure(var: Path, *, seconds: int, rate: int, subscribers: int) -> list[Result]:
    """Pay without, with and again without subscribers, `seconds` each."""
    async with place(var, "subscribe", customers=CUSTOMERS) as database:
        settings = {
            "SEBILLING_INLINE_WORKER": "false",
            "SEBILLING_LIVE_CONNECTIONS": str(subscribers),
            "SEBILLING_LIVE_SUBSCRIPTIONS": str(subscribers),
            "SEBILLING_SECRET_KEY": "6ac05e9d3fb1742870d9c4e6a81b5f237e90d2c6b84f1a35",
        }
        with served(SERVE, database.url, **settings) as a, served(SERVE, database.url, **settings) as b, _worker(database.url, settings):
            site = await _create_users(database, a, b)
            await _pay(site, seconds=min(5, seconds), rate=rate)  # warm
            before = await _pay(site, seconds=seconds, rate=rate)
            tokens = [site.clerk if number % CLERKS_OF == 0 else site.office for number in range(subscribers)]
            with watching(site.b, tokens) as watchers:
                during = await _pay(site, seconds=seconds, rate=rate)
                await asyncio.sleep(3)
                seen = orjson.loads(watchers.communicate()[0])
            after = await _pay(site, seconds=seconds, rate=rate)
    waits = _checked(site, during, tokens, seen)
    alone = statistics.mean([_p95(before.seconds), _p95(after.seconds)])
    return [
        Result("subscribe: p95 from payment sent to subscriber", subscribers, _p95(waits) * 1000, MAX_MILLISECONDS, "maximum", "ms"),
        Result("subscribe: p95 of payments", rate, _p95(during.seconds) * 1000, alone * 1000, "without subscribers", "ms"),
        Result(
            "subscribe: messages", subscribers, len(waits) / seconds, rate * _share(site, during, tokens), "expected, per second", "1/s"
        ),
    ]


def _share(site: _Site, paid: Paid, tokens: Sequence[str]) -> float:
    """Return the number of messages per payment."""
    office = sum(token == site.office for token in tokens)
    theirs = sum(code == site.counter for code in paid.at_counter.values())
    return office + (len(tokens) - office) * theirs / len(paid.sent)


def _p95(values: Sequence[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


def _checked(site: _Site, paid: Paid, tokens: Sequence[str], seen: list[dict[str, Any]]) -> list[float]:
    """Seconds from each payment to each of its messages. Raises RuntimeError if one is missing, repeated, out of order or out of scope."""
    waits: list[float] = []
    order = [payment for _, payment, _ in seen[tokens.index(site.office)]["seen"]]
    for token, subscriber in zip(tokens, seen, strict=True):
        events, payments = [event for event, _, _ in subscriber["seen"]], [payment for _, payment, _ in subscriber["seen"]]
        wanted = {payment for payment, code in paid.at_counter.items() if token == site.office or code == site.counter}
        if subscriber["closed"] or set(payments) != wanted or len(payments) != len(wanted) or len(set(events)) != len(events):
            raise RuntimeError(
                f"a subscriber saw {len(payments)} of {len(wanted)} payments, {len(set(payments))} of them once: {subscriber['closed']}"
            )
        if payments != [payment for payment in order if payment in wanted]:
            raise RuntimeError("a subscriber saw payments in another order")
        waits += [at - paid.sent[payment] for _, payment, at in subscriber["seen"]]
    return waits


async def _pay(site: _Site, *, seconds: int, rate: int) -> Paid:
    """Pay at a steady rate, without waiting for responses."""
    paid, tasks = Paid({}, [], {}), []
    customers = itertools.cycle(site.customers)
    headers = {"Authorization": f"Bearer {site.office}"}
    async with httpx.AsyncClient(base_url=site.a, headers=headers, timeout=30, limits=httpx.Limits(max_connections=64)) as http:

        async def one(customer: str) -> None:
            values = {"customerId": customer, "amount": 1_000, "idempotencyKey": str(uuid.uuid4())}
            began = time.monotonic()
            answer = (await http.post("/graphql", json={"query": _PAY, "variables": {"i": values}})).json()
            took = time.monotonic() - began
            payment = answer["data"]["recordPayment"]["payment"]
            paid.sent[payment["id"]], paid.at_counter[payment["id"]] = began, payment["counter"]["code"]
            paid.seconds.append(took)

        start = time.monotonic()
        for number in range(seconds * rate):
            await asyncio.sleep(max(0.0, start + number / rate - time.monotonic()))
            tasks.append(asyncio.create_task(one(next(customers))))
        await asyncio.gather(*tasks)
    return paid


async def _create_users(database: Database, a: str, b: str) -> _Site:
    hashed, counter = await passwords.hashed(PASSWORD), ""
    async with database.reading() as session:
        rows = await session.rows(
            text("SELECT 'cus_' || customer.id AS id, counter.code FROM customer JOIN counter ON counter.id = counter_id")
        )
        counter = rows[0].code
    async with database.transaction(actor=operator("bench"), at=system_clock()) as session:
        await users.create(session, username="office", name="office", role=Role.FINANCE, password_hash=hashed)
        await users.create(session, username="clerk", name="clerk", role=Role.CLERK, password_hash=hashed, counters=[counter])
    tokens = []
    async with httpx.AsyncClient(base_url=a) as http:
        for username in ("office", "clerk"):
            variables = {"i": {"username": username, "password": PASSWORD}}
            tokens.append((await http.post("/graphql", json={"query": _SIGN_IN, "variables": variables})).json()["data"]["signIn"]["token"])
    return _Site(database, a, b, tokens[0], tokens[1], counter, [row.id for row in rows])


@contextmanager
def _worker(url: str, settings: dict[str, str]) -> Iterator[None]:
    with _process(["-m", "sebilling.cli", "worker"], env={"SEBILLING_DATABASE_URL": url, "SEBILLING_LOG_LEVEL": "WARNING", **settings}):
        yield


@contextmanager
def watching(address: str, tokens: Sequence[str]) -> Iterator["subprocess.Popen[str]"]:
    """Subscribers of a server, one per token; the process tells what they have seen when its input ends."""
    with _process(["-m", "bench.watchers"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(orjson.dumps({"host": address.removeprefix("http://"), "tokens": list(tokens)}).decode() + "\n")
        process.stdin.flush()
        if process.stdout.readline() != "ready\n":
            raise RuntimeError("the subscribers didn't start")
        yield process


@contextmanager
def _process(arguments: list[str], *, env: dict[str, str] | None = None, **options: Any) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen([sys.executable, *arguments], env={**os.environ, **(env or {})}, **options)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()
