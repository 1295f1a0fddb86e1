"""Linux routers for SeBilling: customers are blocked by membership in named sets of nftables."""

from collections.abc import Iterable
from typing import Any, Final

from sebilling.plugins.contract import IsolationDriver
from sebilling.plugins.hookspecs import hookimpl

from sebilling_nftables.driver import NftablesDriver

SEBILLING_PLUGIN_API: Final = (2, 0)

__all__ = ["SEBILLING_PLUGIN_API", "NftablesDriver", "sebilling_drivers"]


@hookimpl
def sebilling_drivers() -> Iterable[type[IsolationDriver[Any]]]:
    """The driver for addresses in nftables sets."""
    return [NftablesDriver]
