"""Look up the callers of concurrent requests together.

Each request needs the present state of its user; a separate statement for it would be a fifth of a page's cost. Requests that arrive
while a statement is running wait for the next one and share it. Each result is read after its request arrived, so a sign-out or a
revoked right takes effect at once, and a single request doesn't wait. Nothing is kept between statements.
"""

import asyncio
from datetime import datetime
from typing import Final

from sebilling.auth import sessions
from sebilling.auth.sessions import Live
from sebilling.db.engine import Database, translated_errors

_MAX_AT_ONCE: Final = 500
_SECONDS: Final = 10.0
"""Timeout of a lookup, so that a dead connection doesn't delay all waiting requests for longer."""


class CallerCache:
    """Shared lookup of callers for one process and one event loop."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: list[tuple[tuple[bytes, datetime], asyncio.Future[Live | None]]] = []
        """Lookups to do, with the futures of their results."""
        self._task: asyncio.Task[None] | None = None

    async def live(self, token: str, *, at: datetime) -> Live | None:
        """Return the sign-in of a token that is valid at `at`, read after this call; else None. Raises DatabaseUnavailable."""
        return await self.live_by_hash(sessions.hash_of(token), at=at)

    async def live_by_hash(self, token_hash: bytes, *, at: datetime) -> Live | None:
        """Like `live`, for the token with this hash."""
        answer: asyncio.Future[Live | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(((token_hash, at), answer))
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        return await answer

    async def _run(self) -> None:
        """Run lookups until none is waiting. Errors are raised in each waiting caller."""
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:_MAX_AT_ONCE], self._waiting[_MAX_AT_ONCE:]
                try:
                    async with translated_errors(), asyncio.timeout(_SECONDS):
                        sign_ins = await sessions.living(self._database, [request for request, _ in batch])
                except Exception as error:  # noqa: BLE001 - passed to each waiting caller, and handled there
                    for _, answer in batch:
                        if not answer.done():  # the caller was cancelled meanwhile
                            answer.set_exception(error)
                else:
                    for request, answer in batch:
                        if not answer.done():
                            answer.set_result(sign_ins.get(request))
        finally:
            self._task = None
