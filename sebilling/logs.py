"""Structured logs on standard error: the event's name and fields, one line each, without secrets and of bounded size.

SeBilling's own code logs no secret; `redacted` is a second layer, for what libraries log and what a later change forgets. Input of
strangers ends up in fields (paths, operation names), so every field is truncated, and every regular expression on fields is linear.

A traceback is truncated too, and for one kind of error (its event, type and location) only the first few per minute are printed:
a database that is down would fill the disk otherwise. Lines without a traceback are never dropped: each keeps its reference.
"""

import asyncio
import functools
import logging
import re
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final

import orjson
import structlog
from structlog.typing import Processor

from sebilling.clock import system_clock

MAX_FIELD_CHARACTERS: Final = 200
MAX_EVENT_CHARACTERS: Final = 500
"""Limit for the sentence that a library logs; our own events are single words."""
MAX_TRACEBACK_CHARACTERS: Final = 6_000
MAX_ITEMS: Final = 50
"""Items logged of a list or an object in a field."""
TRACEBACKS_PER_MINUTE: Final = 5
"""Limit for one kind of error."""
MAX_KINDS: Final = 200
"""Kinds of errors that are counted separately; all others are counted as one."""
_MINUTE_SECONDS: Final = 60.0
_SEARCHED: Final = 2_000
"""Characters of a field that are searched for secrets: enough to find a secret whole that begins in the logged part."""
_SECRET_NAME: Final = re.compile(
    r"pass(?:word|wd|phrase)|secret|token|authori[sz]ation|cookie|credential|private_?key|api_?key|recovery|totp|csrf", re.IGNORECASE
)
_SECRET_TEXT: Final = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]{0,30}://)[^\s/@\"']{1,500}@"  # user and password in a URL
    r"|(?P<bearer>\b(?:bearer|basic)\s{1,20})[\w.~+/=-]+"
    r"|\bsb[a-z]_[\w-]{8,}"  # our own tokens
    r"|(?P<download>/(?:downloads|tagihan|mulai)/)[^\s\"'?]+"
    r"|(?P<named>\b(?:password|passwd|secret|token|api_?key|authorization)[\"']?\s{0,20}[=:]\s{0,20}[\"']?)[^\s\"',&;)}]+",
    re.IGNORECASE,
)
_HIDDEN: Final = "[hidden]"
_style = ""
"""Style set by `set_up`."""
_DEEPEST: Final = 6


def redacted(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Truncate every field, and hide values with a secret's name and text that looks like a secret. A structlog processor."""
    for name, value in event.items():
        if name == "exception" and isinstance(value, str):
            event[name] = _traceback_without_secrets(value)
        elif not name.startswith("_"):  # structlog's own fields
            event[name] = _without_secrets(name, value, 0)
    return event


@functools.lru_cache(maxsize=1_000)
def _is_secret(name: str) -> bool:
    return _SECRET_NAME.search(name) is not None


def _without_secrets(name: str, value: Any, level: int) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return _HIDDEN if value is not None and not isinstance(value, bool) and _is_secret(name[:MAX_FIELD_CHARACTERS]) else value
    if level > _DEEPEST or _is_secret(name[:MAX_FIELD_CHARACTERS]):
        return _HIDDEN
    if isinstance(value, dict):
        items = list(value.items())[:MAX_ITEMS]
        return {_cut(str(key), MAX_FIELD_CHARACTERS): _without_secrets(str(key), item, level + 1) for key, item in items}
    if isinstance(value, list | tuple | set | frozenset):
        return [_without_secrets("", item, level + 1) for item in list(value)[:MAX_ITEMS]]
    return _text_without_secrets(str(value), MAX_EVENT_CHARACTERS if name == "event" else MAX_FIELD_CHARACTERS)


def _text_without_secrets(text: str, most: int) -> str:
    shown = _SECRET_TEXT.sub(_kept_part, text[:_SEARCHED])
    if len(text) > _SEARCHED and len(shown) < most:
        return _HIDDEN  # nearly all of it was secret, and the last secret may be cut in two
    return _cut(shown if len(text) <= _SEARCHED else shown + "…", most)


def _traceback_without_secrets(text: str) -> str:
    """Return the beginning and the end, where the reason is. Lines that would be cut in two are left out."""
    begin, end = text, ""
    if len(text) > MAX_TRACEBACK_CHARACTERS:
        half = MAX_TRACEBACK_CHARACTERS // 2
        begin, end = text[:half].rpartition("\n")[0] + "\n…", text[-half:].partition("\n")[2]
    return "\n".join(_text_without_secrets(line, MAX_EVENT_CHARACTERS) for line in [*begin.splitlines(), *end.splitlines()])


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _kept_part(match: re.Match[str]) -> str:
    if match["scheme"]:
        return f"{match['scheme']}{_HIDDEN}@"
    return next((part for part in (match["bearer"], match["download"], match["named"]) if part), "") + _HIDDEN


@dataclass(slots=True)
class _Count:
    """Number of errors of one kind since an instant of the monotonic clock."""

    since: float
    seen: int = 0


class Tracebacks:
    """Limit tracebacks to TRACEBACKS_PER_MINUTE per kind of error, and log how many were suppressed. A structlog processor.

    The line itself is always logged, with the error's type and location. The first line logged after the minute also causes a line
    `tracebacks_suppressed` with the number.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._counts: dict[tuple[str, str, str], _Count] = {}
        self._lock = threading.Lock()
        self._look_at = 0.0

    def __call__(self, _logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """Remove the traceback if the limit of its kind is reached."""
        error = _raised(event.get("exc_info"))
        now = self._clock()
        with self._lock:
            ended = self._ended(now)
            is_shown = error is None or self._may_show((str(event.get("event"))[:MAX_FIELD_CHARACTERS], *_kind(error)), now)
        for (name, kind, location), count in ended:
            suppressed = count.seen - TRACEBACKS_PER_MINUTE
            get_logger(__name__).warning("tracebacks_suppressed", of=name, error=kind, place=location, suppressed=suppressed)
        if error is not None and not is_shown:
            event["exc_info"] = None
            event["error_type"], event["place"] = _kind(error)
        return event

    def _may_show(self, kind: tuple[str, str, str], now: float) -> bool:
        if kind not in self._counts and len(self._counts) >= MAX_KINDS:
            kind = ("", "", "")
        count = self._counts.setdefault(kind, _Count(now))
        count.seen += 1
        self._look_at = min(self._look_at, count.since + _MINUTE_SECONDS) if self._look_at else count.since + _MINUTE_SECONDS
        return count.seen <= TRACEBACKS_PER_MINUTE

    def _ended(self, now: float) -> list[tuple[tuple[str, str, str], _Count]]:
        """Return kinds whose minute is over and that had suppressed tracebacks; restart their counts."""
        if not self._counts or now < self._look_at:
            return []
        over = {kind: count for kind, count in self._counts.items() if now >= count.since + _MINUTE_SECONDS}
        self._counts = {kind: count for kind, count in self._counts.items() if kind not in over}
        self._look_at = min((count.since + _MINUTE_SECONDS for count in self._counts.values()), default=0.0)
        return [(kind, count) for kind, count in over.items() if count.seen > TRACEBACKS_PER_MINUTE]


_errors: Counter[str] = Counter()
_OUR_EVENT: Final = re.compile(r"[a-z_]{1,60}")


def errors_logged() -> Mapping[str, int]:
    """Number of lines of the level error since the process began, by event; what libraries log is counted as `library`."""
    return dict(_errors)


def counted(_logger: object, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Count lines of the level error. A structlog processor."""
    if method in {"error", "exception", "critical"}:
        name = str(event.get("event"))
        _errors[name if _OUR_EVENT.fullmatch(name) and (name in _errors or len(_errors) < MAX_KINDS) else "library"] += 1
    return event


def _raised(exc_info: Any) -> BaseException | None:
    """Return the error that `exc_info` means: itself, the result of `sys.exc_info`, or True for the one being handled."""
    if isinstance(exc_info, tuple):
        return exc_info[1] if len(exc_info) == 3 and isinstance(exc_info[1], BaseException) else None
    if isinstance(exc_info, BaseException):
        return exc_info
    return sys.exception() if exc_info else None


def _kind(error: BaseException) -> tuple[str, str]:
    """Return the error's type and where it was raised."""
    at: TracebackType | None = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    return type(error).__name__, "" if at is None else f"{at.tb_frame.f_code.co_filename}:{at.tb_lineno}"


def set_up(*, level: str, style: str) -> None:
    """Send our own and the libraries' logs through one formatter: JSON lines (`style="json"`) or text (`"console"`)."""
    global _style  # noqa: PLW0603 - as logging's own configuration, it belongs to the process
    _style = style
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        counted,
        Tracebacks(),
        structlog.processors.format_exc_info,
        redacted,
    ]
    # plain: coloured tracebacks print local variables, such as passwords
    coloured = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    renderer: Processor = structlog.processors.JSONRenderer(ensure_ascii=False) if style == "json" else coloured
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.root.handlers = [handler]
    logging.root.setLevel(level)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    # uvicorn's access log would be a second line per request, without operation or user; ours is in app.py.
    logging.getLogger("uvicorn.access").disabled = True
    # Strawberry logs every GraphQL error with its full cause; schema.engine.errors logs the unexpected ones, with a reference.
    logging.getLogger("strawberry.execution").disabled = True


@functools.lru_cache(maxsize=1_000)
def _known_without_secrets(text: str) -> str:
    return _text_without_secrets(text, MAX_FIELD_CHARACTERS)


class RequestLines:
    """Writes the line of each request: the same as `get_logger(…).info("request", …)` would write, in a sixth of the time.

    A server writes one for each request; structlog's and logging's machinery takes a tenth of a page. The lines of one turn of the event
    loop are written together. In another style than JSON they go through structlog.
    """

    def __init__(self) -> None:
        self._waiting: list[bytes] = []
        self._log = get_logger(__name__)

    def add(self, **fields: str | float | None) -> None:
        """Add a line with these fields, of which texts are truncated and without secrets. Call it in an event loop."""
        if _style != "json":
            self._log.info("request", **fields)
            return
        if not logging.root.isEnabledFor(logging.INFO):
            return
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._write)
        shown = {name: _shown(value) for name, value in fields.items()}
        at = system_clock().isoformat().replace("+00:00", "Z")
        self._waiting.append(orjson.dumps({**shown, "event": "request", "level": "info", "timestamp": at}))

    def _write(self) -> None:
        lines, self._waiting = self._waiting, []
        sys.stderr.write(b"\n".join([*lines, b""]).decode())
        sys.stderr.flush()


def _shown(value: str | float | None) -> str | float | None:
    if not isinstance(value, str):
        return value
    return _known_without_secrets(value) if len(value) <= MAX_FIELD_CHARACTERS else _text_without_secrets(value, MAX_FIELD_CHARACTERS)


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """Return the logger of the module `name`."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger
