"""Read the tables for an import: users in radcheck, with their plan's group and speed. Passwords are never read."""

from collections.abc import Mapping

from sebilling.plugins.contract import Subscriber

from sebilling_radius import mark, rates
from sebilling_radius.customers import IS_REJECT, Tables, rejecting_groups
from sebilling_radius.database import RadiusDatabase
from sebilling_radius.mark import Mark, Phase

_LOWER = rates.ATTRIBUTE.lower()


async def read(database: RadiusDatabase, tables: Tables, *, marks: str, service_kind: str, garden: str | None) -> list[Subscriber]:
    """Return all users by name. The plan of a user who was put into `garden` by hand is unknown. Raises DeviceError."""
    users = await database.rows(f"SELECT DISTINCT username FROM {tables.radcheck} ORDER BY username")
    known = dict.fromkeys(row["username"] for row in users if not row["username"].startswith(mark.PREFIX))
    ours = await _marks(database, marks)
    rejecting = await rejecting_groups(database, tables)
    groups: dict[str, list[str]] = {}
    for row in await database.rows(f"SELECT username, groupname, priority FROM {tables.radusergroup} ORDER BY priority"):
        if (row["groupname"], row["priority"]) != ours.get(row["username"]):
            groups.setdefault(row["username"], []).append(row["groupname"])
    own: dict[str, str] = {}
    rates_of_users = f"SELECT username, value FROM {tables.radreply} WHERE lower(attribute) = :rate ORDER BY id"
    for row in await database.rows(rates_of_users, rate=_LOWER):
        own.setdefault(row["username"].removeprefix(mark.PREFIX), row["value"])
    carried: dict[str, str] = {}
    speeds = f"SELECT groupname, value FROM {tables.radgroupreply} WHERE lower(attribute) = :rate ORDER BY id"
    for row in await database.rows(speeds, rate=_LOWER):
        carried.setdefault(row["groupname"], row["value"])
    off = await _rejected(database, tables, ours)
    subscribers = []
    for name in known:
        member = groups.get(name, [])
        disabled = name in off or (bool(member) and member[0] in rejecting)
        plan = next((group for group in member if group not in rejecting), None)
        up, down = rates.pair_bps(own.get(name) or carried.get(plan or "", "")) or (0, 0)
        walled = plan is not None and plan == garden
        subscribers.append(
            Subscriber(
                key=name,
                service_kind=service_kind,
                plan=None if walled else plan,
                disabled=disabled,
                rate_down_kbps=None if walled else down // 1_000 or None,  # 0 is no limit
                rate_up_kbps=None if walled else up // 1_000 or None,
            )
        )
    return subscribers


async def _marks(database: RadiusDatabase, table: str) -> Mapping[str, tuple[str, int]]:
    """Return our group row of each blocked user; ("", 0) if there is none."""
    written = f"SELECT username, value FROM {table} WHERE attribute = :attribute"
    ours: dict[str, tuple[str, int]] = {}
    for row in await database.rows(written, attribute=mark.ATTRIBUTE):
        current: Mark | None = mark.read(row["value"])
        if current is not None and current.phase is not Phase.RESTORING:
            ours[row["username"].removeprefix(mark.PREFIX)] = (current.group, current.priority)
    return ours


async def _rejected(database: RadiusDatabase, tables: Tables, ours: Mapping[str, tuple[str, int]]) -> frozenset[str]:
    """Return the users whom radcheck rejects, apart from those whom we blocked so."""
    if tables.rejected:
        return frozenset(row["username"] for row in await database.rows(f"SELECT username FROM {tables.rejected}"))
    return frozenset(
        row["username"]
        for row in await database.rows(f"SELECT username FROM {tables.radcheck} WHERE {IS_REJECT}")
        if row["username"] not in ours
    )
