"""nginx as docs/operations.md has it and Caddy as deploy/ has it, each before a real server.

Queries, WebSockets, streams, cookies and limits work through them, clients are told apart, and no secret is in their logs.
"""

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
from collections.abc import Iterator, Mapping
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
from tests.operation.test_metrics import free_port
from tests.processes import servers, workers

ROOT = Path(__file__).parents[2]
_PLACES = f"{os.environ.get('PATH', '')}:/usr/sbin"
NGINX, CADDY = shutil.which("nginx", path=_PLACES), shutil.which("caddy", path=_PLACES)
NAME = "billing.isp.id"
SECRETS = ("/downloads/geheim.signature?x=geheim", "/tagihan/geheim/INV/2026.pdf", "/mulai/geheim", "/healthz?x=geheim")
SIGN_IN = "mutation($i: SignInInput!) { signIn(input: $i) { token errors { code } } }"
PAYMENTS = "subscription { paymentRecorded { payment { amount } } }"


@dataclass(frozen=True)
class Proxy:
    """One that runs."""

    address: str
    port: int
    trust: ssl.SSLContext
    authority: Path
    log: Path


@contextmanager
def proxy_of(kind: str, upstream: str) -> Iterator[Proxy]:
    """One of this kind, an ordinary process with a folder of its own; its certificate is of an authority of the test's."""
    with tempfile.TemporaryDirectory(prefix=f"sebilling-{kind}-") as base:
        folder, port = Path(base), free_port()
        folder.chmod(0o755)
        authority = trustme.CA()
        issued = authority.issue_cert(NAME, "127.0.0.1")
        issued.private_key_and_cert_chain_pem.write_to_path(folder / "server.pem")
        authority.cert_pem.write_to_path(folder / "authority.pem")
        command, environment = (nginx if kind == "nginx" else caddy)(folder, port, upstream)
        with (folder / "said").open("wb") as said, subprocess.Popen(command, env=environment, stdout=said, stderr=said) as process:
            try:
                _await(port, process, folder / "said")
                trust = ssl.create_default_context(cafile=str(folder / "authority.pem"))
                yield Proxy(f"https://127.0.0.1:{port}", port, trust, folder / "authority.pem", folder / "access.log")
            finally:
                process.terminate()
                process.wait(timeout=20)


def nginx(folder: Path, port: int, upstream: str) -> tuple[list[str], dict[str, str]]:
    """The documented block, with its port, its files and its upstream replaced."""
    block = re.search(r"```nginx\n(.*?)```", (ROOT / "docs" / "operations.md").read_text(encoding="utf-8"), re.DOTALL)
    assert block
    site = replaced(block[1], {
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl", "http://127.0.0.1:8000": upstream,
        "/etc/letsencrypt/live/billing.isp.id/fullchain.pem": f"{folder}/server.pem",
        "/etc/letsencrypt/live/billing.isp.id/privkey.pem": f"{folder}/server.pem",
        "/var/log/nginx/sebilling.log": f"{folder}/access.log", "/var/log/nginx/error.log": f"{folder}/error.log",
    })  # fmt: skip
    temporary = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    user = "user root;\n" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(
        f"{user}daemon off;\npid {folder}/pid;\nerror_log {folder}/error.log;\nevents {{}}\nhttp {{\n{temporary}{site}}}\n"
    )
    return [str(NGINX), "-p", str(folder), "-c", f"{folder}/nginx.conf"], {}


def caddy(folder: Path, port: int, upstream: str) -> tuple[list[str], dict[str, str]]:
    """The file as it is, behind a few lines: only this test asks it for anything, it asks nobody for a certificate and installs none."""
    site = replaced((ROOT / "deploy" / "caddy" / "Caddyfile").read_text(encoding="utf-8"), {
        "{\n\t# What": "{\n\tadmin off\n\tskip_install_trust\n\tauto_https disable_redirects\n\t# What",
        "\treverse_proxy ": f"\ttls {folder}/server.pem {folder}/server.pem\n\tbind 127.0.0.1\n\treverse_proxy ",
    })  # fmt: skip
    (folder / "Caddyfile").write_text(site, encoding="utf-8")
    environment = {
        "HOME": str(folder), "SEBILLING_NAME": f"https://{NAME}:{port}, https://127.0.0.1:{port}",
        "SEBILLING_PROXY_LOG": f"file {folder}/access.log", "SEBILLING_UPSTREAM": upstream.removeprefix("http://"),
    }  # fmt: skip
    return [str(CADDY), "run", "--config", f"{folder}/Caddyfile", "--adapter", "caddyfile"], environment


def replaced(text: str, changes: Mapping[str, str]) -> str:
    """With each of these, which must be there, replaced."""
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


def _await(port: int, process: "subprocess.Popen[bytes]", said: Path) -> None:
    deadline = time.monotonic() + 20
    while process.poll() is None and time.monotonic() < deadline:
        with socket.socket() as trying:
            if trying.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    process.terminate()
    raise AssertionError(said.read_text())


@pytest.mark.parametrize(("kind", "program", "package"), [("nginx", NGINX, "nginx-light"), ("caddy", CADDY, "caddy")])
async def test_everything_passes(committed: Database, kind: str, program: str | None, package: str) -> None:
    if program is None and not os.environ.get("CI"):
        pytest.skip(f"{kind} isn't there: apt install {package}")
    isp = await Isp.make(committed)
    person = await isp.customer()
    await isp.open()
    await isp.generate()
    environment = {
        "SEBILLING_INLINE_WORKER": "false", "SEBILLING_SECRET_KEY": SECRET_KEY, "SEBILLING_ALLOWED_HOSTS": NAME,
        "SEBILLING_TRUSTED_PROXIES": "127.0.0.1",
    }  # fmt: skip
    with servers(committed.url, 1, **environment) as (server,), workers(committed.url, 1), proxy_of(kind, server.address) as proxy:
        host = f"{NAME}:{proxy.port}"
        async with httpx.AsyncClient(base_url=proxy.address, verify=proxy.trust, headers={"Host": host}) as http:
            asking = {"query": SIGN_IN, "variables": {"i": {"username": "admin", "password": PASSWORD}}}
            answer = await http.post("/graphql", json=asking)
            assert answer.headers["strict-transport-security"], "the server knows that it was TLS"
            token = answer.json()["data"]["signIn"]["token"]
            await _subscribed(proxy, token, isp, person)
            await _signed_in_by_cookie(http, host)
            for secret in SECRETS:
                await http.get(secret)
            assert (await http.post("/graphql", content=b"x" * 7_000_000)).status_code == httpx.codes.REQUEST_ENTITY_TOO_LARGE
            await _told_apart(proxy, host)
            server.stop()
            for secret in SECRETS:
                assert (await http.get(secret)).status_code == httpx.codes.BAD_GATEWAY
        log = "".join(file.read_text() for file in proxy.log.parent.iterdir() if file.name in {"access.log", "error.log", "said"})
        assert "geheim" not in log
        assert token not in log
        assert min(log.count("/tagihan/-"), log.count("/mulai/-")) > 0
        assert re.search(r'"POST /graphql" 200|"uri":"/graphql".*"status":200', log), log


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
