"""Bulk operations on customers: what the preview says comes true, each customer alone, and a key once."""

import itertools
import random
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import text

from sebilling.actor import Role
from sebilling.billing import bulk, counters, end_of_service, generation, plans
from sebilling.billing.isolation import blocks, policy
from sebilling.billing.isolation.policy import IsolationMode
from sebilling.db.engine import Database
from tests.harness import FEBRUARY, NOW, Api, Isp, make_user

_numbers = itertools.count(1)
RESULT = "results { customerId customer { id } replayed errors { code field message } } changed refused errors { code field message }"
PREVIEW = "accepted refusals { code text count customerIds customers { id } }"
BLOCK = f"mutation($input: BlockCustomersInput!) {{ blockCustomers(input: $input) {{ {RESULT} }} }}"
RESTORE = f"mutation($input: BlockCustomersInput!) {{ restoreCustomers(input: $input) {{ {RESULT} }} }}"
MOVE = f"mutation($input: MoveCustomersInput!) {{ moveCustomers(input: $input) {{ {RESULT} }} }}"
CHANGE = f"mutation($input: ChangePlanOfCustomersInput!) {{ changePlanOfCustomers(input: $input) {{ {RESULT} }} }}"
PREVIEWS = {
    "block": f"query($ids: [ID!]!) {{ previewBlockCustomers(customerIds: $ids) {{ {PREVIEW} }} }}",
    "restore": f"query($ids: [ID!]!) {{ previewRestoreCustomers(customerIds: $ids) {{ {PREVIEW} }} }}",
    "move": f"query($ids: [ID!]!, $to: ID!) {{ previewMoveCustomers(customerIds: $ids, counterId: $to) {{ {PREVIEW} }} }}",
    "plan": f"query($ids: [ID!]!, $to: ID!) {{ previewChangePlanOfCustomers(customerIds: $ids, planId: $to) {{ {PREVIEW} }} }}",
}
_ACCESS = text(
    "INSERT INTO service_access (customer_id, device_id, service_kind, key, desired, manual, desired_at, desired_generation,"
    " observed_generation, actual, attempts, next_at)"
    " VALUES (:customer, :device, 'PPPOE', :key, 'ACTIVE', false, :at, 0, 0, 'UNKNOWN', 0, :at)"
)
_DEVICE = text(
    "INSERT INTO device (name, kind, config, config_version, enabled, created_at, problems, facts, next_at, failures)"
    " VALUES ('RB1', 'test.gear', '', 1, true, :at, '[]', '{}', :at, 0) RETURNING id"
)


async def connected(isp: Isp, *customer_ids: int) -> None:
    """Give the customers an access on one device."""
    async with isp.write() as session:
        device = await session.value(text("SELECT id FROM device")) or await session.value(_DEVICE, {"at": NOW})
        for customer_id in customer_ids:
            await session.execute(_ACCESS, {"customer": customer_id, "device": device, "key": f"k{customer_id}", "at": NOW})


@pytest_asyncio.fixture
async def isp(database: Database) -> Isp:
    made = await Isp.make(database, "LKT01", "LKT02")
    async with made.write() as session:
        await make_user(session, "teknisi", Role.TECHNICIAN)
        await make_user(session, "kasir", Role.CLERK, "LKT01")
    return made


@pytest_asyncio.fixture
async def api(database: Database, isp: Isp) -> Api:
    made = Api(database)
    await made.sign_in()
    return made


def given(customer_ids: list[int], *, key: str | None = None, **more: Any) -> dict[str, Any]:
    return {"customerIds": [f"cus_{one}" for one in customer_ids], "idempotencyKey": key or f"bulk-key-{next(_numbers)}", **more}


def codes(payload: Any) -> list[list[str]]:
    return [[error["code"] for error in result["errors"]] for result in payload["results"]]


async def test_each_customer_is_blocked_or_refused_alone_in_the_order_named(api: Api, isp: Isp) -> None:
    first, without, last = [await isp.customer() for _ in range(3)]
    await connected(isp, first, last)
    payload = await api.do(BLOCK, input=given([last, 999_999, without, first, last], reason="pindah rumah"))
    assert [result["customerId"] for result in payload["results"]] == [f"cus_{one}" for one in (last, 999_999, without, first)]
    assert codes(payload) == [[], ["NOT_FOUND"], ["NO_ACCESS"], []]
    assert (payload["changed"], payload["refused"]) == (2, 2)
    assert [result["errors"][0]["field"] for result in payload["results"][1:3]] == [
        ["input", "customerIds", "1"], ["input", "customerIds", "2"]
    ]  # fmt: skip
    assert payload["results"][1]["customer"] is None
    assert await isp.rows("SELECT customer_id, desired FROM service_access ORDER BY 1") == [(first, "BLOCKED"), (last, "BLOCKED")]
    events = await isp.rows("SELECT data ->> 'customer_id' FROM event WHERE kind = 'isolation.block_wanted' ORDER BY id")
    assert events == [(f"cus_{last}",), (f"cus_{first}",)]


async def test_a_key_changes_each_customer_once_and_goes_on_where_it_was_interrupted(api: Api, isp: Isp) -> None:
    first, without = await isp.customer(), await isp.customer()
    await connected(isp, first)
    asked = given([first, without], key="bulk-of-monday", reason="pindah rumah")
    assert codes(await api.do(BLOCK, input=asked)) == [[], ["NO_ACCESS"]]
    await connected(isp, without)  # what was refused is tried again
    again = await api.do(BLOCK, input=asked)
    assert [(result["replayed"], result["errors"]) for result in again["results"]] == [(True, []), (False, [])]
    assert (again["changed"], again["refused"]) == (2, 0)
    assert await isp.value("SELECT count(*) FROM event WHERE kind = 'isolation.block_wanted'") == 2
    other = asked | {"reason": "alasan lain"}
    assert await api.refused(BLOCK, input=other) == ("IDEMPOTENCY_MISMATCH", ["input", "idempotencyKey"])
    assert await api.refused(RESTORE, input=asked) == ("IDEMPOTENCY_MISMATCH", ["input", "idempotencyKey"])


async def test_what_concerns_all_refuses_the_whole_and_changes_nobody(api: Api, isp: Isp) -> None:
    customer_id = await isp.customer()
    await connected(isp, customer_id)
    plan, lkt02 = f"pla_{isp.plan_id}", f"cou_{isp.counters['LKT02']}"
    for document, asked, expected in (
        (BLOCK, given([customer_id], reason="x"), ("INVALID_TEXT", ["input", "reason"])),
        (BLOCK, given([], reason="pindah rumah"), ("INVALID_NUMBER", ["input", "customerIds"])),
        (BLOCK, given(list(range(1, 1_002)), reason="pindah rumah"), ("INVALID_NUMBER", ["input", "customerIds"])),
        (BLOCK, given([customer_id], key="short", reason="pindah"), ("INVALID_TEXT", ["input", "idempotencyKey"])),
        (MOVE, given([customer_id], counterId="cou_999999"), ("NOT_FOUND", ["input", "counterId"])),
        (CHANGE, given([customer_id], planId="pla_999999"), ("NOT_FOUND", ["input", "planId"])),
    ):
        assert await api.refused(document, input=asked) == expected
    async with isp.write() as session:
        await plans.archive(session, isp.plan_id)
        await counters.archive(session, isp.counters["LKT02"])
    assert await api.refused(CHANGE, input=given([customer_id], planId=plan)) == ("ARCHIVED", ["input", "planId"])
    assert await api.refused(MOVE, input=given([customer_id], counterId=lkt02)) == ("ARCHIVED", ["input", "counterId"])
    assert await api.top_error(PREVIEWS["move"], ids=[f"cus_{customer_id}"], to=lkt02) == "ARCHIVED"
    assert await isp.rows("SELECT desired FROM service_access") == [("ACTIVE",)]


async def test_a_technician_blocks_but_moves_nobody_and_a_clerk_neither(database: Database, isp: Isp) -> None:
    customer_id = await isp.customer()
    await connected(isp, customer_id)
    technician, clerk = Api(database), Api(database)
    await technician.sign_in("teknisi")
    await clerk.sign_in("kasir")
    assert codes(await technician.do(BLOCK, input=given([customer_id], reason="kabel putus"))) == [[]]
    move = given([customer_id], counterId=f"cou_{isp.counters['LKT02']}")
    assert await technician.refused(MOVE, input=move) == ("FORBIDDEN", [])
    assert await technician.top_error(PREVIEWS["move"], ids=[f"cus_{customer_id}"], to=move["counterId"]) == "FORBIDDEN"
    assert await clerk.refused(BLOCK, input=given([customer_id], reason="kabel putus")) == ("FORBIDDEN", [])


async def planted(isp: Isp, chance: random.Random) -> list[int]:
    """Customers in all states that decide about a bulk operation."""
    async with isp.write() as session:
        await policy.set_policy(session, mode=IsolationMode.FROM_INVOICE, days=0, minimum=1)
    ids = [await isp.customer(counter=chance.choice(["LKT01", "LKT02"]), price=chance.choice([None, 0])) for _ in range(14)]
    await isp.open()
    await isp.generate()
    await connected(isp, *(one for one in ids if chance.random() < 0.8))
    for customer_id in ids:
        async with isp.write() as session:
            if chance.random() < 0.4 and await session.value(
                text("SELECT id FROM service_access WHERE customer_id = :c"), {"c": customer_id}
            ):
                await blocks.block(session, customer_id, reason="dengan tangan")
            if chance.random() < 0.3:
                await end_of_service.end(session, customer_id, on=NOW.date(), reason="berhenti")
    return [*ids, 999_999]


@pytest.mark.parametrize("deed", PREVIEWS)
@pytest.mark.parametrize("seed", range(3))
async def test_what_the_preview_says_comes_true(database: Database, isp: Isp, deed: str, seed: int) -> None:
    ids, run_id = await planted(isp, random.Random(seed)), 0
    async with isp.write() as session:
        other = await plans.create(session, name="Home 50M", price=300_000)
        if deed == "move":  # one counter is busy
            run_id = (await generation.start(session, FEBRUARY, counters=[isp.counters["LKT01"]], key="unfinished-run")).run_id
    api = Api(database)
    await api.sign_in()
    target = f"cou_{isp.counters['LKT01']}" if deed == "move" else f"pla_{other}"
    asked = {"ids": [f"cus_{one}" for one in ids]} | ({"to": target} if deed in {"move", "plan"} else {})
    before = await isp.value("SELECT max(id) FROM event")
    previewed = await api.ask(PREVIEWS[deed], **asked)
    assert await isp.value("SELECT max(id) FROM event") == before, "a preview changes nothing"
    document, more = {
        "block": (BLOCK, {"reason": "bersama"}), "restore": (RESTORE, {"reason": "bersama"}), "move": (MOVE, {"counterId": target}),
        "plan": (CHANGE, {"planId": target}),
    }[deed]  # fmt: skip
    payload = await api.do(document, input=given(ids, **more))
    refused: dict[str, list[str]] = {}
    for result in payload["results"]:
        for error in result["errors"]:
            refused.setdefault(error["code"], []).append(result["customerId"])
    assert {one["code"]: one["customerIds"] for one in previewed["refusals"]} == refused
    assert (previewed["accepted"], sum(one["count"] for one in previewed["refusals"])) == (payload["changed"], payload["refused"])
    assert all(one["text"] for one in previewed["refusals"])
    assert {one["id"] for refusal in previewed["refusals"] for one in refusal["customers"]} == {
        one for ones in refused.values() for one in ones
    } - {"cus_999999"}
    if run_id:
        assert await generation.work(isp.write, run_id=run_id, chunk=10_000)
    await isp.check()


async def test_every_reason_of_a_preview_has_its_sentence() -> None:
    named = {word for change in (bulk.Block, bulk.Restore, bulk.Move, bulk.ChangePlan) for word in str(change.preview).split("'")}
    assert {code.value for code in bulk.REASONS} == named & {code.value for code in type(next(iter(bulk.REASONS)))}


async def test_customers_are_moved_with_their_events(api: Api, isp: Isp) -> None:
    ids = [await isp.customer(counter="LKT01") for _ in range(2)]
    payload = await api.do(MOVE, input=given(ids, counterId=f"cou_{isp.counters['LKT02']}"))
    assert codes(payload) == [[], []]
    assert {row[0] for row in await isp.rows("SELECT counter_id FROM customer")} == {isp.counters["LKT02"]}
    assert await isp.value("SELECT count(*) FROM customer_move") == 2
    assert await isp.rows("SELECT subject_id FROM event WHERE kind = 'customer.changed' ORDER BY id") == [(one,) for one in ids]


async def test_a_bulk_operation_costs_as_much_as_it_answers(api: Api, isp: Isp) -> None:
    """A thousand customers with all that they have would be more than any answer may hold."""
    customer = "customer { openInvoices { lines { amount } } lastPayments { allocations { amount } } }"
    document = BLOCK.replace("customer { id }", customer)
    assert await api.top_error(document, input=given([1], reason="pemeliharaan")) == "LIMIT_EXCEEDED"
