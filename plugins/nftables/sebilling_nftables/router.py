"""A session with a router: what it lists, and transactions that change its sets."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from ipaddress import IPv6Network

from pydantic import JsonValue
from sebilling.plugins.contract import DeviceError, Fault

from sebilling_nftables.addresses import Network
from sebilling_nftables.config import NftablesConfig
from sebilling_nftables.faults import refusal
from sebilling_nftables.hosts import Answer, Host, LocalHost
from sebilling_nftables.neighbours import NEIGHBOURS, ROUTES, ipv6_of
from sebilling_nftables.ruleset import Ruleset
from sebilling_nftables.setup import FAMILY, SETS, TABLE
from sebilling_nftables.ssh_host import SshHost


class Router:
    """A router whose nft is used."""

    def __init__(self, config: NftablesConfig) -> None:
        self._config = config
        self._host: Host = LocalHost(config) if config.transport == "local" else SshHost(config)

    async def connect(self) -> None:
        """Connect. Raises DeviceError."""
        await self._host.connect()

    async def close(self) -> None:
        """Disconnect. Never raises."""
        await self._host.close()

    async def read(self) -> Ruleset:
        """Read the table with its elements, and every rule. Raises DeviceError."""
        ruleset = Ruleset()
        rules = await self._nft("-j", "-t", "list", "ruleset")
        ruleset.add(rules, every_table=True)
        if ruleset.has_table:
            ruleset.add(await self._nft("-j", "list", "table", FAMILY, TABLE), every_table=False)
            ruleset.add_text(await self._nft("-t", "list", "table", FAMILY, TABLE))
        return ruleset

    async def read_ipv6_of(self, networks: Sequence[Network]) -> Mapping[Network, Sequence[IPv6Network]]:
        """Read the IPv6 addresses and prefixes of the devices with these IPv4 addresses, if `ip` may be run. Raises DeviceError."""
        if not networks:
            return {}
        words = ("ip", "netns", "exec", self._config.netns) if self._config.netns else ()
        sudo = ("sudo", "-n") if words and self._config.sudo else ()
        try:
            neighbours, routes = [(await self._host.run((*sudo, *words, *command))).output for command in (NEIGHBOURS, ROUTES)]
        except DeviceError as error:
            if error.fault is Fault.SETUP:  # this machine has no `ip`
                return {}
            raise
        return ipv6_of(networks, neighbours, routes)

    async def list_members(self, networks: Sequence[tuple[Network, str]]) -> None:
        """Put networks into their sets, each with its comment: all of them or none. Raises Unanswered, DeviceError."""
        await self._transact("add", networks)

    async def unlist_members(self, networks: Sequence[Network]) -> None:
        """Take networks out of their sets: all of them or none. Raises Unanswered, DeviceError."""
        await self._transact("delete", [(network, "") for network in networks])

    async def _transact(self, verb: str, networks: Sequence[tuple[Network, str]]) -> None:
        changes: list[JsonValue] = []
        for version, name in SETS.items():
            elements: list[JsonValue] = [_element(network, comment) for network, comment in networks if network.version == version]
            if elements:
                changes.append({verb: {"element": {"family": FAMILY, "table": TABLE, "name": name, "elem": elements}}})
        await self._nft("-j", "-f", "-", text=json.dumps({"nftables": changes}))

    async def uptime_seconds(self) -> float | None:
        """Time since the router's start. None: it doesn't tell. Raises DeviceError."""
        answer = await self._host.run(("cat", "/proc/uptime"))
        with suppress(ValueError, IndexError):
            return float(answer.output.split()[0])
        return None

    async def _nft(self, *words: str, text: str = "") -> str:
        command = self._config.command("nft", *words)
        answer: Answer = await self._host.run(command, text)
        if answer.status:
            raise refusal(" ".join(command), answer.status, answer.errors or answer.output, hide=self._config.secrets)
        return answer.output


def _element(network: Network, comment: str) -> JsonValue:
    address = str(network.network_address)
    value: JsonValue = address if network.num_addresses == 1 else {"prefix": {"addr": address, "len": network.prefixlen}}
    return {"elem": {"val": value, "comment": comment}} if comment else value
