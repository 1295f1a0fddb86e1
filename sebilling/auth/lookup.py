"""Who asks, looked up for many requests at once.

Each request must know its user as they are now, and alone that is a fifth of a page's cost. Here requests that come while a statement
is on its way wait for the next one and share it: what each is told was read after it came, so a sign-out or a lost right counts at
once, and a request that comes alone waits for nobody. Nothing is kept.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sebilling.auth import sessions
from sebilling.auth.sessions import Live
from sebilling.db.engine import Database, translated_errors

_MOST_AT_ONCE: Final = 500
_SECONDS: Final = 10.0
"""A connection that has gone silent mustn't hold up everybody behind it for longer."""


@dataclass(slots=True, eq=False)
class _Asked:
    digest: bytes
    at: datetime
    answer: "asyncio.Future[Live | None]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Lookup:
    """Of one process. Belongs to one event loop."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: list[_Asked] = []
        self._task: asyncio.Task[None] | None = None

    async def live(self, token: str, *, at: datetime) -> Live | None:
        """The sign-in of a token that is good at `at`, read after this was called; else None. Raises DatabaseUnavailable."""
        asked = _Asked(sessions.hash_of(token), at)
        self._waiting.append(asked)
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        return await asked.answer

    async def _run(self) -> None:
        """Answer until nobody waits. Whatever goes wrong is each asker's."""
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:_MOST_AT_ONCE], self._waiting[_MOST_AT_ONCE:]
                try:
                    found = await self._read(batch)
                except Exception as error:  # noqa: BLE001 - told to each who waits for it, and handled there
                    for one in batch:
                        with suppress(asyncio.InvalidStateError):  # went away meanwhile
                            one.answer.set_exception(error)
                else:
                    for one in batch:
                        with suppress(asyncio.InvalidStateError):
                            one.answer.set_result(_good(found.get(one.digest), one.at))
        finally:
            self._task = None

    async def _read(self, batch: list[_Asked]) -> dict[bytes, Live]:
        async with translated_errors(), asyncio.timeout(_SECONDS), self._database.reading() as session:
            return await sessions.known(session, {one.digest for one in batch})


def _good(live: Live | None, at: datetime) -> Live | None:
    return live if live is not None and live.until > at else None
