"""A clock that can be set while a process runs, by libfaketime (Debian: faketime)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

LIBRARY: Final = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
"""What is loaded into a process before everything else; None: it isn't installed."""


class WrongClock:
    """The wall clock of the processes that are started with its environment; their monotonic clock stays as it is."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.set(0)

    @property
    def environment(self) -> Mapping[str, str]:
        """For the processes."""
        return {
            "LD_PRELOAD": str(LIBRARY), "FAKETIME_TIMESTAMP_FILE": str(self._file), "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }  # fmt: skip

    def set(self, seconds: int) -> None:
        """Let it be ahead by so many seconds, or behind; they see it within a second."""
        beside = self._file.with_suffix(".new")
        beside.write_text(f"{seconds:+d}\n", encoding="ascii")
        beside.replace(self._file)
