"""A user who follows as much as they can: everybody else goes on as before, and the user is told which limit was reached."""

import asyncio
import contextlib
import json
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest_asyncio

from sebilling.actor import Role
from sebilling.db.databases import create_database, drop_database
from sebilling.db.engine import Database
from tests.attacks.serving import OrdinaryWork, in_one_round, slower
from tests.harness import Isp, make_user
from tests.live.watching import PAYMENTS, Watcher, raw, running, token_of, watching
from tests.processes import HttpApi, ServerProcess

CONNECTIONS, DOCUMENTS = 50, 50
FIELDS = "id amount credit method note receiptNumber receivedAt receivedBy { name } customerCode customerName counter { id code name }"
BELOW = "customer { id name outstanding credit openInvoices { id number total } lastPayments { id amount } }"


@dataclass
class Site:
    """A server, a worker, and an ISP of two counters."""

    isp: Isp
    server: ServerProcess
    customer_id: int


@pytest_asyncio.fixture(scope="session")
async def flooded(server_url: str, template: str) -> AsyncIterator[Site]:
    url = await create_database(server_url, "attacked_by_subscriptions", template=template)
    database = Database(url, connections=10)
    isp = await Isp.make(database, "LKT01", "LKT02")
    customer_id = await isp.customer(counter="LKT01")
    await isp.open()
    async with isp.write() as session:
        await make_user(session, "kolektor", Role.COLLECTOR, "LKT01")
        await make_user(session, "kasir", Role.CLERK, "LKT01")
    with running(url, 1) as (server,):
        yield Site(isp, server, customer_id)
    await database.close()
    await drop_database(server_url, "attacked_by_subscriptions")


def document(number: int) -> str:
    """A document that no other is like."""
    if number % 5 == 0:
        return f'subscription {{ n{number}: recapChanged(month: "2026-02") {{ cursor recaps {{ totalBilled outstanding }} }} }}'
    return f"subscription {{ n{number}: paymentRecorded {{ cursor payment {{ {FIELDS} {BELOW} }} }} }}"


async def flooding(site: Site, token: str, number: int, errors: Counter[str], messages: Counter[int]) -> None:
    """One connection with all its documents."""
    async with raw(site.server.address) as socket:
        await socket.send(json.dumps({"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}}))
        for place in range(DOCUMENTS):
            payload = {"query": document(number * DOCUMENTS + place)}
            await socket.send(json.dumps({"id": str(place), "type": "subscribe", "payload": payload}))
        async for text in socket:
            message = json.loads(text)
            if message["type"] == "error":
                (error,) = message["payload"]
                errors[error["extensions"].get("limit", error["message"])] += 1
                assert error["extensions"]["code"] == "LIMIT_EXCEEDED", error
                assert str(error["extensions"]["most"]) in error["message"]
            messages[number] += message["type"] == "next"


@contextlib.asynccontextmanager
async def flood(site: Site, token: str, errors: Counter[str]) -> AsyncIterator[None]:
    """A user of 50 connections with 50 different documents each, that stay open while the block runs."""
    messages: Counter[int] = Counter()
    tasks = [asyncio.create_task(flooding(site, token, number, errors, messages)) for number in range(CONNECTIONS)]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    broken = [one for one in ended if not isinstance(one, asyncio.CancelledError)]
    assert broken == []


async def waited(watcher: Watcher, work: OrdinaryWork, count: int) -> list[float]:
    """Seconds from a payment's record to its message, for so many."""
    seconds = []
    for _ in range(count):
        began = time.perf_counter()
        await work.pay()
        await watcher.next(within=20)
        seconds.append(time.perf_counter() - began)
    return sorted(seconds)


async def test_a_flood_of_one_user_delays_nobody_else(flooded: Site) -> None:
    await in_one_round(lambda: delays(flooded))


async def delays(flooded: Site) -> str:
    """What was slower than five times idle while one user flooded the server; empty if nothing was."""
    api = HttpApi(flooded.server.address)
    try:
        await api.sign_in("admin")
        work = OrdinaryWork(api, "admin", flooded.customer_id)
        await work.medians(5)
        clerk, collector = [await token_of(flooded.server.address, name) for name in ("kasir", "kolektor")]
        async with watching(flooded.server.address, clerk) as watcher:
            await watcher.subscribe(PAYMENTS)
            await watcher.settled()
            idle_wait = (await waited(watcher, work, 5))[2]
            idle = await work.medians(25)
            while not watcher.came["1"].empty():
                watcher.came["1"].get_nowait()
            errors: Counter[str] = Counter()
            async with flood(flooded, collector, errors):
                await asyncio.sleep(2)
                busy = await work.medians(40)
                await asyncio.sleep(1)
                while not watcher.came["1"].empty():
                    watcher.came["1"].get_nowait()
                busy_wait = (await waited(watcher, work, 5))[2]
    finally:
        await api.http.aclose()
    assert set(errors) <= {"subscriptions of a user", "different subscriptions of a user"}, errors
    if sum(errors.values()) < 5 * DOCUMENTS:  # how many are refused in that time depends on the machine
        return f"the flood hardly began: {errors}"
    if not all(busy[name] < 5 * idle[name] for name in idle):
        return slower(idle, busy)
    return "" if busy_wait < 5 * max(idle_wait, 0.3) else f"{idle_wait * 1000:.0f} -> {busy_wait * 1000:.0f} ms until a message comes"
