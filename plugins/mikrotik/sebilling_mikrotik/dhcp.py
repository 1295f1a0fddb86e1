"""Block by DHCP: `block-access` on a static lease. The server refuses the next renewal, so it takes effect within the lease time."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from sebilling.plugins.contract import Fault

from sebilling_mikrotik.config import RouterConfig
from sebilling_mikrotik.device import is_yes
from sebilling_mikrotik.rows import RowDriver
from sebilling_mikrotik.session import Row


class DhcpDriver(RowDriver[RouterConfig]):
    """Block by `/ip/dhcp-server/lease`."""

    kind: ClassVar[str] = "mikrotik.dhcp"
    title: ClassVar[str] = "MikroTik DHCP lease"
    config_model: ClassVar[type[RouterConfig]] = RouterConfig
    service_kinds: ClassVar[Mapping[str, str]] = {"DHCP": "MAC address of the static lease"}
    menu: ClassVar[str] = "/ip/dhcp-server/lease"
    key_field: ClassVar[str] = "mac-address"
    saved: ClassVar[tuple[str, ...]] = ("block-access", "disabled")

    def blocked_fields(self) -> Mapping[str, str]:
        return {"block-access": "true"}

    def canonical(self, key: str) -> str:
        return key.upper().replace("-", ":")

    def unfit(self, row: Row) -> tuple[Fault, str] | None:
        if is_yes(row.get("dynamic")):
            return (Fault.SETUP, "The lease is dynamic and would be forgotten: make it static on the router.")
        return None

    async def setup_problems(self) -> Sequence[str]:
        if await self.session.rows("/ip/dhcp-server/print", "=.proplist=.id,disabled", "?disabled=false"):
            return ()
        return ("No DHCP server that is on: leases wouldn't be looked at.",)
