"""Seconds of `generateInvoices` over HTTP, against the best plain SQL statement that writes the same rows.

The reference inserts invoices and lines of one period for every counter, in one statement, into the same tables under the
same constraints, triggers and indexes; it takes no lock, records no progress, applies no credit and writes no event. With all
pricing rules on (`generate-rules`) it doesn't price either: the rows are computed beforehand, and it only writes them.
"""

import statistics
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import TextClause, event, text

from bench import rules
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

SERIES = text("INSERT INTO invoice_series SELECT :period, id, 1 FROM counter")
REFERENCE = text(
    """
    WITH issued AS (
        INSERT INTO invoice (period_id, counter_id, sequence, number, customer_id, run_id, plan_name, covers_from, covers_until,
                             issued_at, due_on, total, allocated, written_off)
        SELECT CAST(:period AS bigint), counter.id, numbered.sequence,
               'INV/' || CAST(:month AS text) || '/' || counter.code || '/' || lpad(numbered.sequence::text, 6, '0'), numbered.id, NULL,
               plan.name, greatest(CAST(:first AS date), installed_on), CAST(:after AS date), now(),
               CAST(:first AS date) + due_day - 1, coalesce(numbered.price, plan.price), 0, 0
          FROM (SELECT *, row_number() OVER (PARTITION BY counter_id ORDER BY id) AS sequence FROM customer
                 WHERE active AND installed_on < CAST(:after AS date)) numbered
          JOIN counter ON counter.id = counter_id JOIN plan ON plan.id = plan_id
        RETURNING id, plan_name, total
    )
    INSERT INTO invoice_line (invoice_id, position, kind, description, quantity, unit_price, amount)
    SELECT id, 1, 'SUBSCRIPTION', plan_name, 1, total, total FROM issued
    """
)
OTHER_LOOPS = (
    "SKIP LOCKED", "FROM device WHERE", "feed", "plugin_cursor", "pg_locks", "pg_notify", "payment_promise", "blackout_date",
    "plan_cache_mode",
)  # fmt: skip
"""Parts of the statements of the worker's other loops: looking for work, numbering events, sweeping."""
STATEMENTS_PER_POLL = 2
"""The caller, and the progress of the run."""
RUN = "id status issued alreadyInvoiced totalAmount"


async def measure(var: Path, *, customers: int, rounds: int, with_rules: bool) -> list[Result]:
    """Return the medians of `rounds` interleaved runs, and the SQL statements per chunk of ours."""
    name = "generate-rules" if with_rules else "generate"
    async with place(var, f"generate_{customers}", customers=customers) as database:
        if with_rules:
            await rules.turn_on(database, MONTH)
        ours: list[float] = []
        reference: list[float] = []
        statements = 0
        served = Database(database.url)
        sent = _counted(served)
        with (
            serving(create_app(Settings(inline_worker=customers > MAX_INLINE), served), listening_socket("127.0.0.1", 0)) as address,
            httpx.Client(base_url=address, timeout=600) as http,
        ):
            sign_in(http)
            for number in range(rounds):
                month = MONTH.plus(2 * number)
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
                written = await (rules.write if with_rules else _write)(database, month.plus(1))
                reference.append(time.perf_counter() - began)
                if number == 0 and abs(issued - written) > customers // 10:  # some are installed later, or are billed in another month
                    raise RuntimeError(f"ours issued {issued}, the reference {written}")
                await outside(database, "VACUUM ANALYZE invoice")
    results = [Result(name, customers, statistics.median(ours), statistics.median(reference), "one plain SQL statement", "seconds")]
    # a larger run is several chunks, each a transaction of its own
    chunks = -(-customers // Settings().generate_chunk)
    allowed = 12 if with_rules else 10
    results.append(Result(f"{name}-statements", customers, statements / chunks, allowed, "allowed", "SQL statements per chunk"))
    return results


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


async def _write(database: Database, month: Month) -> int:
    async with database.write_engine.begin() as connection:
        period = (await connection.execute(text("SELECT id FROM period WHERE month = :m"), {"m": month.first})).scalar_one()
        await connection.execute(SERIES, {"period": period})
        result = await connection.execute(REFERENCE, {"period": period, "month": str(month), "first": month.first, "after": month.after})
        return result.rowcount
