"""Block a PPPoE secret: set its profile to isolir (walled garden) or disable it, and end its sessions.

Two secrets may have one name if their `service` differs, such as `pppoe` for the home and `l2tp` for a tunnel of the staff. Only those
of PPPoE, or of any service, are customers'.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import ClassVar, Final

from sebilling.plugins.contract import Fault, Outcome, Quality, Ref, Sentence, Subscriber, Usage

from sebilling_mikrotik.accounts import AccountConfig, AccountDriver
from sebilling_mikrotik.bulk import refused
from sebilling_mikrotik.fields import quoted
from sebilling_mikrotik.reading import CUSTOMERS, PROFILES, SECRETS, of_service, subscribers
from sebilling_mikrotik.session import Row
from sebilling_mikrotik.usage import pppoe_usage
from sebilling_mikrotik.views import Online, View

_IPV6_POOLS: Final = ("remote-ipv6-prefix-pool", "dhcpv6-pd-pool")


class PppoeDriver(AccountDriver[AccountConfig]):
    """Block by `/ppp/secret`. `remote-address` is stored only for information; it is never set, so an address changed meanwhile stays."""

    kind: ClassVar[str] = "mikrotik.pppoe"
    quality: ClassVar[Quality] = Quality.PLATINUM
    title: ClassVar[Sentence] = Sentence("MikroTik PPPoE", "PPPoE MikroTik")
    config_model: ClassVar[type[AccountConfig]] = AccountConfig
    service_kinds: ClassVar[Mapping[str, Sentence]] = {"PPPOE": Sentence("PPPoE name (of the secret)", "nama PPPoE (dari secret)")}
    menu: ClassVar[str] = "/ppp/secret"
    saved: ClassVar[tuple[str, ...]] = ("profile", "disabled", "remote-address")
    looked_at: ClassVar[tuple[str, ...]] = ("service", "remote-ipv6-prefix")
    profile_menu: ClassVar[str] = "/ppp/profile"
    profile_fields: ClassVar[tuple[str, ...]] = ("name", "rate-limit", "address-list", "use-ipv6", *_IPV6_POOLS)
    server_menu: ClassVar[str] = "/interface/pppoe-server/server"
    session_menus: ClassVar[Mapping[str, str]] = {"/ppp/active": "name"}
    session_fields: ClassVar[tuple[str, ...]] = ("address", "service")
    ended_on_restore: ClassVar[tuple[str, ...]] = ("/ppp/active",)
    step: ClassVar[Sentence] = Sentence("step 3a", "langkah 3a")

    def take(self, view: View, rows: Sequence[Row], sessions: Sequence[Row]) -> None:
        """Leave out secrets and sessions of tunnels. Another service's session belongs to a secret of any service, unless that service
        has a secret of its own.
        """
        for row in rows:
            tunnel = row.get("service", "any") not in CUSTOMERS
            (view.tunnels if tunnel else view.rows)[row.get("name", "")].append(row)
        for row in sessions:
            name, service = row.get("name", ""), row.get("service", "pppoe")
            own = {tunnel.get("service") for tunnel in view.tunnels.get(name, ())}
            any_service = any(secret.get("service", "any") == "any" for secret in view.rows.get(name, ()))
            if service == "pppoe" or (any_service and service not in own):
                view.sessions[name].append(row)

    def missing(self, view: View, ref: Ref) -> Outcome:
        if not (tunnels := view.tunnels.get(ref.key)):
            return super().missing(view, ref)
        service = tunnels[0].get("service", "")
        return refused(
            ref,
            Fault.ABSENT,
            Sentence(
                f"The secret of that name is for the service {service}, a tunnel, and not for PPPoE: correct the customer's PPPoE name.",
                f"Secret dengan nama itu untuk layanan {service}, yaitu tunnel, bukan PPPoE: perbaiki nama PPPoE pelanggannya.",
            ),
        )

    def ipv6_problem(self, view: View, row: Row | None) -> Sentence | None:
        """IPv6 of a session isn't in the profile's address list, so the walled garden must not offer any."""
        if not self.by_profile or view.firewall is None or not view.firewall.forwards_ipv6:
            return None
        name = self.config.profile
        filled_in = (name, *sorted(view.inherited))
        giver = next((profile for profile in filled_in if any(view.profiles.get(profile, {}).get(pool) for pool in _IPV6_POOLS)), None)
        own = row is not None and row.get("remote-ipv6-prefix", "") not in {"", "::/0"}
        uses = [use for profile in filled_in if (use := view.profiles.get(profile, {}).get("use-ipv6", "default")) != "default"]
        if uses[:1] == ["no"] or not (giver or own):
            return None
        paste = f"`/ppp profile set [find name={quoted(name)}] use-ipv6=no`"
        who = Sentence(f"the profile '{giver}'", f"profil '{giver}'") if giver else Sentence("the secret", "secret-nya")
        return Sentence(
            f"IPv6 is on ({who.english} gives a prefix) and gets past the walled garden. Paste on the router: {paste}",
            f"IPv6 aktif ({who.indonesian} memberi prefix) dan lolos dari halaman isolir. Tempel di router: {paste}",
        )

    def online(self, view: View, ref: Ref, row: Row) -> Online | None:
        online = super().online(view, ref, row)
        if online is not None or view.firewall is None or not view.firewall.forwards_ipv6 or not view.sessions.get(ref.key):
            return online
        if f"<pppoe-{ref.key}>" not in view.firewall.ipv6_interfaces:
            return None
        return Online(Sentence("its session has IPv6 from before", "sesinya masih punya IPv6 dari sebelumnya"), endable=True)

    async def read_customers(self) -> Sequence[Subscriber]:
        """Read every secret in one round trip. Passwords are never requested. Raises DeviceError."""
        secrets, profiles = await self.session.tables(SECRETS, PROFILES)
        self.context.logger.info("mikrotik_read menu=%s rows=%d", SECRETS[0], len(secrets))
        garden = self.config.profile if self.by_profile else None
        return subscribers(secrets, profiles, service_kind="PPPOE", garden=garden, left_out=of_service)

    async def read_usage(self) -> Sequence[Usage]:
        """Read the PPPoE sessions, with the counters of their interfaces."""
        sessions, interfaces = await self.session.tables(
            ("/ppp/active/print", "=.proplist=name,service,caller-id,address,uptime"),
            ("/interface/print", "=.proplist=name,rx-byte,tx-byte", "?type=pppoe-in"),
        )
        return pppoe_usage(sessions, interfaces, at=datetime.now(UTC))
