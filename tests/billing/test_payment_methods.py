"""Whatever holds of every payment method, also of those that come later: it derives from what the method declares."""

import pytest
from graphql import GraphQLEnumType

from sebilling.actor import EVERYWHERE
from sebilling.billing import corrections, receipts, reports
from sebilling.billing.journal import Account
from sebilling.billing.payments import PaymentMethod
from sebilling.billing.reports import Report
from sebilling.db.engine import Database
from sebilling.errors import InvalidText
from sebilling.printing.receipt_text import receipt_text, whatsapp_text
from sebilling.schema.build import build_schema
from tests.harness import FEBRUARY, Isp

RECEIVABLE = [method for method in PaymentMethod if method.account is not Account.OPENING_BALANCE]


@pytest.mark.parametrize("method", RECEIVABLE)
async def test_it_is_booked_and_named_as_it_declares(database: Database, method: PaymentMethod) -> None:
    isp = await Isp.make(database)
    customer_id = await isp.customer()
    await isp.open()
    await isp.generate()
    paid = await isp.pay(customer_id, 200_000, method=method)
    async with isp.write() as session:
        await corrections.refund(session, paid.payment_id, method=method, reason="lebih", key="refunded-once", amount=10_000)
    await isp.check()
    assert await isp.rows("SELECT debit, credit, amount FROM journal WHERE document IN ('payment', 'refund') ORDER BY document") == [
        (method.account, "CREDIT", 200_000),
        ("CREDIT", method.account, 10_000),
    ]
    assert await isp.rows("SELECT on_hand FROM drawer") == ([(190_000,)] if method is PaymentMethod.CASH else [])
    async with database.reading() as session:
        receipt = await receipts.read(session, paid.payment_id, scope=EVERYWHERE)
    assert f"Metode    : {method.indonesian}" in receipt_text(receipt, columns=48)
    assert f"Metode: {method.indonesian}\n" in whatsapp_text(receipt)
    async with database.snapshot() as snapshot:
        (payment,) = [row async for row in reports.rows(snapshot, Report.PAYMENTS, FEBRUARY, scope=EVERYWHERE)]
        journal = [row async for row in reports.rows(snapshot, Report.JOURNAL, FEBRUARY, scope=EVERYWHERE)]
    assert method.indonesian in payment
    assert {method.account.indonesian} == {row[4] for row in journal if row[1] == "Pembayaran"}
    assert {method.account.indonesian} == {row[5] for row in journal if row[1] == "Pengembalian titipan"}


async def test_opening_balances_are_never_received(database: Database) -> None:
    isp = await Isp.make(database)
    for method in set(PaymentMethod) - set(RECEIVABLE):
        with pytest.raises(InvalidText):
            await isp.pay(await isp.customer(), 1_000, method=method)


def test_the_api_knows_each_with_its_description() -> None:
    enum = build_schema()._schema.type_map["PaymentMethod"]
    assert isinstance(enum, GraphQLEnumType)
    assert {name: value.description for name, value in enum.values.items()} == {method.name: method.english for method in PaymentMethod}


def test_each_has_names_of_its_own() -> None:
    assert len({method.indonesian for method in PaymentMethod}) == len({method.english for method in PaymentMethod}) == len(PaymentMethod)
    assert all(method.value == method.name for method in PaymentMethod)
