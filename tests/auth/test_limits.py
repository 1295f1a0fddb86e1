"""Brute force is slowed down from wherever it comes, and nobody can lock anybody else out with it."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from sqlalchemy import text

from sebilling.actor import Actor, Role, Scope
from sebilling.auth import attempts
from sebilling.auth.attempts import MAX_FAILURES, WITHIN
from sebilling.db.engine import Database
from tests.auth.people import SIGN_IN, add, enter, from_address, kinds, refused_sign_in
from tests.harness import NOW, PASSWORD, Api, Isp, counted_statements

WRONG = "tebakan-yang-salah"


async def guess(api: Api, username: str = "admin", times: int = MAX_FAILURES) -> list[str]:
    """The codes of so many wrong guesses."""
    return [await refused_sign_in(api, username, WRONG) for _ in range(times)]


async def test_guessing_from_one_address_leaves_the_account_to_all_others(database: Database) -> None:
    await Isp.make(database)
    attacker, owner = Api(database), Api(database)
    from_address(attacker, "203.0.113.9")
    from_address(owner, "198.51.100.7")
    assert await guess(attacker, times=12) == ["WRONG_CREDENTIALS"] * 10 + ["TOO_MANY_ATTEMPTS"] * 2
    assert await refused_sign_in(attacker) == "TOO_MANY_ATTEMPTS", "the right one isn't looked at either"
    await enter(owner)
    attacker.now += timedelta(seconds=29)
    assert await refused_sign_in(attacker) == "TOO_MANY_ATTEMPTS"
    attacker.now += timedelta(seconds=1)
    assert await guess(attacker, times=2) == ["WRONG_CREDENTIALS", "TOO_MANY_ATTEMPTS"], "one more as time passes, not ten"
    attacker.now += WITHIN
    await enter(attacker)


async def test_what_a_client_says_of_its_address_counts_for_nothing(database: Database) -> None:
    await Isp.make(database)
    attacker = Api(database)
    from_address(attacker, "203.0.113.9")
    for number in range(MAX_FAILURES):
        attacker.headers["X-Forwarded-For"] = f"198.51.100.{number}"
        attacker.headers["Forwarded"] = f"for=198.51.100.{number}"
        attacker.headers["X-Real-IP"] = f"198.51.100.{number}"
        assert await guess(attacker, times=1) == ["WRONG_CREDENTIALS"]
    attacker.headers["X-Forwarded-For"] = "198.51.100.99"
    assert await guess(attacker, times=1) == ["TOO_MANY_ATTEMPTS"]


async def test_behind_a_trusted_proxy_each_client_has_limits_of_its_own(database: Database) -> None:
    await Isp.make(database)
    api = Api(database, trusted_proxies="10.0.0.0/8")
    from_address(api, "10.0.0.1")
    api.headers["X-Forwarded-For"] = "203.0.113.9"
    assert (await guess(api, times=11))[-1] == "TOO_MANY_ATTEMPTS"
    api.headers["X-Forwarded-For"] = "203.0.113.10"
    await enter(api)


async def test_one_address_guessing_many_accounts_is_stopped(database: Database) -> None:
    await Isp.make(database)
    attacker = Api(database)
    from_address(attacker, "203.0.113.9")
    codes = [await refused_sign_in(attacker, f"orang{number}", WRONG) for number in range(52)]
    assert codes == ["WRONG_CREDENTIALS"] * 50 + ["TOO_MANY_ATTEMPTS"] * 2
    from_address(attacker, "203.0.113.10")
    assert await guess(attacker, times=1) == ["WRONG_CREDENTIALS"]


async def test_one_account_guessed_from_many_addresses_is_stopped_but_lets_its_owners_devices_in(database: Database) -> None:
    isp = await Isp.make(database)
    await add(isp, "sari", Role.FINANCE)
    owner, attacker, stranger = Api(database), Api(database), Api(database)
    from_address(owner, "198.51.100.7")
    device_token = (await enter(owner))["deviceToken"]
    from_address(stranger, "198.51.100.8")
    sari_device = (await enter(stranger, "sari"))["deviceToken"]
    codes = []
    for number in range(102):
        from_address(attacker, f"203.0.{number}.1")
        codes += await guess(attacker, times=1)
    assert codes == ["WRONG_CREDENTIALS"] * 100 + ["TOO_MANY_ATTEMPTS"] * 2
    assert await refused_sign_in(owner) == "TOO_MANY_ATTEMPTS", "a new device has to wait"
    for wrong in (sari_device, "sbd_made-up", "", "x" * 5_000):
        assert await refused_sign_in(stranger, deviceToken=wrong) == "TOO_MANY_ATTEMPTS", "a device of somebody else is none of theirs"
    await enter(owner, deviceToken=device_token)
    from_address(owner, "192.0.2.77")
    again = await enter(owner, deviceToken=device_token)
    assert again["deviceToken"] == device_token
    assert await guess(attacker, "sari", times=1) == ["WRONG_CREDENTIALS"], "the other accounts know nothing of it"
    owner.now += timedelta(seconds=36)
    await enter(owner)


async def test_a_stolen_device_token_guesses_no_faster_than_anybody(database: Database) -> None:
    await Isp.make(database)
    api = Api(database)
    stolen = (await enter(api))["deviceToken"]
    codes = []
    for number in range(12):
        from_address(api, f"203.0.113.{number}")
        codes.append(await refused_sign_in(api, password=WRONG, deviceToken=stolen))
    assert codes == ["WRONG_CREDENTIALS"] * 10 + ["TOO_MANY_ATTEMPTS"] * 2


async def test_who_signs_in_well_is_never_slowed_down(database: Database) -> None:
    await Isp.make(database)
    api = Api(database)
    for _ in range(15):
        await enter(api)


async def test_a_hundred_guesses_at_once_are_no_more_than_ten_in_turn(committed: Database) -> None:
    await Isp.make(committed)
    api = Api(committed)
    document = SIGN_IN
    answers = await asyncio.gather(*(api.ask(document, input={"username": "admin", "password": f"{WRONG}{n}"}) for n in range(60)))
    codes = [answer["errors"][0]["code"] for answer in answers]
    assert codes.count("WRONG_CREDENTIALS") == MAX_FAILURES
    assert codes.count("TOO_MANY_ATTEMPTS") == 50


async def test_a_refused_attempt_costs_no_hash_and_the_log_stays_bounded(committed: Database) -> None:
    isp = await Isp.make(committed)
    api = Api(committed)
    await guess(api)
    with counted_statements(committed) as sent:
        await guess(api, times=20)
    assert not [one for one in sent if "event" in one]
    assert (await kinds(isp)).count("user.sign_in_failed") == MAX_FAILURES
    told = await isp.rows("SELECT actor_name, subject_id, data FROM event WHERE kind = 'user.sign_in_failed' LIMIT 1")
    assert told == [("admin", isp.admin.user_id, {"reason": "password", "network": "127.0.0.1"})]


async def test_what_was_typed_as_a_name_is_not_kept_as_it_may_be_a_password(database: Database) -> None:
    isp, api = await Isp.make(database), Api(database)
    assert await refused_sign_in(api, PASSWORD, "admin-admin-admin") == "WRONG_CREDENTIALS"
    for table in ("event", "sign_in_attempt", "sign_in"):
        assert PASSWORD not in str(await isp.rows(f"SELECT t::text FROM {table} t"))


async def test_what_is_kept_of_attempts_empties_by_itself(database: Database) -> None:
    isp, api = await Isp.make(database), Api(database)
    for number in range(60):
        from_address(api, f"203.0.113.{number}")
        await guess(api, f"orang{number}", times=1)
    assert await isp.value("SELECT count(*) FROM sign_in_attempt") == 180
    api.now += timedelta(hours=2)
    for _ in range(10):
        await enter(api)
    assert await isp.value("SELECT count(*) FROM sign_in_attempt") <= 3


async def test_devices_known_are_bounded(database: Database) -> None:
    isp, api = await Isp.make(database), Api(database)
    for _ in range(25):
        api.now += timedelta(seconds=1)
        await enter(api)
    assert await isp.value("SELECT count(*) FROM known_device") == 20


async def test_who_pays_and_who_is_given_back_dont_wait_for_each_other(committed: Database) -> None:
    """Both lock several limits. Here the last two lie, and are named, before the first: who follows either order locks them first."""
    rising = sorted(attempts.limits("admin", "203.0.113.9", device=None), key=lambda limit: limit.key)
    falling = rising[::-1]
    for one in falling:
        await attempts.pay(committed, [one], at=NOW, field=())
    async with committed.transaction(actor=CLERK, at=NOW) as paying:
        await paying.execute(_LOCK_LIMIT, {"key": rising[0].key})
        giving = asyncio.create_task(_given_back(committed, falling))
        await _somebody_waits(committed)
        for one in rising[1:]:
            await paying.execute(_LOCK_LIMIT, {"key": one.key})
    await giving
    async with committed.reading() as session:
        assert [row.empty_at for row in await session.rows(text("SELECT empty_at FROM sign_in_attempt"))] == [NOW] * 3


CLERK: Final = Actor(None, "kasir", Role.CLERK, Scope(frozenset()))
_LOCK_LIMIT: Final = text("UPDATE sign_in_attempt SET empty_at = empty_at WHERE key = :key")


async def _somebody_waits(database: Database) -> None:
    waiting = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()")
    async with asyncio.timeout(10), database.reading() as session:  # not in a transaction: there the view stays as it was
        while await session.value(waiting) == 0:  # noqa: ASYNC110 - it is another connection that waits
            await asyncio.sleep(0.01)


async def _given_back(database: Database, limits: Sequence[attempts.Limit]) -> None:
    async with database.transaction(actor=CLERK, at=NOW) as session:
        await attempts.release(session, limits)
