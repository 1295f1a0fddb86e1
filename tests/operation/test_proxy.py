"""nginx as docs/operations.md has it, before a real server: queries, WebSockets, streams, cookies, and clients told apart."""

import asyncio
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import trustme
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from sebilling.db.engine import Database
from tests.harness import NOW, PASSWORD, SECRET_KEY, Isp
from tests.live.test_streams import curl
from tests.processes import servers, workers

ROOT = Path(__file__).parents[2]
NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
pytestmark = pytest.mark.skipif(NGINX is None and not os.environ.get("CI"), reason="nginx isn't there: apt install nginx-light")
NAME = "billing.isp.id"
SIGN_IN = "mutation($i: SignInInput!) { signIn(input: $i) { token errors { code } } }"
PAYMENTS = "subscription { paymentRecorded { payment { amount } } }"


@dataclass(frozen=True)
class Proxy:
    """A running nginx."""

    address: str
    port: int
    trust: ssl.SSLContext
    authority: Path
    log: Path


@contextmanager
def nginx(upstream: str) -> Iterator[Proxy]:
    """The documented block, with its port, its files and its upstream replaced; an ordinary process with a folder of its own."""
    block = re.search(r"```nginx\n(.*?)```", (ROOT / "docs" / "operations.md").read_text(encoding="utf-8"), re.DOTALL)
    assert block
    with tempfile.TemporaryDirectory(prefix="sebilling-nginx-") as base, socket.socket() as free:
        folder = Path(base)
        folder.chmod(0o755)
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        authority = trustme.CA()
        issued = authority.issue_cert(NAME, "127.0.0.1")
        issued.private_key_and_cert_chain_pem.write_to_path(folder / "server.pem")
        authority.cert_pem.write_to_path(folder / "authority.pem")
        site = block[1]
        for old, new in {
            "listen 443 ssl": f"listen 127.0.0.1:{port} ssl", "http://127.0.0.1:8000": upstream,
            "/etc/letsencrypt/live/billing.isp.id/fullchain.pem": f"{folder}/server.pem",
            "/etc/letsencrypt/live/billing.isp.id/privkey.pem": f"{folder}/server.pem",
            "/var/log/nginx/sebilling.log": f"{folder}/access.log",
        }.items():  # fmt: skip
            assert old in site, old
            site = site.replace(old, new)
        temporary = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        user = "user root;\n" if os.geteuid() == 0 else ""
        (folder / "nginx.conf").write_text(
            f"{user}daemon off;\npid {folder}/pid;\nerror_log {folder}/error.log;\nevents {{}}\nhttp {{\n{temporary}{site}}}\n"
        )
        with subprocess.Popen([str(NGINX), "-p", base, "-c", f"{folder}/nginx.conf"], stderr=subprocess.PIPE) as process:
            try:
                _await(port, process)
                trust = ssl.create_default_context(cafile=str(folder / "authority.pem"))
                yield Proxy(f"https://127.0.0.1:{port}", port, trust, folder / "authority.pem", folder / "access.log")
            finally:
                process.terminate()
                process.wait(timeout=20)


def _await(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 20
    while process.poll() is None and time.monotonic() < deadline:
        with socket.socket() as trying:
            if trying.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    process.terminate()
    raise AssertionError(process.communicate()[1])


async def test_everything_passes_the_documented_nginx(committed: Database) -> None:
    isp = await Isp.make(committed)
    person = await isp.customer()
    await isp.open()
    await isp.generate()
    environment = {
        "SEBILLING_INLINE_WORKER": "false", "SEBILLING_SECRET_KEY": SECRET_KEY, "SEBILLING_ALLOWED_HOSTS": NAME,
        "SEBILLING_TRUSTED_PROXIES": "127.0.0.1",
    }  # fmt: skip
    with servers(committed.url, 1, **environment) as (server,), workers(committed.url, 1), nginx(server.address) as proxy:
        host = f"{NAME}:{proxy.port}"
        async with httpx.AsyncClient(base_url=proxy.address, verify=proxy.trust, headers={"Host": host}) as http:
            asking = {"query": SIGN_IN, "variables": {"i": {"username": "admin", "password": PASSWORD}}}
            answer = await http.post("/graphql", json=asking)
            assert answer.headers["strict-transport-security"], "the server knows that it was TLS"
            token = answer.json()["data"]["signIn"]["token"]
            await _subscribed(proxy, token, isp, person)
            await _signed_in_by_cookie(http, host)
            await http.get("/downloads/geheim.signature?x=geheim")
            await _told_apart(proxy, host)
        assert "geheim" not in proxy.log.read_text()
        assert '"POST /graphql" 200' in proxy.log.read_text()


async def _subscribed(proxy: Proxy, token: str, isp: Isp, person: int) -> None:
    """An event comes at once, by a WebSocket and by a stream."""
    headers = {"Host": f"{NAME}:{proxy.port}"}
    address = f"wss://127.0.0.1:{proxy.port}/graphql"
    protocols = [Subprotocol("graphql-transport-ws")]
    asked = ("-X", "POST", "--cacert", str(proxy.authority), "-H", "Content-Type: application/json", "-d", json.dumps({"query": PAYMENTS}))
    async with (
        connect(address, ssl=proxy.trust, subprotocols=protocols, proxy=None) as live,
        curl(proxy.address, token, "-H", f"Host: {headers['Host']}", *asked) as stream,
    ):
        await live.send(json.dumps({"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}}))
        async with asyncio.timeout(30):
            assert json.loads(await live.recv())["type"] == "connection_ack"
            await live.send(json.dumps({"id": "1", "type": "subscribe", "payload": {"query": PAYMENTS}}))
            await asyncio.sleep(1)
            await isp.pay(person, 12_345, at=NOW)
            while (message := json.loads(await live.recv()))["type"] != "next":
                assert message["type"] in {"ping", "pong"}, message
        assert message["payload"]["data"]["paymentRecorded"]["payment"]["amount"] == 12_345
        assert "12345" in (await stream.event())["data"]


async def _signed_in_by_cookie(http: httpx.AsyncClient, host: str) -> None:
    """By a page on this port."""
    headers = {"Origin": f"https://{host}", "GraphQL-Require-Preflight": "1"}
    asking = {"query": SIGN_IN, "variables": {"i": {"username": "admin", "password": PASSWORD, "cookie": True}}}
    answer = await http.post("/graphql", json=asking, headers=headers)
    assert answer.json()["data"]["signIn"] == {"token": None, "errors": []}, answer.text
    cookies = "; ".join(one.partition(";")[0] for one in answer.headers.get_list("set-cookie"))
    assert "Secure" in answer.headers["set-cookie"]
    me = await http.post("/graphql", json={"query": "{ me { username } }"}, headers={**headers, "Cookie": cookies})
    assert me.json()["data"]["me"]["username"] == "admin"


async def _told_apart(proxy: Proxy, host: str) -> None:
    """Who guesses too often from one address is stopped, and another address isn't; what a client claims counts for nothing."""

    async def guesses(source: str, times: int) -> list[str]:
        transport = httpx.AsyncHTTPTransport(verify=proxy.trust, local_address=source)
        async with httpx.AsyncClient(transport=transport, base_url=proxy.address, headers={"Host": host}) as http:
            codes = []
            for number in range(times):
                asking = {"query": SIGN_IN, "variables": {"i": {"username": "admin", "password": "salah-sekali"}}}
                answer = await http.post("/graphql", json=asking, headers={"X-Forwarded-For": f"198.51.100.{number}"})
                codes.append(answer.json()["data"]["signIn"]["errors"][0]["code"])
            return codes

    assert (await guesses("127.0.0.2", 12))[-1] == "TOO_MANY_ATTEMPTS"
    assert await guesses("127.0.0.3", 1) == ["WRONG_CREDENTIALS"]
