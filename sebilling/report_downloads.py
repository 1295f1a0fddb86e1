"""Downloads of reports, and of many invoices as one PDF, at signed addresses: limited in number, streamed, ended at a deadline."""

import asyncio
from collections import Counter
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Message, Send

from sebilling.access_errors import TooManyReports
from sebilling.actor import Actor
from sebilling.auth.links import Link
from sebilling.billing.reports import Report
from sebilling.clock import Month
from sebilling.errors import DeadlineExceeded, LinkInUse, ReportsBusy
from sebilling.logs import get_logger
from sebilling.printing.report_job import INVOICES_AS_PDF, Job
from sebilling.printing.report_runner import ReportFailedError, ReportProcess, report_process
from sebilling.schema.context import Parts

_log = get_logger(__name__)
PDF: Final = "application/pdf"
_IN_PDF: Final = "default-src 'none'; object-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'self'"
"""Policy of a PDF: without `sandbox`, in which browsers show none. What a browser's viewer runs isn't a page of this server."""
_XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
RETRY_SECONDS: Final = 5
STALLED_SECONDS: Final = 30.0
"""Time in which a client must read what is sent; a report keeps a database snapshot open."""
T = TypeVar("T")


class ReportSlots:
    """Reports being created: at most `most` at once, one per address, and one user never takes all slots (if there are several)."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.most_per_user = max(1, most - 1)
        self._tokens: set[str] = set()
        self._users: Counter[int] = Counter()

    @contextmanager
    def slot(self, token: str, user_id: int) -> Iterator[None]:
        """Take a slot while the block runs. Raises LinkInUse, TooManyReports, ReportsBusy."""
        if token in self._tokens:
            raise LinkInUse
        if self._users[user_id] >= self.most_per_user:
            raise TooManyReports(most=self.most_per_user)
        if len(self._tokens) >= self.most:
            raise ReportsBusy(most=self.most, seconds=RETRY_SECONDS)
        self._tokens.add(token)
        self._users[user_id] += 1
        try:
            yield
        finally:
            self._tokens.remove(token)
            self._users[user_id] -= 1
            if not self._users[user_id]:
                del self._users[user_id]


class ReportDownloads:
    """Create reports and send them."""

    def __init__(self, parts: Parts, headers: Mapping[str, str]) -> None:
        self._parts = parts
        self._headers = headers
        self.slots = ReportSlots(parts.settings.reports_at_once)

    async def send(self, request: Request, send: Send, actor: Actor, link: Link) -> None:
        """Create the report and send it. The caller has taken its slot.

        Raises NotFound, DatabaseUnavailable, DeadlineExceeded, ReportFailedError before anything was sent; afterwards it drops
        the connection, so that nobody mistakes a part for the whole.
        """
        about, seconds = link.about, self._parts.settings.report_seconds
        is_begun = False

        async def bounded(message: Message) -> None:
            nonlocal is_begun
            is_begun = True
            async with asyncio.timeout(STALLED_SECONDS):
                await send(message)

        try:
            async with asyncio.timeout(seconds), report_process(self._job(about, actor)) as process:
                await _unless_gone(request, process.ready())
                await self._response(about, process)(request.scope, request.receive, bounded)
        except (TimeoutError, ReportFailedError) as error:
            if not is_begun:
                if isinstance(error, TimeoutError):
                    raise DeadlineExceeded(seconds=seconds) from error
                raise
            _log.warning("report_cut_off", report=about["report"], month=about["month"], user_id=actor.user_id, why=type(error).__name__)
            _cut(request, error)

    def _job(self, about: Mapping[str, Any], actor: Actor) -> Job:
        settings, month = self._parts.settings, Month.parse(about["month"])
        is_report = about["report"] != INVOICES_AS_PDF
        return Job(
            url=self._parts.database.url, report=Report(about["report"]) if is_report else INVOICES_AS_PDF, month=str(month),
            counters=actor.scope.ids if is_report else _counters(about["counters"], actor), is_csv=about["format"] == "CSV",
            seconds=settings.report_seconds, folder="",
            log_level=settings.log_level, log_format=settings.log_format,
            run_id=None if is_report else about["run"] or None, unpaid_only=not is_report and bool(about["unpaid_only"]),
        )  # fmt: skip

    def _response(self, about: Mapping[str, Any], process: ReportProcess) -> Response:
        if about["report"] == INVOICES_AS_PDF:
            named = {**self._headers, "Content-Disposition": f'inline; filename="tagihan-{about["month"]}.pdf"'}
            return StreamingResponse(process.chunks(), media_type=PDF, headers={**named, **pdf_headers(self._parts)})
        is_csv = about["format"] == "CSV"
        name = f"{about['report'].lower()}-{about['month']}.{'csv' if is_csv else 'xlsx'}"
        headers = {**self._headers, "Content-Disposition": f'attachment; filename="{name}"'}
        return StreamingResponse(process.chunks(), media_type="text/csv; charset=utf-8" if is_csv else _XLSX, headers=headers)


def pdf_headers(parts: Parts) -> Mapping[str, str]:
    """Headers with which browsers show a PDF, also in a frame of our own pages."""
    return {"Content-Security-Policy": " ".join((_IN_PDF, *parts.settings.origins)), "X-Frame-Options": "SAMEORIGIN"}


def _counters(chosen: str, actor: Actor) -> list[int] | None:
    """The chosen counters, as far as the user may see them now; all that they may see, if none is chosen."""
    if not chosen:
        return actor.scope.ids
    return [counter_id for counter_id in map(int, chosen.split(",")) if counter_id in actor.scope]


def _cut(request: Request, error: Exception) -> None:
    """Drop the connection; if the server can't, raise the error, which ends it too."""
    cut = request.scope.get("extensions", {}).get("sebilling.cut")
    if cut is None:
        raise error
    cut()


async def _unless_gone(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Return the result of slow work before anything is sent. Raises ClientDisconnect if the client disconnects meanwhile."""
    working, gone = asyncio.ensure_future(work), asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({working, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientDisconnect
        return working.result()
    finally:
        for task in (working, gone):
            task.cancel()
        await asyncio.gather(working, gone, return_exceptions=True)


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
