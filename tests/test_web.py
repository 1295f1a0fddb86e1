"""The web app's files: addresses, headers, and what is said where there are none."""

from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from sebilling import web
from sebilling.db.engine import Database
from tests.harness import Api

BROWSER = {"Accept": "text/html", "Accept-Language": "id"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    files = tmp_path / "web_files"
    (files / "assets").mkdir(parents=True)
    (files / "index.html").write_text("<!doctype html>the page")
    (files / "assets" / "index-1a2b.js").write_text("run()")
    (files / "icon.svg").write_text("<svg/>")
    (files / "kolektor" / "assets").mkdir(parents=True)
    (files / "kolektor" / "index.html").write_text("<!doctype html>the collector's page")
    (files / "kolektor" / "sw.js").write_text("precache()")
    (files / "kolektor" / "assets" / "index-3c4d.js").write_text("collect()")
    (tmp_path / "secret.key").write_text("secret")
    return files


def client(folder: Path) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(Starlette(routes=web.routes(folder))), base_url="http://test")


@pytest.mark.parametrize("address", ["/", "/invoice", "/invoice/2026-02", "/pelanggan/cus_12"])
async def test_screens_are_the_page(folder: Path, address: str) -> None:
    answer = await client(folder).get(address, headers=BROWSER)
    assert answer.text == "<!doctype html>the page"
    assert answer.headers["cache-control"] == "no-cache", "or an old page would ask for files that are gone"
    policy = answer.headers["content-security-policy"]
    assert "unsafe-inline" not in policy
    assert "script-src 'self'" in policy


async def test_files_may_be_kept(folder: Path) -> None:
    answer = await client(folder).get("/assets/index-1a2b.js")
    assert (answer.status_code, answer.text) == (200, "run()")
    assert "immutable" in answer.headers["cache-control"]
    assert "immutable" not in (await client(folder).get("/icon.svg")).headers["cache-control"]


async def test_the_collectors_app_has_its_own_page(folder: Path) -> None:
    for address in ("/kolektor/", "/kolektor/index.html"):
        answer = await client(folder).get(address, headers=BROWSER)
        assert answer.text == "<!doctype html>the collector's page"
        assert answer.headers["cache-control"] == "no-cache"
        assert "script-src 'self'" in answer.headers["content-security-policy"]
    answer = await client(folder).get("/kolektor", headers=BROWSER)
    assert (answer.status_code, answer.headers["location"]) == (307, "/kolektor/"), "its service worker serves what is below"
    assert "immutable" in (await client(folder).get("/kolektor/assets/index-3c4d.js")).headers["cache-control"]


async def test_the_service_worker_is_always_asked_for_and_may_fetch(folder: Path) -> None:
    answer = await client(folder).get("/kolektor/sw.js")
    assert answer.headers["cache-control"] == "no-cache", "or the app would not be updated"
    assert "connect-src 'self'" in answer.headers["content-security-policy"], "or it could not read the app's files"


@pytest.mark.parametrize("accepted", ["gzip, deflate, br, zstd", "br", "gzip;q=0.5, br;q=0.8"])
async def test_what_the_build_compressed_is_sent_to_who_reads_it(folder: Path, accepted: str) -> None:
    (folder / "assets" / "index-1a2b.js.br").write_bytes(b"compressed")
    plain = await client(folder).get("/assets/index-1a2b.js", headers={"Accept-Encoding": "identity"})
    async with client(folder).stream("GET", "/assets/index-1a2b.js", headers={"Accept-Encoding": accepted}) as answer:
        assert b"".join([part async for part in answer.aiter_raw()]) == b"compressed"
    assert answer.headers["content-encoding"] == "br"
    assert answer.headers["content-type"] == plain.headers["content-type"]
    assert answer.headers["cache-control"] == plain.headers["cache-control"]
    assert answer.headers["etag"] != plain.headers["etag"], "they are different bytes"
    assert answer.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"


@pytest.mark.parametrize("accepted", ["", "gzip", "gzip, br;q=0", "gzip, br;q=0.5", "*"])
async def test_others_get_the_file(folder: Path, accepted: str) -> None:
    (folder / "assets" / "index-1a2b.js.br").write_bytes(b"compressed")
    answer = await client(folder).get("/assets/index-1a2b.js", headers={"Accept-Encoding": accepted})
    assert answer.text == "run()"
    assert "content-encoding" not in answer.headers
    assert (await client(folder).get("/assets/index-1a2b.js.br")).status_code == 404


@pytest.mark.parametrize(
    "address",
    [
        "/kolektor/gone",
        "/kolektor/assets/gone.js",
        "/assets/gone.js",
        "/gone.js",
        "/graphql/other",
        "/downloads/none",
        "/../secret.key",
        "/%2e%2e/secret.key",
        "/assets/../../secret.key",
    ],
)
async def test_nothing_else_is_there(folder: Path, address: str) -> None:
    answer = await client(folder).get(address, headers=BROWSER)
    assert "secret" not in answer.text
    assert answer.status_code == 404


async def test_an_installation_without_it_says_so(tmp_path: Path) -> None:
    answer = await client(tmp_path).get("/", headers=BROWSER)
    assert answer.text == "Aplikasi web tidak ada dalam pemasangan ini. API ada di /graphql."
    assert (await client(tmp_path).get("/invoice", headers=BROWSER)).status_code == 404


async def test_the_application_serves_it(database: Database) -> None:
    answer = await Api(database).http.get("/", headers=BROWSER)
    assert answer.status_code == 200
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert (await Api(database).http.get("/healthz")).json()["status"] == "ok"
