"""What goes wrong with an OLT, in the contract's words.

DeviceError            the OLT can't be worked with, or this command wasn't sent
├── Refusal            the OLT answered this one command with a refusal; the session goes on
├── Garbled            an answer that doesn't add up; what was asked can be asked again
└── Unanswered         the command was sent, and its answer will never come: nobody knows whether it was done
"""

from collections.abc import Sequence
from typing import Final

from sebilling.plugins.contract import DeviceError, Fault

MAX_TEXT: Final = 200


class Refusal(DeviceError):
    """The OLT refused one command. `said` are its words."""

    def __init__(self, fault: Fault, message: str, *, said: str, retryable: bool) -> None:
        super().__init__(fault, message, retryable=retryable)
        self.said = said


class Garbled(DeviceError):
    """An answer that isn't whole, or that can't be told from one that isn't."""

    def __init__(self, message: str) -> None:
        super().__init__(Fault.PROTOCOL, message, retryable=True)


class Unanswered(DeviceError):
    """Sent, but not answered."""


def shown(text: str, *, hide: Sequence[str] = ()) -> str:
    """Foreign text for a message: one line, printable, short, without the secrets `hide`."""
    for secret in hide:
        if secret:
            text = text.replace(secret, "***")
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line if len(line) <= MAX_TEXT else line[: MAX_TEXT - 1] + "…"
