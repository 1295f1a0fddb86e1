"""Compiled completion gives exactly what the ordinary executor gives: rows, nulls, errors and their paths."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from graphql import GraphQLObjectType, GraphQLScalarType
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from sebilling.db.engine import Database
from sebilling.schema import invoices
from sebilling.schema.build import build_schema
from sebilling.schema.engine import reading
from sebilling.schema.engine.completion import Executor, UnusualError
from tests.harness import Api, Isp

SCHEMA: Any = build_schema()._schema


def bare(kind: Any) -> Any:
    while hasattr(kind, "of_type"):
        kind = kind.of_type
    return kind


@st.composite
def selections(draw: st.DrawFn, kind: Any, depth: int = 4) -> str:
    """Any selection of a type: aliases, __typename, fragments, directives."""
    fields = [name for name, field in kind.fields.items() if depth > 1 or not isinstance(bare(field.type), GraphQLObjectType)]
    parts = []
    for number, name in enumerate(draw(st.lists(st.sampled_from([*fields, "__typename"]), min_size=1, max_size=5, unique=True))):
        below = ""
        if name != "__typename" and isinstance(target := bare(kind.fields[name].type), GraphQLObjectType):
            below = draw(selections(target, depth - 1))
        alias = draw(st.sampled_from(["", "", f"a{number}: "])) if depth > 2 else ""
        directive = draw(st.sampled_from([""] * 9 + [" @include(if: $yes)", " @skip(if: $yes)"]))
        parts.append(f"{alias}{name}{directive} {below}")
    if draw(st.booleans()):
        parts[0] = f"... on {kind.name} {{ {parts[0]} }}"
    return "{ " + " ".join(parts) + " }"


@pytest_asyncio.fixture
async def api(database: Database) -> AsyncIterator[Api]:
    isp = await Isp.make(database)
    await isp.pay(await isp.customer("A", price=99_000), 150_000)
    await isp.customer("B", active=False)
    await isp.pay(await isp.customer("C"), 10_000)
    await isp.open()
    await isp.generate()
    api = Api(database)
    await api.sign_in()
    yield api


async def ordinary(api: Api, document: str, **variables: Any) -> Any:
    """What the executor that compiles nothing answers, from rows."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "_shaped_plan", lambda *_: None)
        patch.setattr(Executor, "complete_object_value", StrawberryGraphQLCoreExecutionContext.complete_object_value)
        return await api.raw(document, **variables)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.sampled_from(["invoices", "customers", "payments", "generationRuns", "events", "me"]), st.data())
async def test_any_selection_is_answered_alike(api: Api, root: str, data: st.DataObject) -> None:
    kind = bare(SCHEMA.query_type.fields[root].type)
    document = f"query($yes: Boolean = true) {{ {root} {data.draw(selections(kind))} }}"
    if "$yes" not in document.partition("{")[2]:
        document = document.replace("query($yes: Boolean = true) ", "")
    expected = await ordinary(api, document)
    assert await api.raw(document) == expected
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "_shaped_plan", lambda *_: None)
        assert await api.raw(document) == expected, "rows, completed by a compiled function"


@pytest.mark.parametrize(
    "row",
    [
        {"number": None},
        {"total": None},
        {"total": "x"},
        {"status": "NONE"},
        {},
        {"lines": None},
        {"lines": [None]},
        {"lines": [{"quantity": 2**40}]},
    ],
    ids=str,
)
async def test_rows_that_break_the_schema_are_told_alike(api: Api, row: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    whole = {"number": "x", "total": 1, "status": "OPEN", "lines": [{"quantity": 1, "description": "x"}]}
    broken = whole | row if row else {"number": "x"}

    async def given_row(*_: Any, **__: Any) -> Any:
        return broken

    monkeypatch.setattr(invoices, "one", given_row)
    document = '{ invoice(id: "inv_1") { number total status lines { quantity } } }'

    def shape(answer: Any) -> Any:
        return answer.get("data"), [(error["path"], error["locations"]) for error in answer.get("errors", [])]

    short, long = await api.raw(document), await ordinary(api, document)
    assert shape(short) == shape(long)
    assert short["errors"]


async def test_the_short_way_is_taken(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: Any, **__: Any) -> Any:
        raise AssertionError("a plain selection went the long way")

    document = "{ invoices(first: 3) { nodes { number total customer { code counter { code } } payments { amount } } } }"
    expected = await ordinary(api, document)
    monkeypatch.setattr(StrawberryGraphQLCoreExecutionContext, "complete_object_value", never)
    assert await api.raw(document) == expected


def test_every_scalar_that_goes_out_as_it_is_has_no_other_form() -> None:
    for name, kind in SCHEMA.type_map.items():
        if isinstance(kind, GraphQLScalarType) and name in {"Rupiah", "Month", "Date"}:
            sample: Any = 5 if name == "Rupiah" else "2026-02-01"
            assert kind.coerce_output_value(sample) == sample
    assert issubclass(UnusualError, Exception)
