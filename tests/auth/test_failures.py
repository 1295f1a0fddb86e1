"""Every failed sign-in is told by an event, the more so one with the right password; never with what was typed."""

from typing import Any

from sebilling.auth.attempts import MAX_FAILURES
from sebilling.db.engine import Database
from tests.auth.people import CREATE, enter, from_address, refused_sign_in
from tests.auth.test_totp import turned_on
from tests.harness import PASSWORD, Api, Isp

WEAK = "123"


async def failures(isp: Isp) -> list[Any]:
    return await isp.rows("SELECT actor_name, subject_id, data FROM event WHERE kind = 'user.sign_in_failed' ORDER BY id")


async def test_a_right_password_without_the_code_is_told(database: Database) -> None:
    isp, api, thief = await Isp.make(database), Api(database), Api(database)
    await enter(api)
    await turned_on(api)
    from_address(thief, "203.0.113.9")
    assert await refused_sign_in(thief) == "CODE_NEEDED"
    assert await refused_sign_in(thief, code="") == "CODE_NEEDED"
    assert await refused_sign_in(thief, code="000000") == "WRONG_CODE"
    assert [(name, who, data) for name, who, data in await failures(isp)] == [
        ("admin", isp.admin.user_id, {"network": "203.0.113.9", "reason": why}) for why in ("code missing", "code missing", "code")
    ]


async def test_a_right_one_time_password_without_a_good_new_one_is_told(database: Database) -> None:
    isp, api, thief = await Isp.make(database), Api(database), Api(database)
    await enter(api)
    one_time = (await api.do(CREATE, input={"username": "sari", "name": "Sari", "role": "FINANCE", "idempotencyKey": "sari-pertama"}))[
        "oneTimePassword"
    ]
    from_address(thief, "203.0.113.9")
    assert await refused_sign_in(thief, "sari", one_time) == "PASSWORD_CHANGE_NEEDED"
    assert await refused_sign_in(thief, "sari", one_time, newPassword=one_time) == "INVALID_TEXT"
    assert await refused_sign_in(thief, "sari", one_time, newPassword=WEAK) == "INVALID_TEXT"
    assert await refused_sign_in(thief, newPassword="kopi-hitam-tanpa-gula") == "INVALID_TEXT"
    told = await failures(isp)
    assert [data["reason"] for *_, data in told] == ["new password missing", "new password", "new password", "new password"]
    assert {data["network"] for *_, data in told} == {"203.0.113.9"}
    assert not [secret for secret in (one_time, WEAK, PASSWORD) if secret in str([data for *_, data in told])]


async def test_they_are_no_more_than_the_limits_let_through(database: Database) -> None:
    isp, api, thief = await Isp.make(database), Api(database), Api(database)
    await enter(api)
    await turned_on(api)
    from_address(thief, "203.0.113.9")
    codes = [await refused_sign_in(thief) for _ in range(MAX_FAILURES + 5)]
    assert codes == ["CODE_NEEDED"] * MAX_FAILURES + ["TOO_MANY_ATTEMPTS"] * 5
    assert len(await failures(isp)) == MAX_FAILURES
