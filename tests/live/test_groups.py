"""Work is shared: who asked the same costs one execution and one statement, however many they are."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
import pytest_asyncio

from sebilling.actor import Actor, Role, Scope
from sebilling.db.engine import Database
from sebilling.live.groups import Asked, Errors, Group, Groups
from sebilling.live.hub import Hub
from sebilling.schema.build import build_schema
from sebilling.schema.context import Parts
from sebilling.schema.feed_subscription import cursor
from sebilling.storage import ObjectStore
from tests.feed.relaying import all_turns, relay
from tests.harness import NOW, Isp, counted_statements, make_user, quiet_settings
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


class Audience:
    """Followers of one process."""

    def __init__(self, database: Database, **bounds: int) -> None:
        settings = quiet_settings(**bounds)
        parts = Parts(database, settings, lambda: NOW, ObjectStore.open(None, settings.var / "uploads"), b"of tests")
        self.hub = Hub(database)
        self._groups = Groups(build_schema(), parts, self.hub)
        self._tasks: dict[Follower, asyncio.Task[None]] = {}

    def follow(self, actor: Actor, *, document: str = PAYMENTS, **variables: Any) -> Follower:
        """One more who asks for payments."""
        return self.ask(actor, document, **variables)

    def ask(self, actor: Actor, document: str, **variables: Any) -> Follower:
        """One more who asks for something."""
        follower = Follower()
        self._tasks[follower] = asyncio.create_task(self._groups.follow(Asked(document, variables, None, actor, "en"), follower))
        return follower

    async def leave(self, follower: Follower) -> None:
        """Who ends it."""
        self._tasks[follower].cancel()
        await asyncio.gather(self._tasks[follower], return_exceptions=True)

    async def close(self) -> None:
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        await self.hub.close()


@pytest_asyncio.fixture
async def audience(committed: Database) -> AsyncIterator[Audience]:
    one = Audience(committed)
    yield one
    await one.close()


async def told(followers: Sequence[Follower], count: int, *, seconds: int = 30) -> None:
    """Wait until each has so many messages, or an error; at most so long."""
    for _ in range(100 * seconds):
        if all(len(one.texts) >= count or one.errors for one in followers):
            break
        await asyncio.sleep(0.01)


async def test_a_hundred_followers_cost_one_statement(committed: Database, audience: Audience) -> None:
    isp = await Isp.make(committed)
    customer = await isp.customer()
    # whether and with what `after` is given doesn't part them
    given: list[dict[str, Any]] = [{}, {"after": None}]
    followers = [audience.follow(isp.admin, **given[number % 2]) for number in range(100)]
    await asyncio.sleep(2)
    await isp.pay(customer, 1_000)
    await isp.pay(customer, 2_000)
    with counted_statements(committed) as sent:
        await all_turns(relay(committed))
        await told(followers, 2)
    assert not any(one.errors for one in followers), followers[0].errors
    assert all(one.texts == followers[0].texts for one in followers)
    assert len(followers[0].texts) == 2
    assert all(one.texts[0] is followers[0].texts[0] for one in followers)  # the very same text
    assert sum("FROM payment t" in one for one in sent) == 1


async def test_who_joins_while_a_turn_is_told_misses_nothing_and_gets_nothing_twice(committed: Database, audience: Audience) -> None:
    """A turn is told some followers at a time: whoever comes in between stands neither before it nor behind it."""
    isp = await Isp.make(committed)
    customer = await isp.customer()
    turns, followers, paid = relay(committed), list[Follower](), list[str]()
    for number in range(20):
        followers += [audience.follow(isp.admin, after=cursor(0)) for _ in range(8)]
        paid.append(f"pay_{(await isp.pay(customer, 1_000 + number)).payment_id}")
        await all_turns(turns)
        await asyncio.sleep(0.05)
    await told(followers, len(paid))
    for one in followers:
        assert not one.errors, one.errors
        assert [json.loads(text)["data"]["paymentRecorded"]["payment"]["id"] for text in one.texts] == paid


async def test_who_joins_before_the_first_of_a_turn_is_told_reads_it_by_themselves(
    committed: Database, audience: Audience, monkeypatch: pytest.MonkeyPatch
) -> None:
    isp = await Isp.make(committed)
    customer = await isp.customer()
    first = audience.follow(isp.admin, after=cursor(0))
    joined, read, tell = list[Follower](), list[str](), Group.tell

    async def tell_late(self: Group, turned: Any) -> None:
        if not joined:
            joined.append(audience.follow(isp.admin, after=cursor(0)))
            await told(joined, 1, seconds=5)
            read.extend(joined[0].texts)
        await tell(self, turned)

    monkeypatch.setattr(Group, "tell", tell_late)
    await asyncio.sleep(1)
    await isp.pay(customer, 1_000)
    await all_turns(relay(committed))
    await told([first], 1)
    await asyncio.sleep(0.2)
    assert len(read) == 1
    assert joined[0].texts == first.texts == read


async def test_who_comes_while_the_group_waits_is_not_told_what_was_before_them(committed: Database, audience: Audience) -> None:
    isp = await Isp.make(committed)
    customer = await isp.customer()
    turns = relay(committed)
    first = audience.follow(isp.admin)
    await asyncio.sleep(2)
    await isp.pay(customer, 1_000)
    await all_turns(turns)
    await told([first], 1)
    number = audience.hub.number  # the group has told it, and waits for more to tell together
    await isp.pay(customer, 2_000)
    await all_turns(turns)
    await audience.hub.beyond(number)
    second = audience.follow(isp.admin)
    await told([first], 2)
    await asyncio.sleep(0.5)
    assert len(first.texts) == 2
    assert second.texts == []
    await isp.pay(customer, 3_000)
    await all_turns(turns)
    await told([first], 3)
    await told([second], 1)
    assert second.texts == first.texts[2:]
    assert len(second.texts) == 1


async def test_a_group_is_of_the_same_counters(committed: Database, audience: Audience) -> None:
    """The same clerk with other counters, as after a move, isn't told what their old connection may see."""
    isp = await Isp.make(committed, "LKT01", "LKT02")
    customers = [await isp.customer(counter=code) for code in isp.counters]
    async with isp.write() as session:
        clerk = await make_user(session, "kasir", Role.CLERK, "LKT01")
    first, second = (
        audience.follow(Actor(clerk, "kasir", Role.CLERK, Scope(frozenset({counter})))) for counter in isp.counters.values()
    )  # fmt: skip
    everywhere = audience.follow(isp.admin)
    await asyncio.sleep(2)
    paid = [f"pay_{(await isp.pay(customer, 1_000)).payment_id}" for customer in customers]
    await all_turns(relay(committed))
    await told([everywhere], 2)
    await told([first, second], 1)
    await asyncio.sleep(0.5)
    got = [[json.loads(text)["data"]["paymentRecorded"]["payment"]["id"] for text in one.texts] for one in (everywhere, first, second)]
    assert got == [paid, paid[:1], paid[1:]]


ACCESSES = """subscription($x: Boolean!) { isolationChanged { cursor }
  isolationChanged { access @include(if: $x) { customer { outstanding } } } }"""
MERGED = """subscription($x: Boolean!, $after: String) { paymentRecorded(after: $after) { payment { amount } }
  paymentRecorded(after: $after) { ... @include(if: $x) { payment { customer { code outstanding } } } } }"""


async def test_what_a_directive_could_select_parts_groups_and_is_refused_for_every_value(committed: Database, audience: Audience) -> None:
    isp = await Isp.make(committed)
    customer = await isp.customer("BUDI")
    technician = Actor(None, "teknisi", Role.TECHNICIAN, Scope(None))
    refused = [audience.follow(technician, document=ACCESSES, x=x) for x in (False, True, False, True)]
    allowed = [audience.follow(isp.admin, document=MERGED, x=x) for x in (False, True, False, True)]
    await told(refused, 1)
    assert [[error["extensions"]["code"] for error in one.errors] for one in refused] == [["FORBIDDEN"]] * 4
    await asyncio.sleep(2)
    await isp.pay(customer, 1_000)
    await all_turns(relay(committed))
    await told(allowed, 1)
    payments = [json.loads(one.texts[0])["data"]["paymentRecorded"]["payment"] for one in allowed]
    assert payments == [{"amount": 1_000}, {"amount": 1_000, "customer": {"code": "BUDI", "outstanding": 0}}] * 2


async def test_a_subscription_whose_only_field_may_be_left_out_is_refused_in_a_sentence(committed: Database, audience: Audience) -> None:
    isp = await Isp.make(committed)
    for only in ("paymentRecorded @include(if: $x) { cursor }", "... @skip(if: $x) { paymentRecorded { cursor } }"):
        for x in (False, True):
            nothing = audience.follow(isp.admin, document=f"subscription($x: Boolean!) {{ {only} }}", x=x)
            await told([nothing], 1)
            assert [error["extensions"]["code"] for error in nothing.errors] == ["BAD_REQUEST"], nothing.errors


async def test_a_text_that_cannot_be_is_refused_by_its_name(committed: Database, audience: Audience) -> None:
    isp = await Isp.make(committed)
    document = "subscription($v: [String!]) { events(kinds: $v) { cursor } }"
    one = audience.follow(isp.admin, document=document, v=["payment.recorded", "\x00"])
    await told([one], 1)
    assert [(error["extensions"]["code"], error["extensions"]["field"]) for error in one.errors] == [("INVALID_TEXT", ["kinds", "1"])]
