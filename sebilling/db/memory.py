"""How much memory the embedded server's cache of pages may take: a part of the machine's, or of the container's."""

import os
from pathlib import Path
from typing import Final

_LEAST_MB, _MOST_MB = 128, 2_048
_CGROUP_LIMIT: Final = Path("/sys/fs/cgroup/memory.max")
_SHARE: Final = 8
"""An eighth: SeBilling runs beside it, and the system's own cache holds the pages too. PostgreSQL alone on a machine takes a quarter."""


def usable_bytes(limit: Path = _CGROUP_LIMIT) -> int:
    """Memory that this process may use: the machine's, or its control group's limit if that is lower."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        limited = limit.read_text().strip()
    except OSError:  # no control groups, or another version of them
        return machine
    return min(machine, int(limited)) if limited.isdigit() else machine


def shared_buffers(memory_bytes: int) -> str:
    """PostgreSQL's `shared_buffers` for this memory: 128 MB to 2 GB. With a small cache a run of a million invoices reads its indexes
    again and again from the system: 133 instead of 50 µs per invoice."""
    return f"{min(max(memory_bytes // _SHARE // 1_048_576, _LEAST_MB), _MOST_MB)}MB"
