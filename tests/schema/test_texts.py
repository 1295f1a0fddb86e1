"""No text breaks anything, whichever argument it is for, whoever sends it: what can't be kept is refused by the argument's name."""

import base64
import json
from collections.abc import Iterator
from typing import Any, Final

import pytest
from graphql import GraphQLInputObjectType, GraphQLList, GraphQLNonNull, get_named_type, is_leaf_type

from sebilling.db.engine import Database
from tests.harness import Api, Isp
from tests.schema.two_counters import SCHEMA, World, value

TEXTS: Final = {"String", "ID", "Month", "Date", "DateTime", "Rate", "JSON"}
HELD: Final = {"U+FFFF": "x\uffff", "control characters": "x\x1b\x7f\x85\u2028", "direction": "\u202ex", "100 KB": "é" * 50_000}
ROOTS: Final = {
    (word, name): field
    for word, kind in (("query", SCHEMA.query_type), ("mutation", SCHEMA.mutation_type))
    for name, field in kind.fields.items()
}
Path = tuple[str, ...]


def bare(kind: Any) -> Any:
    return bare(kind.of_type) if isinstance(kind, GraphQLNonNull) else kind


def texts(fields: Any, path: Path = ()) -> Iterator[Path]:
    """Where a text may stand in arguments or an input: by the names on the way, 0 for the first of a list."""
    for name, field in fields.items():
        kind, here = bare(field.type), (*path, name)
        while isinstance(kind, GraphQLList):
            kind, here = bare(kind.of_type), (*here, "0")
        if isinstance(kind, GraphQLInputObjectType):
            yield from texts(kind.fields, here)
        elif kind.name in TEXTS:
            yield here


def built(root: str, name: str, kind: Any, ids: dict[str, str], *, path: Path | None, bad: Any) -> Any:
    """A value for an argument, of what must be given alone; at `path` the bad one."""
    kind = bare(kind)
    if isinstance(kind, GraphQLList):
        return [built(root, name, kind.of_type, ids, path=None if path is None else path[1:], bad=bad)]
    if isinstance(kind, GraphQLInputObjectType):
        wanted = {
            one: field for one, field in kind.fields.items()
            if (path and path[0] == one) or (isinstance(field.type, GraphQLNonNull) and "Undefined" in repr(field.default_value))
        }  # fmt: skip
        return {
            one: built(root, one, field.type, ids, path=path[1:] if path and path[0] == one else None, bad=bad)
            for one, field in wanted.items()
        }
    if path is not None:
        return {"a": bad} if kind.name == "JSON" else bad
    written = value(root, name, kind, ids, optional=False)
    return written if not is_leaf_type(kind) or written[0] not in '"{0123456789tf' else json.loads(written)


def request(word: str, root: str, ids: dict[str, str], path: Path, bad: Any) -> tuple[str, dict[str, Any]]:
    """A document with a variable for each argument, called otherwise than it, and the variables."""
    field, variables = ROOTS[word, root], {}
    for name, argument in field.args.items():
        if name == path[0] or (isinstance(argument.type, GraphQLNonNull) and "Undefined" in repr(argument.default_value)):
            variables[f"v_{name}"] = built(root, name, argument.type, ids, path=path[1:] if name == path[0] else None, bad=bad)
    declared = ", ".join(f"$v_{name}: {argument.type}" for name, argument in field.args.items() if f"v_{name}" in variables)
    given = ", ".join(f"{name.removeprefix('v_')}: ${name}" for name in variables)
    below = "{ errors { code message field } }" if word == "mutation" else "{ __typename }"
    assert not is_leaf_type(get_named_type(field.type))
    return f"{word}({declared}) {{ {root}({given}) {below} }}", variables


PLACES: Final = [(word, root, path) for (word, root), field in ROOTS.items() for path in texts(field.args)]


def codes(answer: Any) -> set[str]:
    return {error["extensions"]["code"] for error in answer.get("errors", ())}


def test_places_are_found() -> None:
    assert len(PLACES) > 150
    assert ("mutation", "signIn", ("input", "password")) in PLACES
    assert ("query", "customers", ("filter", "search")) in PLACES
    assert ("mutation", "recordPayments", ("input", "payments", "0", "note")) in PLACES


@pytest.mark.parametrize("signed_in", [False, True])
async def test_a_nul_is_refused_by_the_name_of_its_argument(world: World, signed_in: bool) -> None:  # noqa: FBT001 - a case
    api = Api(world.isp.database)
    if signed_in:
        await api.sign_in()
    for word, root, path in PLACES:
        document, variables = request(word, root, world.own, path, "a\x00b")
        (error,) = (await api.raw(document, **variables))["errors"]
        named = (*path, "a") if error["extensions"]["field"][-1:] == ["a"] else path
        assert (error["extensions"]["code"], tuple(error["extensions"]["field"])) == ("INVALID_TEXT", named), (root, path)
        assert "U+0000" in error["message"]


@pytest.mark.parametrize(("text", "signed_in"), [("U+FFFF", False), *((text, True) for text in HELD)])
async def test_no_text_breaks_anything(world: World, text: str, signed_in: bool) -> None:  # noqa: FBT001 - a case
    api = Api(world.isp.database)
    if signed_in:
        await api.sign_in()
    connection, wrong = world.isp.database.connection, []  # type: ignore[attr-defined]
    for word, root, path in PLACES:
        document, variables = request(word, root, world.own, path, HELD[text])
        async with connection.begin_nested() as savepoint:
            answer = await api.raw(document, **variables)
            await savepoint.rollback()
        if "INTERNAL" in codes(answer) or not answer:
            wrong.append((root, path))
    assert wrong == []


async def test_half_a_character_is_no_json(database: Database) -> None:
    isp = await Isp.make(database)
    api = Api(isp.database)
    for number in ("1", "12345678901234567890"):  # long ones are read by another parser
        body = f'{{"query": "query($a: String, $b: Rupiah) {{ me {{ username }} }}", "variables": {{"a": "\\ud800", "b": {number}}}}}'
        answer = await api.http.post("/graphql", content=body, headers={"content-type": "application/json"})
        assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (400, "BAD_REQUEST")


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ('{ customers(filter: {search: "a\\u0000"}) { nodes { id } } }', ["filter", "search"]),
        ('{ customers(after: "\\u{0}") { nodes { id } } }', ["after"]),
        ('{ customers(filter: {search: "a\x00"}) { nodes { id } } }', None),
        ('{ customers(filter: {search: """a\x00"""}) { nodes { id } } }', None),
        ('query($s: String = "\\u0000") { customers(filter: {search: $s}) { nodes { id } } }', []),
        ('{ __type(name: "\\u0000") { name } }', ["name"]),
        ('mutation { signIn(input: {username: "\\u0000", password: "x"}) { token } }', ["input", "username"]),
    ],
)
async def test_a_nul_in_the_document_itself(database: Database, document: str, field: list[str] | None) -> None:
    await Isp.make(database)
    api = Api(database)
    (error,) = (await api.raw(document))["errors"]
    told = error["extensions"]
    assert (told["code"] == "BAD_REQUEST") if field is None and told["code"] != "INVALID_TEXT" else (told["code"] == "INVALID_TEXT")
    if field is not None:
        assert told["field"] == field


async def test_the_message_is_in_the_callers_language(database: Database) -> None:
    api = Api(database)
    api.headers["Accept-Language"] = "id"
    (error,) = (await api.raw("query($a: ID) { customer(id: $a) { id } }", a="\x00"))["errors"]
    assert error["message"] == "Teks ini berisi karakter U+0000, yang tidak dapat disimpan: hapus dulu."


async def test_cursors_made_by_hand(database: Database) -> None:
    await Isp.make(database)
    api = Api(database)
    await api.sign_in()
    for key in ("\x00", "a\x00", "\uffff", "9" * 10_000):
        cursor = base64.urlsafe_b64encode(json.dumps(["name", key, 1]).encode()).decode().rstrip("=")
        answer = await api.raw("query($a: String) { customers(after: $a, orderBy: NAME) { nodes { id } } }", a=cursor)
        assert codes(answer) == ({"INVALID_CURSOR"} if "\x00" in key else set()), key


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/downloads/%00", {}), ("/downloads/a.%00", {}), ("/downloads/%ff%fe.%f0", {}), ("/downloads/" + "x" * 5_000, {}), ("/%00", {}),
        ("/graphql?query={me{role}}&variables={%22a%22:%22\\u0000%22}", {}), ("/graphql?query=%00", {}), ("/graphql?documentId=%00", {}),
        ("/graphql?query={me{role}}&operationName=%00", {}), ("/graphql?query={me{role}}&variables=%00", {}),
        ("/graphql?query=%ed%a0%80", {}),
        ("/graphql?query={me{role}}", {"authorization": "Bearer \xff\x7f"}),
        ("/graphql?query={me{role}}", {"cookie": "sebilling=\xff\x01"}),
        ("/graphql?query={me{role}}", {"accept-language": "\xff\x01"}), ("/graphql?query={me{role}}", {"user-agent": "\xff\x1b"}),
        ("/graphql?query={me{role}}", {"origin": "http://[\xff"}), ("/graphql?query={me{role}}", {"x-forwarded-for": "\xff%00"}),
        ("/graphql?query=subscription{paymentRecorded{cursor}}", {"accept": "text/event-stream", "last-event-id": "\xff\x01"}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("signed_in", [False, True])
async def test_addresses_and_headers(database: Database, path: str, headers: dict[str, str], signed_in: bool) -> None:  # noqa: FBT001 - a case
    await Isp.make(database)
    api = Api(database, trusted_proxies="0.0.0.0/0")
    if signed_in:
        await api.sign_in()
    sent = {**api.headers, **headers}
    answer = await api.http.get(path, headers=[(name.encode(), one.encode("latin-1")) for name, one in sent.items()])
    assert answer.status_code in {200, 400, 401, 404}, answer.text
    assert "INTERNAL" not in answer.text
