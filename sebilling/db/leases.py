"""Leases: who holds one has it alone, across all processes, for as long as their connection lives.

A lease is an advisory lock of a connection that does nothing else. A process that dies lets go of its leases at once, and no clock is
compared with another. When the connection is lost (the database was restarted), whatever is done under a lease is broken off before
anybody else can have it. It needs a direct connection: behind a pooler in transaction mode the lock would belong to whoever gets the
connection next.

A process that hangs (stopped, or its machine cut off) would keep its leases for ever. So each connection gives a sign of life every
BEAT_SECONDS, and whoever wants a lease ends the connection of a holder that was silent for TERM_SECONDS, by the database's clock. The
holder itself breaks off what it does HOLD_SECONDS after the last sign that was answered, by its own clock, and that is sooner: a
process that is woken after its lease passed on is past that time already, and none of its tasks goes on with a device.
"""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from sebilling.db.engine import connect_alone, translated_errors
from sebilling.errors import DatabaseUnavailable
from sebilling.logs import get_logger

_log = get_logger(__name__)
BEAT_SECONDS: Final = 3.0
HOLD_SECONDS: Final = 15.0
TERM_SECONDS: Final = 25.0
"""Longer than HOLD_SECONDS, so that two clocks that run a little differently leave no moment with two holders."""
NAME: Final = "sebilling lease"
"""How such a connection is called in pg_stat_activity, with its TERM_SECONDS and its process behind."""
_TAKE: Final = text("SELECT pg_try_advisory_lock(:space, :number)")
_GIVE: Final = text("SELECT pg_advisory_unlock(:space, :number)")
_BEAT: Final = text("SELECT 1")
# Looked at and ended by one statement, so that a pid that was given anew meanwhile is nobody's. Each holder goes by its own term.
_END_SILENT: Final = text(
    f"""
    SELECT application_name, pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND classid = :space AND objid = :number AND objsubid = 2
                      AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))
       AND usename = current_user AND application_name LIKE '{NAME} %' AND state LIKE 'idle%'
       AND state_change < now() - split_part(application_name, ' ', 3)::float * interval '1 second'
    """
)


class Leases:
    """The leases of one worker in one space of numbers. It connects when the first is taken; `close()` it at the end."""

    def __init__(self, url: str, *, space: int) -> None:
        self._url, self._space = url, space
        self._connection: AsyncConnection | None = None
        self._is_lost = False
        self._one_at_a_time = asyncio.Lock()
        self._beating: asyncio.Task[None] | None = None
        self._held: dict[int, asyncio.Timeout] = {}

    @property
    def held(self) -> frozenset[int]:
        """The numbers that are held, or just being taken."""
        return frozenset(self._held)

    @asynccontextmanager
    async def hold(self, number: int) -> AsyncIterator[bool]:
        """Hold the lease while the block runs; gives False, holding nothing, if someone has it (this worker too).

        A holder that was silent for its term is ended, so that the lease can be had the next time. Raises DatabaseUnavailable; so the
        block is broken off when the lease is lost, or can't be known to be held any more.
        """
        if number in self._held:
            yield False
            return
        scope = asyncio.timeout(None)  # reached only when the connection is lost or silent
        try:
            async with scope:
                self._held[number] = scope
                if not await self._ask(_TAKE, number):
                    await self._end_silent(number)
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
            connection = await self._connected()
            sent_at = asyncio.get_running_loop().time()
            try:
                answer = await connection.execute(statement, {"space": self._space, "number": number})
            except BaseException:
                await self.close()  # whether it was taken isn't known: let go of everything
                raise
            self._lives(sent_at)
            return bool(answer.scalar_one())

    async def _connected(self) -> AsyncConnection:
        if self._is_lost:
            await self.close()
        if self._connection is None:
            name = f"{NAME} {TERM_SECONDS:g} {socket.gethostname()[:20]} {os.getpid()}"
            self._connection, self._is_lost = await connect_alone(self._url, server_settings={"application_name": name}), False
            driver: Any = (await self._connection.get_raw_connection()).driver_connection
            driver.add_termination_listener(self._lost)
            self._beating = asyncio.create_task(self._beat())
        return self._connection

    async def _beat(self) -> None:
        """Give a sign of life again and again, until the connection is lost."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            async with self._one_at_a_time:
                connection = self._connection
                if connection is None or self._is_lost:
                    return
                sent_at = loop.time()
                try:
                    async with asyncio.timeout(HOLD_SECONDS):
                        await connection.execute(_BEAT)
                except Exception:  # noqa: BLE001 - whatever it is, the leases aren't known to be held any more
                    self._lost(None)
                    return
                self._lives(sent_at)

    def _lives(self, sent_at: float) -> None:
        """A statement that was sent then was answered: for HOLD_SECONDS from then on nobody can have taken the leases."""
        for scope in self._held.values():
            if not scope.expired() and not self._is_lost:
                scope.reschedule(sent_at + HOLD_SECONDS)

    async def _end_silent(self, number: int) -> None:
        async with self._one_at_a_time, translated_errors():
            connection = await self._connected()
            ended = (await connection.execute(_END_SILENT, {"space": self._space, "number": number})).all()
        for row in ended:
            _log.warning("lease_taken_from_silent_holder", holder=row.application_name, space=self._space, number=number)

    def _lost(self, _: object) -> None:
        self._is_lost = True
        for scope in self._held.values():
            if not scope.expired():
                scope.reschedule(0)

    async def close(self) -> None:
        """Let go of everything: whatever is still done under a lease is broken off."""
        beating, self._beating = self._beating, None
        if beating is not None and beating is not asyncio.current_task():
            beating.cancel()
        if self._connection is not None:
            connection, self._connection, self._is_lost = self._connection, None, False
            with suppress(Exception):  # of one that is lost already
                await connection.close()
