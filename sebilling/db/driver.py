"""asyncpg's own connection, for what SQLAlchemy has no call for: COPY, LISTEN."""

from typing import TYPE_CHECKING

from sqlalchemy.ext.asyncio import AsyncConnection

if TYPE_CHECKING:
    import asyncpg  # only the stubs know that its classes are generic


async def driver_of(connection: AsyncConnection) -> "asyncpg.Connection[asyncpg.Record]":
    """Return the driver's connection. Within a transaction, run a statement first: SQLAlchemy sends BEGIN with it."""
    driver: asyncpg.Connection[asyncpg.Record] | None = (await connection.get_raw_connection()).driver_connection
    if driver is None:
        raise RuntimeError("the connection has been closed")
    return driver
