"""Structured logs: an event's name and fields, one line each, on standard error. Never a secret."""

import logging
import sys

import structlog
from structlog.typing import Processor


def set_up(*, level: str, style: str) -> None:
    """Send our own and the libraries' logs through one pipe: JSON lines (`style="json"`) or text (`"console"`)."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    renderer: Processor = structlog.processors.JSONRenderer(ensure_ascii=False) if style == "json" else structlog.dev.ConsoleRenderer()
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
