"""`make bench ARGS="generate --customers 1000 100000 --json"`, `make bench ARGS="page --json"`."""

import argparse
import asyncio
import sys
from pathlib import Path

import orjson
from rich.console import Console
from rich.table import Table

from bench import generate, isolate, page, subscribe
from bench.result import Result
from sebilling.logs import set_up


def main() -> None:
    """Measure, and print a table or an array of JSON objects."""
    parser = argparse.ArgumentParser(prog="bench")
    commands = parser.add_subparsers(dest="command", required=True)
    generating = commands.add_parser("generate", help="generateInvoices through HTTP beside plain SQL, without and with pricing rules")
    generating.add_argument("--customers", type=int, nargs="+", default=[1_000, 100_000])
    generating.add_argument("--rounds", type=int, default=5)
    paging = commands.add_parser("page", help="a page of 50 invoices beside a bare endpoint with the same SQL result")
    paging.add_argument("--seconds", type=int, default=2)  # short turns: machines change their speed from one to the next
    paging.add_argument("--rounds", type=int, default=12)
    isolating = commands.add_parser("isolate", help="cutting and giving back a router's customers, beside one after the other")
    isolating.add_argument("--customers", type=int, default=1_000)
    isolating.add_argument("--delay-ms", type=int, default=20)
    isolating.add_argument("--rounds", type=int, default=3)
    paying = commands.add_parser("payers", help="from a payment to being back, with some routers dead")
    paying.add_argument("--customers", type=int, default=10_000)
    paying.add_argument("--routers", type=int, default=20)
    paying.add_argument("--dead", type=int, default=2)
    paying.add_argument("--payers", type=int, default=400)
    watching = commands.add_parser("subscribe", help="from a payment to subscribers at another process, and what they cost the payers")
    watching.add_argument("--seconds", type=int, default=60)
    watching.add_argument("--rate", type=int, default=50, help="payments a second")
    watching.add_argument("--subscribers", type=int, default=200)
    for command in (generating, paging, isolating, paying, watching):
        command.add_argument("--json", action="store_true")
        command.add_argument("--var", type=Path, default=Path("var"), help="folder of the embedded database")
    given = parser.parse_args()
    set_up(level="WARNING", style="console")
    if given.command == "generate":
        results = [
            one
            for size in given.customers
            for with_rules in (False, True)
            for one in asyncio.run(generate.measure(given.var, customers=size, rounds=given.rounds, with_rules=with_rules))
        ]
    elif given.command == "isolate":
        results = asyncio.run(isolate.measure(given.var, customers=given.customers, delay_ms=given.delay_ms, rounds=given.rounds))
    elif given.command == "payers":
        results = asyncio.run(isolate.wait_of_payers(
            given.var, customers=given.customers, routers=given.routers, dead=given.dead, payers=given.payers
        ))  # fmt: skip
    elif given.command == "subscribe":
        results = asyncio.run(subscribe.measure(given.var, seconds=given.seconds, rate=given.rate, subscribers=given.subscribers))
    else:
        results = asyncio.run(page.measure(given.var, seconds=given.seconds, rounds=given.rounds))
    show(results, as_json=given.json)


def show(results: list[Result], *, as_json: bool) -> None:
    """As JSON for programs, as a table for people."""
    if as_json:
        sys.stdout.write(orjson.dumps([one.as_json() for one in results]).decode() + "\n")
        return
    table = Table("benchmark", "size", "ours", "reference", "unit", "ratio", "reference is")
    for one in results:
        table.add_row(
            one.benchmark, str(one.size), f"{one.ours:.4g}", f"{one.reference:.4g}", one.unit, f"{one.ratio:.2f}", one.reference_name
        )
    Console(width=160).print(table)


main()
