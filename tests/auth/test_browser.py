"""A real browser: its cookie at work, what its scripts can't read, what a page of another site can't do, and GraphiQL's policy."""

import asyncio
import http.server
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import pytest

from sebilling.db.databases import create_database, drop_database
from sebilling.db.engine import Database
from sebilling.schema.request.cookies import PREFLIGHT
from tests.auth.chromium import Browser, chromium, needs_chromium
from tests.auth.people import ME, REVOKE_OTHERS, SIGN_IN, SIGN_INS
from tests.harness import PASSWORD, Isp
from tests.processes import HttpApi, ServerProcess, servers

pytestmark = needs_chromium
ASK: Final = """
const [address, query, variables, headers] = given;
const answer = await fetch(address + '/graphql', {
  method: 'POST', credentials: 'include', headers: {'Content-Type': 'application/json', ...headers},
  body: JSON.stringify({query, variables})
});
return [answer.status, await answer.json()];"""
KNOCK: Final = """
const [address, query, type] = given;
const body = type === 'form' ? new FormData() : JSON.stringify({query});
if (type === 'form') { body.append('operations', JSON.stringify({query})); body.append('map', '{}'); }
await fetch(address + '/graphql', {
  method: 'POST', mode: 'no-cors', credentials: 'include', body, ...(type === 'form' ? {} : {headers: {'Content-Type': type}})
});
return 'sent';"""
FORM: Final = """
const [address, query] = given;
document.body.innerHTML = '<iframe name="hidden"></iframe><form method="post" enctype="multipart/form-data" target="hidden"></form>';
const form = document.querySelector('form');
form.action = address + '/graphql';
for (const [name, value] of [['operations', JSON.stringify({query})], ['map', '{}']]) {
  const input = document.createElement('input');
  input.name = name; input.value = value; form.append(input);
}
const loaded = new Promise(done => { document.querySelector('iframe').onload = done; });
form.submit();
await loaded;
return 'sent';"""
SOCKET: Final = """
const [address] = given;
const socket = new WebSocket(address.replace('http', 'ws') + '/graphql', 'graphql-transport-ws');
return await new Promise(done => {
  socket.onopen = () => socket.send(JSON.stringify({type: 'connection_init'}));
  socket.onmessage = message => { done(JSON.parse(message.data).type); socket.close(); };
  socket.onclose = end => done('closed ' + end.code);
});"""
OURS: Final = {PREFLIGHT: "1"}


@dataclass
class Place:
    """A server, a browser whose admin has signed in by cookie at its page, and a page of another site."""

    server: ServerProcess
    browser: Browser
    elsewhere: str

    def ask(self, document: str, headers: dict[str, str] | None = None, **variables: Any) -> Any:
        """Status and answer, as the page that is open gets them."""
        return self.browser.run(ASK, self.server.address, document, variables, OURS if headers is None else headers)

    def me(self) -> str | None:
        """Who is signed in, at our page."""
        self.browser.open(f"{self.server.address}/graphql")
        status, answer = self.ask(ME)
        assert status == 200
        return answer["data"]["me"]["username"] if answer["data"] else None


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[str]:
    """Another site: browsers tell localhost and 127.0.0.1 apart."""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>elsewhere</title><body></body>")

        def log_message(self, *_: Any) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://localhost:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def started(server_url: str, template: str, elsewhere: str) -> Iterator[Place]:
    """One server and one browser for all of these tests, as starting them takes longer than most."""
    url = asyncio.run(create_database(server_url, "browser", template=template))

    async def fill() -> None:
        database = Database(url)
        await Isp.make(database)
        await database.close()

    asyncio.run(fill())
    with chromium() as browser, servers(url, SEBILLING_INTROSPECTION="everyone") as (server,):
        yield Place(server, browser, elsewhere)
    asyncio.run(drop_database(server_url, "browser"))


@pytest.fixture
def place(started: Place) -> Iterator[Place]:
    """With the admin signed in afresh, and only there."""
    started.browser.open(f"{started.server.address}/graphql")
    status, answer = started.ask(SIGN_IN, input={"username": "admin", "password": PASSWORD, "cookie": True})
    assert (status, answer["data"]["signIn"]["errors"]) == (200, [])
    started.ask(REVOKE_OTHERS)
    yield started
    started.browser.complaints()


def test_the_page_of_our_own_is_signed_in_by_a_cookie_that_its_scripts_cant_read(place: Place) -> None:
    assert place.me() == "admin"
    assert "sebilling" not in place.browser.run("return document.cookie;")
    status, answer = place.ask(ME, {})
    assert status == 403, "without the header it could be another site's"
    assert PREFLIGHT in answer["errors"][0]["message"]


def test_a_websocket_of_our_own_page_is_signed_in_and_one_of_another_site_never_opens(place: Place) -> None:
    place.browser.open(f"{place.server.address}/graphql")
    assert place.browser.run(SOCKET, place.server.address) == "connection_ack"
    place.browser.open(place.elsewhere)
    assert place.browser.run(SOCKET, place.server.address) == "closed 1006"


async def test_a_page_of_another_site_can_do_nothing_with_the_cookie(place: Place) -> None:
    other = HttpApi(place.server.address)
    await other.sign_in()
    place.browser.open(place.elsewhere)
    assert "Failed to fetch" in place.ask(REVOKE_OTHERS)
    assert "Failed to fetch" in place.ask(REVOKE_OTHERS, {})
    for way in ("text/plain", "application/x-www-form-urlencoded", "form"):
        assert place.browser.run(KNOCK, place.server.address, REVOKE_OTHERS, way) == "sent"
    assert place.browser.run(FORM, place.server.address, REVOKE_OTHERS) == "sent"
    assert len(await other.ask(SIGN_INS)) == 2, "both are signed in still"
    assert place.me() == "admin"
    assert place.ask(REVOKE_OTHERS)[1]["data"]["revokeOtherSignIns"]["revoked"] == 1, "which our own page may do"
    await other.http.aclose()


def test_graphiqls_page_does_what_its_policy_lets_it(place: Place) -> None:
    """All of it comes from this server: it draws itself and its schema, and there is nothing to complain about."""
    place.browser.complaints()
    place.browser.open(f"{place.server.address}/graphql")
    drawn = """
for (let waited = 0; waited < 100; waited++) {
  const editor = document.querySelector('.graphiql-query-editor .CodeMirror');
  if (editor && editor.textContent.includes('a billing month') && document.querySelector('.graphiql-sidebar')) return true;
  await new Promise(done => setTimeout(done, 100));
}
return document.body.textContent.slice(0, 200);"""
    assert place.browser.run(drawn) is True
    asked = """
const answer = await fetch('/graphql/assets/graphiql.js');
const origins = performance.getEntriesByType('resource').map(one => new URL(one.name).origin);
return [answer.status, answer.headers.get('content-type'), origins];"""
    status, kind, origins = place.browser.run(asked)
    assert (status, kind.partition(";")[0], set(origins)) == (200, "text/javascript", {place.server.address})
    assert place.browser.complaints() == []
    blocked = """
const [elsewhere] = given;
const seen = [];
document.addEventListener('securitypolicyviolation', event => seen.push(event.effectiveDirective));
const script = document.createElement('script');
script.textContent = 'window.intruded = true';
document.body.append(script);
await fetch(elsewhere).catch(() => {});
await new Promise(done => setTimeout(done, 500));
return [window.intruded === true, seen.sort()];"""
    assert place.browser.run(blocked, place.elsewhere) == [False, ["connect-src", "script-src-elem"]]


def test_our_page_cant_be_put_into_another_ones_frame(place: Place) -> None:
    place.browser.open(place.elsewhere)
    framed = """
const [address] = given;
const frame = document.createElement('iframe');
frame.src = address + '/graphql';
const loaded = new Promise(done => { frame.onload = done; });
document.body.append(frame);
await loaded;
return true;"""
    place.browser.complaints()
    assert place.browser.run(framed, place.server.address) is True
    assert any("frame" in one for one in place.browser.complaints()), "refused to be framed"
