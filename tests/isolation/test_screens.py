"""The isolation screen: the plan with its customers, holds, promises and what became of them, and what mutations return."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import text

from sebilling.actor import Role
from sebilling.billing import corrections
from sebilling.billing.isolation import policy, promises
from sebilling.billing.isolation.policy import IsolationMode
from sebilling.db.engine import Database
from tests.harness import NOW, Api, Isp, make_user

LATE = datetime(2026, 2, 14, 2, 0, tzinfo=UTC)
PLAN = """query($filter: UpcomingBlockFilter, $order: UpcomingBlockOrder! = BLOCK_ON, $first: Int! = 50, $after: String) {
  isolationPlan(filter: $filter, orderBy: $order, first: $first, after: $after) {
    totalCount nodes { amount blockOn mode customer { code } invoice { number } counter { code } device { name } }
    pageInfo { hasNextPage endCursor } } }"""


async def with_access(isp: Isp, code: str, **details: Any) -> int:
    """A customer with an account on a device."""
    customer_id = await isp.customer(code, **details)
    async with isp.write() as session:
        await session.execute(
            text(
                "INSERT INTO device (name, kind, config, config_version, enabled, created_at, problems, facts, next_at, failures)"
                " VALUES ('RB1', 'test', '', 1, true, now(), '[]', '{}', now(), 0) ON CONFLICT DO NOTHING"
            )
        )
        await session.execute(
            text(
                "INSERT INTO service_access (customer_id, device_id, service_kind, key, desired, manual, desired_at, desired_generation,"
                " observed_generation, actual, attempts, next_at)"
                " SELECT :customer, id, 'PPPOE', :key, 'ACTIVE', false, now(), 1, 1, 'ACTIVE', 0, now() FROM device"
            ),
            {"customer": customer_id, "key": code},
        )
    return customer_id


@pytest_asyncio.fixture
async def people(database: Database) -> tuple[Isp, dict[str, int]]:
    """On 14 February, blocks count from the invoice: A and B of LKT01 and C of LKT02 are due since the 13th."""
    isp = await Isp.make(database, "LKT01", "LKT02")
    ids = {
        "A": await with_access(isp, "A", name="Ani", price=300_000),
        "B": await with_access(isp, "B", name="Budi"),
        "C": await with_access(isp, "C", name="Citra", counter="LKT02"),
    }
    await isp.open()
    await isp.generate()
    async with isp.write() as session:
        await policy.set_policy(session, mode=IsolationMode.FROM_INVOICE, days=10)
        await make_user(session, "kasir", Role.CLERK, "LKT01")
    return isp, ids


@pytest_asyncio.fixture
async def api(database: Database, people: tuple[Isp, dict[str, int]]) -> Api:
    made = Api(database, at=LATE)
    await made.sign_in()
    return made


async def planned(api: Api, **variables: Any) -> str:
    return "".join(one["customer"]["code"] for one in (await api.ask(PLAN, **variables))["nodes"])


async def test_the_plan_names_its_customers(api: Api, people: tuple[Isp, dict[str, int]]) -> None:
    isp, _ = people
    plan = await api.ask(PLAN)
    assert plan["totalCount"] == 3
    assert plan["nodes"][0] == {
        "amount": 300_000, "blockOn": "2026-02-13", "mode": "FROM_INVOICE", "customer": {"code": "A"},
        "invoice": {"number": "INV/2026-02/LKT01/000001"}, "counter": {"code": "LKT01"}, "device": {"name": "RB1"},
    }  # fmt: skip
    assert await planned(api, filter={"counterIds": [f"cou_{isp.counters['LKT01']}"]}) == "AB"
    assert await planned(api, filter={"counterIds": []}) == ""
    assert await planned(api, filter={"search": "citra"}) == "C"
    assert await planned(api, order="AMOUNT") == "ACB"
    first = await api.ask(PLAN, first=2)
    assert first["pageInfo"]["hasNextPage"]
    assert await planned(api, first=2, after=first["pageInfo"]["endCursor"]) == "C"


async def test_nobody_is_planned_before_the_day_or_on_a_blackout_date(api: Api, people: tuple[Isp, dict[str, int]]) -> None:
    adding = (
        """mutation($input: AddBlackoutDateInput!) { addBlackoutDate(input: $input) { blackoutDate { id day reason } errors { code } } }"""
    )
    removing = """mutation($input: RemoveBlackoutDateInput!) { removeBlackoutDate(input: $input) {
      blackoutDate { id day reason } errors { code } } }"""
    added = (await api.do(adding, input={"day": "2026-02-14", "reason": "imlek"}))["blackoutDate"]
    assert added | {"id": ""} == {"id": "", "day": "2026-02-14", "reason": "imlek"}
    assert (await api.ask("{ blackoutDates { id } }")) == [{"id": added["id"]}]
    assert await planned(api) == ""
    assert (await api.do(removing, input={"day": "2026-02-14"}))["blackoutDate"] == added
    assert (await api.do(removing, input={"day": "2026-02-14"}))["blackoutDate"] is None
    assert await planned(api) == "ABC"
    api.now = NOW
    assert await planned(api) == ""


async def test_the_plan_is_what_a_run_does(api: Api, people: tuple[Isp, dict[str, int]]) -> None:
    isp, ids = people
    run = "mutation { runIsolation { blocked errors { code } } }"
    async with isp.write() as session:
        await session.execute(text("UPDATE device SET enabled = false"))
    assert (await planned(api), (await api.do(run))["blocked"]) == ("", 0)
    async with isp.write() as session:
        await session.execute(text("UPDATE device SET enabled = true"))
    await promise(isp, ids["A"], "gajian", on=10, until=20)
    await isp.pay(ids["B"], 150_000)
    assert (await planned(api), (await api.do(run))["blocked"]) == ("C", 1)
    assert await planned(api) == "", "who is blocked is no longer planned"


async def test_a_hold_shows_whom_an_approval_would_block(api: Api, people: tuple[Isp, dict[str, int]]) -> None:
    isp, _ = people
    for number in range(20):
        await with_access(isp, f"N{number:02}")
    await isp.generate()
    holds = "{ isolationHolds { nodes { id wouldBlock approved decidedBy { name } customers { customer { code } } } } }"
    run = await api.do("mutation { runIsolation { blocked held hold { id wouldBlock } errors { code } } }")
    (hold,) = (await api.ask(holds))["nodes"]
    assert (run["held"], run["hold"]) == (23, {"id": hold["id"], "wouldBlock": 23})
    assert len(hold["customers"]) == 23
    deciding = """mutation($input: DecideIsolationHoldInput!) { decideIsolationHold(input: $input) {
      hold { id approved decidedBy { name } customers { id } } errors { code } } }"""
    decided = await api.do(deciding, input={"id": hold["id"], "approved": True})
    assert decided["hold"] == {"id": hold["id"], "approved": True, "decidedBy": {"name": "admin"}, "customers": []}
    assert (await api.do("mutation { runIsolation { blocked hold { id } errors { code } } }"))["hold"] is None


async def promise_states(api: Api, **where: Any) -> dict[str, str]:
    document = """query($f: PromiseFilter) { promises(filter: $f) { nodes { state reason agreedBy { name } customer { code } } } }"""
    found = (await api.ask(document, f=where))["nodes"]
    assert {one["agreedBy"]["name"] for one in found} <= {"admin"}
    return {one["reason"]: one["state"] for one in found}


async def promise(isp: Isp, customer_id: int, reason: str, *, on: int, until: int) -> None:
    async with isp.write(datetime(2026, 2, on, 3, 0, tzinfo=UTC)) as session:
        await promises.record(session, customer_id, until_on=date(2026, 2, until), reason=reason)


async def test_what_became_of_promises(api: Api, people: tuple[Isp, dict[str, int]]) -> None:
    isp, ids = people
    await promise(isp, ids["A"], "kept, as it is paid on the last day", on=5, until=10)
    await promise(isp, ids["B"], "replaced by a later day", on=5, until=10)
    await promise(isp, ids["B"], "broken, as it is paid a day late", on=9, until=12)
    await promise(isp, ids["C"], "broken, as nothing is paid", on=5, until=9)
    await promise(isp, ids["C"], "open until tonight", on=12, until=14)
    await isp.pay(ids["A"], 300_000, at=datetime(2026, 2, 10, 16, 59, tzinfo=UTC))  # 23:59 in Jakarta
    await isp.pay(ids["B"], 150_000, at=datetime(2026, 2, 12, 17, 1, tzinfo=UTC))  # 00:01 on the 13th
    expected = {
        "kept, as it is paid on the last day": "KEPT", "replaced by a later day": "REPLACED",
        "broken, as it is paid a day late": "BROKEN", "broken, as nothing is paid": "BROKEN", "open until tonight": "OPEN",
    }  # fmt: skip
    assert await promise_states(api) == expected
    for state in ("OPEN", "KEPT", "BROKEN", "REPLACED"):
        found = await promise_states(api, states=[state])
        assert found == {reason: wanted for reason, wanted in expected.items() if wanted == state}, state
    assert await promise_states(api, states=["OPEN", "BROKEN"]) == {
        reason: wanted for reason, wanted in expected.items() if wanted in {"OPEN", "BROKEN"}
    }
    assert await promise_states(api, states=[]) == {}
    assert len(await promise_states(api, search="budi")) == 2
    assert len(await promise_states(api, customerId=f"cus_{ids['C']}")) == 2
    assert len(await promise_states(api, untilFrom="2026-02-12", untilUntil="2026-02-14")) == 1
    admin = await isp.value("SELECT id FROM app_user WHERE username = 'admin'")
    assert len(await promise_states(api, agreedById=f"usr_{admin}")) == 5
    assert await promise_states(api, agreedById=f"usr_{admin + 10_000}") == {}
    api.now = datetime(2026, 2, 14, 17, 0, tzinfo=UTC)  # midnight
    assert (await promise_states(api, search="citra"))["open until tonight"] == "BROKEN"


async def test_a_reversed_payment_breaks_a_kept_promise(api: Api, people: tuple[Isp, dict[str, int]]) -> None:
    isp, ids = people
    await promise(isp, ids["B"], "uang datang", on=5, until=10)
    paid = await isp.pay(ids["B"], 150_000, at=datetime(2026, 2, 9, 3, 0, tzinfo=UTC))
    assert await promise_states(api) == {"uang datang": "KEPT"}
    async with isp.write(LATE) as session:
        await corrections.reverse_payment(session, paid.payment_id, reason="uang palsu", key="palsu-satu")
    assert await promise_states(api) == {"uang datang": "BROKEN"}


@pytest.mark.parametrize(("name", "returned"), [("blockCustomer", "BLOCKED"), ("restoreCustomer", "ACTIVE")])
async def test_a_block_returns_the_accesses_that_it_changed(api: Api, people: tuple[Isp, dict[str, int]], name: str, returned: str) -> None:
    isp, ids = people
    await isp.pay(ids["B"], 150_000)
    document = """mutation($input: BlockCustomerInput!) { %s(input: $input) {
      customer { id blocked accesses { id desired inSync } } errors { code } } }"""
    given = {"customerId": f"cus_{ids['B']}", "reason": "kabel dicuri"}
    answer = await api.do(document % "blockCustomer", input=given)
    if name == "restoreCustomer":
        answer = await api.do(document % name, input=given)
    (access,) = answer["customer"]["accesses"]
    assert (access["desired"], answer["customer"]["blocked"]) == (returned, returned == "BLOCKED")


async def test_a_promise_returns_itself_and_the_customer_whom_it_restores(api: Api, people: tuple[Isp, dict[str, int]]) -> None:
    _, ids = people
    assert (await api.do("mutation { runIsolation { blocked errors { code } } }"))["blocked"] == 3
    document = """mutation($input: PromiseToPayInput!) { promiseToPay(input: $input) {
      promise { id state untilOn agreedBy { name } }
      customer { blocked accesses { desired } promise { id } forecast { blockOn } } errors { code } } }"""
    await api.sign_in("kasir")
    answer = await api.do(document, input={"customerId": f"cus_{ids['A']}", "untilOn": "2026-02-20", "reason": "gajian"})
    assert answer["promise"] | {"id": ""} == {"id": "", "state": "OPEN", "untilOn": "2026-02-20", "agreedBy": {"name": "kasir"}}
    assert answer["customer"] == {
        "blocked": False, "accesses": [{"desired": "ACTIVE"}], "promise": {"id": answer["promise"]["id"]},
        "forecast": {"blockOn": "2026-02-21"},
    }  # fmt: skip
    assert (await api.ask("{ promises { nodes { customer { code } } } }"))["nodes"] == [{"customer": {"code": "A"}}]
    assert await api.top_error("{ isolationPlan { totalCount } }") == "FORBIDDEN"
