"""Read customers from the tables: one read per call, with the same number of statements for any number of customers."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from sebilling.plugins.contract import Ref

from sebilling_radius import mark
from sebilling_radius.config import RadiusConfig
from sebilling_radius.database import RadiusDatabase
from sebilling_radius.mark import Mark
from sebilling_radius.sessions import Session

_MAX_NAME_BYTES: Final = 253
_UNFIT: Final = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Pair:
    """A row of radcheck or radreply, without id and name."""

    attribute: str
    op: str
    value: str


@dataclass(slots=True)
class Customer:
    """Everything in the tables about one user name."""

    rows: int = 0
    """All rows of this name, ours included."""
    groups: list[tuple[str, int]] = field(default_factory=list)
    """(group, priority)"""
    own: list[Pair] = field(default_factory=list)
    """Rows with an attribute that the driver requested, ordered by id."""
    parked: list[Pair] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)
    sessions: list[Session] = field(default_factory=list)
    """Open sessions by radacct."""

    @property
    def mark(self) -> Mark | None:
        """Our mark, if there is exactly one and it wasn't changed by hand."""
        return mark.read(self.marks[0]) if len(self.marks) == 1 else None


View = Mapping[str, Customer]


@dataclass(frozen=True, slots=True)
class Tables:
    """Table names for statements: validated by the settings' pattern, and quoted."""

    radcheck: str
    radreply: str
    radusergroup: str
    radgroupreply: str
    radacct: str

    @classmethod
    def of(cls, config: RadiusConfig) -> "Tables":
        """Return the names from the settings."""
        schema = f'"{config.schema_name}".' if config.schema_name else ""
        return cls(*(f'{schema}"{getattr(config, name)}"' for name in cls.__slots__))


async def read(
    database: RadiusDatabase, tables: Tables, refs: Sequence[Ref], *, pairs: str, attributes: Sequence[str], groups: bool
) -> dict[str, Customer]:
    """Return each ref's customer by key. `pairs` is the table of `own`, of which only these attributes are read. Raises DeviceError."""
    keys = list(dict.fromkeys(ref.key for ref in refs if fits(ref.key)))
    customers = {key: Customer() for key in keys}
    wanted = [attribute.lower() for attribute in attributes]
    known = (
        f"SELECT username, count(*) AS rows FROM {table} WHERE username = ANY ($1) GROUP BY username"
        for table in (tables.radcheck, tables.radreply, tables.radusergroup)
    )
    for row in await database.rows(" UNION ALL ".join(known), keys):
        customers[row["username"]].rows += row["rows"]
    parked = {mark.parked_name(key): key for key in keys}
    pair_rows = await database.rows(
        f"SELECT username, attribute, op, value FROM {pairs}"
        f" WHERE username = ANY ($1) AND lower(attribute) = ANY ($2) OR username = ANY ($3) ORDER BY id",
        keys, wanted, list(parked),
    )  # fmt: skip
    for row in pair_rows:
        pair = Pair(row["attribute"], row["op"], row["value"])
        if (owner := parked.get(row["username"])) is None:
            customers[row["username"]].own.append(pair)
        elif pair.attribute == mark.ATTRIBUTE:
            customers[owner].marks.append(pair.value)
        else:
            customers[owner].parked.append(pair)
    if groups:
        memberships = f"SELECT username, groupname, priority FROM {tables.radusergroup} WHERE username = ANY ($1) ORDER BY priority"
        for row in await database.rows(memberships, keys):
            customers[row["username"]].groups.append((row["groupname"], row["priority"]))
    for session in await open_sessions(database, tables, keys):
        customers[session.username].sessions.append(session)
    return customers


async def open_sessions(database: RadiusDatabase, tables: Tables, keys: Sequence[str]) -> list[Session]:
    """Return the sessions that radacct shows as open, in order of their start. Raises DeviceError."""
    rows = await database.rows(
        f"SELECT radacctid, acctsessionid, username, host(nasipaddress::inet) AS nas FROM {tables.radacct}"
        " WHERE username = ANY ($1) AND acctstoptime IS NULL ORDER BY radacctid",
        list(keys),
    )
    return [Session(row["radacctid"], row["acctsessionid"], row["username"], row["nas"]) for row in rows]


def fits(key: str) -> bool:
    """Whether a name is valid in these tables and in a packet, and isn't one of ours."""
    return (
        len(key) > 0
        and not key.startswith(mark.PREFIX)
        and not _UNFIT.search(key)
        and len(mark.parked_name(key).encode()) <= _MAX_NAME_BYTES
    )
