"""Many requests share one look at who asks, and still each is told what is true when it came."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text

from sebilling.actor import Role, operator
from sebilling.auth.caller_cache import CallerCache
from sebilling.clock import system_clock
from sebilling.db.engine import Database
from sebilling.errors import DatabaseUnavailable
from tests.auth.people import SIGN_OUT, add, bear, enter, is_signed_in
from tests.harness import NOW, Api, Isp, counted_statements


async def tokens(database: Database, number: int) -> tuple[Api, list[str]]:
    """An ISP whose admin has signed in so many times."""
    await Isp.make(database)
    api = Api(database)
    return api, [(await enter(api))["token"] for _ in range(number)]


async def test_requests_that_come_together_share_a_statement_and_each_gets_its_own_user(committed: Database) -> None:
    isp = await Isp.make(committed)
    api = Api(committed)
    await add(isp, "kasir", Role.CLERK, "LKT01")
    admin, clerk = (await enter(api))["token"], (await enter(api, "kasir"))["token"]
    lookup = CallerCache(committed)
    asked = [admin, clerk, "sbt_unknown", admin] * 25
    with counted_statements(committed) as sent:
        found = await asyncio.gather(*(lookup.live(token, at=NOW) for token in asked))
    assert len(sent) <= 2
    roles = [None if one is None else one.actor.role for one in found]
    assert roles == [Role.ADMIN, Role.CLERK, None, Role.ADMIN] * 25


async def test_each_is_judged_by_its_own_time(committed: Database) -> None:
    _, (token,) = await tokens(committed, 1)
    lookup = CallerCache(committed)
    today, never = await asyncio.gather(lookup.live(token, at=NOW), lookup.live(token, at=NOW + timedelta(days=3650)))
    assert today is not None
    assert never is None


async def test_a_sign_out_counts_for_every_request_that_comes_after_it(committed: Database) -> None:
    """While others keep the look-ups busy: who has been told that a sign-in ended never sees it alive again."""
    api, (other, *leaving) = await tokens(committed, 11)
    is_over = False

    async def keep_busy() -> None:
        while not is_over:
            assert await is_signed_in(api, other)

    busy = [asyncio.create_task(keep_busy()) for _ in range(8)]
    for token in leaving:
        assert await is_signed_in(api, token)
        bear(api, token)
        await api.do(SIGN_OUT)
        assert not await is_signed_in(api, token)
    is_over = True
    await asyncio.gather(*busy)


async def test_a_user_who_is_shut_out_is_nobody_though_nobody_ended_their_sign_ins(committed: Database) -> None:
    _, (token,) = await tokens(committed, 1)
    async with committed.transaction(actor=operator("test"), at=NOW) as session:
        await session.execute(text("UPDATE app_user SET active = false"))
    assert await CallerCache(committed).live(token, at=NOW) is None


async def test_who_goes_away_takes_nobody_with_them(committed: Database) -> None:
    _, (token,) = await tokens(committed, 1)
    lookup = CallerCache(committed)
    asking = [asyncio.create_task(lookup.live(token, at=NOW)) for _ in range(10)]
    await asyncio.sleep(0)
    asking[0].cancel()
    asking[7].cancel()
    found = await asyncio.gather(*asking, return_exceptions=True)
    assert [isinstance(one, asyncio.CancelledError) for one in found] == [number in {0, 7} for number in range(10)]
    assert all(one is not None for one in found)
    assert await lookup.live(token, at=NOW) is not None


async def test_a_database_that_is_away_is_told_to_each_and_found_again(committed: Database) -> None:
    _, (token,) = await tokens(committed, 1)
    lookup = CallerCache(committed)
    assert await lookup.live(token, at=NOW) is not None
    async with committed.reading() as session:
        await session.rows(
            text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
        )
    away = Database("postgresql+asyncpg://nobody@127.0.0.1:1/nothing")
    absent = CallerCache(away)
    for one in await asyncio.gather(*(absent.live(token, at=system_clock()) for _ in range(5)), return_exceptions=True):
        assert isinstance(one, DatabaseUnavailable)
    with pytest.raises(DatabaseUnavailable):
        await absent.live(token, at=system_clock())
    await away.close()
    for _ in range(12):  # as many as the pool may hold of dead ones
        try:
            assert await lookup.live(token, at=NOW) is not None
            break
        except DatabaseUnavailable:
            continue
    else:
        pytest.fail("the database is there again")
