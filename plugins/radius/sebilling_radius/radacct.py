"""Read radacct: open sessions with what identifies them at their NAS, and how far accounting can be trusted."""

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sebilling_radius import names
from sebilling_radius.config import RadiusConfig
from sebilling_radius.database import RadiusDatabase, Row

OPTIONAL: Final = (
    "nasportid", "callingstationid", "framedipaddress", "framedipv6address", "framedipv6prefix", "delegatedipv6prefix",
)  # fmt: skip
"""Columns that identify a session to its NAS. Older schemas lack some."""
_ADDRESSES: Final = ("framedipaddress", "framedipv6address", "framedipv6prefix", "delegatedipv6prefix")
REPORTED: Final = frozenset({
    "user-request", "lost-carrier", "lost-service", "idle-timeout", "session-timeout", "admin-reset", "admin-reboot", "port-error",
    "nas-error", "nas-request", "port-unneeded", "port-preempted", "port-suspended", "service-unavailable", "callback", "user-error",
    "host-request",
})  # fmt: skip
"""Acct-Terminate-Cause of a stop that the NAS itself reported (RFC 2866); a row closed otherwise may be of a session that is up."""


@dataclass(frozen=True, slots=True)
class Session:
    """A row of radacct."""

    id: int
    """radacctid"""
    acct_session_id: str
    username: str
    nas: str
    key: str = ""
    """Key of the customer to whom it belongs."""
    port: str = ""
    """NAS-Port-Id, or NAS-Port if it is a number."""
    calling_station_id: str = ""
    address: str = ""
    address6: str = ""
    prefix6: str = ""
    delegated6: str = ""
    updated: float = 0
    """When the NAS last reported it, in seconds since 1970 by the database's clock."""
    quiet_in_seconds: float | None = None
    """After how long without a report it would have ended. None: never, as NASes report only start and stop."""
    reported_end: bool = False
    """Whether the NAS reported its end."""

    @property
    def quiet(self) -> bool:
        """Whether the NAS would have reported it since, if it were up."""
        return self.quiet_in_seconds is not None and self.quiet_in_seconds <= 0


@dataclass(frozen=True, slots=True)
class Accounting:
    """How far radacct can be trusted now."""

    now: float = 0
    """Seconds since 1970 by the database's clock."""
    newest: float | None = None
    """When it was last written. None: never."""
    patience_seconds: float | None = None
    """How long after its last report a session that is up is reported again at the latest. None: NASes report only start and stop."""

    @property
    def works(self) -> bool:
        """Whether it is being written."""
        return self.newest is not None and self.now - self.newest <= (self.patience_seconds or 86_400)

    def has_passed(self, at: float) -> bool:
        """Whether a session that was up at this time would have been reported since."""
        return bool(at) and self.patience_seconds is not None and self.works and self.now > at + self.patience_seconds

    def seconds_until_passed(self, at: float) -> float | None:
        """Return after how many seconds that will be so. None: never."""
        return None if self.patience_seconds is None or not at else max(1.0, at + self.patience_seconds - self.now + 1)


class Radacct:
    """Queries of radacct. `columns` are those of OPTIONAL that the table has."""

    def __init__(self, database: RadiusDatabase, config: RadiusConfig, columns: Sequence[str]) -> None:
        self._database, self._config, self._columns = database, config, columns
        self._table = database.dialect.table(config.radacct, config.schema_name)

    async def accounting(self) -> Accounting:
        """Return how far radacct can be trusted. Raises DeviceError."""
        epoch, last = self._database.dialect.epoch, "coalesce(acctupdatetime, acctstarttime)"
        row = (
            await self._database.rows(
                f"SELECT {epoch.format(self._database.dialect.now)} AS now,"
                f" (SELECT max({epoch.format(last)}) FROM {self._table} WHERE acctstoptime IS NULL) AS open,"
                f" (SELECT max({epoch.format(f'coalesce(acctstoptime, {last})')}) FROM {self._table}"
                f"   WHERE radacctid > (SELECT max(radacctid) - 1000 FROM {self._table})) AS latest"
            )
        )[0]
        newest = max((float(row[name]) for name in ("open", "latest") if row[name] is not None), default=None)
        return Accounting(float(row["now"]), newest, self._config.patience_seconds)

    async def open_sessions(self, keys: Sequence[str]) -> list[Session]:
        """Return the customers' sessions that radacct shows as open, in order of their start. Raises DeviceError."""
        return await self._sessions(keys, "acctstoptime IS NULL")

    async def last_sessions(self, keys: Sequence[str]) -> dict[str, Session]:
        """Return each customer's latest session, by key, open or closed. Raises DeviceError."""
        sessions = await self._sessions(keys, f"radacctid IN (SELECT max(radacctid) FROM {self._table} WHERE {{}} GROUP BY username)")
        return {session.key: session for session in sessions}

    async def _sessions(self, keys: Sequence[str], which: str) -> list[Session]:
        if not keys:
            return []
        dialect, matching = self._database.dialect, self._config.matching
        folded = {names.folded(key, matching): key for key in keys}
        is_theirs = f"{dialect.name('username', matching)} IN :names"
        if matching == "without_realm":
            is_theirs = f"({is_theirs} OR {dialect.name(dialect.bare.format('username'), matching)} IN :names)"
        columns = ", ".join(f"{dialect.text.format(name) if name in _ADDRESSES else name} AS {name}" for name in self._columns)
        rows = await self._database.rows(
            f"SELECT radacctid, acctsessionid, username, {dialect.text.format('nasipaddress')} AS nas, acctterminatecause AS cause,"
            f" {dialect.epoch.format('coalesce(acctupdatetime, acctstarttime)')} AS updated, {dialect.epoch.format(dialect.now)} AS now"
            f"{', ' if columns else ''}{columns} FROM {self._table} WHERE {is_theirs} AND {which.format(is_theirs)} ORDER BY radacctid",
            names=list(folded),
        )  # fmt: skip
        sessions = []
        for row in rows:
            key = next((folded[name] for name in names.of_session(row["username"], matching) if name in folded), None)
            if key is not None:
                sessions.append(self._session(row, key))
        return sessions

    def _session(self, row: Row, key: str) -> Session:
        updated = float(row["updated"] or 0)
        patience = self._config.patience_seconds
        return Session(
            row["radacctid"], row["acctsessionid"], row["username"], address_of(row["nas"]), key,
            port=row.get("nasportid") or "", calling_station_id=row.get("callingstationid") or "",
            address=address_of(row.get("framedipaddress")), address6=address_of(row.get("framedipv6address")),
            prefix6=row.get("framedipv6prefix") or "", delegated6=row.get("delegatedipv6prefix") or "", updated=updated,
            quiet_in_seconds=None if patience is None else updated + patience - float(row["now"]),
            reported_end=(row["cause"] or "").lower() in REPORTED,
        )  # fmt: skip


def address_of(value: Any) -> str:
    """Return an address without the length that PostgreSQL's inet may have; empty if it is none."""
    text = str(value or "").strip().partition("/")[0]
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return text


def by_key(sessions: Sequence[Session]) -> Mapping[str, list[Session]]:
    """Return sessions by their customer's key."""
    grouped: dict[str, list[Session]] = {}
    for session in sessions:
        grouped.setdefault(session.key, []).append(session)
    return grouped
