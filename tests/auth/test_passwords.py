"""Passwords: what may be one, what is kept, and that an unknown name costs as much as a known one."""

import statistics
import time
from typing import Any

import pytest
from argon2 import PasswordHasher, extract_parameters
from sqlalchemy import text

from sebilling.actor import Role
from sebilling.auth import passwords
from sebilling.auth.common_passwords import COMMON_PASSWORDS
from sebilling.db.engine import Database
from sebilling.errors import InvalidText
from tests.auth.people import add, refused_sign_in
from tests.harness import PASSWORD, Api, Isp, counted_statements


@pytest.mark.parametrize(
    "password",
    ["", "short", "123456789", "x" * 201, "indonesia123", "Indonesia123", "PASSWORD123", "aaaaaaaaaaaa", "ababababab", "kasir.ciawi",
     "Kasir.Ciawi"],
)  # fmt: skip
async def test_what_is_no_password(password: str) -> None:
    with pytest.raises(InvalidText) as refused:
        await passwords.hashed(password, username="kasir.ciawi")
    assert not password or password not in str(refused.value).removeprefix("The password")


@pytest.mark.parametrize("password", ["semua huruf kecil saja", "kasir.ciawi2", "x1x2x3x4x5", "пароль-длинный", "🐐🐓🦆🐄🐖🐑🐇🐕🐈🐎"])
async def test_nothing_is_asked_of_its_composition(password: str) -> None:
    kept = await passwords.hashed(password, username="kasir.ciawi")
    assert kept.startswith("$argon2id$")
    assert password not in kept
    assert await passwords.matches(password, kept)
    assert not await passwords.matches(f"{password} ", kept)


def test_the_list_holds_only_what_the_other_rules_let_through() -> None:
    assert len(COMMON_PASSWORDS) > 200
    assert all(len(one) >= passwords.MIN_CHARACTERS and one == one.casefold() for one in COMMON_PASSWORDS)


_SET_HASH = text("UPDATE app_user SET password_hash = :hash WHERE username = 'admin'")


async def test_a_hash_of_older_parameters_is_made_anew_at_the_next_sign_in(database: Database) -> None:
    isp = await Isp.make(database)
    weak = PasswordHasher(time_cost=1, memory_cost=8_192, parallelism=1).hash(PASSWORD)
    async with isp.write() as session:
        await session.execute(_SET_HASH, {"hash": weak})
    api = Api(database)
    await api.sign_in()
    kept = await isp.value("SELECT password_hash FROM app_user WHERE username = 'admin'")
    assert kept != weak
    assert extract_parameters(kept) == extract_parameters(PasswordHasher().hash("x"))
    await api.sign_in()
    assert await isp.value("SELECT password_hash FROM app_user WHERE username = 'admin'") == kept, "once is enough"


async def _people(isp: Isp) -> list[str]:
    """A name that exists, one that doesn't, one that is shut out, a script's, one whose one-time password is over."""
    await add(isp, "mantan", Role.FINANCE)
    await add(isp, "lupa", Role.FINANCE)
    for change in (
        "UPDATE app_user SET active = false WHERE username = 'mantan'",
        "UPDATE app_user SET one_time_until = '2020-01-01' WHERE username = 'lupa'",
        "INSERT INTO app_user (username, name, role, password_hash, active, created_at, service)"  # noqa: ISC004 - one statement
        " VALUES ('skrip', 'skrip', 'AUDITOR', '', true, now(), true)",
    ):
        async with isp.write() as session:
            await session.execute(text(change))
    return ["admin", "tidak-ada", "mantan", "skrip", "lupa"]


async def test_the_same_work_is_done_whether_the_name_exists_or_not(committed: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    isp = await Isp.make(committed)
    names, api = await _people(isp), Api(committed)
    checked: list[Any] = []
    verify = PasswordHasher.verify

    def watched(self: PasswordHasher, kept: str, password: str) -> bool:  # the real one works; it is only counted
        checked.append(extract_parameters(kept))
        return verify(self, kept, password)

    monkeypatch.setattr(PasswordHasher, "verify", watched)
    done = {}
    for name in names:
        checked.clear()
        with counted_statements(committed) as sent:
            assert await refused_sign_in(api, name, "salah-sekali-ini") == "WRONG_CREDENTIALS"
        done[name] = (list(checked), list(sent))
    assert len(done["admin"][0]) == 1
    for name in names[1:]:
        assert done[name] == done["admin"], name


async def test_the_time_of_an_answer_does_not_tell_who_exists(committed: Database) -> None:
    await Isp.make(committed)
    api = Api(committed)
    seconds: dict[str, list[float]] = {"admin": [], "tidak-ada": []}
    for _ in range(9):
        for name, taken in seconds.items():
            began = time.perf_counter()
            await refused_sign_in(api, name, "salah-sekali-ini")
            taken.append(time.perf_counter() - began)
    known, unknown = (statistics.median(taken) for taken in seconds.values())
    assert known > 0.01, "a password's check takes its time"
    assert 0.6 < unknown / known < 1.6, (known, unknown)
