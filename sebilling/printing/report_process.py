"""Process that produces one report: it reads one snapshot through its own connection and streams the bytes.

    python -P -m sebilling.printing.report_process  <one line of JSON, kept open  >one line of JSON, then the report

Started by `report_runner`, so that it uses neither the server's event loop nor the connections of ordinary requests. Its exit code is
0 only if the report is complete. It stops, and cancels its query, on SIGTERM and when its standard input ends, as it does when the
server dies.
"""

import asyncio
import os
import resource
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any, BinaryIO, Final

import orjson
from sqlalchemy import text

from sebilling.actor import Scope
from sebilling.billing.receipts import Choice
from sebilling.billing.reports import Report
from sebilling.clock import Month
from sebilling.db.engine import Database, Snapshot
from sebilling.db.state import DatabaseNotReady
from sebilling.errors import NotFound, Unavailable
from sebilling.logs import get_logger, set_up
from sebilling.printing.report_files import csv_chunks, xlsx_chunks
from sebilling.printing.report_job import INVOICES_AS_PDF, Job

_log = get_logger(__name__)
APPLICATION_NAME: Final = "sebilling report"
"""Name of its connection in pg_stat_activity."""
_NICENESS: Final = 10
"""Low CPU priority: payments and sign-ins go first."""
_MEBIBYTE: Final = 1024 * 1024
_LIMITS: Final = ((resource.RLIMIT_AS, 2048 * _MEBIBYTE), (resource.RLIMIT_FSIZE, 1024 * _MEBIBYTE), (resource.RLIMIT_CORE, 0))
"""Resource limits: 2 GiB of memory, 1 GiB for a workbook's file, no core dump."""
_SETTINGS: Final = text(
    "SELECT set_config('application_name', :name, true), set_config('statement_timeout', :milliseconds, true),"
    " set_config('idle_in_transaction_session_timeout', :milliseconds, true)"
)


def main() -> int:
    """Produce the report that standard input names; return the exit code."""
    fields: dict[str, Any] = orjson.loads(sys.stdin.buffer.readline())
    job = Job(**fields)
    set_up(level=job.log_level, style=job.log_format)
    os.environ["TMPDIR"] = job.folder
    os.nice(_NICENESS)
    for limit, most in _LIMITS:
        hard = resource.getrlimit(limit)[1]
        with suppress(ValueError, OSError):  # the system's limit is lower
            resource.setrlimit(limit, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
    output = os.fdopen(sys.stdout.fileno(), "wb", buffering=0, closefd=False)
    try:
        return asyncio.run(_make(job, output))
    except (asyncio.CancelledError, BrokenPipeError):
        return 2


async def _make(job: Job, output: BinaryIO) -> int:
    _end_with_the_server()
    database = Database(job.url, connections=2)
    try:
        async with database.snapshot() as snapshot:
            await snapshot.row(_SETTINGS, {"name": APPLICATION_NAME, "milliseconds": str(job.seconds * 1_000)})
            await _write(job, snapshot, output)
    except NotFound as error:
        _say(output, status="not_found", facts={"noun": error.noun.name, "given": str(error.facts["given"])})
        return 1
    except DatabaseNotReady as error:
        _say(output, status="not_ready", facts={"state": error.state.value})
        return 1
    except Unavailable as error:
        _say(output, status="unavailable", facts={name: str(value) for name, value in error.facts.items()})
        return 1
    except (asyncio.CancelledError, BrokenPipeError):
        raise
    except Exception:  # noqa: BLE001 - top level of the process: logged, and reported by the exit code
        _log.exception("report_failed", report=job.report, month=job.month)
        return 1
    finally:
        await database.close()
    return 0


async def _write(job: Job, snapshot: Snapshot, output: BinaryIO) -> None:
    is_begun = False
    async for chunk in _chunks(job, snapshot):
        if not is_begun:  # a failure before the first rows is reported as a status
            _say(output, status="ready", facts={})
            is_begun = True
        _write_all(output, chunk)


def _chunks(job: Job, snapshot: Snapshot) -> AsyncIterator[bytes]:
    month, scope = Month.parse(job.month), Scope(None if job.counters is None else frozenset(job.counters))
    if job.report == INVOICES_AS_PDF:
        from sebilling.printing.invoice_files import invoice_chunks  # noqa: PLC0415 - no report needs ReportLab

        return invoice_chunks(snapshot, Choice(month, job.run_id, job.unpaid_only), scope=scope)
    return (csv_chunks if job.is_csv else xlsx_chunks)(snapshot, Report(job.report), month, scope=scope)


def _say(output: BinaryIO, *, status: str, facts: dict[str, str]) -> None:
    _write_all(output, orjson.dumps({"status": status, "facts": facts}) + b"\n")


def _write_all(output: BinaryIO, content: bytes) -> None:
    """Write to the pipe; wait while the server leaves it full."""
    rest = memoryview(content)
    while rest:
        rest = rest[output.write(rest) :]


def _end_with_the_server() -> None:
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None  # noqa: S101 - for the type checker; this always runs in a task

    def give_up() -> None:
        loop.remove_reader(sys.stdin.fileno())
        task.cancel()

    loop.add_signal_handler(signal.SIGTERM, give_up)
    loop.add_reader(sys.stdin.fileno(), give_up)


if __name__ == "__main__":
    sys.exit(main())
