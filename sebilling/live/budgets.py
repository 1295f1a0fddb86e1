"""Budgets: how much of this process the subscriptions of one user may use, and in what order users are served.

A user's subscriptions and groups are counted. A few executions run at a time, round robin over users, each user for a share of the time.
So a user with many subscriptions waits longer for their own messages, and nobody else does.
"""

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final

from sebilling.config import Settings
from sebilling.errors import TooManySubscriptions
from sebilling.limits import Limit

User = int | None
"""Id of an account; None: the command line."""
_EXECUTIONS_AT_ONCE: Final = 2
"""Of different users. Each holds a connection of the pool that requests read with."""
_BURST_SECONDS: Final = 3.0
"""Execution time that an idle user has saved up, such as for reconnecting after a restart."""
_TIMER_SECONDS: Final = 0.001
"""A timer of the event loop may fire this much too early."""
_MESSAGES_PER_SECOND: Final = 50
_MESSAGES_AT_ONCE: Final = 200
"""What a user's clients may send; beyond that they are read more slowly."""


class Bucket:
    """A token bucket: it refills by `per_second` up to `most`. It may be overdrawn; callers then wait."""

    def __init__(self, per_second: float, most: float) -> None:
        self._per_second = per_second
        self._most = most
        self._left = most
        self._at = asyncio.get_running_loop().time()

    @property
    def left(self) -> float:
        """Amount left; negative if overdrawn."""
        now = asyncio.get_running_loop().time()
        self._left = min(self._most, self._left + (now - self._at) * self._per_second)
        self._at = now
        return self._left

    @property
    def wait_seconds(self) -> float:
        """Seconds until it is no longer overdrawn."""
        return max(0.0, -self.left / self._per_second)

    def take(self, amount: float) -> None:
        """Take an amount, even more than is left."""
        self._left = self.left - amount


class Turns:
    """Scheduler of executions: at most two at once, of different users, round robin, each user for at most their share of the time."""

    def __init__(self, share: float) -> None:
        self._share = share
        self._buckets: dict[User, Bucket] = {}
        self._waiting: OrderedDict[User, deque[asyncio.Future[None]]] = OrderedDict()
        self._running: set[User] = set()
        self._timer: asyncio.TimerHandle | None = None

    @asynccontextmanager
    async def turn(self, users: Collection[User]) -> AsyncIterator[None]:
        """Wait for a slot of the user who has most time left; the time that the block takes is charged to them."""
        user = max(users, key=lambda candidate: self._bucket(candidate).left)
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(user, deque()).append(ready)
        self._start()
        try:
            await ready
        except asyncio.CancelledError:
            if not ready.cancelled():  # it got the slot at the same moment
                self._end(user)
            raise
        clock = asyncio.get_running_loop().time
        began = clock()
        try:
            yield
        finally:
            self._bucket(user).take(clock() - began)
            self._end(user)

    def _bucket(self, user: User) -> Bucket:
        if user not in self._buckets:
            self._buckets[user] = Bucket(self._share, _BURST_SECONDS)
        return self._buckets[user]

    def _end(self, user: User) -> None:
        self._running.remove(user)
        self._start()

    def _start(self) -> None:
        """Start waiting executions, first those of the user served longest ago."""
        while len(self._running) < _EXECUTIONS_AT_ONCE and (chosen := self._next()):
            (user,) = chosen
            queue = self._waiting.pop(user)
            ready = queue.popleft()
            if queue:
                self._waiting[user] = queue  # behind everybody else
            if not ready.cancelled():
                self._running.add(user)
                ready.set_result(None)

    def _next(self) -> list[User]:
        """The next user to serve, in a list; an empty list if none has time left, and then a timer is set."""
        may_run = [user for user in self._waiting if user not in self._running]
        for user in may_run:
            if self._bucket(user).left > 0:
                return [user]
        if may_run and self._timer is None:
            soonest = min(self._bucket(user).wait_seconds for user in may_run)
            self._timer = asyncio.get_running_loop().call_later(soonest + _TIMER_SECONDS, self._ring)
        return []

    def _ring(self) -> None:
        self._timer = None
        self._start()


class Budgets:
    """Subscriptions and messages of the users of this process, and their limits."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._subscriptions: Counter[User] = Counter()
        self._messages: dict[User, Bucket] = {}
        self.turns = Turns(settings.live_share_percent / 100)

    @contextmanager
    def subscription(self, user: User) -> Iterator[None]:
        """Count a subscription of the user, over all their connections. Raises TooManySubscriptions."""
        most = self._settings.live_subscriptions
        if self._subscriptions[user] >= most:
            raise TooManySubscriptions(limit=Limit.SUBSCRIPTIONS_OF_A_USER, given=self._subscriptions[user] + 1, most=most)
        self._subscriptions[user] += 1
        try:
            yield
        finally:
            self._subscriptions[user] -= 1
            if not self._subscriptions[user]:
                del self._subscriptions[user]

    async def message(self, user: User) -> None:
        """Count a message from a client of the user; return when the next may be read."""
        if user not in self._messages:
            self._messages[user] = Bucket(_MESSAGES_PER_SECOND, _MESSAGES_AT_ONCE)
        bucket = self._messages[user]
        bucket.take(1)
        if (seconds := bucket.wait_seconds) > 0:
            await asyncio.sleep(seconds)
