"""What every request passes on its way in and every answer on its way out: sizes, hosts, headers, the log."""

import ipaddress
import time
from collections.abc import Sequence
from typing import Final

import orjson
from starlette.datastructures import Headers as RequestHeaders
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sebilling.auth import addresses
from sebilling.config import Settings
from sebilling.errors import InvalidSetting
from sebilling.logs import get_logger
from sebilling.storage.proofs import MAX_PROOF_BYTES

_log = get_logger(__name__)
MAX_BODY_BYTES: Final = 256 * 1024
_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
_OPEN_PATHS: Final = ("/healthz", "/readyz")
"""They tell nothing, and what probes them goes by any name."""
_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"),
    (b"cache-control", b"no-store"),
)
_ONLY_BY_TLS: Final = (b"strict-transport-security", b"max-age=31536000")
"""For a year."""


def _entries(given: str) -> list[str]:
    return [one for one in (part.strip().lower() for part in given.split(",")) if one]


def cors_origins(settings: Settings) -> Sequence[str]:
    """The origins that may ask from elsewhere, as browsers write them. Raises InvalidSetting for what is none."""
    origins = [one.rstrip("/") for one in _entries(settings.allowed_origins)]
    for one in origins:
        scheme, _, host = one.partition("://")
        if scheme not in {"http", "https"} or not host or "/" in host or "*" in host:
            why = f"'{one}' is no origin: write scheme and host, such as https://app.isp.id; there is no wildcard."
            raise InvalidSetting(setting="SEBILLING_ALLOWED_ORIGINS", why=why)
    return origins


def proxies(settings: Settings) -> Sequence[addresses.Network]:
    """The networks whose proxies are believed. Raises InvalidSetting for what is none."""
    try:
        return addresses.networks(settings.trusted_proxies)
    except ValueError as error:
        why = f"{error}: write the proxies' addresses, such as 127.0.0.1, with commas."
        raise InvalidSetting(setting="SEBILLING_TRUSTED_PROXIES", why=why) from error


MAX_PROXIES: Final = 16
"""Addresses of one trusted network: a wider one holds more than proxies."""


def warn_of_wide_networks(trusted: Sequence[addresses.Network]) -> None:
    """Tell in the log of each network that holds more than proxies: whoever has an address in it chooses the one that we see."""
    for network in trusted:
        if network.num_addresses > MAX_PROXIES:
            remedy = "name the proxy's own address in SEBILLING_TRUSTED_PROXIES: any client in this network can choose its address"
            _log.warning("wide_trusted_proxies", network=str(network), remedy=remedy)


def bad_request(message: str, status: int) -> Response:
    """A refusal in the shape of a GraphQL answer."""
    return Response(
        orjson.dumps({"errors": [{"message": message, "extensions": {"code": "BAD_REQUEST"}}]}), status, media_type="application/json"
    )


class Hosts:
    """Only names that this server goes by are answered, so that a page of a stranger whose name leads here can ask for nothing."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        given = _entries(settings.allowed_hosts)
        own = [] if settings.host in {"0.0.0.0", "::"} else [settings.host.lower()]  # noqa: S104 - compared, not bound
        self._any = "*" in given
        self._names = {*_LOOPBACK, *own, *given}
        self._suffixes = tuple(one[1:] for one in given if one.startswith("*."))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or self._any or scope["path"] in _OPEN_PATHS or self._is_ours(scope):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": "this server doesn't go by that name"})
        else:
            why = "This server doesn't go by the name in the Host header: use another, or name it in SEBILLING_ALLOWED_HOSTS."
            await bad_request(why, 421)(scope, receive, send)

    def _is_ours(self, scope: Scope) -> bool:
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        if len(hosts) != 1:
            return False
        name = _without_port(hosts[0].decode("latin-1").lower())
        return name in self._names or (bool(self._suffixes) and name.endswith(self._suffixes))


def _without_port(host: str) -> str:
    if not host.startswith("["):
        return host.partition(":")[0].removesuffix(".")
    try:
        return str(ipaddress.ip_address(host[1:].partition("]")[0]))
    except ValueError:
        return ""


class Headers:
    """What tells browsers to be careful, on every answer that doesn't say it itself."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._proxies = proxies(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = message.get("headers", ())
                said = {name for name, _ in given}
                added = [header for header in _HEADERS if header[0] not in said]
                if self._is_secure(scope):
                    added.append(_ONLY_BY_TLS)
                message = {**message, "headers": [*given, *added]}
            await send(message)

        await self._app(scope, receive, answer)

    def _is_secure(self, scope: Scope) -> bool:
        if not self._proxies or scope["scheme"] == "https" or not scope["client"]:
            return bool(scope["scheme"] == "https")
        told = RequestHeaders(scope=scope).get("x-forwarded-proto", "")
        return addresses.origin(scope["client"][0], scope["scheme"], (), told, self._proxies).is_secure


class BodyLimits:
    """Documents are small; only a multipart request may bring a file. What is too large is answered 413 and never kept."""

    def __init__(self, app: ASGIApp) -> None:
        self._document = RequestBodyLimitMiddleware(app, MAX_BODY_BYTES)
        self._upload = RequestBodyLimitMiddleware(app, MAX_PROOF_BYTES + MAX_BODY_BYTES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_upload = any(name == b"content-type" and value.startswith(b"multipart/form-data") for name, value in scope["headers"])
        limited, most = (self._upload, MAX_PROOF_BYTES + MAX_BODY_BYTES) if is_upload else (self._document, MAX_BODY_BYTES)
        is_told = False

        async def answer(message: Message) -> None:
            nonlocal is_told
            if message["type"] == "http.response.start" and message["status"] == 413:
                is_told = True
                await bad_request(f"The request is larger than {most} bytes: send less at a time.", 413)(scope, receive, send)
            elif not is_told:
                await send(message)

        await limited(scope, receive, answer)


class UnreadBodies:
    """Whoever is answered before their body was read to its end is hung up on: the server would go on taking gigabytes for nobody."""

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
    """The path without what opens anything: the token of a download."""
    return "/downloads/…" if path.startswith("/downloads/") else path


class RequestLog:
    """One line per request: what was asked, by whom, how it ended and how long it took."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

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
            _log.info(
                "request",
                method=scope["method"],
                path=_loggable(scope["path"]),
                operation=context.operation if context is not None else "",
                user=actor.name if actor is not None else None,
                user_id=actor.user_id if actor is not None else None,
                status=status,
                milliseconds=round((time.perf_counter() - began) * 1000, 1),
            )
