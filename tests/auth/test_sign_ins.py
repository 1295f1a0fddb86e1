"""Sign-ins: listed per device, ended one by one; refreshed though an answer was lost, and ended when a thief refreshes."""

import asyncio
from datetime import timedelta
from typing import Any

from sqlalchemy import text

from sebilling.actor import Role
from sebilling.auth.sessions import hash_of
from sebilling.db.engine import Database
from tests.auth.people import (
    CHANGE,
    ME,
    NEW_PASSWORD,
    REFRESH,
    REVOKE,
    REVOKE_OTHERS,
    SIGN_IN,
    SIGN_INS,
    SIGN_OUT,
    UPDATE,
    add,
    bear,
    enter,
    is_signed_in,
    kinds,
    refused_sign_in,
)
from tests.harness import NOW, PASSWORD, Api, Isp, counted_statements

LATER = timedelta(minutes=16)


async def phone(api: Api, username: str = "admin") -> str:
    """Sign in as a phone does; gives the refresh token."""
    payload = await enter(api, username, refreshable=True, device="HP Siti")
    assert payload["token"]
    return str(payload["refreshToken"])


async def refreshed(api: Api, refresh_token: str) -> Any:
    """What a refresh gives; it must give it."""
    payload = await api.do(REFRESH, t=refresh_token)
    assert payload["token"]
    return payload


async def is_refused(api: Api, refresh_token: str) -> bool:
    answer = await api.raw(REFRESH, t=refresh_token)
    return "errors" in answer and answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_each_device_is_listed_and_ended_alone(database: Database) -> None:
    isp, api = await Isp.make(database), Api(database)
    await add(isp, "sari", Role.FINANCE)
    other = Api(database)
    await enter(other, "sari")
    await api.http.post(
        "/graphql", json={"query": SIGN_IN, "variables": {"input": {"username": "admin", "password": PASSWORD}}},
        headers=[(b"User-Agent", "Firefox/150 \u00e9\x7f".encode("latin-1"))],
    )  # fmt: skip
    lost = await enter(api, device="HP lama", refreshable=True)
    here = await enter(api, device="Laptop kantor")
    listed = await api.ask(SIGN_INS)
    assert [(one["device"], one["kind"], one["current"]) for one in listed] == [
        ("Laptop kantor", "TOKEN", True), ("HP lama", "REFRESHABLE", False), ("Firefox/150 \u00e9", "TOKEN", False),
    ]  # fmt: skip
    assert {one["address"] for one in listed} == {"127.0.0.1"}
    theirs = (await other.ask(SIGN_INS))[0]["id"]
    for wrong in (theirs, "sig_999999"):
        assert (await api.refused(REVOKE, id=wrong))[0] == "NOT_FOUND", "another's is as if it weren't there"
    for wrong in ("usr_1", "sig_x", "1", "sig_1 ", ""):
        assert (await api.refused(REVOKE, id=wrong))[0] == "INVALID_ID"
    assert await is_signed_in(other, other.headers["Authorization"].removeprefix("Bearer "))
    await api.do(REVOKE, id=listed[1]["id"])
    assert (await api.refused(REVOKE, id=listed[1]["id"]))[0] == "NOT_FOUND", "it has ended"
    assert not await is_signed_in(api, lost["token"])
    assert await is_refused(api, lost["refreshToken"])
    assert await is_signed_in(api, here["token"])
    assert (await api.do(REVOKE_OTHERS))["revoked"] == 1
    assert [one["current"] for one in await api.ask(SIGN_INS)] == [True]
    assert (await kinds(isp)).count("user.token_revoked") == 2


async def test_a_token_is_worth_nothing_after_sign_out_nor_are_its_refresh_tokens(database: Database) -> None:
    await Isp.make(database)
    api = Api(database)
    refresh_token = await phone(api)
    token = api.headers["Authorization"].removeprefix("Bearer ")
    assert (await api.do(SIGN_OUT))["signedOut"] is True
    assert await api.top_error(SIGN_OUT) == "UNAUTHENTICATED"
    assert not await is_signed_in(api, token)
    assert await is_refused(api, refresh_token)


async def test_when_it_was_last_used_is_written_once_an_hour_and_after_the_answer(committed: Database) -> None:
    isp = await Isp.make(committed)
    api = Api(committed)
    await enter(api)
    for minutes, writes in ((10, 0), (59, 0), (60, 1), (61, 0), (119, 0), (121, 1)):
        api.now = NOW + timedelta(minutes=minutes)
        with counted_statements(committed) as sent:
            await api.ask(ME)
        assert len([one for one in sent if "SET used_at" in one]) == writes, minutes
        assert "SET used_at" not in sent[0]
    assert await isp.value("SELECT used_at FROM access_token") == NOW + timedelta(minutes=121)


async def test_a_phone_goes_on_by_refreshing(database: Database) -> None:
    isp, api = await Isp.make(database), Api(database)
    refresh_token = await phone(api)
    old = api.headers["Authorization"].removeprefix("Bearer ")
    for _ in range(3):
        api.now += LATER
        assert not await is_signed_in(api, old), "15 minutes are over"
        new = await refreshed(api, refresh_token)
        assert new["refreshToken"] != refresh_token
        assert await is_signed_in(api, new["token"])
        old, refresh_token = new["token"], new["refreshToken"]
    bear(api, old)
    assert [one["device"] for one in await api.ask(SIGN_INS)] == ["HP Siti"], "it is one sign-in"
    api.now += timedelta(hours=721)
    assert await is_refused(api, refresh_token), "30 days without a refresh"
    for wrong in ("", "sbr_made-up", old, "x" * 10_000):
        assert await is_refused(api, wrong)
    kept = str(await isp.rows("SELECT encode(token_hash, 'escape') FROM refresh_token")) + str(await isp.rows("SELECT data FROM event"))
    assert refresh_token not in kept


async def test_a_lost_answer_signs_nobody_out(database: Database) -> None:
    await Isp.make(database)
    api = Api(database)
    first = await phone(api)
    await refreshed(api, first)  # its answer never came
    await refreshed(api, first)  # nor this one's
    third = await refreshed(api, first)
    fourth = await refreshed(api, third["refreshToken"])
    assert await is_signed_in(api, third["token"])
    again = await refreshed(api, third["refreshToken"])
    assert await is_signed_in(api, fourth["token"])
    assert await is_signed_in(api, again["token"])


async def test_a_stolen_refresh_token_ends_the_sign_in_whoever_comes_second(database: Database) -> None:
    isp, api = await Isp.make(database), Api(database)
    for thief_first in (True, False):
        stolen = await phone(api)
        one, other = await refreshed(api, stolen), await refreshed(api, stolen)
        first, second = (one, other) if thief_first else (other, one)
        third = await refreshed(api, first["refreshToken"])
        assert await is_signed_in(api, third["token"])
        before = (await kinds(isp)).count("user.refresh_reused")
        assert await is_refused(api, second["refreshToken"])
        for dead in (one["token"], other["token"], third["token"]):
            assert not await is_signed_in(api, dead), "the thief's and the owner's"
        for dead in (stolen, one["refreshToken"], other["refreshToken"], third["refreshToken"]):
            assert await is_refused(api, dead)
        assert (await kinds(isp)).count("user.refresh_reused") == before + 1, "told once"


async def test_the_first_token_brought_again_after_the_second_was_used_is_theft(database: Database) -> None:
    await Isp.make(database)
    api = Api(database)
    first = await phone(api)
    second = await refreshed(api, first)
    third = await refreshed(api, second["refreshToken"])
    assert await is_refused(api, first)
    assert not await is_signed_in(api, third["token"])


async def test_two_refreshes_at_once_both_succeed_and_either_goes_on(committed: Database) -> None:
    isp = await Isp.make(committed)
    for keep in (0, 1, 7):
        api = Api(committed)
        token = await phone(api)
        answers = await asyncio.gather(*(refreshed(api, token) for _ in range(8)))
        assert len({answer["refreshToken"] for answer in answers}) == 8
        kept = await refreshed(api, answers[keep]["refreshToken"])
        assert await is_signed_in(api, kept["token"])
    assert "user.refresh_reused" not in await kinds(isp)


async def test_a_refresh_against_a_sign_out_at_once_leaves_nothing_that_lives(committed: Database) -> None:
    await Isp.make(committed)
    for _ in range(10):
        api = Api(committed)
        token = await phone(api)
        _, *answers = await asyncio.gather(api.raw(SIGN_OUT), *(api.raw(REFRESH, t=token) for _ in range(4)))
        for answer in answers:
            if answer.get("data"):
                assert not await is_signed_in(api, answer["data"]["refreshSignIn"]["token"])
                assert await is_refused(api, answer["data"]["refreshSignIn"]["refreshToken"])


async def test_old_tokens_of_a_sign_in_are_not_kept_for_ever(database: Database) -> None:
    isp, api = await Isp.make(database), Api(database)
    token = await phone(api)
    for _ in range(130):
        api.now += LATER
        token = (await refreshed(api, token))["refreshToken"]
    assert await isp.value("SELECT count(*) FROM refresh_token") <= 101
    assert await isp.value("SELECT count(*) FROM access_token") <= 2
    await refreshed(api, token)


async def test_a_users_living_sign_ins_are_bounded_and_the_least_used_ends(database: Database) -> None:
    isp, api = await Isp.make(database), Api(database)
    mine = (await enter(api))["token"]
    user_id = isp.admin.user_id
    async with isp.write() as session:
        for number in range(150):
            sign_in = await session.value(
                text(
                    "INSERT INTO sign_in (user_id, kind, device, address, created_at, expires_at)"
                    " VALUES (:user, 'TOKEN', '', '', :at, :until) RETURNING id"
                ),
                {"user": user_id, "at": NOW, "until": NOW + timedelta(days=30)},
            )
            await session.execute(
                text("INSERT INTO access_token (token_hash, sign_in_id, used_at, expires_at) VALUES (:hash, :sign_in, :at, :until)"),
                {"hash": hash_of(str(number)), "sign_in": sign_in, "at": NOW - timedelta(days=1), "until": NOW + timedelta(days=30)},
            )
    await enter(api)
    assert len(await api.ask(SIGN_INS)) == 100
    assert await is_signed_in(api, mine), "it is in use"
    api.now += timedelta(days=61)
    await enter(api)
    assert await isp.value("SELECT count(*) FROM sign_in") == 1, "ended ones are forgotten after a month"


async def test_a_changed_password_ends_the_other_sign_ins_and_not_this_one(database: Database) -> None:
    isp, api = await Isp.make(database), Api(database)
    refresh_token = await phone(api)
    here = (await enter(api))["token"]
    assert await api.refused(CHANGE, old="bukan-sandi-saya", new=NEW_PASSWORD) == ("WRONG_CREDENTIALS", ["input", "oldPassword"])
    for weak in ("pendek", "indonesia123", PASSWORD):
        assert await api.refused(CHANGE, old=PASSWORD, new=weak) == ("INVALID_TEXT", ["input", "newPassword"])
    assert (await api.do(CHANGE, old=PASSWORD, new=NEW_PASSWORD))["signedOut"] == 1
    assert await is_signed_in(api, here)
    assert await is_refused(api, refresh_token)
    assert await refused_sign_in(api, password=PASSWORD) == "WRONG_CREDENTIALS"
    await enter(api, password=NEW_PASSWORD)
    assert (await kinds(isp)).count("user.password_changed") == 1
    told = str(await isp.rows("SELECT kind, actor_name, data FROM event"))
    assert NEW_PASSWORD not in told
    assert PASSWORD not in told


async def test_a_thief_of_a_token_cant_guess_the_password_for_long_and_locks_nobody_out(database: Database) -> None:
    await Isp.make(database)
    api, owner = Api(database), Api(database)
    await enter(api)
    codes = [(await api.refused(CHANGE, old=f"tebakan-nomor-{number}", new=NEW_PASSWORD))[0] for number in range(12)]
    assert codes == ["WRONG_CREDENTIALS"] * 10 + ["TOO_MANY_ATTEMPTS"] * 2
    await enter(owner)


async def test_a_right_that_is_taken_away_counts_from_the_next_request_on(database: Database) -> None:
    isp = await Isp.make(database)
    sari = await add(isp, "sari", Role.FINANCE)
    hers, api = Api(database), Api(database)
    refresh_token = await phone(hers, "sari")
    await enter(api)
    await api.do(UPDATE, input={"id": sari, "role": "AUDITOR"})
    assert (await hers.ask(ME))["role"] == "AUDITOR"
    await api.do(UPDATE, input={"id": sari, "active": False})
    assert await hers.top_error(ME) == "UNAUTHENTICATED"
    assert await is_refused(hers, refresh_token)
    assert await refused_sign_in(hers, "sari") == "WRONG_CREDENTIALS"
    await api.do(UPDATE, input={"id": sari, "active": True})
    assert await hers.top_error(ME) == "UNAUTHENTICATED", "old tokens stay dead"
    assert await is_refused(hers, refresh_token)
    await enter(hers, "sari")
