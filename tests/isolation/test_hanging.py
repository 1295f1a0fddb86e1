"""A worker that hangs is noticed and its leases pass on; woken up again, it does nothing more with a device."""

import asyncio
import signal
import sys
import time
from pathlib import Path

import pytest

from sebilling.db import leases
from sebilling.db.engine import Database
from sebilling.db.leases import Leases
from sebilling.errors import DatabaseUnavailable

# Its "device" is a file that it adds a line to every hundredth of a second, as a driver in the middle of a batch does.
_WORK = """
import asyncio, sys
from pathlib import Path
from sebilling.db import leases
from sebilling.errors import DatabaseUnavailable
leases.BEAT_SECONDS, leases.HOLD_SECONDS, leases.TERM_SECONDS = 0.1, 1.0, 2.0
async def main():
    device = Path(sys.argv[2])
    try:
        async with leases.Leases(sys.argv[1], space=4).hold(7) as mine:
            assert mine
            while True:
                with device.open("a") as file:
                    file.write("worked\\n")
                await asyncio.sleep(0.01)
    except DatabaseUnavailable as error:
        print("broken off", flush=True)
asyncio.run(main())
"""


async def _taken(url: str, *, seconds: float) -> float | None:
    """After how many seconds the lease could be taken; None if it couldn't."""
    began, other = time.monotonic(), Leases(url, space=4)
    try:
        while time.monotonic() < began + seconds:
            async with other.hold(7) as mine:
                if mine:
                    return time.monotonic() - began
            await asyncio.sleep(0.05)
        return None
    finally:
        await other.close()


def _lines(file: Path) -> int:
    return len(file.read_text().splitlines()) if file.exists() else 0


async def test_a_stopped_holder_loses_its_lease_and_does_nothing_when_it_is_woken(committed: Database, tmp_path: Path) -> None:
    device = tmp_path / "device"
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _WORK, committed.url, str(device), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        for _ in range(1_000):
            if _lines(device):
                break
            await asyncio.sleep(0.02)
        assert await _taken(committed.url, seconds=3) is None, "who gives signs of life keeps it, longer than its term"
        worker.send_signal(signal.SIGSTOP)
        waited = await _taken(committed.url, seconds=20)
        assert waited is not None
        assert waited > 1.0, "and not before the holder itself would have broken off"
        done = _lines(device)
        worker.send_signal(signal.SIGCONT)
        told, errors = await worker.communicate()
        assert told == b"broken off\n", errors
        assert _lines(device) <= done + 1, "at most what it was in the middle of"
    finally:
        if worker.returncode is None:
            worker.kill()
            await worker.wait()


async def test_a_holder_breaks_off_when_its_signs_arent_answered(committed: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when the network is cut without a word: by its own clock, before the database would give the lease to someone else."""
    monkeypatch.setattr(leases, "BEAT_SECONDS", 0.05)
    monkeypatch.setattr(leases, "HOLD_SECONDS", 0.5)
    holder = Leases(committed.url, space=4)

    async def work() -> None:
        async with holder.hold(7) as mine:
            assert mine
            await asyncio.sleep(1.5)
            async with holder._one_at_a_time:  # nothing is sent any more
                await asyncio.sleep(120)

    began = time.monotonic()
    try:
        with pytest.raises(DatabaseUnavailable):
            await work()
        assert 1.5 < time.monotonic() - began < 60
    finally:
        await holder.close()
