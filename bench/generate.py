"""Seconds of `generateInvoices` over HTTP, against the best plain SQL statement that writes the same rows.

The reference inserts invoices and lines of one period for every counter, in one statement, into tables as they were at commit
0a3552c, with the constraints, triggers and indexes of then (reference.sql); it takes no lock, records no progress, applies no credit
and writes no event. With all pricing rules on (`generate-rules`) it doesn't price either: the rows are computed beforehand, and it
only writes them.
"""

import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import TextClause, event

from bench import history, reference, rules
from bench.place import MONTH, outside, place
from bench.result import Result
from bench.serving import ask, sign_in
from sebilling.actor import operator
from sebilling.app import create_app
from sebilling.billing import periods
from sebilling.billing.generation import MAX_INLINE
from sebilling.clock import Month, system_clock
from sebilling.config import Settings
from sebilling.db.engine import Database
from sebilling.server import listening_socket, serving

OTHER_LOOPS = (
    "SKIP LOCKED", "FROM device WHERE", "feed", "plugin_cursor", "pg_locks", "pg_notify", "payment_promise", "blackout_date",
    "plan_cache_mode",
)  # fmt: skip
"""Parts of the statements of the worker's other loops: looking for work, numbering events, sweeping."""
STATEMENTS_PER_POLL = 2
"""The caller, and the progress of the run."""
RUN = "id status issued alreadyInvoiced totalAmount"


@dataclass(frozen=True, slots=True)
class _Figures:
    """Seconds of each round, and the SQL statements of the last of ours."""

    ours: list[float]
    reference: list[float]
    statements: int


async def measure(var: Path, *, customers: int, months: int, rounds: int, with_rules: bool) -> list[Result]:
    """Return the medians of `rounds` interleaved runs after `months` months of history, and the SQL statements per chunk of ours."""
    name = ("generate-rules" if with_rules else "generate") + (f"-after-{months}-months" if months else "")
    async with place(var, f"generate_{customers}_{months}", customers=300 if months else customers) as database:
        first = MONTH
        if months:
            first = (await history.fill(database, customers=customers, months=months, at=system_clock())).plus(1)
        if with_rules:
            await rules.turn_on(database, first)
        await reference.create(database)
        await outside(database, "VACUUM ANALYZE")
        figures = await _measure(database, first, customers=customers, rounds=rounds, with_rules=with_rules)
    results = [Result.of_rounds(name, customers, figures.ours, figures.reference, reference_name="one plain SQL statement", unit="seconds")]
    # a larger run is several chunks, each a transaction of its own
    chunks = -(-customers // Settings().generate_chunk)
    allowed = 12 if with_rules else 10
    results.append(Result(f"{name}-statements", customers, figures.statements / chunks, allowed, "allowed", "SQL statements per chunk"))
    return results


async def _measure(database: Database, first: Month, *, customers: int, rounds: int, with_rules: bool) -> _Figures:
    ours: list[float] = []
    others: list[float] = []
    statements = 0
    served = Database(database.url)
    sent = _counted(served)
    with (
        serving(create_app(Settings(inline_worker=customers > MAX_INLINE), served), listening_socket("127.0.0.1", 0)) as address,
        httpx.Client(base_url=address, timeout=600) as http,
    ):
        sign_in(http)
        for number in range(rounds):
            month = first.plus(2 * number)
            await _open(database, month)
            if with_rules:
                await rules.prepare(database, number)
            await outside(database, "CHECKPOINT")
            before, began = len(sent), time.perf_counter()
            issued, polls = _generate(http, month)
            ours.append(time.perf_counter() - began)
            statements = len(sent) - before - polls * STATEMENTS_PER_POLL
            await _open(database, month.plus(1))
            if with_rules:
                await rules.prepare(database, number + rules.APART)
                await rules.expect(database, month.plus(1))
            await outside(database, "CHECKPOINT")
            began = time.perf_counter()
            await reference.write(database, month.plus(1), priced=with_rules)
            others.append(time.perf_counter() - began)
            written = await reference.written(database, month.plus(1))
            if number == 0 and abs(issued - written) > customers // 10:  # some are installed later, or are billed in another month
                raise RuntimeError(f"ours issued {issued}, the reference {written}")
            await outside(database, "VACUUM ANALYZE invoice, reference.invoice")
    return _Figures(ours, others, statements)


def _counted(database: Database) -> list[str]:
    sent: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if not any(words in statement for words in OTHER_LOOPS):
            sent.append(statement)

    async def fetch(statement: TextClause, parameters: Mapping[str, object], *, into: Any = None) -> Sequence[Any]:
        note(None, None, str(statement))
        return await Database.fetch(database, statement, parameters, into=into)

    for engine in (database.read_engine, database.write_engine):
        event.listen(engine.sync_engine, "before_cursor_execute", note)
    database.fetch = fetch  # type: ignore[method-assign]  # of this object, which is the benchmark's
    return sent


def _generate(http: httpx.Client, month: Month) -> tuple[int, int]:
    """Generate a month's invoices; return the number issued, and the number of polls."""
    document = f"mutation($i: GenerateInvoicesInput!) {{ generateInvoices(input: $i) {{ run {{ {RUN} }} errors {{ message }} }} }}"
    run = ask(http, document, i={"month": str(month), "idempotencyKey": str(uuid.uuid4())})["run"]
    polls = 0
    while run["status"] == "RUNNING":
        time.sleep(0.05)
        polls += 1
        run = ask(http, f"query($id: ID!) {{ generationRun(id: $id) {{ {RUN} }} }}", id=run["id"])
    return int(run["issued"]), polls


async def _open(database: Database, month: Month) -> None:
    async with database.transaction(actor=operator("bench"), at=system_clock()) as session:
        await periods.open_period(session, month, confirm=True)
