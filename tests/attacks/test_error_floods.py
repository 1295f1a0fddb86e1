"""Errors that nobody expected, again and again: each keeps its reference in the log, and the log stays small."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
from sqlalchemy import text

from sebilling import logs
from sebilling.actor import Role
from sebilling.errors import DatabaseUnavailable
from sebilling.logs import MAX_KINDS, MAX_TRACEBACK_CHARACTERS, TRACEBACKS_PER_MINUTE, Tracebacks, get_logger, set_up
from sebilling.retry import Retries
from tests.attacks.target import Target

CUSTOMERS: Final = "{ customers(first: 1) { nodes { id } } }"
ERRORS: Final = 60


@pytest.fixture(params=["customer"])
async def broken_table(attacked: Target, request: pytest.FixtureRequest) -> Any:
    """Away while the test runs: a fault that nobody has written a message for."""
    async with attacked.isp.write() as session:
        await session.execute(text(f"ALTER TABLE {request.param} RENAME TO {request.param}_away"))
    yield
    async with attacked.isp.write() as session:
        await session.execute(text(f"ALTER TABLE {request.param}_away RENAME TO {request.param}"))


@pytest.mark.usefixtures("broken_table")
async def test_a_clerk_runs_into_the_same_fault_again_and_again(attacked: Target) -> None:
    await attacked.headers(Role.CLERK)
    before = len(attacked.server.log)
    references = []
    for _ in range(ERRORS):
        (error,) = (await attacked.ask(Role.CLERK, CUSTOMERS))["errors"]
        assert error["extensions"]["code"] == "INTERNAL"
        references.append(error["extensions"]["reference"])
    told = attacked.server.log[before:]
    lines = [json.loads(line) for line in told.splitlines()]
    errors = [line for line in lines if line["event"] == "unexpected_error"]
    assert [line["reference"] for line in errors] == references
    with_traceback = [line for line in errors if "exception" in line]
    assert with_traceback == errors[:TRACEBACKS_PER_MINUTE]
    assert all("UndefinedTable" in line["exception"] for line in with_traceback), "the reason stands at the end, and is kept"
    assert all(line["error_type"] and line["place"] for line in errors[TRACEBACKS_PER_MINUTE:])
    longest = MAX_TRACEBACK_CHARACTERS + 2_000
    assert max(map(len, told.splitlines())) < longest
    assert len(told) < TRACEBACKS_PER_MINUTE * longest + ERRORS * 1_000


async def test_a_loop_that_fails_again_and_again_waits_longer_each_time() -> None:
    async def ends(error: Exception | None) -> float:
        if error is not None:
            raise error
        return 0.25

    turns = Retries("a_loop")
    assert [await turns.run(ends(ValueError("why"))) for _ in range(8)] == [1, 2, 4, 8, 16, 30, 30, 30]
    assert await turns.run(ends(None)) == 0.25
    assert await turns.run(ends(ValueError("why"))) == 1
    assert [await turns.run(ends(DatabaseUnavailable(why="it is away"))) for _ in range(4)] == [2, 3, 3, 3], (
        "a database may be back any moment"
    )


class Clock:
    """A monotonic clock that tests move."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Clock, Callable[[], list[dict[str, Any]]]]]:
    """The clock of the log, and the lines that it has written since it was asked last."""
    clock, written = Clock(), io.StringIO()
    handlers, level = logging.root.handlers, logging.root.level
    monkeypatch.setattr(logs, "Tracebacks", lambda: Tracebacks(clock))
    set_up(level="INFO", style="json")
    (handler,) = logging.root.handlers
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(written)

    def lines() -> list[dict[str, Any]]:
        found = [json.loads(line) for line in written.getvalue().splitlines()]
        written.seek(0)
        written.truncate()
        return found

    yield clock, lines
    logging.root.handlers, logging.root.level = handlers, level


def fail(kind: type[Exception] = ValueError, why: str = "why") -> None:
    """Log an error of this kind."""
    try:
        raise kind(why)  # noqa: TRY301 - as deep as it needs to be
    except Exception:
        logging.getLogger("a.library").exception("it_failed")


def test_what_was_kept_back_is_counted_afterwards(told: Any) -> None:
    clock, lines = told
    for _ in range(TRACEBACKS_PER_MINUTE + 7):
        fail()
    fail(KeyError)
    kinds = ["exception" in line for line in lines()]
    assert kinds == [True] * TRACEBACKS_PER_MINUTE + [False] * 7 + [True], "another kind is counted by itself"
    clock.now += 59
    fail()
    assert ["exception" in line for line in lines()] == [False]
    clock.now += 1
    get_logger(__name__).info("something_else")
    suppressed, _ = lines()
    assert (suppressed["event"], suppressed["of"], suppressed["error"]) == ("tracebacks_suppressed", "it_failed", "ValueError")
    assert suppressed["suppressed"] == 8
    fail()
    assert ["exception" in line for line in lines()] == [True], "a new minute begins"
    clock.now += 120
    get_logger(__name__).info("something_else")
    assert [line["event"] for line in lines()] == ["something_else"], "nothing was kept back"


def test_a_traceback_is_cut_and_keeps_its_begin_and_its_reason(told: Any) -> None:
    _, lines = told
    try:
        try:
            raise OSError("w" * 500 + " first")  # noqa: TRY301 - as deep as it needs to be
        except OSError as error:
            raise ExceptionGroup("many", [ValueError("password=hunter2hunter2 " + "x" * 5_000) for _ in range(50)]) from error
    except ExceptionGroup:
        logging.getLogger("a.library").exception("e" * 5_000)
    (line,) = lines()
    assert len(line["exception"]) <= MAX_TRACEBACK_CHARACTERS + 10
    assert line["exception"].startswith("Traceback")
    assert "hunter2" not in line["exception"]
    assert len(line["event"]) <= logs.MAX_EVENT_CHARACTERS


def test_kinds_are_bounded() -> None:
    clock = Clock()
    limited = Tracebacks(clock)
    shown = 0
    for number in range(MAX_KINDS + 50):
        event = {"event": f"event{number}", "exc_info": ValueError("why")}
        limited(None, "error", event)
        shown += event["exc_info"] is not None
    assert shown == MAX_KINDS + TRACEBACKS_PER_MINUTE
    assert len(limited._counts) <= MAX_KINDS + 1


@pytest.mark.parametrize(
    "text", ["postgresql://u:hunter2hunter2@h" + "/x" * 5_000, "x" * 190 + " token=hunter2hunter2", "sbt_hunter2" * 900]
)
def test_a_secret_that_a_cut_goes_through_is_hidden(text: str) -> None:
    event = logs.redacted(None, "", {"event": "e", "why": text, "nested": {"a": [text]}, "exception": text})
    assert "hunter2" not in str(event)
    assert len(str(event["why"])) <= logs.MAX_FIELD_CHARACTERS


def test_lists_and_objects_are_bounded() -> None:
    event = logs.redacted(None, "", {"event": "e", "path": list(range(10_000)), "sent": {str(n): n for n in range(10_000)}})
    assert len(event["path"]) == len(event["sent"]) == logs.MAX_ITEMS
