"""examples/collector.py as app authors would run it: a process of its own, a real server, a line that loses answers."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from sebilling.db.engine import Database
from tests.harness import PASSWORD
from tests.phone.collector import SCRIPT
from tests.phone.line import bad_line
from tests.phone.test_line import billed
from tests.processes import servers

Run = Callable[..., subprocess.CompletedProcess[str]]


def phone(server: str, store: Path) -> Run:
    """The phone: called with the words of the command line."""

    def run(*words: str, code: int = 0, tries: int = 12) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            command(server, store, *words, tries=tries), capture_output=True, text=True, timeout=120, check=False, env=environment()
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done

    return run


def command(server: str, store: Path, *words: str, tries: int = 12) -> list[str]:
    return [sys.executable, str(SCRIPT), "--server", server, "--store", str(store), "--tries", str(tries), *words]


def environment() -> dict[str, str]:
    return {**os.environ, "COLLECTOR_PASSWORD": PASSWORD}


async def test_a_days_work_on_a_bad_line(committed: Database, tmp_path: Path) -> None:
    isp, store = await billed(committed), tmp_path / "phone.db"
    codes = [row[0] for row in await isp.rows("SELECT code FROM customer ORDER BY id")]
    (number,) = (await isp.rows("SELECT number FROM invoice ORDER BY id LIMIT 1"))[0]
    with servers(committed.url) as (server,):
        with bad_line(server.address, lost=0.3, seed=4) as line:
            run = phone(line.address, store)
            assert "signed in" in run("sign-in", "kolektor").stdout
            assert "80 customers" in run("sync").stdout
            assert "owes 300000" in run("list", codes[0]).stdout
            assert "sync first" in run("pay", "NOBODY", "1", code=1).stderr
        with socket.socket() as nobody:  # offline: nobody listens there
            nobody.bind(("127.0.0.1", 0))
            run = phone(f"http://127.0.0.1:{nobody.getsockname()[1]}", store)
            keys = [run("pay", code, "150000").stdout.strip() for code in codes[:3]]
            run("pay", codes[0], "150000", "--invoice", number)
            assert "waiting 300000" in run("list", codes[0]).stdout
            assert "BUKTI SEMENTARA" in run("receipt").stdout
            assert "no response" in run("send", code=2, tries=2).stderr
        with bad_line(server.address, lost=0.3, seed=5) as line:
            killed = await asyncio.create_subprocess_exec(*command(line.address, store, "send"), env=environment())
            await asyncio.sleep(0.35)  # wherever it is by then; on a quick machine it may have ended
            with suppress(ProcessLookupError):
                killed.kill()
            await killed.wait()
            run = phone(line.address, store)
            assert "4 sent, 0 waiting, 0 refused" in run("send").stdout
            assert "KW/" in run("receipt", keys[0]).stdout
            assert "4 sent, 0 waiting, 0 refused" in run("send").stdout
    assert await isp.rows("SELECT amount, credit, surplus_because FROM payment ORDER BY id") == [
        (150_000, 0, ""), (150_000, 0, ""), (150_000, 0, ""), (150_000, 0, "ALREADY_PAID"),
    ]  # fmt: skip
    await isp.check()


async def test_a_token_is_renewed_and_who_was_signed_out_is_told_and_loses_nothing(committed: Database, tmp_path: Path) -> None:
    isp, store = await billed(committed), tmp_path / "phone.db"
    (code,) = (await isp.rows("SELECT code FROM customer ORDER BY id LIMIT 1"))[0]
    with servers(committed.url) as (server,), bad_line(server.address, lost=0.3, seed=6) as line:
        run = phone(line.address, store)
        run("sign-in", "kolektor")
        run("sync")
        run("pay", code, "150000")
        for _ in range(3):
            await isp.rows("UPDATE access_token SET expires_at = now() RETURNING 1")
            run("sync")
        await isp.rows("UPDATE sign_in SET revoked_at = now() RETURNING 1")
        assert "sign in again" in run("send", code=3).stderr
        run("sign-in", "kolektor")
        assert "1 sent, 0 waiting, 0 refused" in run("send").stdout
