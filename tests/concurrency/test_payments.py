"""Sixty-four clients pay the same invoice at once: nothing lost, nothing paid twice."""

import asyncio
import os
import uuid

from sebilling.billing import customers
from sebilling.clock import Month
from sebilling.db.engine import Database
from tests.harness import Isp
from tests.processes import clients, servers

ROUNDS = int(os.environ.get("SEBILLING_TEST_ROUNDS", "4"))
CLIENTS = 64
PAY = """mutation($i: RecordPaymentInput!) { recordPayment(input: $i) {
  payment { id amount credit allocations { amount } } replayed errors { code message } } }"""


async def test_different_keys_pay_the_invoice_once_and_the_rest_is_credit(committed: Database) -> None:
    isp = await Isp.make(committed)
    with servers(committed.url, 2) as running:
        async with clients(running, 2) as apis:
            for number in range(ROUNDS):
                customer_id = await isp.customer()
                month = Month(2026, 1).plus(number)
                await isp.open(month)
                await isp.generate(month)
                (invoice,) = await isp.rows("SELECT id, total FROM invoice WHERE customer_id = :c", c=customer_id)
                answers = await asyncio.gather(
                    *(
                        apis[client % 2].ask(
                            PAY,
                            i={"customerId": f"cus_{customer_id}", "amount": 7_000, "idempotencyKey": str(uuid.uuid4()),
                               "invoiceIds": [f"inv_{invoice[0]}"]},
                        )
                        for client in range(CLIENTS)
                    )
                )  # fmt: skip
                told = [answer["payment"] for answer in answers]
                assert len({payment["id"] for payment in told}) == CLIENTS
                assert sum(part["amount"] for payment in told for part in payment["allocations"]) == invoice[1] == 150_000
                assert sum(payment["credit"] for payment in told) == CLIENTS * 7_000 - 150_000
                assert await isp.value("SELECT sum(amount) FROM allocation WHERE invoice_id = :i", i=invoice[0]) == 150_000
                kept = await isp.value("SELECT sum(amount - allocated) FROM payment WHERE customer_id = :c", c=customer_id)
                assert kept == CLIENTS * 7_000 - 150_000
                # from the next month on this customer is out of the picture
                async with isp.write() as session:
                    await customers.update(session, customer_id, active=False)
    await isp.check()


async def test_the_same_key_is_one_payment(committed: Database) -> None:
    isp = await Isp.make(committed)
    customer_id = await isp.customer()
    await isp.open()
    await isp.generate()
    with servers(committed.url, 2) as running:
        async with clients(running, 2) as apis:
            for number in range(ROUNDS):
                payment = {"customerId": f"cus_{customer_id}", "amount": 1_000, "idempotencyKey": f"tapped-often-{number}"}
                answers = await asyncio.gather(*(apis[client % 2].ask(PAY, i=payment) for client in range(CLIENTS)))
                assert len({answer["payment"]["id"] for answer in answers}) == 1
                assert sorted(answer["replayed"] for answer in answers) == [False] + [True] * (CLIENTS - 1)
                assert await isp.value("SELECT count(*) FROM payment") == number + 1
    await isp.check()
