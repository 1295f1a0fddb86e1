"""The application's edges: health that tells the truth, one log line per request, GraphiQL with prepared operations."""

import asyncio
import json
import re
import time
from importlib.metadata import version
from pathlib import Path

import httpx
from graphql import parse, validate

from sebilling import __version__
from sebilling.app import create_app
from sebilling.db.databases import create_database, drop_database, url_of
from sebilling.db.embedded import embedded_database
from sebilling.db.engine import Database
from sebilling.db.migrate import migrate
from sebilling.schema.build import build_schema
from sebilling.schema.request.cookies import PREFLIGHT
from tests.harness import PASSWORD, Api, Isp, quiet_settings
from tests.processes import ServerProcess, clients, servers
from tests.schema.test_examples import operations_of


def test_the_version_is_the_changelogs_newest() -> None:
    newest = re.search(r"^## ([0-9.]+)", (Path(__file__).parents[1] / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert newest is not None
    assert (__version__, version("sebilling")) == (newest[1], newest[1]), "after a new version: make setup"


async def test_ready_only_while_the_database_answers_and_back_by_itself(tmp_path: Path) -> None:
    with embedded_database(tmp_path, own=True, settings={"fsync": "off"}) as url:
        await migrate(url)
        server = ServerProcess(url)
    try:
        async with httpx.AsyncClient(base_url=server.address) as http:
            gone = await http.get("/readyz")
            assert gone.status_code == 503
            assert "SEBILLING_DATABASE_URL" in gone.json()["why"]
            assert (await http.get("/healthz")).status_code == 200
            answer = (await http.post("/graphql", json={"query": "{ me { username } }"}, headers={"Authorization": "Bearer x"})).json()
            assert answer["errors"][0]["extensions"]["code"] == "DATABASE_UNAVAILABLE"
            with embedded_database(tmp_path, own=True, settings={"fsync": "off"}):
                deadline = time.monotonic() + 20
                while (back := await http.get("/readyz")).status_code != 200:
                    assert time.monotonic() < deadline, back.text
                    await asyncio.sleep(0.1)
                answer = (await http.post("/graphql", json={"query": "{ me { username } }"}, headers={"Authorization": "Bearer x"})).json()
                assert answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    finally:
        server.stop()


async def test_not_ready_before_the_schema_is_there(server_url: str) -> None:
    await create_database(server_url, "unmigrated")
    database = Database(url_of(server_url, "unmigrated"), connections=2)
    app = create_app(quiet_settings(), database)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as http:
        answer = await http.get("/readyz")
        assert answer.status_code == 503
        assert "sebilling migrate" in answer.json()["why"]
        await migrate(database.url)
        assert (await http.get("/readyz")).status_code == 200
    await database.close()
    await drop_database(server_url, "unmigrated")


async def test_one_log_line_per_request_with_operation_user_and_duration(committed: Database) -> None:
    await Isp.make(committed)
    with servers(committed.url) as (server,):
        async with clients([server], 1) as (api,):
            await api.ask("query WhoAmI { me { username } }")
            await api.ask("{ counters { nodes { id } } }")
        token = api.token or ""
        await asyncio.sleep(0.2)
        log = server.log
    lines = [line for line in map(json.loads, filter(None, log.splitlines())) if line["event"] == "request"]
    assert [(line["operation"], line["user"], line["status"]) for line in lines] == [
        ("signIn", "admin", 200), ("WhoAmI", "admin", 200), ("counters", "admin", 200),
    ]  # fmt: skip
    assert all(0 < line["milliseconds"] < 60_000 for line in lines)
    assert token
    assert token not in log
    assert "rahasia" not in log


async def test_graphiql_opens_with_operations_that_are_valid(database: Database) -> None:
    api = Api(database, introspection="everyone")
    page = (await api.http.get("/graphql", headers={"accept": "text/html"})).text
    operations = operations_of(page)
    document = parse(operations)
    assert len(document.definitions) >= 8
    for definition in document.definitions:  # each alone: a document of several must name which is meant
        assert validate(build_schema()._schema, parse(operations[definition.loc.start : definition.loc.end])) == []  # type: ignore[union-attr]


async def test_graphiql_and_introspection_can_be_switched_off(database: Database) -> None:
    await Isp.make(database)
    api = Api(database, introspection="nobody")
    assert (await api.http.get("/graphql", headers={"accept": "text/html"})).status_code == 404
    await api.sign_in()
    assert await api.top_error("{ __schema { __typename } }") == "BAD_REQUEST"


INTROSPECTION = "{ __schema { queryType { name } } }"


async def test_the_schema_is_for_who_is_signed_in(database: Database) -> None:
    await Isp.make(database)
    api, stranger, page = Api(database), Api(database), {"accept": "text/html"}
    await api.sign_in()
    for _ in range(2):  # once fresh, once out of the cache
        assert (await api.ask(INTROSPECTION)) == {"queryType": {"name": "Query"}}
        assert await stranger.top_error(INTROSPECTION) == "UNAUTHENTICATED"
        assert await stranger.top_error('{ a: __type(name: "Query") { name } }') == "UNAUTHENTICATED"
        assert await stranger.top_error("{ ...A } fragment A on Query { __schema { __typename } }") == "UNAUTHENTICATED"
    assert (await stranger.raw("{ __typename }"))["data"] == {"__typename": "Query"}
    told = await stranger.http.get("/graphql", headers=page)
    assert (told.status_code, told.headers["content-type"]) == (401, "text/plain; charset=utf-8")
    assert "SEBILLING_INTROSPECTION" in told.text
    assert "pengguna" in (await stranger.http.get("/graphql", headers={**page, "accept-language": "id"})).text
    assert (await stranger.http.get("/graphql", headers={**page, "cookie": "sebilling=made-up"})).status_code == 401
    document = "mutation($i: SignInInput!) { signIn(input: $i) { errors { code } } }"
    given = {"username": "admin", "password": PASSWORD, "cookie": True}
    await stranger.http.post("/graphql", json={"query": document, "variables": {"i": given}}, headers={PREFLIGHT: "1"})
    shown = await stranger.http.get("/graphql", headers=page)  # as a link leads there: the browser sends its cookie alone
    assert shown.status_code == 200
    assert "SignIn" in operations_of(shown.text)
    assert f'"{PREFLIGHT}": "1"' in (await stranger.http.get("/graphql/assets/start.js")).text


async def test_everyone_sees_the_schema_where_it_is_set_so(database: Database) -> None:
    assert await Api(database, introspection="everyone").ask(INTROSPECTION) == {"queryType": {"name": "Query"}}
