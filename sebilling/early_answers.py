"""Middleware that answers known documents of bearers before the rest of the application, where half of such a request's time would go.

It takes only requests for which everything in between would do nothing: a small JSON body, a host of ours, a bearer token, and no header
that another part of the server reads. The caller, the limits, the rights and the answer come from the endpoint's own functions; a test
compares status, headers and body with the ordinary path. Whatever is unusual is passed on from its beginning: a query changes nothing, and
a mutation only before it has begun. An unexpected error is passed on to be told, not to be met again. See docs/decisions/0024.
"""

from collections.abc import Mapping
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sebilling.auth import addresses
from sebilling.compression import Compressed
from sebilling.config import Settings
from sebilling.edge import MAX_BODY_BYTES, ONLY_BY_TLS, SECURITY_HEADERS, HostNames
from sebilling.errors import SebillingError
from sebilling.language import preferred
from sebilling.schema.context import CONTEXT, Origin
from sebilling.schema.request import negotiation
from sebilling.schema.request.endpoint import FAILED, GraphQLView
from sebilling.schema.request.fast_path import KnownRequest

_READ_HERE: Final = frozenset({
    b"host", b"content-type", b"content-length", b"authorization", b"accept", b"accept-encoding", b"accept-language", b"user-agent",
})  # fmt: skip
_READ_NOWHERE: Final = frozenset({
    b"connection", b"keep-alive", b"cache-control", b"pragma", b"dnt", b"priority", b"te", b"traceparent", b"tracestate", b"baggage",
    b"apollographql-client-name", b"apollographql-client-version", b"x-apollo-operation-name", b"x-apollo-operation-id",
})  # fmt: skip
_ACCEPTED: Final = (b"", b"*/*", negotiation.JSON.encode())
"""Values of Accept that mean plain JSON; others are negotiated on the ordinary path."""
_JSON: Final = (b"content-type", b"application/json")
_VARY: Final = (b"vary", b"Accept")


class EarlyAnswers:
    """Answer known documents here, and pass on everything else."""

    def __init__(self, app: ASGIApp, *, view: GraphQLView, settings: Settings) -> None:
        self._app = app
        self._view = view
        self._hosts = HostNames(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on with what was read of it."""
        headers = self._plain(scope)
        if headers is None:
            await self._app(scope, receive, send)
            return
        read = [await receive()]
        while read[-1].get("more_body"):
            read.append(await receive())
        if all(message["type"] == "http.request" for message in read):
            content = await self._content(scope, headers, b"".join(message.get("body", b"") for message in read))
            if content is not None:
                await self._answer(content, headers)(scope, receive, send)
                return

        async def again() -> Message:
            return read.pop(0) if read else await receive()

        await self._app(scope, again, send)

    def _plain(self, scope: Scope) -> Mapping[bytes, bytes] | None:
        """The headers of a request that may be answered here; None for any other."""
        if scope["type"] != "http" or scope["method"] != "POST" or scope["path"] != "/graphql" or scope["query_string"]:
            return None
        headers: dict[bytes, bytes] = {}
        for name, value in scope["headers"]:
            if name in _READ_HERE:
                if name in headers:
                    return None
                headers[name] = value
            elif name not in _READ_NOWHERE:
                return None
        is_plain = (
            headers.get(b"content-type") == b"application/json"
            and headers.get(b"authorization", b"")[:7] == b"Bearer "
            and headers.get(b"accept", b"") in _ACCEPTED
            and (length := headers.get(b"content-length", b"")).isdigit()
            and len(length) < 10
            and int(length) <= MAX_BODY_BYTES
            and self._hosts.include(headers.get(b"host", b""))
        )
        return headers if is_plain else None

    async def _content(self, scope: Scope, headers: Mapping[bytes, bytes], body: bytes) -> bytes | None:
        """The answer; None if the ordinary path must give it, or tell why there is none."""
        try:
            request = self._view.known_request(body)
            return None if request is None else await self._known(request, scope, headers)
        except SebillingError:
            return None
        except Exception as error:  # noqa: BLE001 - the endpoint masks it, and logs it with a reference
            scope[FAILED] = error
            return None

    async def _known(self, request: KnownRequest, scope: Scope, headers: Mapping[bytes, bytes]) -> bytes | None:
        """The answer to a known document. Raises as `GraphQLView.known_answer`."""
        client = scope["client"]
        origin = Origin(
            network=addresses.network_of(client[0] if client else None), is_secure=scope["scheme"] == "https",
            user_agent=headers.get(b"user-agent", b"").decode("latin-1"),
        )  # fmt: skip
        language = preferred(headers.get(b"accept-language", b"").decode("latin-1"))
        context = self._view.context(origin, language, headers[b"authorization"][7:].decode("latin-1").strip())
        scope[CONTEXT] = context
        await self._view.identify(context)
        if context.actor is None or context.is_stale:  # something is to be told, or to be done after the answer
            return None
        return await self._view.known_answer(request, context, scope)

    def _answer(self, content: bytes, headers: Mapping[bytes, bytes]) -> ASGIApp:
        """The response, as an application of its own."""

        async def answer(scope: Scope, _: Receive, send: Send) -> None:
            fields = [_JSON, (b"content-length", str(len(content)).encode()), _VARY, *SECURITY_HEADERS]
            if scope["scheme"] == "https":
                fields.append(ONLY_BY_TLS)
            await send({"type": "http.response.start", "status": 200, "headers": fields})
            await send({"type": "http.response.body", "body": content})

        return Compressed(answer) if b"accept-encoding" in headers else answer
