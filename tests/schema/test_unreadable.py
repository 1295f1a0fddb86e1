"""Values that a scalar can't read: each is told at its field, all of a form's at once, and none spoils what lies beside it."""

from typing import Any

import pytest

from sebilling.db.engine import Database
from tests.harness import Api, Isp

UNREADABLE: Any = {
    "Rupiah": ["1000", 1000.5, True, None, [], {}, 1e300, "Rp 1.000", "\u0007"],
    "DateTime": ["2026-02-03T08:30:00", "0001-01-01T00:00:00+07:00", "9999-12-31T23:59:59-07:00", "2026-02-30T08:30:00+07:00", "", 7, {}],
}


async def _api(database: Database) -> tuple[Isp, Api, str]:
    isp = await Isp.make(database)
    customer = await isp.customer()
    api = Api(database)
    await api.sign_in()
    return isp, api, f"cus_{customer}"


RECORD = """mutation($input: RecordPaymentsInput!) { recordPayments(input: $input) {
    results { payment { amount } replayed errors { code field message } } errors { code field } } }"""


@pytest.mark.parametrize("value", UNREADABLE["DateTime"], ids=repr)
@pytest.mark.parametrize("language", ["en", "id"])
async def test_one_bad_time_refuses_its_payment_alone(database: Database, value: Any, language: str) -> None:
    isp, api, customer = await _api(database)
    api.headers["Accept-Language"] = language
    good = {"customerId": customer, "amount": 1_000}
    payments = [good | {"idempotencyKey": f"key-{number:05}"} for number in range(3)]
    payments[1]["collectedAt"] = value
    results = (await api.do(RECORD, input={"payments": payments}))["results"]
    assert [result["payment"] for result in results] == [{"amount": 1_000}, None, {"amount": 1_000}]
    (error,) = results[1]["errors"]
    assert (error["code"], error["field"]) == ("INVALID_DATE", ["input", "payments", "1", "collectedAt"])
    assert ("offset" if language == "en" else "selisih zona") in error["message"]
    assert await isp.value("SELECT count(*) FROM payment") == 2


@pytest.mark.parametrize("value", [one for one in UNREADABLE["Rupiah"] if one is not None], ids=repr)
async def test_all_that_is_wrong_with_a_form_is_told_at_once(database: Database, value: Any) -> None:
    isp, api, customer = await _api(database)
    document = "mutation($input: RecordPaymentInput!) { recordPayment(input: $input) { payment { id } errors { code field message } } }"
    paid = {"customerId": customer, "amount": value, "idempotencyKey": "key-00001", "collectedAt": "yesterday"}
    errors = (await api.ask(document, input=paid))["errors"]
    assert [(error["code"], error["field"]) for error in errors] == [
        ("INVALID_NUMBER", ["input", "amount"]), ("INVALID_DATE", ["input", "collectedAt"]),
    ]  # fmt: skip
    assert "\u0007" not in errors[0]["message"]
    assert await isp.value("SELECT count(*) FROM payment") == 0


@pytest.mark.parametrize(("sent", "amount"), [(1000.0, 1_000), (1_000, 1_000), (1e6, 1_000_000)], ids=repr)
async def test_a_whole_number_is_read_however_it_is_written(database: Database, sent: Any, amount: int) -> None:
    _, api, customer = await _api(database)
    document = "mutation($input: RecordPaymentInput!) { recordPayment(input: $input) { payment { amount } errors { code } } }"
    paid = await api.ask(document, input={"customerId": customer, "amount": sent, "idempotencyKey": "key-00001"})
    assert paid == {"payment": {"amount": amount}, "errors": []}


@pytest.mark.parametrize(
    ("document", "code", "field"),
    [
        ('{ recap(month: "x") { totalBilled } }', "INVALID_MONTH", ["month"]),
        ("{ recap(month: 5) { totalBilled } }", "INVALID_MONTH", ["month"]),
        ('{ payments(filter: {receivedFrom: "2026-02-30"}) { nodes { id } } }', "INVALID_DATE", ["filter", "receivedFrom"]),
    ],
)
async def test_an_argument_of_a_query_is_told_at_its_path(database: Database, document: str, code: str, field: list[str]) -> None:
    _, api, _ = await _api(database)
    for _ in range(2):
        answer = await api.raw(f"{{ plans {{ nodes {{ name }} }} {document[1:]}")
        (error,) = answer["errors"]
        assert (error["extensions"]["code"], error["extensions"]["field"]) == (code, field)
        assert answer["data"]["plans"]["nodes"], "what lies beside it is answered"


CHANGE = """mutation($input: UpdateCustomerInput!) { updateCustomer(input: $input) {
    customer { name price pppoeName dueDay phone } errors { code field } } }"""


async def test_null_empties_nothing_and_clearing_is_explicit(database: Database) -> None:
    isp = await Isp.make(database)
    customer = f"cus_{await isp.customer(name='Budi', price=120_000, pppoe_name='budi', phone='08123456789')}"
    api = Api(database)
    await api.sign_in()
    kept = {"name": "Budi", "price": 120_000, "pppoeName": "budi", "dueDay": None, "phone": "+628123456789"}
    assert (await api.do(CHANGE, input={"id": customer}))["customer"] == kept
    nulls: dict[str, Any] = {"name": None, "price": None, "pppoeName": None, "active": None, "counterId": None}
    refused = await api.ask(CHANGE, input={"id": customer, **nulls})
    assert sorted(error["field"][1] for error in refused["errors"]) == sorted(nulls)
    assert {error["code"] for error in refused["errors"]} == {"NULL_REFUSED"}
    both = await api.ask(CHANGE, input={"id": customer, "price": 5, "clear": ["PRICE"]})
    assert both["errors"] == [{"code": "INVALID_TEXT", "field": ["input", "clear"]}]
    assert (await api.do(CHANGE, input={"id": customer}))["customer"] == kept
    cleared = await api.do(CHANGE, input={"id": customer, "clear": ["PRICE", "PPPOE_NAME", "DUE_DAY"]})
    assert cleared["customer"] == kept | {"price": None, "pppoeName": None}


async def test_null_for_an_argument_is_as_if_it_were_left_out(database: Database) -> None:
    """Clients of generated code send null for whatever wasn't set, be it the size of a page or a filter."""
    _, api, customer = await _api(database)
    required = {"ID": f'"{customer}"', "Month": '"2026-02"', "Date": '"2026-02-03"', "String": '"P1"'}
    queries = await api.raw("{ __schema { queryType { fields { name args { name type { kind ofType { name } } defaultValue } } } } }")
    answered = set()
    for field in queries["data"]["__schema"]["queryType"]["fields"]:
        needed, nulls = [], []
        for argument in field["args"]:
            name, kind = argument["name"], argument["type"]
            if kind["kind"] != "NON_NULL":
                nulls.append(f"{name}: null")
            else:
                needed.append(f"{name}: {required.get(kind['ofType']['name'], '{}')}")
        if not nulls:
            continue
        several = [f"({', '.join(given)})" if given else "" for given in (needed, [*needed, *nulls])]
        left_out, null = [await api.raw(f"{{ {field['name']}{given} {{ __typename }} }}") for given in several]
        assert null == left_out, field["name"]
        if "errors" not in null:
            answered.add(field["name"])
    assert {"customers", "invoices", "payments", "events"} <= answered, answered
