"""Nobody is told what they may not read, and a right that is taken away ends what it had allowed."""

import asyncio

import pytest
from sqlalchemy import text

from sebilling.actor import Role
from sebilling.auth import sessions, users
from sebilling.auth.users import Changes
from sebilling.schema.feed_subscription import cursor
from tests.harness import NOW, make_user
from tests.live.conftest import Site
from tests.live.watching import EVENTS, PAYMENTS, token_of, watching

RECAP = 'subscription { recapChanged(month: "2026-02") { eventId recaps { counter { code } totalReceived allocated } } }'
DEPOSITS = "subscription { depositChanged { kind deposit { amount status counter { code } } } }"


async def test_a_clerk_sees_nothing_of_another_counter(site: Site) -> None:
    isp = site.isp
    here, there = await isp.customer(counter="LKT01"), await isp.customer(counter="LKT02")
    async with watching(site.b.address, site.clerk) as clerk, watching(site.b.address, site.admin) as admin:
        for one in (clerk, admin):
            await one.subscribe(PAYMENTS)
            await one.subscribe(DEPOSITS, "deposits")
            await one.settled()
        for _ in range(3):
            await isp.pay(there, 7_000)
            await isp.pay(here, 1_000)
        codes = [(await admin.next())["payment"]["counter"]["code"] for _ in range(6)]
        assert codes == ["LKT02", "LKT01"] * 3
        assert [(await clerk.next())["payment"]["counter"]["code"] for _ in range(3)] == ["LKT01"] * 3
        await clerk.nothing()
        await clerk.nothing("deposits", seconds=0)
        await clerk.subscribe(f'subscription {{ paymentRecorded(counterId: "cou_{isp.counters["LKT02"]}") {{ eventId }} }}', "theirs")
        await clerk.subscribe(PAYMENTS, "again", after=cursor(0))
        everything = await isp.value("SELECT count(*) FROM payment WHERE counter_id = :counter", counter=isp.counters["LKT01"])
        assert {(await clerk.next("again"))["payment"]["counter"]["code"] for _ in range(everything)} == {"LKT01"}
        await isp.pay(there, 7_000)
        await clerk.nothing("theirs")
        await clerk.nothing("again", seconds=0)


@pytest.mark.parametrize("document", [EVENTS, 'subscription { generationProgress(runId: "run_1") { cursor } }'])
async def test_a_clerk_may_not_subscribe_to_what_a_clerk_may_not_query(site: Site, document: str) -> None:
    async with watching(site.a.address, site.clerk) as watcher:
        await watcher.subscribe(document)
        message = await watcher.message()
        assert (message["type"], message["payload"][0]["extensions"]["code"]) == ("error", "FORBIDDEN")


@pytest.mark.parametrize("taken", ["counter", "activity", "token", "role"])
async def test_a_right_that_is_taken_away_ends_the_connection_before_anything_behind_it(site: Site, taken: str) -> None:
    isp = site.isp
    async with isp.write() as session:
        user_id = await make_user(session, f"siti-{taken}", Role.CLERK, "LKT02")
    token = await token_of(site.a.address, f"siti-{taken}")
    there = await isp.customer(counter="LKT02")
    async with watching(site.b.address, token) as watcher:
        await watcher.subscribe(PAYMENTS)
        await watcher.settled()
        await isp.pay(there, 1_000)
        assert (await watcher.next())["payment"]["amount"] == 1_000
        async with isp.write() as session:
            if taken == "token":
                await sessions.sign_out(session, token)
            else:
                changes = {
                    "counter": Changes(counters=["LKT01"]), "activity": Changes(active=False), "role": Changes(role=Role.TECHNICIAN),
                }[taken]  # fmt: skip
                await users.update(session, user_id, changes)
        async with isp.write() as blocker:  # nobody can look up rights meanwhile: what is in doubt must wait
            await blocker.execute(text("LOCK TABLE access_token IN ACCESS EXCLUSIVE MODE"))
            for _ in range(20):
                await isp.pay(there, 2_000)
            await watcher.nothing()
        assert await watcher.closed(within=10) == 4403
        assert watcher.came["1"].empty()


async def test_a_right_that_runs_out_is_noticed_without_an_event(site: Site) -> None:
    async with site.isp.write() as session:
        await make_user(session, "sebentar", Role.CLERK, "LKT01")
    token = await token_of(site.a.address, "sebentar")
    async with watching(site.b.address, token) as watcher:
        await watcher.subscribe(PAYMENTS)
        await watcher.settled()
        async with site.isp.write() as session:
            await session.execute(
                text("UPDATE access_token SET expires_at = :at WHERE token_hash = :hash"), {"at": NOW, "hash": sessions.hash_of(token)}
            )
        assert await watcher.closed(within=40) == 4403


async def test_figures_of_a_clerk_are_right_though_the_money_came_elsewhere(site: Site) -> None:
    isp = site.isp
    if await isp.value("SELECT count(*) FROM period WHERE month = DATE '2026-02-01'") == 0:
        await isp.open()
    here = await isp.customer(counter="LKT01")
    await isp.generate()
    await asyncio.sleep(1.5)  # until that is numbered: it is an event of theirs
    async with watching(site.b.address, site.clerk) as watcher:
        await watcher.subscribe(RECAP)
        first = await watcher.next()
        assert [one["counter"]["code"] for one in first["recaps"]] == ["LKT01"]
        await isp.pay(here, 150_000, counter_id=isp.counters["LKT02"])
        told = await watcher.next()
        assert told["eventId"] is None  # the event is another counter's
        assert told["recaps"][0]["allocated"] == first["recaps"][0]["allocated"] + 150_000
        assert told["recaps"][0]["totalReceived"] == first["recaps"][0]["totalReceived"]
        await asyncio.sleep(0.5)
        await isp.pay(await isp.customer(counter="LKT02"), 9_000)  # changes nothing of theirs
        await watcher.nothing()
