"""Forms: all problems of an input are told at once, each with its field, in the caller's language; and then nothing is changed."""

import functools
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLSchema,
    build_schema,
    get_named_type,
    get_nullable_type,
    is_required_input_field,
)

from sebilling.actor import Role
from sebilling.billing import plans
from sebilling.billing.validation import InvalidInputs, Problems, each_problem, rupiah
from sebilling.db.engine import Database
from sebilling.errors import InvalidAmount
from tests.harness import Api, Isp, make_user
from tests.isolation.gear import Gear

ROOT = Path(__file__).parents[2]
WRONG = "nothing_1"
"""A value that no id, amount, day, time, month or rate has."""
WRONG_CODES = {
    "ID": "INVALID_ID", "Rupiah": "INVALID_NUMBER", "Rate": "INVALID_NUMBER", "Date": "INVALID_DATE", "DateTime": "INVALID_DATE",
    "Month": "INVALID_MONTH",
}  # fmt: skip
CUSTOMER = {"code": "P1", "name": "Budi", "counterId": "cou_9999", "planId": "pla_9999", "installedOn": "2026-02-01"}


@pytest_asyncio.fixture
async def isp(database: Database, gear: Gear) -> Isp:
    return await Isp.make(database)


@pytest_asyncio.fixture
async def api(database: Database, isp: Isp) -> Api:
    made = Api(database)
    await made.sign_in()
    return made


def input_of(mutation: str) -> GraphQLInputType:
    """The type of its input; of the schema as it is handed out."""
    mutations = _schema().mutation_type
    assert mutations is not None
    kind: GraphQLInputType = mutations.fields[mutation].args["input"].type
    return kind


@functools.cache
def _schema() -> GraphQLSchema:
    return build_schema((ROOT / "schema.graphql").read_text(encoding="utf-8"))


async def problems(api: Api, mutation: str, given: dict[str, Any]) -> set[tuple[str, str]]:
    """Field, below the input, and code of each problem."""
    kind = input_of(mutation)
    payload = await api.ask(f"mutation($input: {kind}) {{ {mutation}(input: $input) {{ errors {{ code field message }} }} }}", input=given)
    assert all(error["message"] and error["field"][0] == "input" for error in payload["errors"])
    assert len({tuple(error["field"]) for error in payload["errors"]}) == len(payload["errors"]), "each field once"
    return {(".".join(error["field"][1:]), error["code"]) for error in payload["errors"]}


async def test_a_new_customers_problems_are_told_at_once(api: Api, isp: Isp) -> None:
    wrong = CUSTOMER | {
        "code": "?", "name": " ", "phone": "08x", "address": "x" * 501, "price": -1, "dueDay": 31, "pppoeName": "",
        "installedOn": "1900-01-01",
    }  # fmt: skip
    assert await problems(api, "createCustomer", wrong) == {
        ("code", "INVALID_TEXT"), ("name", "INVALID_TEXT"), ("phone", "INVALID_TEXT"), ("address", "INVALID_TEXT"),
        ("price", "INVALID_AMOUNT"), ("dueDay", "INVALID_DATE"), ("pppoeName", "INVALID_TEXT"), ("installedOn", "INVALID_DATE"),
        ("counterId", "NOT_FOUND"), ("planId", "NOT_FOUND"),
    }  # fmt: skip
    assert await isp.value("SELECT count(*) FROM customer") == 0


async def test_values_that_cannot_be_read_are_told_beside_all_others(api: Api, isp: Isp) -> None:
    """What is about a day itself, such as the due day, waits until all days can be read."""
    wrong = CUSTOMER | {"code": "?", "name": " ", "phone": "08x", "price": -1, "dueDay": 31, "installedOn": "kemarin"}
    assert await problems(api, "createCustomer", wrong) == {
        ("installedOn", "INVALID_DATE"), ("code", "INVALID_TEXT"), ("name", "INVALID_TEXT"), ("phone", "INVALID_TEXT"),
        ("price", "INVALID_AMOUNT"),
    }  # fmt: skip
    assert await problems(api, "createCustomer", wrong | {"installedOn": "2026-02-01", "price": 1000.5, "counterId": "x"}) == {
        ("price", "INVALID_NUMBER"), ("counterId", "INVALID_ID"), ("code", "INVALID_TEXT"), ("name", "INVALID_TEXT"),
        ("phone", "INVALID_TEXT"), ("dueDay", "INVALID_DATE"),
    }  # fmt: skip
    assert await isp.value("SELECT count(*) FROM customer") == 0


async def test_a_change_of_a_customer_tells_them_too(api: Api, isp: Isp) -> None:
    customer_id = await isp.customer(name="Budi")
    wrong = {"id": f"cus_{customer_id}", "name": "", "phone": "x", "planId": "pla_9999"}
    assert await problems(api, "updateCustomer", wrong) == {
        ("name", "INVALID_TEXT"), ("phone", "INVALID_TEXT"), ("planId", "NOT_FOUND")
    }  # fmt: skip
    assert await isp.value("SELECT name FROM customer") == "Budi"


@pytest.mark.parametrize(
    ("mutation", "given", "expected"),
    [
        ("createCounter", {"code": "?", "name": "", "timezone": "UTC", "dueDay": 0},
         {("code", "INVALID_TEXT"), ("name", "INVALID_TEXT"), ("timezone", "INVALID_TEXT"), ("dueDay", "INVALID_DATE")}),
        ("updateCounter", {"id": "<counter>", "name": "", "dueDay": 29},
         {("name", "INVALID_TEXT"), ("dueDay", "INVALID_DATE")}),
        ("createPlan", {"name": "", "price": -1, "rateDownKbps": 0, "rateUpKbps": -5},
         {("name", "INVALID_TEXT"), ("price", "INVALID_AMOUNT"), ("rateDownKbps", "INVALID_AMOUNT"), ("rateUpKbps", "INVALID_AMOUNT")}),
        ("updatePlan", {"id": "<plan>", "name": "", "price": -1},
         {("name", "INVALID_TEXT"), ("price", "INVALID_AMOUNT")}),
        ("createUser", {"username": "?", "name": "", "role": "AUDITOR", "idempotencyKey": "create-user-1"},
         {("username", "INVALID_TEXT"), ("name", "INVALID_TEXT")}),
        ("addCharge", {"customerId": "cus_1", "kind": "LATE_FEE", "description": "", "amount": 0, "idempotencyKey": "short"},
         {("kind", "INVALID_NUMBER"), ("description", "INVALID_TEXT"), ("amount", "INVALID_AMOUNT"), ("idempotencyKey", "INVALID_TEXT")}),
        ("updateBillingSettings", {"taxRate": "101", "lateFee": -1, "companyName": "x" * 101},
         {("taxRate", "INVALID_NUMBER"), ("lateFee", "INVALID_NUMBER"), ("companyName", "INVALID_TEXT")}),
        ("createCustomer", CUSTOMER | {"code": "A1", "pppoeName": "budi", "name": "", "counterId": "pla_1", "planId": "x"},
         {("code", "ALREADY_EXISTS"), ("pppoeName", "ALREADY_EXISTS"), ("name", "INVALID_TEXT"), ("counterId", "INVALID_ID"),
          ("planId", "INVALID_ID")}),
        ("createCounter", {"code": "LKT01", "name": ""},
         {("code", "ALREADY_EXISTS"), ("name", "INVALID_TEXT")}),
        ("createPlan", {"name": "Home 10M", "price": -1},
         {("name", "ALREADY_EXISTS"), ("price", "INVALID_AMOUNT")}),
        ("updatePlan", {"id": "<other plan>", "name": "Home 10M", "price": -1},
         {("name", "ALREADY_EXISTS"), ("price", "INVALID_AMOUNT")}),
        ("createUser", {"username": "admin", "name": "", "role": "CLERK", "idempotencyKey": "create-user-2"},
         {("username", "ALREADY_EXISTS"), ("name", "INVALID_TEXT"), ("counterIds", "INVALID_TEXT")}),
        ("createUser", {"username": "?", "name": "", "role": "CLERK", "counterIds": ["<counter>", "x"],
                        "idempotencyKey": "create-user-3"},
         {("username", "INVALID_TEXT"), ("name", "INVALID_TEXT"), ("counterIds.1", "INVALID_ID")}),
        ("updateUser", {"id": "<admin>", "name": "", "role": "AUDITOR", "counterIds": ["cou_9999"]},
         {("name", "INVALID_TEXT"), ("role", "OWN_ACCOUNT"), ("counterIds.0", "NOT_FOUND")}),
        ("updateUser", {"id": "x", "name": "", "counterIds": ["y"]},
         {("id", "INVALID_ID"), ("counterIds.0", "INVALID_ID")}),
        ("createServiceToken", {"name": "?", "role": "ADMIN", "days": 0},
         {("name", "INVALID_TEXT"), ("role", "INVALID_TEXT"), ("days", "INVALID_NUMBER")}),
        ("recordPayment", {"customerId": "x", "amount": 0, "invoiceIds": ["inv_1", "y"], "idempotencyKey": "short"},
         {("customerId", "INVALID_ID"), ("invoiceIds.1", "INVALID_ID"), ("amount", "INVALID_AMOUNT"), ("idempotencyKey", "INVALID_TEXT")}),
        ("submitDeposit", {"counterId": "x", "amount": 0, "type": "TRANSFER", "note": "x" * 501, "idempotencyKey": "short"},
         {("counterId", "INVALID_ID"), ("amount", "INVALID_AMOUNT"), ("proof", "INVALID_PROOF"), ("note", "INVALID_TEXT"),
          ("idempotencyKey", "INVALID_TEXT")}),
        ("verifyDeposit", {"depositId": "dep_1", "counted": 0, "note": "x" * 501, "idempotencyKey": "short"},
         {("counted", "INVALID_AMOUNT"), ("note", "INVALID_TEXT"), ("idempotencyKey", "INVALID_TEXT")}),
        ("rejectDeposit", {"depositId": "x", "reason": "", "idempotencyKey": "short"},
         {("depositId", "INVALID_ID"), ("reason", "INVALID_TEXT"), ("idempotencyKey", "INVALID_TEXT")}),
        ("correctDeposit", {"depositId": "x", "counted": -1, "reason": "", "idempotencyKey": "short"},
         {("depositId", "INVALID_ID"), ("counted", "INVALID_AMOUNT"), ("reason", "INVALID_TEXT"), ("idempotencyKey", "INVALID_TEXT")}),
        ("settleSurplus", {"counterId": "x", "collectorId": "y", "amount": 0, "reason": "", "idempotencyKey": "short"},
         {("counterId", "INVALID_ID"), ("collectorId", "INVALID_ID"), ("amount", "INVALID_AMOUNT"), ("reason", "INVALID_TEXT"),
          ("idempotencyKey", "INVALID_TEXT")}),
        ("voidInvoice", {"invoiceId": "x", "reason": "", "idempotencyKey": "short"},
         {("invoiceId", "INVALID_ID"), ("reason", "INVALID_TEXT"), ("idempotencyKey", "INVALID_TEXT")}),
        ("writeOffInvoice", {"invoiceId": "inv_1", "amount": 0, "reason": "", "idempotencyKey": "short"},
         {("amount", "INVALID_AMOUNT"), ("reason", "INVALID_TEXT"), ("idempotencyKey", "INVALID_TEXT")}),
        ("refundCredit", {"paymentId": "x", "method": "OPENING", "amount": 0, "reason": "", "idempotencyKey": "short"},
         {("paymentId", "INVALID_ID"), ("method", "INVALID_TEXT"), ("amount", "INVALID_AMOUNT"), ("reason", "INVALID_TEXT"),
          ("idempotencyKey", "INVALID_TEXT")}),
        ("reversePayment", {"paymentId": "x", "reason": "", "idempotencyKey": "short"},
         {("paymentId", "INVALID_ID"), ("reason", "INVALID_TEXT"), ("idempotencyKey", "INVALID_TEXT")}),
        ("createDevice", {"name": "", "kind": "test.gear", "config": {"gear": 7, "pasword": "x"}},
         {("name", "INVALID_TEXT"), ("config.gear", "INVALID_DEVICE"), ("config.pasword", "INVALID_DEVICE")}),
    ],
)  # fmt: skip
async def test_every_form_tells_all_its_problems(
    api: Api, isp: Isp, mutation: str, given: dict[str, Any], expected: set[tuple[str, str]]
) -> None:
    await isp.customer("A1", pppoe_name="budi")
    async with isp.write() as session:
        other_plan = await plans.create(session, name="Home 20M", price=200_000)
    ids = {
        "<counter>": f"cou_{isp.counters['LKT01']}", "<plan>": f"pla_{isp.plan_id}", "<other plan>": f"pla_{other_plan}",
        "<admin>": f"usr_{isp.admin.user_id}",
    }  # fmt: skip
    before = await isp.value("SELECT count(*) FROM event")
    asked = {
        name: ids.get(value, value)
        if isinstance(value, str)
        else [ids.get(one, one) for one in value]
        if isinstance(value, list)
        else value
        for name, value in given.items()
    }
    for api.headers["Accept-Language"] in ("id", "en"):
        assert await problems(api, mutation, asked) == expected
    assert await isp.value("SELECT count(*) FROM event") == before


def made_up(kind: GraphQLInputType, wrong: frozenset[str]) -> Any:
    """A value of the type that is right, but for its scalars of the names in `wrong`; other optional inputs are left out."""
    match get_nullable_type(kind):
        case GraphQLList() as several:
            return [made_up(several.of_type, wrong)]
        case GraphQLInputObjectType() as form:
            fields = form.fields.items()
            if form.is_one_of:
                fields = list(fields)[:1]
            wanted = {
                key: field
                for key, field in fields
                if form.is_one_of or is_required_input_field(field) or str(get_named_type(field.type)) in wrong
            }
            return {key: made_up(field.type, wrong) for key, field in wanted.items()}
        case GraphQLEnumType() as choice:
            return next(iter(choice.values))
        case scalar:
            values = {
                "ID": "nothing_1", "Int": 1, "Rupiah": 1_000, "Boolean": True, "Month": "2026-02", "Date": "2026-02-10", "Rate": "1",
                "DateTime": "2026-02-03T01:00:00.000Z", "JSON": {}, "Upload": None, "String": "sepuluh-huruf",
            }  # fmt: skip
            return WRONG if str(scalar) in wrong else values[str(scalar)]


def paths_of_wrong(value: Any, path: str = "") -> set[str]:
    """Where the wrong scalars are in such a value."""
    if isinstance(value, dict):
        return {found for key, one in value.items() for found in paths_of_wrong(one, f"{path}.{key}" if path else key)}
    if isinstance(value, list):
        return {found for index, one in enumerate(value) for found in paths_of_wrong(one, f"{path}.{index}")}
    return {path} if value == WRONG else set()


@pytest.mark.parametrize("wrong", [{"ID"}, set(WRONG_CODES)], ids=["ids", "all"])
@pytest.mark.parametrize("role", ["admin", "kasir"])
async def test_every_mutation_tells_all_malformed_values_and_changes_nothing(api: Api, isp: Isp, role: str, wrong: set[str]) -> None:
    mutations = _schema().mutation_type
    assert mutations is not None
    async with isp.write() as session:
        await make_user(session, "kasir", Role.CLERK, "LKT01")
    await api.sign_in(role)
    before, told = await isp.value("SELECT count(*) FROM event"), 0
    for name, mutation in mutations.fields.items():
        given = made_up(mutation.args["input"].type, frozenset(wrong)) if "input" in mutation.args else {}
        if not (expected := paths_of_wrong(given)) or name == "recordPayments":
            continue
        document = f"mutation($input: {input_of(name)}) {{ {name}(input: $input) {{ errors {{ code field message }} }} }}"
        errors = (await api.ask(document, input=given))["errors"]
        if [error["code"] for error in errors] != ["FORBIDDEN"]:
            malformed = {".".join(error["field"][1:]) for error in errors if error["code"] in {WRONG_CODES[one] for one in wrong}}
            assert malformed == expected, (name, errors)
            assert len({tuple(error["field"]) for error in errors}) == len(errors), (name, "each field once")
            told += 1
    assert told >= {"admin": 50, "kasir": 4}[role]
    assert await isp.value("SELECT count(*) FROM event") == before


async def test_what_a_malformed_id_does_not_prevent_is_rolled_back(api: Api, isp: Isp) -> None:
    """The other customer of the list is there, and nothing else is wrong."""
    given = {"customerIds": [f"cus_{await isp.customer()}", "x"], "reason": "sepuluh-huruf", "idempotencyKey": "block-them"}
    assert await problems(api, "blockCustomers", given) == {("customerIds.1", "INVALID_ID")}
    assert await isp.value("SELECT count(*) FROM idempotency_key") == 0


async def test_each_problem_is_in_the_callers_language(api: Api) -> None:
    api.headers["Accept-Language"] = "id"
    document = "mutation($input: CreatePlanInput!) { createPlan(input: $input) { errors { message } } }"
    messages = [error["message"] for error in (await api.ask(document, input={"name": "", "price": -1}))["errors"]]
    assert messages == [
        "Nama tidak dapat diterima: masih kosong; isi paling sedikit satu karakter.",
        "-1 bukan nominal yang sah: isi rupiah bulat dari 0 sampai 1000000000000.",
    ]


def _checked(*amounts: int) -> list[int]:
    with Problems() as check:
        return [check(rupiah, amount, field=f"amount_{number}") for number, amount in enumerate(amounts)]


def _interrupted() -> None:
    with Problems() as check:
        check(rupiah, -1, field="price")
        raise ZeroDivisionError


def test_one_problem_is_itself_and_several_are_told_together() -> None:
    assert _checked(1, 2) == [1, 2]
    with pytest.raises(InvalidAmount):
        _checked(1, -2)
    with pytest.raises(InvalidInputs) as raised:
        _checked(-1, 5, -2)
    assert [problem.field for problem in each_problem(raised.value)] == ["amount_0", "amount_2"]
    assert raised.value.message("en") == " ".join(problem.message("en") for problem in raised.value.problems)
    with pytest.raises(ZeroDivisionError):
        _interrupted()  # whatever else fails is not hidden
