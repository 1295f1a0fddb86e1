"""Slow statements are logged, however they are sent, with their operation and without their values."""

import asyncio
from typing import Any, Final

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from structlog.testing import capture_logs

from sebilling.actor import operator
from sebilling.db import slow_statements
from sebilling.db.engine import Database
from tests.harness import NOW, Api, Isp

SLOW: Final = text("SELECT CAST(:name AS text) AS name FROM pg_sleep(0.06)")
FAILS: Final = text("SELECT 1 / (CAST(:zero AS int) * (random() + 1)::int) FROM pg_sleep(0.06)")
VALUE: Final = "Budi 0812"


def logged(logs: Any) -> list[tuple[str, str]]:
    """Operation and statement of each line, which must tell a time and no value."""
    lines = [line for line in logs if line["event"] == "slow_statement"]
    assert all(50 <= line["milliseconds"] < 5_000 for line in lines)
    assert VALUE not in str(logs)
    return [(line["operation"], line["statement"]) for line in lines]


async def test_every_way_to_send_one_is_timed(committed_url: str) -> None:
    database = Database(committed_url, connections=2, slow_milliseconds=50)
    slow_statements.sender.set("Bayar")
    with capture_logs() as logs:
        async with database.reading() as session:
            assert await session.value(SLOW, {"name": VALUE}) == VALUE
            assert await session.value(text("SELECT 1")) == 1
        await database.fetch(SLOW, {"name": VALUE})
        async with database.transaction(actor=operator("test"), at=NOW) as writing:
            await writing.execute(SLOW, {"name": VALUE})
        with pytest.raises(DBAPIError):
            async with database.reading() as session:
                await session.value(FAILS, {"zero": 0})
        with pytest.raises(TimeoutError):  # as a document's deadline interrupts one
            async with asyncio.timeout(0.06):
                await database.fetch(text("SELECT pg_sleep(60)"), {})
    found = logged(logs)
    assert [operation for operation, _ in found] == ["Bayar"] * 5
    assert [statement.startswith("SELECT CAST(") for _, statement in found] == [True, True, True, False, False]
    await database.close()


async def test_nothing_is_logged_unless_it_is_set(committed_url: str) -> None:
    database = Database(committed_url, connections=2)
    with capture_logs() as logs:
        await database.fetch(SLOW, {"name": VALUE})
        async with database.reading() as session:
            await session.value(SLOW, {"name": VALUE})
    assert logged(logs) == []
    await database.close()


async def test_a_requests_statements_have_its_operations_name(committed_url: str) -> None:
    database = Database(committed_url, connections=4, slow_milliseconds=0)
    await Isp.make(database)
    api = Api(database)
    await api.sign_in()
    with capture_logs() as logs:
        for _ in range(2):  # by the executor, then as a known document
            await api.ask(f'query Semua {{ customers(filter: {{search: "{VALUE}"}}) {{ nodes {{ id }} }} }}')
        await api.do("mutation Buka($month: Month!) { openPeriod(input: {month: $month}) { errors { code } } }", month="2026-02")
    sent = [(line["operation"], line["statement"]) for line in logs if line["event"] == "slow_statement"]
    assert VALUE not in str(logs)
    assert sum(operation == "Semua" and " customer" in statement for operation, statement in sent) >= 2
    assert any(operation == "Buka" and "INSERT INTO period" in statement for operation, statement in sent)
    await database.close()
