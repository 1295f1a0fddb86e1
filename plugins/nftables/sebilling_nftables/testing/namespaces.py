"""Network namespaces of this machine: commands and sockets in them. Needs root."""

import ctypes
import json
import os
import shutil
import socket
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

T = TypeVar("T")
_NEWNET: Final = 0x40000000
_FOLDER: Final = Path("/run/netns")
_libc: Final = ctypes.CDLL(None, use_errno=True)


def lacking() -> str:
    """Why namespaces can't be made here; empty if they can."""
    missing = [command for command in ("nft", "ip", "ping") if shutil.which(command) is None]
    if missing:
        return f"{' and '.join(missing)} isn't there: apt install nftables iproute2 iputils-ping"
    if os.geteuid() != 0:
        return "network namespaces need root"
    name = f"sb{os.getpid()}t"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
    if made.returncode:
        return f"network namespaces can't be made here: {made.stderr.strip()}"
    listed = subprocess.run(["ip", "netns", "exec", name, "nft", "add table inet sebilling"], capture_output=True, text=True, check=False)
    subprocess.run(["ip", "netns", "del", name], check=False)
    return f"nftables doesn't work here: {listed.stderr.strip()}" if listed.returncode else ""


class Namespace:
    """A network namespace, from `open` to `close`, and a thread that lives in it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)

    def open(self) -> None:
        """Make it."""
        run("ip", "netns", "add", self.name)
        self._thread.submit(self._enter).result()
        self.ip("link", "set", "lo", "up")

    def close(self) -> None:
        """Remove it, with its interfaces."""
        self._thread.shutdown()
        subprocess.run(["ip", "netns", "del", self.name], capture_output=True, check=False)

    def _enter(self) -> None:
        with (_FOLDER / self.name).open() as namespace:
            if _libc.setns(namespace.fileno(), _NEWNET):
                raise OSError(ctypes.get_errno(), "setns")

    def inside(self, work: Callable[[], T]) -> T:
        """Do something in it. A socket that is made there stays there."""
        return self._thread.submit(work).result()

    def socket(self, family: int, kind: int, protocol: int = 0) -> socket.socket:
        """Make a socket in it."""
        return self.inside(lambda: socket.socket(family, kind, protocol))

    def set(self, name: str, value: str) -> None:
        """Set a sysctl, such as `net/ipv4/ip_forward`."""
        self.inside(lambda: Path("/proc/sys", name).write_text(value))

    def mac(self, link: str) -> str:
        """MAC of a link in it."""
        shown: str = json.loads(run("ip", "-j", "-n", self.name, "link", "show", link))[0]["address"]
        return shown

    def ip(self, *words: str) -> None:
        """Run `ip` in it."""
        run("ip", "-n", self.name, *words)

    def run(self, *words: str, text: str = "") -> str:
        """Run a command in it and return its output. Raises OSError."""
        return self.inside(lambda: run(*words, text=text))


def run(*words: str, text: str = "") -> str:
    """Run a command and return its output. Raises OSError, with what the command said."""
    done = subprocess.run(words, input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"{' '.join(words)}: {done.stderr or done.stdout}")
    return done.stdout
