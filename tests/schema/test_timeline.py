"""A customer's timeline: everything that happened to them, newest first, in words, page by page."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from sebilling.actor import Role
from sebilling.billing import charges, corrections, customers, plans
from sebilling.billing.charges import ChargeKind
from sebilling.billing.isolation import policy, promises
from sebilling.billing.isolation.policy import IsolationMode
from sebilling.db.engine import Database
from sebilling.events import KINDS
from sebilling.schema import timeline_sentences
from sebilling.schema.timeline import TimelineKind
from tests.harness import NOW, Api, Isp, make_user

DOCUMENT = """query($c: ID!, $first: Int! = 50, $after: String, $kinds: [TimelineKind!]) {
  customerTimeline(customerId: $c, first: $first, after: $after, filter: {kinds: $kinds}) {
    totalCount nodes { id at kind text amount actor subjectId invoice { number } payment { amount receiptNumber } }
    pageInfo { hasNextPage endCursor } } }"""
_ABOUT_MANY = {"generation.started"}
"""Kinds with a customer's id that the timeline leaves out: their invoice is there."""


def at(minutes: int) -> datetime:
    return NOW + timedelta(minutes=minutes)


@pytest_asyncio.fixture
async def isp(database: Database) -> Isp:
    made = await Isp.make(database, "LKT01", "LKT02")
    async with made.write() as session:
        await make_user(session, "kasir", Role.CLERK, "LKT01")
        await make_user(session, "kasir.lain", Role.CLERK, "LKT02")
        await make_user(session, "teknisi", Role.TECHNICIAN)
    return made


@pytest_asyncio.fixture
async def customer_id(isp: Isp) -> int:
    """A customer with a life: billed, paid twice (once by mistake), promised, moved to a dearer plan and to another address."""
    customer = await isp.customer("A", name="Ani", address="Jl. Mawar 5")
    await isp.customer("B", name="Budi")
    await isp.open()
    await isp.generate(at=at(1))
    mistaken = await isp.pay(customer, 100_000, at=at(2))
    async with isp.write(at(3)) as session:
        await corrections.reverse_payment(session, mistaken.payment_id, reason="salah pelanggan", key="batal-satu")
    async with isp.write(at(4)) as session:
        await policy.set_policy(session, mode=IsolationMode.FROM_INVOICE, days=0)
        await promises.record(session, customer, until_on=date(2026, 2, 20), reason="gajian")
    async with isp.write(at(5)) as session:
        dearer = await plans.create(session, name="Home 50M", price=300_000)
        await customers.update(session, customer, plan_id=dearer, address="Jl. Melati 9", price=275_000)
    async with isp.write(at(6)) as session:
        await charges.add(session, customer, kind=ChargeKind.CABLE, amount=50_000, description="kabel 20 m", key="kabel-satu")
    await isp.pay(customer, 150_000, at=at(7))
    return customer


async def shown(api: Api, customer_id: int, **variables: Any) -> Any:
    return await api.ask(DOCUMENT, c=f"cus_{customer_id}", **variables)


async def test_a_customers_life_newest_first(database: Database, isp: Isp, customer_id: int) -> None:
    api = Api(database, at=at(9))
    await api.sign_in()
    entries = (await shown(api, customer_id))["nodes"]
    assert [(one["kind"], one["text"], one["amount"]) for one in entries] == [
        ("PAYMENT_RECORDED", "Paid Rp150.000 (Cash).", 150_000),
        ("CHARGE_ADDED", "Charge of Rp50.000 added: kabel 20 m", 50_000),
        ("CUSTOMER_CHANGED", "Changed: plan Home 10M → Home 50M; address Jl. Mawar 5 → Jl. Melati 9; agreed price none → Rp275.000.", None),
        ("PROMISED", "Promised to pay until 2026-02-20: gajian", None),
        ("PAYMENT_REVERSED", "Payment of Rp100.000 reversed: salah pelanggan", 100_000),
        ("PAYMENT_RECORDED", "Paid Rp100.000 (Cash).", 100_000),
        ("INVOICE_ISSUED", "Invoice INV/2026-02/LKT01/000001 issued: Rp150.000, due on 2026-02-20.", 150_000),
        ("CUSTOMER_CREATED", "Customer added.", None),
    ]
    assert {one["actor"] for one in entries} == {"admin"}
    paid, charged, *_, issued, created = entries
    assert paid["subjectId"] == f"pay_{await isp.value('SELECT max(id) FROM payment')}"
    assert paid["payment"]["amount"] == 150_000
    assert charged["subjectId"] == f"chg_{await isp.value('SELECT id FROM charge')}"
    assert issued["invoice"] == {"number": "INV/2026-02/LKT01/000001"}
    assert (created["subjectId"], created["invoice"], created["payment"]) == (f"cus_{customer_id}", None, None)
    assert len({one["id"] for one in entries}) == len(entries)


async def test_it_is_told_in_the_callers_language(database: Database, customer_id: int) -> None:
    api = Api(database, at=at(9))
    await api.sign_in()
    api.headers["Accept-Language"] = "id"
    texts = [one["text"] for one in (await shown(api, customer_id, kinds=["PAYMENT_RECORDED", "PROMISED"]))["nodes"]]
    assert texts == ["Membayar Rp150.000 (Tunai).", "Janji bayar sampai 2026-02-20: gajian", "Membayar Rp100.000 (Tunai)."]


async def test_pages_join_without_gap_or_repetition_while_entries_are_added(database: Database, isp: Isp, customer_id: int) -> None:
    api = Api(database, at=at(9))
    await api.sign_in()
    whole = [one["id"] for one in (await shown(api, customer_id))["nodes"]]
    seen: list[str] = []
    after = None
    while True:
        page = await shown(api, customer_id, first=3, after=after)
        seen += [one["id"] for one in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
        await isp.pay(customer_id, 1_000, at=at(20))
    assert seen == whole


async def test_what_happens_at_one_instant_is_told_in_the_order_of_writing(database: Database, isp: Isp) -> None:
    customer = await isp.customer("A")
    await isp.open()
    await isp.generate()
    await isp.pay(customer, 150_000)
    invoice_id = await isp.value("SELECT id FROM invoice")
    async with isp.write() as session:
        await corrections.void_invoice(session, invoice_id, reason="salah paket", key="batal-tagihan", release_payments=True)
    api = Api(database)
    await api.sign_in()
    kinds = [one["kind"] for one in (await shown(api, customer))["nodes"]]
    assert kinds[:2] == ["INVOICE_VOIDED", "PAYMENT_RECORDED"]


async def test_only_who_may_see_the_customer_sees_it(database: Database, isp: Isp, customer_id: int) -> None:
    other = await isp.customer("LAIN", counter="LKT02")
    api = Api(database, at=at(9))
    await api.sign_in("kasir")
    assert (await shown(api, customer_id))["totalCount"] == 8
    assert (await shown(api, other)) == {"totalCount": 0, "nodes": [], "pageInfo": {"hasNextPage": False, "endCursor": None}}
    await api.sign_in("kasir.lain")
    assert (await shown(api, customer_id))["totalCount"] == 0
    assert (await shown(api, other))["totalCount"] == 1
    await api.sign_in("teknisi")
    assert await api.top_error(DOCUMENT, c=f"cus_{customer_id}") == "FORBIDDEN"


async def test_a_moved_customer_takes_their_timeline_along(database: Database, isp: Isp, customer_id: int) -> None:
    async with isp.write(at(10)) as session:
        await customers.update(session, customer_id, counter_id=isp.counters["LKT02"])
    api = Api(database, at=at(11))
    await api.sign_in("kasir.lain")
    entries = (await shown(api, customer_id))["nodes"]
    assert entries[0]["text"] == "Changed: counter Loket LKT01 → Loket LKT02."
    assert entries[1]["payment"]["amount"] == 150_000, "their payments are seen with them, at whatever counter they were made"
    await api.sign_in("kasir")
    assert (await shown(api, customer_id))["totalCount"] == 0


def test_every_kind_about_one_customer_has_its_place() -> None:
    of_one = {kind.text for kind in KINDS.values() if kind.per_customer or "customer" in kind.subjects} - _ABOUT_MANY
    assert {kind.value for kind in TimelineKind} == of_one | {"invoice.issued"} == timeline_sentences.kinds()


@pytest.mark.parametrize(
    ("kind", "data", "told"),
    [
        (
            "isolation.block_wanted",
            {"reason": "OVERDUE", "note": None, "invoice_id": "inv_1", "amount": 5_000, "block_on": "2026-02-13"},
            "To be blocked: Rp5.000 overdue on 2026-02-13.",
        ),
        ("isolation.block_wanted", {"reason": "BY_HAND", "note": "kabel dicuri"}, "To be blocked: kabel dicuri"),
        ("isolation.restore_wanted", {"reason": "BY_HAND", "note": "sudah lapor"}, "To be restored: sudah lapor"),
        ("isolation.restore_wanted", {"reason": "NOT_OVERDUE", "note": None}, "To be restored: nothing is overdue any more."),
        ("isolation.failed", {"error": {"en": "It is away.", "id": "Mati."}}, "The device did not carry it out: It is away."),
        ("customer.paused", {"from_on": "2026-03-01", "until_on": None, "reason": None}, "Paused from 2026-03-01."),
        (
            "customer.paused",
            {"from_on": "2026-03-01", "until_on": "2026-05-01", "reason": "mudik"},
            "Paused from 2026-03-01 until 2026-05-01.",
        ),
        (
            "isolation.policy_set",
            {"after": {"mode": "FROM_INVOICE", "days": 3, "minimum": 1}},
            "Own isolation policy: FROM_INVOICE, 3 days, from Rp1.",
        ),
        (
            "customer.billing_set",
            {"before": None, "after": {"months": 3, "effective_from": "2026-03-01"}},
            "Billing cycle of 3 months from 2026-03-01.",
        ),
        ("credit.refunded", {"amount": 7, "method": "TRANSFER", "reason": "pindah"}, "Credit of Rp7 refunded (Bank transfer): pindah"),
        ("discount.created", {"description": "promo", "from_on": "2026-02-01"}, "Discount from 2026-02-01 added: promo"),
    ],
)
def test_sentences(kind: str, data: dict[str, Any], told: str) -> None:
    assert timeline_sentences.sentence(kind, data, names={}, language="en") == told
