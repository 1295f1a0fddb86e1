"""FreeRADIUS for SeBilling: two drivers over its PostgreSQL tables, and Disconnect or CoA to the NASes."""

from collections.abc import Iterable
from typing import Any, Final

from sebilling.plugins.contract import IsolationDriver
from sebilling.plugins.hookspecs import hookimpl

from sebilling_radius.group import GroupDriver
from sebilling_radius.reject import RejectDriver

SEBILLING_PLUGIN_API: Final = (2, 0)

__all__ = ["SEBILLING_PLUGIN_API", "GroupDriver", "RejectDriver", "sebilling_drivers"]


@hookimpl
def sebilling_drivers() -> Iterable[type[IsolationDriver[Any]]]:
    """Drivers for the two ways to block a customer in FreeRADIUS: a walled garden, or no login at all."""
    return [GroupDriver, RejectDriver]
