"""Lists of invoices, payments and deposits as a screen filters them, with their totals: what is found, and what it adds up to."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from sqlalchemy import text

from sebilling.billing import corrections, deposits
from sebilling.billing.payments import PaymentMethod
from tests.harness import NOW, Api
from tests.schema.shop import Shop

TOMORROW: Final = NOW + timedelta(days=1)
AT_NIGHT: Final = datetime(2026, 2, 20, 16, 0, tzinfo=UTC)
"""23 o'clock on 20 February in Jakarta, and 1 o'clock on 21 February in Jayapura."""
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
