"""What a browser needs: a cookie that scripts can't read and other sites can't use, and where a request comes from.

A cookie goes along with whatever request a page causes, so one that is signed in by cookie must show that it comes from a page of
ours: by a header that no page of another site may send unasked, and by its Origin. A bearer token proves that by itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection
from starlette.responses import Response

from sebilling.auth.addresses import Network, origin

PREFLIGHT: Final = "GraphQL-Require-Preflight"
"""Makes browsers ask before they send it across sites; the specification of multipart requests knows no other defence."""
CROSS_SITE: Final = (
    f"Requests that are signed in by cookie need the header {PREFLIGHT} (any value) and come from this server's own pages:"
    " send the header, or a bearer token instead of the cookie."
)
_TOKEN: Final = "sebilling"  # noqa: S105 - a cookie's name
_DEVICE: Final = "sebilling_device"
_DEVICE_SECONDS: Final = 400 * 24 * 3600
"""Browsers keep no cookie for longer."""


@dataclass(frozen=True, slots=True)
class Origin:
    """How a request came."""

    network: str = "unknown"
    """Of the client; see auth/addresses.py."""
    is_secure: bool = False
    """By TLS, as far as we and the proxies that we trust know."""
    is_ours: bool = False
    """It can't have been caused by a page of another site."""
    user_agent: str = ""
    """As it was sent, not to be shown like that: see `entry.called`."""
    device_token: str | None = None
    """Of the device's cookie."""


def origin_of(request: HTTPConnection, *, trusted: Sequence[Network], origins: Sequence[str]) -> Origin:
    """How the request came; `origins` are web apps elsewhere that the deployment trusts."""
    headers, peer = request.headers, request.client
    told: str = request.scope["scheme"]
    scheme = {"ws": "http", "wss": "https"}.get(told, told)
    found = origin(
        peer.host if peer is not None else None, scheme, headers.getlist("x-forwarded-for"), headers.get("x-forwarded-proto", ""), trusted
    )
    return Origin(
        network=found.network, is_secure=found.is_secure, is_ours=_is_ours(request, origins, is_secure=found.is_secure),
        user_agent=headers.get("user-agent", ""), device_token=request.cookies.get(_name(_DEVICE, secure=found.is_secure)),
    )  # fmt: skip


def _is_ours(request: HTTPConnection, origins: Sequence[str], *, is_secure: bool) -> bool:
    given = request.headers.get("origin")
    is_same = given is not None and (given in origins or _is_this_host(given, request.headers.get("host", ""), is_secure=is_secure))
    if request.scope["type"] == "websocket":  # a handshake has no headers of the page's, but always its origin
        return is_same
    return bool(request.headers.get(PREFLIGHT)) and (given is None or is_same)


def _is_this_host(given: str, host: str, *, is_secure: bool) -> bool:
    """Whether an Origin is of a page of this host. Behind TLS, one without it isn't: whoever sits on the line can write such a page.

    Not the other way round: where TLS ends at a proxy that nobody has named, we don't know of it.
    """
    try:
        origin_of_page = urlsplit(given)
    except ValueError:
        return False
    if is_secure and origin_of_page.scheme != "https":
        return False
    return origin_of_page.netloc != "" and origin_of_page.netloc.lower() == host.lower()  # none in "null": a page that hides its own


def token_of(request: HTTPConnection, origin: Origin) -> str | None:
    """The token of the sign-in's cookie."""
    return request.cookies.get(_name(_TOKEN, secure=origin.is_secure)) or None


def keep(response: Response, origin: Origin, *, token: str, device_token: str, seconds: int) -> None:
    """Make the browser keep the sign-in, and that it has signed in here before."""
    for name, value, age in ((_TOKEN, token, seconds), (_DEVICE, device_token, _DEVICE_SECONDS)):
        response.set_cookie(
            _name(name, secure=origin.is_secure), value, max_age=age, path="/", secure=origin.is_secure, httponly=True, samesite="strict"
        )


def forget(response: Response, origin: Origin) -> None:
    """Make the browser forget the sign-in. That it has signed in here before it keeps."""
    response.delete_cookie(_name(_TOKEN, secure=origin.is_secure), path="/", secure=origin.is_secure, httponly=True, samesite="strict")


def _name(name: str, *, secure: bool) -> str:
    """By TLS, with the prefix that keeps other hosts and unencrypted pages from setting it."""
    return f"__Host-{name}" if secure else name
