"""`make bench ARGS="generate --customers 1000 100000 --json"`, `make bench ARGS="page --json"`."""

import argparse
import asyncio
import sys
from pathlib import Path

import orjson
from rich.console import Console
from rich.table import Table

from bench import generate, isolate, page, pay, plot, profiler, radius, relay, screens, startup, subscribe
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
    for command in (generating, paging, recording, isolating, paying, watching, walling, numbering, starting, looking):
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


def _measured(arguments: argparse.Namespace) -> list[Result]:
    """Run the benchmark that was asked for."""
    if arguments.command == "generate":
        results = [
            result
            for size in arguments.customers
            for with_rules in ((False,) if arguments.without_rules else (False, True))
            for result in asyncio.run(
                generate.measure(arguments.var, customers=size, months=arguments.months, rounds=arguments.rounds, with_rules=with_rules)
            )
        ]
    elif arguments.command == "pay":
        results = asyncio.run(
            pay.measure(arguments.var, seconds=arguments.seconds, rounds=arguments.rounds, subscribers=arguments.subscribers)
        )
    elif arguments.command == "isolate":
        results = asyncio.run(
            isolate.measure(arguments.var, customers=arguments.customers, delay_ms=arguments.delay_ms, rounds=arguments.rounds)
        )
    elif arguments.command == "payers":
        results = asyncio.run(isolate.wait_of_payers(
            arguments.var, customers=arguments.customers, routers=arguments.routers, dead=arguments.dead, payers=arguments.payers
        ))  # fmt: skip
    elif arguments.command == "subscribe":
        results = asyncio.run(
            subscribe.measure(arguments.var, seconds=arguments.seconds, rate=arguments.rate, subscribers=arguments.subscribers)
        )
    elif arguments.command == "radius":
        results = asyncio.run(radius.measure(customers=arguments.customers, blocked=arguments.blocked, rounds=arguments.rounds))
    elif arguments.command == "relay":
        results = asyncio.run(relay.measure(arguments.var, events=arguments.events, rounds=arguments.rounds))
    elif arguments.command == "startup":
        results = asyncio.run(startup.measure(arguments.var, rounds=arguments.rounds))
    elif arguments.command == "screens":
        results = asyncio.run(screens.measure(
            arguments.var, customers=arguments.customers, months=arguments.months, rounds=arguments.rounds, with_check=arguments.check
        ))  # fmt: skip
    else:
        results = asyncio.run(page.measure(
            arguments.var, seconds=arguments.seconds, rounds=arguments.rounds, rows=arguments.rows,
            connections=arguments.connections, with_peers=arguments.peers,
        ))  # fmt: skip
    return results


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
