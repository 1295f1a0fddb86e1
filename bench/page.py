"""Requests per second for a page of 50 invoices {customer {counter} payments}, against a bare endpoint with the same SQL result.

Each server is a process of its own under uvicorn; one client sends to each in turn over 32 open connections. The reference
(bench/bare.py) is Starlette, asyncpg and orjson, without GraphQL and users. It runs our own SQL statement, which writes the answer's
text, and passes the text through (the first row) or parses and writes it again (the second); in the third row it runs the statement of the
ordinary path, which returns rows, against our server on the ordinary path. The others are costs: of rights, the same page as a clerk of one
counter against an admin, who sees everything; of accounts, rights and limits, against a server without them (bench/unguarded.py).
"""

import asyncio
import statistics
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import TextClause, event, text

from bench.place import PASSWORD, USERNAME, issue, place
from bench.raw_http import answer, connection, get, once, post, token
from bench.result import Result
from bench.serving import SERVE, served
from bench.unguarded import ADMIN, parts
from sebilling.actor import Role, operator
from sebilling.auth import passwords, users
from sebilling.clock import system_clock
from sebilling.db.direct import positional
from sebilling.db.engine import Database
from sebilling.schema.build import build_schema
from sebilling.schema.context import Context

CUSTOMERS = 20_000
CONNECTIONS = 32
CLERK = "bench-clerk"
QUERY = """{ invoices(first: 50) { nodes { id number status total outstanding dueOn
  customer { id code name counter { id code name } } payments { id amount method receivedAt } } } }"""


async def measure(var: Path, *, seconds: int, rounds: int) -> list[Result]:
    """Return the medians of `rounds` interleaved runs of `seconds` each."""
    async with place(var, "page", customers=CUSTOMERS) as database:
        await issue(database)
        await _create_clerk(database)
        speeds: dict[str, list[float]] = {}
        with (
            served(SERVE, database.url) as address,
            served(SERVE, database.url, SEBILLING_ANSWERS_FROM_SQL="false") as ordinary,
            served(["-m", "bench.unguarded"], database.url) as unguarded,
        ):
            request = post(QUERY, await token(address, USERNAME))
            as_clerk = post(QUERY, await token(address, CLERK))
            expected = orjson.loads(await once(address, request))
            theirs = orjson.loads(await once(address, as_clerk))["data"]["invoices"]["nodes"]
            if len(theirs) != 50 or len({invoice["customer"]["counter"]["id"] for invoice in theirs}) != 1:
                raise RuntimeError("the clerk should see a page of one counter's invoices")
            if orjson.loads(await once(unguarded, post(QUERY))) != expected:
                raise RuntimeError("without rights the page should be the same")
            if orjson.loads(await once(ordinary, request)) != expected:
                raise RuntimeError("on the ordinary path the page should be the same")
            statements = [await _statement(database, answers_from_sql=shaped) for shaped in (True, False)]
            with served(["-m", "bench.bare"], database.url, BENCH_SHAPED=statements[0], BENCH_ROWS=statements[1]) as bare:
                if orjson.loads(await once(bare, get("/through"))) != expected:
                    raise RuntimeError("the reference reads something else")
                measured = {
                    "ours": (address, request), "ordinary": (ordinary, request), "without": (unguarded, request),
                    "clerk": (address, as_clerk), "through": (bare, get("/through")), "shaped": (bare, get("/shaped")),
                    "rows": (bare, get("/rows")),
                }  # fmt: skip
                for _ in range(rounds):
                    for name, (server, sent) in measured.items():
                        speeds.setdefault(name, []).append(await _requests_per_second(server, sent, seconds))
    medians = {name: statistics.median(values) for name, values in speeds.items()}
    rows = [
        ("page", "ours", "through", "Starlette + asyncpg, no GraphQL, our SQL, its text passed through"),
        ("page", "ours", "shaped", "Starlette + asyncpg + orjson, no GraphQL, our SQL, parsed and written"),
        ("page on the ordinary path", "ordinary", "rows", "Starlette + asyncpg + orjson, no GraphQL, its SQL"),
        ("page as a clerk", "clerk", "ours", "ours as an admin, who sees every counter"),
        ("page without accounts, rights and limits", "without", "ours", "ours, with all of them"),
    ]
    return [Result(name, 50, medians[ours], medians[reference], against, "requests/s") for name, ours, reference, against in rows]


async def _create_clerk(database: Database) -> None:
    """Create a clerk of the first counter."""
    hashed = await passwords.hashed(PASSWORD)
    async with database.reading() as session:
        code = await session.value(text("SELECT min(code) FROM counter"))
    async with database.transaction(actor=operator("bench"), at=system_clock()) as session:
        await users.create(session, username=CLERK, name=CLERK, role=Role.CLERK, password_hash=hashed, counters=[code])


async def _statement(database: Database, *, answers_from_sql: bool) -> str:
    """Return the SQL statement that our server executes for QUERY."""
    sent: list[str] = []
    event.listen(database.read_engine.sync_engine, "before_cursor_execute", lambda _c, _u, statement, *_: sent.append(statement))

    async def fetch(statement: TextClause, parameters: Mapping[str, object]) -> Sequence[Any]:
        sent.append(positional(statement)[0])
        return await Database.fetch(database, statement, parameters)

    database.fetch = fetch  # type: ignore[method-assign,assignment]  # of this object, which is the benchmark's
    served_by = parts(database, answers_from_sql=answers_from_sql)
    context = Context(parts=served_by, at=system_clock(), language="en", token=None, actor=ADMIN)
    result = await build_schema().execute(QUERY, context_value=context)
    if result.errors or len(sent) != 1:
        raise RuntimeError(f"expected one statement: {result.errors} {sent}")
    return sent[0]


async def _requests_per_second(address: str, request: bytes, seconds: int) -> float:
    until = time.perf_counter() + seconds
    done = 0

    async def client() -> None:
        nonlocal done
        reader, writer = await connection(address)
        while time.perf_counter() < until:
            await answer(reader, writer, request)
            done += 1
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(CONNECTIONS)))
    return done / (time.perf_counter() - began)
