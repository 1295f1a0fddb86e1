"""The embedded server against a real PostgreSQL: starts, deaths of either side, owners and their rivals."""

import asyncio
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest

import sebilling
from sebilling.db import embedded
from sebilling.db.embedded import EmbeddedDatabaseError, embedded_database, server_bin_dir

FAST = {"fsync": "off"}
ROOT = os.geteuid() == 0
HOLD = """
import sys
from pathlib import Path
from sebilling.db.embedded import embedded_database
with embedded_database(Path(sys.argv[1]), own=sys.argv[2] == "own", settings={"fsync": "off"}) as url:
    print(url, flush=True)
    sys.stdin.read()
"""
"""A process that has the server until its standard input ends."""


def query(url: str, *statements: str) -> list[Any]:
    """Run statements on one new connection, in an event loop of its own; the first column of the last one's rows."""

    async def run() -> list[Any]:
        host = parse_qs(urlsplit(url).query)["host"][0]
        connection = await asyncpg.connect(user="sebilling", database="sebilling", host=host, timeout=5)
        try:
            for statement in statements[:-1]:
                await connection.execute(statement)
            return [row[0] for row in await connection.fetch(statements[-1])]
        finally:
            await connection.close()

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(run())).result()


def eventually(seen: Callable[[], bool], *, seconds: float) -> float:
    """Wait until it is seen; gives the seconds that it took."""
    began = time.monotonic()
    while not seen():
        assert time.monotonic() - began < seconds, "it didn't happen in time"
        time.sleep(0.01)
    return time.monotonic() - began


def answers(url: str) -> bool:
    with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return query(url, "SELECT 1") == [1]
    return False


def postmaster_pid(data_dir: Path) -> int:
    """The pid of the server that this test started, proved by what the process is."""
    data = (data_dir / "server" / "data").resolve()
    pid = int((data / "postmaster.pid").read_text().split("\n")[0])
    assert Path(f"/proc/{pid}/exe").readlink().name == "postgres"
    assert Path(f"/proc/{pid}/cwd").readlink() == data
    return pid


def gone(pid: int) -> bool:
    """Whether the process has ended, even if init hasn't collected it yet."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].startswith("Z")
    return True


@contextmanager
def holding(data_dir: Path, mode: str = "own") -> Iterator[subprocess.Popen[str]]:
    """Another process that has the server; ended by its input's end unless it is dead."""
    command = [sys.executable, "-c", HOLD, str(data_dir), mode]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process


def url_from(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def starting(data_dir: Path, *, own: bool = True) -> AbstractContextManager[str]:
    return embedded_database(data_dir, own=own, settings=FAST)


def remove_with_link(data_dir: Path) -> None:
    if (data_dir / "server").is_symlink():
        shutil.rmtree((data_dir / "server").resolve(), ignore_errors=True)


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A folder to be, where the server's user gets to."""
    with tempfile.TemporaryDirectory(prefix="sebilling-test-") as base:
        Path(base).chmod(0o755)
        yield Path(base) / "var" / "postgres"
        remove_with_link(Path(base) / "var" / "postgres")


def test_first_start_makes_a_server_that_keeps_what_it_was_given(data_dir: Path) -> None:
    with embedded_database(data_dir, own=True) as url:
        shown = "current_setting('fsync'), current_setting('random_page_cost'), current_setting('listen_addresses')"
        facts = f"current_user, current_setting('server_encoding'), lower('É'), {shown}, current_setting('max_connections')"
        assert query(url, f"SELECT unnest(array[{facts}])") == ["sebilling", "UTF8", "é", "on", "1.1", "", "200"]
        assert query(url, "SELECT DISTINCT auth_method FROM pg_hba_file_rules") == ["peer"]
        query(url, "CREATE TABLE payment (id bigint)", "INSERT INTO payment VALUES (7)", "SELECT 1")
        query(url, "CREATE EXTENSION pg_trgm", "SELECT 1")
        assert query(url, "SELECT 'PÉRÈZ' % 'pérèz' AND array_length(show_trgm('é'), 1) = 2") == [True]
        assert os.getsid(postmaster_pid(data_dir)) != os.getsid(0)
        pid = postmaster_pid(data_dir)
    assert gone(pid)
    with embedded_database(data_dir, own=True, settings={"fsync": "off", "work_mem": "5MB"}) as url:
        assert query(url, "SELECT id FROM payment") == [7]
        assert query(url, "SELECT current_setting('fsync') || current_setting('work_mem')") == ["off5MB"]


def test_the_programs_of_the_wheel_can_be_run() -> None:
    shown = subprocess.run([server_bin_dir() / "pg_dump", "--version"], capture_output=True, text=True, check=True)
    assert shown.stdout.startswith("pg_dump (PostgreSQL) 18")


def test_a_missing_database_is_made_again(data_dir: Path) -> None:
    with starting(data_dir) as url:
        dropping = ["--dbname=template1", f"--host={parse_qs(urlsplit(url).query)['host'][0]}", "--username=sebilling"]
        subprocess.run([server_bin_dir() / "psql", *dropping, "-qc", "DROP DATABASE sebilling"], check=True)
    with starting(data_dir) as url:
        assert query(url, "SELECT 1") == [1]


def test_a_killed_postmaster_is_brought_back_with_every_row(data_dir: Path) -> None:
    with starting(data_dir) as url:
        query(url, "CREATE TABLE payment (id bigint)", "INSERT INTO payment SELECT generate_series(1, 1000)", "SELECT 1")
        for _ in range(2):
            killed = postmaster_pid(data_dir)
            os.kill(killed, signal.SIGKILL)
            eventually(lambda: answers(url), seconds=5)
            assert postmaster_pid(data_dir) != killed
            assert query(url, "SELECT count(*) FROM payment") == [1000]


def test_a_backend_that_works_on_doesnt_hinder_the_return(data_dir: Path) -> None:
    with starting(data_dir) as url, ThreadPoolExecutor(1) as pool:
        endless = pool.submit(query, url, "DO $$ BEGIN LOOP PERFORM 1; END LOOP; END $$", "SELECT 1")
        eventually(
            lambda: query(url, "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'DO %' AND state = 'active'") == [1],
            seconds=5,
        )
        os.kill(postmaster_pid(data_dir), signal.SIGKILL)
        eventually(lambda: answers(url), seconds=6)
        assert endless.exception() is not None


def test_a_killed_owner_takes_the_server_along_and_the_next_start_recovers(data_dir: Path) -> None:
    with holding(data_dir) as owner:
        url = url_from(owner)
        query(url, "CREATE TABLE payment (id bigint)", "INSERT INTO payment VALUES (7)", "SELECT 1")
        server = postmaster_pid(data_dir)
        os.kill(owner.pid, signal.SIGKILL)
        owner.wait()
        eventually(lambda: gone(server), seconds=2)
    with starting(data_dir) as url:
        assert query(url, "SELECT id FROM payment") == [7]


def test_a_start_right_after_the_owner_was_killed_waits_for_its_server_to_go(data_dir: Path) -> None:
    with holding(data_dir) as owner:
        query(url_from(owner), "CREATE TABLE payment (id bigint)", "SELECT 1")
        owner.kill()
        owner.wait()
        with starting(data_dir) as url:
            assert query(url, "SELECT count(*) FROM payment") == [0]


def test_a_second_owner_is_refused_and_told_what_to_do_and_others_attach(data_dir: Path) -> None:
    with holding(data_dir) as owner:
        url = url_from(owner)
        with pytest.raises(EmbeddedDatabaseError) as refused, starting(data_dir):
            pass
        for word in (f"process {owner.pid} (", sys.executable, "SEBILLING_VAR", f"SEBILLING_DATABASE_URL={url}"):
            assert word in str(refused.value)
        assert refused.value.code == "DATABASE_UNAVAILABLE"
        assert "Yang perlu dilakukan" in refused.value.message("id")
        with starting(data_dir, own=False) as attached:
            assert attached == url
            assert query(attached, "SELECT 1") == [1]
        assert query(url, "SELECT 1") == [1]
    with starting(data_dir, own=False) as alone:
        assert query(alone, "SELECT 1") == [1]


def test_two_that_start_at_once_share_one_server(data_dir: Path) -> None:
    with holding(data_dir, "any") as first, holding(data_dir, "any") as second:
        urls = {url_from(first), url_from(second)}
        assert len(urls) == 1
        assert query(urls.pop(), "SELECT 1") == [1]
        note = int((data_dir / "server" / "lock").read_text())
        assert note in (first.pid, second.pid)


def test_a_pid_file_that_names_a_stranger_stops_nobody(data_dir: Path) -> None:
    with starting(data_dir) as url:
        folder = Path(parse_qs(urlsplit(url).query)["host"][0])
    data = data_dir / "server" / "data"
    user = data.stat().st_uid if ROOT else None  # PostgreSQL believes pids of its own user only
    with subprocess.Popen(["sleep", "20"], user=user) as stranger:
        now = int(time.time())
        note = f"{stranger.pid}\n{data}\n{now}\n5432\n{folder}\n\n  1 1\nready\n"
        (data / "postmaster.pid").write_text(note)
        (folder / ".s.PGSQL.5432.lock").write_text(note)
        with starting(data_dir) as url:
            assert query(url, "SELECT 1") == [1]
        assert stranger.poll() is None
        stranger.kill()


def test_killed_in_the_first_start_it_starts_again(data_dir: Path) -> None:
    for delay_seconds in (0, 0.15):
        with holding(data_dir) as owner:
            eventually(lambda: any(data_dir.glob("server/new-*/*")), seconds=10)
            time.sleep(delay_seconds)
            owner.kill()
    with starting(data_dir) as url:
        assert query(url, "SELECT 1") == [1]
    assert not list(data_dir.glob("server/new-*"))


def test_a_path_too_long_for_a_socket(data_dir: Path) -> None:
    deep = data_dir.joinpath(*['a quite long, "odd" fo\'der'] * 6)
    with starting(deep) as url:
        assert query(url, "SELECT 1") == [1]
        with holding(deep, "any") as other:
            assert url_from(other) == url
        folder = Path(parse_qs(urlsplit(url).query)["host"][0])
        assert folder.stat().st_mode & 0o777 == 0o700
    folder.rmdir()


def test_data_of_another_version_is_refused_by_name(data_dir: Path) -> None:
    with starting(data_dir):
        pass
    (data_dir / "server" / "data" / "PG_VERSION").write_text("15\n")
    with (
        pytest.raises(EmbeddedDatabaseError, match=r"PostgreSQL 15; this is PostgreSQL 18.*pg_dump"),
        starting(data_dir),
    ):
        pass


def test_what_the_server_says_is_in_the_error(data_dir: Path) -> None:
    wrong = embedded_database(data_dir, own=True, settings={"wal_compression": "no-such-method", "fsync": "off"})
    with pytest.raises(EmbeddedDatabaseError, match="no-such-method"), wrong:
        pass
    with starting(data_dir) as url:  # the lock is free again
        assert query(url, "SELECT 1") == [1]


def test_a_place_that_cant_be_a_folder_is_explained(data_dir: Path) -> None:
    data_dir.parent.mkdir(parents=True)
    data_dir.write_text("")
    with pytest.raises(EmbeddedDatabaseError, match=f"{data_dir}.*Not a directory"), starting(data_dir):
        pass


def test_a_long_log_is_moved_aside(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "_LOG_BYTES", 100)
    for _ in range(2):
        with starting(data_dir):
            pass
    assert "database system is ready" in (data_dir / "server" / "server.log").read_text()
    assert (data_dir / "server" / "server.log.1").stat().st_size == 100


@pytest.mark.skipif(not ROOT, reason="only root runs the server as another user")
def test_root_uses_a_folder_that_only_root_reaches(tmp_path: Path) -> None:
    closed = tmp_path / "root"
    closed.mkdir(mode=0o700)
    data_dir = closed / "checkout" / "var" / "postgres"
    try:
        with starting(data_dir) as url:
            query(url, "CREATE TABLE payment (id bigint)", "SELECT 1")
            with starting(data_dir, own=False) as attached:
                assert attached == url
            assert (data_dir / "server").readlink().parent == Path("/var/lib/sebilling")
            assert pwd.getpwuid(Path(f"/proc/{postmaster_pid(data_dir)}").stat().st_uid).pw_name == "sebilling-db"
        with starting(data_dir) as url:
            assert query(url, "SELECT count(*) FROM payment") == [0]
        assert closed.stat().st_mode & 0o777 == 0o700
    finally:
        remove_with_link(data_dir)


@pytest.mark.skipif(not ROOT, reason="only root can restore with wrong owners")
def test_root_gives_restored_data_back_to_the_servers_user(data_dir: Path) -> None:
    with starting(data_dir) as url:
        query(url, "CREATE TABLE payment (id bigint)", "SELECT 1")
    for path in (data_dir / "server" / "data", *(data_dir / "server" / "data").rglob("*")):
        os.chown(path, 0, 0, follow_symlinks=False)
    with starting(data_dir) as url:
        assert query(url, "SELECT count(*) FROM payment") == [0]


AS_NOBODY = """
import asyncio, os, sys
from pathlib import Path
import asyncpg
from sebilling.db.embedded import embedded_database, server_bin_dir
async def rows(url, statement):
    connection = await asyncpg.connect(user="sebilling", database="sebilling", host=url.partition("host=")[2])
    try:
        return await connection.fetch(statement)
    finally:
        await connection.close()
assert os.geteuid() == int(sys.argv[2])
for statement in ("CREATE TABLE payment AS SELECT 7 AS id", "SELECT id FROM payment"):
    with embedded_database(Path(sys.argv[1]), own=True, settings={"fsync": "off"}) as url:
        print(asyncio.run(rows(url, statement)))
assert "site-packages" in str(server_bin_dir())
"""


def run_as(uid: int, python: str, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run this project's code by `python` as another user, who may not get to the venv's own interpreter."""
    folders = [str(Path(package.__file__ or "").parents[1]) for package in (sebilling, asyncpg)]
    environment: Mapping[str, str] = {
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": ":".join(folders),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    return subprocess.run(
        [python, *arguments], user=uid, group=uid, extra_groups=[], env=environment, cwd="/",
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.skipif(not ROOT, reason="the other tests run as an ordinary user already")
def test_an_ordinary_user_runs_the_programs_in_place(data_dir: Path) -> None:
    nobody = pwd.getpwnam("nobody").pw_uid
    candidates = [python for python in (sys.executable, "/usr/bin/python3") if Path(python).exists()]
    for python in candidates:
        with suppress(PermissionError):
            if run_as(nobody, python, ["-c", "import sebilling.db.embedded, asyncpg"]).returncode == 0:
                break
    else:
        pytest.skip(f"nobody can't run this project with any of {candidates}")
    data_dir.parent.mkdir()
    os.chown(data_dir.parent, nobody, nobody)
    done = run_as(nobody, python, ["-c", AS_NOBODY, str(data_dir), str(nobody)])
    assert done.returncode == 0, done.stderr
    assert "<Record id=7>" in done.stdout
    with starting(data_dir) as url:  # root on another user's data runs the server as that user
        assert query(url, "SELECT id FROM payment") == [7]
        assert Path(f"/proc/{postmaster_pid(data_dir)}").stat().st_uid == nobody
    again = run_as(
        nobody,
        python,
        ["-c", AS_NOBODY.replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS"), str(data_dir), str(nobody)],
    )
    assert again.returncode == 0, again.stderr
