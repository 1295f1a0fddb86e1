"""The event log: one row per event, written in the transaction of the operation that caused it.

It is the audit log, the outbox and the source of subscriptions. Operations that are one SQL statement insert the event in the
same statement; the others call `append`.
"""

from typing import Any, Final

import orjson
from sqlalchemy import text

from sebilling.db.engine import WriteSession

_APPEND: Final = text(
    """
    INSERT INTO event (at, actor_id, actor_name, kind, subject, subject_id, counter_id, data)
    VALUES (:at, :actor_id, :actor_name, :kind, :subject, :subject_id, :counter_id, CAST(:data AS jsonb))
    """
)


async def append(session: WriteSession, kind: str, *, subject: str, subject_id: int, counter_id: int | None = None, **data: Any) -> None:
    """Record that `kind` (such as `customer.created`) happened to the row `subject_id` of the table `subject`.

    `data` is what changed, before and after, as JSON types: never a secret.
    """
    await session.execute(
        _APPEND,
        {
            "at": session.at, "actor_id": session.actor.user_id, "actor_name": session.actor.name, "kind": kind,
            "subject": subject, "subject_id": subject_id, "counter_id": counter_id, "data": orjson.dumps(data).decode(),
        },
    )  # fmt: skip
