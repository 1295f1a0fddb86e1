"""What a start costs: CPU seconds and private memory of `sebilling --help`, and of a server that has answered its first /healthz.

Machine speed varies by the minute, so every run is followed by one of the reference: Python that imports asyncio, and Starlette on
uvicorn with one route. Each figure is the best of its runs; the first of each, which compiles modules, isn't counted.
"""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from bench.place import place
from bench.result import Result

_PRIVATE: Final = re.compile(r"^Private_\w+:\s+(\d+) kB$", re.MULTILINE)
_LAST_WORDS: Final = """
import atexit, pathlib, sys
atexit.register(lambda: sys.stderr.write(pathlib.Path("/proc/self/smaps_rollup").read_text()))
"""
_HELP: Final = f"{_LAST_WORDS}import sebilling.cli; sys.argv = ['sebilling', '--help']; sebilling.cli.main()"
_ASYNCIO: Final = f"{_LAST_WORDS}import asyncio"
_BARE: Final = """
import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
async def healthz(_):
    return JSONResponse({"status": "ok"})
uvicorn.run(Starlette(routes=[Route("/healthz", healthz)]), port=0, access_log=False)
"""
_MEGABYTE_KB: Final = 1024
_TICKS_PER_SECOND: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU seconds (user and system) and private megabytes of one process."""

    cpu: float
    memory: float


async def measure(var: Path, *, rounds: int) -> list[Result]:
    """Measure both, each against its reference."""
    asked, imported = _interleaved(lambda: _ended(_HELP), lambda: _ended(_ASYNCIO), rounds)
    async with place(var, "bench_startup", customers=1) as database:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            settings = {"SEBILLING_DATABASE_URL": database.url, "SEBILLING_VAR": folder, "SEBILLING_LOG_LEVEL": "INFO"}
            served, bare = _interleaved(
                lambda: _answering(["-m", "sebilling.cli", "serve", "--port", "0"], settings), lambda: _answering(["-c", _BARE], {}), rounds
            )
    return [
        *_results("help", asked, imported, "python -c 'import asyncio'"),
        *_results("first /healthz", served, bare, "Starlette and uvicorn"),
    ]


def _results(name: str, ours: Sequence[Cost], reference: Sequence[Cost], reference_name: str) -> list[Result]:
    cpu = [tuple(cost.cpu for cost in costs) for costs in (ours, reference)]
    memory = [tuple(cost.memory for cost in costs) for costs in (ours, reference)]
    return [
        Result(f"startup: {name}", 1, min(mine), min(theirs), reference_name, unit, ours_rounds=mine, reference_rounds=theirs)
        for (mine, theirs), unit in ((cpu, "s CPU"), (memory, "MB private"))
    ]


def _interleaved(ours: Callable[[], Cost], reference: Callable[[], Cost], rounds: int) -> tuple[list[Cost], list[Cost]]:
    """Run both in turn, and return the figures of each."""
    runs = [(ours(), reference()) for _ in range(rounds + 1)][1:]
    return [run[0] for run in runs], [run[1] for run in runs]


def _ended(program: str) -> Cost:
    """Run a program that prints its memory as its last words."""
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.DEVNULL, stderr=errors, env=_environment({}))
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        errors.seek(0)
        written = errors.read()
    if process.returncode:
        raise RuntimeError(written)
    return Cost(usage.ru_utime + usage.ru_stime, _private(written))


def _answering(arguments: Sequence[str], settings: Mapping[str, str]) -> Cost:
    """Start a server, ask it for /healthz once, look at it, and end it."""
    with tempfile.NamedTemporaryFile("w+", prefix="bench-") as log:
        process = subprocess.Popen([sys.executable, *arguments], stdout=log, stderr=log, env=_environment(settings))
        try:
            while not (address := re.search(r"http://127\.0\.0\.1:\d+", Path(log.name).read_text())):
                if process.poll() is not None:
                    raise RuntimeError(Path(log.name).read_text())
                time.sleep(0.05)
            httpx.get(f"{address[0]}/healthz").raise_for_status()
            stat = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
            return Cost(
                (int(stat[11]) + int(stat[12])) / _TICKS_PER_SECOND, _private(Path(f"/proc/{process.pid}/smaps_rollup").read_text())
            )
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()


def _private(rollup: str) -> float:
    return sum(int(size) for size in _PRIVATE.findall(rollup)) / _MEGABYTE_KB


def _environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Without this process's settings, and with compiled modules, whatever the environment says."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SEBILLING_", "PYTHONDONTWRITEBYTECODE"))}
    return {**kept, **settings}
