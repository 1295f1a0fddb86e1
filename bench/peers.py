"""PostGraphile beside ours: installed from its lock when it is first wanted, with the Node that it needs, and served.

It gets what its manual recommends: production settings, a pool of as many connections as ours, lists where ours has lists, and an SQL
function for the status, which isn't a column. Payments are read by the relations that it finds, which measured cheaper for it than a
function of the invoice, although they are a level deeper and would show released allocations, too. It has no users, rights, limits or
masking to pay for.
"""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import asyncpg
import orjson

from bench.serving import started
from sebilling.db.engine import Database

FOLDER: Final = Path(__file__).parent / "postgraphile"
_MODULES: Final = FOLDER / "node_modules"
_NODE: Final = _MODULES / "node" / "bin" / "node"
_INSTALL_SECONDS: Final = 600
_VERSION: Final = orjson.loads((FOLDER / "package.json").read_bytes())["dependencies"]["postgraphile"]
NAME: Final = f"PostGraphile {_VERSION}, without users and rights"
_DOCUMENT: Final = """{ invoices: allInvoices(first: %d, orderBy: [PRIMARY_KEY_DESC]) {
  nodes { id: rowId number status total outstanding dueOn
    customer: customerByCustomerId { id: rowId code name counter: counterByCounterId { id: rowId code name } }
    payments: allocationsByInvoiceIdList { payment: paymentByPaymentId { id: rowId amount method receivedAt } } } } }"""


class PeerUnavailable(Exception):
    """PostGraphile can't be installed or started here; the message says why."""


def document(rows: int) -> str:
    """Return PostGraphile's document for the newest invoices, in one field: it has no bound on `first`."""
    return _DOCUMENT % rows


def install() -> None:
    """Install PostGraphile and its Node from the lock, unless they are there. Raises PeerUnavailable."""
    lock, installed = (FOLDER / "package-lock.json").read_bytes(), _MODULES / ".installed"
    if installed.exists() and installed.read_bytes() == lock:
        return
    npm = shutil.which("npm")
    if npm is None:
        raise PeerUnavailable("npm isn't installed. Install Node with npm; Node 22, which PostGraphile needs, comes with the lock.")
    try:
        done = subprocess.run(
            [npm, "ci", "--no-audit", "--no-fund", "--loglevel=error"],
            cwd=FOLDER, capture_output=True, text=True, timeout=_INSTALL_SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise PeerUnavailable(f"npm didn't finish within {_INSTALL_SECONDS} seconds. Check its registry.") from error
    if done.returncode:
        raise PeerUnavailable(f"npm can't install it. Check its registry.\n{done.stderr.strip()}")
    if not _NODE.exists() or subprocess.run([_NODE, "--version"], capture_output=True, check=False).returncode:
        raise PeerUnavailable("the Node of the lock doesn't run on this machine")
    installed.write_bytes(lock)


async def add_fields(database: Database) -> None:
    """Create the function of PostGraphile's field that isn't a column."""
    connection = await asyncpg.connect(_url(database))
    try:
        await connection.execute((FOLDER / "fields.sql").read_text(encoding="utf-8"))
    finally:
        await connection.close()


@contextmanager
def postgraphile(database: Database) -> Iterator[str]:
    """Serve the database by PostGraphile; yield its address."""
    settings = {"BENCH_DATABASE": _url(database), "NODE_ENV": "production", "GRAPHILE_ENV": "production"}
    with started([str(_NODE), str(FOLDER / "server.mjs")], database.url, settings) as address:
        yield address


def comparable(invoice: dict[str, Any]) -> dict[str, Any]:
    """Return an invoice of ours or theirs alike: theirs has ids without a prefix, amounts as texts, payments inside allocations, and times
    with microseconds, in the zone of the session, which is UTC."""

    def plain(name: str, value: Any) -> Any:
        if isinstance(value, dict):
            if "payment" in value:
                return plain(name, value["payment"])
            return {inner: plain(inner, below) for inner, below in value.items()}
        if isinstance(value, list):  # of payments, which theirs has in the order of allocations
            return sorted((plain(name, item) for item in value), key=lambda payment: int(payment["id"]))
        if name == "id":
            return value.rpartition("_")[2]
        if name == "receivedAt":
            return value[: len("2026-01-31T08:30:00.000")]
        return int(value) if name in {"total", "outstanding", "amount"} else value

    return {name: plain(name, value) for name, value in invoice.items()}


def _url(database: Database) -> str:
    return database.url.replace("postgresql+asyncpg", "postgresql")
