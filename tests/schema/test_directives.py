"""Directives, merged fields and operations that share a fragment: rights and plans hold for every value of every variable.

What was found out for a document is kept with it, so each document is sent in every order of the values that change it.
"""

from typing import Any

import pytest

from sebilling.actor import Role
from sebilling.db.engine import Database
from sebilling.network import accesses, devices
from sebilling.vault import Vault
from tests.harness import Api, Isp, make_user
from tests.isolation import gear

MERGED = """query($n: Int!, $x: Boolean!) {
  customers(first: $n) { nodes { code } }
  customers(first: $n) @include(if: $x) { nodes { price outstanding openInvoices { total } } } }"""
MONEY = "price outstanding"
SHAPES = {
    "two fields of one key": MERGED,
    "within a fragment": f"query($x: Boolean!) {{ customers {{ nodes {{ code }} }} ...M @include(if: $x) }} fragment M on Query"
                         f" {{ customers {{ nodes {{ {MONEY} }} }} }}",
    "within an inline fragment": f"query($x: Boolean!) {{ customers {{ nodes {{ code }} }} ... @include(if: $x)"
                                 f" {{ customers {{ nodes {{ {MONEY} }} }} }} }}",
    "by @skip": f"query($x: Boolean!) {{ customers @skip(if: $x) {{ nodes {{ {MONEY} }} }} customers {{ nodes {{ code }} }} }}",
    "further below": f"query($x: Boolean!) {{ customers {{ nodes {{ code }} nodes @include(if: $x) {{ {MONEY} }} }} }}",
    "of an alias": f"query($x: Boolean!) {{ a: customers {{ nodes {{ code }} }} a: customers @include(if: $x) {{ nodes {{ {MONEY} }} }} }}",
    "by a list's edges": f"query($x: Boolean!) {{ customers {{ nodes {{ code }} }} customers @include(if: $x)"
                         f" {{ totalCount edges {{ cursor node {{ {MONEY} }} }} }} }}",
}  # fmt: skip
SHARED = """query A { ...F } query B { ...F customers { totalCount nodes { outstanding } } }
fragment F on Query { customers { nodes { code } } }"""


async def of_role(database: Database, role: Role) -> tuple[Isp, Api]:
    """A client of somebody with this role, at an ISP of one customer with a debt."""
    isp = await Isp.make(database)
    await isp.customer("BUDI")
    await isp.open()
    await isp.generate()
    async with isp.write() as session:
        await make_user(session, "someone", role, *(["LKT01"] if role in {Role.CLERK, Role.COLLECTOR} else []))
    api = Api(database)
    await api.sign_in("someone")
    return isp, api


@pytest.mark.parametrize("order", [(False, True), (True, False)])
@pytest.mark.parametrize("shape", SHAPES)
async def test_what_is_withheld_is_so_for_every_value(database: Database, shape: str, order: tuple[bool, ...]) -> None:
    _, api = await of_role(database, Role.TECHNICIAN)
    for x in (*order, *order):
        answer = await api.raw(SHAPES[shape], n=5, x=x)
        is_selected = x != (shape == "by @skip")
        assert {error["extensions"]["code"] for error in answer.get("errors", ())} == ({"FORBIDDEN"} if is_selected else set())
        (found,) = answer["data"].values()
        (row,) = found["nodes"]
        merged = row | (found["edges"][0]["node"] if "edges" in found else {})
        assert merged.pop("code") == "BUDI"
        assert (merged != {}, [*filter(None, merged.values())]) == (is_selected, [])


@pytest.mark.parametrize("order", [(False, True), (True, False)])
@pytest.mark.parametrize("shape", SHAPES)
async def test_what_is_read_is_right_for_every_value(database: Database, shape: str, order: tuple[bool, ...]) -> None:
    _, api = await of_role(database, Role.CLERK)
    for x in (*order, *order):
        found = await api.ask(SHAPES[shape], n=5, x=x)
        (row,) = found["nodes"]
        merged = row | (found["edges"][0]["node"] if "edges" in found else {})
        assert merged["code"] == "BUDI"
        is_selected = x != (shape == "by @skip")
        assert ("outstanding" in merged, merged.get("outstanding", 150_000)) == (is_selected, 150_000)


async def test_operations_that_share_a_fragment_share_neither_rights_nor_plans(database: Database) -> None:
    _, api = await of_role(database, Role.TECHNICIAN)

    async def named(name: str) -> Any:
        response = await api.http.post("/graphql", json={"query": SHARED, "operationName": name}, headers=api.headers)
        return response.json()

    for name in ("A", "B", "A", "B"):
        answer = await named(name)
        if name == "A":
            assert answer == {"data": {"customers": {"nodes": [{"code": "BUDI"}]}}}
        else:
            assert [error["extensions"]["code"] for error in answer["errors"]] == ["FORBIDDEN"]
    await api.sign_in()
    for name in ("A", "B", "A", "B"):
        whole = {"totalCount": 1, "nodes": [{"code": "BUDI", "outstanding": 150_000}]}
        assert (await named(name))["data"]["customers"] == (whole if name == "B" else {"nodes": [{"code": "BUDI"}]})


async def test_a_mutation_that_could_tell_more_is_not_done(database: Database) -> None:
    isp, api = await of_role(database, Role.TECHNICIAN)
    customer_id = await isp.value("SELECT id FROM customer")
    async with isp.write() as session:
        device_id = await devices.create(session, gear.plugins(), Vault(b"key"), name="RB1", kind="test.gear", config={"gear": "one"})
        await accesses.give(session, gear.plugins(), customer_id=customer_id, device_id=device_id, service_kind="PPPOE", key="budi")
    given = {"customerId": f"cus_{customer_id}", "reason": "coba saja"}
    document = """mutation($x: Boolean!, $i: BlockCustomerInput!) {
      blockCustomer(input: $i) { errors { code } } blockCustomer(input: $i) @include(if: $x) { customer { outstanding } } }"""
    for x in (False, True):
        payload = (await api.raw(document, x=x, i=given))["data"]["blockCustomer"]
        assert payload["errors"] == [{"code": "FORBIDDEN"}]
    wanted = "SELECT count(*) FROM event WHERE kind = 'isolation.block_wanted'"
    assert await isp.value(wanted) == 0
    await api.do("mutation($i: BlockCustomerInput!) { blockCustomer(input: $i) { errors { code } } }", i=given)
    assert await isp.value(wanted) == 1, "what was refused would have been seen"


async def test_every_combination_of_three_directives_reads_the_same_as_afresh(database: Database) -> None:
    """One server that has the document in its cache, and one that never saw it."""
    isp, known = await of_role(database, Role.ADMIN)
    document = """query($a: Boolean!, $b: Boolean!, $c: Boolean!) {
      invoices { nodes { number } }
      invoices @include(if: $a) { totalCount nodes { customer { code } } }
      ... @skip(if: $b) { invoices { edges { node { customer { outstanding plan @include(if: $c) { name } } } } } } }"""
    values = [(a, b, c) for a in (False, True) for b in (False, True) for c in (False, True)]
    for a, b, c in (*values, *reversed(values)):
        fresh = Api(isp.database)
        fresh.headers = known.headers
        answer = await known.raw(document, a=a, b=b, c=c)
        assert "errors" not in answer
        assert answer == await fresh.raw(document, a=a, b=b, c=c)
        (node,) = answer["data"]["invoices"]["nodes"]
        assert ("customer" in node) is a
