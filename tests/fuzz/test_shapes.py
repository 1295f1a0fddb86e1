"""Answers that PostgreSQL writes are, byte for byte, those of rows that Python completes: for any document, by every role.

`SEBILLING_TEST_SHAPED_DOCUMENTS=20000` for the whole campaign.
"""

import os
import random
import re
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any, Final

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import PrimaryKeyConstraint, UniqueConstraint, text

from sebilling.db.engine import Database
from sebilling.db.tables.columns import Base
from sebilling.schema.context import Context
from sebilling.schema.engine import reading, shapes
from sebilling.schema.engine.declarations import NODES
from sebilling.schema.request.fast_path import FastPath, KnownRequest
from tests.fuzz.rights import Made, Maker, Oracle
from tests.harness import Api, Isp
from tests.schema.test_matrix import LETTERS
from tests.schema.two_counters import World, make

COUNT: Final = int(os.environ.get("SEBILLING_TEST_SHAPED_DOCUMENTS", "40"))
SEED: Final = int(os.environ.get("SEBILLING_TEST_FUZZ_SEED", "20261129"))
NEVER_THE_SAME: Final = re.compile(r"\b(reportLink|receiptLink|invoiceLink|proofLink|syncCustomers|previewGeneration|systemStatus)\b")
"""Root fields whose answers are signed, numbered or measured anew each time."""


class Both:
    """Two servers of one database: PostgreSQL writes the answers of the one, Python those of the other."""

    def __init__(self, database: Database) -> None:
        self.shaped, self.rows = Api(database), Api(database, answers_from_sql=False)
        self.tokens: dict[str, str] = {}
        self.compared: Counter[str] = Counter()
        self.wrong: list[str] = []

    async def sign_in(self) -> None:
        for letter, username in LETTERS.items():
            await self.shaped.sign_in(username)
            self.tokens[letter] = self.shaped.headers["Authorization"]

    async def compare(self, letter: str, document: str, values: dict[str, Any], operation: str | None) -> None:
        """Ask both, and keep what differs."""
        body = {"query": document, "variables": values, "operationName": operation}
        other = await self.asked(self.rows, body, letter)
        for one in [await self.asked(self.shaped, body, letter) for _ in range(2)]:  # known the second time, it may take the fast path
            if one.content != other.content or one.headers != other.headers:
                self.wrong.append(f"{letter} {operation} {values}\n{document[:1_500]}\n{one.text[:1_000]}\n{other.text[:1_000]}")
        self.compared["refused" if '"errors":[{' in other.text else "answered"] += 1

    async def asked(self, api: Api, body: dict[str, Any], letter: str) -> httpx.Response:
        return await api.http.post("/graphql", json=body, headers={"Authorization": self.tokens[letter]})


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that were passed through."""
    texts: list[str] = []

    def shaped(text: str) -> shapes.Shaped:
        texts.append(text)
        return shapes.Shaped(text)

    monkeypatch.setattr(reading, "Shaped", shaped)
    return texts


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The answers that took the fast path."""
    answers: list[bytes] = []
    answer = FastPath.answer

    async def counted(self: FastPath, request: KnownRequest, context: Context) -> bytes | None:
        content = await answer(self, request, context)
        if content is not None:
            answers.append(content)
        return content

    monkeypatch.setattr(FastPath, "answer", counted)
    return answers


def _comparable(made: Made) -> bool:
    return not made.is_mutation and not NEVER_THE_SAME.search(made.text)


async def test_any_document_is_answered_alike(committed: Database, counted: list[str], fast: list[bytes]) -> None:
    world: World = await make(committed)
    both, maker = Both(committed), Maker(world.own)
    await both.sign_in()
    for seed in range(SEED, SEED + COUNT):
        made, chance = maker.make(seed), random.Random(seed)
        if not _comparable(made):
            continue
        values, contrary = made.values(chance)
        letter, operation = chance.choice("AFCKTU"), chance.choice(made.operations)
        await both.compare(letter, made.text, values, operation)
        await both.compare(letter, made.text, contrary, operation)
        for one in "AFCKTU":  # the same written out: neither directives nor variables
            await both.compare(one, Oracle(made.document, operation, values).pruned(), {}, None)
        assert len(both.wrong) < 8, "\n\n".join(both.wrong)
    assert not both.wrong, "\n\n".join(both.wrong)
    assert both.compared["answered"] > COUNT
    assert len(counted) > COUNT, "the test must see answers that were passed through"
    assert len(fast) > COUNT // 2, "and such as took the fast path"


BROKEN: Final = {
    "null where none may be": ("invoice", "number", "nullif({t}.number, (SELECT min(number) FROM invoice))"),
    "null of a linked row": ("plan", "name", "NULL::text"),
    "no member of its enum": ("invoice", "status", "'LOST'"),
    "an integer out of range": ("invoice_line", "quantity", "{t}.quantity + 3000000000"),
}
WHOLE: Final = (
    "{ invoices(first: 5) { nodes { id number status customer { code plan { name } } lines { quantity amount } } totalCount } }",
    "{ customers { edges { node { name plan { name } openInvoices { number status lines { quantity } } } cursor } } }",
    '{ customer(code: "A") { plan { name } openInvoices { number status lines { quantity } } } }',
)


@pytest_asyncio.fixture
async def both(database: Database) -> AsyncIterator[Both]:
    isp = await Isp.make(database)
    for code in "ABC":
        await isp.customer(code, price=99_000)
    await isp.open()
    await isp.generate()
    both = Both(database)
    await both.shaped.sign_in()
    both.tokens["A"] = both.shaped.headers["Authorization"]
    yield both


@pytest.mark.parametrize("fault", BROKEN)
async def test_what_the_schema_forbids_is_told_alike(both: Both, fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    table, name, sql = BROKEN[fault]
    monkeypatch.setitem(NODES[table].columns, name, sql)
    for query in WHOLE:
        answers = [(await both.asked(api, {"query": query}, "A")).json() for api in (both.shaped, both.rows)]
        one, other = [
            (answer["data"], [(error["path"], error["locations"], error["extensions"]["code"]) for error in answer["errors"]])
            for answer in answers
        ]  # fmt: skip
        assert one == other
        assert one[1]


async def test_texts_are_escaped_alike(both: Both, database: Database) -> None:
    name = "\\ \" ' / : ::text :name \t \r\n \x7f \x1f \u2028 \U0001f600 é $1 %s {t} \\u0041 \x01"
    async with database.reading() as session:
        await session.rows(text("UPDATE customer SET name = :name WHERE code = 'A' RETURNING id"), {"name": name})
    query = (
        '{ customers(orderBy: NAME) { nodes { name } edges { cursor } pageInfo { startCursor endCursor } } customer(code: "A") { name } }'
    )
    one, other = [await both.asked(api, {"query": query}, "A") for api in (both.shaped, both.rows)]
    assert one.content == other.content
    assert one.json()["data"]["customer"]["name"] == name


def test_a_link_to_one_row_finds_one_row_at_most() -> None:
    """Else the join of a shape would repeat the linking row."""
    unique: set[tuple[str, ...]] = {  # views and functions with at most a row for each of a table's
        ("promise_to_pay", "id"),
        ("drawer", "counter_id", "collector_id"), ("isolation_forecast", "id"), ("period_sums(CAST(:scope AS bigint[]))", "period_id"),
    }  # fmt: skip
    for table in Base.metadata.tables.values():
        constraints = [one.columns for one in table.constraints if isinstance(one, UniqueConstraint | PrimaryKeyConstraint)]
        indexes = [one.columns for one in table.indexes if one.unique and one.dialect_options["postgresql"]["where"] is None]
        unique |= {(table.name, *[column.name for column in columns]) for columns in (*constraints, *indexes)}
    for node in NODES.values():
        for name, link in node.links.items():
            if not link.many:
                named = set(re.findall(r"\{n\}\.(\w+) = (?:\{t\}\.\w+|\(SELECT |CASE |event_customer\()", link.where))
                keys = [set(columns) for table, *columns in unique if table == link.table]
                assert any(key <= named for key in keys), f"{node.table}.{name}"
