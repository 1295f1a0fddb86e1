"""`python -m sebilling_mikrotik.testing budi siti`: a simulated router for trying things out, which prints whose profile is changed.

Its accounts are online, in a profile of their own speed. It has SeBilling's user and the one-time setup of the README, but no TLS. Ctrl-C
ends it.
"""

import argparse
import asyncio
import sys
from contextlib import suppress

from sebilling_mikrotik.testing.router import Router
from sebilling_mikrotik.testing.simulator import Simulator

USER = "sebilling"


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m sebilling_mikrotik.testing", description="Run a simulated router on this machine.")
    parser.add_argument("accounts", nargs="+", metavar="NAME", help="PPPoE name of a customer.")
    parser.add_argument("--port", type=int, default=8728, help="Port of its API; default: 8728.")
    parser.add_argument("--password", default="rahasia", help=f"Password of its user {USER}; default: rahasia.")
    parser.add_argument("--profile", default="10M", help="Profile of the accounts; default: 10M.")
    parser.add_argument("--rate-limit", default="5M/10M", help="Upload and download of the profile; default: 5M/10M.")
    return parser.parse_args()


def router_of(options: argparse.Namespace) -> Router:
    """Return a router with these accounts, whose customers have dialled."""
    router = Router()
    router.user(USER, options.password)
    router.setup()
    router.add("/ppp/profile", name=options.profile, rate_limit=options.rate_limit)
    for name in options.accounts:
        router.add("/ppp/secret", name=name, profile=options.profile, password="x", service="pppoe")  # noqa: S106 - of a simulated customer
        router.dial(name)
    return router


def say(sentence: str) -> None:
    """Print a line at once, also into a file."""
    sys.stdout.write(f"{sentence}\n")
    sys.stdout.flush()


async def run(options: argparse.Namespace) -> None:
    """Serve until cancelled, and print each change of a profile."""
    simulator = Simulator(router_of(options))
    before = profiles(simulator.router)

    def watch(*_: object) -> None:
        after = profiles(simulator.router)
        for name in [name for name in after if after[name] != before.get(name)]:
            say(f"{name}: {before.get(name)} -> {after[name]}")
            before[name] = after[name]

    simulator.watch = watch
    simulator.port = options.port
    async with simulator:
        say(f"A simulated router listens at 127.0.0.1:{simulator.port}: user {USER}, accounts {', '.join(before)}")
        await asyncio.Event().wait()


def profiles(router: Router) -> dict[str, str]:
    """Return the profile of each account."""
    return {row["name"]: row["profile"] for row in router.table("/ppp/secret").rows.values()}


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(run(arguments()))
