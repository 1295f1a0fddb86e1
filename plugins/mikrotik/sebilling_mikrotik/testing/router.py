"""State of a simulated router and its subscribers, who dial again when their session is ended and get the then current profile."""

import asyncio
import itertools
from collections.abc import Callable, Mapping
from typing import Final

from sebilling_mikrotik.testing.tables import Row, Shape, Table

_RULE: Final = Shape(
    {"chain": "forward", "action": "accept", "src-address-list": None, "dst-address-list": None, "protocol": None,
     "dst-port": None, "to-addresses": None, "to-ports": None, "comment": None, "disabled": "no", "dynamic": "false"}, key=".id"
)  # fmt: skip
_PROFILE: Final[dict[str, str | None]] = {"name": "", "rate-limit": None, "address-list": None, "comment": None}
SHAPES: Final[Mapping[str, Shape]] = {
    "/ppp/profile": Shape(_PROFILE | {"local-address": None, "remote-address": None}, unique=("name",)),
    "/ppp/secret": Shape(
        {"name": "", "service": "any", "caller-id": "", "password": "", "profile": "default", "local-address": None, "remote-address": None,
         "comment": None, "disabled": "no", "last-logged-out": None}, unique=("name",),
        taken="failure: secret with the same name already exists",
        references={"profile": "/ppp/profile"}, sensitive=frozenset({"password"}),
    ),
    "/ppp/active": Shape({"name": "", "service": "pppoe", "caller-id": "", "address": "", "uptime": "0s", "session-id": ""}),
    "/ip/firewall/address-list": Shape(
        {"list": "", "address": "", "comment": None, "timeout": None, "disabled": "no", "dynamic": "false"}, key="address",
        unique=("list", "address"), addresses=frozenset({"address"}),
    ),
    "/ip/firewall/filter": _RULE, "/ip/firewall/nat": _RULE, "/ip/firewall/raw": _RULE, "/ip/firewall/mangle": _RULE,
    "/queue/simple": Shape(
        {"name": "", "target": "", "max-limit": "0/0", "limit-at": "0/0", "burst-limit": "0/0", "comment": None, "disabled": "no",
         "dynamic": "false"}, unique=("name",), taken="failure: already have such name",
        rates=frozenset({"max-limit", "limit-at", "burst-limit"}),
    ),
    "/ip/dhcp-server": Shape({"name": "", "interface": "", "disabled": "no"}, unique=("name",)),
    "/ip/dhcp-server/lease": Shape(
        {"address": "", "mac-address": "", "server": "all", "rate-limit": None, "block-access": "no", "comment": None, "disabled": "no",
         "dynamic": "false"}, key="mac-address", booleans=frozenset({"disabled", "block-access"}),
    ),
    "/ip/hotspot/user/profile": Shape(_PROFILE, unique=("name",)),
    "/ip/hotspot/user": Shape(
        {"name": "", "server": "all", "password": "", "profile": "default", "comment": None, "disabled": "no", "dynamic": "false"},
        unique=("name", "server"), taken="failure: already have user with this name for this server",
        references={"profile": "/ip/hotspot/user/profile"}, sensitive=frozenset({"password"}),
    ),
    "/ip/hotspot/active": Shape({"user": "", "address": "", "mac-address": "", "uptime": "0s"}, key="user"),
    "/ip/hotspot/cookie": Shape({"user": "", "mac-address": "", "expires-in": "3d"}, key="user"),
    "/system/identity": Shape({"name": "MikroTik"}),
    "/system/resource": Shape({"version": "", "board-name": "CHR", "uptime": "1w"}),
    "/system/clock": Shape({"date": "2026-02-20", "time": "08:00:00", "time-zone-name": "Asia/Jakarta"}),
    "/user": Shape({"name": "", "group": "full", "disabled": "no"}, references={"group": "/user/group"}),
    "/user/group": Shape({"name": "", "policy": ""}),
}  # fmt: skip
SINGLE: Final = ("/system/identity", "/system/resource", "/system/clock")
"""Menus with a single row without an `.id`."""
FULL: Final = "local,telnet,ssh,ftp,reboot,read,write,policy,test,winbox,password,web,sniff,sensitive,api,romon,rest-api"
SEBILLING: Final = "read,write,api"


class Router:
    """State of a router. `dial_seconds` is how long a subscriber takes to dial again after a session ended; None: never."""

    def __init__(self, *, version: str = "7.16.2 (stable)", identity: str = "Sim", dial_seconds: float | None = 0.05) -> None:
        self.tables: dict[str, Table] = {menu: Table(shape, self.table) for menu, shape in SHAPES.items()}
        self.passwords: dict[str, str] = {}
        self.dial_seconds = dial_seconds
        self._addresses = itertools.count(1)
        self._sessions = itertools.count(0x81000001)
        self._timers: set[asyncio.TimerHandle] = set()
        for menu in SINGLE:
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
        self.add("/ip/firewall/filter", chain="forward", action="drop", src_address_list=list_name)
        self.add("/ip/dhcp-server", name="dhcp1", interface="bridge")

    def dial(self, name: str) -> Row | None:
        """Start a PPPoE session in the secret's current profile; None if it is refused or one is already running."""
        secret = self.tables["/ppp/secret"].find(name)
        if secret is None or secret["disabled"] == "true" or self.tables["/ppp/active"].find(name) is not None:
            return None
        address = secret.get("remote-address") or self._address()
        row = self.add("/ppp/active", name=name, address=address, session_id=f"0x{next(self._sessions):x}")
        self._list(self.tables["/ppp/profile"].find(secret["profile"]), address)
        return row

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
