"""Users at the shell, and what becomes of sign-ins when a database is brought to this version."""

import subprocess
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text

from sebilling.actor import operator
from sebilling.auth import sessions
from sebilling.clock import system_clock
from sebilling.db.databases import create_database, drop_database
from sebilling.db.engine import Database
from sebilling.db.migrate import migrate
from tests.auth.people import ME, SIGN_IN
from tests.cli.test_commands import Shell
from tests.harness import Api, Isp
from tests.processes import ServerProcess


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def told_secret(said: str) -> str:
    """What is shown once, at the end of what a command said."""
    return said.rstrip().rpartition(" ")[2]


async def test_the_commands_of_users(shell: Shell, committed_url: str) -> None:
    database = Database(committed_url, connections=3)
    isp, api = await Isp.make(database), Api(database, at=system_clock())

    def run(*arguments: str, give: str = "") -> subprocess.CompletedProcess[str]:
        return shell("user", *arguments, give=give, SEBILLING_DATABASE_URL=committed_url)

    assert run("add", "sari", "--role", "FINANCE", give="kata-sandi-sari\n").returncode == 0
    assert "it is easy to guess" in run("add", "lain", give="indonesia123\n").stderr
    assert "user name" in run("add", "administrasi", give="administrasi\n").stderr
    assert "last active ADMIN" in run("disable", "admin").stderr
    assert "no user 'nobody'" in run("disable", "nobody").stderr
    reset = run("password", "SARI", "--generate-password", "--two-step-off")
    assert reset.returncode == 0, reset.stderr
    payload = await api.ask(SIGN_IN, input={"username": "sari", "password": told_secret(reset.stdout)})
    assert payload["errors"][0]["code"] == "PASSWORD_CHANGE_NEEDED"
    assert run("password", "sari", give="kata-sandi-kedua\n").returncode == 0
    payload = await api.ask(SIGN_IN, input={"username": "sari", "password": "kata-sandi-kedua"})
    api.headers["Authorization"] = f"Bearer {payload['token']}"
    assert (await api.ask(ME))["username"] == "sari"
    assert run("disable", "sari").returncode == 0
    assert await api.top_error(ME) == "UNAUTHENTICATED"
    assert "a script can't be an ADMIN" in run("token", "skrip", "--role", "ADMIN").stderr
    made = run("token", "skrip", "--role", "CLERK", "--counter", "LKT01", "--days", "7")
    api.headers["Authorization"] = f"Bearer {told_secret(made.stdout)}"
    assert (await api.ask(ME))["role"] == "CLERK"
    listed = run("list").stdout
    for words in (("admin", "ADMIN", "active"), ("sari", "disabled"), ("service:skrip", "CLERK", "LKT01", "until")):
        assert [line for line in listed.splitlines() if all(word in line for word in words)], listed
    rows = await isp.rows("SELECT DISTINCT actor_name FROM event WHERE actor_name LIKE 'sebilling %' ORDER BY 1")
    assert [row[0] for row in rows] == ["sebilling user add", "sebilling user disable", "sebilling user password", "sebilling user token"]
    await database.close()


async def test_nobody_is_signed_out_by_the_migration(server_url: str) -> None:
    url = await create_database(server_url, "before_accounts")
    await migrate(url, "0005")
    database = Database(url, connections=2)
    at = system_clock()
    async with database.transaction(actor=operator("test"), at=at) as session:
        user = (
            "INSERT INTO app_user (username, name, role, password_hash, active, created_at) VALUES ('lama', 'Lama', 'FINANCE', 'x', true,"
            " now()) RETURNING id"
        )
        user_id = await session.value(text(user))
        for token, revoked in (("sbt_living", None), ("sbt_revoked", at), ("sbt_other", None)):
            columns = "token_hash, user_id, created_at, expires_at, revoked_at"
            insert = f"INSERT INTO access_token ({columns}) VALUES (:hash, :user, :at, :until, :revoked)"
            given = {"hash": sessions.hash_of(token), "user": user_id, "at": at, "until": at + timedelta(days=1), "revoked": revoked}
            await session.execute(text(insert), given)
    await migrate(url)
    async with database.reading() as reading:
        living = [await sessions.live(reading, token, at=at) for token in ("sbt_living", "sbt_revoked", "sbt_other")]
        over = await sessions.live(reading, "sbt_living", at=at + timedelta(days=1))
    assert [one is not None and one.actor.name == "Lama" for one in living] == [True, False, True]
    assert living[0] is not None
    assert living[2] is not None
    assert living[0].sign_in_id != living[2].sign_in_id
    assert over is None
    await database.close()
    await drop_database(server_url, "before_accounts")


async def test_a_real_server_believes_no_header_of_a_neighbour(committed: Database) -> None:
    await Isp.make(committed)
    server = ServerProcess(committed.url)
    try:
        async with httpx.AsyncClient(base_url=server.address) as http:
            codes = []
            for number in range(12):
                given = {"input": {"username": "admin", "password": "tebakan-yang-salah"}}
                headers = {"X-Forwarded-For": f"203.0.113.{number}"}
                answer = await http.post("/graphql", json={"query": SIGN_IN, "variables": given}, headers=headers)
                codes.append(answer.json()["data"]["signIn"]["errors"][0]["code"])
        assert codes == ["WRONG_CREDENTIALS"] * 10 + ["TOO_MANY_ATTEMPTS"] * 2
    finally:
        server.stop()
