"""Slow statements: logged with their duration and who sent them. Values are never logged: they are bound, so the text has none."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from sebilling.logs import MAX_FIELD_CHARACTERS, get_logger

_log = get_logger(__name__)
sender: Final[ContextVar[str]] = ContextVar("sender", default="")
"""Name of the request's operation, or of the worker's job; empty before it is known."""
_BEGAN: Final = "sebilling.began"


class SlowStatements:
    """Logs statements that take `milliseconds` or more, also those that failed."""

    def __init__(self, milliseconds: int) -> None:
        self._seconds = milliseconds / 1000

    @contextmanager
    def timed(self, statement: str) -> Iterator[None]:
        """Time a statement that the block executes."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self._ended(statement, began)

    def listen(self, engine: AsyncEngine) -> None:
        """Time the statements of an engine, without those of COPY."""

        def begin(connection: Any, *_: object) -> None:
            connection.info[_BEGAN] = time.perf_counter()

        def end(connection: Any, _cursor: object, statement: str, *_: object) -> None:
            self._ended(statement, connection.info.pop(_BEGAN))

        def fail(context: Any) -> None:
            if context.connection is not None and (began := context.connection.info.pop(_BEGAN, None)) is not None:
                self._ended(context.statement or "", began)

        event.listen(engine.sync_engine, "before_cursor_execute", begin)
        event.listen(engine.sync_engine, "after_cursor_execute", end)
        event.listen(engine.sync_engine, "handle_error", fail)

    def _ended(self, statement: str, began: float) -> None:
        seconds = time.perf_counter() - began
        if seconds >= self._seconds:
            shown = " ".join(statement[: 10 * MAX_FIELD_CHARACTERS].split())
            _log.warning("slow_statement", operation=sender.get(), milliseconds=round(seconds * 1000, 1), statement=shown)
