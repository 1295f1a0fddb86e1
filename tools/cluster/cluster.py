"""The whole cluster: three machines with databases, HAProxy, three servers and two workers of SeBilling."""

import asyncio
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import astuple, fields
from pathlib import Path
from typing import Final

import asyncpg
import httpx

from sebilling.db.migrate import migrate
from tools.cluster.addresses import DATABASES, METRICS_PORT, SERVERS, WORKERS, Network
from tools.cluster.machine import Machine, Passwords
from tools.cluster.programs import CannotStart, Program, Programs, account

_START_SECONDS: Final = 120


class Cluster:
    """A cluster in a folder. `start` it, and `stop` it in any case."""

    def __init__(self, folder: Path, network: Network) -> None:
        """Write all files. Raises CannotStart if something is missing or a port is taken."""
        programs, run_as = Programs.find(), account()
        network.check()
        self.folder, self.network = folder.absolute(), network
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o711)
        if run_as is not None:
            _check_reach(self.folder)
        self._passwords = _passwords(self.folder / "passwords")
        self.machines = {
            name: Machine(name, self.folder, network, programs=programs, passwords=self._passwords, run_as=run_as) for name in DATABASES
        }
        proxy = self.folder / "haproxy"
        proxy.mkdir(exist_ok=True)
        (proxy / "haproxy.cfg").write_text(network.filled(network.text("haproxy.cfg"), {}), encoding="utf-8")
        self.haproxy = Program([programs.haproxy, "-db", "-f", "haproxy.cfg"], log=proxy / "haproxy.out", run_as=None)
        self.environment = self._settings()
        self.servers = {name: self._sebilling(name) for name in SERVERS}
        self.workers = {name: self._sebilling(name) for name in WORKERS}

    def _settings(self) -> dict[str, str]:
        filled = self.network.filled(self.network.text("sebilling.env"), {
            "PASSWORD-OF-SEBILLING": self._passwords.sebilling, "THE-SAME-KEY-EVERYWHERE": _kept(self.folder / "secret.key"),
            "SEBILLING_TRUSTED_PROXIES=10.20.0.10": "SEBILLING_TRUSTED_PROXIES=127.0.0.1",
        })  # fmt: skip
        lines = (line.partition("=") for line in filled.splitlines() if line and not line.startswith("#"))
        return {name: value for name, _, value in lines} | {
            "SEBILLING_VAR": str(self.folder / "var"), "SEBILLING_LOG_LEVEL": "WARNING",
            "SEBILLING_DEVICE_NETWORKS": "127.0.0.0/8",  # the month's simulated router is on this machine
        }  # fmt: skip

    def _sebilling(self, name: str, **environment: str) -> Program:
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        command = (sys.executable, "-m", "sebilling.cli", "serve" if name in SERVERS else "worker")
        address = self.network.address((SERVERS | WORKERS)[name])
        own = {"SEBILLING_HOST": address, "SEBILLING_METRICS_HOST": address, "SEBILLING_METRICS_PORT": str(METRICS_PORT)}
        return Program(command, log=folder / f"{name}.log", run_as=None, **self.environment, **own, **environment)

    @property
    def metrics(self) -> list[str]:
        """Where each server's and worker's metrics are, as address:port."""
        return [f"{self.network.address(number)}:{METRICS_PORT}" for number in (SERVERS | WORKERS).values()]

    @property
    def url(self) -> str:
        """The database's address as servers use it."""
        return self.environment["SEBILLING_DATABASE_URL"]

    def start_databases(self) -> None:
        """Start the machines and HAProxy; make the role, the database and its schema. Raises CannotStart."""
        for machine in self.machines.values():
            machine.start()
        self.haproxy.start()
        self.await_whole()
        asyncio.run(self._make_database())

    def start_sebilling(self) -> None:
        """Start servers and workers. Raises CannotStart."""
        for program in (*self.servers.values(), *self.workers.values()):
            program.start()
        for name in self.servers:
            self.await_server(name)
        self._await(lambda: self._answers(f"{self.network.url}/healthz"), "HAProxy finds no server")

    def migrate(self, tree: Path) -> None:
        """Migrate the database to the schema of another version, whose tree this is. Raises CannotStart."""
        command = [sys.executable, "-m", "sebilling.cli", "migrate"]
        environment = {"PATH": os.defpath, **self.environment, "PYTHONPATH": str(tree)}
        done = subprocess.run(command, env=environment, cwd=self.folder, capture_output=True, text=True, check=False)
        if done.returncode:
            raise CannotStart(f"sebilling migrate: {done.stderr[-500:]}")

    def replace(self, name: str, tree: Path) -> None:
        """Stop a server or worker, as systemd does, and start another version in its place. Raises CannotStart."""
        programs = self.servers if name in self.servers else self.workers
        programs[name].stop()
        programs[name] = self._sebilling(name, PYTHONPATH=str(tree))
        programs[name].start()
        if name in SERVERS:
            self.await_server(name)

    def await_server(self, name: str) -> None:
        """Wait until a server answers. Raises CannotStart."""
        program, address = self.servers[name], self.network.address(SERVERS[name])

        def answers() -> bool:
            if not program.is_running:
                raise CannotStart(f"{name} has ended: {program.log[-500:]}")
            return self._answers(f"http://{address}:8000/readyz")

        self._await(answers, f"{name} doesn't answer")

    @staticmethod
    def _answers(url: str) -> bool:
        with suppress(httpx.HTTPError):
            return httpx.get(url, timeout=5).status_code == httpx.codes.OK
        return False

    def primary(self) -> Machine | None:
        """The machine that is the primary; None while there is none."""
        return next((machine for machine in self.machines.values() if machine.is_primary), None)

    def is_whole(self) -> bool:
        """Whether one machine is the primary, one its synchronous standby, and the third a replica that streams."""
        primary = self.primary()
        if primary is None:
            return False
        members = [member for member in primary.members() if member["state"] in {"running", "streaming"}]
        return sorted(member["role"] for member in members) == ["leader", "replica", "sync_standby"] and all(
            member.get("lag", 0) == 0 and member.get("timeline") == members[0].get("timeline") for member in members
        )

    def await_whole(self, seconds: float = _START_SECONDS) -> None:
        """Wait until all three machines do their part. Raises CannotStart."""
        self._await(self.is_whole, f"the three databases aren't a cluster: see {self.folder}/db1/patroni.out", seconds)

    @staticmethod
    def _await(is_so: Callable[[], bool], else_what: str, seconds: float = _START_SECONDS) -> None:
        until = time.monotonic() + seconds
        while not is_so():
            if time.monotonic() > until:
                raise CannotStart(f"{else_what}, after {seconds:.0f} seconds.")
            time.sleep(0.3)

    async def _make_database(self) -> None:
        server = await asyncpg.connect(
            host=self.network.proxy, port=5001, user="postgres", password=self._passwords.postgres, database="postgres", ssl=False
        )
        try:
            if not await server.fetchval("SELECT count(*) FROM pg_roles WHERE rolname = 'sebilling'"):
                await server.execute(f"CREATE ROLE sebilling LOGIN PASSWORD '{self._passwords.sebilling}'")
            if not await server.fetchval("SELECT count(*) FROM pg_database WHERE datname = 'sebilling'"):
                await server.execute("CREATE DATABASE sebilling OWNER sebilling")
        finally:
            await server.close()
        await migrate(self.url)

    def stop(self) -> None:
        """Stop everything: first who uses the database."""
        ours = [*self.servers.values(), *self.workers.values()]
        others = [self.haproxy, *(machine.patroni for machine in self.machines.values())]
        last = [program for machine in self.machines.values() for program in (machine.pgbouncer, machine.etcd)]
        for programs in (ours, others, last):
            for program in programs:
                program.ask_to_stop()
            for program in programs:
                program.stop()
        for machine in self.machines.values():
            machine.kill_postgresql()  # only one whose Patroni was killed still runs


@contextmanager
def running(folder: Path, network: Network) -> Iterator[Cluster]:
    """A cluster that runs during the block. Raises CannotStart."""
    cluster = Cluster(folder, network)
    try:
        cluster.start_databases()
        yield cluster
    finally:
        cluster.stop()


def _passwords(file: Path) -> Passwords:
    """The passwords of an earlier start, or new ones."""
    if not file.exists():
        count = len(fields(Passwords))
        made = Passwords(*(secrets.token_hex(16) for _ in range(count)))
        file.touch(mode=0o600)
        file.write_text("\n".join(astuple(made)), encoding="utf-8")
    return Passwords(*file.read_text(encoding="utf-8").split())


def _kept(file: Path) -> str:
    """The secret key of an earlier start, or a new one."""
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_hex(24), encoding="utf-8")
    return file.read_text(encoding="utf-8")


def _check_reach(folder: Path) -> None:
    """Check that another account may enter the folder. Raises CannotStart."""
    for one in (folder, *folder.parents):
        if not one.stat().st_mode & 0o001:
            raise CannotStart(f"PostgreSQL doesn't run as root, and its user may not enter {one}: choose another folder with --folder.")
    if os.access(folder, os.W_OK):
        return
    raise CannotStart(f"{folder} can't be written to.")
