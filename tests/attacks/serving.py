"""What the attacks on a server's time are made of: ordinary work beside them, measured at rest and during the attack."""

import asyncio
import itertools
import statistics
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final

from tests.processes import HttpApi, ServerProcess

RECORD = "mutation($i: RecordPaymentInput!) { recordPayment(input: $i) { payment { id } errors { code } } }"


def megabytes(server: ServerProcess) -> float:
    """Memory that the server process itself holds."""
    (line,) = [one for one in Path(f"/proc/{server.process.pid}/status").read_text().splitlines() if one.startswith("VmRSS")]
    return int(line.split()[1]) / 1024


class OrdinaryWork:
    """A signed-in user who asks who they are, signs in again and records payments, one after the other."""

    def __init__(self, api: HttpApi, username: str, customer_id: int) -> None:
        self.api = api
        self.username = username
        self.customer_id = customer_id
        self._amounts = itertools.count(1_000)

    async def me(self) -> None:
        """Ask `me`."""
        await self.api.ask("{ me { username } }")

    async def sign_in(self) -> None:
        """Sign in once more."""
        await self.api.sign_in(self.username)

    async def pay(self) -> None:
        """Record a payment."""
        given = {
            "customerId": f"cus_{self.customer_id}",
            "amount": next(self._amounts),
            "method": "CASH",
            "idempotencyKey": str(uuid.uuid4()),
        }
        await self.api.ask(RECORD, i=given)

    async def medians(self, rounds: int, *, pause_seconds: float = 0.02) -> Mapping[str, float]:
        """Median seconds of each kind of work over so many rounds; whatever fails fails the test."""
        kinds: dict[str, Callable[[], Awaitable[None]]] = {"me": self.me, "sign_in": self.sign_in, "pay": self.pay}
        seconds: dict[str, list[float]] = {name: [] for name in kinds}
        for number in range(rounds):
            for name, work in kinds.items():
                if name == "sign_in" and number % 5:  # it costs as much as a password is worth
                    continue
                began = time.perf_counter()
                await work()
                seconds[name].append(time.perf_counter() - began)
            await asyncio.sleep(pause_seconds)
        return {name: statistics.median(values) for name, values in seconds.items()}


async def until(holds: Callable[[], Awaitable[bool]], *, within_seconds: float) -> None:
    """Wait until it holds. Raises TimeoutError."""
    async with asyncio.timeout(within_seconds):
        while not await holds():  # noqa: ASYNC110 - it is looked at from outside, in the database
            await asyncio.sleep(0.05)


ROUNDS: Final = 3
"""Other tests run beside an attack: a server that holds shows it in one of so many rounds, one that doesn't in none."""


async def in_one_round(delays: Callable[[], Awaitable[str]]) -> None:
    """Attack until `delays` gives nothing that was slower than it may be. Raises AssertionError with what all rounds gave."""
    told = []
    for _ in range(ROUNDS):
        told.append(await delays())
        if not told[-1]:
            return
    raise AssertionError(told)


def slower(idle: Mapping[str, float], busy: Mapping[str, float]) -> str:
    """How many times as long each kind of work takes, for messages of assertions."""
    return ", ".join(f"{name} {busy[name] / idle[name]:.1f}x ({idle[name] * 1000:.1f} -> {busy[name] * 1000:.1f} ms)" for name in idle)
