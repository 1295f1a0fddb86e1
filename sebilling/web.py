"""The files of the web admin and of the collector's app, as built from `web/`, served by the application itself.

A page needs nothing else: its policy allows scripts, styles and connections of this server only. An address that is no file is a
screen's of the admin, which the page's own router shows; the collector's app has its screens after the `#`. See docs/decisions/0030
and 0033.
"""

import mimetypes
import re
from importlib.resources import files
from pathlib import Path
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route, request_response

from sebilling.compression import Compressed, prefers_brotli
from sebilling.language import Sentence, preferred

_FOLDER: Final = Path(str(files("sebilling"))) / "web_files"
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; connect-src 'self';"
    " frame-src 'self' blob:; manifest-src 'self'; worker-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_NO_WEB: Final = Sentence(
    "The web app isn't part of this installation. The API is at /graphql.",
    "Aplikasi web tidak ada dalam pemasangan ini. API ada di /graphql.",
)
_SCREEN: Final = re.compile(r"[a-z0-9_/-]{0,200}")
"""Address of a screen."""
_COLLECTOR: Final = "kolektor"
"""Folder of the collector's app."""
_ROOTS_OF_OTHERS: Final = frozenset({"graphql", "downloads", "healthz", "readyz", "assets", "tagihan", _COLLECTOR})
"""First parts of addresses that are never a screen's."""
_OF_COLLECTOR: Final = {f"{_COLLECTOR}/": f"{_COLLECTOR}/index.html", f"{_COLLECTOR}/index.html": f"{_COLLECTOR}/index.html"}
"""Addresses of the collector's page; its service worker asks for it by the second."""
_SERVICE_WORKER: Final = f"{_COLLECTOR}/sw.js"
_ASKING: Final = {"Cache-Control": "no-cache", "Content-Security-Policy": _POLICY}
"""Of a page or the service worker, which ask for other files themselves. Kept without asking, they would never be updated."""
_BROTLI: Final = ".br"
"""What the name of a file's compressed copy ends with. The build makes the copies, so the server compresses no file for each request."""
_HASHED: Final = ("assets/", f"{_COLLECTOR}/assets/")
"""Folders of files whose names have their content's hash."""


def is_built() -> bool:
    """Whether this installation has the web app."""
    return (_FOLDER / "index.html").is_file()


def routes(folder: Path = _FOLDER) -> list[Route]:
    """Return the routes of the web app: its files, and its page for every other address."""
    screens = _WebApp(folder)
    return [Route("/{path:path}", Compressed(request_response(screens.answer)), methods=["GET"])]


class _WebApp:
    def __init__(self, folder: Path) -> None:
        self._page = folder / "index.html"
        # Looked up by name: an address never becomes a path.
        by_name = {file.relative_to(folder).as_posix(): file for file in folder.rglob("*") if file.is_file() and file != self._page}
        self._files = {name: file for name, file in by_name.items() if file.suffix != _BROTLI}
        self._brotli = {name.removesuffix(_BROTLI): file for name, file in by_name.items() if file.suffix == _BROTLI}

    async def answer(self, request: Request) -> Response:
        """The file, or the page. Raises HTTPException 404."""
        path: str = request.path_params["path"]
        if not self._page.is_file():
            if path:
                raise HTTPException(404)
            return PlainTextResponse(_NO_WEB.in_(preferred(request.headers.get("accept-language", ""))))
        if path == _COLLECTOR:
            return RedirectResponse(f"/{_COLLECTOR}/")
        if (page := self._files.get(_OF_COLLECTOR.get(path, ""))) is not None:
            return _page(page)
        if (file := self._files.get(path)) is not None:
            return self._answered(path, file, request.headers.get("accept-encoding", ""))
        if not _SCREEN.fullmatch(path) or path.partition("/")[0] in _ROOTS_OF_OTHERS:
            raise HTTPException(404)
        return _page(self._page)

    def _answered(self, path: str, file: Path, accept_encoding: str) -> FileResponse:
        headers = _ASKING if path == _SERVICE_WORKER else {"Cache-Control": _lifetime(path)}
        if (compressed := self._brotli.get(path)) is None:
            return FileResponse(file, headers=headers)
        headers = {**headers, "Vary": "Accept-Encoding"}
        if not prefers_brotli(accept_encoding):
            return FileResponse(file, headers=headers)
        return FileResponse(compressed, media_type=mimetypes.guess_type(file)[0], headers={**headers, "Content-Encoding": "br"})


def _page(file: Path) -> FileResponse:
    return FileResponse(file, headers=_ASKING)


def _lifetime(path: str) -> str:
    return "public, max-age=31536000, immutable" if path.startswith(_HASHED) else "public, max-age=3600"
