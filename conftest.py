"""How `make test` shares the tests among its processes: by file, those that take longest first; and where their files are.

Each process has servers of its own (tests/conftest.py), so a test needs no care for the others, but for the machine's time.
"""

import gc
import os
import shutil
import tempfile
from multiprocessing.util import Finalize
from pathlib import Path, PurePath
from typing import Final

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

TOGETHER: Final = ("tests/live", "tests/web/whole_app", "plugins/radius/tests")
"""Folders whose tests share what takes long to start: a process takes all of one."""
LONG: Final = (
    "plugins/radius/tests", "tests/web/whole_app", "tests/live",
    "tests/isolation/test_campaign.py", "tests/crash", "tests/money", "tests/fuzz",
    "tests/attacks", "tests/isolation", "tests/concurrency", "tests/operation", "tests/feed", "plugins/olt/tests", "tests/cli",
    "plugins/mikrotik/tests", "plugins/nftables/tests", "tests/web", "tests/schema/test_web_documents.py",
)  # fmt: skip
"""What is started first, so that nothing long is left for the end, when the other processes would wait for it."""


MEMORY: Final = Path("/dev/shm")  # noqa: S108 - only mkdtemp is called in it
"""A file system in memory (Linux). The tests make and remove a few hundred databases of a thousand files each: on a disk each takes half
a second, here a thirtieth."""
ENOUGH_BYTES: Final = 8 * 1024**3


def _has_room(folder: Path) -> bool:
    """Whether it is there, large enough, and programs may be executed from it."""
    if not os.access(folder, os.W_OK | os.X_OK):
        return False
    state = os.statvfs(folder)
    return state.f_bavail * state.f_frsize >= ENOUGH_BYTES and not state.f_flag & os.ST_NOEXEC


@pytest.hookimpl(tryfirst=True)
def pytest_configure() -> None:
    """Put temporary files into memory where that is possible and nobody has set TMPDIR; they are removed at the end."""
    if "TMPDIR" in os.environ or not _has_room(MEMORY):
        return
    folder = tempfile.mkdtemp(prefix="tests-", dir=MEMORY)
    Path(folder).chmod(0o755)  # servers of other users are in it
    os.environ["TMPDIR"], tempfile.tempdir = folder, None
    # after multiprocessing has removed its own folder there, with the priority -100
    Finalize(None, shutil.rmtree, args=(folder,), kwargs={"ignore_errors": True}, exitpriority=-200)


def _is_in(node_id: str, place: str) -> bool:
    path = PurePath(node_id.split("::", 1)[0])
    return path == PurePath(place) or PurePath(place) in path.parents


def _turn(item: pytest.Item) -> int:
    return next((turn for turn, place in enumerate(LONG) if _is_in(item.nodeid, place)), len(LONG))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put long ones first in a process of several; a run in one process keeps the order of the files."""
    if hasattr(config, "workerinput"):
        items.sort(key=_turn)


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Keep the collector of garbage from looking again and again at some million objects that stay: the modules and tests."""
    gc.collect()
    gc.freeze()


class ByFile(LoadFileScheduling):
    """A file's tests, or those of a folder that belongs together, are done by one process, one after the other."""

    def _split_scope(self, nodeid: str) -> str:
        return next((place for place in TOGETHER if _is_in(nodeid, place)), super()._split_scope(nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFile:
    """Schedule by file, in the order above and not by number of tests."""
    config.option.loadscopereorder = False
    return ByFile(config, log)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One process more than there are cores: many tests wait for devices, servers and time to pass. Two more gain nothing."""
    return (os.cpu_count() or 1) + 1
