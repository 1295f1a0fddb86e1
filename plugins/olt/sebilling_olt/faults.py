"""Errors of an OLT as errors of the driver contract.

DeviceError            the OLT is unusable, or this command wasn't sent
├── Refusal            the OLT refused this command; the session continues
├── Garbled            the answer is inconsistent; the read can be repeated
└── Unanswered         the command was sent, but its answer is lost: unknown whether it was executed
"""

from collections.abc import Sequence
from typing import Final

from sebilling.plugins.contract import DeviceError, Fault, Sentence

MAX_TEXT: Final = 200


class Refusal(DeviceError):
    """The OLT refused one command. `said` is its message."""

    def __init__(self, fault: Fault, message: Sentence, *, said: str, retryable: bool) -> None:
        super().__init__(fault, message, retryable=retryable)
        self.said = said


class Garbled(DeviceError):
    """An answer that is incomplete, or can't be distinguished from an incomplete one."""

    def __init__(self, message: Sentence) -> None:
        super().__init__(Fault.PROTOCOL, message, retryable=True)


class Unanswered(DeviceError):
    """The command was sent, but not answered."""


def shown(text: str, *, hide: Sequence[str] = ()) -> str:
    """Clean foreign text for a message, which quotes it: one short printable line without double quotes and the secrets `hide`."""
    for secret in hide:
        if secret:
            text = text.replace(secret, "***")
    line = " ".join("".join(char if char.isprintable() else " " for char in text.replace('"', "'")).split())
    return line if len(line) <= MAX_TEXT else line[: MAX_TEXT - 1] + "…"
