"""Blocking part of the SSH transport: a connection of paramiko's, without its agents, key files and known hosts."""

import base64
import binascii
import hashlib
import io
import logging
import socket
import time
from contextlib import suppress
from typing import Any, Final

from paramiko.ecdsakey import ECDSAKey
from paramiko.ed25519key import Ed25519Key
from paramiko.rsakey import RSAKey
from paramiko.ssh_exception import AuthenticationException, BadAuthenticationType, SSHException
from paramiko.transport import Transport
from sebilling.plugins.contract import DeviceError, Fault, Sentence

from sebilling_nftables.config import NftablesConfig
from sebilling_nftables.faults import Unanswered, shown
from sebilling_nftables.hosts import Answer

_CHUNK_BYTES: Final = 32_768
_KEEPALIVE_SECONDS: Final = 15
_KEY_KINDS: Final[tuple[Any, ...]] = (Ed25519Key, ECDSAKey, RSAKey)  # paramiko is untyped


class _Nothing(logging.Filter):
    """Drops every record: what fails is raised, and a router that is off isn't worth a traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        del record
        return False


logging.getLogger("paramiko.transport").addFilter(_Nothing())


class SshConnection:
    """A connection to the router. Not thread-safe, except `abort`."""

    def __init__(self, config: NftablesConfig) -> None:
        self._config = config
        self._where = f"{config.host}:{config.port}"
        self._transport: Any = None  # paramiko is untyped
        self._socket: socket.socket | None = None
        self._aborted = False

    def connect(self) -> None:
        """Connect, check the host key, log in. Raises DeviceError."""
        seconds = self._config.timeout_seconds
        try:
            self._socket = socket.create_connection((self._config.host, self._config.port), timeout=seconds)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else each command waits for an acknowledgement
            self._transport = Transport(self._socket)  # type: ignore[no-untyped-call]  # paramiko is untyped
            self._transport.banner_timeout = self._transport.auth_timeout = seconds
            self._transport.start_client(timeout=seconds)
            self._check(self._transport.get_remote_server_key())
            self._log_in()
            self._transport.set_keepalive(_KEEPALIVE_SECONDS)
            if self._aborted:
                raise TimeoutError  # noqa: TRY301 - the caller has given up meanwhile
        except AuthenticationException as error:
            self.abort()
            raise self._refused(error) from None
        except TimeoutError:
            self.abort()
            why = Sentence(f"{self._where} didn't answer in time.", f"{self._where} tidak menjawab tepat waktu.")
            raise DeviceError(Fault.TIMEOUT, why, retryable=True) from None
        except (SSHException, EOFError, OSError, ValueError) as error:
            self.abort()
            words = shown(str(error), hide=self._config.secrets) or type(error).__name__
            why = Sentence(f'{self._where} can\'t be reached: "{words}".', f'{self._where} tidak terjangkau: "{words}".')
            raise DeviceError(Fault.UNREACHABLE, why, retryable=True) from None
        except DeviceError:
            self.abort()
            raise

    def _check(self, key: Any) -> None:
        """Compare the host key with the settings, before anything secret is sent. Raises DeviceError."""
        pinned = [fingerprint(line) for line in self._config.host_fingerprint.splitlines() if line.strip()]
        presented = f"SHA256:{_digest(key.asbytes())}"
        if presented in pinned:
            return
        shows = f"{self._where}: {key.get_name()} {presented}"
        why = (
            Sentence(
                f"The host key isn't the one of the settings ({shows}). If the router was installed anew, compare it with the router's own"
                " and set host_fingerprint; if not, someone is in between.",
                f"Host key berbeda dari pengaturan ({shows}). Bila router dipasang ulang, cocokkan dengan milik router lalu isi"
                " host_fingerprint; bila tidak, ada pihak yang menyadap.",
            )
            if pinned
            else Sentence(
                f"The settings have no host key; the router shows {shows}. Compare it with the router's own (README, step 3), and set"
                " host_fingerprint to that fingerprint.",
                f"Pengaturan belum punya host key; router menunjukkan {shows}. Cocokkan dengan milik router (README, langkah 3), lalu isi"
                " host_fingerprint dengan sidik jari itu.",
            )
        )
        raise DeviceError(Fault.SETUP, why, retryable=False)

    def _log_in(self) -> None:
        config = self._config
        if config.private_key is not None:
            self._transport.auth_publickey(config.username, _private_key(config.private_key.get_secret_value()))
        elif config.password is not None:
            self._transport.auth_password(config.username, config.password.get_secret_value())

    def _refused(self, error: AuthenticationException) -> DeviceError:
        if isinstance(error, BadAuthenticationType):
            offered = ", ".join(error.allowed_types)
            why = Sentence(
                f"The router doesn't accept this kind of login, but {offered}: set `private_key` or `password` accordingly.",
                f"Router tidak menerima cara masuk ini, melainkan {offered}: isi `private_key` atau `password` sesuai itu.",
            )
        else:
            why = Sentence("The router refused the user, its password or its key.", "Router menolak pengguna, kata sandi, atau kuncinya.")
        return DeviceError(Fault.AUTH, why, retryable=False)

    def run(self, command: str, text: str) -> Answer:
        """Run a command. Raises Unanswered if it was begun, and DeviceError if not."""
        until = time.monotonic() + self._config.timeout_seconds
        channel: Any = None
        begun = False
        try:
            channel = self._transport.open_session(timeout=self._config.timeout_seconds)
            channel.settimeout(self._config.timeout_seconds)
            begun = True
            channel.exec_command(command)
            channel.sendall(text.encode())
            channel.shutdown_write()
            output = self._received(channel.recv, until)
            errors = self._received(channel.recv_stderr, until)
            if not channel.status_event.wait(max(0.0, until - time.monotonic())):
                raise TimeoutError
            status = channel.recv_exit_status()
            if status < 0:
                raise EOFError  # noqa: TRY301 - the connection ended before the command did
        except (SSHException, EOFError, OSError) as error:
            raise self._lost(error, begun=begun) from None
        finally:
            if channel is not None:
                with suppress(Exception):
                    channel.close()
        return Answer(status, output, errors)

    def _received(self, receive: Any, until: float) -> str:
        parts: list[bytes] = []
        while part := receive(_CHUNK_BYTES):
            parts.append(part)
            if time.monotonic() > until:
                raise TimeoutError
        return b"".join(parts).decode(errors="replace")

    def _lost(self, error: BaseException, *, begun: bool) -> DeviceError:
        late = isinstance(error, TimeoutError)
        why = (
            Sentence(f"{self._where} didn't answer in time.", f"{self._where} tidak menjawab tepat waktu.")
            if late
            else Sentence(f"The connection to {self._where} broke.", f"Sambungan ke {self._where} terputus.")
        )
        return (Unanswered if begun else DeviceError)(Fault.TIMEOUT if late else Fault.UNREACHABLE, why, retryable=True)

    def abort(self) -> None:
        """Close the connection at once. From any thread, at any time; never raises."""
        self._aborted = True
        for closing in (self._transport, self._socket):
            if closing is not None:
                with suppress(Exception):
                    closing.close()


def _private_key(text: str) -> Any:
    """Parse a private key. Raises DeviceError, without what is in it."""
    for kind in _KEY_KINDS:
        try:
            return kind.from_private_key(io.StringIO(text))
        except (SSHException, ValueError, IndexError, binascii.Error):
            continue
    why = Sentence(
        "`private_key` isn't a key that can be used: paste an Ed25519, ECDSA or RSA key without a passphrase.",
        "`private_key` bukan kunci yang bisa dipakai: tempel kunci Ed25519, ECDSA, atau RSA tanpa frasa sandi.",
    )
    raise DeviceError(Fault.AUTH, why, retryable=False)


def fingerprint(line: str) -> str:
    """Return the SHA-256 fingerprint of one line of the settings: a fingerprint, or a key as ssh-keyscan prints it."""
    line = line.strip()
    if line.startswith("SHA256:"):
        return line.rstrip("=")
    blob = next((word for word in line.split() if word.startswith("AAAA")), "")
    try:
        return f"SHA256:{_digest(base64.b64decode(blob, validate=True))}"
    except (ValueError, binascii.Error):
        return ""


def _digest(key: bytes) -> str:
    return base64.b64encode(hashlib.sha256(key).digest()).decode().rstrip("=")
