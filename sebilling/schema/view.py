"""/graphql: who asks, in which language; answers encoded by orjson, errors mapped at this one edge."""

import json
from functools import cached_property
from importlib.resources import files
from typing import Any, Final

import orjson
from cross_web import AsyncHTTPRequestAdapter, HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.http import GraphQLHTTPResponse, GraphQLRequestData
from strawberry.schema import BaseSchema
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.types import ExecutionResult
from strawberry.types.unset import UNSET

from sebilling.auth import sessions
from sebilling.errors import Language, Unavailable
from sebilling.schema.context import Context, Parts
from sebilling.schema.errors import formatted

PREFLIGHT: Final = "GraphQL-Require-Preflight"
"""Makes browsers ask before they send it across sites; the specification of multipart requests knows no other defence."""

_NO_REQUEST: Final = (
    "This isn't a GraphQL request: send a JSON object with query and variables, or operations, map and files as the specification"
    " of multipart requests says."
)


class GraphQLView(GraphQL[Context, None]):
    """Strawberry's view with our context, errors and encoding. Mutations by GET are refused by Strawberry."""

    def __init__(self, schema: BaseSchema, parts: Parts) -> None:
        super().__init__(
            schema,
            graphql_ide="graphiql" if parts.settings.graphiql else None,
            subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL,),
            multipart_uploads_enabled=True,
        )
        self._parts = parts

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> Context:  # noqa: ARG002 - Strawberry's signature
        """Who asks, by the bearer token: one statement. A dead database is told by the fields, not here."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        context = Context(
            parts=self._parts, at=self._parts.clock(), language=_language(request), actor=None,
            token=token.strip() if scheme.lower() == "bearer" and token.strip() else None,
        )  # fmt: skip
        request.scope["sebilling.context"] = context
        if context.token is not None:
            try:
                async with self._parts.database.reading() as session:
                    context.actor = await sessions.who(session, context.token, at=context.at)
            except Unavailable as trouble:
                context.trouble = trouble
        return context

    async def run(self, request: Any, context: Any = UNSET, root_value: Any = UNSET) -> Any:
        """The response; what was uploaded is closed, whoever has read it."""
        try:
            return await super().run(request, context, root_value)
        finally:
            if isinstance(request, Request):
                await request.close()

    async def parse_http_body(self, request: AsyncHTTPRequestAdapter) -> GraphQLRequestData | list[GraphQLRequestData]:
        """The request as it was meant. Strawberry believes in the shape of what it is sent: whatever it stumbles over is a 400."""
        try:
            return await super().parse_http_body(request)
        except (AttributeError, IndexError, KeyError, RecursionError, TypeError, ValueError) as error:
            raise HTTPException(400, _NO_REQUEST) from error

    async def parse_multipart(self, request: AsyncHTTPRequestAdapter) -> dict[str, str]:
        """The request's operations with their files. A form of another site can't send our header: refused without it."""
        if not request.headers.get(PREFLIGHT):
            raise HTTPException(400, f"Uploads need the header {PREFLIGHT}: send it with any value.")
        form = (await request.get_form_data()).form
        if not all(isinstance(form.get(name, ""), str) for name in ("operations", "map")):  # sent as files: Strawberry would copy them
            raise HTTPException(400, _NO_REQUEST)
        return await super().parse_multipart(request)

    async def process_result(self, request: Request, result: ExecutionResult) -> GraphQLHTTPResponse:
        """The answer, its errors as clients may see them."""
        answer: GraphQLHTTPResponse = {"data": result.data}
        if result.errors:
            language = _language(request)
            answer["errors"] = [formatted(error, language) for error in result.errors]
        return answer

    def encode_json(self, data: object) -> bytes:
        """Bytes of JSON."""
        return orjson.dumps(data)

    @cached_property
    def graphql_ide_html(self) -> str:
        """Strawberry's GraphiQL page, opened with prepared operations instead of its greeting."""
        page: str = super().graphql_ide_html
        before, mark, rest = page.partition("const EXAMPLE_QUERY = `")
        _, end, after = rest.partition("`;")
        if not mark or not end:
            raise RuntimeError("Strawberry's GraphiQL page has changed: prepared operations have no place in it")
        examples = (files("sebilling.schema") / "examples.graphql").read_text(encoding="utf-8")
        return f"{before}const EXAMPLE_QUERY = {json.dumps(examples)};{after}"


def _language(request: Request | WebSocket) -> Language:
    wanted: Any = request.headers.get("accept-language", "").strip().lower()
    return "id" if wanted.startswith("id") else "en"
