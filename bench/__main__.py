"""`make bench ARGS="generate --customers 1000 100000 --json"`, `make bench ARGS="page --json"`."""

import argparse
import asyncio
import sys
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any, Final

import orjson
from rich.console import Console
from rich.table import Table

from bench import generate, isolate, page, pay, plot, profiler, radius, relay, screens, startup, subscribe, web
from bench.record import RESULTS, record
from bench.result import Result
from sebilling.logs import set_up


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench")
    commands = parser.add_subparsers(dest="command", required=True)
    generating = commands.add_parser("generate", help="generateInvoices over HTTP against plain SQL, without and with pricing rules")
    generating.add_argument("--customers", type=int, nargs="+", default=[1_000, 100_000])
    generating.add_argument("--months", type=int, default=0, help="months of history")
    generating.add_argument("--rounds", type=int, default=5)
    generating.add_argument("--without-rules", action="store_true", help="only the plain price list")
    paging = _add_page(commands)
    recording = commands.add_parser("pay", help="recordPayment over HTTP against pgbench with the same function of the database")
    recording.add_argument("--seconds", type=int, default=3)
    recording.add_argument("--rounds", type=int, default=7)
    recording.add_argument("--subscribers", type=int, default=200)
    isolating = commands.add_parser("isolate", help="blocking and restoring a router's customers, against one after the other")
    isolating.add_argument("--customers", type=int, default=1_000)
    isolating.add_argument("--delay-ms", type=int, default=20)
    isolating.add_argument("--rounds", type=int, default=3)
    paying = commands.add_parser("payers", help="from a payment to the restored access, with some routers unreachable")
    paying.add_argument("--customers", type=int, default=10_000)
    paying.add_argument("--routers", type=int, default=20)
    paying.add_argument("--dead", type=int, default=2)
    paying.add_argument("--payers", type=int, default=400)
    watching = commands.add_parser("subscribe", help="from a payment to subscribers of another process, and their cost for payments")
    watching.add_argument("--seconds", type=int, default=60)
    watching.add_argument("--rate", type=int, default=50, help="payments a second")
    watching.add_argument("--subscribers", type=int, default=200)
    walling = commands.add_parser("radius", help="blocking and restoring with FreeRADIUS, against SQL and radclient one after the other")
    walling.add_argument("--customers", type=int, default=100_000)
    walling.add_argument("--blocked", type=int, default=1_000)
    walling.add_argument("--rounds", type=int, default=3)
    numbering = commands.add_parser("relay", help="numbering events that wait for the feed, against one SQL statement")
    numbering.add_argument("--events", type=int, default=100_000)
    numbering.add_argument("--rounds", type=int, default=3)
    starting = commands.add_parser("startup", help="CPU and memory of `sebilling --help` and of a server's start")
    starting.add_argument("--rounds", type=int, default=5)
    looking = commands.add_parser("screens", help="each root query on months of history, against a row that is read by its code")
    looking.add_argument("--customers", type=int, default=100_000)
    looking.add_argument("--months", type=int, default=12)
    looking.add_argument("--rounds", type=int, default=20)
    looking.add_argument("--check", action="store_true", help="measure each invariant of `sebilling check` too")
    opening = commands.add_parser("web", help="the web app's rows on a slow line, and searches as typed")
    opening.add_argument("--customers", type=int, default=5_000)
    opening.add_argument("--rounds", type=int, default=5)
    for command in (generating, paging, recording, isolating, paying, watching, walling, numbering, starting, looking, opening):
        command.add_argument("--json", action="store_true")
        command.add_argument("--record", action="store_true", help="append the results to bench/results, with commit and machine")
        command.add_argument("--var", type=Path, default=Path("var"), help="folder of the embedded database")
    return parser


def _add_page(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    """Add the commands that load a server with pages, and return the one that measures."""
    paging = commands.add_parser("page", help="pages of invoices against a bare endpoint with the same SQL result, and PostGraphile")
    paging.add_argument("--seconds", type=int, default=2)  # short rounds, as machine speed varies
    paging.add_argument("--rounds", type=int, default=5)
    paging.add_argument("--rows", type=int, nargs="+", default=[50, 500])
    paging.add_argument("--connections", type=int, nargs="+", default=[32, 1])
    paging.add_argument("--peers", action="store_true", help="measure PostGraphile too, which npm installs when it is first wanted")
    profiling = commands.add_parser("profile", help="where the server's time goes under the load of pages; a flame graph with py-spy")
    profiling.add_argument("--seconds", type=int, default=10)
    profiling.add_argument("--rows", type=int, default=50)
    profiling.add_argument("--connections", type=int, default=32)
    profiling.add_argument("--var", type=Path, default=Path("var"), help="folder of the embedded database")
    return paging


_MEASURED: Final[Mapping[str, Callable[[argparse.Namespace], Coroutine[Any, Any, list[Result]]]]] = {
    "page": lambda given: page.measure(
        given.var, seconds=given.seconds, rounds=given.rounds, rows=given.rows, connections=given.connections, with_peers=given.peers
    ),
    "pay": lambda given: pay.measure(given.var, seconds=given.seconds, rounds=given.rounds, subscribers=given.subscribers),
    "isolate": lambda given: isolate.measure(given.var, customers=given.customers, delay_ms=given.delay_ms, rounds=given.rounds),
    "payers": lambda given: isolate.wait_of_payers(
        given.var, customers=given.customers, routers=given.routers, dead=given.dead, payers=given.payers
    ),
    "subscribe": lambda given: subscribe.measure(given.var, seconds=given.seconds, rate=given.rate, subscribers=given.subscribers),
    "radius": lambda given: radius.measure(customers=given.customers, blocked=given.blocked, rounds=given.rounds),
    "relay": lambda given: relay.measure(given.var, events=given.events, rounds=given.rounds),
    "startup": lambda given: startup.measure(given.var, rounds=given.rounds),
    "web": lambda given: web.measure(given.var, customers=given.customers, rounds=given.rounds),
    "screens": lambda given: screens.measure(
        given.var, customers=given.customers, months=given.months, rounds=given.rounds, with_check=given.check
    ),
}
"""Each command but `generate`, which measures several sizes."""


def _measured(arguments: argparse.Namespace) -> list[Result]:
    """Run the benchmark that was asked for."""
    if arguments.command != "generate":
        return asyncio.run(_MEASURED[arguments.command](arguments))
    return [
        result
        for size in arguments.customers
        for with_rules in ((False,) if arguments.without_rules else (False, True))
        for result in asyncio.run(
            generate.measure(arguments.var, customers=size, months=arguments.months, rounds=arguments.rounds, with_rules=with_rules)
        )
    ]


def main() -> None:
    """Run a benchmark, and print a table or an array of JSON objects; or a profile."""
    arguments = _parser().parse_args()
    set_up(level="WARNING", style="console")
    if arguments.command == "profile":
        asyncio.run(profiler.profile(arguments.var, seconds=arguments.seconds, rows=arguments.rows, connections=arguments.connections))
        return
    results = _measured(arguments)
    if arguments.record:
        record(arguments.command, results)
        if arguments.command == "page":
            plot.write(RESULTS / "page.svg", "Pages of invoices: rows per second", results)
    show(results, as_json=arguments.json)


def show(results: list[Result], *, as_json: bool) -> None:
    """Print results as JSON or as a table."""
    if as_json:
        sys.stdout.write(orjson.dumps([result.as_json() for result in results]).decode() + "\n")
        return
    table = Table("benchmark", "size", "connections", "ours", "reference", "unit", "ratio", "reference is")
    for result in results:
        table.add_row(
            result.benchmark,
            str(result.size),
            "" if result.connections is None else str(result.connections),
            f"{result.ours:.4g}",
            f"{result.reference:.4g}",
            result.unit,
            f"{result.ratio:.2f}",
            result.reference_name,
        )
    Console(width=160).print(table)


main()
