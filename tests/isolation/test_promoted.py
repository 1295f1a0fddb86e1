"""After a promotion no worker acts on devices until those who held leases of the former primary have given up."""

import asyncio

import pytest
from sqlalchemy import text

from sebilling.db import leases
from sebilling.db.engine import Database


@pytest.fixture(autouse=True)
def hold_for_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "HOLD_SECONDS", 1.0)
    monkeypatch.setattr(leases, "BEAT_SECONDS", 0.2)


async def _taken(holder: leases.Leases) -> bool:
    async with holder.hold(7) as is_held:
        return is_held


@pytest.mark.parametrize(("acts_outside", "waits"), [(True, True), (False, False)])
async def test_work_outside_the_database_waits_after_a_promotion(
    committed: Database, monkeypatch: pytest.MonkeyPatch, *, acts_outside: bool, waits: bool
) -> None:
    monkeypatch.setattr(leases, "_TIMELINE", text("SELECT 2"))
    holder = leases.Leases(committed.url, space=4, acts_outside=acts_outside)
    try:
        assert await _taken(holder) is not waits
        await asyncio.sleep(1.1)
        assert await _taken(holder)
        async with committed.reading() as session:
            assert await session.values(
                text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'sebilling lease%'"), kind=bool
            )
        await asyncio.sleep(0.3)
        assert await _taken(holder), "it knows this primary already"
    finally:
        await holder.close()


async def test_a_server_that_was_never_promoted_gives_leases_at_once(committed: Database) -> None:
    holder = leases.Leases(committed.url, space=4, acts_outside=True)
    try:
        assert await _taken(holder)
    finally:
        await holder.close()
