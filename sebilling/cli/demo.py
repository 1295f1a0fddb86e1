"""`sebilling demo`: a demo ISP in its own database."""

from typing import Annotated

import typer

from sebilling.cli.database import read_settings
from sebilling.cli.terminal import out
from sebilling.demo import month


def demo(
    once: Annotated[bool, typer.Option("--once", help="Run a month through HTTP, print it, and end, instead of serving.")] = False,
    customers: Annotated[int, typer.Option(min=30, max=1_000_000, help="Number of customers of the demo ISP.")] = 300,
    as_json: Annotated[bool, typer.Option("--json", help="With --once: print one JSON object.")] = False,
    port: Annotated[int, typer.Option(help="Port to serve at; 0 takes a free one.")] = 8000,
    full: Annotated[bool, typer.Option("--full", help="With a router, an OLT and, if installed, FreeRADIUS.")] = False,
) -> None:
    """Create a demo ISP in its own database and run its month."""
    settings = read_settings(port=0 if once else port, log_level="WARNING")
    if once:
        month.once(settings, customers=customers, full=full, out=None if as_json else out)
    else:
        month.serve(settings, customers=customers, full=full, out=out)
