"""A Linux router with nftables in network namespaces, for tests of drivers and demos: real packets tell who is online. Needs root."""

from sebilling_nftables.testing.downloads import DOWNLOADS, Download
from sebilling_nftables.testing.lab import INTERNET, PAGE, Lab, addresses_of
from sebilling_nftables.testing.namespaces import Namespace, lacking

__all__ = ["DOWNLOADS", "INTERNET", "PAGE", "Download", "Lab", "Namespace", "addresses_of", "lacking"]
