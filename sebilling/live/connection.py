"""Connection to a client: a bounded outbox, sent only while the client is authorized.

Senders never wait: messages are queued at once, and a client that leaves too much unread, or reads nothing for too long, is disconnected.
When the feed has an event about the client's user, sending pauses before anything later is delivered, until the user's rights are checked
again. If they have changed, the connection ends.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sebilling.auth import tickets
from sebilling.auth.sessions import Live, hash_of
from sebilling.errors import Unavailable
from sebilling.language import Sentence
from sebilling.live.hub import Hub
from sebilling.logs import get_logger
from sebilling.schema.context import Parts

_log = get_logger(__name__)
MAX_WAITING: Final = 2_000
"""Messages."""
MAX_WAITING_CHARACTERS: Final = 1_000_000
WRITE_SECONDS: Final = 10.0
"""Time in which a client must read what fills its window."""
RIGHTS_SECONDS: Final = 30.0
"""How often rights are checked without an event, as a token may expire."""
_RETRY_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class End:
    """Why a connection ends: a close code of the protocol or of SeBilling, and a reason."""

    code: int
    reason: Sentence


TOO_SLOW: Final = End(
    4413, Sentence("Too slow: reconnect and resume with after", "Terlalu lambat: sambung lagi dan lanjutkan dengan 'after'")
)
RIGHTS_CHANGED: Final = End(4403, Sentence("Your rights have changed: reconnect", "Hak akses Anda berubah: sambung lagi"))
NOT_SIGNED_IN: Final = End(4403, Sentence("Forbidden: the token is no longer valid", "Ditolak: tokennya tidak berlaku lagi"))
TOO_MANY: Final = End(4430, Sentence("Too many open connections: close some", "Terlalu banyak sambungan terbuka: tutup sebagian"))


class Lines:
    """Open connections of each user."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._open: Counter[int | None] = Counter()

    @contextmanager
    def place(self, user_id: int | None) -> Iterator[bool]:
        """Count a connection of the user; False if they have too many."""
        if self._open[user_id] >= self.most:
            yield False
            return
        self._open[user_id] += 1
        try:
            yield True
        finally:
            self._open[user_id] -= 1
            if not self._open[user_id]:
                del self._open[user_id]


@dataclass(frozen=True, slots=True)
class Caller:
    """The user of a connection, and the hash of the access token by which their rights are checked again."""

    live: Live
    token_hash: bytes


async def caller_of(parts: Parts, *, token: str | None, ticket: str | None, at: datetime) -> Caller | None:
    """Return the caller by ticket, which is used up, else by token; None for an invalid one. Raises DatabaseUnavailable."""
    if ticket is not None:
        token_hash = await tickets.redeem(parts.database, ticket, at=at)
    else:
        token_hash = hash_of(token) if token else None
    live = await parts.caller_cache.live_by_hash(token_hash, at=at) if token_hash is not None else None
    return Caller(live, token_hash) if live is not None and token_hash is not None else None


class Line:
    """Outbox of one client. `write` sends texts, and returns when the client's window has room again."""

    def __init__(self, hub: Hub, parts: Parts, caller: Caller, write: Callable[[list[str]], Awaitable[None]]) -> None:
        self._hub = hub
        self._parts = parts
        self._token_hash = caller.token_hash
        self.live = caller.live
        self._write = write
        self._waiting: list[str] = []
        self._characters = 0
        self._filled, self._empty, self._settled, self._doubted = asyncio.Event(), asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._empty.set()
        self._settled.set()
        self._last: End | None = None
        self.ended: asyncio.Future[End] = asyncio.get_running_loop().create_future()

    def put(self, text: str) -> None:
        """Queue a text; ends the connection if too much is queued."""
        if self.ended.done():
            return
        self._characters += len(text)
        if len(self._waiting) >= MAX_WAITING or self._characters > MAX_WAITING_CHARACTERS:
            self.end(TOO_SLOW)
            return
        self._waiting.append(text)
        self._empty.clear()
        self._filled.set()

    async def room(self) -> None:
        """Wait until everything queued is sent."""
        await self._empty.wait()

    def end(self, why: End) -> None:
        """End at once; nothing more is sent."""
        if not self.ended.done():
            self.ended.set_result(why)
        self._waiting, self._characters = [], 0

    def finish(self, why: End) -> None:
        """End after everything queued is sent."""
        self._last = why
        self._filled.set()

    async def run(self) -> End:
        """Send, and check rights, until the connection ends; return why."""
        user_id = self.live.actor.user_id
        forget = self._hub.watch(user_id, self._hold) if user_id is not None else None
        tasks = [asyncio.create_task(self._send()), asyncio.create_task(self._guard())]
        try:
            return await self.ended
        finally:
            if forget is not None:
                forget()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _hold(self) -> None:
        self._settled.clear()
        self._doubted.set()

    async def _send(self) -> None:
        while True:
            await self._filled.wait()
            await self._settled.wait()
            texts, self._waiting, self._characters = self._waiting, [], 0
            self._filled.clear()
            try:
                async with asyncio.timeout(WRITE_SECONDS):
                    await self._write(texts)
            except TimeoutError:
                self.end(TOO_SLOW)
                return
            except Exception as error:  # noqa: BLE001 - each server reports a lost connection in its own way
                self.end(End(1006, Sentence(type(error).__name__, type(error).__name__)))
                return
            if not self._waiting:
                self._empty.set()
                if self._last is not None:
                    self.end(self._last)

    async def _guard(self) -> None:
        """Check the rights again, at intervals and when an event may have changed them."""
        while True:
            try:
                async with asyncio.timeout(RIGHTS_SECONDS):
                    await self._doubted.wait()
            except TimeoutError:
                pass
            self._doubted.clear()
            try:
                live = await self._parts.caller_cache.live_by_hash(self._token_hash, at=self._parts.clock())
            except Unavailable:
                self._doubted.set()
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            if live is None or live.actor != self.live.actor:
                _log.info("line_ended", user_id=self.live.actor.user_id, why="rights")
                self.end(NOT_SIGNED_IN if live is None else RIGHTS_CHANGED)
                return
            if not self._doubted.is_set():
                self._settled.set()
