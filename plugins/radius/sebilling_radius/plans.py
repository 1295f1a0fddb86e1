"""Apply a plan's speed that changed while the customer was blocked, by the customer's own `Mikrotik-Rate-Limit` in radreply.

No row is needed if the group already has the speed, and none is written if the group overrides the customer's own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from sebilling.plugins.contract import Ref, Sentence

from sebilling_radius import mark, rates
from sebilling_radius.customers import Tables
from sebilling_radius.database import RadiusDatabase

_LOWER: Final = rates.ATTRIBUTE.lower()


@dataclass(frozen=True, slots=True)
class Speed:
    """Row to write for one customer, if any, and a remark for the outcome."""

    value: str = ""
    message: Sentence | None = None
    insert: bool = False

    @property
    def writes(self) -> bool:
        """Whether a row has to be written."""
        return bool(self.value)


@dataclass(slots=True)
class _Current:
    own: list[str] = field(default_factory=list)
    group: tuple[str, str, str] | None = None
    """Return (name, op, value) of the speed of the customer's first group."""


async def read(database: RadiusDatabase, tables: Tables, refs: Sequence[Ref]) -> dict[str, Speed]:
    """Return what each ref's speed requires, by key. Raises DeviceError."""
    if not refs:
        return {}
    current = {ref.key: _Current() for ref in refs}
    names = {key: key for key in current} | {mark.parked_name(key): key for key in current}
    own = f"SELECT username, value FROM {tables.radreply} WHERE username = ANY ($1) AND lower(attribute) = $2 ORDER BY id"
    for row in await database.rows(own, list(names), _LOWER):
        current[names[row["username"]]].own.append(row["value"])
    groups = (
        f"SELECT DISTINCT ON (member.username) member.username, speed.groupname, speed.op, speed.value"
        f" FROM {tables.radusergroup} member JOIN {tables.radgroupreply} speed ON speed.groupname = member.groupname"
        f" WHERE member.username = ANY ($1) AND lower(speed.attribute) = $2"
        f" AND NOT EXISTS (SELECT FROM {tables.radreply} ours WHERE ours.username = $3 || member.username AND ours.attribute = $4"
        "                   AND split_part(ours.value, ' ', 2) = member.priority::text)"
        " ORDER BY member.username, member.priority, speed.id"
    )
    for row in await database.rows(groups, list(current), _LOWER, mark.PREFIX, mark.ATTRIBUTE):
        current[row["username"]].group = (row["groupname"], row["op"], row["value"])
    return {ref.key: _speed(ref, current[ref.key]) for ref in refs}


def _speed(ref: Ref, current: _Current) -> Speed:
    wanted = rates.written(ref)
    if wanted is None:
        return Speed(
            message=Sentence(
                "The plan's speed isn't known: restored with the speed from before.",
                "Kecepatan paketnya tidak diketahui: dipulihkan dengan kecepatan sebelumnya.",
            )
        )
    if len(current.own) > 1:
        return Speed(
            message=Sentence(
                f"Restored with the speed from before: there are several {rates.ATTRIBUTE}. Set the plan's speed by hand.",
                f"Dipulihkan dengan kecepatan sebelumnya: ada beberapa {rates.ATTRIBUTE}. Atur kecepatan paketnya manual.",
            )
        )
    if current.own:
        return Speed() if rates.pair_bps(current.own[0]) == rates.pair_bps(wanted) else Speed(wanted)
    if current.group is not None:
        name, op, value = current.group
        if rates.pair_bps(value) == rates.pair_bps(wanted):
            return Speed(
                message=Sentence(f"The group '{name}' carries the plan's new speed.", f"Grup '{name}' sudah memakai kecepatan paket baru.")
            )
        if op == ":=":
            return Speed(
                message=Sentence(
                    f"Restored with the speed of the group '{name}', which goes above the customer's own. Change the group by hand.",
                    f"Dipulihkan dengan kecepatan grup '{name}', yang mengalahkan milik pelanggan. Ubah grupnya manual.",
                )
            )
    return Speed(
        wanted,
        Sentence(
            f"The plan's new speed was written as the customer's own {rates.ATTRIBUTE}.",
            f"Kecepatan paket baru ditulis sebagai {rates.ATTRIBUTE} milik pelanggan.",
        ),
        insert=True,
    )


async def write(database: RadiusDatabase, tables: Tables, speeds: Mapping[str, Speed]) -> None:
    """Write the speeds. Call inside a transaction, after rows that were set aside are restored. Raises DeviceError."""
    changed = {key: speed.value for key, speed in speeds.items() if speed.writes and not speed.insert}
    if changed:
        await database.run(
            f"UPDATE {tables.radreply} SET value = new.value FROM unnest($1::text[], $2::text[]) AS new (name, value)"
            " WHERE username = new.name AND lower(attribute) = $3",
            list(changed), list(changed.values()), _LOWER,
        )  # fmt: skip
    added = {key: speed.value for key, speed in speeds.items() if speed.insert}
    if added:
        await database.run(
            f"INSERT INTO {tables.radreply} (username, attribute, op, value)"
            " SELECT name, $3, ':=', value FROM unnest($1::text[], $2::text[]) AS new (name, value)",
            list(added), list(added.values()), rates.ATTRIBUTE,
        )  # fmt: skip
