"""How much one document may ask for, in what time, how many at once, and which documents: each refusal names its limit."""

import asyncio
import hashlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from graphql import get_introspection_query, parse
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from starlette.routing import Route

from sebilling.app import create_app
from sebilling.db.engine import Database
from sebilling.errors import LimitExceeded
from sebilling.operator_errors import InvalidSetting
from sebilling.schema.build import build_schema
from sebilling.schema.request import limits
from sebilling.schema.request.document_cache import parsed
from tests.harness import NOW, Api, Isp, quiet_settings
from tests.processes import HttpApi, servers

SCHEMA: Any = build_schema()._schema
INVOICES = "query($f: Int!) { invoices(first: $f) { nodes { id } } }"


def doubling(count: int, last: str) -> str:
    """Fragments each of which stands twice in the one before: 2^count times the last, in a short text."""
    return " ".join(f"fragment F{n} on Me {{ ...F{n + 1} ...F{n + 1} }}" for n in range(count)) + f" fragment F{count} on Me {{ {last} }}"


def nested(levels: int) -> str:
    below = "id"
    for _ in range(levels):
        below = f"openInvoices {{ customer {{ {below} }} }}"
    return f'{{ customer(code: "A") {{ {below} }} }}'


TOO_MUCH = [
    ("characters", "{ me { username } } #" + "x" * 20_000),
    ("tokens", "{ " + "a " * 2_001 + "}"),
    ("depth", nested(5)),
    ("depth", "{ a " * 900),
    ("depth", nested(3).replace("{ id }", "{ ...A }") + " fragment A on Customer { openInvoices { customer { ...B } } }"
              + " fragment B on Customer { counter { id } openInvoices { customer { counter { id } } } }"),
    ("fields", "{ me { ...F0 } } " + doubling(20, "role")),
    ("fields", " ".join(f"query Q{n} {{ me {{ ...F0 }} }}" for n in range(3)) + doubling(12, "role")),
    ("repeats", "{ me { " + "role " * 21 + "} }"),
    ("repeats", "{ me { " + "... { ... { role } } " * 21 + "} }"),
    ("entries", "{ customers(filter: {" + " ".join(f"a{n}: 1" for n in range(51)) + "}) { nodes { id } } }"),
    ("entries", "{ customers(" + " ".join(f"a{n}: 1" for n in range(51)) + ") { nodes { id } } }"),
    ("aliases", "{ me { " + " ".join(f"a{n}: role" for n in range(31)) + " } }"),
    ("rootFields", "{ " + " ".join("me { username } periods { nodes { id } } plans { nodes { id } }" for _ in range(7)) + " }"),
    ("rootFields", "{ ...A ...A ...A } fragment A on Query { " + " ".join(f"b{n}: me {{ username }}" for n in range(7)) + " }"),
    ("mutations", "mutation { " + " ".join(f"a{n}: signOut {{ signedOut }}" for n in range(11)) + " }"),
    ("operations", " ".join(f"query Q{n} {{ me {{ username }} }}" for n in range(51))),
    ("fragments", "{ me { username } } " + " ".join(f"fragment F{n} on Me {{ role }}" for n in range(31))),
    ("directives", "{ me { role " + "@skip(if: false) " * 31 + "} }"),
    ("digits", "{ customers(first: " + "9" * 5_000 + ") { nodes { id } } }"),
    ("digits", "{ customers(filter: {search: [1" + "9" * 5_000 + ".5]}) { nodes { id } } }"),
    ("nesting", "{ customers(filter: " + "[" * 11 + "]" * 11 + ") { nodes { id } } }"),
    ("nesting", "query($a: X = " + "{a: " * 11 + "1" + "}" * 11 + ") { me { username } }"),
    ("cost", "{ customers(first: 200) { nodes { openInvoices { payments { allocations { amount } } } } } }"),
    ("cost", "{ " + " ".join(f"a{n}: syncCustomers {{ customers {{ openInvoices {{ invoiceId }} }} }}" for n in range(19)) + " }"),
]  # fmt: skip


@pytest.mark.parametrize(("limit", "document"), TOO_MUCH, ids=[f"{limit}-{number}" for number, (limit, _) in enumerate(TOO_MUCH)])
async def test_what_is_too_much_is_refused_by_name_and_at_once(database: Database, limit: str, document: str) -> None:
    await Isp.make(database)
    api = Api(database)
    await api.sign_in()
    began = time.process_time()
    (error,) = (await api.raw(document))["errors"]
    assert time.process_time() - began < 1
    told = error["extensions"]
    assert (told["code"], told["limit"]) == ("LIMIT_EXCEEDED", limit)
    assert told["given"] > told["most"] > 0
    assert f"{told['most']}" in error["message"]


async def test_at_the_bound_is_still_answered(database: Database) -> None:
    await Isp.make(database)
    api = Api(database)
    await api.sign_in()
    for document in (
        "{ me { " + "role " * 20 + "} }",
        "{ me { " + " ".join(f"a{n}: role" for n in range(30)) + " } }",
        "{ " + " ".join(f"a{n}: me {{ username }}" for n in range(20)) + " }",
        nested(4),
        "query($f: Int! = 200) { customers(first: $f) { nodes { openInvoices { payments { id } } } } }",
        "{ " + " ".join(f"a{n}: syncCustomers(first: 1000) {{ customers {{ openInvoices {{ invoiceId }} }} }}" for n in range(9)) + " }",
        get_introspection_query(),
    ):
        assert "errors" not in await api.raw(document), document


async def test_circles_are_refused_by_validation_however_they_are_made(database: Database) -> None:
    await Isp.make(database)
    api = Api(database)
    for document in (
        "{ me { ...A } } fragment A on Me { ...A }",
        "{ me { ...A } } fragment A on Me { role ...B } fragment B on Me { ...A }",
        "{ ...A } fragment A on Query { me { username } ...A }",
        "{ me { username } } fragment A on Me { counters { ...B } } fragment B on Counter { ...C } fragment C on Counter { ...B }",
    ):
        errors = (await api.raw(document))["errors"]
        assert {error["extensions"]["code"] for error in errors} == {"BAD_REQUEST"}, errors
    everything = " ".join("...F" + str(n) for n in range(25))
    document = "{ ...F0 } " + " ".join(f"fragment F{n} on Query {{ {everything} }}" for n in range(25))
    began = time.process_time()
    assert "errors" in await api.raw(document)
    assert time.process_time() - began < 2


@given(st.lists(st.integers(-5, 5_000), min_size=1, max_size=4), st.integers(1, 200))
def test_a_cost_is_what_a_count_by_hand_says(pages: list[int], literal: int) -> None:
    roots = " ".join(f"a{n}: invoices(first: $p{n}) {{ nodes {{ customer {{ id }} lines {{ amount }} }} }}" for n in range(len(pages)))
    variables = ", ".join(f"$p{n}: Int!" for n in range(len(pages)))
    document = parsed(f"query({variables}) {{ {roots} z: plans(first: {literal}) {{ edges {{ node {{ id }} }} }} }}")
    cost = limits.costs(document, SCHEMA)[None]
    by_hand = sum(1 + min(max(page, 0), 1_000) * (1 + 1 + 10) for page in pages) + 1 + literal * 2
    assert cost._of({f"p{n}": page for n, page in enumerate(pages)}) == by_hand
    assert cost.worst >= by_hand


async def test_the_cost_of_a_page_hangs_on_its_variable(database: Database) -> None:
    await Isp.make(database)
    api = Api(database)
    await api.sign_in()
    document = "query($f: Int!) { customers(first: $f) { nodes { openInvoices { payments { allocations { amount } } } } } }"
    for _ in range(2):  # once fresh, once out of the cache
        assert (await api.raw(document, f=50))["data"]["customers"] == {"nodes": []}
        (error,) = (await api.raw(document, f=200))["errors"]
        assert error["extensions"]["limit"] == "cost"
        assert error["extensions"]["given"] == 1 + 200 * (1 + 10 * (1 + 10 * (1 + 10)))
    assert await api.top_error(document, f=201) in {"LIMIT_EXCEEDED", "INVALID_PAGE_SIZE"}


async def test_a_directive_or_fragment_hides_no_cost(database: Database) -> None:
    await Isp.make(database)
    api = Api(database)
    await api.sign_in()
    deep = "openInvoices { payments { ...P } }"
    document = f"""{{ customers(first: 200) {{ ...C }} }} fragment C on CustomerConnection {{ edges {{ node {{ {deep} }} }} }}
        fragment P on Payment {{ allocations @include(if: false) {{ amount }} }}"""
    (error,) = (await api.raw(document))["errors"]
    assert error["extensions"]["limit"] == "cost"


async def test_introspection_cannot_be_nested_without_end(database: Database) -> None:
    await Isp.make(database)
    api = Api(database)
    await api.sign_in()
    around = "fields { type { " * 5 + "name" + " } }" * 5
    codes = {error["extensions"]["code"] for error in (await api.raw(f"{{ __schema {{ types {{ {around} }} }} }}"))["errors"]}
    assert codes <= {"BAD_REQUEST", "LIMIT_EXCEEDED"}
    wide = " ".join(
        f"a{n}: __schema {{ types {{ fields {{ name args {{ name type {{ ofType {{ name }} }} }} type {{ ofType {{ name }} }} }} }} }}"
        for n in range(19)
    )
    assert await api.top_error(f"{{ {wide} }}") == "LIMIT_EXCEEDED"


async def test_without_introspection_nothing_of_the_schema_is_told(database: Database) -> None:
    await Isp.make(database)
    api = Api(database)
    for document in (
        "{ invoice { id } }",
        "{ me { rolee } }",
        'mutation { signInn(input: {username: "a"}) { token } }',
        "{ invoicess { id } }",
    ):
        assert "Did you mean" not in str((await api.raw(document))["errors"])
    assert "Did you mean" in str((await Api(database, introspection="everyone").raw("{ mee { id } }"))["errors"])
    await api.sign_in()
    assert "Did you mean" in str((await api.raw("{ mee { id } }"))["errors"])


async def test_strangers_may_say_no_more_than_a_sign_in_needs(database: Database) -> None:
    await Isp.make(database)
    api = Api(database)
    long = "{ " + " ".join(f"plans {{ nodes {{ {'id name ' * 12} }} }}" for _ in range(18)) + " }"
    (error,) = (await api.raw(long))["errors"]
    assert (error["extensions"]["limit"], error["extensions"]["most"]) == ("tokens", 500)
    api.headers["Authorization"] = "Bearer sbt_that-has-run-out"
    assert await api.top_error(long) == "UNAUTHENTICATED", "so that its client signs in again"
    await api.sign_in()
    assert "errors" not in await api.raw(long)


async def test_variables_nested_without_end(database: Database) -> None:
    await Isp.make(database)
    api = Api(database)
    await api.sign_in()
    deep: Any = 1
    for _ in range(30):
        deep = {"a": [deep]}
    (error,) = (await api.raw("query($f: Int!) { invoices(first: $f) { nodes { id } } }", f=1, deep=deep))["errors"]
    assert error["extensions"]["limit"] == "nesting"


@pytest.mark.parametrize("much", [[1] * 10_001, [[1]] * 6_000, {f"a{n}": n for n in range(10_001)}])
async def test_variables_without_end(database: Database, much: Any) -> None:
    await Isp.make(database)
    api = Api(database)
    await api.sign_in()
    began = time.process_time()
    (error,) = (await api.raw(INVOICES, f=1, much=much))["errors"]
    assert (error["extensions"]["limit"], error["extensions"]["most"]) == ("values", 10_000)
    assert time.process_time() - began < 1


async def test_several_documents_in_one_request(database: Database) -> None:
    api = Api(database)
    response = await api.http.post("/graphql", json=[{"query": "{ me { username } }"}] * 7)
    assert response.status_code == 400
    assert response.json()["errors"][0]["extensions"] == {"code": "LIMIT_EXCEEDED", "field": [], "limit": "batch", "given": 7, "most": 1}


async def test_strangers_do_not_fill_the_cache(database: Database) -> None:
    await Isp.make(database)
    api = Api(database)
    cache = _cache(api)
    for number in range(20):
        await api.raw(f"{{ a{number}: me {{ username }} }}")
    assert len(cache._kept) == 0
    await api.sign_in()
    for number in range(20):
        await api.raw(f"{{ a{number}: me {{ username }} }}")
    assert len(cache._kept) == 20
    for number in range(40):
        await api.raw(f"{{ b{number}: me {{ username }} }} #{'x' * 19_000}")
    assert sum(map(len, cache._kept)) <= 500_000
    assert cache._characters == sum(map(len, cache._kept))


def _cache(api: Api) -> Any:
    """The cache of the application's view, through whatever is wrapped around it."""
    app: Any = api.http._transport.app  # type: ignore[attr-defined]
    inner = next(route.app for route in app.routes if isinstance(route, Route) and route.path == "/graphql")
    while not hasattr(inner, "schema"):
        inner = next(vars(inner)[name] for name in ("_document", "app", "_app", "_view") if name in vars(inner))
    return inner.schema.extensions[0].cache


async def test_a_query_that_takes_too_long_is_given_up_and_its_statement_with_it(committed: Database) -> None:
    isp = await Isp.make(committed)
    await isp.open()
    with servers(committed.url, SEBILLING_DOCUMENT_SECONDS="1") as (server,):
        api = HttpApi(server.address)
        await api.sign_in()
        async with committed.transaction(actor=isp.admin, at=NOW) as blocking:
            await blocking.execute(text("LOCK TABLE invoice"))
            began = time.perf_counter()
            headers = {"Authorization": f"Bearer {api.token}"}
            answer = (await api.http.post("/graphql", json={"query": INVOICES, "variables": {"f": 5}}, headers=headers)).json()
            assert time.perf_counter() - began > 0.9
            assert answer["errors"][0]["extensions"]["code"] == "DEADLINE_EXCEEDED"
            await asyncio.sleep(0.5)
            waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
            assert await blocking.value(text(waiting)) == 0
        for _ in range(15):  # every connection of the pool is good again
            assert await api.ask(INVOICES, f=5) == {"nodes": []}
        await api.http.aclose()


async def test_a_mutation_is_never_cut_in_the_middle(committed: Database) -> None:
    isp = await Isp.make(committed)
    with servers(committed.url, SEBILLING_DOCUMENT_SECONDS="1") as (server,):
        api = HttpApi(server.address)
        await api.sign_in()
        async with committed.transaction(actor=isp.admin, at=NOW) as blocking:
            await blocking.execute(text("LOCK TABLE period"))
            document = 'mutation { openPeriod(input: {month: "2026-02"}) { period { month } errors { code } } }'
            asked = asyncio.create_task(api.ask(document))
            await asyncio.sleep(2.5)
            assert not asked.done()
        assert (await asked)["period"] == {"month": "2026-02"}
        await api.http.aclose()
    assert await isp.value("SELECT count(*) FROM period") == 1


async def test_how_many_of_one_user_are_answered_at_once(committed: Database) -> None:
    isp = await Isp.make(committed)
    with servers(committed.url, SEBILLING_CONCURRENT_REQUESTS="3", SEBILLING_DOCUMENT_SECONDS="20") as (server,):
        api = HttpApi(server.address)
        await api.sign_in()
        headers = {"Authorization": f"Bearer {api.token}"}

        async def ask() -> httpx.Response:
            return await api.http.post("/graphql", json={"query": INVOICES, "variables": {"f": 5}}, headers=headers)

        async with committed.transaction(actor=isp.admin, at=NOW) as blocking:
            await blocking.execute(text("LOCK TABLE invoice"))
            three = [asyncio.create_task(ask()) for _ in range(3)]
            await asyncio.sleep(0.5)
            fourth = await ask()
            assert (fourth.status_code, fourth.headers["retry-after"]) == (429, "1")
            assert fourth.json()["errors"][0]["extensions"]["code"] == "TOO_MANY_REQUESTS"
            stranger = await api.http.post("/graphql", json={"query": "{ me { username } }"})
            assert stranger.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED", "others aren't held up"
        assert [one.status_code for one in await asyncio.gather(*three)] == [200] * 3
        assert (await ask()).status_code == 200
        await api.http.aclose()


TRUSTED = "query WhoAmI { me { username } }"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "who-am-i.graphql").write_text(TRUSTED)
    (tmp_path / "sign-in.graphql").write_text("mutation SignIn($input: SignInInput!) { signIn(input: $input) { token errors { code } } }")
    return tmp_path


async def test_only_trusted_documents_are_answered(database: Database, folder: Path) -> None:
    await Isp.make(database)
    api = Api(database, trusted_documents=folder)

    async def post(**body: Any) -> Any:
        return (await api.http.post("/graphql", json=body, headers=api.headers)).json()

    signed_in = await post(documentId="sign-in", variables={"input": {"username": "admin", "password": "rahasia-sekali"}})
    api.headers["Authorization"] = f"Bearer {signed_in['data']['signIn']['token']}"
    digest = f"sha256:{hashlib.sha256(TRUSTED.encode()).hexdigest()}"
    for known in ({"documentId": "who-am-i"}, {"documentId": digest}, {"query": TRUSTED}):
        assert await post(**known) == {"data": {"me": {"username": "admin"}}}
    unknown: list[dict[str, Any]] = [
        {"query": "{ me { username } }"}, {"query": TRUSTED + " "}, {"documentId": "nothing"}, {"documentId": 5}, {"documentId": ["a"]},
    ]  # fmt: skip
    for body in unknown:
        (error,) = (await post(**body))["errors"]
        assert error["extensions"]["code"] == "UNKNOWN_DOCUMENT", body
    by_get = await api.http.get("/graphql", params={"documentId": "who-am-i"}, headers={**api.headers, "accept": "*/*"})
    assert by_get.json() == {"data": {"me": {"username": "admin"}}}
    apq = {"persistedQuery": {"version": 1, "sha256Hash": hashlib.sha256(b"{ me { username } }").hexdigest()}}
    refused = await post(query="{ me { username } }", extensions=apq)
    assert refused["errors"][0]["extensions"]["code"] == "UNKNOWN_DOCUMENT", "no client registers any"


async def test_a_manifest_of_ids(database: Database, tmp_path: Path) -> None:
    manifest = tmp_path / "documents.json"
    manifest.write_text(json.dumps({"a1": TRUSTED}))
    await Isp.make(database)
    api = Api(database, trusted_documents=manifest)
    response = await api.http.post("/graphql", json={"documentId": "a1"})
    assert response.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


@pytest.mark.parametrize(
    "make",
    [
        lambda folder: folder / "missing",
        lambda folder: folder,
        lambda folder: _written(folder / "a.graphql", "{ nothing }"),
        lambda folder: _written(folder / "a.graphql", "{"),
        lambda folder: _written(folder / "a.graphql", nested(9)),
        lambda folder: _written(folder / "a.json", "[]"),
        lambda folder: _written(folder / "a.json", '{"a": 1}'),
        lambda folder: _written(folder / "a.json", "{"),
        lambda folder: _written(folder / "a.graphql", "\ud800".encode("utf-8", "surrogatepass").decode("latin-1")),
    ],
)
def test_a_server_with_documents_that_cannot_be_does_not_start(database: Database, tmp_path: Path, make: Callable[[Path], Path]) -> None:
    with pytest.raises(InvalidSetting, match="SEBILLING_TRUSTED_DOCUMENTS"):
        create_app(quiet_settings(trusted_documents=make(tmp_path)), database)


def _written(path: Path, content: str) -> Path:
    path.write_text(content, encoding="utf-8")
    return path


async def test_an_id_where_none_are_set(database: Database) -> None:
    response = await Api(database).http.post("/graphql", json={"documentId": "who-am-i"})
    assert response.json()["errors"][0]["extensions"]["code"] == "UNKNOWN_DOCUMENT"


def test_two_fragments_that_look_at_each_other_are_no_trouble_for_the_limits() -> None:
    limits.check_shape(parse("{ ...A } fragment A on Query { ...B ...B } fragment B on Query { ...A ...A }"))
    with pytest.raises(LimitExceeded):
        limits.check_shape(parse("{ me { ...F0 } } " + doubling(25, "role")))
