"""Groups: identical subscriptions share one execution and one JSON text.

Subscriptions are identical if they have the same document, variables (except `after`), role, counters and language; and the same user if
the user is limited to counters, as what they see of other users depends on who they are. A group goes through the feed stretch by stretch.
A follower that resumes with `after` catches up alone, until it has reached the group's number.
"""

import asyncio
import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import orjson
from graphql import GraphQLError, Visitor, parse, visit
from strawberry.schema import BaseSchema
from strawberry.types.execution import ExecutionResult, PreExecutionError

from sebilling.actor import Actor
from sebilling.errors import DeadlineExceeded, InvalidCursor, TooManySubscriptions, Unavailable
from sebilling.feed import Numbered
from sebilling.language import Language
from sebilling.limits import Limit
from sebilling.live.budgets import Budgets, User
from sebilling.live.hub import Hub
from sebilling.logs import get_logger
from sebilling.schema.context import Context, Parts
from sebilling.schema.feed_subscription import Look
from sebilling.schema.request.errors import formatted

_log = get_logger(__name__)
MAX_OF_A_TURN: Final = 200
"""Events executed at once."""
_RETRY_SECONDS: Final = 1.0
_TOGETHER_SECONDS: Final = 0.3
"""Between executions: events in between are sent together, as with hundreds of clients one write is much cheaper than ten. A group that
is behind doesn't wait."""
_FOLLOWERS_AT_ONCE: Final = 10
_PAUSE_SECONDS: Final = 0.002
"""Pause after _FOLLOWERS_AT_ONCE, for other work on this machine: writing to hundreds without a pause delayed payments."""
Errors = list[dict[str, Any]]


class Follower(Protocol):
    """One subscription of a client: the receiver of its messages."""

    def message(self, number: int, payload: str) -> None:
        """Send a message: the JSON of an execution result, at this number of the feed. Returns at once."""

    def failed(self, errors: Errors) -> None:
        """Report failure; no message follows."""

    def completed(self) -> None:
        """Report completion; no message follows."""

    async def room(self) -> None:
        """Wait until the messages so far are sent."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A subscription as requested by a client."""

    query: str
    variables: dict[str, Any]
    operation: str | None
    actor: Actor
    language: Language


class FailedError(Exception):
    """A subscription that can't start, or can't continue."""

    def __init__(self, errors: Errors) -> None:
        super().__init__("the subscription failed")
        self.errors = errors


@dataclass(slots=True)
class _Turned:
    """Result of one execution."""

    look: Look
    messages: list[tuple[int, str]]
    is_behind: bool = False
    """More of the feed had been read than one execution takes."""


@dataclass(slots=True)
class _Position:
    """Position of a follower in the feed."""

    user: User
    number: int
    """Last number of the feed that was delivered."""
    state: Any
    """State sent last, for subscriptions to a state."""
    is_over: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when no message follows."""


@dataclass(eq=False, slots=True)
class Group:
    """Followers with identical subscriptions."""

    key: Any
    asked: Asked
    look: Look
    number: int
    followers: dict[Follower, _Position] = field(default_factory=dict)
    coming: int = 0
    """Followers that are catching up."""
    users: Counter[User] = field(default_factory=Counter)
    """Followers per user, including those that are catching up."""
    task: asyncio.Task[None] | None = None

    async def tell(self, turned: _Turned) -> None:
        """Send the messages of an execution to the followers that don't have them, some followers at a time.

        The group's number is already past the execution: followers that join meanwhile read it by themselves.
        """
        for count, (follower, position) in enumerate(list(self.followers.items()), 1):
            if follower not in self.followers:  # left meanwhile
                continue
            for number, payload in turned.messages:
                if number > position.number and (turned.look.state is None or turned.look.state != position.state):
                    position.state = turned.look.state
                    follower.message(number, payload)
            if count % _FOLLOWERS_AT_ONCE == 0:
                await asyncio.sleep(_PAUSE_SECONDS)

    def sees(self, event: Numbered) -> bool:
        """Whether the event concerns the group; for a state, also events at other counters that may change it."""
        return (self.look.wants is None or self.look.wants(event)) and (bool(self.look.every) or _in_scope(self.asked.actor, event))


def _in_scope(actor: Actor, event: Numbered) -> bool:
    return actor.scope.counters is None or event.counter_id in actor.scope.counters


class Groups:
    """All groups of this process."""

    def __init__(self, schema: BaseSchema, parts: Parts, hub: Hub) -> None:
        self._schema = schema
        self._parts = parts
        self.hub = hub
        self.budgets = Budgets(parts.settings)
        self._groups: dict[Any, Group] = {}
        self._followed: defaultdict[User, set[Group]] = defaultdict(set)

    async def follow(self, asked: Asked, follower: Follower, *, resume: int | None = None) -> None:
        """Send the follower everything after `resume` (or `after` of the document, or now), until cancelled.

        Ends by itself when the subscription fails or is complete; the follower is informed.
        """
        try:
            with self.budgets.subscription(asked.actor.user_id):
                self._check_before(asked)
                begun = await self._begin(asked, follower, resume)
                if begun is None:
                    follower.completed()
                else:
                    await self._join(asked, follower, *begun)
        except FailedError as error:
            follower.failed(error.errors)
        except Exception as error:  # noqa: BLE001 - outermost handler: masked, and logged with a reference
            failure = error if isinstance(error, GraphQLError) else GraphQLError("", original_error=error)
            follower.failed([formatted(failure, asked.language)])

    async def _begin(self, asked: Asked, follower: Follower, resume: int | None) -> tuple[Look, _Position] | None:
        """Execute once to learn what the subscription follows and where it starts; send the initial state. None if it is complete.

        Raises FailedError, InvalidCursor, DatabaseUnavailable.
        """
        user, number = asked.actor.user_id, await self.hub.ready()
        first = (await self._turn(asked, Look(number))).look
        resume = first.resume if resume is None else resume
        if resume is not None and resume > number and resume > await self.hub.head():
            raise InvalidCursor(field=("after",))
        if not first.every:
            return first, _Position(user, number if resume is None else resume, None)
        if resume == number:
            return first, _Position(user, number, first.state)
        greeting = await self._greet(asked, follower, number)
        return None if greeting.ends else (first, _Position(user, number, greeting.state))

    async def _join(self, asked: Asked, follower: Follower, look: Look, position: _Position) -> None:
        """Let a follower catch up with its group, then follow with it until it ends. Raises TooManySubscriptions."""
        group = self._group(asked, look)
        group.coming += 1
        group.users[position.user] += 1
        self._followed[position.user].add(group)
        try:
            try:
                while position.number < group.number:  # the group may advance meanwhile
                    position.number = await self._catch_up(group, follower, position.user, position.number)
                group.followers[follower] = position
            finally:
                group.coming -= 1
            if group.task is None or group.task.done():  # new, or ended meanwhile: run it again
                self._groups[group.key] = group
                group.task = asyncio.create_task(self._run(group))
            await position.is_over.wait()
        finally:
            self._leave(group, follower, position.user)

    async def _greet(self, asked: Asked, follower: Follower, number: int) -> Look:
        """Send the current state."""
        turned = await self._turn(asked, Look(number, greets=True))
        for sent_number, payload in turned.messages:
            follower.message(sent_number, payload)
        return turned.look

    def _group(self, asked: Asked, look: Look) -> Group:
        key = _key(asked)
        group = self._groups.get(key)
        own, settings = self._followed.get(asked.actor.user_id, set()), self._parts.settings
        if group not in own and len(own) >= settings.live_groups:
            raise TooManySubscriptions(limit=Limit.DIFFERENT_OF_A_USER, given=len(own) + 1, most=settings.live_groups)
        if group is None:
            if len(self._groups) >= settings.live_groups_in_all:
                raise TooManySubscriptions(limit=Limit.DIFFERENT_OF_ALL, given=len(self._groups) + 1, most=settings.live_groups_in_all)
            group = self._groups[key] = Group(key, asked, look, self.hub.number)
        return group

    def _check_before(self, asked: Asked) -> None:
        """Refuse early what would be refused after its first execution. Raises TooManySubscriptions."""
        own, most = self._followed.get(asked.actor.user_id, set()), self._parts.settings.live_groups
        if len(own) >= most and all(group.asked.query != asked.query for group in own):
            raise TooManySubscriptions(limit=Limit.DIFFERENT_OF_A_USER, given=len(own) + 1, most=most)

    def _leave(self, group: Group, follower: Follower, user: User) -> None:
        group.followers.pop(follower, None)
        group.users[user] -= 1
        if not group.users[user]:
            del group.users[user]
            self._followed[user].discard(group)
            if not self._followed[user]:
                del self._followed[user]
        if not group.followers and not group.coming:
            self._close(group)

    def _close(self, group: Group) -> None:
        if self._groups.get(group.key) is group:
            del self._groups[group.key]
        if group.task is not None and group.task is not asyncio.current_task():
            group.task.cancel()
            group.task = None

    async def _catch_up(self, group: Group, follower: Follower, user: User, number: int) -> int:
        """Send a follower part of what it missed; return the number reached."""
        await follower.room()
        async with self.budgets.turns.turn([user]):
            stretch = await self.hub.after(number, MAX_OF_A_TURN)
            events = [event for event in stretch.events if group.sees(event)]
            messages = (await self._executed(group.asked, Look(stretch.upto, events))).messages if events else []
        for sent_number, payload in messages:
            follower.message(sent_number, payload)
        return stretch.upto

    async def _run(self, group: Group) -> None:
        """Follow the feed for a group, while it has followers."""
        clock = asyncio.get_running_loop().time
        try:
            while not group.look.ends:
                await self.hub.beyond(group.number)
                try:
                    turned = await self._next(group)
                except Unavailable:
                    await asyncio.sleep(_RETRY_SECONDS)  # from the same number
                    continue
                group.number = turned.look.number
                if turned.messages:
                    pause = _PAUSE_SECONDS if turned.is_behind else _TOGETHER_SECONDS
                    next_turn = clock() + max(group.look.every.total_seconds(), pause)
                    await group.tell(turned)
                    await asyncio.sleep(next_turn - clock())
        except FailedError as error:
            self._end(group, error.errors)
        except Exception as error:  # noqa: BLE001 - outermost handler of a task: masked, and logged with a reference
            _log.exception("group_failed")
            self._end(group, [formatted(GraphQLError("", original_error=error), group.asked.language)])
        else:
            self._end(group, None)

    def _end(self, group: Group, errors: Errors | None) -> None:
        followers = dict(group.followers)
        group.followers.clear()
        self._close(group)
        for follower, position in followers.items():
            position.is_over.set()
            if errors is None:
                follower.completed()
            else:
                follower.failed(errors)

    async def _next(self, group: Group) -> _Turned:
        """Execute the next stretch, if it has events that concern the group. For a state, everything available is one stretch."""
        number, events = group.number, list[Numbered]()
        while True:
            stretch = await self.hub.after(number, MAX_OF_A_TURN)
            events += [event for event in stretch.events if group.sees(event)]
            if not group.look.every or stretch.upto <= number or stretch.upto >= self.hub.number:
                break
            number = stretch.upto
        is_behind = stretch.upto < self.hub.number
        if not events:
            return _Turned(Look(stretch.upto), [], is_behind)
        async with self.budgets.turns.turn(group.users or [group.asked.actor.user_id]):
            turned = await self._executed(group.asked, Look(stretch.upto, events))
        turned.is_behind = is_behind
        group.look = turned.look
        return turned

    async def _turn(self, asked: Asked, look: Look) -> _Turned:
        """Execute the document over one stretch, in a slot of the caller. Raises what `_executed` raises."""
        async with self.budgets.turns.turn([asked.actor.user_id]):
            return await self._executed(asked, look)

    async def _executed(self, asked: Asked, look: Look) -> _Turned:
        """Execute the document over one stretch. Raises FailedError; Unavailable if the stretch must be retried."""
        context = Context(
            parts=self._parts, at=self._parts.clock(), language=asked.language, token=None, actor=asked.actor, look=look
        )  # fmt: skip
        seconds = self._parts.settings.document_seconds
        try:
            async with asyncio.timeout(seconds):
                results = [result async for result in await self._results(asked, context)]
        except TimeoutError as error:
            raise DeadlineExceeded(seconds=seconds) from error
        look.events = ()
        return _Turned(look, list(zip(look.numbers, [_payload(result, asked.language) for result in results], strict=True)))

    async def _results(self, asked: Asked, context: Context) -> Any:
        stream = await self._schema.subscribe(
            asked.query, variable_values=asked.variables, operation_name=asked.operation, context_value=context
        )
        return _checked(stream, asked.language)


async def _checked(stream: Any, language: Language) -> Any:
    """Yield the stream's results. Raises FailedError or Unavailable if the subscription fails."""
    async for result in stream:
        if isinstance(result, PreExecutionError) or (result.errors and result.data is None):
            for error in result.errors or ():
                if isinstance(error.original_error, Unavailable):
                    raise error.original_error
            raise FailedError([formatted(error, language) for error in result.errors or ()])
        yield result


def _payload(result: ExecutionResult, language: Language) -> str:
    answer: dict[str, Any] = {"data": result.data}
    if result.errors:
        answer["errors"] = [formatted(error, language) for error in result.errors]
    return orjson.dumps(answer).decode()


def _key(asked: Asked) -> Any:
    actor = asked.actor
    cursor_name = _resumed_by(asked.query)
    variables = {name: value for name, value in asked.variables.items() if name != cursor_name}
    who = (actor.role, actor.scope.counters, None if actor.scope.counters is None else actor.user_id)
    return asked.query, asked.operation, json.dumps(variables, sort_keys=True), who, asked.language


def _resumed_by(query: str) -> str | None:
    """Name of the variable used for `after`, if it is used for nothing else."""
    variables = _Variables()
    visit(parse(query), variables)
    return variables.after if variables.after is not None and variables.uses.count(variables.after) == 1 else None


class _Variables(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.after: str | None = None
        self.uses: list[str] = []

    def enter_variable_definition(self, *_: Any) -> Any:
        return self.SKIP

    def enter_variable(self, node: Any, _key: Any, parent: Any, *_: Any) -> None:
        self.uses.append(node.name.value)
        if getattr(parent, "kind", "") == "argument" and parent.name.value == "after":
            self.after = node.name.value
