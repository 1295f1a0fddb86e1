"""The probe names what to mend and changes nothing; reading for an import; the plugin's door."""

import logging
from importlib.metadata import entry_points

import pytest
from pydantic import ValidationError
from sebilling.plugins.loading import Plugins, PluginStatus

from sebilling_mikrotik import AddressListDriver, DhcpDriver, HotspotDriver, PppoeDriver, QueueDriver, read_profiles, read_secrets
from sebilling_mikrotik.testing import Router, Simulator

from .conftest import PASSWORD, context, made, settings

DRIVERS = (PppoeDriver, AddressListDriver, HotspotDriver, QueueDriver, DhcpDriver)


@pytest.mark.parametrize("driver", DRIVERS)
async def test_a_router_that_is_set_up(driver: type[PppoeDriver], simulator: Simulator) -> None:
    health = await made(driver, simulator).probe()
    assert health.reachable
    assert [problem.english[:10] for problem in health.problems] == ["TLS is off"]
    assert health.facts["identity"] == "Sim"
    assert health.uptime_seconds == 604_800
    assert health.facts.keys() >= {"version", "board-name", "uptime", "date", "time", "permissions"}
    assert not [command for command in simulator.seen if not command[0].endswith("/print")]


@pytest.mark.parametrize(
    ("driver", "said"),
    [
        (PppoeDriver, "profile 'isolir'"),
        (HotspotDriver, "profile 'isolir'"),
        (AddressListDriver, "No rule of /ip firewall filter stops"),
        (DhcpDriver, "DHCP server"),
    ],
)
async def test_a_router_that_is_not(driver: type[PppoeDriver], said: str) -> None:
    router = Router()
    router.user("sebilling", PASSWORD)
    router.table("/user/group").set(router.table("/user/group").find("sebilling") or {}, {"policy": "read,api"})
    async with Simulator(router) as simulator:
        health = await made(driver, simulator).probe()
    assert any(said in problem.english for problem in health.problems)
    assert any("policies write" in problem.english for problem in health.problems)


async def test_an_isolir_profile_without_list_or_rule(router: Router, simulator: Simulator) -> None:
    for rule in router.table("/ip/firewall/filter").rows.values():
        rule["disabled"] = "true"
    assert any(
        "No rule of /ip firewall filter stops" in problem.english for problem in (await made(PppoeDriver, simulator).probe()).problems
    )
    del (router.table("/ppp/profile").find("isolir") or {})["address-list"]
    assert any("names no address list" in problem.english for problem in (await made(PppoeDriver, simulator).probe()).problems)


async def test_it_never_raises(simulator: Simulator) -> None:
    wrong = await made(PppoeDriver, simulator, password="wrong").probe()
    assert (wrong.reachable, wrong.ok) == (True, False)
    simulator.faults.hang_after = 1
    hung = await made(PppoeDriver, simulator, timeout_seconds=0.2, read_timeout_seconds=0.2).probe()
    assert not hung.reachable
    await simulator.stop()
    assert not (await made(PppoeDriver, simulator).probe()).reachable


async def test_reading_for_an_import(router: Router, simulator: Simulator) -> None:
    router.add("/ppp/secret", name="0812", password=PASSWORD, profile="10M", comment="Budi", disabled="yes")
    config = PppoeDriver.config_model.model_validate(settings(simulator))
    rows = await read_secrets(config, context())
    assert [(row["name"], row["profile"], row["disabled"], row["comment"]) for row in rows] == [("0812", "10M", "true", "Budi")]
    assert PASSWORD not in str(rows)
    assert {row["name"] for row in await read_profiles(config, context())} == {"default", "isolir", "10M"}


def test_the_plugin_comes_in_by_its_door() -> None:
    loaded = Plugins.load(points=[point for point in entry_points(group="sebilling.plugins") if point.name == "mikrotik"])
    assert [(one.status, one.error) for one in loaded.plugins] == [(PluginStatus.ACTIVE, None)]
    assert loaded.drivers.keys() == {driver.kind for driver in DRIVERS}


@pytest.mark.parametrize("driver", DRIVERS)
def test_settings_hide_the_password(driver: type[PppoeDriver]) -> None:
    good = {"host": "r", "username": "u", "password": PASSWORD}
    config = driver.config_model.model_validate(good)
    assert PASSWORD not in f"{config!r} {config} {config.model_dump()}"
    assert config.tls
    assert "password" in driver.config_model.model_json_schema()["properties"]
    with pytest.raises(ValidationError) as caught:
        driver.config_model.model_validate(good | {"port": 0, "more": 1})
    assert PASSWORD not in str(caught.value)


def test_librouteros_never_logs_words() -> None:
    assert logging.getLogger("librouteros").level >= logging.WARNING
