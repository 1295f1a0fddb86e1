"""A stored secret goes to no other place than the one it was entered for, and no device is where this machine's own services are."""

import asyncio
import contextlib
import json
import logging
import socket
import uuid
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

import httpx
import pytest
from pydantic import BaseModel, Field, SecretStr

from sebilling.app import create_app
from sebilling.db.engine import Database
from sebilling.device_errors import AddressRefused, SecretNeeded
from sebilling.network import devices
from sebilling.network import health as device_health
from sebilling.operator_errors import InvalidSetting
from sebilling.plugins.contract import HOST, NOT_A_DESTINATION, OWN_DESTINATION, DeviceConfig, DriverContext
from sebilling.plugins.loading import Plugins
from sebilling.plugins.networks import Networks, Reason
from tests.harness import LAB, Api, Isp, quiet_settings
from tests.isolation import gear, routers
from tests.isolation.routers import PASSWORD
from tests.isolation.test_graphql import CREATE, LATE, UPDATE

SECRET: Final = "sandi-router-777"
FINGERPRINT: Final = "SHA256:" + "A" * 43
ROUTER: Final = {"host": "10.0.0.1", "username": "sebilling", "password": SECRET}
OLT: Final = {**ROUTER, "enable_password": "enable-42", "host_fingerprint": FINGERPRINT}
RADIUS: Final = {
    "database_host": "10.0.0.1", "database_password": SECRET,
    "nas": [{"address": "10.0.0.0/24", "secret": "rahasia-nas-1"}, {"address": "10.0.1.1", "secret": "rahasia-nas-2"}],
}  # fmt: skip
STARS: Final = "**********"


class Nested(BaseModel, extra="forbid", frozen=True, hide_input_in_errors=True):
    at: str = Field(json_schema_extra=HOST)
    token: SecretStr


class AnyConfig(DeviceConfig, frozen=True):
    """Of a third party that declares hardly anything."""

    url: str
    key: SecretStr
    spare: SecretStr | None = None
    seconds: int = Field(default=5, json_schema_extra=NOT_A_DESTINATION)
    peers: tuple[Nested, ...] = Field(default=(), json_schema_extra=OWN_DESTINATION)


class AnyDriver(gear.GearDriver):
    kind = "test.any"
    config_model = AnyConfig  # type: ignore[assignment]  # another driver's settings


@pytest.fixture
async def api(database: Database) -> AsyncIterator[Api]:
    """Signed in as admin, with the installed drivers and one that declares nothing."""
    await Isp.make(database)
    made, plugins = Api(database, at=LATE), Plugins.load()
    plugins.drivers[AnyDriver.kind] = AnyDriver
    app = create_app(quiet_settings(device_networks=""), database, clock=lambda: LATE, plugins=plugins)
    made.http = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")
    await made.sign_in()
    yield made
    await made.http.aclose()


async def created(api: Api, kind: str, config: Mapping[str, Any]) -> str:
    found: str = (await api.do(CREATE, input={"name": uuid.uuid4().hex, "kind": kind, "config": config}))["device"]["id"]
    return found


ELSEWHERE: Final = (
    ("mikrotik.pppoe", ROUTER, {"host": "10.6.6.6"}, ["password"]),
    ("mikrotik.pppoe", ROUTER, {"port": 6666}, ["password"]),
    ("mikrotik.queue", ROUTER, {"tls": False}, ["password"]),
    ("mikrotik.hotspot", ROUTER, {"ca_pem": "another CA"}, ["password"]),
    ("mikrotik.address_list", ROUTER, {"server_name": "thief.example"}, ["password"]),
    ("mikrotik.pppoe", ROUTER, {**ROUTER, "host": "10.6.6.6", "password": STARS}, ["password"]),
    ("olt.zte", OLT, {"host": "10.6.6.6", "password": "new"}, ["enable_password"]),
    ("olt.huawei", OLT, {"host_fingerprint": "SHA256:" + "B" * 43}, ["password"]),
    ("olt.huawei", OLT, {"host_fingerprint": ""}, ["password"]),
    ("olt.zte_lan", OLT, {"transport": "telnet"}, ["password"]),
    ("nftables.set", ROUTER, {"port": 2222}, ["password"]),
    ("nftables.set", ROUTER, {"host_fingerprint": FINGERPRINT}, ["password"]),
    ("radius.group", RADIUS, {"database_host": "10.6.6.6"}, ["database_password"]),
    ("radius.group", RADIUS, {"database_port": 6666, "database_password": "new"}, ["nas", "0", "secret"]),
    ("radius.reject", RADIUS, {"database_tls": False}, ["database_password"]),
    ("test.any", {"url": "http://10.0.0.1", "key": SECRET}, {"url": "http://10.6.6.6"}, ["key"]),
)


async def test_a_change_of_the_destination_demands_the_secrets_again(api: Api, database: Database) -> None:
    for kind, config, change, path in ELSEWHERE:
        device_id = await created(api, kind, config)
        before = await Isp.rows(_isp(database), "SELECT config FROM device ORDER BY id")
        code, field = await api.refused(UPDATE, input={"id": device_id, "config": change})
        assert (code, field) == ("SECRET_NEEDED", ["input", "config", *path]), (kind, change)
        assert await Isp.rows(_isp(database), "SELECT config FROM device ORDER BY id") == before, "nothing has changed"


KEPT: Final = (
    ("mikrotik.pppoe", ROUTER, {"timeout_seconds": 3, "profile": "garden", "username": "other"}),
    ("mikrotik.pppoe", ROUTER, {**ROUTER, "password": STARS}),
    ("mikrotik.pppoe", ROUTER, {"host": "10.0.0.2", "password": SECRET}),
    ("olt.zte", OLT, {"save_seconds": 9, "method": "shutdown"}),
    ("olt.zte", OLT, {"host": "10.0.0.2", "password": "new", "enable_password": None}),
    ("nftables.set", ROUTER, {"timeout_seconds": 3, "username": "other", "netns": "bng", "sudo": True}),
    ("radius.group", RADIUS, {"nas": [{"address": "10.0.9.0/24", "secret": "rahasia-nas-9"}], "group": "garden"}),
    ("test.any", {"url": "http://10.0.0.1", "key": SECRET}, {"seconds": 9}),
    ("test.any", {"url": "http://10.0.0.1", "key": SECRET}, {"spare": "also"}),
)


async def test_whatever_else_changes_the_secrets_stay(api: Api) -> None:
    for kind, config, change in KEPT:
        await api.do(UPDATE, input={"id": await created(api, kind, config), "config": change})


async def test_the_message_names_what_changed_and_what_to_enter_in_the_callers_language(api: Api) -> None:
    device_id = await created(api, "olt.zte", OLT)
    for language, words in (
        ("en", ("enter password, enable_password again", "host")),
        ("id", ("isi lagi password, enable_password", "host")),
    ):
        api.headers["Accept-Language"] = language
        payload = await api.ask(UPDATE, input={"id": device_id, "config": {"host": "10.6.6.6"}})
        assert all(word in payload["errors"][0]["message"] for word in words)


async def test_the_events_tell_where_a_device_points_and_no_secret(api: Api, database: Database) -> None:
    pem = "-----BEGIN CERTIFICATE-----\n" + "A" * 500
    device_id = await created(api, "mikrotik.pppoe", {**ROUTER, "ca_pem": pem})
    await api.do(UPDATE, input={"id": device_id, "config": {"host": "10.0.0.2", "password": SECRET}})
    await api.do(UPDATE, input={"id": device_id, "enabled": False})
    rows = await Isp.rows(_isp(database), "SELECT data FROM event WHERE kind LIKE 'device.%' ORDER BY id")
    made, moved, stopped = (row[0] for row in rows)
    assert made["destination"]["host"] == "10.0.0.1"
    assert made["destination"]["ca_pem"].startswith("sha256:")
    assert (moved["destination_before"]["host"], moved["destination"]["host"]) == ("10.0.0.1", "10.0.0.2")
    assert stopped["destination"]["host"] == "10.0.0.2"
    assert "destination_before" not in stopped
    await api.do(CREATE, input={"name": "RB2", "kind": "test.any", "config": {"url": f"http://x:{SECRET}@10.0.0.1", "key": SECRET}})
    assert SECRET not in json.dumps(await Isp.rows(_isp(database), "SELECT data FROM event"), default=str)


async def test_stars_are_nobodys_secret_wherever_they_stand(api: Api) -> None:
    peers = [{"at": "10.0.0.3", "token": STARS}]
    config = {"url": "http://10.0.0.1", "key": SECRET, "peers": peers}
    code, field = await api.refused(CREATE, input={"name": "RB1", "kind": "test.any", "config": config})
    assert (code, field) == ("INVALID_DEVICE", ["input", "config", "peers", "0", "token"])


async def test_a_thief_gets_nothing(committed: Database) -> None:
    """The attack of the field: point a device at a machine of one's own, have it tested, and read the password."""
    heard = bytearray()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while part := await reader.read(4_096):
                heard.extend(part)
        writer.close()

    async with routers.place(committed) as place, await asyncio.start_server(listen, "127.0.0.1", 0) as thief:
        port = thief.sockets[0].getsockname()[1]
        device_id, plugins, vault = await place.device(), place.engine.plugins, place.engine.vault
        assert (await device_health.ask(place.engine, device_id)).reachable
        for change in ({"port": port}, {"host": "127.0.0.2"}, {"port": port, "password": STARS}):
            with pytest.raises(SecretNeeded):
                async with place.isp.write() as session:
                    await devices.update(session, plugins, vault, device_id, config=change)
        assert (await device_health.ask(place.engine, device_id)).reachable, "it points where it did"
        async with place.isp.write() as session:
            await devices.update(
                session, plugins, vault, device_id, config={"port": port, "password": "of-the-thief", "timeout_seconds": 0.3}
            )
        await device_health.ask(place.engine, device_id)
    assert b"of-the-thief" in heard, "the thief was listening"
    assert PASSWORD.encode() not in heard


# Addresses

REFUSED: Final = {
    "127.0.0.1": Reason.LOOPBACK, "127.8.9.1": Reason.LOOPBACK, "::1": Reason.LOOPBACK, "localhost": Reason.LOOPBACK,
    "LocalHost.": Reason.LOOPBACK, "db.localhost": Reason.LOOPBACK, "::ffff:127.0.0.1": Reason.LOOPBACK, "64:ff9b::7f00:1": Reason.LOOPBACK,
    "2002:7f00:1::1": Reason.LOOPBACK, "::7f00:1": Reason.LOOPBACK, "0.0.0.0": Reason.UNSPECIFIED, "0.1.2.3": Reason.UNSPECIFIED,  # noqa: S104 - nothing is bound
    "::": Reason.UNSPECIFIED, "169.254.169.254": Reason.METADATA, "::ffff:169.254.169.254": Reason.METADATA,
    "64:ff9b::a9fe:a9fe": Reason.METADATA, "fd00:ec2::254": Reason.METADATA, "100.100.100.200": Reason.METADATA,
    "169.254.3.4": Reason.LINK_LOCAL,
    "fe80::1": Reason.LINK_LOCAL, "fe80::1%eth0": Reason.LINK_LOCAL, "224.0.0.1": Reason.MULTICAST, "255.255.255.255": Reason.MULTICAST,
    "ff02::1": Reason.MULTICAST, "/run/postgresql": Reason.UNIX_SOCKET,
}  # fmt: skip
ALLOWED: Final = ("10.0.0.1", "192.168.88.1", "172.16.0.1", "100.64.0.1", "103.10.20.30", "2001:db8::1", "fd12:3456::1", "olt.isp.id")


@pytest.mark.parametrize(("host", "place"), REFUSED.items())
def test_no_device_is_there(host: str, place: Reason) -> None:
    with pytest.raises(AddressRefused) as caught:
        Networks().check(host)
    assert place.value[0] in caught.value.message("en")
    assert place.value[1] in caught.value.message("id")
    assert f"SEBILLING_DEVICE_NETWORKS={host}" in caught.value.message("id")


@pytest.mark.parametrize("host", ALLOWED)
def test_devices_are_there(host: str) -> None:
    Networks().check(host)


async def test_what_is_refused_is_told_at_its_field_in_the_callers_language(api: Api) -> None:
    api.headers["Accept-Language"] = "id"
    for host in ("127.0.0.1", "/run/postgresql"):
        device = {"name": "RB1", "kind": "radius.group", "config": {**RADIUS, "database_host": host}}
        (error,) = (await api.ask(CREATE, input=device))["errors"]
        assert (error["code"], error["field"]) == ("ADDRESS_REFUSED", ["input", "config", "database_host"])
        assert f"SEBILLING_DEVICE_NETWORKS={host}" in error["message"]
    for kind, config in (("mikrotik.pppoe", ROUTER), ("olt.zte", OLT)):
        assert (await api.refused(CREATE, input={"name": "RB1", "kind": kind, "config": {**config, "host": "::1"}}))[0] == "ADDRESS_REFUSED"


async def test_also_an_update_and_a_nested_address(api: Api) -> None:
    device_id = await created(api, "radius.group", RADIUS)
    nas = [{"address": "10.0.0.1", "send_to": "127.0.0.1", "secret": "rahasia-nas-3"}]
    assert await api.refused(UPDATE, input={"id": device_id, "config": {"nas": nas}}) == (
        "ADDRESS_REFUSED", ["input", "config", "nas", "0", "send_to"],
    )  # fmt: skip


async def test_a_name_is_judged_by_where_it_leads_at_the_connection(committed: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also if it leads somewhere else when it is looked up a second time (DNS rebinding)."""
    answers = [["127.0.0.1"], ["10.0.0.1", "127.0.0.1"], ["10.0.0.1"]]
    async with routers.place(committed) as place:
        plugins = place.engine.plugins
        device_id = await place.device(host="router.isp.test")
        loop, looked = asyncio.get_running_loop(), []

        async def look_up(host: str, port: object, **_: object) -> list[Any]:
            looked.append(host)
            addresses = answers[0] if len(looked) == 1 or port is None else ["127.0.0.1"]
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port or 0)) for address in addresses]

        monkeypatch.setattr(loop, "getaddrinfo", look_up)
        plugins.networks = Networks()
        for _ in range(3):
            health = await device_health.ask(place.engine, device_id)
            assert not health.reachable
            assert "127.0.0.1" in health.problems[0].english
            assert "SEBILLING_DEVICE_NETWORKS" in health.problems[0].english
            answers.pop(0)
        assert place.simulator.seen == [], "nobody was connected to"
        answers.append(["127.0.0.1"])
        plugins.networks = Networks.parse(LAB)
        assert (await device_health.ask(place.engine, device_id)).reachable


@pytest.mark.parametrize(
    ("family", "address", "is_refused"),
    [
        (socket.AF_INET, ("127.0.0.1", 80), False),
        (socket.AF_INET, ("127.0.0.1", 5432), True),
        (socket.AF_INET, ("127.0.0.2", 8000), True),
        (socket.AF_INET6, ("::1", 80, 0, 0), True),
        (socket.AF_INET6, ("::ffff:127.0.0.1", 80, 0, 0), False),
        (socket.AF_INET, ("10.0.0.5", 5433), False),
        (socket.AF_INET, ("10.0.0.6", 5432), True),
        (socket.AF_INET, ("10.0.0.7", 80), False),
        (socket.AF_INET, ("router.isp.id", 80), True),
        (socket.AF_UNIX, "/run/postgresql/.s.PGSQL.5432", False),
        (socket.AF_UNIX, "/run/postgresql/../other/socket", True),
        (socket.AF_UNIX, "/run/postgresql-other/socket", True),
        (socket.AF_UNIX, b"\0abstract", True),
    ],
)
def test_what_a_socket_may_connect_to(family: int, address: object, *, is_refused: bool) -> None:
    """Of a lab whose database is on this machine and on 10.0.0.6, with a RADIUS database beside it."""
    own = (("127.0.0.1", 5432), ("0.0.0.0", 8000), ("10.0.0.6", 5432), ("10.0.0.5", 5433))  # noqa: S104 - nothing is bound
    rules = Networks.parse("127.0.0.0/8, /run/postgresql, 10.0.0.5:5433", own=own)
    assert (rules.refusal(family, address) is not None) is is_refused


def test_our_own_database_and_server_are_ours_also_in_a_lab() -> None:
    settings = quiet_settings(device_networks="0.0.0.0/0", host="127.0.0.1", port=8123)
    rules = Networks.of(settings, "postgresql+asyncpg://x:y@10.0.0.9/sebilling")
    assert rules.refusal(socket.AF_INET, ("10.0.0.9", 5432)) is not None
    assert rules.refusal(socket.AF_INET, ("127.0.0.1", 8123)) is not None
    assert rules.refusal(socket.AF_INET, ("10.0.0.9", 5433)) is None
    rules = Networks.of(settings, "postgresql://x:y@10.0.0.9/sebilling?port=5433")
    assert rules.refusal(socket.AF_INET, ("10.0.0.9", 5433)) is not None
    with pytest.raises(InvalidSetting, match="SEBILLING_DEVICE_NETWORKS"):
        Networks.of(quiet_settings(device_networks="10.0.0.1/8"), "postgresql+asyncpg://x@h/d")


@pytest.mark.parametrize("kind", ["mikrotik.pppoe", "nftables.set", "olt.zte", "olt.huawei", "radius.group"])
async def test_every_drivers_connections_are_watched(kind: str) -> None:
    """Also netmiko's and paramiko's in their threads and asyncpg's: none of them knows of it."""
    came: list[object] = []

    async def listen(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.append(writer)
        writer.close()

    driver = Plugins.load().drivers[kind]
    async with await asyncio.start_server(listen, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        settings: dict[str, Any] = {**(OLT if kind.startswith("olt") else ROUTER), "host": "127.0.0.1", "port": port}
        if kind == "radius.group":
            settings = {**RADIUS, "database_host": "127.0.0.1", "database_port": port}
        config = driver.config_model.model_validate({**settings, "timeout_seconds": 2})
        for is_watched in (False, True):
            session = driver(config, DriverContext(1, "device", logging.getLogger("sebilling.device.test")))
            rules = Networks() if is_watched else Networks.parse(LAB)
            with rules.watched() as refused:
                health = await session.probe()
            await session.close()
            assert not (is_watched and health.reachable)
            assert bool(refused) is is_watched
            await asyncio.sleep(0.05)
            assert (came != []) is not is_watched, "the first is let through, so that the second proves something"
            came.clear()


def test_threads_and_datagrams_are_watched_too() -> None:
    async def story() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one, Networks().watched() as refused:
            with pytest.raises(PermissionError, match="loopback"):
                one.sendto(b"x", ("127.0.0.1", 9))
            with pytest.raises(PermissionError, match="loopback"):
                await asyncio.to_thread(socket.create_connection, ("127.0.0.1", 9))
            with pytest.raises(PermissionError):
                await asyncio.get_running_loop().create_datagram_endpoint(asyncio.DatagramProtocol, remote_addr=("127.0.0.1", 9))
        assert len(refused) == 3
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
            one.sendto(b"x", ("127.0.0.1", 9))  # outside, everything is as ever

    asyncio.run(story())


def _isp(database: Database) -> Isp:
    return Isp(database, None, 0)  # type: ignore[arg-type]  # only to look into the tables
