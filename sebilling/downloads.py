"""Receipts, invoices, proofs and reports at signed addresses: GET /downloads/TOKEN, which `schema/receipts.py` issues.

The token names the document and the user; the user's permission is checked again here, with their current counters.
"""

import asyncio
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Final
from weakref import WeakKeyDictionary

from sqlalchemy import text
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from sebilling.access_errors import TooManyReports, TooManyRequests
from sebilling.actor import Actor
from sebilling.auth import links, sessions
from sebilling.billing import pictures, receipts
from sebilling.compression import Compressed
from sebilling.errors import LinkInUse, NotFound, SebillingError, Unavailable
from sebilling.language import Language, Sentence, preferred
from sebilling.logs import get_logger
from sebilling.nouns import Noun
from sebilling.printing.report_runner import ReportFailedError
from sebilling.report_downloads import PDF, RETRY_SECONDS, ReportDownloads, pdf_headers
from sebilling.schema.context import Parts
from sebilling.schema.request.access import RULES
from sebilling.storage import ObjectMissing

_log = get_logger(__name__)
_drawing: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()
_HEADERS: Final = {
    "Cache-Control": "private, no-store",
    "X-Content-Type-Options": "nosniff",
    # an uploaded file must never run as a page of this server
    "Content-Security-Policy": "sandbox; default-src 'none'; img-src 'self'; style-src 'unsafe-inline'",
    "Referrer-Policy": "no-referrer",
}
_PAPERS: Final[dict[str, Any]] = {"MM58": "58", "MM80": "80", "A5": "A5"}
_DRAWN_AT_ONCE: Final = 1
"""PDFs rendered concurrently in threads: more would only compete for the interpreter with each other and the event loop."""
MAX_PAPERS_OF_A_USER: Final = 20
"""Concurrent downloads of receipts, invoices and proofs of one user; a proof has up to 5 MiB."""
_EXPIRED: Final = Sentence(
    "This address is no longer valid: request a new one.",
    "Alamat ini tidak berlaku lagi: minta alamat baru.",
)
_MISSING: Final = Sentence(
    "The file is no longer in the store: tell your admin.",
    "Berkas ini tidak ada lagi di penyimpanan: beri tahu admin.",
)
_FAILED: Final = Sentence(
    "The report could not be created; the reason is in the server's log. Try again later, or tell your admin.",
    "Laporan tidak bisa dibuat; penyebabnya ada di log server. Coba lagi nanti, atau beri tahu admin.",
)
_STATUSES: Final = ((NotFound, 404), (LinkInUse, 409), (TooManyReports, 429), (TooManyRequests, 429), (Unavailable, 503))
_PROOF: Final = text(
    """
    SELECT object_key, media_type FROM deposit JOIN proof ON proof.id = proof_id
     WHERE deposit.id = :id AND (CAST(:scope AS bigint[]) IS NULL OR counter_id = ANY (:scope))
    """
)
Handler = Callable[[Parts, Actor, dict[str, Any]], Awaitable[Response]]


def route(parts: Parts) -> Route:
    """Build the route. An invalid token, or one whose user is no longer allowed, is answered with 404."""
    return Route("/downloads/{token}", Compressed(Downloads(parts)), methods=["GET"])


class Downloads:
    """Serve the signed addresses. A user's limits are checked before any database query."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._reports = ReportDownloads(parts, _HEADERS)
        self._papers: Counter[int] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        request = Request(scope, receive)
        language = preferred(request.headers.get("accept-language", ""))
        token = request.path_params["token"]
        link = links.read(token, key=self._parts.key, at=self._parts.clock())
        try:
            if link is None:
                refusal = _refused(_EXPIRED.in_(language), 404)
            elif link.kind in {"report", "invoices"} and request.method == "GET":
                with self._reports.slots.slot(token, link.user_id):
                    if (actor := await _still_may(self._parts, link)) is not None:
                        await self._reports.send(request, send, actor, link)
                        return
                refusal = _refused(_EXPIRED.in_(language), 404)
            else:
                with self._paper(link.user_id):
                    actor = await _still_may(self._parts, link)
                    answer = await _PAPER_HANDLERS[link.kind](self._parts, actor, link.about) if actor is not None else None
                    await (answer or _refused(_EXPIRED.in_(language), 404))(scope, receive, send)
                return
        except SebillingError as error:
            refusal = _refusal(error, language)
        except ReportFailedError:
            refusal = _refused(_FAILED.in_(language), 500)
        except ObjectMissing:
            _log.exception("stored_object_missing", kind=link.kind if link is not None else "")
            refusal = _refused(_MISSING.in_(language), 404)
        except ClientDisconnect:
            return
        await refusal(scope, receive, send)

    @contextmanager
    def _paper(self, user_id: int) -> Iterator[None]:
        """Count one of the user's concurrent document downloads while the block runs. Raises TooManyRequests."""
        if self._papers[user_id] >= MAX_PAPERS_OF_A_USER:
            raise TooManyRequests(most=MAX_PAPERS_OF_A_USER)
        self._papers[user_id] += 1
        try:
            yield
        finally:
            self._papers[user_id] -= 1
            if not self._papers[user_id]:
                del self._papers[user_id]


def _refusal(error: SebillingError, language: Language) -> Response:
    status = next((status for kind, status in _STATUSES if isinstance(error, kind)), 400)
    return _refused(error.message(language), status, code=error.code, retry=status in {409, 429, 503})


def _refused(why: str, status: int, *, code: str = "", retry: bool = False) -> Response:
    body = {"error": why, **({"code": code} if code else {})}
    return JSONResponse(body, status_code=status, headers={**_HEADERS, **({"Retry-After": str(RETRY_SECONDS)} if retry else {})})


async def _still_may(parts: Parts, link: links.Link) -> Actor | None:
    async with parts.database.reading() as session:
        actor = await sessions.actor(session, link.user_id)
    return actor if actor is not None and actor.role in RULES[_ROOT_FIELDS[link.kind]] else None


def _file(parts: Parts, content: bytes, media_type: str, name: str) -> Response:
    """A file that browsers show; a PDF also in a frame of our own pages."""
    headers = {**_HEADERS, "Content-Disposition": f'inline; filename="{re.sub(r"[^A-Za-z0-9.-]", "-", name)}"'}
    if media_type == PDF:
        headers |= pdf_headers(parts)
    return Response(content, media_type=media_type, headers=headers)


def _receipt_pdf(receipt: receipts.Receipt, shown: pictures.Pictures, paper: Any) -> bytes:
    from sebilling.printing.pdf import receipt_pdf  # noqa: PLC0415 - the first PDF imports ReportLab, in the thread that draws it

    return receipt_pdf(receipt, shown, paper=paper)


def invoice_pdf(invoice: receipts.InvoicePaper, shown: pictures.Pictures) -> bytes:
    """Draw an invoice; call it by `drawn`."""
    from sebilling.printing import pdf  # noqa: PLC0415 - as above

    return pdf.invoice_pdf(invoice, shown)


async def drawn(draw: Callable[[], bytes]) -> bytes:
    """Render a PDF in a thread, one after the other, without blocking the event loop."""
    async with _drawing.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(_DRAWN_AT_ONCE)):
        return await asyncio.to_thread(draw)


async def _receipt(parts: Parts, actor: Actor, about: dict[str, Any]) -> Response:
    async with parts.database.reading() as session:
        receipt = await receipts.read(session, about["payment"], scope=actor.scope)
        shown = await pictures.read_contents(session)
    content = await drawn(partial(_receipt_pdf, receipt, shown, _PAPERS[about["paper"]]))
    return _file(parts, content, PDF, f"{receipt.number}.pdf")


async def _invoice(parts: Parts, actor: Actor, about: dict[str, Any]) -> Response:
    async with parts.database.reading() as session:
        invoice = await receipts.read_invoice(session, about["invoice"], scope=actor.scope)
        shown = await pictures.read_contents(session)
    return _file(parts, await drawn(partial(invoice_pdf, invoice, shown)), PDF, f"{invoice.number}.pdf")


async def _proof(parts: Parts, actor: Actor, about: dict[str, Any]) -> Response:
    async with parts.database.reading() as session:
        row = await session.row(_PROOF, {"id": about["deposit"], "scope": actor.scope.ids})
    if row is None:
        raise NotFound(noun=Noun.PROOF, given=Noun.DEPOSIT.id(about["deposit"]))
    ending = row.object_key.rpartition(".")[2]
    return _file(parts, await parts.store.get(row.object_key), row.media_type, f"bukti-{about['deposit']}.{ending}")


async def _report(_parts: Parts, _actor: Actor, _about: dict[str, Any]) -> Response:
    return Response(headers=_HEADERS)  # HEAD: no report is created


_ROOT_FIELDS: Final = {
    "receipt": "receipt_link",
    "invoice": "invoice_link",
    "invoices": "invoices_link",
    "proof": "proof_link",
    "report": "report_link",
}
"""Kind of link → root field that issues it, whose access rule applies here too."""
_PAPER_HANDLERS: Final[dict[str, Handler]] = {
    "receipt": _receipt,
    "invoice": _invoice,
    "invoices": _report,
    "proof": _proof,
    "report": _report,
}
