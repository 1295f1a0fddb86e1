"""Read customers from the tables: one read per call, with the same number of statements for any number of customers."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from sebilling.plugins.contract import Ref

from sebilling_radius import mark, names
from sebilling_radius.config import RadiusConfig
from sebilling_radius.database import RadiusDatabase
from sebilling_radius.mark import Mark
from sebilling_radius.names import Matching
from sebilling_radius.radacct import Accounting, Radacct, Session

MAX_KEY_BYTES: Final = 253 - len(mark.PREFIX)
"""As long as our prefix still fits before it in a packet's attribute; MySQL's columns hold fewer."""
_UNFIT: Final = re.compile("[\x00\ud800-\udfff]")
IS_REJECT: Final = "lower(attribute) = 'auth-type' AND lower(value) = 'reject'"


@dataclass(frozen=True, slots=True)
class Pair:
    """A row of radcheck or radreply, without its name."""

    attribute: str
    op: str
    value: str
    id: int = field(default=0, compare=False)


@dataclass(slots=True)
class Customer:
    """Everything in the tables about one user name."""

    rows: int = 0
    """All rows of this name, ours included."""
    groups: list[tuple[str, int]] = field(default_factory=list)
    """(group, priority)"""
    rejecting: frozenset[str] = frozenset()
    """Those groups that refuse the login."""
    rejected: bool = False
    """Whether radcheck refuses the login."""
    own: list[Pair] = field(default_factory=list)
    """Rows with an attribute that the driver requested, ordered by id."""
    parked: list[Pair] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)
    sessions: list[Session] = field(default_factory=list)
    """Open sessions by radacct."""
    accounting: Accounting = field(default_factory=Accounting)
    """Read only if a mark is in doubt."""
    ambiguous: bool = False
    """Whether another key of the call means the same user."""

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
    radgroupcheck: str
    radgroupreply: str
    radacct: str
    rejected: str

    @classmethod
    def of(cls, config: RadiusConfig, database: RadiusDatabase) -> "Tables":
        """Return the names from the settings."""
        named = {name: getattr(config, name, "") for name in cls.__slots__}
        return cls(**{name: database.dialect.table(table, config.schema_name) if table else "" for name, table in named.items()})


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a driver needs to know of customers."""

    pairs: str
    """Table of `Customer.own` and of our marks."""
    attributes: Sequence[str]
    groups: bool
    """Whether groups matter, and who is refused by them or by radcheck."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where customers are read from."""

    database: RadiusDatabase
    tables: Tables
    matching: Matching
    radacct: Radacct

    @property
    def name(self) -> str:
        """Expression of SQL that compares user names."""
        return self.database.dialect.name("username", self.matching)

    def folded(self, name: str) -> str:
        """Return a name in the form in which it is compared."""
        return names.folded(name, self.matching)


async def read(source: Source, refs: Sequence[Ref], wanted: Wanted) -> View:
    """Return each ref's customer by key. Raises DeviceError."""
    keys = list(dict.fromkeys(ref.key for ref in refs if fits(ref.key)))
    if not keys:
        return {}
    spelled = Counter(source.folded(key) for key in keys)
    customers = {key: Customer(ambiguous=spelled[source.folded(key)] > 1) for key in keys}
    folded = {source.folded(key): customers[key] for key in keys}
    await _count(source, folded)
    await _pairs(source, folded, wanted)
    if wanted.groups:
        await _groups(source, folded)
    for session in await source.radacct.open_sessions(keys):
        customers[session.key].sessions.append(session)
    if any(customer.mark is not None and customer.mark.doubt for customer in customers.values()):
        accounting = await source.radacct.accounting()
        for customer in customers.values():
            customer.accounting = accounting
    return customers


async def _count(source: Source, folded: Mapping[str, Customer]) -> None:
    tables = (source.tables.radcheck, source.tables.radreply, source.tables.radusergroup)
    known = " UNION ALL ".join(f"SELECT username FROM {table} WHERE {source.name} IN :names" for table in tables)
    for row in await source.database.rows(known, names=list(folded)):
        if customer := folded.get(source.folded(row["username"])):
            customer.rows += 1


async def _pairs(source: Source, folded: Mapping[str, Customer], wanted: Wanted) -> None:
    parked = {mark.PREFIX + name: customer for name, customer in folded.items()}
    rows = await source.database.held(
        f"SELECT id, username, attribute, op, value FROM {wanted.pairs}"
        f" WHERE {source.name} IN :names AND lower(attribute) IN :attributes OR {source.name} IN :parked ORDER BY id",
        names=list(folded), attributes=[attribute.lower() for attribute in wanted.attributes], parked=list(parked),
    )  # fmt: skip
    for row in rows:
        pair = Pair(row["attribute"], row["op"], row["value"], row["id"])
        name = source.folded(row["username"])
        if customer := folded.get(name):
            customer.own.append(pair)
        elif (customer := parked.get(name)) is None:
            continue
        elif pair.attribute == mark.ATTRIBUTE:
            customer.marks.append(pair.value)
        else:
            customer.parked.append(pair)


async def _groups(source: Source, folded: Mapping[str, Customer]) -> None:
    database, tables = source.database, source.tables
    memberships = f"SELECT username, groupname, priority FROM {tables.radusergroup} WHERE {source.name} IN :names ORDER BY priority"
    for row in await database.held(memberships, names=list(folded)):
        if customer := folded.get(source.folded(row["username"])):
            customer.groups.append((row["groupname"], row["priority"]))
    rejecting = await rejecting_groups(database, tables)
    for customer in folded.values():
        customer.rejecting = frozenset(group for group, _ in customer.groups if group in rejecting)
    for row in await database.rows(f"SELECT username FROM {tables.rejected} WHERE {source.name} IN :names", names=list(folded)):
        if customer := folded.get(source.folded(row["username"])):
            customer.rejected = True


async def rejecting_groups(database: RadiusDatabase, tables: Tables) -> frozenset[str]:
    """Return the groups whose members can't log in, such as daloRADIUS-Disabled-Users. Raises DeviceError."""
    return frozenset(row["groupname"] for row in await database.rows(f"SELECT groupname FROM {tables.radgroupcheck} WHERE {IS_REJECT}"))


def fits(key: str) -> bool:
    """Whether a name is valid in these tables and in a packet, and isn't one of ours."""
    return len(key) > 0 and not key.startswith(mark.PREFIX) and not _UNFIT.search(key) and len(key.encode()) <= MAX_KEY_BYTES
