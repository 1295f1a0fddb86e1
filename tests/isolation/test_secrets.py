"""No secret is told anywhere: a whole life at DEBUG, then every log, answer, event and row is searched for what was planted."""

import asyncio
import base64
import re
import subprocess
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import make_url, text

from sebilling import keys
from sebilling.clock import JAKARTA, Month, local_date, system_clock
from sebilling.db.embedded import server_bin_dir
from sebilling.db.engine import Database
from tests.harness import PASSWORD as USERS_PASSWORD
from tests.harness import Api, Isp
from tests.isolation import routers
from tests.isolation.routers import KEY, PASSWORD, USER, Place
from tests.processes import ServerProcess

OLD_KEY: Final = "0d8f27b6e1934ca5782f6be09d41c35a9e60f718b2d4c3a7"
NEW_KEY: Final = "b37e5a90c1f2486d97e0a4d85b3c62f1087d9e4ab65f21c8"
PLANTED: Final = {
    "the router's password": PASSWORD, "the router's next password": "sandi-Baru-5813", "a wrong router's password": "sandi-Salah-2207",
    "a subscriber's password": "sandi-Pelanggan-3304", "a user's password": USERS_PASSWORD, "a wrong user's password": "bukan-sandi-7761",
    "the key": KEY, "the key before": OLD_KEY, "the next key": NEW_KEY,
}  # fmt: skip
NEXT, WRONG, SUBSCRIBERS = PLANTED["the router's next password"], PLANTED["a wrong router's password"], PLANTED["a subscriber's password"]
_PRICES: Final = text("UPDATE plan SET price = 150000")
_ERRORS: Final = "errors { code field message }"
SIGN_IN: Final = f"mutation($input: SignInInput!) {{ signIn(input: $input) {{ token {_ERRORS} }} }}"
CREATE: Final = f"mutation($input: CreateDeviceInput!) {{ createDevice(input: $input) {{ device {{ id }} {_ERRORS} }} }}"
UPDATE: Final = f"mutation($input: UpdateDeviceInput!) {{ updateDevice(input: $input) {{ device {{ id enabled }} {_ERRORS} }} }}"
TEST: Final = f"mutation($input: DeviceIdInput!) {{ testDevice(input: $input) {{ device {{ reachable problems facts }} {_ERRORS} }} }}"
POLICY: Final = f"mutation($input: SetIsolationPolicyInput!) {{ setIsolationPolicy(input: $input) {{ policy {{ id }} {_ERRORS} }} }}"
RUN: Final = f"mutation {{ runIsolation {{ blocked restored held {_ERRORS} }} }}"
PAY: Final = f"mutation($input: RecordPaymentInput!) {{ recordPayment(input: $input) {{ {_ERRORS} }} }}"
PROMISE: Final = f"mutation($input: PromiseToPayInput!) {{ promiseToPay(input: $input) {{ {_ERRORS} }} }}"
CONFIG: Final = "query($id: ID!) { deviceConfig(id: $id) { config } }"
LOOK: Final = "{ devices { id name kind problems facts waiting } drivers { kind configSchema } plugins { name status error } }"
STATES: Final = "{ serviceAccesses(first: 10) { nodes { key desired actual detail error blockReason { text } inSync customer { id } } } }"
EVENTS: Final = (
    "query($after: String) { events(first: 100, after: $after) { nodes { kind data actor } pageInfo { hasNextPage endCursor } } }"
)


def forms(secret: bytes) -> Iterator[bytes]:
    """The secret as it is, in hexadecimal digits, and in base64 wherever in a longer text it may stand."""
    yield secret
    yield secret.hex().encode()
    for ahead in range(3):
        whole = base64.b64encode(b"\0" * ahead + secret + b"\0\0\0")
        begin, end = -(-ahead * 8 // 6), (ahead + len(secret)) * 8 // 6
        inner = whole[begin:end]
        yield inner
        yield inner.translate(bytes.maketrans(b"+/", b"-_"))


def found(told: bytes, secrets: Mapping[str, bytes]) -> list[str]:
    """Which of them are told, also within the bytes that it writes as \\x…."""
    decoded = [bytes.fromhex(run.decode()) for run in re.findall(rb"\\x((?:[0-9a-fA-F]{2}){6,})", told)]
    places = [told.replace(b"\\", b""), *(way for place in (told, *decoded) for way in (place, place.lower()))]
    return [name for name, secret in secrets.items() if any(form in place for form in forms(secret) for place in places)]


@pytest.mark.parametrize("before", [b"", b"x", b"xy", b"xyz"])
def test_the_search_finds_a_secret_in_each_form(before: bytes) -> None:
    secret = {"it": b"sandi?>-Rahasia\xff\xfe-1"}
    whole = before + secret["it"] + b"and more"
    for told in (whole, whole.hex().encode(), whole.hex().upper().encode(), base64.b64encode(whole), base64.urlsafe_b64encode(whole)):
        assert found(b"something " + told + b" else", secret) == ["it"], told
        assert found(b"a row\t\\\\x" + told.hex().encode() + b"\tmore", secret) == ["it"], "as bytea in a dump"
    assert found(b"something else", secret) == []


@dataclass
class Life:
    """A real server at DEBUG, its router, and whatever was said."""

    place: Place
    server: ServerProcess
    url: str
    folder: Path
    http: httpx.AsyncClient
    told: list[tuple[str, bytes]] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)

    async def send(self, body: Mapping[str, Any], *, keep: bool = True) -> Any:
        """The answer; it is searched later, unless it has to hold a token."""
        headers = {"Authorization": f"Bearer {self.tokens[-1]}"} if self.tokens else {}
        answer = await self.http.post("/graphql", json=body, headers=headers)
        if keep:
            self.told.append((f"answer to {str(body['query'])[:60]}", answer.content + str(answer.headers).encode()))
        return answer.json()

    async def ask(self, query: str, **variables: Any) -> Any:
        """The first root field's value; it must go well."""
        answer = await self.send({"query": query, "variables": variables})
        assert "errors" not in answer, answer["errors"]
        value = next(iter(answer["data"].values()))
        assert not (isinstance(value, dict) and value.get("errors")), value
        return value

    async def refused(self, query: str, **variables: Any) -> Any:
        """What was answered to something that must not go well."""
        answer = await self.send({"query": query, "variables": variables})
        value = next(iter((answer.get("data") or {"": None}).values()))
        assert answer.get("errors") or value["errors"], answer
        return answer

    async def sign_in(self, password: str) -> None:
        given = {"input": {"username": "admin", "password": password}}
        answer = await self.send({"query": SIGN_IN, "variables": given}, keep=password != USERS_PASSWORD)
        if password == USERS_PASSWORD:
            self.tokens.append(answer["data"]["signIn"]["token"])

    async def shell(self, *arguments: str, code: int = 0, **environment: str) -> str:
        given = {"SEBILLING_DATABASE_URL": self.url, "SEBILLING_SECRET_KEY": KEY, "SEBILLING_LOG_LEVEL": "DEBUG", **environment}
        done = await routers.shell(self.folder, *arguments, **given)
        self.told.append((f"sebilling {' '.join(arguments)}", f"{done.stdout}\n{done.stderr}".encode()))
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    async def until_shown(self, name: str, word: str) -> None:
        """Until a device's problems or an access's error say this."""
        for _ in range(150):
            found = await self.ask(LOOK) if name == "problems" else (await self.ask(STATES))["nodes"]
            if any(word in str(one[name]) for one in found):
                return
            await asyncio.sleep(0.2)
        pytest.fail(f"'{word}' is shown nowhere")

    async def until(self, **wanted: str) -> None:
        """Until each key's access is read back so, or 45 seconds are over."""
        async with asyncio.timeout(45):
            while True:
                nodes = (await self.ask(STATES))["nodes"]
                if {node["key"]: node["actual"] for node in nodes if node["key"] in wanted and node["inSync"]} == wanted:
                    return
                await asyncio.sleep(0.3)


@pytest_asyncio.fixture
async def life(committed: Database, committed_url: str, tmp_path: Path) -> AsyncIterator[Life]:
    async with routers.place(committed) as place:
        environment = {"SEBILLING_SECRET_KEY": KEY, "SEBILLING_SECRET_KEY_OLD": OLD_KEY, "SEBILLING_LOG_LEVEL": "DEBUG"}
        server = ServerProcess(committed_url, **environment, SEBILLING_VAR=str(tmp_path / "var"))
        try:
            async with httpx.AsyncClient(base_url=server.address, timeout=60) as http:
                yield Life(place, server, committed_url, tmp_path, http)
        finally:
            server.stop()


async def device_by_graphql(life: Life) -> str:
    """Wrong, wrong again, and right; tested, changed, off and on."""
    settings = life.place.settings()
    good = {"name": "RB1", "kind": "mikrotik.pppoe", "config": settings}
    for wrong in (
        {**settings, "password": [PASSWORD]}, {**settings, "pasword": WRONG}, {**settings, "port": PASSWORD}, {"password": PASSWORD},
        {**settings, "host": {"password": PASSWORD}}, [PASSWORD], PASSWORD,
    ):  # fmt: skip
        await life.refused(CREATE, input={**good, "config": wrong})
    await life.refused(CREATE, input={**good, "kind": "no.such"})
    device_id: str = (await life.ask(CREATE, input=good))["device"]["id"]
    await life.refused(CREATE, input=good)
    await life.ask(LOOK)
    shown = (await life.ask(CONFIG, id=device_id))["config"]
    await life.ask(UPDATE, input={"id": device_id, "config": shown, "name": "RB9"})
    assert (await life.ask(TEST, input={"id": device_id}))["device"]["reachable"]
    for config in ({"password": WRONG}, {"password": PASSWORD, "host": "127.0.0.2", "port": 9}, {"tls": True}):
        await life.ask(UPDATE, input={"id": device_id, "config": {**settings, **config}})
        assert (await life.ask(TEST, input={"id": device_id}))["device"]["problems"]
    await life.ask(UPDATE, input={"id": device_id, "config": settings, "name": "RB1"})
    life.place.simulator.faults.traps = {"/system/identity/print": ("4", f"failure: bad word =password={PASSWORD}")}
    assert (await life.ask(TEST, input={"id": device_id}))["device"]["problems"]
    life.place.simulator.faults.traps = None
    life.place.router.passwords[USER] = NEXT
    assert (await life.ask(TEST, input={"id": device_id}))["device"]["problems"]
    await life.ask(UPDATE, input={"id": device_id, "config": {"password": NEXT}, "enabled": False})
    await life.ask(UPDATE, input={"id": device_id, "enabled": True})
    await life.refused(UPDATE, input={"id": device_id, "config": {"password": {"was": NEXT}}})
    assert len((await life.ask(TEST, input={"id": device_id}))["device"]["problems"]) == 1, "TLS is off"
    return device_id


async def cut_and_given_back(life: Life) -> None:
    """Three from the router: two are cut, one of them while the router refuses with our words; one pays, one promises."""
    for name in ("budi", "siti", "wati"):
        life.place.router.add("/ppp/secret", name=name, password=SUBSCRIBERS, service="pppoe", profile="10M", comment=name.title())
    await life.shell("import", "mikrotik", "--device", "RB1", "--counter", "LKT01", code=1)
    await life.shell("import", "mikrotik", "--device", "RB1", "--counter", "LKT01", "--create-missing", "--yes")
    async with life.place.isp.write() as session:
        await session.execute(_PRICES)
    month = str(Month.of(local_date(system_clock(), JAKARTA)))
    await life.shell("period", "open", month)
    await life.shell("generate", month)
    await life.shell("isolation", "plan")
    life.place.simulator.faults.traps = {"/ppp/secret/set": ("", f"failure: not now, {NEXT}")}
    await life.ask(POLICY, input={"mode": "FROM_INVOICE", "days": 0})
    assert (await life.ask(RUN))["blocked"] == 3
    await life.until_shown("error", "not now")
    await life.shell("isolation", "drift", code=1)
    life.place.simulator.faults.traps = None
    await life.until(budi="BLOCKED", siti="BLOCKED", wati="BLOCKED")
    life.place.router.passwords[USER] = "changed there"
    await life.place.simulator.reboot(down_seconds=0.1)  # whoever is signed in would stay so
    people = {node["key"]: node["customer"]["id"] for node in (await life.ask(STATES))["nodes"]}
    await life.ask(PAY, input={"customerId": people["budi"], "amount": 150_000, "method": "CASH", "idempotencyKey": "only-once-1"})
    await life.until_shown("problems", "refused the user")
    life.place.router.passwords[USER] = NEXT
    await life.ask(PROMISE, input={"customerId": people["siti"], "untilOn": str(local_date(system_clock(), JAKARTA)), "reason": "gajian"})
    await life.until(budi="ACTIVE", siti="ACTIVE", wati="BLOCKED")
    await life.refused(PAY, input={"customerId": people["wati"], "amount": -1, "method": "CASH", "idempotencyKey": life.tokens[0]})


async def test_no_secret_is_told_in_a_whole_life(life: Life) -> None:
    await life.sign_in(PLANTED["a wrong user's password"])
    await life.sign_in(USERS_PASSWORD)
    await life.sign_in(USERS_PASSWORD)
    await device_by_graphql(life)
    await cut_and_given_back(life)
    for arguments in (("plugin", "list"), ("isolation", "run"), ("isolation", "drift"), ("check",)):
        await life.shell(*arguments)
    after, kinds = None, set()
    while True:
        page = await life.ask(EVENTS, after=after)
        kinds |= {node["kind"] for node in page["nodes"]}
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]
    assert kinds >= {"device.created", "device.changed", "device.health_changed", "customers.imported", "service_access.given",
                     "customer.blocked", "customer.restored", "isolation.failed", "payment.recorded"}, kinds  # fmt: skip
    await life.ask("mutation { signOut { errors { code } } }")
    life.server.process.terminate()
    await asyncio.to_thread(life.server.process.wait, timeout=30)
    log = life.server.log.encode()
    for word in (b'"level": "debug"', b"mikrotik_read", b"mikrotik_probe_failed", b"device_failed"):
        assert word in log or any(word in told for _, told in life.told), f"{word!r} isn't logged: was it at DEBUG?"
    first = await asyncio.to_thread(dump, life.url)
    assert b"COPY public.device " in first
    assert b"RB1" in first
    await life.shell("secrets", "rotate", SEBILLING_SECRET_KEY=NEW_KEY, SEBILLING_SECRET_KEY_OLD=KEY)
    second = await asyncio.to_thread(dump, life.url)
    everything = [*life.told, ("the server's log", log), ("a dump", first), ("a dump after the rotation", second)]
    secrets = {name: secret.encode() for name, secret in PLANTED.items()}
    secrets |= {f"sign-in {number}": token.encode() for number, token in enumerate(life.tokens)}
    secrets |= {f"{name}, derived": keys.derived(PLANTED[name]) for name in ("the key", "the key before", "the next key")}
    assert [(where, names) for where, told in everything if (names := found(told, secrets))] == []


NOT_TO_BE_READ: Final = (
    (CREATE, {"name": "RB1", "config": {"password": PASSWORD}}),
    (CREATE, {"name": "RB1", "kind": [PASSWORD], "config": {}}),
    (CREATE, {"name": "RB1", "kind": "test.gear", "config": {}, "pasword": PASSWORD}),
    (CREATE, [PASSWORD]),
    (CREATE, PASSWORD),
    (SIGN_IN, {"username": "admin", "password": [PASSWORD]}),
    (SIGN_IN, {"username": "admin", "pasword": PASSWORD}),
    (POLICY, {"mode": PASSWORD}),
    (PAY, {"customerId": "cus_1", "amount": PASSWORD, "idempotencyKey": "only-once-1"}),
    (f'mutation {{ createDevice(input: {{config: {{password "{PASSWORD}"}}}}) {{ {_ERRORS} }} }}', None),
    (f'mutation {{ createDevice(input: {{config: {{password: "{PASSWORD}"}}}}) {{ {_ERRORS} }} }}', None),
    (f'mutation {{ createDevice(input: {{kind: 7, config: {{password: "{PASSWORD}"}}}}) {{ nothing {_ERRORS} }} }}', None),
    (f'mutation {{ createDevice(input: "{PASSWORD}") {{ {_ERRORS} }} }}', None),
    (f'mutation {{ signIn(input: {{username: "admin", password: {{of: "{PASSWORD}"}}}}) {{ {_ERRORS} }} }}', None),
    (f'mutation {{ signIn(input: {{username: "admin" "{PASSWORD}"}}) {{ {_ERRORS} }} }}', None),
    (f'mutation {{ setIsolationPolicy(input: {{mode: "{PASSWORD}"}}) {{ {_ERRORS} }} }}', None),
)


@pytest.mark.parametrize(("query", "given"), NOT_TO_BE_READ)
async def test_what_cant_be_read_isnt_repeated(database: Database, query: str, given: Any) -> None:
    await Isp.make(database)
    api = Api(database)
    await api.sign_in()
    answer = await api.raw(query, input=given)
    errors = answer.get("errors") or next(iter(answer["data"].values()))["errors"]
    assert errors[0]["message"] if "message" in errors[0] else errors[0]["code"]
    assert found(str(answer).encode(), {"it": PASSWORD.encode()}) == [], answer


def dump(url: str) -> bytes:
    """All of the database, as pg_dump writes it."""
    place = make_url(url)
    command = [
        str(server_bin_dir() / "pg_dump"),
        "--host",
        str(place.query["host"]),
        "--username",
        str(place.username),
        str(place.database),
    ]
    return subprocess.run(command, capture_output=True, check=True, timeout=60).stdout
