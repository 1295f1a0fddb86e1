"""The kit catches what it is made to catch: each broken driver by the check that is meant, and the good one by none."""

import asyncio
import os
import subprocess
import sys
import unittest
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sebilling.plugins.conformance import CHECKS, DriverConformance, World
from sebilling.plugins.contract import IsolationDriver, Quality
from tests.plugins import broken_changes, broken_effects, broken_forms
from tests.plugins.broken import BROKEN, UNFIT
from tests.plugins.shelf import Good, Shelf, ShelfWorld, kit

assert broken_changes.BROKEN is broken_effects.BROKEN is broken_forms.BROKEN is BROKEN  # their drivers are among them
PAIRS = [(check, driver) for check, drivers in BROKEN.items() for driver in drivers]


class TestGood(DriverConformance):
    """As an author does it."""

    def world(self) -> Any:
        return kit(Good).world()


def run(check: str, of: DriverConformance) -> None:
    getattr(of, check)()


@pytest.mark.parametrize(("check", "driver"), PAIRS, ids=[f"{check[5:]}-{driver.__name__}" for check, driver in PAIRS])
def test_the_intended_check_fails_a_broken_driver(check: str, driver: type[IsolationDriver[Any]]) -> None:
    with pytest.raises(AssertionError) as caught:
        run(check, kit(driver))
    assert len(str(caught.value)) > 20, "a failure says what is wrong"


@pytest.mark.parametrize("world", UNFIT, ids=lambda world: world.__name__)
def test_a_world_that_proves_nothing_is_told(world: type[ShelfWorld]) -> None:
    with pytest.raises(AssertionError):
        run(UNFIT[world], kit(Good, world))


def test_every_check_catches_something() -> None:
    assert set(CHECKS) == {*BROKEN, *UNFIT.values()}
    assert len({driver for drivers in BROKEN.values() for driver in drivers}) >= 130


def test_what_a_world_lacks_is_skipped() -> None:
    class Bare(ShelfWorld):
        absent = None
        by_hand = World.by_hand
        blocked_by_hand = World.blocked_by_hand
        more = World.more
        online = World.online
        keep_online = World.keep_online
        undo_by_hand = World.undo_by_hand
        reboot = World.reboot

    class Modest(Good):
        quality = Quality.BRONZE

    skipped = set(skips(kit(Modest, Bare)))
    assert skipped == {
        "test_a_missing_customer_fails_alone", "test_read_state_tells_what_a_hand_changed", "test_what_a_hand_changed_is_left_alone",
        "test_who_was_blocked_before_us_stays_blocked", "test_who_is_blocked_is_offline_and_who_is_restored_is_online",
        "test_who_is_still_online_isnt_read_as_blocked", "test_what_a_hand_undid_is_read_and_blocked_again",
        "test_after_a_reboot_nothing_is_read_that_isnt_so",
    }  # fmt: skip


def skips(of: DriverConformance) -> Iterator[str]:
    for check in CHECKS:
        try:
            run(check, of)
        except unittest.SkipTest:
            yield check


def test_a_driver_that_hangs_fails_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang(*_: object, **__: object) -> None:
        await asyncio.sleep(3600)

    monkeypatch.setattr(Shelf, "login", hang)
    of = kit(Good)
    monkeypatch.setattr(type(of), "seconds", 0.2)
    with pytest.raises(AssertionError, match="deadline"):
        run("test_close_never_raises", of)


def test_the_kit_needs_no_pytest() -> None:
    code = "import sys; sys.modules['pytest'] = None; from sebilling.plugins.conformance import CHECKS; print(len(CHECKS))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert int(done.stdout) == len(CHECKS)


def test_pytest_shows_both_sides_of_what_a_check_compared(tmp_path: Path) -> None:
    imports = "from tests.plugins.broken_changes import AlwaysChanged\nfrom tests.plugins.shelf import kit\n"
    (tmp_path / "test_it.py").write_text(f"{imports}\n\nclass TestIt(type(kit(AlwaysChanged))):\n    pass\n", encoding="utf-8")
    arguments = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "a_second_time", "-o", "asyncio_default_fixture_loop_scope=function")
    done = subprocess.run(
        [sys.executable, *arguments, str(tmp_path)], capture_output=True, text=True, check=False, timeout=60, cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    assert done.returncode == 1, done.stdout
    assert "assert {<Result.CHANGED" in done.stdout, "the kit's assertions weren't rewritten"
