"""`sebilling isolation`: whom a sweep would block, one sweep, and what is out of sync."""

import asyncio
import time
from datetime import timedelta
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy import text

from sebilling.actor import EVERYWHERE, operator
from sebilling.billing.isolation import holds, policy, sweep
from sebilling.billing.isolation.policy import NOT_POSTPONED
from sebilling.cli.database import read_settings, with_database
from sebilling.cli.plugins import engine_of
from sebilling.cli.terminal import errors, group, out
from sebilling.clock import Clock, local_date, system_clock
from sebilling.db import clocks
from sebilling.db.engine import Database
from sebilling.money import format_rupiah
from sebilling.network import audit, devices, looks
from sebilling.network.engine import MAX_BACKOFF_SECONDS, Engine
from sebilling.network.reconcile import work_one

isolation = group()
RUN_SECONDS: Final = 60.0
SIDE_BY_SIDE: Final = 4
"""Devices that one command works on concurrently: a dead one doesn't delay the rest."""
_LOOK_SECONDS: Final = 0.3
RECOVERY_SECONDS: Final = 600.0
_SOON: Final = timedelta(seconds=MAX_BACKOFF_SECONDS / 2)
"""What is tried again later than this was refused by its device, which waiting doesn't change."""
_WITH_CUSTOMERS: Final = text(
    "SELECT id FROM device WHERE enabled AND EXISTS (SELECT FROM service_access WHERE device_id = device.id) ORDER BY id"
)
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
# Same as GraphQL's filter `inSync: false`, except for disabled devices: schema/service_accesses.py.
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
_COUNT_SOON: Final = text(_WAITING.format("count(*)", f"{NOT_POSTPONED} AND service_access.next_at < :soon"))
_COUNT_POSTPONED: Final = text(_WAITING.format("count(*)", f"NOT {NOT_POSTPONED}"))
_WAITING_COLUMNS: Final = "customer.code, key, device.name AS device, desired, coalesce(error->>'en', problems->0->>'en', '') AS error"
_SHOW_WAITING: Final = text(_WAITING.format(_WAITING_COLUMNS, NOT_POSTPONED) + f" ORDER BY desired, service_access.id LIMIT {_MAX_SHOWN}")


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
    """Run one sweep, then work on devices until all is done, nothing is to be tried soon, or `seconds` have passed.

    If the sweep was held, print why; return False. Raises ClockWrong.
    """
    await clocks.check(engine.database)
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


async def recover(engine: Engine, out: Console, errors: Console, *, seconds: float = RECOVERY_SECONDS) -> int:
    """Bring all devices to what the database says, after it was restored from a backup. Returns the exit code of `run`; 2 also if a
    device couldn't be read: run it again when it can.
    """
    async with engine.database.reading() as session:
        ids = await session.values(_WITH_CUSTOMERS, {}, kind=int)
    unread = 0
    for device_id in ids:
        outcome = await looks.look_at(engine, device_id, recovering=True)
        if outcome is None:
            unread += 1
            continue
        out.print(f"dev_{device_id}: {outcome.read} read, {outcome.out_of_sync} not as they should be.")
    if unread:
        _say(errors, f"{unread} devices couldn't be read, or a worker is using them: run this again later.")
    code = await run(engine, out, errors, seconds=seconds)
    await show_drift(engine.database, out)
    return code or (2 if unread else 0)


async def _work(engine: Engine, *, until: float) -> None:
    # A running session is never interrupted: what it sent must be read back.
    while time.monotonic() < until:
        if not await work_one(engine):
            if not await _waiting_soon(engine):
                return
            await asyncio.sleep(min(_LOOK_SECONDS, max(0.0, until - time.monotonic())))


async def _waiting(engine: Engine) -> int:
    async with engine.database.reading() as session:
        count: int = await session.value(_COUNT_WAITING, {"at": engine.clock()})
    return count


async def _waiting_soon(engine: Engine) -> int:
    at = engine.clock()
    async with engine.database.reading() as session:
        count: int = await session.value(_COUNT_SOON, {"at": at, "soon": at + _SOON})
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


def _say(errors: Console, sentence: str) -> None:
    errors.print(sentence, style="red", highlight=False, soft_wrap=True)


@isolation.command("plan")
def isolation_plan() -> None:
    """Print who would be blocked now, and who would be restored. Changes nothing."""
    with_database(lambda database: show_plan(database, out))


@isolation.command("run")
def isolation_run() -> None:
    """Run one sweep: decide whom to block and restore, and apply it to the devices for up to a minute; exit code 1: held, 2: unfinished."""
    settings = read_settings()
    if code := with_database(lambda database: run(engine_of(settings, database), out, errors), connections=4):
        raise typer.Exit(code)


@isolation.command("drift")
def isolation_drift(device: Annotated[str | None, typer.Option(help="Name or id of the device; default: all.")] = None) -> None:
    """Print service accesses that are out of sync, with the state last read on the device; exit code 1 if any. Changes nothing."""
    if not with_database(lambda database: show_drift(database, out, device=device)):
        raise typer.Exit(1)


async def postpone(database: Database, out: Console, *, reason: str) -> None:
    """Make today and tomorrow blackout dates, and print those that were added. Raises InvalidText."""
    async with database.transaction(actor=operator("sebilling isolation postpone"), at=system_clock()) as session:
        days = await policy.postpone(session, reason=reason)
    added = ", ".join(str(day) for day in days) or "none, they were already"
    out.print(f"Blackout dates that were added: {added}. Remove them when all is entered (removeBlackoutDate).")


@isolation.command("postpone")
def isolation_postpone(reason: Annotated[str, typer.Option(help="Reason for the blackout dates.")]) -> None:
    """Block nobody automatically today and tomorrow, as when payments are missing; before the first worker starts after a recovery."""
    with_database(lambda database: postpone(database, out, reason=reason))


@isolation.command("reconcile")
def isolation_reconcile() -> None:
    """After restoring SeBilling's database from a backup: read all devices and bring them to what the database says.

    Who owes nothing but is blocked is restored, even if how they were before is lost; who should be blocked and isn't is blocked. Exit
    code 1: a mass block is held, 2: unfinished.
    """
    settings = read_settings()
    if code := with_database(lambda database: recover(engine_of(settings, database), out, errors), connections=4):
        raise typer.Exit(code)


async def show_leaks(engine: Engine, out: Console, *, device: str | None = None) -> bool:
    """Print what devices give away that isn't sold; True if nothing. Changes nothing. Raises NotFound, DeviceBusy, DeviceUnusable."""
    async with engine.database.reading() as session:
        ids = [(await devices.find(session, device)).id] if device is not None else await session.values(_WITH_CUSTOMERS, {}, kind=int)
    leaks = 0
    try:
        for device_id in ids:
            result = await audit.audit(engine, device_id)
            online = "" if result.online is None else f", {result.online} online"
            out.print(f"dev_{device_id}: {result.accounts} accounts{online}, {len(result.leaks)} leaks.")
            table = Table("leak", "key", "what")
            for leak in result.leaks:
                table.add_row(leak.kind.value, leak.key, leak.detail.english)
            if result.leaks:
                out.print(table)
            leaks += len(result.leaks)
    finally:
        await engine.close()
    return not leaks


@isolation.command("audit")
def isolation_audit(device: Annotated[str | None, typer.Option(help="Name or id of the device; default: all.")] = None) -> None:
    """Print what devices give away: accounts that are nobody's, unpaid, faster than sold, online twice; exit code 1 if any."""
    settings = read_settings()
    if not with_database(lambda database: show_leaks(engine_of(settings, database), out, device=device)):
        raise typer.Exit(1)
