"""`python -m sebilling_nftables setup`: print the router's one-time setup, to be loaded by `nft -f -`. Connects to nothing."""

import argparse
import sys
from collections.abc import Sequence
from ipaddress import ip_address

from sebilling_nftables.setup import setup_text


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m sebilling_nftables", description=__doc__)
    command = parser.add_subparsers(dest="command", required=True).add_parser("setup", help="print the table with its sets and its chain")
    command.add_argument(
        "--payment-page", type=ip_address, action="append", default=[], help="an address that blocked customers reach; may be repeated"
    )
    options = parser.parse_args(arguments)
    print(setup_text(options.payment_page), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
