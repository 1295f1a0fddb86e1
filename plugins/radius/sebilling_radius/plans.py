"""Apply a plan's speed that changed while the customer was blocked, by the customer's own `Mikrotik-Rate-Limit` in radreply.

No row is needed if the group already has the speed, and none is written if the group overrides the customer's own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from sebilling.plugins.contract import Ref, Sentence

from sebilling_radius import mark, names, rates
from sebilling_radius.customers import Tables, View
from sebilling_radius.database import RadiusDatabase
from sebilling_radius.mark import Mark, Phase
from sebilling_radius.names import Matching

_LOWER: Final = rates.ATTRIBUTE.lower()


@dataclass(frozen=True, slots=True)
class Speed:
    """Row to write for one customer, if any, and a remark for the outcome."""

    value: str = ""
    message: Sentence | None = None
    row_id: int | None = None
    """Row of the customer's own that carries the speed. None: it is inserted."""

    reached: bool = True
    """Whether the customer has the plan's speed then."""

    @property
    def writes(self) -> bool:
        """Whether a row has to be written."""
        return bool(self.value)


@dataclass(slots=True)
class _Current:
    own: list[tuple[int, str]] = field(default_factory=list)
    group: tuple[str, str, str] | None = None
    """Return (name, op, value) of the speed of the customer's first group."""


async def read(database: RadiusDatabase, tables: Tables, matching: Matching, refs: Sequence[Ref], view: View) -> dict[str, Speed]:
    """Return what each ref's speed requires, by key. Raises DeviceError."""
    refs = [ref for ref in refs if ref.key in view]
    if not refs:
        return {}
    current = {names.folded(ref.key, matching): _Current() for ref in refs}
    ours = {names.folded(ref.key, matching): _our_group(view[ref.key].mark) for ref in refs}
    spelled = {name: name for name in current} | {mark.parked_name(name): name for name in current}
    column = database.dialect.name("username", matching)
    own = f"SELECT id, username, value FROM {tables.radreply} WHERE {column} IN :names AND lower(attribute) = :rate ORDER BY id"
    for row in await database.rows(own, names=list(spelled), rate=_LOWER):
        if (name := spelled.get(names.folded(row["username"], matching))) is not None:
            current[name].own.append((row["id"], row["value"]))
    carried: dict[str, tuple[str, str]] = {}
    speeds = f"SELECT groupname, op, value FROM {tables.radgroupreply} WHERE lower(attribute) = :rate ORDER BY id"
    for row in await database.rows(speeds, rate=_LOWER):
        carried.setdefault(row["groupname"], (row["op"], row["value"]))
    member = f"SELECT username, groupname, priority FROM {tables.radusergroup} WHERE {column} IN :names ORDER BY priority"
    for row in await database.rows(member, names=list(current)):
        name, group = names.folded(row["username"], matching), row["groupname"]
        if name in current and group in carried and (group, row["priority"]) != ours[name] and current[name].group is None:
            current[name].group = (group, *carried[group])
    return {ref.key: _speed(ref, current[names.folded(ref.key, matching)]) for ref in refs}


def _our_group(current_mark: Mark | None) -> tuple[str, int] | None:
    return None if current_mark is None or current_mark.phase is Phase.RESTORING else (current_mark.group, current_mark.priority)


def _speed(ref: Ref, current: _Current) -> Speed:
    wanted = rates.written(ref)
    if wanted is None:
        return Speed(
            message=Sentence(
                "The plan's speed isn't known: the speed from before stays.",
                "Kecepatan paketnya tidak diketahui: kecepatan sebelumnya tetap.",
            ),
            reached=False,
        )
    if len(current.own) > 1:
        return Speed(
            message=Sentence(
                f"The speed from before stays: there are several {rates.ATTRIBUTE}. Set the plan's speed by hand.",
                f"Kecepatan sebelumnya tetap: ada beberapa {rates.ATTRIBUTE}. Atur kecepatan paketnya manual.",
            ),
            reached=False,
        )
    if current.own:
        row_id, value = current.own[0]
        return Speed() if rates.pair_bps(value) == rates.pair_bps(wanted) else Speed(wanted, row_id=row_id)
    if current.group is not None:
        name, op, value = current.group
        if rates.pair_bps(value) == rates.pair_bps(wanted):
            return Speed(
                message=Sentence(f"The group '{name}' carries the plan's new speed.", f"Grup '{name}' sudah memakai kecepatan paket baru.")
            )
        if op == ":=":
            return Speed(
                message=Sentence(
                    f"The speed of the group '{name}' stays, which goes above the customer's own. Change the group by hand.",
                    f"Kecepatan grup '{name}' tetap, karena mengalahkan milik pelanggan. Ubah grupnya manual.",
                ),
                reached=False,
            )
    return Speed(
        wanted,
        Sentence(
            f"The plan's new speed was written as the customer's own {rates.ATTRIBUTE}.",
            f"Kecepatan paket baru ditulis sebagai {rates.ATTRIBUTE} milik pelanggan.",
        ),
    )


async def write(database: RadiusDatabase, tables: Tables, speeds: Mapping[str, Speed]) -> None:
    """Write the speeds. Call inside a transaction, after rows that were set aside are restored. Raises DeviceError."""
    changed = [{"row": speed.row_id, "value": speed.value} for speed in speeds.values() if speed.writes and speed.row_id is not None]
    if changed:
        await database.run(f"UPDATE {tables.radreply} SET value = :value WHERE id = :row", changed)
    added = [
        {"name": key, "attribute": rates.ATTRIBUTE, "value": speed.value}
        for key, speed in speeds.items()
        if speed.writes and speed.row_id is None
    ]
    if added:
        statement = f"INSERT INTO {tables.radreply} (username, attribute, op, value) VALUES (:name, :attribute, ':=', :value)"
        await database.run(statement, added)
