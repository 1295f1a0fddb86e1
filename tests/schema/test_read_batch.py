"""All root fields of a document are read by one statement, in one snapshot; what one of them can't do, the others still do."""

import asyncio

from sqlalchemy import text

from sebilling.db.engine import Database
from sebilling.db.read_batch import ReadBatch
from tests.harness import Api, Isp, counted_statements

SCREEN = """query Screen($first: Int!, $code: String!) {
  invoices(first: $first) { nodes { number } totalCount }
  unpaid: invoices(first: $first, filter: {statuses: [OPEN]}) { nodes { number outstanding } }
  customer(code: $code) { name }
  nobody: customer(code: "NOBODY") { name }
  plans { nodes { name } }
  blackoutDates { day }
}"""


async def test_a_screen_is_one_statement(committed: Database) -> None:
    isp = await Isp.make(committed)
    for _ in range(3):
        await isp.customer()
    await isp.open()
    await isp.generate()
    code = await isp.value("SELECT min(code) FROM customer")
    api = Api(committed)
    await api.sign_in()
    alone = {
        "invoices": await api.ask("{ invoices(first: 2) { nodes { number } totalCount } }"),
        "customer": await api.ask("query($code: String!) { customer(code: $code) { name } }", code=code),
    }
    first = await api.raw(SCREEN, first=2, code=code)
    with counted_statements(committed) as sent:
        again = await api.raw(SCREEN, first=2, code=code)
    assert len(sent) == 2, "the caller, and the screen"
    assert first == again
    assert {name: again["data"][name] for name in alone} == alone
    assert [invoice["outstanding"] for invoice in again["data"]["unpaid"]["nodes"]] == [150_000] * 2
    assert again["data"]["nobody"] is None
    assert again["data"]["blackoutDates"] == []


async def test_a_search_beside_others_is_one_statement(committed: Database) -> None:
    isp = await Isp.make(committed)
    await isp.customer()
    document = """{ customers(filter: {search: "a"}) { nodes { code } } plans { nodes { name } } }"""
    api = Api(committed)
    await api.sign_in()
    await api.raw(document)
    with counted_statements(committed) as sent:
        answer = await api.raw(document)
    assert len(sent) == 2
    assert answer["data"]["plans"]["nodes"]


async def read(batch: ReadBatch, sql: str, **parameters: object) -> str | None:
    return await batch.text(text(sql), parameters, is_searched=False, is_alone=False)


async def test_one_wrong_read_fails_alone(committed: Database) -> None:
    batch = ReadBatch(committed)
    right, wrong, other = await asyncio.gather(
        read(batch, "SELECT CAST(:number AS text)", number="1"),
        read(batch, "SELECT CAST(1 / CAST(:number AS int) AS text)", number=0),
        read(batch, "SELECT CAST(:number AS text)", number="2"),
        return_exceptions=True,
    )
    assert (right, other) == ("1", "2")
    assert "division by zero" in str(wrong)


async def test_more_reads_than_a_statement_takes(committed: Database) -> None:
    batch = ReadBatch(committed)
    asked = [read(batch, "SELECT CAST(:number AS text) WHERE :number <> '7'", number=str(number)) for number in range(30)]
    assert await asyncio.gather(*asked) == [None if number == 7 else str(number) for number in range(30)]


async def test_who_is_interrupted_leaves_nobody_waiting(committed: Database) -> None:
    batch = ReadBatch(committed)
    first = asyncio.create_task(read(batch, "SELECT CAST(pg_sleep(20) AS text)"))
    other = asyncio.create_task(read(batch, "SELECT '1'"))
    await asyncio.sleep(0.1)
    first.cancel()
    done, waiting = await asyncio.wait({first, other}, timeout=5)
    assert len(done) == 2
    assert not waiting
