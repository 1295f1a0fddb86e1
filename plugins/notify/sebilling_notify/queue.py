"""Queue of messages in a file: a message queued by an event hook is sent even if the process is killed right after."""

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
    CREATE TABLE IF NOT EXISTS held (
        lane TEXT PRIMARY KEY, since REAL NOT NULL, until REAL NOT NULL, attempts INTEGER NOT NULL, why TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS moved (lane TEXT NOT NULL, old TEXT NOT NULL, new TEXT NOT NULL, PRIMARY KEY (lane, old));
"""
MAX_WAIT_SECONDS: Final = 900.0
"""Longest wait between two attempts to send a message."""
KEPT: Final = timedelta(days=30)
"""How long the key of a sent message is kept, so that a repeated event sends nothing."""


class QueueFull(Exception):
    """The queue is full; the event must be delivered again later."""


@dataclass(frozen=True, slots=True)
class New:
    """A message to send once: `key` is the same when its event is repeated."""

    key: str
    lane: str
    target: str
    body: str


@dataclass(frozen=True, slots=True)
class Message:
    """A message waiting in its lane. `made_at` is Unix time."""

    id: int
    key: str
    target: str
    body: str
    made_at: float
    attempts: int


@dataclass(frozen=True, slots=True)
class HeldLane:
    """A lane in which nothing is sent before `until`, and why; times are Unix time. `attempts` is the number of failures since."""

    lane: str
    since: float
    until: float
    attempts: int
    why: str


@dataclass(frozen=True, slots=True)
class RefusedMessage:
    """A message that can't be delivered to its recipient. `key` identifies its subject."""

    key: str
    target: str
    made_at: float
    error: str


class Queue:
    """The queue file. May be used from any thread, one at a time, and by several processes."""

    def __init__(self, path: Path, *, most: int, clock: Callable[[], datetime]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._most, self._clock, self._lock = most, clock, threading.Lock()
        path.touch(mode=0o600, exist_ok=True)  # it contains numbers and names
        self._file = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=5)
        self._file.execute("PRAGMA journal_mode = WAL")
        self._file.execute("PRAGMA synchronous = FULL")
        self._file.executescript(_SCHEMA)

    def put(self, messages: Iterable[New]) -> int:
        """Add the messages, each key once; return how many were new.

        Raises QueueFull if `most` or more already wait in a lane that gets new ones; messages of other lanes are added first, so a held
        lane doesn't affect them. The messages of one event may exceed the limit, or they would never fit.
        """
        made_at = self._clock().timestamp()
        rows = [(message.key, message.lane, message.target, message.body, made_at) for message in messages]
        with self._lock:
            self._file.execute("BEGIN IMMEDIATE")
            try:
                full = {lane for lane in {row[1] for row in rows} if self._waiting(lane) >= self._most}
                before = self._file.total_changes
                self._file.executemany(
                    "INSERT INTO message (key, lane, target, body, made_at) VALUES (?, ?, ?, ?, ?) ON CONFLICT (key) DO NOTHING",
                    [row for row in rows if row[1] not in full],
                )
                added = self._file.total_changes - before
                is_refused = any(not self._has(row[0]) for row in rows if row[1] in full)
            except BaseException:
                self._file.execute("ROLLBACK")
                raise
            self._file.execute("COMMIT")
        if is_refused:
            raise QueueFull(f"{self._most} messages wait already: see why they aren't sent, or raise SEBILLING_NOTIFY_MAX_WAITING")
        return added

    def _has(self, key: str) -> bool:
        return self._file.execute("SELECT 1 FROM message WHERE key = ?", (key,)).fetchone() is not None

    def next(self, lane: str, *, in_order: bool) -> Message | None:
        """Return the first message of the lane that may be sent now; `in_order`: none while an earlier one waits for its retry.

        None while the lane is held. If the address has moved, the target is the new one.
        """
        now = self._clock().timestamp()
        ahead = now + 2 * MAX_WAIT_SECONDS  # later than any wait: stored while the clock was wrong
        with self._lock:
            if self._file.execute("SELECT 1 FROM held WHERE lane = ? AND until > ?", (lane, now)).fetchone() is not None:
                return None
            row = self._file.execute(
                "SELECT id, key, coalesce((SELECT new FROM moved WHERE moved.lane = message.lane AND old = target), target), body,"
                " made_at, attempts, next_at FROM message WHERE state = 'WAITING' AND lane = ?"
                + ("" if in_order else " AND (next_at <= ? OR next_at > ?)") + " ORDER BY id LIMIT 1",
                (lane,) if in_order else (lane, now, ahead),
            ).fetchone()  # fmt: skip
        return None if row is None or now < row[6] <= ahead else Message(*row[:6])

    def sent(self, message: Message) -> None:
        """Mark it delivered; only its key is kept."""
        self._set(message, "state = 'SENT', error = '', target = '', body = ''")

    def refuse(self, message: Message, error: str) -> None:
        """Mark it refused. Its recipient is kept, so that the address can be corrected; its text isn't."""
        self._set(message, "state = 'REFUSED', attempts = attempts + 1, body = '', error = ?", error)

    def give_up(self, message: Message, error: str) -> None:
        """Mark it given up as too old. Its error is kept, its recipient isn't."""
        self._set(message, "state = 'DEAD', attempts = attempts + 1, target = '', body = '', error = ?", error)

    def hold(self, lane: str, *, seconds: float, why: str) -> None:
        """Hold the lane for this many seconds."""
        now = self._clock().timestamp()
        with self._lock:
            self._file.execute(
                "INSERT INTO held (lane, since, until, attempts, why) VALUES (?, ?, ?, 1, ?)"
                " ON CONFLICT (lane) DO UPDATE SET until = excluded.until, attempts = attempts + 1, why = excluded.why",
                (lane, now, now + seconds, why),
            )

    def release(self, lane: str) -> HeldLane | None:
        """Release the lane; return how it was held, None if it wasn't."""
        was = next((held for held in self.held() if held.lane == lane), None)
        if was is not None:
            with self._lock:
                self._file.execute("DELETE FROM held WHERE lane = ?", (lane,))
        return was

    def held(self) -> list[HeldLane]:
        """Return the held lanes."""
        with self._lock:
            rows = self._file.execute("SELECT lane, since, until, attempts, why FROM held ORDER BY lane").fetchall()
        return [HeldLane(*row) for row in rows]

    def moved(self, lane: str, *, old: str, new: str) -> None:
        """Redirect all messages for `old`, now and later, to `new`."""
        with self._lock:
            self._file.execute("UPDATE moved SET new = ? WHERE lane = ? AND new = ?", (new, lane, old))
            self._file.execute("INSERT OR REPLACE INTO moved (lane, old, new) VALUES (?, ?, ?)", (lane, old, new))
            self._file.execute("DELETE FROM moved WHERE old = new")

    def refused(self) -> list[RefusedMessage]:
        """Return refused messages, newest first."""
        with self._lock:
            rows = self._file.execute(
                "SELECT key, target, made_at, error FROM message WHERE state = 'REFUSED' ORDER BY id DESC LIMIT 1000"
            ).fetchall()
        return [RefusedMessage(*row) for row in rows]

    def counts(self) -> dict[tuple[str, str], int]:
        """Count messages by lane and state."""
        with self._lock:
            rows = self._file.execute("SELECT lane, state, count(*) FROM message GROUP BY lane, state ORDER BY lane, state").fetchall()
        return {(lane, state): count for lane, state, count in rows}

    def again(self, message: Message, *, seconds: float, error: str) -> None:
        """Retry it after this many seconds."""
        self._set(message, "attempts = attempts + 1, next_at = ?, error = ?", self._clock().timestamp() + seconds, error)

    def _set(self, message: Message, change: str, *values: object) -> None:
        with self._lock:
            self._file.execute(f"UPDATE message SET {change} WHERE id = ?", (*values, message.id))

    def give_up_older(self, seconds: float) -> int:
        """Give up messages that have waited longer, also in held lanes; return how many."""
        with self._lock:
            return self._file.execute(
                "UPDATE message SET state = 'DEAD', target = '', body = '', error = CASE error WHEN '' THEN 'too old'"
                " ELSE 'too old; before: ' || error END WHERE state = 'WAITING' AND made_at < ?",
                (self._clock().timestamp() - seconds,),
            ).rowcount  # fmt: skip

    def forget_old(self) -> None:
        """Delete messages that were sent, refused or given up long ago."""
        with self._lock:
            self._file.execute("DELETE FROM message WHERE state <> 'WAITING' AND made_at < ?", ((self._clock() - KEPT).timestamp(),))

    def count(self, state: str = "WAITING") -> int:
        """Count the messages that are WAITING, SENT, REFUSED, or DEAD because they are too old."""
        return sum(count for (_, message_state), count in self.counts().items() if message_state == state)

    def _waiting(self, lane: str) -> int:
        return int(self._file.execute("SELECT count(*) FROM message WHERE state = 'WAITING' AND lane = ?", (lane,)).fetchone()[0])

    def close(self) -> None:
        """Close the file; waiting messages are sent after the next start."""
        with self._lock, suppress(sqlite3.Error):
            self._file.close()
