"""Who asks, looked up for many requests at once.

Each request must know its user as they are now, and alone that is a fifth of a page's cost. Here requests that come while a statement
is on its way wait for the next one and share it: what each is told was read after it came, so a sign-out or a lost right counts at
once, and a request that comes alone waits for nobody. Nothing is kept.
"""

import asyncio
from datetime import datetime
from typing import Final

from sebilling.auth import sessions
from sebilling.auth.sessions import Live
from sebilling.db.engine import Database, translated_errors

_MAX_AT_ONCE: Final = 500
_SECONDS: Final = 10.0
"""A connection that has gone silent mustn't hold up everybody behind it for longer."""


class CallerCache:
    """Of one process. Belongs to one event loop."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: list[tuple[tuple[bytes, datetime], asyncio.Future[Live | None]]] = []
        """What is asked, and where the answer goes."""
        self._task: asyncio.Task[None] | None = None

    async def live(self, token: str, *, at: datetime) -> Live | None:
        """The sign-in of a token that is good at `at`, read after this was called; else None. Raises DatabaseUnavailable."""
        answer: asyncio.Future[Live | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(((sessions.hash_of(token), at), answer))
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        return await answer

    async def _run(self) -> None:
        """Answer until nobody waits. Whatever goes wrong is each caller's."""
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:_MAX_AT_ONCE], self._waiting[_MAX_AT_ONCE:]
                try:
                    async with translated_errors(), asyncio.timeout(_SECONDS), self._database.reading() as session:
                        found = await sessions.living(session, [asked for asked, _ in batch])
                except Exception as error:  # noqa: BLE001 - told to each who waits for it, and handled there
                    for _, answer in batch:
                        if not answer.done():  # they went away meanwhile
                            answer.set_exception(error)
                else:
                    for asked, answer in batch:
                        if not answer.done():
                            answer.set_result(found.get(asked))
        finally:
            self._task = None
