"""Every state of a database has one sentence, at start and in /readyz; addresses mean what libpq's manual says."""

import asyncio
import os
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest
import trustme
from alembic.script import ScriptDirectory
from sqlalchemy import text

from sebilling.actor import operator
from sebilling.db import migrate as migrating
from sebilling.db.address import parse
from sebilling.db.alembic_run import alembic_config
from sebilling.db.engine import Database
from sebilling.db.migrate import head, inspect, judge, migrate
from sebilling.db.state import OLDEST_SERVER, DatabaseNotReady, DatabaseState, state_of
from sebilling.errors import DatabaseUnavailable
from sebilling.operator_errors import InvalidSetting
from tests.commands import run
from tests.db.tcp_server import PASSWORD, TcpServer, tcp_server, tls_bin_dir
from tests.harness import NOW, SECRET_KEY
from tests.processes import ServerProcess

NEEDS_TLS = pytest.mark.skipif(
    tls_bin_dir() is None and not os.environ.get("CI"), reason="no PostgreSQL of the distribution, which has TLS: apt install postgresql"
)


@pytest.fixture(scope="module")
def server() -> Iterator[TcpServer]:
    bin_dir = tls_bin_dir()
    assert bin_dir is not None
    with tcp_server(bin_dir) as running:
        asyncio.run(migrate(running.url(tail="?sslmode=disable")))
        yield running


async def state(url: str) -> DatabaseState:
    database = Database(url, connections=2)
    try:
        return await inspect(database)
    finally:
        await database.close()


@NEEDS_TLS
async def test_addresses_are_taken_as_operators_write_them(server: TcpServer) -> None:
    for scheme in ("postgres", "postgresql", "postgresql+asyncpg"):
        assert await state(server.url(scheme=scheme)) is DatabaseState.READY


@NEEDS_TLS
async def test_tls_is_as_strict_as_asked(server: TcpServer, tmp_path: Path) -> None:
    encrypted = text("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
    stranger = tmp_path / "stranger.crt"
    trustme.CA().cert_pem.write_to_path(stranger)
    for tail, seen in {
        "": True, "?sslmode=disable": False, "?sslmode=prefer": True, "?sslmode=require": True,
        f"?sslmode=require&sslrootcert={server.authority}": True, f"?sslmode=verify-ca&sslrootcert={server.authority}": True,
        f"?sslmode=verify-full&sslrootcert={server.authority}": True,
    }.items():  # fmt: skip
        database = Database(server.url(tail=tail), connections=2)
        async with database.reading() as session:
            assert await session.value(encrypted) is seen, tail
        await database.close()
    for mode in ("require", "verify-ca", "verify-full"):
        assert await state(server.url(tail=f"?sslmode={mode}&sslrootcert={stranger}")) is DatabaseState.UNTRUSTED
    by_number = server.url(tail="?sslmode={}&sslrootcert=" + str(server.authority)).replace("localhost", "127.0.0.1")
    assert await state(by_number.format("verify-ca")) is DatabaseState.READY, "the name isn't looked at"
    assert await state(by_number.format("verify-full")) is DatabaseState.UNTRUSTED, "the certificate is of localhost"
    await server.run("ALTER SYSTEM SET ssl = off", "SELECT pg_reload_conf()")
    try:
        for _ in range(100):
            if await state(server.url(tail="?sslmode=require")) is not DatabaseState.READY:
                break
            await asyncio.sleep(0.02)
        assert await state(server.url(tail="?sslmode=require")) is DatabaseState.NO_TLS
        assert await state(server.url(tail="?sslmode=prefer")) is DatabaseState.READY
    finally:
        await server.run("ALTER SYSTEM RESET ssl", "SELECT pg_reload_conf()")


@NEEDS_TLS
async def test_every_state_of_a_server_is_told(server: TcpServer) -> None:
    assert await state(server.url(password="salah")) is DatabaseState.WRONG_PASSWORD
    assert await state(server.url(password="")) is DatabaseState.WRONG_PASSWORD
    assert await state(server.url("nothing")) is DatabaseState.NO_DATABASE
    await server.run("CREATE DATABASE fresh OWNER isp", "SELECT 1")
    assert await state(server.url("fresh")) is DatabaseState.NOT_MIGRATED
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        assert await state(f"postgresql://isp@127.0.0.1:{free.getsockname()[1]}/isp") is DatabaseState.UNREACHABLE
        free.listen()
        assert await state(f"postgresql://isp@127.0.0.1:{free.getsockname()[1]}/isp?connect_timeout=1") is DatabaseState.SILENT
    assert await state("postgresql://isp@no-such-host.invalid/isp") is DatabaseState.UNREACHABLE
    for setting, undo, seen in (
        ("ALTER DATABASE isp CONNECTION LIMIT 0", "ALTER DATABASE isp CONNECTION LIMIT -1", DatabaseState.BUSY),
        ("REVOKE CONNECT ON DATABASE isp FROM PUBLIC, isp", "GRANT CONNECT ON DATABASE isp TO isp", DatabaseState.NO_RIGHT),
        ("ALTER ROLE isp NOLOGIN", "ALTER ROLE isp LOGIN", DatabaseState.NOT_ADMITTED),
        ("ALTER ROLE isp SET default_transaction_read_only = on", "ALTER ROLE isp RESET ALL", DatabaseState.READ_ONLY),
        ("ALTER DATABASE isp ALLOW_CONNECTIONS false", "ALTER DATABASE isp ALLOW_CONNECTIONS true", DatabaseState.REFUSED),
    ):
        await server.run(setting, "SELECT 1")
        try:
            assert await state(server.url()) is seen
        finally:
            await server.run(undo, "SELECT 1")
    assert await state(server.url()) is DatabaseState.READY


@NEEDS_TLS
async def test_what_cant_be_migrated_is_told_and_left_as_it_is(server: TcpServer) -> None:
    await server.run("CREATE DATABASE others", "SELECT 1")
    with pytest.raises(DatabaseNotReady) as refused:
        await migrate(server.url("others"))
    assert refused.value.state is DatabaseState.NO_RIGHT
    await server.run("CREATE DATABASE future OWNER isp", "SELECT 1")
    await migrate(server.url("future"))
    await server.run("UPDATE alembic_version SET version_num = 'f00d'", "SELECT 1", database="future")
    assert await state(server.url("future")) is DatabaseState.NEWER
    with pytest.raises(DatabaseNotReady, match="newer SeBilling"):
        await migrate(server.url("future"))
    await server.run("UPDATE alembic_version SET version_num = '0001'", "SELECT 1", database="future")
    assert await state(server.url("future")) is DatabaseState.OLDER


def test_facts_are_judged() -> None:
    fine = {"is_standby": False, "can_have_trigrams": True}
    assert judge(OLDEST_SERVER, head(), **fine) is DatabaseState.READY
    assert judge(OLDEST_SERVER - 1, head(), **fine) is DatabaseState.OLD_SERVER
    assert judge(OLDEST_SERVER, None, is_standby=False, can_have_trigrams=False) is DatabaseState.NO_TRIGRAMS


def test_the_names_of_migrations_say_what_alembic_finds() -> None:
    scripts = ScriptDirectory.from_config(alembic_config())
    assert head() == scripts.get_current_head()
    assert migrating.revisions() == {script.revision for script in scripts.walk_revisions()}


@NEEDS_TLS
async def test_a_stopped_process_keeps_no_transaction(server: TcpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sebilling.db.engine.STUCK_SECONDS", 1)
    database = Database(server.url(), connections=2)

    async def stopped() -> None:
        async with database.transaction(actor=operator("test"), at=NOW) as session:
            await session.value(text("SELECT 1"))
            await asyncio.sleep(2)
            await session.value(text("SELECT 1"))

    with pytest.raises(DatabaseUnavailable):
        await stopped()
    await database.close()


@pytest.mark.parametrize("given", list(DatabaseState))
def test_each_state_has_a_sentence_in_both_languages(given: DatabaseState) -> None:
    error = DatabaseNotReady(given)
    assert error.message("en") != error.message("id")
    assert "Sentence" not in error.message("id")
    assert error.code == "DATABASE_UNAVAILABLE"


@pytest.mark.parametrize(
    ("address", "told"),
    [
        (f"mysql://isp:{PASSWORD}@db/isp", "postgresql://"),
        (f"postgresql://isp:{PASSWORD}@db/", "names no database"),
        (f"postgresql://isp:{PASSWORD}/{PASSWORD}@db:x/isp", "%XX"),
        (PASSWORD, "%XX"),
        (f"postgresql://isp:{PASSWORD}@db/isp?ssl=require", "'ssl'"),
        (f"postgresql://isp:{PASSWORD}@db/isp?sslmod=require", "'sslmod'"),
        (f"postgresql://isp:{PASSWORD}@db/isp?sslmode=on", "verify-full"),
        (f"postgresql://isp:{PASSWORD}@db/isp?sslmode=require&sslmode=disable", "sslmode one value"),
        (f"postgresql://isp:{PASSWORD}@db/isp?sslmode=verify-full", "sslrootcert"),
        (f"postgresql://isp:{PASSWORD}@db/isp?sslmode=verify-ca&sslrootcert=system", "verify-full"),
        (f"postgresql://isp:{PASSWORD}@db/isp?sslmode=verify-full&sslrootcert=/nowhere", "sslrootcert"),
        (f"postgresql://isp:{PASSWORD}@db/isp?sslrootcert=/nowhere", "sslmode="),
        (f"postgresql://isp:{PASSWORD}@db/isp?sslmode=require&sslkey=/nowhere", "sslcert"),
        (f"postgresql://isp:{PASSWORD}@db/isp?connect_timeout=soon", "connect_timeout"),
        (f"postgresql://isp:{PASSWORD}@/isp?host=10.0.0.5", "before the name"),
        (f"postgresql://isp:{PASSWORD}@/isp?host=/run/a&host=/run/b", "host one value"),
        (f"postgresql://isp:{PASSWORD}@db/isp?port=70000", "port"),
    ],
)
def test_an_address_that_cant_be_used_is_told_without_any_of_it(address: str, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/nowhere")
    with pytest.raises(InvalidSetting) as refused:
        parse(address)
    assert told in str(refused.value)
    assert PASSWORD not in str(refused.value)
    assert refused.value.message("id") != str(refused.value)


def test_contexts_are_as_libpq_means_the_modes(tmp_path: Path) -> None:
    authority = tmp_path / "authority.crt"
    trustme.CA().cert_pem.write_to_path(authority)

    def made(tail: str) -> ssl.SSLContext:
        found = parse(f"postgres://isp@db/isp?{tail}").ssl
        assert isinstance(found, ssl.SSLContext)
        return found

    plain, verified = made("sslmode=require"), made(f"sslmode=require&sslrootcert={authority}")
    assert (plain.verify_mode, plain.check_hostname) == (ssl.CERT_NONE, False)
    assert (verified.verify_mode, verified.check_hostname) == (ssl.CERT_REQUIRED, False)
    full = made("sslmode=verify-full&sslrootcert=system")
    assert (full.verify_mode, full.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert parse("postgres://isp@db/isp").ssl is None
    assert parse("postgres://isp:geheim@db/isp?host=/run/postgresql").url.query == {"host": "/run/postgresql"}
    assert "geheim" not in repr(parse("postgres://isp:geheim@db/isp"))


async def test_an_embedded_server_has_no_tls_and_needs_none(committed_url: str) -> None:
    """Through a Unix socket nobody listens on the way: libpq ignores sslmode there, and so do we."""
    assert await state(f"{committed_url}&sslmode=require") is DatabaseState.READY


def test_other_errors_tell_of_no_state() -> None:
    assert state_of(ValueError("whatever")) is None


@NEEDS_TLS
def test_commands_say_one_sentence(server: TcpServer, tmp_path: Path) -> None:
    wrong = server.url(password="salah")
    cases = {
        ("check",): (wrong, "the password is wrong", 1), ("serve", "--port", "0"): (wrong, "the password is wrong", 1),
        ("worker",): (wrong, "the password is wrong", 1), ("migrate",): (server.url("nothing"), "no database of that name", 1),
        ("user", "list"): (server.url(tail="?sslmod=x"), "'sslmod'", 2),
    }  # fmt: skip
    for words, (url, sentence, code) in cases.items():
        done = run(words, folder=tmp_path, SEBILLING_DATABASE_URL=url, SEBILLING_SECRET_KEY=SECRET_KEY)
        assert len(done.stderr.splitlines()) == 1, done.stderr
        assert sentence in done.stderr
        assert done.returncode == code


@NEEDS_TLS
def test_a_password_that_is_changed_under_a_running_server_is_told_and_not_shouted(server: TcpServer, tmp_path: Path) -> None:
    ends = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'isp'"
    environment = {"SEBILLING_SECRET_KEY": SECRET_KEY, "SEBILLING_VAR": str(tmp_path)}
    with closing(httpx.Client()) as http:
        process = ServerProcess(server.url(), **environment)
        try:
            assert http.get(f"{process.address}/readyz").json()["state"] == "READY"
            asyncio.run(server.run("ALTER ROLE isp PASSWORD 'lain'", ends))
            deadline = time.monotonic() + 10
            while (answer := http.get(f"{process.address}/readyz")).json()["state"] != "WRONG_PASSWORD":
                assert time.monotonic() < deadline, answer.text
                time.sleep(0.1)
            assert answer.status_code == 503
            assert "password is wrong" in answer.json()["why"]
            time.sleep(7)  # every loop has found out
            before = len(process.log)
            time.sleep(4)
            grown = [line for line in process.log[before:].splitlines() if '"event": "request"' not in line]
            assert len(grown) <= 2, "a line a second would be a million lines a day"
            assert "Traceback" not in process.log
            asyncio.run(server.run(f"ALTER ROLE isp PASSWORD '{PASSWORD}'", "SELECT 1"))
            while (answer := http.get(f"{process.address}/readyz")).json()["state"] != "READY":
                assert time.monotonic() < deadline + 20, answer.text
                time.sleep(0.1)
        finally:
            asyncio.run(server.run(f"ALTER ROLE isp PASSWORD '{PASSWORD}'", "SELECT 1"))
            process.stop()
