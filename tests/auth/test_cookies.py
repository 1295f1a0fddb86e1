"""The browser's cookie: no script reads it, no other site uses it."""

from typing import Any

import httpx
import pytest
from starlette.websockets import WebSocket

from sebilling.actor import Role
from sebilling.db.engine import Database
from sebilling.schema.context import Origin
from sebilling.schema.request import cookies
from sebilling.schema.request.cookies import PREFLIGHT
from tests.auth.people import ME, REVOKE_OTHERS, SIGN_IN, SIGN_INS, SIGN_OUT, add, enter, from_address, refused_sign_in
from tests.harness import PASSWORD, Api, Isp

OURS = {PREFLIGHT: "1", "Origin": "http://test"}


async def post(api: Api, document: str, headers: dict[str, str], **variables: Any) -> httpx.Response:
    return await api.http.post("/graphql", json={"query": document, "variables": variables}, headers=headers)


async def by_cookie(api: Api, headers: dict[str, str] | None = None, username: str = "admin") -> httpx.Response:
    """Sign in as the web admin does; the client keeps the cookie."""
    given = {"username": username, "password": PASSWORD, "cookie": True}
    response = await post(api, SIGN_IN, headers or OURS, input=given)
    payload = response.json()["data"]["signIn"]
    assert payload["errors"] == []
    assert (payload["token"], payload["refreshToken"], payload["deviceToken"]) == (None, None, None), "no script is to read it"
    return response


async def test_a_browser_signs_in_and_out(database: Database) -> None:
    await Isp.make(database)
    api = Api(database)
    response = await by_cookie(api)
    cookies = {cookie.partition("=")[0]: cookie.lower() for cookie in response.headers.get_list("set-cookie")}
    assert set(cookies) == {"sebilling", "sebilling_device"}
    for cookie in cookies.values():
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert "path=/" in cookie
        assert "domain" not in cookie
        assert "secure" not in cookie, "not without TLS, or a browser would drop it"
    assert "max-age=43200" in cookies["sebilling"]
    assert (await post(api, ME, OURS)).json()["data"]["me"]["username"] == "admin"
    listed = (await post(api, SIGN_INS, OURS)).json()["data"]["signIns"]
    assert [(one["kind"], one["current"]) for one in listed] == [("COOKIE", True)]
    token = api.http.cookies["sebilling"]
    out = await post(api, SIGN_OUT, OURS)
    assert out.json()["data"]["signOut"]["signedOut"] is True
    assert "sebilling" not in api.http.cookies
    assert "sebilling_device" in api.http.cookies
    api.http.cookies.set("sebilling", token)
    assert (await post(api, ME, OURS)).json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "http://test"},
        {PREFLIGHT: ""},
        {PREFLIGHT: "1", "Origin": "http://evil.example"},
        {PREFLIGHT: "1", "Origin": "null"},
        {PREFLIGHT: "1", "Origin": ""},
        {PREFLIGHT: "1", "Origin": "http://test.evil.example"},
        {PREFLIGHT: "1", "Origin": "http://eviltest"},
        {PREFLIGHT: "1", "Origin": "http://test:81"},
        {PREFLIGHT: "1", "Origin": "http://evil.example/?http://test"},
        {PREFLIGHT: "1", "Origin": "http://test@evil.example"},
        {"Content-Type": "text/plain"},
    ],
)
async def test_a_request_that_another_site_could_cause_is_refused(database: Database, headers: dict[str, str]) -> None:
    await Isp.make(database)
    api, other = Api(database), Api(database)
    await enter(other)
    await by_cookie(api)
    response = await post(api, REVOKE_OTHERS, headers)
    assert response.status_code in {403, 415}, response.text
    assert "data" not in response.json()
    assert len((await post(api, SIGN_INS, OURS)).json()["data"]["signIns"]) == 2, "nothing was done"


async def test_a_form_of_another_site_does_nothing(database: Database) -> None:
    await Isp.make(database)
    api = Api(database)
    await by_cookie(api)
    parts = {"operations": (None, f'{{"query": "{REVOKE_OTHERS}"}}'), "map": (None, "{}")}
    response = await api.http.post("/graphql", files=parts, headers={"Origin": "http://evil.example"})
    assert response.status_code == 403


async def test_a_link_followed_from_elsewhere_is_answered_as_if_nobody_had_signed_in(database: Database) -> None:
    await Isp.make(database)
    api = Api(database)
    await by_cookie(api)
    answer = (await api.http.get("/graphql", params={"query": ME})).json()
    assert answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    page = await api.http.get("/graphql", headers={"Accept": "text/html"})
    assert page.status_code == 200


async def test_a_bearer_needs_no_header_and_counts_before_the_cookie(database: Database) -> None:
    isp = await Isp.make(database)
    await add(isp, "sari", Role.FINANCE)
    api = Api(database)
    await by_cookie(api)
    token = (await enter(Api(database), "sari"))["token"]
    answer = await post(api, ME, {"Authorization": f"Bearer {token}", "Origin": "http://evil.example"})
    assert answer.json()["data"]["me"]["username"] == "sari"


async def test_another_site_cant_sign_a_browser_in_as_somebody_else(database: Database) -> None:
    await Isp.make(database)
    api = Api(database)
    for headers in ({}, {"Origin": "http://evil.example", PREFLIGHT: "1"}):
        given = {"username": "admin", "password": PASSWORD, "cookie": True}
        response = await post(api, SIGN_IN, headers, input=given)
        assert response.json()["data"]["signIn"]["errors"][0]["field"] == ["input", "cookie"]
        assert "set-cookie" not in response.headers
    assert (await api.refused(SIGN_IN, input={"username": "admin", "password": PASSWORD, "cookie": True, "refreshable": True}))[1] == [
        "input", "cookie",
    ]  # fmt: skip


async def test_a_web_app_elsewhere_that_is_trusted_may_ask(database: Database) -> None:
    await Isp.make(database)
    api = Api(database, allowed_origins="https://app.isp.id")
    headers = {PREFLIGHT: "1", "Origin": "https://app.isp.id"}
    await by_cookie(api, headers)
    assert (await post(api, ME, headers)).json()["data"]["me"]["username"] == "admin"


async def test_behind_tls_the_cookie_is_secure_and_bound_to_this_host(database: Database) -> None:
    await Isp.make(database)
    api = Api(database, trusted_proxies="10.0.0.0/8")
    from_address(api, "10.0.0.1")
    api.http.base_url = httpx.URL("https://test")  # the client keeps secure cookies for such alone
    headers = {PREFLIGHT: "1", "Origin": "https://test", "X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9"}
    cookies = (await by_cookie(api, headers)).headers.get_list("set-cookie")
    assert sorted(cookie.partition("=")[0] for cookie in cookies) == ["__Host-sebilling", "__Host-sebilling_device"]
    for cookie in cookies:
        assert "secure" in cookie.lower()
    assert (await post(api, ME, headers)).json()["data"]["me"]["username"] == "admin"
    planted = Api(database, trusted_proxies="10.0.0.0/8")
    from_address(planted, "10.0.0.1")
    planted.http.cookies.set("sebilling", api.http.cookies["__Host-sebilling"])
    assert "errors" in (await post(planted, ME, headers)).json(), "a cookie without the prefix may come from a neighbour"


async def test_behind_tls_an_unencrypted_page_of_the_same_host_is_another_site(database: Database) -> None:
    """Whoever sits between browser and server can write such a page."""
    await Isp.make(database)
    api = Api(database, trusted_proxies="10.0.0.0/8")
    from_address(api, "10.0.0.1")
    api.http.base_url = httpx.URL("https://test")
    ours = {PREFLIGHT: "1", "Origin": "https://test", "X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9"}
    await by_cookie(api, ours)
    assert (await post(api, ME, ours | {"Origin": "http://test"})).status_code == 403
    given = {"username": "admin", "password": PASSWORD, "cookie": True}
    refused = (await post(api, SIGN_IN, {**ours, "Origin": "http://test", "Authorization": "Bearer x"}, input=given)).json()
    assert refused["data"]["signIn"]["errors"][0]["field"] == ["input", "cookie"]
    untrusted = Api(database)  # TLS ends at a proxy that nobody named: the server can't know
    await by_cookie(untrusted, {PREFLIGHT: "1", "Origin": "https://test"})


async def test_the_browsers_device_cookie_lets_it_in_while_others_guess(database: Database) -> None:
    await Isp.make(database)
    api, attacker = Api(database), Api(database)
    await by_cookie(api)
    api.http.cookies.delete("sebilling")
    for number in range(101):
        from_address(attacker, f"203.0.{number}.1")
        await refused_sign_in(attacker, password="tebakan-yang-salah")
    assert await refused_sign_in(attacker) == "TOO_MANY_ATTEMPTS"
    await by_cookie(api)


async def test_a_web_socket_from_another_site_brings_no_cookie_along() -> None:
    def handshake(scheme: str = "ws", **headers: str) -> Origin:
        raw = [(name.encode(), value.encode()) for name, value in ({"host": "test", "cookie": "sebilling=x"} | headers).items()]
        scope = {
            "type": "websocket",
            "headers": raw,
            "scheme": scheme,
            "path": "/graphql",
            "server": ("test", 80),
            "client": ("1.2.3.4", 5),
        }
        return cookies.origin_of(WebSocket(scope, receive=_nothing, send=_nothing), trusted=(), origins=["https://app.isp.id"])

    assert handshake(origin="http://test").is_ours
    assert handshake(origin="https://app.isp.id").is_ours
    for headers in ({}, {"origin": "http://evil.example"}, {"origin": "null"}, {PREFLIGHT.lower(): "1"}):
        assert not handshake(**headers).is_ours
    assert handshake("wss", origin="https://test").is_ours
    assert not handshake("wss", origin="http://test").is_ours


async def _nothing(*_: Any) -> Any:
    raise AssertionError("nothing is sent or received")
