"""OLTs for SeBilling: ZTE C3xx and Huawei MA56xx/58xx, by SSH and Telnet."""

from collections.abc import Iterable
from typing import Any, Final

from sebilling.plugins.contract import IsolationDriver
from sebilling.plugins.hookspecs import hookimpl

from sebilling_olt.driver import HuaweiDriver, ZteDriver, ZteLanDriver

SEBILLING_PLUGIN_API: Final = (2, 0)

__all__ = ["SEBILLING_PLUGIN_API", "HuaweiDriver", "ZteDriver", "ZteLanDriver", "sebilling_drivers"]


@hookimpl
def sebilling_drivers() -> Iterable[type[IsolationDriver[Any]]]:
    """Drivers: one per manufacturer, and one for the LAN ports of ZTE's ONUs."""
    return [HuaweiDriver, ZteDriver, ZteLanDriver]
