"""Block by refused login: `Auth-Type := Reject` in radcheck, after all rows of the customer's own, so that it takes effect."""

import json
from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

from sebilling.plugins.contract import DriverContext, Ref, Sentence, Snapshot

from sebilling_radius import customers, mark
from sebilling_radius.config import RejectConfig
from sebilling_radius.customers import Customer, Pair, View
from sebilling_radius.driver import RadiusDriver, Standing, Step
from sebilling_radius.mark import Mark, Phase
from sebilling_radius.sessions import Session

_REJECT: Final = Pair("Auth-Type", ":=", "Reject")


class RejectDriver(RadiusDriver[RejectConfig]):
    """Block by radcheck."""

    kind: ClassVar[str] = "radius.reject"
    title: ClassVar[Sentence] = Sentence("FreeRADIUS reject (dark)", "Tolak di FreeRADIUS (mati total)")
    config_model: ClassVar[type[RejectConfig]] = RejectConfig
    service_kinds: ClassVar[Mapping[str, Sentence]] = {"RADIUS": Sentence("user name in radcheck", "nama pengguna di radcheck")}
    walled: ClassVar[bool] = False

    def __init__(self, config: RejectConfig, context: DriverContext) -> None:
        super().__init__(config, context)
        self.mark_table = self.tables.radcheck

    def needs(self) -> Mapping[str, str]:
        return {"radcheck": "sid", "radreply": "siw", "radusergroup": "s", "radgroupreply": "s", "radacct": "s"}

    async def setup_problems(self) -> Sequence[Sentence]:
        return ()

    async def view(self, refs: Sequence[Ref]) -> View:
        return await customers.read(
            self.database, self.tables, refs, pairs=self.tables.radcheck, attributes=(_REJECT.attribute,), groups=False
        )

    def ours(self, customer: Customer) -> int:
        return int(customer.mark is not None and customer.own[-1:] == [_REJECT])

    def standing(self, customer: Customer, snapshot: Snapshot | None) -> tuple[Standing, Sentence]:
        del snapshot
        types = ", ".join(f"{pair.op} '{pair.value}'" for pair in customer.own)
        if customer.marks and customer.mark is None:
            return Standing.DRIFTED, Sentence(
                f"The row {mark.ATTRIBUTE} in radcheck was changed by hand.", f"Baris {mark.ATTRIBUTE} di radcheck diubah manual."
            )
        rejected = bool(customer.own) and customer.own[-1] == _REJECT
        if customer.mark is None:
            return (
                (Standing.BLOCKED_BY_HAND, Sentence("rejected, not by SeBilling", "ditolak, bukan oleh SeBilling"))
                if rejected
                else (Standing.FREE, Sentence(f"Auth-Type: {types or '-'}", f"Auth-Type: {types or '-'}"))
            )
        if not rejected:
            return Standing.DRIFTED, Sentence(
                f"Auth-Type was changed by hand: {types or '-'}.", f"Auth-Type diubah manual: {types or '-'}."
            )
        return Standing.BLOCKED, Sentence(f"Auth-Type: {types}", f"Auth-Type: {types}")

    def kept(self, customer: Customer) -> Snapshot:
        own = customer.own[:-1] if customer.mark is not None and customer.own and customer.own[-1] == _REJECT else customer.own
        return {"check": json.dumps([[pair.attribute, pair.op, pair.value] for pair in own], ensure_ascii=False)}

    def changed_since(self, customer: Customer, snapshot: Snapshot) -> Sentence | None:
        if "check" not in snapshot or snapshot["check"] == self.kept(customer)["check"]:
            return None
        return Sentence(
            "Its Auth-Type in radcheck was changed by hand since the snapshot.",
            "Auth-Type miliknya di radcheck diubah manual sejak snapshot.",
        )

    def blocked_mark(self, customer: Customer) -> Mark:
        up_to, named = mark.of_before(customer.sessions, customer.sessions)
        return Mark(Phase.ENDING, 0, up_to, named)

    def unblocked(self, customer: Customer) -> Sequence[Session]:
        if (current_mark := customer.mark) is None:
            return customer.sessions
        pending = {session.id for session in current_mark.pending(customer.sessions)}
        return [session for session in customer.sessions if session.id > current_mark.up_to or session.id in pending]

    def restored_mark(self, customer: Customer, current_mark: Mark) -> Mark | None:
        del customer, current_mark
        return None

    async def write_block(self, steps: Sequence[Step]) -> None:
        await self.database.run(
            f"INSERT INTO {self.tables.radcheck} (username, attribute, op, value)"
            " SELECT name, $2, $3, $4 FROM unnest($1::text[]) AS new (name)",
            [step.job.ref.key for step in steps], _REJECT.attribute, _REJECT.op, _REJECT.value,
        )  # fmt: skip

    async def write_back(self, blocked: Mapping[str, Mark]) -> None:
        # The last one is ours; an earlier one of the customer's own stays.
        await self.database.run(
            f"DELETE FROM {self.tables.radcheck} WHERE id IN ("
            f" SELECT max(id) FROM {self.tables.radcheck}"
            " WHERE username = ANY ($1) AND lower(attribute) = lower($2) AND op = $3 AND value = $4 GROUP BY username)",
            list(blocked), _REJECT.attribute, _REJECT.op, _REJECT.value,
        )  # fmt: skip
