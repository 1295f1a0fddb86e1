"""What tests of the feed are made of: events by bare connections, and what the feed says of them."""

import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import asyncpg

from sebilling.db.engine import Database
from sebilling.jobs.relay import Relay
from tests.harness import NOW

TELL = (
    "INSERT INTO event (at, actor_id, actor_name, kind, subject, subject_id, counter_id, data)"
    " VALUES ('2026-02-03 02:00:00.123456+00', 7, 'Kasir', $1, 'payment', $2, NULL, '{\"b\": 1.50, \"aa\": \"Dé wi 🌴\"}') RETURNING id"
)
FEED = "SELECT number, event_id FROM feed ORDER BY number"


def relay(database: Database, **options: Any) -> Relay:
    """A relay whose mark may go up in each turn."""
    return Relay(database, lambda: NOW, **{"mark_seconds": 0.0, **options})


@asynccontextmanager
async def bare(database: Database) -> AsyncIterator[asyncpg.Connection]:
    """A connection of the test's own, as any other process has one."""
    connection = await asyncpg.connect(database.url.replace("postgresql+asyncpg", "postgresql"))
    try:
        yield connection
    finally:
        await connection.close()


async def tell(connection: asyncpg.Connection, number: int = 0, kind: str = "payment.recorded") -> int:
    """One event; gives its id."""
    return int(await connection.fetchval(TELL, kind, number))


async def all_turns(one: Relay) -> int:
    """Turn until nothing is new; gives how many were numbered."""
    total = 0
    while count := await one.turn():
        total += count
    return total


def canonical(row: asyncpg.Record) -> bytes:
    """An event's canonical form as docs/events.md says it, by other means than PostgreSQL's. Its data holds no numbers but integers."""

    def plain(value: Any) -> str:
        if isinstance(value, dict):  # jsonb puts short keys first
            keys = sorted(value, key=lambda key: (len(key.encode()), key.encode()))
            return "{" + ", ".join(f"{json.dumps(key, ensure_ascii=False)}: {plain(value[key])}" for key in keys) + "}"
        return value.literal if isinstance(value, _Number) else json.dumps(value, ensure_ascii=False)

    since = row["at"] - datetime(1970, 1, 1, tzinfo=UTC)
    micros = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    data = json.loads(row["data"], parse_float=_Number, parse_int=_Number)
    parts = [row["id"], micros, row["actor_id"], row["actor_name"], row["kind"], row["subject"], row["subject_id"], row["counter_id"]]
    return ("[" + ", ".join([*(json.dumps(part, ensure_ascii=False) for part in parts), plain(data)]) + "]").encode()


class _Number:
    """As it is written: 1.50 stays 1.50."""

    def __init__(self, literal: str) -> None:
        self.literal = literal


async def recomputed(connection: asyncpg.Connection) -> bytes:
    """The last digest, worked out here."""
    digest = bytes(32)
    for row in await connection.fetch("SELECT event.* FROM feed JOIN event ON event.id = event_id ORDER BY number"):
        digest = hashlib.sha256(digest + canonical(row)).digest()
    return digest
