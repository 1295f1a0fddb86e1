"""The test environment on MariaDB: FreeRADIUS's tables and queries for MySQL, customers, sessions, dumps."""

import asyncio
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self

from sebilling_radius.testing.freeradius import MYSQL, FreeRadius
from sebilling_radius.testing.mariadb import PrivateMariadb
from sebilling_radius.testing.rig import GROUPS, REJECTED, TABLES, Logins

_NAS: Final = """
CREATE TABLE nas_session (id varchar(64) PRIMARY KEY, username varchar(64) NOT NULL, answer varchar(8) NOT NULL,
                          changed varchar(200) NOT NULL DEFAULT '');
"""
GRANTS_MYSQL: Final = """
GRANT SELECT (username) ON radcheck TO sebilling;
GRANT SELECT, INSERT, UPDATE, DELETE ON radreply TO sebilling;
GRANT SELECT, INSERT, DELETE ON radusergroup TO sebilling;
GRANT SELECT ON radcheck_rejected TO sebilling;
GRANT SELECT ON radgroupcheck TO sebilling;
GRANT SELECT ON radgroupreply TO sebilling;
GRANT SELECT ON radacct TO sebilling;
"""
"""Exactly the privileges that the walled garden needs."""
GRANTS_MYSQL_REJECT: Final = """
GRANT SELECT, INSERT, DELETE ON radcheck TO sebilling;
GRANT SELECT, INSERT, UPDATE ON radreply TO sebilling;
GRANT SELECT ON radusergroup TO sebilling;
GRANT SELECT ON radgroupcheck TO sebilling;
GRANT SELECT ON radgroupreply TO sebilling;
GRANT SELECT ON radacct TO sebilling;
"""


class MysqlRig(Logins):
    """`with MysqlRig() as rig:` starts it; `rig.settings()` returns a driver's settings for it."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="sebilling-radius-"))
        self._folder.chmod(0o711 if os.geteuid() == 0 else 0o700)
        self.secret, self.password = secrets.token_hex(8), secrets.token_hex(8)
        self.database = PrivateMariadb(self._folder)
        self._radius: FreeRadius | None = None

    def __enter__(self) -> Self:
        self.database.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._radius is not None:
            self._radius.stop()
        self.database.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    async def set_up(self, *, grants: Sequence[str] = (GRANTS_MYSQL,)) -> None:
        """Create tables by FreeRADIUS's schema, the group isolir, a plan and the user sebilling; start FreeRADIUS."""
        schema = MYSQL.schema.read_text()
        await self.query(schema + _NAS + REJECTED)
        await self.query(f"CREATE USER sebilling IDENTIFIED BY '{self.password}'")
        for grant in grants:
            await self.query(grant)
        for name, pairs in GROUPS.items():
            await self.add_group(name, *pairs)
        self._radius = FreeRadius(
            self._folder, self.database, login=self.database.login, password=self.database.password, secret=self.secret, dialect=MYSQL
        )
        self._radius.start()

    def settings(self, **more: object) -> dict[str, object]:
        """Return a driver's settings for this rig, in their JSON form."""
        nas = [{"address": "127.0.0.0/8", "secret": self.secret, "port": self.radius.coa}]
        own = {"database_type": "mysql", "database_host": "127.0.0.1", "database_port": self.database.port,
               "database_name": self.database.database, "database_user": "sebilling", "database_password": self.password,
               "database_tls": False, "nas": nas, "matching": "lower"}  # fmt: skip
        return own | more

    async def empty(self) -> None:
        """Remove all customers and sessions."""
        for table in ("radcheck", "radreply", "radusergroup", "radacct", "radgroupcheck", "nas_session"):
            await self.query(f"TRUNCATE {table}")

    async def add_group(self, name: str, *reply: tuple[str, str, str]) -> None:
        """Add a group with reply attributes (attribute, op, value)."""
        for attribute in reply:
            await self.query("INSERT INTO radgroupreply (groupname, attribute, op, value) VALUES (%s, %s, %s, %s)", name, *attribute)

    async def add_customer(
        self, name: str, password: str = "rahasia", *, groups: Iterable[tuple[str, int]] = (("10M", 0),),  # noqa: S107 - invented
        reply: Iterable[tuple[str, str, str]] = (), last_session: str | None = "User-Request",
    ) -> None:  # fmt: skip
        """Add a customer, as `Rig.add_customer` does."""
        await self.query(
            "INSERT INTO radcheck (username, attribute, op, value) VALUES (%s, 'Cleartext-Password', ':=', %s)", name, password
        )
        for group in groups:
            await self.query("INSERT INTO radusergroup (username, groupname, priority) VALUES (%s, %s, %s)", name, *group)
        for attribute in reply:
            await self.query("INSERT INTO radreply (username, attribute, op, value) VALUES (%s, %s, %s, %s)", name, *attribute)
        if last_session is not None:
            await self.query(
                "INSERT INTO radacct (acctsessionid, acctuniqueid, username, nasipaddress, acctstarttime, acctupdatetime, acctstoptime,"
                " acctterminatecause) VALUES ('past', %s, %s, %s, now() - interval 1 hour, now(), now(), %s)",
                secrets.token_hex(16), name, self.nas_address, last_session,
            )  # fmt: skip

    async def query(self, statement: str, *values: object) -> list[Mapping[str, Any]]:
        """Return rows of a query, as superuser; values are `%s`."""
        return await asyncio.to_thread(self._query, statement, values)

    def _query(self, statement: str, values: Sequence[object]) -> list[Mapping[str, Any]]:
        with self.database.connect() as connection, connection.cursor() as cursor:
            cursor.execute(statement, values or None)
            rows = list(cursor.fetchall())
            while cursor.nextset():
                pass
            return rows

    async def dump(self, *, without: Sequence[str] = ("radacct", "radpostauth")) -> dict[str, list[tuple[Any, ...]]]:
        """Return all rows with their ids, by table, except what FreeRADIUS itself writes."""
        return {
            name: [tuple(row.values()) for row in await self.query(f"SELECT * FROM {name} ORDER BY 1")]
            for name in TABLES
            if name not in without
        }
