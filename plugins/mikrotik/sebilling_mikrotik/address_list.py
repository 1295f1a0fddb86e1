"""Block static addresses by an entry in an address list that a firewall rule stops. Only entries with our comment are removed.

IPv4 and IPv6 have a list and a wall each. A customer with both has two accesses, one for each.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import ClassVar, Final

from pydantic import Field
from sebilling.plugins.contract import (
    NOT_A_DESTINATION,
    DeviceError,
    Fault,
    InvalidValue,
    Job,
    Outcome,
    Quality,
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
from sebilling_mikrotik.dual_stack import read_ipv6_of
from sebilling_mikrotik.firewall import Firewall, fasttracked, read_firewall
from sebilling_mikrotik.session import Command, Row

_MENUS: Final = {4: "/ip/firewall/address-list", 6: "/ipv6/firewall/address-list"}
_MIN_PREFIX: Final = {4: 16, 6: 32}
"""Networks larger than these aren't one customer's."""


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
    """Entries of the list in both IP versions, each with the menu in which it stands; and what decides whether they are stopped."""

    by_comment: Mapping[str, list[tuple[str, Row]]]
    by_address: Mapping[str, list[Row]]
    firewall: Firewall
    passing: Mapping[str, list[Command]] = field(default_factory=dict)
    """Address of a listed customer → commands that remove its connections in FastTrack, which bypass every rule."""
    ipv6: Mapping[str, list[str]] = field(default_factory=dict)
    """IPv4 address of a listed customer → the IPv6 addresses of the same device."""


class AddressListDriver(BulkDriver[AddressListConfig, Entries]):
    """Block by `/ip/firewall/address-list`. An address has no row of its own on the router, so it is never ABSENT."""

    kind: ClassVar[str] = "mikrotik.address_list"
    quality: ClassVar[Quality] = Quality.GOLD
    title: ClassVar[Sentence] = Sentence("MikroTik address list (static IP)", "Address list MikroTik (IP statis)")
    config_model: ClassVar[type[AddressListConfig]] = AddressListConfig
    service_kinds: ClassVar[Mapping[str, Sentence]] = {
        "STATIC_IP": Sentence(
            "IPv4 or IPv6 address, or network such as 10.0.0.8/29 or 2001:db8:8::/56",
            "alamat IPv4 atau IPv6, atau jaringan seperti 10.0.0.8/29 atau 2001:db8:8::/56",
        )
    }

    @classmethod
    def canonical_key(cls, service_kind: str, text: str) -> str:
        """Return an address, or a network that isn't a single address. Raises InvalidValue."""
        del service_kind
        try:
            network = ip_network(text.strip())
        except ValueError:
            raise InvalidValue(
                "enter an IPv4 or IPv6 address such as 10.1.0.5, or a network by its first address, such as 10.0.0.8/29",
                "isi alamat IPv4 atau IPv6 seperti 10.1.0.5, atau jaringan dengan alamat pertamanya, seperti 10.0.0.8/29",
            ) from None
        if network.prefixlen < (least := _MIN_PREFIX[network.version]):
            raise InvalidValue(
                f"a network of /{network.prefixlen} is too large for one customer: at most /{least}",
                f"jaringan /{network.prefixlen} terlalu besar untuk satu pelanggan: paling besar /{least}",
            )
        return str(network.network_address) if network.num_addresses == 1 else str(network)

    async def view(self, refs: Sequence[Ref]) -> Entries:
        # the list has only blocked addresses, and an address can be written in several ways: so it is read whole
        words = ("=.proplist=.id,list,address,comment,disabled,dynamic,timeout", f"?list={self.config.list_name}")
        rows4, rows6, firewall = await asyncio.gather(
            self.session.rows(f"{_MENUS[4]}/print", *words),
            self.session.rows_if_known(f"{_MENUS[6]}/print", *words),
            read_firewall(self.session),
        )
        by_comment: dict[str, list[tuple[str, Row]]] = {}
        by_address: dict[str, list[Row]] = {}
        for menu, rows in ((_MENUS[4], rows4), (_MENUS[6], rows6 or ())):
            for row in rows:
                if row.get("comment"):
                    by_comment.setdefault(row["comment"], []).append((menu, row))
                by_address.setdefault(canonical(row.get("address", "")) or "", []).append(row)
        listed = [ref.key for ref in refs if comment(ref) in by_comment and canonical(ref.key) is not None]
        ipv4 = [key for key in listed if ":" not in key] if firewall.gives_ipv6 else []
        passing, ipv6 = await asyncio.gather(fasttracked(self.session, firewall, listed), read_ipv6_of(self.session, ipv4))
        return Entries(by_comment, by_address, firewall, passing, ipv6)

    def kept(self, view: Entries, ref: Ref) -> Snapshot | None:
        del view
        return {"list": self.config.list_name, "address": ref.key, "comment": comment(ref)}

    def _problem(self, firewall: Firewall, address: str | None) -> Sentence | None:
        """Return why nothing stops this address when it is listed; None if a wall does. Without an address: any address."""
        name = self.config.list_name
        if address is None or ":" not in address:
            return firewall.wall_problem(name) or firewall.customers_ipv6_problem(name)
        return _NO_IPV6 if firewall.rules6 is None else firewall.wall_problem(name, version=6)

    def _online(self, view: Entries, ref: Ref) -> Sentence | None:
        """Return why a listed customer is online; None if they are offline."""
        if ref.key in view.passing:
            return Sentence("connections from before are in FastTrack", "koneksi sebelumnya masih di FastTrack")
        if (problem := self._problem(view.firewall, canonical(ref.key))) is not None:
            return problem
        if not (addresses := view.ipv6.get(ref.key)):
            return None
        networks = [ip_network(listed) for listed, rows in view.by_address.items() if ":" in listed and any(map(_is_on, rows))]
        for address in addresses:
            own = ip_network(address, strict=False)
            if not any(own.version == network.version and own.subnet_of(network) for network in networks):  # type: ignore[arg-type]  # the versions are equal
                return Sentence(
                    f"the same device has {address}, which isn't blocked: give the customer an access for their IPv6 network too",
                    f"perangkat yang sama punya {address}, yang tidak terisolir: beri pelanggan akses untuk jaringan IPv6-nya juga",
                )
        return None

    def _ours(self, view: Entries, ref: Ref) -> tuple[Sequence[tuple[str, Row]], Sequence[Row], bool]:
        """Return our entries, others' entries of the same address, and whether ours still block as we wrote them."""
        ours = view.by_comment.get(comment(ref), ())
        address = canonical(ref.key)
        others = [row for row in view.by_address.get(address or "", ()) if row.get("comment") != comment(ref)]
        right = all(
            canonical(row.get("address", "")) == address and not is_yes(row.get("disabled")) and "timeout" not in row for _, row in ours
        )
        return ours, others, bool(ours) and right

    def state(self, view: Entries, ref: Ref, snapshot: Snapshot | None) -> Reading:
        del snapshot
        ours, others, right = self._ours(view, ref)
        if right:
            name = self.config.list_name
            if (online := self._online(view, ref)) is None:
                return Reading(State.BLOCKED, Sentence(f"listed in '{name}'", f"ada di daftar '{name}'"), in_effect=True)
            told = Sentence(f"listed in '{name}', but {online.english}", f"ada di daftar '{name}', tetapi {online.indonesian}")
            return Reading(State.BLOCKED, told, in_effect=False)
        if ours:
            return Reading(State.DRIFTED, Sentence("our entry was changed by hand", "entri dari SeBilling diubah manual"))
        if others:
            return Reading(
                State.DRIFTED,
                Sentence(f"listed in '{self.config.list_name}' by hand", f"ada di daftar '{self.config.list_name}' secara manual"),
            )
        return Reading(State.ACTIVE, Sentence("not listed", "tidak ada di daftar"), in_effect=True)

    def judge_block(self, view: Entries, job: Job) -> Outcome | Change:
        if (address := canonical(job.ref.key)) is None:
            return refused(job.ref, Fault.REFUSED, Sentence("The key is no address or network.", "Kuncinya bukan alamat atau jaringan."))
        if (problem := self._problem(view.firewall, address)) is not None:
            raise DeviceError(Fault.SETUP, problem, retryable=False)
        ours, others, right = self._ours(view, job.ref)
        if right:
            is_passing = job.ref.key in view.passing
            return Change(job, (), {"listed": "yes"}, kick=True) if is_passing else Outcome(job.ref.id, Result.UNCHANGED)
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
        return Change(job, ((f"{_MENUS[6 if ':' in address else 4]}/add", *words),), {"listed": "yes"}, kick=True)

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
        return Change(job, tuple((f"{menu}/remove", f"=.id={row['.id']}") for menu, row in ours), {"listed": "no"})

    def proven(self, view: Entries, change: Change) -> Outcome | None:
        ours, _, right = self._ours(view, change.job.ref)
        if right and change.job.ref.key in view.passing:
            still = Sentence("Listed, but connections from before go on.", "Sudah didaftarkan, tetapi koneksi sebelumnya masih berjalan.")
            return refused(change.job.ref, Fault.REFUSED, still, retryable=True)
        if right if change.wanted["listed"] == "yes" else not ours:
            return None
        return refused(
            change.job.ref,
            Fault.DRIFTED,
            Sentence("The router took the change, but the list reads otherwise.", "Router menerima perubahan, tetapi isi daftarnya lain."),
            retryable=True,
        )

    async def kick(self, changes: Sequence[Change], *, restoring: bool) -> tuple[dict[int, frozenset[str]], dict[int, DeviceError]]:
        """Remove connections from before. The wall stops new ones, and those that aren't in FastTrack."""
        if restoring or not changes:
            return {}, {}
        view = await self.view([change.job.ref for change in changes])
        return {}, await self.end(
            [(change.job.ref.id, command) for change in changes for command in view.passing.get(change.job.ref.key, ())]
        )

    async def setup_problems(self) -> Sequence[Sentence]:
        firewall, name = await read_firewall(self.session), self.config.list_name
        return [problem for problem in (firewall.wall_problem(name), firewall.customers_ipv6_problem(name)) if problem is not None]


_NO_IPV6: Final = Sentence(
    "This router has no IPv6, so an IPv6 address can't be blocked on it.",
    "Router ini tidak punya IPv6, jadi alamat IPv6 tidak bisa diisolir di sana.",
)


def _is_on(row: Row) -> bool:
    return not is_yes(row.get("disabled"))


def comment(ref: Ref) -> str:
    """Return the comment that marks an entry as ours."""
    return f"sebilling:{ref.id}"


def canonical(address: str) -> str | None:
    """Normalize an address or network; None if it is neither. RouterOS prints an IPv4 address without its prefix length."""
    try:
        return str(ip_network(address.strip(), strict=False))
    except ValueError:
        return None
