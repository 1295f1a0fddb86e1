"""Errors of a router as errors of the driver contract.

DeviceError            the router is unusable, or this command wasn't sent
└── Unanswered         the command was sent, but its answer is lost: unknown whether it was executed
"""

from collections.abc import Sequence
from typing import Final

from sebilling.plugins.contract import DeviceError, Fault, Sentence

MAX_TEXT: Final = 200
_NOT_FOUND: Final = 127
"""A shell's status for a command that isn't there."""


class Unanswered(DeviceError):
    """The command was sent, but not answered."""


def refusal(command: str, status: int, errors: str, *, hide: Sequence[str] = ()) -> DeviceError:
    """Convert the failure of a command to the reason, with its remedy."""
    said = shown(errors, hide=hide) or f"exit status {status}"
    lowered = errors.lower()
    if "operation not permitted" in lowered or "permission denied" in lowered or "password is required" in lowered:
        why = Sentence(
            f'The user may not run `{command}` ("{said}"). Use root, or set sudo and allow the command in sudoers (README, step 2).',
            f'Penggunanya tidak boleh menjalankan `{command}` ("{said}"). Pakai root, atau aktifkan sudo dan izinkan perintahnya di'
            " sudoers (README, langkah 2).",
        )
        return DeviceError(Fault.PERMISSION, why, retryable=False)
    if status == _NOT_FOUND or "command not found" in lowered:
        why = Sentence(
            f'`{command}` isn\'t installed ("{said}"): `apt install nftables iproute2`.',
            f'`{command}` belum terpasang ("{said}"): `apt install nftables iproute2`.',
        )
        return DeviceError(Fault.SETUP, why, retryable=False)
    if "json support not compiled" in lowered:
        why = Sentence(
            "This nft was built without JSON: install the nftables of Debian 12, Ubuntu 22.04 or newer.",
            "nft ini dibuat tanpa JSON: pasang nftables dari Debian 12, Ubuntu 22.04, atau yang lebih baru.",
        )
        return DeviceError(Fault.SETUP, why, retryable=False)
    why = Sentence(f'`{command}` failed: "{said}".', f'`{command}` gagal: "{said}".')
    return DeviceError(Fault.REFUSED, why, retryable=True)


def garbled(what: str) -> DeviceError:
    """An answer that isn't what nft writes."""
    why = Sentence(
        f"What nft answered isn't understood ({shown(what)}): nftables 1.0 or newer is needed.",
        f"Jawaban nft tidak dipahami ({shown(what)}): perlu nftables 1.0 atau yang lebih baru.",
    )
    return DeviceError(Fault.PROTOCOL, why, retryable=True)


def shown(text: str, *, hide: Sequence[str] = ()) -> str:
    """Clean foreign text for a message, which quotes it: one short printable line without double quotes and the secrets `hide`."""
    for secret in hide:
        if secret:
            text = text.replace(secret, "***")
    line = " ".join("".join(char if char.isprintable() else " " for char in text.replace('"', "'")).split())
    return line if len(line) <= MAX_TEXT else line[: MAX_TEXT - 1] + "…"
