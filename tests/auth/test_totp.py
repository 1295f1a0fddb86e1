"""Two-step sign-in: codes as RFC 6238 has them, good once; recovery codes; what is kept, and turned off by whom."""

import asyncio
import base64
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import text

from sebilling.actor import Role
from sebilling.auth import totp
from sebilling.auth.attempts import MAX_FAILURES, WITHIN
from sebilling.db.engine import Database
from sebilling.keys import derived
from sebilling.vault import Vault
from tests.auth.people import CONFIRM, DISABLE, ERRORS, START, add, enter, kinds, refused_sign_in
from tests.harness import PASSWORD, SECRET_KEY, Api, Isp

RESET_TOTP = f"mutation($id: ID!) {{ resetTotp(input: {{id: $id}}) {{ user {{ twoStep }} {ERRORS} }} }}"
STATE = "{ twoStep { on recoveryCodes } }"

TOMORROW = "c81d0e46fb2a973d5e60b7184fa92c3de5760b1f84ad29c3"


@pytest.mark.parametrize(
    ("seconds", "code"),
    [(59, "94287082"), (1111111109, "07081804"), (1111111111, "14050471"), (1234567890, "89005924"), (2000000000, "69279037"),
     (20000000000, "65353130")],
)  # fmt: skip
def test_the_vectors_of_rfc_6238(seconds: int, code: str) -> None:
    at = datetime.fromtimestamp(seconds, UTC)
    assert totp.code_of(b"12345678901234567890", totp.step_at(at), digits=8) == code


def test_a_clock_may_be_off_by_one_step_and_no_more() -> None:
    secret, at = b"12345678901234567890", datetime(2026, 2, 3, 2, 0, tzinfo=UTC)
    now = totp.step_at(at)
    for step, good in ((now - 2, False), (now - 1, True), (now, True), (now + 1, True), (now + 2, False)):
        assert totp.matching_step(secret, totp.code_of(secret, step), at=at, after=0) == (step if good else None)
    assert totp.matching_step(secret, totp.code_of(secret, now), at=at, after=now) is None, "it was taken"
    for wrong in ("", "12345", "1234567", "abcdef", "١٢٣٤٥٦"):
        assert totp.matching_step(secret, wrong, at=at, after=0) is None


def secret_in(uri: str) -> bytes:
    parts = urlsplit(uri)
    assert (parts.scheme, parts.netloc) == ("otpauth", "totp")
    return base64.b32decode(parse_qs(parts.query)["secret"][0])


async def turned_on(api: Api) -> tuple[bytes, list[str]]:
    """The secret and the recovery codes of who is signed in."""
    secret = secret_in((await api.do(START, p=PASSWORD))["uri"])
    codes: list[str] = (await api.do(CONFIRM, c=code_now(api, secret)))["recoveryCodes"]
    return secret, codes


def code_now(api: Api, secret: bytes) -> str:
    return totp.code_of(secret, totp.step_at(api.now))


async def test_a_life_with_an_authenticator(database: Database) -> None:
    isp, api = await Isp.make(database), Api(database)
    await enter(api)
    assert (await api.refused(START, p="bukan-sandi-saya"))[0] == "WRONG_CREDENTIALS"
    secret = secret_in((await api.do(START, p=PASSWORD))["uri"])
    assert (await api.refused(CONFIRM, c="000000" if code_now(api, secret) != "000000" else "000001"))[0] == "WRONG_CODE"
    assert await api.ask(STATE) == {"on": False, "recoveryCodes": 0}, "not before it is confirmed"
    first = code_now(api, secret)
    codes = (await api.do(CONFIRM, c=first))["recoveryCodes"]
    assert len(set(codes)) == 10
    assert await api.ask(STATE) == {"on": True, "recoveryCodes": 10}
    assert (await api.refused(START, p=PASSWORD))[0] == "TWO_STEP_STATE"
    assert await refused_sign_in(api) == "CODE_NEEDED"
    assert await refused_sign_in(api, password="bukan-sandi-saya", code=first) == "WRONG_CREDENTIALS"
    assert await refused_sign_in(api, code=first) == "WRONG_CODE", "it was taken when it was confirmed"
    api.now += timedelta(seconds=30)
    code = code_now(api, secret)
    await enter(api, code=f" {code[:3]} {code[3:]} ")
    assert await refused_sign_in(api, code=code) == "WRONG_CODE", "good once"
    api.now += timedelta(minutes=10)
    assert await refused_sign_in(api, code=code) == "WRONG_CODE", "over"
    await enter(api, code=codes[0].upper())
    assert await refused_sign_in(api, code=codes[0]) == "WRONG_CODE", "good once"
    await enter(api, code=codes[1].replace("-", ""))
    assert await api.ask(STATE) == {"on": True, "recoveryCodes": 8}
    assert (await api.refused(DISABLE, p="bukan-sandi-saya", c=codes[2]))[0] == "WRONG_CREDENTIALS"
    for wrong in ("", "000000", codes[1], code, first):
        assert await api.refused(DISABLE, p=PASSWORD, c=wrong) == ("WRONG_CODE", ["input", "code"])
    assert await api.ask(STATE) == {"on": True, "recoveryCodes": 8}
    await api.do(DISABLE, p=PASSWORD, c=codes[2])
    assert (await api.refused(DISABLE, p=PASSWORD, c=codes[3]))[0] == "TWO_STEP_STATE"
    await enter(api)
    happened = await kinds(isp)
    for kind, times in (("user.totp_enabled", 1), ("user.recovery_code_used", 3), ("user.totp_disabled", 1)):
        assert happened.count(kind) == times, happened


async def test_who_knows_the_password_alone_doesnt_guess_two_step_away(database: Database) -> None:
    isp, api = await Isp.make(database), Api(database)
    await enter(api)
    secret, codes = await turned_on(api)
    api.now += timedelta(seconds=60)
    right = code_now(api, secret)
    wrong = "000000" if right != "000000" else "000001"
    told = [(await api.refused(DISABLE, p=PASSWORD, c=wrong))[0] for _ in range(MAX_FAILURES + 1)]
    assert told == ["WRONG_CODE"] * MAX_FAILURES + ["TOO_MANY_ATTEMPTS"]
    assert (await api.refused(DISABLE, p=PASSWORD, c=right))[0] == "TOO_MANY_ATTEMPTS", "the right one isn't looked at either"
    assert await api.ask(STATE) == {"on": True, "recoveryCodes": 10}
    assert (await kinds(isp)).count("user.sign_in_failed") == MAX_FAILURES
    api.now += WITHIN
    await api.do(DISABLE, p=PASSWORD, c=code_now(api, secret))
    assert await api.ask(STATE) == {"on": False, "recoveryCodes": 0}
    assert len(set(codes)) == 10


async def test_what_is_kept_tells_nothing(database: Database) -> None:
    isp, api = await Isp.make(database), Api(database)
    await enter(api)
    secret, codes = await turned_on(api)
    kept = ""
    for table in ("app_user", "recovery_code", "event", "sign_in", "sign_in_attempt"):
        kept += str(await isp.rows(f"SELECT t::text FROM {table} t"))
    for told in (secret.hex(), base64.b32encode(secret).decode(), *codes, *(code.replace("-", "") for code in codes)):
        assert told not in kept
    vault = Vault(derived(SECRET_KEY))
    locked = await isp.value("SELECT totp_secret FROM app_user WHERE username = 'admin'")
    assert vault.open(locked)["totp"] == secret.hex()


async def test_a_secret_copied_into_another_users_row_opens_nothing(database: Database) -> None:
    isp, api = await Isp.make(database), Api(database)
    await add(isp, "sari", Role.FINANCE)
    await enter(api)
    secret, _ = await turned_on(api)
    async with isp.write() as session:
        copied = "UPDATE app_user SET totp_secret = (SELECT totp_secret FROM app_user WHERE username = 'admin') WHERE username = 'sari'"
        await session.execute(text(copied))
    api.now += timedelta(seconds=60)
    answer = await api.raw(
        "mutation($i: SignInInput!) { signIn(input: $i) { token } }",
        i={"username": "sari", "password": PASSWORD, "code": code_now(api, secret)},
    )
    assert answer["errors"][0]["extensions"]["code"] == "INTERNAL"


async def test_an_admin_turns_somebody_elses_off_and_not_their_own(database: Database) -> None:
    isp = await Isp.make(database)
    sari = await add(isp, "sari", Role.FINANCE)
    hers, api = Api(database), Api(database)
    await enter(hers, "sari")
    await turned_on(hers)
    await enter(api)
    await turned_on(api)
    assert (await hers.refused(RESET_TOTP, id=f"usr_{isp.admin.user_id}"))[0] == "FORBIDDEN"
    assert (await api.refused(RESET_TOTP, id=f"usr_{isp.admin.user_id}"))[0] == "OWN_ACCOUNT"
    assert (await api.refused(RESET_TOTP, id="usr_999999"))[0] == "NOT_FOUND"
    assert (await api.do(RESET_TOTP, id=sari))["user"] == {"twoStep": False}
    await enter(hers, "sari")
    assert (await kinds(isp)).count("user.totp_reset") == 1


async def test_one_code_brought_by_twenty_at_once_signs_one_in(committed: Database) -> None:
    await Isp.make(committed)
    api = Api(committed)
    await enter(api)
    secret, codes = await turned_on(api)
    api.now += timedelta(seconds=30)
    for code in (code_now(api, secret), codes[0]):
        api.now += timedelta(minutes=10) if code is codes[0] else timedelta(0)
        document = "mutation($i: SignInInput!) { signIn(input: $i) { token errors { code } } }"
        given = {"username": "admin", "password": PASSWORD, "code": code}
        answers = await asyncio.gather(*(api.ask(document, i=given) for _ in range(8)))
        assert sorted(bool(answer["token"]) for answer in answers) == [False] * 7 + [True]
        assert {error["code"] for answer in answers for error in answer["errors"]} == {"WRONG_CODE"}


async def test_the_keys_rotation_takes_the_secrets_along(database: Database) -> None:
    isp, api = await Isp.make(database), Api(database)
    await enter(api)
    secret, _ = await turned_on(api)
    old, new = derived(SECRET_KEY), derived(TOMORROW)
    async with isp.write() as session:
        assert await totp.rotate(session, Vault(new, old)) == 1
    locked = await isp.value("SELECT totp_secret FROM app_user WHERE username = 'admin'")
    assert Vault(new).open(locked) == {"totp": secret.hex(), "user": isp.admin.user_id}
    later = Api(database, at=api.now + timedelta(minutes=1), secret_key=TOMORROW)
    await enter(later, code=code_now(later, secret))
