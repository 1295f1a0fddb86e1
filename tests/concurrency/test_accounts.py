"""Sign-ins, one step at a time: two transactions side by side, so that a missing lock shows every time."""

import asyncio

from sqlalchemy import text

from sebilling.auth import sessions
from sebilling.db.engine import Database
from tests.auth.people import CONFIRM, START, enter, is_signed_in, kinds
from tests.auth.test_sign_ins import is_refused, phone, refreshed
from tests.auth.test_totp import code_now, secret_in
from tests.concurrency.test_locks import PATIENCE_SECONDS, waits
from tests.harness import PASSWORD, Api, Isp


async def test_a_token_that_is_being_overtaken_is_theft_once_it_is(committed: Database) -> None:
    """A thief brings the old token in the moment in which the owner uses the new one: they wait, and then it is too old."""
    isp, api = await Isp.make(committed), Api(committed)
    first = await phone(api)
    second = (await refreshed(api, first))["refreshToken"]
    async with isp.write() as session:  # the owner's refresh, as far as its lock
        sign_in_id = await session.value(text("SELECT id FROM sign_in FOR NO KEY UPDATE"))
        used = text("UPDATE sign_in SET refresh_hash = :hash WHERE id = :id")
        await session.execute(used, {"hash": sessions.hash_of(second), "id": sign_in_id})
        thief = await waits(is_refused(api, first))
    assert await thief
    assert await is_refused(api, second), "it has ended for both"
    assert not await is_signed_in(api, api.headers["Authorization"].removeprefix("Bearer "))
    assert (await kinds(isp)).count("user.refresh_reused") == 1


async def test_two_confirmations_at_once_turn_two_step_on_once(committed: Database) -> None:
    """Else the second would put nothing in the place of the secret, and a sign-in would ask for no code any more."""
    isp, api = await Isp.make(committed), Api(committed)
    await enter(api)
    secret = secret_in((await api.do(START, p=PASSWORD))["uri"])
    async with isp.write() as session:
        await session.execute(text("SELECT FROM app_user FOR NO KEY UPDATE"))
        asked = [asyncio.ensure_future(api.ask(CONFIRM, c=code_now(api, secret))) for _ in range(2)]
        done, _ = await asyncio.wait(asked, timeout=PATIENCE_SECONDS)
        assert not done
    answers = await asyncio.gather(*asked)
    assert sorted([error["code"] for error in answer["errors"]] for answer in answers) == [[], ["TWO_STEP_STATE"]]
    codes = next(answer["recoveryCodes"] for answer in answers if not answer["errors"])
    assert await isp.value("SELECT totp_secret IS NOT NULL FROM app_user")
    assert await isp.value("SELECT count(*) FROM recovery_code") == len(codes)
