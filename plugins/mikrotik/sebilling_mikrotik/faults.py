"""Errors of RouterOS as errors of the driver contract.

DeviceError            the device is unusable, or this command wasn't sent
├── Trap               the router refused this command; the session continues
└── Unanswered         the command was sent, but its answer is lost: unknown whether it was executed
"""

from collections.abc import Sequence
from typing import Final

from sebilling.plugins.contract import DeviceError, Fault

MAX_TEXT: Final = 200
_SAYINGS: Final = (  # RouterOS's own wording; the first one that the message contains counts
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
"""Categories of traps for which a retry is useless: a wrong value, a wrong use of the API."""


class Trap(DeviceError):
    """The router refused one command."""


class Unanswered(DeviceError):
    """The command was sent, but not answered."""


def trap(traps: Sequence[dict[str, str]], *, hide: Sequence[str]) -> Trap:
    """Convert the `!trap` sentences of one command to a Trap. `hide` are secrets that must not be in its message."""
    said = "; ".join(one["message"] for one in traps if "message" in one) or "no reason given"
    said = shown(said, hide=hide)
    for saying, fault, retryable, remedy in _SAYINGS:
        if saying in said:
            return Trap(fault, f"RouterOS: {said}. {remedy}", retryable=retryable)
    retryable = not any(one.get("category") in _PERMANENT for one in traps)
    return Trap(Fault.REFUSED, f"RouterOS refused: {said}.", retryable=retryable)


def shown(text: str, *, hide: Sequence[str]) -> str:
    """Clean foreign text for a message: one short line without the secrets."""
    for secret in hide:
        if secret:
            text = text.replace(secret, "***")
    line = " ".join(text.split())
    return line if len(line) <= MAX_TEXT else line[: MAX_TEXT - 1] + "…"
