"""The second fence around counters: verbs and reads ask here, below whatever the API has checked. See docs/decisions/0013.

Who is bounded to counters finds nothing elsewhere: a row of another counter raises what a row that isn't there raises.
"""

from collections.abc import Sequence

from sebilling.actor import Actor, Role, Scope
from sebilling.db.engine import WriteSession
from sebilling.errors import Forbidden

_CENTRE = " / ".join(sorted({Role.ADMIN, Role.FINANCE}))


def central(session: WriteSession) -> None:
    """Make sure that the actor is bounded to no counter: what follows touches every counter. Raises Forbidden."""
    _unbounded(session.actor.scope)


def own_drawer(actor: Actor, collector_id: int) -> None:
    """Make sure that who is bounded to counters moves no cash but their own. Raises Forbidden."""
    if collector_id != actor.user_id:
        _unbounded(actor.scope)


def narrowed(scope: Scope, counters: Sequence[int] | None) -> list[int] | None:
    """The counters that are meant: those asked for, or all of the scope; None only for somebody whom nothing bounds."""
    if counters is not None:
        return [one for one in counters if one in scope]
    return scope.ids


def _unbounded(scope: Scope) -> None:
    if scope.counters is not None:
        raise Forbidden(roles=_CENTRE)
