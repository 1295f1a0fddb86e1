"""What stands beside payments and deposits on a screen: receipts, proofs and the drawer that was moved."""

from typing import Final

from sqlalchemy import text

from sebilling.db.engine import Database
from tests.harness import NOW, counted_statements
from tests.schema.shop import Shop

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
