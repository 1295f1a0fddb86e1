"""The probe names what to mend and changes nothing; the settings; the plugin's door."""

from datetime import UTC, datetime
from importlib.metadata import entry_points
from typing import Any

import pytest
from pydantic import ValidationError
from sebilling.plugins.contract import InvalidValue, IsolationDriver, Sentence, UsageReader
from sebilling.plugins.loading import Plugins, PluginStatus

from sebilling_radius import GroupDriver, RejectDriver
from sebilling_radius.testing import Receiver, Rig
from sebilling_radius.testing.rig import GRANTS, GRANTS_REJECT

from .conftest import context, made

BOTH = pytest.mark.parametrize("driver_class", [GroupDriver, RejectDriver])


@BOTH
async def test_a_database_that_is_set_up(driver_class: type[IsolationDriver[Any]], rig: Rig, nas: Receiver) -> None:
    before = await rig.dump(without=())
    health = await made(driver_class, rig, nas).probe()
    assert health.ok, health.problems
    assert health.facts.keys() >= {"postgresql", "coa", "advice"}
    assert "privileges" not in health.facts
    assert await rig.dump(without=()) == before


FALLS = "radgroupreply (groupname, attribute, op, value) VALUES ('isolir', 'Fall-Through', '=', 'Yes')"


@pytest.mark.parametrize(
    ("statement", "undo", "said"),
    [
        ("UPDATE radgroupreply SET groupname = 'x' WHERE groupname = 'isolir'",
         "UPDATE radgroupreply SET groupname = 'isolir' WHERE groupname = 'x'", "no attributes"),
        (f"INSERT INTO {FALLS}", "DELETE FROM radgroupreply WHERE attribute = 'Fall-Through'", "Fall-Through"),
        ("ALTER TABLE radusergroup RENAME priority TO prio", "ALTER TABLE radusergroup RENAME prio TO priority", "lacks priority"),
        ("ALTER TABLE radgroupreply RENAME TO gone", "ALTER TABLE gone RENAME TO radgroupreply", "radgroupreply isn't there"),
        ("REVOKE ALL ON radusergroup FROM sebilling",
         "GRANT SELECT, INSERT, DELETE ON radusergroup TO sebilling", "SELECT, INSERT, DELETE on"),
        ("REVOKE USAGE ON SEQUENCE radusergroup_id_seq FROM sebilling",
         "GRANT USAGE ON SEQUENCE radusergroup_id_seq TO sebilling", "USAGE on"),
    ],
)  # fmt: skip
async def test_a_database_that_is_not(statement: str, undo: str, said: str, rig: Rig, nas: Receiver) -> None:
    await rig.query(statement)
    try:
        health = await made(GroupDriver, rig, nas).probe()
    finally:
        await rig.query(undo)
    assert any(said in problem.english for problem in health.problems), health.problems
    assert health.reachable


async def test_more_than_is_needed_is_noted(rig: Rig, nas: Receiver) -> None:
    health = await made(GroupDriver, rig, nas, database_user="rig", database_password=rig.database.password).probe()
    assert health.ok
    privileges = health.facts["privileges"]
    assert isinstance(privileges, Sentence)
    assert "superuser" in privileges.english


async def test_it_never_raises(whole_rig: Rig, rig: Rig) -> None:
    whole_rig.database.kill()
    health = await made(GroupDriver, rig).probe()
    whole_rig.database.start()
    assert (health.reachable, len(health.problems)) == (False, 1)


@pytest.mark.parametrize(("grants", "driver_class"), [(GRANTS, GroupDriver), (GRANTS_REJECT, RejectDriver)])
async def test_the_grants_of_the_readme_are_enough_and_needed(
    grants: str, driver_class: type[IsolationDriver[Any]], rig: Rig, nas: Receiver
) -> None:
    connection = await rig.admin()
    await connection.execute(
        "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM sebilling; REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM sebilling"
    )
    try:
        assert (await made(driver_class, rig, nas).probe()).problems
        await connection.execute(grants)
        assert (await made(driver_class, rig, nas).probe()).ok
    finally:
        await connection.execute(GRANTS)
        await connection.execute(GRANTS_REJECT)
        await connection.close()


@pytest.mark.parametrize(
    ("typed", "matching", "said"),
    [("Budi", "exact", "set matching to lower"), ("budi@isp.id", "lower", "set matching to without_realm"), ("Budi", "lower", None),
     ("budi@isp.id", "without_realm", None), ("budi", "exact", None), ("wati", "exact", None)],
)  # fmt: skip
async def test_sessions_under_another_spelling_are_told(typed: str, matching: str, said: str | None, rig: Rig, nas: Receiver) -> None:
    await rig.add_customer("budi")
    await rig.open_sessions([typed])
    problems = [problem.english for problem in (await made(GroupDriver, rig, nas, matching=matching).probe()).problems]
    assert [problem for problem in problems if "matching" in problem and said in problem] if said else not problems


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("DELETE FROM radacct", "radacct is empty"),
        (("UPDATE radacct SET acctstarttime = acctstarttime - interval '5 hours', acctupdatetime = acctstarttime - interval '5 hours',"
         " acctstoptime = acctstoptime - interval '5 hours'"), "last written"),
        (("UPDATE radacct SET acctstarttime = now() - interval '5 hours', acctupdatetime = now() - interval '5 hours'"
         " WHERE acctstoptime IS NULL"), "Acct-Interim-Interval"),
    ],
)  # fmt: skip
async def test_accounting_that_proves_nothing_is_told(statement: str, said: str, rig: Rig, nas: Receiver) -> None:
    await rig.add_customer("budi")
    await rig.open_sessions(["budi", "budi"])
    health = await made(GroupDriver, rig, nas).probe()
    assert health.ok
    assert health.facts["open_sessions"] == "2"
    newest = health.facts["newest_accounting"]
    assert isinstance(newest, Sentence)
    assert newest.english == "0 minutes ago"
    await rig.query(statement)
    problems = [problem.english for problem in (await made(GroupDriver, rig, nas).probe()).problems]
    assert len(problems) == 1
    assert said in problems[0]


@BOTH
async def test_who_is_online_now(driver_class: type[IsolationDriver[Any]], rig: Rig, nas: Receiver) -> None:
    await rig.add_customer("budi")
    await rig.open_sessions(["Budi@isp", "stranger"])
    await rig.query(
        "UPDATE radacct SET framedipaddress = '10.5.0.9', callingstationid = 'aa-bb-cc-00-11-22', acctinputoctets = 5000000000,"
        " acctoutputoctets = 7 WHERE username = 'Budi@isp'"
    )
    driver = made(driver_class, rig, nas, matching="without_realm")
    assert isinstance(driver, UsageReader)
    await driver.open()
    budi, stranger = await driver.read_usage()
    assert (budi.key, budi.service_kind, budi.address, budi.mac) == ("budi", "RADIUS", "10.5.0.9", "AA:BB:CC:00:11:22")
    assert (budi.bytes_up, budi.bytes_down) == (5_000_000_000, 7)
    assert budi.since is not None
    assert abs((datetime.now(UTC) - budi.since).total_seconds()) < 60
    assert (stranger.key, stranger.address, stranger.mac, stranger.bytes_up) == ("stranger", "", "", None)
    await driver.close()


@BOTH
def test_keys_have_one_spelling(driver_class: type[IsolationDriver[Any]]) -> None:
    assert driver_class.canonical_key("RADIUS", " budi@isp.id ") == "budi@isp.id"
    for text in (" ", "~sebilling~budi", "x" * 250, "nul\0"):
        with pytest.raises(InvalidValue, match="user name"):
            driver_class.canonical_key("RADIUS", text)


def test_the_plugin_comes_in_by_its_door() -> None:
    loaded = Plugins.load(points=[point for point in entry_points(group="sebilling.plugins") if point.name == "radius"])
    assert [(one.status, one.error) for one in loaded.plugins] == [(PluginStatus.ACTIVE, None)]
    assert loaded.drivers.keys() == {"radius.group", "radius.reject"}


GOOD: dict[str, object] = {
    "database_host": "db", "database_password": "sandi-basis-1", "nas": [{"address": "10.0.0.1", "secret": "sandi-nas-1"}],
}  # fmt: skip


@BOTH
@pytest.mark.parametrize(
    "more",
    [
        {"radcheck": 'radcheck"; DROP TABLE x; --'}, {"schema_name": "a.b"}, {"radreply": "Radreply"}, {"more": 1}, {"database_port": 0},
        {"nas": [{"address": "here", "secret": "sandi-nas-1"}]}, {"nas": [{"address": "10.0.0.1/24", "secret": "sandi-nas-1"}]},
        {"nas": [{"address": "10.0.0.1", "secret": "**********"}]}, {"nas": [{"address": "10.0.0.1", "secret": ""}]},
    ],
)  # fmt: skip
def test_settings_are_checked_and_hide_secrets(driver_class: type[IsolationDriver[Any]], more: dict[str, object]) -> None:
    config = driver_class.config_model.model_validate(GOOD)
    shown = f"{config!r} {config} {config.model_dump()} {config.model_dump_json()}"
    assert "sandi" not in shown
    with pytest.raises(ValidationError) as caught:
        driver_class.config_model.model_validate(GOOD | more)
    assert "sandi" not in str(caught.value)
    assert driver_class(config, context()).config.database_tls


def test_the_narrowest_nas_counts() -> None:
    entries = [
        {"address": "10.0.0.0/8", "secret": "wide-wide"},
        {"address": "10.1.1.1", "secret": "one-one-1"},
        {"address": "2001:db8::/32", "secret": "six-six-6"},
    ]
    config = GroupDriver.config_model.model_validate(GOOD | {"nas": entries})
    found = {
        address: [nas.secret.get_secret_value() for nas in config.nases_of(address)]
        for address in ("10.1.1.1", "10.2.2.2", "2001:db8::7", "11.0.0.1")
    }
    assert found == {"10.1.1.1": ["one-one-1"], "10.2.2.2": ["wide-wide"], "2001:db8::7": ["six-six-6"], "11.0.0.1": []}
