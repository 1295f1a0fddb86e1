"""What NASes answer to a Disconnect- or CoA-Request, and what it means."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from pyrad.packet import CoAACK, CoANAK, DisconnectACK, DisconnectNAK
from sebilling.plugins.contract import Fault, Result, Sentence

_OTHER_NAS: Final = 403
_CONTEXT_NOT_FOUND: Final = 503
_OTHER_ATTRIBUTES: Final = frozenset({401, 402, 404, _CONTEXT_NOT_FOUND})
"""Causes for which the same request with other attributes may succeed."""
_CAUSES: Final[Mapping[int, tuple[Fault, bool, Sentence]]] = {
    401: (Fault.PROTOCOL, False, Sentence("it doesn't know an attribute", "ia tidak mengenal salah satu atribut")),
    402: (
        Fault.PROTOCOL,
        False,
        Sentence("it wants another attribute to find the session by", "ia meminta atribut lain untuk menemukan sesinya"),
    ),
    403: (Fault.SETUP, False, Sentence("it is another NAS: check the addresses of nas", "itu NAS lain: periksa alamat di nas")),
    404: (Fault.PROTOCOL, False, Sentence("it calls the request invalid", "ia menganggap permintaannya tidak sah")),
    405: (
        Fault.SETUP,
        False,
        Sentence(
            "it doesn't do this: choose the other way to end sessions", "ia tidak mendukung ini: pilih cara lain untuk mengakhiri sesi"
        ),
    ),
    501: (
        Fault.PERMISSION,
        False,
        Sentence("it is prohibited there: allow CoA from this address", "itu dilarang di sana: izinkan CoA dari alamat ini"),
    ),
    504: (Fault.REFUSED, True, Sentence("the session can't be removed now", "sesinya tidak bisa dihapus sekarang")),
    506: (Fault.REFUSED, True, Sentence("it has no resources left", "sumber dayanya habis")),
}
SILENCE: Final = Sentence(
    "Check that it is up, that it takes CoA from this address, its port, and that the secret is the same.",
    "Pastikan menyala, menerima CoA dari alamat ini, portnya benar, dan rahasianya sama.",
)


class Answer(Enum):
    """Answers of a NAS that aren't failures."""

    ENDED = "ended"
    DENIED = "the NAS says that it has no such session"
    """It isn't proof: a NAS says so too if an attribute is missing or differs."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a session may still be running."""

    result: Result
    fault: Fault
    message: Sentence
    retryable: bool
    other_nas: bool = False
    """Whether the NAS says that the request is for another one."""


def understood(nas: str, reply: Any) -> Answer | Failure:
    """Return what a reply means."""
    if reply.code in {DisconnectACK, CoAACK}:
        return Answer.ENDED
    if reply.code not in {DisconnectNAK, CoANAK}:
        why = Sentence(
            f"NAS {nas} answered with a packet of code {reply.code}, which is no answer to this.",
            f"NAS {nas} menjawab dengan paket berkode {reply.code}, yang bukan jawaban untuk ini.",
        )
        return Failure(Result.UNKNOWN, Fault.PROTOCOL, why, retryable=True)
    cause = _cause(reply)
    if cause == _CONTEXT_NOT_FOUND:
        return Answer.DENIED
    fault, retryable, meaning = _CAUSES.get(cause, (Fault.REFUSED, True, Sentence("no known reason", "alasannya tidak dikenal")))
    why = Sentence(
        f"NAS {nas} refused to end the session: {meaning.english} (Error-Cause {cause}).",
        f"NAS {nas} menolak mengakhiri sesi: {meaning.indonesian} (Error-Cause {cause}).",
    )
    return Failure(Result.FAILED, fault, why, retryable, other_nas=cause == _OTHER_NAS)


def may_want_other_attributes(reply: Any) -> bool:
    """Whether the same request with other attributes may succeed."""
    return reply.code in {DisconnectNAK, CoANAK} and _cause(reply) in _OTHER_ATTRIBUTES


def of_all(answers: Sequence[Answer | Failure]) -> Answer | Failure:
    """Return the answer of several NASes behind one address, each of which was asked for the same session."""
    if Answer.ENDED in answers:
        return Answer.ENDED
    failures = [answer for answer in answers if isinstance(answer, Failure)]
    elsewhere = [failure for failure in failures if failure.other_nas]
    serious = [failure for failure in failures if not failure.other_nas or len(elsewhere) == len(answers)]
    return serious[0] if serious else Answer.DENIED


def _cause(reply: Any) -> int:
    return int(reply["Error-Cause"][0]) if "Error-Cause" in reply else 0
