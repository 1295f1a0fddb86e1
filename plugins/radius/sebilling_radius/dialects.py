"""Differences between the databases: how to connect, words of their SQL, transactions, and numbers of their errors."""

import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import URL

from sebilling_radius.config import RadiusConfig
from sebilling_radius.names import Matching

LOCK_SECONDS: Final = 5
"""Wait for rows that someone else holds locked."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """A database's ways. The strings with `{}` take an expression of SQL."""

    title: str
    driver: str
    quote: str
    text: str
    """An address column as text."""
    epoch: str
    """A time as seconds since 1970."""
    bare: str
    """A user name up to its @."""
    now: str
    isolation: str
    hold: str
    """Ends a query whose rows nobody may change until the transaction ends; empty if the isolation sees to it."""
    on_open: Sequence[str]
    in_transaction: Sequence[str]

    def table(self, name: str, schema: str | None) -> str:
        """Quote a table's name, which a pattern of the settings has validated."""
        return ".".join(f"{self.quote}{part}{self.quote}" for part in (schema, name) if part)

    def name(self, column: str, matching: Matching) -> str:
        """Return the expression that compares like `names.folded`."""
        return column if matching == "exact" else f"lower({column})"

    def url(self, config: RadiusConfig) -> URL:
        """Return the address with user and password, for SQLAlchemy."""
        is_socket = config.database_host.startswith("/")
        return URL.create(
            self.driver, config.database_user, config.database_password.get_secret_value(), None if is_socket else config.database_host,
            None if is_socket else config.database_port, config.database_name,
        )  # fmt: skip

    def arguments(self, config: RadiusConfig, tls: ssl.SSLContext | None) -> dict[str, Any]:
        """Return the other arguments of the driver's connect."""
        if self is POSTGRESQL:
            socket = {"host": config.database_host, "port": config.database_port} if config.database_host.startswith("/") else {}
            options: dict[str, Any] = {
                "ssl": tls or False,
                "timeout": config.timeout_seconds,
                "command_timeout": config.timeout_seconds,
                "server_settings": {"application_name": "sebilling"},
            }
            no_names = {"statement_cache_size": 0, "prepared_statement_cache_size": 0, "prepared_statement_name_func": str}
            return socket | options | no_names  # a pooler may switch the connection between statements
        socket = {"unix_socket": config.database_host} if config.database_host.startswith("/") else {}
        options = {"ssl": tls, "connect_timeout": config.timeout_seconds, "charset": "utf8mb4"}
        from sebilling_radius import mysql_connection  # noqa: PLC0415 - its libraries are only for databases of this kind

        return socket | options | {"async_creator_fn": mysql_connection.connect}


POSTGRESQL: Final = Dialect(
    title="PostgreSQL", driver="postgresql+asyncpg", quote='"', text="CAST({} AS text)",
    epoch="extract(epoch FROM CAST({} AS timestamptz))", bare="split_part({}, '@', 1)", now="now()", isolation="REPEATABLE READ", hold="",
    on_open=(), in_transaction=(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'",),
)  # fmt: skip
MYSQL: Final = Dialect(
    title="MySQL", driver="mysql+aiomysql", quote="`", text="CAST({} AS char)", epoch="unix_timestamp({})",
    bare="substring_index({}, '@', 1)", now="now()", isolation="READ COMMITTED", hold=" LOCK IN SHARE MODE",
    on_open=(f"SET SESSION innodb_lock_wait_timeout = {LOCK_SECONDS}, sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'",),
    in_transaction=(),
)  # fmt: skip


def dialect_of(config: RadiusConfig) -> Dialect:
    """Return the dialect of the settings' database."""
    return MYSQL if config.database_type == "mysql" else POSTGRESQL


MYSQL_STATES: Final[Mapping[int, str]] = {
    1044: "28", 1045: "28", 1698: "28", 1049: "3D000", 1142: "42501", 1143: "42501", 1146: "42P01", 1054: "42703", 1040: "53300",
    1053: "57P", 2006: "08", 2013: "08", 2014: "08", 1205: "55P03", 1213: "40", 1020: "40", 1290: "25006", 1836: "25006", 1969: "57014",
    3024: "57014", 1317: "57014",
}  # fmt: skip
"""Error numbers of MySQL and MariaDB → the SQLSTATE with which PostgreSQL says the same."""
NO_TLS: Final = 2026
"""Number of MySQL's client for a TLS connection that failed."""
UNREACHABLE: Final = frozenset({2002, 2003, 2005})
"""Error numbers of MySQL's client for a server that can't be reached."""
