"""A plan that changes, from GraphQL through the engine to the router: who comes back has the new plan's speed."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from sebilling.app import create_app
from sebilling.billing import plans
from sebilling.billing.isolation import blocks, policy
from sebilling.billing.isolation.policy import IsolationMode
from sebilling.db.engine import Database
from tests.harness import Api, quiet_settings
from tests.isolation import routers
from tests.isolation.routers import KEY, LATE, Place

ACCESS = "mutation($input: SetServiceAccessInput!) { setServiceAccess(input: $input) { errors { code message } } }"
UPDATE = "mutation($input: UpdateCustomerInput!) { updateCustomer(input: $input) { customer { plan { name } } errors { code message } } }"
PAY = "mutation($input: RecordPaymentInput!) { recordPayment(input: $input) { errors { code message } } }"
RUN = "mutation { runIsolation { blocked restored errors { code message } } }"
STATE = "{ serviceAccesses(first: 5) { nodes { desired actual inSync error } } }"


@pytest_asyncio.fixture
async def place(committed: Database) -> AsyncIterator[Place]:
    async with routers.place(committed) as made:
        yield made


class Subscriber:
    """Budi, late with 150,000 rupiah, on one device; his plan is changed and he pays through GraphQL."""

    def __init__(self, place: Place, api: Api, customer_id: int, menu: str) -> None:
        self.place, self.api, self.customer_id, self.menu = place, api, customer_id, menu

    @property
    def row(self) -> dict[str, str]:
        found = self.place.router.table(self.menu).find("budi")
        assert found is not None
        return found

    async def cut(self) -> None:
        assert (await self.api.do(RUN))["blocked"] == 1
        await self.place.work()

    async def moves_to(self, name: str, down: int | None = None, up: int | None = None) -> None:
        """To a plan of this name, made if speeds are given."""
        if down is not None:
            async with self.place.isp.write() as session:
                await plans.create(session, name=name, price=200_000, rate_down_kbps=down, rate_up_kbps=up)
        plan_id = await self.place.isp.value("SELECT id FROM plan WHERE name = :name", name=name)
        await self.api.do(UPDATE, input={"id": f"cus_{self.customer_id}", "planId": f"pla_{plan_id}"})

    async def pays(self) -> dict[str, Any]:
        given = {"customerId": f"cus_{self.customer_id}", "amount": 150_000, "method": "CASH", "idempotencyKey": "paid-just-once"}
        await self.api.do(PAY, input=given)
        await self.place.work()
        return await self.state()

    async def state(self) -> dict[str, Any]:
        (node,) = (await self.api.ask(STATE))["nodes"]
        found: dict[str, Any] = node
        return found


async def late(place: Place, kind: str, menu: str, service: str) -> Subscriber:
    """Budi has the plan Home 10M and this row of the router."""
    api = Api(place.isp.database, at=LATE)
    app = create_app(
        quiet_settings(secret_key=KEY), place.isp.database, clock=lambda: LATE, plugins=place.engine.plugins
    )  # fmt: skip
    api.http = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")
    await api.sign_in()
    customer_id = await place.isp.customer("budi")
    device_id = await place.device(kind=kind)
    await api.do(ACCESS, input={"customerId": f"cus_{customer_id}", "deviceId": f"dev_{device_id}", "serviceKind": service, "key": "budi"})
    async with place.isp.write() as session:
        await policy.set_policy(session, mode=IsolationMode.FROM_INVOICE, days=10)
    await place.isp.open()
    await place.isp.generate()
    return Subscriber(place, api, customer_id, menu)


async def pppoe(place: Place) -> Subscriber:
    place.router.add("/ppp/secret", name="budi", password="x", service="pppoe", profile="10M", remote_address="10.9.0.7")
    place.router.dial("budi")
    return await late(place, "mikrotik.pppoe", "/ppp/secret", "PPPOE")


async def queue(place: Place) -> Subscriber:
    place.router.add("/queue/simple", name="budi", target="10.9.0.7/32", max_limit="5M/10M")
    return await late(place, "mikrotik.queue", "/queue/simple", "QUEUE")


BACK = {"desired": "ACTIVE", "actual": "ACTIVE", "inSync": True, "error": ""}


async def test_pppoe_comes_back_in_the_profile_of_the_new_plans_speed(place: Place) -> None:
    budi = await pppoe(place)
    before = dict(budi.row)
    await budi.cut()
    assert budi.row["profile"] == "isolir"
    await budi.moves_to("Home 20M", 20_000, 10_000)
    assert budi.row["profile"] == "isolir", "a new plan gives nobody back"
    assert await budi.pays() == BACK
    assert budi.row == before | {"profile": "20M"}


async def test_a_queue_comes_back_at_the_new_plans_speed(place: Place) -> None:
    budi = await queue(place)
    before = dict(budi.row)
    await budi.cut()
    assert budi.row["max-limit"] == "64000/64000"
    await budi.moves_to("Home 20M", 20_000, 10_000)
    assert await budi.pays() == BACK
    assert budi.row == before | {"max-limit": "10000000/20000000"}, "upload first, as RouterOS has it"


@pytest.mark.parametrize("make", [pppoe, queue])
async def test_without_a_new_plan_everything_is_as_before(place: Place, make: Any) -> None:
    budi = await make(place)
    before = dict(budi.row)
    await budi.cut()
    assert await budi.pays() == BACK
    assert budi.row == before


@pytest.mark.parametrize("make", [pppoe, queue])
async def test_a_plan_changed_there_and_back_again_is_no_change(place: Place, make: Any) -> None:
    budi = await make(place)
    before = dict(budi.row)
    await budi.cut()
    await budi.moves_to("Home 20M", 20_000, 10_000)
    await budi.moves_to("Home 10M")
    assert await budi.pays() == BACK
    assert budi.row == before


@pytest.mark.parametrize("make", [pppoe, queue])
async def test_a_plan_without_speed_gives_back_what_was(place: Place, make: Any) -> None:
    budi = await make(place)
    before = dict(budi.row)
    await budi.cut()
    async with place.isp.write() as session:
        await plans.create(session, name="Tanpa kecepatan", price=1)
    await budi.moves_to("Tanpa kecepatan")
    assert await budi.pays() == BACK
    assert budi.row == before


async def test_a_speed_that_no_profile_carries_gives_back_the_profile_from_before(place: Place) -> None:
    budi = await pppoe(place)
    before = dict(budi.row)
    await budi.cut()
    await budi.moves_to("Home 99M", 99_000, 99_000)
    assert await budi.pays() == BACK
    assert budi.row == before


@pytest.mark.parametrize("make", [pppoe, queue])
async def test_a_plan_changed_while_not_cut_is_the_operators_to_apply(place: Place, make: Any) -> None:
    budi = await make(place)
    before = dict(budi.row)
    await budi.moves_to("Home 20M", 20_000, 10_000)
    await place.work()
    assert budi.row == before, "nothing is sent to the router"
    await budi.cut()
    assert await budi.pays() == BACK
    assert budi.row == before, "the snapshot was taken under the new plan: the operator's setting holds"


@pytest.mark.parametrize("make", [pppoe, queue])
async def test_an_old_cut_has_no_say_in_a_new_one_that_was_never_made(place: Place, make: Any) -> None:
    budi = await make(place)
    await budi.cut()
    await budi.pays()
    await budi.moves_to("Home 20M", 20_000, 10_000)
    before, customer = dict(budi.row), budi.customer_id
    async with place.isp.write() as session:
        await blocks.block(session, customer, reason="kabel dicuri")
    async with place.isp.write() as session:
        await blocks.restore(session, customer, reason="ternyata tidak")
    await place.work()
    assert budi.row == before
    assert await budi.state() == BACK
