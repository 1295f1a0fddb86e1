"""kill -9 of the server at random moments of a large run: no half invoice, the run goes on by itself, no gap."""

import asyncio
import os
import random
from typing import Any

import pytest

from sebilling.billing import periods
from sebilling.clock import Month
from sebilling.db.engine import Database
from tests.harness import Isp
from tests.processes import HttpApi, ServerProcess, clients

CUSTOMERS = int(os.environ.get("SEBILLING_TEST_CRASH_CUSTOMERS", "12000"))
KILLS = int(os.environ.get("SEBILLING_TEST_CRASH_KILLS", "3"))
"""`make campaign` takes 100,000 customers and 20 kills. Up to 10,000 customers a request issues itself: there would be no middle."""
GENERATE = """mutation($i: GenerateInvoicesInput!) { generateInvoices(input: $i) {
  run { id status issued } errors { code message } } }"""
RUN = "query($id: ID!) { generationRun(id: $id) { status issued alreadyInvoiced progress { done total } totalAmount } }"
CHUNK = {"SEBILLING_GENERATE_CHUNK": "1000"}


@pytest.mark.crash
async def test_a_killed_server_leaves_whole_invoices_and_the_next_one_finishes(committed: Database) -> None:
    chance = random.Random(os.environ.get("SEBILLING_TEST_CRASH_SEED", "2026"))
    isp = await Isp.make(committed, "LKT01", "LKT02")
    await isp.many_customers(CUSTOMERS * 3 // 4, counter="LKT01")
    await isp.many_customers(CUSTOMERS - CUSTOMERS * 3 // 4, counter="LKT02")
    month, partly = Month(2026, 1), 0
    server = ServerProcess(committed.url, **CHUNK)
    try:
        for kill in range(KILLS + 1):
            month = month.plus(1)
            async with isp.write() as session:
                await periods.open_period(session, month, confirm=True)  # far from the harness's today
            async with clients([server], 1) as (api,):
                run = (await api.ask(GENERATE, i={"month": str(month), "idempotencyKey": f"run-of-{month}"}))["run"]
                if kill:  # the first run is left alone
                    reached = chance.randrange(CUSTOMERS * 3 // 4)
                    while await _count(isp, month) < reached:  # noqa: ASYNC110 - another process is waited for
                        await asyncio.sleep(0.005)
                    await asyncio.sleep(chance.uniform(0, 0.1))
                    server.kill()
                    partly += await _whole(isp, month)
                    server.stop()
                    server = ServerProcess(committed.url, **CHUNK)
            async with clients([server], 1) as (api,):
                if kill:
                    again = (await api.ask(GENERATE, i={"month": str(month), "idempotencyKey": f"run-of-{month}"}))["run"]
                    assert again["id"] == run["id"]
                told = await _finished(api, run["id"])
                fresh = {"month": str(month), "idempotencyKey": f"once-more-{month}"}
                once_more = (await api.ask(GENERATE, i=fresh))["run"]
                other = await _finished(api, once_more["id"])
            assert told["progress"] == {"done": CUSTOMERS, "total": CUSTOMERS}
            assert (told["issued"], told["alreadyInvoiced"], told["totalAmount"]) == (CUSTOMERS, 0, CUSTOMERS * 150_000)
            assert (other["issued"], other["alreadyInvoiced"]) == (0, CUSTOMERS)
            assert await _count(isp, month) == CUSTOMERS
            await _whole(isp, month)
        await isp.check()
    finally:
        server.stop()
    assert partly > 0, "no kill hit the middle of a run: the test proved nothing"


async def _finished(api: HttpApi, run_id: str) -> Any:
    while (run := await api.ask(RUN, id=run_id))["status"] == "RUNNING":  # noqa: ASYNC110 - another process is waited for
        await asyncio.sleep(0.05)
    return run


async def _count(isp: Isp, month: Month) -> int:
    return int(await isp.value("SELECT count(*) FROM invoice JOIN period ON period.id = period_id WHERE month = :m", m=month.first))


async def _whole(isp: Isp, month: Month) -> bool:
    """Nothing is half there and no number is missing; gives whether the run was under way."""
    await isp.check()
    for rows, most, lines in await isp.rows(
        "SELECT count(*), max(sequence), sum((SELECT count(*) FROM invoice_line WHERE invoice_id = invoice.id)) FROM invoice"
        " JOIN period ON period.id = period_id WHERE month = :m GROUP BY counter_id",
        m=month.first,
    ):
        assert rows == most == lines
    return 0 < await _count(isp, month) < CUSTOMERS
