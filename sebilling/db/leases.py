"""Leases: exclusive locks across all processes, held for as long as the holder's connection lives.

A lease is an advisory lock on a dedicated connection. A process that dies releases its leases at once, and no two clocks are compared.
When the connection is lost (the database was restarted), work under a lease is cancelled before anybody else can take it. A direct
connection is required: behind a pooler in transaction mode the lock would belong to whoever gets the connection next.

A process that hangs (stopped, or its machine disconnected) would keep its leases for ever. So each connection sends a heartbeat every
BEAT_SECONDS, and a process that wants a lease ends the connection of a holder that was silent for TERM_SECONDS, by the database's
clock. The holder itself cancels its work HOLD_SECONDS after the last answered heartbeat, by its own clock, which is earlier: a process
that resumes after losing its lease is already past that time, and none of its tasks continues on a device.

A standby that was promoted knows nothing of the locks of its predecessor, whose holders may not have noticed its end yet. So work outside
the database (`acts_outside`) gets no lease until HOLD_SECONDS after this worker's first connection to the new primary: who held one
before has given up by then, as the last answer came from the predecessor. Work inside the database needs no such pause: what a
predecessor's client still sends is lost with the predecessor.
"""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from sebilling.clock import system_clock
from sebilling.db import clocks
from sebilling.db.engine import connect_alone, translated_errors
from sebilling.errors import DatabaseUnavailable
from sebilling.language import Sentence
from sebilling.logs import get_logger

_log = get_logger(__name__)
_LOST: Final = Sentence("a lease was lost with its connection", "kunci kerja hilang bersama sambungannya")
BEAT_SECONDS: Final = 3.0
HOLD_SECONDS: Final = 15.0
TERM_SECONDS: Final = 25.0
"""Longer than HOLD_SECONDS, so that there are never two holders, even if clocks run at slightly different speeds."""
NAME: Final = "sebilling lease"
"""Name of such a connection in pg_stat_activity, followed by its TERM_SECONDS, its process, and how far ahead its clock is if wrong."""
HOLDERS: Final = f"""
    SELECT split_part(application_name, ' ', 4) AS host, split_part(application_name, ' ', 5) AS process,
           max(nullif(split_part(application_name, ' ', 6), '')::int) AS clock_ahead,
           extract(epoch FROM now() - max(state_change))::int AS silent_seconds
      FROM pg_stat_activity
     WHERE datname = current_database() AND usename = current_user AND application_name LIKE '{NAME} %'
     GROUP BY 1, 2
"""
"""SQL for the processes that hold leases, which are the workers, the seconds by which the clock of each is ahead of the database's, and the
seconds since each last reported."""
_TAKE: Final = text("SELECT pg_try_advisory_lock(:space, :number)")
_GIVE: Final = text("SELECT pg_advisory_unlock(:space, :number)")
_TIMELINE: Final = text("SELECT ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::int")
"""1 from initdb, one more with each promotion."""
_BEAT: Final = text("SELECT now()")
_RENAME: Final = text("SELECT set_config('application_name', :name, false)")
# Checked and ended by one statement, so that a reused pid isn't ended. Each holder's own term applies.
_END_SILENT: Final = text(
    f"""
    SELECT application_name, pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND classid = :space AND objid = :number AND objsubid = 2
                      AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))
       AND usename = current_user AND application_name LIKE '{NAME} %' AND state LIKE 'idle%'
       AND state_change < now() - split_part(application_name, ' ', 3)::float * interval '1 second'
    """
)


def _name(clock_ahead: int = 0) -> str:
    """At most 63 characters, as PostgreSQL keeps no more."""
    return f"{NAME} {TERM_SECONDS:g} {socket.gethostname()[:20]} {os.getpid()}{f' {clock_ahead}' if clock_ahead else ''}"


class Leases:
    """Leases of one worker in one space of numbers. Connects when the first is taken; call `close()` at the end."""

    def __init__(self, url: str, *, space: int, acts_outside: bool = False) -> None:
        self._url, self._space, self._acts_outside = url, space, acts_outside
        self._timeline, self._since = 1, float("-inf")
        """The primary's timeline, and when this worker first connected to it, by the event loop's clock."""
        self._connection: AsyncConnection | None = None
        self._driver: Any = None
        """asyncpg's own object of the connection."""
        self._is_lost = False
        self._one_at_a_time = asyncio.Lock()
        self._beating: asyncio.Task[None] | None = None
        self._held: dict[int, asyncio.Timeout] = {}

    @property
    def held(self) -> frozenset[int]:
        """Numbers of the leases that are held or being taken."""
        return frozenset(self._held)

    @asynccontextmanager
    async def hold(self, number: int) -> AsyncIterator[bool]:
        """Hold the lease while the block runs; yields False, without holding it, if anyone has it, this worker included.

        Also yields False soon after the database's failover, if the work acts outside it. Ends the connection of a holder that was
        silent for its term, so that the lease is available next time. Raises
        DatabaseUnavailable, also within the block when the lease is lost or is no longer known to be held.
        """
        if number in self._held:
            yield False
            return
        scope = asyncio.timeout(None)  # reached only when the connection is lost or silent
        try:
            async with scope:
                self._held[number] = scope
                if await self._is_recently_promoted():
                    yield False
                    return
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
            raise DatabaseUnavailable(why=_LOST) from error
        finally:
            self._held.pop(number, None)

    async def _is_recently_promoted(self) -> bool:
        """Whether holders of the previous primary's time may still be at work outside the database."""
        if not self._acts_outside:
            return False
        async with self._one_at_a_time, translated_errors():
            await self._connected()
        return asyncio.get_running_loop().time() < self._since + HOLD_SECONDS

    async def _ask(self, statement: Any, number: int) -> bool:
        async with self._one_at_a_time, translated_errors():
            connection = await self._connected()
            sent_at = asyncio.get_running_loop().time()
            try:
                answer = await connection.execute(statement, {"space": self._space, "number": number})
            except BaseException:
                self._break_off(but=number)  # whether it was taken isn't known: release everything
                await self._disconnect()
                raise
            self._lives(sent_at)
            return bool(answer.scalar_one())

    async def _connected(self) -> AsyncConnection:
        if self._is_lost:
            await self._disconnect()
        if self._connection is None:
            self._connection, self._is_lost = await connect_alone(self._url, server_settings={"application_name": _name()}), False
            self._driver = (await self._connection.get_raw_connection()).driver_connection
            self._driver.add_termination_listener(self._ended)
            if self._acts_outside:
                await self._learn_timeline(self._connection)
            self._beating = asyncio.create_task(self._beat())
        return self._connection

    async def _learn_timeline(self, connection: AsyncConnection) -> None:
        try:
            timeline = int((await connection.execute(_TIMELINE)).scalar_one())
        except BaseException:
            await self._disconnect()
            raise
        if timeline != self._timeline:
            self._timeline, self._since = timeline, asyncio.get_running_loop().time()
            _log.info("leases_wait_after_failover", seconds=HOLD_SECONDS, space=self._space)

    async def _beat(self) -> None:
        """Send heartbeats until the connection is lost. Each compares the clocks, and the connection's name tells if they are apart."""
        loop, told = asyncio.get_running_loop(), 0
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            async with self._one_at_a_time:
                connection = self._connection
                if connection is None or self._is_lost:
                    return
                sent_at, before = loop.time(), system_clock()
                try:
                    async with asyncio.timeout(HOLD_SECONDS):
                        there = (await connection.execute(_BEAT)).scalar_one()
                        apart = round(clocks.ahead(before, there, system_clock()))
                        wrong = apart if abs(apart) >= clocks.MOST_SECONDS else 0
                        if wrong != told:
                            await connection.execute(_RENAME, {"name": _name(wrong)})
                            told = wrong
                except Exception:  # noqa: BLE001 - after any error the leases are no longer known to be held
                    self._lost()
                    return
                self._lives(sent_at)

    def _lives(self, sent_at: float) -> None:
        """Extend the leases after an answer to a statement sent at `sent_at`: nobody can take them for HOLD_SECONDS from then."""
        for scope in self._held.values():
            if not scope.expired() and not self._is_lost:
                scope.reschedule(sent_at + HOLD_SECONDS)

    async def _end_silent(self, number: int) -> None:
        async with self._one_at_a_time, translated_errors():
            connection = await self._connected()
            ended = (await connection.execute(_END_SILENT, {"space": self._space, "number": number})).all()
        for row in ended:
            _log.warning("lease_taken_from_silent_holder", holder=row.application_name, space=self._space, number=number)

    def _ended(self, driver: object) -> None:
        """Called by asyncpg, some turns of the loop after a connection's end: another one may be open by then."""
        if driver is self._driver:
            self._lost()

    def _lost(self) -> None:
        self._is_lost = True
        self._break_off()

    def _break_off(self, *, but: int | None = None) -> None:
        """Cancel what is done under the leases, or is waiting for one."""
        for number, scope in self._held.items():
            if number != but and not scope.expired():
                scope.reschedule(0)

    async def close(self) -> None:
        """Release all leases; work that still runs under one is cancelled."""
        self._break_off()
        await self._disconnect()

    async def _disconnect(self) -> None:
        beating, self._beating = self._beating, None
        if beating is not None and beating is not asyncio.current_task():
            beating.cancel()
        if self._connection is not None:
            connection, self._connection, self._driver, self._is_lost = self._connection, None, None, False
            with suppress(Exception):  # the connection may already be lost
                await connection.close()
