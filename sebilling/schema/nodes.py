"""Nodes: read anything by its id alone, for clients that keep objects in a cache."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Annotated, Any, Final

import orjson
import strawberry
from sqlalchemy import text

from sebilling.access_errors import Forbidden
from sebilling.errors import InvalidNumber
from sebilling.language import Sentence
from sebilling.schema.context import Info
from sebilling.schema.engine.bounds import of_caller
from sebilling.schema.engine.declarations import TYPE_NAME, TYPES_BY_PREFIX, HasId, node_of
from sebilling.schema.engine.objects import aliases, object_sql, selection
from sebilling.schema.engine.pages import where
from sebilling.schema.request.access import query
from sebilling.schema.request.limits import MAX_IDS
from sebilling.schema.request.roles import EVERYONE

_MAX_DIGITS: Final = 19
_ALL_IDS: Final = "t.id = ANY (CAST(:ids AS bigint[]))"


@query(EVERYONE, "Get any object by its id; null if it does not exist or the caller may not see it.")
async def node(info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="Id of the object.")]) -> HasId | None:
    (row,) = await _read(info, [id])
    if isinstance(row, Forbidden):
        raise row
    return row


@query(EVERYONE, "Get many objects by their ids, in this order: null for each that does not exist or that the caller may not see.")
async def nodes(
    info: Info, ids: Annotated[list[strawberry.ID], strawberry.argument(description=f"Ids of at most {MAX_IDS} objects of any types.")]
) -> list[HasId | None]:
    if len(ids) > MAX_IDS:
        why = Sentence(f"ask for at most {MAX_IDS} at a time.", f"minta paling banyak {MAX_IDS} sekaligus.")
        raise InvalidNumber(field=("ids",), what=Sentence("Number of ids", "Jumlah id"), given=len(ids), why=why)
    return await _read(info, ids)


async def _read(info: Info, public_ids: Sequence[str]) -> list[Any]:
    """A row, None, or the error to be told for each id; one statement for each type."""
    role = of_caller(info).role
    answers: dict[str, Any] = {}
    wanted: defaultdict[type, list[str]] = defaultdict(list)
    for public_id in set(public_ids):
        kind = TYPES_BY_PREFIX.get(public_id.partition("_")[0])
        if kind is None:
            continue
        readers = node_of(kind).readers["id"]
        if role in readers:
            wanted[kind].append(public_id)
        else:
            answers[public_id] = Forbidden(roles=" / ".join(sorted(readers)))
    for kind, of_kind in wanted.items():
        answers |= await _rows(info, kind, of_kind)
    return [answers.get(public_id) for public_id in public_ids]


async def _rows(info: Info, kind: type, public_ids: Collection[str]) -> dict[str, Any]:
    """Read the rows of these ids that the caller may see, by id, by one statement."""
    bounds, node = of_caller(info), node_of(kind)
    item, id_sql = object_sql(node, "t", selection(info, kind=kind.__name__), aliases(), bounds), node.columns["id"].format(t="t")
    numbers = [
        number
        for _, _, number in (public_id.partition("_") for public_id in public_ids)
        if number.isdecimal() and len(number) < _MAX_DIGITS
    ]
    is_numbered = id_sql.endswith(" || t.id")  # else the id names what several columns say, or a day
    conditions = [_ALL_IDS if is_numbered else f"{id_sql} = ANY (CAST(:ids AS text[]))", *bounds.root(node, by_id=True)]
    statement = text(f"SELECT {id_sql}, CAST({item} AS text) FROM {node.table} t{where(conditions)}")
    async with info.context.parts.database.reading() as session:
        wanted = [int(number) for number in numbers] if is_numbered else list(public_ids)
        rows = await session.rows(statement, {"ids": wanted, **bounds.parameters})
    return {row[0]: {**orjson.loads(row[1]), TYPE_NAME: kind.__name__} for row in rows}


QUERIES: Final = [node, nodes]
