"""Devices and isolation through GraphQL: who may do what, and no secret in any answer."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import text

from sebilling import keys
from sebilling.actor import Role
from sebilling.billing.isolation import sweep
from sebilling.db.engine import Database
from sebilling.vault import Vault
from tests.harness import SECRET_KEY, Api, Isp, make_user
from tests.isolation.gear import GEARS, Gear

LATE = datetime(2026, 2, 14, 2, 0, tzinfo=UTC)
SECRET = "sandi-router-777"
CREATE = (
    "mutation($input: CreateDeviceInput!) { createDevice(input: $input) { device { id name kind enabled } errors { code field message } } }"
)
UPDATE = "mutation($input: UpdateDeviceInput!) { updateDevice(input: $input) { device { id name enabled } errors { code field message } } }"
DELETE = "mutation($input: DeviceIdInput!) { deleteDevice(input: $input) { device { id } errors { code field message } } }"
TEST = (
    "mutation($input: DeviceIdInput!) { testDevice(input: $input) { device { reachable problems facts } errors { code field message } } }"
)
ACCESS = (
    "mutation($input: SetServiceAccessInput!) { setServiceAccess(input: $input)"
    " { access { id desired actual inSync } errors { code field message } } }"
)
_ERRORS = "errors { code field message }"
POLICY = f"mutation($input: SetIsolationPolicyInput!) {{ setIsolationPolicy(input: $input) {{ policy {{ id mode days }} {_ERRORS} }} }}"
PROMISE = f"mutation($input: PromiseToPayInput!) {{ promiseToPay(input: $input) {{ promise {{ id }} customer {{ id }} {_ERRORS} }} }}"
BLOCK = "mutation($input: BlockCustomerInput!) { blockCustomer(input: $input) { customer { id } errors { code field message } } }"
RESTORE = "mutation($input: BlockCustomerInput!) { restoreCustomer(input: $input) { customer { id } errors { code field message } } }"
DECIDE = f"mutation($input: DecideIsolationHoldInput!) {{ decideIsolationHold(input: $input) {{ hold {{ id approved }} {_ERRORS} }} }}"
FORECAST = "query($id: ID!) { isolationForecast(customerId: $id) { blockOn amount invoiceNumber mode promisedUntil text } }"
PREVIEW = (
    "query($id: ID!, $mode: IsolationMode!, $days: Int!, $minimum: Rupiah!) {"
    " previewIsolationPolicy(customerId: $id, mode: $mode, days: $days, minimum: $minimum)"
    " { blockOn amount invoiceNumber promisedUntil warnings { code } } }"
)
PLAN = "{ isolationPlan { nodes { customer { id } device { id } amount blockOn } } }"
ACCESSES = "query($filter: ServiceAccessFilter) { serviceAccesses(filter: $filter) { nodes { key desired actual inSync manual } } }"


@pytest_asyncio.fixture
async def isp(database: Database, gear: Gear) -> Isp:
    """Two counters, and a user of each role that matters."""
    made = await Isp.make(database, "LKT01", "LKT02")
    async with made.write() as session:
        await make_user(session, "kasir", Role.CLERK, "LKT01")
        await make_user(session, "teknisi", Role.TECHNICIAN)
    return made


@pytest_asyncio.fixture
async def api(database: Database, isp: Isp) -> Api:
    made = Api(database, at=LATE)
    await made.sign_in()
    return made


async def device(api: Api) -> str:
    made = await api.do(CREATE, input={"name": "RB1", "kind": "test.gear", "config": {"gear": "one", "password": SECRET}})
    found: str = made["device"]["id"]
    return found


async def person(isp: Isp, api: Api, device_id: str, name: str, counter: str = "LKT01") -> int:
    customer_id = await isp.customer(name, counter=counter)
    GEARS["one"].profiles[name] = "home"
    given = {"customerId": f"cus_{customer_id}", "deviceId": device_id, "serviceKind": "PPPOE", "key": name}
    assert (await api.do(ACCESS, input=given))["access"]["desired"] == "ACTIVE"
    return customer_id


async def opened(isp: Isp) -> dict[str, Any]:
    return Vault(keys.derived(SECRET_KEY)).open(await isp.value("SELECT config FROM device"))


async def test_a_secret_goes_in_and_never_comes_out(api: Api, isp: Isp) -> None:
    answers = [await api.raw(CREATE, input={"name": "RB1", "kind": "test.gear", "config": {"gear": "one", "password": SECRET}})]
    device_id = answers[0]["data"]["createDevice"]["device"]["id"]
    answers.append(await api.raw("query($id: ID!) { deviceConfig(id: $id) { config } }", id=device_id))
    config = answers[-1]["data"]["deviceConfig"]["config"]
    assert config["gear"] == "one"
    assert set(config["password"]) == {"*"}
    answers.append(await api.raw("{ devices { id name kind problems facts } drivers { kind configSchema } plugins { name error } }"))
    answers.append(await api.raw("{ events(first: 50) { nodes { kind data } } }"))
    for wrong in ({"gear": "one", "password": [SECRET]}, {"gear": 7, "password": SECRET}, {"gear": "one", "pasword": SECRET}, SECRET):
        answers.append(await api.raw(CREATE, input={"name": "RB2", "kind": "test.gear", "config": wrong}))
        answers.append(await api.raw(UPDATE, input={"id": device_id, "config": wrong}))
    assert SECRET not in json.dumps(answers)
    assert (await opened(isp))["password"] == SECRET


async def test_wrong_settings_name_the_field_and_not_the_value(api: Api) -> None:
    for config, field in (({"gear": "one", "password": [SECRET]}, "password"), ({}, "gear"), ({"gear": "one", "port": SECRET}, "port")):
        payload = await api.ask(CREATE, input={"name": "RB1", "kind": "test.gear", "config": config})
        error = payload["errors"][0]
        assert (error["code"], error["field"]) == ("INVALID_DEVICE", ["input", "config", field])
        assert field in error["message"]
        assert SECRET not in error["message"]
    assert await api.refused(CREATE, input={"name": "RB1", "kind": "no.such", "config": {}}) == ("INVALID_DEVICE", ["input", "kind"])


async def test_an_update_keeps_what_it_leaves_out(api: Api, isp: Isp) -> None:
    device_id = await device(api)
    await api.do(UPDATE, input={"id": device_id, "name": "RB9", "config": {"gear": "one"}})
    assert await opened(isp) == {"gear": "one", "password": SECRET}
    await api.do(UPDATE, input={"id": device_id, "config": {"gear": "two", "password": SECRET}})
    await api.do(UPDATE, input={"id": device_id, "config": {"password": "new-one"}, "enabled": False})
    assert await opened(isp) == {"gear": "two", "password": "new-one"}


async def test_what_the_form_showed_as_stars_is_kept_when_it_is_sent_back(api: Api, isp: Isp) -> None:
    device_id = await device(api)
    shown = (await api.ask("query($id: ID!) { deviceConfig(id: $id) { config } }", id=device_id))["config"]
    await api.do(UPDATE, input={"id": device_id, "config": shown})
    assert (await opened(isp))["password"] == SECRET


async def test_a_device_with_customers_isnt_deleted(api: Api, isp: Isp) -> None:
    device_id = await device(api)
    await person(isp, api, device_id, "budi")
    assert await api.refused(DELETE, input={"id": device_id}) == ("DEVICE_IN_USE", ["input", "id"])
    (access_id,) = (await isp.rows("SELECT id FROM service_access"))[0]
    await api.do(
        "mutation($input: RemoveServiceAccessInput!) { removeServiceAccess(input: $input) { errors { code } } }",
        input={"id": f"acc_{access_id}"},
    )
    await api.do(DELETE, input={"id": device_id})


async def test_a_key_is_one_customers_and_of_a_kind_that_the_driver_has(api: Api, isp: Isp) -> None:
    device_id = await device(api)
    await person(isp, api, device_id, "budi")
    given = {"customerId": f"cus_{await isp.customer('siti')}", "deviceId": device_id, "serviceKind": "PPPOE", "key": "budi"}
    assert (await api.refused(ACCESS, input=given))[0] == "ALREADY_EXISTS"
    for seen_as_budi in ("budi\u200b", "\u202abudi\u202c", "bu\u00addi", "budi\u00a0"):
        assert (await api.refused(ACCESS, input={**given, "key": seen_as_budi}))[0] == "ALREADY_EXISTS", ascii(seen_as_budi)
    assert await api.refused(ACCESS, input={**given, "serviceKind": "ONU"}) == ("INVALID_DEVICE", ["input", "serviceKind"])


async def test_a_device_is_asked_how_it_is(api: Api, gear: Gear) -> None:
    device_id = await device(api)
    assert (await api.do(TEST, input={"id": device_id}))["device"] == {"reachable": True, "problems": [], "facts": {"version": "1"}}
    gear.unreachable = True
    assert (await api.do(TEST, input={"id": device_id}))["device"]["reachable"] is False


@pytest.mark.parametrize(
    ("mode", "days", "minimum"),
    [("FROM_DUE_DATE", 0, 1), ("FROM_INVOICE", 3, 1), ("FROM_INSTALL_DATE", 40, 1), ("MANUAL", 5, 1), ("FROM_INVOICE", 3, 999_000)],
)
async def test_a_preview_of_a_policy_is_the_forecast_once_it_is_set(api: Api, isp: Isp, mode: str, days: int, minimum: int) -> None:
    customer = f"cus_{await isp.customer('A')}"
    await isp.open()
    await isp.generate()
    proposed = {"mode": mode, "days": days, "minimum": minimum}
    preview = await api.ask(PREVIEW, id=customer, **proposed)
    before = await api.ask(FORECAST, id=customer)
    await api.do(POLICY, input={"customerId": customer, **proposed})
    after = await api.ask(FORECAST, id=customer)
    shown = ("blockOn", "amount", "invoiceNumber", "promisedUntil")
    assert [preview[name] for name in shown] == [after[name] for name in shown]
    assert before["blockOn"] is None, "a preview changes nothing"


async def test_a_preview_of_a_policy_refuses_what_setting_it_would(api: Api, isp: Isp) -> None:
    customer = f"cus_{await isp.customer('A')}"
    answer = await api.raw(PREVIEW, id=customer, mode="FROM_INVOICE", days=400, minimum=1)
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["INVALID_NUMBER"]


async def test_from_the_policy_to_the_plan(api: Api, isp: Isp) -> None:
    device_id = await device(api)
    customer_id = await person(isp, api, device_id, "budi")
    await isp.open()
    await isp.generate()
    none = await api.ask(FORECAST, id=f"cus_{customer_id}")
    assert {value for name, value in none.items() if name != "text"} == {None}
    assert (await api.ask(PLAN))["nodes"] == []
    await api.do(POLICY, input={"mode": "FROM_INVOICE", "days": 10})
    forecast = await api.ask(FORECAST, id=f"cus_{customer_id}")
    text = forecast.pop("text")
    number = await isp.value("SELECT number FROM invoice")
    assert forecast == {"blockOn": "2026-02-13", "amount": 150_000, "invoiceNumber": number, "mode": "FROM_INVOICE", "promisedUntil": None}
    assert "150.000" in text
    (planned,) = (await api.ask(PLAN))["nodes"]
    assert planned["customer"] == {"id": f"cus_{customer_id}"}
    assert (planned["device"], planned["blockOn"]) == ({"id": device_id}, "2026-02-13")
    assert await isp.value("SELECT desired FROM service_access") == "ACTIVE", "a plan changes nothing"


async def test_a_clerk_takes_promises_at_their_own_counter(api: Api, isp: Isp) -> None:
    device_id = await device(api)
    own = await person(isp, api, device_id, "budi")
    other = await person(isp, api, device_id, "siti", "LKT02")
    await isp.open()
    await isp.generate()
    await api.do(POLICY, input={"mode": "FROM_INVOICE", "days": 10})
    await api.sign_in("kasir")
    given = {"untilOn": "2026-02-20", "reason": "gajian"}
    await api.do(PROMISE, input={"customerId": f"cus_{own}", **given})
    assert (await api.ask(FORECAST, id=f"cus_{own}"))["blockOn"] == "2026-02-21"
    assert (await api.refused(PROMISE, input={"customerId": f"cus_{other}", **given}))[0] == "NOT_FOUND"
    assert await api.top_error(FORECAST, id=f"cus_{other}") == "NOT_FOUND"
    assert await isp.value("SELECT count(*) FROM payment_promise") == 1


async def test_a_technician_blocks_and_restores(api: Api, isp: Isp) -> None:
    customer_id = await person(isp, api, await device(api), "budi")
    await api.sign_in("teknisi")
    given = {"customerId": f"cus_{customer_id}", "reason": "kabel dicuri"}
    await api.do(BLOCK, input=given)
    (node,) = (await api.ask(ACCESSES, filter={"blocked": True}))["nodes"]
    assert (node["desired"], node["manual"], node["inSync"]) == ("BLOCKED", True, False)
    await api.do(RESTORE, input=given)
    assert (await api.ask(ACCESSES, filter={"blocked": True}))["nodes"] == []
    assert (await api.refused(RESTORE, input=given))[0] == "NO_ACCESS"


async def test_a_held_sweep_is_decided_once(api: Api, isp: Isp) -> None:
    device_id = await device(api)
    for number in range(25):
        await person(isp, api, device_id, f"p{number}")
    await isp.open()
    await isp.generate()
    await api.do(POLICY, input={"mode": "FROM_INVOICE", "days": 10})
    async with isp.write(LATE) as session:
        assert (await sweep.decide(session)).held == 25
    (hold,) = (await api.ask("{ isolationHolds { nodes { id wouldBlock ofActive approved } } }"))["nodes"]
    assert (hold["wouldBlock"], hold["approved"]) == (25, None)
    await api.do(DECIDE, input={"id": hold["id"], "approved": True})
    assert (await api.refused(DECIDE, input={"id": hold["id"], "approved": False}))[0] == "ALREADY_DECIDED"
    assert (await api.refused(DECIDE, input={"id": "hol_999999", "approved": False}))[0] == "NOT_FOUND"
    async with isp.write(LATE) as session:
        assert (await sweep.decide(session)).blocked == 25


async def test_drift_is_what_isnt_in_line(api: Api, isp: Isp) -> None:
    device_id = await device(api)
    for name in ("budi", "siti"):
        await person(isp, api, device_id, name)
    assert (await api.ask(ACCESSES, filter={"inSync": False}))["nodes"] == []
    async with isp.write(LATE) as session:
        await session.execute(text("UPDATE service_access SET actual = 'DRIFTED' WHERE key = 'siti'"))
    (node,) = (await api.ask(ACCESSES, filter={"inSync": False}))["nodes"]
    assert (node["key"], node["actual"], node["inSync"]) == ("siti", "DRIFTED", False)
    (node,) = (await api.ask(ACCESSES, filter={"inSync": True}))["nodes"]
    assert (node["key"], node["inSync"]) == ("budi", True)


async def test_roles(api: Api, isp: Isp) -> None:
    device_id = await device(api)
    customer_id = await person(isp, api, device_id, "budi")
    await api.sign_in("kasir")
    config = {"gear": "one", "password": SECRET}
    assert (await api.refused(CREATE, input={"name": "RB2", "kind": "test.gear", "config": config}))[0] == "FORBIDDEN"
    assert (await api.refused(BLOCK, input={"customerId": f"cus_{customer_id}", "reason": "iseng saja"}))[0] == "FORBIDDEN"
    assert await api.top_error("query($id: ID!) { deviceConfig(id: $id) { config } }", id=device_id) == "FORBIDDEN"
    await api.sign_in("teknisi")
    assert (await api.refused(POLICY, input={"mode": "MANUAL", "days": 0}))[0] == "FORBIDDEN"
    assert (await api.refused(PROMISE, input={"customerId": f"cus_{customer_id}", "untilOn": "2026-02-20", "reason": "gajian"}))[
        0
    ] == "FORBIDDEN"


async def test_a_device_is_asked_who_is_online_and_what_it_gives_away(isp: Isp, api: Api) -> None:
    device_id = await device(api)
    customer_id = await person(isp, api, device_id, "budi")
    GEARS["one"].profiles["tamu"] = "home"
    GEARS["one"].online = [("budi", "10.0.0.1"), ("tamu", "10.0.0.2")]
    online = await api.do(
        "mutation($input: DeviceIdInput!) { readOnline(input: $input)"
        " { sessions { key address megabytesDown megabytesUp customer { id name } } errors { code } } }", input={"id": device_id},
    )  # fmt: skip
    assert [(one["key"], one["address"], one["megabytesDown"], one["megabytesUp"], one["customer"]) for one in online["sessions"]] == [
        ("budi", "10.0.0.1", 7, None, {"id": f"cus_{customer_id}", "name": "Budi"}), ("tamu", "10.0.0.2", 7, None, None),
    ]  # fmt: skip
    leaks = await api.do(
        "mutation($input: DeviceIdInput!) { auditDevice(input: $input)"
        " { accounts online leaks { kind key detail customer { id } } errors { code } } }", input={"id": device_id},
    )  # fmt: skip
    assert (leaks["accounts"], leaks["online"]) == (2, 2)
    assert [(leak["kind"], leak["key"], leak["customer"]) for leak in leaks["leaks"]] == [("NOT_A_CUSTOMER", "tamu", None)]
    GEARS["one"].unreachable = True
    gone = await api.ask(
        "mutation($input: DeviceIdInput!) { auditDevice(input: $input) { leaks { key } errors { code message } } }", input={"id": device_id}
    )
    assert (gone["leaks"], [error["code"] for error in gone["errors"]]) == (None, ["DEVICE_UNUSABLE"])


async def test_a_wrong_key_is_corrected_and_tried_again(isp: Isp, api: Api) -> None:
    device_id = await device(api)
    await person(isp, api, device_id, "budi")
    found = await api.ask("{ serviceAccesses { nodes { id } } }")
    access_id = found["nodes"][0]["id"]
    change = (
        "mutation($input: UpdateServiceAccessInput!) { updateServiceAccess(input: $input)"
        " { access { key } errors { code field message } } }"
    )
    assert (await api.do(change, input={"id": access_id, "key": "BUDI2"}))["access"]["key"] == "budi2", "in the driver's spelling"
    assert await api.refused(change, input={"id": access_id, "key": "bu di"}) == ("INVALID_DEVICE", ["input", "key"])
    retry = "mutation($input: RetryServiceAccessInput!) { retryServiceAccess(input: $input) { access { inSync } errors { code } } }"
    assert (await api.do(retry, input={"id": access_id}))["access"]["inSync"] is False, "it is to be done"
