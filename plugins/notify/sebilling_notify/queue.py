"""Messages that wait, in a file: what an event hook has put here is sent also if the process is killed right after."""

import sqlite3
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

_SCHEMA: Final = """
    CREATE TABLE IF NOT EXISTS message (
        id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, lane TEXT NOT NULL, target TEXT NOT NULL, body TEXT NOT NULL,
        made_at REAL NOT NULL, state TEXT NOT NULL DEFAULT 'WAITING', attempts INTEGER NOT NULL DEFAULT 0, next_at REAL NOT NULL DEFAULT 0,
        error TEXT NOT NULL DEFAULT '');
    CREATE INDEX IF NOT EXISTS message_lane_idx ON message (lane, id) WHERE state = 'WAITING';
"""
MOST_WAIT_SECONDS: Final = 900.0
"""Between two attempts to send a message."""
KEPT: Final = timedelta(days=30)
"""How long the key of a message is remembered after it was sent, so that an event that comes again sends nothing."""


class QueueFull(Exception):
    """So many messages wait that no more are taken: the event comes again later."""


@dataclass(frozen=True, slots=True)
class New:
    """A message to be sent once: `key` is the same whenever its event comes again."""

    key: str
    lane: str
    target: str
    body: str


@dataclass(frozen=True, slots=True)
class Message:
    """A message that waits in its lane. `made_at` is Unix time."""

    id: int
    key: str
    target: str
    body: str
    made_at: float
    attempts: int


class Queue:
    """The file. Any thread may use it, one at a time; several processes too."""

    def __init__(self, path: Path, *, most: int, clock: Callable[[], datetime]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._most, self._clock, self._lock = most, clock, threading.Lock()
        path.touch(mode=0o600, exist_ok=True)  # it holds numbers and names
        self._file = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=5)
        self._file.execute("PRAGMA journal_mode = WAL")
        self._file.execute("PRAGMA synchronous = FULL")
        self._file.executescript(_SCHEMA)

    def put(self, messages: Iterable[New]) -> int:
        """Keep all of them or none, each once; gives how many were new.

        Raises QueueFull if `most` or more wait already: what one event brings may go beyond it, or it would never fit.
        """
        made_at = self._clock().timestamp()
        rows = [(one.key, one.lane, one.target, one.body, made_at) for one in messages]
        with self._lock:
            self._file.execute("BEGIN IMMEDIATE")
            try:
                was_full, before = self._count() >= self._most, self._file.total_changes
                self._file.executemany(
                    "INSERT INTO message (key, lane, target, body, made_at) VALUES (?, ?, ?, ?, ?) ON CONFLICT (key) DO NOTHING", rows
                )
                added = self._file.total_changes - before
            except BaseException:
                self._file.execute("ROLLBACK")
                raise
            is_refused = was_full and added > 0
            self._file.execute("ROLLBACK" if is_refused else "COMMIT")
        if is_refused:
            raise QueueFull(f"{self._most} messages wait already: see why they aren't sent, or raise SEBILLING_NOTIFY_MOST_WAITING")
        return added

    def next(self, lane: str, *, in_order: bool) -> Message | None:
        """The first message of the lane that may be sent now; `in_order`: none while an earlier one waits for its time."""
        now = self._clock().timestamp()
        ahead = now + 2 * MOST_WAIT_SECONDS  # further than any wait: written while the clock was wrong
        with self._lock:
            row = self._file.execute(
                "SELECT id, key, target, body, made_at, attempts, next_at FROM message WHERE state = 'WAITING' AND lane = ?"
                + ("" if in_order else " AND (next_at <= ? OR next_at > ?)") + " ORDER BY id LIMIT 1",
                (lane,) if in_order else (lane, now, ahead),
            ).fetchone()  # fmt: skip
        return None if row is None or now < row[6] <= ahead else Message(*row[:6])

    def sent(self, message: Message) -> None:
        """It was delivered; only its key is kept."""
        self._set(message, "state = 'SENT', error = '', target = '', body = ''")

    def give_up(self, message: Message, error: str) -> None:
        """It is never sent; its error is kept, who it was for isn't."""
        self._set(message, "state = 'DEAD', attempts = attempts + 1, target = '', body = '', error = ?", error)

    def again(self, message: Message, *, seconds: float, error: str) -> None:
        """Try it again after so many seconds."""
        self._set(message, "attempts = attempts + 1, next_at = ?, error = ?", self._clock().timestamp() + seconds, error)

    def _set(self, message: Message, change: str, *values: object) -> None:
        with self._lock:
            self._file.execute(f"UPDATE message SET {change} WHERE id = ?", (*values, message.id))

    def forget_old(self) -> None:
        """Forget messages that were sent or given up long ago."""
        with self._lock:
            self._file.execute("DELETE FROM message WHERE state <> 'WAITING' AND made_at < ?", ((self._clock() - KEPT).timestamp(),))

    def count(self, state: str = "WAITING") -> int:
        """How many messages are WAITING, SENT or DEAD."""
        with self._lock:
            return self._count(state)

    def _count(self, state: str = "WAITING") -> int:
        return int(self._file.execute("SELECT count(*) FROM message WHERE state = ?", (state,)).fetchone()[0])

    def close(self) -> None:
        """Close the file; what waits is sent after the next start."""
        with self._lock, suppress(sqlite3.Error):
            self._file.close()
