"""The first admin is made in the browser, by whoever sees the server's output; once, and by nobody else."""

import asyncio
import re
import time
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text

from sebilling import first_admin
from sebilling.app import create_app
from sebilling.db.engine import Database
from sebilling.keys import derived
from tests import commands
from tests.harness import NOW, PASSWORD, SECRET_KEY, Isp, quiet_settings
from tests.isolation import gear
from tests.operation.test_metrics import free_port

SIGN_IN = "mutation($u: String!, $p: String!) { signIn(input: {username: $u, password: $p}) { token errors { code } } }"


def client_of(database: Database) -> tuple[httpx.AsyncClient, bytes]:
    settings = quiet_settings()
    assert settings.secret_key is not None
    app = create_app(settings, database, clock=lambda: NOW, plugins=gear.plugins())
    transport = httpx.ASGITransport(app)
    return httpx.AsyncClient(transport=transport, base_url="http://test"), derived(settings.secret_key.get_secret_value())


async def test_one_of_two_who_come_at_once_is_the_admin(committed: Database) -> None:
    client, key = client_of(committed)
    link = first_admin.path(key, at=NOW)
    form = await client.get(link, headers={"Accept-Language": "id"})
    assert (form.status_code, "Buat admin pertama" in form.text) == (200, True)
    assert "script" not in form.headers["content-security-policy"]
    refused = await client.post(link, data={"username": "admin", "password": "12345"})
    assert (refused.status_code, 'role="alert"' in refused.text) == (400, True)
    hostile = await client.post(link, data={"username": '"><b>x', "password": PASSWORD})
    assert (hostile.status_code, "<b>x" in hostile.text) == (400, False)
    answers = await asyncio.gather(*(client.post(link, data={"username": name, "password": PASSWORD}) for name in ("siti", "budi")))
    assert sorted(answer.status_code for answer in answers) == [303, 404]
    made = "siti" if answers[0].status_code == 303 else "budi"
    async with committed.reading() as session:
        assert [tuple(row) for row in await session.rows(text("SELECT username, role FROM app_user"))] == [(made, "ADMIN")]
    assert (await client.get(link)).status_code == 404, "never again"
    signed_in = (await client.post("/graphql", json={"query": SIGN_IN, "variables": {"u": made, "p": PASSWORD}})).json()
    assert signed_in["data"]["signIn"]["token"]


@pytest.mark.parametrize("spoilt", ["other key", "late", "cut", "none"])
async def test_no_other_link_works(committed: Database, spoilt: str) -> None:
    client, key = client_of(committed)
    links = {
        "other key": first_admin.path(b"another", at=NOW), "late": first_admin.path(key, at=NOW - timedelta(hours=first_admin.HOURS)),
        "cut": first_admin.path(key, at=NOW)[:-4], "none": first_admin.PREFIX + "x",
    }  # fmt: skip
    assert (await client.get(links[spoilt])).status_code == 404
    assert (await client.post(links[spoilt], data={"username": "siti", "password": PASSWORD})).status_code == 404
    assert await first_admin.is_needed(committed)


async def test_a_database_that_is_away_is_told_with_the_remedy() -> None:
    away = Database("postgresql+asyncpg://nobody@127.0.0.1:1/nothing")
    client, key = client_of(away)
    answer = await client.get(first_admin.path(key, at=NOW), headers={"Accept-Language": "en"})
    assert (answer.status_code, "check that PostgreSQL runs" in answer.text) == (503, True)
    await away.close()


def said_and_logged(url: str, folder: Path) -> tuple[str, str]:
    """What a server says to whoever starts it, and what it logs, until it serves."""
    out, errors = folder / "out", folder / "errors"
    for file in (out, errors):
        file.unlink(missing_ok=True)
    where = {"SEBILLING_DATABASE_URL": url, "SEBILLING_SECRET_KEY": SECRET_KEY, "SEBILLING_VAR": str(folder)}
    server = commands.start(
        ["serve", "--port", str(free_port())], folder=folder, stdout=out, stderr=errors, environment=commands.without_settings() | where
    )
    try:
        deadline = time.monotonic() + 30
        while "Uvicorn running" not in errors.read_text(encoding="utf-8") if errors.exists() else True:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    finally:
        server.terminate()
        server.wait(30)
    return out.read_text(encoding="utf-8"), errors.read_text(encoding="utf-8")


def test_the_server_says_the_link_only_while_it_is_needed(committed_url: str, tmp_path: Path) -> None:
    said, logged = said_and_logged(committed_url, tmp_path)
    assert re.search(r"http://127\.0\.0\.1:[0-9]{4,5}/mulai/[\w=-]{30,60}", said), "shown to who started it"
    assert "/mulai/" not in logged
    asyncio.run(_made(committed_url))
    said, _ = said_and_logged(committed_url, tmp_path)
    assert "/mulai/" not in said


async def _made(url: str) -> None:
    database = Database(url, connections=2)
    await Isp.make(database)
    await database.close()
