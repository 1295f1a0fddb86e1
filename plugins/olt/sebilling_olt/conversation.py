"""Communicate with an OLT's command line such that only intended commands are executed and each answer belongs to its command.

A command is typed without Enter; Enter is sent only when the OLT's echo shows exactly the command after the prompt. So neither an alarm
printed in between nor a lost character can change a command. The answer is the text between that line and the next prompt.
"""

import logging
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sebilling.plugins.contract import DeviceError, Fault, Sentence

from sebilling_olt import dialects
from sebilling_olt.config import OltConfig
from sebilling_olt.faults import Refusal, Unanswered, shown
from sebilling_olt.screen import Overflow, Screen

if TYPE_CHECKING:
    from sebilling_olt.terminal import Terminal

_ECHO_SECONDS: Final = 5.0
_QUIET_SECONDS: Final = 0.5
"""Seconds of silence after which Enter requests a new prompt, as an alarm may have overwritten it."""
SETTLE_SECONDS: Final = 0.005
_MAX_PAGES: Final = 5_000
_MAX_QUESTIONS: Final = 4
_MAX_NUDGES: Final = 3
PROMPT: Final = re.compile(r"([A-Za-z0-9][\w.:@/-]{0,63}?)((?:\([\w ./:_-]{1,60}\))?)([>#])")


@dataclass(slots=True)
class _Listening:
    """State of waiting for one answer."""

    heard: float
    """Time of the OLT's last output."""
    pages: int = 0
    questions: int = 0
    nudges: int = 0
    answered: tuple[str, int] = ("", 0)
    """Text and number of the line that was already answered."""


class Conversation:
    """One login on one OLT. Blocking: to be used on the session's own thread."""

    def __init__(self, terminal: "Terminal", config: OltConfig, logger: logging.Logger) -> None:
        self.terminal, self.config, self.dialect, self.logger = terminal, config, config.dialect, logger
        self.screen = Screen()
        self.prompt = PROMPT
        self.name = ""
        """Host name of the OLT."""
        self.at = ""
        """Prompt of the current mode."""
        self.home = ""
        """Prompt of configuration mode."""
        self.understood = False
        """Whether a read has succeeded in this session, so that the templates are known to fit this firmware."""
        self.usable = True
        """Whether the current mode is known. After a broken answer it isn't, and nothing more may be sent."""

    def ask(self, command: str, *, seconds: float | None = None, agree: bool = False) -> list[str]:
        """Send one command and return the lines of its answer. With `agree`, harmless questions are answered with yes.

        Raises Refusal; Unanswered if it fails after Enter was sent, DeviceError if before.
        """
        if not self.usable:
            raise DeviceError(
                Fault.UNREACHABLE, Sentence("The session with the OLT has ended.", "Sesi dengan OLT sudah berakhir."), retryable=True
            )
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
            raise kind(
                Fault.UNREACHABLE, Sentence("The connection to the OLT was lost.", "Sambungan ke OLT terputus."), retryable=True
            ) from None
        self.logger.debug("olt_command command=%s lines=%d", command, len(lines))
        self._refused(command, lines)
        return lines

    def give_up(self) -> None:
        """End the session: nothing more is sent. Never raises."""
        self.usable = False
        self.terminal.abort()

    def type(self, command: str) -> None:
        """Type the command, and send Enter if the echo is correct. Raises DeviceError if it wasn't sent."""
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
            Fault.PROTOCOL,
            Sentence(
                f"The OLT's echo isn't what was typed (\"{shown(self.screen.last)}\"): it wasn't sent off.",
                f'Gema OLT berbeda dari yang diketik ("{shown(self.screen.last)}"): tidak jadi dikirim.',
            ),
            retryable=True,
        )

    def _to_a_prompt(self) -> None:
        """Read pending output. If it overwrote the prompt, Enter requests a new one; no question can be open here."""
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
        raise DeviceError(
            Fault.PROTOCOL,
            Sentence(
                f'The OLT shows no prompt, but "{shown(self.screen.last)}".',
                f'OLT tidak menampilkan prompt, tetapi "{shown(self.screen.last)}".',
            ),
            retryable=True,
        )

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
                raise DeviceError(
                    Fault.TIMEOUT,
                    Sentence(
                        f'The OLT didn\'t answer in time; it shows "{shown(self.screen.last)}".',
                        f'OLT tidak menjawab tepat waktu; layarnya "{shown(self.screen.last)}".',
                    ),
                    retryable=True,
                )
            if self._back_at_a_prompt():
                self.at = self.screen.last
                return self._without_alarms(self.screen.lines[:-1])
            if self.screen.at_end and self._here() != listening.answered:
                self._respond(listening, agree=agree)

    def _here(self) -> tuple[str, int]:
        return self.screen.last, len(self.screen.lines)

    def _back_at_a_prompt(self) -> bool:
        """Whether there is a prompt below the line that was sent, with nothing after it."""
        if len(self.screen.lines) == 1 or not self.screen.at_end or not self.prompt.fullmatch(self.screen.last):
            return False
        self._settle()
        return self.prompt.fullmatch(self.screen.last) is not None

    def _respond(self, listening: "_Listening", *, agree: bool) -> None:
        """React to the end of a page, to a question, or to an overwritten prompt. Raises DeviceError, Overflow."""
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
                raise DeviceError(
                    Fault.PROTOCOL,
                    Sentence(f'The OLT asks again and again: "{shown(line)}".', f'OLT bertanya terus-menerus: "{shown(line)}".'),
                    retryable=True,
                )
            listening.answered = self._here()
            self.terminal.write(f"{reply}{self.terminal.enter}")
        elif time.monotonic() - listening.heard > _QUIET_SECONDS and listening.nudges < _MAX_NUDGES and self._overwritten():
            listening.nudges += 1
            listening.heard = time.monotonic()
            self.terminal.write(self.terminal.enter)

    def _overwritten(self) -> bool:
        """Whether something was printed after a prompt."""
        return any(self.prompt.match(line.rstrip()) for line in self.screen.lines[1:])

    def _reply(self, line: str, *, agree: bool) -> str | None:
        """Return the answer to the OLT's question; None if there is none. Raises DeviceError if it must not be answered."""
        if dialects.CHOICE.fullmatch(line):
            if "<cr>" not in line:
                raise DeviceError(
                    Fault.PROTOCOL,
                    Sentence(
                        f'The OLT wants more words: "{shown(line)}". Mend the command template.',
                        f'OLT meminta kata tambahan: "{shown(line)}". Perbaiki templat perintahnya.',
                    ),
                    retryable=True,
                )
            return ""
        if dialects.QUESTION.fullmatch(line) is None:
            return None
        if not agree or dialects.HARMFUL_QUESTION.search(" ".join(self.screen.lines[-3:])):
            raise DeviceError(
                Fault.REFUSED,
                Sentence(
                    f'The OLT asks what we don\'t agree to: "{shown(line)}".',
                    f'OLT menanyakan hal yang tidak kami setujui: "{shown(line)}".',
                ),
                retryable=True,
            )
        return "yes" if "yes" in line.lower() else "y"

    def _without_alarms(self, lines: Sequence[str]) -> list[str]:
        """Drop alarm blocks, and prompts that were followed by one: they aren't part of an answer."""
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
            why = Sentence(
                f"The OLT says \"{words}\". Give its user the right to '{command}'.",
                f"OLT menjawab \"{words}\". Beri penggunanya hak untuk '{command}'.",
            )
            raise Refusal(Fault.PERMISSION, why, said=said, retryable=False)
        if dialects.UNKNOWN_COMMAND.search(said):
            why = Sentence(
                f"This firmware doesn't know '{command}' (\"{words}\"): set the device's command templates.",
                f"Firmware ini tidak mengenal '{command}' (\"{words}\"): isi templat perintah perangkatnya.",
            )
            raise Refusal(Fault.SETUP, why, said=said, retryable=False)
        why = Sentence(f"The OLT refused '{command}': \"{words}\"", f"OLT menolak '{command}': \"{words}\"")
        raise Refusal(Fault.REFUSED, why, said=said, retryable=bool(dialects.BUSY.search(said)))

    def log_out(self) -> None:
        """Log out at once, as the OLT allows few sessions. Never raises."""
        try:
            for command in self.dialect.logout if self.usable else ():
                self.ask(command, seconds=2, agree=True)
        except DeviceError:
            pass  # the last command is answered only by the end of the connection
        self.give_up()
