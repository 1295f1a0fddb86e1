"""Users: who may sign in, as what, at which counters."""

import re
from collections.abc import Sequence
from typing import Final

from sqlalchemy import text

from sebilling import events
from sebilling.actor import Role
from sebilling.billing.counters import by_codes
from sebilling.db.engine import WriteSession
from sebilling.errors import AlreadyExists, InvalidText

_USERNAME: Final = re.compile(r"[a-z0-9][a-z0-9._@-]{1,63}")
_INSERT: Final = text(
    """
    INSERT INTO app_user (username, name, role, password_hash, active, created_at)
    VALUES (:username, :name, :role, :hash, true, :at) ON CONFLICT (username) DO NOTHING RETURNING id
    """
)
_ASSIGN: Final = text("INSERT INTO user_counter (user_id, counter_id) VALUES (:user, :counter)")


async def create(session: WriteSession, *, username: str, name: str, role: Role, password_hash: str, counters: Sequence[str] = ()) -> int:
    """Add a user, whose password was hashed before the transaction began; gives the id.

    A clerk or collector needs the codes of their counters; the other roles see every counter and take none.
    Raises InvalidText, NotFound, AlreadyExists.
    """
    username = username.strip().lower()
    if not _USERNAME.fullmatch(username):
        why = "use 2 to 64 letters, digits, or . _ @ -, beginning with a letter or digit."
        raise InvalidText(field=("input", "username"), what=f"The user name '{username[:40]}'", why=why)
    if bool(counters) != (role in {Role.CLERK, Role.COLLECTOR}):
        why = "name counters for a clerk or collector, and for nobody else."
        raise InvalidText(field=("input", "counters"), what=f"The list of counters for the role {role}", why=why)
    counter_ids = await by_codes(session, counters)
    user_id: int | None = await session.value(
        _INSERT, {"username": username, "name": name, "role": role.value, "hash": password_hash, "at": session.at}
    )
    if user_id is None:
        raise AlreadyExists(field=("input", "username"), noun="user", given=username)
    for counter_id in counter_ids:
        await session.execute(_ASSIGN, {"user": user_id, "counter": counter_id})
    await events.append(
        session, "user.created", subject="app_user", subject_id=user_id, username=username, role=role.value, counters=list(counters)
    )
    return user_id
