"""The first administrator, made in the browser: `sebilling serve` prints a link while there is no user, and only then it works.

The link is signed with the deployment's key and ends after HOURS; whoever may read the server's output may be its first admin. Two who
open it at once are told apart by a lock: one becomes the admin.
"""

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from html import escape
from typing import Final
from urllib.parse import parse_qs

from sqlalchemy import text
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from sebilling.actor import Role, operator
from sebilling.auth import passwords, users
from sebilling.customer_page.html import POLICY, page
from sebilling.db.engine import Database
from sebilling.errors import InvalidInput, Unavailable
from sebilling.language import Language, Sentence, preferred
from sebilling.schema.context import Parts

PREFIX: Final = "/mulai/"
HOURS: Final = 24
_STAMP_BYTES: Final = 6
_SIGNATURE_BYTES: Final = 18
_MAX_FORM_BYTES: Final = 2_000
_ACTOR: Final = operator("first admin")
_ANY_USER: Final = text("SELECT EXISTS (SELECT FROM app_user)")
_LOCK: Final = text("SELECT pg_advisory_xact_lock(hashtext('sebilling first admin'))")
_HEADERS: Final = {
    "Cache-Control": "private, no-store", "Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}  # fmt: skip
_GONE: Final = Sentence(
    "This link isn't valid any more: there is an admin already, or it is older than a day. Restart the server for a new one.",
    "Tautan ini tidak berlaku lagi: admin sudah ada, atau tautannya lebih dari sehari. Jalankan ulang server untuk yang baru.",
)


def path(key: bytes, *, at: datetime) -> str:
    """Return the path of a link that is valid for HOURS from `at`."""
    stamp = int((at + timedelta(hours=HOURS)).timestamp()).to_bytes(_STAMP_BYTES, "big")
    return PREFIX + base64.urlsafe_b64encode(stamp + _signature(stamp, key)).decode()


def is_valid(token: str, key: bytes, *, at: datetime) -> bool:
    """Whether the link was signed with this key and hasn't ended."""
    try:
        content = base64.b64decode(token, altchars=b"-_", validate=True)
    except ValueError:
        return False
    stamp, signature = content[:_STAMP_BYTES], content[_STAMP_BYTES:]
    if not hmac.compare_digest(signature, _signature(stamp, key)):
        return False
    return at < datetime.fromtimestamp(int.from_bytes(stamp, "big"), UTC)


def _signature(stamp: bytes, key: bytes) -> bytes:
    return hmac.new(key, b"first admin" + stamp, hashlib.sha256).digest()[:_SIGNATURE_BYTES]


async def is_needed(database: Database) -> bool:
    """Whether there is no user. Raises DatabaseUnavailable."""
    async with database.reading() as session:
        return not await session.only_value(_ANY_USER, kind=bool)


def routes(parts: Parts) -> list[Route]:
    """Build the route."""

    async def show(request: Request) -> Response:
        language = preferred(request.headers.get("accept-language", "id"))
        try:
            return await answer(request, language)
        except Unavailable as error:
            return _page(f"<h1>SeBilling</h1><p>{escape(error.message(language))}</p>", language, status_code=503)

    async def answer(request: Request, language: Language) -> Response:
        token = request.path_params["token"]
        if not is_valid(token, parts.key, at=parts.clock()) or not await is_needed(parts.database):
            return _page(f"<h1>SeBilling</h1><p>{_GONE.in_(language)}</p>", language, status_code=404)
        if request.method != "POST":
            return _page(_form(language, username="admin", wrong=""), language)
        body = b"".join([chunk async for chunk in request.stream()])[: _MAX_FORM_BYTES + 1]
        if len(body) > _MAX_FORM_BYTES:
            return _page(f"<h1>SeBilling</h1><p>{_GONE.in_(language)}</p>", language, status_code=413)
        fields = {name: values[0] for name, values in parse_qs(body.decode(errors="replace"), max_num_fields=10).items()}
        username, password = fields.get("username", ""), fields.get("password", "")
        try:
            is_made = await _make(parts, username, password)
        except InvalidInput as error:
            return _page(_form(language, username=username, wrong=error.message(language)), language, status_code=400)
        if not is_made:
            return _page(f"<h1>SeBilling</h1><p>{_GONE.in_(language)}</p>", language, status_code=404)
        return RedirectResponse("/", 303, headers=_HEADERS)

    return [Route(PREFIX + "{token}", show, methods=["GET", "POST"])]


async def _make(parts: Parts, username: str, password: str) -> bool:
    """Add the admin; False if somebody else was faster. Raises InvalidText."""
    hashed = await passwords.hashed(password, username=username)
    async with parts.database.transaction(actor=_ACTOR, at=parts.clock()) as session:
        await session.value(_LOCK)
        if await session.only_value(_ANY_USER, kind=bool):
            return False
        await users.create(session, username=username, name=username, role=Role.ADMIN, password_hash=hashed)
    return True


def _form(language: Language, *, username: str, wrong: str) -> str:
    def say(english: str, indonesian: str) -> str:
        return indonesian if language == "id" else english

    alert = f'<p class="alert" role="alert">{escape(wrong)}</p>' if wrong else ""
    return (
        f"<h1>SeBilling</h1><p>{say('There is no user yet. Make the first administrator.', 'Belum ada pengguna. Buat admin pertama.')}</p>"
        f'{alert}<form method="post"><label for="username">{say("User name", "Nama pengguna")}</label>'
        f'<input id="username" name="username" required maxlength="64" autocomplete="username" value="{escape(username)}">'
        f'<label for="password">{say("Password", "Kata sandi")}</label>'
        '<input id="password" name="password" type="password" required maxlength="200" autocomplete="new-password">'
        f"<button>{say('Make it', 'Buat')}</button></form>"
    )


def _page(content: str, language: Language, *, status_code: int = 200) -> HTMLResponse:
    return HTMLResponse(page("SeBilling", [content], language), status_code=status_code, headers=_HEADERS)
