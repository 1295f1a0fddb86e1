"""A separate PostgreSQL on a loopback port, with passwords and without TLS: SeBilling's embedded one accepts no other users."""

import os
import secrets
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import IO, Final

from sebilling.db.embedded import server_bin_dir

from sebilling_radius.testing import processes

_READY_SECONDS: Final = 60


class PrivatePostgres:
    """A server with its data in `folder`, which its user must be able to access. Can be started, killed and restarted."""

    def __init__(self, folder: Path) -> None:
        self.port = processes.free_port(socket.SOCK_STREAM)
        self.password = secrets.token_hex(8)
        self._data = folder / "data"
        self._log: IO[bytes] = (folder / "postgres.log").open("ab")
        self._process: subprocess.Popen[bytes] | None = None
        passwords = folder / "password"
        passwords.write_text(self.password)
        self._data.mkdir()
        for path in (self._data, passwords):
            os.chown(path, processes.account().pw_uid, processes.account().pw_gid)
        command = [str(server_bin_dir() / "initdb"), f"--pgdata={self._data}", "--username=rig", f"--pwfile={passwords}", "--encoding=UTF8"]
        command += ["--locale=C", "--auth=scram-sha-256", "--no-sync"]
        command += ["--set=scram_iterations=1"]  # by default each connection hashes the password 4096 times, on both sides
        if processes.launch(command, self._log, cwd=folder).wait(60) != 0:
            raise RuntimeError(f"initdb failed: see {folder / 'postgres.log'}")

    @property
    def dsn(self) -> str:
        """URL for its superuser."""
        return f"postgresql://rig:{self.password}@127.0.0.1:{self.port}/postgres?sslmode=disable"

    @property
    def pid(self) -> int:
        """Process id of the postmaster. Raises RuntimeError if it isn't running."""
        if self._process is None:
            raise RuntimeError("PostgreSQL isn't running")
        return self._process.pid

    def start(self) -> None:
        """Start it and wait until it accepts connections. Raises RuntimeError."""
        settings = ("listen_addresses=127.0.0.1", f"port={self.port}", "unix_socket_directories=", "fsync=off", "max_connections=100")
        command = [str(server_bin_dir() / "postgres"), "-D", str(self._data), *(word for setting in settings for word in ("-c", setting))]
        self._process = processes.launch(command, self._log, cwd=self._data)
        program = str(server_bin_dir() / "pg_isready")
        until = time.monotonic() + _READY_SECONDS
        while subprocess.run([program, "-q", "-h", "127.0.0.1", "-p", str(self.port)], check=False).returncode != 0:
            if self._process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"PostgreSQL doesn't start: see {self._log.name}")
            time.sleep(0.02)

    def kill(self) -> None:
        """Send SIGKILL to the postmaster and its children, as if the machine lost power."""
        if self._process is not None:
            children = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit() and _parent(path) == self._process.pid]
            self._process.kill()
            self._process.wait()
            for child in children:
                try:
                    os.kill(child, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            self._process = None

    def stop(self) -> None:
        """Shut it down."""
        if self._process is not None:
            processes.end(self._process)
            self._process = None
        self._log.close()


def _parent(process: Path) -> int:
    try:
        return int((process / "stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, ValueError):
        return 0
