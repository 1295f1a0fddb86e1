"""Connection to the RADIUS database: one per session of the driver, with errors of the driver contract."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, TypeAlias

from sebilling.plugins.contract import DeviceError, Fault, Sentence
from sqlalchemy import BigInteger, String, TextClause, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from sebilling_radius.config import RadiusConfig
from sebilling_radius.dialects import Dialect, dialect_of
from sebilling_radius.faults import told

Row: TypeAlias = Mapping[str, Any]
_CLOSE_SECONDS: Final = 5.0


class RadiusDatabase:
    """Statements on one connection. Values are always bound; only names from validated settings are part of a statement.

    In statements a value is `:name`; a list is `IN :name`, and must not be empty.
    """

    def __init__(self, engine: AsyncEngine, connection: AsyncConnection, config: RadiusConfig) -> None:
        self._engine, self._connection, self._config = engine, connection, config
        self.dialect: Dialect = dialect_of(config)
        self._in_transaction = False

    @classmethod
    async def connect(cls, config: RadiusConfig) -> "RadiusDatabase":
        """Connect and log in. Raises DeviceError."""
        dialect = dialect_of(config)
        engine: AsyncEngine | None = None
        connection: AsyncConnection | None = None
        try:
            async with asyncio.timeout(config.timeout_seconds):
                engine = create_async_engine(
                    dialect.url(config), connect_args=dialect.arguments(config, _tls(config)), poolclass=NullPool,
                    isolation_level="AUTOCOMMIT",
                )  # fmt: skip
                connection = await engine.connect()
                for statement in dialect.on_open:
                    await connection.execute(text(statement))
        except Exception as error:  # noqa: BLE001 - any error is converted to one of the contract
            await _shut(engine, connection)
            raise told(error, hide=config.database_password.get_secret_value()) from None
        return cls(engine, connection, config)

    async def close(self) -> None:
        """Close the connection. Never raises."""
        await _shut(self._engine, self._connection)

    async def rows(self, statement: str, **values: object) -> Sequence[Row]:
        """Return the rows of a query. Raises DeviceError."""
        with self._told():
            async with asyncio.timeout(self._config.timeout_seconds):
                result = await self._connection.execute(_bound(statement, values), values)
                return [dict(row) for row in result.mappings()]

    async def held(self, statement: str, **values: object) -> Sequence[Row]:
        """Return the rows of a query of one table; inside a transaction, nobody may change them until it ends. Raises DeviceError."""
        return await self.rows(statement + (self.dialect.hold if self._in_transaction else ""), **values)

    async def value(self, statement: str, **values: object) -> Any:
        """Return the first column of the first row; None without one. Raises DeviceError."""
        rows = await self.rows(statement, **values)
        return next(iter(rows[0].values())) if rows else None

    async def run(self, statement: str, many: Sequence[Mapping[str, object]] | None = None, **values: object) -> None:
        """Execute a statement, with each of `many` if given. Raises DeviceError."""
        with self._told():
            async with asyncio.timeout(self._config.timeout_seconds):
                await self._connection.execute(_bound(statement, values), values if many is None else many)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """Run a transaction that sees if others change what it read. Raises DeviceError, also if they did."""
        with self._told():
            await self._connection.commit()  # of reads, which began nothing at the server
            await self._connection.execution_options(isolation_level=self.dialect.isolation)
            try:
                async with self._connection.begin():
                    self._in_transaction = True
                    for statement in self.dialect.in_transaction:
                        await self._connection.execute(text(statement))
                    yield
            finally:
                self._in_transaction = False
                with suppress(Exception):  # a broken connection is reported by what broke it
                    await self._connection.execution_options(isolation_level="AUTOCOMMIT")

    def _told(self) -> "_Told":
        return _Told(self._config.database_password.get_secret_value())


async def _shut(engine: AsyncEngine | None, connection: AsyncConnection | None) -> None:
    if connection is not None:
        with suppress(Exception):
            async with asyncio.timeout(_CLOSE_SECONDS):
                await connection.close()
    if engine is not None:
        with suppress(Exception):
            await engine.dispose()


def _bound(statement: str, values: Mapping[str, object]) -> TextClause:
    lists = [
        bindparam(name, expanding=True, type_=BigInteger() if isinstance(next(iter(value)), int) else String())
        for name, value in values.items()
        if isinstance(value, list)
    ]
    return text(statement).bindparams(*lists)


class _Told:
    """Convert errors of the block to DeviceError, except cancellation."""

    def __init__(self, hide: str) -> None:
        self._hide = hide

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, Exception) and not isinstance(error, DeviceError):
            raise told(error, hide=self._hide) from None


def _tls(config: RadiusConfig) -> ssl.SSLContext | None:
    if not config.database_tls:
        return None
    try:
        return ssl.create_default_context(cadata=config.database_ca_pem)
    except (ssl.SSLError, ValueError):
        raise DeviceError(
            Fault.SETUP,
            Sentence(
                "database_ca_pem is no PEM certificate: paste the CA's certificate.",
                "database_ca_pem bukan sertifikat PEM: tempel sertifikat CA-nya.",
            ),
            retryable=False,
        ) from None
