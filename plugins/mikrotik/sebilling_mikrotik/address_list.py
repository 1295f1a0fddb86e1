"""Block static addresses by an entry in an address list that a firewall rule blocks. Only entries with our comment are removed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from typing import ClassVar

from pydantic import Field
from sebilling.plugins.contract import (
    NOT_A_DESTINATION,
    DeviceError,
    Fault,
    Job,
    Outcome,
    Reading,
    Ref,
    Result,
    Sentence,
    Snapshot,
    State,
    indonesian,
)

from sebilling_mikrotik.bulk import BulkDriver, Change, refused
from sebilling_mikrotik.config import RouterConfig
from sebilling_mikrotik.device import is_yes
from sebilling_mikrotik.rows import lacking
from sebilling_mikrotik.session import Row

_MENU = "/ip/firewall/address-list"


class AddressListConfig(RouterConfig, frozen=True):
    """Settings of the router and the list."""

    list_name: str = Field(
        default="ISOLIR",
        min_length=1,
        max_length=128,
        description="Name of the address list.",
        json_schema_extra=indonesian("Nama daftar", "Nama address list.", NOT_A_DESTINATION),
    )


@dataclass(frozen=True, slots=True)
class Entries:
    """Entries of the list, and whether a firewall rule uses it."""

    by_comment: Mapping[str, list[Row]]
    by_address: Mapping[str, list[Row]]
    ruled: bool


class AddressListDriver(BulkDriver[AddressListConfig, Entries]):
    """Block by `/ip/firewall/address-list`. An address has no row of its own on the router, so it is never ABSENT."""

    kind: ClassVar[str] = "mikrotik.address_list"
    title: ClassVar[Sentence] = Sentence("MikroTik address list (static IP)", "Address list MikroTik (IP statis)")
    config_model: ClassVar[type[AddressListConfig]] = AddressListConfig
    service_kinds: ClassVar[Mapping[str, Sentence]] = {
        "STATIC_IP": Sentence("IPv4 address, or network such as 10.0.0.8/29", "alamat IPv4, atau jaringan seperti 10.0.0.8/29")
    }

    async def view(self, refs: Sequence[Ref]) -> Entries:
        del refs  # the list has only blocked addresses, and an address can be written in several ways
        rows = await self.session.rows(
            f"{_MENU}/print", "=.proplist=.id,list,address,comment,disabled,dynamic,timeout", f"?list={self.config.list_name}"
        )
        by_comment: dict[str, list[Row]] = {}
        by_address: dict[str, list[Row]] = {}
        for row in rows:
            if row.get("comment"):
                by_comment.setdefault(row["comment"], []).append(row)
            by_address.setdefault(canonical(row.get("address", "")) or "", []).append(row)
        return Entries(by_comment, by_address, await self.mentions(self.config.list_name))

    def kept(self, view: Entries, ref: Ref) -> Snapshot | None:
        del view
        return {"list": self.config.list_name, "address": ref.key, "comment": comment(ref)}

    def _ours(self, view: Entries, ref: Ref) -> tuple[Sequence[Row], Sequence[Row], bool]:
        """Return our entries, others' entries of the same address, and whether ours still block as we wrote them."""
        ours = view.by_comment.get(comment(ref), ())
        address = canonical(ref.key)
        others = [row for row in view.by_address.get(address or "", ()) if row.get("comment") != comment(ref)]
        right = all(
            canonical(row.get("address", "")) == address and not is_yes(row.get("disabled")) and "timeout" not in row for row in ours
        )
        return ours, others, bool(ours) and right

    def state(self, view: Entries, ref: Ref, snapshot: Snapshot | None) -> Reading:
        del snapshot
        ours, others, right = self._ours(view, ref)
        if right:
            if not view.ruled:
                return Reading(
                    State.BLOCKED,
                    Sentence(
                        f"listed in '{self.config.list_name}', but no firewall rule looks at it",
                        f"ada di daftar '{self.config.list_name}', tetapi tidak ada aturan firewall yang memakainya",
                    ),
                    in_effect=False,
                )
            listed = Sentence(f"listed in '{self.config.list_name}'", f"ada di daftar '{self.config.list_name}'")
            return Reading(State.BLOCKED, listed, in_effect=True)
        if ours:
            return Reading(State.DRIFTED, Sentence("our entry was changed by hand", "entri dari SeBilling diubah manual"))
        if others:
            return Reading(
                State.DRIFTED,
                Sentence(f"listed in '{self.config.list_name}' by hand", f"ada di daftar '{self.config.list_name}' secara manual"),
            )
        return Reading(State.ACTIVE, Sentence("not listed", "tidak ada di daftar"), in_effect=True)

    def judge_block(self, view: Entries, job: Job) -> Outcome | Change:
        if not view.ruled:
            raise self._no_rule()
        if canonical(job.ref.key) is None:
            return refused(
                job.ref, Fault.REFUSED, Sentence("The key is no IPv4 address or network.", "Kuncinya bukan alamat atau jaringan IPv4.")
            )
        ours, others, right = self._ours(view, job.ref)
        if right:
            return Outcome(job.ref.id, Result.UNCHANGED)
        if ours or others:
            return refused(
                job.ref,
                Fault.DRIFTED,
                Sentence(
                    "The address is listed by hand, or our entry was changed: look at it, it was left alone.",
                    "Alamat ini didaftarkan manual, atau entri SeBilling diubah: periksa; entrinya dibiarkan.",
                ),
            )
        words = (f"=list={self.config.list_name}", f"=address={job.ref.key}", f"=comment={comment(job.ref)}")
        return Change(job, ((f"{_MENU}/add", *words),), {"listed": "yes"})

    def judge_restore(self, view: Entries, job: Job) -> Outcome | Change:
        ours, others, right = self._ours(view, job.ref)
        if ours and not right:
            return refused(
                job.ref,
                Fault.DRIFTED,
                Sentence(
                    "Our entry was changed by hand: look at it, it was left alone.",
                    "Entri SeBilling diubah manual: periksa; entrinya dibiarkan.",
                ),
            )
        if others:
            return refused(
                job.ref,
                Fault.DRIFTED,
                Sentence(
                    "The address is listed by hand too: it stays held back until that entry goes.",
                    "Alamat ini juga didaftarkan manual: tetap tertahan sampai entri itu dihapus.",
                ),
            )
        if not ours:
            return Outcome(job.ref.id, Result.UNCHANGED)
        return Change(job, tuple((f"{_MENU}/remove", f"=.id={row['.id']}") for row in ours), {"listed": "no"})

    def proven(self, view: Entries, change: Change) -> Outcome | None:
        ours, _, right = self._ours(view, change.job.ref)
        if right if change.wanted["listed"] == "yes" else not ours:
            return None
        return refused(
            change.job.ref,
            Fault.DRIFTED,
            Sentence("The router took the change, but the list reads otherwise.", "Router menerima perubahan, tetapi isi daftarnya lain."),
            retryable=True,
        )

    async def setup_problems(self) -> Sequence[Sentence]:
        if await self.mentions(self.config.list_name):
            return ()
        return (self._no_rule().message,)

    def _no_rule(self) -> DeviceError:
        name = self.config.list_name
        rule = Sentence(
            f"a firewall rule that is on and looks at the address list '{name}'",
            f"aturan firewall aktif yang memakai address list '{name}'",
        )
        return lacking(rule, Sentence("step 3b", "langkah 3b"))


def comment(ref: Ref) -> str:
    """Return the comment that marks an entry as ours."""
    return f"sebilling:{ref.id}"


def canonical(address: str) -> str | None:
    """Normalize an address or network; None if it is neither. RouterOS prints a /32 without its prefix length."""
    try:
        network = ip_network(address.strip(), strict=False)
    except ValueError:
        return None
    return str(network) if network.version == 4 else None
