"""End or change sessions: Disconnect-Request and CoA-Request (RFC 5176) to the session's NAS, with pyrad.

Only an answer with a valid authenticator counts. Two answers mean success: ACK, and NAK with Error-Cause 503 (the NAS has no such
session; radacct is outdated). Any other answer is a failure, and no answer means unknown.
"""

import asyncio
import io
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from pyrad.client_async import ClientAsync
from pyrad.dictionary import Dictionary
from pyrad.packet import CoAACK, CoANAK, CoARequest, DisconnectACK, DisconnectNAK, DisconnectRequest
from sebilling.plugins.contract import Fault, Result, Sentence

from sebilling_radius.config import Nas, RadiusConfig

_DICTIONARY: Final = """
ATTRIBUTE User-Name 1 string
ATTRIBUTE Filter-Id 11 string
ATTRIBUTE Session-Timeout 27 integer
ATTRIBUTE Idle-Timeout 28 integer
ATTRIBUTE Acct-Session-Id 44 string
ATTRIBUTE Message-Authenticator 80 octets
ATTRIBUTE Error-Cause 101 integer
VENDOR Mikrotik 14988
BEGIN-VENDOR Mikrotik
ATTRIBUTE Mikrotik-Rate-Limit 8 string
ATTRIBUTE Mikrotik-Address-List 19 string
END-VENDOR Mikrotik
"""
CHANGEABLE: Final = ("Filter-Id", "Session-Timeout", "Idle-Timeout", "Mikrotik-Rate-Limit", "Mikrotik-Address-List")
"""Attributes that a CoA-Request may change in a session, if the group has them."""
_NUMBERS: Final = frozenset({"Session-Timeout", "Idle-Timeout"})
IN_FLIGHT: Final = 128
IN_FLIGHT_PER_NAS: Final = 64
"""Requests pending for one NAS: one that doesn't answer must not block the others."""
ALL_SECONDS: Final = 40.0
"""Shorter than the engine's deadline of a call, to leave time to record the result."""
_CONTEXT_NOT_FOUND: Final = 503
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
logging.getLogger("sebilling_radius.coa").setLevel(logging.CRITICAL)  # pyrad logs an ERROR for each packet that a closed port returns


def dictionary() -> Any:
    """Dictionary for pyrad of the few attributes that are used."""
    return Dictionary(io.StringIO(_DICTIONARY))


_WORDS: Final = dictionary()


@dataclass(frozen=True, slots=True)
class Session:
    """An open row of radacct."""

    id: int
    """radacctid"""
    acct_session_id: str
    username: str
    nas: str


_SILENCE: Final = Sentence(
    "Check that it is up, that it takes CoA from this address, its port, and that the secret is the same.",
    "Pastikan menyala, menerima CoA dari alamat ini, portnya benar, dan rahasianya sama.",
)


class Answer(Enum):
    """Answers of a NAS that count as success."""

    ENDED = "ended"
    UNKNOWN_THERE = "the NAS knows no such session"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a session may still be running."""

    result: Result
    fault: Fault
    message: Sentence
    retryable: bool


@dataclass(slots=True)
class _Line:
    """One NAS for the duration of a call."""

    nas: Nas
    client: Any
    window: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(IN_FLIGHT_PER_NAS))
    answered: bool = False
    silent: bool = False


class Ender:
    """Ends sessions on all NASes of the settings. Its sockets are open during one `end`."""

    def __init__(self, config: RadiusConfig) -> None:
        self._config = config
        self._window = asyncio.Semaphore(IN_FLIGHT)

    async def end(self, sessions: Sequence[Session], change: Mapping[str, str] | None = None) -> dict[int, Answer | Failure]:
        """Disconnect each session, or change it to these attributes; return the results by session id. Never raises."""
        lines: dict[str, _Line | Failure] = {}
        answers: dict[int, Answer | Failure] = {}
        try:
            for address in {session.nas for session in sessions}:
                lines[address] = await self._line(address)
            try:
                async with asyncio.timeout(ALL_SECONDS), asyncio.TaskGroup() as tasks:
                    for session in sessions:
                        tasks.create_task(self._ask(session, lines[session.nas], change, answers))
            except TimeoutError:
                pass
        finally:
            for line in lines.values():
                if isinstance(line, _Line):
                    await line.client.deinitialize_transports()
        late = Failure(
            Result.UNKNOWN,
            Fault.TIMEOUT,
            Sentence(
                f"Not all sessions were answered for within {ALL_SECONDS:.0f} s.",
                f"Tidak semua sesi terjawab dalam {ALL_SECONDS:.0f} detik.",
            ),
            retryable=True,
        )
        return {session.id: answers.get(session.id, late) for session in sessions}

    async def _line(self, address: str) -> _Line | Failure:
        nas = self._config.nas_of(address)
        if nas is None:
            why = Sentence(
                f"A session runs on NAS {address}, which the settings don't have: add it to nas with its secret.",
                f"Ada sesi di NAS {address} yang tidak ada di pengaturan: tambahkan ke nas beserta rahasianya.",
            )
            return Failure(Result.FAILED, Fault.SETUP, why, retryable=False)
        client = ClientAsync(
            server=nas.send_to or address, coa_port=nas.port, secret=nas.secret.get_secret_value().encode(), dict=_WORDS,
            retries=self._config.coa_tries - 1, timeout=self._config.coa_timeout_seconds, logger_name="sebilling_radius.coa",
        )  # fmt: skip
        try:
            await client.initialize_transports(enable_coa=True)
        except OSError as error:
            why = Sentence(
                f"NAS {address} can't be sent to ('{type(error).__name__}'): check its address and the route.",
                f"Tidak bisa mengirim ke NAS {address} ('{type(error).__name__}'): periksa alamat dan rutenya.",
            )
            return Failure(Result.FAILED, Fault.UNREACHABLE, why, retryable=True)
        return _Line(nas, client)

    async def _ask(
        self, session: Session, line: _Line | Failure, change: Mapping[str, str] | None, answers: dict[int, Answer | Failure]
    ) -> None:
        if isinstance(line, Failure):
            answers[session.id] = line
            return
        async with line.window, self._window:
            if line.silent:
                why = Sentence(
                    f"NAS {session.nas} answers nothing: not asked. {_SILENCE.english}",
                    f"NAS {session.nas} tidak menjawab: tidak ditanya. {_SILENCE.indonesian}",
                )
                answers[session.id] = Failure(Result.FAILED, Fault.TIMEOUT, why, retryable=True)
                return
            answers[session.id] = await _exchange(session, line, change)


async def _exchange(session: Session, line: _Line, change: Mapping[str, str] | None) -> Answer | Failure:
    try:
        code = DisconnectRequest if change is None else CoARequest
        packet = line.client.CreateCoAPacket(code=code, message_authenticator=True)
        packet["User-Name"] = session.username
        packet["Acct-Session-Id"] = session.acct_session_id
        for name, value in (change or {}).items():
            packet[name] = int(value) if name in _NUMBERS else value
        reply = await line.client.SendPacket(packet)
    except TimeoutError:
        line.silent = not line.answered
        return Failure(
            Result.UNKNOWN,
            Fault.TIMEOUT,
            Sentence(f"NAS {session.nas} didn't answer. {_SILENCE.english}", f"NAS {session.nas} tidak menjawab. {_SILENCE.indonesian}"),
            retryable=True,
        )
    except OSError as error:
        why = Sentence(
            f"NAS {session.nas} can't be sent to ('{type(error).__name__}').",
            f"Tidak bisa mengirim ke NAS {session.nas} ('{type(error).__name__}').",
        )
        return Failure(Result.UNKNOWN, Fault.UNREACHABLE, why, retryable=True)
    except Exception as error:  # noqa: BLE001 - pyrad raises plain Exception, and ValueError for a value that can't be encoded
        why = Sentence(
            f"The request for a session on NAS {session.nas} can't be made ('{type(error).__name__}'): look at its row in radacct.",
            f"Permintaan untuk sesi di NAS {session.nas} tidak bisa dibuat ('{type(error).__name__}'): periksa barisnya di radacct.",
        )
        return Failure(Result.FAILED, Fault.PROTOCOL, why, retryable=False)
    line.answered = True
    return _understood(session, reply)


def _understood(session: Session, reply: Any) -> Answer | Failure:
    if reply.code in {DisconnectACK, CoAACK}:
        return Answer.ENDED
    if reply.code not in {DisconnectNAK, CoANAK}:
        why = Sentence(
            f"NAS {session.nas} answered with a packet of code {reply.code}, which is no answer to this.",
            f"NAS {session.nas} menjawab dengan paket berkode {reply.code}, yang bukan jawaban untuk ini.",
        )
        return Failure(Result.UNKNOWN, Fault.PROTOCOL, why, retryable=True)
    cause = reply["Error-Cause"][0] if "Error-Cause" in reply else 0
    if cause == _CONTEXT_NOT_FOUND:
        return Answer.UNKNOWN_THERE
    fault, retryable, meaning = _CAUSES.get(cause, (Fault.REFUSED, True, Sentence("no known reason", "alasannya tidak dikenal")))
    why = Sentence(
        f"NAS {session.nas} refused to end the session: {meaning.english} (Error-Cause {cause}).",
        f"NAS {session.nas} menolak mengakhiri sesi: {meaning.indonesian} (Error-Cause {cause}).",
    )
    return Failure(Result.FAILED, fault, why, retryable)
