"""A run beside an import that began before it and commits in the middle of it: everybody is accounted for, no run is stuck.

`make campaign` sets SEBILLING_TEST_IMPORTS_BESIDE to 60000 customers, and does it 20 times.
"""

import asyncio
import os
import uuid

from sqlalchemy import text

from sebilling.billing import counters, customers, generation, previews
from sebilling.db.engine import Database
from tests.harness import FEBRUARY, Isp

FULL = "SEBILLING_TEST_IMPORTS_BESIDE" in os.environ
CUSTOMERS = int(os.environ.get("SEBILLING_TEST_IMPORTS_BESIDE", "6000"))
ROUNDS = 20 if FULL else 3
BEFORE = 200
"""Customers that the counter has before the import."""
_IMPORT = text(
    "INSERT INTO customer (code, name, phone, address, counter_id, plan_id, installed_on, active, created_at)"
    " SELECT :code || '-' || n, 'Pelanggan ' || n, '', '', CAST(:counter AS bigint), CAST(:plan AS bigint), DATE '2025-01-01', true, now()"
    " FROM generate_series(1, CAST(:count AS int)) n"
)
_NEWEST = text("SELECT max(id) FROM customer WHERE counter_id = :counter AND code LIKE 'LKT%'")


async def test_everybody_is_accounted_for_and_no_run_is_stuck(committed: Database) -> None:
    isp = await Isp.make(committed)
    await isp.open()
    for number in range(ROUNDS):
        code = f"LKT{number + 10}"
        async with isp.write() as session:
            isp.counters[code] = await counters.create(session, code=code, name=code)
        await isp.many_customers(BEFORE, counter=code)
        async with isp.write() as slow:  # has taken lower ids, and commits in the middle of the run
            await slow.execute(_IMPORT, {"counter": isp.counters[code], "plan": isp.plan_id, "count": CUSTOMERS, "code": code})
            late = await isp.customer(counter=code)
            assert late > await slow.value(_NEWEST, {"counter": isp.counters[code]})
            runs = [await _start(isp, code)]
            await generation.attempt(isp.write, run_id=runs[0].run_id, chunk=50)
            first_run = asyncio.create_task(generation.work(isp.write, run_id=runs[0].run_id, chunk=50))
            await asyncio.sleep(0.01)
        runs.append(await _start(isp, code))
        assert await generation.work(isp.write, run_id=runs[1].run_id, chunk=2_000)
        assert await first_run
        first, second = [await _outcome(isp, run.run_id) for run in runs]
        assert (first.issued + first.already_invoiced, first.skipped) == (BEFORE + 1, {}), "who there was when it began"
        assert (second.issued + second.already_invoiced, second.skipped) == (CUSTOMERS + BEFORE + 1, {})
        assert first.issued + second.issued == CUSTOMERS + BEFORE + 1
        async with isp.write() as session:  # nothing holds anybody at this counter
            await customers.update(session, late, counter_id=isp.counters["LKT01"])
    assert await isp.value("SELECT count(*) FROM generation_run WHERE finished_at IS NULL OR attempts > 0") == 0
    assert await isp.value("SELECT count(*) FROM customer c WHERE NOT EXISTS (SELECT FROM invoice WHERE customer_id = c.id)") == 0
    await isp.check()


async def _start(isp: Isp, code: str) -> generation.Started:
    async with isp.write() as session:
        return await generation.start(session, FEBRUARY, counters=[isp.counters[code]], key=str(uuid.uuid4()))


async def _outcome(isp: Isp, run_id: int) -> previews.Counts:
    async with isp.database.reading() as session:
        return await generation.outcome(session, run_id)
