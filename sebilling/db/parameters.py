"""Parameters of statements whose type PostgreSQL can't infer from where they stand."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import BigInteger, BindParameter, DateTime, bindparam
from sqlalchemy.dialects.postgresql import ARRAY


def instant(name: str) -> BindParameter[datetime]:
    """Return the parameter `name` of a statement, for an aware instant (`timestamptz`)."""
    return bindparam(name, type_=DateTime(timezone=True))


def number(name: str) -> BindParameter[int]:
    """Return the parameter `name` of a statement, for an id or rupiah (`bigint`)."""
    return bindparam(name, type_=BigInteger())


def numbers(name: str) -> BindParameter[Sequence[int]]:
    """Return the parameter `name` of a statement, for a list of ids (`bigint[]`)."""
    return bindparam(name, type_=ARRAY(BigInteger()))


def local_day(timezone: str) -> str:
    """Return SQL for the calendar day at `:at` in the time zone that this SQL expression gives."""
    return f"(CAST(:at AS timestamptz) AT TIME ZONE {timezone})::date"
