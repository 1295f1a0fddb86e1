"""Send waiting messages: one task per lane, so that a slow or dead receiver delays no other."""

import asyncio
import fcntl
import logging
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import httpx

from sebilling_notify.answers import Held, Moved, Refused, TryAgain
from sebilling_notify.channels import Channel, masked
from sebilling_notify.queue import MAX_WAIT_SECONDS, Message, Queue

_log = logging.getLogger(__name__)
LOOK_SECONDS: Final = 0.5
MAX_HOLD_SECONDS: Final = 300.0
"""A lane resumes within this time once its receiver works again."""
_PATIENT_ATTEMPTS: Final = 5
"""After this many failures of its lane a message lets others go first: it may be the cause itself."""
_FORGET_SECONDS: Final = 600.0


class Sender:
    """Sender of one queue's lanes. `run` until cancelled."""

    def __init__(
        self,
        queue: Queue,
        channels: Sequence[Channel],
        *,
        lock: Path,
        clock: Callable[[], datetime],
        max_age: timedelta,
        timeout_seconds: float,
    ) -> None:
        self._queue, self._channels, self._lock_file, self._clock = queue, channels, lock, clock
        self._max_age, self._timeout_seconds = max_age, timeout_seconds
        self._wakes = [asyncio.Event() for _ in channels]
        self.first_wait_seconds = 1.0
        """Wait before the second attempt; it doubles each time."""

    def wake(self) -> None:
        """Check the queue at once, as messages were added. Must be called on the sender's loop."""
        for wake in self._wakes:
            wake.set()

    async def run(self) -> None:
        """Send until cancelled. Of several processes with the same file only one sends at a time."""
        for name in ("httpx", "httpcore"):  # they log addresses, and a bot's token is in its address
            logging.getLogger(name).setLevel(logging.WARNING)
        while True:
            with _held(self._lock_file) as mine:
                if mine:
                    async with httpx.AsyncClient(timeout=self._timeout_seconds) as client, asyncio.TaskGroup() as group:
                        for channel, wake in zip(self._channels, self._wakes, strict=True):
                            group.create_task(self._serve(client, channel, wake))
                        group.create_task(self._forget())
            await asyncio.sleep(LOOK_SECONDS)

    async def _serve(self, client: httpx.AsyncClient, channel: Channel, wake: asyncio.Event) -> None:
        while True:
            wake.clear()
            message = self._queue.next(channel.lane, in_order=channel.in_order)
            if message is None:
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_SECONDS):  # wait_for would swallow a cancel that comes together with a wake
                        await wake.wait()
            else:
                pause = await self.send(client, channel, message)
                await asyncio.sleep(max(pause, channel.least_seconds))

    async def send(self, client: httpx.AsyncClient, channel: Channel, message: Message) -> float:
        """Send one message and store the result; return for how many seconds the lane must pause."""
        if self._clock().timestamp() - message.made_at > self._max_age.total_seconds():
            self._give_up(message, "too old")
            return 0
        try:
            async with asyncio.timeout(self._timeout_seconds):  # httpx's timeouts are for each part of an answer
                await channel.send(client, message)
        except Moved as error:
            self._moved(channel, message, error.target)
        except Refused as error:
            self._refuse(message, str(error))
        except Held as error:
            self._hold(channel, message, str(error), error.pause_seconds)
            return error.pause_seconds
        except TryAgain as error:
            self._again(message, str(error))
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            self._hold(channel, message, type(error).__name__, 0)  # its text may contain the address
            return 0
        else:
            self._queue.sent(message)
        self._release(channel)  # it answers, whatever the result of this message
        return 0

    def _hold(self, channel: Channel, message: Message, why: str, pause_seconds: float) -> None:
        was = next((held for held in self._queue.held() if held.lane == channel.lane), None)
        wait = max(pause_seconds, self._wait(0 if was is None else was.attempts, MAX_HOLD_SECONDS))
        self._queue.hold(channel.lane, seconds=wait, why=why)
        self._queue.again(message, seconds=wait if channel.in_order or message.attempts < _PATIENT_ATTEMPTS else 2 * wait, error=why)
        if was is None or was.why != why:
            _log.warning("%s is held, its messages wait: %s", named(channel.lane), why)

    def _release(self, channel: Channel) -> None:
        was = self._queue.release(channel.lane)
        if was is not None:
            _log.warning("%s goes on after %.0f s: %s", named(channel.lane), self._clock().timestamp() - was.since, was.why)

    def _moved(self, channel: Channel, message: Message, target: str) -> None:
        if target == message.target:
            self._again(message, "the recipient has moved to where it is")
            return
        self._queue.moved(channel.lane, old=message.target, new=target)
        self._queue.again(message, seconds=0 if message.attempts < _PATIENT_ATTEMPTS else MAX_HOLD_SECONDS, error="the chat has moved")
        _log.warning("%s: the chat is %s now, and is sent to there; set its new id in the settings", named(channel.lane), target)

    def _refuse(self, message: Message, why: str) -> None:
        _log.warning("message %s to %s is refused: %s", message.id, masked(message.target), why)
        self._queue.refuse(message, why)

    def _wait(self, attempts: int, most_seconds: float) -> float:
        return min(most_seconds, self.first_wait_seconds * 2.0 ** min(attempts, 20)) * random.uniform(0.5, 1)  # noqa: S311 - spreads retries, is no secret

    def _again(self, message: Message, why: str) -> None:
        _log.info("message %s to %s waits: %s", message.id, masked(message.target), why)
        self._queue.again(message, seconds=self._wait(message.attempts, MAX_WAIT_SECONDS), error=why)

    def _give_up(self, message: Message, why: str) -> None:
        _log.warning("message %s to %s is given up: %s", message.id, masked(message.target), why)
        self._queue.give_up(message, why)

    async def _forget(self) -> None:
        while True:
            self._queue.forget_old()
            if count := self._queue.give_up_older(self._max_age.total_seconds()):
                _log.warning("%s messages are given up: they are too old", count)
            await asyncio.sleep(_FORGET_SECONDS)


def named(lane: str) -> str:
    """Return a lane's name for the log: a webhook's address may contain a secret."""
    kind, _, url = lane.partition(" ")
    return f"{kind} {masked(url)}" if url else kind


@contextmanager
def _held(path: Path) -> Iterator[bool]:
    """Try to lock the file while the block runs; the system releases it when the process dies."""
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
