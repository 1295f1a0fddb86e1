"""Every argument of every root field, with values that no client should send: each answer says what is wrong, none is INTERNAL.

Control characters, extremes of each scalar, wrong types, forged cursors. `SEBILLING_TEST_FUZZ_ARGUMENTS=20000` for the whole campaign.
"""

import copy
import itertools
import json
import os
import random
import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from graphql import GraphQLInputObjectType, GraphQLList, GraphQLNonNull, get_named_type, parse_value, value_from_ast_untyped

from sebilling import cursors
from sebilling.db.engine import Database
from tests.harness import Api
from tests.schema import two_counters
from tests.schema.two_counters import SCHEMA

COUNT: Final = int(os.environ.get("SEBILLING_TEST_FUZZ_ARGUMENTS", "500"))
SEED: Final = int(os.environ.get("SEBILLING_TEST_FUZZ_SEED", "20260203"))
_ENDS_SIGN_INS: Final = re.compile("signIn|signOut|Password|Totp|revoke|updateUser")
"""Root fields that would end the caller's own sign-in, or must be sent without one."""
_TEXTS: Final = [
    "\x00", "a\x00b", "\x01", "\x1b[31m", "\x7f", "\x85", "\u202e", "\u2028", "\ufeff", "\ud800", "a\udfff", "", " ", "\t\n\r",
    "x" * 20_000,
    "%", "_", "\\", "'; --", "1" * 400, "null", "-1", "NaN", "Infinity", "1e400", "0.00000000000000000001", "é" * 300,
    "👩‍👩‍👧" * 50,
]  # fmt: skip
_DATES: Final = [
    "0000-00-00", "0001-01-01", "9999-12-31", "10000-01-01", "2026-02-30", "2026-W07-1", "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59.999999-14:00", "2026-02-03T02:00:00", "2026-02-03T02:00:00Z\x00", "0001-01", "9999-12", "2026-13", "2026-2",
]  # fmt: skip
_IDS: Final = [
    f"{prefix}_{number}"
    for prefix in ("cus", "cou", "inv", "pay", "dep", "usr", "run", "hol", "sig", "dev", "pla", "per")
    for number in ("0", "1", "9" * 18, str(2**63), "-1", "1\x00", "١")
]
_KEYS: Final[list[Any]] = ["a\x00", "\ud7ff", 2**63, -(2**63), 1.5, True, None, [], {}, "9999-12-31", "0001-01-01"]
_CURSORS: Final = [
    cursors.encode(name, key, number)
    for name in ("NAME", "CODE", "OUTSTANDING", "NUMBER", "DUE_ON", "ID", "newest", "x\x00")
    for key in _KEYS
    for number in (1, 0, 2**63 - 1, 2**63, "1", None)
] + [cursors.encode(), cursors.encode(2**63 - 1), cursors.encode("x" * 5_000, {"a": [[[]]]}), "====", "é", "bnVsbA", "W10"]
_OTHERS: Final[list[Any]] = [
    0, -1, 1, 2**31 - 1, 2**31, -(2**31) - 1, 2**53 + 1, 2**63 - 1, 2**63, -(2**63), 10**30, 1.5, -0.0, 1e308, True, False, None, [], {},
    [[[]]],
    [None], [0, "x"], {"": ""}, {"a\x00": 1}, {"a": "\x00"},
]  # fmt: skip


def slots(kind: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Every place in a value of this type where something can stand, the value itself first."""
    if isinstance(kind, GraphQLNonNull):
        yield from slots(kind.of_type, path)
        return
    yield path
    if isinstance(kind, GraphQLList):
        yield from slots(kind.of_type, (*path, 0))
    if isinstance(kind, GraphQLInputObjectType):
        for name, field in kind.fields.items():
            yield from slots(field.type, (*path, name))


def put(whole: dict[str, Any], path: Sequence[str | int], value: Any) -> None:
    """Put a value at its place; what is missing on the way there is made."""
    here: Any = whole
    for part, below in itertools.pairwise(path):
        empty: Any = [] if isinstance(below, int) else {}
        if isinstance(part, int):
            if not here:
                here.append(empty)
        elif not here.get(part):
            here[part] = empty
        here = here[part]
    last = path[-1]
    if isinstance(last, int):
        here[:] = [value]
    else:
        here[last] = value


def places() -> list[tuple[str, tuple[str | int, ...]]]:
    """Root field and path of everything that a client can fill."""
    roots = {**SCHEMA.query_type.fields, **SCHEMA.mutation_type.fields}
    return [
        (root, path)
        for root, field in roots.items()
        if not _ENDS_SIGN_INS.search(root)
        for name, argument in field.args.items()
        for path in slots(argument.type, (name,))
    ]


def usual(root: str, ids: dict[str, str]) -> dict[str, Any]:
    """Arguments that the root field takes."""
    field = {**SCHEMA.query_type.fields, **SCHEMA.mutation_type.fields}[root]
    return {
        name: value_from_ast_untyped(parse_value(two_counters.value(root, name, argument.type, ids, optional=False)))
        for name, argument in field.args.items()
        if isinstance(argument.type, GraphQLNonNull) and "Undefined" in repr(argument.default_value)
    }


def document(root: str, names: Sequence[str]) -> str:
    """A document that takes these arguments from variables, and asks for everything without fields below."""
    is_mutation = root in SCHEMA.mutation_type.fields
    field = (SCHEMA.mutation_type if is_mutation else SCHEMA.query_type).fields[root]
    declared = ", ".join(f"${name}: {field.args[name].type}" for name in names)
    given = ", ".join(f"{name}: ${name}" for name in names)
    named = get_named_type(field.type)
    below = (
        ""
        if not hasattr(named, "fields")
        else f" {{ {' '.join(name for name in two_counters.leaves(named) if name != 'errors')} __typename }}"
    )
    if is_mutation:
        below = below.removesuffix("}") + "errors { code message field } }"
    return f"{'mutation' if is_mutation else 'query'}({declared}) {{ {root}({given}){below} }}"


def codes(answer: Any) -> Iterator[str]:
    """Every code of an error in an answer."""
    if isinstance(answer, dict):
        if isinstance(answer.get("code"), str):
            yield answer["code"]
        for part in answer.values():
            yield from codes(part)
    elif isinstance(answer, list):
        for part in answer:
            yield from codes(part)


async def sent(api: Api, root: str, variables: dict[str, Any]) -> tuple[int, Any]:
    body = json.dumps({"query": document(root, list(variables)), "variables": variables})
    headers = {**api.headers, "Content-Type": "application/json", "Accept-Language": "id" if len(body) % 2 else "en"}
    response = await api.http.post("/graphql", content=body, headers=headers)
    return response.status_code, response.json()


async def test_no_value_of_any_argument_is_an_internal_error(database: Database) -> None:
    world = await two_counters.make(database)
    api = Api(database)
    await api.sign_in()
    chance = random.Random(SEED)
    everywhere = places()
    assert len(everywhere) > 250
    values = [*_TEXTS, *_DATES, *_IDS, *_OTHERS]
    found: dict[str, Any] = {}
    for number in range(COUNT):
        root, path = everywhere[number % len(everywhere)] if number < len(everywhere) else chance.choice(everywhere)
        value = chance.choice(_CURSORS if path[-1] in {"after", "since"} and chance.random() < 0.7 else values)
        if number < len(everywhere):
            value = "a\x00b"
        variables = usual(root, world.own)
        put(variables, path, copy.deepcopy(value))
        status, answer = await sent(api, root, variables)
        told = list(codes(answer))
        if status >= 500 or "INTERNAL" in told or (value == "a\x00b" and "errors" not in json.dumps(answer)):
            found[f"{root} {path} {value!r:.60}"] = answer
    assert found == {}


async def test_who_is_not_signed_in_gets_no_internal_error_either(database: Database) -> None:
    await two_counters.make(database)
    api = Api(database)
    for name in ("username", "password", "code", "device", "deviceToken", "newPassword"):
        for text in _TEXTS:
            given = {"username": "admin", "password": "falsch-genug", name: text}
            status, answer = await sent(api, "signIn", {"input": given})
            assert status in {200, 400}, (name, text)
            assert "INTERNAL" not in list(codes(answer)), (name, text)
    for token in _TEXTS:
        _, answer = await sent(api, "refreshSignIn", {"input": {"refreshToken": token}})
        assert "INTERNAL" not in list(codes(answer)), token
