"""What a role may do is told beforehand, and what it may not see doesn't take the rest of a screen with it."""

import re
from typing import Any

import pytest
import pytest_asyncio

from sebilling.actor import Role
from sebilling.db.engine import Database
from tests.auth.people import add
from tests.harness import Api, Isp, counted_statements
from tests.schema.test_matrix import LETTERS, ROOT_TABLE, SUBSCRIPTION_TABLE
from tests.schema.two_counters import ROLES, SCHEMA

_OPEN = {"signIn", "refreshSignIn"}


def _permission(root: str) -> str:
    name = "".join(f"_{letter}" if letter.isupper() else letter.upper() for letter in root)
    return name if root in SCHEMA.mutation_type.fields else f"SEE_{name}"


@pytest.mark.parametrize("letter", LETTERS)
async def test_the_permissions_of_a_role_are_what_the_table_says(database: Database, letter: str) -> None:
    isp = await Isp.make(database)
    await add(isp, "someone", ROLES[LETTERS[letter]], *(["LKT01"] if letter in "CK" else []))
    api = Api(database)
    await api.sign_in("someone")
    told = (await api.ask("{ me { permissions } }"))["permissions"]
    table = ROOT_TABLE | SUBSCRIPTION_TABLE
    assert told == sorted(_permission(root) for root, letters in table.items() if letter in letters.upper() and root not in _OPEN)


@pytest_asyncio.fixture
async def technician(committed: Database) -> Api:
    """Signed in as a technician, with two customers who have an invoice."""
    isp = await Isp.make(committed)
    for code in "AB":
        await isp.customer(code, price=120_000)
    await isp.open()
    await isp.generate()
    await add(isp, "teknisi", Role.TECHNICIAN)
    api = Api(committed)
    await api.sign_in("teknisi")
    return api


def _errors(answer: Any) -> list[tuple[list[Any], str]]:
    return [(error["path"], error["extensions"]["code"]) for error in answer["errors"]]


async def test_what_is_refused_leaves_the_rest_of_the_screen(technician: Api, committed: Database) -> None:
    document = """query Screen { dashboard { cursor } devices { name }
        customers { nodes { ...Card } } }
        fragment Card on Customer { code price openInvoices { number } plan { name price } }"""
    for _ in range(3):  # also when it is known
        with counted_statements(committed) as sent:
            answer = await technician.raw(document)
        assert answer["data"] == {
            "dashboard": None,
            "devices": [],
            "customers": {
                "nodes": [{"code": code, "price": None, "openInvoices": None, "plan": {"name": "Home 10M", "price": None}} for code in "AB"]
            },
        }
        paths = [["customers", "nodes", at, *path] for at in range(2) for path in (["price"], ["openInvoices"], ["plan", "price"])]
        assert sorted(map(str, _errors(answer))) == sorted(map(str, [(path, "FORBIDDEN") for path in [["dashboard"], *paths]]))
        read = [statement for statement in sent if "FROM customer" in statement]
        assert read
        assert not [statement for statement in read if re.search(r"\w\.price|FROM invoice", statement)], "nothing of it is read"


async def test_an_error_of_one_root_field_leaves_the_others(database: Database) -> None:
    await Isp.make(database)
    api = Api(database)
    await api.sign_in()
    for _ in range(3):
        answer = await api.raw('{ recap(month: "2031-01") { totalBilled } plans { nodes { name } } }')
        assert answer["data"] == {"recap": None, "plans": {"nodes": [{"name": "Home 10M"}]}}
        assert _errors(answer) == [(["recap"], "NOT_FOUND")]


async def test_errors_stand_in_the_order_of_the_document(technician: Api) -> None:
    """In whatever order the root fields end: one of the database takes longer than a refusal."""
    document = """{
      a: plans { nodes { name price } }
      b: dashboard { cursor }
      c: customers { nodes { code price } }
      d: periods { nodes { month } }
    }"""
    for _ in range(5):
        answer = await technician.raw(document)
        assert [path[0] for path, _ in _errors(answer)] == sorted(path[0] for path, _ in _errors(answer))
        assert {path[0] for path, _ in _errors(answer)} == set("abcd")
