"""Walled garden: the blocked group becomes the customer's first group, and attributes that would override it are set aside.

The customer's rows are never removed. One row of ours is added to radusergroup, with a priority below all existing ones; the customer's
own reply attributes (above all a fixed address) are moved to a user name that can't log in, and keep their ids.
"""

import json
from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

from sebilling.plugins.contract import Sentence, Snapshot

from sebilling_radius import mark, names, setup
from sebilling_radius.config import GroupConfig
from sebilling_radius.customers import Customer, Pair, Wanted
from sebilling_radius.driver import RadiusDriver
from sebilling_radius.mark import Mark, Phase
from sebilling_radius.packets import CHANGEABLE
from sebilling_radius.radacct import Session
from sebilling_radius.standing import Standing, Step

_MIN_PRIORITY: Final = -(2**31)


class GroupDriver(RadiusDriver[GroupConfig]):
    """Block by radusergroup."""

    kind: ClassVar[str] = "radius.group"
    title: ClassVar[Sentence] = Sentence("FreeRADIUS group (walled garden)", "Grup FreeRADIUS (halaman isolir)")
    config_model: ClassVar[type[GroupConfig]] = GroupConfig
    service_kinds: ClassVar[Mapping[str, Sentence]] = {"RADIUS": Sentence("user name in radcheck", "nama pengguna di radcheck")}
    walled: ClassVar[bool] = True

    def needs(self) -> Mapping[str, str]:
        return {
            "radcheck": "u", "rejected": "s", "radreply": "siwd", "radusergroup": "sid", "radgroupcheck": "s", "radgroupreply": "s",
            "radacct": "s",
        }  # fmt: skip

    async def setup_problems(self) -> Sequence[Sentence]:
        return await setup.group_problems(self.database, self.config)

    def wanted(self) -> Wanted:
        return Wanted(self.tables.radreply, self.config.parked, groups=True)

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
        if any(priority < current_mark.priority for _, priority in customer.groups) and (off := _switched_off(customer, customer.groups)):
            return off
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
        if len(others) < len(customer.groups) and others and others[0][0] in customer.rejecting and others[0][1] > current_mark.priority:
            return Sentence(
                f"It was put into '{others[0][0]}', which refuses the login, behind '{current_mark.group}', which lets it into the garden:"
                f" give '{others[0][0]}' a priority below {current_mark.priority}.",
                f"Dimasukkan ke '{others[0][0]}', yang menolak login, di belakang '{current_mark.group}', yang meloloskannya ke halaman"
                f" isolir: beri '{others[0][0]}' prioritas di bawah {current_mark.priority}.",
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
        if off := _switched_off(customer, customer.groups):
            return off
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
        return Mark(Phase.ENDING, min(0, lowest - 1), up_to, named, doubt=not customer.sessions, group=self.config.group)

    def unblocked(self, customer: Customer) -> Sequence[Session]:
        current_mark = customer.mark
        if current_mark is None:
            return customer.sessions
        return [*current_mark.pending(customer.sessions), *current_mark.revived(customer.sessions)]

    def restored_mark(self, customer: Customer, current_mark: Mark) -> Mark | None:
        named = mark.few([session.id for session in customer.sessions if session.id > current_mark.up_to])
        return Mark(
            Phase.RESTORING, current_mark.priority, current_mark.up_to, named, doubt=not customer.sessions, group=current_mark.group
        )  # fmt: skip

    def lost_mark(self, customer: Customer) -> Mark | Sentence:
        first, priority = customer.groups[0] if customer.groups else ("", 0)
        if first != self.config.group:
            if customer.parked:
                return Mark(Phase.ENDED)
            return super().lost_mark(customer)
        if len({group for group, _ in customer.groups}) == 1:
            return Sentence(
                f"It is in no group but '{first}', so its plan's group isn't known: put it into that by hand.",
                f"Hanya ada di grup '{first}', jadi grup paketnya tidak diketahui: masukkan ke grup itu secara manual.",
            )
        return Mark(Phase.ENDED, priority, group=first)

    async def change_of_sessions(self) -> Mapping[str, str] | None:
        if self.config.session == "disconnect":
            return None
        attributes = f"SELECT attribute, value FROM {self.tables.radgroupreply} WHERE groupname = :name AND attribute IN :some ORDER BY id"
        carried = await self.database.rows(attributes, name=self.config.group, some=list(CHANGEABLE))
        return {row["attribute"]: row["value"] for row in carried}

    async def write_block(self, steps: Sequence[Step]) -> None:
        await self.database.run(
            f"INSERT INTO {self.tables.radusergroup} (username, groupname, priority) VALUES (:name, :group, :priority)",
            [{"name": step.job.ref.key, "group": self.config.group, "priority": step.mark.priority if step.mark else 0} for step in steps],
        )
        if own := [pair.id for step in steps for pair in step.customer.own]:
            prefix = f"CAST(:prefix AS char({len(mark.PREFIX)}))"
            await self.database.run(
                f"UPDATE {self.tables.radreply} SET username = concat({prefix}, username) WHERE id IN :own", prefix=mark.PREFIX, own=own
            )

    async def write_back(self, steps: Sequence[Step]) -> None:
        await self.database.run(
            f"DELETE FROM {self.tables.radusergroup} WHERE {self.database.dialect.name('username', self.config.matching)} = :name"
            " AND groupname = :group AND priority = :priority",
            [
                {
                    "name": names.folded(step.job.ref.key, self.config.matching),
                    "group": step.undoes.group,
                    "priority": step.undoes.priority,
                }
                for step in steps
                if step.undoes is not None
            ],
        )
        if parked := [pair.id for step in steps for pair in step.customer.parked]:
            await self.database.run(
                f"UPDATE {self.tables.radreply} SET username = substr(username, {len(mark.PREFIX) + 1}) WHERE id IN :parked", parked=parked
            )


def _our_group(customer: Customer) -> tuple[str, int] | None:
    current_mark = customer.mark
    return (current_mark.group, current_mark.priority) if current_mark is not None and current_mark.phase is not Phase.RESTORING else None


def _switched_off(customer: Customer, groups: Sequence[tuple[str, int]]) -> tuple[Standing, Sentence] | None:
    """Return the standing of a customer whom the operator keeps from logging in, as daloRADIUS does by a group."""
    if customer.rejected:
        return Standing.SWITCHED_OFF, Sentence("rejected in radcheck, not by SeBilling", "ditolak di radcheck, bukan oleh SeBilling")
    ahead = [group for group, priority in groups if priority == groups[0][1]]
    refusing = [group for group in ahead if group in customer.rejecting]
    if refusing and len(refusing) == len(ahead):
        return Standing.SWITCHED_OFF, Sentence(
            f"in '{refusing[0]}', which refuses the login", f"di grup '{refusing[0]}', yang menolak login"
        )
    if refusing:
        return Standing.DRIFTED, Sentence(
            f"'{refusing[0]}' refuses the login, but another group has the same priority, so their order is undefined: lower its priority.",
            f"'{refusing[0]}' menolak login, tetapi ada grup lain berprioritas sama, jadi urutannya tidak pasti: turunkan prioritasnya.",
        )
    return None


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
