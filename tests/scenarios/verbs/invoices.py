"""Periods, invoices and custom billing."""

import json
from typing import Any, Final

from tests.scenarios.book import Book
from tests.scenarios.sentences import Mention, Outcome, says


@says("open(s) {month}[ {sure}]")
async def open_period(book: Book, *, month: str, sure: str = "") -> None:
    await book.mutate("openPeriod", "period { status }", month=month, confirm=bool(sure))


@says("close(s) {month}[ {incomplete}]")
async def close_period(book: Book, *, month: str, incomplete: str = "") -> None:
    await book.mutate("closePeriod", "period { status }", month=month, closeIncomplete=bool(incomplete))


@says("reopen(s) {month} because {reason:quoted}[ with key {key}]")
async def reopen_period(book: Book, *, month: str, reason: str, key: str | None = None) -> Outcome:
    made = await book.mutate("reopenPeriod", "period { status } replayed", month=month, reason=reason, idempotencyKey=book.key(key))
    return {"status": made["period"]["status"], "replayed": made["replayed"]}


@says("expect(s) what {month} lacks")
async def expect_gaps(book: Book, *, month: str) -> Outcome:
    document = "query($m: Month!) { closingPreview(month: $m) { reason counter { code } count amount } }"
    found = await book.ask(document, m=month)
    return {"list": [f"{one['counter']['code']} {one['reason']} {one['count']} {one['amount']}" for one in found], "gaps": len(found)}


_COUNTS: Final = "issued alreadyInvoiced totalAmount skipped { reason count }"
_RUN: Final = f"run {{ {_COUNTS} status progress {{ done total }} }} replayed"


def _counted(found: Any) -> Outcome:
    """Reasons in plain words, 0 if nobody was skipped for one."""
    reasons = dict.fromkeys(("INACTIVE", "NOT_INSTALLED_YET", "COVERED_BY_CYCLE", "ZERO_AMOUNT", "PAUSED", "SERVICE_ENDED"), 0)
    reasons |= {one["reason"]: one["count"] for one in found["skipped"]}
    plain = {reason.lower().replace("_", " "): count for reason, count in reasons.items()}
    accounted = found["issued"] + found["alreadyInvoiced"] + sum(plain.values())
    counts = {"issued": found["issued"], "already invoiced": found["alreadyInvoiced"], "of": accounted, "total": found["totalAmount"]}
    return counts | plain


def _ran(made: Any) -> Outcome:
    """A run has accounted for everybody."""
    run, outcome = made["run"], _counted(made["run"])
    assert run["status"] == "FINISHED"
    assert run["progress"]["done"] == run["progress"]["total"] == outcome["of"], "a run left somebody out"
    return {**outcome, "replayed": made["replayed"]}


@says("preview(s) {month}[ at {counters}]")
async def preview(book: Book, *, month: str, counters: list[str] | None = None) -> Outcome:
    ids = None if counters is None else [book.ids[code] for code in counters]
    document = f"query($m: Month!, $c: [ID!]) {{ previewGeneration(month: $m, counterIds: $c) {{ {_COUNTS} token }} }}"
    found = await book.ask(document, m=month, c=ids)
    book.previewed = found["token"]
    return _counted(found)


@says("generate(s) {month}[ at {counters}][ with key {key}][ {previewed}]")
async def generate(book: Book, *, month: str, counters: list[str] | None = None, key: str | None = None, previewed: str = "") -> Outcome:
    ids = None if counters is None else [book.ids[code] for code in counters]
    token = book.previewed if previewed else None
    return _ran(await book.mutate("generateInvoices", _RUN, month=month, counterIds=ids, idempotencyKey=book.key(key), previewToken=token))


@says("issue(s) {month} to {customer}[ with key {key}]")
async def issue(book: Book, *, month: str, customer: str, key: str | None = None) -> Outcome:
    return _ran(await book.mutate("issueInvoice", _RUN, month=month, customerId=book.ids[customer], idempotencyKey=book.key(key)))


def _lines(lines: list[Any]) -> list[str]:
    """Such as `subscription 450000 for 3` (months)."""
    several = {one["quantity"]: f" for {one['quantity']}" for one in lines if one["quantity"] > 1}
    return [f"{one['kind'].lower().replace('_', ' ')} {one['amount']}{several.get(one['quantity'], '')}" for one in lines]


@says("preview(s) {month} of {customer}")
async def preview_invoice(book: Book, *, month: str, customer: str) -> Outcome:
    selection = "alreadyInvoiced skipped coversFrom coversUntil dueOn total lines { kind quantity amount }"
    document = f"query($m: Month!, $c: ID!) {{ previewInvoice(month: $m, customerId: $c) {{ {selection} }} }}"
    found = await book.ask(document, m=month, c=book.ids[customer])
    return {
        "already invoiced": found["alreadyInvoiced"], "skipped as": found["skipped"], "due": found["dueOn"], "total": found["total"],
        "covers": f"{found['coversFrom']} until {found['coversUntil']}", "lines": _lines(found["lines"]),
    }  # fmt: skip


@says("expect(s) {invoice}")
async def expect_invoice(book: Book, *, invoice: str) -> Outcome:
    found = await book.invoice(invoice)
    return {
        "number": found["number"], "status": found["status"], "plan": found["planName"], "due": found["dueOn"], "total": found["total"],
        "covers": f"{found['coversFrom']} until {found['coversUntil']}", "lines": _lines(found["lines"]), "paid": found["allocated"],
        "owes": found["outstanding"], "written off": found["writtenOff"], "says": Mention(json.dumps(found["lines"], ensure_ascii=False)),
        "tax base": next((one["taxBase"] for one in found["lines"] if one["kind"] == "TAX"), None),
        "void in": found["voiding"] and found["voiding"]["period"]["month"], "because": found["voiding"] and found["voiding"]["reason"],
    }  # fmt: skip


@says("expect(s) no invoice of {customer} in {month}")
async def expect_no_invoice(book: Book, *, customer: str, month: str) -> None:
    found = [one["number"] for one in await book.invoices(month=month, customer=customer) if one["status"] != "VOID"]
    assert not found, found


@says("expect(s) invoices of {counter} in {month}")
async def expect_invoices(book: Book, *, counter: str, month: str) -> Outcome:
    found = await book.invoices(month=month, counter=counter)
    return {"numbers": [one["number"].rpartition("/")[2] for one in found], "statuses": [one["status"] for one in found]}


@says("expect(s) period {month}")
async def expect_period(book: Book, *, month: str) -> Outcome:
    return {"status": (await book.ask("query($m: Month!) { period(month: $m) { status } }", m=month))["status"]}


@says("void(s) {invoice} because {reason:quoted}[ {release}][ with key {key}]")
async def void(book: Book, *, invoice: str, reason: str, release: str = "", key: str | None = None) -> Outcome:
    invoice_id = (await book.invoice(invoice))["id"]
    given = {"invoiceId": invoice_id, "reason": reason, "releasePayments": bool(release)}
    return {"replayed": (await book.mutate("voidInvoice", "replayed", idempotencyKey=book.key(key), **given))["replayed"]}


@says("write(s) off [{amount} of ]{invoice} because {reason:quoted}")
async def write_off(book: Book, *, invoice: str, reason: str, amount: int | None = None) -> None:
    invoice_id = (await book.invoice(invoice))["id"]
    await book.mutate("writeOffInvoice", invoiceId=invoice_id, reason=reason, amount=amount, idempotencyKey=book.key(None))


@says("reverse(s) write-off of {invoice} because {reason:quoted}[ with key {key}]")
async def reverse_write_off(book: Book, *, invoice: str, reason: str, key: str | None = None) -> Outcome:
    invoice_id = (await book.invoice(invoice))["id"]
    document = "query($i: ID!) { invoice(id: $i) { writeOffs { id kind } } }"
    written_off = (await book.ask(document, i=invoice_id))["writeOffs"][-1]["id"]
    given = {"invoiceId": invoice_id, "writeOffId": written_off, "reason": reason, "idempotencyKey": book.key(key)}
    return {"replayed": (await book.mutate("reverseWriteOff", "replayed", **given))["replayed"]}


BILLING: Final = """months effectiveFrom firstPossible nextDueOn coming { month coversFrom coversUntil dueOn total }
  suspensions { kind fromOn untilOn expected }"""


def billing(found: Any) -> Outcome:
    """The upcoming invoices, and the days without any."""
    coming = found["coming"]
    stops = [f"{one['kind']} from {one['fromOn']}" + f" until {one['untilOn']}" * bool(one["untilOn"]) for one in found["suspensions"]]
    return {
        "coming": len(coming), "suspensions": stops, "expected": [one["expected"] for one in found["suspensions"]],
        "months": found["months"], "since": found["effectiveFrom"], "first possible": found["firstPossible"],
        "next due": found["nextDueOn"], "periods": tuple(one["month"] for one in coming), "due": tuple(one["dueOn"] for one in coming),
        "covers": tuple(f"{one['coversFrom']} until {one['coversUntil']}" for one in coming),
        "totals": tuple(str(one["total"]) for one in coming),
    }  # fmt: skip


@says("preview(s) {customer} every {number} month(s) from {day}")
async def preview_custom(book: Book, *, customer: str, number: int, day: str) -> Outcome:
    call = "previewBillingCycle(customerId: $c, months: $n, effectiveFrom: $d)"
    document = f"query($c: ID!, $n: Int!, $d: Date!) {{ {call} {{ {BILLING} }} }}"
    return billing(await book.ask(document, c=book.ids[customer], n=number, d=day))


@says("bill(s) {customer} every {number} month(s) from {day}")
async def custom(book: Book, *, customer: str, number: int, day: str) -> Outcome:
    given = {"customerId": book.ids[customer], "months": number, "effectiveFrom": day}
    return billing((await book.mutate("setBillingCycle", f"billingSchedule {{ {BILLING} }}", **given))["billingSchedule"])


@says("expect(s) billing of {customer}")
async def expect_billing(book: Book, *, customer: str) -> Outcome:
    return billing(await book.ask(f"query($c: ID!) {{ billingSchedule(customerId: $c) {{ {BILLING} }} }}", c=book.ids[customer]))
