"""The life of a customer under both methods, with a NAS in this process: byte for byte, and nobody else touched."""

import json
from typing import Any

import pytest
from sebilling.plugins.contract import CustomerSource, Fault, IsolationDriver, Job, Ref, Result, State

from sebilling_radius import GroupDriver, RejectDriver
from sebilling_radius.testing import Receiver, Rig

from .conftest import NAMES, blocked, jobs, made, read, refs, restored

BOTH = pytest.mark.parametrize("driver_class", [GroupDriver, RejectDriver])
FIXED = [("Framed-IP-Address", ":=", "10.5.0.9"), ("Framed-Route", "+=", "a"), ("Framed-Route", "+=", "a"), ("X-Other", "=", "1")]


async def filled(rig: Rig, names: tuple[str, ...] = NAMES) -> dict[str, Any]:
    """Customers with rows of all kinds, and a session each; the dump."""
    for number, name in enumerate(names):
        await rig.add_customer(name, groups=[("10M", number - 2), ("vip", number + 3)], reply=FIXED)
    await rig.open_sessions(names)
    return await rig.dump()


@BOTH
async def test_the_whole_life(driver_class: type[IsolationDriver[Any]], rig: Rig, nas: Receiver) -> None:
    before = await filled(rig)
    driver = made(driver_class, rig, nas)
    await driver.open()
    wanted = [Job(job.ref, json.loads(json.dumps(job.snapshot))) for job in await jobs(driver, refs(NAMES))]
    assert {one.state for one in (await read(driver, wanted, cut=False)).values()} == {State.ACTIVE}
    for expected in (Result.CHANGED, Result.UNCHANGED):
        assert {one.result for one in (await blocked(driver, wanted)).values()} == {expected}
        assert {one.state for one in (await read(driver, wanted)).values()} == {State.BLOCKED}
        assert await jobs(driver, refs(NAMES)) == wanted  # a snapshot of who is cut already is the same
    assert sorted(one.user_name for one in nas.asked) == sorted(NAMES)
    for expected in (Result.CHANGED, Result.UNCHANGED):
        assert {one.result for one in (await restored(driver, wanted)).values()} == {expected}
        assert {one.state for one in (await read(driver, wanted, cut=False)).values()} == {State.ACTIVE}
    assert await rig.dump() == before
    assert len(nas.asked) == len(NAMES)  # those sessions were ended once; radacct never heard of it
    await driver.close()
    await driver.close()


@BOTH
async def test_a_missing_one_and_a_strange_one_fail_alone(driver_class: type[IsolationDriver[Any]], rig: Rig, nas: Receiver) -> None:
    before = await filled(rig, ("good",))
    driver = made(driver_class, rig, nas)
    await driver.open()
    strange = ["good", "gone", "", "nul\0", "half \ud800", "~sebilling~good", "x" * 250]
    wanted = await jobs(driver, refs(strange))
    assert [bool(job.snapshot) for job in wanted] == [True] + [False] * 6
    for told in (await blocked(driver, wanted), await restored(driver, wanted)):
        assert [told[ref_id].fault for ref_id in range(1, 8)] == [None] + [Fault.ABSENT] * 6
        assert told[1].result is Result.CHANGED
    assert {one.state for ref_id, one in (await read(driver, wanted)).items() if ref_id > 1} == {State.ABSENT}
    assert await rig.dump() == before
    await driver.close()


@BOTH
async def test_nobody_elses_rows_are_touched(driver_class: type[IsolationDriver[Any]], rig: Rig, nas: Receiver) -> None:
    await filled(rig)
    driver = made(driver_class, rig, nas)
    await driver.open()
    before = await rig.dump()
    wanted = await jobs(driver, refs(["0812"]))
    await blocked(driver, wanted)
    after = await rig.dump()
    for table, rows in before.items():
        changed = [row for row in rows if row not in after[table]]
        assert {row[1] for row in changed} <= {"0812"}
        added = [row for row in after[table] if row not in rows]
        assert {row[1] for row in added} <= {"0812", "~sebilling~0812"}
        assert {row[0] for row in rows} <= {row[0] for row in after[table]}  # no row is ever removed
    await driver.close()


PAIR = "(username, attribute, op, value)"
HANDS = {
    "our group is removed": "DELETE FROM radusergroup WHERE groupname = 'isolir' AND username = 'budi'",
    "a group goes before": "INSERT INTO radusergroup (username, groupname, priority) VALUES ('budi', '10M', -100)",
    "a group ties": "INSERT INTO radusergroup (username, groupname, priority) VALUES ('budi', '10M', -3)",
    "a fixed address is set": f"INSERT INTO radreply {PAIR} VALUES ('budi', 'framed-ip-address', ':=', '10.6.6.6')",
    "a parked row is changed": "UPDATE radreply SET value = '10.7.7.7' WHERE value = '10.5.0.9'",
    "a parked row is removed": "DELETE FROM radreply WHERE value = '10.5.0.9'",
    "our mark is changed": "UPDATE radreply SET value = 'ended' WHERE attribute = 'SeBilling-Mark'",
    "our mark is removed": "DELETE FROM radreply WHERE attribute = 'SeBilling-Mark'",
    "our mark is doubled": "INSERT INTO radreply (username, attribute, op, value) SELECT username, attribute, op, value FROM radreply"
    " WHERE attribute = 'SeBilling-Mark'",
}
HANDS_REJECT = {
    "another type comes after": "INSERT INTO radcheck (username, attribute, op, value) VALUES ('budi', 'Auth-Type', ':=', 'Accept')",
    "our row is removed": "DELETE FROM radcheck WHERE attribute = 'Auth-Type'",
    "our mark is changed": "UPDATE radcheck SET value = 'x' WHERE attribute = 'SeBilling-Mark'",
}


@pytest.mark.parametrize(
    ("driver_class", "statement"),
    [(GroupDriver, one) for one in HANDS.values()] + [(RejectDriver, one) for one in HANDS_REJECT.values()],
    ids=[*HANDS, *HANDS_REJECT],
)
async def test_what_a_hand_changed_is_reported_and_left_alone(
    driver_class: type[IsolationDriver[Any]], statement: str, rig: Rig, nas: Receiver
) -> None:
    await rig.add_customer("budi", groups=[("10M", -2)], reply=FIXED)
    await rig.add_customer("wati", reply=[("Framed-IP-Address", ":=", "10.5.0.10")])
    driver = made(driver_class, rig, nas)
    await driver.open()
    wanted = await jobs(driver, refs(["budi"]))
    await blocked(driver, wanted)
    await rig.query(statement)
    hand = await rig.dump()
    assert (await read(driver, wanted))[1].actual is State.DRIFTED
    for told in (await restored(driver, wanted), await blocked(driver, wanted)):
        assert (told[1].result, told[1].fault) == (Result.FAILED, Fault.DRIFTED)
    assert await rig.dump() == hand
    await driver.close()


@BOTH
async def test_changed_since_the_snapshot_is_left_alone(driver_class: type[IsolationDriver[Any]], rig: Rig, nas: Receiver) -> None:
    await rig.add_customer("budi", reply=FIXED)
    driver = made(driver_class, rig, nas)
    await driver.open()
    wanted = await jobs(driver, refs(["budi"]))
    await rig.query("UPDATE radreply SET value = '10.7.7.7' WHERE value = '10.5.0.9'")
    await rig.query("INSERT INTO radcheck (username, attribute, op, value) VALUES ('budi', 'Auth-Type', ':=', 'Accept')")
    hand = await rig.dump()
    assert (await read(driver, wanted))[1].actual is State.DRIFTED
    assert (await blocked(driver, wanted))[1].fault is Fault.DRIFTED
    assert await rig.dump() == hand
    await driver.close()


@pytest.mark.parametrize(
    ("driver_class", "statement"),
    [
        (GroupDriver, "INSERT INTO radusergroup (username, groupname, priority) VALUES ('budi', 'isolir', -1)"),
        (RejectDriver, "INSERT INTO radcheck (username, attribute, op, value) VALUES ('budi', 'Auth-Type', ':=', 'Reject')"),
    ],
)
async def test_who_was_cut_by_hand_stays_cut(driver_class: type[IsolationDriver[Any]], statement: str, rig: Rig, nas: Receiver) -> None:
    await rig.add_customer("budi", reply=FIXED)
    await rig.query(statement)
    before = await rig.dump()
    driver = made(driver_class, rig, nas)
    await driver.open()
    wanted = await jobs(driver, refs(["budi"]))
    for call in (blocked, restored):
        assert (await call(driver, wanted))[1].result is Result.UNCHANGED
        assert (await read(driver, wanted))[1].actual is State.BLOCKED
    assert await rig.dump() == before
    assert not nas.asked
    await driver.close()


async def test_a_row_of_the_garden_that_comes_later_is_the_operators(rig: Rig, nas: Receiver) -> None:
    await rig.add_customer("budi", groups=[("10M", 0), ("isolir", 7)])
    before = await rig.dump()
    driver = made(GroupDriver, rig, nas)
    await driver.open()
    wanted = await jobs(driver, refs(["budi"]))
    await blocked(driver, wanted)
    found = await rig.query("SELECT groupname, priority FROM radusergroup WHERE username = 'budi' ORDER BY priority")
    assert [tuple(row.values()) for row in found] == [("isolir", -1), ("10M", 0), ("isolir", 7)]
    await restored(driver, wanted)
    assert await rig.dump() == before
    await driver.close()


async def test_settings_may_change_while_someone_is_cut(rig: Rig, nas: Receiver) -> None:
    before = await filled(rig, ("budi",))
    first = made(GroupDriver, rig, nas, parked=["Framed-IP-Address"])
    await first.open()
    wanted = await jobs(first, refs(["budi"]))
    await blocked(first, wanted)
    await first.close()
    second = made(GroupDriver, rig, nas, group="other", parked=["Framed-Route"])
    await second.open()
    assert (await read(second, wanted))[1].actual is State.BLOCKED
    assert (await restored(second, wanted))[1].result is Result.CHANGED
    assert await rig.dump() == before
    await second.close()


@pytest.mark.parametrize(
    ("own", "groups", "expected", "said"),
    [
        ([("mikrotik-rate-limit", ":=", "10M/20M 12M/22M")], [("10M", 0)], "7000k/9000k", ""),
        ([("Mikrotik-Rate-Limit", ":=", "7M/9M 8M/10M")], [("10M", 0)], "7M/9M 8M/10M", ""),
        ([], [("10M", 0)], "7000k/9000k", "own Mikrotik-Rate-Limit"),
        ([], [("7M", 1), ("10M", 2)], None, "group '7M' carries"),
        ([], [("hard", 1)], None, "goes above"),
        ([("Mikrotik-Rate-Limit", ":=", "1M/1M"), ("Mikrotik-Rate-Limit", ":=", "2M/2M")], [], "1M/1M", "several"),
    ],
)
@BOTH
async def test_a_changed_plan_sets_the_speed_upload_first(
    driver_class: type[IsolationDriver[Any]], own: list[tuple[str, str, str]], groups: list[tuple[str, int]], *, expected: str | None,
    said: str, rig: Rig, nas: Receiver,
) -> None:  # fmt: skip
    await rig.add_group("7M", ("Mikrotik-Rate-Limit", "=", "7M/9M"))
    await rig.add_group("hard", ("Mikrotik-Rate-Limit", ":=", "1M/1M"))
    await rig.add_customer("budi", groups=groups, reply=[*own, ("Framed-IP-Address", ":=", "10.5.0.9")])
    before = await rig.dump()
    driver = made(driver_class, rig, nas)
    await driver.open()
    wanted = await jobs(driver, refs(["budi"], rate_down_kbps=9_000, rate_up_kbps=7_000), plan_changed=True)
    await blocked(driver, wanted)
    for result in (Result.CHANGED, Result.UNCHANGED):
        told = (await restored(driver, wanted))[1]
        assert told.result is result
        assert said in ("" if told.message is None else told.message.english) or result is Result.UNCHANGED
        rates = await rig.query("SELECT value FROM radreply WHERE username = 'budi' AND attribute ILIKE 'mikrotik-rate-limit' ORDER BY id")
        assert [row["value"] for row in rates][:1] == ([expected] if expected else [])
    after = await rig.dump()
    assert [row[0] for row in after["radreply"] if row[1] == "budi"][: len(own) + 1] == [
        row[0] for row in before["radreply"] if row[1] == "budi"
    ]
    assert after["radusergroup"] == before["radusergroup"]
    await driver.close()


async def test_an_unknown_speed_gives_back_what_was(rig: Rig, nas: Receiver) -> None:
    before = await filled(rig, ("budi",))
    driver = made(GroupDriver, rig, nas)
    await driver.open()
    wanted = await jobs(driver, [Ref(1, "budi")], plan_changed=True)
    await blocked(driver, wanted)
    remark = (await restored(driver, wanted))[1].message
    assert remark is not None
    assert "isn't known" in remark.english
    assert await rig.dump() == before
    await driver.close()


@BOTH
async def test_no_snapshot_holds_a_password(driver_class: type[IsolationDriver[Any]], rig: Rig, nas: Receiver) -> None:
    await rig.add_customer("budi", "sandi-budi-123", reply=FIXED)
    driver = made(driver_class, rig, nas)
    await driver.open()
    assert "sandi-budi-123" not in str(await jobs(driver, refs(["budi"])))
    await driver.close()


@BOTH
async def test_everybody_is_read_for_an_import(driver_class: type[IsolationDriver[Any]], rig: Rig, nas: Receiver) -> None:
    await rig.add_customer("budi", "sandi-budi-123", groups=[("10M", 0), ("vip", 1)], reply=FIXED)
    await rig.add_customer("wati", groups=[("10M", 0)], reply=[("Mikrotik-Rate-Limit", ":=", "7M/9M 8M/10M")])
    await rig.add_customer("by hand", groups=[("isolir", 0)])
    await rig.add_customer("alone", groups=[])
    driver = made(driver_class, rig, nas)
    await driver.open()
    assert isinstance(driver, CustomerSource)
    for _ in range(2):
        found = {one.key: (one.plan, one.rate_up_kbps, one.rate_down_kbps) for one in await driver.read_customers()}
        assert found == {
            "budi": ("10M", 10_000, 20_000), "wati": ("10M", 7_000, 9_000), "alone": (None, None, None),
            "by hand": (None, None, None) if driver_class is GroupDriver else ("isolir", 512, 512),
            "someone else": ("10M", 10_000, 20_000),
        }  # fmt: skip
        await blocked(driver, await jobs(driver, refs(["budi", "wati"])))  # who is cut has the plan from before
    assert "sandi" not in str(await driver.read_customers())
    await driver.close()


async def test_only_our_own_reject_is_removed(rig: Rig, nas: Receiver) -> None:
    await rig.add_customer("budi")
    for value in ("Reject", "Accept"):
        await rig.query(f"INSERT INTO radcheck {PAIR} VALUES ('budi', 'Auth-Type', ':=', $1)", value)
    before = await rig.dump()
    driver = made(RejectDriver, rig, nas)
    await driver.open()
    wanted = await jobs(driver, refs(["budi"]))
    assert (await blocked(driver, wanted))[1].result is Result.CHANGED
    assert (await restored(driver, wanted))[1].result is Result.CHANGED
    assert await rig.dump() == before
    await driver.close()
