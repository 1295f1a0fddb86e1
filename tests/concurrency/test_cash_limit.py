"""The limit on a collector's cash: refused by the statement that would exceed it, whoever pays beside it; cash in hand is recorded."""

import asyncio
import itertools
from datetime import timedelta
from typing import Any

import pytest

from sebilling.billing import payments, settings
from sebilling.billing.payments import PaymentMethod, Recorded
from sebilling.billing.settings import CashLimitAction
from sebilling.db.engine import Database
from sebilling.ledger_errors import CashLimitExceeded
from tests.concurrency.test_drawers import reverse, submit, verify
from tests.concurrency.test_drawers import till as till_of
from tests.concurrency.test_locks import waits
from tests.harness import NOW, Api, Isp

_numbers = itertools.count(30_000_000)
EARLIER = NOW - timedelta(hours=1)
PAY = (
    "mutation($input: RecordPaymentInput!) { recordPayment(input: $input)"
    " { payment { amount } replayed warnings { code text } errors { code field message } } }"
)
BATCH = (
    "mutation($input: RecordPaymentsInput!) { recordPayments(input: $input)"
    " { results { payment { amount } warnings { code } errors { code field } } errors { code field message } } }"
)


async def limited(database: Database, limit: int, action: CashLimitAction = CashLimitAction.REFUSE) -> Isp:
    """An ISP of two counters with this limit."""
    isp = await Isp.make(database, "LKT01", "LKT02")
    async with isp.write() as session:
        await settings.change(session, cash_limit=limit, cash_limit_action=action.value)
    return isp


async def pay(isp: Isp, customer_id: int, amount: int, **details: Any) -> Recorded:
    """As the API does it: committed by the statement itself."""
    given: dict[str, Any] = {"method": PaymentMethod.CASH, "key": f"key-{next(_numbers)}"} | details
    session = isp.database.autocommit(actor=isp.admin, at=NOW)
    return await payments.record(session, payments.Received(customer_id=customer_id, amount=amount, **given))


async def on_hand(isp: Isp) -> int:
    return int(await isp.value("SELECT coalesce(sum(on_hand), 0)::bigint FROM drawer"))


@pytest.mark.parametrize("seed", range(3))
async def test_however_many_pay_at_once_the_limit_holds(committed: Database, seed: int) -> None:
    """20 payments of 10 at two counters, by one collector: exactly 7 fit into 75."""
    isp = await limited(committed, 75)
    ids = [await isp.customer(counter=("LKT01", "LKT02")[(number + seed) % 2]) for number in range(20)]
    outcomes = await asyncio.gather(*(pay(isp, one, 10) for one in ids), return_exceptions=True)
    refused = [one for one in outcomes if not isinstance(one, Recorded)]
    assert len(refused) == 13
    assert all(isinstance(one, CashLimitExceeded) for one in refused), refused
    assert await on_hand(isp) == 70
    assert await isp.value("SELECT count(*) FROM payment") == 7, "of a refused payment nothing stays"
    assert await isp.value("SELECT count(*) FROM idempotency_key WHERE operation = 'recordPayment'") == 7
    await isp.check()


async def test_the_second_payment_waits_for_the_first_and_counts_it(committed: Database) -> None:
    isp = await limited(committed, 100)
    first, second = await isp.customer(counter="LKT01"), await isp.customer(counter="LKT02")
    async with isp.write() as session:
        await payments.record(session, payments.Received(first, 60, PaymentMethod.CASH, "key-first-0"))
        waiting = await waits(pay(isp, second, 60))
    with pytest.raises(CashLimitExceeded):
        await waiting
    assert await on_hand(isp) == 60


async def test_without_a_limit_that_refuses_nobody_waits(committed: Database) -> None:
    isp = await limited(committed, 100, CashLimitAction.WARN)
    first, second = await isp.customer(counter="LKT01"), await isp.customer(counter="LKT02")
    async with isp.write() as session:
        await payments.record(session, payments.Received(first, 60, PaymentMethod.CASH, "key-first-0"))
        assert await isp.value("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = 23") == 0
        await asyncio.wait_for(pay(isp, second, 60), 5)
    assert await on_hand(isp) == 120


async def test_the_exact_limit_fits_and_room_comes_with_a_verified_deposit(committed: Database) -> None:
    isp, siti, _ = await till_of(committed)
    async with isp.write() as session:
        await settings.change(session, cash_limit=100, cash_limit_action="REFUSE")
    customer_id = await isp.customer()
    assert (await pay(isp, customer_id, 100)).over_cash_limit is None
    with pytest.raises(CashLimitExceeded):
        await pay(isp, customer_id, 1)
    assert (await pay(isp, customer_id, 1, method=PaymentMethod.TRANSFER)).over_cash_limit is None, "only cash is in the drawer"
    deposit = await submit(isp, 40)
    with pytest.raises(CashLimitExceeded):
        await pay(isp, customer_id, 1)  # nobody has counted it
    await verify(isp, siti, deposit.deposit_id)
    recorded = await pay(isp, customer_id, 40)
    with pytest.raises(CashLimitExceeded) as refusal:
        await pay(isp, customer_id, 5)
    assert "Rp105" in refusal.value.message("en")
    assert "Rp100" in refusal.value.message("id")
    await reverse(isp, recorded.payment_id)
    await pay(isp, customer_id, 40)
    await isp.check()


async def test_cash_in_hand_is_recorded_and_warned_of(committed: Database) -> None:
    isp = await limited(committed, 100)
    customer_id = await isp.customer()
    assert (await pay(isp, customer_id, 150, collected_at=EARLIER, key="key-offline-1")).over_cash_limit == 50
    assert (await pay(isp, customer_id, 150, collected_at=EARLIER, key="key-offline-1")).replayed
    with pytest.raises(CashLimitExceeded):
        await pay(isp, customer_id, 1)
    assert await isp.rows("SELECT data -> 'over_cash_limit' FROM event WHERE kind = 'payment.recorded'") == [(50,)]


async def test_a_warning_is_in_the_answer_and_a_refusal_at_the_amount(committed: Database) -> None:
    isp = await limited(committed, 100, CashLimitAction.WARN)
    customer_id = await isp.customer()
    api = Api(committed)
    await api.sign_in()
    api.headers["Accept-Language"] = "id"
    given = {"customerId": f"cus_{customer_id}", "amount": 100, "idempotencyKey": "key-warned-1"}
    assert (await api.do(PAY, input=given))["warnings"] == []
    warned = await api.do(PAY, input=given | {"idempotencyKey": "key-warned-2"})
    assert [one["code"] for one in warned["warnings"]] == ["OVER_CASH_LIMIT"]
    assert "Rp100" in warned["warnings"][0]["text"]
    async with isp.write() as session:
        await settings.change(session, cash_limit_action="REFUSE")
    assert await api.refused(PAY, input=given | {"idempotencyKey": "key-warned-3"}) == ("CASH_LIMIT_EXCEEDED", ["input", "amount"])
    new, old = given | {"idempotencyKey": "key-batch-1"}, given | {"idempotencyKey": "key-batch-2", "collectedAt": EARLIER.isoformat()}
    results = (await api.do(BATCH, input={"payments": [new, old]}))["results"]
    assert [[error["code"] for error in result["errors"]] for result in results] == [["CASH_LIMIT_EXCEEDED"], []]
    assert results[0]["errors"][0]["field"] == ["input", "payments", "0", "amount"]
    assert [[one["code"] for one in result["warnings"]] for result in results] == [[], ["OVER_CASH_LIMIT"]]
