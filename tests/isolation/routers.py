"""A simulated MikroTik on a socket, with SeBilling's plugin for it, over a database that really commits."""

import asyncio
import io
import random
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from rich.console import Console
from sebilling_mikrotik.testing import Router, Simulator

from sebilling import keys
from sebilling.cli import terminal
from sebilling.db.engine import Database
from sebilling.network import devices
from sebilling.network.engine import Engine
from sebilling.network.reconcile import work_one
from sebilling.plugins.loading import Plugins
from sebilling.plugins.networks import Networks
from sebilling.vault import Vault
from tests.commands import run
from tests.harness import LAB, SECRET_KEY, Isp

LATE: Final = datetime(2026, 2, 14, 2, 0, tzinfo=UTC)
USER: Final = "sebilling"
PASSWORD: Final = "rahasia-Router-77"
KEY: Final = SECRET_KEY


@dataclass
class Place:
    """An ISP, its router, and an engine with the installed plugins; it is late on 14 February."""

    isp: Isp
    simulator: Simulator
    engine: Engine

    @property
    def router(self) -> Router:
        return self.simulator.router

    def settings(self, **more: object) -> dict[str, object]:
        """The settings of a device that is this router."""
        own = {"host": "127.0.0.1", "port": self.simulator.port, "username": USER, "password": PASSWORD, "tls": False, "timeout_seconds": 5}
        return own | more

    async def device(self, name: str = "RB1", kind: str = "mikrotik.pppoe", **more: object) -> int:
        async with self.isp.write() as session:
            return await devices.create(
                session, self.engine.plugins, self.engine.vault, name=name, kind=kind, config=self.settings(**more)
            )  # fmt: skip

    async def work(self) -> None:
        """Until nothing is to be done on any device."""
        async with asyncio.timeout(60):
            while await self.isp.value("SELECT count(*) FROM service_access WHERE desired_generation > observed_generation"):
                if not await work_one(self.engine):
                    await asyncio.sleep(0.05)


@asynccontextmanager
async def place(database: Database, *counters: str) -> AsyncIterator[Place]:
    """With the router's one-time setup and the profiles 10M and 20M."""
    router = Router()
    router.user(USER, PASSWORD)
    router.setup()
    router.add("/ppp/profile", name="10M", rate_limit="5M/10M")
    router.add("/ppp/profile", name="20M", rate_limit="10M/20M 20M/40M")
    plugins = Plugins.load()
    plugins.networks = Networks.parse(LAB)
    engine = Engine(database, plugins, Vault(keys.derived(KEY)), lambda: LATE, "tests", random.Random(1))
    async with Simulator(router) as simulator:
        try:
            yield Place(await Isp.make(database, *counters), simulator, engine)
        finally:
            await engine.close()


def console() -> Console:
    return terminal.console(io.StringIO(), width=200)


def said(given: Console) -> str:
    assert isinstance(given.file, io.StringIO)
    return given.file.getvalue()


async def shell(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`sebilling …` in a process of its own, while this one's sockets go on answering."""
    environment = {"SEBILLING_VAR": str(folder / "var"), "SEBILLING_DEVICE_NETWORKS": LAB, **environment}
    return await asyncio.to_thread(lambda: run(arguments, folder=folder, **environment))
