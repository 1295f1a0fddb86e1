"""Eight clerks press *Generate Sekarang* at once, on two servers: one set of invoices, and everybody is told the truth."""

import asyncio
import os
import uuid

from sebilling.clock import Month
from sebilling.db.engine import Database
from tests.harness import Isp
from tests.processes import clients, servers

ROUNDS = int(os.environ.get("SEBILLING_TEST_ROUNDS", "4"))
CALLERS = 8
CUSTOMERS = 1_000
GENERATE = """mutation($i: GenerateInvoicesInput!) { generateInvoices(input: $i) {
  run { id status issued alreadyInvoiced skipped { count } totalAmount } replayed errors { code message } } }"""


async def test_eight_at_once_from_two_processes(committed: Database) -> None:
    isp = await Isp.make(committed)
    await isp.many_customers(CUSTOMERS)
    with servers(committed.url, 2) as running:
        async with clients(running, CALLERS) as apis:
            for number in range(ROUNDS):
                month = Month(2026, 1).plus(number)
                await isp.open(month)
                answers = await asyncio.gather(
                    *(api.ask(GENERATE, i={"month": str(month), "idempotencyKey": str(uuid.uuid4())}) for api in apis)
                )
                runs = [answer["run"] for answer in answers]
                assert sum(run["issued"] for run in runs) == CUSTOMERS
                assert all(run["issued"] + run["alreadyInvoiced"] == CUSTOMERS for run in runs), "each accounts for everybody"
                assert all(run["totalAmount"] == run["issued"] * 150_000 and run["status"] == "FINISHED" for run in runs)
                assert all(run["skipped"] == [] for run in runs)
                assert len({run["id"] for run in runs}) == CALLERS
                numbers = await isp.rows(
                    "SELECT sequence FROM invoice JOIN period ON period.id = period_id WHERE month = :m ORDER BY 1", m=month.first
                )
                assert [row[0] for row in numbers] == list(range(1, CUSTOMERS + 1))
    await isp.check()


async def test_the_same_click_sent_eight_times_is_one_run(committed: Database) -> None:
    isp = await Isp.make(committed)
    await isp.many_customers(200)
    with servers(committed.url, 2) as running:
        async with clients(running, CALLERS) as apis:
            for number in range(5):
                month = str(Month(2026, 1).plus(number))
                await isp.open(Month.parse(month))
                click = {"month": month, "idempotencyKey": f"one-click-{number}"}
                answers = await asyncio.gather(*(api.ask(GENERATE, i=click) for api in apis))
                assert len({answer["run"]["id"] for answer in answers}) == 1
                assert [answer["run"]["issued"] for answer in answers] == [200] * CALLERS, "whoever asks gets the finished run"
                assert sorted(answer["replayed"] for answer in answers) == [False] + [True] * (CALLERS - 1)
    await isp.check()


async def test_payments_while_invoices_are_issued_leave_no_credit_beside_a_debt(committed: Database) -> None:
    """Money that comes in the very moment of generation is either allocated by the payment or by the run."""
    isp = await Isp.make(committed)
    customers = [await isp.customer() for _ in range(30)]
    for number in range(6):
        month = Month(2026, 1).plus(number)
        await isp.open(month)
        await asyncio.gather(isp.generate(month, chunk=7), *(isp.pay(customer, 150_000) for customer in customers), isp.generate(month))
        both = await isp.rows(
            "SELECT customer_id FROM invoice WHERE allocated < total INTERSECT SELECT customer_id FROM payment WHERE allocated < amount"
        )
        assert both == []
    await isp.check()
