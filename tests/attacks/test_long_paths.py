"""Long paths, names and headers from strangers: what is logged of a request costs nothing that anybody notices."""

import asyncio
from typing import Final

import pytest

from tests.attacks.target import Target

MAX_RATIO: Final = 40
"""Of an idle request: a parse of 60 KB and its own turn are allowed, seconds are not."""
LETTERS: Final = 60_000
PATHS: Final = {
    "letters": "a" * LETTERS, "schemes": "a+" * (LETTERS // 2), "words": "secret" * (LETTERS // 6), "bearers": "bearer%20" * (LETTERS // 9),
    "ours": "sbt_" * (LETTERS // 4), "addresses": "a://" * (LETTERS // 4),
}  # fmt: skip


@pytest.mark.parametrize("shape", PATHS)
async def test_a_stranger_asks_for_a_long_path(attacked: Target, idle: float, shape: str) -> None:
    attack = asyncio.create_task(attacked.http.get(f"/{PATHS[shape]}"))
    assert await attacked.slowest_during(attack) < MAX_RATIO * idle
    assert attack.result().status_code == 404


@pytest.mark.parametrize("name", ["a" * 19_900, "token" * 3_980, "pass_" * 3_980])
async def test_a_stranger_names_an_operation_at_length(attacked: Target, idle: float, name: str) -> None:
    body = {"query": f"query {name} {{ me {{ username }} }}", "operationName": name}
    attack = asyncio.create_task(attacked.http.post("/graphql", json=body))
    assert await attacked.slowest_during(attack) < MAX_RATIO * idle
    assert attack.result().status_code in {200, 400}


async def test_lines_of_the_log_are_short_whatever_was_sent(attacked: Target) -> None:
    before = len(attacked.server.log)
    await attacked.http.get(f"/{'b' * LETTERS}")
    await attacked.http.post("/graphql", json={"query": f"query {'b' * 19_900} {{ me {{ username }} }}", "operationName": "b" * 19_900})
    await attacked.http.get("/healthz")  # the line before is written by then
    lines = [line for line in attacked.server.log[before:].splitlines() if "bbbb" in line]
    assert len(lines) == 2
    assert max(map(len, lines)) < 1_000
