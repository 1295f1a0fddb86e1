"""One login on one router: tagged commands, up to 64 at a time, raw words, a deadline for each.

librouteros doesn't share a connection among tasks, and its parser turns `12345` into a number, which would corrupt values to be
restored; so only its length coding is used here. A command that isn't answered in time ends the session: pending commands are
`Unanswered`, and further ones aren't sent.
"""

import asyncio
import itertools
import logging
import ssl
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, NoReturn, TypeVar

from sebilling.plugins.contract import DeviceError, Fault, Sentence

from sebilling_mikrotik import wire
from sebilling_mikrotik.config import RouterConfig
from sebilling_mikrotik.faults import Trap, Unanswered, shown, trap

WINDOW: Final = 64
"""Commands pending at the same time."""
_CLOSE_SECONDS: Final = 2.0
_READ_BYTES: Final = 1 << 16

logging.getLogger("librouteros").setLevel(logging.WARNING)  # at DEBUG it prints every word, passwords among them

K = TypeVar("K")
Row = dict[str, str]
Command = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reply:
    """Answer to a command: its rows, and the words of its `!done`."""

    rows: list[Row]
    done: Row


@dataclass(slots=True)
class _Pending:
    reply: "asyncio.Future[Reply]"
    rows: list[Row] = field(default_factory=list)
    traps: list[Row] = field(default_factory=list)


class Session:
    """An open, logged-in connection. Create it with `connect`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, config: RouterConfig) -> None:
        self._reader, self._writer, self._config = reader, writer, config
        self._hide = (config.password.get_secret_value(),)
        self._tags = itertools.count(1)
        self._last_tag = 0
        self._pending: dict[str, _Pending] = {}
        self._window = asyncio.Semaphore(WINDOW)
        self._ended: DeviceError | None = None
        self._task = asyncio.create_task(self._read())
        self.identity = ""

    @classmethod
    async def connect(cls, config: RouterConfig) -> "Session":
        """Connect and log in. Raises DeviceError."""
        where = f"{config.host}:{config.api_port}"
        try:
            async with asyncio.timeout(config.timeout_seconds):
                name = (config.server_name or config.host) if config.tls else None
                reader, writer = await asyncio.open_connection(config.host, config.api_port, ssl=_tls(config), server_hostname=name)
        except TimeoutError:
            raise DeviceError(
                Fault.TIMEOUT,
                Sentence(f"{where} didn't take the connection in time.", f"{where} tidak menerima sambungan tepat waktu."),
                retryable=True,
            ) from None
        except ssl.SSLError as error:
            _refuse_tls(where, error)
        except (OSError, UnicodeError) as error:
            why = shown(getattr(error, "strerror", None) or str(error) or type(error).__name__, hide=())
            message = Sentence(f'{where} can\'t be reached: "{why}".', f'{where} tidak terjangkau: "{why}".')
            raise DeviceError(Fault.UNREACHABLE, message, retryable=True) from None
        session = cls(reader, writer, config)
        try:
            await session._login()
        except BaseException:
            await session.close()
            raise
        return session

    async def _login(self) -> None:
        name, secret = self._config.username, self._config.password.get_secret_value()
        try:
            reply = await self.call("/login", f"=name={name}", f"=password={secret}")
            if "ret" in reply.done:  # a challenge: RouterOS before 6.43 ignores the words above
                raise DeviceError(
                    Fault.PROTOCOL,
                    Sentence(
                        "This RouterOS is older than 6.43 and didn't log us in: update it.",
                        "RouterOS ini lebih lama dari 6.43 dan tidak bisa dimasuki: perbarui.",
                    ),
                    retryable=False,
                )
            rows = (await self.call("/system/identity/print")).rows  # verifies the login: some servers accept one without checking it
        except Trap as error:
            if error.fault is Fault.PERMISSION:
                raise
            raise DeviceError(
                Fault.AUTH,
                Sentence("The router refused the user or its password.", "Router menolak pengguna atau kata sandinya."),
                retryable=False,
            ) from None
        except Unanswered as error:  # nothing was changed yet, so nothing is uncertain
            raise DeviceError(error.fault, error.message, retryable=error.retryable) from None
        self.identity = rows[0].get("name", "") if rows else ""

    async def call(self, *command: str, seconds: float | None = None) -> Reply:
        """Send one command and await its complete answer. Raises Trap, Unanswered, or DeviceError if it wasn't sent."""
        async with self._window:
            if self._ended is not None:
                raise DeviceError(self._ended.fault, self._ended.message, retryable=self._ended.retryable)
            self._last_tag = next(self._tags)
            tag = str(self._last_tag)
            try:
                sentence = wire.encode((*command, f".tag={tag}"))
            except ValueError:
                raise Trap(
                    Fault.REFUSED,
                    Sentence(
                        "A value holds characters that no RouterOS word can hold.",
                        "Ada nilai dengan karakter yang tidak bisa dikirim ke RouterOS.",
                    ),
                    retryable=False,
                ) from None
            pending = self._pending[tag] = _Pending(asyncio.get_running_loop().create_future())
            try:
                async with asyncio.timeout(seconds or self._config.timeout_seconds):
                    self._writer.write(sentence)
                    with suppress(OSError):  # the reading task reports the state of the connection
                        await self._writer.drain()
                    return await pending.reply
            except TimeoutError:
                late = Sentence(f"The router didn't answer {command[0]} in time.", f"Router tidak menjawab {command[0]} tepat waktu.")
                self._end(Fault.TIMEOUT, late)
                raise Unanswered(Fault.TIMEOUT, late, retryable=True) from None
            finally:
                self._pending.pop(tag, None)
                if not pending.reply.cancel() and not pending.reply.cancelled():
                    pending.reply.exception()  # retrieved, as asyncio would otherwise log it when the caller was cancelled

    async def rows(self, *command: str) -> list[Row]:
        """Return all rows of a table, never only some. Raises DeviceError."""
        return (await self.call(*command, seconds=self._config.read_timeout_seconds)).rows

    async def rows_if_known(self, *command: str) -> list[Row] | None:
        """Return all rows of a table; None if this router has no such menu, as without the IPv6 package. Raises DeviceError."""
        try:
            return await self.rows(*command)
        except Trap as error:
            if error.fault is Fault.SETUP:
                return None
            raise

    async def tables(self, *commands: Command) -> list[list[Row]]:
        """Read several tables in one round trip, all or none. Raises DeviceError."""
        answers = await asyncio.gather(*(self.rows(*command) for command in commands), return_exceptions=True)
        rows: list[list[Row]] = []
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
            rows.append(answer)
        return rows

    async def each(self, commands: Iterable[tuple[K, Command]]) -> AsyncIterator[tuple[K, Reply | DeviceError]]:
        """Send all commands, 64 at a time; yield each one's key and result as soon as it is known."""

        async def one(key: K, command: Command) -> tuple[K, Reply | DeviceError]:
            try:
                return key, await self.call(*command)
            except DeviceError as error:
                return key, error

        tasks = [asyncio.create_task(one(key, command)) for key, command in commands]
        try:
            for task in asyncio.as_completed(tasks):
                yield await task
        finally:
            for left in tasks:
                left.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def close(self) -> None:
        """Close the connection. Never raises; pending commands are `Unanswered`."""
        self._end(Fault.UNREACHABLE, Sentence("The session was closed.", "Sesinya ditutup."))
        self._task.cancel()
        with suppress(Exception):
            await asyncio.wait_for(asyncio.gather(self._task, self._writer.wait_closed(), return_exceptions=True), _CLOSE_SECONDS)

    async def _read(self) -> None:
        decoder = wire.Decoder()
        try:
            while data := await self._reader.read(_READ_BYTES):
                for sentence in decoder.feed(data):
                    self._take(sentence)
            self._end(Fault.UNREACHABLE, Sentence("The router closed the connection.", "Router menutup sambungan."))
        except wire.NotRouterOS as error:
            what = Sentence(f"What answers isn't RouterOS's API: '{error}'.", f"Yang menjawab bukan API RouterOS: '{error}'.")
            self._end(Fault.PROTOCOL, what)
        except OSError:
            self._end(Fault.UNREACHABLE, Sentence("The connection was lost.", "Sambungan terputus."))
        finally:
            self._end(
                Fault.PROTOCOL, Sentence("Reading ended.", "Pembacaan berakhir.")
            )  # in any case, so that nobody waits for an ended reader

    def _take(self, sentence: wire.Sentence) -> None:
        kind, words = sentence[0], sentence[1:]
        if kind == "!fatal":
            why = shown(" ".join(word.removeprefix("=message=") for word in words if word[:1] != "."), hide=self._hide)
            fault = Fault.AUTH if "not logged in" in why else Fault.UNREACHABLE
            message = Sentence(f'The router ended the session: "{why}".', f'Router mengakhiri sesi: "{why}".')
            self._end(fault, message, retryable=fault is not Fault.AUTH)
            return
        tag = next((word[5:] for word in words if word.startswith(".tag=")), None)
        pending = self._pending.get(tag) if tag is not None else None
        if pending is None:
            if tag is None or not tag.isdecimal() or not 0 < int(tag) <= self._last_tag:
                raise wire.NotRouterOS("a reply to nothing that was asked")
            return  # an answer to a command whose caller was cancelled
        if kind == "!re":
            pending.rows.append(wire.pairs(words))
        elif kind == "!trap":
            pending.traps.append(wire.pairs(words))
        elif kind == "!done":
            if not pending.reply.done():
                if pending.traps:
                    pending.reply.set_exception(trap(pending.traps, hide=self._hide))
                else:
                    pending.reply.set_result(Reply(pending.rows, wire.pairs(words)))
        elif kind != "!empty":  # since 7.18: nothing matched; its !done follows
            raise wire.NotRouterOS("an unknown reply")

    def _end(self, fault: Fault, message: Sentence, *, retryable: bool = True) -> None:
        if self._ended is None:
            self._ended = DeviceError(fault, message, retryable=retryable)
        self._writer.transport.abort()  # a hanging router wouldn't answer an orderly close
        for pending in self._pending.values():
            if not pending.reply.done():
                pending.reply.set_exception(Unanswered(self._ended.fault, self._ended.message, retryable=self._ended.retryable))


def _tls(config: RouterConfig) -> ssl.SSLContext | None:
    if not config.tls:
        return None
    try:
        context = ssl.create_default_context(cadata=config.ca_pem or None)
    except (ssl.SSLError, ValueError):
        raise DeviceError(
            Fault.SETUP,
            Sentence(
                "The CA certificate of the settings is no PEM certificate: paste it whole.",
                "Sertifikat CA di pengaturan bukan sertifikat PEM: tempel seluruhnya.",
            ),
            retryable=False,
        ) from None
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # RouterOS's own CA leaves key identifiers out
    return context


def _refuse_tls(where: str, error: ssl.SSLError) -> NoReturn:
    if isinstance(error, ssl.SSLCertVerificationError):
        why = Sentence(
            f'{where}: its certificate isn\'t trusted ("{error.verify_message}"). Set ca_pem, and server_name to the name in it.',
            f'{where}: sertifikatnya tidak dipercaya ("{error.verify_message}"). Isi ca_pem, dan server_name dengan nama di dalamnya.',
        )
    else:
        reason = error.reason or "HANDSHAKE_FAILED"
        why = Sentence(
            f"{where}: no TLS ({reason}). Set a certificate at `/ip service set api-ssl`.",
            f"{where}: tanpa TLS ({reason}). Pasang sertifikat lewat `/ip service set api-ssl`.",
        )
    raise DeviceError(Fault.SETUP, why, retryable=False) from None
