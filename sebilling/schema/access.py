"""Who may ask for which root field: denied by default. A root field without a rule doesn't get into the schema."""

import functools
from collections.abc import Awaitable, Callable
from typing import Any, Final

import strawberry
from strawberry.types.field import StrawberryField

from sebilling.actor import Role
from sebilling.errors import Forbidden, SebillingError
from sebilling.schema.context import Context, Info
from sebilling.schema.errors import in_payload, user_error

EVERYONE: Final = frozenset(Role)
OFFICE: Final = frozenset({Role.ADMIN, Role.FINANCE})
READERS: Final = OFFICE | {Role.AUDITOR}
COUNTERS: Final = READERS | {Role.CLERK, Role.COLLECTOR}
RECEIVERS: Final = OFFICE | {Role.CLERK, Role.COLLECTOR}
ADMIN: Final = frozenset({Role.ADMIN})
DEVICES: Final = ADMIN | {Role.TECHNICIAN}
PROMISERS: Final = OFFICE | {Role.CLERK}
BLOCKERS: Final = OFFICE | {Role.TECHNICIAN}
ANYBODY: Final[frozenset[Role]] = frozenset()
"""Also who hasn't signed in."""

RULES: Final[dict[str, frozenset[Role]]] = {}
"""Root field → the roles that may ask for it."""

Resolver = Callable[..., Awaitable[Any]]


def query(roles: frozenset[Role], description: str) -> Callable[[Resolver], StrawberryField]:
    """Make a root query of a function that takes `info` first. Refusals are top-level errors."""

    def decorate(function: Resolver) -> StrawberryField:
        @functools.wraps(function)
        async def guarded(info: Info, **arguments: Any) -> Any:
            _allow(info.context, roles)
            return await function(info, **arguments)

        return _registered(guarded, roles, description)

    return decorate


def mutation(roles: frozenset[Role], description: str) -> Callable[[Resolver], StrawberryField]:
    """Make a mutation of a function that takes `info` and `input` and gives its payload's fields but `errors`.

    Whatever the caller can mend comes in the payload's `errors`, and then nothing has changed.
    """

    def decorate(function: Resolver) -> StrawberryField:
        @functools.wraps(function)
        async def guarded(info: Info, **arguments: Any) -> Any:
            try:
                _allow(info.context, roles)
                return {**await function(info, **arguments), "errors": []}
            except SebillingError as error:
                if not in_payload(error):
                    raise
                return _Refused(errors=[user_error(error, info.context.language)], replayed=False)

        return _registered(guarded, roles, description)

    return decorate


class _Refused(dict[str, Any]):
    """A payload with errors: every other thing in it is null."""

    def __missing__(self, key: str) -> None:
        return None


def _allow(context: Context, roles: frozenset[Role]) -> None:
    if roles is not ANYBODY and context.signed_in.role not in roles:
        raise Forbidden(roles=" / ".join(sorted(roles)))


def _registered(guarded: Resolver, roles: frozenset[Role], description: str) -> StrawberryField:
    RULES[guarded.__name__] = roles
    field: StrawberryField = strawberry.field(resolver=guarded, description=description)
    return field
