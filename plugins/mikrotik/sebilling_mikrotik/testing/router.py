"""State of a simulated router and its subscribers, who dial again when their session is ended and get the then current profile."""

import asyncio
import itertools
from collections.abc import Callable
from typing import Final

from sebilling_mikrotik.testing.menus import SHAPES, SINGLE
from sebilling_mikrotik.testing.tables import Row, Table

FULL: Final = "local,telnet,ssh,ftp,reboot,read,write,policy,test,winbox,password,web,sniff,sensitive,api,romon,rest-api"
SEBILLING: Final = "read,write,api"


class Router:
    """State of a router. `dial_seconds` is how long a subscriber takes to dial again after a session ended; None: never.

    `ipv6=False`: without the IPv6 package, as RouterOS 6 may be.
    """

    def __init__(
        self, *, version: str = "7.16.2 (stable)", identity: str = "Sim", dial_seconds: float | None = 0.05, ipv6: bool = True
    ) -> None:
        menus = {menu: shape for menu, shape in SHAPES.items() if ipv6 or not menu.startswith("/ipv6/")}
        self.tables: dict[str, Table] = {menu: Table(shape, self.table) for menu, shape in menus.items()}
        self.passwords: dict[str, str] = {}
        self.dial_seconds = dial_seconds
        self._addresses = itertools.count(1)
        self._sessions = itertools.count(0x81000001)
        self.prefixes: dict[str, str] = {}
        """PPP session's `.id` → its IPv6 prefix."""
        self._timers: set[asyncio.TimerHandle] = set()
        for menu in self.tables.keys() & set(SINGLE):
            self.add(
                menu, **({"version": version} if menu == "/system/resource" else {"name": identity} if menu == "/system/identity" else {})
            )
        for menu in ("/ppp/profile", "/ip/hotspot/user/profile"):
            self.add(menu, name="default")
        self.add("/user/group", name="full", policy=FULL)
        self.add("/user/group", name="sebilling", policy=SEBILLING)

    @property
    def version(self) -> tuple[int, int]:
        """Major and minor version of its RouterOS."""
        text = next(iter(self.tables["/system/resource"].rows.values()))["version"]
        major, minor = text.split(" ")[0].split(".")[:2]
        return int(major), int(minor)

    def table(self, menu: str) -> Table:
        """Return a menu's table."""
        return self.tables[menu]

    def add(self, menu: str, **fields: str) -> Row:
        """Add a row without checks, duplicates included. Field names have `_` for `-`."""
        return self.tables[menu].add({name.replace("_", "-"): value for name, value in fields.items()}, by_hand=False)

    def user(self, name: str, password: str, *, group: str = "sebilling") -> None:
        """Add a user who may log in."""
        self.add("/user", name=name, group=group)
        self.passwords[name] = password

    def setup(self, *, name: str = "isolir", list_name: str = "ISOLIR") -> None:
        """Do the one-time setup of the README: isolir profiles that name the list, and the rule that uses it."""
        for menu in ("/ppp/profile", "/ip/hotspot/user/profile"):
            self.add(menu, name=name, address_list=list_name, rate_limit="512k/512k")
        wall = self.add("/ip/firewall/filter", chain="forward", action="drop", src_address_list=list_name)
        self.tables["/ip/firewall/filter"].move([wall], 0)
        self.add("/interface/bridge", name="bridge", arp="reply-only")
        self.add("/interface/pppoe-server/server", service_name="pppoe", interface="bridge")
        self.add("/ip/hotspot", name="hotspot1", interface="bridge")
        self.add("/ip/dhcp-server", name="dhcp1", interface="bridge", add_arp="yes")

    def secret(self, name: str) -> Row | None:
        """Return the secret with which a PPPoE client of that name logs in."""
        named = self.tables["/ppp/secret"].named.get(name, ())
        return next((row for row in named if row["service"] in {"pppoe", "any"}), None)

    def dial(self, name: str) -> Row | None:
        """Start a PPPoE session in the secret's current profile; None if it is refused or one is already running."""
        secret, active = self.secret(name), self.tables["/ppp/active"].named.get(name, ())
        if secret is None or secret["disabled"] == "true" or any(row["service"] == "pppoe" for row in active):
            return None
        address = secret.get("remote-address") or self._address()
        row = self.add("/ppp/active", name=name, address=address, session_id=f"0x{next(self._sessions):x}")
        self.add("/interface", name=f"<pppoe-{name}>", type="pppoe-in")
        self._list(self.tables["/ppp/profile"].find(secret["profile"]), address)
        if (prefix := self.prefix(secret)) is not None:
            self.prefixes[row[".id"]] = prefix
            self.add("/ipv6/nd/prefix", prefix=prefix, interface=f"<pppoe-{name}>", dynamic="true")
        return row

    def prefix(self, secret: Row) -> str | None:
        """Return the IPv6 prefix that a session with this secret gets, or None. A server's profile fills in what the secret's lacks."""
        profiles, servers = self.tables["/ppp/profile"], self.tables["/interface/pppoe-server/server"].rows.values()
        server = next((row["default-profile"] for row in servers if row["disabled"] != "true"), "default")
        chain = [profile for name in (secret["profile"], server) if (profile := profiles.find(name)) is not None]
        use = next((profile["use-ipv6"] for profile in chain if profile["use-ipv6"] != "default"), "yes")
        settings = next(iter(self.tables["/ipv6/settings"].rows.values())) if "/ipv6/settings" in self.tables else None
        if settings is None or settings["disable-ipv6"] == "true" or use == "no":
            return None
        pooled = any(profile.get(pool) for profile in chain for pool in ("remote-ipv6-prefix-pool", "dhcpv6-pd-pool"))
        return secret.get("remote-ipv6-prefix") or (f"2001:db8:{next(self._addresses):x}::/56" if pooled else None)

    def hotspot_login(self, name: str, *, cookie: bool = True) -> Row | None:
        """Log a hotspot user in; the router sets a cookie that allows later logins without the password."""
        user = self.tables["/ip/hotspot/user"].find(name)
        if user is None or user["disabled"] == "true" or self.tables["/ip/hotspot/active"].find(name) is not None:
            return None
        row = self.add("/ip/hotspot/active", user=name, address=self._address())
        if cookie and self.tables["/ip/hotspot/cookie"].find(name) is None:
            self.add("/ip/hotspot/cookie", user=name)
        self._list(self.tables["/ip/hotspot/user/profile"].find(user["profile"]), row["address"])
        return row

    def removed(self, menu: str, row: Row) -> None:
        """React to a removed row: remove a session's address from its list, and let its subscriber dial again."""
        if menu not in {"/ppp/active", "/ip/hotspot/active"}:
            return
        listed = self.tables["/ip/firewall/address-list"]
        for entry in [address for address in listed.named.get(row["address"], ()) if address["dynamic"] == "true"]:
            listed.remove(entry)
        if menu == "/ppp/active":
            self.prefixes.pop(row[".id"], None)
            for menu_of_session in self.tables.keys() & {"/interface", "/ipv6/nd/prefix"}:
                for dynamic in list(self.tables[menu_of_session].named.get(f"<pppoe-{row['name']}>", ())):
                    self.tables[menu_of_session].remove(dynamic)
            if row["service"] == "pppoe":
                self.later(lambda: self.dial(row["name"]))
        elif self.tables["/ip/hotspot/cookie"].find(row["user"]) is not None:
            self.later(lambda: self.hotspot_login(row["user"]))

    def later(self, what: Callable[[], object]) -> None:
        """Call back after `dial_seconds`, unless subscribers never dial again."""
        if self.dial_seconds is None:
            return

        def now() -> None:
            self._timers.discard(timer)
            what()

        timer = asyncio.get_running_loop().call_later(self.dial_seconds, now)
        self._timers.add(timer)

    def reboot(self) -> None:
        """End all sessions; subscribers dial again."""
        for menu in ("/ppp/active", "/ip/hotspot/active"):
            for row in list(self.tables[menu].rows.values()):
                self.tables[menu].remove(row)
                self.removed(menu, row)

    def close(self) -> None:
        """Stop all dialling."""
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()

    def _address(self) -> str:
        number = next(self._addresses)
        return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"

    def _list(self, profile: Row | None, address: str) -> None:
        if profile is not None and (name := profile.get("address-list")):
            self.add("/ip/firewall/address-list", list=name, address=address, dynamic="true")
