"""Errors of RouterOS as errors of the driver contract.

DeviceError            the device is unusable, or this command wasn't sent
├── Trap               the router refused this command; the session continues
└── Unanswered         the command was sent, but its answer is lost: unknown whether it was executed
"""

from collections.abc import Sequence
from typing import Final

from sebilling.plugins.contract import DeviceError, Fault, Sentence

MAX_TEXT: Final = 200
_DOUBLE: Final = Sentence("Remove the other one on the router.", "Hapus yang satunya di router.")
_SAYINGS: Final = (  # RouterOS's own wording; the first one that the message contains counts
    (
        "not enough permissions",
        Fault.PERMISSION,
        False,
        Sentence("Give the user's group the policies read, write and api.", "Beri grup penggunanya policy read, write, dan api."),
    ),
    ("not logged in", Fault.AUTH, False, Sentence("Check the user and its password.", "Periksa pengguna dan kata sandinya.")),
    ("no such item", Fault.ABSENT, False, Sentence("It was removed meanwhile.", "Sudah dihapus sementara itu.")),
    (
        "no such command",
        Fault.SETUP,
        False,
        Sentence("This router lacks that menu: install its package.", "Router ini tidak punya menu itu: pasang paketnya."),
    ),
    (
        "does not match any value of",
        Fault.SETUP,
        False,
        Sentence("Make what it names: see the README's one-time setup.", "Buat yang disebutnya: lihat penyiapan awal di README."),
    ),
    (
        "unknown parameter",
        Fault.PROTOCOL,
        False,
        Sentence("This RouterOS is too old for that field: update it.", "RouterOS ini terlalu lama untuk isian itu: perbarui."),
    ),
    ("already have", Fault.AMBIGUOUS, False, _DOUBLE),
    ("already exists", Fault.AMBIGUOUS, False, _DOUBLE),
)
_PERMANENT: Final = ("1", "5")
"""Categories of traps for which a retry is useless: a wrong value, a wrong use of the API."""


class Trap(DeviceError):
    """The router refused one command."""


class Unanswered(DeviceError):
    """The command was sent, but not answered."""


def trap(traps: Sequence[dict[str, str]], *, hide: Sequence[str]) -> Trap:
    """Convert the `!trap` sentences of one command to a Trap. `hide` are secrets that must not be in its message."""
    said = shown("; ".join(sentence["message"] for sentence in traps if "message" in sentence), hide=hide)
    for saying, fault, retryable, remedy in _SAYINGS:
        if saying in said:
            message = Sentence(f'RouterOS: "{said}". {remedy.english}', f'RouterOS: "{said}". {remedy.indonesian}')
            return Trap(fault, message, retryable=retryable)
    retryable = not any(sentence.get("category") in _PERMANENT for sentence in traps)
    if not said:
        return Trap(Fault.REFUSED, Sentence("RouterOS refused, without a reason.", "RouterOS menolak, tanpa alasan."), retryable=retryable)
    return Trap(Fault.REFUSED, Sentence(f'RouterOS refused: "{said}".', f'RouterOS menolak: "{said}".'), retryable=retryable)


def shown(text: str, *, hide: Sequence[str]) -> str:
    """Clean foreign text for a message, which quotes it: one short line without the secrets and without double quotes."""
    for secret in hide:
        if secret:
            text = text.replace(secret, "***")
    line = " ".join(text.replace('"', "'").split())
    return line if len(line) <= MAX_TEXT else line[: MAX_TEXT - 1] + "…"
