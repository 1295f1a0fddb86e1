"""Bytes under keys: kept whole or not at all."""

import asyncio
import os
import re
import stat
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from obstore.exceptions import BaseError
from obstore.store import MemoryStore

from sebilling.operator_errors import InvalidSetting
from sebilling.storage import ObjectMissing, ObjectStore, new_key

KEY = "proofs/2026/02/0123456789abcdef0123456789abcdef.jpg"
NOON = datetime(2026, 2, 20, 12, tzinfo=UTC)


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())


@pytest.fixture(params=["folder", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    return ObjectStore.open(None, tmp_path / "var" / "uploads") if request.param == "folder" else ObjectStore(MemoryStore())


async def test_what_was_put_is_there_until_it_is_deleted(store: ObjectStore) -> None:
    await store.put(KEY, b"one", media_type="image/jpeg")
    await store.put(KEY, b"two", media_type="image/jpeg")
    assert await store.get(KEY) == b"two"
    await store.delete(KEY)
    await store.delete(KEY)
    with pytest.raises(ObjectMissing, match=KEY):
        await store.get(KEY)


async def test_a_store_elsewhere_keeps_the_media_type() -> None:
    memory = MemoryStore()
    await ObjectStore(memory).put(KEY, b"x", media_type="image/jpeg")
    assert (await memory.get_async(KEY)).attributes == {"Content-Type": "image/jpeg"}


async def test_a_bucket_is_found_by_its_url_and_the_ordinary_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: dict[str, tuple[str, bytes]] = {}

    async def bucket(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """As much of S3 as an upload and a download need."""
        verb, path, _ = (await reader.readline()).decode().split()
        fields = {}
        while line := (await reader.readline()).decode().strip():
            name, _, fields[name.lower()] = line.partition(":")
        body = await reader.readexactly(int(fields.get("content-length", "0")))
        if verb == "PUT":
            assert "Credential=minio/" in fields["authorization"]
            kept[path] = (fields["content-type"].strip(), body)
        found = b"" if verb == "PUT" or path not in kept else kept[path][1]
        status = b"200 OK" if path in kept else b"404 Not Found"
        told = b'ETag: "1"\r\nLast-Modified: Fri, 20 Feb 2026 12:00:00 GMT\r\nConnection: close\r\n'
        writer.write(b"HTTP/1.1 %s\r\n%sContent-Length: %d\r\n\r\n%s" % (status, told, len(found), found))
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(bucket, "127.0.0.1", 0) as server:
        monkeypatch.setenv("AWS_ENDPOINT", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "minio")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        store = ObjectStore.open("s3://bukti/uploads", tmp_path / "unused")
        await store.put(KEY, b"content", media_type="image/jpeg")
        assert kept == {f"/bukti/uploads/{KEY}": ("image/jpeg", b"content")}
        assert await store.get(KEY) == b"content"
        with pytest.raises(ObjectMissing):
            await store.get("proofs/other.jpg")
    assert files(tmp_path) == []


async def test_the_folder_is_its_owners_alone(tmp_path: Path) -> None:
    ObjectStore.open(None, tmp_path / "uploads")
    assert stat.S_IMODE((tmp_path / "uploads").stat().st_mode) == 0o700


async def test_keys_older_than_an_instant(tmp_path: Path) -> None:
    store = ObjectStore.open(None, tmp_path)
    for name, hour in (("b", 10), ("a", 11), ("at", 12), ("new", 13)):
        await store.put(f"proofs/2026/02/{name}.png", b"x", media_type="image/png")
        at = NOON.replace(hour=hour).timestamp()
        os.utime(tmp_path / f"proofs/2026/02/{name}.png", (at, at))
    assert await store.keys_older_than(NOON) == ["proofs/2026/02/a.png", "proofs/2026/02/b.png"]
    assert await store.keys_older_than(NOON.replace(year=2000)) == []
    with pytest.raises(ValueError, match="zone"):
        await store.keys_older_than(NOON.replace(tzinfo=None))


async def test_more_keys_than_one_page_of_a_listing() -> None:
    store = ObjectStore(MemoryStore())
    for number in range(1500):
        await store.put(f"proofs/{number:04d}", b"x", media_type="image/png")
    assert len(await store.keys_older_than(NOON.replace(year=2999))) == 1500


async def test_a_put_that_fails_says_so_and_leaves_nothing(tmp_path: Path) -> None:
    store = ObjectStore.open(None, tmp_path)
    (tmp_path / "proofs").write_bytes(b"a file where the folder should be")  # binds root too, unlike permissions
    with pytest.raises((OSError, BaseError)):
        await store.put(KEY, b"x", media_type="image/jpeg")
    assert files(tmp_path) == ["proofs"]


def test_a_full_disk_says_so_and_leaves_nothing(tmp_path: Path) -> None:
    program = f"""
import asyncio, pathlib, resource, signal
from obstore.exceptions import BaseError
from sebilling.storage import ObjectStore
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = ObjectStore.open(None, pathlib.Path({str(tmp_path)!r}))
asyncio.run(store.put("old", b"old", media_type="image/jpeg"))
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
for key in ({KEY!r}, "old"):
    try:
        asyncio.run(store.put(key, b"x" * 100_000, media_type="image/jpeg"))
    except (OSError, BaseError):
        print("said so")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split("\n") == ["said so", "said so", ""]
    assert files(tmp_path) == ["old"]
    assert (tmp_path / "old").read_bytes() == b"old"


def test_a_url_of_no_store_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidSetting, match="SEBILLING_STORAGE_URL"):
        ObjectStore.open("no-such://bucket", tmp_path / "uploads")


def test_a_folder_that_cant_be_one(tmp_path: Path) -> None:
    (tmp_path / "uploads").write_bytes(b"")
    with pytest.raises(InvalidSetting, match="SEBILLING_VAR"):
        ObjectStore.open(None, tmp_path / "uploads")


@pytest.mark.parametrize("key", ["../outside", "proofs/../../outside", "proofs/./x"])
async def test_no_key_leads_out_of_the_folder(tmp_path: Path, key: str) -> None:
    store = ObjectStore.open(None, tmp_path / "uploads")
    with pytest.raises((ValueError, BaseError)):
        await store.put(key, b"x", media_type="image/jpeg")
    assert files(tmp_path) == []


@pytest.mark.parametrize(
    ("media_type", "ending"), [("image/jpeg", "jpg"), ("image/png", "png"), ("image/webp", "webp"), ("application/pdf", "pdf")]
)
def test_keys_are_chance_and_a_month(media_type: str, ending: str) -> None:
    keys = {new_key("proofs", media_type, on=date(2026, 2, 20)) for _ in range(1000)}
    assert len(keys) == 1000
    assert all(re.fullmatch(rf"proofs/2026/02/[0-9a-f]{{32}}\.{ending}", key) for key in keys)


@pytest.mark.parametrize(
    ("kind", "media_type"), [("../proofs", "image/png"), ("", "image/png"), ("Proofs", "image/png"), ("proofs", "text/html")]
)
def test_no_key_for_what_we_dont_store(kind: str, media_type: str) -> None:
    with pytest.raises(ValueError, match="no key"):
        new_key(kind, media_type, on=date(2026, 2, 20))
