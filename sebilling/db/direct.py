"""Reads straight by asyncpg: a bounded stack of autocommit connections, each with its own prepared statements.

SQLAlchemy's engine, its pool's proxies and its result objects take half of a short read's time in Python (docs/decisions/0024).
`asyncpg.Pool` fits less: it resets each connection with a statement after use, and its rotation keeps prepared statements cold. Writes,
snapshots and everything that isn't a single read stay with SQLAlchemy.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any, Final

import asyncpg
from sqlalchemy import TextClause, make_url

from sebilling.db.address import parse
from sebilling.db.slow_statements import SlowStatements
from sebilling.db.state import DatabaseNotReady, DatabaseState, state_of, state_of_connecting
from sebilling.errors import SumOutOfRange

_MAX_STATEMENTS: Final = 100
"""Prepared statements of a connection, each with its plan in the server's memory; the least recently used is closed first."""
_WAIT_SECONDS: Final = 30
"""How long a read waits for a connection."""
_CLOSE_SECONDS: Final = 2
_AGAIN_SECONDS: Final = 0.25
"""Pause before a statement is repeated."""
_OF_POOLERS: Final = frozenset({"application_name", "timezone"})
"""Settings that PgBouncer takes from a connection's first message. It refuses others there, or, told so, ignores them."""
_DIALECT: Final = make_url("postgresql+asyncpg://").get_dialect()()
_OUT_OF_RANGE: Final = "22003"
_OUTDATED: Final = (asyncpg.InvalidCachedStatementError, asyncpg.OutdatedSchemaCacheError, asyncpg.InvalidSQLStatementNameError)
"""A table was altered after a statement was prepared, or the server forgot it."""


@lru_cache(maxsize=2_000)
def positional(statement: TextClause) -> tuple[str, tuple[str, ...]]:
    """The statement with $1, $2 …, and the names of the parameters that they stand for."""
    compiled = statement.compile(dialect=_DIALECT)
    return str(compiled), tuple(compiled.positiontup or ())


async def connect(*, timeout: float, server_settings: Mapping[str, str], **options: Any) -> Any:  # noqa: ASYNC109 - as asyncpg has it
    """Connect as asyncpg does, within `timeout` seconds; settings that no pooler passes on are made by a statement."""
    first = {name: value for name, value in server_settings.items() if name in _OF_POOLERS}
    later = {name: value for name, value in server_settings.items() if name not in _OF_POOLERS}
    until = time.monotonic() + timeout
    raw = await asyncpg.connect(timeout=timeout, server_settings=first, **options)
    if later:
        try:
            made = "; ".join(f"SET {name} = '{value}'" for name, value in later.items())
            await raw.execute(made, timeout=max(0.1, until - time.monotonic()))
        except BaseException:
            raw.terminate()
            raise
    return raw


class _Connection:
    """A connection and its prepared statements by text."""

    def __init__(self, raw: Any, age: int) -> None:
        self.raw = raw
        self.age = age
        """Number of losses of the server before it was opened."""
        self._prepared: OrderedDict[str, Any] = OrderedDict()
        self._named = 0

    async def fetch(self, sql: str, arguments: Sequence[object]) -> Sequence[Any]:
        """Rows of a statement, prepared once; anew if a table was altered meanwhile."""
        try:
            rows: Sequence[Any] = await (await self._statement(sql)).fetch(*arguments)
        except _OUTDATED:
            del self._prepared[sql]
            rows = await (await self._statement(sql)).fetch(*arguments)
        return rows

    async def _statement(self, sql: str) -> Any:
        statement = self._prepared.get(sql)
        if statement is None:
            self._named += 1
            # Without a name asyncpg prepares it anew whenever another statement was executed in between.
            statement = self._prepared[sql] = await self.raw.prepare(sql, name=f"sebilling_{self._named}")
            if len(self._prepared) > _MAX_STATEMENTS:
                self._prepared.popitem(last=False)
        else:
            self._prepared.move_to_end(sql)
        return statement


class DirectConnections:
    """At most so many connections of one database, opened when needed; the one used last is used next. Belongs to one event loop."""

    def __init__(
        self, url: str, *, connections: int, server_settings: Mapping[str, str], failover_seconds: float = 0,
        slow: SlowStatements | None = None,
    ) -> None:  # fmt: skip
        """Prepare, without connecting. Raises InvalidSetting."""
        address = parse(url)
        self._options: dict[str, Any] = dict(_DIALECT.create_connect_args(address.url)[1])
        self._options |= {"timeout": address.timeout_seconds, "server_settings": dict(server_settings), "statement_cache_size": 0}
        if address.ssl is not None:
            self._options["ssl"] = address.ssl
        self._free: list[_Connection] = []
        self._failover_seconds = failover_seconds
        self._slow = slow
        self._places = asyncio.Semaphore(connections)
        self._losses = 0
        self._closing: set[asyncio.Task[None]] = set()

    async def fetch(self, statement: TextClause, parameters: Mapping[str, object], *, can_repeat: bool = False) -> Sequence[Any]:
        """Rows of a statement, as tuples with the columns' names; parameters that the statement doesn't have are ignored.

        `can_repeat`: executing it twice does no more than once, so that it may wait for a new primary. Raises DatabaseUnavailable,
        SumOutOfRange.
        """
        sql, names = positional(statement)
        arguments = [parameters[name] for name in names]
        if not can_repeat or not self._failover_seconds:
            return await self._once(sql, arguments)
        until = time.monotonic() + self._failover_seconds
        while True:
            try:
                return await self._once(sql, arguments)
            except DatabaseNotReady as error:
                if not error.state.passes or time.monotonic() >= until:
                    raise
            await asyncio.sleep(_AGAIN_SECONDS)

    async def _once(self, sql: str, arguments: Sequence[object]) -> Sequence[Any]:
        async with self._connection() as connection:
            if self._slow is None:
                return await connection.fetch(sql, arguments)
            with self._slow.timed(sql):
                return await connection.fetch(sql, arguments)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[_Connection]:
        """A connection for one read. One that is lost isn't used again; one that is interrupted is, as asyncpg cancels the statement."""
        await self._place()
        connection: _Connection | None = None
        try:
            connection = self._free.pop() if self._free else await self._open()
            yield connection
        except asyncpg.PostgresError as error:
            if error.sqlstate == _OUT_OF_RANGE:
                raise SumOutOfRange from error
            if (state := state_of(error)) is None and connection is not None and not connection.raw.is_closed():
                raise
            self._lose(connection)
            raise DatabaseNotReady(state or DatabaseState.UNREACHABLE) from error
        except (OSError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:  # the last: see engine.translated_errors
            self._lose(connection)
            raise DatabaseNotReady(state_of(error) or DatabaseState.UNREACHABLE) from error
        finally:
            if connection is not None and not connection.raw.is_closed() and connection.age == self._losses:
                self._free.append(connection)
            else:
                self._drop(connection)
            self._places.release()

    async def _place(self) -> None:
        """Take one of the places. Raises DatabaseNotReady if none gets free in time."""
        if not self._places.locked():  # a timer for nothing would take a tenth of a read
            await self._places.acquire()
            return
        try:
            async with asyncio.timeout(_WAIT_SECONDS):
                await self._places.acquire()
        except TimeoutError as error:
            raise DatabaseNotReady(DatabaseState.BUSY) from error

    async def _open(self) -> _Connection:
        try:
            return _Connection(await connect(**self._options), self._losses)
        except Exception as error:
            if (state := state_of_connecting(error)) is None:
                raise
            raise DatabaseNotReady(state) from error

    def _lose(self, connection: _Connection | None) -> None:
        """The server is gone, and all connections with it: none that is free is tried again."""
        if connection is None:
            return
        self._losses += 1
        for free in self._free:
            self._drop(free)
        self._free.clear()

    def _drop(self, connection: _Connection | None) -> None:
        if connection is None or connection.raw.is_closed():
            return
        task = asyncio.ensure_future(_closed(connection.raw))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def close(self) -> None:
        """Close all free connections; those in use close when their read ends."""
        self._losses += 1
        free, self._free = self._free, []
        await asyncio.gather(*(_closed(connection.raw) for connection in free), *self._closing)


async def _closed(raw: Any) -> None:
    """Close a connection, cancelling what it does; end it if the server doesn't answer."""
    try:
        await raw.close(timeout=_CLOSE_SECONDS)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        raw.terminate()
