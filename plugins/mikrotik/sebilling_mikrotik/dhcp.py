"""Block by DHCP: `block-access` on a static lease. The server refuses the next renewal, so it takes effect within the lease time."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from sebilling.plugins.contract import Fault, Sentence

from sebilling_mikrotik.config import RouterConfig
from sebilling_mikrotik.device import is_yes
from sebilling_mikrotik.rows import RowDriver
from sebilling_mikrotik.session import Row


class DhcpDriver(RowDriver[RouterConfig]):
    """Block by `/ip/dhcp-server/lease`."""

    kind: ClassVar[str] = "mikrotik.dhcp"
    title: ClassVar[Sentence] = Sentence("MikroTik DHCP lease", "Lease DHCP MikroTik")
    config_model: ClassVar[type[RouterConfig]] = RouterConfig
    service_kinds: ClassVar[Mapping[str, Sentence]] = {"DHCP": Sentence("MAC address of the static lease", "alamat MAC dari lease statis")}
    menu: ClassVar[str] = "/ip/dhcp-server/lease"
    key_field: ClassVar[str] = "mac-address"
    saved: ClassVar[tuple[str, ...]] = ("block-access", "disabled")

    def blocked_fields(self) -> Mapping[str, str]:
        return {"block-access": "true"}

    def canonical(self, key: str) -> str:
        return key.upper().replace("-", ":")

    def unfit(self, row: Row) -> tuple[Fault, Sentence] | None:
        if is_yes(row.get("dynamic")):
            return (
                Fault.SETUP,
                Sentence(
                    "The lease is dynamic and would be forgotten: make it static on the router.",
                    "Lease-nya dinamis dan akan hilang: jadikan statis di router.",
                ),
            )
        return None

    async def setup_problems(self) -> Sequence[Sentence]:
        if await self.session.rows("/ip/dhcp-server/print", "=.proplist=.id,disabled", "?disabled=false"):
            return ()
        return (
            Sentence(
                "No DHCP server that is on: leases wouldn't be looked at.", "Tidak ada server DHCP yang aktif: lease tidak akan dipakai."
            ),
        )
