"""Record of results: bench/results/<benchmark>.jsonl, one line per run, so that runs of one machine can be compared over time."""

import os
import platform
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import orjson

from bench.result import Result
from sebilling.clock import system_clock

RESULTS: Final = Path(__file__).parent / "results"


def record(benchmark: str, results: Sequence[Result]) -> Path:
    """Append a run, with its time, commit and machine, and return the file."""
    run = {"date": system_clock().isoformat(timespec="seconds"), "commit": _commit(), "machine": _machine()}
    file = RESULTS / f"{benchmark}.jsonl"
    RESULTS.mkdir(exist_ok=True)
    with file.open("ab") as lines:
        lines.write(orjson.dumps({**run, "results": [result.as_json() for result in results]}) + b"\n")
    return file


def _commit() -> str:
    """The commit, with `-dirty` if the tree differs from it; `unknown` outside a git repository."""
    command = ["git", "describe", "--always", "--exclude=*", "--abbrev=12", "--dirty"]
    described = subprocess.run(command, cwd=RESULTS.parent, capture_output=True, text=True, check=False)
    return described.stdout.strip() or "unknown"


def _machine() -> dict[str, str | int]:
    """Model and number of processor cores, and memory; nothing that names the machine."""
    model = re.search(r"^model name\s*:\s*(.+)$", _text("/proc/cpuinfo"), re.MULTILINE)
    return {
        "cpu": model[1] if model else platform.machine(),
        "cores": os.cpu_count() or 0,
        "memoryMb": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20,
        "python": platform.python_version(),
    }


def _text(path: str) -> str:
    """The text of a file; empty if there is none, as off Linux."""
    file = Path(path)
    return file.read_text() if file.exists() else ""
