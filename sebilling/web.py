"""The files of the web admin and of the collector's app, as built from `web/`, served by the application itself.

A page needs nothing else: its policy allows scripts, styles and connections of this server only. An address that is no file is a
screen's of the admin, which the page's own router shows; the collector's app has its screens after the `#`. See docs/decisions/0030
and 0033.
"""

import re
from importlib.resources import files
from pathlib import Path
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route, request_response

from sebilling.compression import Compressed
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
        self._files = {file.relative_to(folder).as_posix(): file for file in folder.rglob("*") if file.is_file() and file != self._page}

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
            return _page(file) if path == _SERVICE_WORKER else FileResponse(file, headers={"Cache-Control": _lifetime(path)})
        if not _SCREEN.fullmatch(path) or path.partition("/")[0] in _ROOTS_OF_OTHERS:
            raise HTTPException(404)
        return _page(self._page)


def _page(file: Path) -> FileResponse:
    """A page or the service worker, which ask for other files themselves. Kept without asking, it would never be updated."""
    return FileResponse(file, headers={"Cache-Control": "no-cache", "Content-Security-Policy": _POLICY})


def _lifetime(path: str) -> str:
    return "public, max-age=31536000, immutable" if path.startswith(_HASHED) else "public, max-age=3600"
