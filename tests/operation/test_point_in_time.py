"""Back to the second before a mistake, by docs/operations.md and a real pgBackRest."""

import asyncio
import os
import re
import shlex
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import pytest

from sebilling.clock import local_date, system_clock
from sebilling.db.engine import Database
from sebilling.db.migrate import migrate
from tests import commands
from tests.db.tcp_server import MAKING, PASSWORD, TcpServer, made, tls_bin_dir
from tests.harness import SECRET_KEY, Isp
from tests.operation.manual import MANUAL

BIN_DIR, PGBACKREST = tls_bin_dir(), shutil.which("pgbackrest")
IS_HERE: Final = BIN_DIR is not None and PGBACKREST is not None


def chapter(kind: str) -> Sequence[str]:
    """The blocks of this kind that an operator is told to type."""
    text = MANUAL.read_text(encoding="utf-8").partition("## Back to a point in time")[2].partition("\n## ")[0]
    return re.findall(rf"```{kind}\n(.*?)```", text, re.DOTALL)


def configured(server: TcpServer, block: str) -> TcpServer:
    """With the manual's pgbackrest.conf in a folder of the test's, and what only a server of a test needs: its port and socket."""
    folder = server.folder
    places = f"log-path={folder}\nlock-path={folder}\nspool-path={folder}\n"
    reached = f"pg1-port={server.port}\npg1-socket-path={folder}\npg1-user=postgres\n"
    text = block.replace("/srv/pgbackrest", f"{folder}/repository").replace("/var/lib/postgresql/15/main", f"{folder}/data")
    (folder / "pgbackrest.conf").write_text(text.replace("[global]\n", f"[global]\n{places}") + reached)
    with (folder / "data" / "postgresql.conf").open("a") as more:
        more.write(f"unix_socket_directories = '{folder}'\n")
    environment = {"PATH": os.environ["PATH"], "PGPASSWORD": PASSWORD, "PGBACKREST_CONFIG": str(folder / "pgbackrest.conf")}
    return replace(server, who={**server.who, "env": environment})


def settings(block: str) -> dict[str, str]:
    """Those of the manual's postgresql.conf."""
    return {name: value.strip("'") for name, value in (line.split(" = ") for line in block.splitlines())}


def run_as_postgres(server: TcpServer, words: Sequence[str]) -> None:
    done = subprocess.run(
        words, capture_output=True, text=True, check=False, cwd=server.folder, timeout=120, **server.who
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def run_as_operator(words: Sequence[str], environment: Mapping[str, str]) -> str:
    done = commands.run(words, folder=Path.cwd(), **environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


async def paid_before_and_after(server: TcpServer) -> str:
    """Two customers pay, one after the other; the instant in between. All of it is in the archive."""
    database = Database(server.url(), connections=2)
    isp = await Isp.make(database)
    await isp.pay(await isp.customer(), 50_000, at=system_clock())
    await asyncio.sleep(1.1)  # pgBackRest counts whole seconds since the end of its backup
    between: str = await server.run("SELECT clock_timestamp()::text", database="isp")
    await isp.pay(await isp.customer(), 70_000, at=system_clock())
    await database.close()
    segment = await server.run("SELECT pg_walfile_name(pg_switch_wal())")
    until = time.monotonic() + 60
    while not await is_archived(server, segment):
        assert time.monotonic() < until
        await asyncio.sleep(0.1)
    return between


async def is_archived(server: TcpServer, segment: str) -> bool:
    return bool(await server.run(f"SELECT coalesce(last_archived_wal >= '{segment}', false) FROM pg_stat_archiver"))


async def promoted(server: TcpServer) -> None:
    """Wait until it takes what is written."""
    until = time.monotonic() + 60
    while await server.run("SELECT pg_is_in_recovery()"):
        assert time.monotonic() < until
        await asyncio.sleep(0.1)


async def found(server: TcpServer) -> tuple[list[int], list[date]]:
    """The amounts that were paid, and the blackout dates."""
    amounts = await server.run("SELECT array_agg(amount ORDER BY id) FROM payment", database="isp")
    return amounts, await server.run("SELECT array_agg(day ORDER BY day) FROM blackout_date", database="isp")


@pytest.mark.skipif(not IS_HERE and not os.environ.get("CI"), reason="not here: apt-get install postgresql pgbackrest")
def test_what_came_before_the_mistake_is_there_and_nobody_is_blocked_for_what_came_after() -> None:
    assert BIN_DIR is not None
    begun = local_date(system_clock(), "Asia/Jakarta")
    conf, server_conf = chapter("ini")
    daily, back, after = ([shlex.split(line) for line in block.splitlines()] for block in chapter("sh"))
    with made(BIN_DIR, **settings(server_conf)) as unconfigured:
        server = configured(unconfigured, conf)
        with server.running():
            asyncio.run(server.run(*MAKING))
            asyncio.run(migrate(server.url()))
            for words in daily:
                run_as_postgres(server, words)
            between = asyncio.run(paid_before_and_after(server))
        (words,) = back
        run_as_postgres(server, [f"--target={between}" if word.startswith("--target=") else word for word in words])
        with server.running():
            environment = {"SEBILLING_DATABASE_URL": server.url(), "SEBILLING_SECRET_KEY": SECRET_KEY}
            asyncio.run(promoted(server))
            for words in after:
                run_as_operator(words[1:], environment)
            amounts, days = asyncio.run(found(server))
    assert amounts == [50_000]
    now = local_date(system_clock(), "Asia/Jakarta")
    assert any(days == [today, today + timedelta(days=1)] for today in (begun, now)), days
