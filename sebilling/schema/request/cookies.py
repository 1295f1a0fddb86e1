"""Browser sign-ins: a cookie that scripts can't read and other sites can't use, and the origin of a request.

Browsers send the cookie with every request that any page causes, so a request signed in by cookie must prove that it comes from one of
our own pages: by a header that other sites may not send without a preflight, and by its Origin. A bearer token is proof by itself.
"""

from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection
from starlette.responses import Response

from sebilling.auth.addresses import Network, origin
from sebilling.language import Sentence
from sebilling.schema.context import Origin

PREFLIGHT: Final = "GraphQL-Require-Preflight"
"""Forces a CORS preflight for cross-site requests; the specification of multipart requests offers no other defence."""
CROSS_SITE: Final = Sentence(
    f"Requests that are signed in by cookie need the header {PREFLIGHT} (any value) and come from this server's own pages:"
    " send the header, or a bearer token instead of the cookie.",
    f"Permintaan yang masuk dengan cookie memerlukan header {PREFLIGHT} (nilai apa pun) dan harus dari halaman server ini:"
    " kirim header itu, atau token bearer sebagai pengganti cookie.",
)
_TOKEN: Final = "sebilling"  # noqa: S105 - a cookie's name
_DEVICE: Final = "sebilling_device"
_DEVICE_SECONDS: Final = 400 * 24 * 3600
"""Maximum lifetime that browsers allow for a cookie."""


def origin_of(request: HTTPConnection, *, trusted: Sequence[Network], origins: Sequence[str]) -> Origin:
    """Determine the origin of a request; `origins` are web apps on other hosts that the deployment trusts."""
    headers, peer = request.headers, request.client
    raw_scheme: str = request.scope["scheme"]
    scheme = {"ws": "http", "wss": "https"}.get(raw_scheme, raw_scheme)
    client = origin(
        peer.host if peer is not None else None, scheme, headers.getlist("x-forwarded-for"), headers.get("x-forwarded-proto", ""), trusted
    )
    return Origin(
        network=client.network, is_secure=client.is_secure, is_ours=_is_ours(request, origins, is_secure=client.is_secure),
        user_agent=headers.get("user-agent", ""), device_token=request.cookies.get(_name(_DEVICE, secure=client.is_secure)),
    )  # fmt: skip


def _is_ours(request: HTTPConnection, origins: Sequence[str], *, is_secure: bool) -> bool:
    origin = request.headers.get("origin")
    is_same = origin is not None and (origin in origins or _is_this_host(origin, request.headers.get("host", ""), is_secure=is_secure))
    if request.scope["type"] == "websocket":  # a page can't add headers to a handshake, but it always has an Origin
        return is_same
    return bool(request.headers.get(PREFLIGHT)) and (origin is None or is_same)


def _is_this_host(origin: str, host: str, *, is_secure: bool) -> bool:
    """Whether an Origin is a page of this host. With TLS, an http page is not: anyone in the network path could forge it.

    An https page is accepted without TLS: it may have ended at a proxy that is not configured as trusted.
    """
    try:
        origin_of_page = urlsplit(origin)
    except ValueError:
        return False
    if is_secure and origin_of_page.scheme != "https":
        return False
    return origin_of_page.netloc != "" and origin_of_page.netloc.lower() == host.lower()  # empty for "null": a page that hides its origin


def token_of(request: HTTPConnection, origin: Origin) -> str | None:
    """The token in the sign-in cookie; None if there is none."""
    return request.cookies.get(_name(_TOKEN, secure=origin.is_secure)) or None


def keep(response: Response, origin: Origin, *, token: str, device_token: str, seconds: int) -> None:
    """Set the sign-in cookie and the device cookie."""
    for name, value, age in ((_TOKEN, token, seconds), (_DEVICE, device_token, _DEVICE_SECONDS)):
        response.set_cookie(
            _name(name, secure=origin.is_secure), value, max_age=age, path="/", secure=origin.is_secure, httponly=True, samesite="strict"
        )


def forget(response: Response, origin: Origin) -> None:
    """Delete the sign-in cookie. The device cookie stays."""
    response.delete_cookie(_name(_TOKEN, secure=origin.is_secure), path="/", secure=origin.is_secure, httponly=True, samesite="strict")


def _name(name: str, *, secure: bool) -> str:
    """Name of a cookie; over TLS with the prefix that keeps other hosts and unencrypted pages from setting it."""
    return f"__Host-{name}" if secure else name
