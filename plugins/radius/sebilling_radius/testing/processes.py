"""Start programs that end together with this process.

Each requests a signal from the kernel when the thread that started it ends, so start them from a long-lived thread.
"""

import os
import pwd
import random
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

_LAUNCH: Final = """
import ctypes, os, signal, sys
parent, uid, gid = map(int, sys.argv[1:4])
if os.geteuid() == 0 and uid:
    os.setgroups([]); os.setgid(gid); os.setuid(uid)
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGINT)
    if os.getppid() != parent:
        sys.exit("the owner is gone")
os.execv(sys.argv[4], sys.argv[4:])
"""
_PORTS: Final = range(10_000, 20_000)
_TRIES: Final = 50
_ENVIRONMENT: Final = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": "C", "TZ": "UTC"}


def account() -> pwd.struct_passwd:
    """Return the account that runs servers: our own; for root, that of FreeRADIUS's package, else nobody."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid())
    with suppress(KeyError):
        return pwd.getpwnam("freerad")
    return pwd.getpwnam("nobody")


def launch(command: list[str], log: IO[bytes], *, cwd: Path, stay_root: bool = False) -> subprocess.Popen[bytes]:
    """Start a program as `account`; `stay_root` for one that drops root itself."""
    uid, gid = (0, 0) if stay_root else (account().pw_uid, account().pw_gid)
    words = [sys.executable, "-I", "-S", "-c", _LAUNCH, str(os.getpid()), str(uid), str(gid), *command]
    return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=cwd, env=_ENVIRONMENT, start_new_session=True)


def end(process: subprocess.Popen[bytes], sign: signal.Signals = signal.SIGINT) -> None:
    """Terminate it, and kill it after 10 s."""
    if process.poll() is None:
        process.send_signal(sign)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def free_port(kind: socket.SocketKind) -> int:
    """Return a free loopback port that no outgoing connection is given while its server is down: below the range of those."""
    for port in random.sample(_PORTS, k=_TRIES):
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError(f"{_TRIES} ports were taken")
