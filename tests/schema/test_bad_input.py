"""What people and programs send wrong: a clear error with the remedy, and nothing changed."""

from typing import Any

import pytest
from structlog.testing import capture_logs

from sebilling.billing import payments
from sebilling.db.engine import Database
from tests.harness import Api, Isp

PAY = "mutation($i: RecordPaymentInput!) { recordPayment(input: $i) { payment { id } replayed errors { code message field } } }"
OPEN = "mutation($m: Month!) { openPeriod(input: {month: $m}) { period { id } errors { code message field } } }"
CLOSE = "mutation($m: Month!) { closePeriod(input: {month: $m}) { period { status } errors { code message field } } }"
GENERATE = "mutation($i: GenerateInvoicesInput!) { generateInvoices(input: $i) { run { issued } replayed errors { code message field } } }"
CUSTOMER = "mutation($i: CreateCustomerInput!) { createCustomer(input: $i) { customer { id name phone } errors { code message field } } }"
COUNTER = "mutation($i: CreateCounterInput!) { createCounter(input: $i) { counter { id } errors { code message field } } }"
PLAN = "mutation($i: CreatePlanInput!) { createPlan(input: $i) { plan { id } errors { code message field } } }"


async def signed_in(database: Database) -> tuple[Isp, Api]:
    isp, api = await Isp.make(database), Api(database)
    await api.sign_in()
    return isp, api


async def snapshot(isp: Isp) -> Any:
    tables = ("counter", "plan", "customer", "period", "invoice", "payment", "allocation", "generation_run", "idempotency_key", "event")
    return [await isp.value(f"SELECT count(*) FROM {table}") for table in tables]


@pytest.mark.parametrize("amount", [0, -1, 10**12 + 1])
async def test_amounts_outside_the_bounds(database: Database, amount: int) -> None:
    isp, api = await signed_in(database)
    customer = f"cus_{await isp.customer()}"
    before = await snapshot(isp)
    refused = await api.refused(PAY, i={"customerId": customer, "amount": amount, "idempotencyKey": "abcdefgh"})
    assert refused == ("INVALID_AMOUNT", ["input", "amount"])
    assert await snapshot(isp) == before


@pytest.mark.parametrize("amount", [0.5, 2.0**60, "150000", True, 1e300, [1]])
async def test_amounts_that_are_no_whole_numbers(database: Database, amount: object) -> None:
    isp, api = await signed_in(database)
    before = await snapshot(isp)
    refused = await api.refused(PAY, i={"customerId": "cus_1", "amount": amount, "idempotencyKey": "abcdefgh"})
    assert refused == ("INVALID_NUMBER", ["input", "amount"])
    assert await api.top_error(PAY, i={"customerId": "cus_1", "amount": None, "idempotencyKey": "abcdefgh"}) == "BAD_REQUEST"
    assert await snapshot(isp) == before


@pytest.mark.parametrize("month", ["2026-13", "2026-00", "26-01", "Februari 2026", ""])
async def test_months_that_are_none(database: Database, month: str) -> None:
    _, api = await signed_in(database)
    assert await api.refused(OPEN, m=month) == ("INVALID_MONTH", ["input", "month"])
    assert await api.refused(GENERATE, i={"month": month, "idempotencyKey": "abcdefgh"}) == ("INVALID_MONTH", ["input", "month"])
    assert await api.top_error("query($m: Month!) { recap(month: $m) { invoices } }", m=month) == "INVALID_MONTH"


async def test_periods_opened_twice_closed_twice_never_opened_or_closed_before_generation(database: Database) -> None:
    isp, api = await signed_in(database)
    assert await api.refused(CLOSE, m="2026-02") == ("NOT_FOUND", ["input", "month"])
    assert await api.refused(GENERATE, i={"month": "2026-02", "idempotencyKey": "abcdefgh"}) == ("NOT_FOUND", ["input", "month"])
    await api.do(OPEN, m="2026-02")
    before = await snapshot(isp)
    assert await api.refused(OPEN, m="2026-02") == ("ALREADY_EXISTS", ["input", "month"])
    assert await snapshot(isp) == before
    assert (await api.do(CLOSE, m="2026-02"))["period"]["status"] == "CLOSED"
    before = await snapshot(isp)
    assert await api.refused(CLOSE, m="2026-02") == ("PERIOD_CLOSED", ["input", "month"])
    assert await api.refused(GENERATE, i={"month": "2026-02", "idempotencyKey": "abcdefgh"}) == ("PERIOD_CLOSED", ["input", "month"])
    assert await api.refused(OPEN, m="2026-02") == ("ALREADY_EXISTS", ["input", "month"])
    assert await snapshot(isp) == before


@pytest.mark.parametrize(
    ("given", "code"),
    [("cou_999999", "NOT_FOUND"), ("cou_0", "INVALID_ID"), ("cus_1", "INVALID_ID"), ("1", "INVALID_ID"), ("", "INVALID_ID"),
     ("cou_1; DROP TABLE invoice", "INVALID_ID"), ("cou_99999999999999999999", "INVALID_ID")],
)  # fmt: skip
async def test_unknown_counters(database: Database, given: str, code: str) -> None:
    isp, api = await signed_in(database)
    await isp.open()
    assert (await api.refused(GENERATE, i={"month": "2026-02", "idempotencyKey": "abcdefgh", "counterIds": [given]}))[0] == code
    details = {"code": "P1", "name": "Budi", "counterId": given, "planId": f"pla_{isp.plan_id}", "installedOn": "2025-01-01"}
    assert await api.refused(CUSTOMER, i=details) == (code, ["input", "counterId"])
    assert await isp.value("SELECT count(*) FROM customer") == 0


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"name": ""}, "INVALID_TEXT", "name"), ({"name": "   "}, "INVALID_TEXT", "name"), ({"name": "x" * 201}, "INVALID_TEXT", "name"),
        ({"name": "Budi\u202eidub"}, "INVALID_TEXT", "name"), ({"name": "Bu\x07di"}, "INVALID_TEXT", "name"),
        ({"code": "a b"}, "INVALID_TEXT", "code"), ({"code": ""}, "INVALID_TEXT", "code"), ({"code": "P1"}, "ALREADY_EXISTS", "code"),
        ({"pppoeName": "budi"}, "ALREADY_EXISTS", "pppoeName"), ({"phone": "12"}, "INVALID_TEXT", "phone"),
        ({"phone": "bukan nomor"}, "INVALID_TEXT", "phone"), ({"price": -1}, "INVALID_AMOUNT", "price"),
        ({"installedOn": "0001-01-01"}, "INVALID_DATE", "installedOn"), ({"address": "x" * 501}, "INVALID_TEXT", "address"),
    ],
)  # fmt: skip
async def test_customers_that_cannot_be(database: Database, change: dict[str, Any], code: str, field: str) -> None:
    isp, api = await signed_in(database)
    await isp.customer("P1", pppoe_name="budi")
    details = {"code": "P2", "name": "Budi", "counterId": f"cou_{isp.counters['LKT01']}", "planId": f"pla_{isp.plan_id}"}
    before = await snapshot(isp)
    assert await api.refused(CUSTOMER, i=details | {"installedOn": "2025-01-01"} | change) == (code, ["input", field])
    assert await snapshot(isp) == before


@pytest.mark.parametrize("name", ["Budi 😀", "محمد", "שָׁלוֹם", 'D\'Angelo "X" <b>', "Ñandú", "王小明", "👨‍👩‍👧‍👦 Keluarga"])
async def test_names_of_all_the_world(database: Database, name: str) -> None:
    isp, api = await signed_in(database)
    details = {"code": "P2", "name": f" {name} ", "counterId": f"cou_{isp.counters['LKT01']}", "planId": f"pla_{isp.plan_id}"}
    payload = await api.do(CUSTOMER, i=details | {"installedOn": "2025-01-01", "phone": "0812-345 678"})
    assert payload["customer"]["name"] == name
    assert payload["customer"]["phone"] == "+62812345678"
    found = await api.ask("query($s: String!) { customers(filter: {search: $s}) { nodes { name } } }", s=name[:4])
    assert found["nodes"] == [{"name": name}]


@pytest.mark.parametrize("search", ["%", "_", "\\", "%%%", "' OR 1=1 --"])
async def test_signs_of_sql_are_only_signs(database: Database, search: str) -> None:
    isp, api = await signed_in(database)
    await isp.customer()
    found = await api.ask("query($s: String!) { customers(filter: {search: $s}) { nodes { name } } }", s=search)
    assert found["nodes"] == []


async def test_counters_and_plans_that_cannot_be(database: Database) -> None:
    _, api = await signed_in(database)
    assert await api.refused(COUNTER, i={"code": "lkt01", "name": "x"}) == ("ALREADY_EXISTS", ["input", "code"])
    assert await api.refused(COUNTER, i={"code": "LKT 2", "name": "x"}) == ("INVALID_TEXT", ["input", "code"])
    assert await api.refused(COUNTER, i={"code": "L", "name": "x", "dueDay": 29}) == ("INVALID_DATE", ["input", "dueDay"])
    assert await api.refused(COUNTER, i={"code": "L", "name": "x", "timezone": "UTC"}) == ("INVALID_TEXT", ["input", "timezone"])
    assert await api.refused(PLAN, i={"name": "Home 10M", "price": 1}) == ("ALREADY_EXISTS", ["input", "name"])
    assert await api.refused(PLAN, i={"name": "x", "price": -1}) == ("INVALID_AMOUNT", ["input", "price"])


async def test_errors_are_told_in_the_callers_language(database: Database) -> None:
    _, api = await signed_in(database)
    api.headers["Accept-Language"] = "id-ID,id;q=0.9"
    payload = await api.ask(OPEN, m="2026-13")
    assert payload["errors"][0]["message"] == "'2026-13' bukan bulan: tulis tahun dan bulan seperti 2026-02."


@pytest.mark.parametrize("first", [0, -1, 201])
async def test_pages_of_impossible_size(database: Database, first: int) -> None:
    _, api = await signed_in(database)
    assert await api.top_error("query($f: Int!) { invoices(first: $f) { nodes { id } } }", f=first) == "INVALID_PAGE_SIZE"


@pytest.mark.parametrize(
    "cursor", ["", "x", "eyJ9", "WyJvbGRlc3QiLDEsMV0", "WyJuZXdlc3QiLCJ4IiwxXQ", "W10", "bnVsbA", "é", "WyJuZXdlc3QiLDEsLTFd"]
)
async def test_cursors_that_are_none(database: Database, cursor: str) -> None:
    _, api = await signed_in(database)
    assert await api.top_error("query($a: String) { invoices(after: $a) { nodes { id } } }", a=cursor) == "INVALID_CURSOR"


@pytest.mark.parametrize(
    "document",
    ["{", "{ nothing }", "", "{ invoices { nodes { customer " + "{ openInvoices { customer " * 6 + "{ id }" + " } }" * 6 + " } } }",
     "{ " + " ".join(f"a{n}: me {{ username }}" for n in range(40)) + " }", "{ me { username } } #" + "x" * 30_000],
)  # fmt: skip
async def test_documents_that_are_wrong_or_too_much(database: Database, document: str) -> None:
    _, api = await signed_in(database)
    response = await api.http.post("/graphql", json={"query": document}, headers=api.headers)
    if response.status_code == 200:
        assert [error["extensions"]["code"] for error in response.json()["errors"]] in (["BAD_REQUEST"], ["LIMIT_EXCEEDED"])
    else:
        assert response.status_code == 400


async def test_a_request_that_is_too_large_is_refused_unread(database: Database) -> None:
    api = Api(database)
    response = await api.http.post(
        "/graphql", content=b'{"query": "' + b"x" * 1_000_000 + b'"}', headers={"content-type": "application/json"}
    )
    assert response.status_code == 413


async def test_what_nobody_expected_is_masked_and_logged_with_a_reference(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    isp, api = await signed_in(database)
    customer = f"cus_{await isp.customer()}"

    async def broken(*_: object) -> None:
        raise RuntimeError("a secret of the house")

    monkeypatch.setattr(payments, "record", broken)
    with capture_logs() as logs:
        answer = await api.raw(PAY, i={"customerId": customer, "amount": 1, "idempotencyKey": "abcdefgh"})
    (error,) = answer["errors"]
    assert error["extensions"]["code"] == "INTERNAL"
    assert error["extensions"]["reference"] in error["message"]
    assert "secret" not in str(answer)
    assert [log["exc_info"].args for log in logs if log.get("reference") == error["extensions"]["reference"]] == [
        ("a secret of the house",)
    ]
