"""Leases: who holds one has it alone, across all processes, for as long as their connection lives.

A lease is an advisory lock of a connection that does nothing else. A process that dies lets go of its leases at once, one that is only
slow keeps them, and no clock is compared with another. When the connection is lost (the database was restarted), whatever is done
under a lease is broken off before anybody else can have it. It needs a direct connection: behind a pooler in transaction mode the
lock would belong to whoever gets the connection next.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from sebilling.db.engine import connect_alone, translated_errors
from sebilling.errors import DatabaseUnavailable

_TAKE: Final = text("SELECT pg_try_advisory_lock(:space, :number)")
_GIVE: Final = text("SELECT pg_advisory_unlock(:space, :number)")


class Leases:
    """The leases of one worker in one space of numbers. It connects when the first is taken; `close()` it at the end."""

    def __init__(self, url: str, *, space: int) -> None:
        self._url, self._space = url, space
        self._connection: AsyncConnection | None = None
        self._is_lost = False
        self._one_at_a_time = asyncio.Lock()
        self._held: dict[int, asyncio.Timeout] = {}

    @property
    def held(self) -> frozenset[int]:
        """The numbers that are held, or just being taken."""
        return frozenset(self._held)

    @asynccontextmanager
    async def hold(self, number: int) -> AsyncIterator[bool]:
        """Hold the lease while the block runs; gives False, holding nothing, if someone has it (this worker too).

        Raises DatabaseUnavailable; so the block is broken off when the lease is lost.
        """
        if number in self._held:
            yield False
            return
        scope = asyncio.timeout(None)  # reached only when the connection is lost
        try:
            async with scope:
                self._held[number] = scope
                if not await self._ask(_TAKE, number):
                    yield False
                    return
                try:
                    yield True
                finally:
                    if not scope.expired():  # else the connection is gone, and the lease with it
                        with suppress(DatabaseUnavailable):
                            await self._ask(_GIVE, number)
        except TimeoutError as error:
            if not scope.expired():
                raise
            raise DatabaseUnavailable(why="a lease was lost with its connection") from error
        finally:
            self._held.pop(number, None)

    async def _ask(self, statement: Any, number: int) -> bool:
        async with self._one_at_a_time, translated_errors():
            if self._is_lost:
                await self.close()
            if self._connection is None:
                self._connection, self._is_lost = await connect_alone(self._url), False
                driver: Any = (await self._connection.get_raw_connection()).driver_connection
                driver.add_termination_listener(self._lost)
            try:
                answer = await self._connection.execute(statement, {"space": self._space, "number": number})
            except BaseException:
                await self.close()  # whether it was taken isn't known: let go of everything
                raise
            return bool(answer.scalar_one())

    def _lost(self, _: object) -> None:
        self._is_lost = True
        for scope in self._held.values():
            if not scope.expired():
                scope.reschedule(0)

    async def close(self) -> None:
        """Let go of everything: whatever is still done under a lease is broken off."""
        if self._connection is not None:
            connection, self._connection, self._is_lost = self._connection, None, False
            with suppress(Exception):  # of one that is lost already
                await connection.close()
