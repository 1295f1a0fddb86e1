"""Everything with an id is read by it alone, as by its own root field, and no two things share an id."""

from typing import Any

import pytest
from graphql import GraphQLObjectType

from sebilling.actor import Role
from sebilling.db.engine import Database
from sebilling.schema.engine.declarations import TYPES_BY_PREFIX, node_of
from tests.auth.people import add, enter
from tests.harness import Api, Isp
from tests.schema.two_counters import SCHEMA, World

NOT_BY_ID = {"SignIn", "Event", "Recap", "CounterFigures", "TimelineEntry"}
"""Types whose objects are read by their own root fields alone: figures that are computed, one's own sign-ins,
and entries of timelines, which are found for one customer at a time and never change."""
NODES = """query($ids: [ID!]!) { nodes(ids: $ids) { __typename id
  ... on Customer { name counter { code } } ... on Invoice { number counter { name } } ...Paid } }
fragment Paid on Payment { amount customer { ... on Node { id ... on Invoice { number } } } }"""


def test_each_type_with_an_id_can_be_read_by_it() -> None:
    kinds = {name: kind for name, kind in SCHEMA.type_map.items() if isinstance(kind, GraphQLObjectType) and "id" in kind.fields}
    assert {name for name, kind in kinds.items() if not kind.interfaces} == NOT_BY_ID
    assert {kind.__name__ for kind in TYPES_BY_PREFIX.values()} == set(kinds) - NOT_BY_ID


async def test_objects_of_all_types_come_in_the_order_of_their_ids(world: World) -> None:
    own, other = world.own, world.other
    api = Api(world.isp.database)
    await api.sign_in()
    ids = [
        own["invoice"],
        "cus_999999",
        "cus_0",
        "cus_" + "9" * 30,
        "cus_١",
        "drw_1",
        "drw_",
        "cus",
        own["customer"],
        "nonsense",
        own["payment"],
        "xyz_1",
        own["customer"],
        other["invoice"],
        "",
    ]
    answers = await api.ask(NODES, ids=ids)
    assert [answer and (answer["__typename"], answer["id"]) for answer in answers] == [
        ("Invoice", own["invoice"]), *[None] * 7, ("Customer", own["customer"]), None, ("Payment", own["payment"]), None,
        ("Customer", own["customer"]), ("Invoice", other["invoice"]), None,
    ]  # fmt: skip
    payment, customer = answers[10], answers[8]
    assert payment == {
        "__typename": "Payment", "id": own["payment"], "amount": payment["amount"], "customer": {"id": own["customer"]},
    }  # fmt: skip
    assert set(answers[0]) == {"__typename", "id", "number", "counter"}
    assert set(answers[0]["counter"]) == {"name"}
    assert set(customer) == {"__typename", "id", "name", "counter"}
    assert set(customer["counter"]) == {"code"}


async def test_at_most_a_hundred(database: Database) -> None:
    await Isp.make(database)
    api = Api(database)
    await api.sign_in()
    document = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    assert await api.ask(document, ids=["cus_1"] * 100) == [None] * 100
    assert await api.top_error(document, ids=["cus_1"] * 101) == "INVALID_NUMBER"
    assert await api.ask(document, ids=[]) == []


@pytest.mark.parametrize("role", Role)
async def test_each_object_is_what_its_own_rules_let_the_role_see(world: World, role: Role) -> None:
    """Whoever may not read the type gets an error at the path, whoever may not see the row gets null."""
    isp = world.isp
    await add(isp, "seseorang", role, *(["OWN"] if role in {Role.CLERK, Role.COLLECTOR} else []))
    api = Api(isp.database)
    await enter(api, "seseorang")
    ids = {
        **{f"own {name}": public_id for name, public_id in world.own.items()},
        **{f"other {name}": public_id for name, public_id in world.other.items()},
    }
    ids = {name: public_id for name, public_id in ids.items() if public_id.partition("_")[0] in set(TYPES_BY_PREFIX) - {"tok"}}
    answer = await api.raw("query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }", ids=list(ids.values()))
    refused = {error["path"][1]: error["extensions"]["code"] for error in answer.get("errors", [])}
    for index, (name, public_id) in enumerate(ids.items()):
        kind = TYPES_BY_PREFIX[public_id.partition("_")[0]]
        found = answer["data"]["nodes"][index]
        alone = await api.raw("query($id: ID!) { node(id: $id) { __typename id } }", id=public_id)
        assert alone["data"]["node"] == found
        if role not in node_of(kind).readers["id"]:
            assert (found, refused.pop(index)) == (None, "FORBIDDEN"), name
            assert [error["path"] for error in alone["errors"]] == [["node"]]
            continue
        assert "errors" not in alone
        assert found in (None, {"__typename": kind.__name__, "id": public_id})
        assert (found is None) == (not await _visible(api, kind.__name__, public_id, name, role)), name
    assert refused == {}


async def _visible(api: Api, kind: str, public_id: str, name: str, role: Role) -> bool:
    """Whether the type's own root field shows it; for parts, whether it is at the caller's counter."""
    root = {"Customer": "customer", "Invoice": "invoice", "Payment": "payment", "Deposit": "deposit", "Counter": "counter"}.get(kind)
    if root is not None:
        answer: Any = await api.raw(f'{{ {root}(id: "{public_id}") {{ id }} }}')
        return answer["data"][root] is not None
    return role not in {Role.CLERK, Role.COLLECTOR} or name.startswith("own") or kind in {"Plan", "Period"}


async def test_nothing_is_read_of_what_is_withheld(world: World) -> None:
    api = Api(world.isp.database)
    await add(world.isp, "teknisi2", Role.TECHNICIAN)
    await enter(api, "teknisi2")
    answer = await api.raw("query($id: ID!) { node(id: $id) { ... on Customer { name outstanding } } }", id=world.own["customer"])
    assert answer["data"]["node"]["outstanding"] is None
    assert [error["path"] for error in answer["errors"]] == [["node", "outstanding"]]


async def test_what_is_named_by_several_rows_is_read_by_its_id_too(world: World) -> None:
    api = Api(world.isp.database)
    await api.sign_in()
    drawers = await api.ask("{ drawers { id onHand collector { id } } }")
    assert drawers
    document = "query($ids: [ID!]!) { nodes(ids: $ids) { id ... on Drawer { onHand collector { id } } } }"
    assert await api.ask(document, ids=[drawer["id"] for drawer in drawers]) == drawers
    await api.ask('mutation { addBlackoutDate(input: {day: "2026-03-20", reason: "Idul Fitri"}) { errors { code } } }')
    (date,) = await api.ask("{ blackoutDates { id day } }")
    assert await api.ask("query($id: ID!) { node(id: $id) { id ... on BlackoutDate { day } } }", id=date["id"]) == date
