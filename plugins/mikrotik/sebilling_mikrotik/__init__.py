"""MikroTik RouterOS for SeBilling: five drivers over one tagged API connection per device."""

from collections.abc import Iterable
from typing import Any, Final

from sebilling.plugins.contract import IsolationDriver
from sebilling.plugins.hookspecs import hookimpl

from sebilling_mikrotik.address_list import AddressListDriver
from sebilling_mikrotik.dhcp import DhcpDriver
from sebilling_mikrotik.hotspot import HotspotDriver
from sebilling_mikrotik.pppoe import PppoeDriver
from sebilling_mikrotik.reading import read_profiles, read_secrets
from sebilling_mikrotik.simple_queue import QueueDriver

SEBILLING_PLUGIN_API: Final = (2, 0)

__all__ = [
    "SEBILLING_PLUGIN_API", "AddressListDriver", "DhcpDriver", "HotspotDriver", "PppoeDriver", "QueueDriver",
    "read_profiles", "read_secrets", "sebilling_drivers",
]  # fmt: skip


@hookimpl
def sebilling_drivers() -> Iterable[type[IsolationDriver[Any]]]:
    """Drivers for the five ways to block a customer on a MikroTik."""
    return [PppoeDriver, AddressListDriver, HotspotDriver, QueueDriver, DhcpDriver]
