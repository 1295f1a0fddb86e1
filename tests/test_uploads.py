"""Uploads of proofs by GraphQL multipart requests: what is kept, what is refused, and that nothing strays in the store."""

import asyncio
import json
import os
import re
import socket
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from sebilling import events
from sebilling.actor import Role
from sebilling.billing import deposits
from sebilling.billing.deposits import DepositType
from sebilling.db.engine import Database
from sebilling.errors import DatabaseUnavailable
from sebilling.jobs import orphaned_proofs
from sebilling.schema.request.endpoint import PREFLIGHT
from sebilling.storage import ObjectStore
from sebilling.storage.proofs import MAX_PROOF_BYTES, Proof
from tests.harness import NOW, Api, Isp, make_user
from tests.processes import HttpApi, ServerProcess, servers
from tests.storage import noise, packed, pdf, receipt

SUBMIT = """mutation($i: SubmitDepositInput!) { submitDeposit(input: $i) {
  deposit { id amount proof { mediaType sizeBytes } } replayed errors { code message field } } }"""
PROOF = "query($id: ID!) { proofLink(depositId: $id) { url } }"
PICTURE = packed(receipt(), "PNG")


class Counter(Api):
    """A store of its own, and a clerk of LKT01 signed in."""

    isp: Isp
    folder: Path

    @classmethod
    async def made(cls, database: Database, folder: Path) -> "Counter":
        """`folder` is the deployment's own."""
        api = cls(database, var=folder)
        api.folder = folder
        api.isp = await Isp.make(database, "LKT01", "LKT02")
        async with api.isp.write() as session:
            await make_user(session, "kasir", Role.CLERK, "LKT01")
        await api.sign_in("kasir")
        return api

    @property
    def stored(self) -> list[Path]:
        """Every file in the store."""
        return files_in(self.folder / "uploads")

    def given(self, **changes: Any) -> dict[str, Any]:
        """An input of submitDeposit."""
        counter = f"cou_{self.isp.counters['LKT01']}"
        return {"counterId": counter, "amount": 50_000, "type": "TRANSFER", "idempotencyKey": str(uuid4()), "proof": None} | changes

    async def send(self, content: bytes, name: str = "bukti.png", media_type: str = "image/png", **changes: Any) -> Any:
        """Submit a deposit with this file; gives the payload."""
        response = await self.form(
            {
                "operations": json.dumps({"query": SUBMIT, "variables": {"i": self.given(**changes)}}),
                "map": json.dumps({"0": ["variables.i.proof"]}),
            },
            {"0": (name, content, media_type)},
        )
        assert response.status_code == 200, response.text
        assert "errors" not in response.json(), response.text
        return response.json()["data"]["submitDeposit"]

    async def form(self, fields: dict[str, str], files: dict[str, Any], **headers: str) -> httpx.Response:
        """A multipart request with the header that the server wants, and with others."""
        parts: Any = [*((name, (None, value)) for name, value in fields.items()), *files.items()]
        return await self.http.post("/graphql", files=parts, headers={**self.headers, PREFLIGHT: "1", **headers})

    async def code(self, content: bytes, **details: Any) -> str:
        """The code of the one error; nothing may have changed and nothing may lie in the store."""
        before = await self.counts()
        payload = await self.send(content, **details)
        (error,) = payload["errors"]
        assert payload["deposit"] is None
        assert error["message"]
        assert await self.counts() == before
        return str(error["code"])

    async def counts(self) -> Any:
        """How much there is of everything that a deposit could leave."""
        tables = ("deposit", "proof", "idempotency_key", "event")
        return [await self.isp.value(f"SELECT count(*) FROM {table}") for table in tables], self.stored


def files_in(folder: Path) -> list[Path]:
    return sorted(one for one in folder.rglob("*") if one.is_file())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "var"


@pytest.mark.parametrize(
    ("content", "media_type"),
    [(PICTURE, "image/png"), (packed(receipt(), "JPEG"), "image/jpeg"), (packed(receipt(), "WEBP"), "image/webp"),
     (pdf(), "application/pdf")],
)  # fmt: skip
async def test_a_proof_is_fetched_as_it_was_stored(database: Database, folder: Path, content: bytes, media_type: str) -> None:
    api = await Counter.made(database, folder)
    payload = await api.send(content, name="apa saja.bin", media_type="application/octet-stream")
    assert payload["errors"] == []
    (stored,) = api.stored
    assert payload["deposit"]["proof"] == {"mediaType": media_type, "sizeBytes": stored.stat().st_size}
    assert re.fullmatch(r"proofs/2026/02/[0-9a-f]{32}\.(png|jpg|webp|pdf)", stored.relative_to(folder / "uploads").as_posix())
    answer = await api.http.get((await api.ask(PROOF, id=payload["deposit"]["id"]))["url"])
    assert (answer.status_code, answer.headers["content-type"]) == (200, media_type)
    assert answer.content == stored.read_bytes()
    assert answer.headers["x-content-type-options"] == "nosniff"
    is_pdf = media_type == "application/pdf"  # shown by the browser's viewer, which no sandbox allows
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; object-src" if is_pdf else "sandbox;")
    number = payload["deposit"]["id"].removeprefix("dep_")
    assert answer.headers["content-disposition"] == f'inline; filename="bukti-{number}{stored.suffix}"'


async def test_a_proof_that_is_gone_from_the_store_is_told(database: Database, folder: Path) -> None:
    api = await Counter.made(database, folder)
    payload = await api.send(PICTURE)
    url = (await api.ask(PROOF, id=payload["deposit"]["id"]))["url"]
    (stored,) = api.stored
    stored.unlink()
    answer = await api.http.get(url)
    assert answer.status_code == 404
    assert "store" in answer.json()["error"]


async def test_without_the_header_a_form_of_another_site_is_refused(database: Database, folder: Path) -> None:
    api = await Counter.made(database, folder)
    before = await api.counts()
    parts: Any = {
        "operations": (None, json.dumps({"query": SUBMIT, "variables": {"i": api.given()}})),
        "map": (None, '{"0": ["variables.i.proof"]}'),
        "0": ("x.png", PICTURE, "image/png"),
    }
    for headers in ({}, {PREFLIGHT: ""}):
        response = await api.http.post("/graphql", files=parts, headers=api.headers | headers)
        assert response.status_code == 400
        assert PREFLIGHT in response.text
    assert await api.counts() == before


@pytest.mark.parametrize(
    "content",
    [b"", b"MZ\x90\x00" + bytes(5_000), b"\x7fELF" + bytes(5_000), PICTURE[:-200], b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>",
     b"<html><script>alert(1)</script>", b"GIF89a" + bytes(200), b"\x89PNG\r\n\x1a\n", b"%PDF-1.7\n", b"PK\x03\x04" + bytes(200)],
    ids=["nothing", "exe", "elf", "cut off", "svg", "html", "gif", "only a png's head", "only a pdf's head", "zip"],
)  # fmt: skip
async def test_what_is_no_proof_whatever_it_is_called(database: Database, folder: Path, content: bytes) -> None:
    api = await Counter.made(database, folder)
    assert await api.code(content, name="bukti.png") == "INVALID_PROOF"
    assert api.stored == []


async def test_five_mebibytes_and_not_a_byte_more(database: Database, folder: Path) -> None:
    api = await Counter.made(database, folder)
    padded = packed(receipt(), "JPEG")
    assert await api.code(padded + bytes(MAX_PROOF_BYTES + 1 - len(padded))) == "INVALID_PROOF"
    before = await api.counts()
    response = await api.form(
        {"operations": json.dumps({"query": SUBMIT, "variables": {"i": api.given()}}), "map": '{"0": ["variables.i.proof"]}'},
        {"0": ("x.png", bytes(6 * 1024 * 1024), "image/png")},
    )
    assert response.status_code == 413
    assert await api.counts() == before
    large = packed(noise(1_100, 1_100), "PNG")
    assert 3_000_000 < len(large) < MAX_PROOF_BYTES
    assert (await api.send(large))["errors"] == []


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd", "/etc/passwd", "..\\..\\boot.ini", "x.png\x00.exe", "a" * 2_000 + ".png", "bukti 😀.png", "", "con",
     ".htaccess"],
)  # fmt: skip
async def test_names_of_files_mean_nothing(database: Database, folder: Path, name: str) -> None:
    api = await Counter.made(database, folder)
    before = files_in(folder.parent)
    payload = await api.send(PICTURE, name=name or "-")
    assert payload["errors"] == []
    (stored,) = api.stored
    assert {*files_in(folder.parent)} - {*before} == {stored}
    assert not name or name not in str(stored.relative_to(folder))


OPERATIONS = json.dumps({"query": "{ me { username } }"})
WITH_FILE = json.dumps(
    {"query": SUBMIT, "variables": {"i": {"counterId": "cou_1", "amount": 1, "idempotencyKey": "abcdefgh", "proof": None}}}
)


@pytest.mark.parametrize(
    ("operations", "paths"),
    [
        ("", "{}"), ("{", "{}"), ("[]", "{}"), ("null", "{}"), ("1", "{}"), ('"x"', "{}"), ("[" * 100_000, "{}"), ('{"a":' * 50_000, "{}"),
        ("{}", "{}"), ('{"query": 1}', "{}"), ('{"query": null}', "{}"), ('{"query": {"a": 1}}', "{}"), ("[" + OPERATIONS + "]", "{}"),
        ('{"query": "{ me { username } }", "variables": []}', "{}"), ('{"query": "{ me { username } }", "variables": 1}', "{}"),
        ('{"query": "{ me { username } }", "operationName": 1}', "{}"), ('{"query": "{ me { username } }", "extensions": 1}', "{}"),
        (WITH_FILE, ""), (WITH_FILE, "{"), (WITH_FILE, "[]"), (WITH_FILE, "null"), (WITH_FILE, "1"), (WITH_FILE, '"x"'),
        (WITH_FILE, "[" * 100_000),
        (WITH_FILE, '{"0": null}'), (WITH_FILE, '{"0": 1}'), (WITH_FILE, '{"0": "variables.i.proof"}'), (WITH_FILE, '{"0": [1]}'),
        (WITH_FILE, '{"0": [null]}'), (WITH_FILE, '{"0": [["variables"]]}'), (WITH_FILE, '{"0": {"a": 1}}'), (WITH_FILE, '{"0": [""]}'),
        (WITH_FILE, '{"0": ["."]}'), (WITH_FILE, '{"0": ["nothing.there"]}'), (WITH_FILE, '{"0": ["variables.i.proof.deeper"]}'),
        (WITH_FILE, '{"0": ["variables.i.amount.real"]}'), (WITH_FILE, '{"0": ["query.0"]}'), (WITH_FILE, '{"0": ["query"]}'),
        (WITH_FILE, '{"0": ["variables"]}'), (WITH_FILE, '{"0": ["operationName"]}'), (WITH_FILE, '{"0": ["extensions"]}'),
        (WITH_FILE, '{"1": ["variables.i.proof"]}'), (WITH_FILE, '{"operations": ["variables.i.proof"]}'),
    ],
)  # fmt: skip
async def test_forms_that_are_none(database: Database, folder: Path, operations: str, paths: str) -> None:
    api = await Counter.made(database, folder)
    before = await api.counts()
    response = await api.form({"operations": operations, "map": paths}, {"0": ("x.png", PICTURE, "image/png")})
    if response.status_code == 200:  # a document after all, only without its file: then that is told
        answer = response.json()
        told = answer["errors"][0]["extensions"]["code"] if "errors" in answer else answer["data"]["submitDeposit"]["errors"][0]["code"]
        assert told in {"BAD_REQUEST", "NOT_FOUND", "INVALID_PROOF"}, response.text
    else:
        assert response.status_code == 400, response.text
    assert await api.counts() == before


@pytest.mark.parametrize("where", ["variables.i.note", "variables.i.amount", "variables.i.counterId", "variables.i", "variables.other"])
async def test_a_file_where_none_belongs(database: Database, folder: Path, where: str) -> None:
    api = await Counter.made(database, folder)
    before = await api.counts()
    operations = json.dumps({"query": SUBMIT, "variables": {"i": api.given()}})
    response = await api.form({"operations": operations, "map": json.dumps({"0": [where]})}, {"0": ("x.png", PICTURE, "image/png")})
    assert response.status_code == 200
    answer = response.json()
    found = answer["errors"][0]["extensions"]["code"] if "errors" in answer else answer["data"]["submitDeposit"]["errors"][0]["code"]
    assert found in {"BAD_REQUEST", "INVALID_PROOF", "INVALID_NUMBER"}
    assert await api.counts() == before


@pytest.mark.parametrize("proof", ["x", 1, True, {"file": 1}, ["x"], "data:image/png;base64,AAAA"])
async def test_a_proof_that_is_no_file(database: Database, folder: Path, proof: object) -> None:
    api = await Counter.made(database, folder)
    before = await api.counts()
    answer = await api.raw(SUBMIT, i=api.given(proof=proof))
    found = answer["errors"][0]["extensions"]["code"] if "errors" in answer else answer["data"]["submitDeposit"]["errors"][0]["code"]
    assert found in {"BAD_REQUEST", "INVALID_PROOF"}
    assert await api.counts() == before


@pytest.mark.parametrize("body", [b"null", b"1", b'"x"', b"[]", b"[" * 100_000, b'{"a":' * 40_000, b"\xff", b"", b"[1]", b'{"query": []}'])
async def test_json_that_is_no_request(database: Database, body: bytes) -> None:
    response = await Api(database).http.post("/graphql", content=body, headers={"content-type": "application/json"})
    assert response.status_code == 400


@pytest.mark.parametrize(
    ("media_type", "body"),
    [
        ("multipart/form-data", b"x"), ("multipart/form-data; boundary=", b"x"), ("multipart/form-data; boundary=x", b""),
        ("multipart/form-data; boundary=x", b"--x\r\n"), ("multipart/form-data; boundary=x", b"--x--\r\n"),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data\r\n\r\n1\r\n--x--\r\n"),
        ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="operations"\r\n\r\n{}\r\n'),
        ("multipart/form-data; boundary=x",
         b'--x\r\nContent-Disposition: form-data; name="operations"; filename="o"\r\n\r\n{}\r\n--x--\r\n'),
        ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="operations"\r\n\r\n\xff\xfe\r\n--x--\r\n'),
        ("multipart/form-data; boundary=x; charset=nothing", b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--x--\r\n'),
        ("multipart/form-data; boundary=x",
         b"".join(b'--x\r\nContent-Disposition: form-data; name="%d"\r\n\r\n1\r\n' % n for n in range(2_000)) + b"--x--\r\n"),
        ("multipart/form-data; boundary=x",
         b"".join(b'--x\r\nContent-Disposition: form-data; name="%d"; filename="f"\r\n\r\n1\r\n' % n for n in range(2_000)) + b"--x--\r\n"),
        ("multipart/form-data; boundary=x",
         b'--x\r\nContent-Disposition: form-data; name="operations"\r\n\r\n' + b" " * 2_000_000 + b"{}\r\n--x--\r\n"),
        ("multipart/form-data; boundary=" + "x" * 5_000, b"x"), ("multipart/mixed; boundary=x", b"--x--\r\n"),
        ("MULTIPART/FORM-DATA; boundary=x", b"--x--\r\n"),
    ],
)  # fmt: skip
async def test_bodies_that_are_torn(database: Database, folder: Path, media_type: str, body: bytes) -> None:
    api = await Counter.made(database, folder)
    before = await api.counts()
    response = await api.http.post("/graphql", content=body, headers={**api.headers, PREFLIGHT: "1", "content-type": media_type})
    assert response.status_code in {400, 415}, response.text
    assert await api.counts() == before


async def test_a_proof_for_a_counter_out_of_scope(database: Database, folder: Path) -> None:
    api = await Counter.made(database, folder)
    assert await api.code(PICTURE, counterId=f"cou_{api.isp.counters['LKT02']}") == "NOT_FOUND"
    assert await api.code(PICTURE, counterId="cou_999999") == "NOT_FOUND"
    assert await api.code(PICTURE, counterId="nothing") == "INVALID_ID"
    assert await api.code(PICTURE, amount=0) == "INVALID_AMOUNT"
    assert await api.code(PICTURE, note="x" * 501) == "INVALID_TEXT"
    assert await api.code(PICTURE, idempotencyKey="short") == "INVALID_TEXT"
    assert await api.code(PICTURE, collectorId=f"usr_{api.isp.admin.user_id}") == "FORBIDDEN"
    assert api.stored == []


async def test_who_may_not_hand_over_stores_nothing(database: Database, folder: Path) -> None:
    api = await Counter.made(database, folder)
    async with api.isp.write() as session:
        await make_user(session, "teknisi", Role.TECHNICIAN)
        await make_user(session, "auditor", Role.AUDITOR)
    for name in ("teknisi", "auditor"):
        await api.sign_in(name)
        assert await api.code(PICTURE) == "FORBIDDEN"
    del api.headers["Authorization"]
    operations = json.dumps({"query": SUBMIT, "variables": {"i": api.given()}})
    response = await api.form({"operations": operations, "map": '{"0": ["variables.i.proof"]}'}, {"0": ("x.png", PICTURE, "image/png")})
    assert [error["extensions"]["code"] for error in response.json()["errors"]] == ["UNAUTHENTICATED"]
    assert api.stored == []


async def test_the_same_key_again(database: Database, folder: Path) -> None:
    api = await Counter.made(database, folder)
    first = await api.send(PICTURE, idempotencyKey="key-of-deposit")
    stored = api.stored
    assert len(stored) == 1
    again = await api.send(PICTURE, idempotencyKey="key-of-deposit")
    assert (again["replayed"], again["errors"]) == (True, [])
    assert again["deposit"] == first["deposit"]
    assert api.stored == stored
    assert await api.code(packed(receipt(), "JPEG"), idempotencyKey="key-of-deposit") == "IDEMPOTENCY_MISMATCH"
    assert await api.code(PICTURE, idempotencyKey="key-of-deposit", amount=1) == "IDEMPOTENCY_MISMATCH"
    assert api.stored == stored


async def test_the_same_upload_many_times_at_once_is_one_deposit(committed: Database, folder: Path) -> None:
    api = await Counter.made(committed, folder)
    payloads = await asyncio.gather(*(api.send(PICTURE, idempotencyKey="key-of-deposit") for _ in range(6)))
    assert {payload["deposit"]["id"] for payload in payloads} == {payloads[0]["deposit"]["id"]}
    assert sorted(payload["replayed"] for payload in payloads) == [False] + 5 * [True]
    (stored,) = api.stored
    assert str(stored).endswith(await api.isp.value("SELECT object_key FROM proof"))


@pytest.mark.parametrize("error", [RuntimeError("broken"), DatabaseUnavailable(why="gone")])
async def test_a_transaction_that_fails_leaves_no_object(
    database: Database, folder: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    api = await Counter.made(database, folder)
    before = await api.counts()
    seen: list[int] = []

    async def broken(*_: object, **__: object) -> None:
        seen.append(len(api.stored))
        raise error

    monkeypatch.setattr(events, "append", broken)
    operations = json.dumps({"query": SUBMIT, "variables": {"i": api.given()}})
    response = await api.form({"operations": operations, "map": '{"0": ["variables.i.proof"]}'}, {"0": ("x.png", PICTURE, "image/png")})
    assert response.json()["errors"][0]["extensions"]["code"] in {"INTERNAL", "DATABASE_UNAVAILABLE"}
    assert seen == [1], "the object was there when it failed"
    assert await api.counts() == before


async def test_a_store_that_cannot_write_changes_nothing(database: Database, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    api = await Counter.made(database, folder)
    before = await api.counts()

    async def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(ObjectStore, "put", full)
    operations = json.dumps({"query": SUBMIT, "variables": {"i": api.given()}})
    response = await api.form({"operations": operations, "map": '{"0": ["variables.i.proof"]}'}, {"0": ("x.png", PICTURE, "image/png")})
    assert [one["extensions"]["code"] for one in response.json()["errors"]] == ["INTERNAL"]
    assert "No space" not in response.text
    assert await api.counts() == before


async def test_a_store_that_cannot_delete_changes_no_answer(database: Database, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    api = await Counter.made(database, folder)
    first = await api.send(PICTURE, idempotencyKey="key-of-deposit")

    async def away(*_: object, **__: object) -> None:
        raise ConnectionError("the store is away")

    monkeypatch.setattr(ObjectStore, "delete", away)
    again = await api.send(PICTURE, idempotencyKey="key-of-deposit")
    assert (again["replayed"], again["deposit"]) == (True, first["deposit"])
    assert len(api.stored) == 2, "the sweep's to delete"


# --- the sweep ---


async def test_the_sweep_deletes_old_orphans_and_nothing_else(database: Database, tmp_path: Path) -> None:
    isp = await Isp.make(database)
    store = ObjectStore.open(None, tmp_path / "uploads")
    known, orphan, young = (f"proofs/2026/02/{letter * 32}.png" for letter in "abc")
    others = ("backup.sql", f"proofs/2026/02/{'d' * 32}.png.bak", "other/2026/02/x.png", f"proofs/{'e' * 32}.png")
    for key in (known, orphan, young, *others):
        await store.put(key, b"x", media_type="image/png")
        if key != young:
            at = (NOW - orphaned_proofs.PATIENCE - timedelta(seconds=1)).timestamp()
            os.utime(tmp_path / "uploads" / key, (at, at))
    at = (NOW - orphaned_proofs.PATIENCE).timestamp()
    os.utime(tmp_path / "uploads" / young, (at, at))
    async with isp.write() as session:
        await deposits.submit(
            session, counter_id=isp.counters["LKT01"], amount=1, type=DepositType.TRANSFER, key="key-of-deposit",
            proof=Proof("image/png", b"x", b"y"), object_key=known,
        )  # fmt: skip
    assert await orphaned_proofs.orphans(database, store, at=NOW) == 1
    assert {one.relative_to(tmp_path / "uploads").as_posix() for one in files_in(tmp_path)} == {known, young, *others}
    assert await orphaned_proofs.orphans(database, store, at=NOW) == 0
    assert await orphaned_proofs.orphans(database, store, at=NOW + timedelta(hours=1)) == 1
    assert {one.relative_to(tmp_path / "uploads").as_posix() for one in files_in(tmp_path)} == {known, *others}


async def test_the_sweep_deletes_nothing_while_nobody_can_say_what_is_known(tmp_path: Path) -> None:
    store = ObjectStore.open(None, tmp_path / "uploads")
    key = f"proofs/2026/02/{'a' * 32}.png"
    await store.put(key, b"x", media_type="image/png")
    os.utime(tmp_path / "uploads" / key, (0, 0))
    database = Database("postgresql+asyncpg://nobody@127.0.0.1:1/nothing", connections=2)
    with pytest.raises(DatabaseUnavailable):
        await orphaned_proofs.orphans(database, store, at=NOW)
    assert await store.get(key) == b"x"
    await database.close()


async def test_the_sweep_of_an_empty_store(database: Database, tmp_path: Path) -> None:
    assert await orphaned_proofs.orphans(database, ObjectStore.open(None, tmp_path / "uploads"), at=NOW) == 0


# --- four gigabytes, at a real server ---

PATIENCE_SECONDS = 20
MAX_TAKEN_BYTES = 16 * 1024 * 1024
"""Of an endless body until it is refused: five that are allowed, and what lies in the sockets' buffers."""


def endless() -> Iterator[bytes]:
    """The beginning of a proper multipart body, then zeros for ever."""
    operations = json.dumps({"query": SUBMIT, "variables": {"i": {"counterId": "cou_1", "amount": 1, "idempotencyKey": "abcdefgh"}}})
    yield (
        f'--x\r\nContent-Disposition: form-data; name="operations"\r\n\r\n{operations}\r\n'
        '--x\r\nContent-Disposition: form-data; name="map"\r\n\r\n{"0": ["variables.i.proof"]}\r\n'
        '--x\r\nContent-Disposition: form-data; name="0"; filename="x.png"\r\nContent-Type: image/png\r\n\r\n'
    ).encode()
    while True:
        yield bytes(65_536)


def pour(server: ServerProcess, *headers: str, chunked: bool) -> tuple[int, bytes]:
    """Send it until the server answers or hangs up, 4 GB at most; gives how many bytes it took, and what it said."""
    host, port = server.address.removeprefix("http://").split(":")
    sent = 0
    with socket.create_connection((host, int(port)), timeout=PATIENCE_SECONDS) as connection:
        head = ["POST /graphql HTTP/1.1", f"Host: {host}", f"{PREFLIGHT}: 1", "Content-Type: multipart/form-data; boundary=x", *headers]
        connection.sendall("\r\n".join([*head, "", ""]).encode())
        with suppress(ConnectionError, TimeoutError):
            for piece in endless():
                connection.sendall(f"{len(piece):x}\r\n".encode() + piece + b"\r\n" if chunked else piece)
                sent += len(piece)
                if sent >= 4 * 1024**3:
                    break
        with suppress(ConnectionError, TimeoutError):
            return sent, connection.recv(65_536)
    return sent, b""


def memory(server: ServerProcess) -> int:
    """The most that the server ever had, in bytes."""
    status = Path(f"/proc/{server.process.pid}/status").read_text(encoding="ascii")
    return int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) * 1024


@pytest.mark.parametrize(
    ("headers", "chunked"),
    [(("Transfer-Encoding: chunked",), True), (("Content-Length: 4294967296",), False), (("Content-Length: 1000",), False)],
    ids=["chunked", "tells the truth", "lies"],
)  # fmt: skip
async def test_four_gigabytes_are_refused_before_they_are_taken(
    committed: Database, tmp_path: Path, headers: tuple[str, ...], *, chunked: bool
) -> None:
    await Isp.make(committed)
    (tmp_path / "tmp").mkdir()
    with servers(committed.url, SEBILLING_VAR=str(tmp_path / "var"), TMPDIR=str(tmp_path / "tmp")) as (server,):
        api = HttpApi(server.address)
        await api.sign_in()
        before = memory(server)
        sent, said = await asyncio.to_thread(pour, server, *headers, chunked=chunked)
        assert sent < MAX_TAKEN_BYTES
        assert said == b"" or said.split(b" ")[1] in {b"413", b"400"}, said
        assert memory(server) - before < 64 * 1024 * 1024
        assert files_in(tmp_path / "tmp") == []
        assert files_in(tmp_path / "var" / "uploads") == []
        assert await api.ask("{ me { username } }") == {"username": "admin"}
        await api.http.aclose()
