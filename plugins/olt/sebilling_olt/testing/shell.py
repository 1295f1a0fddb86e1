"""A command line as an OLT's: it echoes each character, pages, asks back, and prints alarms wherever it is.

What the two makers' commands do is in `huawei` and `zte`.
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
    """What goes wrong. The `…_after` count commands that change an ONU or save, over all connections, and then happen to each."""

    alarm_every: int | None = None
    """At each so many commands an alarm: in turn while one types, between lines, in the middle of a row, behind the prompt."""
    lose_every: int | None = None
    """At each so many commands the OLT doesn't hear one character."""
    echo_seconds: float = 0
    """For each character."""
    answer_seconds: float = 0
    """Before each answer."""
    drop_after: int | None = None
    """Done, but the connection is cut before the answer."""
    lost_after: int | None = None
    """The connection is cut before it is done."""
    tables_after: int | None = None
    """So many tables are printed whole from now on; at the next the connection is cut in the middle."""
    hang_after: int | None = None
    """Done, but never answered."""
    truncate: bool = False
    """Tables end early, as if whole."""
    headless: bool = False
    """Tables print nothing."""
    stay: bool = False
    """No place is entered, and nothing is said about it."""
    deaf: bool = False
    """Changes are said to be made, and aren't."""
    refuse: str = ""
    """Changes are refused with these words."""
    ask: str = ""
    """Asked before each change, save and table; without a yes it isn't done."""
    save_refused: str = ""
    refuse_login: str = ""
    """Said instead of the first prompt, then the connection ends."""


class Link(Protocol):
    """A connection, whatever the protocol."""

    async def read(self) -> str:
        """One character; Enter is `\\n` however it was sent. Raises EOFError."""

    def write(self, text: str) -> None:
        """Send it, at the latest in the event loop's next turn."""

    def flush(self) -> None:
        """Send what was written, now."""

    def cut(self) -> None:
        """End the connection at once."""


@dataclass(slots=True)
class Counted:
    """What all connections of a simulator count together."""

    commands: int = 0
    alarms: int = 0
    changes: int = 0
    tables: int = 0
    seen: list[str] = field(default_factory=list)
    """Commands that came, by all connections."""


class Shell(abc.ABC):
    """One logged-in session. `place` is where it is: a list of what was entered."""

    def __init__(self, olt: Olt, link: Link, faults: Faults, counted: Counted) -> None:
        self.olt, self.firmware, self.link, self.faults, self.counted = olt, olt.firmware, link, faults, counted
        self.enabled = self.firmware.lands_enabled
        self.place: list[str] = []
        self.page: int | None = _PAGE_LINES
        self.over = False
        self._alarm = ""

    @abc.abstractmethod
    def prompt(self) -> str:
        """What is shown when a command may come."""

    @abc.abstractmethod
    def alarm(self) -> list[str]:
        """The lines of one alarm."""

    @abc.abstractmethod
    async def carry_out(self, words: str) -> None:
        """Do one command."""

    @abc.abstractmethod
    def more(self) -> tuple[str, str]:
        """What stands at the end of a page, and what takes it away again."""

    async def run(self) -> None:
        """To the end of the session. Raises EOFError when the other side goes."""
        while not self.over:
            self._turn()
            line = (await self.line(self.prompt(), noisy=True)).strip()
            if line:
                self.counted.seen.append(line)
                await asyncio.sleep(self.faults.answer_seconds)
                await self.carry_out(line)

    def _turn(self) -> None:
        """RowScope turn it is to be disturbed."""
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
        """A line typed behind `prompt`, echoed unless it is secret. Raises EOFError."""
        self.link.write(prompt)
        if noisy and self._alarm == "prompt":
            self._disturb(prompt, reprint=self.firmware.reprints)
        typed = ""
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

    async def agrees(self, question: str) -> bool:
        """Ask; whether the answer is y or yes."""
        return (await self.line(question)).strip().lower() in {"y", "yes"}

    async def table(self, lines: Sequence[str]) -> None:
        """Print much, page by page."""
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
        """Change something, with the faults that befall it; whether it was done and said."""
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
        """One place back."""
        if self.place:
            self.place.pop()
