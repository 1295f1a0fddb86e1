"""Middleware for every request and response: body sizes, host names, headers, the request log."""

import asyncio
import ipaddress
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import orjson
from starlette.datastructures import Headers as RequestHeaders
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sebilling.auth import addresses
from sebilling.config import Settings
from sebilling.language import Sentence, preferred
from sebilling.logs import RequestLines, get_logger
from sebilling.operator_errors import InvalidSetting
from sebilling.schema.request.negotiation import type_of_error
from sebilling.storage.proofs import MAX_PROOF_BYTES

if TYPE_CHECKING:
    from sebilling.operation.metrics import Metrics  # loaded only where there are metrics

_log = get_logger(__name__)
MAX_BODY_BYTES: Final = 256 * 1024
MAX_DRAINED_BYTES: Final = 8 * 1024 * 1024
"""Of a body that is refused, read to its end: most pictures of phones are smaller."""
DRAINED_SECONDS: Final = 10.0
_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
_OPEN_PATHS: Final = ("/healthz", "/readyz")
"""They reveal nothing, and probes may use any host name."""
SECURITY_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"),
    (b"cache-control", b"no-store"),
)
_SCHEMES: Final = frozenset({"http", "https", "capacitor", "ionic", "tauri"})
"""Of origins: of web pages, and of pages inside apps that are made of them."""
ONLY_BY_TLS: Final = (b"strict-transport-security", b"max-age=31536000")
"""Valid for a year."""


def _entries(text: str) -> list[str]:
    return [entry for entry in (part.strip().lower() for part in text.split(",")) if entry]


def cors_origins(settings: Settings) -> Sequence[str]:
    """Return the allowed CORS origins, as browsers write them. Raises InvalidSetting for an invalid one."""
    for origin in settings.origins:
        scheme, _, host = origin.partition("://")
        if scheme not in _SCHEMES or not host or "/" in host or "*" in host:
            why = Sentence(
                f"'{origin}' is not an origin: write scheme and host, such as https://app.isp.id or capacitor://localhost;"
                " wildcards are not supported.",
                f"'{origin}' bukan origin: tulis skema dan host, seperti https://app.isp.id atau capacitor://localhost;"
                " wildcard tidak didukung.",
            )
            raise InvalidSetting(setting="SEBILLING_ALLOWED_ORIGINS", why=why)
    return settings.origins


def proxies(settings: Settings) -> Sequence[addresses.Network]:
    """Return the networks of trusted proxies. Raises InvalidSetting for an invalid one."""
    try:
        return addresses.networks(settings.trusted_proxies)
    except ValueError as error:
        why = Sentence(
            f'"{error}": write the proxies\' addresses, such as 127.0.0.1, separated by commas.',
            f'"{error}": tulis alamat proxy, seperti 127.0.0.1, dipisah koma.',
        )
        raise InvalidSetting(setting="SEBILLING_TRUSTED_PROXIES", why=why) from error


MAX_PROXIES: Final = 16
"""Most addresses of one trusted network: a wider one contains more than proxies."""


def warn_of_wide_networks(trusted: Sequence[addresses.Network]) -> None:
    """Log a warning for each network that contains more than proxies: any client in it can forge its address."""
    for network in trusted:
        if network.num_addresses > MAX_PROXIES:
            remedy = "set SEBILLING_TRUSTED_PROXIES to the proxy's own address: any client in this network can forge its address"
            _log.warning("wide_trusted_proxies", network=str(network), remedy=remedy)


def bad_request(scope: Scope, why: Sentence, status: int) -> Response:
    """Build an error response in the form of a GraphQL response, in the language of the request."""
    headers = RequestHeaders(scope=scope)
    body = {"errors": [{"message": why.in_(preferred(headers.get("accept-language", ""))), "extensions": {"code": "BAD_REQUEST"}}]}
    return Response(orjson.dumps(body), status, media_type=type_of_error(headers.get("accept", "")))


_OTHER_HOST: Final = Sentence(
    "The Host header is not a name of this server: use another name, or add this one to SEBILLING_ALLOWED_HOSTS.",
    "Header Host bukan nama server ini: pakai nama lain, atau tambahkan nama ini ke SEBILLING_ALLOWED_HOSTS.",
)


class HostNames:
    """The host names of this server, as set, and those of the loopback."""

    def __init__(self, settings: Settings) -> None:
        allowed = _entries(settings.allowed_hosts)
        own = [] if settings.host in {"0.0.0.0", "::"} else [settings.host.lower()]  # noqa: S104 - compared, not bound
        self.has_any = "*" in allowed
        self._names = {*_LOOPBACK, *own, *allowed}
        self._suffixes = tuple(name[1:] for name in allowed if name.startswith("*."))

    def include(self, host: bytes) -> bool:
        """Whether a Host header names this server."""
        name = _without_port(host.decode("latin-1").lower())
        return self.has_any or name in self._names or (bool(self._suffixes) and name.endswith(self._suffixes))


class Hosts:
    """Refuse unknown host names, so that a hostile page whose name resolves to this server gets nothing (DNS rebinding)."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._names = HostNames(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or self._names.has_any or scope["path"] in _OPEN_PATHS or self._is_ours(scope):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": "unknown host name"})
        else:
            await bad_request(scope, _OTHER_HOST, 421)(scope, receive, send)

    def _is_ours(self, scope: Scope) -> bool:
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        return len(hosts) == 1 and self._names.include(hosts[0])


def _without_port(host: str) -> str:
    if not host.startswith("["):
        return host.partition(":")[0].removesuffix(".")
    try:
        return str(ipaddress.ip_address(host[1:].partition("]")[0]))
    except ValueError:
        return ""


class Headers:
    """Add security headers to every response that doesn't set them itself."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._proxies = proxies(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message.get("headers", ())
                names = {name for name, _ in headers}
                added = [header for header in SECURITY_HEADERS if header[0] not in names]
                if self._is_secure(scope):
                    added.append(ONLY_BY_TLS)
                message = {**message, "headers": [*headers, *added]}
            await send(message)

        await self._app(scope, receive, answer)

    def _is_secure(self, scope: Scope) -> bool:
        if not self._proxies or scope["scheme"] == "https" or not scope["client"]:
            return bool(scope["scheme"] == "https")
        forwarded = RequestHeaders(scope=scope).get("x-forwarded-proto", "")
        return addresses.origin(scope["client"][0], scope["scheme"], (), forwarded, self._proxies).is_secure


class BodyLimits:
    """Limit body sizes: documents are small, only a multipart request may carry a file. Larger bodies are answered with 413, not stored."""

    def __init__(self, app: ASGIApp) -> None:
        self._document = RequestBodyLimitMiddleware(app, MAX_BODY_BYTES)
        self._upload = RequestBodyLimitMiddleware(app, MAX_PROOF_BYTES + MAX_BODY_BYTES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_upload = any(name == b"content-type" and value.startswith(b"multipart/form-data") for name, value in scope["headers"])
        limited, most = (self._upload, MAX_PROOF_BYTES + MAX_BODY_BYTES) if is_upload else (self._document, MAX_BODY_BYTES)
        is_refused = is_read = False
        size = 0

        async def read() -> Message:
            nonlocal is_read, size
            message = await receive()
            is_read, size = not message.get("more_body", False), size + len(message.get("body", b""))
            return message

        async def answer(message: Message) -> None:
            nonlocal is_refused
            if message["type"] == "http.response.start" and message["status"] == 413:
                is_refused = True
                if not is_read:
                    await _drained(scope, receive, MAX_DRAINED_BYTES - size)
                why = Sentence(
                    f"The request is larger than {most} bytes: split it into smaller requests.",
                    f"Permintaannya lebih besar dari {most} byte: bagi menjadi permintaan yang lebih kecil.",
                )
                await bad_request(scope, why, 413)(scope, receive, send)
            elif not is_refused:
                await send(message)

        await limited(scope, read, answer)


async def _drained(scope: Scope, receive: Receive, left: int) -> None:
    """Read the rest of a body that is too large, at most `left` bytes: clients that send while they are answered, such as Node's
    fetch, would lose the answer. A client that announces more, or waits for `100 Continue`, is answered at once.
    """
    headers = RequestHeaders(scope=scope)
    announced = headers.get("content-length", "")
    if "expect" in headers or (announced.isascii() and announced.isdecimal() and int(announced[:20]) > left):
        return
    with suppress(TimeoutError):
        async with asyncio.timeout(DRAINED_SECONDS):
            while left > 0 and (message := await receive()).get("more_body", False):
                left -= len(message.get("body", b""))


class UnreadBodies:
    """Close connections whose body was not read to its end before the response: the server would go on receiving gigabytes for nothing."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        has_body = scope["type"] == "http" and any(
            name == b"transfer-encoding" or (name == b"content-length" and value != b"0") for name, value in scope["headers"]
        )
        if not has_body:
            await self._app(scope, receive, send)
            return
        is_read = False

        async def read() -> Message:
            nonlocal is_read
            message = await receive()
            is_read = is_read or not message.get("more_body", False)
            return message

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start" and not is_read:
                message = {**message, "headers": [*message.get("headers", ()), (b"connection", b"close")]}
            await send(message)

        await self._app(scope, read, answer)


def _loggable(path: str) -> str:
    """Return the path without secrets, such as the token of a download."""
    for secret in ("/downloads/", "/tagihan/", "/mulai/"):
        if path.startswith(secret):
            return f"{secret}…"
    return path


class RequestLog:
    """Log one line per request: the operation, the user, the status and the duration; and count it, if there are metrics."""

    def __init__(self, app: ASGIApp, metrics: "Metrics | None" = None) -> None:
        self._app, self._metrics = app, metrics
        self._lines = RequestLines()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), 500

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watch)
        finally:
            context = scope.get("sebilling.context")
            actor = context.actor if context is not None else None
            seconds = time.perf_counter() - began
            if self._metrics is not None:
                # strangers choose no names, of which only so many are counted apart
                self._metrics.request(context.operation if context is not None and actor is not None else "", status, seconds)
            self._lines.add(
                method=scope["method"],
                path=_loggable(scope["path"]),
                operation=context.operation if context is not None else "",
                user=actor.name if actor is not None else None,
                user_id=actor.user_id if actor is not None else None,
                status=status,
                milliseconds=round(seconds * 1000, 1),
            )
