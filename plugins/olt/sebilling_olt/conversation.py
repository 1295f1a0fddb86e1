"""Talking with an OLT's command line, so that nothing is carried out that wasn't meant, and no answer is taken for another's.

A command is typed without Enter; only when the OLT's echo shows exactly it behind the prompt is Enter sent. An alarm that is printed in
between, or a character that the OLT lost, so can't change a command. The answer is what stands between that line and the next prompt.
"""

import logging
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sebilling.plugins.contract import DeviceError, Fault

from sebilling_olt import dialects
from sebilling_olt.config import OltConfig
from sebilling_olt.faults import Refusal, Unanswered, shown
from sebilling_olt.screen import Overflow, Screen

if TYPE_CHECKING:
    from sebilling_olt.terminal import Terminal

_ECHO_SECONDS: Final = 5.0
_QUIET_SECONDS: Final = 0.5
"""So long nothing comes before Enter asks for a prompt that an alarm may have overwritten."""
SETTLE_SECONDS: Final = 0.005
_MAX_PAGES: Final = 5_000
_MAX_QUESTIONS: Final = 4
_MAX_NUDGES: Final = 3
PROMPT: Final = re.compile(r"([A-Za-z0-9][\w.:@/-]{0,63}?)((?:\([\w ./:_-]{1,60}\))?)([>#])")


@dataclass(slots=True)
class _Listening:
    """Where the waiting for one answer stands."""

    heard: float
    """When the OLT last said anything."""
    pages: int = 0
    questions: int = 0
    nudges: int = 0
    answered: tuple[str, int] = ("", 0)
    """The line, and which it is, that was answered already."""


class Conversation:
    """One login on one OLT. Blocking: for the session's own thread."""

    def __init__(self, terminal: "Terminal", config: OltConfig, logger: logging.Logger) -> None:
        self.terminal, self.config, self.dialect, self.logger = terminal, config, config.dialect, logger
        self.screen = Screen()
        self.prompt = PROMPT
        self.name = ""
        """What the OLT calls itself."""
        self.at = ""
        """The prompt of the place where we are."""
        self.home = ""
        """The prompt of configuration mode."""
        self.understood = False
        """Whether a reading has worked in this session, so that the templates fit this firmware."""
        self.usable = True
        """Whether we know where we are: after a broken answer we don't, and nothing more may be sent."""

    def ask(self, command: str, *, seconds: float | None = None, agree: bool = False) -> list[str]:
        """Send one command; gives the lines of its answer. With `agree`, harmless questions are answered with yes.

        Raises Refusal, Unanswered once Enter was sent, DeviceError if it wasn't.
        """
        if not self.usable:
            raise DeviceError(Fault.UNREACHABLE, "The session with the OLT has ended.", retryable=True)
        sent = False
        try:
            self.type(command)
            sent = True
            lines = self._answer(time.monotonic() + (seconds or self.config.timeout_seconds), agree=agree)
        except DeviceError as error:
            self.give_up()
            kind = Unanswered if sent else DeviceError
            raise kind(error.fault, error.message, retryable=True) from None
        except (EOFError, OSError, Overflow):
            self.give_up()
            kind = Unanswered if sent else DeviceError
            raise kind(Fault.UNREACHABLE, "The connection to the OLT was lost.", retryable=True) from None
        self.logger.debug("olt_command command=%s lines=%d", command, len(lines))
        self._refused(command, lines)
        return lines

    def give_up(self) -> None:
        """End the session: nothing more is sent. Never raises."""
        self.usable = False
        self.terminal.abort()

    def type(self, command: str) -> None:
        """Type it, and send it off if the echo is right. Raises DeviceError if it wasn't sent."""
        self._to_a_prompt()
        self.terminal.write(command)
        wanted = {f"{self.screen.last}{command}", f"{self.screen.last} {command}"}
        until = time.monotonic() + min(_ECHO_SECONDS, self.config.timeout_seconds)
        while time.monotonic() < until:
            self.screen.feed(self.terminal.read())
            if self.screen.last in wanted and self.screen.at_end:
                self.screen = Screen()
                self.terminal.write(self.terminal.enter)
                return
        raise DeviceError(
            Fault.PROTOCOL, f"The OLT's echo isn't what was typed ({shown(self.screen.last)}): it wasn't sent off.", retryable=True
        )

    def _to_a_prompt(self) -> None:
        """Take in what came meanwhile. If it wrote over the prompt, Enter brings a new one; nothing is asked of us here."""
        for tries in range(3):
            if tries or not self.prompt.fullmatch(self.screen.last) or self._take_in():
                self._settle()
            if self.prompt.fullmatch(self.screen.last):
                self.screen = Screen(self.screen.last)
                return
            self.terminal.write(self.terminal.enter)
            until = time.monotonic() + _QUIET_SECONDS
            while time.monotonic() < until and not self.prompt.fullmatch(self.screen.last):
                self.screen.feed(self.terminal.read())
        raise DeviceError(Fault.PROTOCOL, f"The OLT shows no prompt, but {shown(self.screen.last)!r}.", retryable=True)

    def _take_in(self) -> bool:
        text = self.terminal.read(0)
        self.screen.feed(text)
        return bool(text)

    def _settle(self) -> None:
        until = time.monotonic() + SETTLE_SECONDS
        while time.monotonic() < until:
            if text := self.terminal.read(SETTLE_SECONDS):
                self.screen.feed(text)
                until = time.monotonic() + SETTLE_SECONDS

    def _answer(self, until: float, *, agree: bool) -> list[str]:
        listening = _Listening(time.monotonic())
        while True:
            if text := self.terminal.read():
                self.screen.feed(text)
                listening.heard = time.monotonic()
            elif time.monotonic() > until:
                raise DeviceError(Fault.TIMEOUT, f"The OLT didn't answer in time; it shows {shown(self.screen.last)!r}.", retryable=True)
            if self._back_at_a_prompt():
                self.at = self.screen.last
                return self._without_alarms(self.screen.lines[:-1])
            if self.screen.at_end and self._here() != listening.answered:
                self._respond(listening, agree=agree)

    def _here(self) -> tuple[str, int]:
        return self.screen.last, len(self.screen.lines)

    def _back_at_a_prompt(self) -> bool:
        """A prompt below the line that was sent off, and nothing coming after it."""
        if len(self.screen.lines) == 1 or not self.screen.at_end or not self.prompt.fullmatch(self.screen.last):
            return False
        self._settle()
        return self.prompt.fullmatch(self.screen.last) is not None

    def _respond(self, listening: "_Listening", *, agree: bool) -> None:
        """To the end of a page, a question, or a prompt that something was printed over. Raises DeviceError, Overflow."""
        line = self.screen.last.strip()
        if dialects.MORE.fullmatch(line):
            listening.pages += 1
            if listening.pages > _MAX_PAGES:
                raise Overflow
            listening.answered = self._here()
            self.terminal.write(" ")
        elif (reply := self._reply(line, agree=agree)) is not None:
            listening.questions += 1
            if listening.questions > _MAX_QUESTIONS:
                raise DeviceError(Fault.PROTOCOL, f"The OLT asks again and again: {shown(line)}.", retryable=True)
            listening.answered = self._here()
            self.terminal.write(f"{reply}{self.terminal.enter}")
        elif time.monotonic() - listening.heard > _QUIET_SECONDS and listening.nudges < _MAX_NUDGES and self._overwritten():
            listening.nudges += 1
            listening.heard = time.monotonic()
            self.terminal.write(self.terminal.enter)

    def _overwritten(self) -> bool:
        """A prompt was there, and something was printed after it."""
        return any(self.prompt.match(line.rstrip()) for line in self.screen.lines[1:])

    def _reply(self, line: str, *, agree: bool) -> str | None:
        """What to answer to what the OLT asks; None if it asks nothing. Raises DeviceError if we must not answer."""
        if dialects.CHOICE.fullmatch(line):
            if "<cr>" not in line:
                raise DeviceError(Fault.PROTOCOL, f"The OLT wants more words: {shown(line)}. Mend the command template.", retryable=True)
            return ""
        if dialects.QUESTION.fullmatch(line) is None:
            return None
        if not agree or dialects.HARMFUL_QUESTION.search(" ".join(self.screen.lines[-3:])):
            raise DeviceError(Fault.REFUSED, f"The OLT asks what we don't agree to: {shown(line)}.", retryable=True)
        return "yes" if "yes" in line.lower() else "y"

    def _without_alarms(self, lines: Sequence[str]) -> list[str]:
        """Alarm blocks, and prompts that one of them was printed behind, aren't part of an answer."""
        kept: list[str] = []
        alarm = False
        for line in lines:
            if not alarm and self.dialect.alarm_begin.fullmatch(line):
                alarm = True
            elif not alarm:
                kept.append(line.rstrip())
            if alarm and self.dialect.alarm_end.fullmatch(line):
                alarm = False
        return [line for line in kept if line.strip()]

    def _refused(self, command: str, lines: Sequence[str]) -> None:
        said = next((line.strip() for line in lines if self.dialect.refusal.fullmatch(line)), None)
        if said is None:
            return
        words = shown(said, hide=self.config.secrets)
        if dialects.NO_RIGHT.search(said):
            raise Refusal(Fault.PERMISSION, f"{words} Give the OLT's user the right to '{command}'.", said=said, retryable=False)
        if dialects.UNKNOWN_COMMAND.search(said):
            why = f"This firmware doesn't know '{command}' ({words}): set the device's command templates."
            raise Refusal(Fault.SETUP, why, said=said, retryable=False)
        raise Refusal(Fault.REFUSED, f"The OLT refused '{command}': {words}", said=said, retryable=bool(dialects.BUSY.search(said)))

    def log_out(self) -> None:
        """Free the OLT's session at once: it has few. Never raises."""
        try:
            for command in self.dialect.logout if self.usable else ():
                self.ask(command, seconds=2, agree=True)
        except DeviceError:
            pass  # the last one has no answer but the end
        self.give_up()
