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
    CREATE TABLE IF NOT EXISTS held (
        lane TEXT PRIMARY KEY, since REAL NOT NULL, until REAL NOT NULL, attempts INTEGER NOT NULL, why TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS moved (lane TEXT NOT NULL, old TEXT NOT NULL, new TEXT NOT NULL, PRIMARY KEY (lane, old));
"""
MAX_WAIT_SECONDS: Final = 900.0
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


@dataclass(frozen=True, slots=True)
class HeldLane:
    """A lane in which nothing is sent before `until`, and why; times are Unix time. `attempts` since then have failed."""

    lane: str
    since: float
    until: float
    attempts: int
    why: str


@dataclass(frozen=True, slots=True)
class RefusedMessage:
    """A message that its recipient can't get. `key` tells what it was about."""

    key: str
    target: str
    made_at: float
    error: str


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
        """Keep all of them, each once; gives how many were new.

        Raises QueueFull if `most` or more wait already in a lane that gets new ones, after the other lanes' are kept: a lane that is
        held takes nothing from others. What one event brings may go beyond the bound, or it would never fit.
        """
        made_at = self._clock().timestamp()
        rows = [(one.key, one.lane, one.target, one.body, made_at) for one in messages]
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
            raise QueueFull(f"{self._most} messages wait already: see why they aren't sent, or raise SEBILLING_NOTIFY_MOST_WAITING")
        return added

    def _has(self, key: str) -> bool:
        return self._file.execute("SELECT 1 FROM message WHERE key = ?", (key,)).fetchone() is not None

    def next(self, lane: str, *, in_order: bool) -> Message | None:
        """The first message of the lane that may be sent now; `in_order`: none while an earlier one waits for its time.

        None while the lane is held. To an address that has moved it goes where that is now.
        """
        now = self._clock().timestamp()
        ahead = now + 2 * MAX_WAIT_SECONDS  # further than any wait: written while the clock was wrong
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
        """It was delivered; only its key is kept."""
        self._set(message, "state = 'SENT', error = '', target = '', body = ''")

    def refuse(self, message: Message, error: str) -> None:
        """Its recipient can't get it. Who it was for is kept, so that the address can be corrected; what it said isn't."""
        self._set(message, "state = 'REFUSED', attempts = attempts + 1, body = '', error = ?", error)

    def give_up(self, message: Message, error: str) -> None:
        """It is too old; its error is kept, who it was for isn't."""
        self._set(message, "state = 'DEAD', attempts = attempts + 1, target = '', body = '', error = ?", error)

    def hold(self, lane: str, *, seconds: float, why: str) -> None:
        """Send nothing in the lane for so many seconds."""
        now = self._clock().timestamp()
        with self._lock:
            self._file.execute(
                "INSERT INTO held (lane, since, until, attempts, why) VALUES (?, ?, ?, 1, ?)"
                " ON CONFLICT (lane) DO UPDATE SET until = excluded.until, attempts = attempts + 1, why = excluded.why",
                (lane, now, now + seconds, why),
            )

    def release(self, lane: str) -> HeldLane | None:
        """The lane goes on; gives how it was held, None if it wasn't."""
        was = next((one for one in self.held() if one.lane == lane), None)
        if was is not None:
            with self._lock:
                self._file.execute("DELETE FROM held WHERE lane = ?", (lane,))
        return was

    def held(self) -> list[HeldLane]:
        """The lanes that are held."""
        with self._lock:
            rows = self._file.execute("SELECT lane, since, until, attempts, why FROM held ORDER BY lane").fetchall()
        return [HeldLane(*row) for row in rows]

    def moved(self, lane: str, *, old: str, new: str) -> None:
        """Whatever is for `old`, now and later, goes to `new`."""
        with self._lock:
            self._file.execute("UPDATE moved SET new = ? WHERE lane = ? AND new = ?", (new, lane, old))
            self._file.execute("INSERT OR REPLACE INTO moved (lane, old, new) VALUES (?, ?, ?)", (lane, old, new))
            self._file.execute("DELETE FROM moved WHERE old = new")

    def refused(self) -> list[RefusedMessage]:
        """Messages that their recipients can't get, the newest first."""
        with self._lock:
            rows = self._file.execute(
                "SELECT key, target, made_at, error FROM message WHERE state = 'REFUSED' ORDER BY id DESC LIMIT 1000"
            ).fetchall()
        return [RefusedMessage(*row) for row in rows]

    def counts(self) -> dict[tuple[str, str], int]:
        """How many messages there are, by lane and state."""
        with self._lock:
            rows = self._file.execute("SELECT lane, state, count(*) FROM message GROUP BY lane, state ORDER BY lane, state").fetchall()
        return {(lane, state): count for lane, state, count in rows}

    def again(self, message: Message, *, seconds: float, error: str) -> None:
        """Try it again after so many seconds."""
        self._set(message, "attempts = attempts + 1, next_at = ?, error = ?", self._clock().timestamp() + seconds, error)

    def _set(self, message: Message, change: str, *values: object) -> None:
        with self._lock:
            self._file.execute(f"UPDATE message SET {change} WHERE id = ?", (*values, message.id))

    def give_up_older(self, seconds: float) -> int:
        """Give up what has waited for longer, also in a lane that is held; gives how many."""
        with self._lock:
            return self._file.execute(
                "UPDATE message SET state = 'DEAD', target = '', body = '', error = CASE error WHEN '' THEN 'too old'"
                " ELSE 'too old; before: ' || error END WHERE state = 'WAITING' AND made_at < ?",
                (self._clock().timestamp() - seconds,),
            ).rowcount  # fmt: skip

    def forget_old(self) -> None:
        """Forget messages that were sent, refused or given up long ago."""
        with self._lock:
            self._file.execute("DELETE FROM message WHERE state <> 'WAITING' AND made_at < ?", ((self._clock() - KEPT).timestamp(),))

    def count(self, state: str = "WAITING") -> int:
        """How many messages are WAITING, SENT, REFUSED by their recipient, or DEAD because they are too old."""
        return sum(count for (_, one), count in self.counts().items() if one == state)

    def _waiting(self, lane: str) -> int:
        return int(self._file.execute("SELECT count(*) FROM message WHERE state = 'WAITING' AND lane = ?", (lane,)).fetchone()[0])

    def close(self) -> None:
        """Close the file; what waits is sent after the next start."""
        with self._lock, suppress(sqlite3.Error):
            self._file.close()
