"""The embedded server's cache grows with the memory that there is, within bounds, and the server takes it."""

from pathlib import Path

import pytest
from sqlalchemy import text

from sebilling.db import memory
from sebilling.db.engine import Database

GIGABYTE = 1 << 30


@pytest.mark.parametrize(
    ("gigabytes", "expected"), [(0.25, "128MB"), (1, "128MB"), (2, "256MB"), (8, "1024MB"), (16, "2048MB"), (512, "2048MB")]
)
def test_an_eighth_within_bounds(gigabytes: float, expected: str) -> None:
    assert memory.shared_buffers(int(gigabytes * GIGABYTE)) == expected


@pytest.mark.parametrize(("limit", "is_machines"), [("max\n", True), ("1073741824\n", False), (None, True), (str(1 << 60), True)])
def test_a_container_may_use_what_it_is_given(tmp_path: Path, limit: str | None, is_machines: bool) -> None:  # noqa: FBT001 - a case
    file = tmp_path / "memory.max"
    if limit is not None:
        file.write_text(limit)
    machines = memory.usable_bytes(tmp_path / "none")
    assert memory.usable_bytes(file) == (machines if is_machines else GIGABYTE)


async def test_the_server_takes_it(database: Database) -> None:
    async with database.reading() as session:
        taken = await session.only_value(text("SELECT setting::bigint / 128 FROM pg_settings WHERE name = 'shared_buffers'"), kind=int)
    assert f"{taken}MB" == memory.shared_buffers(memory.usable_bytes())
