"""Batches: the reads that one request asks for at the same time, in one statement: one round trip, and one snapshot of the database.

A screen's document has several root fields. Their resolvers begin in the same turn of the event loop, so that the first of them can wait
for the others by yielding once. Each read gives one text or none, so that a statement can give several: `SELECT (…), (…)`.
"""

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from sqlalchemy import TextClause, text

from sebilling.db.engine import Database
from sebilling.errors import Unavailable

_MAX_READS: Final = 12
"""Maximum number of reads in one statement, which is planned as a whole."""
_PARAMETER: Final = re.compile(r"(?<![:\w\\]):(\w+)(?!:)")
"""A parameter of a TextClause, as SQLAlchemy finds it."""


@dataclass(frozen=True, slots=True)
class _Read:
    statement: TextClause
    parameters: Mapping[str, object]
    is_searched: bool
    result: asyncio.Future[str | None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class ReadBatch:
    """Collects the reads of one request. Belongs to one event loop."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: list[_Read] = []

    async def text(self, statement: TextClause, parameters: Mapping[str, object], *, is_searched: bool, is_alone: bool) -> str | None:
        """The only value of the only row of a read, as text; None without a row. A row's null is None too.

        `is_searched`: it is to be planned for the values of its parameters. `is_alone`: no other read will come with it.
        Raises DatabaseUnavailable, SumOutOfRange.
        """
        if is_alone:
            return await self._alone(statement, parameters, is_searched=is_searched)
        read = _Read(statement, parameters, is_searched)
        self._waiting.append(read)
        if len(self._waiting) == 1:
            await asyncio.sleep(0)
            reads, self._waiting = self._waiting, []
            try:
                for first in range(0, len(reads), _MAX_READS):
                    await self._run(reads[first : first + _MAX_READS])
            finally:
                for left in reads:  # nobody waits for what doesn't come
                    left.result.cancel()
        return await read.result

    async def _run(self, reads: Sequence[_Read]) -> None:
        """Set the result of each read."""
        try:
            texts = await self._together(reads)
        except Unavailable as error:
            for read in reads:
                read.result.set_exception(error)
            return
        except Exception:  # noqa: BLE001 - each alone tells its own error
            texts = [await self._outcome(read) for read in reads]
        for read, value in zip(reads, texts, strict=True):
            if isinstance(value, Exception):
                read.result.set_exception(value)
            else:
                read.result.set_result(value)

    async def _outcome(self, read: _Read) -> str | Exception | None:
        try:
            return await self._alone(read.statement, read.parameters, is_searched=read.is_searched)
        except Exception as error:  # noqa: BLE001 - raised where the read is awaited
            return error

    async def _together(self, reads: Sequence[_Read]) -> Sequence[str | Exception | None]:
        if len(reads) == 1:
            return [await self._alone(reads[0].statement, reads[0].parameters, is_searched=reads[0].is_searched)]
        statement = _together(tuple(read.statement for read in reads))
        parameters = {f"{name}_{number}": value for number, read in enumerate(reads) for name, value in read.parameters.items()}
        return (await self._rows(statement, parameters, is_searched=any(read.is_searched for read in reads)))[0]

    async def _alone(self, statement: TextClause, parameters: Mapping[str, object], *, is_searched: bool) -> str | None:
        rows = await self._rows(statement, parameters, is_searched=is_searched)
        return rows[0][0] if rows else None

    async def _rows(self, statement: TextClause, parameters: Mapping[str, object], *, is_searched: bool) -> Sequence[Sequence[str | None]]:
        if not is_searched:
            return await self._database.fetch(statement, parameters)
        async with self._database.reading() as session:
            return await session.rows(statement, parameters)


@lru_cache(maxsize=1_000)
def _together(statements: tuple[TextClause, ...]) -> TextClause:
    """One statement with the value of each, whose parameters have the number of the read behind their names."""
    numbered = (_PARAMETER.sub(rf":\1_{number}", statement.text) for number, statement in enumerate(statements))
    return text(f"SELECT {', '.join(f'({sql})' for sql in numbered)}")
