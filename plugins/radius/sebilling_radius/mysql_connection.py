"""A connection to MySQL that never sends a password without the TLS that was asked for."""

from typing import Any

import aiomysql
import pymysql
from pymysql.constants import CLIENT

from sebilling_radius.dialects import NO_TLS


class _Connection(aiomysql.Connection):  # type: ignore[misc]  # it has no types
    async def _request_authentication(self) -> None:
        # aiomysql goes on without TLS if the server doesn't offer it, as anyone in between can make it seem.
        if self._ssl_context and not self.server_capabilities & CLIENT.SSL:
            raise pymysql.OperationalError(NO_TLS, "the server offers no TLS")
        await super()._request_authentication()


async def connect(**arguments: Any) -> Any:
    """Connect and log in, by the arguments of `aiomysql.connect`."""
    connection = _Connection(**arguments)
    await connection._connect()  # noqa: SLF001 - what aiomysql.connect does
    return connection
