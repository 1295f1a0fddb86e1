"""Subscribers beside payments: two API processes and one worker over one database.

Collectors pay through process A, so many a second for so many seconds; the subscribers are on process B, most of them the office's,
one in ten a clerk's who may see one counter alone. Each must see each payment that they may see exactly once, in order. What a
subscriber waits is counted from the moment at which the payment was sent to A, so the whole payment is in it. The second row are the
payments themselves, beside the same payments without any subscriber, before and after.
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
"""One subscriber of so many is a clerk's."""
MAX_MILLISECONDS = 500
_PAY = "mutation($i: RecordPaymentInput!) { recordPayment(input: $i) { payment { id counter { code } } errors { code } } }"
_SIGN_IN = "mutation($i: SignInInput!) { signIn(input: $i) { token } }"


@dataclass
class Paid:
    """What the payers did."""

    sent: dict[str, float]
    """Payment → when it was sent, in seconds."""
    seconds: list[float]
    """How long each took."""
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
    """Pay without, with and without subscribers, `seconds` each."""
    async with place(var, "subscribe", customers=CUSTOMERS) as database:
        settings = {
            "SEBILLING_INLINE_WORKER": "false",
            "SEBILLING_LIVE_CONNECTIONS": str(subscribers),
            "SEBILLING_LIVE_SUBSCRIPTIONS": str(subscribers),
            "SEBILLING_SECRET_KEY": "6ac05e9d3fb1742870d9c4e6a81b5f237e90d2c6b84f1a35",
        }
        with served(SERVE, database.url, **settings) as a, served(SERVE, database.url, **settings) as b, _worker(database.url, settings):
            site = await _hired(database, a, b)
            await _pay(site, seconds=min(5, seconds), rate=rate)  # warm
            before = await _pay(site, seconds=seconds, rate=rate)
            tokens = [site.clerk if number % CLERKS_OF == 0 else site.office for number in range(subscribers)]
            with _watchers(site.b, tokens) as watchers:
                during = await _pay(site, seconds=seconds, rate=rate)
                await asyncio.sleep(3)
                seen = orjson.loads(watchers.communicate()[0])
            after = await _pay(site, seconds=seconds, rate=rate)
    waits = _checked(site, during, tokens, seen)
    alone = statistics.mean([_p95(before.seconds), _p95(after.seconds)])
    return [
        Result("subscribe: p95 from payment sent to subscriber", subscribers, _p95(waits) * 1000, MAX_MILLISECONDS, "the most", "ms"),
        Result("subscribe: p95 of payments", rate, _p95(during.seconds) * 1000, alone * 1000, "without subscribers", "ms"),
        Result(
            "subscribe: messages", subscribers, len(waits) / seconds, rate * _share(site, during, tokens), "sent to all, per second", "1/s"
        ),
    ]


def _share(site: _Site, paid: Paid, tokens: Sequence[str]) -> float:
    """Messages per payment."""
    office = sum(token == site.office for token in tokens)
    theirs = sum(code == site.counter for code in paid.at_counter.values())
    return office + (len(tokens) - office) * theirs / len(paid.sent)


def _p95(values: Sequence[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


def _checked(site: _Site, paid: Paid, tokens: Sequence[str], seen: list[dict[str, Any]]) -> list[float]:
    """Seconds that each subscriber waited for each payment. Raises RuntimeError if one is missing, double, in disorder, or forbidden."""
    waits: list[float] = []
    order = [payment for _, payment, _ in seen[tokens.index(site.office)]["seen"]]
    for token, one in zip(tokens, seen, strict=True):
        events, payments = [event for event, _, _ in one["seen"]], [payment for _, payment, _ in one["seen"]]
        wanted = {payment for payment, code in paid.at_counter.items() if token == site.office or code == site.counter}
        if one["closed"] or set(payments) != wanted or len(payments) != len(wanted) or len(set(events)) != len(events):
            raise RuntimeError(
                f"a subscriber saw {len(payments)} of {len(wanted)} payments, {len(set(payments))} of them once: {one['closed']}"
            )
        if payments != [payment for payment in order if payment in wanted]:
            raise RuntimeError("a subscriber saw payments in another order")
        waits += [at - paid.sent[payment] for _, payment, at in one["seen"]]
    return waits


async def _pay(site: _Site, *, seconds: int, rate: int) -> Paid:
    """Pay at a steady rate, whatever the answers take."""
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


async def _hired(database: Database, a: str, b: str) -> _Site:
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
def _watchers(address: str, tokens: Sequence[str]) -> Iterator["subprocess.Popen[str]"]:
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
