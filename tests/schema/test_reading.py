"""Reading: one statement per query, pages that stay right, the schema as it is committed."""

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLEnumType, GraphQLInputObjectType, GraphQLInterfaceType, GraphQLObjectType, is_composite_type
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from sebilling import keys
from sebilling.actor import EVERYWHERE, Actor, Role
from sebilling.billing import billing_cycles, charges, corrections, deposits
from sebilling.billing.charges import ChargeKind
from sebilling.billing.deposits import DepositType
from sebilling.billing.isolation import policy
from sebilling.billing.isolation.policy import IsolationMode
from sebilling.billing.payments import PaymentMethod
from sebilling.clock import Month
from sebilling.db.engine import Database
from sebilling.network import accesses, devices
from sebilling.schema.build import build_schema
from sebilling.schema.request.prepared_operations import prepared_operations
from sebilling.storage.proofs import Proof
from sebilling.vault import Vault
from tests.harness import NOW, SECRET_KEY, Api, Isp, counted_statements, make_user
from tests.isolation import gear

DEEP = """{ invoices(first: 50) { totalCount pageInfo { hasNextPage endCursor } nodes {
  number status outstanding lines { amount } period { month } counter { code }
  customer { name outstanding credit plan { price } counter { code } openInvoices { number }
    lastPayments { amount allocations { amount } } }
  payments { amount method receivedBy { name } } allocations { amount payment { amount customer { code } } } } } }"""


async def test_the_committed_schema_is_the_schema() -> None:
    committed = (Path(__file__).parents[2] / "schema.graphql").read_text(encoding="utf-8")
    assert build_schema().as_str() + "\n" == committed, "run `sebilling schema > schema.graphql` and look at the difference"


def test_everything_in_the_schema_is_described() -> None:
    bare = []
    schema: Any = build_schema()._schema
    for name, kind in schema.type_map.items():
        if name.startswith("__") or name in {"String", "Int", "Boolean", "ID", "Float"}:
            continue
        bare += [name] * (not kind.description)
        if isinstance(kind, GraphQLEnumType):
            bare += [f"{name}.{value}" for value, one in kind.values.items() if not one.description]
        if isinstance(kind, GraphQLObjectType | GraphQLInputObjectType):
            bare += [f"{name}.{field}" for field, one in kind.fields.items() if not one.description]
        if isinstance(kind, GraphQLObjectType):
            bare += [f"{name}.{field}({arg})" for field, one in kind.fields.items() for arg, a in one.args.items() if not a.description]
    assert bare == []


async def test_a_query_is_one_statement_whatever_its_nesting(committed: Database) -> None:
    isp = await Isp.make(committed)
    for _ in range(5):
        await isp.pay(await isp.customer(), 10_000)
    await isp.open()
    await isp.generate()
    api = Api(committed)
    await api.sign_in()
    for document in (
        DEEP,
        "{ customers { nodes { code counter { name } openInvoices { lines { amount } } } } }",
        '{ customer(code: "X") { name } }',
    ):
        await api.ask(document)
        with counted_statements(committed) as sent:
            await api.ask(document)
        assert len(sent) == 2, "who asks, and what they ask for"


async def everything_that_can_hang_on_a_row(isp: Isp) -> int:
    """A charge, discounts, a cycle, corrections and a decided deposit with its proof; gives the deposit's id."""
    invoice_id = await isp.value("SELECT min(id) FROM invoice")
    customer_id = await isp.value("SELECT min(id) FROM customer")
    async with isp.write() as session:
        verifier = await make_user(session, "verifier", Role.FINANCE)
        await charges.add(session, customer_id, kind=ChargeKind.CABLE, description="Kabel", amount=1, key="key-of-charge")
        await charges.discount(
            session, customer_id=customer_id, percent=Decimal("2.5"), description="Promo", from_on=date(2026, 3, 1), key="key-of-discount"
        )
        await billing_cycles.set_billing(session, customer_id, months=3, effective_from=date(2026, 3, 1))
        await corrections.write_off(session, invoice_id, reason="pindah rumah", key="key-of-write-off", amount=1)
        proof = Proof("image/png", b"x", b"y")
        submitted = await deposits.submit(
            session,
            counter_id=isp.counters["LKT01"],
            amount=1,
            type=DepositType.TRANSFER,
            key="key-of-deposit",
            proof=proof,
            object_key="k",
        )
    paid = await isp.pay(customer_id, 500_000)
    async with isp.write() as session:
        await corrections.refund(session, paid.payment_id, method=PaymentMethod.CASH, reason="kelebihan", key="key-of-refund", amount=1)
    reversed_later = await isp.pay(customer_id, 500_000)
    async with isp.write() as session:
        await corrections.reverse_payment(session, reversed_later.payment_id, reason="salah orang", key="key-of-reversal")
    async with isp.database.transaction(actor=Actor(verifier, "verifier", Role.FINANCE, EVERYWHERE), at=NOW) as session:
        await deposits.verify(session, submitted.deposit_id, key="key-of-decision", counted=2)
    async with isp.write() as session:
        vault = Vault(keys.derived(SECRET_KEY))
        device_id = await devices.create(session, gear.plugins(), vault, name="RB1", kind="test.gear", config={"gear": "one"})
        access = {"customer_id": customer_id, "device_id": device_id, "service_kind": "PPPOE", "key": "a"}
        await accesses.give(session, gear.plugins(), **access)
        await policy.set_policy(session, mode=IsolationMode.FROM_INVOICE, days=0)
        await policy.set_policy(session, mode=IsolationMode.FROM_INVOICE, days=0, customer_id=customer_id)
        await policy.set_policy(session, mode=IsolationMode.MANUAL, days=0, counter_id=isp.counters["LKT01"])
        await policy.add_blackout_date(session, date(2026, 3, 20), reason="libur")
        await session.execute(text("INSERT INTO isolation_hold (held_at, would_block, of_active) VALUES (now(), 1, 1)"))
    owing = await isp.customer()
    async with isp.write() as session:
        await policy.set_policy(session, mode=IsolationMode.FROM_INVOICE, days=0, customer_id=owing)
        await accesses.give(session, gear.plugins(), **{**access, "customer_id": owing, "key": "b"})
    await isp.generate()
    return submitted.deposit_id


async def test_every_field_that_can_be_selected_can_be_read(database: Database) -> None:
    isp = await Isp.make(database)
    await isp.pay(await isp.customer("A"), 10_000)
    await isp.customer("B", active=False)
    await isp.open()
    await isp.generate()
    deposit_id = await everything_that_can_hang_on_a_row(isp)
    await isp.open(Month(2026, 3))  # nobody has generated it
    api = Api(database)
    await api.sign_in()
    await api.ask('mutation { createServiceToken(input: {name: "laporan", role: AUDITOR}) { errors { code } } }')
    schema: Any = build_schema()._schema

    def fields(kind: Any, depth: int) -> str:
        while hasattr(kind, "of_type"):
            kind = kind.of_type
        if not isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
            return ""
        chosen = [name + fields(one.type, depth - 1) for name, one in kind.fields.items() if depth > 1 or not has_fields(one.type)]
        return f" {{ {' '.join(chosen or ['__typename'])} }}"

    def has_fields(kind: Any) -> bool:
        while hasattr(kind, "of_type"):
            kind = kind.of_type
        return is_composite_type(kind)

    customer = f"cus_{await isp.value('SELECT min(id) FROM customer')}"
    device = f"dev_{await isp.value('SELECT id FROM device')}"
    payment = f"pay_{await isp.value('SELECT min(id) FROM payment')}"
    arguments = {
        "node": f'(id: "{customer}")', "nodes": f'(ids: ["{customer}"])', "period": '(month: "2026-02")', "recap": '(month: "2026-02")',
        "closingPreview": '(month: "2026-03")', "customer": '(code: "A")', "counter": '(code: "LKT01")',
        "previewGeneration": '(month: "2026-02")', "skippedCustomers": '(month: "2026-02")', "plan": f'(id: "pla_{isp.plan_id}")',
        "invoice": f'(id: "inv_{await isp.value("SELECT min(id) FROM invoice")}")',
        "payment": f'(id: "pay_{await isp.value("SELECT min(id) FROM payment")}")',
        "generationRun": f'(id: "run_{await isp.value("SELECT min(id) FROM generation_run")}")',
        "deposit": f'(id: "dep_{deposit_id}")', "proofLink": f'(depositId: "dep_{deposit_id}")',
        "billingSchedule": f'(customerId: "{customer}")', "previewInvoice": f'(month: "2026-02", customerId: "{customer}")',
        "previewBlockCustomers": f'(customerIds: ["{customer}"])', "previewRestoreCustomers": f'(customerIds: ["{customer}"])',
        "previewMoveCustomers": f'(customerIds: ["{customer}"], counterId: "cou_{isp.counters["LKT01"]}")',
        "previewChangePlanOfCustomers": f'(customerIds: ["{customer}"], planId: "pla_{isp.plan_id}")',
        "previewBillingCycle": f'(customerId: "{customer}", months: 3, effectiveFrom: "2026-04-01")',
        "customerPageLink": f'(customerId: "{customer}")',
        "receipt": f'(paymentId: "{payment}")', "receiptLink": f'(paymentId: "{payment}", paper: A5)',
        "invoiceLink": f'(invoiceId: "inv_{await isp.value("SELECT min(id) FROM invoice")}")',
        "device": f'(id: "{device}")', "deviceConfig": f'(id: "{device}")',
        "customerTimeline": f'(customerId: "{customer}")', "isolationForecast": f'(customerId: "{customer}")',
        "invoicesLink": '(month: "2026-02")',
        "reportLink": '(report: INVOICES, month: "2026-02")',
        "previewPayment": f'(customerId: "{customer}", amount: 1000)', "previewPause": f'(customerId: "{customer}", fromOn: "2026-05-01")',
        "previewIsolationPolicy": f'(customerId: "{customer}", mode: FROM_INVOICE, days: 3, minimum: 1)',
        "previewEndOfService": f'(customerId: "{customer}", on: "2026-05-01")',
    }  # fmt: skip
    for name, field in schema.query_type.fields.items():
        answer: Any = {}
        for depth in (5, 4, 3):  # as deep as the limits on documents let it
            answer = await api.raw(f"{{ {name}{arguments.get(name, '')}{fields(field.type, depth)} }}")
            if [one["extensions"]["code"] for one in answer.get("errors", ())] != ["LIMIT_EXCEEDED"]:
                break
        assert "errors" not in answer, answer["errors"]
        found = answer["data"][name]
        assert found, name


@pytest.mark.parametrize(
    ("noun", "order"),
    [("invoices", order) for order in ("NEWEST", "OLDEST", "DUE", "NUMBER")]
    + [("customers", order) for order in ("CODE", "NAME", "NEWEST")],
)
async def test_pages_together_are_the_list_while_rows_are_added(database: Database, noun: str, order: str) -> None:
    isp = await Isp.make(database)
    for number in range(11):
        await isp.customer(f"P{number:02d}", name=f"Budi {number % 3}")
    await isp.open()
    await isp.generate(at=NOW + timedelta(days=30))
    api = Api(database)
    await api.sign_in()
    below = "edges { cursor node { id } } pageInfo { hasNextPage endCursor hasPreviousPage }"
    document = f"query($a: String) {{ {noun}(first: 3, after: $a, orderBy: {order}) {{ {below} }} }}"
    whole = [one["id"] for one in (await api.ask(f"{{ {noun}(first: 200, orderBy: {order}) {{ nodes {{ id }} }} }}"))["nodes"]]
    assert len(whole) == 11
    seen: list[str] = []
    after = None
    for number in range(20):
        page = await api.ask(document, a=after)
        seen += [edge["node"]["id"] for edge in page["edges"]]
        assert page["pageInfo"]["hasPreviousPage"] == (after is not None)
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
        await isp.customer(f"Z{number}", name="Aaa")
        await isp.generate(at=NOW)
    old = [one for one in seen if one in whole]
    assert old == whole, "each old row once, in order"
    assert len(seen) == len(set(seen))


@pytest.mark.parametrize(
    ("noun", "order"),
    [("invoices", order) for order in ("NEWEST", "OLDEST", "DUE", "NUMBER")]
    + [("customers", order) for order in ("CODE", "NAME", "NEWEST")]
    + [("payments", "")],
)
async def test_a_collector_of_two_counters_walks_what_the_office_sees_of_both(database: Database, noun: str, order: str) -> None:
    isp = await Isp.make(database, "LKT01", "LKT02", "LKT03", "LKT04")
    for number in range(16):
        counter = f"LKT0{1 + number * 7 % 4}"
        await isp.customer(f"P{number:02d}", name=f"Budi {number % 3}", counter=counter)
    await isp.open()
    await isp.generate()
    for number, (customer_id,) in enumerate(await isp.rows("SELECT id FROM customer ORDER BY code DESC")):
        await isp.pay(customer_id, 1_000 + number)
    async with isp.write() as session:
        await make_user(session, "kolektor", Role.COLLECTOR, "LKT02", "LKT04")
    given = f"orderBy: {order}" if order else "after: null"
    office, collector = Api(database), Api(database)
    await office.sign_in()
    await collector.sign_in("kolektor")
    whole = (await office.ask(f"{{ {noun}(first: 200, {given}) {{ nodes {{ id counter {{ code }} }} }} }}"))["nodes"]
    wanted = [one["id"] for one in whole if one["counter"]["code"] in {"LKT02", "LKT04"}]
    assert 0 < len(wanted) < len(whole)
    by = f", orderBy: {order}" if order else ""
    document = (
        f"query($a: String) {{ {noun}(first: 3, after: $a{by}) {{ totalCount nodes {{ id }} pageInfo {{ hasNextPage endCursor }} }} }}"
    )
    seen: list[str] = []
    after, more = None, True
    while more:
        page = await collector.ask(document, a=after)
        assert page["totalCount"] == len(wanted)
        seen += [one["id"] for one in page["nodes"]]
        more, after = page["pageInfo"]["hasNextPage"], page["pageInfo"]["endCursor"]
    assert seen == wanted


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=st.integers(1, 12), names=st.lists(st.sampled_from(["A", "B", "b", "É", "😀"]), max_size=8))
async def test_any_page_size_walks_any_list(database: Database, first: int, names: list[str]) -> None:
    connection = database.connection  # type: ignore[attr-defined]
    await connection.rollback()
    await connection.begin()
    isp = await Isp.make(database)
    for name in names:
        await isp.customer(name=name)
    api = Api(database)
    await api.sign_in()
    seen, after, more = [], None, True
    while more:
        page = await api.ask(
            """query($f: Int!, $a: String) { customers(first: $f, after: $a, orderBy: NAME) {
               nodes { id name } pageInfo { hasNextPage endCursor } } }""",
            f=first,
            a=after,
        )
        seen += page["nodes"]
        more, after = page["pageInfo"]["hasNextPage"], page["pageInfo"]["endCursor"]
    assert len({one["id"] for one in seen}) == len(seen) == len(names)
    assert sorted(one["name"] for one in seen) == sorted(names)


async def test_filters_and_totals(database: Database) -> None:
    isp = await Isp.make(database, "LKT01", "LKT02")
    one, two = await isp.customer("A", counter="LKT01"), await isp.customer("B", counter="LKT02")
    await isp.customer("C", active=False)
    await isp.open()
    await isp.generate()
    await isp.pay(one, 150_000)
    await isp.pay(two, 50_000)
    api = Api(database)
    await api.sign_in()

    async def codes(where: str) -> list[str]:
        return [row["code"] for row in (await api.ask(f"{{ customers(filter: {{{where}}}) {{ nodes {{ code }} }} }}"))["nodes"]]

    async def invoices(where: str) -> int:
        return int((await api.ask(f"{{ invoices(filter: {{{where}}}) {{ totalCount }} }}"))["totalCount"])

    assert await codes("owing: true") == ["B"]
    assert await codes("owing: false, active: true") == ["A"]
    assert await codes("active: false") == ["C"]
    assert await codes(f'counterIds: ["cou_{isp.counters["LKT02"]}"]') == ["B"]
    assert await codes('search: "bud"') == ["A", "B", "C"]
    assert await codes('search: "b"') == ["A", "B", "C"]
    assert [await invoices(f"statuses: [{status}]") for status in ("OPEN", "PARTLY_PAID", "PAID")] == [0, 1, 1]
    assert await invoices('month: "2026-02"') == 2
    assert await invoices('month: "2026-03"') == 0
    assert await invoices('dueUntil: "2026-02-20"') == 0
    assert await invoices('dueUntil: "2026-02-21"') == 2
    assert (
        await api.ask('{ payments(filter: {methods: [CASH], receivedFrom: "2026-02-03", receivedUntil: "2026-02-04"}) { totalCount } }')
    )["totalCount"] == 2


async def test_the_prepared_operations_are_valid_and_within_the_limits(database: Database) -> None:
    """GraphiQL sends the whole document with the name of the operation that was chosen."""
    await Isp.make(database)
    api = Api(database)
    await api.sign_in()
    document = await prepared_operations(database, at=api.now, with_rows=True)
    answer = (await api.http.post("/graphql", json={"query": document, "operationName": "WhoHoldsCash"}, headers=api.headers)).json()
    assert answer == {"data": {"drawers": []}}


async def test_a_page_without_a_size_has_fifty_rows(database: Database) -> None:
    isp = await Isp.make(database)
    await isp.many_customers(60)
    api = Api(database)
    await api.sign_in()
    document = "query($first: Int) { customers(first: $first) { nodes { id } } }"
    for variables in ({}, {"first": None}):
        assert len((await api.ask(document, **variables))["nodes"]) == 50, variables
    assert len((await api.ask("{ customers(first: null) { nodes { id } } }"))["nodes"]) == 50
    assert await api.top_error(document, first=0) == "INVALID_PAGE_SIZE"
