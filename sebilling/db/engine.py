"""Connections to PostgreSQL: reads and writes are different types, and one mutation is one transaction.

A `ReadSession` runs in autocommit: each statement is its own snapshot and costs one round trip. A `WriteSession` is one
READ COMMITTED transaction with its actor and its time. Only the caller of `Database.transaction` commits. A `Snapshot` is for
reads that are too long for one statement and must be consistent: reports.
"""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import fields
from datetime import datetime
from typing import Any, Final, TypeVar, overload

import orjson
from sqlalchemy import CursorResult, Row
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool
from sqlalchemy.sql import Executable

from sebilling.actor import Actor
from sebilling.db.address import parse
from sebilling.db.state import DatabaseNotReady, DatabaseState, state_of, state_of_connecting
from sebilling.errors import DatabaseUnavailable, SumOutOfRange

_ROWS_AT_A_TIME: Final = 2_000
"""Rows of a stream that are in memory at a time."""
_OPTIONS: Final[Mapping[str, Any]] = {
    "hide_parameters": True,  # errors are logged with their statement; its parameters may be names or keys
    "json_serializer": lambda value: orjson.dumps(value).decode(),
    "json_deserializer": orjson.loads,
}
_SERVER_SETTINGS: Final[Mapping[str, str]] = {"application_name": "sebilling", "timezone": "UTC", "jit": "off"}
STUCK_SECONDS: Final = 120
"""Idle time after which PostgreSQL ends a write transaction, so that a stopped process doesn't block others."""


def new_engine(url: str, *, server_settings: Mapping[str, str] = {}, **options: Any) -> AsyncEngine:
    """Create an engine for a database's address, as operators write it, without connecting. Raises InvalidSetting."""
    address = parse(url)
    connect_args: dict[str, Any] = {"timeout": address.timeout_seconds, "server_settings": {**_SERVER_SETTINGS, **server_settings}}
    if address.ssl is not None:
        connect_args["ssl"] = address.ssl
    return create_async_engine(address.url, connect_args=connect_args, **_OPTIONS, **options)


T = TypeVar("T")
Parameters = Mapping[str, Any] | None
"""Values of a statement's parameters by name: whatever the database can hold."""


class RowMismatch(TypeError):
    """A statement's columns aren't the fields of the dataclass that should hold its rows."""


def _of(result: CursorResult[Any], into: type[Any]) -> CursorResult[Any]:
    names = [field.name for field in fields(into)]
    if list(result.keys()) != names:
        raise RowMismatch(f"{into.__name__} has the fields {', '.join(names)}; the statement has {', '.join(result.keys())}")
    return result


class ReadSession:
    """A read-only connection, for one task at a time."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    @overload
    async def rows(self, statement: Executable, parameters: Parameters = None) -> Sequence[Row[*tuple[Any, ...]]]: ...
    @overload
    async def rows(self, statement: Executable, parameters: Parameters = None, *, into: type[T]) -> Sequence[T]: ...
    async def rows(self, statement: Executable, parameters: Parameters = None, *, into: type[Any] | None = None) -> Sequence[Any]:
        """Return all rows of the statement, in memory; with `into`, as objects of this dataclass.

        Raises RowMismatch unless the statement has the columns that the dataclass has fields, in the same order.
        """
        result = await self._connection.execute(statement, parameters)
        return result.all() if into is None else [into(*row) for row in _of(result, into).all()]

    @overload
    async def row(self, statement: Executable, parameters: Parameters = None) -> Row[*tuple[Any, ...]] | None: ...
    @overload
    async def row(self, statement: Executable, parameters: Parameters = None, *, into: type[T]) -> T | None: ...
    async def row(self, statement: Executable, parameters: Parameters = None, *, into: type[Any] | None = None) -> Any:
        """Return the only row, or None; with `into`, as an object of this dataclass.

        Raises MultipleResultsFound if there are more, RowMismatch as `rows`.
        """
        result = await self._connection.execute(statement, parameters)
        row = (result if into is None else _of(result, into)).one_or_none()
        return row if into is None or row is None else into(*row)

    async def value(self, statement: Executable, parameters: Mapping[str, Any] | None = None) -> Any:
        """Return the first column of the only row, or None. Raises MultipleResultsFound if there are more."""
        return (await self._connection.execute(statement, parameters)).scalar_one_or_none()


class Snapshot(ReadSession):
    """A read-only snapshot of the database: all statements see the same data, whatever is written meanwhile."""

    @property
    def connection(self) -> AsyncConnection:
        """The connection itself, for COPY. Run a statement before using its raw driver connection, as with a WriteSession."""
        return self._connection

    async def stream(self, statement: Executable, parameters: Mapping[str, Any] | None = None) -> AsyncIterator[Row[*tuple[Any, ...]]]:
        """Yield every row of the statement, a few thousand in memory at a time. Other statements wait until it is read or closed."""
        options = {"yield_per": _ROWS_AT_A_TIME}
        async with self._connection.stream(statement, parameters, execution_options=options) as result:
            async for row in result:
                yield row


class WriteSession(ReadSession):
    """An atomic transaction, done by `actor` at the instant `at`."""

    def __init__(self, connection: AsyncConnection, *, actor: Actor, at: datetime) -> None:
        super().__init__(connection)
        self.actor = actor
        self.at = at

    async def execute(self, statement: Executable, parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None) -> int:
        """Execute a statement and return the number of affected rows."""
        return (await self._connection.execute(statement, parameters)).rowcount

    @property
    def connection(self) -> AsyncConnection:
        """The connection itself, for COPY. Run a statement before using its raw driver connection: SQLAlchemy sends
        BEGIN with its first own statement, and what came earlier would commit by itself."""
        return self._connection


class Database:
    """The two engines of one process. Create it once, and call `close()` at the end."""

    def __init__(self, url: str, *, connections: int = 10) -> None:
        self.url = url
        options: dict[str, Any] = {
            "pool_size": connections,
            "max_overflow": 0,
            "pool_timeout": 30,
            "pool_pre_ping": False,  # a dead connection is found at its first use and answered as unavailable
        }
        writing = {"idle_in_transaction_session_timeout": f"{STUCK_SECONDS}s"}
        self.write_engine: AsyncEngine = new_engine(url, server_settings=writing, **options)
        self.read_engine: AsyncEngine = new_engine(url, isolation_level="AUTOCOMMIT", pool_reset_on_return=None, **options)
        # shares the pool: a connection returns to autocommit when the snapshot ends
        self._snapshots = self.read_engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)

    @asynccontextmanager
    async def transaction(self, *, actor: Actor, at: datetime) -> AsyncIterator[WriteSession]:
        """Run the block in a transaction, committed if it raises nothing. Raises DatabaseUnavailable."""
        async with translated_errors(), connected(self.write_engine.begin()) as connection:
            yield WriteSession(connection, actor=actor, at=at)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[ReadSession]:
        """Open an autocommit connection for reads. Raises DatabaseUnavailable."""
        async with translated_errors(), connected(self.read_engine.connect()) as connection:
            yield ReadSession(connection)

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Snapshot]:
        """Open a snapshot for the duration of the block. Keep it short: PostgreSQL can't vacuum old rows meanwhile.

        Raises DatabaseUnavailable.
        """
        async with translated_errors(writes=False), connected(self._snapshots.begin()) as connection:
            yield Snapshot(connection)

    async def close(self) -> None:
        """Close every pooled connection."""
        await self.write_engine.dispose()
        await self.read_engine.dispose()


async def connect_alone(url: str, *, server_settings: Mapping[str, str] = {}) -> AsyncConnection:
    """Open an autocommit connection outside the pool, for leases and notifications. The caller closes it.

    Raises DatabaseUnavailable.
    """
    with connecting():
        return await new_engine(url, server_settings=server_settings, poolclass=NullPool, isolation_level="AUTOCOMMIT").connect()


@asynccontextmanager
async def connected(opening: AbstractAsyncContextManager[AsyncConnection]) -> AsyncIterator[AsyncConnection]:
    """Open a connection or transaction. Raises DatabaseNotReady if it can't be opened."""
    async with AsyncExitStack() as stack:
        with connecting():
            connection = await stack.enter_async_context(opening)
        yield connection


@contextmanager
def connecting() -> Iterator[None]:
    """Translate errors that prevent a connection to DatabaseNotReady; leave all others unchanged."""
    try:
        yield
    except DatabaseUnavailable:
        raise
    except Exception as error:
        if (state := state_of_connecting(error)) is None:
            raise
        raise DatabaseNotReady(state) from error


@asynccontextmanager
async def translated_errors(*, writes: bool = True) -> AsyncIterator[None]:
    """Translate the driver's errors: a lost server to DatabaseUnavailable, too large a sum to SumOutOfRange; leave all others unchanged.

    In a read-only transaction (`writes` is false) an attempt to write raises the database's own error.
    """
    try:
        yield
    except PoolTimeoutError as error:
        raise DatabaseNotReady(DatabaseState.BUSY) from error
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) == _OUT_OF_RANGE:
            raise SumOutOfRange from error
        state = state_of(error)
        if (state is None and not _is_lost(error)) or (state is DatabaseState.READ_ONLY and not writes):
            raise
        raise DatabaseNotReady(state or DatabaseState.UNREACHABLE) from error
    except (ConnectionError, TimeoutError) as error:
        raise DatabaseUnavailable(why=type(error).__name__) from error


_OUT_OF_RANGE: Final = "22003"
"""SQLSTATE of a sum that exceeds bigint. Single amounts are validated before."""


def _is_lost(error: DBAPIError) -> bool:
    return error.connection_invalidated or isinstance(error, InterfaceError | OperationalError)
