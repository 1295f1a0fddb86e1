"""Papers, proofs and reports by signed address: GET /downloads/TOKEN, as `schema/papers.py` gives it out.

The token says what and for whom; whether that user still may is asked here again, with the counters that they have now.
"""

import re
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing, asynccontextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import text
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from sebilling.actor import Actor, Scope
from sebilling.auth import links, sessions
from sebilling.billing import receipts, reports
from sebilling.billing.reports import Cell, Report
from sebilling.clock import Month
from sebilling.db.engine import Database
from sebilling.errors import NotFound, SebillingError, Unavailable
from sebilling.logs import get_logger
from sebilling.printing import pdf, sheets
from sebilling.schema.access import RULES
from sebilling.schema.context import Parts
from sebilling.storage import ObjectMissing

_log = get_logger(__name__)
_HEADERS: Final = {
    "Cache-Control": "private, no-store",
    "X-Content-Type-Options": "nosniff",
    # what a stranger uploaded must never run as a page of ours
    "Content-Security-Policy": "sandbox; default-src 'none'; img-src 'self'; style-src 'unsafe-inline'",
    "Referrer-Policy": "no-referrer",
}
_PAPERS: Final[dict[str, Any]] = {"MM58": "58", "MM80": "80", "A5": "A5"}
_XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_CHUNK_BYTES: Final = 256 * 1024
_PROOF: Final = text(
    """
    SELECT object_key, media_type FROM deposit JOIN proof ON proof.id = proof_id
     WHERE deposit.id = :id AND (CAST(:scope AS bigint[]) IS NULL OR counter_id = ANY (:scope))
    """
)
Handler = Callable[[Parts, Actor, dict[str, Any]], Awaitable[Response]]


def route(parts: Parts) -> Route:
    """The route. A token that isn't good, or whose user may no longer, is answered as if there were nothing: 404."""

    async def download(request: Request) -> Response:
        link = links.read(request.path_params["token"], key=parts.key, at=parts.clock())
        try:
            actor = None if link is None else await _still_may(parts, link)
            if link is None or actor is None:
                return _refused("This address is no longer good: ask for a new one.", 404)
            return await _HANDLERS[link.kind][1](parts, actor, link.about)
        except Unavailable as error:
            return _refused(str(error), 503)
        except SebillingError as error:
            return _refused(str(error), 404 if isinstance(error, NotFound) else 400)
        except ObjectMissing:
            _log.exception("stored_object_missing", kind=link.kind if link is not None else "")
            return _refused("The file isn't in the store any more: tell your admin.", 404)

    return Route("/downloads/{token}", download, methods=["GET"])


def _refused(why: str, status: int) -> Response:
    return JSONResponse({"error": why}, status_code=status, headers=_HEADERS)


async def _still_may(parts: Parts, link: links.Link) -> Actor | None:
    async with parts.database.reading() as session:
        actor = await sessions.actor(session, link.user_id)
    return actor if actor is not None and actor.role in RULES[_HANDLERS[link.kind][0]] else None


def _file(content: bytes, media_type: str, name: str, *, inline: bool = True) -> Response:
    disposition = f'{"inline" if inline else "attachment"}; filename="{re.sub(r"[^A-Za-z0-9.-]", "-", name)}"'
    return Response(content, media_type=media_type, headers={**_HEADERS, "Content-Disposition": disposition})


async def _receipt(parts: Parts, actor: Actor, about: dict[str, Any]) -> Response:
    async with parts.database.reading() as session:
        found = await receipts.read(session, about["payment"], scope=actor.scope)
    return _file(pdf.receipt_pdf(found, paper=_PAPERS[about["paper"]]), "application/pdf", f"{found.number}.pdf")


async def _invoice(parts: Parts, actor: Actor, about: dict[str, Any]) -> Response:
    async with parts.database.reading() as session:
        found = await receipts.read_invoice(session, about["invoice"], scope=actor.scope)
    return _file(pdf.invoice_pdf(found), "application/pdf", f"{found.number}.pdf")


async def _proof(parts: Parts, actor: Actor, about: dict[str, Any]) -> Response:
    async with parts.database.reading() as session:
        row = await session.row(_PROOF, {"id": about["deposit"], "scope": actor.scope.ids})
    if row is None:
        raise NotFound(noun="proof", given=f"dep_{about['deposit']}")
    ending = row.object_key.rpartition(".")[2]
    return _file(await parts.store.get(row.object_key), row.media_type, f"bukti-{about['deposit']}.{ending}")


async def _report(parts: Parts, actor: Actor, about: dict[str, Any]) -> Response:
    report, month, is_csv = Report(about["report"]), Month.parse(about["month"]), about["format"] == "CSV"
    name = f"{report.lower()}-{month}.{'csv' if is_csv else 'xlsx'}"
    chunks = _chunks(report_file(parts.database, report, month, scope=actor.scope, is_csv=is_csv))
    first = await anext(chunks)  # the whole file is there now: whatever went wrong was answered with a status

    async def whole() -> AsyncIterator[bytes]:
        async with aclosing(chunks):
            yield first
            async for chunk in chunks:
                yield chunk

    headers = {**_HEADERS, "Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(whole(), media_type="text/csv; charset=utf-8" if is_csv else _XLSX, headers=headers)


async def _chunks(path: AbstractAsyncContextManager[Path]) -> AsyncGenerator[bytes, None]:
    async with path as whole:
        with whole.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                yield chunk


@asynccontextmanager
async def report_file(database: Database, report: Report, month: Month, *, scope: Scope, is_csv: bool) -> AsyncIterator[Path]:
    """A report as a file that is there while the block runs; nothing of it stays on the disk, whatever happens.

    The snapshot ends before the block begins: whoever reads slowly holds no connection, and no old rows. Raises NotFound
    (the recap of a month never opened), DatabaseUnavailable, OSError if the disk is full.
    """
    async with AsyncExitStack() as stack:
        async with database.snapshot() as snapshot:
            rows: AsyncIterator[Sequence[Cell]] = reports.rows(snapshot, report, month, scope=scope)
            header = reports.header(report)
            if is_csv:
                path = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sebilling-csv-"))) / "laporan.csv"
                with path.open("wb") as file:
                    async for lines in sheets.csv_lines(header, rows):
                        file.write(lines)
            else:
                path = await stack.enter_async_context(sheets.xlsx(header, rows))
        yield path


_HANDLERS: Final[dict[str, tuple[str, Handler]]] = {
    "receipt": ("receipt_link", _receipt),
    "invoice": ("invoice_link", _invoice),
    "proof": ("proof_link", _proof),
    "report": ("report_link", _report),
}
"""Kind of link → the root field that gives it out, whose rule holds here too, and what answers it."""
