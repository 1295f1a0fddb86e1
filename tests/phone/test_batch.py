"""recordPayments: each payment of a batch is recorded or refused alone, in order."""

import itertools
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from sebilling.actor import Role
from sebilling.auth import users
from sebilling.billing import customers, periods
from sebilling.billing.payments import MAX_AHEAD, MAX_PAST
from sebilling.clock import Month
from sebilling.db.engine import Database
from sebilling.schema.payments import MAX_OF_A_BATCH
from tests.harness import NOW, Api, Isp, make_user
from tests.phone.test_sync import numbered

BATCH = """mutation($p: [RecordPaymentInput!]!) { recordPayments(input: {payments: $p}) {
  results { payment { id amount credit surplusReason receiptNumber collectedAt receivedOn allocations { amount } } replayed
            errors { code message field } }
  errors { code message field } } }"""
_keys = itertools.count(10_000_000)


def item(customer_id: int, amount: Any = 50_000, **given: Any) -> dict[str, Any]:
    return {"customerId": f"cus_{customer_id}", "amount": amount, "idempotencyKey": f"key-{next(_keys)}"} | given


def codes(results: list[dict[str, Any]]) -> list[str]:
    """The code of each item's error; OK or AGAIN where there is none."""
    return [("AGAIN" if one["replayed"] else "OK") if one["payment"] else next(error["code"] for error in one["errors"]) for one in results]


async def started(database: Database) -> tuple[Isp, Api]:
    isp, api = await Isp.make(database, "LKT01", "LKT02"), Api(database)
    await isp.open()
    await api.sign_in()
    return isp, api


async def test_each_item_succeeds_or_fails_alone_and_in_order(database: Database) -> None:
    isp, api = await started(database)
    ani, beni = await isp.customer("ANI"), await isp.customer("BENI")
    await isp.generate()
    ((foreign,),) = await isp.rows("SELECT id FROM invoice WHERE customer_id = :c", c=beni)
    twice = item(ani)
    sent = [
        item(ani, 100_000), item(ani, 0), item(999_999), item(ani) | {"customerId": "inv_1"}, item(ani, invoiceIds=[f"inv_{foreign}"]),
        item(ani, idempotencyKey="short"), twice, twice, twice | {"amount": 1}, item(beni, 150_000),
    ]  # fmt: skip
    results = (await api.do(BATCH, p=sent))["results"]
    assert codes(results) == [
        "OK", "INVALID_AMOUNT", "NOT_FOUND", "INVALID_ID", "INVOICE_NOT_PAYABLE", "INVALID_TEXT", "OK", "AGAIN", "IDEMPOTENCY_MISMATCH",
        "OK",
    ]  # fmt: skip
    assert [one["errors"][0]["field"] for one in results if one["errors"]] == [
        ["input", "payments", place, *field]
        for place, *field in (
            ("1", "amount"), ("2", "customerId"), ("3", "customerId"), ("4", "invoiceIds"), ("5", "idempotencyKey"),
            ("8", "idempotencyKey"),
        )
    ]  # fmt: skip
    assert all(error["message"] for one in results for error in one["errors"])
    assert [one["payment"]["receiptNumber"][-3:] for one in results if one["payment"]] == ["001", "002", "002", "003"]
    assert await isp.rows("SELECT customer_id, amount FROM payment ORDER BY id") == [(ani, 100_000), (ani, 50_000), (beni, 150_000)]
    assert await isp.value("SELECT count(*) FROM idempotency_key WHERE operation = 'recordPayment'") == 3, "refused keys are free"
    await isp.check()
    again = (await api.do(BATCH, p=sent))["results"]
    assert [one["payment"] for one in again] == [one["payment"] for one in results]
    assert codes(again) == [code if code != "OK" else "AGAIN" for code in codes(results)]
    assert await isp.value("SELECT count(*) FROM payment") == 3


async def test_what_was_paid_meanwhile_is_kept_as_credit(database: Database) -> None:
    isp, api = await started(database)
    ani, beni = await isp.customer("ANI"), await isp.customer("BENI")
    await isp.generate()
    (first,), (second,) = await isp.rows("SELECT id FROM invoice ORDER BY customer_id")
    sent = [item(ani, 150_000, invoiceIds=[f"inv_{first}"]), item(beni, 150_000, invoiceIds=[f"inv_{second}"])]
    await isp.pay(ani, 150_000)  # at the counter
    void = "mutation($i: VoidInvoiceInput!) { voidInvoice(input: $i) { errors { code } } }"
    await api.do(void, i={"invoiceId": f"inv_{second}", "reason": "salah paket", "idempotencyKey": "void-of-beni"})
    results = (await api.do(BATCH, p=sent))["results"]
    assert [(one["payment"]["credit"], one["payment"]["surplusReason"]) for one in results] == [(150_000, "ALREADY_PAID")] * 2
    await isp.check()


@pytest.mark.parametrize("count", [0, MAX_OF_A_BATCH + 1])
async def test_a_batch_has_bounds(database: Database, count: int) -> None:
    isp, api = await started(database)
    ani = await isp.customer()
    payload = await api.ask(BATCH, p=[item(ani) for _ in range(count)])
    assert payload["results"] is None
    assert [(error["code"], error["field"]) for error in payload["errors"]] == [("INVALID_NUMBER", ["input", "payments"])]
    assert await isp.value("SELECT count(*) FROM payment") == 0


async def test_a_clock_that_is_wrong_is_told_and_a_clock_that_is_a_little_wrong_is_believed(database: Database) -> None:
    isp, api = await started(database)
    ani = await isp.customer()
    times = [NOW + MAX_AHEAD, NOW + MAX_AHEAD + timedelta(seconds=1), NOW - MAX_PAST, NOW - MAX_PAST - timedelta(seconds=1)]
    sent = [item(ani, collectedAt=at.isoformat()) for at in times]
    results = (await api.do(BATCH, p=sent))["results"]
    assert codes(results) == ["OK", "INVALID_DATE", "OK", "INVALID_DATE"]
    assert results[1]["errors"][0]["field"] == ["input", "payments", "1", "collectedAt"]
    believed = [datetime.fromisoformat(one["payment"]["collectedAt"]) for one in results if one["payment"]]
    assert believed == [times[0], times[2]]
    without = [{name: value for name, value in one.items() if name != "collectedAt"} for one in sent]
    assert codes((await api.do(BATCH, p=[without[1]]))["results"]) == ["OK"], "the same key, without the wrong time"
    api.now += timedelta(days=20)  # what was taken once is taken: its age is no reason to refuse the answer
    assert codes((await api.do(BATCH, p=[sent[2]]))["results"]) == ["AGAIN"]


async def test_money_of_a_closed_period_stands_in_the_recap_of_the_day_it_is_recorded(database: Database) -> None:
    isp, api = await started(database)
    ani = await isp.customer()
    await isp.open(Month(2026, 1))
    async with isp.write() as session:
        await periods.close(session, Month(2026, 1), incomplete=True)
    recap = '{ recap(month: "2026-01") { payments totalReceived } }'
    before = await api.ask(recap)
    (result,) = (await api.do(BATCH, p=[item(ani, collectedAt="2026-01-30T10:00:00+07:00")]))["results"]
    assert result["payment"]["receivedOn"] == "2026-02-03"
    assert result["payment"]["receiptNumber"].startswith("KW/2026-02/")
    assert await api.ask(recap) == before


async def test_a_collector_sends_only_what_is_theirs(database: Database) -> None:
    isp, api = await started(database)
    own, foreign = await isp.customer(counter="LKT01"), await isp.customer(counter="LKT02")
    async with isp.write() as session:
        await make_user(session, "kolektor", Role.COLLECTOR, "LKT01")
        await make_user(session, "teknisi", Role.TECHNICIAN)
    await api.sign_in("kolektor")
    results = (await api.do(BATCH, p=[item(own), item(foreign), item(own, counterId=f"cou_{isp.counters['LKT02']}"), item(own)]))["results"]
    assert codes(results) == ["OK", "NOT_FOUND", "NOT_FOUND", "OK"]
    await api.sign_in("teknisi")
    payload = await api.ask(BATCH, p=[item(own)])
    assert (payload["results"], payload["errors"][0]["code"]) == (None, "FORBIDDEN")


async def test_money_of_a_customer_who_was_moved_while_the_phone_was_offline(database: Database) -> None:
    """It is taken where it was collected, and the phone learns that the customer has moved: money is never refused."""
    isp, api = await started(database)
    moved, own = await isp.customer(counter="LKT01"), await isp.customer(counter="LKT01")
    async with isp.write() as session:
        await make_user(session, "kolektor", Role.COLLECTOR, "LKT01")
    await api.sign_in("kolektor")
    sync = "query($since: String) { syncCustomers(since: $since) { cursor customers { customerId } removed { customerId reason } } }"
    await numbered(database)
    before = await api.ask(sync)
    assert {one["customerId"] for one in before["customers"]} == {f"cus_{moved}", f"cus_{own}"}
    collected = {"collectedAt": (NOW - timedelta(hours=2)).isoformat()}
    outbox = [item(moved, **collected), item(own), item(moved, **collected)]
    async with isp.write() as session:
        await customers.update(session, moved, counter_id=isp.counters["LKT02"])
    assert codes((await api.do(BATCH, p=outbox))["results"]) == ["OK", "OK", "OK"]
    assert await isp.rows("SELECT customer_id, counter_id FROM payment ORDER BY id") == [
        (one, isp.counters["LKT01"]) for one in (moved, own, moved)
    ]
    live = item(moved)
    assert codes((await api.do(BATCH, p=[live]))["results"]) == ["NOT_FOUND"], "who stands at the counter doesn't see them any more"
    await numbered(database)
    after = await api.ask(sync, since=before["cursor"])
    assert after["removed"] == [{"customerId": f"cus_{moved}", "reason": "MOVED"}]
    assert codes((await api.do(BATCH, p=outbox))["results"]) == ["AGAIN", "AGAIN", "AGAIN"]
    await isp.check()


async def test_money_of_a_customer_who_was_never_at_the_collectors_counter_is_refused(database: Database) -> None:
    isp, api = await started(database)
    foreign = await isp.customer(counter="LKT02")
    async with isp.write() as session:
        await make_user(session, "kolektor", Role.COLLECTOR, "LKT01")
    await api.sign_in("kolektor")
    sent = [item(foreign, collectedAt=(NOW - timedelta(hours=2)).isoformat())]
    assert codes((await api.do(BATCH, p=sent))["results"]) == ["NOT_FOUND"]


async def test_a_collector_who_was_moved_sends_and_deposits_what_they_collected_before(database: Database) -> None:
    isp, api = await started(database)
    here = await isp.customer(counter="LKT01")
    async with isp.write() as session:
        collector = await make_user(session, "kolektor", Role.COLLECTOR, "LKT01")
    await api.sign_in("kolektor")
    before, after = ((NOW + timedelta(minutes=minutes)).isoformat() for minutes in (-30, -5))
    async with isp.write(NOW - timedelta(minutes=10)) as session:
        await users.update(session, collector, users.Changes(counters=["LKT02"]))
    sent = [item(here, 90_000, collectedAt=before), item(here, collectedAt=after)]
    results = (await api.do(BATCH, p=sent))["results"]
    assert codes(results) == ["OK", "NOT_FOUND"], "what was collected after the move isn't theirs to collect"
    assert results[0]["payment"]["amount"] == 90_000
    drawers = await api.ask("{ drawers { onHand counter { code } } }")
    assert drawers == [{"onHand": 90_000, "counter": {"code": "LKT01"}}]
    deposit = "mutation($i: SubmitDepositInput!) { submitDeposit(input: $i) { deposit { amount status } errors { code } } }"
    given = {"counterId": f"cou_{isp.counters['LKT01']}", "amount": 90_000, "type": "MANUAL", "idempotencyKey": "setor-lama"}
    assert await api.ask(deposit, i=given) == {"deposit": {"amount": 90_000, "status": "SUBMITTED"}, "errors": []}
    empty = {**given, "counterId": f"cou_{isp.counters['LKT01'] + 10_000}", "idempotencyKey": "setor-kosong"}
    assert (await api.ask(deposit, i=empty))["errors"] == [{"code": "NOT_FOUND"}]
    await isp.check()


async def test_a_fault_of_ours_in_one_payment_keeps_no_other_waiting(committed: Database) -> None:
    isp, api = await started(committed)
    ani = await isp.customer()
    async with isp.write() as session:
        await session.execute(
            text(
                "CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                " IF NEW.amount = 13 THEN RAISE EXCEPTION 'nobody thought of this'; END IF; RETURN NEW; END $$"
            )
        )
        await session.execute(text("CREATE TRIGGER broken BEFORE INSERT ON payment FOR EACH ROW EXECUTE FUNCTION broken()"))
    results = (await api.do(BATCH, p=[item(ani), item(ani, 13), item(ani)]))["results"]
    assert codes(results) == ["OK", "INTERNAL", "OK"]
    assert "nobody thought" not in results[1]["errors"][0]["message"]
    assert await isp.value("SELECT count(*) FROM payment") == 2
    await isp.check()
