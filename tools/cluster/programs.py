"""Debian's programs of which a cluster consists, the account that runs them, and their processes."""

import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_PACKAGES: Final = {
    "etcd": "etcd-server", "patroni": "patroni", "pgbouncer": "pgbouncer", "haproxy": "haproxy", "postgres": "postgresql",
}  # fmt: skip
"""Debian's package of each program."""
_PLACES: Final = f"{os.environ.get('PATH', '')}:/usr/bin:/usr/sbin"
_VERSIONS: Final = Path("/usr/lib/postgresql")
_ACCOUNT: Final = "postgres"
"""Who runs everything if root starts it: PostgreSQL and PgBouncer refuse root. Debian's package makes it."""
_STOP_SECONDS: Final = 20


class CannotStart(Exception):
    """A cluster can't be started here; the text tells why, and the remedy."""


@dataclass(frozen=True, slots=True)
class Programs:
    """Where Debian's programs are."""

    etcd: str
    patroni: str
    pgbouncer: str
    haproxy: str
    postgres: Path
    """The newest PostgreSQL's folder of programs."""

    @classmethod
    def find(cls) -> "Programs":
        """Find them. Raises CannotStart with the command that installs what is missing."""
        found = {name: shutil.which(name, path=_PLACES) for name in _PACKAGES if name != "postgres"}
        versions = sorted(_VERSIONS.glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]) if path.parts[-3].isdecimal() else 0)
        missing = [name for name, path in found.items() if path is None] + ([] if versions else ["postgres"])
        if missing:
            packages = " ".join(_PACKAGES[name] for name in missing)
            raise CannotStart(f"{', '.join(missing)} not found. Install with: apt-get install {packages}")
        return cls(**{name: str(path) for name, path in found.items()}, postgres=versions[-1].parent)


def account() -> pwd.struct_passwd | None:
    """The account that runs the programs, if root starts them; None: the present one. Raises CannotStart."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(_ACCOUNT)
    except KeyError:
        raise CannotStart(f"There is no user {_ACCOUNT}: install postgresql, or start as an ordinary user.") from None


class Program:
    """One program, which can be killed and started again; its output is appended to a file."""

    def __init__(self, words: Sequence[str], *, log: Path, run_as: pwd.struct_passwd | None, **environment: str) -> None:
        self._words, self._log, self._run_as = list(words), log, run_as
        self.environment: dict[str, str] = {"PATH": _PLACES, "LANG": "C.UTF-8", "HOME": str(log.parent), **environment}
        """Of its next start."""
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it unless it runs. In a session of its own, so that Ctrl-C doesn't end everything at once."""
        if self.is_running:
            return
        who = {} if self._run_as is None else {"user": self._run_as.pw_uid, "group": self._run_as.pw_gid, "extra_groups": ()}
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                self._words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environment, cwd=self._log.parent,
                start_new_session=True, **who,  # type: ignore[call-overload] # the stubs want each by itself
            )  # fmt: skip

    @property
    def is_running(self) -> bool:
        """Whether it was started and hasn't ended."""
        return self.process is not None and self.process.poll() is None

    @property
    def log(self) -> str:
        """What it has printed."""
        return self._log.read_text(encoding="utf-8", errors="replace") if self._log.exists() else ""

    def kill(self) -> None:
        """End it at once, as a power failure would."""
        self._signal(signal.SIGKILL)
        if self.process is not None:
            self.process.wait()

    def pause(self) -> None:
        """Let it do nothing more, as if its machine hung."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let a paused one go on."""
        self._signal(signal.SIGCONT)

    def ask_to_stop(self) -> None:
        """Send SIGTERM, without waiting."""
        self._signal(signal.SIGTERM)

    def stop(self) -> None:
        """Stop it and wait for its end; kill it if it doesn't obey."""
        self.go_on()
        self.ask_to_stop()
        if self.process is not None:
            try:
                self.process.wait(timeout=_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()

    def _signal(self, number: signal.Signals) -> None:
        if self.process is not None and self.process.poll() is None:
            with suppress(ProcessLookupError):
                self.process.send_signal(number)
