"""The harness: one embedded server per session, a migrated template, a savepoint per test, clones for what commits.

`database` is one connection in a transaction that is rolled back; tests that need real commits, several connections or
processes take `committed_url`, a database of their own. No socket leaves this machine.
"""

import asyncio
import itertools
import logging
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from sebilling.auth import passwords
from sebilling.db.databases import create_database, drop_database
from sebilling.db.embedded import embedded_database
from sebilling.db.engine import Database, ReadSession
from sebilling.db.migrate import migrate
from tests import event_payloads
from tests.event_payloads import INVENTING
from tests.harness import CHEAP_HASHES, SavepointDatabase
from tests.isolation.gear import GEARS, Gear
from tests.row_types import check_rows

_SETTINGS: Final = {"fsync": "off", "full_page_writes": "off", "max_parallel_workers_per_gather": "0"}
_numbers = itertools.count(1)
_connect = socket.socket.connect


def _guarded(self: socket.socket, address: Any) -> None:
    if self.family != socket.AF_UNIX and address[0] not in {"::1", "localhost"} and not address[0].startswith("127."):
        raise RuntimeError(f"a test wanted to leave this machine: {address}")
    _connect(self, address)


@pytest.fixture(scope="session", autouse=True)
def sockets_stay_here() -> Iterator[None]:
    socket.socket.connect = _guarded  # type: ignore[assignment,method-assign]
    yield
    socket.socket.connect = _connect  # type: ignore[method-assign]


@pytest.fixture(scope="session", autouse=True)
def errors_are_logged_as_by_a_server() -> None:
    """Not by Strawberry, whose tracebacks cost pytest more than the requests that they are about; see `sebilling.logs`."""
    logging.getLogger("strawberry.execution").disabled = True


@pytest.fixture(scope="session", autouse=True)
def rows_have_their_types() -> None:
    check_rows()


@pytest.fixture(autouse=True)
def cheap_passwords(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashes cost next to nothing where they aren't what is tested."""
    if request.path.name != "test_passwords.py":
        monkeypatch.setattr(passwords, "_HASHER", CHEAP_HASHES)


@pytest.fixture(autouse=True)
def logs_stay_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that a test runs in this process doesn't set up logs, which would stay so for every later test."""
    monkeypatch.setattr("sebilling.cli.database.set_up", lambda **_: None)


@pytest.fixture(scope="session")
def server_url() -> Iterator[str]:
    """A server for this session; its maintenance database.

    Its tables are small, but a union of all of them looks large to the planner, and starting processes to read it takes much longer.
    """
    folder = Path(tempfile.mkdtemp(prefix="sebilling-tests-"))
    folder.chmod(0o711)  # root's server, which runs as another user, would go where nobody cleans up
    try:
        with embedded_database(folder / "postgres", own=True, settings=_SETTINGS) as url:
            yield url
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def template(server_url: str) -> str:
    """The name of a migrated database without rows, to be cloned."""
    name = "template_of_tests"

    async def make() -> None:
        await migrate(await create_database(server_url, name))

    asyncio.run(make())
    return name


@pytest.fixture
def committed_url(request: pytest.FixtureRequest, server_url: str, template: str) -> Iterator[str]:
    """A database of the test's own, migrated and empty: for what really commits. At the end its events are checked."""
    name = f"test_{next(_numbers)}"
    url = asyncio.run(create_database(server_url, name, template=template))
    yield url
    invents = request.path.parent.name in INVENTING or request.node.get_closest_marker("invents_events") is not None
    wrong = [] if invents else asyncio.run(event_payloads.wrong_events_at(url))
    asyncio.run(drop_database(server_url, name))
    assert wrong == []


@pytest_asyncio.fixture
async def committed(committed_url: str) -> AsyncIterator[Database]:
    """The test's own database, with pools of connections."""
    database = Database(committed_url, connections=20)
    yield database
    await database.close()


@pytest.fixture(scope="session")
def shared_url(server_url: str, template: str) -> Iterator[str]:
    """One migrated database for every test that rolls back."""
    yield asyncio.run(create_database(server_url, "shared", template=template))
    asyncio.run(drop_database(server_url, "shared"))


@pytest_asyncio.fixture(scope="session")
async def shared_engine(shared_url: str) -> AsyncIterator[AsyncEngine]:
    """One connection for all of them: statements are compiled, prepared and planned once, and not per test."""
    kept = {"prepared_statement_cache_size": 1_000}
    engine = create_async_engine(shared_url, connect_args=kept, pool_size=1, max_overflow=0, pool_pre_ping=True)
    yield engine
    await engine.dispose()


@pytest_asyncio.fixture
async def database(shared_url: str, shared_engine: AsyncEngine) -> AsyncIterator[SavepointDatabase]:
    """A database in which nothing remains: transactions are savepoints of one that is rolled back."""
    async with shared_engine.connect() as connection:
        await connection.begin()
        yield SavepointDatabase(shared_url, connection)
        wrong = await event_payloads.wrong_events(ReadSession(connection))
        await connection.rollback()
    assert wrong == []


@pytest.fixture
def gear() -> Iterator[Gear]:
    """The device that drivers of tests talk to, by the name `one`."""
    GEARS["one"] = Gear()
    yield GEARS["one"]
    GEARS.clear()


@pytest.fixture
def tmp_file(tmp_path: Path) -> Callable[[bytes], Path]:
    """Write bytes to a file, give its path."""

    def write(content: bytes, name: str = "file.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return write
