"""The simulator by the manual's transcripts, and by clients that we didn't write."""

import asyncio
import gc
import os
import shutil
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import librouteros
import pytest
import routeros_api
import trustme
from librouteros.exceptions import TrapError
from librouteros.login import token
from librouteros.query import And, Key, Or
from routeros_api.exceptions import RouterOsApiCommunicationError
from sebilling.plugins.testing import stopped_while_letting_in

from sebilling_mikrotik.testing import Router, Simulator
from sebilling_mikrotik.testing.queries import matches
from sebilling_mikrotik.testing.tables import Refusal

from .conftest import PASSWORD

FOREIGN = Path(__file__).parent / "foreign"


@asynccontextmanager
async def socket_to(simulator: Simulator) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", simulator.port)
    try:
        yield reader, writer
    finally:
        writer.close()
        await writer.wait_closed()


def words(*sentence: str) -> bytes:
    """Coded by hand: no word here is longer than 127 bytes."""
    return b"".join(bytes([len(word.encode())]) + word.encode() for word in (*sentence, ""))


@pytest.mark.parametrize("turns", range(6))
async def test_who_is_just_being_let_in_when_it_stops_is_hung_up_on(router: Router, turns: int) -> None:
    async with Simulator(router) as simulator:
        await stopped_while_letting_in(simulator.port, simulator.stop, turns=turns)
    gc.collect()  # what nobody closed is complained about


@pytest.mark.parametrize("turns", [0, 3, 30])
async def test_whose_handshake_ends_when_it_has_stopped_is_hung_up_on(router: Router, turns: int) -> None:
    authority, context, trusting = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("router.isp.id").configure_cert(context)
    authority.configure_trust(trusting)
    async with Simulator(router, tls=context) as simulator:
        with socket.create_connection(("127.0.0.1", simulator.port), timeout=5) as client:
            for _ in range(turns):
                await asyncio.sleep(0)
            await simulator.stop()
            with suppress(ConnectionError):
                async with asyncio.timeout(5):
                    reader, writer = await asyncio.open_connection(sock=client, ssl=trusting, server_hostname="router.isp.id")
                    assert await reader.read() == b""
                    writer.close()
    gc.collect()


async def test_a_login_as_in_the_manual(simulator: Simulator) -> None:
    async with socket_to(simulator) as (reader, writer):
        writer.write(words("/login", "=name=sebilling", "=password=wrong"))
        wrong = words("!trap", "=message=invalid user name or password (6)") + words("!done")
        assert await reader.readexactly(len(wrong)) == wrong
        writer.write(words("/login", "=name=sebilling", f"=password={PASSWORD}", ".tag=a7"))
        assert await reader.readexactly(15) == words("!done", ".tag=a7")
        writer.write(words("/quit"))
        assert await reader.read() == words("!fatal", "session terminated on request")


async def test_a_login_before_6_43_is_the_manuals_to_the_byte(
    router: Router, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    router.user("admin", "", group="full")
    simulator.faults.challenge_login = True
    challenge = "856780b7411eefd3abadee2058c149a3"
    monkeypatch.setattr("secrets.token_bytes", lambda size: bytes.fromhex(challenge)[:size])
    async with socket_to(simulator) as (reader, writer):
        writer.write(words("/login"))
        asked = words("!done", f"=ret={challenge}")
        assert await reader.readexactly(len(asked)) == asked
        writer.write(words("/login", "=name=admin", "=response=005062f7a5ef124d34675bf3e81f56c556"))
        assert await reader.readexactly(7) == words("!done")


async def test_who_is_not_logged_in_is_hung_up_on(simulator: Simulator) -> None:
    async with socket_to(simulator) as (reader, writer):
        writer.write(words("/ppp/secret/print"))
        assert await reader.read() == words("!fatal", "not logged in")


async def test_pipelined_commands_share_the_latency(router: Router, simulator: Simulator) -> None:
    simulator.faults.delay_seconds = 0.5  # one after the other they would take 50 s
    async with socket_to(simulator) as (reader, writer):
        start = asyncio.get_running_loop().time()
        writer.write(words("/login", "=name=sebilling", f"=password={PASSWORD}"))
        for number in range(100):
            writer.write(words("/ppp/secret/add", f"=name=u{number}", f".tag={number}"))
        told = b""
        while told.count(b"!done") < 101:
            told += await reader.read(65_536)
        assert asyncio.get_running_loop().time() - start < 25
    assert told.index(b".tag=7\x00") < told.index(b".tag=99\x00")
    assert len(router.table("/ppp/secret").rows) == 100


@pytest.mark.parametrize(
    ("queries", "found"),
    [
        ((), "abc"),
        (("?name=a",), "a"),
        (("?=name=a",), "a"),
        (("?comment",), "ac"),
        (("?-comment",), "b"),
        (("?name=a", "?name=b", "?#|"), "ab"),
        (("?name=a", "?comment"), "a"),
        (("?name=a", "?#!"), "bc"),
        (("?comment", "?name=a", "?#!", "?#&"), "c"),
        (("?comment", "?name=a", "?#!&"), "c"),
        (("?name=a", "?name=b", "?name=c", "?#||"), "abc"),
        (("?>size=9",), "bc"),
        (("?<size=10",), "a"),
        (("?name=a", "?name=b", "?#1"), "a"),
        (("?name=a", "?#!.&"), "bc"),
        (("?name=a", "?name=b", "?#1.|", "?#0"), "ab"),
    ],
)
def test_queries_are_a_stack_machine(queries: tuple[str, ...], found: str) -> None:
    rows = [{"name": "a", "comment": "", "size": "9"}, {"name": "b", "size": "10"}, {"name": "c", "comment": "x", "size": "100"}]
    assert "".join(row["name"] for row in rows if matches(row, queries)) == found


@pytest.mark.parametrize("query", ["?#", "?#&", "?#x", "?#3"])
def test_a_query_that_is_none_is_refused(query: str) -> None:
    with pytest.raises(Refusal):
        matches({}, [query])


def by_librouteros(port: int) -> None:
    api = librouteros.connect("127.0.0.1", "sebilling", PASSWORD, port=port, encoding="utf-8", timeout=3)
    try:
        secrets = api.path("ppp", "secret")
        number = secrets.add(name="dé = 1", profile="10M")
        secrets.add(name="two", profile="default")
        changed: dict[str, Any] = {".id": number, "comment": "rumah 3", "disabled": True}
        secrets.update(**changed)
        name, profile = Key("name"), Key("profile")
        assert [row["name"] for row in secrets.select(name).where(profile == "10M")] == ["dé = 1"]
        assert len(list(secrets.select(name).where(Or(name == "two", profile == "10M")))) == 2
        assert list(secrets.select(name).where(And(name == "two", profile == "10M"))) == []
        assert [row["disabled"] for row in secrets.select(name, Key("disabled")).where(name.In("two", "dé = 1"))] == [True, False]
        with pytest.raises(TrapError, match="already exists"):
            secrets.add(name="two")
        with pytest.raises(TrapError, match="any value of profile"):
            secrets.update(**{".id": number, "profile": "none"})
        with pytest.raises(TrapError, match="no such item"):
            secrets.remove("*FFFF")
        secrets.remove(number)
        assert [row["name"] for row in secrets] == ["two"]
    finally:
        api.close()


def by_librouteros_before_6_43(port: int) -> None:
    api = librouteros.connect("127.0.0.1", "sebilling", PASSWORD, port=port, login_method=token, timeout=3)
    assert list(api("/system/identity/print")) == [{"name": "Sim"}]
    api.close()


def by_routeros_api(port: int) -> None:
    pool: Any = routeros_api.RouterOsApiPool(  # type: ignore[no-untyped-call]
        "127.0.0.1", "sebilling", PASSWORD, port=port, plaintext_login=True
    )
    try:
        secrets = pool.get_api().get_resource("/ppp/secret")
        secrets.add(name="0812", profile="10M")
        assert secrets.get(name="nobody") == []
        (row,) = secrets.get(name="0812")
        secrets.set(id=row["id"], profile="isolir")
        assert secrets.get(name="0812")[0]["profile"] == "isolir"
        with pytest.raises(RouterOsApiCommunicationError, match="already exists"):
            secrets.add(name="0812")
        secrets.remove(id=row["id"])
    finally:
        pool.disconnect()


@pytest.mark.parametrize("version", ["7.16.2 (stable)", "7.20 (stable)"])
async def test_foreign_python_clients_work_with_it(version: str) -> None:
    router = Router(version=version)
    router.user("sebilling", PASSWORD)
    router.setup()
    router.add("/ppp/profile", name="10M")
    async with Simulator(router) as simulator:
        await asyncio.to_thread(by_librouteros, simulator.port)
        await asyncio.to_thread(by_routeros_api, simulator.port)
        simulator.faults.challenge_login = True
        await asyncio.to_thread(by_librouteros_before_6_43, simulator.port)


def by_node(port: int) -> "subprocess.CompletedProcess[str]":
    environment = os.environ | {"ROUTER_PASSWORD": PASSWORD}
    return subprocess.run(
        ["node", FOREIGN / "client.js", str(port), "sebilling"], env=environment, capture_output=True, text=True, timeout=20, check=False
    )


@pytest.mark.skipif(
    not os.environ.get("CI") and (shutil.which("node") is None or not (FOREIGN / "node_modules" / "node-routeros").exists()),
    reason="node or node-routeros isn't there: npm install in tests/foreign",
)
async def test_node_routeros_works_until_7_18_and_breaks_on_empty_as_in_the_field() -> None:
    for version, works in (("7.16.2 (stable)", True), ("7.18 (stable)", False)):
        router = Router(version=version)
        router.user("sebilling", PASSWORD)
        router.add("/ppp/profile", name="10M")
        async with Simulator(router) as simulator:
            told = await asyncio.to_thread(by_node, simulator.port)
        assert '"name":"dari node"' in told.stdout
        assert ('"none":[]' in told.stdout) is works
        assert (told.returncode == 0) is works
        assert ("UNKNOWNREPLY" in told.stderr) is not works
