"""End or change sessions: Disconnect-Request and CoA-Request (RFC 5176) to the session's NAS, with pyrad.

Only an answer with a valid authenticator counts. ACK means ended. NAK with Error-Cause 503 only means that the NAS found no session by
these attributes. Any other answer is a failure, and no answer means unknown.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Self

from pyrad.client_async import ClientAsync
from pyrad.packet import CoARequest, DisconnectRequest
from sebilling.plugins.contract import Fault, Result, Sentence

from sebilling_radius import packets
from sebilling_radius.answers import SILENCE, Answer, Failure, may_want_other_attributes, of_all, understood
from sebilling_radius.config import Nas, RadiusConfig
from sebilling_radius.radacct import Session

IN_FLIGHT: Final = 128
IN_FLIGHT_PER_NAS: Final = 64
"""Requests pending for one NAS: one that doesn't answer must not block the others."""
ALL_SECONDS: Final = 40.0
"""Time for all sessions of a call; the call's budget leaves more, to record the result."""
_MAX_OF_ONE_NAME: Final = 5
"""Sessions of one user name that are ended at one NAS when only the name is known."""
logging.getLogger("sebilling_radius.coa").setLevel(logging.CRITICAL)  # pyrad logs an ERROR for each packet that a closed port returns
_WORDS: Final = packets.dictionary()


@dataclass(slots=True)
class _Line:
    """One NAS for the duration of a call."""

    address: str
    nas: Nas
    client: Any
    window: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(IN_FLIGHT_PER_NAS))
    answered: bool = False
    silent: bool = False


class Ender:
    """Ends sessions on all NASes of the settings. Its sockets are open inside `async with`."""

    def __init__(self, config: RadiusConfig, clock: Callable[[], float] = time.time) -> None:
        self._config, self._clock = config, clock
        self._window = asyncio.Semaphore(IN_FLIGHT)
        self._lines: dict[str, Sequence[_Line] | Failure] = {}
        self._until = 0.0

    async def __aenter__(self) -> Self:
        self._until = asyncio.get_running_loop().time() + ALL_SECONDS
        return self

    async def __aexit__(self, *_: object) -> None:
        for lines in self._lines.values():
            for line in () if isinstance(lines, Failure) else lines:
                await line.client.deinitialize_transports()

    async def end(self, sessions: Sequence[Session], change: Mapping[str, str] | None = None) -> dict[int, Answer | Failure]:
        """Disconnect each session, or change it to these attributes; return the results by session id. Never raises."""
        answers: dict[int, Answer | Failure] = {}
        for address in dict.fromkeys(session.nas for session in sessions):
            await self._lines_of(address)
        try:
            async with asyncio.timeout_at(self._until), asyncio.TaskGroup() as tasks:
                for session in sessions:
                    tasks.create_task(self._end(session, change, answers))
        except TimeoutError:
            pass
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

    async def end_by_name(self, names: Mapping[str, Iterable[str]], addresses: Iterable[str]) -> set[str]:
        """Disconnect whatever runs under these names (by key) at any NAS of the settings; return the keys of whom a session was ended.

        For customers of whom radacct shows no session. `addresses` are those of NASes in radacct. Never raises.
        """
        places = dict.fromkeys([*addresses, *(entry.address for entry in self._config.nas if "/" not in entry.address)])
        places |= dict.fromkeys(entry.network.network_address.compressed for entry in self._config.nas if entry.send_to)
        lines = [line for address in places for line in await self._reachable(address)]
        ended: set[str] = set()
        try:
            async with asyncio.timeout_at(self._until), asyncio.TaskGroup() as tasks:
                for key, spellings in names.items():
                    for name in dict.fromkeys(spellings):
                        for line in lines:
                            tasks.create_task(self._end_name(key, name, line, ended))
        except TimeoutError:
            pass
        return ended

    async def _reachable(self, address: str) -> Sequence[_Line]:
        lines = await self._lines_of(address)
        return () if isinstance(lines, Failure) else lines

    async def _lines_of(self, address: str) -> Sequence[_Line] | Failure:
        if address not in self._lines:
            self._lines[address] = await self._opened(address)
        return self._lines[address]

    async def _opened(self, address: str) -> Sequence[_Line] | Failure:
        entries = self._config.nases_of(address)
        if not entries:
            why = Sentence(
                f"A session runs on NAS {address}, which the settings don't have: add it to nas with its secret.",
                f"Ada sesi di NAS {address} yang tidak ada di pengaturan: tambahkan ke nas beserta rahasianya.",
            )
            return Failure(Result.FAILED, Fault.SETUP, why, retryable=False)
        lines: list[_Line] = []
        for nas in entries:
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
                for line in lines:
                    await line.client.deinitialize_transports()
                return Failure(Result.FAILED, Fault.UNREACHABLE, why, retryable=True)
            lines.append(_Line(address, nas, client))
        return lines

    async def _end(self, session: Session, change: Mapping[str, str] | None, answers: dict[int, Answer | Failure]) -> None:
        lines = self._lines[session.nas]
        if isinstance(lines, Failure):
            answers[session.id] = lines
            return
        gathered: list[Answer | Failure] = []
        for line in lines:
            gathered.append(await self._end_at(session, line, change))
            if gathered[-1] is Answer.ENDED:
                break
        answers[session.id] = of_all(gathered)

    async def _end_at(self, session: Session, line: _Line, change: Mapping[str, str] | None) -> Answer | Failure:
        whole = packets.whole_identification(session, line.nas.identifier)
        short = packets.short_identification(session)
        async with line.window, self._window:
            answer, other = await self._exchange(line, whole, change)
            if other and short != whole:
                answer, _ = await self._exchange(line, short, change)
            return answer

    async def _end_name(self, key: str, name: str, line: _Line, ended: set[str]) -> None:
        identification = {"User-Name": name} | ({"NAS-Identifier": line.nas.identifier} if line.nas.identifier else {})
        async with line.window, self._window:
            for _ in range(_MAX_OF_ONE_NAME):
                answer, _other = await self._exchange(line, identification, None)
                if answer is not Answer.ENDED:
                    return
                ended.add(key)

    async def _exchange(
        self, line: _Line, identification: Mapping[str, object], change: Mapping[str, str] | None
    ) -> tuple[Answer | Failure, bool]:
        """Return the answer, and whether other attributes may get a better one."""
        if line.silent:
            why = Sentence(
                f"NAS {line.address} answers nothing: not asked. {SILENCE.english}",
                f"NAS {line.address} tidak menjawab: tidak ditanya. {SILENCE.indonesian}",
            )
            return Failure(Result.FAILED, Fault.TIMEOUT, why, retryable=True), False
        try:
            code = DisconnectRequest if change is None else CoARequest
            packet = line.client.CreateCoAPacket(code=code, message_authenticator=True)
            for name, value in identification.items():
                packet[name] = value
            packet["Event-Timestamp"] = int(self._clock())
            for name, value in (change or {}).items():
                packet[name] = int(value) if name in packets.NUMBERS else value
            reply = await line.client.SendPacket(packet)
        except TimeoutError:
            line.silent = not line.answered
            why = Sentence(
                f"NAS {line.address} didn't answer. {SILENCE.english}", f"NAS {line.address} tidak menjawab. {SILENCE.indonesian}"
            )
            return Failure(Result.UNKNOWN, Fault.TIMEOUT, why, retryable=True), False
        except OSError as error:
            why = Sentence(
                f"NAS {line.address} can't be sent to ('{type(error).__name__}').",
                f"Tidak bisa mengirim ke NAS {line.address} ('{type(error).__name__}').",
            )
            return Failure(Result.UNKNOWN, Fault.UNREACHABLE, why, retryable=True), False
        except Exception as error:  # noqa: BLE001 - pyrad raises plain Exception, and ValueError for a value that can't be encoded
            why = Sentence(
                f"The request for a session on NAS {line.address} can't be made ('{type(error).__name__}'): look at its row in radacct.",
                f"Permintaan untuk sesi di NAS {line.address} tidak bisa dibuat ('{type(error).__name__}'): periksa barisnya di radacct.",
            )
            return Failure(Result.FAILED, Fault.PROTOCOL, why, retryable=False), True
        line.answered = True
        return understood(line.address, reply), may_want_other_attributes(reply)
