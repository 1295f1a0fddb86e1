"""Seconds in which the relay numbers and chains events that wait, against one SQL statement that only numbers them."""

import time
from pathlib import Path

from sqlalchemy import text

from bench.place import outside, place
from bench.result import Result
from sebilling.actor import operator
from sebilling.clock import system_clock
from sebilling.db.engine import Database
from sebilling.jobs.relay import Relay

_WRITE = text(
    "INSERT INTO event (at, actor_id, actor_name, kind, subject, subject_id, counter_id, data)"
    " SELECT now(), NULL, 'bench', 'payment.recorded', 'payment', n, NULL,"
    " jsonb_build_object('customer_id', 'cus_' || n, 'amount', 150000, 'method', 'CASH') FROM generate_series(1, :events) n"
)
_REFERENCE = text(
    "INSERT INTO numbered SELECT row_number() OVER (ORDER BY id), id FROM event WHERE id > (SELECT max(id) - :events FROM event)"
)


async def measure(var: Path, *, events: int, rounds: int) -> list[Result]:
    """Return the median over the rounds; each writes `events` events, lets the relay number them, then runs the statement.

    Raises RuntimeError if the relay numbers more or fewer.
    """
    ours, reference = [], []
    async with place(var, "relay", customers=1) as database:
        await outside(database, "CREATE TABLE numbered (number bigint PRIMARY KEY, event_id bigint NOT NULL UNIQUE)")
        relay = Relay(database, system_clock)
        await _number(relay)
        for _ in range(rounds):
            async with database.transaction(actor=operator("bench"), at=system_clock()) as session:
                await session.execute(_WRITE, {"events": events})
            began = time.perf_counter()
            numbered = await _number(relay)
            ours.append(time.perf_counter() - began)
            if numbered != events:
                raise RuntimeError(f"{numbered} events were numbered, not {events}")
            reference.append(await _by_one_statement(database, events))
    return [Result.of_rounds("relay", events, ours, reference, reference_name="one INSERT that numbers them, unchained", unit="seconds")]


async def _number(relay: Relay) -> int:
    total = 0
    while count := await relay.turn():
        total += count
    return total


async def _by_one_statement(database: Database, events: int) -> float:
    async with database.transaction(actor=operator("bench"), at=system_clock()) as session:
        await session.execute(text("TRUNCATE numbered"))
        began = time.perf_counter()
        await session.execute(_REFERENCE, {"events": events})
        return time.perf_counter() - began
