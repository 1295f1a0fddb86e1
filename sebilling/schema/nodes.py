"""Nodes: read anything by its id alone, for clients that keep objects in a cache."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Annotated, Any, Final

import strawberry

from sebilling.access_errors import Forbidden
from sebilling.errors import InvalidNumber
from sebilling.language import Sentence
from sebilling.schema.context import Info
from sebilling.schema.engine.bounds import of_caller
from sebilling.schema.engine.declarations import TYPES_BY_PREFIX, HasId, node_of
from sebilling.schema.engine.reading import nodes as read_nodes
from sebilling.schema.request.access import query
from sebilling.schema.request.limits import MAX_IDS
from sebilling.schema.request.roles import EVERYONE


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
        answers |= await read_nodes(info, kind, of_kind)
    return [answers.get(public_id) for public_id in public_ids]


QUERIES: Final = [node, nodes]
