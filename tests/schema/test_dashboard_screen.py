"""Dashboard and periods as a screen draws them: figures worked out by hand, for all counters and for one."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any, Final

import pytest_asyncio
from sqlalchemy import text

from sebilling.billing import corrections, periods
from sebilling.clock import Month
from sebilling.db.engine import Database
from tests.harness import Api
from tests.schema.shop import JANUARY, Shop

LATE: Final = datetime(2026, 4, 1, 3, 0, tzinfo=UTC)
"""10 o'clock on 1 April in Jakarta."""
MARCH: Final = Month(2026, 3)


def at(month: int, day: int) -> datetime:
    return datetime(2026, month, day, 3, 0, tzinfo=UTC)


@pytest_asyncio.fixture
async def shop(database: Database) -> AsyncIterator[Shop]:
    """January and February at Rp150.000 each for Andi, Budi (LKT01) and Citra (LKT02), due on the 20th; on 1 April, January's debts are
    71 days old and February's 40. Andi paid January on 25 January and February by QRIS on 10 February; Budi 50.000 on 5 March, and 20.000
    on 1 April; a payment of Citra's of 28 March was reversed on 1 April, and February of Citra written off by 30.000.
    """
    made = await Shop.make(database)
    await made.pays("Andi", 150_000, at=at(1, 25))
    await made.pays("Andi", 150_000, at=at(2, 10), method="QRIS")
    await made.pays("Budi", 50_000, at=at(3, 5))
    await made.pays("Budi", 20_000, at=LATE)
    wrong = await made.pays("Citra", 90_000, at=at(3, 28))
    async with made.isp.write(LATE) as session:
        await corrections.reverse_payment(session, wrong, reason="salah orang", key="reversed-1")
        last = await session.value(text("SELECT max(id) FROM invoice WHERE customer_id = :c"), {"c": made.people["Citra"]})
        await corrections.write_off(session, last, reason="gangguan", key="write-off", amount=30_000)
    made.api = Api(database, at=LATE)
    await made.api.sign_in()
    yield made
    await made.isp.check()


MONEY = "{ dashboard { months { month billed received outstanding } methods { method payments received }"
MONEY += " debts { age invoices customers amount } } }"


async def test_twelve_months_and_the_age_of_debts(shop: Shop) -> None:
    found = await shop.api.ask(MONEY)
    assert [month["month"] for month in found["months"]] == [f"2025-{n:02d}" for n in range(5, 13)] + [f"2026-{n:02d}" for n in range(1, 5)]
    figures = {month.pop("month"): tuple(month.values()) for month in found["months"]}
    assert {month: of for month, of in figures.items() if any(of)} == {
        "2026-01": (450_000, 150_000, 80_000 + 150_000),
        "2026-02": (450_000, 150_000, 150_000 + 120_000),
        "2026-03": (0, 50_000 + 90_000, 0),
        "2026-04": (0, 20_000 - 90_000, 0),
    }
    assert found["methods"] == [{"method": "CASH", "payments": 1, "received": 20_000 - 90_000}]
    assert [tuple(debt.values()) for debt in found["debts"]] == [
        ("NOT_DUE", 0, 0, 0), ("UP_TO_30", 0, 0, 0), ("FROM_31_TO_60", 2, 2, 270_000), ("FROM_61_TO_90", 2, 2, 230_000),
        ("OVER_90", 0, 0, 0),
    ]  # fmt: skip


AGES: Final = (
    (at(2, 20), "NOT_DUE"), (at(2, 21), "UP_TO_30"), (at(3, 22), "UP_TO_30"), (at(3, 23), "FROM_31_TO_60"), (at(4, 21), "FROM_31_TO_60"),
    (at(4, 22), "FROM_61_TO_90"), (at(5, 21), "FROM_61_TO_90"), (at(5, 22), "OVER_90"),
)  # fmt: skip
"""February is due on 20 February: 30 days old on 22 March, 31 on 23 March, 60 on 21 April, 90 on 21 May."""


async def test_ages_change_at_their_days(shop: Shop) -> None:
    for day, age in AGES:
        shop.api = Api(shop.isp.database, at=day)
        await shop.api.sign_in()
        found = {debt["age"]: debt["amount"] for debt in (await shop.api.ask(MONEY))["debts"]}
        assert sum(found.values()) == 500_000
        assert found[age] == (500_000 if age == "OVER_90" else 270_000), (day, found)


TOTALS = "receivedToday paymentsToday receivedThisMonth paymentsThisMonth billedThisMonth outstanding cashOnHand blockedCustomers"


async def test_the_total_is_the_sum_of_the_counters(shop: Shop) -> None:
    found = await shop.api.ask(f"{{ dashboard {{ total {{ {TOTALS} }} counters {{ id counter {{ code }} {TOTALS} }} }} }}")
    one, two = found["counters"]
    assert [one.pop("id"), two.pop("id")] == [f"fig_{shop.isp.counters['LKT01']}", f"fig_{shop.isp.counters['LKT02']}"]
    assert [one.pop("counter"), two.pop("counter")] == [{"code": "LKT01"}, {"code": "LKT02"}]
    assert found["total"] == {name: one[name] + two[name] for name in one}
    assert found["total"] == {
        "receivedToday": -70_000, "paymentsToday": 1, "receivedThisMonth": -70_000, "paymentsThisMonth": 1, "billedThisMonth": 0,
        "outstanding": 500_000, "cashOnHand": 220_000, "blockedCustomers": 0,
    }  # fmt: skip
    shop.api = Api(shop.isp.database, at=at(2, 10))
    await shop.api.sign_in()
    assert (await shop.api.ask("{ dashboard { total { billedThisMonth receivedToday } } }"))["total"] == {
        "billedThisMonth": 450_000, "receivedToday": 150_000,
    }  # fmt: skip


async def attention(shop: Shop) -> list[tuple[Any, ...]]:
    found = (await shop.api.ask("{ dashboard { attention { kind count amount list } } }"))["attention"]
    for one in found:  # each leads to a root field that exists
        if "inSync" not in one["list"]:
            assert await shop.api.ask(f"{{ {one['list']} {{ __typename }} }}")
    return [(one["kind"], one["count"], one["amount"]) for one in found]


async def test_what_needs_attention(shop: Shop) -> None:
    """April isn't open; when it is, nothing is generated; Siti hands Rp10 over; Andi pays Rp40 too much; a device is away; a hold waits."""
    assert await attention(shop) == [("PERIOD_NOT_OPEN", 1, None)]
    await shop.isp.open(Month(2026, 4))
    assert await attention(shop) == [("PERIODS_NOT_GENERATED", 1, None)]
    await shop.isp.generate(Month(2026, 4), counters=[shop.isp.counters["LKT01"]], at=LATE)
    assert await attention(shop) == [("PERIODS_NOT_GENERATED", 1, None)], "LKT02 is missing"
    await shop.isp.generate(Month(2026, 4), at=LATE)
    assert await attention(shop) == []
    await shop.pays("Andi", 150_040, to="siti", at=LATE)
    await shop.deposits("siti", 10, at=LATE)
    async with shop.isp.write() as session:
        await session.execute(text("INSERT INTO isolation_hold (held_at, would_block, of_active) VALUES (now(), 57, 58)"))
        await session.execute(
            text(
                "INSERT INTO device (name, kind, config, config_version, enabled, created_at, problems, facts, next_at, failures,"
                " reachable) SELECT 'R' || n, 'x', '', 1, n < 3, now(), '[]', '{}', now(), 0, n = 1 FROM generate_series(1, 3) n"
            )
        )
    money = [("DEPOSITS_TO_VERIFY", 1, 10), ("UNRESOLVED_MONEY", 1, 40)]
    assert await attention(shop) == [*money, ("HOLDS", 1, None), ("DEVICES_AWAY", 1, None)]
    await shop.api.sign_in("siti")
    assert await attention(shop) == money, "what is the head office's isn't hers"
    await shop.api.sign_in("joko")
    assert await attention(shop) == []


async def test_a_collector_sees_the_money_of_their_counter(shop: Shop) -> None:
    await shop.api.sign_in("joko")
    found = await shop.api.ask(MONEY)
    assert [tuple(month.values()) for month in found["months"] if any([month["billed"], month["received"]])] == [
        ("2026-01", 150_000, 0, 150_000), ("2026-02", 150_000, 0, 120_000), ("2026-03", 0, 90_000, 0), ("2026-04", 0, -90_000, 0),
    ]  # fmt: skip
    assert sum(debt["amount"] for debt in found["debts"]) == 270_000
    assert (await shop.api.ask("{ dashboard { total { outstanding } counters { id } } }"))["total"] == {"outstanding": 270_000}


PERIODS = "{ periods { nodes { month totals { invoices billed allocated writtenOff outstanding paidShare } } } }"


async def test_totals_of_periods(shop: Shop) -> None:
    """One of February's invoices is voided: Budi's, of which nothing is paid."""
    async with shop.isp.write(LATE) as session:
        last = await session.value(text("SELECT max(id) FROM invoice WHERE customer_id = :c"), {"c": shop.people["Budi"]})
        await corrections.void_invoice(session, last, reason="salah paket", key="void-one")
    await shop.isp.open(MARCH)
    march, february, january = (await shop.api.ask(PERIODS))["nodes"]
    names = ("invoices", "billed", "allocated", "writtenOff", "outstanding", "paidShare")
    assert [january["totals"][name] for name in names] == [3, 450_000, 220_000, 0, 230_000, "48.89"]
    assert [february["totals"][name] for name in names] == [3, 300_000, 150_000, 30_000, 120_000, "50"]
    assert [march["totals"][name] for name in names] == [0, 0, 0, 0, 0, None]
    await shop.api.sign_in("joko")
    of_joko = (await shop.api.ask(PERIODS))["nodes"]
    assert [period["totals"]["billed"] for period in of_joko] == [0, 150_000, 150_000]
    assert of_joko[1]["totals"]["paidShare"] == "0"


async def test_one_month_with_its_runs_and_who_is_missing(shop: Shop) -> None:
    """Dewi is installed in February, Eko in March; Fani is inactive. February has a run already; Dewi's invoice is missing."""
    for name, installed, active in (("Dewi", "2026-02-10", True), ("Eko", "2026-03-01", True), ("Fani", "2026-01-01", False)):
        await shop.isp.customer(name, name=name, installed_on=datetime.fromisoformat(installed).date(), active=active)
    document = "query($m: Month!) { period(month: $m) { runs { status issued totalAmount } } recap(month: $m) { id notInvoiced } }"
    answer = await shop.api.raw(document, m="2026-02")
    assert answer["data"]["period"]["runs"] == [{"status": "FINISHED", "issued": 3, "totalAmount": 450_000}]
    period = await shop.isp.value("SELECT id FROM period WHERE month = '2026-02-01'")
    one, two = (shop.isp.counters[code] for code in ("LKT01", "LKT02"))
    assert answer["data"]["recap"] == [
        {"id": f"rcp_{period}_{one}", "notInvoiced": 1}, {"id": f"rcp_{period}_{two}", "notInvoiced": 0},
    ]  # fmt: skip
    async with shop.isp.write(LATE) as session:
        await periods.close(session, JANUARY, incomplete=True)
    assert [recap["notInvoiced"] for recap in await shop.api.ask('{ recap(month: "2026-01") { notInvoiced } }')] == [None, None]
    await shop.api.sign_in("siti")
    answer = await shop.api.raw(document, m="2026-02")
    assert answer["data"]["period"] == {"runs": None}
    assert [error["path"] for error in answer["errors"]] == [["period", "runs"]]
