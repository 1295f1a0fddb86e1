"""Bounds: the caller's limits, as the conditions that they add to every statement. See docs/decisions/0013."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sebilling.actor import Role
from sebilling.language import Language
from sebilling.schema.context import Info
from sebilling.schema.engine.declarations import NODES, Link, Node, Roles


@dataclass(frozen=True)
class Bounds:
    """The caller's limits, some counters or none, their role and their language; and the time of the request."""

    scope: list[int] | None
    caller: int | None
    role: Role
    language: Language
    at: datetime

    @property
    def key(self) -> tuple[bool, Role]:
        """What a statement depends on: callers of the same key share it."""
        return self.bounded, self.role

    def withheld(self, node: Node, field: str) -> Roles | None:
        """The roles that may read a field of this node if the caller may not; else None."""
        readers = node.readers[field]
        return None if self.role in readers else readers

    @property
    def bounded(self) -> bool:
        return self.scope is not None

    def root(self, node: Node, alias: str = "t", *, by_id: bool = False) -> list[str]:
        """The condition on rows that are read directly, if there is one. Raises LookupError for a table that is part of other rows."""
        row_scope = node.scope
        if row_scope.is_part and not (by_id and row_scope.is_read_by_id):
            raise LookupError(f"{node.table} is a part of other rows: read it by a link")
        condition = (row_scope.one_by_one if by_id else "") or row_scope.condition
        return [condition.format(t=alias)] if self.bounded and condition else []

    def link(self, link: Link, alias: str) -> str:
        """The condition on rows that are reached by a link from a visible row."""
        row_scope = NODES[link.table].scope
        condition = row_scope.by_link or row_scope.condition
        return f" AND {condition.format(t=alias)}" if self.bounded and condition and not link.follows else ""

    @property
    def parameters(self) -> dict[str, Any]:
        """Of every statement, so that a column's SQL may ask for the scope (null: all counters)."""
        return {"language": self.language, "at": self.at, "scope": self.scope, "caller": self.caller}


def of_caller(info: Info) -> Bounds:
    """The limits of the caller of a request. Raises Unauthenticated, DatabaseUnavailable."""
    actor = info.context.signed_in
    return Bounds(actor.scope.ids, actor.user_id, actor.role, info.context.language, info.context.at)
