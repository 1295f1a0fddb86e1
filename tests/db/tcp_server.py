"""A PostgreSQL that listens on loopback, with passwords and TLS: what operators have, and the embedded server hasn't."""

import asyncio
import os
import pwd
import re
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import asyncpg
import trustme

PASSWORD = "benar-sekali"
MAKING: Final = (f"CREATE ROLE isp LOGIN PASSWORD '{PASSWORD}'", "CREATE DATABASE isp OWNER isp", "SELECT 1")


@dataclass(frozen=True)
class TcpServer:
    """A server; `authority` is the file of the certificate that its own is signed by. Its programs run as `who`."""

    port: int
    authority: Path
    folder: Path
    bin_dir: Path
    who: Mapping[str, Any]

    def url(self, database: str = "isp", *, user: str = "isp", password: str = PASSWORD, scheme: str = "postgresql", tail: str = "") -> str:
        return f"{scheme}://{user}:{password}@localhost:{self.port}/{database}{tail}"

    async def run(self, *statements: str, database: str = "postgres") -> Any:
        """As superuser, each in a transaction of its own; the last one's value."""
        connection = await asyncpg.connect(
            host="127.0.0.1", port=self.port, user="postgres", password=PASSWORD, database=database, ssl=False
        )
        try:
            for statement in statements[:-1]:
                await connection.execute(statement)
            return await connection.fetchval(statements[-1])
        finally:
            await connection.close()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Until the end of the block; it answers from the beginning."""
        command: list[str | Path] = [self.bin_dir / "postgres", "-D", self.folder / "data"]
        with (
            (self.folder / "log").open("ab") as log,
            subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder, **self.who) as process,
        ):
            try:
                self._await_ready(process)
                yield
            finally:
                process.send_signal(signal.SIGINT)  # a fast shutdown, which waits for nobody
                process.wait(timeout=20)

    def _await_ready(self, process: "subprocess.Popen[bytes]") -> None:
        deadline = time.monotonic() + 30
        while True:
            assert process.poll() is None, (self.folder / "log").read_text()
            try:
                asyncio.run(self.run("SELECT 1"))
            except (OSError, asyncpg.CannotConnectNowError):
                assert time.monotonic() < deadline, (self.folder / "log").read_text()
                time.sleep(0.05)
            else:
                return


def tls_bin_dir() -> Path | None:
    """The programs of a PostgreSQL that was built with TLS: the distribution's; None if there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(re.sub(r"\D", "", path.parts[4]) or 0))
    return found[-1].parent if found else None


def _certificates(folder: Path) -> Path:
    authority = trustme.CA()
    issued = authority.issue_cert("localhost")
    issued.private_key_pem.write_to_path(folder / "server.key")
    (folder / "server.key").chmod(0o600)
    issued.cert_chain_pems[0].write_to_path(folder / "server.crt")
    authority.cert_pem.write_to_path(folder / "authority.crt")
    return folder / "authority.crt"


@contextmanager
def tcp_server(bin_dir: Path) -> Iterator[TcpServer]:
    """A server of its own that runs; with the role `isp`, who owns the database `isp`."""
    with made(bin_dir) as server, server.running():
        asyncio.run(server.run(*MAKING))
        yield server


@contextmanager
def made(bin_dir: Path, **settings: str) -> Iterator[TcpServer]:
    """A server of its own that doesn't run yet, with these settings, in a folder that is removed."""
    account = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    who: dict[str, Any] = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []} if os.geteuid() == 0 else {}
    with tempfile.TemporaryDirectory(prefix="sebilling-tcp-", ignore_cleanup_errors=True) as base, socket.socket() as free:
        folder = Path(base)
        folder.chmod(0o755)
        authority = _certificates(folder)
        (folder / "password").write_text(PASSWORD)
        for path in (folder, *folder.iterdir()):
            os.chown(path, account.pw_uid, account.pw_gid)
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        making = ["--username=postgres", f"--pwfile={folder / 'password'}", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"]
        command: list[str | Path] = [bin_dir / "initdb", f"--pgdata={folder / 'data'}", "--no-sync", *making]
        subprocess.run(command, check=True, capture_output=True, cwd=folder, **who)
        given = {
            "listen_addresses": "127.0.0.1", "port": port, "unix_socket_directories": "", "fsync": "off", "ssl": "on",
            "ssl_cert_file": folder / "server.crt", "ssl_key_file": folder / "server.key", "max_connections": 30,
            **settings,
        }  # fmt: skip
        with (folder / "data" / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in given.items())
        yield TcpServer(port, authority, folder, bin_dir, who)
