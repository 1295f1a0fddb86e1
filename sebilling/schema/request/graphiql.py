"""GraphiQL's page and the files that it needs: all from this server, so that it works without the internet and runs nothing else."""

import json
from importlib.resources import files
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route, request_response

from sebilling.compression import Compressed

_FOLDER: Final = files("sebilling.schema.request").joinpath("graphiql_assets")
_TYPES: Final = {"js": "text/javascript", "css": "text/css"}
FILES: Final = frozenset(
    {"react.js", "react-dom.js", "graphiql.js", "graphiql.css", "explorer.js", "explorer.css", "start.js", "start.css"}
)
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src data:; img-src 'self' data:; connect-src 'self';"
    " frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)


def page(operations: str) -> Response:
    """Render the page with these operations in its editor."""
    text = _FOLDER.joinpath("page.html").read_text(encoding="utf-8")
    content = text.replace("OPERATIONS", json.dumps(operations).replace("<", "\\u003c"), 1)
    return HTMLResponse(content, headers={"Content-Security-Policy": _POLICY})


def assets() -> Route:
    """Build the route of the page's files, which everybody may read."""
    return Route("/graphql/assets/{name}", Compressed(request_response(_asset)), methods=["GET"])


async def _asset(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in FILES:
        raise HTTPException(404)
    headers = {"Cache-Control": "public, max-age=86400"}
    return Response(_FOLDER.joinpath(name).read_bytes(), media_type=_TYPES[name.rpartition(".")[2]], headers=headers)
