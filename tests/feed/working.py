"""`sebilling worker` as a process that can be killed."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class WorkerProcess:
    """A worker over the database at `url`; its log is kept."""

    def __init__(self, url: str, **environment: str) -> None:
        self._log = Path(tempfile.mkstemp(prefix="sebilling-worker-")[1])
        kept = {name: value for name, value in os.environ.items() if not name.startswith("SEBILLING_")}
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "sebilling.cli", "worker"], stderr=log, stdout=subprocess.DEVNULL, cwd=self._log.parent,
                env={**kept, "SEBILLING_DATABASE_URL": url, "SEBILLING_SECRET_KEY": "of tests", **environment},
            )  # fmt: skip

    @property
    def log(self) -> str:
        """What it has logged."""
        return self._log.read_text(encoding="utf-8")

    def kill(self) -> None:
        """As a power cut would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        """Politely; gives the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=30)


@contextmanager
def workers(url: str, count: int, **environment: str) -> Iterator[list[WorkerProcess]]:
    """So many; those that still run at the end are ended."""
    running = [WorkerProcess(url, **environment) for _ in range(count)]
    try:
        yield running
    finally:
        for one in running:
            one.stop()
