"""The document that bench/page.py asks for, and the SQL statements that our server executes for it."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson
from sqlalchemy import TextClause, event

from bench.raw_http import once, post
from bench.unguarded import ADMIN, parts
from sebilling.clock import system_clock
from sebilling.db.direct import positional
from sebilling.db.engine import Database
from sebilling.schema.build import build_schema
from sebilling.schema.context import Context
from sebilling.schema.engine.pages import MAX_ROWS

Statement = tuple[list[str], str, list[Any]]
"""Keys of the root fields that it answers, one in each column, SQL and its parameters."""
FIELDS: Final = """id number status total outstanding dueOn
  customer { id code name counter { id code name } } payments { id amount method receivedAt }"""
"""What the page asks for of each invoice."""


async def document(address: str, bearer: str, rows: int) -> str:
    """Return a document for the newest invoices: one root field for each page of at most MAX_ROWS, with the cursors of this caller."""
    fields, after = [], ""
    for start in range(0, rows, MAX_ROWS):
        arguments = f"first: {min(MAX_ROWS, rows - start)}{after}"
        fields.append(f"{f'from{start}: ' if start else ''}invoices({arguments}) {{ nodes {{ {FIELDS} }} }}")
        page = orjson.loads(await once(address, post(f"{{ invoices({arguments}) {{ pageInfo {{ endCursor }} }} }}", bearer)))
        after = f', after: "{page["data"]["invoices"]["pageInfo"]["endCursor"]}"'
    return f"{{ {' '.join(fields)} }}"


def invoices(answer: bytes) -> list[dict[str, Any]]:
    """Return the invoices of an answer, those of all root fields. Raises RuntimeError if it has errors."""
    content = orjson.loads(answer)
    if "errors" in content:
        raise RuntimeError(content["errors"])
    return [invoice for page in content["data"].values() for invoice in page["nodes"]]


async def statements(database: Database, asked: str, *, answers_from_sql: bool) -> list[Statement]:
    """Return the SQL statements that our server executes for a document: one for each root field, or one for all."""
    sent: list[tuple[str, list[Any]]] = []
    engine = database.read_engine.sync_engine

    def sent_by_engine(_connection: object, _cursor: object, statement: str, parameters: Sequence[Any], *_: object) -> None:
        sent.append((statement, [*parameters]))

    async def fetch(statement: TextClause, parameters: Mapping[str, object]) -> Sequence[Any]:
        sql, names = positional(statement)
        sent.append((sql, [parameters[name] for name in names]))
        return await Database.fetch(database, statement, parameters)

    event.listen(engine, "before_cursor_execute", sent_by_engine)
    database.fetch = fetch  # type: ignore[method-assign,assignment]  # of this object, which is the benchmark's
    try:
        context = Context(
            parts=parts(database, answers_from_sql=answers_from_sql), at=system_clock(), language="en", token=None, actor=ADMIN
        )
        result = await build_schema().execute(asked, context_value=context)
    finally:
        event.remove(engine, "before_cursor_execute", sent_by_engine)
        del database.fetch
    if result.errors or result.data is None or len(sent) not in {1, len(result.data)}:
        raise RuntimeError(f"expected one statement for each root field, or one for all: {result.errors} {sent}")
    keys = [[*result.data]] if len(sent) == 1 else [[key] for key in result.data]
    return [(answered, sql, parameters) for answered, (sql, parameters) in zip(keys, sent, strict=True)]
