"""Connection to the RADIUS database: one per session of the driver, with errors of the driver contract."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, TypeAlias

import asyncpg
from sebilling.plugins.contract import DeviceError, Fault, Sentence

from sebilling_radius.config import RadiusConfig
from sebilling_radius.faults import told

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
_LOCK_SECONDS: Final = 5
_CLOSE_SECONDS: Final = 5.0


class RadiusDatabase:
    """Statements on one connection. Values are always bound; only names from validated settings are part of a statement."""

    def __init__(self, connection: Connection, config: RadiusConfig) -> None:
        self._connection, self._config = connection, config

    @classmethod
    async def connect(cls, config: RadiusConfig) -> "RadiusDatabase":
        """Connect and log in. Raises DeviceError."""
        try:
            connection: Connection = await asyncpg.connect(
                host=config.database_host, port=config.database_port, database=config.database_name, user=config.database_user,
                password=config.database_password.get_secret_value(), ssl=_tls(config), timeout=config.timeout_seconds,
                command_timeout=config.timeout_seconds, statement_cache_size=0,  # a pooler may switch the connection
                server_settings={"application_name": "sebilling"},
            )  # fmt: skip
        except Exception as error:  # noqa: BLE001 - any error is converted to one of the contract
            raise told(error, hide=config.database_password.get_secret_value()) from None
        return cls(connection, config)

    async def close(self) -> None:
        """Close the connection. Never raises."""
        with suppress(Exception):
            await self._connection.close(timeout=_CLOSE_SECONDS)
        with suppress(Exception):
            self._connection.terminate()

    async def rows(self, statement: str, *values: object) -> list[asyncpg.Record]:
        """Return the rows of a query. Raises DeviceError."""
        with self._told():
            return await self._connection.fetch(statement, *values)

    async def value(self, statement: str, *values: object) -> Any:
        """Return the first column of the first row. Raises DeviceError."""
        with self._told():
            return await self._connection.fetchval(statement, *values)

    async def run(self, statement: str, *values: object) -> None:
        """Execute a statement. Raises DeviceError."""
        with self._told():
            await self._connection.execute(statement, *values)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """Run a transaction on one snapshot of the tables. Raises DeviceError, also if others changed what was read."""
        with self._told():
            async with self._connection.transaction(isolation="repeatable_read"):
                await self._connection.execute(f"SET LOCAL lock_timeout = '{_LOCK_SECONDS}s'")
                yield

    def _told(self) -> "_Told":
        return _Told(self._config.database_password.get_secret_value())


class _Told:
    """Convert errors of the block to DeviceError, except cancellation."""

    def __init__(self, hide: str) -> None:
        self._hide = hide

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, Exception) and not isinstance(error, DeviceError):
            raise told(error, hide=self._hide) from None


def _tls(config: RadiusConfig) -> ssl.SSLContext | bool:
    if not config.database_tls:
        return False
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
