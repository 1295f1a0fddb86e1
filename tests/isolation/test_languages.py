"""What drivers report is stored in both languages and read in the caller's."""

from sebilling.db.engine import Database
from sebilling.language import Sentence
from sebilling.network import health
from sebilling.network.engine import sentence
from sebilling.network.reconcile import work_one
from sebilling.plugins.conformance.languages import english_words
from sebilling.plugins.contract import DeviceError, Fault
from tests.harness import Api
from tests.isolation.gear import Gear
from tests.isolation.place import make
from tests.isolation.test_graphql import CREATE, SECRET

ACCESSES = "{ serviceAccesses(first: 5) { nodes { key error detail } } }"
EVENTS = '{ events(first: 5, filter: {kind: "isolation.failed"}) { nodes { data } } }'
HEALTH = '{ events(first: 5, filter: {kind: "device.health_changed"}) { nodes { data } } }'
DEVICES = "{ devices { problems facts } }"


async def test_a_failure_is_read_in_the_callers_language(database: Database, gear: Gear) -> None:
    place = await make(database, gear, "budi")
    await place.sweep()
    await place.work()
    gear.profiles["budi"] = "by-hand"
    await place.isp.pay(place.people["budi"], 150_000, at=place.now)
    assert await work_one(place.engine)
    api = Api(database, at=place.now)
    await api.sign_in()
    for language, error, detail in (("en", "changed by hand", "profile by-hand"), ("id", "diubah manual", "profil by-hand")):
        api.headers["Accept-Language"] = language
        (access,) = (await api.ask(ACCESSES))["nodes"]
        assert (access["error"], access["detail"]) == (error, detail)
        (event,) = (await api.ask(EVENTS))["nodes"]
        assert event["data"]["error"] == error


async def test_problems_and_facts_are_read_in_the_callers_language(database: Database, gear: Gear) -> None:
    place = await make(database, gear, "budi")
    device_id = await place.isp.value("SELECT id FROM device")
    down = DeviceError(Fault.UNREACHABLE, Sentence("It is down: start it.", "Mati: nyalakan."), retryable=True)
    failed = health.health_after(down)
    facts: dict[str, Sentence | str] = {
        "version": "7",
        "privileges": Sentence("The user may do too much.", "Penggunanya boleh terlalu banyak."),
    }
    await health.keep(place.engine, device_id, type(failed)(reachable=False, problems=failed.problems, facts=facts))
    api = Api(database, at=place.now)
    await api.sign_in()
    for language, problem, privileges in (
        ("en", "It is down: start it.", "The user may do too much."), ("id", "Mati: nyalakan.", "Penggunanya boleh terlalu banyak."),
    ):  # fmt: skip
        api.headers["Accept-Language"] = language
        assert await api.ask(DEVICES) == [{"problems": [problem], "facts": {"version": "7", "privileges": privileges}}]
        (event,) = (await api.ask(HEALTH))["nodes"]
        assert event["data"]["problems"] == [problem]


async def test_drivers_and_refused_settings_are_in_indonesian(database: Database, gear: Gear) -> None:
    await make(database, gear, "budi")
    api = Api(database)
    await api.sign_in()
    api.headers["Accept-Language"] = "id"
    (driver,) = await api.ask("{ drivers { title configSchema serviceKinds { kind key } } }")
    assert driver["title"] == "Perangkat di memori"
    assert driver["serviceKinds"] == [{"kind": "PPPOE", "key": "nama PPPoE"}]
    assert driver["configSchema"]["properties"]["password"]["title"] == "Kata sandi"
    for kind, config in (
        ("no.such", {}), ("test.gear", {}), ("test.gear", {"gear": 5}), ("test.gear", {"gear": "one", "speed": 1}),
        ("test.gear", {"gear": "one", "password": "**********"}),
    ):  # fmt: skip
        errors = (await api.ask(CREATE, input={"name": "RB9", "kind": kind, "config": config}))["errors"]
        assert errors, (kind, config)
        assert not english_words(errors[0]["message"]), errors
        assert SECRET not in errors[0]["message"]


def test_what_an_untyped_driver_says_is_quoted() -> None:
    told = sentence("no route to host")
    assert told == Sentence('The driver says: "no route to host"', 'Driver mengatakan: "no route to host"')
    assert sentence(told) is told
