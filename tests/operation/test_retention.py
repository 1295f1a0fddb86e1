"""Which backups are kept: enough to go back a week by days, a month by weeks, a year by months; what isn't ours is never touched."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sebilling.operation import retention
from sebilling.operation.places import BackupPlace
from sebilling.operator_errors import UnusableFile

FIRST = datetime(2026, 1, 1, 19, tzinfo=UTC)


def test_after_two_years_of_days_there_are_days_weeks_and_months() -> None:
    names = [retention.name_at(FIRST + timedelta(days=day)) for day in range(730)]
    days = sorted(at.date() for name in retention.kept(names) if (at := retention.made_at(name)) is not None)
    last = (FIRST + timedelta(days=729)).date()
    assert days[-7:] == [last - timedelta(days=back) for back in range(6, -1, -1)]
    assert last == date(2027, 12, 31)
    ends = {date(2027, month + 1, 1) - timedelta(days=1) for month in range(1, 12)} | {last}
    assert ends <= set(days), "the last of each of twelve months"
    sundays = {last - timedelta(days=(last.weekday() + 1) % 7 + 7 * back) for back in range(3)}
    assert sundays <= set(days), "the last of each week before this one"
    assert len(days) <= 7 + 4 + 12


@given(st.lists(st.integers(0, 3_000), unique=True, max_size=60), st.integers(1, 400))
def test_the_newest_stays_and_thinning_daily_loses_no_more_than_thinning_once(days: list[int], hours: int) -> None:
    names = sorted(retention.name_at(FIRST + timedelta(days=day, hours=hours)) for day in days)
    there: set[str] = set()
    for name in names:
        there = retention.kept(there | {name})
        assert name in there
    assert there == retention.kept(names)


async def test_what_is_not_ours_in_the_folder_stays(tmp_path: Path) -> None:
    ours = [retention.name_at(FIRST + timedelta(days=day)) for day in range(40)]
    others = [
        "notes.txt",
        "sebilling-2026-01-01T190000Z.zip.part",
        "sebilling-2026-13-01T190000Z.zip",
        "old/sebilling-2025-01-01T190000Z.zip",
    ]
    (tmp_path / "old").mkdir()
    for name in (*ours, *others):
        (tmp_path / name).write_bytes(b"x")
    place = BackupPlace.open(str(tmp_path))
    gone = await place.thin()
    assert len(gone) == 40 - len(retention.kept(ours))
    assert await place.names() == sorted(retention.kept(ours))
    assert all((tmp_path / name).exists() for name in others)


async def test_a_place_that_cannot_be_used_is_told_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(UnusableFile, match="unplugged"):
        BackupPlace.open(str(tmp_path / "unplugged"))
    with pytest.raises(UnusableFile, match="ftp://"):
        BackupPlace.open("ftp://somewhere/else")
    place = BackupPlace.open(str(tmp_path))
    with pytest.raises(UnusableFile, match=r"there\.zip.*isn't there"):
        await place.fetch("there.zip", tmp_path / "here.zip")
