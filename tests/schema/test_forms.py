"""Forms: all problems of an input are told at once, each with its field, in the caller's language; and then nothing is changed."""

from typing import Any

import pytest
import pytest_asyncio

from sebilling.billing.validation import InvalidInputs, Problems, each_problem, rupiah
from sebilling.db.engine import Database
from sebilling.errors import InvalidAmount
from tests.harness import Api, Isp
from tests.isolation.gear import Gear

CUSTOMER = {"code": "P1", "name": "Budi", "counterId": "cou_9999", "planId": "pla_9999", "installedOn": "2026-02-01"}


@pytest_asyncio.fixture
async def isp(database: Database, gear: Gear) -> Isp:
    return await Isp.make(database)


@pytest_asyncio.fixture
async def api(database: Database, isp: Isp) -> Api:
    made = Api(database)
    await made.sign_in()
    return made


async def problems(api: Api, mutation: str, given: dict[str, Any]) -> set[tuple[str, str]]:
    """Field, below the input, and code of each problem."""
    kind = f"{mutation[0].upper()}{mutation[1:]}Input"
    payload = await api.ask(f"mutation($input: {kind}!) {{ {mutation}(input: $input) {{ errors {{ code field message }} }} }}", input=given)
    assert all(error["message"] and error["field"][0] == "input" for error in payload["errors"])
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
        ("createDevice", {"name": "", "kind": "test.gear", "config": {"gear": 7, "pasword": "x"}},
         {("name", "INVALID_TEXT"), ("config.gear", "INVALID_DEVICE"), ("config.pasword", "INVALID_DEVICE")}),
    ],
)  # fmt: skip
async def test_every_form_tells_all_its_problems(
    api: Api, isp: Isp, mutation: str, given: dict[str, Any], expected: set[tuple[str, str]]
) -> None:
    ids = {"<counter>": f"cou_{isp.counters['LKT01']}", "<plan>": f"pla_{isp.plan_id}"}
    before = await isp.value("SELECT count(*) FROM event")
    asked = {name: ids.get(value, value) if isinstance(value, str) else value for name, value in given.items()}
    assert await problems(api, mutation, asked) == expected
    assert await isp.value("SELECT count(*) FROM event") == before


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
