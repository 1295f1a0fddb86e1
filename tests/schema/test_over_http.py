"""GraphQL over HTTP: media types, and the audit that its specification's authors wrote. Case 21 of the field cases."""

import asyncio
import contextlib
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from graphql import parse

from sebilling.app import create_app
from sebilling.clock import system_clock
from sebilling.db.engine import Database
from sebilling.edge import MAX_BODY_BYTES, MAX_DRAINED_BYTES
from sebilling.schema.request.document_cache import Cache, Kept
from sebilling.schema.request.negotiation import JSON, RESPONSE_JSON, media_type, takes_events
from sebilling.server import listening_socket, serving
from tests.harness import PASSWORD, Api, Isp, quiet_settings
from tests.isolation import gear
from tests.node import needs_packages

FOREIGN = Path(__file__).parent / "foreign"
URQL = "application/graphql-response+json, application/graphql+json, application/json, text/event-stream, multipart/mixed"
LIVE = "subscription { paymentRecorded { eventId } }"
TWO = "query A { me { role } } query B { me { username } }"


@pytest.mark.parametrize(
    ("accept", "type_"),
    [
        ("", JSON),
        ("*/*", JSON),
        ("application/json", JSON),
        (RESPONSE_JSON, RESPONSE_JSON),
        (f"{RESPONSE_JSON}, application/json", RESPONSE_JSON),
        (f"application/json, {RESPONSE_JSON}", RESPONSE_JSON),
        (f"{RESPONSE_JSON};q=0.5, application/json", JSON),
        (f"{RESPONSE_JSON};q=0, application/json", JSON),
        (f"{RESPONSE_JSON}; charset=utf-8 ;Q=0.9, application/json;q=0.8", RESPONSE_JSON),
        (f"{RESPONSE_JSON};q=nan", JSON),
        (f"{RESPONSE_JSON};q=much, application/json;q=", JSON),
        (",;,=;q=," * 50_000 + RESPONSE_JSON, JSON),
        (URQL, RESPONSE_JSON),
        ("application/*", JSON),
        ("application/json;q=0.5, */*;q=0.1", JSON),
        ("application/json;q=0.5, application/*", RESPONSE_JSON),
        ("text/html, */*;q=0.8", JSON),
        ("*/*, application/json;q=0", RESPONSE_JSON),
        ("text/html", None),
        ("text/event-stream", None),
        ("application/json;q=0", None),
        ("*/*;q=0", None),
        ("text/*, image/png", None),
    ],
)
def test_the_media_type_that_a_client_likes_best(accept: str, type_: str | None) -> None:
    assert media_type(accept) == type_


async def answered(api: Api, document: str, accept: str) -> tuple[int, str, Any]:
    response = await api.http.post("/graphql", json={"query": document}, headers={**api.headers, "Accept": accept})
    assert "accept" in response.headers["vary"].lower()
    return response.status_code, response.headers["content-type"].partition(";")[0], response.json()


async def test_what_was_never_executed_is_a_400_without_data_for_who_speaks_graphql(database: Database) -> None:
    await Isp.make(database)
    api = Api(database)
    await api.sign_in()
    for document in ("{", "{ nothing }", "query($n: Int!) { periods(first: $n) { totalCount } }"):
        status, kind, answer = await answered(api, document, RESPONSE_JSON)
        assert (status, kind) == (400, RESPONSE_JSON)
        assert "data" not in answer
        assert answer["errors"]
        status, kind, answer = await answered(api, document, JSON)
        assert (status, kind, answer["data"]) == (200, JSON, None)


async def test_what_was_executed_keeps_its_status(database: Database) -> None:
    await Isp.make(database)
    api = Api(database)
    status, kind, answer = await answered(api, "{ periods { totalCount } }", RESPONSE_JSON)
    assert (status, kind) == (200, RESPONSE_JSON)
    assert answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    await api.sign_in()
    assert await answered(api, "{ __typename }", RESPONSE_JSON) == (200, RESPONSE_JSON, {"data": {"__typename": "Query"}})


@pytest.mark.parametrize(
    ("accept", "takes"),
    [("text/event-stream", True), (URQL, True), ("text/event-stream;q=0", False), ("*/*", False), ("text/*", False), ("", False)],
)
def test_who_takes_event_streams(accept: str, takes: bool) -> None:  # noqa: FBT001 - a case
    assert takes_events(accept) is takes


@pytest.mark.parametrize("accept", [URQL, "application/json, text/event-stream;q=0", "text/event-stream, */*;q=0.1"])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_query_is_answered_as_json_whatever_else_the_client_takes(database: Database, accept: str, method: str) -> None:
    await Isp.make(database)
    api = Api(database)
    await api.sign_in()
    for document in ("{ me { username } }", "query subscription { me { username } }", '{ me { username } } # "subscription"'):
        sent: Any = {"json" if method == "POST" else "params": {"query": document}}
        response = await api.http.request(method, "/graphql", **sent, headers={**api.headers, "Accept": accept})
        assert (response.status_code, response.json()) == (200, {"data": {"me": {"username": "admin"}}})


async def test_who_takes_no_json_gets_406_and_nothing_is_executed(database: Database) -> None:
    isp = await Isp.make(database)
    api = Api(database)
    await api.sign_in()
    document = 'mutation { openPeriod(input: { month: "2026-02" }) { errors { code } } }'
    for accept in ("text/html", "application/json;q=0", "image/*"):
        status, kind, answer = await answered(api, document, accept)
        assert (status, kind) == (406, JSON)
        assert RESPONSE_JSON in answer["errors"][0]["message"]
    assert await isp.value("SELECT count(*) FROM period") == 0


@pytest.mark.parametrize("accept", [JSON, RESPONSE_JSON, "multipart/mixed;boundary=graphql;subscriptionSpec=1.0,application/json"])
async def test_a_subscription_by_a_plain_request_is_told_where_to_go(database: Database, accept: str) -> None:
    await Isp.make(database)
    api = Api(database)
    await api.sign_in()
    status, _, answer = await answered(api, LIVE, accept)
    by_get = await api.http.get("/graphql", params={"query": LIVE}, headers={**api.headers, "Accept": accept})
    for code, errors in ((status, answer["errors"]), (by_get.status_code, by_get.json()["errors"])):
        assert code == (400 if accept == RESPONSE_JSON else 200)
        (error,) = errors
        assert error["extensions"]["code"] == "BAD_REQUEST"
        assert "WebSocket" in error["message"]
        assert "text/event-stream" in error["message"]


async def test_of_several_operations_none_is_chosen_for_the_client(database: Database) -> None:
    isp = await Isp.make(database)
    api = Api(database)
    await api.sign_in()
    deeds = 'mutation A { openPeriod(input: { month: "2026-02" }) { errors { code } } } query B { me { username } }'
    for document in (TWO, deeds, TWO):
        (error,) = (await api.raw(document))["errors"]
        assert error["message"].startswith("Must provide operation name")
        by_get = await api.http.get("/graphql", params={"query": document}, headers=api.headers)
        assert by_get.json()["errors"][0]["extensions"]["code"] == "BAD_REQUEST"
    assert await isp.value("SELECT count(*) FROM period") == 0
    for _ in range(2):  # the second time from the cache
        response = await api.http.post("/graphql", json={"query": TWO, "operationName": "B"}, headers=api.headers)
        assert response.json() == {"data": {"me": {"username": "admin"}}}


async def test_refusals_of_the_edge_have_the_type_that_the_client_reads(database: Database) -> None:
    async with Api(database).http as http:
        for accept, kind in ((RESPONSE_JSON, RESPONSE_JSON), (JSON, JSON), ("text/html", JSON)):
            large = await http.post("/graphql", json={"query": " " * 300_000}, headers={"Accept": accept})
            other_host = await http.post("/graphql", json={"query": "{ me { username } }"}, headers={"Accept": accept, "Host": "x"})
            for response, status in ((large, 413), (other_host, 421)):
                assert (response.status_code, response.headers["content-type"]) == (status, kind)
                assert response.json()["errors"][0]["extensions"]["code"] == "BAD_REQUEST"


ME = "{ me { username } }"
MINE = {"data": {"me": {"username": "admin"}}}
MISSING = {"message": "PersistedQueryNotFound", "extensions": {"code": "PERSISTED_QUERY_NOT_FOUND", "field": []}}


def by_hash(text: str, **more: Any) -> dict[str, Any]:
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": hashlib.sha256(text.encode()).hexdigest()}}, **more}


async def test_a_text_is_known_by_its_hash_once_it_was_valid(database: Database) -> None:
    await Isp.make(database)
    api = Api(database)

    async def post(**body: Any) -> Any:
        return (await api.http.post("/graphql", json=body, headers=api.headers)).json()

    await post(**by_hash(ME, query=ME))  # of somebody unknown: not kept
    await api.sign_in()
    for language in ("en", "id"):
        api.headers["Accept-Language"] = language
        assert await post(**by_hash(ME)) == {"errors": [MISSING]}
    assert await post(**by_hash(ME, query=ME)) == MINE
    for _ in range(2):
        assert await post(**by_hash(ME)) == MINE
        assert await post(**by_hash(ME, query="")) == MINE
    params = {"extensions": json.dumps(by_hash(ME)["extensions"])}
    for accept in (JSON, "*/*", "text/html,*/*;q=0.8"):
        by_get = await api.http.get("/graphql", params=params, headers={**api.headers, "Accept": accept})
        assert by_get.json() == MINE
    broken = "{ nothing }"
    assert (await post(**by_hash(broken, query=broken)))["errors"][0]["extensions"]["code"] == "BAD_REQUEST"
    assert await post(**by_hash(broken)) == {"errors": [MISSING]}, "never valid"


async def test_a_hash_must_be_that_of_the_text_and_well_formed(database: Database) -> None:
    await Isp.make(database)
    api = Api(database)
    await api.sign_in()
    other = by_hash("{ me { role } }", query=ME)
    persisted = by_hash(ME)["extensions"]["persistedQuery"]
    for body in (
        other,
        {"extensions": {"persistedQuery": {**persisted, "version": 2}}},
        {"extensions": {"persistedQuery": {"version": 1}}},
        {"extensions": {"persistedQuery": {**persisted, "sha256Hash": persisted["sha256Hash"].upper()}}},
        {"extensions": {"persistedQuery": {**persisted, "sha256Hash": 5}}},
        {"extensions": {"persistedQuery": "x"}},
        {"query": ME, "extensions": {"persistedQuery": None}},
    ):
        response = await api.http.post("/graphql", json=body, headers=api.headers)
        assert (response.status_code, response.json()["errors"][0]["extensions"]["code"]) == (400, "BAD_REQUEST"), body
    assert (await api.http.post("/graphql", json=by_hash("{ me { role } }"), headers=api.headers)).json() == {"errors": [MISSING]}
    ignored = {"query": ME, "extensions": {"clientLibrary": {"name": "@apollo/client"}}}
    assert (await api.http.post("/graphql", json=ignored, headers=api.headers)).json() == MINE


async def test_a_mutation_known_by_its_hash_is_still_none_for_get(database: Database) -> None:
    isp = await Isp.make(database)
    api = Api(database)
    await api.sign_in()
    document = 'mutation { openPeriod(input: { month: "2026-02", confirm: true }) { errors { code } } }'
    done = await api.http.post("/graphql", json=by_hash(document, query=document), headers=api.headers)
    assert done.json() == {"data": {"openPeriod": {"errors": []}}}
    await isp.check()
    params = {"extensions": json.dumps(by_hash(document)["extensions"])}
    assert (await api.http.get("/graphql", params=params, headers=api.headers)).status_code == 405
    again = await api.http.post("/graphql", json=by_hash(document), headers=api.headers)
    assert again.json()["data"]["openPeriod"]["errors"] == [{"code": "ALREADY_EXISTS"}]


async def test_a_trusted_document_is_known_by_its_hash_from_the_beginning(database: Database, tmp_path: Path) -> None:
    (tmp_path / "me.graphql").write_text(ME)
    (tmp_path / "sign-in.graphql").write_text("mutation($input: SignInInput!) { signIn(input: $input) { token errors { code } } }")
    await Isp.make(database)
    api = Api(database, trusted_documents=tmp_path)
    await api.sign_in()
    for _ in range(2):
        assert (await api.http.post("/graphql", json=by_hash(ME), headers=api.headers)).json() == MINE
    assert (await api.http.post("/graphql", json=by_hash("{ me { role } }"), headers=api.headers)).json() == {"errors": [MISSING]}


def test_hashes_leave_the_cache_with_their_documents() -> None:
    cache = Cache()
    texts = [f"{{ me {{ name{number}: username }} }}" for number in range(600)]
    for text in texts:
        cache.keep(text, Kept(parse(text)))
        cache.name_by_digest(text, hashlib.sha256(text.encode()).hexdigest())
    known = [text for text in texts if cache.text(hashlib.sha256(text.encode()).hexdigest()) is not None]
    assert known == [text for text in texts if cache.get(text) is not None] == texts[100:]
    cache.name_by_digest(texts[0], "0" * 64)
    assert cache.text("0" * 64) is None


needs_node_packages = needs_packages(FOREIGN, "graphql-http", "@apollo/client", "@urql/core")


async def told_by_node(url: str, script: str, *arguments: str) -> Any:
    """What a script of `foreign` prints about a server over this database."""
    settings = quiet_settings(allowed_hosts="127.0.0.1", introspection="everyone")
    app = create_app(settings, Database(url), clock=system_clock, plugins=gear.plugins())
    with contextlib.closing(listening_socket("127.0.0.1", 0)) as listener, serving(app, listener) as address:
        node = await asyncio.create_subprocess_exec(
            "node", FOREIGN / script, f"{address}/graphql", *arguments, stdout=asyncio.subprocess.PIPE, cwd=FOREIGN
        )
        output, _ = await asyncio.wait_for(node.communicate(), 120)
    return json.loads(output)


@needs_node_packages
async def test_every_audit_is_ok(committed_url: str) -> None:
    assert await told_by_node(committed_url, "audit.js") == {"audits": 61, "findings": []}


@needs_node_packages
async def test_urql_and_apollo_work_with_their_default_settings_and_with_hashes(committed: Database) -> None:
    await Isp.make(committed)
    told = await told_by_node(committed.url, "clients.js", "admin", PASSWORD)
    right = ["admin", "admin", "INVALID_ID"]
    by_post, by_get = ([f"{method} {kind}" for kind in ("hash", "text", "hash", "hash", "text")] for method in ("POST", "GET"))
    assert told == {
        "urql": {"answers": right, "requests": ["POST text", *["GET text"] * 3]},
        "urqlByPost": {"answers": right, "requests": ["POST text"] * 3},
        "urqlPersisted": {"answers": right, "requests": by_get},
        "urqlPersistedByPost": {"answers": right, "requests": by_post},
        "urqlSubscription": "open",
        "apollo": {"answers": right, "requests": ["POST text"] * 3},
        "apolloPersisted": {"answers": right, "requests": by_post},
        "apolloPersistedByGet": {"answers": right, "requests": ["GET hash", "POST text", "GET hash", "GET hash", "POST text"]},
    }


@needs_node_packages
async def test_the_fetch_of_node_learns_that_its_body_is_too_large(committed_url: str) -> None:
    sizes = [MAX_BODY_BYTES + 1, 3 * 1024 * 1024, MAX_DRAINED_BYTES - 100_000]
    assert await told_by_node(committed_url, "fetch.js", *map(str, sizes)) == [[413, "BAD_REQUEST"]] * 2 * len(sizes)
