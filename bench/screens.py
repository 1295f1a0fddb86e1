"""Milliseconds of each root query on a database with months of history, against a row that is read by its code, over the same HTTP.

The server is a process of its own without accounts and limits (bench/unguarded.py): what grows with history is PostgreSQL's work. Each
screen is asked `rounds` times, one after the other, each time followed by the reference; slow ones less often. The documents of docs/web.md
come first, whole as the web app sends them, against the page of 50 invoices of bench/page.py. Reported are the median and the 95th
percentile. With `--check`, the seconds of each invariant come too.
"""

import json
import os
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

import httpx
import orjson
from sqlalchemy import text

from bench import history, web_documents
from bench.page_documents import FIELDS
from bench.place import place
from bench.result import Result
from bench.serving import served
from sebilling.billing import invariants
from sebilling.clock import Month, system_clock
from sebilling.db.engine import Database

UNGUARDED = ["-m", "bench.unguarded"]
REFERENCE = '{ counter(code: "LKT01") { id } }'
PAGE = f"{{ invoices(first: 50) {{ nodes {{ {FIELDS} }} }} }}"
NOT_ASKED = frozenset({"Me", "Account", "PreviewImport", "DeviceSettings"})
"""Documents of docs/web.md about a person, which the unguarded caller isn't, a file, or secrets, which this server can't read."""
SLOW_MS = 1_000
"""A screen that takes longer is asked SLOW_ROUNDS times only."""
SLOW_ROUNDS = 5
WARM_UP = 3
_INVOICE = "nodes { id number status total outstanding dueOn customer { id code name } }"
_CUSTOMER = "nodes { id code name phone active outstanding credit }"
_PAYMENT = "nodes { id amount method receivedOn receiptNumber customer { id code name } }"
_SAMPLES = text(
    """
    SELECT jsonb_build_object(
               'counter', 'cou_' || counter.id, 'code', customer.code, 'name', customer.name, 'phone', customer.phone,
               'pppoe', customer.pppoe_name,
               'customer', 'cus_' || customer.id, 'invoice', 'inv_' || owed.id, 'payment', 'pay_' || paid.id,
               'collector', 'usr_' || collector.id, 'device', 'dev_' || access.device_id,
               'plan', 'pla_' || customer.plan_id)
      FROM counter JOIN LATERAL (SELECT customer.* FROM customer JOIN invoice ON customer_id = customer.id AND outstanding > 0
                                  WHERE customer.counter_id = counter.id ORDER BY customer.id DESC OFFSET 5 LIMIT 1) customer ON true
      JOIN LATERAL (SELECT id FROM invoice WHERE customer_id = customer.id AND outstanding > 0 LIMIT 1) owed ON true
      JOIN LATERAL (SELECT id FROM payment WHERE customer_id = customer.id ORDER BY id DESC LIMIT 1) paid ON true
      JOIN service_access access ON access.customer_id = customer.id
      JOIN app_user collector ON username = 'collector5'
     WHERE counter.code = 'LKT05'
    """
)


async def measure(var: Path, *, customers: int, months: int, rounds: int, with_check: bool) -> list[Result]:
    """Fill a database, and return the median and the 95th percentile of each screen."""
    async with place(var, "screens", customers=300) as database:
        began = time.perf_counter()
        month = await history.fill(database, customers=customers, months=months, at=system_clock())
        sys.stderr.write(f"filled in {time.perf_counter() - began:.0f} s\n")
        sample, documents = await samples(database), [document async for document in _web_documents(database)]
        results: list[Result] = []
        patient = httpx.HTTPTransport(retries=10)  # the server prints its address a moment before it listens
        with served(UNGUARDED, database.url) as address, httpx.Client(base_url=address, timeout=600, transport=patient) as http:
            for name, document, variables in documents:
                results += _measure(http, name, document, variables, reference=PAGE, customers=customers, rounds=rounds)
            for name, document in screens(month, sample):
                results += _measure(http, name, document, customers=customers, rounds=rounds)
        if with_check:
            results += await _check(database, customers=customers)
    return results


async def _web_documents(database: Database) -> AsyncIterator[tuple[str, str, Mapping[str, object]]]:
    """Yield the name, document and variables of each query of docs/web.md."""
    async with database.reading() as session:
        known = {name: await session.value(text(sql), {}) for name, sql in web_documents.VALUES.items()}
    for document, variables in web_documents.DOCUMENTS:
        kind, _, name = web_documents.name_of(document).partition(" ")
        if kind == "query" and name not in NOT_ASKED:
            yield f"screen {name}", document, web_documents.filled(json.loads(variables or "{}"), known)


async def samples(database: Database) -> dict[str, str]:
    """What the screens ask for: a customer with a debt, their payment, their counter and so on, by name."""
    async with database.reading() as session:
        return await session.only_value(_SAMPLES, kind=dict)


def screens(month: Month, sample: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Yield each screen's name and document."""
    figures = "receivedToday paymentsToday receivedThisMonth billedThisMonth outstanding cashOnHand blockedCustomers"
    counters, months = f"counters {{ counter {{ code }} {figures} }}", "months { month billed received outstanding }"
    debts, attention = "debts { age invoices customers amount }", "attention { kind count amount }"
    yield "dashboard", f"{{ dashboard {{ {counters} }} }}"
    yield "dashboard's months", f"{{ dashboard {{ {months} methods {{ method received }} }} }}"
    yield "dashboard's debts", f"{{ dashboard {{ {debts} }} }}"
    yield "dashboard's attention", f"{{ dashboard {{ {attention} }} }}"
    yield "dashboard whole", f"{{ dashboard {{ cursor total {{ {figures} }} {counters} {months} {debts} {attention} }} }}"
    recap = '{{ recap(month: "{}") {{ counter {{ code }} totalBilled outstanding totalReceived credit totalDeposited cashOnHand }} }}'
    yield "recap", recap.format(month)
    yield "recap with notInvoiced", f'{{ recap(month: "{month}") {{ notInvoiced }} }}'
    yield "recap of a closed month", recap.format(month.plus(-history.CLOSING_LAG))
    yield "drawers", "{ drawers { counter { code } collector { name } onHand waiting } }"
    yield "drawers of a counter", f'{{ drawers(counterId: "{sample["counter"]}") {{ onHand }} }}'
    yield "previewGeneration", f'{{ previewGeneration(month: "{month}") {{ issued alreadyInvoiced totalAmount }} }}'
    yield "closingPreview", f'{{ closingPreview(month: "{month}") {{ reason count amount }} }}'
    yield "isolationPlan", "{ isolationPlan { nodes { customer { code name } amount blockOn } } }"
    yield from _customers(sample)
    yield from _invoices(month, sample)
    yield from _payments(month, sample)
    yield from _events(sample)
    yield from _others(month, sample)


def _page(root: str, arguments: str, fields: str) -> str:
    return f"{{ {root}{f'({arguments})' if arguments else ''} {{ {fields} }} }}"


def _customers(sample: dict[str, str]) -> Iterator[tuple[str, str]]:
    for order in ("CODE", "NAME", "NEWEST", "INSTALLED"):
        yield f"customers by {order}", _page("customers", f"orderBy: {order}", _CUSTOMER)
        yield f"customers in arrears by {order}", _page("customers", f"orderBy: {order}, filter: {{owing: true}}", _CUSTOMER)
        of_counter = f'orderBy: {order}, filter: {{counterIds: ["{sample["counter"]}"]}}'
        yield f"customers of a counter by {order}", _page("customers", of_counter, _CUSTOMER)
    yield "customers by OUTSTANDING", _page("customers", "orderBy: OUTSTANDING", _CUSTOMER)
    states = {"blocked": "blocked", "to be blocked": "toBeBlocked", "promised": "promised", "without device": "withoutDevice"}
    for name, state in states.items():
        yield f"customers {name}", _page("customers", f"filter: {{{state}: true}}", _CUSTOMER)
    counts = "total active blocked toBeBlocked promised withoutDevice owing"
    yield "customerCounts", f"{{ customerCounts {{ {counts} }} }}"
    yield "customerCounts of a counter", f'{{ customerCounts(filter: {{counterIds: ["{sample["counter"]}"]}}) {{ {counts} }} }}'
    yield "customers inactive", _page("customers", "filter: {active: false}", _CUSTOMER)
    yield "customers of a plan", _page("customers", f'filter: {{planIds: ["{sample["plan"]}"]}}', _CUSTOMER)
    yield "customers totalCount", "{ customers(first: 1) { totalCount } }"
    yield "customers in arrears totalCount", "{ customers(first: 1, filter: {owing: true}) { totalCount } }"
    searches = {
        "name": sample["name"], "part of a name": sample["name"].split()[-2][1:], "code": sample["code"],
        "start of a code": sample["code"][:4],
        "address": "Melati No. 42", "PPPoE name": sample["pppoe"],
        "phone": "0" + sample["phone"][3:], "start of a phone": "0" + sample["phone"][3:8], "nothing": "zzzqqq", "two letters": "zq",
    }  # fmt: skip
    for what, words in searches.items():
        yield f"customers' search by {what}", _page("customers", f'filter: {{search: "{words}"}}', _CUSTOMER)
    yield "customer", _page("customer", f'id: "{sample["customer"]}"', "id code name openInvoices { id } lastPayments { id }")
    entry = "nodes { id at kind text amount actor subjectId invoice { number } payment { receiptNumber } }"
    yield "customerTimeline", _page("customerTimeline", f'customerId: "{sample["customer"]}"', entry)
    promise = "nodes { id state untilOn reason customer { code name } }"
    yield "promises", _page("promises", "", promise)
    for state in ("OPEN", "KEPT", "BROKEN", "REPLACED"):
        yield f"promises {state}", _page("promises", f"filter: {{states: [{state}]}}", promise)
    yield "customer by code", _page("customer", f'code: "{sample["code"]}"', "id code name outstanding credit")


def _invoices(month: Month, sample: dict[str, str]) -> Iterator[tuple[str, str]]:
    for order in ("NEWEST", "OLDEST", "DUE", "NUMBER"):
        yield f"invoices by {order}", _page("invoices", f"orderBy: {order}", _INVOICE)
        of_counter = f'orderBy: {order}, filter: {{counterIds: ["{sample["counter"]}"]}}'
        yield f"invoices of a counter by {order}", _page("invoices", of_counter, _INVOICE)
        yield f"invoices of a month by {order}", _page("invoices", f'orderBy: {order}, filter: {{month: "{month}"}}', _INVOICE)
        for status in ("OPEN", "PARTLY_PAID", "PAID", "WRITTEN_OFF", "VOID"):
            yield f"invoices {status} by {order}", _page("invoices", f"orderBy: {order}, filter: {{statuses: [{status}]}}", _INVOICE)
    overdue = f'filter: {{statuses: [OPEN], dueUntil: "{month.first}"}}'
    yield "invoices overdue by DUE", _page("invoices", f"orderBy: DUE, {overdue}", _INVOICE)
    yield "invoices overdue by NEWEST", _page("invoices", overdue, _INVOICE)
    yield "invoices unpaid by DUE", _page("invoices", "orderBy: DUE, filter: {statuses: [OPEN, PARTLY_PAID]}", _INVOICE)
    yield "invoices unpaid by NEWEST", _page("invoices", "filter: {statuses: [OPEN, PARTLY_PAID]}", _INVOICE)
    yield "invoices past their day by DUE", _page("invoices", "orderBy: DUE, filter: {overdue: true}", _INVOICE)
    yield "invoices past their day by NEWEST", _page("invoices", "filter: {overdue: true}", _INVOICE)
    yield "invoices of a plan", _page("invoices", f'filter: {{planId: "{sample["plan"]}"}}', _INVOICE)
    for what, words in (("number", "LKT05/123"), ("sequence", "123"), ("name", sample["name"]), ("code", sample["code"])):
        yield f"invoices' search by {what}", _page("invoices", f'filter: {{search: "{words}"}}', _INVOICE)
    yield "invoice by number", _page("invoice", f'number: "INV/{month}/LKT05/000123"', "id total")
    totals = "count total allocated writtenOff outstanding"
    yield "invoiceTotals", f"{{ invoiceTotals {{ {totals} }} }}"
    yield "invoiceTotals of a month", _page("invoiceTotals", f'filter: {{month: "{month}"}}', totals)
    yield "invoiceTotals unpaid", _page("invoiceTotals", "filter: {statuses: [OPEN, PARTLY_PAID]}", totals)
    yield "invoiceTotals overdue", _page("invoiceTotals", "filter: {overdue: true}", totals)
    yield "invoices of a customer", _page("invoices", f'filter: {{customerId: "{sample["customer"]}"}}', _INVOICE)
    yield "invoices due before", _page("invoices", f'filter: {{dueUntil: "{month.first}"}}', _INVOICE)
    yield "invoices totalCount", "{ invoices(first: 1) { totalCount } }"
    yield "invoices of a month totalCount", f'{{ invoices(first: 1, filter: {{month: "{month}"}}) {{ totalCount }} }}'
    yield "invoices OPEN totalCount", "{ invoices(first: 1, filter: {statuses: [OPEN]}) { totalCount } }"
    yield "invoices overdue totalCount", f"{{ invoices(first: 1, {overdue}) {{ totalCount }} }}"
    yield "invoice", _page("invoice", f'id: "{sample["invoice"]}"', "id number lines { amount } payments { id }")


def _payments(month: Month, sample: dict[str, str]) -> Iterator[tuple[str, str]]:
    filters = {
        "": "", " of a counter": f'counterIds: ["{sample["counter"]}"]', " of a customer": f'customerId: "{sample["customer"]}"',
        " by QRIS": "methods: [QRIS]", " overpaid": "surplusReason: OVERPAID", " already paid": "surplusReason: ALREADY_PAID",
        " of a day": f'receivedFrom: "{month.plus(-3).first}", receivedUntil: "{month.plus(-3).first.replace(day=2)}"',
        " of a day of a counter": f'counterIds: ["{sample["counter"]}"], receivedFrom: "{month.plus(-3).first}", '
        f'receivedUntil: "{month.plus(-3).first.replace(day=2)}"',
        " of a receiver": f'receiverId: "{sample["collector"]}"', " reversed": "reversed: true",
        " of a receipt": f'receiptNumber: "KW/{month}/LKT05/000123"',
        " until a month": f'receivedUntil: "{month.plus(-4).first}"',
    }  # fmt: skip
    for what, conditions in filters.items():
        yield f"payments{what}", _page("payments", f"filter: {{{conditions}}}" if conditions else "", _PAYMENT)
    for what, words in (("number", "LKT05/123"), ("name", sample["name"])):
        yield f"payments' search by {what}", _page("payments", f'filter: {{search: "{words}"}}', _PAYMENT)
    receipt = "nodes { id receipt { number text32 text48 whatsApp link { url } } }"
    yield "payments with receipts", _page("payments", "first: 200", receipt)
    yield "payment by receipt", _page("payment", f'receiptNumber: "KW/{month}/LKT05/000123"', "id amount")
    totals = "count amount reversed byMethod { method amount }"
    yield "paymentTotals of a month", _page("paymentTotals", f'filter: {{receivedFrom: "{month.first}"}}', totals)
    yield "payments totalCount", "{ payments(first: 1) { totalCount } }"
    yield "payment", _page("payment", f'id: "{sample["payment"]}"', "id amount allocations { amount } refunds { amount }")
    yield "receipt", _page("receipt", f'paymentId: "{sample["payment"]}"', "number text32")
    yield "unresolvedMoney", _page("unresolvedMoney", "", _PAYMENT)
    yield "unresolvedMoney beside a debt", _page("unresolvedMoney", "besideADebt: true", _PAYMENT)
    yield "unresolvedMoney totalCount", "{ unresolvedMoney(first: 1) { totalCount } }"


def _events(sample: dict[str, str]) -> Iterator[tuple[str, str]]:
    filters = {
        "": "", " of a kind": 'kind: "deposit.verified"', " of a prefix": 'kind: "period."', " of no kind": 'kind: "credit.refunded"',
        " of an actor": 'actor: "Collector 5"', " of an actor's id": f'actorId: "{sample["collector"]}"',
        " of nobody": 'actor: "Nobody"', " of a payment": f'subjectId: "{sample["payment"]}"',
        " of a customer": f'customerId: "{sample["customer"]}"',
        " of a subject": 'subject: "deposit"', " of a counter": f'counterId: "{sample["counter"]}"',
        " until a day": 'until: "2020-01-01T00:00:00Z"', " since a day": 'since: "2020-01-01T00:00:00Z"',
    }  # fmt: skip
    for what, conditions in filters.items():
        yield f"events{what}", _page("events", f"filter: {{{conditions}}}" if conditions else "", "nodes { id at actor kind subjectId }")
    yield "events totalCount", "{ events(first: 1) { totalCount } }"


def _others(month: Month, sample: dict[str, str]) -> Iterator[tuple[str, str]]:
    deposit = "nodes { id amount status depositedOn collector { name } decision { decidedOn } }"
    filters = {
        "": "", " of a counter": f'counterIds: ["{sample["counter"]}"]', " of a collector": f'collectorId: "{sample["collector"]}"',
        " waiting": "statuses: [SUBMITTED]", " rejected": "statuses: [REJECTED]", " unsettled": "unsettled: true",
        " different": "withDifference: true", " since a month": f'depositedFrom: "{month.first}"',
    }  # fmt: skip
    for what, conditions in filters.items():
        yield f"deposits{what}", _page("deposits", f"filter: {{{conditions}}}" if conditions else "", deposit)
    access = "nodes { id desired actual customer { code } }"
    filters = {
        "": "", " of a device": f'deviceId: "{sample["device"]}"', " of a customer": f'customerId: "{sample["customer"]}"',
        " blocked": "blocked: true", " not in sync": "inSync: false",
    }  # fmt: skip
    for what, conditions in filters.items():
        yield f"serviceAccesses{what}", _page("serviceAccesses", f"filter: {{{conditions}}}" if conditions else "", access)
    yield "isolationForecast", _page("isolationForecast", f'customerId: "{sample["customer"]}"', "blockOn text")
    yield "billingSchedule", _page("billingSchedule", f'customerId: "{sample["customer"]}"', "months")
    yield "previewInvoice", f'{{ previewInvoice(month: "{month}", customerId: "{sample["customer"]}") {{ total }} }}'
    yield "generationRuns", _page("generationRuns", "", "nodes { id status issued totalAmount period { month } }")
    yield "periods", _page("periods", "", "nodes { id month totals { invoices billed allocated outstanding paidShare } }")
    runs = "runs { id status issued totalAmount }"
    yield "period", _page("period", f'month: "{month}"', f"id totals {{ invoices billed allocated outstanding paidShare }} {runs}")
    yield "depositTotals of a month", _page("depositTotals", f'filter: {{depositedFrom: "{month.first}"}}', "count amount counted")
    yield "devices", "{ devices { id name } }"
    yield "plans", _page("plans", "", "nodes { id name }")
    yield "counters", _page("counters", "", "nodes { id code }")
    yield "users", _page("users", "", "nodes { id username }")
    yield (
        "syncCustomers",
        _page("syncCustomers", f'counterId: "{sample["counter"]}"', "customers { customerId outstanding openInvoices { invoiceId } }"),
    )


def _measure(
    http: httpx.Client, name: str, document: str, variables: Mapping[str, object] | None = None,
    *, reference: str = REFERENCE, customers: int, rounds: int,
) -> list[Result]:  # fmt: skip
    ours: list[float] = []
    theirs: list[float] = []
    for number in range(WARM_UP + rounds):
        took, base = _ask(http, name, document, variables), _ask(http, "reference", reference)
        if number >= WARM_UP or took > SLOW_MS:
            ours.append(took)
            theirs.append(base)
        if len(ours) >= SLOW_ROUNDS and min(ours) > SLOW_MS:
            break
    return [
        Result(
            f"{name} p{percent}",
            customers,
            _percentile(ours, percent),
            _percentile(theirs, percent),
            "a counter by its code" if reference == REFERENCE else "a page of 50 invoices",
            "ms",
            ours_rounds=tuple(ours),
            reference_rounds=tuple(theirs),
        )
        for percent in (50, 95)
    ]


def _ask(http: httpx.Client, name: str, document: str, variables: Mapping[str, object] | None = None) -> float:
    began = time.perf_counter()
    answer = http.post("/graphql", json={"query": document, "variables": variables or {}})
    took = time.perf_counter() - began
    if "errors" in orjson.loads(answer.content):
        raise RuntimeError(f"{name}: {answer.text[:2000]}")
    return took * 1000


def _percentile(values: list[float], percent: int) -> float:
    """The smallest value that at least so many percent of them do not exceed."""
    return sorted(values)[-(-len(values) * percent // 100) - 1]


async def _check(database: Database, *, customers: int) -> list[Result]:
    results, began = [], time.perf_counter()
    async with database.reading() as session:
        async for finding in invariants.check(session):
            now = time.perf_counter()
            if finding.rows:
                raise RuntimeError(f"{finding.invariant.name} is violated by {finding.rows} rows")
            results.append(Result(f"check {finding.invariant.name}", customers, now - began, 1, "a second", "s"))
            began = now
    began = time.perf_counter()
    await invariants.check_side_by_side(database, connections=min(os.cpu_count() or 1, 4))
    return [*results, Result("check", customers, time.perf_counter() - began, 20, "allowed at 1,000,000 customers", "s")]
