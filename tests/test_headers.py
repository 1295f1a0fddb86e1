"""The edge: hosts, headers, other sites, proxies, methods and content types, secrets in files and in the log."""

import asyncio
import hashlib
import json
import logging
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from sebilling.app import create_app
from sebilling.config import Settings
from sebilling.db.engine import Database
from sebilling.logs import RequestLines, get_logger, redacted, set_up
from sebilling.operator_errors import InvalidSetting
from sebilling.schema.request import graphiql
from tests.harness import SECRET_KEY, Api, Isp, quiet_settings
from tests.processes import servers

QUERY = {"query": "{ me { username } }"}
MUTATION = "mutation { signOut { signedOut } }"


def client(database: Database, *, peer: str = "203.0.113.9", base: str = "http://test", **settings: Any) -> httpx.AsyncClient:
    """A client of an application with these settings, that comes from `peer`."""
    app = create_app(quiet_settings(**settings), database)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app, client=(peer, 40_000)), base_url=base)


@pytest.mark.parametrize("path", ["/graphql", "/healthz", "/nothing", "/downloads/x", "/"])
async def test_every_answer_tells_browsers_to_be_careful(database: Database, path: str) -> None:
    answer = await client(database).get(path)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["x-frame-options"] == "DENY"
    # the web app's page shows nothing of anybody; it is asked for anew each time
    kept = answer.headers["cache-control"].split(", ")
    assert "no-store" in kept or (kept == ["no-cache"] and path in {"/", "/nothing"})
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "strict-transport-security" not in answer.headers
    assert "server" not in answer.headers


async def test_answers_of_the_api_may_do_nothing_and_graphiql_only_what_it_needs(database: Database) -> None:
    async with client(database, introspection="everyone") as http:
        assert (
            (await http.post("/graphql", json=QUERY)).headers["content-security-policy"].startswith("default-src 'none'; frame-ancestors")
        )
        page = await http.get("/graphql", headers={"accept": "text/html"})
        policy = page.headers["content-security-policy"]
        assert "script-src 'self';" in policy
        assert "frame-ancestors 'none'" in policy
        assert "http" not in policy
        assert re.findall(r"<script>|javascript:| on[a-z]+=", page.text) == []
        named = re.findall(r'(?:src|href)="([^"]+)"', page.text)
        assert {name.removeprefix("graphql/assets/") for name in named if name != "data:,"} == graphiql.FILES
        for name in graphiql.FILES:
            answer = await http.get(f"/graphql/assets/{name}")
            assert answer.status_code == 200
            assert answer.headers["content-type"].startswith("text/javascript" if name.endswith(".js") else "text/css")
        for name in ("page.html", "LICENSES.txt", "..%2fgraphiql.py", "x"):
            assert (await http.get(f"/graphql/assets/{name}")).status_code == 404
    async with client(database, introspection="nobody") as http:
        assert (await http.get("/graphql/assets/start.js")).status_code == 404


def test_graphiqls_files_are_the_pinned_ones() -> None:
    folder = Path(graphiql.__file__).parent / "graphiql_assets"
    lines = (folder / "SHA256SUMS").read_text(encoding="ascii").splitlines()
    pins = {name: digest for digest, name in (line.split() for line in lines)}
    assert {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in pins} == pins
    assert set(pins) == graphiql.FILES - {"start.js", "start.css"}


@pytest.mark.parametrize(
    ("host", "is_ours"),
    [("localhost", True), ("127.0.0.1:8000", True), ("[::1]:8000", True), ("LOCALHOST", True), ("billing.isp.id", True),
     ("a.isp.net", True), ("localhost.", True),
     ("isp.net", False), ("evil.example", False), ("billing.isp.id.evil.example", False), ("xisp.net", False),
     ("localhost.evil.example", False), ("", False), ("[::2]", False), ("[", False), ("127.0.0.1@evil.example", False)],
)  # fmt: skip
async def test_only_names_of_this_server_are_answered(database: Database, host: str, is_ours: bool) -> None:  # noqa: FBT001 - a case
    async with client(database, allowed_hosts="billing.isp.id, *.isp.net") as http:
        answer = await http.post("/graphql", json=QUERY, headers={"host": host})
        assert answer.status_code == (200 if is_ours else 421)
        assert answer.json()["errors"][0]["extensions"]["code"] == ("UNAUTHENTICATED" if is_ours else "BAD_REQUEST")
        assert (await http.get("/healthz", headers={"host": host})).status_code == 200


async def test_two_names_at_once_are_none(database: Database) -> None:
    app = create_app(quiet_settings(), database)
    for names in ([b"test", b"evil.example"], [b"test", b"test"], []):
        sent: list[Any] = []

        async def send(message: Any, into: list[Any] = sent) -> None:
            into.append(message)

        scope = {
            "type": "http", "method": "GET", "path": "/graphql", "query_string": b"", "scheme": "http", "client": ("127.0.0.1", 1),
            "headers": [(b"host", name) for name in names],
        }  # fmt: skip
        await app(scope, _nothing, send)
        assert sent[0]["status"] == 421


async def _nothing() -> Any:
    return {"type": "http.request", "body": b"", "more_body": False}


async def test_any_name_where_it_is_set_so(database: Database) -> None:
    assert (await client(database, allowed_hosts="*").post("/graphql", json=QUERY, headers={"host": "x.y"})).status_code == 200


@pytest.mark.parametrize(
    ("base", "peer", "proto", "proxies", "is_strict"),
    [("https://test", "203.0.113.9", None, "", True), ("http://test", "10.0.0.2", "https", "10.0.0.0/8", True),
     ("http://test", "203.0.113.9", "https", "10.0.0.0/8", False), ("http://test", "127.0.0.1", "https", "", False),
     ("http://test", "10.0.0.2", "http", "10.0.0.0/8", False)],
)  # fmt: skip
async def test_tls_is_insisted_on_where_it_is_and_only_trusted_proxies_tell(  # noqa: PLR0917 - cases
    database: Database,
    base: str,
    peer: str,
    proto: str | None,
    proxies: str,
    is_strict: bool,  # noqa: FBT001 - a case
) -> None:
    headers = {} if proto is None else {"x-forwarded-proto": proto}
    answer = await client(database, base=base, peer=peer, trusted_proxies=proxies).post("/graphql", json=QUERY, headers=headers)
    assert ("max-age=31536000" in answer.headers.get("strict-transport-security", "")) == is_strict


async def test_a_proxy_that_nobody_named_is_not_believed_by_the_process_either(committed: Database) -> None:
    with servers(committed.url) as (server,):
        headers = {"x-forwarded-proto": "https", "x-forwarded-for": "8.8.8.8"}
        async with httpx.AsyncClient(base_url=server.address) as http:
            answer = await http.post("/graphql", json=QUERY, headers=headers)
        assert answer.status_code == 200
        assert "strict-transport-security" not in answer.headers
        assert "server" not in answer.headers


PREFLIGHT = {
    "origin": "https://app.isp.id",
    "access-control-request-method": "POST",
    "access-control-request-headers": "authorization,content-type",
}


async def test_other_sites_may_ask_only_if_they_are_named(database: Database) -> None:
    async with client(database) as http:
        asked = await http.options("/graphql", headers=PREFLIGHT)
        assert asked.status_code == 405
        assert not [name for name in asked.headers if name.startswith("access-control-")]
        answered = await http.post("/graphql", json=QUERY, headers={"origin": "https://app.isp.id"})
        assert "access-control-allow-origin" not in answered.headers
    async with client(database, allowed_origins="https://app.isp.id/, https://other.isp.id") as http:
        asked = await http.options("/graphql", headers=PREFLIGHT)
        assert asked.status_code == 200
        assert asked.headers["access-control-allow-origin"] == "https://app.isp.id"
        assert "Origin" in asked.headers["vary"]
        assert {"authorization", "content-type", "graphql-require-preflight"} <= {
            one.strip().lower() for one in asked.headers["access-control-allow-headers"].split(",")
        }
        answered = await http.post("/graphql", json=QUERY, headers={"origin": "https://app.isp.id"})
        assert answered.headers["access-control-allow-origin"] == "https://app.isp.id"
        for origin in ("https://evil.example", "https://app.isp.id.evil.example", "http://app.isp.id", "null"):
            refused = await http.options("/graphql", headers={**PREFLIGHT, "origin": origin})
            assert refused.status_code == 400
            assert refused.headers.get("access-control-allow-origin") is None
            answered = await http.post("/graphql", json=QUERY, headers={"origin": origin})
            assert answered.headers.get("access-control-allow-origin") is None


async def test_web_apps_may_send_what_their_libraries_add_and_read_what_they_need(database: Database) -> None:
    added = "traceparent, tracestate, baggage, apollographql-client-name, apollographql-client-version, apollo-require-preflight"
    asked = f"authorization, content-type, {added}, x-apollo-operation-name"
    async with client(database, allowed_origins="https://app.isp.id, capacitor://localhost, http://localhost") as http:
        for origin in ("https://app.isp.id", "capacitor://localhost", "http://localhost"):
            preflight = await http.options("/graphql", headers={**PREFLIGHT, "origin": origin, "access-control-request-headers": asked})
            assert (preflight.status_code, preflight.headers["access-control-allow-origin"]) == (200, origin)
        answered = await http.get("/downloads/x", headers={"origin": "capacitor://localhost"})
        exposed = {name.strip() for name in answered.headers["access-control-expose-headers"].split(",")}
        assert exposed == {"Content-Disposition", "Retry-After"}


@pytest.mark.parametrize(
    ("name", "value"),
    [("allowed_origins", "*"), ("allowed_origins", "capacitor:"), ("allowed_origins", "javascript://x"), ("allowed_origins", "data://x"),
     ("allowed_origins", "app.isp.id"), ("allowed_origins", "https://app.isp.id/path"),
     ("allowed_origins", "ftp://x"), ("trusted_proxies", "proxy"), ("trusted_proxies", "10.0.0.1/8")],
)  # fmt: skip
async def test_settings_that_protect_nothing_are_refused_at_the_start(database: Database, name: str, value: str) -> None:
    with pytest.raises(InvalidSetting, match=f"SEBILLING_{name.upper()}"):
        async with client(database, **{name: value}) as http:
            await http.get("/healthz")


async def test_only_queries_by_get(database: Database) -> None:
    await Isp.make(database)
    api = Api(database)
    await api.sign_in()
    asked = await api.http.get("/graphql", params={"query": "{ me { username } }"}, headers=api.headers)
    assert asked.json() == {"data": {"me": {"username": "admin"}}}
    refused = await api.http.get("/graphql", params={"query": MUTATION}, headers=api.headers)
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, POST")
    assert refused.json()["errors"][0]["extensions"]["code"] == "BAD_REQUEST"
    assert (await api.ask("{ me { username } }")) == {"username": "admin"}, "still signed in"
    for method in ("PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"):
        assert (await api.http.request(method, "/graphql", headers=api.headers)).status_code == 405


@pytest.mark.parametrize(
    ("content_type", "status"),
    [("application/json", 200), ("application/json; charset=utf-8", 200), ("APPLICATION/JSON", 415), ("text/plain", 415), ("", 415),
     ("text/plain; application/json", 415), ("application/x-www-form-urlencoded", 415), ("application/jsonx", 415),
     ("application/graphql", 415), ("multipart/form-data; boundary=x", 400)],
)  # fmt: skip
async def test_what_a_form_of_another_site_could_send_is_not_taken(database: Database, content_type: str, status: int) -> None:
    answer = await client(database).post("/graphql", content=json.dumps(QUERY), headers={"content-type": content_type})
    assert answer.status_code == status
    assert answer.json()["errors"][0]["message"]


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b"1", b'"a"', b'{"query": 1}', b'{"query": "{ me { username } }", "variables": []}', b"\xff\xfe", b"{}",
     b'{"query": "{ me { username } }", "operationName": 5}', b'{"query": "\\ud800"}', b'{"query": ""}', b"[" * 100_000,
     b'{"query": "{ me { username } }", "variables": {"a": NaN}}'],
)  # fmt: skip
async def test_what_is_no_request_is_told_in_the_shape_of_an_answer(database: Database, body: bytes) -> None:
    answer = await client(database).post("/graphql", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["extensions"]["code"] in {"BAD_REQUEST", "LIMIT_EXCEEDED"}


async def test_too_large_is_told_in_the_shape_of_an_answer(database: Database) -> None:
    async with client(database) as http:
        whole = await http.post("/graphql", content=b" " * 300_000, headers={"content-type": "application/json"})
        assert whole.status_code == 413
        assert "262144" in whole.json()["errors"][0]["message"]

        async def pieces() -> Any:
            for _ in range(30):
                yield b" " * 10_000

        streamed = await http.post("/graphql", content=pieces(), headers={"content-type": "application/json"})
        assert streamed.status_code == 413
        assert streamed.json()["errors"]


async def test_what_breaks_before_the_document_is_masked_too(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    from sebilling.schema.request.endpoint import GraphQLView  # noqa: PLC0415 - only what is broken here

    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a secret of the house")

    monkeypatch.setattr(GraphQLView, "get_context", broken)
    answer = await client(database).post("/graphql", json=QUERY)
    assert answer.status_code == 500
    assert answer.json()["errors"][0]["extensions"]["code"] == "INTERNAL"
    assert "secret" not in answer.text


@pytest.mark.parametrize("name", ["SECRET_KEY", "DATABASE_URL", "SECRET_KEY_OLD"])
def test_secrets_may_lie_in_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "secret"
    file.write_text(f"{SECRET_KEY}\n")
    monkeypatch.setenv(f"SEBILLING_{name}_FILE", str(file))
    value = getattr(Settings(), name.lower())
    assert value.get_secret_value() == SECRET_KEY
    assert SECRET_KEY not in repr(Settings())
    monkeypatch.setenv(f"SEBILLING_{name}", "other")
    with pytest.raises(InvalidSetting, match="remove one of the two") as error:
        Settings()
    assert "other" not in str(error.value)
    monkeypatch.delenv(f"SEBILLING_{name}")
    file.unlink()
    with pytest.raises(InvalidSetting, match=f"SEBILLING_{name}_FILE"):
        Settings()


def test_only_secrets_lie_in_files_and_the_env_file_may_name_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secret").write_text(SECRET_KEY)
    (tmp_path / ".env").write_text(f"SEBILLING_SECRET_KEY_FILE={tmp_path / 'secret'}\nSEBILLING_PORT_FILE={tmp_path / 'secret'}\n")
    settings = Settings()
    assert settings.secret_key is not None
    assert settings.secret_key.get_secret_value() == SECRET_KEY
    assert settings.port == 8000


SECRETS = ["hunter2hunter2", "sbt_abcdefghijklmnop", "geheim-passwort"]


@pytest.mark.parametrize(
    "event",
    [{"password": SECRETS[0]}, {"newPassword": SECRETS[0]}, {"headers": {"Authorization": SECRETS[0], "Cookie": SECRETS[1]}},
     {"input": [{"totp_secret": SECRETS[0]}]}, {"event": f"sent Bearer {SECRETS[1]}"}, {"event": f"{SECRETS[1]} was brought twice"},
     {"event": f"at postgresql+asyncpg://u:{SECRETS[0]}@h/d"},
     {"event": f"GET /downloads/{SECRETS[2]}?x=1"}, {"exception": f"KeyError: {{'password': '{SECRETS[0]}'}}"},
     {"event": f"token={SECRETS[1]}&a=1"}, {"deep": {"a": {"b": {"c": {"d": {"e": {"f": {"g": SECRETS[0]}}}}}}}}, {"api_key": SECRETS[0]}],
)  # fmt: skip
def test_the_log_hides_what_is_secret(event: dict[str, Any]) -> None:
    told = str(redacted(None, "", event))
    assert not [secret for secret in SECRETS if secret in told], told


def test_the_log_keeps_what_is_not_secret() -> None:
    event = {
        "event": "request",
        "operation": "signIn",
        "user": "admin",
        "path": "/graphql",
        "status": 200,
        "milliseconds": 1.5,
        "why": None,
    }
    assert redacted(None, "", dict(event)) == event


def test_what_libraries_log_goes_through_the_same_wall(capsys: pytest.CaptureFixture[str]) -> None:
    handlers, level = logging.root.handlers, logging.root.level
    try:
        set_up(level="INFO", style="json")
        try:
            int(f"password={SECRETS[0]}")
        except ValueError:
            logging.getLogger("some.library").exception("connecting to amqp://user:%s@host", SECRETS[2])
        told = capsys.readouterr().err
    finally:
        logging.root.handlers, logging.root.level = handlers, level
    assert "some.library" in told
    assert not [secret for secret in SECRETS if secret in told], told


@pytest.mark.parametrize(
    "text",
    [
        "/graphql",
        "x" * 199,
        "x" * 200,
        "x" * 201,
        "y" * 5_000,
        f"/a?token={SECRETS[1]}",
        f"{SECRETS[1]} " + "z" * 300,
        'é\n\t"\\ \u2028',
        "",
    ],
    ids=lambda text: text[:20],
)
@pytest.mark.parametrize("style", ["json", "console"])
async def test_a_requests_line_is_what_the_logger_would_write(text: str, style: str, capsys: pytest.CaptureFixture[str]) -> None:
    handlers, level = logging.root.handlers, logging.root.level
    fields = {"method": "POST", "path": text, "operation": text, "user": None, "user_id": 7, "status": 200, "milliseconds": 1.5}
    try:
        set_up(level="INFO", style=style)
        get_logger("some.module").info("request", **fields)
        written = capsys.readouterr().err
        RequestLines().add(**fields)
        await asyncio.sleep(0.01)
        line = capsys.readouterr().err
    finally:
        logging.root.handlers, logging.root.level = handlers, level
    assert not [secret for secret in SECRETS if secret in line]
    if style == "json":
        assert {**json.loads(line), "timestamp": ""} == {**json.loads(written), "timestamp": ""}
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", json.loads(line)["timestamp"])
    else:
        assert re.sub(r"\d", "0", line) == re.sub(r"\d", "0", written)


async def test_requests_of_one_turn_are_written_in_their_order_and_below_the_level_not_at_all(capsys: pytest.CaptureFixture[str]) -> None:
    handlers, level = logging.root.handlers, logging.root.level
    try:
        for name in ("INFO", "WARNING"):
            set_up(level=name, style="json")
            lines = RequestLines()
            for number in range(3):
                lines.add(number=number)
            await asyncio.sleep(0.01)
        written = capsys.readouterr().err
    finally:
        logging.root.handlers, logging.root.level = handlers, level
    assert [json.loads(line)["number"] for line in written.splitlines()] == [0, 1, 2]
