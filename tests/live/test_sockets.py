"""graphql-transport-ws: what comes, and how a connection ends that breaks the protocol."""

import asyncio
import contextlib
import json
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from tests.live.conftest import Site
from tests.live.watching import EVENTS, PAYMENTS, Watcher, raw, socket_address, watching


async def test_a_payment_at_one_process_reaches_a_subscriber_at_another(site: Site) -> None:
    customer = await site.isp.customer()
    async with watching(site.b.address, site.admin) as watcher:
        await watcher.subscribe(PAYMENTS)
        await watcher.settled()
        paid = await site.isp.pay(customer, 150_000)
        came = await watcher.next()
        assert came["payment"] == {"id": f"pay_{paid.payment_id}", "amount": 150_000, "counter": {"code": "LKT01"}}
        await watcher.nothing()


async def test_who_resumes_gets_what_was_missed_and_then_what_happens(site: Site) -> None:
    customer = await site.isp.customer()
    async with watching(site.a.address, site.admin) as watcher:
        await watcher.subscribe(PAYMENTS)
        await watcher.settled()
        await site.isp.pay(customer, 1_000)
        first = await watcher.next()
    for amount in (2_000, 3_000):
        await site.isp.pay(customer, amount)
    await asyncio.sleep(1.5)  # until they are numbered, and behind what a newcomer would get
    async with watching(site.b.address, site.admin) as watcher:
        await watcher.subscribe(PAYMENTS, after=first["cursor"])
        await watcher.subscribe(EVENTS, "events", after=first["cursor"], kinds=["payment.recorded"])
        amounts = [(await watcher.next())["payment"]["amount"] for _ in range(2)]
        await site.isp.pay(customer, 4_000)
        amounts.append((await watcher.next())["payment"]["amount"])
        assert amounts == [2_000, 3_000, 4_000]
        ids = [(await watcher.next("events"))["eventId"] for _ in range(3)]
        assert len(set(ids)) == 3
        assert ids == sorted(ids, key=int)
        await watcher.nothing()
        await watcher.nothing("events", seconds=0)


async def test_a_subscription_that_can_not_be_is_an_error_and_the_others_go_on(site: Site) -> None:
    async with watching(site.a.address, site.admin) as watcher:
        await watcher.subscribe(EVENTS)
        for name, document, code in (
            ("nonsense", "subscription {", "BAD_REQUEST"),
            ("unknown", "subscription { nothing }", "BAD_REQUEST"),
            ("query", "{ me { username } }", "BAD_REQUEST"),
            ("mutation", "mutation { signOut { errors { code } } }", "BAD_REQUEST"),
            ("cursor", 'subscription { events(after: "x") { eventId } }', "INVALID_CURSOR"),
            ("ahead", 'subscription { events(after: "WyJmZWVkIiw5OTk5OTk5OTk5XQ") { eventId } }', "INVALID_CURSOR"),
            ("id", 'subscription { paymentRecorded(counterId: "inv_1") { eventId } }', "INVALID_ID"),
            ("month", 'subscription { recapChanged(month: "2031-01") { cursor } }', "NOT_FOUND"),
        ):
            await watcher.subscribe(document, name)
            message = await watcher.message(name)
            assert (message["type"], message["payload"][0]["extensions"]["code"]) == ("error", code), (name, message)
            assert message["payload"][0]["message"]
        await site.isp.pay(await site.isp.customer(), 1_000)
        assert (await watcher.next())["eventId"]


async def test_after_complete_nothing_comes_and_the_name_is_free(site: Site) -> None:
    customer = await site.isp.customer()
    async with watching(site.a.address, site.admin) as watcher:
        await watcher.subscribe(PAYMENTS)
        await watcher.settled()
        await watcher.socket.send('{"id": "1", "type": "complete"}')
        await watcher.settled()
        await site.isp.pay(customer, 1_000)
        await watcher.nothing()
        await watcher.subscribe(PAYMENTS)
        await watcher.settled()
        await site.isp.pay(customer, 2_000)
        assert (await watcher.next())["payment"]["amount"] == 2_000


INIT: dict[str, Any] = {"type": "connection_init"}


@pytest.mark.parametrize(
    ("messages", "code"),
    [
        ([{"id": "1", "type": "subscribe", "payload": {"query": PAYMENTS}}], 4401),
        ([INIT], 4403),
        ([{**INIT, "payload": {"authorization": "Bearer made-up"}}], 4403),
        ([{**INIT, "payload": {"authorization": "Basic x"}}], 4403),
        (["right", INIT], 4429),
        (["right", "not JSON"], 4400),
        (["right", []], 4400),
        (["right", {"type": "start"}], 4400),
        (["right", {"type": "subscribe", "payload": {"query": PAYMENTS}}], 4400),
        (["right", {"id": "1", "type": "subscribe", "payload": {"query": 1}}], 4400),
        (["right", {"id": "1", "type": "subscribe", "payload": {"query": PAYMENTS, "variables": []}}], 4400),
        (["right", *[{"id": "1", "type": "subscribe", "payload": {"query": PAYMENTS}}] * 2], 4409),
        ([], 4408),
    ],
)
async def test_who_breaks_the_protocol_is_told_by_its_code(site: Site, messages: list[Any], code: int) -> None:
    async with raw(site.a.address) as socket:
        for message in messages:
            whole = {**INIT, "payload": {"Authorization": f"Bearer {site.admin}"}} if message == "right" else message
            await socket.send(whole if isinstance(whole, str) else json.dumps(whole))
        async with asyncio.timeout(15):
            with contextlib.suppress(ConnectionClosed):
                async for _ in socket:
                    pass
        assert socket.close_code == code, socket.close_reason


async def test_only_the_new_sub_protocol_and_only_our_own_pages(site: Site) -> None:
    for protocols in ([Subprotocol("graphql-ws")], None):
        async with connect(socket_address(site.a.address), subprotocols=protocols) as socket:
            with pytest.raises(ConnectionClosed):
                await socket.recv()
            assert socket.close_code == 4406
    with pytest.raises(InvalidStatus) as refused:
        async with raw(site.a.address, origin="https://elsewhere.example"):
            pass
    assert refused.value.response.status_code == 403
    async with watching(site.a.address, site.admin, origin=site.a.address) as watcher:
        assert watcher.socket.subprotocol == "graphql-transport-ws"


async def test_subscriptions_of_a_connection_and_connections_of_a_user_are_bounded(site: Site) -> None:
    async with watching(site.a.address, site.admin) as watcher:
        for number in range(51):
            await watcher.subscribe(EVENTS, str(number))
        message = await watcher.message("50")
        assert (message["type"], message["payload"][0]["extensions"]["code"]) == ("error", "LIMIT_EXCEEDED")
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(10):
            await stack.enter_async_context(watching(site.a.address, site.clerk))
        async with raw(site.a.address) as socket:
            await socket.send(json.dumps({**INIT, "payload": {"authorization": f"Bearer {site.clerk}"}}))
            with pytest.raises(ConnectionClosed):
                await socket.recv()
            assert socket.close_code == 4430
        async with watching(site.a.address, site.admin) as other:
            assert isinstance(other, Watcher)
