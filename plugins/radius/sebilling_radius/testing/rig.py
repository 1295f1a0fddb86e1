"""Complete test environment: a database with the tables and foreign rows, FreeRADIUS if installed, customers, sessions, dumps."""

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Self

import asyncpg

from sebilling_radius.testing import freeradius
from sebilling_radius.testing.freeradius import FreeRadius
from sebilling_radius.testing.postgres import PrivatePostgres

TABLES: Final = ("radcheck", "radreply", "radusergroup", "radgroupcheck", "radgroupreply", "radacct", "nas", "radpostauth")
_PAIR: Final = "attribute text NOT NULL, op varchar(2) NOT NULL, value text NOT NULL"
_OWN_SCHEMA: Final = f"""
CREATE TABLE radcheck (id serial PRIMARY KEY, username text NOT NULL, {_PAIR});
CREATE TABLE radreply (id serial PRIMARY KEY, username text NOT NULL, {_PAIR});
CREATE TABLE radgroupcheck (id serial PRIMARY KEY, groupname text NOT NULL, {_PAIR});
CREATE TABLE radgroupreply (id serial PRIMARY KEY, groupname text NOT NULL, {_PAIR});
CREATE TABLE radusergroup (id serial PRIMARY KEY, username text NOT NULL, groupname text NOT NULL, priority integer NOT NULL DEFAULT 0);
CREATE TABLE radacct (radacctid bigserial PRIMARY KEY, acctsessionid text NOT NULL, acctuniqueid text NOT NULL UNIQUE, username text,
                      nasipaddress inet NOT NULL, nasportid text, acctstarttime timestamptz, acctupdatetime timestamptz,
                      acctstoptime timestamptz, callingstationid text, acctterminatecause text, acctinputoctets bigint,
                      acctoutputoctets bigint, framedipaddress inet, framedipv6address inet, framedipv6prefix inet,
                      delegatedipv6prefix inet);
CREATE TABLE nas (id serial PRIMARY KEY, nasname text NOT NULL, shortname text NOT NULL, secret text NOT NULL);
CREATE TABLE radpostauth (id bigserial PRIMARY KEY, username text NOT NULL, pass text, reply text);
CREATE INDEX ON radcheck (username, attribute);
CREATE INDEX ON radreply (username, attribute);
CREATE INDEX ON radusergroup (username);
CREATE INDEX ON radacct (acctuniqueid) WHERE acctstoptime IS NULL;
"""
_NAS: Final = """
CREATE TABLE nas_session (id text PRIMARY KEY, username text NOT NULL, answer text NOT NULL, changed text NOT NULL DEFAULT '');
CREATE INDEX ON radacct (acctsessionid);
"""
REJECTED: Final = """
CREATE VIEW radcheck_rejected AS
    SELECT username FROM radcheck WHERE lower(attribute) = 'auth-type' AND lower(value) = 'reject';
"""
"""The view of the README."""
"""Tables of FreeRADIUS as a NAS: its sessions, and an index to find them in radacct when it ends them."""
GRANTS: Final = """
GRANT SELECT (username) ON radcheck TO sebilling;
GRANT SELECT, INSERT, UPDATE, DELETE ON radreply TO sebilling;
GRANT SELECT, INSERT, DELETE ON radusergroup TO sebilling;
GRANT SELECT ON radcheck_rejected, radgroupcheck, radgroupreply, radacct TO sebilling;
GRANT USAGE ON SEQUENCE radreply_id_seq, radusergroup_id_seq TO sebilling;
"""
"""Exactly the privileges that the walled garden needs."""
GRANTS_REJECT: Final = """
GRANT SELECT, INSERT, DELETE ON radcheck TO sebilling;
GRANT SELECT, INSERT, UPDATE ON radreply TO sebilling;
GRANT SELECT ON radusergroup, radgroupcheck, radgroupreply, radacct TO sebilling;
GRANT USAGE ON SEQUENCE radcheck_id_seq, radreply_id_seq TO sebilling;
"""


_PAST: Final = """
INSERT INTO radacct (acctsessionid, acctuniqueid, username, nasipaddress, acctstarttime, acctupdatetime, acctstoptime, acctterminatecause)
SELECT 'past', md5(random()::text || name), name, $3::text::inet, now() - interval '1 hour', now(), now(), $2
  FROM unnest($1::text[]) AS new (name)
"""
"""A session that has ended."""


GROUPS: Final[Mapping[str, Sequence[tuple[str, str, str]]]] = {
    "isolir": (
        ("Framed-Pool", ":=", "isolir-pool"), ("Mikrotik-Address-List", ":=", "ISOLIR"), ("Mikrotik-Rate-Limit", ":=", "512k/512k"),
    ),
    "10M": (("Mikrotik-Rate-Limit", "=", "10M/20M"), ("Framed-Pool", "=", "customers"), ("Session-Timeout", "=", "86400")),
}  # fmt: skip
"""The walled garden, and a plan."""


class Logins:
    """Logins and accounting at FreeRADIUS by radclient, which we didn't write."""

    nas_address: Final = "127.0.0.1"
    _radius: FreeRadius | None = None

    @property
    def radius(self) -> FreeRadius:
        """The running FreeRADIUS. Raises RuntimeError without one."""
        if self._radius is None:
            raise RuntimeError(freeradius.freeradius_problem() or "call set_up first")
        return self._radius

    def authenticate(self, name: str, password: str = "rahasia", **more: str) -> dict[str, str] | None:  # noqa: S107 - invented
        """Log in with radclient; return the attributes, or None for a reject. Raises RuntimeError if there is no answer."""
        quoted = {"User-Name": name, "User-Password": password} | {name.replace("_", "-"): value for name, value in more.items()}
        words = ", ".join(f'{attribute} = "{_escaped(value)}"' for attribute, value in quoted.items())
        _, printed = self.radius.client(self.radius.auth, "auth", words)
        _, _, received = printed.partition("Received Access-")
        if received.startswith("Reject"):
            return None
        if not received.startswith("Accept"):
            raise RuntimeError(f"FreeRADIUS doesn't answer: {printed[-500:]}")
        pairs = (line.strip().partition(" = ") for line in received.splitlines()[1:] if " = " in line)
        return {attribute: value.strip('"') for attribute, _, value in pairs if attribute != "Message-Authenticator"}

    def account(self, name: str, session_id: str, *, kind: str = "Start", more: Mapping[str, str] = MappingProxyType({})) -> None:
        """Report a session to FreeRADIUS, as a NAS does. Raises RuntimeError if it isn't accepted."""
        words = f'User-Name = "{_escaped(name)}", Acct-Session-Id = "{session_id}", Acct-Status-Type = {kind}'
        for attribute, value in {"NAS-IP-Address": self.nas_address, **more}.items():
            words += f', {attribute} = "{_escaped(value)}"'
        code, printed = self.radius.client(self.radius.acct, "acct", words)
        if code != 0:
            raise RuntimeError(f"FreeRADIUS takes no accounting: {printed[-500:]}")


class Rig(Logins):
    """`with Rig() as rig:` starts it; `rig.settings()` returns a driver's settings for it. Root runs its servers as another user."""

    def __init__(self, *, radius: bool | None = None) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="sebilling-radius-"))
        self._folder.chmod(0o711 if os.geteuid() == 0 else 0o700)
        self.secret, self.password = secrets.token_hex(8), secrets.token_hex(8)
        self.database = PrivatePostgres(self._folder)
        self._wants_radius = not freeradius.freeradius_problem() if radius is None else radius
        self._radius: FreeRadius | None = None

    def __enter__(self) -> Self:
        self.database.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._radius is not None:
            self._radius.stop()
        self.database.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    async def admin(self) -> "asyncpg.Connection[asyncpg.Record]":
        """Return a connection as superuser; the caller must close it."""
        return await asyncpg.connect(self.database.dsn)

    async def set_up(self, *, grants: Sequence[str] = (GRANTS,)) -> None:
        """Create tables (by FreeRADIUS's schema, else ours), the group isolir, a plan and the user sebilling; start FreeRADIUS."""
        connection = await self.admin()
        stock = freeradius.POSTGRESQL.schema
        schema = stock.read_text() if os.access(stock, os.R_OK) else _OWN_SCHEMA
        await connection.execute(schema)
        await connection.execute(_NAS)
        await connection.execute(REJECTED)
        await connection.execute(f"CREATE USER sebilling PASSWORD '{self.password}'")
        for grant in grants:
            await connection.execute(grant)
        await connection.close()
        for name, pairs in GROUPS.items():
            await self.add_group(name, *pairs)
        if self._wants_radius:
            self._radius = FreeRadius(self._folder, self.database, login="rig", password=self.database.password, secret=self.secret)
            self._radius.start()

    def settings(self, **more: object) -> dict[str, object]:
        """Return a driver's settings for this rig, in their JSON form."""
        nas = [{"address": "127.0.0.0/8", "secret": self.secret, "port": self._radius.coa if self._radius else 3799}]
        own = {"database_host": "127.0.0.1", "database_port": self.database.port, "database_name": "postgres", "database_user": "sebilling",
               "database_password": self.password, "database_tls": False, "nas": nas}  # fmt: skip
        return own | more

    async def add_group(self, name: str, *reply: tuple[str, str, str]) -> None:
        """Add a group with reply attributes (attribute, op, value)."""
        connection = await self.admin()
        await connection.executemany(
            "INSERT INTO radgroupreply (groupname, attribute, op, value) VALUES ($1, $2, $3, $4)",
            [(name, *attribute) for attribute in reply],
        )
        await connection.close()

    async def add_customer(
        self, name: str, password: str = "rahasia", *, groups: Iterable[tuple[str, int]] = (("10M", 0),),  # noqa: S107 - invented
        reply: Iterable[tuple[str, str, str]] = (), last_session: str | None = "User-Request",
    ) -> None:  # fmt: skip
        """Add a customer with groups (name, priority) and reply attributes of their own.

        `last_session` is why the session of before ended, as accounting reported it; None: there was none.
        """
        connection = await self.admin()
        await connection.execute(
            "INSERT INTO radcheck (username, attribute, op, value) VALUES ($1, 'Cleartext-Password', ':=', $2)", name, password
        )
        await connection.executemany(
            "INSERT INTO radusergroup (username, groupname, priority) VALUES ($1, $2, $3)", [(name, *group) for group in groups]
        )
        await connection.executemany(
            "INSERT INTO radreply (username, attribute, op, value) VALUES ($1, $2, $3, $4)", [(name, *attribute) for attribute in reply]
        )
        if last_session is not None:
            await connection.execute(_PAST, [name], last_session, self.nas_address)
        await connection.close()

    async def add_many(self, names: Sequence[str], *, with_sessions: bool = True) -> None:
        """Add customers in the group 10M, each with a password, a fixed address and a session."""
        connection = await self.admin()
        addresses = [f"10.{64 + (n >> 16)}.{(n >> 8) & 255}.{n & 255}" for n in range(len(names))]
        await connection.copy_records_to_table(
            "radcheck",
            columns=["username", "attribute", "op", "value"],
            records=[(name, "Cleartext-Password", ":=", "x") for name in names],
        )
        await connection.copy_records_to_table(
            "radreply", columns=["username", "attribute", "op", "value"],
            records=[(name, "Framed-IP-Address", ":=", address) for name, address in zip(names, addresses, strict=True)],
        )  # fmt: skip
        await connection.copy_records_to_table(
            "radusergroup", columns=["username", "groupname", "priority"], records=[(name, "10M", 0) for name in names]
        )
        await connection.execute(_PAST, list(names), "User-Request", self.nas_address)
        await connection.close()
        if with_sessions:
            await self.open_sessions(names)
        connection = await self.admin()
        await connection.execute("ANALYZE")
        await connection.close()

    async def open_sessions(
        self, names: Sequence[str], *, nas: str = Logins.nas_address, answer: str | None = "ack", prefix: str = ""
    ) -> list[str]:
        """Add sessions as accounting would have written them; return their ids.

        `answer` is the answer of FreeRADIUS as NAS to a Disconnect: ack, or an Error-Cause; None: it has no such session.
        """
        mark = prefix or secrets.token_hex(4)
        ids = [f"{mark}-{number}" for number in range(len(names))]
        connection = await self.admin()
        await connection.execute(
            "INSERT INTO radacct (acctsessionid, acctuniqueid, username, nasipaddress, acctstarttime, acctupdatetime)"
            " SELECT id, id, name, $3::text::inet, now(), now() FROM unnest($1::text[], $2::text[]) AS new (id, name)",
            ids, list(names), nas,
        )  # fmt: skip
        if answer is not None:
            await connection.execute(
                "INSERT INTO nas_session (id, username, answer)"
                " SELECT id, name, $3 FROM unnest($1::text[], $2::text[]) AS new (id, name)",
                ids, list(names), answer,
            )  # fmt: skip
        await connection.close()
        return ids

    async def at_the_nas(self) -> dict[str, str]:
        """Return the sessions of FreeRADIUS as NAS, and the attributes that CoA has set."""
        return {row["id"]: row["changed"] for row in await self.query("SELECT id, changed FROM nas_session")}

    async def query(self, statement: str, *values: object) -> list[Mapping[str, Any]]:
        """Return rows of a query, as superuser."""
        connection = await self.admin()
        try:
            return [dict(row) for row in await connection.fetch(statement, *values)]
        finally:
            await connection.close()

    async def dump(self, *, without: Sequence[str] = ("radacct", "radpostauth")) -> dict[str, list[tuple[Any, ...]]]:
        """Return all rows with their ids, by table, except what FreeRADIUS itself writes."""
        connection = await self.admin()
        dumped = {
            name: [tuple(row) for row in await connection.fetch(f"SELECT * FROM {name} ORDER BY 1")]
            for name in TABLES
            if name not in without
        }
        await connection.close()
        return dumped


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')
