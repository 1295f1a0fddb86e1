"""Sixteen clients in two processes do everything at once: nothing deadlocks, nothing is lost, every invariant holds."""

import asyncio
import json
import os
import sys
from pathlib import Path

from sebilling.actor import Role
from sebilling.db.engine import Database
from tests.harness import Isp, make_user

OPERATIONS = int(os.environ.get("SEBILLING_TEST_OPERATIONS", "1000"))
PROCESSES = 2
CLIENTS = 16


async def test_sixteen_clients_at_once(committed: Database) -> None:
    isp = await Isp.make(committed, "LKT01", "LKT02")
    async with isp.write() as session:
        for name in ("ani", "beni", "cici"):
            await make_user(session, name, Role.FINANCE)
    for number in range(30):
        await isp.customer(counter=("LKT01", "LKT02")[number % 2])
    running = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.money.clients", committed.url, name, str(CLIENTS // PROCESSES), str(OPERATIONS // PROCESSES),
            cwd=Path(__file__).parents[2], stdout=asyncio.subprocess.PIPE,
        )
        for name in "ab"[:PROCESSES]
    ]  # fmt: skip
    told = [json.loads((await process.communicate())[0]) for process in running]
    assert [process.returncode for process in running] == [0] * PROCESSES
    counts: dict[str, int] = {}
    for one in told:
        for name, count in one["counts"].items():
            counts[name] = counts.get(name, 0) + count
    sys.stdout.write(json.dumps(dict(sorted(counts.items())), indent=1))
    assert await isp.value("SELECT sum(amount) FROM payment") == sum(one["received"] for one in told), "what was told is what there is"
    await isp.check()
    for account, debit, credit in await isp.rows(
        "SELECT account, sum(debit)::bigint, sum(credit)::bigint FROM (SELECT debit AS account, amount AS debit, 0 AS credit FROM journal"
        " UNION ALL SELECT credit, 0, amount FROM journal) posted GROUP BY 1 ORDER BY 1"
    ):
        sys.stdout.write(f"\n{account:14} debit {debit:16,} credit {credit:16,}")
    done = {name.removesuffix(" done") for name in counts if name.endswith(" done")}
    assert len(done) >= 15, f"too little was done: {done}"
