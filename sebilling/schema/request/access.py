"""Access rules by role, for root fields and for the fields of types: denied by default.

A root field without a rule is not in the schema; a field of a type without one can't be declared (schema/engine/declarations.py).
Only roles are checked here. The layer below (schema/scopes.py, billing/scope.py) limits the rows, so that a rule forgotten here
reveals nothing of another counter. See docs/decisions/0013.
"""

import functools
import inspect
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Annotated, Any, Final, get_args

import strawberry
from strawberry.types.field import StrawberryField

from sebilling.access_errors import Forbidden
from sebilling.actor import Role
from sebilling.billing.validation import each_problem, raise_each
from sebilling.errors import AlreadyExists, InvalidInput, SebillingError
from sebilling.logs import get_logger
from sebilling.schema.context import Info
from sebilling.schema.engine import selections
from sebilling.schema.engine.declarations import MADE_IN_PYTHON, READERS_OF
from sebilling.schema.feed_subscription import AT_ONCE, number_of
from sebilling.schema.request.errors import in_payload, user_error
from sebilling.schema.request.input_paths import Inputs
from sebilling.schema.request.roles import ANYBODY, EVERYONE
from sebilling.schema.request.unreadable import may_be_of, readable, unreadable
from sebilling.schema.values.connections import paged
from sebilling.schema.values.ids import collecting

_log = get_logger(__name__)
RULES: Final[dict[str, frozenset[Role]]] = {}
"""Root field → the roles that may use it."""
MUTATIONS: Final[set[str]] = set()
"""The root fields that change something."""

_FRAMES: Final = ("Connection", "Edge", "Payload")
"""Types with these endings follow the rule of their root field; the types inside them have rules of their own."""
Resolver = Callable[..., Awaitable[Any]]


def query(roles: frozenset[Role], description: str) -> Callable[[Resolver], StrawberryField]:
    """Turn a function that takes `info` first into a root query. A refusal is an error at its path; the other root fields are answered.

    So its value may be null in any case, whatever the function's annotation says. An argument with a default takes null for it, which is
    what clients of generated code send for what is left out.
    """

    def decorate(resolver: Resolver) -> StrawberryField:
        function = paged(resolver)

        @functools.wraps(function)
        async def guarded(info: Info, **arguments: Any) -> Any:
            try:
                _allow(info, function.__name__)
                if wrong := unreadable(arguments):
                    raise wrong[0]
                return await function(info, **{name: defaults.get(name) if value is None else value for name, value in arguments.items()})
            except SebillingError as error:
                problem = each_problem(error)[0]  # an error at a path tells one
                problem.field = inputs.path(problem.path)
                raise problem from error.__cause__

        inputs, signature = Inputs.of(function), inspect.signature(function)
        defaults = {name: parameter.default for name, parameter in signature.parameters.items() if parameter.default is not parameter.empty}
        parameters = [_nullable(parameter) for parameter in signature.parameters.values()]
        del guarded.__wrapped__
        guarded.__signature__ = signature.replace(parameters=parameters, return_annotation=signature.return_annotation | None)  # type: ignore[attr-defined]  # for Strawberry
        return _registered(guarded, roles, description)

    return decorate


def _nullable(parameter: inspect.Parameter) -> inspect.Parameter:
    """The parameter, which also takes null if it has a default."""
    if parameter.default is parameter.empty:
        return parameter
    described_type, *notes = get_args(parameter.annotation)  # Annotated[type, description]
    return parameter.replace(annotation=Annotated[described_type | None, *notes])


def mutation(roles: frozenset[Role], description: str, *, apart: tuple[str, ...] = ()) -> Callable[[Resolver], StrawberryField]:
    """Turn a function that takes `info` and `input` and returns its payload's fields without `errors` into a mutation.

    Errors that the caller can correct are in the payload's `errors`, malformed ids and values that can't be read together with what else
    is wrong; nothing is changed then. Such values below the path `apart` are left to the function, which tells them for each of its items.
    """

    def decorate(function: Resolver) -> StrawberryField:
        @functools.wraps(function)
        async def guarded(info: Info, **arguments: Any) -> Any:
            try:
                _allow(info, function.__name__, whole=True)  # what is refused shouldn't follow what was done
                asked = readable(arguments, info.context.malformed, apart=apart)
                with collecting(info.context.malformed):
                    result = await function(info, **asked)
                raise_each(info.context.malformed)
            except SebillingError as error:
                problems = each_problem(error)
                for problem in problems:
                    problem.field = inputs.path(problem.path)
                if not in_payload(error):
                    raise
                return refused(info, beside(info.context.malformed, problems))
            except Exception as error:
                if not info.context.malformed:
                    raise
                # It met a row that isn't there, such as one that another refers to. Nothing is committed. Logged, as it may be another one.
                _log.warning("failed_with_malformed_input", field=function.__name__, error=type(error).__name__)
                return refused(info, info.context.malformed)
            else:
                return {**result, "errors": []}

        inputs = Inputs.of(function)
        MUTATIONS.add(function.__name__)
        return _registered(guarded, roles, description)

    return decorate


def beside(malformed: Sequence[InvalidInput], problems: Sequence[SebillingError]) -> Sequence[SebillingError]:
    """The problems of an input with malformed values: these, and what else is wrong in itself, as the rest may come of their stand-ins.

    All of them have the client's paths.
    """
    if not malformed:
        return problems
    told = {error.path for error in malformed}
    others = [
        problem
        for problem in problems
        if isinstance(problem, InvalidInput | AlreadyExists) and not _is_below(problem.path, told) and not may_be_of(problem, malformed)
    ]
    return [*malformed, *others]


def _is_below(path: tuple[str | int, ...], paths: set[tuple[str | int, ...]]) -> bool:
    """Whether it is one of these paths, or the path of a list with one of them."""
    return any(other[: len(path)] == path for other in paths)


def subscription(roles: frozenset[Role], description: str, *, every: timedelta = AT_ONCE) -> Callable[[Resolver], StrawberryField]:
    """Turn a function that takes `info` and returns the messages of one iteration (`info.context.look`), as rows with their `number`
    in the feed, into a subscription. With `every`, it follows a state: see `Look.every`.
    """

    def decorate(function: Resolver) -> StrawberryField:
        @functools.wraps(function)
        async def guarded(info: Info, **arguments: Any) -> AsyncGenerator[Any]:
            _allow(info, function.__name__, whole=True)
            look = info.context.look
            if look is None:
                raise LookupError("subscriptions are executed by sebilling/live only")
            if wrong := unreadable(arguments):
                raise wrong[0]
            look.resume, look.every = number_of(arguments.get("after")), every
            try:
                rows = await function(info, **arguments)
            except SebillingError as error:
                error.field = inputs.path(error.path)
                raise
            look.numbers = [row["number"] for row in rows]
            return _each(rows)

        inputs, signature = Inputs.of(function), inspect.signature(function)
        (message,) = get_args(signature.return_annotation)
        del guarded.__wrapped__
        guarded.__signature__ = signature.replace(return_annotation=AsyncGenerator[message, None])  # type: ignore[attr-defined,valid-type]  # for Strawberry, when it runs
        RULES[function.__name__] = roles
        field: StrawberryField = strawberry.subscription(resolver=guarded, description=described(description, roles))
        return field

    return decorate


async def _each(rows: list[Any]) -> AsyncGenerator[Any]:
    for row in rows:
        yield row


class _Refused(dict[str, Any]):
    """A payload with errors, in which all other fields are null."""

    def __missing__(self, key: str) -> None:
        return None


def refused(info: Info, errors: Sequence[SebillingError]) -> _Refused:
    """The payload of a mutation that has done nothing, with the reasons."""
    return _Refused(errors=[user_error(error, info.context.language) for error in errors], replayed=False)


def _allow(info: Info, name: str, *, whole: bool = False) -> None:
    """Check the caller's role. Raises Unauthenticated, or Forbidden if the role may not use the root field.

    What the role may not read below it is withheld where it is read (schema/engine/objects.py). If that is made in Python, or with
    `whole`, or for anonymous callers, the root field is refused instead, whatever the variables.
    """
    context, roles = info.context, RULES[name]
    caller_roles = EVERYONE if roles is ANYBODY else frozenset({context.signed_in.role})
    if roles is not ANYBODY and not caller_roles <= roles:
        raise Forbidden(roles=_named(roles))
    readers = _readers_below(info, whole=whole or roles is ANYBODY)
    if not caller_roles <= readers:
        raise Forbidden(roles=_named(readers))


def _readers_below(info: Info, *, whole: bool) -> frozenset[Role]:
    """The roles that may read all that the document can select below a root field; without `whole`, of what is made in Python, unless a
    field above it is withheld from them already.

    Cached with the document.
    """
    key, plans = ("readers", *selections.key(info), whole), info.context.plans
    readers: frozenset[Role] | None = plans.get(key)
    if readers is None:
        readers = EVERYONE
        for type_name, field, reaching in selections.fields_below(info, _passing, EVERYONE):
            if whole:
                readers &= _readers(type_name, field)
            elif type_name in MADE_IN_PYTHON:
                readers &= _readers(type_name, field) | (EVERYONE - reaching)
        plans[key] = readers
    return readers


def _passing(type_name: str, field: str) -> frozenset[Role]:
    """The roles for whom what is below a field is read: from others it is withheld, or refused with its root field."""
    return EVERYONE if type_name in MADE_IN_PYTHON else _readers(type_name, field)


def allow_argument(info: Info, roles: frozenset[Role]) -> None:
    """Check that the caller may use an argument that reveals more than the selected fields. Raises Forbidden."""
    if info.context.signed_in.role not in roles:
        raise Forbidden(roles=_named(roles))


def _named(roles: frozenset[Role]) -> str:
    return " / ".join(sorted(roles))


def _readers(type_name: str, field: str) -> frozenset[Role]:
    if type_name.endswith(_FRAMES):
        return EVERYONE
    try:
        return READERS_OF[type_name, field]
    except KeyError:
        raise LookupError(f"nobody may read {type_name}.{field}: declare it by read() or link()") from None


def _registered(guarded: Resolver, roles: frozenset[Role], description: str) -> StrawberryField:
    RULES[guarded.__name__] = roles
    field: StrawberryField = strawberry.field(resolver=guarded, description=described(description, roles))
    return field


def described(description: str, roles: frozenset[Role]) -> str:
    """A root field's description, with the roles that may use it."""
    who = "Anybody" if roles is ANYBODY else "Any role" if roles == EVERYONE else _named(roles)
    return f"{description} For: {who}."
