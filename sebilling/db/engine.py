"""Connections to PostgreSQL: reads and writes are different types, and one mutation is one transaction.

A `ReadSession` runs in autocommit: each statement is its own snapshot and costs one round trip. A `WriteSession` is one
READ COMMITTED transaction with its actor and its time. Only the caller of `Database.transaction` commits. A `Snapshot` is for
reads that are too long for one statement and must be consistent: reports.
"""

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import fields
from datetime import datetime
from typing import Any, Final, TypeVar, overload

import asyncpg
import orjson
from sqlalchemy import Row, TextClause
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool
from sqlalchemy.sql import Executable

from sebilling.actor import Actor
from sebilling.db.address import parse
from sebilling.db.direct import DirectConnections, connect
from sebilling.db.refusals import refusal_of
from sebilling.db.slow_statements import SlowStatements
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
_PLANNED_ONCE: Final[Mapping[str, str]] = {**_SERVER_SETTINGS, "plan_cache_mode": "force_generic_plan"}
STUCK_SECONDS: Final = 120
"""Idle time after which PostgreSQL ends a write transaction, so that a stopped process doesn't block others."""


def new_engine(url: str, *, server_settings: Mapping[str, str] = {}, **options: Any) -> AsyncEngine:
    """Create an engine for a database's address, as operators write it, without connecting. Raises InvalidSetting."""
    address = parse(url)
    connect_args: dict[str, Any] = {
        "timeout": address.timeout_seconds, "server_settings": {**_SERVER_SETTINGS, **server_settings}, "async_creator_fn": connect,
    }  # fmt: skip
    if address.ssl is not None:
        connect_args["ssl"] = address.ssl
    return create_async_engine(address.url, connect_args=connect_args, **_OPTIONS, **options)


T = TypeVar("T")
Parameters = Mapping[str, object] | None
"""Values of a statement's parameters by name: whatever the database can hold."""


class RowMismatch(TypeError):
    """A statement's columns aren't the fields of the dataclass that should hold its rows, or its value is of another type."""


def _checked(columns: Sequence[str], into: type[Any]) -> None:
    names = [field.name for field in fields(into)]
    if columns != names:
        raise RowMismatch(f"{into.__name__} has the fields {', '.join(names)}; the statement has {', '.join(columns)}")


def _made(columns: Sequence[str], rows: Iterable[Any], into: type[T]) -> list[T]:
    _checked(columns, into)
    return [into(*row) for row in rows]


def _typed(value: object, kind: type[T]) -> T:
    if not isinstance(value, kind):
        raise RowMismatch(f"the statement's value is of the type {type(value).__name__}, not {kind.__name__}")
    return value


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
        return result.all() if into is None else _made([*result.keys()], result, into)

    @overload
    async def row(self, statement: Executable, parameters: Parameters = None) -> Row[*tuple[Any, ...]] | None: ...
    @overload
    async def row(self, statement: Executable, parameters: Parameters = None, *, into: type[T]) -> T | None: ...
    async def row(self, statement: Executable, parameters: Parameters = None, *, into: type[Any] | None = None) -> Any:
        """Return the only row, or None; with `into`, as an object of this dataclass.

        Raises MultipleResultsFound if there are more, RowMismatch as `rows`.
        """
        result = await self._connection.execute(statement, parameters)
        columns, row = [*result.keys()], result.one_or_none()
        if into is None:
            return row
        return next(iter(_made(columns, () if row is None else (row,), into)), None)

    async def only_row(self, statement: Executable, parameters: Parameters = None, *, into: type[T]) -> T:
        """Return the row of a statement that always has one, such as an aggregate. Raises NoResultFound, or as `row`."""
        result = await self._connection.execute(statement, parameters)
        columns, row = [*result.keys()], result.one()
        return _made(columns, (row,), into)[0]

    @overload
    async def value(self, statement: Executable, parameters: Parameters = None) -> Any: ...
    @overload
    async def value(self, statement: Executable, parameters: Parameters = None, *, kind: type[T]) -> T | None: ...
    async def value(self, statement: Executable, parameters: Parameters = None, *, kind: type[Any] | None = None) -> Any:
        """Return the first column of the only row, or None if it is null or there is no row.

        Raises MultipleResultsFound if there are more, RowMismatch for a value that is not of this kind.
        """
        value = (await self._connection.execute(statement, parameters)).scalar_one_or_none()
        return value if kind is None or value is None else _typed(value, kind)

    async def only_value(self, statement: Executable, parameters: Parameters = None, *, kind: type[T]) -> T:
        """Return the value of a statement that always has one, such as a count.

        Raises NoResultFound, MultipleResultsFound, or RowMismatch for null or a value that is not of this kind.
        """
        return _typed((await self._connection.execute(statement, parameters)).scalar_one(), kind)

    async def values(self, statement: Executable, parameters: Parameters = None, *, kind: type[T]) -> Sequence[T]:
        """Return the first column of all rows, in memory. Raises RowMismatch for null or a value that is not of this kind."""
        return [_typed(value, kind) for value in (await self._connection.execute(statement, parameters)).scalars()]


class Snapshot(ReadSession):
    """A read-only snapshot of the database: all statements see the same data, whatever is written meanwhile."""

    @property
    def connection(self) -> AsyncConnection:
        """The connection itself, for COPY. Run a statement before using its raw driver connection, as with a WriteSession."""
        return self._connection

    async def stream(self, statement: Executable, parameters: Parameters = None) -> AsyncIterator[tuple[object, ...]]:
        """Yield every row of the statement, a few thousand in memory at a time. Other statements wait until it is read or closed."""
        options = {"yield_per": _ROWS_AT_A_TIME}
        async with self._connection.stream(statement, parameters, execution_options=options) as result:
            async for row in result:
                yield tuple(row)


class WriteSession(ReadSession):
    """An atomic transaction, done by `actor` at the instant `at`."""

    def __init__(self, connection: AsyncConnection, *, actor: Actor, at: datetime) -> None:
        super().__init__(connection)
        self.actor = actor
        self.at = at

    async def call(self, statement: TextClause, parameters: Mapping[str, object], *, into: type[T]) -> T:
        """Return the only row of a function that may refuse. Raises RefusedInSql, RowMismatch; the caller must not commit then."""
        try:
            return await self.only_row(statement, parameters, into=into)
        except DBAPIError as error:
            if (refusal := refusal_of(error.orig)) is None:
                raise
            raise refusal from error

    async def execute(self, statement: Executable, parameters: Parameters | Sequence[Mapping[str, object]] = None) -> int:
        """Execute a statement and return the number of affected rows."""
        return (await self._connection.execute(statement, parameters)).rowcount

    @property
    def connection(self) -> AsyncConnection:
        """The connection itself, for COPY. Run a statement before using its raw driver connection: SQLAlchemy sends
        BEGIN with its first own statement, and what came earlier would commit by itself."""
        return self._connection


class AutocommitSession:
    """Calls of functions that do all of an operation, once for each idempotency key, by `actor` at the instant `at`.

    Each is a transaction, in one round trip.
    """

    def __init__(self, connections: DirectConnections, *, actor: Actor, at: datetime) -> None:
        self._connections = connections
        self.actor = actor
        self.at = at

    async def call(self, statement: TextClause, parameters: Mapping[str, object], *, into: type[T]) -> T:
        """Return the only row of the function, which is committed. It may be called again after a failover: it must take a key.

        Raises RefusedInSql, DatabaseUnavailable, RowMismatch.
        """
        try:
            (row,) = await self._connections.fetch(statement, parameters, can_repeat=True)
        except asyncpg.PostgresError as error:
            if (refusal := refusal_of(error)) is None:
                raise
            raise refusal from error
        return _made([*row.keys()], (row,), into)[0]


class Database:
    """The connections of one process. Create it once, and call `close()` at the end.

    `direct_url` is the address past a pooler, for leases and notifications; `failover_seconds` is how long what can be repeated waits for
    a database that is away. Statements that take `slow_milliseconds` or more are logged.
    """

    def __init__(
        self, url: str, *, connections: int = 10, direct_url: str | None = None, failover_seconds: float = 0,
        slow_milliseconds: int | None = None,
    ) -> None:  # fmt: skip
        self.url = url
        self.direct_url = url if direct_url is None else direct_url
        options: dict[str, Any] = {
            "pool_size": connections,
            "max_overflow": 0,
            "pool_timeout": 30,
            "pool_pre_ping": False,  # a dead connection is found at its first use and answered as unavailable
        }
        writing = {"idle_in_transaction_session_timeout": f"{STUCK_SECONDS}s"}
        self.write_engine: AsyncEngine = new_engine(url, server_settings=writing, **options)
        self.read_engine: AsyncEngine = new_engine(url, isolation_level="AUTOCOMMIT", pool_reset_on_return=None, **options)
        slow = None if slow_milliseconds is None else SlowStatements(slow_milliseconds)
        if slow is not None:
            slow.listen(self.write_engine)
            slow.listen(self.read_engine)
        direct: dict[str, Any] = {"connections": connections, "failover_seconds": failover_seconds, "slow": slow}
        self._direct = DirectConnections(url, server_settings=_PLANNED_ONCE, **direct)
        # of their own: a payment that waits for a lock keeps no reader waiting
        self._direct_writes = DirectConnections(url, server_settings=_SERVER_SETTINGS, **direct)
        # shares the pool: a connection returns to autocommit when the snapshot ends
        self._snapshots = self.read_engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)

    @asynccontextmanager
    async def transaction(self, *, actor: Actor, at: datetime) -> AsyncIterator[WriteSession]:
        """Run the block in a transaction, committed if it raises nothing. Raises DatabaseUnavailable."""
        async with translated_errors(), connected(self.write_engine.begin()) as connection:
            yield WriteSession(connection, actor=actor, at=at)

    def autocommit(self, *, actor: Actor, at: datetime) -> AutocommitSession:
        """Return a session for a function that does all of an operation in one statement."""
        return AutocommitSession(self._direct_writes, actor=actor, at=at)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[ReadSession]:
        """Open an autocommit connection for reads. Raises DatabaseUnavailable."""
        async with translated_errors(), connected(self.read_engine.connect()) as connection:
            yield ReadSession(connection)

    @overload
    async def fetch(self, statement: TextClause, parameters: Mapping[str, object]) -> Sequence[Any]: ...
    @overload
    async def fetch(self, statement: TextClause, parameters: Mapping[str, object], *, into: type[T]) -> Sequence[T]: ...
    async def fetch(self, statement: TextClause, parameters: Mapping[str, object], *, into: type[Any] | None = None) -> Sequence[Any]:
        """Rows of one read, on the shortest way: prepared once per connection, without an engine in between; with `into`, as objects.

        It is planned once for all values of its parameters: a clerk's page takes as long to plan as to execute. Parameters that the
        statement doesn't have are ignored. Raises DatabaseUnavailable, SumOutOfRange, RowMismatch as `rows`.
        """
        rows = await self._direct.fetch(statement, parameters, can_repeat=True)
        return rows if into is None or not rows else _made([*rows[0].keys()], rows, into)

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Snapshot]:
        """Open a snapshot for the duration of the block. Keep it short: PostgreSQL can't vacuum old rows meanwhile.

        Raises DatabaseUnavailable.
        """
        async with translated_errors(writes=False), connected(self._snapshots.begin()) as connection:
            yield Snapshot(connection)

    async def close(self) -> None:
        """Close every pooled connection."""
        await self._direct.close()
        await self._direct_writes.close()
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
    except asyncpg.InternalClientError as error:  # the server ended the session while nobody asked, and the line isn't closed yet
        raise DatabaseNotReady(DatabaseState.UNREACHABLE) from error
    except (ConnectionError, TimeoutError) as error:
        raise DatabaseUnavailable(why=type(error).__name__) from error


_OUT_OF_RANGE: Final = "22003"
"""SQLSTATE of a sum that exceeds bigint. Single amounts are validated before."""


def _is_lost(error: DBAPIError) -> bool:
    return error.connection_invalidated or isinstance(error, InterfaceError | OperationalError)
