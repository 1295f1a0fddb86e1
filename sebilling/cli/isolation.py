"""`sebilling plugin`, `sebilling isolation`, `sebilling secrets` and `sebilling worker`."""

import asyncio
import signal
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from rich.console import Console
from rich.table import Table
from sqlalchemy import text

from sebilling.actor import EVERYWHERE, operator
from sebilling.auth import totp
from sebilling.billing.isolation import holds, sweep
from sebilling.billing.isolation.policy import NOT_POSTPONED
from sebilling.cli.operation import store_of
from sebilling.clock import Clock, local_date, system_clock
from sebilling.config import Settings
from sebilling.db.engine import Database
from sebilling.errors import Unavailable
from sebilling.jobs import hooks, worker
from sebilling.money import format_rupiah
from sebilling.network import devices
from sebilling.network import worker as loops
from sebilling.network.engine import Engine
from sebilling.network.reconcile import work_one
from sebilling.plugins.loading import Plugins, PluginStatus
from sebilling.plugins.networks import Networks
from sebilling.vault import Undecipherable, has_older_key, vault_of

RUN_SECONDS: Final = 60.0
SIDE_BY_SIDE: Final = 4
"""Devices that one command works on concurrently: a dead one doesn't delay the rest."""
_LOOK_SECONDS: Final = 0.3
_MAX_SHOWN: Final = 20
_NAMES: Final = text(
    """
    SELECT service_access.id, customer.code, customer.name, device.name AS device, timezone,
           (SELECT coalesce(sum(outstanding), 0)::bigint FROM invoice WHERE invoice.customer_id = customer.id) AS owes
      FROM service_access JOIN customer ON customer.id = customer_id JOIN counter ON counter.id = counter_id
      JOIN device ON device.id = device_id
     WHERE service_access.id = ANY (:ids)
    """
)
_WAITING: Final = """
    SELECT {} FROM service_access JOIN device ON device.id = device_id JOIN customer ON customer.id = customer_id
     WHERE desired_generation > observed_generation AND enabled AND {}
"""
# Same as GraphQL's filter `inSync: false`, except for disabled devices: schema/devices.py.
_DRIFT: Final = text(
    """
    SELECT customer.code, key, device.name AS device, desired, coalesce(nullif(actual, 'UNKNOWN'), 'not read') AS found,
           coalesce(detail->>'en', '') AS detail,
           coalesce(to_char(read_at AT TIME ZONE timezone, 'YYYY-MM-DD HH24:MI'), '') AS read,
           coalesce(error->>'en', CASE WHEN desired_generation > observed_generation THEN problems->0->>'en' END, '') AS error
      FROM service_access JOIN device ON device.id = device_id JOIN customer ON customer.id = customer_id
      JOIN counter ON counter.id = counter_id
     WHERE enabled AND NOT (desired_generation = observed_generation AND actual IN (desired, 'UNKNOWN'))
       AND (CAST(:device AS bigint) IS NULL OR device_id = :device)
     ORDER BY desired, device.name, service_access.id
    """
)
_COUNT_WAITING: Final = text(_WAITING.format("count(*)", NOT_POSTPONED))
_COUNT_POSTPONED: Final = text(_WAITING.format("count(*)", f"NOT {NOT_POSTPONED}"))
_WAITING_COLUMNS: Final = "customer.code, key, device.name AS device, desired, coalesce(error->>'en', problems->0->>'en', '') AS error"
_SHOW_WAITING: Final = text(_WAITING.format(_WAITING_COLUMNS, NOT_POSTPONED) + f" ORDER BY desired, service_access.id LIMIT {_MAX_SHOWN}")


def installed(settings: Settings) -> Plugins:
    """Load the plugins that are installed and not disabled."""
    return Plugins.load(disabled=settings.plugins_disabled.split(","))


def engine_of(settings: Settings, database: Database) -> Engine:
    """Build an isolation engine with the installed plugins."""
    plugins = installed(settings)
    plugins.networks = Networks.of(settings, database.url)
    return loops.engine_of(database, plugins, vault_of(settings), clock=system_clock)


async def work_for_ever(settings: Settings, database: Database) -> None:
    """Run generation, isolation, the feed and the plugin hooks concurrently, until cancelled or SIGTERM."""
    store, engine = store_of(settings), engine_of(settings, database)
    end = asyncio.Event()
    with suppress(NotImplementedError):  # on systems without these signals
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, end.set)
    work = worker.loops(engine, store, wake=asyncio.Event(), chunk=settings.generate_chunk)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(loop) for loop in work]
        await end.wait()
        for task in tasks:
            task.cancel()


async def deliveries(database: Database) -> Mapping[str, hooks.Delivered]:
    """Return how far each plugin's events are delivered; empty if the database is down or has another schema version."""
    from sebilling.db.migrate import is_current

    try:
        return await hooks.deliveries(database) if await is_current(database) else {}
    except Unavailable:  # it has just gone down
        return {}


def show_plugins(plugins: Plugins, out: Console, delivered: Mapping[str, hooks.Delivered]) -> None:
    """Print the installed plugins with their status, and how far their events are delivered."""
    table = Table("name", "package", "version", "status", "error", "drivers", "events")
    for plugin in plugins.plugins:
        style, to = "red" if plugin.status is PluginStatus.FAILED else "", delivered.get(plugin.name)
        events = "" if to is None else f"up to {to.upto}, {to.waiting} waiting" + (f": {to.error}" if to.error else "")
        cells = (
            plugin.name,
            plugin.distribution,
            plugin.version,
            plugin.status.value,
            "" if plugin.error is None else plugin.error.english,
            ", ".join(plugin.drivers),
            events,
        )
        table.add_row(*cells, style=style)
    out.print(table)
    if not plugins.plugins:
        out.print("No plugin is installed: install one to block customers.")


async def show_plan(database: Database, out: Console, *, clock: Clock = system_clock) -> None:
    """Print whom a sweep would block now and whom it would restore. Changes nothing."""
    at = clock()
    async with database.snapshot() as session:
        blocks = await sweep.to_block(session, at=at, scope=EVERYWHERE)
        restores = await sweep.to_restore(session, at=at)
        access_ids = [access.id for access in blocks] + [access.id for access in restores]
        names = {row.id: row for row in await session.rows(_NAMES, {"ids": access_ids})}
        hold_id = await holds.waiting(session)
    table = Table("would be", "customer", "name", "device", "owes", "since")
    for block in blocks:
        row = names[block.id]
        table.add_row("blocked", row.code, row.name, row.device, format_rupiah(block.amount), str(block.block_on))
    for access in restores:
        row = names[access.id]
        since = local_date(access.blocked_at, row.timezone)
        table.add_row("restored", row.code, row.name, row.device, format_rupiah(row.owes), str(since))
    if blocks or restores:
        out.print(table)
    out.print(f"{len(blocks)} would be blocked, {len(restores)} would be restored. Nothing was changed.")
    if hold_id is not None:
        out.print(f"A held sweep (hol_{hold_id}) waits for a decision: let an admin or finance decide it (decideIsolationHold).")


async def run(engine: Engine, out: Console, errors: Console, *, seconds: float = RUN_SECONDS) -> int:
    """Return the exit code of `run_once`: 0 if all is done, 1 if the sweep was held, 2 if work is left after `seconds`."""
    held = not await run_once(engine, out, errors, seconds=seconds)
    if left := await _waiting(engine):
        _say(errors, f"{left} accesses are not in sync yet: see the table for the reasons. A worker continues with them.")
    return 1 if held else 2 if left else 0


async def run_once(engine: Engine, out: Console, errors: Console, *, seconds: float = RUN_SECONDS) -> bool:
    """Run one sweep, then work on devices until all is done or `seconds` have passed. If the sweep was held, print why; return False."""
    async with engine.database.transaction(actor=operator("sebilling isolation run"), at=engine.clock()) as session:
        decided = await sweep.decide(session)
        hold_id = await holds.waiting(session) if decided.held else None
    out.print(f"The sweep decided: {decided.blocked} to be blocked, {decided.restored} to be restored.")
    begun_with = await _waiting(engine)
    until = time.monotonic() + seconds
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(SIDE_BY_SIDE):
                group.create_task(_work(engine, until=until))
    finally:
        await engine.close()
    left = await _waiting(engine)
    out.print(f"On devices: {max(0, begun_with - left)} changed and verified, {left} waiting.")
    async with engine.database.reading() as session:
        postponed: int = await session.value(_COUNT_POSTPONED, {"at": engine.clock()})
    if postponed:
        out.print(f"Today is a blackout date: {postponed} blocks decided earlier wait until it is over.")
    if left:
        await _show_waiting(engine, out)
    if hold_id is None:
        return True
    errors.print(
        f"The sweep was held: {decided.held} customers would be blocked at once, more than the settings allow, so nobody was blocked."
        f" Check `sebilling isolation plan`; if it is right, let an admin or finance approve it"
        f" (decideIsolationHold, id hol_{hold_id}) and run this again within twelve hours.",
        style="red", highlight=False, soft_wrap=True,
    )  # fmt: skip
    return False


async def _work(engine: Engine, *, until: float) -> None:
    # A running session is never interrupted: what it sent must be read back.
    while time.monotonic() < until:
        if not await work_one(engine):
            if not await _waiting(engine):
                return
            await asyncio.sleep(min(_LOOK_SECONDS, max(0.0, until - time.monotonic())))


async def _waiting(engine: Engine) -> int:
    async with engine.database.reading() as session:
        count: int = await session.value(_COUNT_WAITING, {"at": engine.clock()})
    return count


async def show_drift(database: Database, out: Console, *, device: str | None = None) -> bool:
    """Print each service access that is out of sync, with the state last read on its device. Changes nothing.

    True if there is none. Disabled devices are left out: the engine doesn't work on them. Raises NotFound.
    """
    async with database.reading() as session:
        only = None if device is None else (await devices.find(session, device)).id
        rows = await session.rows(_DRIFT, {"device": only})
    table = Table("customer", "key", "device", "desired", "actual", "detail", "error", "read at")
    for row in rows:
        table.add_row(row.code, row.key, row.device, row.desired, row.found, row.detail, row.error, row.read)
    if rows:
        out.print(table)
    out.print(f"{len(rows)} accesses are out of sync.")
    return not rows


async def _show_waiting(engine: Engine, out: Console) -> None:
    async with engine.database.reading() as session:
        rows = await session.rows(_SHOW_WAITING, {"at": engine.clock()})
    table = Table("desired", "customer", "key", "device", "error")
    for row in rows:
        table.add_row(row.desired, row.code, row.key, row.device, row.error)
    out.print(table)


async def rotate(settings: Settings, database: Database, out: Console, errors: Console) -> bool:
    """Encrypt devices' settings and two-step secrets with the new key. On failure, change nothing, print why and return False."""
    if not has_older_key(settings):
        _say(
            errors,
            "There is no old key: set SEBILLING_SECRET_KEY to the new key and SEBILLING_SECRET_KEY_OLD to the old one, or leave"
            f" {settings.var}/secret.key in its place if that was the old key; then run this again.",
        )
        return False
    try:
        async with database.transaction(actor=operator("sebilling secrets rotate"), at=system_clock()) as session:
            count = await devices.rotate(session, vault_of(settings))
            people = await totp.rotate(session, vault_of(settings))
    except Undecipherable:
        _say(
            errors,
            "A device's settings or a user's two-step secret can't be decrypted with SEBILLING_SECRET_KEY, SEBILLING_SECRET_KEY_OLD or the"
            " key file, so nothing was changed: set SEBILLING_SECRET_KEY_OLD to the key that encrypted them.",
        )
        return False
    out.print(
        f"The settings of {count} devices and the two-step secrets of {people} users are now encrypted with the new key. Once all servers"
        " have it, remove the old one (SEBILLING_SECRET_KEY_OLD, or the key file)."
    )
    return True


def _say(errors: Console, sentence: str) -> None:
    errors.print(sentence, style="red", highlight=False, soft_wrap=True)
