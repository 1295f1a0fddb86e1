"""What gets through a simulated router: packets walk through its tables as RouterOS would send them, and the answer is whether any passes.

It knows nothing of SeBilling. DNS isn't tried, and neither is a payment page: a walled garden may offer both.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final

from sebilling_mikrotik.testing.router import Router
from sebilling_mikrotik.testing.tables import Row

_ANYWHERE: Final = {4: "198.51.100.77", 6: "2001:db8:ffff::77"}
_TRIED: Final = (("tcp", "443"), ("tcp", "22"), ("udp", "443"), ("icmp", ""))
_SLOW_BPS: Final = 256_000
"""Up to this speed somebody counts as slowed down."""
_FAMILY: Final = {4: "/ip", 6: "/ipv6"}
_PLAIN: Final = frozenset(
    {".id", "chain", "action", "comment", "disabled", "dynamic", "invalid", "jump-target", "reject-with", "to-addresses", "to-ports"}
)


@dataclass(frozen=True, slots=True)
class Packet:
    """A packet from a customer to somewhere in the Internet. `lists`: address lists that a session to come would put the source in."""

    source: str
    protocol: str = "tcp"
    port: str = "443"
    state: str = "new"
    lists: frozenset[str] = frozenset()

    @property
    def version(self) -> int:
        """4 or 6."""
        return ip_address(self.source).version


def online(router: Router, menu: str, key: str) -> bool:
    """Whether the customer of this row or address has internet, or would have it after logging in."""
    match menu:
        case "/ppp/secret":
            return _pppoe(router, key)
        case "/ip/hotspot/user":
            return _hotspot(router, key)
        case "/queue/simple":
            return _fast(router, key)
        case "/ip/dhcp-server/lease":
            return _leased(router, key)
        case _:
            return passes(router, _host(key)) or (
                ":" not in key and any(_prefix_passes(router, address) for address in _ipv6_of(router, key))
            )


def _ipv6_of(router: Router, key: str) -> Iterator[str]:
    """Yield what the device at an IPv4 address has of IPv6: addresses from its network, and a delegated prefix."""
    if "/ipv6/neighbor" not in router.tables:
        return
    macs = {row["mac-address"] for row in router.tables["/ip/arp"].rows.values() if _within(row["address"], key)}
    for neighbor in router.tables["/ipv6/neighbor"].rows.values():
        if neighbor["mac-address"] not in macs:
            continue
        if not neighbor["address"].startswith("fe80:"):
            yield neighbor["address"]
        for binding in router.tables["/ipv6/dhcp-server/binding"].rows.values():
            if binding["client-address"] == neighbor["address"] and binding["disabled"] != "true":
                yield binding["address"]


def passes(router: Router, source: str, *, lists: frozenset[str] = frozenset()) -> bool:
    """Whether anything from this address gets through: a new connection of any kind, or one from before."""
    version = ip_address(source).version
    if version == 6 and not _routes_ipv6(router):
        return False
    if any(_verdict(router, Packet(source, protocol, port, lists=lists)) for protocol, port in _TRIED):
        return True
    for row in _connections(router, source):
        if row["fasttrack"] == "true" or _verdict(router, Packet(source, row["protocol"], "443", "established", lists)):
            return True
    return False


def connect(router: Router, source: str, protocol: str = "tcp") -> Row | None:
    """Open a connection, such as a download, if the rules let it through; FastTrack takes it if a rule says so."""
    if not _verdict(router, Packet(source, protocol)):
        return None
    version = ip_address(source).version
    fast: list[Row] = []
    _verdict(router, Packet(source, protocol, state="established"), fast)
    shown, far = (f"{source}:51000", f"{_ANYWHERE[4]}:443") if version == 4 else (f"[{source}]:51000", f"[{_ANYWHERE[6]}]:443")
    return router.add(
        f"{_FAMILY[version]}/firewall/connection", protocol=protocol, src_address=shown, dst_address=far, reply_src_address=far,
        fasttrack="true" if fast and protocol in {"tcp", "udp"} else "false",
    )  # fmt: skip


def _pppoe(router: Router, name: str) -> bool:
    secret = router.secret(name)
    own = {row["service"] for row in router.tables["/ppp/secret"].named.get(name, ())}
    sessions = [
        row
        for row in router.tables["/ppp/active"].named.get(name, ())
        if row["service"] == "pppoe" or (secret is not None and secret["service"] == "any" and row["service"] not in own)
    ]
    if any(passes(router, row["address"]) or _prefix_passes(router, router.prefixes.get(row[".id"])) for row in sessions):
        return True
    if secret is None or secret["disabled"] == "true" or any(row["service"] == "pppoe" for row in sessions):
        return False
    lists = _lists(router.tables["/ppp/profile"].find(secret["profile"]))
    return passes(router, secret.get("remote-address") or "10.255.255.254", lists=lists) or _prefix_passes(router, router.prefix(secret))


def _hotspot(router: Router, name: str) -> bool:
    if _given_on(router, {row["interface"] for row in router.tables["/ip/hotspot"].rows.values()}):
        return True
    sessions = router.tables["/ip/hotspot/active"].named.get(name, ())
    if any(passes(router, row["address"]) for row in sessions):
        return True
    user = router.tables["/ip/hotspot/user"].find(name)
    if sessions or user is None or user["disabled"] == "true":
        return False
    return passes(router, "10.255.255.254", lists=_lists(router.tables["/ip/hotspot/user/profile"].find(user["profile"])))


def _fast(router: Router, name: str) -> bool:
    """Whether they get more than a trickle. The first queue that is on and has the address decides."""
    queues = [row for row in router.tables["/queue/simple"].rows.values() if row["disabled"] != "true"]
    row = router.tables["/queue/simple"].find(name)
    if row is None or row["disabled"] == "true":
        return True
    addresses = [_host(part) for part in row["target"].split(",") if part[:1].isalnum() and ("." in part or ":" in part)]
    for address in addresses:
        fast: list[Row] = []
        _verdict(router, Packet(address, state="established"), fast)
        if fast or any(connection["fasttrack"] == "true" for connection in _connections(router, address)):
            return True
        row = next((row for row in queues if any(_within(address, part) for part in row["target"].split(","))), row)
    if addresses and _routes_ipv6(router) and _gives_ipv6(router) and not any(":" in address for address in addresses):
        return True
    return any(_limit(row, side) > _SLOW_BPS for side in (0, 1))


def _limit(row: Row, side: int) -> int:
    """Bit/s in one direction: unlimited without a limit, and a burst while it lasts."""
    limit, burst, guaranteed = (int(row.get(name, "0/0").split("/")[side]) for name in ("max-limit", "burst-limit", "limit-at"))
    return max(limit, burst, guaranteed) if limit else 1 << 40


def _leased(router: Router, mac: str) -> bool:
    lease = router.tables["/ip/dhcp-server/lease"].find(mac)
    if lease is None:
        return False
    has_address = lease["status"] == "bound" or (lease.get("block-access") != "true" and lease.get("disabled") != "true")
    servers = router.tables["/ip/dhcp-server"].rows.values()
    interfaces = {row["interface"] for row in servers if lease["server"] in {"all", row["name"]}}
    return (has_address and passes(router, lease["address"])) or _given_on(router, interfaces)


def _given_on(router: Router, interfaces: set[str]) -> bool:
    """Whether somebody on these interfaces gets IPv6, and through with it."""
    is_given = _routes_ipv6(router) and any(row["interface"] in interfaces for row in _advertised(router))
    return is_given and _prefix_passes(router, "2001:db8:d::/64")


def _verdict(router: Router, packet: Packet, fast: list[Row] | None = None) -> bool:
    """Send the packet through the chain forward; whether it is let through. Collects the FastTrack rules that it meets in `fast`."""
    return _walk(router, packet, "forward", [] if fast is None else fast) is not False


def _walk(router: Router, packet: Packet, chain: str, fast: list[Row]) -> bool | None:
    """True: accepted. False: dropped. None: the end of the chain."""
    for rule in router.tables[f"{_FAMILY[packet.version]}/firewall/filter"].rows.values():
        if rule["chain"] != chain or rule["disabled"] == "true" or rule["invalid"] == "true" or not _matches(router, rule, packet):
            continue
        match rule["action"]:
            case "accept":
                return True
            case "drop" | "reject":
                return False
            case "fasttrack-connection":
                fast.append(rule)
            case "return":
                return None
            case "jump" if (answer := _walk(router, packet, rule["jump-target"], fast)) is not None:
                return answer
    return None


def _matches(router: Router, rule: Row, packet: Packet) -> bool:
    return all(_match(router, name, value, packet) for name, value in rule.items() if name not in _PLAIN)


def _match(router: Router, name: str, value: str, packet: Packet) -> bool:
    negated, value = value.startswith("!"), value.removeprefix("!")
    far = _ANYWHERE[packet.version]
    match name:
        case "src-address":
            hit = _within(packet.source, value)
        case "dst-address":
            hit = _within(far, value)
        case "src-address-list":
            hit = value in packet.lists or _is_listed(router, packet.source, value)
        case "dst-address-list":
            hit = _is_listed(router, far, value)
        case "protocol":
            hit = value.removesuffix("v6") == packet.protocol
        case "dst-port":
            hit = packet.port in value.split(",")
        case "connection-state":
            hit = packet.state in value.split(",")
        case "in-interface" | "out-interface":
            hit = value == ("customers" if name == "in-interface" else "wan")
        case "ipsec-policy":
            hit = not value.endswith(",ipsec")
        case _:
            raise ValueError(f"the traffic model doesn't know the matcher {name}")
    return hit is not negated


def _is_listed(router: Router, address: str, name: str) -> bool:
    menu = f"{_FAMILY[ip_address(address).version]}/firewall/address-list"
    near = router.tables[menu].named.get(address, ())
    if any(row["list"] == name and row["disabled"] != "true" for row in near):
        return True
    rows = (row for row in router.tables[menu].rows.values() if "/" in row["address"])
    return any(row["list"] == name and row["disabled"] != "true" and _within(address, row["address"]) for row in rows)


def _connections(router: Router, address: str) -> Iterator[Row]:
    menu = f"{_FAMILY[ip_address(address).version]}/firewall/connection"
    ends = (f"{address}:", f"[{address}]:")
    return (
        row for row in router.tables[menu].rows.values() if row["src-address"].startswith(ends) or row["reply-src-address"].startswith(ends)
    )


def _prefix_passes(router: Router, prefix: str | None) -> bool:
    return prefix is not None and passes(router, _host(prefix))


def _routes_ipv6(router: Router) -> bool:
    if "/ipv6/settings" not in router.tables:
        return False
    settings = next(iter(router.tables["/ipv6/settings"].rows.values()))
    return settings["disable-ipv6"] != "true" and settings["forward"] == "true"


def _advertised(router: Router) -> Iterator[Row]:
    rows = [*router.tables["/ipv6/address"].rows.values(), *router.tables["/ipv6/dhcp-server"].rows.values()]
    return (row for row in rows if row["disabled"] != "true" and row.get("advertise", "true") == "true")


def _gives_ipv6(router: Router) -> bool:
    return any(not row["interface"].startswith("<") for row in _advertised(router))


def _lists(profile: Row | None) -> frozenset[str]:
    return frozenset({profile["address-list"]}) if profile is not None and profile.get("address-list") else frozenset()


def _host(text: str) -> str:
    """An address of a network: the second one of a larger network, as the first is the network's own."""
    network = ip_network(text, strict=False)
    return str(network[0] if network.num_addresses == 1 else network[1])


def _within(address: str, text: str) -> bool:
    if text.endswith("/32") and "." in address:
        return text[:-3] == address
    network = _network(text)
    return network is not None and ip_address(address) in network


@lru_cache(maxsize=10_000)
def _network(text: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None
