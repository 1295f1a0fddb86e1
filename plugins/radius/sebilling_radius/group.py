"""Walled garden: the blocked group becomes the customer's first group, and attributes that would override it are set aside.

The customer's rows are never removed. One row of ours is added to radusergroup, with a priority below all existing ones; the customer's
own reply attributes (above all a fixed address) are moved to a user name that can't log in, and keep their ids.
"""

import json
from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

from sebilling.plugins.contract import DriverContext, Ref, Sentence, Snapshot

from sebilling_radius import customers, mark, setup
from sebilling_radius.config import GroupConfig
from sebilling_radius.customers import Customer, Pair, View
from sebilling_radius.driver import RadiusDriver, Standing, Step
from sebilling_radius.mark import Mark, Phase
from sebilling_radius.sessions import CHANGEABLE, Session

_MIN_PRIORITY: Final = -(2**31)


class GroupDriver(RadiusDriver[GroupConfig]):
    """Block by radusergroup."""

    kind: ClassVar[str] = "radius.group"
    title: ClassVar[Sentence] = Sentence("FreeRADIUS group (walled garden)", "Grup FreeRADIUS (halaman isolir)")
    config_model: ClassVar[type[GroupConfig]] = GroupConfig
    service_kinds: ClassVar[Mapping[str, Sentence]] = {"RADIUS": Sentence("user name in radcheck", "nama pengguna di radcheck")}
    walled: ClassVar[bool] = True

    def __init__(self, config: GroupConfig, context: DriverContext) -> None:
        super().__init__(config, context)
        self.mark_table = self.tables.radreply

    def needs(self) -> Mapping[str, str]:
        return {"radcheck": "u", "radreply": "siwd", "radusergroup": "sid", "radgroupreply": "s", "radacct": "s"}

    async def setup_problems(self) -> Sequence[Sentence]:
        return await setup.group_problems(self.database, self.tables, self.config.group)

    async def view(self, refs: Sequence[Ref]) -> View:
        return await customers.read(
            self.database, self.tables, refs, pairs=self.tables.radreply, attributes=self.config.parked, groups=True
        )

    def ours(self, customer: Customer) -> int:
        return int(_our_group(customer) in customer.groups) - len(customer.parked)

    def standing(self, customer: Customer, snapshot: Snapshot | None) -> tuple[Standing, Sentence]:
        if customer.marks and customer.mark is None:
            return Standing.DRIFTED, Sentence(
                f"The row {mark.ATTRIBUTE} in radreply was changed by hand.", f"Baris {mark.ATTRIBUTE} di radreply diubah manual."
            )
        if (current_mark := customer.mark) is None:
            return self._unmarked(customer)
        if current_mark.phase is Phase.RESTORING:
            return (
                (Standing.DRIFTED, Sentence("Rows are still set aside.", "Masih ada baris yang disisihkan."))
                if customer.parked
                else (Standing.RESTORED, _shown(customer))
            )
        changed = self._changed_by_hand(customer, current_mark, snapshot)
        return (Standing.DRIFTED, changed) if changed else (Standing.BLOCKED, _shown(customer))

    def _changed_by_hand(self, customer: Customer, current_mark: Mark, snapshot: Snapshot | None) -> Sentence | None:
        """Describe how a customer whom we blocked was changed by hand; None if they weren't."""
        others = [group for group in customer.groups if group != _our_group(customer)]
        if len(others) == len(customer.groups):
            return Sentence(
                f"The row that puts it into '{current_mark.group}' was removed from radusergroup by hand.",
                f"Baris yang memasukkannya ke '{current_mark.group}' dihapus manual dari radusergroup.",
            )
        if any(priority <= current_mark.priority for _, priority in others):
            return Sentence(
                f"A group was put before '{current_mark.group}' by hand.", f"Ada grup yang ditaruh manual sebelum '{current_mark.group}'."
            )
        expected = set(_lowered(json.loads(snapshot["attributes"]) if snapshot and "attributes" in snapshot else self.config.parked))
        if again := sorted({pair.attribute for pair in customer.own if pair.attribute.lower() in expected}):
            return Sentence(
                f"It was given {', '.join(again)} by hand, which goes above '{current_mark.group}'.",
                f"Diberi {', '.join(again)} secara manual, yang mengalahkan '{current_mark.group}'.",
            )
        if snapshot and "reply" in snapshot and snapshot["reply"] != _written(customer.parked):
            return Sentence(
                f"What is set aside as {mark.PREFIX}… in radreply was changed by hand.",
                f"Yang disisihkan sebagai {mark.PREFIX}… di radreply diubah manual.",
            )
        return None

    def _unmarked(self, customer: Customer) -> tuple[Standing, Sentence]:
        if customer.parked:
            return Standing.DRIFTED, Sentence(
                f"The row {mark.ATTRIBUTE} was removed from radreply by hand, and rows are still set aside.",
                f"Baris {mark.ATTRIBUTE} dihapus manual dari radreply, dan masih ada baris yang disisihkan.",
            )
        ahead = [group for group, priority in customer.groups if priority == customer.groups[0][1]]
        if ahead == [self.config.group]:
            return Standing.BLOCKED_BY_HAND, Sentence(
                f"in '{self.config.group}', not by SeBilling", f"di grup '{self.config.group}', bukan oleh SeBilling"
            )
        if customer.groups and customer.groups[0][1] <= _MIN_PRIORITY:
            return Standing.DRIFTED, Sentence(
                "Its group has the lowest priority that there is, so none can go before it: raise it.",
                "Prioritas grupnya sudah yang terendah, jadi tidak ada yang bisa mendahuluinya: naikkan.",
            )
        return Standing.FREE, _shown(customer)

    def changed_since(self, customer: Customer, snapshot: Snapshot) -> Sentence | None:
        if "reply" not in snapshot or snapshot["reply"] == _written(customer.own):
            return None
        return Sentence(
            "Its own attributes in radreply were changed by hand since the snapshot.",
            "Atribut miliknya di radreply diubah manual sejak snapshot.",
        )

    def kept(self, customer: Customer) -> Snapshot:
        return {
            "reply": _written(customer.parked or customer.own),
            "attributes": json.dumps(self.config.parked),
            "groups": json.dumps([group for group in customer.groups if group != _our_group(customer)]),
        }

    def blocked_mark(self, customer: Customer) -> Mark:
        lowest = min((priority for _, priority in customer.groups), default=1)
        up_to, named = mark.of_before([] if self.config.session == "coa" else customer.sessions, customer.sessions)
        return Mark(Phase.ENDING, min(0, lowest - 1), up_to, named, self.config.group)

    def unblocked(self, customer: Customer) -> Sequence[Session]:
        current_mark = customer.mark
        return current_mark.pending(customer.sessions) if current_mark is not None else customer.sessions

    def restored_mark(self, customer: Customer, current_mark: Mark) -> Mark | None:
        named = mark.few([session.id for session in customer.sessions if session.id > current_mark.up_to])
        return Mark(Phase.RESTORING, current_mark.priority, current_mark.up_to, named, current_mark.group)

    async def change_of_sessions(self) -> Mapping[str, str] | None:
        if self.config.session == "disconnect":
            return None
        attributes = f"SELECT attribute, value FROM {self.tables.radgroupreply} WHERE groupname = $1 AND attribute = ANY ($2) ORDER BY id"
        return {row["attribute"]: row["value"] for row in await self.database.rows(attributes, self.config.group, list(CHANGEABLE))}

    async def write_block(self, steps: Sequence[Step]) -> None:
        keys = [step.job.ref.key for step in steps]
        await self.database.run(
            f"INSERT INTO {self.tables.radusergroup} (username, groupname, priority)"
            " SELECT name, $3, priority FROM unnest($1::text[], $2::int[]) AS new (name, priority)",
            keys, [step.mark.priority if step.mark else 0 for step in steps], self.config.group,
        )  # fmt: skip
        await self.database.run(
            f"UPDATE {self.tables.radreply} SET username = $3 || username WHERE username = ANY ($1) AND lower(attribute) = ANY ($2)",
            keys, _lowered(self.config.parked), mark.PREFIX,
        )  # fmt: skip

    async def write_back(self, blocked: Mapping[str, Mark]) -> None:
        await self.database.run(
            f"DELETE FROM {self.tables.radusergroup} member"
            " USING unnest($1::text[], $2::text[], $3::int[]) AS ours (name, groupname, priority)"
            " WHERE member.username = ours.name AND member.groupname = ours.groupname AND member.priority = ours.priority",
            list(blocked), [blocked_mark.group for blocked_mark in blocked.values()],
            [blocked_mark.priority for blocked_mark in blocked.values()],
        )  # fmt: skip
        await self.database.run(
            f"UPDATE {self.tables.radreply} SET username = substr(username, length($3) + 1) WHERE username = ANY ($1) AND attribute <> $2",
            [mark.parked_name(key) for key in blocked], mark.ATTRIBUTE, mark.PREFIX,
        )  # fmt: skip


def _our_group(customer: Customer) -> tuple[str, int] | None:
    current_mark = customer.mark
    return (current_mark.group, current_mark.priority) if current_mark is not None and current_mark.phase is not Phase.RESTORING else None


def _lowered(attributes: Sequence[str]) -> list[str]:
    """Normalize an attribute's name: FreeRADIUS ignores its case."""
    return [attribute.lower() for attribute in attributes]


def _written(pairs: Sequence[Pair]) -> str:
    return json.dumps([[pair.attribute, pair.op, pair.value] for pair in pairs], ensure_ascii=False)


def _shown(customer: Customer) -> Sentence:
    groups = ", ".join(f"'{group}' ({priority})" for group, priority in customer.groups) or "-"
    aside = ", ".join(f"{pair.attribute} '{pair.value}'" for pair in customer.parked)
    whole = Sentence(f"groups: {groups}", f"grup: {groups}")
    return Sentence(f"{whole.english}; set aside: {aside}", f"{whole.indonesian}; disisihkan: {aside}") if aside else whole
