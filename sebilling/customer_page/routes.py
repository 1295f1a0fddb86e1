"""Addresses of the customer's page: GET /tagihan/TOKEN with its invoices and promise, and /isolir, which a walled garden redirects to.

A wrong link and a wrong pair of code and phone number are answered alike for everybody, and tries from one network are limited.
"""

import asyncio
from datetime import date
from functools import partial
from typing import Final
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from sebilling.access_errors import TooManyAttempts
from sebilling.actor import EVERYWHERE, operator
from sebilling.auth import addresses, attempts, customer_links
from sebilling.billing import pictures, receipts
from sebilling.billing.pictures import PictureKind
from sebilling.customer_page import bill as bills
from sebilling.customer_page import html
from sebilling.downloads import drawn, invoice_pdf
from sebilling.errors import Unavailable
from sebilling.language import Language, Sentence
from sebilling.schema.context import Parts

_HEADERS: Final = {
    "Cache-Control": "private, no-store",
    "Content-Security-Policy": html.POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_MAX_FORM_BYTES: Final = 2_000
_PICTURE_SECONDS: Final = 3_600
"""How long browsers keep a picture; the pages name its version, so that another one is shown at once."""
_GONE: Final = Sentence("This link isn't valid any more: ask us for a new one.", "Tautan ini tidak berlaku lagi: minta yang baru ke kami.")
_TOO_OFTEN: Final = Sentence("Too many tries: wait a few minutes.", "Terlalu banyak percobaan: tunggu beberapa menit.")
_AWAY: Final = Sentence("The bill can't be shown now: try again in a minute.", "Tagihan belum bisa ditampilkan: coba lagi sebentar lagi.")
_NO_PROMISE: Final = Sentence("This day can't be promised here: ask us.", "Tanggal ini tidak bisa dijanjikan di sini: hubungi kami.")
_CUSTOMER: Final = operator("customer's page")
_UNKNOWN_ISP: Final = bills.Isp("", "", "", "", 0, None, None)


def routes(parts: Parts) -> list[Route]:
    """Build the routes."""
    pages = _Pages(parts)
    return [
        Route("/tagihan/{token}", pages.bill, methods=["GET"]),
        Route("/tagihan/{token}/janji", pages.promise, methods=["POST"]),
        Route("/tagihan/{token}/{number:path}.pdf", pages.invoice, methods=["GET"]),
        Route("/isp/{kind}", pages.picture, methods=["GET"]),
        Route("/isolir", pages.isolir, methods=["GET", "POST"]),
    ]


class _Pages:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._proxies = addresses.networks(parts.settings.trusted_proxies)

    async def bill(self, request: Request) -> Response:
        """What the customer owes."""
        language = _language(request)
        try:
            bill = await self._read(request)
        except Unavailable:
            return await self._said(_AWAY, 503, language)
        if bill is None:
            return await self._said(_GONE, 404, language)
        return _page(html.bill_page(bill, at=self._parts.clock(), language=language, here=request.url.path))

    async def invoice(self, request: Request) -> Response:
        """One of the customer's own invoices as PDF."""
        parts, language = self._parts, _language(request)
        customer_id = customer_links.customer_of(request.path_params["token"], key=parts.key)
        if customer_id is None:
            return await self._said(_GONE, 404, language)
        async with parts.database.reading() as session:
            invoice_id = await bills.invoice_of(session, customer_id, request.path_params["number"])
            if invoice_id is None:
                return await self._said(_GONE, 404, language)
            paper = await receipts.read_invoice(session, invoice_id, scope=EVERYWHERE)
            shown = await pictures.read_contents(session)
        content = await drawn(partial(invoice_pdf, paper, shown))
        headers = {
            **_HEADERS,
            "Content-Disposition": f'inline; filename="{paper.number.replace("/", "-")}.pdf"',
            "Content-Security-Policy": "default-src 'none'",
        }
        return Response(content, media_type="application/pdf", headers=headers)

    async def picture(self, request: Request) -> Response:
        """The ISP's logo or QRIS picture, for everybody."""
        try:
            kind = PictureKind(request.path_params["kind"].upper())
            async with self._parts.database.reading() as session:
                picture = await pictures.read(session, kind)
        except ValueError:
            picture = None
        except Unavailable:
            return Response(status_code=503, headers=_HEADERS)
        if picture is None:
            return Response(status_code=404, headers=_HEADERS)
        headers = {
            **_HEADERS,
            "Cache-Control": f"public, max-age={_PICTURE_SECONDS}",
            "Content-Security-Policy": "sandbox; default-src 'none'",
        }
        return Response(picture.content, media_type=picture.media_type, headers=headers)

    async def promise(self, request: Request) -> Response:
        """The customer's own promise to pay."""
        parts, language = self._parts, _language(request)
        form = await _form(request)
        customer_id = customer_links.customer_of(request.path_params["token"], key=parts.key)
        if customer_id is None or form is None:
            return await self._said(_GONE, 404, language)
        try:
            until_on = date.fromisoformat(form.get("until", ""))
        except ValueError:
            return await self._said(_NO_PROMISE, 400, language)
        async with parts.database.transaction(actor=_CUSTOMER, at=parts.clock()) as session:
            promised = await bills.promise(session, customer_id, until_on=until_on)
        if not promised:
            return await self._said(_NO_PROMISE, 400, language)
        return RedirectResponse(request.url.path.removesuffix("/janji"), 303, headers=_HEADERS)

    async def isolir(self, request: Request) -> Response:
        """The page of the walled garden; with a form it finds the customer's own page."""
        parts, language = self._parts, _language(request)
        if request.method != "POST":
            return _page(html.isolir_page(await self._isp(), language=language))
        form = await _form(request)
        limits = attempts.limits_of_network("customer's page", self._network(request))
        try:
            await attempts.pay(parts.database, limits, at=parts.clock(), field=())
        except TooManyAttempts:
            return await self._said(_TOO_OFTEN, 429, language)
        async with parts.database.transaction(actor=_CUSTOMER, at=parts.clock()) as session:
            customer_id = await bills.find(session, code=(form or {}).get("code", ""), phone=(form or {}).get("phone", ""))
            if customer_id is not None:  # behind the ISP's NAT many customers are one network
                await attempts.release(session, limits)
        if customer_id is None:
            return _page(html.isolir_page(await self._isp(), language=language, is_wrong=True), status=404)
        return RedirectResponse(customer_links.path(customer_id, key=parts.key), 303, headers=_HEADERS)

    async def _read(self, request: Request) -> bills.Bill | None:
        customer_id = customer_links.customer_of(request.path_params["token"], key=self._parts.key)
        if customer_id is None:
            return None
        async with self._parts.database.reading() as session:
            return await bills.read(session, customer_id)

    async def _isp(self) -> bills.Isp:
        """The ISP; without its name while the database is away, as the page must be there nevertheless."""
        try:
            async with asyncio.timeout(2), self._parts.database.reading() as session:
                return await bills.read_isp(session)
        except (Unavailable, TimeoutError):
            return _UNKNOWN_ISP

    async def _said(self, message: Sentence, status: int, language: Language) -> Response:
        return _page(html.message_page(await self._isp(), message, language=language), status=status)

    def _network(self, request: Request) -> str:
        client = request.client.host if request.client is not None else None
        forwarded = request.headers.getlist("x-forwarded-for")
        return addresses.origin(client, request.url.scheme, forwarded, "", self._proxies).network


def _language(request: Request) -> Language:
    """English for a browser that prefers it, else Indonesian."""
    return "en" if request.headers.get("accept-language", "").strip().lower().startswith("en") else "id"


async def _form(request: Request) -> dict[str, str] | None:
    """The fields of a small form; None if it is none."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_FORM_BYTES:
            return None
    try:
        fields = parse_qs(body.decode("ascii"), max_num_fields=5)
    except ValueError:
        return None
    texts = {name: values[0] for name, values in fields.items()}
    return None if any("\0" in text or len(text) > 100 for text in texts.values()) else texts


def _page(content: str, *, status: int = 200) -> HTMLResponse:
    return HTMLResponse(content, status, headers=_HEADERS)
