"""Block by refused login: `Auth-Type := Reject` in radcheck, after all rows of the customer's own, so that it takes effect."""

import json
from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

from sebilling.plugins.contract import Sentence, Snapshot

from sebilling_radius import mark
from sebilling_radius.config import RejectConfig
from sebilling_radius.customers import Customer, Pair, Wanted
from sebilling_radius.driver import RadiusDriver
from sebilling_radius.mark import Mark, Phase
from sebilling_radius.radacct import Session
from sebilling_radius.standing import Standing, Step

_REJECT: Final = Pair("Auth-Type", ":=", "Reject")


class RejectDriver(RadiusDriver[RejectConfig]):
    """Block by radcheck."""

    kind: ClassVar[str] = "radius.reject"
    title: ClassVar[Sentence] = Sentence("FreeRADIUS reject (dark)", "Tolak di FreeRADIUS (mati total)")
    config_model: ClassVar[type[RejectConfig]] = RejectConfig
    service_kinds: ClassVar[Mapping[str, Sentence]] = {"RADIUS": Sentence("user name in radcheck", "nama pengguna di radcheck")}
    walled: ClassVar[bool] = False

    def needs(self) -> Mapping[str, str]:
        return {"radcheck": "sid", "radreply": "siw", "radusergroup": "s", "radgroupcheck": "s", "radgroupreply": "s", "radacct": "s"}

    async def setup_problems(self) -> Sequence[Sentence]:
        return ()

    def wanted(self) -> Wanted:
        return Wanted(self.tables.radcheck, (_REJECT.attribute,), groups=False)

    def ours(self, customer: Customer) -> int:
        return int(customer.mark is not None and customer.own[-1:] == [_REJECT])

    def standing(self, customer: Customer, snapshot: Snapshot | None) -> tuple[Standing, Sentence]:
        del snapshot
        types = ", ".join(f"{pair.op} '{pair.value}'" for pair in customer.own)
        if customer.marks and customer.mark is None:
            return Standing.DRIFTED, Sentence(
                f"The row {mark.ATTRIBUTE} in radcheck was changed by hand.", f"Baris {mark.ATTRIBUTE} di radcheck diubah manual."
            )
        rejected = bool(customer.own) and _refuses(customer.own[-1])
        if customer.mark is None:
            return (
                (Standing.SWITCHED_OFF, Sentence("rejected, not by SeBilling", "ditolak, bukan oleh SeBilling"))
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
        return Mark(Phase.ENDING, 0, up_to, named, doubt=not customer.sessions)

    def unblocked(self, customer: Customer) -> Sequence[Session]:
        if (current_mark := customer.mark) is None:
            return customer.sessions
        up = {session.id for session in (*current_mark.pending(customer.sessions), *current_mark.revived(customer.sessions))}
        named = current_mark.named or ()
        return [
            session for session in customer.sessions if session.id in up or (session.id > current_mark.up_to and session.id not in named)
        ]

    def restored_mark(self, customer: Customer, current_mark: Mark) -> Mark | None:
        del customer, current_mark
        return None

    async def write_block(self, steps: Sequence[Step]) -> None:
        await self.database.run(
            f"INSERT INTO {self.tables.radcheck} (username, attribute, op, value) VALUES (:name, :attribute, :op, :value)",
            [{"name": step.job.ref.key, "attribute": _REJECT.attribute, "op": _REJECT.op, "value": _REJECT.value} for step in steps],
        )

    async def write_back(self, steps: Sequence[Step]) -> None:
        # The last one is ours; an earlier one of the customer's own stays.
        ours = [step.customer.own[-1].id for step in steps]
        await self.database.run(f"DELETE FROM {self.tables.radcheck} WHERE id IN :ours", ours=ours)


def _refuses(pair: Pair) -> bool:
    """Whether a row refuses the login: FreeRADIUS ignores capitals."""
    return (pair.attribute.lower(), pair.value.lower()) == ("auth-type", "reject")
