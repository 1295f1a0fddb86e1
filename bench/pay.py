"""recordPayment over HTTP against pgbench, which executes the same function of the database on as many connections.

Both pay random customers of the same database in turns, so that the rows, the locks and the disk are the same. The answer names the
payment, its receipt and its counter, as a cashier's screen needs; pgbench reads nothing back.
"""

import asyncio
import os
import random
import re
import statistics
import subprocess
import tempfile
import time
import uuid
from pathlib import Path

import orjson
from sqlalchemy import make_url, text

from bench.place import USERNAME, issue, place
from bench.raw_http import answer, connection, post, token
from bench.result import Result
from bench.serving import SERVE, served
from bench.subscribe import watching
from sebilling.db.embedded import server_bin_dir
from sebilling.db.engine import Database

CUSTOMERS = 20_000
CONNECTIONS = 16
DOCUMENT = """mutation Pay($input: RecordPaymentInput!) { recordPayment(input: $input) {
  payment { id receiptNumber amount credit counter { code } } replayed errors { code message field } } }"""
_SCRIPT = r"""\set customer random(:first, :last)
SELECT * FROM record_payment(CAST(:user AS bigint), 'bench', gen_random_uuid()::text, '\x00'::bytea, CAST(:customer AS bigint), NULL, NULL,
                             1000, 'CASH', now(), now(), '', NULL);
"""


async def measure(var: Path, *, seconds: int, rounds: int, subscribers: int) -> list[Result]:
    """Return the medians of `rounds` interleaved runs of `seconds` each; with subscribers, what they cost the payments."""
    async with place(var, "pay", customers=CUSTOMERS) as database:
        await issue(database)
        settings = {"SEBILLING_LIVE_CONNECTIONS": str(subscribers + 1), "SEBILLING_LIVE_SUBSCRIPTIONS": str(subscribers + 1)}
        with served(SERVE, database.url, **settings) as address:
            bearer = await token(address, USERNAME)
            first = await _first_customer(database)
            await _payments(address, bearer, first, seconds=seconds)  # warm
            ours: list[float] = []
            theirs: list[float] = []
            waits: list[float] = []
            watched: list[float] = []
            for _ in range(rounds):
                theirs.append(await _pgbench(database, first, seconds=seconds))
                speed, waited = await _payments(address, bearer, first, seconds=seconds)
                ours.append(speed)
                waits += waited
                if subscribers:
                    with watching(address, [bearer] * subscribers):
                        watched.append((await _payments(address, bearer, first, seconds=seconds))[0])
    p50, p99 = (statistics.quantiles(waits, n=100)[at - 1] * 1000 for at in (50, 99))
    results = [
        Result.of_rounds("pay", CONNECTIONS, ours, theirs, reference_name="pgbench, the same function", unit="payments/s"),
        Result("pay: p99 of a payment", CONNECTIONS, p99, p50, "its median", "ms"),
    ]
    if subscribers:
        results.append(Result.of_rounds("pay: with subscribers", subscribers, watched, ours, reference_name="without", unit="payments/s"))
    return results


async def _first_customer(database: Database) -> int:
    async with database.reading() as session:
        return await session.only_value(text("SELECT min(id) FROM customer"), kind=int)


async def _pgbench(database: Database, first: int, *, seconds: int) -> float:
    """Payments per second of pgbench."""
    url = make_url(database.url)
    async with database.reading() as session:
        user = await session.only_value(text("SELECT id FROM app_user WHERE username = :name"), {"name": USERNAME}, kind=int)
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(_SCRIPT)
        script.flush()
        host = url.host or str(url.query.get("host", ""))
        variables = [f"--define={name}={value}" for name, value in (("user", user), ("first", first), ("last", first + CUSTOMERS - 1))]
        process = await asyncio.create_subprocess_exec(
            server_bin_dir() / "pgbench", "--no-vacuum", "--protocol=prepared", f"--client={CONNECTIONS}", "--jobs=2", f"--time={seconds}",
            f"--file={script.name}", f"--host={host}", f"--port={url.port or url.query.get('port', 5432)}",
            f"--username={url.username}", *variables, url.database or "",
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "PGPASSWORD": url.password or ""},
        )  # fmt: skip
        output, errors = await process.communicate()
    speed = re.search(rb"tps = ([0-9.]+)", output)
    if speed is None or process.returncode:
        raise RuntimeError((output + errors).decode())
    return float(speed[1])


async def _payments(address: str, bearer: str, first: int, *, seconds: int) -> tuple[float, list[float]]:
    """Payments per second, and the seconds that each took. Raises RuntimeError if one is refused."""
    until = time.perf_counter() + seconds
    waits: list[float] = []

    async def client() -> None:
        reader, writer = await connection(address)
        while (began := time.perf_counter()) < until:
            customer = f"cus_{first + random.randrange(CUSTOMERS)}"  # noqa: S311 - not a secret
            paid = {"customerId": customer, "amount": 1_000, "idempotencyKey": str(uuid.uuid4())}
            told = await answer(reader, writer, post(DOCUMENT, bearer, input=paid))
            if b'"errors":[]' not in told:
                raise RuntimeError(orjson.loads(told))
            waits.append(time.perf_counter() - began)
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(CONNECTIONS)))
    return len(waits) / (time.perf_counter() - began), waits
