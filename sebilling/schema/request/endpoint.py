"""The /graphql endpoint: identifies the caller and the language, encodes responses with orjson, and formats all errors."""

import asyncio
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any, Final

import orjson
from cross_web import AsyncHTTPRequestAdapter, HTTPException
from graphql import GraphQLError
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.http import GraphQLHTTPResponse, GraphQLRequestData
from strawberry.schema import BaseSchema
from strawberry.schema.exceptions import InvalidOperationTypeError
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.types import ExecutionResult
from strawberry.types.unset import UNSET

from sebilling.access_errors import TooManyRequests
from sebilling.auth import addresses, sessions
from sebilling.auth.sessions import Live
from sebilling.errors import DeadlineExceeded, LimitExceeded, SebillingError, Unavailable, UnknownDocument
from sebilling.language import Language, Sentence, preferred
from sebilling.limits import Limit
from sebilling.schema.context import CONTEXT, Context, Origin, Parts
from sebilling.schema.request import cookies, graphiql, negotiation, persisted_queries, refusals
from sebilling.schema.request.document_cache import Cache, cache_of
from sebilling.schema.request.errors import formatted
from sebilling.schema.request.fast_path import FastPath, KnownRequest
from sebilling.schema.request.prepared_operations import prepared_operations
from sebilling.schema.request.refusals import Refusal
from sebilling.schema.request.roles import READERS

PREFLIGHT: Final = cookies.PREFLIGHT

_NO_PREFLIGHT: Final = Sentence(
    f"Uploads need the header {PREFLIGHT}: send it with any value.", f"Unggahan memerlukan header {PREFLIGHT}: kirim dengan nilai apa pun."
)
_NO_PAGE: Final = {
    "en": "GraphiQL and the schema are for signed-in users here. Sign in at a page of this server first (signIn with cookie: true), or send"
    " 'Authorization: Bearer …' from another GraphQL client. Whoever runs the server can open both to everybody:"
    " SEBILLING_INTROSPECTION=everyone.\n",
    "id": "GraphiQL dan skema di sini hanya untuk pengguna yang sudah masuk. Masuk dulu di halaman server ini (signIn dengan cookie: true),"
    " atau kirim 'Authorization: Bearer …' dari klien GraphQL lain. Pengelola server dapat membukanya untuk semua orang:"
    " SEBILLING_INTROSPECTION=everyone.\n",
}
_NO_SUCH_DOCUMENT: Final = Sentence("no document has this documentId", "tidak ada dokumen dengan documentId ini")
_NO_DOCUMENTS: Final = Sentence("none are set here: send a query", "di sini tidak ada yang diatur: kirim query")
_LONG_NUMBER: Final = re.compile(rb"[0-9]{19}")
_LONG_NUMBER_TEXT: Final = re.compile("[0-9]{19}")
_NEVER_EXECUTED: Final = "sebilling.never_executed"
"""Key in a request's scope: its document or variables were refused before execution."""
FAILED: Final = "sebilling.failed"
"""Key in a request's scope: the error that it met before it came to the endpoint, which tells it."""
_UNTIL: Final = "sebilling.until"
"""Key in a request's scope: when its time is over, by the event loop's clock."""
_CONTENT_TYPES: Final = ("application/json", "multipart/form-data")


class GraphQLView(GraphQL[Context, None]):
    """Strawberry's view with our context, errors and encoding.

    `trusted` are the documents that clients may request by id.
    """

    def __init__(self, schema: BaseSchema, parts: Parts, trusted: Mapping[str, str] | None = None) -> None:
        super().__init__(
            schema,
            graphql_ide=None if parts.settings.introspection == "nobody" else "graphiql",
            subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL,),
            multipart_uploads_enabled=True,
            allowed_origins=parts.settings.origins,
        )
        self._parts = parts
        self._trusted = trusted or {}
        self._running: Counter[int | str] = Counter()
        self._cache = cache_of(schema) or Cache()
        self._fast = FastPath.of(schema) if parts.settings.fast_path and parts.settings.answers_from_sql else None
        self._proxies = addresses.networks(parts.settings.trusted_proxies)
        self._origins = parts.settings.origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request. Every failure becomes a GraphQL error response; no exception is shown as it was raised."""
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            _raise_failed(scope)
            response = await self._by_fast_path(request) or await self.run(request)
        except (HTTPException, StarletteHTTPException) as error:
            why = refusals.reason(error, language_of(request))
            response = _refused({"message": why, "extensions": {"code": "BAD_REQUEST"}}, error.status_code)
        except ClientDisconnect:
            response = _refused({"message": refusals.INCOMPLETE.in_(language_of(request)), "extensions": {"code": "BAD_REQUEST"}}, 400)
        except Exception as error:  # noqa: BLE001 - the outermost handler: masked, and logged with a reference
            shown = formatted(GraphQLError("", original_error=error), language_of(request))
            response = _refused(shown, 429 if isinstance(error, TooManyRequests) else 400 if isinstance(error, SebillingError) else 500)
        if response.media_type == negotiation.JSON:
            _negotiate(request, response)
        await response(scope, receive, send)

    async def _by_fast_path(self, request: Request) -> Response | None:
        """Answer a known query; None if it must take the ordinary path, from the beginning.

        Raises TooManyRequests, and as `get_context`.
        """
        headers = request.headers
        if CONTEXT in request.scope:  # tried before the middleware
            return None
        if request.method != "POST" or headers.get("content-type") != "application/json":
            return None
        if negotiation.media_type(headers.get("accept", "")) is None:
            return None
        known = self.known_request(await request.body())
        if known is None:
            return None
        with_cookies = Response()  # a mutation sets them
        context = await self.get_context(request, with_cookies)
        try:
            content = await self.known_answer(known, context, request.scope)
        except DeadlineExceeded as exceeded:
            result = ExecutionResult(data=None, errors=[GraphQLError("", original_error=exceeded)])
            content = self.encode_json(await self.process_result(request, result))
        if content is None:
            return None
        response = Response(content, media_type="application/json")
        response.raw_headers += [(name, value) for name, value in with_cookies.raw_headers if name == b"set-cookie"]
        self._note_use(context, response)
        return response

    def known_request(self, body: bytes) -> KnownRequest | None:
        """The request for a known document that this body is; None if it is anything else."""
        if self._fast is None:
            return None
        try:
            return self._fast.request(self.decode_json(body))
        except ValueError:
            return None

    async def known_answer(self, request: KnownRequest, context: Context, scope: Scope) -> bytes | None:
        """The answer to a known document as JSON; None if only the ordinary path can give it. Raises TooManyRequests, DeadlineExceeded."""
        if self._fast is None:
            return None
        with self._turn(context):
            if request.query.is_mutation:  # has no time limit: see `execute_operation`
                return await self._fast.answer(request, context)
            try:
                async with self._deadline(scope) as context.deadline:
                    return await self._fast.answer(request, context)
            except TimeoutError:
                if context.deadline is None or not context.deadline.expired():
                    raise
                raise self._exceeded() from None

    def _deadline(self, scope: Scope) -> asyncio.Timeout:
        """The time limit of a request, the same on whichever path: it begins with the first."""
        return asyncio.timeout_at(scope.setdefault(_UNTIL, asyncio.get_running_loop().time() + self._parts.settings.document_seconds))

    def _exceeded(self) -> DeadlineExceeded:
        return DeadlineExceeded(seconds=self._parts.settings.document_seconds)

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> Context:
        """Build the context, with the caller identified by bearer token or cookie.

        A cookie counts only on requests that no page of another site can cause. Otherwise a POST is refused, and the cookie is ignored
        for a GET, which may be a followed link, and for a WebSocket.
        """
        origin = cookies.origin_of(request, trusted=self._proxies, origins=self._origins)
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        context = self.context(origin, language_of(request), token.strip() if scheme.lower() == "bearer" else "")
        context.response = response if isinstance(response, Response) else None
        earlier: Context | None = request.scope.get(CONTEXT)
        request.scope[CONTEXT] = context
        if context.token is None and (by_cookie := cookies.token_of(request, origin)) is not None:
            if not origin.is_ours and isinstance(request, Request) and request.method == "POST":
                raise Refusal(403, cookies.CROSS_SITE)
            context.token = by_cookie if origin.is_ours else None
        if earlier is not None and earlier.is_identified and earlier.token == context.token:
            context.identified_as(earlier)
        else:
            await self.identify(context)
        return context

    def context(self, origin: Origin, language: Language, token: str) -> Context:
        """The context of a request whose caller isn't identified yet; `token` is empty if there is none."""
        return Context(parts=self._parts, at=self._parts.clock(), language=language, actor=None, origin=origin, token=token or None)

    async def identify(self, context: Context) -> None:
        """Look up the caller by their token, in one statement. A database failure is reported by the fields, not here."""
        context.is_identified = True
        if context.token is None:
            return
        try:
            caller = await self._parts.caller_cache.live(context.token, at=context.at)
        except Unavailable as trouble:
            context.trouble = trouble
        else:
            if caller is not None:
                context.actor, context.sign_in_id = caller.actor, caller.sign_in_id
                context.is_stale = context.at - caller.used_at >= sessions.STALE

    async def run(self, request: Any, context: Any = UNSET, root_value: Any = UNSET) -> Any:
        """Execute the request, and close its uploads in any case."""
        try:
            answer = await super().run(request, context, root_value)
            if isinstance(request, Request):
                self._note_use(request.scope.get(CONTEXT), answer)
            return answer
        finally:
            if isinstance(request, Request):
                await request.close()

    def _note_use(self, context: Context | None, answer: Response) -> None:
        """Record the use of the token after the response, at most once an hour."""
        if context is None or not context.is_stale or context.actor is None or context.token is None:
            return
        token, actor, at = context.token, context.actor, context.at

        async def write() -> None:
            with suppress(Unavailable):  # the next request records it
                await sessions.touch(self._parts.database, token, actor, at=at)

        answer.background = BackgroundTask(write)

    async def parse_http_body(self, request: AsyncHTTPRequestAdapter) -> GraphQLRequestData | list[GraphQLRequestData]:
        """Parse the request body. Strawberry does not check its shape, so any exception that it causes becomes a 400."""
        if negotiation.media_type(request.headers.get("accept", "")) is None:
            raise Refusal(406, refusals.NOT_ACCEPTABLE)  # before anything is executed
        content_type = (request.content_type or "").partition(";")[0].strip()
        if request.method == "POST" and content_type not in _CONTENT_TYPES:
            why = Sentence(
                f"Send it as application/json, or uploads as multipart/form-data, not as '{content_type[:50]}'.",
                f"Kirim sebagai application/json, atau unggahan sebagai multipart/form-data, bukan '{content_type[:50]}'.",
            )
            raise Refusal(415, why)
        try:
            data = await super().parse_http_body(request)
            data = await self._with_text(request, data) if isinstance(data, GraphQLRequestData) else data
        except (AttributeError, IndexError, KeyError, RecursionError, TypeError, ValueError) as error:
            raise Refusal(400, refusals.NO_REQUEST) from error
        if isinstance(data, GraphQLRequestData) and not isinstance(data.operation_name, str | None):
            raise Refusal(400, refusals.NO_NAME)
        return data

    async def _with_text(self, request: AsyncHTTPRequestAdapter, data: GraphQLRequestData) -> GraphQLRequestData:
        """The request with the text that it names by hash or documentId. Raises Refusal, PersistedQueryNotFound, UnknownDocument."""
        text = persisted_queries.text_of(data.query, data.extensions, texts=self._cache, trusted=self._trusted)
        if not text and (document_id := await self._document_id(request)) is not None:
            text = self._document(document_id)
        return replace(data, query=text)

    async def _document_id(self, request: AsyncHTTPRequestAdapter) -> Any:
        if request.method == "GET":
            return request.query_params.get("documentId")
        is_upload = (request.content_type or "").startswith("multipart/")
        sent: Any = self.decode_json((await request.get_form_data()).form["operations"] if is_upload else await request.get_body())
        return sent.get("documentId")

    def _document(self, wanted: Any) -> str:
        text = self._trusted.get(wanted) if isinstance(wanted, str) else None
        if text is None:
            raise UnknownDocument(why=_NO_SUCH_DOCUMENT if self._trusted else _NO_DOCUMENTS)
        return text

    def should_render_graphql_ide(self, request: Any) -> bool:
        """Whether a browser requests the GraphiQL page rather than a result."""
        return super().should_render_graphql_ide(request) and not request.query_params.keys() & {"documentId", "extensions"}

    def _validate_batch_request(self, request_data: list[GraphQLRequestData], protocol: Any) -> None:  # noqa: ARG002 - Strawberry's signature
        raise LimitExceeded(limit=Limit.BATCH, given=len(request_data), most=1)

    async def execute_operation(  # noqa: PLR0917 - Strawberry's signature
        self, request: Request, request_adapter: Any, request_data: Any, context: Context, root_value: None, sub_response: Response
    ) -> Any:
        """Execute the operation within the caller's limit of concurrent requests and the deadline. Raises TooManyRequests.

        A mutation has no deadline (`Documents` removes it): if it were interrupted in its COMMIT, nobody would know whether it was
        done. Its statements are limited by their locks, and their number by the limit of concurrent requests.
        """
        with self._turn(context):
            try:
                async with self._deadline(request.scope) as context.deadline:
                    return await super().execute_operation(request, request_adapter, request_data, context, root_value, sub_response)
            except TimeoutError:
                if context.deadline is None or not context.deadline.expired():
                    raise
                return ExecutionResult(data=None, errors=[GraphQLError("", original_error=self._exceeded())])
            except HTTPException as error:
                if isinstance(error.__cause__, InvalidOperationTypeError) and request.method == "GET":
                    raise Refusal(405, refusals.ONLY_QUERIES) from error
                raise

    @contextmanager
    def _turn(self, context: Context) -> Iterator[None]:
        """Count a request against the caller's limit of concurrent requests. Raises TooManyRequests."""
        user_id = context.actor.user_id if context.actor is not None else None
        caller = user_id if user_id is not None else context.origin.network
        most = self._parts.settings.concurrent_requests
        if self._running[caller] >= most:
            raise TooManyRequests(most=most)
        self._running[caller] += 1
        try:
            yield
        finally:
            self._running[caller] -= 1
            if not self._running[caller]:
                del self._running[caller]

    async def parse_multipart(self, request: AsyncHTTPRequestAdapter) -> dict[str, str]:
        """Parse an upload. It must have the preflight header, which forms of other sites can't send."""
        if not request.headers.get(PREFLIGHT):
            raise Refusal(400, _NO_PREFLIGHT)
        form = (await request.get_form_data()).form
        if not all(isinstance(form.get(name, ""), str) for name in ("operations", "map")):  # sent as files: Strawberry would copy them
            raise Refusal(400, refusals.NO_REQUEST)
        return await super().parse_multipart(request)

    async def process_result(self, request: Request, result: ExecutionResult) -> GraphQLHTTPResponse:
        """Build the response, with errors formatted for clients."""
        answer: GraphQLHTTPResponse = {"data": result.data}
        if result.errors:
            if result.data is None and all(error.path is None for error in result.errors):
                request.scope[_NEVER_EXECUTED] = True
                if negotiation.media_type(request.headers.get("accept", "")) == negotiation.RESPONSE_JSON:
                    del answer["data"]
            language = language_of(request)
            answer["errors"] = [formatted(error, language) for error in sorted(result.errors, key=_place)]
        return answer

    def decode_json(self, data: str | bytes) -> object:
        """Decode standard JSON: no NaN, no lone surrogates, no unlimited nesting. Raises JSONDecodeError."""
        value = orjson.loads(data)
        # orjson turns integers beyond 64 bits into floats; an error message must repeat the exact number that was sent.
        is_long = _LONG_NUMBER.search(data) if isinstance(data, bytes) else _LONG_NUMBER_TEXT.search(data)
        return json.loads(data) if is_long else value

    def encode_json(self, data: object) -> bytes:
        """Encode data as JSON."""
        return orjson.dumps(data)

    async def render_graphql_ide(self, request: Request) -> Response:
        """Render GraphiQL's page, about rows that there are if the caller may read all of them. Who may not see it gets instructions.

        The cookie counts here whatever led to the page: another site can't read it.
        """
        parts = self._parts
        caller = await self._caller_of_page(request)
        if parts.settings.introspection == "signed_in" and caller is None:
            return Response(_NO_PAGE[language_of(request)], 401, media_type="text/plain")
        with_rows = parts.is_demo or (caller is not None and caller.actor.role in READERS)
        return graphiql.page(await prepared_operations(parts.database, at=parts.clock(), with_rows=with_rows))

    async def _caller_of_page(self, request: Request) -> Live | None:
        """The caller, by token or cookie; None if nobody is signed in. Raises DatabaseUnavailable."""
        context: Context = request.scope[CONTEXT]
        token = context.token or cookies.token_of(request, context.origin)
        return None if token is None else await self._parts.caller_cache.live(token, at=context.at)


def _raise_failed(scope: Scope) -> None:
    if (failed := scope.get(FAILED)) is not None:
        raise failed


def _negotiate(request: Request, response: Response) -> None:
    """Set the media type that the client asks for; with it, a request that was never executed gets the status 400."""
    response.headers.add_vary_header("Accept")
    if negotiation.media_type(request.headers.get("accept", "")) == negotiation.RESPONSE_JSON:
        response.headers["Content-Type"] = f"{negotiation.RESPONSE_JSON}; charset=utf-8"
        if request.scope.get(_NEVER_EXECUTED) and response.status_code == 200:
            response.status_code = 400


def _refused(error: dict[str, Any], status: int) -> Response:
    headers = {429: {"Retry-After": "1"}, 405: {"Allow": "GET, POST"}}.get(status)
    return Response(orjson.dumps({"errors": [error]}), status, headers, "application/json")


def language_of(request: HTTPConnection) -> Language:
    """Return the language of a request's messages."""
    return preferred(request.headers.get("accept-language", ""))


def _place(error: GraphQLError) -> tuple[int, int]:
    """Where the field of an error stands in the document: root fields end in any order, and the answer must not depend on it."""
    return (error.locations[0].line, error.locations[0].column) if error.locations else (0, 0)
