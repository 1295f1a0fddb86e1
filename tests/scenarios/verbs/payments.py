"""Payments, credit, receipts, and what a customer owes."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from tests.scenarios.book import PAYMENT, Book, plain
from tests.scenarios.sentences import Mention, Outcome, Refused, says


def _paid(found: Any) -> Outcome:
    zone = ZoneInfo(found["counter"]["timezone"])
    local = {name: datetime.fromisoformat(found[name]).astimezone(zone) for name in ("collectedAt", "receivedAt")}
    return {
        "amount": found["amount"], "number": found["receiptNumber"], "credit": found["credit"], "refunded": found["refunded"],
        "because": found["surplusReason"], "method": found["method"], "received on": found["receivedOn"], "by": found["receivedBy"]["name"],
        "at": found["counter"]["code"], "note": found["note"], "reversed": found["reversal"] is not None,
        "reversed on": found["reversal"] and found["reversal"]["reversedOn"],
        "collected": f"{local['collectedAt']:%Y-%m-%d %H:%M}", "received": f"{local['receivedAt']:%Y-%m-%d %H:%M}",
        "settles": [f"{part['invoice']['period']['month']} {part['amount']}" for part in found["allocations"]],
    }  # fmt: skip


@says(
    "take(s) {amount} from {customer}[ by {method}][ at {counter}][ for {months}[ of {owner:customer}]][ for {invoice}]"
    "[ collected {when}][ noting {note:quoted}][ with key {key}]"
)
async def take(book: Book, *, amount: int, customer: str, key: str | None = None, **words: Any) -> Outcome:
    named = [f"invoice of {words.get('owner', customer)} in {month}" for month in words.get("months", ())]
    named += [words["invoice"]] if "invoice" in words else []
    collected = None
    if "when" in words:
        zone = ZoneInfo(book.zones[words.get("counter", customer)])
        collected = datetime.fromisoformat(words["when"]).replace(tzinfo=zone).astimezone(UTC).isoformat()
    made = await book.mutate(
        "recordPayment", f"replayed payment {{ {PAYMENT} }}", customerId=book.ids[customer], amount=amount, idempotencyKey=book.key(key),
        method=words.get("method"), counterId=words.get("counter") and book.ids[words["counter"]], collectedAt=collected,
        note=words.get("note"), invoiceIds=[(await book.invoice(name))["id"] for name in named] or None,
    )  # fmt: skip
    first = book.paid.setdefault(f"{book.step.who} {book.key(key)}", made["payment"]["id"])
    assert first == made["payment"]["id"], "the same key gave another payment"
    return {**_paid(made["payment"]), "replayed": made["replayed"]}


@says("preview(s) {amount} from {customer}[ for {months}]")
async def preview_payment(book: Book, *, amount: int, customer: str, months: tuple[str, ...] = ()) -> Outcome:
    selection = "outstanding credit allocations { invoiceNumber amount remaining } warnings { code text }"
    call = "previewPayment(customerId: $c, amount: $a, invoiceIds: $i)"
    document = f"query($c: ID!, $a: Rupiah!, $i: [ID!]) {{ {call} {{ {selection} }} }}"
    named = [(await book.invoice(f"invoice of {customer} in {month}"))["id"] for month in months]
    found = await book.ask(document, c=book.ids[customer], a=amount, i=named or None)
    return {
        "owes": found["outstanding"], "credit": found["credit"], "warnings": [one["code"] for one in found["warnings"]],
        "settles": [f"{one['invoiceNumber'].split('/')[1]} {one['amount']}" for one in found["allocations"]],
        "leaves": [one["remaining"] for one in found["allocations"]],
    }  # fmt: skip


@says("reverse(s) {payment} because {reason:quoted}[ with key {key}]")
async def reverse(book: Book, *, payment: str, reason: str, key: str | None = None) -> Outcome:
    payment_id = (await book.payment(payment))["id"]
    made = await book.mutate("reversePayment", "replayed", paymentId=payment_id, reason=reason, idempotencyKey=book.key(key))
    return {"replayed": made["replayed"]}


@says("refund(s) [{amount} of ]{payment} (in|by) {method}[ out of the drawer of {user}] because {reason:quoted}")
async def refund(book: Book, *, payment: str, method: str, reason: str, amount: int | None = None, user: str | None = None) -> None:
    given = {"paymentId": (await book.payment(payment))["id"], "method": method, "reason": reason, "amount": amount}
    await book.mutate("refundCredit", collectorId=user and book.ids[user], idempotencyKey=book.key(None), **given)


@says("hold(s) {payment} because {reason:quoted}[ with key {key}]")
async def hold(book: Book, *, payment: str, reason: str, key: str | None = None) -> Outcome:
    given = {"paymentId": (await book.payment(payment))["id"], "reason": reason, "idempotencyKey": book.key(key)}
    return {"replayed": (await book.mutate("holdCredit", "replayed", **given))["replayed"]}


@says("reverse(s) refund of {payment} because {reason:quoted}")
async def reverse_refund(book: Book, *, payment: str, reason: str) -> None:
    payment_id = (await book.payment(payment))["id"]
    refund_id = (await book.ask("query($p: ID!) { payment(id: $p) { refunds { id } } }", p=payment_id))["refunds"][-1]["id"]
    await book.mutate("reverseRefund", paymentId=payment_id, refundId=refund_id, reason=reason, idempotencyKey=book.key(None))


@says("(apply|applies) credit of {customer}[ to {invoice}][ with key {key}]")
async def apply(book: Book, *, customer: str, invoice: str | None = None, key: str | None = None) -> Outcome:
    given = {"customerId": book.ids[customer], "invoiceId": invoice and (await book.invoice(invoice))["id"]}
    return {"replayed": (await book.mutate("applyCredit", "replayed", idempotencyKey=book.key(key), **given))["replayed"]}


@says("expect(s) {payment}")
async def expect_payment(book: Book, *, payment: str) -> Outcome:
    return _paid(await book.payment(payment))


@says("print(s) {payment} on {paper}")
async def print_receipt(book: Book, *, payment: str, paper: str) -> Outcome:
    document = "query($p: ID!, $paper: Paper!) { receiptLink(paymentId: $p, paper: $paper) { url } }"
    return await book.download((await book.ask(document, p=(await book.payment(payment))["id"], paper=paper))["url"])


@says("write(s) {payment} as text")
async def receipt_text(book: Book, *, payment: str) -> Outcome:
    document = "query($p: ID!) { receipt(paymentId: $p) { number text32 text48 whatsApp } }"
    found = await book.ask(document, p=(await book.payment(payment))["id"])
    outcome: Outcome = {"number": found["number"], "WhatsApp says": Mention(plain(found["whatsApp"]))}
    for width in (32, 48):
        paper = found[f"text{width}"]
        assert max(map(len, paper.splitlines())) <= width, f"a line is wider than {width} characters"
        outcome[f"{width} characters say"] = Mention(plain(paper))
    return outcome


@says("expect(s) unresolved money[ at {counter}][ {debt}]")
async def expect_unresolved(book: Book, *, counter: str | None = None, debt: str | None = None) -> Outcome:
    document = f"query($c: ID, $d: Boolean) {{ unresolvedMoney(first: 200, counterId: $c, besideADebt: $d) {{ nodes {{ {PAYMENT} }} }} }}"
    found = (await book.ask(document, c=counter and book.ids[counter], d=True if debt else None))["nodes"]
    return {
        "payments": len(found),
        "total": sum(one["credit"] for one in found),
        "list": [f"{one['customer']['name']} {one['credit']} {one['surplusReason'] or 'RELEASED'}" for one in found],
    }


@says("expect(s) {customer}")
async def expect_customer(book: Book, *, customer: str) -> Outcome:
    selection = """outstanding credit active plan { name } counter { code } openInvoices { period { month } }
      charges { invoiceNumber cancelledAt amount } billingCycles { months effectiveFrom }"""
    found = await book.ask(f"query($c: ID!) {{ customer(id: $c) {{ {selection} }} }}", c=book.ids[customer])
    if found is None:
        raise Refused("NOT_FOUND", "the caller may not see this customer")
    waiting = [one["amount"] for one in found["charges"] if one["invoiceNumber"] is None and one["cancelledAt"] is None]
    return {
        "owes": found["outstanding"], "credit": found["credit"], "active": found["active"], "plan": found["plan"]["name"],
        "counter": found["counter"]["code"], "open months": [one["period"]["month"] for one in found["openInvoices"]],
        "waiting charges": sum(waiting), "history": [f"{one['months']} from {one['effectiveFrom']}" for one in found["billingCycles"]],
    }  # fmt: skip
