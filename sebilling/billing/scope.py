"""Second check of the caller's scope, inside the domain functions, besides the API's own checks. See docs/decisions/0013.

For a caller limited to counters, a row of another counter raises the same error as a row that doesn't exist.
"""

from collections.abc import Sequence

from sebilling.access_errors import Forbidden
from sebilling.actor import Actor, Role, Scope
from sebilling.db.engine import WriteSession

_CENTRE = " / ".join(sorted({Role.ADMIN, Role.FINANCE}))


def central(session: WriteSession) -> None:
    """Raise Forbidden if the caller is limited to counters, for operations that affect every counter."""
    _unbounded(session.actor.scope)


def own_drawer(actor: Actor, collector_id: int) -> None:
    """Raise Forbidden if a caller limited to counters would move another collector's cash."""
    if collector_id != actor.user_id:
        _unbounded(actor.scope)


def sees(counter: str) -> str:
    """Return the SQL condition that the reader's scope (the parameter `:scope`, null for all) has the counter in this column."""
    return f"(CAST(:scope AS bigint[]) IS NULL OR {counter} = ANY (:scope))"


def narrowed(scope: Scope, counters: Sequence[int] | None) -> list[int] | None:
    """Return the requested counters that are in the scope, or all of the scope; None (all counters) only for an unlimited scope."""
    if counters is not None:
        return [counter_id for counter_id in counters if counter_id in scope]
    return scope.ids


def _unbounded(scope: Scope) -> None:
    if scope.counters is not None:
        raise Forbidden(roles=_CENTRE)
