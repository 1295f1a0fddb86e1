"""What a sync of 5,000 customers weighs on the line; what is compressed and what isn't."""

import gzip
import json
import sys
from typing import Any

import httpx
import pytest
from starlette.responses import Response, StreamingResponse
from starlette.types import ASGIApp

from sebilling.billing.imports import load
from sebilling.billing.imports.rows import CustomerRow
from sebilling.clock import Month
from sebilling.compression import COMPRESSED_FROM_BYTES, Compressed
from sebilling.db.engine import Database
from sebilling.demo import isp as demo
from tests.harness import NOW, Isp
from tests.phone.test_sync import SYNC, numbered
from tests.processes import HttpApi, clients, servers

CUSTOMERS = 5_000
MAX_BYTES = 1_000_000


async def stocked(database: Database) -> Isp:
    """5,000 customers of one counter, as the demo invents them, with an invoice of each of two months."""
    isp = await Isp.make(database)
    async with isp.write() as session:
        rows = [CustomerRow(**{name: getattr(row, name) for name in row.__slots__} | {"counter": "LKT01", "counter_name": "Ciawi"})
                for row in demo.rows(count=CUSTOMERS, month=Month(2026, 2))]  # fmt: skip
        await load.write(session, await load.stage(session, rows, create_missing=True), file="demo")
    for month in (Month(2026, 1), Month(2026, 2)):
        await isp.open(month)
        await isp.generate(month, at=NOW)
    return isp


async def test_five_thousand_customers_weigh_at_most_a_megabyte(committed: Database) -> None:
    await stocked(committed)
    await numbered(committed)
    with servers(committed.url) as running:
        async with clients(running, 1) as (api,):
            await measure(api)


async def measure(api: HttpApi) -> None:
    http, headers = api.http, {"Authorization": f"Bearer {api.token}"}
    pages, sent, plain, invoices, cursor, found = 0, 0, 0, 0, None, []
    while True:
        asked = {"query": SYNC, "variables": {"since": cursor, "first": 500}}
        async with http.stream("POST", "/graphql", json=asked, headers=headers) as response:
            raw = b"".join([chunk async for chunk in response.aiter_raw()])
        pages += 1
        body = gzip.decompress(raw) if response.headers.get("Content-Encoding") == "gzip" else raw
        assert len(body) < COMPRESSED_FROM_BYTES or body is not raw
        sent += len(raw)
        plain += len(body)
        page = json.loads(body)["data"]["syncCustomers"]
        found += [one["code"] for one in page["customers"]]
        invoices += sum(len(one["openInvoices"]) for one in page["customers"])
        cursor = page["cursor"]
        if not page["more"]:
            break
    delta = await http.post("/graphql", json={"query": SYNC, "variables": {"since": cursor, "first": 500}}, headers=headers)
    assert delta.json()["data"]["syncCustomers"]["customers"] == []
    sys.stdout.write(
        f"\n{len(found)} customers, {invoices} open invoices: {plain:,} bytes, {sent:,} compressed, {pages} pages;"
        f" nothing new: {len(delta.content)} bytes\n"
    )
    assert len(set(found)) == len(found) > CUSTOMERS * 0.95
    assert invoices > len(found)
    assert sent <= MAX_BYTES


async def ask(app: ASGIApp, *, accept: str = "gzip") -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as http:
        return await http.get("/", headers={"Accept-Encoding": accept})


@pytest.mark.parametrize(
    ("size", "accept", "encoding"),
    [(COMPRESSED_FROM_BYTES, "gzip, br", "gzip"), (COMPRESSED_FROM_BYTES - 1, "gzip, br", None), (COMPRESSED_FROM_BYTES, "identity", None)],
)
async def test_only_large_answers_to_who_takes_gzip_are_compressed(size: int, accept: str, encoding: str | None) -> None:
    body = b"x" * size
    answer = await ask(Compressed(Response(body, media_type="application/json")), accept=accept)
    assert answer.headers.get("Content-Encoding") == encoding
    assert answer.content == body


@pytest.mark.parametrize("kind", ["text/event-stream", "multipart/mixed;boundary=graphql"])
async def test_a_stream_of_events_is_never_compressed(kind: str) -> None:
    async def parts() -> Any:
        for _ in range(3):
            yield b"x" * COMPRESSED_FROM_BYTES

    answer = await ask(Compressed(StreamingResponse(parts(), media_type=kind)))
    assert "Content-Encoding" not in answer.headers
