"""Refusals: a function of the database that does not do what it was called for raises the reason (sql/refuse.sql)."""

from dataclasses import dataclass
from typing import Final

import asyncpg

_SQLSTATE: Final = "SB001"


@dataclass
class RefusedInSql(Exception):
    """A function of the database refused, and nothing of its statement stays. Its caller turns the reason into an error of the domain."""

    reason: str
    fact: str
    """What the reason is about, such as an id; empty if there is nothing."""


def refusal_of(error: BaseException | None) -> RefusedInSql | None:
    """The refusal that a driver's error tells; None if it is another error."""
    if error is None or getattr(error, "sqlstate", None) != _SQLSTATE:
        return None
    raised = error if isinstance(error, asyncpg.PostgresError) else error.__cause__  # kept there by SQLAlchemy's adapter
    return RefusedInSql(str(getattr(raised, "message", "")), str(getattr(raised, "detail", None) or ""))
