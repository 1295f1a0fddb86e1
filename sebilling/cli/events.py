"""`sebilling events`: show the end of the feed, and verify that nothing in it was changed."""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Final

import typer
from rich.console import Console
from sqlalchemy import text

from sebilling import feed
from sebilling.billing.invariants import INVARIANTS
from sebilling.cli.database import with_database
from sebilling.cli.terminal import errors, group, out
from sebilling.db.engine import Database, ReadSession
from sebilling.events import document

events = group()
Written = Annotated[
    list[str] | None,
    typer.Option("--written", metavar="NUMBER:DIGEST", help="A recorded number and digest, which must still match. Repeat for more."),
]
_WRITTEN: Final = re.compile(r"([1-9][0-9]{0,18}):([0-9a-fA-F]{64})")
_DIGESTS: Final = text("SELECT number, digest FROM feed WHERE number = ANY (CAST(:numbers AS bigint[]))")
_FIRST_BROKEN: Final = "SELECT count(*) AS rows, min(key) AS first FROM ({broken}) broken (key)"
_FEED: Final = [invariant for invariant in INVARIANTS if invariant.name.startswith("feed_")]


def read_written(entries: Sequence[str]) -> Mapping[int, bytes]:
    """Parse numbers and digests as `verify` prints them. Raises BadParameter."""
    digests = {}
    for entry in entries:
        parts = _WRITTEN.fullmatch(entry.strip())
        if parts is None:
            raise typer.BadParameter(f"{entry!r:.90} isn't NUMBER:DIGEST as `sebilling events verify` prints it.")
        digests[int(parts[1])] = bytes.fromhex(parts[2])
    return digests


async def show_head(database: Database, out: Console) -> None:
    """Print the last number and digest of the feed, and how many events have no number yet."""
    async with database.reading() as session:
        head, waiting = await feed.head(session), await feed.waiting(session)
    _say(out, f"{head.number}:{head.digest.hex()}")
    if waiting.events:
        _say(out, f"{waiting.events} events have no number yet, the oldest from {waiting.since}. If that lasts, check that a worker runs.")


def show_kinds(out: Console) -> None:
    """Print every kind of event, as docs/event_kinds.md lists it."""
    for line in document.lines():
        out.print(line, highlight=False, soft_wrap=True, markup=False)


async def verify(database: Database, written: Mapping[int, bytes], out: Console, errors: Console) -> bool:
    """Recompute all digests from the first event on, compare them with the recorded ones, and print the end. False if any differs."""
    async with database.snapshot() as session:
        head = await feed.head(session)
        broken = [problem for problem in [await _broken(session, invariant.name, invariant.broken) for invariant in _FEED] if problem]
        kept = {row.number: row.digest for row in await session.rows(_DIGESTS, {"numbers": sorted(written)})}
    for number, digest in sorted(written.items()):
        if number not in kept:
            broken.append(f"{number} was recorded, but the feed ends at {head.number}: its end was cut off, or this is an older backup")
        elif kept[number] != digest:
            broken.append(f"{number} was recorded with another digest: something up to it was changed, and the chain was rebuilt")
    for problem in broken:
        errors.print(problem, style="red", highlight=False, soft_wrap=True)
    if not broken:
        _say(out, f"{head.number} events, unchanged since they were numbered. To prove it later, record this line elsewhere:")
    _say(out, f"{head.number}:{head.digest.hex()}")
    return not broken


async def _broken(session: ReadSession, name: str, sql: str) -> str:
    row = await session.row(text(_FIRST_BROKEN.format(broken=sql).replace(":", r"\:")))
    if row is None or not row.rows:
        return ""
    sentence = next(invariant.sentence for invariant in _FEED if invariant.name == name)
    key = "number" if name == "feed_chain" else "event"
    return f"{name}: broken {row.rows} times" + (f", first at {key} {row.first}" if name != "feed_gapless" else "") + f". {sentence}"


def _say(out: Console, sentence: str) -> None:
    out.print(sentence, highlight=False, soft_wrap=True)


@events.command("head")
def events_head() -> None:
    """Print the last number and digest of the feed, and how many events have no number yet."""
    with_database(lambda database: show_head(database, out))


@events.command("kinds")
def events_kinds() -> None:
    """Print every kind of event with its data."""
    show_kinds(out)


@events.command("verify")
def events_verify(written: Written = None) -> None:
    """Recompute all digests and print the last number and digest, to be recorded elsewhere; exit code 1: something was changed."""
    kept = read_written(written or [])
    if not with_database(lambda database: verify(database, kept, out, errors)):
        raise typer.Exit(1)
