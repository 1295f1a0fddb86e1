"""Server-sent events, by curl."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from tests.live.conftest import Site
from tests.live.watching import watching

DOCUMENT = "subscription { paymentRecorded { eventId payment { amount } } }"
needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl isn't there")


class Curl:
    """A curl that shows events as they come."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def event(self, *, within: float = 20) -> dict[str, str]:
        """The next event's fields; comments are passed over."""
        fields: dict[str, str] = {}
        assert self._process.stdout is not None
        async with asyncio.timeout(within):
            while line := (await self._process.stdout.readline()).decode():
                name, mark, value = line.rstrip("\n").partition(":")
                if name and mark:
                    fields[name] = value.strip()
                elif fields and not line.strip():
                    return fields
        return fields


@asynccontextmanager
async def curl(address: str, token: str, *arguments: str) -> AsyncIterator[Curl]:
    """curl -N with an Accept for event streams."""
    process = await asyncio.create_subprocess_exec(
        "curl", "-sN", "-H", "Accept: text/event-stream", "-H", f"Authorization: Bearer {token}", *arguments, f"{address}/graphql",
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        yield Curl(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        process._transport.close()  # type: ignore[attr-defined]


def posted(document: str) -> list[str]:
    return ["-H", "Content-Type: application/json", "--data", json.dumps({"query": document})]


def payload(event: dict[str, str]) -> Any:
    assert event["event"] == "next"
    return json.loads(event["data"])


@needs_curl
async def test_curl_sees_a_payment_and_goes_on_where_it_was(site: Site) -> None:
    customer = await site.isp.customer()
    async with curl(site.b.address, site.admin, *posted(DOCUMENT)) as stream:
        await asyncio.sleep(1.5)
        await site.isp.pay(customer, 1_000)
        event = await stream.event()
        assert payload(event)["data"]["paymentRecorded"]["payment"] == {"amount": 1_000}
    await site.isp.pay(customer, 2_000)
    get = ["-G", "--data-urlencode", f"query={DOCUMENT}", "-H", f"Last-Event-ID: {event['id']}"]
    async with curl(site.a.address, site.admin, *get) as stream:
        assert payload(await stream.event())["data"]["paymentRecorded"]["payment"] == {"amount": 2_000}
        await site.isp.pay(customer, 3_000)
        assert payload(await stream.event())["data"]["paymentRecorded"]["payment"] == {"amount": 3_000}


@needs_curl
async def test_what_can_not_be_is_told_and_complete(site: Site) -> None:
    for document, code in (("subscription { nothing }", "BAD_REQUEST"), ("{ me { username } }", "BAD_REQUEST")):
        async with curl(site.a.address, site.admin, *posted(document)) as stream:
            assert payload(await stream.event())["errors"][0]["extensions"]["code"] == code
            assert (await stream.event())["event"] == "complete"


AMBIGUOUS = f"{DOCUMENT.replace('{', 'A {', 1)} {DOCUMENT.replace('{', 'B {', 1)}"


@needs_curl
async def test_of_several_operations_none_is_chosen_for_a_stream_or_a_socket(site: Site) -> None:
    async with curl(site.a.address, site.admin, *posted(AMBIGUOUS)) as stream:
        assert payload(await stream.event())["errors"][0]["message"].startswith("Must provide operation name")
    async with watching(site.a.address, site.admin) as watcher:
        await watcher.subscribe(AMBIGUOUS)
        message = await watcher.message()
        assert message["type"] == "error"
        assert message["payload"][0]["message"].startswith("Must provide operation name")


async def test_a_client_that_takes_json_too_gets_a_stream_for_its_subscription_only(site: Site) -> None:
    headers = {"Accept": "application/json, text/event-stream", "Authorization": f"Bearer {site.admin}"}
    async with httpx.AsyncClient(base_url=site.a.address, headers=headers) as http:
        query = await http.post("/graphql", json={"query": f"{{ me {{ username }} }} # {DOCUMENT}"})
        assert query.json() == {"data": {"me": {"username": "admin"}}}
        both = {"query": f"query Q {{ me {{ username }} }} {DOCUMENT.replace('{', 'S {', 1)}"}
        assert (await http.post("/graphql", json={**both, "operationName": "Q"})).json() == query.json()
        for body in ({"query": DOCUMENT}, {**both, "operationName": "S"}):
            async with http.stream("POST", "/graphql", json=body) as answer:
                assert answer.headers["content-type"].startswith("text/event-stream")
        broken = await http.post("/graphql", json={"query": "subscription {"})
        assert broken.headers["content-type"] == "application/json"
        assert broken.json()["errors"][0]["extensions"]["code"] == "BAD_REQUEST"


async def test_bad_requests_are_answered_and_nothing_is_compressed(site: Site) -> None:
    accept = {"Accept": "text/event-stream"}
    async with httpx.AsyncClient(base_url=site.a.address) as http:
        assert (await http.post("/graphql", json={"query": DOCUMENT}, headers=accept)).status_code == 401
        headers = accept | {"Authorization": f"Bearer {site.admin}"}
        assert (await http.post("/graphql", content=b"{", headers=headers | {"Content-Type": "application/json"})).status_code == 400
        assert (await http.post("/graphql", json=[], headers=headers)).status_code == 400
        assert (await http.post("/graphql", data={"query": DOCUMENT}, headers=headers)).status_code == 415
        bad = headers | {"Last-Event-ID": "x"}
        assert (await http.post("/graphql", json={"query": DOCUMENT}, headers=bad)).status_code == 400
        async with http.stream("POST", "/graphql", json={"query": DOCUMENT}, headers=headers | {"Accept-Encoding": "gzip"}) as answer:
            assert answer.status_code == 200
            assert answer.headers["content-type"].startswith("text/event-stream")
            assert "content-encoding" not in answer.headers
        ordinary = await http.post("/graphql", json={"query": "{ me { username } }"}, headers=headers | {"Accept": "application/json"})
        assert ordinary.json() == {"data": {"me": {"username": "admin"}}}
