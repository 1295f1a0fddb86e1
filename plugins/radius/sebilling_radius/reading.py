"""Read the tables for an import: users in radcheck, with their plan's group and speed. Passwords are never read."""

from typing import Final

from sebilling.plugins.contract import Subscriber

from sebilling_radius import mark, rates
from sebilling_radius.customers import Tables
from sebilling_radius.database import RadiusDatabase

_EVERYBODY: Final = """
WITH known AS (
    SELECT username FROM {radcheck} WHERE NOT starts_with(username, $1) GROUP BY username
), member AS (
    SELECT DISTINCT ON (username) username, groupname FROM {radusergroup} one
     WHERE NOT EXISTS (SELECT FROM {marks} ours WHERE ours.username = $1 || one.username AND ours.attribute = $2
                          AND split_part(ours.value, ' ', 2) = one.priority::text AND split_part(ours.value, ' ', 1) <> 'restoring'
                          AND right(ours.value, length(one.groupname) + 1) = ' ' || one.groupname)
     ORDER BY username, priority
), own AS (
    SELECT DISTINCT ON (name) name, value FROM (
        SELECT CASE WHEN starts_with(username, $1) THEN substr(username, length($1) + 1) ELSE username END AS name, value, id
          FROM {radreply} WHERE lower(attribute) = $3) AS found
     ORDER BY name, id
), carried AS (
    SELECT DISTINCT ON (groupname) groupname, value FROM {radgroupreply} WHERE lower(attribute) = $3 ORDER BY groupname, id
)
SELECT known.username, member.groupname, coalesce(own.value, carried.value, '') AS rate
  FROM known LEFT JOIN member USING (username) LEFT JOIN own ON own.name = known.username
  LEFT JOIN carried ON carried.groupname = member.groupname
 ORDER BY known.username
"""


async def subscribers(database: RadiusDatabase, tables: Tables, *, marks: str, service_kind: str, garden: str | None) -> list[Subscriber]:
    """Return all users by name. The plan of a user who was put into `garden` by hand is unknown. Raises DeviceError."""
    statement = _EVERYBODY.format(
        radcheck=tables.radcheck, radusergroup=tables.radusergroup, radreply=tables.radreply, radgroupreply=tables.radgroupreply,
        marks=marks,
    )  # fmt: skip
    customers = []
    for row in await database.rows(statement, mark.PREFIX, mark.ATTRIBUTE, rates.ATTRIBUTE.lower()):
        up, down = rates.pair_bps(row["rate"]) or (0, 0)
        walled = row["groupname"] == garden
        customers.append(
            Subscriber(
                key=row["username"],
                service_kind=service_kind,
                plan=None if walled else row["groupname"],
                rate_down_kbps=None if walled else down // 1_000 or None,  # 0 is no limit
                rate_up_kbps=None if walled else up // 1_000 or None,
            )
        )
    return customers
