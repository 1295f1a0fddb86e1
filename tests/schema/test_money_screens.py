"""Lists of invoices, payments and deposits as a screen filters them, with their totals: what is found, and what it adds up to."""

import random
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
import pytest_asyncio
from sqlalchemy import text

from sebilling.actor import Actor, Role, Scope
from sebilling.billing import corrections, deposits
from sebilling.billing.deposits import DepositType
from sebilling.billing.payments import PaymentMethod
from sebilling.clock import Month
from sebilling.db.engine import Database
from tests.harness import FEBRUARY, NOW, Api, Isp, counted_statements, make_user

JANUARY: Final = Month(2026, 1)
TOMORROW: Final = NOW + timedelta(days=1)
AT_NIGHT: Final = datetime(2026, 2, 20, 16, 0, tzinfo=UTC)
"""23 o'clock on 20 February in Jakarta, and 1 o'clock on 21 February in Jayapura."""
INVOICES: Final = "query($f: InvoiceFilter, $o: InvoiceOrder) { invoices(filter: $f, orderBy: $o, first: 200) { nodes { number } } }"
PAYMENTS: Final = "query($f: PaymentFilter) { payments(filter: $f, first: 200) { nodes { receiptNumber } } }"
DEPOSITS: Final = "query($f: DepositFilter) { deposits(filter: $f, first: 200) { nodes { amount } } }"


class Shop:
    """Two counters, in Jakarta (LKT01) and Jayapura (LKT02), a collector at each, and two months of invoices of Rp150.000."""

    def __init__(self, isp: Isp, api: Api) -> None:
        self.isp, self.api = isp, api
        self.people: dict[str, int] = {}
        self.collectors: dict[str, Actor] = {}

    @classmethod
    async def make(cls, database: Database) -> "Shop":
        isp = await Isp.make(database, "LKT01", "LKT02")
        shop = cls(isp, Api(database))
        async with isp.write() as session:
            await session.execute(text("UPDATE counter SET timezone = 'Asia/Jayapura' WHERE code = 'LKT02'"))
            for name, code in (("siti", "LKT01"), ("joko", "LKT02")):
                user_id = await make_user(session, name, Role.COLLECTOR, code)
                shop.collectors[name] = Actor(user_id, name, Role.COLLECTOR, Scope(frozenset({isp.counters[code]})))
        for name, counter in (("Andi", "LKT01"), ("Budi", "LKT01"), ("Citra", "LKT02")):
            shop.people[name] = await isp.customer(f"{name[0]}-1", counter=counter, name=f"{name} Susanto")
        for month in (JANUARY, FEBRUARY):
            await isp.open(month)
            await isp.generate(month, at=datetime(month.year, month.number, 2, tzinfo=UTC))
        await shop.api.sign_in()
        return shop

    async def pays(self, name: str, amount: int, *, to: str | None = None, at: datetime = NOW, method: str = "CASH") -> int:
        """The customer pays, to this collector or to the admin; gives the payment's id."""
        isp, actor = self.isp, self.collectors[to] if to else self.isp.admin
        taker = Isp(isp.database, actor, isp.plan_id, isp.counters)
        return (await taker.pay(self.people[name], amount, at=at, method=PaymentMethod[method])).payment_id

    async def deposits(self, collector: str, amount: int, *, at: datetime) -> int:
        actor = self.collectors[collector]
        (counter_id,) = actor.scope.ids or [0]
        async with self.isp.database.transaction(actor=actor, at=at) as session:
            key = str(uuid.uuid4())
            return (await deposits.submit(session, counter_id=counter_id, amount=amount, type=DepositType.MANUAL, key=key)).deposit_id

    async def numbers(self, order: str = "NUMBER", **chosen: Any) -> list[str]:
        """The end of each number: month, counter and sequence."""
        nodes = (await self.api.ask(INVOICES, f=chosen, o=order))["nodes"]
        return [node["number"].removeprefix("INV/2026-").replace("/0000", "/") for node in nodes]

    async def receipts(self, **chosen: Any) -> list[str]:
        """The end of each receipt's number, oldest first."""
        nodes = (await self.api.ask(PAYMENTS, f=chosen))["nodes"]
        return [node["receiptNumber"].removeprefix("KW/2026-02/").replace("/0000", "/") for node in reversed(nodes)]

    async def amounts(self, **chosen: Any) -> list[int]:
        return [node["amount"] for node in reversed((await self.api.ask(DEPOSITS, f=chosen))["nodes"])]

    def counter(self, code: str) -> str:
        return f"cou_{self.isp.counters[code]}"


@pytest_asyncio.fixture
async def shop(database: Database) -> AsyncIterator[Shop]:
    made = await Shop.make(database)
    yield made
    await made.isp.check()


ALL = ["01/LKT01/01", "01/LKT01/02", "01/LKT02/01", "02/LKT01/01", "02/LKT01/02", "02/LKT02/01"]


async def test_unpaid_invoices_are_the_open_and_the_partly_paid(shop: Shop) -> None:
    """Andi pays January whole and a third of February; Budi and Citra pay nothing."""
    await shop.pays("Andi", 200_000)
    assert await shop.numbers() == ALL
    assert await shop.numbers(statuses=["OPEN", "PARTLY_PAID"]) == ALL[1:]
    assert await shop.numbers(statuses=["OPEN"]) == [one for one in ALL[1:] if one != "02/LKT01/01"]
    assert await shop.numbers(statuses=["PARTLY_PAID", "PAID"]) == ["01/LKT01/01", "02/LKT01/01"]
    assert await shop.numbers(statuses=["OPEN", "PARTLY_PAID", "PAID", "WRITTEN_OFF", "VOID"]) == ALL
    assert await shop.numbers(statuses=[]) == []
    totals = "query($f: InvoiceFilter) { invoiceTotals(filter: $f) { count total allocated writtenOff outstanding } }"
    assert await shop.api.ask(totals, f={"statuses": ["OPEN", "PARTLY_PAID"]}) == {
        "count": 5, "total": 750_000, "allocated": 50_000, "writtenOff": 0, "outstanding": 700_000,
    }  # fmt: skip
    assert await shop.api.ask(totals, f={"statuses": []}) == dict.fromkeys(("count", "total", "allocated", "writtenOff", "outstanding"), 0)
    assert (await shop.api.ask(totals))["total"] == 900_000


async def test_overdue_is_decided_by_the_day_at_the_counter(shop: Shop) -> None:
    """February is due on the 20th. At night it is the 21st in Jayapura already, and still the 20th in Jakarta."""
    shop.api = Api(shop.isp.database, at=AT_NIGHT)
    await shop.api.sign_in()
    january = ALL[:3]
    assert await shop.numbers(overdue=True) == [*january, "02/LKT02/01"]
    assert await shop.numbers(overdue=True, order="DUE") == [*january, "02/LKT02/01"]
    assert await shop.numbers(overdue=False) == ["02/LKT01/01", "02/LKT01/02"]
    await shop.pays("Citra", 300_000, at=AT_NIGHT)
    assert await shop.numbers(overdue=True) == january[:2], "what is paid isn't overdue"


async def test_due_days_are_half_open(shop: Shop) -> None:
    assert await shop.numbers(dueFrom="2026-01-20", dueUntil="2026-01-21") == ALL[:3]
    assert await shop.numbers(dueUntil="2026-01-20") == []
    assert await shop.numbers(dueFrom="2026-01-21") == ALL[3:]


async def test_invoices_by_counter_customer_and_plan(shop: Shop) -> None:
    assert await shop.numbers(counterIds=[shop.counter("LKT02")]) == [ALL[2], ALL[5]]
    assert await shop.numbers(counterIds=[shop.counter("LKT01"), shop.counter("LKT02")]) == ALL
    assert await shop.numbers(counterIds=[]) == []
    assert await shop.numbers(customerId=f"cus_{shop.people['Budi']}") == [ALL[1], ALL[4]]
    assert await shop.numbers(planId=f"pla_{shop.isp.plan_id}") == ALL
    assert await shop.numbers(planId="pla_999") == []


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("susanto", ALL), ("budi", [ALL[1], ALL[4]]), ("C-", [ALL[2], ALL[5]]), ("-1", []), ("100%", []),
        ("INV/2026-02/LKT01/000002", [ALL[4]]), ("lkt01/2", [ALL[1], ALL[4]]), ("2026-01/LKT02/1", [ALL[2]]), ("000002", [ALL[1], ALL[4]]),
        ("7", []), ("INV/2026-13/LKT01/000002", []), (" ", ALL), ("99999999999999999999", []),
    ],
)  # fmt: skip
async def test_search_finds_invoices_by_customer_and_number(shop: Shop, search: str, found: list[str]) -> None:
    assert await shop.numbers(search=search) == found


async def test_an_invoice_by_its_number(shop: Shop) -> None:
    document = "query($n: String) { invoice(number: $n) { customerName } }"
    assert await shop.api.ask(document, n="INV/2026-01/LKT02/000001") == {"customerName": "Citra Susanto"}
    for unknown in ("INV/2026-01/LKT02/000009", "LKT02/1", "000001", "nothing", ""):
        assert await shop.api.ask(document, n=unknown) is None, unknown
    assert await shop.api.top_error('{ invoice(id: "inv_1", number: "INV/2026-01/LKT02/000001") { id } }') == "INVALID_ID"
    assert await shop.numbers(number="inv/2026-01/lkt02/000001") == [ALL[2]]
    assert await shop.numbers(number="000001") == []


async def test_a_collectors_own_takings(shop: Shop) -> None:
    """Siti takes 100 yesterday and hands it over; then 70 in cash and 30 by QRIS today. The admin takes 50 at the same counter."""
    await shop.pays("Andi", 100_000, to="siti")
    await shop.deposits("siti", 100_000, at=NOW + timedelta(hours=1))
    await shop.pays("Budi", 50_000, at=TOMORROW)
    await shop.pays("Andi", 70_000, to="siti", at=TOMORROW)
    await shop.pays("Budi", 30_000, to="siti", at=TOMORROW, method="QRIS")
    shop.api = Api(shop.isp.database, at=TOMORROW)
    await shop.api.sign_in("siti")
    assert await shop.receipts() == ["LKT01/01", "LKT01/02", "LKT01/03", "LKT01/04"]
    assert await shop.receipts(takings="TODAY") == ["LKT01/03", "LKT01/04"]
    assert await shop.receipts(takings="SINCE_DEPOSIT") == ["LKT01/03", "LKT01/04"]
    totals = "query($f: PaymentFilter) { paymentTotals(filter: $f) { count amount byMethod { method count amount } } }"
    found = await shop.api.ask(totals, f={"takings": "SINCE_DEPOSIT"})
    assert (found["count"], found["amount"]) == (2, 100_000)
    assert [(one["method"], one["count"], one["amount"]) for one in found["byMethod"] if one["count"]] == [
        ("CASH", 1, 70_000), ("QRIS", 1, 30_000),
    ]  # fmt: skip
    await shop.deposits("siti", 70_000, at=TOMORROW + timedelta(hours=1))
    assert await shop.receipts(takings="SINCE_DEPOSIT") == []
    async with shop.isp.write(TOMORROW + timedelta(hours=2)) as session:
        waiting = await session.value(text("SELECT max(id) FROM deposit"))
        await deposits.reject(session, waiting, reason="uang tidak ada", key="reject-it")
    assert await shop.receipts(takings="SINCE_DEPOSIT") == ["LKT01/03", "LKT01/04"], "a rejected deposit handed nothing over"


async def test_today_is_the_day_at_the_counter(shop: Shop) -> None:
    """Joko takes money in Jayapura at 1 o'clock on the 21st, when it is the 20th in Jakarta; an hour later it is still his today."""
    await shop.pays("Citra", 100_000, to="joko", at=AT_NIGHT - timedelta(hours=2))
    await shop.pays("Citra", 10_000, to="joko", at=AT_NIGHT)
    shop.api = Api(shop.isp.database, at=AT_NIGHT + timedelta(hours=1))
    await shop.api.sign_in("joko")
    assert await shop.receipts(takings="TODAY") == ["LKT02/02"]


async def test_payments_by_receiver_receipt_method_and_reversal(shop: Shop) -> None:
    wrong = await shop.pays("Andi", 40_000, to="siti")
    await shop.pays("Budi", 60_000, method="TRANSFER")
    async with shop.isp.write() as session:
        await corrections.reverse_payment(session, wrong, reason="salah orang", key="reverse-it")
    assert await shop.receipts(receiverId=f"usr_{shop.collectors['siti'].user_id}") == ["LKT01/01"]
    assert await shop.receipts(reversed=True) == ["LKT01/01"]
    assert await shop.receipts(reversed=False) == ["LKT01/02"]
    assert await shop.receipts(methods=["TRANSFER", "QRIS"]) == ["LKT01/02"]
    assert await shop.receipts(methods=[]) == []
    assert await shop.receipts(receiptNumber="KW/2026-02/LKT01/000002") == ["LKT01/02"]
    assert await shop.receipts(search="lkt01/2") == ["LKT01/02"]
    assert await shop.receipts(search="andi") == ["LKT01/01"]
    document = "query($n: String) { payment(receiptNumber: $n) { amount } }"
    assert await shop.api.ask(document, n="KW/2026-02/LKT01/000002") == {"amount": 60_000}
    assert await shop.api.ask(document, n="KW/2026-02/LKT02/000002") is None
    assert await shop.api.ask("{ paymentTotals { count amount reversed credit } }") == {
        "count": 2, "amount": 100_000, "reversed": 40_000, "credit": 0,
    }  # fmt: skip


async def test_deposits_by_status_day_and_counter(shop: Shop) -> None:
    """Siti hands over 60 of 100 on the 3rd and 40 on the 4th, Joko 30 on the 4th; the first is counted as 55."""
    await shop.pays("Andi", 100_000, to="siti")
    await shop.pays("Citra", 30_000, to="joko")
    first = await shop.deposits("siti", 60_000, at=NOW)
    await shop.deposits("siti", 40_000, at=TOMORROW)
    await shop.deposits("joko", 30_000, at=TOMORROW)
    async with shop.isp.write() as session:
        await deposits.verify(session, first, key="verify-it", counted=55_000)
    assert await shop.amounts() == [60_000, 40_000, 30_000]
    assert await shop.amounts(statuses=["SUBMITTED"]) == [40_000, 30_000]
    assert await shop.amounts(statuses=["SUBMITTED", "VERIFIED"], counterIds=[shop.counter("LKT01")]) == [60_000, 40_000]
    assert await shop.amounts(statuses=[]) == []
    assert await shop.amounts(depositedFrom="2026-02-04") == [40_000, 30_000]
    assert await shop.amounts(depositedUntil="2026-02-04") == [60_000]
    assert await shop.amounts(collectorId=f"usr_{shop.collectors['joko'].user_id}") == [30_000]
    assert await shop.amounts(type="TRANSFER") == []
    totals = "query($f: DepositFilter) { depositTotals(filter: $f) { count amount counted difference unsettled } }"
    assert await shop.api.ask(totals, f={"collectorId": f"usr_{shop.collectors['siti'].user_id}"}) == {
        "count": 2, "amount": 100_000, "counted": 55_000, "difference": -5_000, "unsettled": -5_000,
    }  # fmt: skip


async def test_a_clerk_gets_the_totals_of_their_counter_only(shop: Shop) -> None:
    await shop.pays("Andi", 10_000)
    await shop.pays("Citra", 500_000)
    await shop.api.sign_in("siti")
    document = "{ invoiceTotals { count outstanding } paymentTotals { count amount } depositTotals { count } }"
    assert (await shop.api.raw(document))["data"] == {
        "invoiceTotals": {"count": 4, "outstanding": 590_000}, "paymentTotals": {"count": 1, "amount": 10_000},
        "depositTotals": {"count": 0},
    }  # fmt: skip
    other = {"counterIds": [shop.counter("LKT02")]}
    assert await shop.api.ask("query($f: InvoiceFilter) { invoiceTotals(filter: $f) { count } }", f=other) == {"count": 0}


FACTS: Final = {
    "invoices": "total allocated writtenOff outstanding status",
    "payments": "amount credit method reversal { reason }",
    "deposits": "amount counted difference unsettled",
}


def sums(name: str, nodes: list[dict[str, Any]]) -> dict[str, int]:
    """What a list adds up to, by hand."""
    if name == "invoices":
        live = [node for node in nodes if node["status"] != "VOID"]
        return {"count": len(nodes)} | {key: sum(node[key] for node in live) for key in ("total", "allocated", "writtenOff", "outstanding")}
    if name == "payments":
        taken_back = sum(node["amount"] for node in nodes if node["reversal"])
        return {"count": len(nodes), "reversed": taken_back} | {key: sum(node[key] for node in nodes) for key in ("amount", "credit")}
    return {"count": len(nodes)} | {key: sum(node[key] for node in nodes) for key in ("amount", "counted", "difference", "unsettled")}


def by_method(payments: list[dict[str, Any]]) -> dict[str, dict[str, int]]:
    """What a list of payments adds up to by method, by hand."""
    of = {method.value: [one for one in payments if one["method"] == method.value] for method in PaymentMethod}
    return {
        method: {key: value for key, value in sums("payments", ones).items() if key in {"count", "amount", "reversed"}}
        for method, ones in of.items()
    }


def choices(shop: Shop) -> dict[str, dict[str, list[Any]]]:
    """What may stand in each filter."""
    counters = [[shop.counter("LKT01")], [shop.counter("LKT01"), shop.counter("LKT02")], []]
    days = ["2026-01-20", "2026-02-03", "2026-02-04", "2026-03-01"]
    people = [f"usr_{one.user_id}" for one in (*shop.collectors.values(), shop.isp.admin)]
    return {
        "invoices": {
            "month": ["2026-01", "2026-02"], "counterIds": counters, "overdue": [True, False], "dueFrom": days, "dueUntil": days,
            "statuses": [["OPEN"], ["PAID", "VOID"], ["OPEN", "PARTLY_PAID"], ["WRITTEN_OFF", "PARTLY_PAID"]],
            "search": ["susanto", "andi", "lkt01/1", "2"], "customerId": [f"cus_{shop.people['Andi']}"],
        },
        "payments": {
            "counterIds": counters, "receiverId": people, "methods": [["CASH"], ["QRIS", "TRANSFER"]], "reversed": [True, False],
            "receivedFrom": days, "receivedUntil": days, "search": ["susanto", "b-", "2"], "takings": ["TODAY", "SINCE_DEPOSIT"],
        },
        "deposits": {
            "counterIds": counters, "collectorId": people, "statuses": [["SUBMITTED"], ["VERIFIED", "REJECTED"]], "depositedFrom": days,
            "depositedUntil": days, "unsettled": [True, False], "withDifference": [True, False],
        },
    }  # fmt: skip


async def test_totals_are_what_the_lists_add_up_to(shop: Shop) -> None:
    """Any filter, as anybody: the totals beside a list are its sums."""
    chance = random.Random(19)
    for turn, method in enumerate(("CASH", "QRIS", "TRANSFER")):
        for name in ("Andi", "Budi", "Citra"):
            await shop.pays(name, 10_000 * (1 + turn) + 7, method=method, at=NOW + timedelta(days=turn % 2))
    await shop.pays("Andi", 900_000, to="siti")
    for day in (NOW, TOMORROW):
        await shop.deposits("siti", 50_000, at=day)
    async with shop.isp.write(TOMORROW) as session:
        last = await session.value(text("SELECT min(id) FROM payment"))
        await corrections.reverse_payment(session, last, reason="salah orang", key="reverse-it")
        await deposits.verify(session, await session.value(text("SELECT min(id) FROM deposit")), key="verify-it", counted=49_000)
        one = {"c": shop.isp.counters["LKT01"]}
        owed = await session.value(text("SELECT max(id) FROM invoice WHERE outstanding > 0 AND counter_id <> :c"), one)
        await corrections.write_off(session, owed, reason="pindah rumah", key="write-off")
        of_budi = await session.value(text("SELECT max(id) FROM invoice WHERE customer_id = :c"), {"c": shop.people["Budi"]})
        await corrections.void_invoice(session, of_budi, reason="salah paket", key="void-one", release_payments=True)
    met = dict.fromkeys(FACTS, 0)
    for user in ("admin", "siti"):
        shop.api = Api(shop.isp.database, at=TOMORROW)
        await shop.api.sign_in(user)
        for name, facts in FACTS.items():
            kind = name.capitalize().removesuffix("s")
            for _ in range(25):
                may = choices(shop)[name]
                chosen = {key: chance.choice(may[key]) for key in chance.sample(sorted(may), chance.randrange(3))}
                listed = (await shop.api.ask(
                    f"query($f: {kind}Filter) {{ {name}(filter: $f, first: 200) {{ nodes {{ {facts} }} }} }}", f=chosen
                ))["nodes"]  # fmt: skip
                wanted = sums(name, listed)
                totals = f"query($f: {kind}Filter) {{ {kind.lower()}Totals(filter: $f) {{ {' '.join(wanted)} }} }}"
                assert await shop.api.ask(totals, f=chosen) == wanted, (user, name, chosen)
                if name == "payments":
                    found = await shop.api.ask(
                        "query($f: PaymentFilter) { paymentTotals(filter: $f) { byMethod { method count amount reversed } } }", f=chosen
                    )
                    assert {one.pop("method"): one for one in found["byMethod"]} == by_method(listed)
                met[name] += bool(listed)
    assert min(met.values()) > 15, met


RECEIPT: Final = "receipt { number text32 text48 whatsApp link(paper: MM80) { url } }"


async def test_a_hundred_offline_payments_come_back_with_their_receipts(shop: Shop) -> None:
    """What a phone needs to print and to send stands in the answer of the batch, and is what `receipt` gives."""
    await shop.api.sign_in("siti")
    batch = [
        {"customerId": f"cus_{shop.people['Andi']}", "amount": 1_000 + number, "idempotencyKey": f"offline-{number:04d}"}
        for number in range(3)
    ]
    document = f"""mutation($input: RecordPaymentsInput!) {{ recordPayments(input: $input) {{
      results {{ payment {{ id {RECEIPT} }} errors {{ code }} }} errors {{ code }} }} }}"""
    results = (await shop.api.do(document, input={"payments": batch}))["results"]
    assert [one["payment"]["receipt"]["number"] for one in results] == [f"KW/2026-02/LKT01/00000{number}" for number in (1, 2, 3)]
    alone = f"query($id: ID!) {{ receipt(paymentId: $id) {{ {RECEIPT.removeprefix('receipt {')} }}"
    last = results[-1]["payment"]
    assert await shop.api.ask(alone, id=last["id"]) == last["receipt"]
    assert "Rp1.002" in last["receipt"]["whatsApp"]
    assert "Sisa tagihan" in last["receipt"]["text32"]
    pdf = await shop.api.http.get(last["receipt"]["link"]["url"])
    assert (pdf.status_code, pdf.content[:5]) == (200, b"%PDF-")


async def test_receipts_of_a_list_are_read_by_its_statement(committed: Database) -> None:
    shop = await Shop.make(committed)
    for number in range(12):
        await shop.pays("Andi", 1_000 + number)
    document = f"{{ payments(first: 200) {{ nodes {{ id {RECEIPT} }} }} }}"
    for _ in range(2):  # so that it is known that PostgreSQL alone can't write the answer
        await shop.api.ask(document)
    with counted_statements(shop.isp.database) as sent:
        nodes = (await shop.api.ask(document))["nodes"]
    assert len(nodes) == 12
    assert len(sent) <= 2, sent


async def test_a_receipt_hides_the_debts_of_a_customer_of_another_counter(shop: Shop) -> None:
    """Citra of LKT02 pays at LKT01: her receipt there says what was paid, and not what she still owes."""
    async with shop.isp.write() as session:
        await session.execute(
            text("INSERT INTO user_counter SELECT id, :c FROM app_user WHERE username = 'siti'"), {"c": shop.isp.counters["LKT02"]}
        )
    await shop.isp.pay(shop.people["Citra"], 100_000, counter_id=shop.isp.counters["LKT01"])
    document = "{ payments { nodes { receipt { whatsApp } } } }"
    await shop.api.sign_in("siti")
    assert "Sisa tagihan: *Rp200.000*" in str(await shop.api.ask(document)), "she sees both"
    async with shop.isp.write() as session:
        await session.execute(text("DELETE FROM user_counter WHERE counter_id = :c"), {"c": shop.isp.counters["LKT02"]})
    await shop.api.sign_in("siti")
    assert "Sisa tagihan" not in str(await shop.api.ask(document))


async def test_the_proof_of_a_deposit_comes_with_its_link(shop: Shop) -> None:
    await shop.pays("Andi", 100_000, to="siti")
    await shop.api.sign_in("siti")
    page = await shop.api.ask("{ deposits { nodes { proof { mediaType link { url } } } } }")
    assert page["nodes"] == []
    deposit_id = await shop.deposits("siti", 10_000, at=NOW)
    async with shop.isp.write() as session:
        proof = await session.value(
            text(
                "INSERT INTO proof (object_key, media_type, size_bytes, sha256, uploaded_at)"
                " VALUES ('a.pdf', 'application/pdf', 9, '', :at) RETURNING id"
            ),
            {"at": NOW},
        )
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        await session.execute(text("UPDATE deposit SET proof_id = :p WHERE id = :d"), {"p": proof, "d": deposit_id})
    (node,) = (await shop.api.ask("{ deposits { nodes { id proof { mediaType link { url } } } } }"))["nodes"]
    same = await shop.api.ask("query($id: ID!) { proofLink(depositId: $id) { url } }", id=node["id"])
    assert node["proof"] == {"mediaType": "application/pdf", "link": same}


async def test_what_moves_cash_comes_back_with_the_drawer(shop: Shop) -> None:
    """So that a cache shows the cash on hand of now: after a payment, a deposit and its verification; by QRIS no drawer is moved."""
    drawer, person = "drawer { id onHand waiting }", f"cus_{shop.people['Andi']}"
    await shop.api.sign_in("siti")
    pay = f"mutation($input: RecordPaymentInput!) {{ recordPayment(input: $input) {{ payment {{ {drawer} }} errors {{ code }} }} }}"
    cash = {"customerId": person, "amount": 100_000, "idempotencyKey": "pays-in-cash"}
    paid = (await shop.api.do(pay, input=cash))["payment"]["drawer"]
    drawer_id = f"drw_{shop.isp.counters['LKT01']}_{shop.collectors['siti'].user_id}"
    assert paid == {"id": drawer_id, "onHand": 100_000, "waiting": 0}
    by_qris = cash | {"method": "QRIS", "idempotencyKey": "pays-by-qris"}
    assert (await shop.api.do(pay, input=by_qris))["payment"]["drawer"] is None
    submit = f"mutation($input: SubmitDepositInput!) {{ submitDeposit(input: $input) {{ deposit {{ id {drawer} }} errors {{ code }} }} }}"
    given = {"counterId": shop.counter("LKT01"), "amount": 60_000, "idempotencyKey": "hands-over"}
    deposit = (await shop.api.do(submit, input=given))["deposit"]
    assert deposit["drawer"] == {"id": drawer_id, "onHand": 100_000, "waiting": 60_000}
    await shop.api.sign_in()
    verify = f"mutation($input: VerifyDepositInput!) {{ verifyDeposit(input: $input) {{ deposit {{ {drawer} }} errors {{ code }} }} }}"
    verified = await shop.api.do(verify, input={"depositId": deposit["id"], "idempotencyKey": "counts-it"})
    assert verified["deposit"]["drawer"] == {"id": drawer_id, "onHand": 40_000, "waiting": 0}
    await shop.pays("Citra", 10_000)
    await shop.api.sign_in("joko")
    document = "{ payments { nodes { drawer { onHand } } } }"
    assert (await shop.api.ask(document))["nodes"] == [{"drawer": {"onHand": 10_000}}], "of a colleague at the same counter"


async def test_no_drawer_of_another_counter_is_shown(shop: Shop) -> None:
    """Citra of Joko's counter pays at Siti's: he sees the payment with his customer, and not Siti's cash."""
    await shop.isp.pay(shop.people["Citra"], 100_000, counter_id=shop.isp.counters["LKT01"])
    await shop.api.sign_in("joko")
    document = "query($id: ID!) { customer(id: $id) { lastPayments { amount drawer { onHand } } } }"
    found = await shop.api.ask(document, id=f"cus_{shop.people['Citra']}")
    assert found == {"lastPayments": [{"amount": 100_000, "drawer": None}]}
