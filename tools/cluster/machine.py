"""A machine with a database: etcd, Patroni with its PostgreSQL, PgBouncer. It can lose its power and get it back."""

import json
import os
import pwd
import signal
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tools.cluster.addresses import DATABASES, Network
from tools.cluster.programs import Program, Programs

_ASK_SECONDS: Final = 3


@dataclass(frozen=True, slots=True)
class Passwords:
    """Of the database's roles."""

    postgres: str
    replicator: str
    rewinder: str
    sebilling: str


class Machine:
    """One of the three. Its files are in a folder of its own."""

    def __init__(
        self, name: str, folder: Path, network: Network, *, programs: Programs, passwords: Passwords, run_as: pwd.struct_passwd | None
    ) -> None:
        self.name = name
        self.address = network.address(DATABASES[name])
        self.folder = folder / name
        self._data = self.folder / "postgresql"
        folders = (self.folder, self.folder / "run")
        for one in folders:
            one.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._write("etcd.yml", network, self._of_this_machine() | {"/var/lib/etcd/sebilling": str(self.folder / "etcd")})
        self._write("patroni.yml", network, self._of_this_machine() | {
            "/var/lib/postgresql/15/sebilling": str(self._data), "/usr/lib/postgresql/15/bin": str(programs.postgres),
            "/var/lib/postgresql/patroni.pgpass": str(self.folder / "pgpass"), "/var/run/postgresql": str(self.folder / "run"),
            "shared_buffers: 2GB": "shared_buffers: 64MB", "wal_keep_size: 1GB": "wal_keep_size: 128MB",
            "PASSWORD-OF-POSTGRES": passwords.postgres, "PASSWORD-OF-REPLICATOR": passwords.replicator,
            "PASSWORD-OF-REWINDER": passwords.rewinder,
        })  # fmt: skip
        self._write("pgbouncer.ini", network, {
            "host=10.20.0.11": f"host={self.address}", "listen_addr = 10.20.0.11": f"listen_addr = {self.address}",
            "/etc/pgbouncer/userlist.txt": str(self.folder / "userlist.txt"),
            "/var/log/postgresql/pgbouncer.log": str(self.folder / "pgbouncer.log"),
            "/var/run/postgresql/pgbouncer.pid": str(self.folder / "pgbouncer.pid"),
        })  # fmt: skip
        (self.folder / "userlist.txt").write_text(f'"sebilling" "{passwords.sebilling}"\n', encoding="utf-8")
        if run_as is not None:
            for path in (self.folder, *self.folder.iterdir()):
                os.chown(path, run_as.pw_uid, run_as.pw_gid)
        self.etcd = self._program("etcd", programs.etcd, "--config-file", "etcd.yml", run_as=run_as)
        self.patroni = self._program("patroni", programs.patroni, "patroni.yml", run_as=run_as)
        self.pgbouncer = self._program("bouncer", programs.pgbouncer, "-q", "pgbouncer.ini", run_as=run_as)

    def _of_this_machine(self) -> dict[str, str]:
        """What differs between the machines: the files are db1's. A peer's list keeps the addresses of all."""
        if self.name == "db1":
            return {}
        number = DATABASES[self.name]
        lines = (
            "name: db1", "listen-peer-urls: http://10.20.0.11", "initial-advertise-peer-urls: http://10.20.0.11",
            "listen-client-urls: http://10.20.0.11", "advertise-client-urls: http://10.20.0.11",
            "listen: 10.20.0.11", "connect_address: 10.20.0.11",
        )  # fmt: skip
        return {line: line.replace("db1", self.name).replace("10.20.0.11", f"10.20.0.{number}") for line in lines}

    def _write(self, file: str, network: Network, replaced: Mapping[str, str]) -> None:
        text = network.text(file)
        known = {old: new for old, new in replaced.items() if old in text or old not in self._of_this_machine()}
        target = self.folder / file
        target.write_text(network.filled(text, known), encoding="utf-8")
        target.chmod(0o600)

    def _program(self, name: str, *words: str, run_as: pwd.struct_passwd | None) -> Program:
        return Program(words, log=self.folder / f"{name}.out", run_as=run_as)

    def start(self) -> None:
        """Start what doesn't run."""
        for program in (self.etcd, self.patroni, self.pgbouncer):
            program.start()

    def lose_power(self) -> None:
        """Kill everything on it, Patroni first, which would otherwise react."""
        self.patroni.kill()
        self.kill_postgresql()
        self.pgbouncer.kill()
        self.etcd.kill()

    def kill_postgresql(self) -> None:
        """Kill PostgreSQL alone; Patroni lives."""
        with suppress(OSError, ValueError, IndexError):
            os.kill(self._postmaster(), signal.SIGKILL)

    def _postmaster(self) -> int:
        return int((self._data / "postmaster.pid").read_text(encoding="utf-8").split()[0])

    def postgresql(self) -> list[int]:
        """The ids of PostgreSQL's processes. Raises OSError, ValueError, IndexError if it doesn't run."""
        first = self._postmaster()
        children = Path(f"/proc/{first}/task/{first}/children").read_text(encoding="ascii").split()
        return [first, *map(int, children)]

    @property
    def is_primary(self) -> bool:
        """Whether Patroni says so."""
        return self._asked("primary") is not None

    def members(self) -> list[Any]:
        """The cluster's machines as this one's Patroni knows them; none if it doesn't answer."""
        state = self._asked("cluster")
        return [] if state is None else list(state["members"])

    def _asked(self, path: str) -> Any:
        """Patroni's answer; None if it is a refusal, or there is none."""
        with suppress(OSError, ValueError), urllib.request.urlopen(f"http://{self.address}:8008/{path}", timeout=_ASK_SECONDS) as answer:
            return json.loads(answer.read())
        return None
