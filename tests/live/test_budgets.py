"""Budgets of one user: how many, whose turn it is, and what is told when a bound is reached."""

import asyncio
from typing import Any

import pytest
import pytest_asyncio

from sebilling.actor import Actor
from sebilling.db.engine import Database
from sebilling.errors import TooManySubscriptions
from sebilling.live.budgets import Bucket, Budgets, Turns
from tests.harness import Isp, make_user, quiet_settings
from tests.live.test_groups import Audience, Follower


async def spend(turns: Turns, user: int, log: list[int], *, seconds: float = 0.01) -> None:
    async with turns.turn([user]):
        log.append(user)
        await asyncio.sleep(seconds)


async def test_users_are_served_in_turn_however_much_one_of_them_wants() -> None:
    turns, log = Turns(1.0), list[int]()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(30):
            tasks.create_task(spend(turns, 1, log))
        await asyncio.sleep(0)
        for user in (2, 3):
            for _ in range(3):
                tasks.create_task(spend(turns, user, log))
    assert len(log) == 36
    assert {2, 3} <= set(log[:6]), log[:12]
    assert sorted(log[:12]).count(1) <= 6, log[:12]


async def test_one_user_runs_one_execution_at_a_time() -> None:
    turns, running, most = Turns(1.0), 0, 0

    async def work() -> None:
        nonlocal running, most
        async with turns.turn([1]):
            running += 1
            most = max(most, running)
            await asyncio.sleep(0.001)
            running -= 1

    await asyncio.gather(*(work() for _ in range(20)))
    assert most == 1


async def test_who_has_had_their_share_waits_and_others_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sebilling.live.budgets._BURST_SECONDS", 0.02)
    turns, log = Turns(0.1), list[int]()
    await spend(turns, 1, log, seconds=0.1)  # 0.08 s too much: it is there again after 0.8 s
    late = asyncio.create_task(spend(turns, 1, log))
    await asyncio.sleep(0)
    await asyncio.wait_for(spend(turns, 2, log), 0.5)
    assert log == [1, 2]
    await asyncio.wait_for(late, 10)


async def test_a_group_of_several_users_is_at_the_cost_of_who_has_most_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sebilling.live.budgets._BURST_SECONDS", 0.02)
    turns, log = Turns(0.01), list[int]()
    await spend(turns, 1, log, seconds=0.1)  # ten seconds' worth
    async with asyncio.timeout(1):
        async with turns.turn([1, 2]):
            pass


async def test_other_variables_are_one_more_though_the_document_is_the_same(committed: Database, bounded: Audience) -> None:
    isp, document = await Isp.make(committed), "subscription($kinds: [String!]) { events(kinds: $kinds) { eventId } }"
    followers = [bounded.ask(isp.admin, document, kinds=[kind]) for kind in ("a", "b", "a", "c")]
    await asyncio.sleep(1)
    assert [bool(one.errors) for one in followers].count(True) == 1
    assert refused(next(one for one in followers if one.errors)) == ("different subscriptions of a user", 2)


async def test_who_is_cancelled_takes_no_turn_along() -> None:
    turns, log = Turns(1.0), list[int]()
    tasks = [asyncio.create_task(spend(turns, number % 3, log)) for number in range(30)]
    await asyncio.sleep(0.005)
    for task in tasks[::2]:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    async with asyncio.timeout(1):
        for user in range(3):
            await spend(turns, user, log)


async def test_a_bucket_refills_to_its_most_and_no_further() -> None:
    bucket = Bucket(100.0, 2.0)
    bucket.take(3.0)
    assert 0 < bucket.wait_seconds <= 0.01
    await asyncio.sleep(0.1)
    assert bucket.left == 2.0


async def test_a_client_that_sends_too_much_is_read_more_slowly() -> None:
    budgets, clock = Budgets(quiet_settings()), asyncio.get_running_loop().time
    began = clock()
    for _ in range(200):
        await budgets.message(1)
    free, began = clock() - began, clock()
    for _ in range(10):
        await budgets.message(1)
    assert clock() - began > 0.1 > free / 10
    await asyncio.wait_for(budgets.message(2), 0.1)


async def test_subscriptions_are_counted_over_everything_and_given_back() -> None:
    budgets = Budgets(quiet_settings(live_subscriptions=2))
    with budgets.subscription(1), budgets.subscription(2):
        with (
            budgets.subscription(1),
            pytest.raises(TooManySubscriptions, match="3 subscriptions of a user, and the most is 2"),
            budgets.subscription(1),
        ):
            pass
        with budgets.subscription(1):
            pass


@pytest_asyncio.fixture
async def bounded(committed: Database) -> Any:
    one = Audience(committed, live_groups=2, live_groups_in_all=3)
    yield one
    await one.close()


async def asked(audience: Audience, actor: Actor, document: str) -> Follower:
    """A follower, when it has been let in or refused."""
    follower = audience.ask(actor, document)
    await asyncio.sleep(0.7)
    return follower


def refused(follower: Follower) -> tuple[str, int]:
    (error,) = follower.errors
    assert error["extensions"]["code"] == "LIMIT_EXCEEDED"
    assert error["message"]
    return error["extensions"]["limit"], error["extensions"]["most"]


async def test_groups_of_a_user_and_of_all_are_capped_and_given_back(committed: Database, bounded: Audience) -> None:
    isp = await Isp.make(committed)
    async with isp.write() as session:
        other = Actor(await make_user(session, "kedua", isp.admin.role), "kedua", isp.admin.role, isp.admin.scope)
    first, second, third, fourth = [f"subscription {{ {name}: paymentRecorded {{ eventId }} }}" for name in "abcd"]
    begun = [await asked(bounded, isp.admin, document) for document in (first, second, second)]
    assert [one.errors for one in begun] == [[], [], []], "the same again isn't one more"
    assert refused(await asked(bounded, isp.admin, third)) == ("different subscriptions of a user", 2)
    assert (await asked(bounded, other, third)).errors == []
    assert refused(await asked(bounded, other, fourth)) == ("different subscriptions of all users", 3)
    assert (await asked(bounded, other, first)).errors == [], "who joins what there is makes it no more"
    await bounded.leave(begun[1])
    await bounded.leave(begun[2])
    assert (await asked(bounded, isp.admin, fourth)).errors == []
