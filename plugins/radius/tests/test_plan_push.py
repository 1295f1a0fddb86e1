"""A plan's new speed reaches those who are online, and those who log in later; nobody who is blocked."""

from typing import Any

import pytest
from sebilling.plugins.contract import Fault, IsolationDriver, PlanApplier, Ref, Result

from sebilling_radius import GroupDriver
from sebilling_radius.testing import Rig

from .conftest import blocked
from .test_effect import BOTH, Place, placed

RATE = "Mikrotik-Rate-Limit"


async def pushed(place: Place, *, down: int | None = 9_000, up: int | None = 7_000) -> Any:
    assert isinstance(place.driver, PlanApplier)
    (outcome,) = [one async for one in place.driver.apply_plan([Ref(1, "budi", down, up)])]
    return outcome


@BOTH
@pytest.mark.parametrize("own", [None, "1M/1M"])
async def test_the_speed_reaches_who_is_online(driver_class: type[IsolationDriver[Any]], own: str | None, radius: Rig) -> None:
    await radius.add_customer("budi", reply=[(RATE, ":=", own)] if own else [])
    async with placed(driver_class, radius) as place:
        await place.nas.dial("budi")
        for result in (Result.CHANGED, Result.UNCHANGED):
            assert (await pushed(place)).result is result
            (running,) = place.nas.connections
            assert running.reply[RATE] == "7000k/9000k"
        answer = radius.authenticate("budi")
        assert answer is not None
        assert answer[RATE] == "7000k/9000k"


async def test_a_group_with_that_speed_needs_no_row(radius: Rig) -> None:
    await radius.add_customer("budi")
    before = await radius.dump()
    async with placed(GroupDriver, radius) as place:
        assert (await pushed(place, down=20_000, up=10_000)).result is Result.UNCHANGED
        assert await radius.dump() == before


@BOTH
async def test_a_session_that_keeps_its_speed_is_told(driver_class: type[IsolationDriver[Any]], radius: Rig) -> None:
    await radius.add_customer("budi")
    async with placed(driver_class, radius) as place:
        await place.nas.dial("budi")
        place.nas.receiver.answer = lambda _: 405
        outcome = await pushed(place)
        assert outcome.result is Result.FAILED
        assert "keeps its speed" in outcome.message.english


@BOTH
async def test_who_is_blocked_or_absent_gets_nothing(driver_class: type[IsolationDriver[Any]], radius: Rig) -> None:
    await radius.add_customer("budi")
    async with placed(driver_class, radius) as place:
        await blocked(place.driver, place.wanted)
        before = await radius.dump()
        outcome = await pushed(place)
        assert (outcome.result, outcome.fault) == (Result.FAILED, Fault.REFUSED)
        (nobody,) = [one async for one in place.driver.apply_plan([Ref(9, "nobody", 1, 1)])]  # type: ignore[attr-defined]  # an ability of these drivers
        assert (nobody.result, nobody.fault) == (Result.FAILED, Fault.ABSENT)
        assert await radius.dump() == before


async def test_an_unknown_speed_changes_nothing(radius: Rig) -> None:
    await radius.add_customer("budi")
    before = await radius.dump()
    async with placed(GroupDriver, radius) as place:
        assert (await pushed(place, down=None)).result is Result.FAILED
        assert await radius.dump() == before
