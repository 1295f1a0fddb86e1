"""A clock that was ahead for a while and is right again: nobody and nothing is locked out for as long as it was ahead."""

import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import text

from sebilling.auth import links, totp
from sebilling.auth.attempts import MAX_FAILURES
from sebilling.clock import system_clock
from sebilling.db.engine import Database
from sebilling.network import health
from sebilling.network.reconcile import work_one
from tests.auth.people import CONFIRM, START, enter, from_address, kinds, refused_sign_in
from tests.auth.test_totp import secret_in
from tests.cli.test_commands import Shell
from tests.feed.relaying import bare, tell
from tests.harness import NOW, PASSWORD, Api, Isp
from tests.isolation.gear import Gear
from tests.isolation.place import make
from tests.plugins.test_hooks import HEARS, Ticking, Write, delivering, heard, until
from tests.plugins.test_hooks import write as write  # noqa: PLC0414 - a fixture

AHEAD: Final = timedelta(days=365)
WRONG: Final = "tebakan-yang-salah"


async def test_one_sign_in_with_the_clock_ahead_locks_nobody_out(database: Database) -> None:
    isp = await Isp.make(database)
    api = Api(database)
    api.now = NOW + AHEAD
    await enter(api)
    api.now = NOW
    await enter(api)
    codes = [await refused_sign_in(api, password=WRONG) for _ in range(MAX_FAILURES + 1)]
    assert codes == ["WRONG_CREDENTIALS"] * MAX_FAILURES + ["TOO_MANY_ATTEMPTS"], "and it limits again"
    ahead = await isp.value("SELECT count(*) FROM sign_in_attempt WHERE empty_at > :at", at=NOW + timedelta(hours=2))
    assert ahead == 0


async def test_a_limit_that_was_full_is_empty_again(database: Database) -> None:
    isp, api = await Isp.make(database), Api(database)
    api.now = NOW + AHEAD
    for number in range(5):
        from_address(api, f"203.0.113.{number}")
        for _ in range(MAX_FAILURES + 2):
            await refused_sign_in(api, password=WRONG)
    api.now = NOW
    await enter(api)
    from_address(api, "203.0.113.9")
    await enter(api)
    assert await isp.value("SELECT max(empty_at) FROM sign_in_attempt") < NOW + timedelta(hours=2), "what is left is tidied away"


async def test_a_clock_that_was_a_little_ahead_gives_nobody_more_guesses(database: Database) -> None:
    """Clocks of servers differ: a limit filled at one isn't empty at another."""
    await Isp.make(database)
    api = Api(database)
    api.now = NOW + timedelta(seconds=20)
    for _ in range(MAX_FAILURES):
        assert await refused_sign_in(api, password=WRONG) == "WRONG_CREDENTIALS"
    api.now = NOW
    assert await refused_sign_in(api, password=WRONG) == "TOO_MANY_ATTEMPTS"


async def test_codes_of_an_authenticator_are_good_again(database: Database) -> None:
    isp, api = await Isp.make(database), Api(database)
    await enter(api)
    secret = secret_in((await api.do(START, p=PASSWORD))["uri"])
    api.now = NOW + AHEAD
    await enter(api)
    await api.do(CONFIRM, c=totp.code_of(secret, totp.step_at(api.now)))
    api.now = NOW
    code = totp.code_of(secret, totp.step_at(NOW))
    await enter(api, code=code)
    assert await refused_sign_in(api, code=code) == "WRONG_CODE", "and none is good twice"
    assert await isp.value("SELECT totp_step FROM app_user WHERE username = 'admin'") == totp.step_at(NOW)


def test_a_link_signed_with_the_clock_ahead_is_not_good_for_a_year() -> None:
    link = links.Link("receipt", {"id": 1}, 1)
    token = links.sign(link, key=b"k", at=NOW + AHEAD)
    assert links.read(token, key=b"k", at=NOW) is None
    assert links.read(links.sign(link, key=b"k", at=NOW + timedelta(seconds=20)), key=b"k", at=NOW) == link


async def test_devices_and_their_customers_are_worked_on_and_looked_after(database: Database, gear: Gear) -> None:
    place = await make(database, gear, "budi")
    await place.sweep()
    ahead = {"at": place.now + AHEAD}
    async with place.isp.write(place.now) as session:
        await session.execute(text("UPDATE device SET next_at = :at, failures = 3, checked_at = :at"), ahead)
        await session.execute(text("UPDATE service_access SET next_at = :at"), ahead)
    assert await health.unchecked(place.engine) == [place.device_id]
    assert await work_one(place.engine)
    assert await place.isp.value("SELECT actual FROM service_access") == "BLOCKED"
    await place.engine.close()


@pytest.mark.invents_events
async def test_a_plugin_gets_its_events_again(committed: Database, write: Write) -> None:
    good, clock = write("good", HEARS), Ticking()
    async with bare(committed) as connection, delivering(committed, good, clock=clock):
        await connection.execute("UPDATE plugin_cursor SET attempts = 3, next_at = $1, error = 'gone'", clock.now + AHEAD)
        await tell(connection, 1)
        await until(lambda: heard(good))


async def test_limits_are_cleared_at_the_shell(tmp_path: Path, committed: Database) -> None:
    isp, api = await Isp.make(committed), Api(committed, at=system_clock())
    shell = Shell(tmp_path)

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return shell("limits", "clear", *words, SEBILLING_DATABASE_URL=committed.url)

    async def fill() -> None:
        from_address(api, "203.0.113.9")
        while await refused_sign_in(api, password=WRONG) != "TOO_MANY_ATTEMPTS":
            pass
        while await refused_sign_in(api, "orang-lain", WRONG) != "TOO_MANY_ATTEMPTS":
            pass

    await fill()
    cleared = run("--user", "ADMIN")
    assert cleared.returncode == 0, cleared.stderr
    await enter(api)
    assert await refused_sign_in(api, "orang-lain") == "TOO_MANY_ATTEMPTS", "the others' stay"
    await fill()
    assert run("--all").returncode == 0
    assert await isp.value("SELECT count(*) FROM sign_in_attempt") == 0
    await enter(api)
    assert "no user 'nobody'" in run("--user", "nobody").stderr
    assert run().returncode == run("--user", "admin", "--all").returncode == 2
    assert (await kinds(isp)).count("user.limits_cleared") == 2
    told: list[Any] = await isp.rows("SELECT subject_id, actor_name, data FROM event WHERE kind = 'user.limits_cleared' ORDER BY id")
    assert [(subject, name) for subject, name, _ in told] == [(isp.admin.user_id, "sebilling limits clear"), (0, "sebilling limits clear")]
    assert all(data["limits"] > 0 for *_, data in told)
