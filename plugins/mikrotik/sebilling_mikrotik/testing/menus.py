"""Menus of a simulated router: their fields, defaults and checks."""

from collections.abc import Mapping
from typing import Final

from sebilling_mikrotik.testing.tables import Refusal, Row, Shape

_PROFILE: Final[dict[str, str | None]] = {"name": "", "rate-limit": None, "address-list": None, "comment": None}
_MATCHERS: Final = (
    "src-address", "dst-address", "src-address-list", "dst-address-list", "protocol", "dst-port", "connection-state", "in-interface",
    "out-interface", "ipsec-policy", "jump-target", "reject-with", "to-addresses", "to-ports", "comment",
)  # fmt: skip
_RULE: Final = Shape(
    {"chain": "forward", "action": "accept", **dict.fromkeys(_MATCHERS), "disabled": "no", "dynamic": "false", "invalid": "false"},
    key=".id", read_only=frozenset({"dynamic", "invalid"}),
)  # fmt: skip
_LIST: Final = Shape(
    {"list": "", "address": "", "comment": None, "timeout": None, "disabled": "no", "dynamic": "false"}, key="address",
    unique=("list", "address"), addresses=frozenset({"address"}),
)  # fmt: skip
_CONNECTION: Final = Shape(
    {"protocol": "tcp", "src-address": "", "dst-address": "", "reply-src-address": "", "fasttrack": "false"}, key=".id"
)  # fmt: skip
_LINK: Final = Shape({"name": "", "arp": "enabled"}, unique=("name",))
_PAIRS: Final = ("max-limit", "limit-at", "burst-limit", "burst-threshold")


def _limits(row: Row) -> None:
    limits, at = ([int(rate) for rate in row.get(name, "0/0").split("/")] for name in ("max-limit", "limit-at"))
    if any(limit and rate > limit for limit, rate in zip(limits, at, strict=True)):
        raise Refusal("failure: limit-at can not be greater than max-limit", category="4")


SHAPES: Final[Mapping[str, Shape]] = {
    "/ppp/profile": Shape(
        _PROFILE | {"local-address": None, "remote-address": None, "use-ipv6": "default", "remote-ipv6-prefix-pool": None,
                    "dhcpv6-pd-pool": None}, unique=("name",),
    ),
    "/ppp/secret": Shape(
        {"name": "", "service": "any", "caller-id": "", "password": "", "profile": "default", "local-address": None, "remote-address": None,
         "remote-ipv6-prefix": None, "comment": None, "disabled": "no", "last-logged-out": None}, unique=("name", "service"),
        taken="failure: secret with the same name already exists",
        references={"profile": "/ppp/profile"}, sensitive=frozenset({"password"}),
    ),
    "/ppp/active": Shape({"name": "", "service": "pppoe", "caller-id": "", "address": "", "uptime": "0s", "session-id": ""}),
    "/interface/pppoe-server/server": Shape({"service-name": "", "interface": "", "default-profile": "default", "disabled": "no"},
                                            key="service-name"),
    "/interface": Shape({"name": "", "type": "ether", "rx-byte": "0", "tx-byte": "0"}),
    "/interface/bridge": _LINK, "/interface/vlan": _LINK, "/interface/ethernet": _LINK,
    "/ip/firewall/address-list": _LIST, "/ip/firewall/connection": _CONNECTION,
    "/ip/firewall/filter": _RULE, "/ip/firewall/nat": _RULE, "/ip/firewall/raw": _RULE, "/ip/firewall/mangle": _RULE,
    "/queue/simple": Shape(
        {"name": "", "target": "", **dict.fromkeys(_PAIRS, "0/0"), "burst-time": "0s/0s", "comment": None, "disabled": "no",
         "dynamic": "false", "rate": "0/0", "bytes": "0/0"}, unique=("name",), taken="failure: already have such name",
        rates=frozenset(_PAIRS), read_only=frozenset({"dynamic", "rate", "bytes"}), check=_limits,
    ),
    "/ip/arp": Shape({"address": "", "mac-address": "", "interface": ""}, key="address"),
    "/ipv6/neighbor": Shape({"address": "", "mac-address": "", "interface": "", "status": "reachable"}, key="address"),
    "/ipv6/dhcp-server/binding": Shape({"address": "", "client-address": "", "status": "bound", "disabled": "no"}, key="address"),
    "/ip/dhcp-server": Shape({"name": "", "interface": "", "lease-time": "10m", "add-arp": "no", "disabled": "no"}, unique=("name",),
                             booleans=frozenset({"disabled", "add-arp"})),
    "/ip/dhcp-server/lease": Shape(
        {"address": "", "mac-address": "", "server": "all", "rate-limit": None, "block-access": "no", "comment": None, "disabled": "no",
         "dynamic": "false", "status": "waiting", "expires-after": None, "active-address": None}, key="mac-address",
        booleans=frozenset({"disabled", "block-access"}), read_only=frozenset({"dynamic", "status", "expires-after", "active-address"}),
    ),
    "/ip/hotspot": Shape({"name": "", "interface": "", "disabled": "no"}, unique=("name",)),
    "/ip/hotspot/user/profile": Shape(_PROFILE, unique=("name",)),
    "/ip/hotspot/user": Shape(
        {"name": "", "server": "all", "password": "", "profile": "default", "limit-uptime": None,
         "limit-bytes-total": None, "comment": None, "disabled": "no", "dynamic": "false"},
        unique=("name", "server"), taken="failure: already have user with this name for this server",
        references={"profile": "/ip/hotspot/user/profile"}, sensitive=frozenset({"password"}),
    ),
    "/ip/hotspot/active": Shape(
        {"user": "", "address": "", "mac-address": "", "uptime": "0s", "bytes-in": "0", "bytes-out": "0"}, key="user"
    ),
    "/ip/hotspot/cookie": Shape({"user": "", "mac-address": "", "expires-in": "3d"}, key="user"),
    "/ipv6/settings": Shape({"disable-ipv6": "no", "forward": "yes"}, booleans=frozenset({"disable-ipv6", "forward"})),
    "/ipv6/address": Shape({"address": "", "interface": "", "advertise": "yes", "link-local": "false", "disabled": "no"}, key="address",
                           booleans=frozenset({"advertise", "disabled"})),
    "/ipv6/dhcp-server": Shape({"name": "", "interface": "", "disabled": "no"}, unique=("name",)),
    "/ipv6/nd/prefix": Shape({"prefix": "", "interface": "", "disabled": "no", "dynamic": "false"}, key="interface"),
    "/ipv6/firewall/filter": _RULE, "/ipv6/firewall/address-list": _LIST, "/ipv6/firewall/connection": _CONNECTION,
    "/system/identity": Shape({"name": "MikroTik"}),
    "/system/resource": Shape({"version": "", "board-name": "CHR", "uptime": "1w"}),
    "/system/clock": Shape({"date": "2026-02-20", "time": "08:00:00", "time-zone-name": "Asia/Jakarta"}),
    "/user": Shape({"name": "", "group": "full", "disabled": "no"}, references={"group": "/user/group"}),
    "/user/group": Shape({"name": "", "policy": ""}),
}  # fmt: skip
SINGLE: Final = ("/system/identity", "/system/resource", "/system/clock", "/ipv6/settings")
"""Menus with a single row without an `.id`."""
