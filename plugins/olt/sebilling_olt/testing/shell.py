"""Command line of a simulated OLT: it echoes each character, pages, asks questions, and prints alarms at any point.

The commands of the two manufacturers are in `huawei` and `zte`.
"""

import abc
import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from sebilling_olt.testing.olt import Olt

_PAGE_LINES: Final = 24
_PLACES: Final = ("typing", "table", "row", "prompt")


@dataclass
class Faults:
    """Faults to simulate. Each `…_after` counts commands that change an ONU or save, over all connections, then affects each."""

    alarm_every: int | None = None
    """An alarm every this many commands: in rotation while typing, between lines, in the middle of a row, after the prompt."""
    lose_every: int | None = None
    """Every this many commands the OLT loses one character."""
    echo_seconds: float = 0
    """Delay for each character."""
    answer_seconds: float = 0
    """Delay before each answer."""
    drop_after: int | None = None
    """Execute the command, but drop the connection before the answer."""
    lost_after: int | None = None
    """Drop the connection before executing the command."""
    tables_after: int | None = None
    """Print this many tables completely; drop the connection in the middle of the next."""
    hang_after: int | None = None
    """Execute the command, but never answer."""
    truncate: bool = False
    """Tables end early, as if complete."""
    headless: bool = False
    """Tables print nothing."""
    stay: bool = False
    """Configuration modes are silently not entered."""
    deaf: bool = False
    """Changes are reported as made, but aren't."""
    refuse: str = ""
    """Changes are refused with this message."""
    ask: str = ""
    """Question before each change, save and table; without a yes it isn't executed."""
    save_refused: str = ""
    name_stuck: str = ""
    """What stands in the input line at the first prompt, as some firmware leaves the user's name there: `shown` or `hidden`."""
    refuse_login: str = ""
    """Message instead of the first prompt, after which the connection is closed."""


class Link(Protocol):
    """A connection, whatever the protocol."""

    async def read(self) -> str:
        """Return one character; Enter is `\\n` however it was sent. Raises EOFError."""

    def write(self, text: str) -> None:
        """Send text, at the latest in the event loop's next iteration."""

    def flush(self) -> None:
        """Send buffered text now."""

    def cut(self) -> None:
        """Close the connection at once."""


@dataclass(slots=True)
class Counted:
    """Counters shared by all connections of a simulator."""

    commands: int = 0
    alarms: int = 0
    changes: int = 0
    tables: int = 0
    seen: list[str] = field(default_factory=list)
    """Commands received on all connections."""


class Shell(abc.ABC):
    """One logged-in session. `place` is its mode: the list of modes entered."""

    def __init__(self, olt: Olt, link: Link, faults: Faults, counted: Counted) -> None:
        self.olt, self.firmware, self.link, self.faults, self.counted = olt, olt.firmware, link, faults, counted
        self.enabled = self.firmware.lands_enabled
        self.place: list[str] = []
        self.page: int | None = _PAGE_LINES
        self.over = False
        self._alarm = ""
        self.stuck = ""
        """What stands in the input line at the next prompt."""

    @abc.abstractmethod
    def prompt(self) -> str:
        """Return the prompt."""

    @abc.abstractmethod
    def alarm(self) -> list[str]:
        """Return the lines of one alarm."""

    @abc.abstractmethod
    async def carry_out(self, words: str) -> None:
        """Execute one command."""

    @abc.abstractmethod
    def more(self) -> tuple[str, str]:
        """Return the paging prompt, and the text that erases it."""

    async def run(self) -> None:
        """Serve until the end of the session. Raises EOFError when the other side disconnects."""
        while not self.over:
            self._turn()
            line = (await self.line(self.prompt(), noisy=True)).strip()
            if line:
                self.counted.seen.append(line)
                await asyncio.sleep(self.faults.answer_seconds)
                await self.carry_out(line)

    def _turn(self) -> None:
        """Count a command and choose the alarm, if any, that disturbs it."""
        self.counted.commands += 1
        self._alarm = ""
        if self.faults.alarm_every and self.counted.commands % self.faults.alarm_every == 0:
            self._alarm = _PLACES[self.counted.alarms % len(_PLACES)]
            self.counted.alarms += 1

    def say(self, *lines: str) -> None:
        """Print lines."""
        self.link.write("".join(f"{line}\r\n" for line in lines))

    def _disturb(self, shown: str, *, reprint: bool) -> None:
        self.link.write("\r\n")
        self.say(*self.alarm())
        if reprint:
            self.link.write(shown)

    async def line(self, prompt: str, *, noisy: bool = False, echo: bool = True) -> str:
        """Read a line typed after `prompt`, echoed unless it is secret. Raises EOFError."""
        self.link.write(prompt)
        if noisy and self._alarm == "prompt":
            self._disturb(prompt, reprint=self.firmware.reprints)
        typed = self._stuck()
        deaf = bool(noisy and self.faults.lose_every and self.counted.commands % self.faults.lose_every == 0)
        while (char := await self.link.read()) != "\n":
            if char in {"\b", "\x7f"}:
                typed = typed[:-1]
                continue
            if not char.isprintable() or (deaf and len(typed) == 3):
                deaf = deaf and not char.isprintable()
                continue
            typed += char
            if echo:
                if self.faults.echo_seconds:
                    await asyncio.sleep(self.faults.echo_seconds)
                self.link.write(char)
            if noisy and self._alarm == "typing" and len(typed) == 6:
                self._disturb(prompt + typed, reprint=True)
        self.link.write("\r\n")
        return typed

    def _stuck(self) -> str:
        """What already stands in the input line."""
        stuck, self.stuck = self.stuck, ""
        if self.faults.name_stuck == "shown":
            self.link.write(stuck)
        return stuck

    async def agrees(self, question: str) -> bool:
        """Ask a question; return whether the answer is y or yes."""
        return (await self.line(question)).strip().lower() in {"y", "yes"}

    async def table(self, lines: Sequence[str]) -> None:
        """Print lines page by page."""
        if self.faults.headless or (self.faults.ask and not await self.agrees(self.faults.ask)):
            return
        if self.faults.truncate:
            lines = lines[: len(lines) // 2]
        self.counted.tables += 1
        if self.faults.tables_after is not None and self.counted.tables > self.faults.tables_after:
            self.say(*lines[: len(lines) // 2])
            self._cut()
        bottom, away = self.more()
        for number, line in enumerate(lines, 1):
            if number == min(6, len(lines)) and self._alarm in {"table", "row"}:
                half = len(line) // 2 if self._alarm == "row" else 0
                self.link.write(line[:half])
                self._disturb("", reprint=False)
                self.say(line[half:])
            else:
                self.say(line)
            if self.page and number % self.page == 0 and number < len(lines):
                self.link.write(bottom)
                key = await self.link.read()
                self.link.write(away)
                if key in {"q", "Q"}:
                    return

    async def change(self, do: Callable[[], None], *said: str) -> bool:
        """Make a change, subject to the faults; return whether it was executed and answered."""
        faults = self.faults
        self.counted.changes += 1
        if faults.lost_after is not None and self.counted.changes > faults.lost_after:
            self._cut()
        if faults.ask and not await self.agrees(faults.ask):
            return False
        if faults.refuse:
            self.say(faults.refuse)
            return False
        if not faults.deaf:
            do()
        if faults.drop_after is not None and self.counted.changes > faults.drop_after:
            self._cut()
        if faults.hang_after is not None and self.counted.changes > faults.hang_after:
            await asyncio.Event().wait()
        self.say(*said)
        return True

    def _cut(self) -> None:
        self.link.cut()
        raise EOFError

    def leave(self) -> None:
        """Leave the current mode."""
        if self.place:
            self.place.pop()
