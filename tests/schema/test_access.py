"""Nobody may do what nobody has allowed: every root field, every role, every counter."""

from typing import Any

import pytest
from graphql import GraphQLEnumType, GraphQLInputObjectType, GraphQLList, GraphQLNonNull, is_composite_type

from sebilling.actor import Role
from sebilling.auth.attempts import MAX_FAILURES, WITHIN
from sebilling.db.engine import Database
from sebilling.schema.build import build_schema
from sebilling.schema.request.access import RULES
from sebilling.schema.request.roles import ANYBODY
from tests.harness import PASSWORD, Api, Isp, make_user

OPEN = {"sign_in", "refresh_sign_in"}
SCHEMA: Any = build_schema()._schema


def snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


def sample(kind: Any) -> str:
    """A literal of an input type."""
    if isinstance(kind, GraphQLNonNull):
        return sample(kind.of_type)
    if isinstance(kind, GraphQLList):
        return f"[{sample(kind.of_type)}]"
    if isinstance(kind, GraphQLInputObjectType):
        needed = {name: field for name, field in kind.fields.items() if isinstance(field.type, GraphQLNonNull)}
        if kind.extensions["strawberry-definition"].is_one_of:
            needed = dict(list(kind.fields.items())[:1])
        return "{" + ", ".join(f"{name}: {sample(field.type)}" for name, field in needed.items()) + "}"
    if isinstance(kind, GraphQLEnumType):
        return str(next(iter(kind.values)))
    return {"Rupiah": "1", "Int": "1", "Date": '"2026-02-01"', "Month": '"2026-02"', "Boolean": "true"}.get(kind.name, '"x1234567"')


def documents() -> list[tuple[str, str, bool]]:
    """For each root field its name, a document that asks for it, and whether it is a mutation."""
    found = []
    for root, word in ((SCHEMA.query_type, "query"), (SCHEMA.mutation_type, "mutation")):
        for name, field in root.fields.items():
            needed = [
                f"{arg}: {sample(one.type)}"
                for arg, one in field.args.items()
                if isinstance(one.type, GraphQLNonNull) and one.default_value is not None
            ]
            kind = field.type
            while isinstance(kind, GraphQLNonNull | GraphQLList):
                kind = kind.of_type
            below = "errors { code }" if word == "mutation" else "__typename"
            assert is_composite_type(kind)
            found.append((name, f"{word} {{ {name}{f'({chr(44).join(needed)})' if needed else ''} {{ {below} }} }}", word == "mutation"))
    return found


def test_every_root_field_has_a_rule_and_only_sign_in_is_open() -> None:
    roots = (SCHEMA.query_type, SCHEMA.mutation_type, SCHEMA.subscription_type)
    names = {snake(name) for root in roots for name in root.fields}
    assert names == set(RULES)
    assert {name for name, roles in RULES.items() if roles is ANYBODY} == OPEN
    assert all(roles for name, roles in RULES.items() if name not in OPEN)


@pytest.mark.parametrize(("name", "document", "_mutation"), [one for one in documents() if snake(one[0]) not in OPEN])
async def test_without_a_sign_in_nothing_is_answered(database: Database, name: str, document: str, _mutation: bool) -> None:  # noqa: FBT001
    api = Api(database)
    assert await api.top_error(document) == "UNAUTHENTICATED", name
    api.headers["Authorization"] = "Bearer sbt_made-up"
    assert await api.top_error(document) == "UNAUTHENTICATED", name


@pytest.mark.parametrize("role", Role)
async def test_every_role_gets_exactly_what_the_table_says(database: Database, role: Role) -> None:
    isp = await Isp.make(database)
    await isp.open()
    async with isp.write() as session:
        await make_user(session, "someone", role, *(["LKT01"] if role in {Role.CLERK, Role.COLLECTOR} else []))
    api = Api(database)
    await api.sign_in("someone")
    for name, document, is_mutation in documents():
        if snake(name) in OPEN | {"sign_out"}:
            continue
        answer = await api.raw(document)
        errors = answer["data"][name]["errors"] if is_mutation and answer["data"] else answer.get("errors", [])
        codes = {error.get("code") or error["extensions"]["code"] for error in errors}
        assert ("FORBIDDEN" in codes) == (role not in RULES[snake(name)]), f"{role} {name}: {codes}"


async def test_what_one_may_read_says_nothing_of_who_asks_the_same_next(database: Database) -> None:
    """Documents are kept with what was found out of them: rights are found out for each role."""
    isp = await Isp.make(database)
    await isp.customer("BUDI")
    async with isp.write() as session:
        await make_user(session, "teknisi", Role.TECHNICIAN)
    api, document = Api(database), "{ customers { nodes { code outstanding } } }"
    for _ in range(2):
        await api.sign_in()
        assert (await api.ask(document))["nodes"] == [{"code": "BUDI", "outstanding": 0}]
        await api.sign_in("teknisi")
        assert await api.top_error(document) == "FORBIDDEN"


async def test_a_clerk_sees_their_own_counter_and_nothing_else(database: Database) -> None:
    isp = await Isp.make(database, "LKT01", "LKT02")
    own, foreign = await isp.customer("OWN", counter="LKT01"), await isp.customer("FOREIGN", counter="LKT02")
    await isp.open()
    await isp.generate()
    await isp.pay(own, 1_000)
    await isp.pay(foreign, 2_000)
    async with isp.write() as session:
        await make_user(session, "kasir", Role.CLERK, "LKT01")
    api = Api(database)
    await api.sign_in("kasir")
    assert [one["code"] for one in (await api.ask("{ counters { nodes { code } } }"))["nodes"]] == ["LKT01"]
    assert await api.ask("{ customers { totalCount nodes { code } } }") == {"totalCount": 1, "nodes": [{"code": "OWN"}]}
    assert await api.ask('{ customer(code: "FOREIGN") { name } }') is None
    assert await api.ask(f'{{ customer(id: "cus_{foreign}") {{ name }} }}') is None
    assert [one["customer"]["code"] for one in (await api.ask("{ invoices { nodes { customer { code } } } }"))["nodes"]] == ["OWN"]
    assert [one["amount"] for one in (await api.ask("{ payments { nodes { amount } } }"))["nodes"]] == [1_000]
    assert [one["counter"]["code"] for one in await api.ask('{ recap(month: "2026-02") { counter { code } } }')] == ["LKT01"]
    (foreign_invoice,) = await isp.rows("SELECT id FROM invoice WHERE customer_id = :c", c=foreign)
    assert await api.ask(f'{{ invoice(id: "inv_{foreign_invoice[0]}") {{ number }} }}') is None
    pay = """mutation($c: ID!) {
      recordPayment(input: {customerId: $c, amount: 1, idempotencyKey: "abcdefgh"}) { errors { code field message } } }"""
    assert await api.refused(pay, c=f"cus_{foreign}") == ("NOT_FOUND", ["input", "customerId"])


async def test_a_sign_out_ends_the_token_and_a_password_must_be_right(database: Database) -> None:
    await Isp.make(database)
    api = Api(database)
    await api.sign_in()
    assert (await api.ask("{ me { username role } }")) == {"username": "admin", "role": "ADMIN"}
    assert (await api.do("mutation { signOut { signedOut errors { code } } }"))["signedOut"] is True
    assert await api.top_error("{ me { username } }") == "UNAUTHENTICATED"
    api.headers.clear()
    wrong = "mutation($u: String!, $p: String!) { signIn(input: {username: $u, password: $p}) { token errors { code field message } } }"
    for username, password in (("admin", "wrong-password"), ("nobody", "wrong-password"), ("admin", "")):
        assert (await api.refused(wrong, u=username, p=password))[0] == "WRONG_CREDENTIALS"


async def test_a_token_ends_by_itself_and_no_secret_is_kept(database: Database) -> None:
    isp = await Isp.make(database)
    api = Api(database, token_hours=1)
    await api.sign_in()
    token = api.headers["Authorization"].removeprefix("Bearer ")
    kept = str(await isp.rows("SELECT encode(token_hash, 'escape') FROM access_token")) + str(await isp.rows("SELECT data FROM event"))
    assert token not in kept
    assert "rahasia" not in kept
    api.now = api.now.replace(hour=api.now.hour + 1)
    assert await api.top_error("{ me { username } }") == "UNAUTHENTICATED"


async def test_guessing_is_slowed_down_for_names_that_exist_and_names_that_do_not(database: Database) -> None:
    isp, api = await Isp.make(database), Api(database)
    document = "mutation($u: String!, $p: String!) { signIn(input: {username: $u, password: $p}) { token errors { code field message } } }"
    for name in ("admin", "nobody"):
        for _ in range(MAX_FAILURES):
            assert (await api.refused(document, u=name, p="wrong-password"))[0] == "WRONG_CREDENTIALS"
        assert (await api.refused(document, u=name, p=PASSWORD))[0] == "TOO_MANY_ATTEMPTS"
    assert await isp.value("SELECT count(*) FROM event WHERE kind = 'user.sign_in_failed'") == 2 * MAX_FAILURES
    api.now += WITHIN
    await api.sign_in()
