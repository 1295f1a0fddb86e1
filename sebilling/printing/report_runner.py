"""Start the processes that produce reports for the server, read from them, and always end them."""

import asyncio
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any, Final, cast

import orjson

from sebilling.db.state import DatabaseNotReady, DatabaseState
from sebilling.errors import DatabaseUnavailable, NotFound
from sebilling.nouns import Noun
from sebilling.printing.finish import to_the_end
from sebilling.printing.report_job import Job

_CHUNK_BYTES: Final = 64 * 1024
_END_SECONDS: Final = 2.0
"""Time between the request to end, upon which the process cancels its query, and its being killed."""


class ReportFailedError(Exception):
    """The process ended without a complete report; its log has the reason."""


class ReportProcess:
    """A process that produces one report. Await `ready` first, then read `chunks`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._output = cast("asyncio.StreamReader", process.stdout)  # PIPE was requested, which the type doesn't express

    async def ready(self) -> None:
        """Wait until its first rows are available. Raises NotFound, DatabaseUnavailable, ReportFailedError."""
        line = await self._output.readline()
        told: dict[str, Any] = orjson.loads(line) if line.endswith(b"\n") else {"status": "failed", "facts": {}}
        facts: dict[str, Any] = told["facts"]
        match told["status"]:
            case "ready":
                return
            case "not_found":
                raise NotFound(noun=Noun[facts["noun"]], given=facts["given"])
            case "not_ready":
                raise DatabaseNotReady(DatabaseState(facts["state"]))
            case "unavailable":
                raise DatabaseUnavailable(**facts)
            case _:
                raise ReportFailedError

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the report's bytes as they arrive. Raises ReportFailedError at the end if it is incomplete."""
        while chunk := await self._output.read(_CHUNK_BYTES):
            yield chunk
        if await self._process.wait() != 0:
            raise ReportFailedError

    async def end(self) -> None:
        """End the process and its query. Does nothing after a normal exit."""
        if self._process.returncode is None:
            with suppress(ProcessLookupError):  # it has just ended
                self._process.terminate()
            try:
                async with asyncio.timeout(_END_SECONDS):
                    await self._drained()
            except TimeoutError:
                with suppress(ProcessLookupError):
                    self._process.kill()
        await self._drained()

    async def _drained(self) -> None:
        while await self._output.read(_CHUNK_BYTES):
            pass  # unread output would keep it writing, and the pipe open
        await self._process.wait()


@asynccontextmanager
async def report_process(job: Job) -> AsyncIterator[ReportProcess]:
    """Run a process that produces this report while the block runs. Raises OSError if it can't be started."""
    folder = tempfile.mkdtemp(prefix="sebilling-report-")
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "sebilling.printing.report_process",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            start_new_session=True,  # Ctrl-C must not reach it; it ends when we end it or exit
        )  # fmt: skip
        running = ReportProcess(process)
        try:
            stdin = cast("asyncio.StreamWriter", process.stdin)
            stdin.write(replace(job, folder=folder).to_line())
            with suppress(BrokenPipeError, ConnectionResetError):  # it died: `ready` reports it
                await stdin.drain()
            yield running
        finally:
            await to_the_end(asyncio.create_task(running.end()))  # also while cancelled: nothing else ends it
            stdin.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
