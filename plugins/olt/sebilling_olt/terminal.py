"""Connection to an OLT: netmiko's connection for its device type, with the host key pinned, read as a stream.

netmiko provides the SSH and Telnet connection and each manufacturer's option negotiation. Its login and `send_command` aren't used: the
Telnet login repeats a wrong password, which locks the user out, and alarms confuse its reading.
"""

import base64
import binascii
import hashlib
import logging
import re
import select
import socket
from contextlib import suppress
from typing import Any, Final

from netmiko import BaseConnection, NetmikoAuthenticationException, NetmikoBaseException
from netmiko._telnetlib.telnetlib import DO, DONT, ECHO, IAC, NAWS, SB, SE, SGA, WILL, WONT
from netmiko.huawei import HuaweiSmartAXSSH
from netmiko.zte import ZteZxrosSSH
from paramiko.channel import Channel
from paramiko.client import MissingHostKeyPolicy, SSHClient
from paramiko.pkey import PKey
from paramiko.ssh_exception import SSHException
from sebilling.plugins.contract import DeviceError, Fault, Sentence

from sebilling_olt.config import OltConfig
from sebilling_olt.faults import shown

_MOMENT_SECONDS: Final = 0.05
_CHUNK_BYTES: Final = 65_536
_NO_COMMON: Final = re.compile(r"incompatible ssh|no acceptable|no matching|unknown cipher|no hostkey", re.IGNORECASE)


class _FromWarning(logging.Filter):
    """Drops records below WARNING, whatever the logger's level: netmiko logs what it writes, including passwords."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno >= logging.WARNING


for _name in ("netmiko", "paramiko", "paramiko.transport", "paramiko.transport.sftp"):
    logging.getLogger(_name).setLevel(logging.WARNING)
    logging.getLogger(_name).addFilter(_FromWarning())


class PinnedKey(MissingHostKeyPolicy):
    """Accepts only the host key of the settings. `refused` is the reason, with the remedy."""

    def __init__(self, host_fingerprint: str) -> None:
        self._pinned = [fingerprint(line) for line in host_fingerprint.splitlines() if line.strip()]
        self.refused: Sentence | None = None

    def missing_host_key(self, client: SSHClient, hostname: str, key: PKey) -> None:
        """Raise SSHException unless the key is pinned."""
        del client
        fingerprint = f"SHA256:{_digest(bytes(key))}"
        if fingerprint in self._pinned:
            return
        if self._pinned:
            self.refused = Sentence(
                f"{hostname} shows another host key than the settings have: {key.algorithm_name} {fingerprint}. If the OLT was replaced or"
                " reset, compare it with the OLT's own and set host_fingerprint; if not, someone is in between.",
                f"{hostname} menunjukkan host key yang berbeda dari pengaturan: {key.algorithm_name} {fingerprint}. Bila OLT diganti"
                " atau direset, cocokkan dengan milik OLT lalu isi host_fingerprint; bila tidak, ada pihak yang menyadap.",
            )
        else:
            self.refused = Sentence(
                f"{hostname} shows the host key {key.algorithm_name} {fingerprint}, and the settings have none. Compare it with the OLT's"
                " own (README), and set host_fingerprint to that fingerprint.",
                f"{hostname} menunjukkan host key {key.algorithm_name} {fingerprint}, dan pengaturan belum punya. Cocokkan dengan milik OLT"
                " (README), lalu isi host_fingerprint dengan sidik jari itu.",
            )
        raise SSHException("the host key isn't trusted")


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


class _Line(BaseConnection):
    """Changes to netmiko's connections."""

    pinned: PinnedKey

    def _build_ssh_client(self) -> SSHClient:
        client: SSHClient = super()._build_ssh_client()
        client.set_missing_host_key_policy(self.pinned)  # type: ignore[no-untyped-call]  # paramiko is untyped
        return client

    def _try_session_preparation(self, force_data: bool = True) -> None:  # noqa: FBT001, FBT002 - netmiko's signature
        del force_data  # the conversation logs in itself, in a single attempt

    def telnet_login(self, *_: Any, **__: Any) -> str:
        """Only negotiate the echo, by which every command is checked before Enter is sent."""
        self.remote_conn.set_option_negotiation_callback(_agree)  # type: ignore[union-attr]  # it is Telnet's here
        return ""

    def special_login_handler(self, delay_factor: float = 1.0) -> None:
        """Do nothing: output is read by the conversation."""

    def cleanup(self, command: str = "") -> None:
        """Do nothing: the conversation has logged out, or can't."""


class _HuaweiLine(_Line, HuaweiSmartAXSSH):
    pass


class _ZteLine(_Line, ZteZxrosSSH):
    pass


_LINES: Final[dict[str, type[_Line]]] = {"Huawei": _HuaweiLine, "ZTE": _ZteLine}


def _agree(telnet_socket: socket.socket, command: bytes, option: bytes) -> None:
    """Negotiate Telnet: the OLT echoes and suppresses go-ahead; a wide window keeps it from breaking lines."""
    if command == WILL:
        telnet_socket.sendall(IAC + (DO if option in {ECHO, SGA} else DONT) + option)
    elif command == DO and option == NAWS:
        telnet_socket.sendall(IAC + WILL + NAWS + IAC + SB + NAWS + b"\x01\xfe\x00\xc8" + IAC + SE)  # 510 by 200: no byte is an IAC
    elif command == DO:
        telnet_socket.sendall(IAC + WONT + option)


class Terminal:
    """A connection to an OLT: logged in already with SSH, not yet with Telnet. Not thread-safe, except `abort`."""

    def __init__(self, config: OltConfig) -> None:
        self._config = config
        self._pinned = PinnedKey(config.host_fingerprint)
        self._aborted = False
        self._line = _LINES[config.dialect.name](
            host=config.host, port=config.tcp_port, username=config.username, password=config.password.get_secret_value(),
            device_type=config.dialect.device_types[config.transport], ssh_strict=True, use_keys=False, allow_agent=False,
            conn_timeout=config.timeout_seconds, auth_timeout=config.timeout_seconds, banner_timeout=config.timeout_seconds,
            disable_lf_normalization=True, auto_connect=False,
        )  # fmt: skip
        self._line.pinned = self._pinned
        self.enter = "\r\n" if config.transport == "telnet" else "\n"

    def connect(self) -> None:
        """Connect; with SSH, log in. Raises DeviceError."""
        where = f"{self._config.host}:{self._config.tcp_port}"
        try:
            self._line._open()  # noqa: SLF001 - netmiko's own second half of the constructor
        except NetmikoAuthenticationException:
            raise DeviceError(
                Fault.AUTH,
                Sentence("The OLT refused the user or its password.", "OLT menolak pengguna atau kata sandinya."),
                retryable=False,
            ) from None
        except (NetmikoBaseException, SSHException, EOFError, OSError) as error:
            raise self._why(where, error) from None
        except ValueError as error:  # paramiko, for an invalid host key
            words = shown(str(error))
            why = Sentence(f'{where}: what answers isn\'t SSH ("{words}").', f'{where}: yang menjawab bukan SSH ("{words}").')
            raise DeviceError(Fault.PROTOCOL, why, retryable=True) from None
        if self._aborted:
            self.abort()
            raise DeviceError(Fault.TIMEOUT, Sentence(f"{where} answered too late.", f"{where} terlambat menjawab."), retryable=True)

    def _why(self, where: str, error: BaseException) -> DeviceError:
        self.abort()
        text = shown(str(error), hide=self._config.secrets)
        if self._pinned.refused is not None:
            return DeviceError(Fault.SETUP, self._pinned.refused, retryable=False)
        if _NO_COMMON.search(text):
            why = Sentence(
                f'{where}: no SSH algorithm in common ("{text}"). Its SSH is too old: update the OLT, or use Telnet in a closed network.',
                f'{where}: tidak ada algoritma SSH yang sama ("{text}"). SSH-nya terlalu lama: perbarui OLT, atau pakai Telnet di jaringan'
                " tertutup.",
            )
            return DeviceError(Fault.SETUP, why, retryable=False)
        if isinstance(error, TimeoutError) or "timed out" in text or "timeout" in text.lower():
            return DeviceError(
                Fault.TIMEOUT,
                Sentence(f"{where} didn't take the connection in time.", f"{where} tidak menerima sambungan tepat waktu."),
                retryable=True,
            )
        if "TCP connection" in text or "DNS" in text:
            why = Sentence(
                f"{where} can't be reached: no TCP connection; check the address, the port and the way there.",
                f"{where} tidak terjangkau: tidak ada sambungan TCP; periksa alamat, port, dan jalurnya.",
            )
            return DeviceError(Fault.UNREACHABLE, why, retryable=True)
        words = text or type(error).__name__
        why = Sentence(f'{where} can\'t be reached: "{words}".', f'{where} tidak terjangkau: "{words}".')
        return DeviceError(Fault.UNREACHABLE, why, retryable=True)

    def read(self, seconds: float = _MOMENT_SECONDS) -> str:
        """Return raw output that has arrived or arrives within this many seconds, or "". Raises EOFError or OSError if disconnected."""
        channel = self._line.remote_conn
        over = channel is None or self._aborted or (isinstance(channel, Channel) and (channel.closed or channel.eof_received))
        text = "" if channel is None else self._line.read_channel()  # read after the check, so that output before the end is included
        if text:
            return text
        if over:
            raise EOFError
        return self._await(channel, seconds) if seconds else ""

    def _await(self, channel: Any, seconds: float) -> str:
        """Wait for the next output. Also ends when either side closes the connection."""
        if isinstance(channel, Channel):
            timed: Any = channel  # paramiko is untyped
            timed.settimeout(seconds)
            try:
                received: bytes = timed.recv(_CHUNK_BYTES)
            except TimeoutError:
                return ""
            finally:
                timed.settimeout(self._line.blocking_timeout)  # as netmiko set it: it applies to writing too
            return received.decode(self._line.encoding, "ignore")
        waiting = select.poll()
        try:
            waiting.register(channel.get_socket(), select.POLLIN)
        except (TypeError, ValueError):  # another thread has just closed it
            raise EOFError from None
        return self._line.read_channel() if waiting.poll(seconds * 1000) else ""

    def write(self, text: str) -> None:
        """Send text, bypassing netmiko's log. Raises EOFError or OSError if disconnected."""
        if self._line.remote_conn is None:
            raise EOFError
        self._line.channel.write_channel(text)

    def abort(self) -> None:
        """Close the connection at once, without logging out. From any thread, at any time; never raises."""
        self._aborted = True
        channel = self._line.remote_conn
        if channel is not None and not isinstance(channel, Channel):
            with suppress(Exception):
                channel.get_socket().shutdown(socket.SHUT_RDWR)
        with suppress(Exception):
            self._line.disconnect()
