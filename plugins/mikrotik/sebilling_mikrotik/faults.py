"""What RouterOS refuses, in the contract's words.

DeviceError            the device can't be worked with, or this command wasn't sent
├── Trap               the router answered this one command with a refusal; the session goes on
└── Unanswered         the command was sent, and its answer will never come: nobody knows whether it was done
"""

from collections.abc import Sequence
from typing import Final

from sebilling.plugins.contract import DeviceError, Fault

MAX_TEXT: Final = 200
_SAYINGS: Final = (  # the first that is in the message counts; they are RouterOS's own words
    ("not enough permissions", Fault.PERMISSION, False, "Give the user's group the policies read, write and api."),
    ("not logged in", Fault.AUTH, False, "Check the user and its password."),
    ("no such item", Fault.ABSENT, False, "It was removed meanwhile."),
    ("no such command", Fault.SETUP, False, "This router lacks that menu: install its package."),
    ("does not match any value of", Fault.SETUP, False, "Make what it names: see the README's one-time setup."),
    ("unknown parameter", Fault.PROTOCOL, False, "This RouterOS is too old for that field: update it."),
    ("already have", Fault.AMBIGUOUS, False, "Remove the other one on the router."),
    ("already exists", Fault.AMBIGUOUS, False, "Remove the other one on the router."),
)
_PERMANENT: Final = ("1", "5")
"""Categories of traps that trying again can't help: a wrong value, a wrong use of the API."""


class Trap(DeviceError):
    """The router refused one command."""


class Unanswered(DeviceError):
    """Sent, but not answered."""


def trap(traps: Sequence[dict[str, str]], *, hide: Sequence[str]) -> Trap:
    """The refusal that the `!trap` sentences of one command tell. `hide` are secrets that must not be in its message."""
    said = "; ".join(one["message"] for one in traps if "message" in one) or "no reason given"
    said = shown(said, hide=hide)
    for saying, fault, retryable, remedy in _SAYINGS:
        if saying in said:
            return Trap(fault, f"RouterOS: {said}. {remedy}", retryable=retryable)
    retryable = not any(one.get("category") in _PERMANENT for one in traps)
    return Trap(Fault.REFUSED, f"RouterOS refused: {said}.", retryable=retryable)


def shown(text: str, *, hide: Sequence[str]) -> str:
    """Foreign text for a message: one line, short, without the secrets."""
    for secret in hide:
        if secret:
            text = text.replace(secret, "***")
    line = " ".join(text.split())
    return line if len(line) <= MAX_TEXT else line[: MAX_TEXT - 1] + "…"
