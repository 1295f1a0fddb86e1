"""A customer's network, a Linux router with nftables, and the internet, in three namespaces: real packets judge who is online.

The customers' addresses are all on one link: 10.64.0.0/16 and 2001:db8:64::/48.
"""

import json
import os
import select
import socket
import struct
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from ipaddress import ip_network
from typing import Final, Self

from sebilling_nftables.setup import setup_text
from sebilling_nftables.testing.downloads import ANYWHERE, FAMILIES, Download, one_version, serve
from sebilling_nftables.testing.namespaces import Namespace

NETWORKS: Final = {4: "10.64.0.0/16", 6: "2001:db8:64::/48"}
INTERNET: Final = {4: "198.51.100.2", 6: "2001:db8:ffff::2"}
PAGE: Final = "198.51.100.80"
"""Another address of the internet, which may be the payment page's."""
NEVER_BLOCKED: Final = {4: "10.64.255.1", 6: "2001:db8:64:ffff::1"}
"""Addresses whose packets are sent last: when they have arrived, so has all that gets through."""
PORT: Final = 7000
_LONG_SECONDS: Final = 10.0
_PATIENCE_SECONDS: Final = 0.5
_LATE_SECONDS: Final = 0.005
_IP_PKTINFO: Final = 8


class Lab:
    """The three namespaces, between `with`."""

    def __init__(self, name: str = "") -> None:
        name = f"sb{os.getpid()}{name}"
        self.customer, self.router, self.internet = (Namespace(f"{name}{end}") for end in "cri")
        self._round = 0
        self.patience_seconds = _PATIENCE_SECONDS
        """How long packets are waited for, if those that are never blocked don't arrive either."""
        self._servers: list[socket.socket] = []
        self._sockets: dict[int, tuple[socket.socket, socket.socket]] = {}
        """IP version → the internet's end of the datagrams, and the customers'."""

    def __enter__(self) -> Self:
        try:
            self._build()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _build(self) -> None:
        for namespace in (self.customer, self.router, self.internet):
            namespace.open()
            namespace.set("net/ipv6/conf/default/accept_dad", "0")
        self._connect()
        for version in NETWORKS:
            self._sockets[version] = (self._receiver(self.internet, version), self._receiver(self.customer, version))
            server = self.internet.socket(FAMILIES[version], socket.SOCK_STREAM)
            self._servers.append(server)
            serve(server, version)
        self.reset()
        first = {"10.64.255.2", "2001:db8:64:ffff::2"}
        until = time.monotonic() + _LONG_SECONDS
        while (self.pinged(first), self.online(first)) != (first, first):  # neighbours have to find each other first
            if time.monotonic() > until:
                raise TimeoutError("the lab's own packets don't get through")

    def __exit__(self, *_: object) -> None:
        for server in self._servers:
            server.close()
        for sockets in self._sockets.values():
            for each in sockets:
                each.close()
        for namespace in (self.customer, self.router, self.internet):
            namespace.close()

    def _connect(self) -> None:
        for near, end, far, peer in ((self.customer, "c", self.router, "rc"), (self.internet, "i", self.router, "ri")):
            near.ip("link", "add", end, "type", "veth", "peer", "name", peer, "netns", far.name)
            near.ip("link", "set", end, "up")
            far.ip("link", "set", peer, "up")
        for namespace, link, ipv4, ipv6 in (
            (self.customer, "c", "100.64.0.2/30", "fd00:c::2/64"),
            (self.router, "rc", "100.64.0.1/30", "fd00:c::1/64"),
            (self.router, "ri", "198.51.100.1/24", "2001:db8:ffff::1/64"),
            (self.internet, "i", f"{INTERNET[4]}/24", f"{INTERNET[6]}/64"),
        ):
            namespace.ip("addr", "add", ipv4, "dev", link)
            namespace.ip("addr", "add", ipv6, "dev", link, "nodad")
        self.internet.ip("addr", "add", f"{PAGE}/24", "dev", "i")
        self.router.set("net/ipv4/ip_forward", "1")
        self.router.set("net/ipv6/conf/all/forwarding", "1")
        self.customer.set("net/ipv6/ip_nonlocal_bind", "1")
        self.customer.set("net/ipv4/conf/all/arp_announce", "2")  # else any customer's address may become the router's neighbour
        for version, (gateway, home, away) in {
            4: ("100.64.0.1", "100.64.0.2", "198.51.100.1"), 6: ("fd00:c::1", "fd00:c::2", "2001:db8:ffff::1"),
        }.items():  # fmt: skip
            self.customer.ip(f"-{version}", "route", "add", "local", NETWORKS[version], "dev", "lo")
            self.customer.ip(f"-{version}", "route", "add", "default", "via", gateway)
            self.router.ip(f"-{version}", "route", "add", NETWORKS[version], "via", home)
            self.internet.ip(f"-{version}", "route", "add", "default", "via", away)

    # nftables

    def nft(self, *words: str, text: str = "") -> str:
        """Run nft on the router, as an operator would."""
        return self.router.run("nft", *words, text=text)

    def reset(self, setup: str = "") -> None:
        """Start the router anew: only the setup is there, by default the one that the plugin prints."""
        self.nft("-f", "-", text="flush ruleset\n" + (setup or setup_text()))

    def ruleset(self) -> str:
        """What `nft list ruleset` prints."""
        return self.nft("list", "ruleset")

    def listed(self) -> set[str]:
        """Elements of both sets, as nft writes them."""
        listing = json.loads(self.nft("-j", "list", "ruleset"))["nftables"]
        values = [element for entry in listing for element in entry.get("set", {}).get("elem", [])]
        values = [value["elem"]["val"] if isinstance(value, dict) and "elem" in value else value for value in values]
        return {f"{value['prefix']['addr']}/{value['prefix']['len']}" if isinstance(value, dict) else value for value in values}

    # packets

    def online(self, addresses: Collection[str]) -> set[str]:
        """Addresses from which or to which a datagram gets through the router now."""
        self._round += 1
        arrived: set[str] = set()
        for version in NETWORKS:
            if own := [address for address in addresses if (":" in address) is (version == 6)]:
                arrived |= self._sent(version, own)
        return arrived

    def pinged(self, addresses: Collection[str]) -> set[str]:
        """Addresses whose echo requests (ping) to the internet are answered."""
        answered: set[str] = set()
        for version in NETWORKS:
            if own := [address for address in addresses if (":" in address) is (version == 6)]:
                answered |= self._echoed(version, own)
        return answered

    def _receiver(self, namespace: Namespace, version: int) -> socket.socket:
        made = one_version(version, namespace.socket(FAMILIES[version], socket.SOCK_DGRAM))
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        made.bind((ANYWHERE[version], PORT))
        made.settimeout(0)
        return made

    def _sent(self, version: int, addresses: Sequence[str]) -> set[str]:
        """Send a datagram from and to each address, and to and from one that is never blocked; return those that arrived."""
        away, home = self._sockets[version]
        with in_order():
            self._send(version, addresses, home, away)
        return set().union(*(self._arrived(each, version) for each in (away, home))) - {NEVER_BLOCKED[version]}

    def _send(self, version: int, addresses: Sequence[str], home: socket.socket, away: socket.socket) -> None:
        for address in (*addresses, NEVER_BLOCKED[version]):
            text = f"{self._round} {address}".encode()
            home.sendmsg([text], [source(version, address)], 0, (INTERNET[version], PORT))
            away.sendto(text, (address, PORT))

    def _arrived(self, receiver: socket.socket, version: int) -> set[str]:
        arrived: set[str] = set()
        until = time.monotonic() + self.patience_seconds
        while (left := until - time.monotonic()) > 0 and select.select([receiver], [], [], left)[0]:
            number, address = receiver.recv(100).decode().split()
            if int(number) == self._round:
                arrived.add(address)
            if address == NEVER_BLOCKED[version]:
                until = min(until, time.monotonic() + _LATE_SECONDS)
        return arrived

    def _echoed(self, version: int, addresses: Sequence[str]) -> set[str]:
        protocol = socket.IPPROTO_ICMP if version == 4 else socket.IPPROTO_ICMPV6
        request, reply = (8, 0) if version == 4 else (128, 129)
        answered: set[int] = set()
        every = [*addresses, NEVER_BLOCKED[version]]
        with self.customer.socket(FAMILIES[version], socket.SOCK_RAW, protocol) as raw:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
            with in_order():
                for number, address in enumerate(every):
                    raw.sendmsg([echo(request, number)], [source(version, address)], 0, (INTERNET[version], 0))
            until = time.monotonic() + self.patience_seconds
            while (left := until - time.monotonic()) > 0 and select.select([raw], [], [], left)[0]:
                packet = raw.recv(2000)[20 if version == 4 else 0 :]
                if packet[0] == reply:
                    number = struct.unpack("!H", packet[6:8])[0]
                    answered.add(number)
                    if number == len(addresses):
                        until = min(until, time.monotonic() + _LATE_SECONDS)
        return {every[number] for number in answered} - {NEVER_BLOCKED[version]}

    # downloads

    def download(self, address: str, server: str = "") -> Download:
        """Begin a download by a customer, from the internet's first address by default. Raises OSError if there is no connection."""
        version = 6 if ":" in address else 4
        connection = self.customer.socket(FAMILIES[version], socket.SOCK_STREAM)
        return Download(connection, address, server or INTERNET[version])


@contextmanager
def in_order() -> Iterator[None]:
    """Keep this thread on one processor, so that packets arrive in the order in which they are sent."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {sorted(allowed)[os.getpid() % len(allowed)]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def addresses_of(key: str) -> list[str]:
    """First and last address of a customer's key."""
    network = ip_network(key)
    return list(dict.fromkeys([str(network.network_address), str(network.broadcast_address)]))


def source(version: int, address: str) -> tuple[int, int, bytes]:
    """Ancillary data by which a packet has this source."""
    packed = socket.inet_pton(FAMILIES[version], address)
    if version == 4:
        return socket.IPPROTO_IP, _IP_PKTINFO, struct.pack("=I4s4s", 0, packed, bytes(4))
    return socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, packed + struct.pack("=I", 0)


def echo(kind: int, number: int) -> bytes:
    """An ICMP echo request; the kernel adds the checksum of ICMPv6."""
    body = struct.pack("!BBHHH", kind, 0, 0, os.getpid() & 0xFFFF, number) + b"sebilling"
    words = struct.unpack(f"!{(len(body) + 1) // 2}H", body + bytes(len(body) % 2))
    total = sum(words)
    total = (total & 0xFFFF) + (total >> 16)
    total += total >> 16
    return body[:2] + struct.pack("!H", ~total & 0xFFFF) + body[4:]
