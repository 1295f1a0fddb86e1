"""Accounts over GraphQL: admins keep them, auditors look at them, and nobody makes himself more than he is."""

import asyncio
import uuid
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from sebilling.access_errors import LastAdmin
from sebilling.actor import Role, operator
from sebilling.auth import users
from sebilling.db.engine import Database
from tests.auth.people import (
    CHANGE,
    CREATE,
    ERRORS,
    ME,
    NEW_PASSWORD,
    RESET,
    SERVICE,
    SIGN_IN,
    UPDATE,
    add,
    bear,
    enter,
    is_signed_in,
    kinds,
    refused_sign_in,
)
from tests.harness import NOW, PASSWORD, Api, Isp

USERS = """query($first: Int! = 50, $after: String, $active: Boolean, $role: Role) {
  users(first: $first, after: $after, active: $active, role: $role) { totalCount pageInfo { hasNextPage endCursor }
    nodes { id username name role active mustChangePassword twoStep lastUsedAt counters { code } } } }"""
TOKENS = "{ serviceTokens { id name role active expiresAt lastUsedAt counters { code } } }"
REVOKE_TOKEN = f"mutation($id: ID!) {{ revokeServiceToken(input: {{id: $id}}) {{ serviceToken {{ active }} {ERRORS} }} }}"


async def admin_api(database: Database, *counters: str) -> tuple[Isp, Api]:
    """An ISP and its admin, signed in."""
    isp, api = await Isp.make(database, *counters), Api(database)
    await enter(api)
    return isp, api


def key() -> dict[str, str]:
    """An idempotency key that nobody has used."""
    return {"idempotencyKey": str(uuid.uuid4())}


def places(isp: Isp, *codes: str) -> dict[str, list[str]]:
    """The ids of these counters."""
    return {"counterIds": [f"cou_{isp.counters[code]}" for code in codes]}


async def test_a_user_from_the_first_day_to_the_last(database: Database) -> None:
    isp, api = await admin_api(database, "LKT01", "LKT02")
    made = await api.do(CREATE, input={"username": " Kasir1 ", "name": "Kasir Ciawi", "role": "CLERK", **places(isp, "LKT01"), **key()})
    user, one_time = made["user"], made["oneTimePassword"]
    assert (user["username"], user["active"], user["mustChangePassword"]) == ("kasir1", True, True)
    hers = Api(database)
    assert await refused_sign_in(hers, "kasir1", one_time) == "PASSWORD_CHANGE_NEEDED"
    for weak in ("pendek", "kasir1kasir1"[:6], "indonesia123", one_time):
        assert await refused_sign_in(hers, "kasir1", one_time, newPassword=weak) == "INVALID_TEXT"
    await enter(hers, "KASIR1", one_time, newPassword=NEW_PASSWORD)
    assert await refused_sign_in(hers, "kasir1", one_time, newPassword="lain-lagi-ini") == "WRONG_CREDENTIALS", "good once"
    assert await refused_sign_in(hers, "kasir1", NEW_PASSWORD, newPassword="lain-lagi-ini") == "INVALID_TEXT", "only for one-time ones"
    assert [one["code"] for one in (await hers.ask("{ counters { nodes { code } } }"))["nodes"]] == ["LKT01"]
    await api.do(UPDATE, input={"id": user["id"], **places(isp, "LKT02"), "name": "Kasir Megamendung"})
    assert [one["code"] for one in (await hers.ask("{ counters { nodes { code } } }"))["nodes"]] == ["LKT02"]
    changed = (await api.do(UPDATE, input={"id": user["id"], "role": "FINANCE"}))["user"]
    assert changed == {"username": "kasir1", "name": "Kasir Megamendung", "role": "FINANCE", "active": True, "counters": []}
    assert await api.refused(UPDATE, input={"id": user["id"], "role": "COLLECTOR"}) == ("INVALID_TEXT", ["input", "counterIds"])
    assert await api.refused(UPDATE, input={"id": user["id"], **places(isp, "LKT01")}) == ("INVALID_TEXT", ["input", "counterIds"])
    await api.do(UPDATE, input={"id": user["id"], "active": False})
    assert await hers.top_error(ME) == "UNAUTHENTICATED"
    assert await kinds(isp) == [
        "user.created", "user.signed_in", "user.created",
        *["user.sign_in_failed"] * 5,  # the right one-time password, first without a new one, then with four weak ones
        "user.password_changed", "user.signed_in", *["user.sign_in_failed"] * 2, "user.changed", "user.changed", "user.changed",
    ]  # fmt: skip
    (before_after,) = await isp.rows("SELECT data FROM event WHERE kind = 'user.changed' ORDER BY id LIMIT 1")
    assert before_after[0] == {
        "username": "kasir1", "before": {"name": "Kasir Ciawi", "counter_codes": ["LKT01"]},
        "after": {"name": "Kasir Megamendung", "counter_codes": ["LKT02"]},
    }  # fmt: skip
    told = str(await isp.rows("SELECT kind, actor_name, data FROM event"))
    for secret in (one_time, NEW_PASSWORD, PASSWORD):
        assert secret not in told


@pytest.mark.parametrize(
    ("changes", "refused"),
    [
        ({"username": "a"}, ("INVALID_TEXT", ["input", "username"])),
        ({"username": "Kasir Satu"}, ("INVALID_TEXT", ["input", "username"])),
        ({"username": "service:x"}, ("INVALID_TEXT", ["input", "username"])),
        ({"username": "ADMIN"}, ("ALREADY_EXISTS", ["input", "username"])),
        ({"name": "  "}, ("INVALID_TEXT", ["input", "name"])),
        ({"name": "Budi\u202e"}, ("INVALID_TEXT", ["input", "name"])),
        ({"counterIds": []}, ("INVALID_TEXT", ["input", "counterIds"])),
        ({"counterIds": ["{LKT01}", "{LKT01}"]}, ("INVALID_TEXT", ["input", "counterIds"])),
        ({"counterIds": ["{LKT01}", "cou_999999"]}, ("NOT_FOUND", ["input", "counterIds", "1"])),
        ({"counterIds": ["LKT01"]}, ("INVALID_ID", ["input", "counterIds", "0"])),
        ({"idempotencyKey": "pendek"}, ("INVALID_TEXT", ["input", "idempotencyKey"])),
        ({"role": "AUDITOR"}, ("INVALID_TEXT", ["input", "counterIds"])),
    ],
)
async def test_a_user_that_cant_be(database: Database, changes: dict[str, Any], refused: tuple[str, list[str]]) -> None:
    isp, api = await admin_api(database)
    given = {"username": "kasir1", "name": "Kasir", "role": "CLERK", **places(isp, "LKT01"), **key()}
    own = f"cou_{isp.counters['LKT01']}"
    changes = {name: [one.replace("{LKT01}", own) for one in value] if name == "counterIds" else value for name, value in changes.items()}
    assert await api.refused(CREATE, input=given | changes) == refused
    assert await isp.value("SELECT count(*) FROM app_user") == 1


async def test_an_answer_that_was_lost_is_told_again(database: Database) -> None:
    isp, api = await admin_api(database)
    given = {"username": "sari", "name": "Sari", "role": "FINANCE", **key()}
    created = await api.do(CREATE, input=given)
    again = await api.do(CREATE, input=given | {"username": " SARI "})
    assert (created["replayed"], again["replayed"]) == (False, True)
    assert (again["user"]["id"], again["oneTimePassword"]) == (created["user"]["id"], created["oneTimePassword"])
    assert await isp.value("SELECT count(*) FROM app_user") == 2
    assert (await kinds(isp))[-1:] == ["user.created"]
    assert await isp.value("SELECT count(*) FROM event WHERE kind = 'user.created' AND data->>'username' = 'sari'") == 1
    assert (await api.refused(CREATE, input=given | {"role": "ADMIN"}))[0] == "IDEMPOTENCY_MISMATCH"
    other = await api.do(CREATE, input=given | {"username": "sari2", **key()})
    assert other["oneTimePassword"] != created["oneTimePassword"]
    api.now += timedelta(minutes=15)
    late = await api.do(CREATE, input=given)
    assert (late["replayed"], late["oneTimePassword"]) == (True, None), "only within a quarter of an hour"
    hers = Api(database)
    await enter(hers, "sari", created["oneTimePassword"], newPassword=NEW_PASSWORD)


async def test_a_password_that_was_used_or_replaced_is_not_told_again(database: Database) -> None:
    _, api = await admin_api(database)
    used, replaced = [{"username": name, "name": name, "role": "FINANCE", **key()} for name in ("sari", "budi")]
    one_time = (await api.do(CREATE, input=used))["oneTimePassword"]
    await enter(Api(database), "sari", one_time, newPassword=NEW_PASSWORD)
    budi = (await api.do(CREATE, input=replaced))["user"]["id"]
    await api.do(RESET, id=budi)
    for given in (used, replaced):
        payload = await api.do(CREATE, input=given)
        assert (payload["replayed"], payload["oneTimePassword"]) == (True, None)


async def test_users_are_listed_for_admins_and_auditors(database: Database) -> None:
    isp, api = await admin_api(database, "LKT01", "LKT02")
    await add(isp, "kasir", Role.CLERK, "LKT01")
    await add(isp, "kolektor", Role.COLLECTOR, "LKT01", "LKT02")
    await add(isp, "pemeriksa", Role.AUDITOR)
    reader = Api(database)
    await enter(reader, "pemeriksa")
    for one in (api, reader):
        page = await one.ask(USERS, first=3)
        assert page["totalCount"] == 4
        assert [(node["username"], [counter["code"] for counter in node["counters"]]) for node in page["nodes"]] == [
            ("admin", []), ("kasir", ["LKT01"]), ("kolektor", ["LKT01", "LKT02"]),
        ]  # fmt: skip
        rest = await one.ask(USERS, first=3, after=page["pageInfo"]["endCursor"])
        assert [node["username"] for node in rest["nodes"]] == ["pemeriksa"]
    assert [node["username"] for node in (await api.ask(USERS, role="CLERK", active=True))["nodes"]] == ["kasir"]
    assert (await api.ask(USERS, active=False))["nodes"] == []
    assert await reader.refused(UPDATE, input={"id": "usr_1", "name": "x"}) == ("FORBIDDEN", [])


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMIN])
async def test_nobody_but_an_admin_changes_anybody_themselves_least(database: Database, role: Role) -> None:
    isp = await Isp.make(database)
    own = await add(isp, "saya", role, *(["LKT01"] if role in {Role.CLERK, Role.COLLECTOR} else []))
    api = Api(database)
    await enter(api, "saya")
    for document, given in (
        (UPDATE, {"input": {"id": own, "role": "ADMIN"}}),
        (UPDATE, {"input": {"id": own, "name": "Admin"}}),
        (UPDATE, {"input": {"id": f"usr_{isp.admin.user_id}", "active": False}}),
        (CREATE, {"input": {"username": "lain", "name": "Lain", "role": "ADMIN", **key()}}),
        (RESET, {"id": f"usr_{isp.admin.user_id}"}),
        (RESET, {"id": own}),
        (SERVICE, {"input": {"name": "skrip", "role": "FINANCE"}}),
        (REVOKE_TOKEN, {"id": own}),
    ):
        assert (await api.refused(document, **given))[0] == "FORBIDDEN", document
    assert (await api.ask(ME))["role"] == role
    assert await isp.rows("SELECT kind FROM event WHERE kind IN ('user.changed', 'user.password_reset', 'service_token.created')") == []


@pytest.mark.parametrize("extra", ["passwordHash", "password", "service", "totpSecret", "oneTimeUntil", "createdAt", "username", "userId"])
async def test_what_isnt_offered_cant_be_set(database: Database, extra: str) -> None:
    isp, api = await admin_api(database)
    sari = await add(isp, "sari", Role.FINANCE)
    before = await isp.rows("SELECT t::text FROM app_user t ORDER BY id")
    for document, given in (
        (UPDATE, {"id": sari, extra: "x"}),
        (CREATE, {"username": "lain", "name": "Lain", "role": "AUDITOR", **key()} | {"id": "usr_1", extra: "x"}),
    ):
        errors = (await api.raw(document, input=given))["errors"]
        assert {error["extensions"]["code"] for error in errors} == {"BAD_REQUEST"}
    assert await isp.rows("SELECT t::text FROM app_user t ORDER BY id") == before


async def test_nobody_changes_their_own_role_and_the_last_admin_stays(database: Database) -> None:
    isp, api = await admin_api(database)
    own = f"usr_{isp.admin.user_id}"
    for change in ({"role": "FINANCE"}, {"active": False}):
        assert (await api.refused(UPDATE, input={"id": own, **change}))[0] == "OWN_ACCOUNT"
    assert (await api.refused(RESET, id=own))[0] == "OWN_ACCOUNT"
    await api.do(UPDATE, input={"id": own, "name": "Bu Admin", "role": "ADMIN", "active": True})
    second = await add(isp, "kedua", Role.ADMIN)
    theirs = Api(database)
    await enter(theirs, "kedua")
    await theirs.do(UPDATE, input={"id": own, "role": "AUDITOR"})
    assert (await api.refused(UPDATE, input={"id": second, "active": False}))[0] == "FORBIDDEN"
    assert (await theirs.refused(UPDATE, input={"id": second, "role": "FINANCE"}))[0] == "OWN_ACCOUNT"
    async with database.transaction(actor=operator("test"), at=NOW) as session:
        with pytest.raises(LastAdmin):
            await users.update(session, int(second.removeprefix("usr_")), users.Changes(role=Role.FINANCE))
    await theirs.do(UPDATE, input={"id": own, "role": "ADMIN"})
    await theirs.do(UPDATE, input={"id": own, "role": "FINANCE"})


@pytest.mark.parametrize("others", [0, 1])
async def test_two_admins_who_demote_each_other_at_once_leave_one(committed: Database, others: int) -> None:
    isp = await Isp.make(committed)
    for number in range(others):  # who makes sure that it isn't only the last admin's rule that stops the second
        await add(isp, f"lain{number}", Role.ADMIN)
    second = await add(isp, "kedua", Role.ADMIN)
    first = f"usr_{isp.admin.user_id}"
    one, other = Api(committed), Api(committed)
    await enter(one)
    await enter(other, "kedua")
    for change, back in (({"role": "FINANCE"}, {"role": "ADMIN"}), ({"active": False}, {"active": True})):
        for _ in range(8):
            answers = await asyncio.gather(
                one.raw(UPDATE, input={"id": second, **change}), other.raw(UPDATE, input={"id": first, **change})
            )
            assert await isp.value("SELECT count(*) FROM app_user WHERE role = 'ADMIN' AND active") == 1 + others, answers
            done = [not answer["data"]["updateUser"]["errors"] if answer.get("data") else False for answer in answers]
            assert sorted(done) == [False, True]
            winner, loser, lost = (one, other, second) if done[0] else (other, one, first)
            await winner.do(UPDATE, input={"id": lost, **back})
            await enter(loser, "kedua" if lost == second else "admin")


async def test_an_admins_reset_is_good_once_and_for_three_days(database: Database) -> None:
    isp, api = await admin_api(database)
    sari = await add(isp, "sari", Role.FINANCE)
    hers = Api(database)
    token = (await enter(hers, "sari"))["token"]
    first = (await api.do(RESET, id=sari))["oneTimePassword"]
    assert not await is_signed_in(api, token), "at once"
    second = (await api.do(RESET, id=sari))["oneTimePassword"]
    bear(hers, None)
    assert await refused_sign_in(hers, "sari") == "WRONG_CREDENTIALS"
    assert await refused_sign_in(hers, "sari", first, newPassword=NEW_PASSWORD) == "WRONG_CREDENTIALS", "a newer one was made"
    await enter(hers, "sari", second, newPassword=NEW_PASSWORD)
    assert await refused_sign_in(hers, "sari", second, newPassword="lain-lagi-ini") == "WRONG_CREDENTIALS", "replayed"
    third = (await api.do(RESET, id=sari))["oneTimePassword"]
    hers.now += timedelta(hours=72)
    assert await refused_sign_in(hers, "sari", third, newPassword=NEW_PASSWORD) == "WRONG_CREDENTIALS"
    assert (await kinds(isp)).count("user.password_reset") == 3


async def test_a_reset_beats_a_sign_in_that_is_under_way(committed: Database) -> None:
    isp = await Isp.make(committed)
    sari = await add(isp, "sari", Role.FINANCE)
    api = Api(committed)
    await enter(api)
    for _ in range(6):
        others = [Api(committed) for _ in range(4)]
        given = {"input": {"username": "sari", "password": PASSWORD}}
        _, *answers = await asyncio.gather(api.do(RESET, id=sari), *(other.raw(SIGN_IN, **given) for other in others))
        for answer in answers:
            if token := answer["data"]["signIn"]["token"]:
                assert not await is_signed_in(api, token)
        await isp.rows("DELETE FROM sign_in_attempt RETURNING key")
        hash_of_admin = "UPDATE app_user SET one_time_until = NULL, password_hash = (SELECT password_hash FROM app_user WHERE username"
        await isp.rows(f"{hash_of_admin} = 'admin') WHERE username = 'sari' RETURNING id")


async def test_one_one_time_password_brought_by_many_at_once_is_taken_once(committed: Database) -> None:
    isp = await Isp.make(committed)
    sari = await add(isp, "sari", Role.FINANCE)
    api = Api(committed)
    await enter(api)
    one_time = (await api.do(RESET, id=sari))["oneTimePassword"]
    answers = await asyncio.gather(
        *(
            api.ask(SIGN_IN, input={"username": "sari", "password": one_time, "newPassword": f"sandi-baru-nomor-{number}"})
            for number in range(6)
        )
    )
    assert sorted(bool(answer["token"]) for answer in answers) == [False] * 5 + [True]


async def test_a_script_has_a_token_of_its_own_and_no_password(database: Database) -> None:
    isp, api = await admin_api(database, "LKT01", "LKT02")
    wrong: list[tuple[dict[str, Any], list[str]]] = [
        ({"role": "ADMIN"}, ["input", "role"]),
        ({"role": "CLERK"}, ["input", "counterIds"]),
        ({"days": 0}, ["input", "days"]),
        ({"days": 4_000}, ["input", "days"]),
        ({"name": "x"}, ["input", "name"]),
        ({"name": "a b"}, ["input", "name"]),
        (dict(places(isp, "LKT01")), ["input", "counterIds"]),
    ]
    for given, refused in wrong:
        assert (await api.refused(SERVICE, input={"name": "cadangan", "role": "AUDITOR", **given}))[1] == refused
    made = await api.do(SERVICE, input={"name": "Loket-Otomatis", "role": "CLERK", **places(isp, "LKT02"), "days": 30})
    token, service_id = made["token"], made["serviceToken"]["id"]
    as_user = service_id.replace("tok_", "usr_")
    assert (await api.refused(SERVICE, input={"name": "loket-otomatis", "role": "AUDITOR"}))[0] == "ALREADY_EXISTS"
    script = Api(database)
    bear(script, token)
    assert await script.ask(ME) == {"username": "service:loket-otomatis", "role": "CLERK"}
    assert [one["code"] for one in (await script.ask("{ counters { nodes { code } } }"))["nodes"]] == ["LKT02"]
    assert (await script.refused(CREATE, input={"username": "lain", "name": "Lain", "role": "ADMIN", **key()}))[0] == "FORBIDDEN"
    assert (await script.refused(CHANGE, old="", new=NEW_PASSWORD))[0] == "WRONG_CREDENTIALS", "it has none to change"
    for name in ("service:loket-otomatis", "loket-otomatis"):
        assert await refused_sign_in(Api(database), name, token) == "WRONG_CREDENTIALS"
        assert await refused_sign_in(Api(database), name, "") == "WRONG_CREDENTIALS"
    (listed,) = await api.ask(TOKENS)
    assert (listed["name"], listed["active"], listed["counters"]) == ("loket-otomatis", True, [{"code": "LKT02"}])
    assert "service:loket-otomatis" not in [one["username"] for one in (await api.ask(USERS))["nodes"]]
    assert (await api.refused(UPDATE, input={"id": as_user, "role": "ADMIN"}))[0] == "NOT_FOUND", "it is no person"
    assert (await api.refused(RESET, id=as_user))[0] == "NOT_FOUND"
    assert (await api.refused(REVOKE_TOKEN, id=f"tok_{isp.admin.user_id}"))[0] == "NOT_FOUND", "nor is a person a script"
    assert (await api.do(REVOKE_TOKEN, id=service_id))["serviceToken"] == {"active": False}
    assert await script.top_error(ME) == "UNAUTHENTICATED"
    assert (await api.refused(REVOKE_TOKEN, id=service_id))[0] == "NOT_FOUND"
    again = await api.do(SERVICE, input={"name": "loket-otomatis", "role": "AUDITOR", "days": 1})
    assert (again["serviceToken"]["id"], again["serviceToken"]["role"], again["serviceToken"]["counters"]) == (service_id, "AUDITOR", [])
    assert not await is_signed_in(api, token), "the old one stays dead"
    script.now += timedelta(days=1)
    assert not await is_signed_in(script, again["token"]), "its day is over"
    rows = await isp.rows("SELECT kind, data FROM event WHERE kind LIKE 'service_token.%' ORDER BY id")
    assert [row[0] for row in rows] == ["service_token.created", "service_token.revoked", "service_token.created"]
    assert token not in str(rows)


async def test_the_database_itself_refuses_a_script_that_administers(database: Database) -> None:
    isp, api = await admin_api(database)
    made = await api.do(SERVICE, input={"name": "skrip", "role": "AUDITOR"})
    number = made["serviceToken"]["id"].removeprefix("tok_")
    for change in ("role = 'ADMIN'", "password_hash = 'x'", "totp_secret = 'x'"):
        with pytest.raises(IntegrityError, match="app_user_service_check"):
            async with isp.write() as session:
                await session.execute(text(f"UPDATE app_user SET {change} WHERE id = {number}"))
