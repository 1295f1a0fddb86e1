"""Thousands of requests by chance to a server process: each is answered in the shape of GraphQL, nothing breaks, nothing swells.

`SEBILLING_TEST_FUZZ_DOCUMENTS=10000` for the whole campaign.
"""

import asyncio
import json
import os
import re
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx

from sebilling.actor import Role
from sebilling.db.engine import Database
from sebilling.schema.build import build_schema
from tests.fuzz.documents import Documents, Sent
from tests.harness import Isp, make_user
from tests.processes import HttpApi, ServerProcess, servers

COUNT = int(os.environ.get("SEBILLING_TEST_FUZZ_DOCUMENTS", "400"))
SEED = int(os.environ.get("SEBILLING_TEST_FUZZ_SEED", "20260203"))
AT_ONCE = 8
MAX_SECONDS = 30.0
"""For one answer, with seven others under way: a hang is noticed on however busy a machine."""
MAX_CPU_SECONDS = 0.15
"""Of the server, for one answer on average: what a busy machine doesn't change."""
MAX_GROWTH_KIB = 200 * 1024
UNMASKED = ("Traceback", "sqlalchemy", "asyncpg", "object at 0x", "/site-packages/")
ENDS_SIGN_INS = re.compile("signIn|signOut|Password|Totp|revoke|Token|refresh", re.IGNORECASE)
"""Root fields that would end the campaign's own sign-ins."""
STATUSES = {200, 400, 403, 404, 405, 413, 415, 429, 431}


def documents() -> Documents:
    schema: Any = build_schema()._schema
    names = {*schema.query_type.fields, *schema.mutation_type.fields}
    return Documents(schema, spared=frozenset(name for name in names if ENDS_SIGN_INS.search(name)))


def resident_kib(server: ServerProcess) -> int:
    """Memory of the process that is really there."""
    status = Path(f"/proc/{server.process.pid}/status").read_text(encoding="utf-8")
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")))


def cpu_seconds(server: ServerProcess) -> float:
    """What the process has used of the processor."""
    fields = Path(f"/proc/{server.process.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def wrong_with(sent: Sent, response: httpx.Response) -> str:
    """Why the answer is none that may be given; empty if it may."""
    if response.status_code not in STATUSES:
        return f"status {response.status_code}"
    try:
        answers = told(response)
    except ValueError:
        return "no JSON"
    return next((why for answer in answers if (why := wrong_shape(answer))), "")


def told(response: httpx.Response) -> list[Any]:
    """The answer, or the answers of an event stream. Raises ValueError."""
    if not response.headers["content-type"].startswith("text/event-stream"):
        return [response.json()]
    lines = [line.removeprefix("data:").strip() for line in response.text.splitlines() if line.startswith("data:")]
    return [json.loads(line) for line in lines if line]


def wrong_shape(answer: Any) -> str:
    """Why this is no answer of GraphQL; empty if it is."""
    if not isinstance(answer, dict) or not answer or set(answer) - {"data", "errors", "extensions"}:
        return "not the shape of an answer"
    if answer.get("data") is None and not answer.get("errors"):
        return "neither data nor errors"
    return next((why for error in answer.get("errors", []) if (why := wrong_in(error))), "")


def wrong_in(error: Any) -> str:
    """Why this is no error as clients may see it; empty if it is."""
    code, message = error["extensions"]["code"], error["message"]
    if not isinstance(code, str) or not isinstance(message, str) or not message:
        return "an error without its message or code"
    if code == "INTERNAL":
        return f"INTERNAL {error['extensions']['reference']}"
    return "an error that isn't masked" if any(mark in message for mark in UNMASKED) else ""


async def send(http: httpx.AsyncClient, sent: Sent, token: str) -> tuple[httpx.Response, float]:
    headers: dict[str, str] = {"content-type": "application/json", "accept": "application/json"} | sent.headers
    if sent.signed_in and "authorization" not in headers:
        headers["authorization"] = f"Bearer {token}"
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    began = time.perf_counter()
    response = await http.request(sent.method, "/graphql", content=sent.content, headers=raw)
    return response, time.perf_counter() - began


async def campaign(server: ServerProcess, tokens: list[str], numbers: range) -> tuple[list[str], Counter[str], tuple[float, int]]:
    """What was wrong, how many of each kind and outcome were sent, and the longest answer in seconds, with its seed."""
    makers, kinds, slowest = documents(), Counter[str](), (0.0, 0)
    found: list[str] = []
    waiting = iter(numbers)

    async with httpx.AsyncClient(base_url=server.address, timeout=60) as http:

        async def client() -> None:
            nonlocal slowest
            for number in waiting:
                sent = makers.make(SEED + number)
                response, seconds = await send(http, sent, tokens[number % len(tokens)])
                slowest = max(slowest, (seconds, SEED + number))
                kinds[sent.kind] += 1
                kinds[_outcome(response)] += 1
                if why := wrong_with(sent, response):
                    found.append(f"{why}: seed {SEED + number}, {sent.kind}: {sent.content[:600]!r} -> {response.text[:300]}")

        await asyncio.gather(*(client() for _ in range(AT_ONCE)))
    return found, kinds, slowest


def _outcome(response: httpx.Response) -> str:
    try:
        answer = told(response)[0]
        return f"= {answer['errors'][0]['extensions']['code'] if answer.get('errors') else 'data'}"
    except (ValueError, KeyError, TypeError, IndexError):
        return f"= {response.status_code}"


async def test_no_document_breaks_the_server(committed: Database) -> None:
    isp = await a_small_isp(committed)
    with servers(committed.url) as (server,):
        at_start, cpu_at_start = server.log, cpu_seconds(server)
        tokens = [await signed_in(server, username) for username in ("admin", "admin", "kasir")]
        warm = max(COUNT // 6, 100)
        found, kinds, slow_at_first = await campaign(server, tokens, range(warm))
        before = resident_kib(server)
        more, later_kinds, slowest = await campaign(server, tokens, range(warm, max(COUNT, warm)))
        grown, slowest, kinds = resident_kib(server) - before, max(slowest, slow_at_first), kinds + later_kinds
        cpu = (cpu_seconds(server) - cpu_at_start) / max(COUNT, warm)
        log = server.log[len(at_start) :]
        errors = "\n".join(line for line in log.splitlines() if '"request"' not in line)
        assert not found + more, "\n\n".join((found + more)[:10]) + "\n\n" + errors[-8_000:]
        assert "unexpected_error" not in log
        assert "Traceback" not in log, log[-4_000:]
        assert slowest[0] < MAX_SECONDS, slowest
        assert cpu < MAX_CPU_SECONDS, cpu
        assert grown < MAX_GROWTH_KIB
        assert server.process.poll() is None
        async with httpx.AsyncClient(base_url=server.address) as http:
            assert (await http.get("/healthz")).status_code == 200
            headers = {"Authorization": f"Bearer {await signed_in(server, 'admin')}"}
            answer = (await http.post("/graphql", json={"query": "{ me { username } }"}, headers=headers)).json()
            assert answer == {"data": {"me": {"username": "admin"}}}
    await isp.check()
    figures = f"slowest {slowest[0]:.2f} s (seed {slowest[1]}), {1_000 * cpu:.0f} ms of CPU each, {grown / 1024:.0f} MiB more"
    print(f"\n{COUNT} documents, {figures}: {json.dumps(kinds)}")  # noqa: T201 - the figures of the campaign
    assert kinds["= data"] > COUNT / 10, "enough of what is sent is answered"
    assert kinds["= LIMIT_EXCEEDED"] > 0
    assert kinds["= BAD_REQUEST"] > 0


async def a_small_isp(database: Database) -> Isp:
    """Two counters, ten customers with invoices, a clerk."""
    isp = await Isp.make(database, "LKT01", "LKT02")
    async with isp.write() as session:
        await make_user(session, "kasir", Role.CLERK, "LKT01")
    for number in range(10):
        await isp.customer(f"P{number}", counter=f"LKT0{number % 2 + 1}")
    await isp.open()
    await isp.generate()
    return isp


async def signed_in(server: ServerProcess, username: str) -> str:
    """A token."""
    api = HttpApi(server.address)
    try:
        return await api.sign_in(username)
    finally:
        await api.http.aclose()


async def test_the_same_request_is_made_from_the_same_seed() -> None:
    makers = documents()
    assert [makers.make(seed) for seed in range(50)] == [makers.make(seed) for seed in range(50)]
