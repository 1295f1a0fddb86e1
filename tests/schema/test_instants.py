"""Instants have the same form on every path: in UTC, with exactly three digits of a second, cut off and not rounded."""

from typing import Any

import pytest
from graphql import GraphQLScalarType
from sqlalchemy import text

from sebilling.db.engine import Database
from tests.harness import Api, Isp
from tests.schema.two_counters import SCHEMA

PLAIN = "query Plain { users { nodes { createdAt lastUsedAt } } }"
"""Written by PostgreSQL."""
BY_DIRECTIVE = "query Rows($yes: Boolean! = true) { users { nodes { createdAt @include(if: $yes) lastUsedAt } } }"
"""Read as rows, and completed in Python."""


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("2026-02-03T02:00:00+00:00", "2026-02-03T02:00:00.000Z"),
        ("2026-02-03T02:00:00.123999+00:00", "2026-02-03T02:00:00.123Z"),
        ("2026-02-03T02:00:00.9999+00:00", "2026-02-03T02:00:00.999Z"),
        ("2026-02-03T02:00:00.1+07:00", "2026-02-02T19:00:00.100Z"),
        ("1999-12-31T23:59:59.000001+00:00", "1999-12-31T23:59:59.000Z"),
    ],
)
async def test_every_path_writes_the_same(database: Database, stored: str, shown: str) -> None:
    isp = await Isp.make(database)
    async with isp.write() as session:
        await session.execute(text("UPDATE app_user SET created_at = CAST(:at AS text)::timestamptz"), {"at": stored})
    every: list[dict[str, Any]] = [{}, {"answers_from_sql": False}, {"fast_path": False}]
    for settings in every:
        api = Api(database, **settings)
        await api.sign_in()
        for document in (PLAIN, PLAIN, BY_DIRECTIVE):
            (user,) = (await api.ask(document))["nodes"]
            assert user["createdAt"] == shown, (settings, document)
            assert user["lastUsedAt"] is None or user["lastUsedAt"].endswith(".000Z")


def test_each_scalar_of_ours_says_where_it_is_specified() -> None:
    kinds: dict[str, Any] = SCHEMA.type_map
    bare = {name for name, kind in kinds.items() if isinstance(kind, GraphQLScalarType) and not kind.specified_by_url}
    assert bare == {"String", "Int", "Boolean", "ID", "Float"} & set(kinds)
