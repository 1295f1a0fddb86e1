"""Requests per second for pages of invoices {customer {counter} payments}, by rows and connections, against a bare endpoint with the same
SQL result and, with `--peers`, PostGraphile.

Each server is a process of its own; one client sends to each in turn over its open connections, after a second of warming up. The bare
endpoint (bench/bare.py) is Starlette, asyncpg and orjson, without GraphQL and users. It runs our own SQL statements, which write the
answer's text, and passes the text through (the first row) or parses and writes it again (the second); in the third row it runs the
statements of the ordinary path, which return rows, against our server on the ordinary path. Others are costs: of rights, the same page as
a clerk of one counter against an admin, who sees everything; of accounts, rights and limits, against a server without them
(bench/unguarded.py).

Our pages have at most 200 rows, so more are asked for as root fields of one document, each from the cursor at which the last ends, and the
bare endpoint runs their statements one after the other. PostGraphile has no such bound: it gets one field for all rows, which is the
cheaper document for it. That every answer has the same invoices with the same values is checked before anything is measured.
"""

import asyncio
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import text

from bench import page_documents, peers
from bench.page_documents import document, invoices, statements
from bench.place import PASSWORD, USERNAME, issue, place
from bench.raw_http import answer, connection, get, once, post, token
from bench.result import Result
from bench.serving import SERVE, served
from sebilling.actor import Role, operator
from sebilling.auth import passwords, users
from sebilling.clock import system_clock
from sebilling.db.engine import Database

CUSTOMERS = 20_000
CLERK = "bench-clerk"
WARM_UP_SECONDS = 1
_ROWS = (
    ("page", "ours", "through", "Starlette + asyncpg, no GraphQL, our SQL, its text passed through"),
    ("page", "ours", "shaped", "Starlette + asyncpg + orjson, no GraphQL, our SQL, parsed and written"),
    ("page", "ours", "postgraphile", peers.NAME),
    ("page without the fast path", "executed", "shaped", "Starlette + asyncpg + orjson, no GraphQL, our SQL, parsed and written"),
    ("page without the fast path", "executed", "postgraphile", peers.NAME),
    ("page on the ordinary path", "ordinary", "rows", "Starlette + asyncpg + orjson, no GraphQL, its SQL"),
    ("page on the ordinary path", "ordinary", "postgraphile", peers.NAME),
    ("page as a clerk", "clerk", "ours", "ours as an admin, who sees every counter"),
    ("page without accounts, rights and limits", "without", "ours", "ours, with all of them"),
)
"""Name of a result, which server is ours, which is the reference, and the reference's name."""


@dataclass(frozen=True)
class Servers:
    """Addresses of the servers, and the tokens of our two users."""

    ours: str
    executed: str
    """Without the fast path: Strawberry and graphql-core execute each request, and PostgreSQL still writes the answer."""
    ordinary: str
    without: str
    postgraphile: str | None
    admin: str
    clerk: str


@dataclass(frozen=True)
class Load:
    """What one server is sent."""

    address: str
    request: bytes


async def measure(
    var: Path, *, seconds: int, rounds: int, rows: Sequence[int], connections: Sequence[int], with_peers: bool = False
) -> list[Result]:
    """Return the medians of `rounds` interleaved runs of `seconds` each, for every number of rows and of connections."""
    with_peers = with_peers and _peers_are_installed()
    async with place(var, "page", customers=CUSTOMERS) as database:
        await issue(database)
        await _create_clerk(database)
        with ExitStack() as stack:
            ours = stack.enter_context(served(SERVE, database.url))
            executed = stack.enter_context(served(SERVE, database.url, SEBILLING_FAST_PATH="false"))
            ordinary = stack.enter_context(served(SERVE, database.url, SEBILLING_ANSWERS_FROM_SQL="false"))
            without = stack.enter_context(served(["-m", "bench.unguarded"], database.url))
            if with_peers:
                await peers.add_fields(database)
            theirs = stack.enter_context(peers.postgraphile(database)) if with_peers else None
            servers = Servers(ours, executed, ordinary, without, theirs, await token(ours, USERNAME), await token(ours, CLERK))
            pages = {str(count): await _statements(database, servers, count) for count in rows}
            encoded = orjson.dumps({f"{count}{kind}": sent for count, page in pages.items() for kind, sent in page.items()}).decode()
            bare = stack.enter_context(served(["-m", "bench.bare"], database.url, BENCH_STATEMENTS=encoded))
            loads = {count: await _loads(servers, bare, count) for count in rows}
            return [
                result for count in rows for width in connections for result in await _results(loads[count], seconds, rounds, count, width)
            ]


def _peers_are_installed() -> bool:
    """Install PostGraphile; where that can't be done, say why, and measure without it."""
    try:
        peers.install()
    except peers.PeerUnavailable as error:
        print(f"PostGraphile is left out: {error}", file=sys.stderr)
        return False
    return True


async def _statements(database: Database, servers: Servers, rows: int) -> dict[str, list[page_documents.Statement]]:
    asked = await document(servers.ours, servers.admin, rows)
    return {kind: await statements(database, asked, answers_from_sql=kind == "shaped") for kind in ("shaped", "rows")}


async def _loads(servers: Servers, bare: str, rows: int) -> dict[str, Load]:
    """Return each server's request. Raises RuntimeError if an answer doesn't have the same invoices."""
    asked = await document(servers.ours, servers.admin, rows)
    request = post(asked, servers.admin)
    loads = {
        "ours": Load(servers.ours, request),
        "executed": Load(servers.executed, request),
        "ordinary": Load(servers.ordinary, request),
        "without": Load(servers.without, post(asked)),
        "through": Load(bare, get(f"/through/{rows}shaped")),
        "shaped": Load(bare, get(f"/parsed/{rows}shaped")),
    }
    expected = await once(servers.ours, request)
    if len(invoices(expected)) != rows:
        raise RuntimeError(f"{len(invoices(expected))} invoices instead of {rows}")
    for name, load in loads.items():
        if orjson.loads(await once(load.address, load.request)) != orjson.loads(expected):
            raise RuntimeError(f"{name} should answer the same")
    loads["rows"] = Load(bare, get(f"/parsed/{rows}rows"))
    loads["clerk"] = Load(servers.ours, post(await document(servers.ours, servers.clerk, rows), servers.clerk))
    seen = invoices(await once(servers.ours, loads["clerk"].request))
    if len(seen) != rows or len({invoice["customer"]["counter"]["id"] for invoice in seen}) != 1:
        raise RuntimeError("the clerk should see a page of one counter's invoices")
    if abs(_payments(seen) - _payments(invoices(expected))) > rows // 10:
        raise RuntimeError("the clerk's page should have as many payments as the admin's")
    if servers.postgraphile is not None:
        loads["postgraphile"] = Load(servers.postgraphile, post(peers.document(rows)))
        theirs = invoices(await once(servers.postgraphile, loads["postgraphile"].request))
        for mine, other in zip(map(peers.comparable, invoices(expected)), map(peers.comparable, theirs), strict=True):
            if mine != other:
                raise RuntimeError(f"PostGraphile should answer the same: {mine}, not {other}")
    return loads


def _payments(shown: list[dict[str, Any]]) -> int:
    """Return the number of payments of these invoices."""
    return sum(len(invoice["payments"]) for invoice in shown)


async def _results(loads: dict[str, Load], seconds: int, rounds: int, rows: int, connections: int) -> list[Result]:
    speeds: dict[str, list[float]] = {name: [] for name in loads}
    for load in loads.values():
        await requests_per_second(load, WARM_UP_SECONDS, connections)
    for _ in range(rounds):
        for name, load in loads.items():
            speeds[name].append(await requests_per_second(load, seconds, connections))
    return [
        Result.of_rounds(benchmark, rows, speeds[ours], speeds[reference], reference_name=name, unit="requests/s", connections=connections)
        for benchmark, ours, reference, name in _ROWS
        if reference in speeds
    ]


async def _create_clerk(database: Database) -> None:
    """Create a clerk of the first counter."""
    hashed = await passwords.hashed(PASSWORD)
    async with database.reading() as session:
        code = await session.value(text("SELECT min(code) FROM counter"))
    async with database.transaction(actor=operator("bench"), at=system_clock()) as session:
        await users.create(session, username=CLERK, name=CLERK, role=Role.CLERK, password_hash=hashed, counters=[code])


async def requests_per_second(load: Load, seconds: float, connections: int) -> float:
    """Send requests over this many connections at once, each one after the other's answer."""
    until = time.perf_counter() + seconds
    done = 0

    async def client() -> None:
        nonlocal done
        reader, writer = await connection(load.address)
        while time.perf_counter() < until:
            await answer(reader, writer, load.request)
            done += 1
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(connections)))
    return done / (time.perf_counter() - began)
