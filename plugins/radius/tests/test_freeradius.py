"""With FreeRADIUS itself: what a customer is answered, and a NAS that we didn't write."""

import pytest
from sebilling.plugins.contract import Fault, Result, State

from sebilling_radius import GroupDriver, RejectDriver
from sebilling_radius.testing import Rig

from .conftest import blocked, jobs, made, read, refs, restored

PLAN = {"Mikrotik-Rate-Limit": "10M/20M", "Framed-Pool": "customers", "Session-Timeout": "86400"}
GARDEN = {"Mikrotik-Rate-Limit": "512k/512k", "Framed-Pool": "isolir-pool", "Mikrotik-Address-List": "ISOLIR"}


async def dial(rig: Rig, name: str, session_id: str, password: str = "rahasia") -> dict[str, str] | None:
    """Log in by radclient, and tell FreeRADIUS and its NAS side of the session."""
    attributes = rig.authenticate(name, password)
    if attributes is not None:
        rig.account(name, session_id)
        await rig.query("INSERT INTO nas_session (id, username, answer) VALUES ($1, $2, 'ack')", session_id, name)
    return attributes


@pytest.mark.parametrize("priority", [0, 1, -7])
async def test_a_customer_is_walled_in_and_let_out(radius: Rig, priority: int) -> None:
    fixed = [
        ("Framed-IP-Address", ":=", "10.5.0.9"),
        ("Framed-Route", "+=", "10.9.0.0/24 10.5.0.9 1"),
        ("Mikrotik-Rate-Limit", ":=", "7M/9M"),
    ]
    await radius.add_customer("budi", groups=[("10M", priority)], reply=[*fixed, ("Session-Timeout", ":=", "3600")])
    before = await radius.dump()
    own = PLAN | {
        "Framed-IP-Address": "10.5.0.9",
        "Framed-Route": "10.9.0.0/24 10.5.0.9 1",
        "Mikrotik-Rate-Limit": "7M/9M",
        "Session-Timeout": "3600",
    }
    assert await dial(radius, "budi", "first") == own
    driver = made(GroupDriver, radius)
    await driver.open()
    wanted = await jobs(driver, refs(["budi"]))
    assert (await blocked(driver, wanted))[1].result is Result.CHANGED
    assert await radius.at_the_nas() == {}
    assert await dial(radius, "budi", "second") == GARDEN | {"Session-Timeout": "3600"}  # what isn't parked is untouched
    assert (await read(driver, wanted))[1].actual is State.BLOCKED
    assert (await blocked(driver, wanted))[1].result is Result.UNCHANGED
    assert list(await radius.at_the_nas()) == ["second"]  # who dialled into the garden stays there
    assert (await restored(driver, wanted))[1].result is Result.CHANGED
    assert await radius.at_the_nas() == {}
    assert await radius.dump() == before
    assert await dial(radius, "budi", "third") == own
    assert (await restored(driver, wanted))[1].result is Result.UNCHANGED
    assert list(await radius.at_the_nas()) == ["third"]
    await driver.close()


async def test_a_customer_is_dark_and_comes_back(radius: Rig) -> None:
    await radius.add_customer("budi")
    before = await radius.dump()
    assert await dial(radius, "budi", "first") == PLAN
    driver = made(RejectDriver, radius)
    await driver.open()
    wanted = await jobs(driver, refs(["budi"]))
    assert (await blocked(driver, wanted))[1].result is Result.CHANGED
    assert await radius.at_the_nas() == {}
    assert await dial(radius, "budi", "second") is None
    assert (await read(driver, wanted))[1].actual is State.BLOCKED
    assert (await blocked(driver, wanted))[1].result is Result.UNCHANGED
    assert (await restored(driver, wanted))[1].result is Result.CHANGED
    assert await radius.dump() == before
    assert await dial(radius, "budi", "third") == PLAN
    await driver.close()


@pytest.mark.parametrize("name", ["12345", "0812", "true", "budi@isp.id", "budi santoso"])
async def test_names_reach_the_nas_as_they_are(radius: Rig, name: str) -> None:
    await radius.add_customer(name)
    assert await dial(radius, name, "first") == PLAN
    driver = made(GroupDriver, radius)
    await driver.open()
    wanted = await jobs(driver, refs([name]))
    assert (await blocked(driver, wanted))[1].result is Result.CHANGED
    assert await radius.at_the_nas() == {}
    assert radius.authenticate(name) == GARDEN
    await driver.close()


async def test_nobody_logs_in_by_a_parked_name(radius: Rig) -> None:
    await radius.add_customer("budi", reply=[("Framed-IP-Address", ":=", "10.5.0.9")])
    driver = made(GroupDriver, radius)
    await driver.open()
    await blocked(driver, await jobs(driver, refs(["budi"])))
    assert radius.authenticate("~sebilling~budi") is None
    await driver.close()


async def test_fall_through_no_of_a_customer_keeps_nobody_out_of_the_garden(radius: Rig) -> None:
    await radius.add_customer("budi", reply=[("Framed-IP-Address", ":=", "10.5.0.9"), ("fall-through", "=", "No")])
    assert radius.authenticate("budi") == {"Framed-IP-Address": "10.5.0.9"}
    driver = made(GroupDriver, radius)
    await driver.open()
    wanted = await jobs(driver, refs(["budi"]))
    await blocked(driver, wanted)
    assert radius.authenticate("budi") == GARDEN
    await restored(driver, wanted)
    assert radius.authenticate("budi") == {"Framed-IP-Address": "10.5.0.9"}
    await driver.close()


async def test_a_session_is_changed_in_place(radius: Rig) -> None:
    await radius.add_customer("budi")
    await dial(radius, "budi", "first")
    before = await radius.dump()
    driver = made(GroupDriver, radius, session="coa")
    await driver.open()
    wanted = await jobs(driver, refs(["budi"]))
    assert (await blocked(driver, wanted))[1].result is Result.CHANGED
    assert await radius.at_the_nas() == {"first": "ISOLIR 512k/512k"}
    assert (await read(driver, wanted))[1].actual is State.BLOCKED
    assert (await blocked(driver, wanted))[1].result is Result.UNCHANGED
    assert (await restored(driver, wanted))[1].result is Result.CHANGED
    assert await radius.at_the_nas() == {}  # it is ended: no CoA takes an address list away again
    assert await radius.dump() == before
    await driver.close()


@pytest.mark.parametrize(
    ("answer", "result", "fault"),
    [
        ("ack", Result.CHANGED, None),
        (None, Result.UNKNOWN, Fault.REFUSED),  # radacct shows the session, the NAS denies it
        ("501", Result.FAILED, Fault.PERMISSION),
        ("506", Result.FAILED, Fault.REFUSED),
    ],
)
async def test_what_the_nas_answers(radius: Rig, answer: str | None, result: Result, fault: Fault | None) -> None:
    await radius.add_customer("budi")
    await radius.open_sessions(["budi"], answer=answer)
    driver = made(GroupDriver, radius)
    await driver.open()
    wanted = await jobs(driver, refs(["budi"]))
    told = (await blocked(driver, wanted))[1]
    assert (told.result, told.fault) == (result, fault)
    expected = State.BLOCKED if fault is None else None if answer is None else State.ACTIVE
    assert (await read(driver, wanted))[1].actual is expected
    await driver.close()


@pytest.mark.parametrize("why", ["wrong secret", "dead"])
async def test_silence_is_never_told_as_success(radius: Rig, why: str) -> None:
    await radius.add_customer("budi")
    await radius.open_sessions(["budi"])
    before = await radius.dump()
    port = radius.radius.coa if why == "wrong secret" else 9
    driver = made(GroupDriver, radius, coa_tries=1)
    right = driver.config
    driver.config = made(GroupDriver, radius, coa_tries=1, nas=[{"address": "127.0.0.1", "secret": "not it", "port": port}]).config
    await driver.open()
    wanted = await jobs(driver, refs(["budi"]))
    for _ in range(2):
        told = (await blocked(driver, wanted))[1]
        assert (told.result, told.fault, told.retryable) == (Result.UNKNOWN, Fault.TIMEOUT, True)
        assert (await read(driver, wanted))[1].actual is State.ACTIVE
    assert len(await radius.at_the_nas()) == 1
    driver.config = right
    assert (await blocked(driver, wanted))[1].result is Result.CHANGED
    assert (await read(driver, wanted))[1].actual is State.BLOCKED
    assert await radius.at_the_nas() == {}
    await restored(driver, wanted)
    assert await radius.dump() == before
    await driver.close()


async def test_a_thousand_of_a_hundred_thousand(radius: Rig) -> None:
    """How long it takes is measured by `make bench ARGS=radius`."""
    everybody = [f"pelanggan{number}" for number in range(100_000)]
    await radius.add_many(everybody)
    late = everybody[::100]
    before = await radius.dump()
    driver = made(GroupDriver, radius, coa_timeout_seconds=1.5, coa_tries=3)
    await driver.open()
    wanted = await jobs(driver, refs(late))
    told = await blocked(driver, wanted)
    states = await read(driver, wanted)
    assert {one.result for one in told.values()} == {Result.CHANGED}
    assert {one.state for one in states.values()} == {State.BLOCKED}
    assert len(told) == len(states) == 1_000
    assert len(await radius.at_the_nas()) == 99_000
    assert radius.authenticate(late[7], "x") == GARDEN
    told = await restored(driver, wanted)
    states = await read(driver, wanted, cut=False)
    assert {one.result for one in told.values()} == {Result.CHANGED}
    assert {one.state for one in states.values()} == {State.ACTIVE}
    assert await radius.dump() == before
    await driver.close()
