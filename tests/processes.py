"""Real server processes on real sockets, that can be killed."""

import os
import re
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.commands import start, without_settings
from tests.harness import PASSWORD, SECRET_KEY

SETTINGS = {"SEBILLING_LOG_FORMAT": "json", "SEBILLING_GENERATE_CHUNK": "10000", "SEBILLING_DEVICE_NETWORKS": "127.0.0.0/8"}


class _Process:
    """A command of ours, over the database at `url`, or without one over the embedded one; `descriptors` is its limit of open files."""

    def __init__(self, words: Sequence[str], url: str | None, descriptors: int | None = None, /, **environment: str) -> None:
        self._log = Path(tempfile.mkstemp(prefix=f"sebilling-{words[0]}-")[1])
        self._told: str | None = None
        """The log of one that was stopped, whose file is gone."""
        database = {} if url is None else {"SEBILLING_DATABASE_URL": url}
        self.process = start(
            words, folder=Path(tempfile.gettempdir()), stdout=Path(os.devnull), stderr=self._log, descriptors=descriptors,
            environment={**without_settings(), **SETTINGS, **database, **environment},
        )  # fmt: skip

    @property
    def log(self) -> str:
        """What it has logged."""
        return self._told if self._told is not None else self._log.read_text(encoding="utf-8")

    def kill(self) -> None:
        """As a power cut would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        """Politely; it must obey. Gives the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=30)
        self._told = self.log
        self._log.unlink(missing_ok=True)
        return code


class WorkerProcess(_Process):
    """`sebilling worker`."""

    def __init__(self, url: str, **environment: str) -> None:
        super().__init__(["worker"], url, **{"SEBILLING_SECRET_KEY": SECRET_KEY, **environment})


class ServerProcess(_Process):
    """`sebilling serve` on a free port, or on that of its environment."""

    def __init__(self, url: str | None, descriptors: int | None = None, /, **environment: str) -> None:
        super().__init__(["serve"], url, descriptors, **{"SEBILLING_PORT": "0", **environment})
        self.address = self._await_address()

    def _await_address(self) -> str:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            if found := re.search(r"http://127\.0\.0\.1:\d+", self.log):
                return found[0]
            assert self.process.poll() is None, self.log
            time.sleep(0.02)
        raise AssertionError(f"the server didn't start: {self.log}")


@contextmanager
def workers(url: str, count: int, **environment: str) -> Iterator[list[WorkerProcess]]:
    """As many workers over one database; those that still run at the end are ended."""
    running = [WorkerProcess(url, **environment) for _ in range(count)]
    try:
        yield running
    finally:
        for one in running:
            one.stop()


@contextmanager
def servers(url: str, count: int = 1, **environment: str) -> Iterator[list[ServerProcess]]:
    """As many processes over one database, ended afterwards."""
    running: list[ServerProcess] = []
    try:
        running += [ServerProcess(url, **environment) for _ in range(count)]
        yield running
    finally:
        for one in running:
            one.stop()


class HttpApi:
    """A GraphQL client over HTTP."""

    def __init__(self, address: str, token: str | None = None, *, http: httpx.AsyncClient | None = None) -> None:
        self.address = address
        self.token = token
        self.http = http or httpx.AsyncClient(base_url=address, timeout=120, limits=httpx.Limits(max_connections=100))

    async def sign_in(self, username: str = "admin") -> str:
        """Send this user's token from now on; gives it."""
        document = "mutation($i: SignInInput!) { signIn(input: $i) { token } }"
        self.token = (await self.ask(document, i={"username": username, "password": PASSWORD}))["token"]
        return str(self.token)

    async def ask(self, document: str, **variables: Any) -> Any:
        """The first root field's value; any error fails the test."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        answer = (await self.http.post("/graphql", json={"query": document, "variables": variables}, headers=headers)).json()
        assert "errors" not in answer, answer["errors"]
        value = next(iter(answer["data"].values()))
        assert not (isinstance(value, dict) and value.get("errors")), value["errors"]
        return value


@asynccontextmanager
async def clients(running: Sequence[ServerProcess], count: int) -> AsyncIterator[list[HttpApi]]:
    """Clients of the servers in turn, signed in as admin."""
    apis = [HttpApi(running[number % len(running)].address) for number in range(count)]
    try:
        token = await apis[0].sign_in()
        for api in apis:
            api.token = token
        yield apis
    finally:
        for api in apis:
            await api.http.aclose()
