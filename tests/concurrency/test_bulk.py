"""Bulk operations beside payments and beside themselves: nobody is changed twice, and nobody waits in a circle."""

import asyncio
import itertools
from typing import Any

from sebilling.db.engine import Database
from tests.harness import Api, Isp

_numbers = itertools.count(1)
MOVE = (
    "mutation($input: MoveCustomersInput!) { moveCustomers(input: $input)"
    " { changed refused results { replayed errors { code } } errors { code field message } } }"
)
PAY = "mutation($input: RecordPaymentInput!) { recordPayment(input: $input) { payment { id } errors { code field message } } }"
CUSTOMERS = 20


async def test_the_same_request_twice_at_once_moves_everybody_once(committed: Database) -> None:
    """While all of them pay, and while others are moved the other way."""
    isp = await Isp.make(committed, "LKT01", "LKT02")
    there = [await isp.customer(counter="LKT01") for _ in range(CUSTOMERS)]
    back = [await isp.customer(counter="LKT02") for _ in range(CUSTOMERS)]
    await isp.open()
    await isp.generate()
    api = Api(committed)
    await api.sign_in()

    def move(ids: list[int], counter: str) -> dict[str, Any]:
        return {
            "customerIds": [f"cus_{one}" for one in ids],
            "counterId": f"cou_{isp.counters[counter]}",
            "idempotencyKey": f"move-to-{counter}",
        }

    async def pay(customer_id: int) -> Any:
        return await api.do(
            PAY, input={"customerId": f"cus_{customer_id}", "amount": 1_000, "idempotencyKey": f"key-of-{next(_numbers):04}"}
        )

    moves = [api.do(MOVE, input=move(ids, counter)) for ids, counter in ((there, "LKT02"), (there, "LKT02"), (back, "LKT01"))]
    first, second, other, *_ = await asyncio.gather(*moves, *(pay(one) for one in there + back))
    assert [(one["changed"], one["refused"]) for one in (first, second, other)] == [(CUSTOMERS, 0)] * 3
    replayed = [[result["replayed"] for result in one["results"]] for one in (first, second)]
    assert all(one != again for one, again in zip(*replayed, strict=True)), "each was moved by one of the two"
    assert await isp.value("SELECT count(*) FROM customer_move") == 2 * CUSTOMERS
    assert await isp.value("SELECT count(*) FROM event WHERE kind = 'customer.changed'") == 2 * CUSTOMERS
    assert {row[0] for row in await isp.rows("SELECT counter_id FROM customer WHERE id = ANY (:ids)", ids=there)} == {isp.counters["LKT02"]}
    assert await isp.value("SELECT count(*) FROM payment") == 2 * CUSTOMERS
    await isp.check()
