"""Work is shared: who asked the same costs one execution and one statement, however many they are."""

import asyncio
import json

from sebilling.db.engine import Database
from sebilling.live.groups import Asked, Errors, Groups
from sebilling.live.hub import Hub
from sebilling.schema.context import Parts
from sebilling.schema.following import cursor
from sebilling.schema.roots import build_schema
from sebilling.storage import ObjectStore
from tests.feed.relaying import all_turns, relay
from tests.harness import NOW, Isp, counted_statements, quiet_settings
from tests.live.watching import PAYMENTS


class Follower:
    """Keeps what it is given."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.errors: Errors = []

    def message(self, number: int, payload: str) -> None:  # noqa: ARG002 - as followers are told
        self.texts.append(payload)

    def failed(self, errors: Errors) -> None:
        self.errors = errors

    def completed(self) -> None: ...

    async def room(self) -> None: ...


def parts_of(database: Database) -> Parts:
    settings = quiet_settings()
    return Parts(database, settings, lambda: NOW, ObjectStore.open(None, settings.var / "uploads"), b"of tests")


async def test_a_hundred_followers_cost_one_statement(committed: Database) -> None:
    isp = await Isp.make(committed)
    customer = await isp.customer()
    hub = Hub(committed)
    groups = Groups(build_schema(), parts_of(committed), hub)
    followers = [Follower() for _ in range(100)]
    # whether and with what `after` is given doesn't part them
    tasks = [
        asyncio.create_task(groups.follow(Asked(PAYMENTS, {"after": None} if number % 2 else {}, None, isp.admin, "en"), follower))
        for number, follower in enumerate(followers)
    ]
    try:
        await asyncio.sleep(2)
        await isp.pay(customer, 1_000)
        await isp.pay(customer, 2_000)
        with counted_statements(committed) as sent:
            await all_turns(relay(committed))
            for _ in range(100):
                await asyncio.sleep(0.1)
                if all(len(one.texts) == 2 for one in followers):
                    break
        assert not any(one.errors for one in followers), followers[0].errors
        assert all(one.texts == followers[0].texts for one in followers)
        assert len(followers[0].texts) == 2
        assert all(one.texts[0] is followers[0].texts[0] for one in followers)  # the very same text
        assert sum("FROM payment t" in one for one in sent) == 1
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await hub.close()


async def test_who_joins_while_a_turn_is_told_misses_nothing_and_gets_nothing_twice(committed: Database) -> None:
    """A turn is told some followers at a time: whoever comes in between stands neither before it nor behind it."""
    isp = await Isp.make(committed)
    customer = await isp.customer()
    hub, turns = Hub(committed), relay(committed)
    groups = Groups(build_schema(), parts_of(committed), hub)
    followers: list[Follower] = []
    tasks: list[asyncio.Task[None]] = []
    paid = []
    try:
        for number in range(20):
            for _ in range(8):
                followers.append(Follower())
                asked = Asked(PAYMENTS, {"after": cursor(0)}, None, isp.admin, "en")
                tasks.append(asyncio.create_task(groups.follow(asked, followers[-1])))
            paid.append((await isp.pay(customer, 1_000 + number)).payment_id)
            await all_turns(turns)
            await asyncio.sleep(0.05)
        for _ in range(300):
            await asyncio.sleep(0.1)
            if all(len(one.texts) >= len(paid) or one.errors for one in followers):
                break
        for one in followers:
            assert not one.errors, one.errors
            assert [json.loads(text)["data"]["paymentRecorded"]["payment"]["id"] for text in one.texts] == [
                f"pay_{number}" for number in paid
            ]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await hub.close()
