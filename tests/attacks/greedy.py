"""An impatient client in a process of its own: it fetches the same addresses again and again, many at once.

    python -m tests.attacks.greedy SECONDS AT_ONCE ADDRESS…

Prints how often it got which status, as JSON; a report that breaks off ends it with an error. It yields the processor to
everything else, as if it ran on another machine.
"""

import asyncio
import json
import os
import sys
import time
from collections import Counter

import httpx


async def fetched(http: httpx.AsyncClient, address: str, answers: Counter[str], until: float) -> None:
    """Get a report, whatever is answered, until the time is over."""
    while time.monotonic() < until:
        answer = await http.get(address)
        answers[str(answer.status_code)] += 1
        if answer.status_code == 200:
            answers["rows"] += answer.content.count(b"\r\n")
        else:
            answers["unexplained"] += "retry-after" not in answer.headers or not answer.json()["error"]
            await asyncio.sleep(0.25)


async def main(seconds: float, at_once: int, *addresses: str) -> None:
    """Be greedy for so long, and wait for what is on its way then."""
    os.nice(19)
    answers: Counter[str] = Counter()
    async with httpx.AsyncClient(timeout=120, limits=httpx.Limits(max_connections=100)) as http:
        until = time.monotonic() + seconds
        await asyncio.gather(*(fetched(http, addresses[number % len(addresses)], answers, until) for number in range(at_once)))
    print(json.dumps(answers))  # noqa: T201 - its answer


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:]))
