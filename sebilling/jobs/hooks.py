"""Delivery of events to plugins' hooks: each plugin has its own cursor in the feed and its own task; at least once, and in order.

The cursor moves after the hook has succeeded, so that a worker killed in between leaves the event to the next one. One worker at a time
delivers to a plugin, by a lease. A failed delivery is retried with growing delays; after MAX_ATTEMPTS it is reported as
`plugin.delivery_failed` and skipped, so that one event that a plugin can't handle doesn't block all later ones for ever.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import DateTime, Row, bindparam, text

from sebilling import events, feed
from sebilling.actor import operator
from sebilling.clock import Clock
from sebilling.db.engine import Database
from sebilling.db.leases import Leases
from sebilling.events.devices import PluginDeliveryFailed
from sebilling.events.ids import CounterId
from sebilling.jobs.plugin_context import PluginContext
from sebilling.logs import get_logger
from sebilling.plugins.executor import PluginUnresponsive
from sebilling.plugins.hookspecs import Event
from sebilling.plugins.loading import Plugins, in_words
from sebilling.retry import Retries, forgiving

_log = get_logger(__name__)
HOOKS: Final = events.hooks()
"""Kind of event → hook."""
_LIFE: Final = frozenset({"sebilling_startup", "sebilling_shutdown", "sebilling_hourly"})
MAX_ATTEMPTS: Final = 15
MAX_WAIT_SECONDS: Final = 300.0
"""Delays double from one second up to this: fifteen attempts take at least 34 minutes."""
LOOK_SECONDS: Final = 0.25
STANDBY_SECONDS: Final = 1.0
HOURLY_SECONDS: Final = 3600.0
_SHUTDOWN_SECONDS: Final = 5.0
_MAX_LOOKED_AT: Final = 1_000
_MAX_ERROR: Final = 500
_SPACE: Final = 6
"""Advisory lock space of the plugins' leases."""

# Events written before the plugin was installed aren't delivered to it, even if the relay numbers them later.
_REGISTER: Final = text(
    """
    INSERT INTO plugin_cursor (plugin, number, since_event_id, attempts, error)
    SELECT :plugin, coalesce((SELECT max(number) FROM feed), 0), coalesce((SELECT max(id) FROM event), 0), 0, ''
     WHERE NOT EXISTS (SELECT FROM plugin_cursor WHERE plugin = :plugin)
    ON CONFLICT (plugin) DO NOTHING
    """
)
_ID: Final = text("SELECT id FROM plugin_cursor WHERE plugin = :plugin")
_CURSOR: Final = text("SELECT number, since_event_id, attempts, next_at FROM plugin_cursor WHERE id = :id")
# A worker that lost its lease without noticing moves nothing: the number is no longer the one that it started from.
_DELIVERED: Final = text(
    "UPDATE plugin_cursor SET number = :number, attempts = 0, next_at = NULL, error = '' WHERE id = :id AND number = :before"
)
_PASSED: Final = text("UPDATE plugin_cursor SET number = :number WHERE id = :id AND number = :before")
_GIVEN_UP: Final = text(
    "UPDATE plugin_cursor SET number = :number, attempts = 0, next_at = NULL, error = :error WHERE id = :id AND number = :before"
)
_FAILED: Final = text(
    "UPDATE plugin_cursor SET attempts = :attempts, next_at = :next_at, error = :error WHERE id = :id AND number = :before"
).bindparams(bindparam("next_at", type_=DateTime(timezone=True)))
_TROUBLE: Final = text("UPDATE plugin_cursor SET error = :error WHERE id = :id")
_STARTED: Final = text("UPDATE plugin_cursor SET error = '' WHERE id = :id AND error LIKE 'sebilling_startup: %'")


@dataclass(slots=True)
class _Delivery:
    """Delivery of events to one plugin."""

    name: str
    hooks: frozenset[str]
    database: Database
    plugins: Plugins
    clock: Clock
    leases: Leases
    id: int = 0
    _hourly_at: float = field(default=0.0, init=False)

    @property
    def kinds(self) -> list[str]:
        return [kind for kind, hook in HOOKS.items() if hook in self.hooks]

    async def serve(self, context: PluginContext) -> None:
        """Start the plugin, deliver while no other worker does, and shut it down when cancelled."""
        started = False
        try:
            failures = 0
            await forgiving("hooks", self._show(""), of=self.name)  # events from now on are delivered, however long the start takes
            while not started:
                error = await self._call("sebilling_startup", context=context)
                await forgiving("hooks", self._show(error), of=self.name)
                started = not error
                if error:
                    failures += 1
                    await asyncio.sleep(backoff_seconds(failures))
            turns = Retries("hooks", of=self.name)
            while True:
                pause = await turns.run(self._lead())
                await asyncio.sleep(pause)
        finally:
            if started:
                with suppress(TimeoutError):
                    async with asyncio.timeout(_SHUTDOWN_SECONDS):
                        await self._call("sebilling_shutdown")

    async def _call(self, hook: str, **arguments: Any) -> str:
        """Call a hook that takes no event; return the error, empty if it succeeded."""
        try:
            await self.plugins.call(self.name, hook, **arguments)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever it does, the worker goes on
            message = in_words(error)[:_MAX_ERROR]
            _log.error("hook_failed", plugin=self.name, hook=hook, error=message)
            return f"{hook}: {message}"
        return ""

    async def _show(self, error: str) -> float:
        """Store the result of the start, so that admins see why nothing is delivered."""
        await self._register()
        async with self.database.transaction(actor=operator("worker"), at=self.clock()) as session:
            await session.execute(_TROUBLE if error else _STARTED, {"id": self.id} | ({"error": error} if error else {}))
        return 0

    async def _register(self) -> None:
        if not self.id:
            async with self.database.transaction(actor=operator("worker"), at=self.clock()) as session:
                await session.execute(_REGISTER, {"plugin": self.name})
                self.id = await session.value(_ID, {"plugin": self.name})

    async def _lead(self) -> float:
        """Deliver while the lease is held; return the seconds to wait if another worker has it."""
        await self._register()
        async with self.leases.hold(self.id) as mine:
            if not mine:
                return STANDBY_SECONDS
            while True:
                if "sebilling_hourly" in self.hooks and time.monotonic() >= self._hourly_at:
                    error = await self._call("sebilling_hourly")
                    self._hourly_at = time.monotonic() + (MAX_WAIT_SECONDS if error else HOURLY_SECONDS)
                pause = await self.turn()
                await asyncio.sleep(pause)

    async def turn(self) -> float:
        """Deliver the next events; return the seconds to wait before the next iteration."""
        async with self.database.reading() as session:
            cursor = await session.row(_CURSOR, {"id": self.id})
            if cursor is None:
                self.id = 0
                raise RuntimeError(f"the cursor of the plugin {self.name} was deleted: it restarts at the end of the feed")
            # a time later than any delay allows was written while the clock was wrong
            if cursor.next_at is not None and self.clock() < cursor.next_at <= self.clock() + timedelta(seconds=2 * MAX_WAIT_SECONDS):
                return LOOK_SECONDS
            stretch = await feed.after(session, cursor.number, _MAX_LOOKED_AT, kinds=self.kinds)
        reached, attempts = cursor.number, cursor.attempts
        for event in stretch.events:
            if event.id <= cursor.since_event_id:
                continue
            if not await self._deliver(event, reached, attempts):
                return LOOK_SECONDS
            reached, attempts = event.number, 0
        if stretch.upto > reached:
            await self._write(_PASSED, {"number": stretch.upto, "before": reached})
        return 0 if stretch.looked_at >= _MAX_LOOKED_AT else LOOK_SECONDS

    async def _deliver(self, event: feed.Numbered, before: int, attempts: int) -> bool:
        """Call the event's hook and move the cursor; False if it must be retried."""
        hook = HOOKS[event.kind]
        counter_id = CounterId.of(event.counter_id)
        payload = Event(event.id, event.at, event.kind, event.actor, event.subject, event.subject_id, counter_id, event.data)
        try:
            await self.plugins.call(self.name, hook, event=payload)
        except PluginUnresponsive as error:  # not caused by this event, so it isn't counted as an attempt
            await self._write(_FAILED, _again(before, attempts, MAX_ATTEMPTS, error=str(error), clock=self.clock))
            return False
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever it does, the worker goes on
            await self._failed(event, hook, before, attempts + 1, in_words(error)[:_MAX_ERROR])
            return False
        return await self._write(_DELIVERED, {"number": event.number, "before": before})

    async def _failed(self, event: feed.Numbered, hook: str, before: int, attempts: int, error: str) -> None:
        _log.warning("delivery_failed", plugin=self.name, hook=hook, event_id=event.id, attempts=attempts, error=error)
        if attempts < MAX_ATTEMPTS:
            await self._write(_FAILED, _again(before, attempts, attempts, error=error, clock=self.clock))
            return
        async with self.database.transaction(actor=operator("worker"), at=self.clock()) as session:
            moved = await session.execute(_GIVEN_UP, {"id": self.id, "number": event.number, "before": before, "error": error})
            if moved:
                failed = PluginDeliveryFailed(
                    plugin=self.name, hook=hook, kind_of_event=event.kind, number=event.number, attempts=attempts, error=error
                )
                await events.append(session, failed, subject_id=event.id, counter_id=event.counter_id)

    async def _write(self, statement: Any, bound: Mapping[str, Any]) -> bool:
        """Update the cursor; False if another worker has moved it."""
        async with self.database.transaction(actor=operator("worker"), at=self.clock()) as session:
            return await session.execute(statement, {"id": self.id, **bound}) > 0


def _again(before: int, attempts: int, waits: int, *, error: str, clock: Clock) -> Mapping[str, Any]:
    return {"before": before, "attempts": attempts, "next_at": clock() + timedelta(seconds=backoff_seconds(waits)), "error": error}


def backoff_seconds(attempts: int) -> float:
    """Delay after this many failures: doubling from a second, at most MAX_WAIT_SECONDS."""
    return float(min(MAX_WAIT_SECONDS, 2.0 ** min(attempts - 1, 30)))


async def run(database: Database, plugins: Plugins, *, clock: Clock, page: Callable[[int], str]) -> None:
    """Deliver to every plugin that has hooks, concurrently, until cancelled. `page` as in PluginContext."""
    leases, context = Leases(database.direct_url, space=_SPACE, acts_outside=True), PluginContext(database, clock=clock, page=page)
    try:
        async with asyncio.TaskGroup() as group:
            for name, hooks in plugins.hooked([*HOOKS.values(), *_LIFE]).items():
                group.create_task(_Delivery(name, hooks, database, plugins, clock, leases).serve(context))
    finally:
        await leases.close()
        await plugins.close()


@dataclass(frozen=True, slots=True)
class Delivered:
    """Delivery status of a plugin: last delivered number of the feed, how many numbers wait, and the last error."""

    upto: int
    waiting: int
    attempts: int
    error: str


_DELIVERIES: Final = text(
    """
    SELECT plugin, number AS upto, greatest((SELECT coalesce(max(number), 0) FROM feed) - number, 0) AS waiting, attempts, error
      FROM plugin_cursor
    """
)


async def deliveries(database: Database) -> Mapping[str, Delivered]:
    """Delivery status by plugin name, of all plugins that ever had hooks in this deployment. Raises DatabaseUnavailable."""

    def read(row: Row[*tuple[Any, ...]]) -> Delivered:
        return Delivered(row.upto, row.waiting, row.attempts, row.error)

    async with database.reading() as session:
        return {row.plugin: read(row) for row in await session.rows(_DELIVERIES)}
