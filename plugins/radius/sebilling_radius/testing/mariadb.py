"""A separate MariaDB on a loopback port, with passwords and without TLS."""

import os
import secrets
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import IO, Any, Final

import pymysql

from sebilling_radius.testing import processes

_READY_SECONDS: Final = 60
_PATH: Final = "/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin"


def mariadb_problem() -> str:
    """Return why MariaDB can't be run here; "" if it can."""
    if shutil.which("mariadbd", path=_PATH) and shutil.which("mariadb-install-db", path=_PATH):
        return ""
    return "MariaDB isn't installed: apt-get install --no-install-recommends mariadb-server freeradius-mysql"


class PrivateMariadb:
    """A server with its data in `folder`, which its user must be able to access. Can be started, killed and restarted."""

    database: Final = "radius"
    login: Final = "rig"

    def __init__(self, folder: Path) -> None:
        self.port = processes.free_port(socket.SOCK_STREAM)
        self.password = secrets.token_hex(8)
        self._folder = folder / "mariadb"
        self._data = self._folder / "data"
        self._log: IO[bytes] = (folder / "mariadb.log").open("ab")
        self._process: subprocess.Popen[bytes] | None = None
        self._folder.mkdir()
        os.chown(self._folder, processes.account().pw_uid, processes.account().pw_gid)
        command = [
            str(shutil.which("mariadb-install-db", path=_PATH)), "--no-defaults", f"--datadir={self._data}", "--skip-test-db",
            "--auth-root-authentication-method=normal", f"--tmpdir={self._folder}",
        ]  # fmt: skip
        if processes.launch(command, self._log, cwd=self._folder).wait(120) != 0:
            raise RuntimeError(f"mariadb-install-db failed: see {self._log.name}")
        self._made = False

    def start(self) -> None:
        """Start it and wait until it accepts connections. Raises RuntimeError."""
        command = [
            str(shutil.which("mariadbd", path=_PATH)), "--no-defaults", f"--datadir={self._data}", f"--tmpdir={self._folder}",
            f"--socket={self._folder / 'socket'}", f"--pid-file={self._folder / 'pid'}", f"--port={self.port}",
            "--bind-address=127.0.0.1", "--innodb-flush-log-at-trx-commit=2", "--innodb-buffer-pool-size=64M", "--skip-log-bin",
            "--performance-schema=off", "--skip-name-resolve", "--skip-ssl",
        ]  # fmt: skip
        self._process = processes.launch(command, self._log, cwd=self._folder)
        until = time.monotonic() + _READY_SECONDS
        while not self._is_ready():
            if self._process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"MariaDB doesn't start: see {self._log.name}")
            time.sleep(0.05)

    def connect(self, *, user: str | None = None, password: str | None = None, database: str | None = database) -> Any:
        """Return a connection as superuser, or another user; the caller must close it."""
        return pymysql.connect(
            host="127.0.0.1", port=self.port, user=user or self.login, password=self.password if password is None else password,
            database=database, charset="utf8mb4", autocommit=True, connect_timeout=5, client_flag=pymysql.constants.CLIENT.MULTI_STATEMENTS,
            cursorclass=pymysql.cursors.DictCursor,
        )  # fmt: skip

    def kill(self) -> None:
        """Send SIGKILL, as if the machine lost power."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """Kill it: its data are thrown away."""
        self.kill()
        self._log.close()

    def _is_ready(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            if probe.connect_ex(str(self._folder / "socket")) != 0:
                return False
        self._prepare()
        return True

    def _prepare(self) -> None:
        if self._made:
            self.connect().close()
            return
        connection = pymysql.connect(unix_socket=str(self._folder / "socket"), user="root", password="", autocommit=True)
        with connection, connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {self.database} CHARACTER SET utf8mb4")
            cursor.execute(f"CREATE USER {self.login} IDENTIFIED BY '{self.password}'")
            cursor.execute(f"GRANT ALL ON *.* TO {self.login} WITH GRANT OPTION")
        self._made = True
