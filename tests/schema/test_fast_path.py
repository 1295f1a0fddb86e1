"""A known document takes the fast path, and what is answered is what the ordinary path answers: data, refusals, headers."""

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio
from graphql import parse
from sqlalchemy import text
from strawberry.asgi import GraphQL

from sebilling.actor import Role, operator
from sebilling.db.engine import Database
from sebilling.edge import BodyLimits
from sebilling.logs import set_up
from sebilling.nouns import Noun
from sebilling.schema import invoices, payments
from sebilling.schema.build import build_schema
from sebilling.schema.request import fast_path
from sebilling.schema.request.document_cache import Cache, Kept
from sebilling.schema.request.endpoint import PREFLIGHT
from sebilling.schema.request.fast_path import FastPath
from tests.auth.people import add
from tests.harness import NOW, PASSWORD, Api, Isp

PAGE = """
query Page($first: Int! = 2, $after: String) {
  invoices(first: $first, after: $after) { nodes { number total } pageInfo { endCursor } }
}
"""
TWO = 'query A { customers { nodes { code } } b: customer(code: "B") { name } } query B { me { username } }'


class Pair:
    """A server that may take the fast path, and one that never does."""

    def __init__(self, database: Database, customer: str) -> None:
        self.customer = customer
        """Id of customer A."""
        self.fast, self.ordinary = Api(database), Api(database, answers_from_sql=False)

    async def sign_in(self, username: str = "admin") -> None:
        await self.fast.sign_in(username)
        self.ordinary.headers = self.fast.headers

    async def both(self, body: Any, **headers: str) -> httpx.Response:
        """What both answer, the first to the third request of it."""
        other = await _post(self.ordinary, body, headers)
        for _ in range(3):
            one = await _post(self.fast, body, headers)
            assert (one.status_code, one.content, one.headers) == (other.status_code, other.content, other.headers)
        return other


async def _post(api: Api, body: Any, headers: dict[str, str]) -> httpx.Response:
    return await api.http.post("/graphql", json=body, headers={**api.headers, **headers})


@pytest_asyncio.fixture
async def pair(database: Database) -> AsyncIterator[Pair]:
    isp = await Isp.make(database)
    first, *_ = [await isp.customer(code) for code in "ABC"]
    await isp.open()
    await isp.generate()
    await add(isp, "teknisi", Role.TECHNICIAN)
    await add(isp, "kasir", Role.CLERK, "LKT01")
    pair = Pair(database, Noun.CUSTOMER.id(first))
    await pair.sign_in()
    yield pair


@pytest.fixture
def ordinary(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The requests that took the ordinary path."""
    taken: list[str] = []
    run = GraphQL.run

    async def noted(self: Any, request: Any, *arguments: Any) -> Any:
        taken.append((await request.body()).decode())
        return await run(self, request, *arguments)

    monkeypatch.setattr(GraphQL, "run", noted)
    return taken


@pytest.mark.parametrize(
    "body",
    [
        {"query": PAGE},
        {"query": PAGE, "variables": {"first": 1}, "operationName": "Page"},
        {"query": PAGE, "variables": None, "operationName": None},
        {"query": TWO, "operationName": "A"},
        {"query": '{ customer(code: "nobody") { name } }'},
        {"query": "{ devices { name } isolationHolds { nodes { id } } }"},
        {"query": "query { ...F } fragment F on Query { plans { nodes { name price } } }"},
    ],
    ids=str,
)
async def test_what_is_known_takes_the_fast_path(pair: Pair, ordinary: list[str], body: Any) -> None:
    answer = await pair.both(body)
    assert "errors" not in answer.json()
    assert len(ordinary) == 2, "the other server's, and the first of this one"


async def test_the_fast_path_can_be_left_out(database: Database, pair: Pair, ordinary: list[str]) -> None:
    executed = Api(database, fast_path=False)
    executed.headers = pair.fast.headers
    body = {"query": PAGE, "variables": {"first": 2}}
    other = await pair.both(body)
    ordinary.clear()
    for _ in range(3):
        answer = await _post(executed, body, {})
        assert (answer.content, answer.headers) == (other.content, other.headers)
    assert len(ordinary) == 3


@pytest.mark.parametrize(
    ("username", "body"),
    [
        ("admin", {"query": PAGE, "variables": {"first": 0}}),
        ("admin", {"query": PAGE, "variables": {"first": 201}}),
        ("admin", {"query": PAGE, "variables": {"first": "x"}}),
        ("admin", {"query": PAGE, "variables": {"after": "x"}}),
        ("admin", {"query": PAGE, "variables": {"after": "a\0"}}),
        ("admin", {"query": PAGE, "variables": {"first": 1, "unknown": {"a": [[[[[[[[[[[[1]]]]]]]]]]]]}}}),
        ("admin", {"query": PAGE, "operationName": "Other"}),
        ("admin", {"query": PAGE, "operationName": 5}),
        ("admin", {"query": PAGE, "variables": [1]}),
        ("admin", {"query": PAGE, "variables": []}),
        ("admin", {"query": PAGE, "variables": ""}),
        ("admin", {"query": '{ invoice(id: "cus_1") { number } }'}),
        ("admin", {"query": "{ customers { nodes { nonsense } } }"}),
        ("admin", {"query": 7}),
        ("admin", [{"query": PAGE}]),
        ("teknisi", {"query": PAGE}),
        ("teknisi", {"query": "{ customers { nodes { code price } } }"}),
        ("kasir", {"query": "{ devices { name } }"}),
    ],
    ids=str,
)
async def test_a_refusal_is_that_of_the_ordinary_way(pair: Pair, username: str, body: Any) -> None:
    await pair.both({"query": PAGE})
    await pair.both({"query": TWO, "operationName": "A"})
    await pair.sign_in(username)
    answer = await pair.both(body)
    assert answer.status_code != 200 or "errors" in answer.json()


def test_names_that_a_stranger_invents_are_not_kept() -> None:
    schema = build_schema()
    cache, kept = Cache(), Kept(parse(TWO))
    cache.keep(TWO, kept)
    way = FastPath(schema, cache)
    assert way.request({"query": TWO, "operationName": "A"}) is not None
    assert way.request({"query": TWO, "operationName": "B"}) is not None
    for name in [None, "", *(f"Invented{number}" for number in range(5))]:
        assert way.request({"query": TWO, "operationName": name}) is None
    assert set(kept.fast) == {"A", "B"}


async def test_rights_are_those_of_each_caller_whoever_came_first(pair: Pair, ordinary: list[str]) -> None:
    body = {"query": "{ customers { nodes { code price } } }"}
    for username in ("admin", "teknisi", "kasir", "teknisi", "admin"):
        await pair.sign_in(username)
        answer = (await pair.both(body)).json()
        assert ("errors" in answer) is (username == "teknisi")
    took = len(ordinary)
    await pair.sign_in("admin")
    await pair.both(body)
    assert len(ordinary) == took + 1, "the other server's: what a technician may not see slows nobody else"


async def test_who_is_not_signed_in_any_more_is_told_so(pair: Pair) -> None:
    body = {"query": PAGE}
    await pair.both(body)
    for headers in ({}, {"Authorization": "Bearer sbt_nobody"}, {"Authorization": "Basic x"}):
        pair.fast.headers, pair.ordinary.headers = headers, headers
        assert (await pair.both(body)).json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    await pair.sign_in()
    await pair.fast.do("mutation { signOut { errors { code } } }")
    assert (await pair.both(body)).json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_media_types_languages_and_other_sites_are_as_ever(pair: Pair) -> None:
    body = {"query": PAGE}
    await pair.both(body)
    for headers in (
        {"Accept": "application/graphql-response+json"}, {"Accept": "text/event-stream"}, {"Accept-Language": "id"},
        {"Origin": "https://elsewhere.example"}, {"Accept-Encoding": "gzip"}, {"Content-Type": "application/json; charset=utf-8"},
        {"Content-Type": "text/plain"},
    ):  # fmt: skip
        await pair.both(body, **headers)
    await pair.both({**body, "variables": {"first": 0}}, **{"Accept-Language": "id"})
    await pair.both({**body, "extensions": {}})
    for raw in (b"", b"{", b'{"query": "{ me { username } }", "variables": {"a": NaN}}', "é".encode("latin-1")):
        one, other = [
            await api.http.post("/graphql", content=raw, headers={**api.headers, "Content-Type": "application/json"})
            for api in (pair.fast, pair.ordinary)
        ]
        assert (one.status_code, one.content, one.headers) == (other.status_code, other.content, other.headers)


@pytest.mark.parametrize(
    ("headers", "is_early"),
    [
        ({}, True),
        ({"Accept": "application/json", "User-Agent": "kolektor/1.4", "traceparent": "00-1-2-01", "Accept-Language": "id"}, True),
        ({"Accept-Encoding": "gzip"}, True),
        ({"Accept": "application/json;q=0.5"}, False),
        ({"Cookie": "sebilling=sbt_x"}, False),
        ({"Origin": "http://test"}, False),
        ({"GraphQL-Require-Preflight": "1"}, False),
        ({"X-Forwarded-For": "10.9.9.9"}, False),
        ({"X-Unknown": "1"}, False),
        ({"Expect": "100-continue"}, False),
        ({"Host": "elsewhere.example"}, False),
    ],
    ids=str,
)
async def test_only_what_concerns_nobody_in_between_is_answered_early(
    pair: Pair, monkeypatch: pytest.MonkeyPatch, headers: dict[str, str], *, is_early: bool
) -> None:
    await pair.both({"query": PAGE})
    late: list[str] = []
    call = BodyLimits.__call__

    async def noted(self: Any, scope: Any, *arguments: Any) -> None:
        late.append(scope["path"])
        await call(self, scope, *arguments)

    monkeypatch.setattr(BodyLimits, "__call__", noted)
    await pair.both({"query": PAGE}, **headers)
    of_the_other = 0 if headers.get("Host") else 1
    assert len(late) == of_the_other + (0 if is_early or headers.get("Host") else 3)


async def test_a_large_page_is_compressed_for_whom_accepts_it(pair: Pair, database: Database) -> None:
    async with database.transaction(actor=operator("test"), at=NOW) as session:
        await session.execute(text("UPDATE customer SET address = repeat('Jalan ', 1000)"))
    for headers in ({"Accept-Encoding": "gzip"}, {"Accept-Encoding": "identity"}, {"Accept-Encoding": ""}):
        answer = await pair.both({"query": "{ customers { nodes { code address } } }"}, **headers)
        assert answer.headers.get("content-encoding") == ("gzip" if headers["Accept-Encoding"] == "gzip" else None)
        assert len(answer.content) > 8_192


async def test_a_request_that_is_answered_early_has_its_line_in_the_log(pair: Pair, capsys: pytest.CaptureFixture[str]) -> None:
    await pair.both({"query": PAGE})
    handlers, level = logging.root.handlers, logging.root.level
    try:
        set_up(level="INFO", style="json")
        capsys.readouterr()
        await _post(pair.fast, {"query": PAGE}, {})
        await asyncio.sleep(0.01)
    finally:
        logging.root.handlers, logging.root.level = handlers, level
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    (line,) = [line for line in lines if line["event"] == "request"]
    assert {name: line[name] for name in ("event", "operation", "user", "status", "path")} == {
        "event": "request", "operation": "Page", "user": "admin", "status": 200, "path": "/graphql",
    }  # fmt: skip


async def test_an_unexpected_error_is_that_of_the_ordinary_path(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    await pair.both({"query": PAGE})

    async def broken(*_: Any, **__: Any) -> None:
        raise ValueError("a secret of the inside")

    monkeypatch.setattr(invoices, "page", broken)
    for api in (pair.fast, pair.ordinary):
        answer = await _post(api, {"query": PAGE}, {})
        (error,) = answer.json()["errors"]
        assert (answer.status_code, answer.json()["data"]) == (200, {"invoices": None})
        assert (error["path"], error["extensions"]["code"]) == (["invoices"], "INTERNAL")
        assert "secret" not in answer.text


async def test_a_payment_is_recorded_once_and_answered_alike(pair: Pair, database: Database, ordinary: list[str]) -> None:
    await _post(pair.ordinary, _paying(pair, "key-00001"), {})
    await pair.both(_paying(pair, "key-00001"))
    answers = [(await _post(pair.fast, _paying(pair, "key-00002"), {})).json()["data"]["recordPayment"] for _ in range(3)]
    assert [answer["replayed"] for answer in answers] == [False, True, True]
    assert answers[0]["payment"] == answers[1]["payment"]
    assert answers[0]["payment"]["allocations"] == [{"amount": 1_000}]
    assert len(ordinary) == 3, "the other server's, and the first of this one"
    async with database.reading() as session:
        assert await session.value(text("SELECT count(*) FROM payment")) == 2


@pytest.mark.parametrize("language", ["en", "id"])
@pytest.mark.parametrize(
    ("username", "change"),
    [
        ("admin", {"amount": 0}),
        ("admin", {"amount": 2_000}),
        ("admin", {"customerId": "cus_999999"}),
        ("admin", {"customerId": "inv_1"}),
        ("admin", {"counterId": "ctr_999999"}),
        ("admin", {"invoiceIds": ["inv_999999"]}),
        ("admin", {"method": "OPENING"}),
        ("admin", {"collectedAt": "2020-01-01T00:00:00Z"}),
        pytest.param("admin", {"note": "x" * 501}, id="note"),
        ("admin", {"amount": "many"}),
        ("admin", {"unknown": 1}),
        ("teknisi", {}),
        (None, {}),
    ],
    ids=str,
)
async def test_a_refused_payment_is_refused_alike(pair: Pair, database: Database, username: str | None, change: Any, language: str) -> None:
    await _post(pair.ordinary, _paying(pair, "key-00001"), {})
    await pair.both(_paying(pair, "key-00001"))
    if username is None:
        pair.fast.headers = pair.ordinary.headers = {}
    else:
        await pair.sign_in(username)
    answer = await pair.both(_paying(pair, "key-00001" if "amount" in change else "key-00002", **change), **{"Accept-Language": language})
    assert answer.json().get("errors") or answer.json()["data"]["recordPayment"]["errors"]
    async with database.reading() as session:
        assert await session.value(text("SELECT count(*) FROM payment")) == 1


async def test_a_mutation_is_never_done_again_to_tell_what_happened(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    await _post(pair.ordinary, _paying(pair, "key-00001"), {})
    await pair.both(_paying(pair, "key-00001"))
    done = 0

    async def broken(*_: Any, **__: Any) -> None:
        nonlocal done
        done += 1
        raise ValueError("a secret of the inside")

    monkeypatch.setattr("sebilling.billing.payments.record", broken)
    told = [await _post(api, _paying(pair, "key-00002"), {}) for api in (pair.fast, pair.ordinary)]
    assert done == 2
    assert [_without_references(answer.text) for answer in told] == [_without_references(told[0].text)] * 2
    assert "INTERNAL" in told[0].text
    assert "secret" not in told[0].text


async def test_a_fault_of_the_fast_path_is_masked_and_does_nothing_twice(
    pair: Pair, monkeypatch: pytest.MonkeyPatch, database: Database
) -> None:
    await _post(pair.fast, _paying(pair, "key-00001"), {})

    async def nameless(*_: Any, **__: Any) -> Any:
        return {"id": None, "amount": 5, "allocations": []}

    async def broken(*_: Any) -> None:
        raise ValueError("a secret of the inside")

    monkeypatch.setattr(payments, "one", nameless)
    monkeypatch.setattr(FastPath, "_told", broken)
    for key, headers in (("key-00002", {}), ("key-00003", {"X-Unknown": "1"})):  # before the middleware, and behind it
        answer = await _post(pair.fast, _paying(pair, key), headers)
        (error,) = answer.json()["errors"]
        assert (answer.status_code, error["extensions"]["code"]) == (500, "INTERNAL")
        assert error["extensions"]["reference"] in error["message"]
        assert "secret" not in answer.text
        assert answer.headers["x-content-type-options"] == "nosniff"
    async with database.reading() as session:
        assert await session.value(text("SELECT count(*) FROM payment")) == 3


async def test_a_null_where_none_may_be_is_told_alike(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    await _post(pair.ordinary, _paying(pair, "key-00001"), {})
    await pair.both(_paying(pair, "key-00001"))

    async def nameless(*_: Any, **__: Any) -> Any:
        return {"id": None, "amount": 5, "allocations": [{"amount": 1}]}

    monkeypatch.setattr(payments, "one", nameless)
    told = [await _post(api, _paying(pair, "key-00001"), {}) for api in (pair.fast, pair.ordinary)]
    assert told[0].json()["errors"][0]["path"] == ["recordPayment", "payment", "id"]
    assert [_without_references(answer.text) for answer in told] == [_without_references(told[0].text)] * 2


def _paying(pair: Pair, key: str, **change: Any) -> dict[str, Any]:
    """recordPayment for customer A."""
    document = """mutation Pay($input: RecordPaymentInput!) {
        recordPayment(input: $input) { payment { id amount allocations { amount } } replayed errors { code message field } __typename } }"""
    return {"query": document, "variables": {"input": {"customerId": pair.customer, "amount": 1_000, "idempotencyKey": key, **change}}}


def _without_references(answer: str) -> str:
    return re.sub(r"[0-9a-f]{12}", "", answer)


async def test_a_sign_in_by_cookie_keeps_its_cookies(pair: Pair) -> None:
    document = "mutation In($i: SignInInput!) { signIn(input: $i) { token me { username } errors { code } } }"
    body = {"query": document, "variables": {"i": {"username": "kasir", "password": PASSWORD, "cookie": True}}}
    for api in (pair.fast, pair.ordinary):
        for _ in range(3):  # known from the second on, as somebody signed in sent it
            answer = await _post(api, body, {PREFLIGHT: "1"})
            assert answer.json()["data"]["signIn"] == {"token": None, "me": {"username": "kasir"}, "errors": []}
            assert sorted(one.partition("=")[0] for one in answer.headers.get_list("set-cookie")) == ["sebilling", "sebilling_device"]
    leave = {"query": "mutation { signOut { signedOut errors { code } } }"}
    for api in (pair.fast, pair.ordinary):
        await api.sign_in()
        for _ in range(2):
            answer = await _post(api, leave, {PREFLIGHT: "1"})
            assert answer.headers.get_list("set-cookie")[0].startswith("sebilling=")
            await api.sign_in()


async def test_two_mutations_in_a_document_take_the_ordinary_path(pair: Pair, ordinary: list[str]) -> None:
    one = 'addBlackoutDate(input: {day: "2026-03-01", reason: "libur"}) { errors { code } }'
    document = f"mutation {{ a: {one} b: {one} }}"
    for _ in range(3):
        await pair.fast.raw(document)
    assert len(ordinary) == 3


async def test_what_postgresql_did_not_write_is_tried_on_the_fast_path_once(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = 0
    read = fast_path._read

    async def counted(*arguments: Any) -> Any:
        nonlocal tried
        tried += 1
        return await read(*arguments)

    monkeypatch.setattr(fast_path, "_read", counted)
    document = "{ events(first: 1) { nodes { data } } }"
    answers = [await pair.fast.raw(document) for _ in range(5)]
    assert all(one == answers[0] for one in answers)
    assert tried == 1


async def test_the_use_of_a_token_is_recorded(pair: Pair, database: Database) -> None:
    await pair.both({"query": PAGE})
    pair.fast.now = NOW + timedelta(hours=2)
    await pair.fast.raw(PAGE)
    async with database.reading() as session:
        assert await session.value(text("SELECT max(used_at) FROM access_token")) == NOW + timedelta(hours=2)


async def test_a_query_that_takes_too_long_is_ended(committed: Database) -> None:
    await Isp.make(committed)
    api = Api(committed, document_seconds=1)
    await api.sign_in()
    document = "{ plans { nodes { name } } }"
    await api.ask(document)
    async with committed.write_engine.begin() as blocking:
        await blocking.execute(text("LOCK TABLE plan"))
        answer = await api.raw(document)
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["DEADLINE_EXCEEDED"]
    assert answer["data"] is None
    assert await api.ask(document) == {"nodes": [{"name": "Home 10M"}]}


async def test_too_many_at_once_are_refused(committed: Database) -> None:
    await Isp.make(committed)
    api = Api(committed, concurrent_requests=2)
    await api.sign_in()
    document = "{ plans { nodes { name } } }"
    await api.ask(document)
    async with committed.write_engine.begin() as blocking:
        await blocking.execute(text("LOCK TABLE plan"))
        waiting = [asyncio.create_task(_post(api, {"query": document}, {})) for _ in range(3)]
        refused, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        assert [task.result().status_code for task in refused] == [429]
    assert sorted(task.result().status_code for task in await _all(waiting)) == [200, 200, 429]


async def _all(tasks: list[asyncio.Task[httpx.Response]]) -> list[asyncio.Task[httpx.Response]]:
    await asyncio.gather(*tasks)
    return tasks


@pytest.mark.parametrize("name", [None, "Deep"])
async def test_a_known_document_costs_what_its_variables_say(pair: Pair, name: str | None) -> None:
    """Also if the request doesn't name the only operation."""
    inner = "nodes { openInvoices { payments { allocations { invoice { lines { kind } } } } } }"
    query = f"query Deep($first: Int) {{ customers(first: $first) {{ {inner} }} }}"
    await pair.both({"query": query, "operationName": name, "variables": {"first": 1}})
    refused = await pair.both({"query": query, "operationName": name, "variables": {"first": 200}})
    assert refused.json()["errors"][0]["extensions"]["code"] == "LIMIT_EXCEEDED"
