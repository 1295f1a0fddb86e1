"""Seconds until a router's customers are blocked and restored, read back on the router; and how long a payer waits for internet access.

The engine runs as it does in production, with simulated routers on sockets, each response delayed by the latency. The
reference of `isolate` is the usual way: one customer after the other, with librouteros's own calls on one connection.
"""

import asyncio
import random
import statistics
import threading
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import librouteros
from sebilling_mikrotik.testing import Router, Simulator
from sqlalchemy import text

from bench.place import MONTH, outside, place
from bench.result import Result
from bench.serving import SERVE, served, sign_in
from sebilling import keys
from sebilling.actor import operator
from sebilling.auth import passwords
from sebilling.billing import generation, periods, settings
from sebilling.billing.isolation import policy, sweep
from sebilling.billing.isolation.policy import IsolationMode
from sebilling.clock import system_clock
from sebilling.db.engine import Database
from sebilling.network import accesses, devices, worker
from sebilling.plugins.loading import Plugins
from sebilling.plugins.networks import Networks
from sebilling.vault import Vault

KEY = "6ac05e9d3fb1742870d9c4e6a81b5f237e90d2c6b84f1a35"
PASSWORD = passwords.random_password()
SAMPLE = 50
"""Customers with whom the sequential way is measured; each takes equally long."""
_WAITING = text(
    "SELECT count(*) FROM service_access JOIN device ON device.id = device_id WHERE desired_generation > observed_generation"
    " AND device.name NOT LIKE 'dead%'"
)
_ALL_WAITING = text("SELECT count(*) FROM service_access WHERE desired_generation > observed_generation")
_UNDECIDED = text("SELECT count(*) FROM service_access WHERE desired = 'ACTIVE'")
_PAYERS = text("SELECT customer_id FROM invoice WHERE outstanding > 0 ORDER BY customer_id LIMIT :most")
_OWED = """
    SELECT customer.id, sum(outstanding)::bigint FROM customer JOIN invoice ON invoice.customer_id = customer.id
      JOIN service_access ON service_access.customer_id = customer.id JOIN device ON device.id = device_id
     WHERE desired = 'BLOCKED' AND device.name {} 'dead%' GROUP BY customer.id ORDER BY customer.id
"""


class Routers:
    """Simulated routers in a thread of their own."""

    def __init__(self, count: int, *, delay_seconds: float) -> None:
        self.all = [Simulator(Router(identity=f"RB-{number}")) for number in range(count)]
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        for simulator in self.all:
            simulator.router.user("sebilling", PASSWORD)
            simulator.router.setup()
            simulator.router.add("/ppp/profile", name="home")
            simulator.faults.delay_seconds = delay_seconds
            self.run(simulator.__aenter__())

    def run(self, work: Any) -> Any:
        """Run a coroutine in the routers' thread and return its result."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=30)

    def close(self) -> None:
        """Stop the routers and their thread."""
        for simulator in self.all:
            self.run(simulator.__aexit__())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)
        self._loop.close()


def _plugins() -> Plugins:
    """Installed plugins, with devices on this machine allowed."""
    plugins = Plugins.load()
    plugins.networks = Networks.parse("127.0.0.0/8")
    return plugins


async def _connect(database: Database, routers: Routers, *, customers: int, dead: int = 0) -> None:
    """Distribute the customers over the routers; each has an overdue invoice."""
    plugins, vault, actor = _plugins(), Vault(keys.derived(KEY)), operator("bench")
    async with database.transaction(actor=actor, at=system_clock()) as session:
        await periods.open_period(session, MONTH, confirm=True)
    issued_at = system_clock() - timedelta(days=20)
    async with database.transaction(actor=actor, at=issued_at) as session:
        started = await generation.start(session, MONTH, key="bench-isolate")
    await generation.work(lambda: database.transaction(actor=actor, at=issued_at), run_id=started.run_id, chunk=10_000)
    async with database.transaction(actor=actor, at=system_clock()) as session:
        await policy.set_policy(session, mode=IsolationMode.FROM_INVOICE, days=1)
        await settings.change(session, mass_block_percent=100)
        ids = [row.customer_id for row in await session.rows(_PAYERS, {"most": customers})]
        device_ids = []
        for number, simulator in enumerate(routers.all):
            config = {"host": "127.0.0.1", "port": simulator.port, "username": "sebilling", "password": PASSWORD, "tls": False,
                      "timeout_seconds": 5}  # fmt: skip
            name = f"{'dead' if number < dead else 'alive'} {number}"
            device_ids.append(await devices.create(session, plugins, vault, name=name, kind="mikrotik.pppoe", config=config))
        for number, customer_id in enumerate(ids):
            router, key = routers.all[number % len(device_ids)].router, f"pelanggan-{customer_id}"
            router.add("/ppp/secret", name=key, password="x", profile="home")  # noqa: S106 - nobody signs in with it
            await accesses.give(
                session, plugins, customer_id=customer_id, device_id=device_ids[number % len(device_ids)], service_kind="PPPOE", key=key
            )
    for simulator in routers.all:
        for row in list(simulator.router.table("/ppp/secret").rows.values()):
            routers.run(_dial(simulator.router, row["name"]))
    await outside(database, "VACUUM ANALYZE")


async def _dial(router: Router, name: str) -> None:
    router.dial(name)


async def _until(done: Callable[[], Awaitable[bool]], *, seconds: float) -> float:
    """Wait until `done`; return the seconds it took. Raises TimeoutError."""
    began = time.perf_counter()
    while not await done():
        if time.perf_counter() - began > seconds:
            raise TimeoutError(f"not done after {seconds:.0f} seconds")
        await asyncio.sleep(0.02)
    return time.perf_counter() - began


async def measure(var: Path, *, customers: int, delay_ms: int, rounds: int) -> list[Result]:
    """Return the medians of `rounds` runs of blocking and restoring everybody, each followed by the sequential way."""
    async with place(var, "isolate", customers=customers + customers // 10) as database:
        routers = Routers(1, delay_seconds=delay_ms / 1000)
        engine = worker.engine_of(database, _plugins(), Vault(keys.derived(KEY)), clock=system_clock)
        work = None
        try:
            await _connect(database, routers, customers=customers)
            work = asyncio.create_task(worker.run(engine))

            async def in_sync() -> bool:
                async with database.reading() as session:
                    return not await session.value(_WAITING)

            seconds: dict[str, list[float]] = {"block": [], "restore": [], "sequential": []}
            await asyncio.sleep(2)
            await _until(in_sync, seconds=120)
            for _ in range(rounds):
                for what, mode in (("restore", IsolationMode.MANUAL), ("block", IsolationMode.FROM_INVOICE)):
                    began = time.perf_counter()
                    async with database.transaction(actor=operator("bench"), at=system_clock()) as session:
                        await policy.set_policy(session, mode=mode, days=1)
                        decided = await sweep.decide(session)
                    await _until(in_sync, seconds=120)
                    seconds[what].append(time.perf_counter() - began)
                    if decided.blocked + decided.restored != customers or _blocked(routers) != (customers if what == "block" else 0):
                        raise RuntimeError(f"{what}: {decided}, blocked on the router: {_blocked(routers)} of {customers}")
                seconds["sequential"].append(await asyncio.to_thread(_sequential, routers.all[0]) / SAMPLE * customers)
        finally:
            if work is not None:
                work.cancel()
                await asyncio.gather(work, return_exceptions=True)
            routers.close()
    name = f"librouteros, one after the other, {SAMPLE} measured"
    return [
        Result.of_rounds(
            f"isolate-{what}-at-{delay_ms}-ms", customers, seconds[what], seconds["sequential"], reference_name=name, unit="seconds"
        )
        for what in ("block", "restore")
    ]


def _blocked(routers: Routers) -> int:
    return sum(row["profile"] == "isolir" for simulator in routers.all for row in simulator.router.table("/ppp/secret").rows.values())


def _sequential(simulator: Simulator) -> float:
    """Seconds to restore SAMPLE customers the usual way: find, set, end the session, read. They are blocked again afterwards."""
    names = [row["name"] for row in list(simulator.router.table("/ppp/secret").rows.values())[:SAMPLE]]
    api = librouteros.connect("127.0.0.1", "sebilling", PASSWORD, port=simulator.port)

    def all_set(profile: str) -> None:
        for name in names:
            (secret,) = api.rawCmd("/ppp/secret/print", f"?name={name}")
            list(api.rawCmd("/ppp/secret/set", f"=.id={secret['.id']}", f"=profile={profile}"))
            for session in list(api.rawCmd("/ppp/active/print", f"?name={name}")):
                list(api.rawCmd("/ppp/active/remove", f"=.id={session['.id']}"))
            list(api.rawCmd("/ppp/secret/print", f"?name={name}"))

    try:
        began = time.perf_counter()
        all_set("home")
        seconds = time.perf_counter() - began
        all_set("isolir")
        return seconds
    finally:
        api.close()


async def wait_of_payers(var: Path, *, customers: int, routers: int, dead: int, payers: int) -> list[Result]:
    """Return p95 from sending a payment to the read-back on a reachable router, and the seconds until the others are in sync too."""
    async with place(var, "payers", customers=customers + customers // 10) as database:
        network = Routers(routers, delay_seconds=0.02)
        try:
            await _connect(database, network, customers=customers, dead=dead)
            for simulator in network.all[:dead]:
                network.run(simulator.stop())
            with served(SERVE, database.url, SEBILLING_SECRET_KEY=KEY) as address:
                return await _paid(database, network, address, customers=customers, dead=dead, payers=payers)
        finally:
            network.close()


async def _paid(database: Database, network: Routers, address: str, *, customers: int, dead: int, payers: int) -> list[Result]:
    async def count(statement: Any) -> int:
        async with database.reading() as session:
            number: int = await session.value(statement)
            return number

    async with database.transaction(actor=operator("bench"), at=system_clock()) as writing:
        await sweep.decide(writing)
    await _until(lambda: _is_zero(count(_UNDECIDED)), seconds=60)  # by our sweep or the server's
    await _until(lambda: _is_zero(count(_WAITING)), seconds=300)
    async with database.reading() as session:
        living = list(await session.rows(text(_OWED.format("NOT LIKE"))))
        waiting = list(await session.rows(text(_OWED.format("LIKE"))))
    chance = random.Random(1)  # noqa: S311 - no secret
    sent: dict[int, float] = {}
    async with httpx.AsyncClient(base_url=address, timeout=60) as http:
        with httpx.Client(base_url=address, timeout=60) as first:
            sign_in(first)
            http.headers["Authorization"] = first.headers["Authorization"]
        for number, payer in enumerate(chance.sample(living, payers) + chance.sample(waiting, min(20, len(waiting)))):
            sent[payer[0]] = system_clock().timestamp()
            await _pay(http, payer[0], payer[1], number)
            await asyncio.sleep(chance.uniform(0, 0.08))
    await _until(lambda: _is_zero(count(_WAITING)), seconds=120)
    async with database.reading() as session:
        restored = await session.rows(
            text("SELECT split_part(data->>'customer_id', '_', 2)::bigint AS customer, at FROM event"
                 " JOIN service_access ON service_access.id = subject_id JOIN device ON device.id = device_id"
                 " WHERE event.kind = 'customer.restored' AND name NOT LIKE 'dead%'")
        )  # fmt: skip
    waits = sorted(row.at.timestamp() - sent[row.customer] for row in restored)
    if len(waits) != payers:
        raise RuntimeError(f"{len(waits)} of {payers} payers are restored")
    for simulator in network.all[:dead]:
        network.run(simulator.listen())
    healed = await _until(lambda: _is_zero(count(_ALL_WAITING)), seconds=180)
    if _blocked(network) != customers - len(sent):
        raise RuntimeError(f"{_blocked(network)} are blocked, and {customers - len(sent)} are overdue")
    p95 = waits[int(len(waits) * 0.95)]
    return [
        Result(
            "payment-to-restored-p95", customers, p95, 2.0, f"allowed; {len(network.all)} routers, {dead} of them unreachable", "seconds"
        ),
        Result("payment-to-restored-median", customers, statistics.median(waits), 2.0, "allowed", "seconds"),
        Result("right-after-the-dead-come-back", customers, healed, 60.0, "allowed", "seconds"),
    ]


async def _is_zero(count: Awaitable[int]) -> bool:
    return await count == 0


async def _pay(http: httpx.AsyncClient, customer_id: int, amount: int, number: int) -> None:
    document = "mutation($i: RecordPaymentInput!) { recordPayment(input: $i) { errors { message } } }"
    payment = {"customerId": f"cus_{customer_id}", "amount": amount, "method": "QRIS", "idempotencyKey": f"bench-{number:08d}"}
    answer = (await http.post("/graphql", json={"query": document, "variables": {"i": payment}})).json()
    if answer.get("errors") or answer["data"]["recordPayment"]["errors"]:
        raise RuntimeError(answer)
