"""The screens of customers: filters and their counts, search, orders, and what a customer's page shows."""

from datetime import UTC, date, datetime

import pytest
import pytest_asyncio
from sqlalchemy import text

from sebilling.actor import Role
from sebilling.billing import billing_cycles, suspensions
from sebilling.billing.isolation import blocks, policy, promises
from sebilling.billing.isolation.policy import IsolationMode
from sebilling.db.engine import Database
from tests.harness import Api, Isp, make_user

LATER = datetime(2026, 2, 10, 2, 0, tzinfo=UTC)
COUNTS = "total active blocked toBeBlocked promised withoutDevice owing"
STATES = ("active", "blocked", "toBeBlocked", "promised", "withoutDevice", "owing")


async def access(isp: Isp, customer_id: int, key: str) -> None:
    """Give a customer an account on a device."""
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
            {"customer": customer_id, "key": key},
        )


@pytest_asyncio.fixture
async def isp(database: Database) -> Isp:
    """On 10 February: A has paid; B owes and is blocked from the 13th; C has promised; D is blocked by hand and owes; E is of another
    counter, owes and has no device; F is inactive."""
    made = await Isp.make(database, "LKT01", "LKT02")
    people = {
        "A": await made.customer("A", name="Ani Lestari", phone="0812-3456-7890", address="Jl. Mawar 5", pppoe_name="ani@isp"),
        "B": await made.customer("B", name="Budi Santoso", phone="+62 813 1111 2222", address="Gg. Melati 7", pppoe_name="budi@isp"),
        "C": await made.customer("C", name="Citra", installed_on=date(2026, 1, 15)),
        "D": await made.customer("D", name="Dedi", price=500_000),
        "E": await made.customer("E", name="Eko", counter="LKT02"),
        "F": await made.customer("F", name="Fani", active=False),
    }
    for code in "ABCD":
        await access(made, people[code], f"{code}@isp")
    await made.open()
    await made.generate()
    await made.pay(people["A"], 150_000)
    async with made.write(LATER) as session:
        await policy.set_policy(session, mode=IsolationMode.FROM_INVOICE, days=10)
        await promises.record(session, people["C"], until_on=date(2026, 2, 25), reason="gajian tanggal 25")
        await blocks.block(session, people["D"], reason="kabel dicuri")
        await make_user(session, "kasir", Role.CLERK, "LKT01")
        await make_user(session, "teknisi", Role.TECHNICIAN)
    return made


@pytest_asyncio.fixture
async def api(database: Database, isp: Isp) -> Api:
    made = Api(database, at=LATER)
    await made.sign_in()
    return made


async def codes(api: Api, where: str, order: str = "CODE") -> str:
    found = await api.ask(f"{{ customers(filter: {{{where}}}, orderBy: {order}) {{ nodes {{ code }} }} }}")
    return "".join(one["code"] for one in found["nodes"])


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("active: true", "ABCDE"),
        ("active: false", "F"),
        ("blocked: true", "D"),
        ("toBeBlocked: true", "B"),  # D is blocked already, C has promised, E has no device
        ("promised: true", "C"),
        ("promised: false, owing: true", "BDE"),
        ("withoutDevice: true", "EF"),
        ("withoutDevice: false", "ABCD"),
        ("owing: true", "BCDE"),
        ("owing: false", "AF"),
        ("blocked: false, owing: true", "BCE"),
        ('installedFrom: "2026-01-15"', "C"),
        ('installedUntil: "2026-01-15"', "ABDEF"),
        ("counterIds: []", ""),
        ("planIds: []", ""),
    ],
)
async def test_each_chip_finds_its_customers(api: Api, where: str, found: str) -> None:
    assert await codes(api, where) == found


async def test_the_counts_are_those_of_the_lists(api: Api, isp: Isp) -> None:
    for where in ("", f'counterIds: ["cou_{isp.counters["LKT01"]}"]', 'search: "a"', 'installedFrom: "2025-06-01"'):
        counts = await api.ask(f"{{ customerCounts(filter: {{{where}}}) {{ {COUNTS} }} }}")
        for state in STATES:
            assert counts[state] == len(await codes(api, f"{where}, {state}: true")), (where, state)
        assert counts["total"] == len(await codes(api, where))


@pytest.mark.parametrize("where", ["", "owing: true", "blocked: true", "active: false", 'search: "citra"', "counterIds: []"])
async def test_what_the_customers_of_a_list_owe_together(api: Api, where: str) -> None:
    listed = await api.ask(f"{{ customers(filter: {{{where}}}) {{ nodes {{ outstanding }} }} }}")
    counts = await api.ask(f"{{ customerCounts(filter: {{{where}}}) {{ outstanding }} }}")
    assert counts["outstanding"] == sum(customer["outstanding"] for customer in listed["nodes"])


@pytest.mark.parametrize(
    "words",
    [
        "ani lest",
        "LESTARI",
        "mawar",
        "081234567890",
        "0812-3456",
        "62812 3456 7890",
        "+62 812",
        "812 3456",
        "6281234567890",
        "ani@isp",
        "ANI@",
    ],
)
async def test_a_customer_is_found_by_whatever_is_known(api: Api, words: str) -> None:
    found = await api.ask("query($s: String) { customers(filter: {search: $s}) { nodes { code } } }", s=words)
    assert [one["code"] for one in found["nodes"]] == ["A"], words


async def test_a_search_takes_signs_as_they_are(api: Api) -> None:
    for words in ("%", "_", "\\", "zz%"):
        assert (await api.ask("query($s: String) { customers(filter: {search: $s}) { nodes { code } } }", s=words))["nodes"] == []


PAGE_OF_TWO = """query($o: CustomerOrder!, $a: String) {
  customers(first: 2, after: $a, orderBy: $o) { nodes { code } pageInfo { hasNextPage endCursor } } }"""


async def test_orders(api: Api) -> None:
    assert await codes(api, "", "NAME") == "ABCDEF"
    assert await codes(api, "", "INSTALLED") == "CFEDBA"
    assert await codes(api, "", "NEWEST") == "FEDCBA"
    # D owes Rp500.000; of equal debts the newest first; who owes nothing is left out
    assert await codes(api, "", "OUTSTANDING") == "DECB"
    for order in ("INSTALLED", "OUTSTANDING"):
        seen, after = "", None
        while True:
            found = await api.ask(PAGE_OF_TWO, o=order, a=after)
            seen += "".join(one["code"] for one in found["nodes"])
            after = found["pageInfo"]["endCursor"]
            if not found["pageInfo"]["hasNextPage"]:
                break
        assert seen == await codes(api, "", order)


PAGE = """query($code: String!) { customer(code: $code) {
  code blocked nextInvoiceFrom
  accesses { key desired blockReason { text } }
  promise { id state untilOn reason agreedBy { name } }
  forecast { id blockOn mode text invoice { number } }
  isolationPolicy { id origin mode days }
  lastInvoices { number total } lastPayments { amount }
} }"""


async def test_a_customers_page(api: Api, isp: Isp) -> None:
    promised = await api.ask(PAGE, code="C")
    assert promised["promise"] | {"id": ""} == {
        "id": "", "state": "OPEN", "untilOn": "2026-02-25", "reason": "gajian tanggal 25", "agreedBy": {"name": "admin"},
    }  # fmt: skip
    assert promised["forecast"]["blockOn"] == "2026-02-26"
    assert "2026-02-25" in promised["forecast"]["text"]
    assert promised["nextInvoiceFrom"] == "2026-03-01"
    assert (promised["isolationPolicy"]["origin"], promised["isolationPolicy"]["days"]) == ("ISP", 10)
    blocked = await api.ask(PAGE, code="D")
    assert blocked["blocked"] is True
    assert blocked["accesses"][0]["blockReason"]["text"] == "Blocked by hand: kabel dicuri"
    paid = await api.ask(PAGE, code="A")
    assert (paid["promise"], paid["forecast"]["blockOn"], paid["lastPayments"]) == (None, None, [{"amount": 150_000}])
    assert len(paid["lastInvoices"]) == 1
    assert (await api.ask(PAGE, code="F"))["nextInvoiceFrom"] is None


SCHEDULE = """query($id: ID!) { customer(id: $id) { nextInvoiceFrom } billingSchedule(customerId: $id) { coming { coversFrom } } }"""


async def test_the_next_invoice_begins_where_the_schedule_says(api: Api, isp: Isp) -> None:
    ids = {code: await isp.value("SELECT id FROM customer WHERE code = :code", code=code) for code in "ABC"}
    ids["new"] = await isp.customer("NEW", installed_on=date(2026, 2, 5))
    ids["imported"] = await isp.customer("OLD", installed_on=date(2019, 5, 5))
    ids["future"] = await isp.customer("FUTURE", installed_on=date(2026, 4, 10))
    async with isp.write(LATER) as session:
        await billing_cycles.set_billing(session, ids["A"], months=3, effective_from=date(2026, 3, 1))
        await suspensions.pause(session, ids["B"], from_on=date(2026, 2, 20), until_on=date(2026, 5, 1), reason="mudik")
        await suspensions.pause(session, ids["C"], from_on=date(2026, 4, 1), until_on=date(2026, 5, 1), reason="mudik")
    told = {}
    for name, customer_id in ids.items():
        answer = (await api.raw(SCHEDULE, id=f"cus_{customer_id}"))["data"]
        told[name] = answer["customer"]["nextInvoiceFrom"]
        assert told[name] == answer["billingSchedule"]["coming"][0]["coversFrom"], name
    assert told == {
        "A": "2026-03-01", "B": "2026-05-01", "C": "2026-03-01", "new": "2026-02-05", "imported": "2026-02-01", "future": "2026-04-10",
    }  # fmt: skip


async def test_the_policy_in_force_is_the_customers_own_then_the_counters(api: Api, isp: Isp) -> None:
    customer_id = await isp.value("SELECT id FROM customer WHERE code = 'B'")
    policy_of = 'query { customer(code: "B") { isolationPolicy { origin days } } }'
    setting = """mutation($input: SetIsolationPolicyInput!) { setIsolationPolicy(input: $input) {
      policy { id origin days customer { code } } customer { isolationPolicy { days } forecast { blockOn } } errors { code } } }"""
    counter = {"counterId": f"cou_{isp.counters['LKT01']}"}
    await api.do(setting, input={"mode": "FROM_INVOICE", "days": 12, **counter})
    assert (await api.ask(policy_of))["isolationPolicy"] == {"origin": "COUNTER", "days": 12}
    own = await api.do(setting, input={"mode": "FROM_INVOICE", "days": 20, "customerId": f"cus_{customer_id}"})
    assert own["policy"] | {"id": ""} == {"id": "", "origin": "CUSTOMER", "days": 20, "customer": {"code": "B"}}
    assert own["customer"] == {"isolationPolicy": {"days": 20}, "forecast": {"blockOn": "2026-02-23"}}
    forgetting = """mutation($input: ForgetIsolationPolicyInput!) { forgetIsolationPolicy(input: $input) {
      forgottenId policy { origin days } customer { forecast { blockOn } } errors { code } } }"""
    forgotten = await api.do(forgetting, input={"customerId": f"cus_{customer_id}"})
    assert forgotten["forgottenId"] == own["policy"]["id"]
    assert (forgotten["policy"], forgotten["customer"]) == ({"origin": "COUNTER", "days": 12}, {"forecast": {"blockOn": "2026-02-15"}})
    assert (await api.do(forgetting, input=counter))["policy"] == {"origin": "ISP", "days": 10}
    assert (await api.do(forgetting, input=counter))["forgottenId"] is None


async def test_what_is_financial_is_kept_from_technicians(api: Api) -> None:
    await api.sign_in("teknisi")
    for where in ("owing: true", "toBeBlocked: false", "promised: true"):
        assert await api.top_error(f"{{ customers(filter: {{{where}}}) {{ nodes {{ code }} }} }}") == "FORBIDDEN"
        assert await api.top_error(f"{{ customerCounts(filter: {{{where}}}) {{ total }} }}") == "FORBIDDEN"
    assert await api.top_error("{ customers(orderBy: OUTSTANDING) { nodes { code } } }") == "FORBIDDEN"
    answer = await api.raw("{ customerCounts { total blocked owing } }")
    assert answer["data"]["customerCounts"] == {"total": 6, "blocked": 1, "owing": None}
    assert {error["extensions"]["code"] for error in answer["errors"]} == {"FORBIDDEN"}


async def test_a_clerk_of_another_counter_sees_and_counts_their_own(api: Api, isp: Isp) -> None:
    await api.sign_in("kasir")
    assert await codes(api, "") == "ABCDF"
    assert await codes(api, 'search: "eko"') == ""
    assert await codes(api, f'counterIds: ["cou_{isp.counters["LKT02"]}"]') == ""
    assert await api.ask("{ customerCounts { total withoutDevice } }") == {"total": 5, "withoutDevice": 1}
    foreign = await isp.value("SELECT id FROM customer WHERE code = 'E'")
    for document in (
        f'{{ customerTimeline(customerId: "cus_{foreign}") {{ totalCount }} }}',
        '{ promises(filter: {search: "eko"}) { totalCount } }',
    ):
        assert await api.ask(document) == {"totalCount": 0}
