"""`make cluster`: starts a cluster, runs the demo's month through it, and keeps it running until Ctrl-C."""

import argparse
import asyncio
import signal
import sys
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from sebilling.clock import system_clock
from sebilling.db.engine import Database
from sebilling.demo import isp, month, tables
from tools.cluster.addresses import SERVERS, Network
from tools.cluster.cluster import Cluster, running
from tools.cluster.programs import CannotStart


def main() -> int:
    """Return the exit code."""
    parser = argparse.ArgumentParser(prog="make cluster ARGS=", description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("var/cluster"), help="where everything is; its demo starts only in a new one")
    parser.add_argument("--network", default="127.83.0", help="first three numbers of all addresses")
    parser.add_argument("--customers", type=int, default=300, help="of the demo ISP")
    parser.add_argument("--once", action="store_true", help="end after the month")
    given = parser.parse_args()
    out = Console()
    end = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupted)
    try:
        out.print("Starting etcd, Patroni with three PostgreSQL servers, PgBouncer and HAProxy …")
        with running(given.folder, Network(given.network)) as cluster:
            out.print("Starting three servers and two workers …")
            sign_ins = _demo(cluster, given.customers, out)
            _show(cluster, sign_ins, out)
            if not given.once:
                out.print("Press Ctrl-C to stop everything.")
                end.wait()
    except CannotStart as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except KeyboardInterrupt:
        out.print("Everything has stopped.")
    return 0


def _interrupted(_number: int, _frame: object) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # a second Ctrl-C would leave processes behind
    raise KeyboardInterrupt


def _demo(cluster: Cluster, customers: int, out: Console) -> list[isp.SignIn]:
    """Make the demo ISP in an empty database and run its month through HAProxy; none if there are users already."""

    async def made() -> Any:
        database = Database(cluster.url, connections=2)
        try:
            async with database.reading() as session:
                if await session.value(isp.HAS_USERS):
                    return None
            return await isp.make(database, customers=customers, now=system_clock())
        finally:
            await database.close()

    prepared = asyncio.run(made())
    cluster.start_sebilling()
    if prepared is None:
        return []
    current, sign_ins = prepared
    with ExitStack() as gear:
        story = month.run_month(cluster.network.url, cluster.url, current, sign_ins, gear, full=False)
    tables.show_month(story.figures, out)
    return list(sign_ins)


def _show(cluster: Cluster, sign_ins: list[isp.SignIn], out: Console) -> None:
    network = cluster.network
    table = Table("what", "address", title="The cluster")
    table.add_row("web admin, GraphQL", network.url)
    for name, number in SERVERS.items():
        table.add_row(name, f"http://{network.address(number)}:8000")
    table.add_row("database, pooled", f"{network.proxy}:5000")
    table.add_row("database, direct", f"{network.proxy}:5001")
    primary = cluster.primary()
    for machine in cluster.machines.values():
        what = f"{machine.name}{' (primary)' if machine is primary else ''}"
        table.add_row(what, f"PostgreSQL {machine.address}:5432, PgBouncer :6432, Patroni :8008, etcd :2379")
    out.print(table)
    for sign_in in sign_ins:
        out.print(f"{sign_in.username}  {sign_in.password}  {sign_in.role.value}")
    out.print(f"Files and logs: {cluster.folder}", soft_wrap=True)
    config = cluster.machines["db1"].folder / "patroni.yml"
    out.print(f"Its state: patronictl -c {config} list", soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main())
