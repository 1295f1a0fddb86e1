"""Structured logs: an event's name and fields, one line each, on standard error. Never a secret.

Nothing of ours logs one; `redacted` is the second wall, for what libraries say and what a later change forgets.
"""

import functools
import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, Final

import structlog
from structlog.typing import Processor

_SECRET_NAME: Final = re.compile(
    r"pass(?:word|wd|phrase)|secret|token|authori[sz]ation|cookie|credential|private_?key|api_?key|recovery|totp|csrf", re.IGNORECASE
)
_SECRET_TEXT: Final = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*://)[^\s/@\"']+@"  # user and password of an address
    r"|(?P<bearer>\b(?:bearer|basic)\s+)[\w.~+/=-]+"
    r"|\bsb[a-z]_[\w-]{8,}"  # tokens of ours
    r"|(?P<download>/downloads/)[^\s\"'?]+"
    r"|(?P<named>\b(?:password|passwd|secret|token|api_?key|authorization)[\"']?\s*[=:]\s*[\"']?)[^\s\"',&;)}]+",
    re.IGNORECASE,
)
_HIDDEN: Final = "[hidden]"
_DEEPEST: Final = 6


def redacted(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: hides values whose name says that they are secret, and what looks like one within any text."""
    for name, value in event.items():
        event[name] = _without_secrets(name, value, 0)
    return event


@functools.lru_cache(maxsize=1_000)
def _is_secret(name: str) -> bool:
    return _SECRET_NAME.search(name) is not None


def _without_secrets(name: str, value: Any, level: int) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if level > _DEEPEST or _is_secret(name):
        return _HIDDEN
    if isinstance(value, str):
        return _SECRET_TEXT.sub(_kept_part, value)
    if isinstance(value, dict):
        return {key: _without_secrets(str(key), one, level + 1) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_without_secrets("", one, level + 1) for one in value]
    return value


def _kept_part(found: re.Match[str]) -> str:
    if found["scheme"]:
        return f"{found['scheme']}{_HIDDEN}@"
    return next((one for one in (found["bearer"], found["download"], found["named"]) if one), "") + _HIDDEN


def set_up(*, level: str, style: str) -> None:
    """Send our own and the libraries' logs through one pipe: JSON lines (`style="json"`) or text (`"console"`)."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        redacted,
    ]
    # plain: tracebacks in colour print local variables, passwords among them
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
    # Strawberry logs every GraphQL error with its whole cause; schema.errors logs the unexpected ones, with a reference.
    logging.getLogger("strawberry.execution").disabled = True


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """The logger of the module `name`."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger
