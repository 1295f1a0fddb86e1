"""Each row of the table (deeds.py), done: all of what it says happens, and nothing else."""

from collections import Counter

import pytest

from sebilling.db.engine import Database
from tests.rules.deeds import DEEDS, Access, Deed
from tests.rules.world import AT, BEFORE, TODAY, World


@pytest.mark.parametrize("deed", DEEDS, ids=lambda deed: deed.name)
async def test_it_does_what_the_table_says_and_nothing_else(database: Database, deed: Deed) -> None:
    world = await World.make(database)
    await deed.before(world)
    before = await world.look()
    await world.do(lambda session: deed.do(world, session), by=deed.by, at=AT)
    after = await world.look()

    names = before.figures.keys() | after.figures.keys()
    moved = {name: after.figures.get(name, 0) - before.figures.get(name, 0) for name in names}
    assert {name: amount for name, amount in moved.items() if amount} == expected_figures(deed, before.figures)
    posted, gone = after.journal - before.journal, before.journal - after.journal
    assert (posted, gone) == (Counter((one.debit, one.credit, one.amount, one.on, "TIMUR") for one in deed.journal), Counter())
    assert Counter(await world.told(before.events)) == Counter((one.kind, one.subject, one.counter) for one in deed.events)

    (desired, times), wanted = after.access["late"], "ACTIVE" if deed.access is Access.RESTORED else deed.access.value
    was = "BLOCKED" if deed.access is Access.RESTORED else deed.access.value
    assert before.access["late"][0] == was
    assert (desired, times) == (wanted, before.access["late"][1] + (deed.access is Access.RESTORED))
    assert after.access["neighbour"] == before.access["neighbour"]

    await world.sweep()
    swept = (await world.look()).access
    assert swept["late"] == ((wanted, times) if deed.swept is None else (deed.swept.value, times + 1))
    if deed.name != "policy-of-the-isp":
        assert swept["neighbour"] == before.access["neighbour"]


def expected_figures(deed: Deed, before: dict[str, int]) -> dict[str, int]:
    """What the row names; and of a closing, each figure of the month at both counters as it was, kept or no longer kept."""
    found = {name: amount for name, amount in deed.figures.items() if amount}
    sign = {"period-closed": 1, "period-reopened": -1}.get(deed.name, 0)
    for name, amount in before.items() if sign else ():
        place, _, figure = name.partition(".2026-01.")
        if amount and figure and not figure.startswith("kept."):
            found[f"{place}.2026-01.kept.{figure}"] = sign * amount
    return found


def test_the_day_of_the_deed_is_nobody_elses() -> None:
    """Else a date by UTC, or by Jakarta's clock, would pass."""
    assert (AT.day, AT.month, TODAY.day, TODAY.month) == (28, 2, 1, 3)
    assert BEFORE < AT


def test_each_deed_has_a_name_of_its_own() -> None:
    assert len({deed.name for deed in DEEDS}) == len(DEEDS)
