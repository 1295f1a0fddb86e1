"""Append to the event log: one row per event, in the transaction of the operation that caused it.

The log is the audit log, the outbox and the source of subscriptions. The SQL function `append_events` (db/sql) is the only one that
writes it: operations that are one SQL statement call it in that statement, through `appending`; the others call `append`.
"""

from collections.abc import Mapping
from typing import Final

import orjson
from sqlalchemy import text

from sebilling.db.engine import WriteSession
from sebilling.events.catalogue import Payload, Subject, fields_of, to_json

_APPEND: Final = text(
    "SELECT append_event(CAST(:at AS timestamptz), CAST(:actor_id AS bigint), :actor_name, :kind, :subject, CAST(:subject_id AS bigint),"
    " CAST(:counter_id AS bigint), CAST(:data AS jsonb))"
)
Expressions = Mapping[str, "str | Expressions"]
"""Key of a payload → SQL expression, or those of a nested part."""


async def append(
    session: WriteSession, payload: Payload, *, subject_id: int, counter_id: int | None = None, subject: Subject | None = None
) -> None:
    """Record that the payload's event happened to the row `subject_id` of its subject. The payload never holds a secret.

    `subject` is needed only for kinds with several subjects. Raises ValueError if the kind hasn't that one.
    """
    kind = payload.kind
    if subject is not None and subject not in kind.subjects:
        raise ValueError(f"{kind.text} is never about {subject}")
    await session.execute(
        _APPEND,
        {
            "at": session.at, "actor_id": session.actor.user_id, "actor_name": session.actor.name, "kind": kind.text,
            "subject": (subject or kind.subjects[0]).value, "subject_id": subject_id, "counter_id": counter_id,
            "data": orjson.dumps(to_json(payload)).decode(),
        },
    )  # fmt: skip


def appending(
    payload: type[Payload], data: Expressions, *, subject_id: str, counter_id: str = "NULL", order_by: str | None = None,
    actor_id: str = ":user", actor_name: str = ":user_name",
) -> str:  # fmt: skip
    """Return an SQL aggregate that appends an event at `:at` for each row, ordered by the subject's id, and gives their number.

    Without a row the number is NULL or 0. Ids are given as row numbers, and get their prefix here. PostgreSQL doesn't evaluate a
    common table expression that only selects unless the main query reads it. Raises ValueError if the keys aren't the payload's.
    """
    kind, subject_id = payload.kind, f"CAST({subject_id} AS bigint)"
    columns = (subject_id, f"CAST({counter_id} AS bigint)", _object(payload, data))
    arrays = ", ".join(f"array_agg({column} ORDER BY {order_by or subject_id})" for column in columns)
    return (
        f"append_events(CAST(:at AS timestamptz), CAST({actor_id} AS bigint), CAST({actor_name} AS text), '{kind.text}',"
        f" '{kind.subjects[0]}', {arrays})"
    )


def _object(part: type, data: Expressions) -> str:
    known = {field.name: field for field in fields_of(part)}
    if not known.keys() >= data.keys() >= {name for name, field in known.items() if not field.optional}:
        raise ValueError(f"{part.__name__} has the keys {sorted(known)}, not {sorted(data)}")
    pairs = []
    for name, expression in data.items():
        field = known[name]
        if not isinstance(expression, str):
            pairs.append(f"'{name}', {_object(field.types[0], expression)}")
        elif field.id_type is not None:
            pairs.append(f"'{name}', '{field.id_type.prefix}' || {expression}")
        else:
            pairs.append(f"'{name}', {expression}")
    return f"jsonb_build_object({', '.join(pairs)})"
