"""Out of other systems: every balance is theirs, all checks are clean, a month runs. `SEBILLING_TEST_PEERS_CUSTOMERS=500`: full size."""

import contextlib
import csv
import io
import json
import os
import sqlite3
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, Final

import pytest
from typer.testing import CliRunner

from sebilling.billing.imports import openings
from sebilling.billing.imports.systems import balances, gembok, mikhmon, phpnuxbill, sql_dump
from sebilling.billing.imports.systems.account import Account, Book, months_of, rupiah
from sebilling.billing.opening import Opening
from sebilling.cli import app, imports, system_import, terminal
from sebilling.cli.system_import import FromSystem, System
from sebilling.clock import JAKARTA, Month, local_date, system_clock
from sebilling.db.engine import Database
from sebilling.errors import InvalidFile
from tests.harness import NOW, Isp
from tests.imports import peers
from tests.imports.peers import Peer, Truth

CUSTOMERS: Final = int(os.environ.get("SEBILLING_TEST_PEERS_CUSTOMERS", "60"))
JANUARY = Month(2026, 1)
MARCH = date(2026, 3, 1)
File = Callable[..., Path]


async def bring(database: Database, given: FromSystem, *, write: bool = True) -> str:
    """What was said."""
    out = terminal.console(io.StringIO(), width=1_000)
    options = imports.Options(write=write, create_missing=True, out=out, errors=out)
    await system_import.run(given, database, at=NOW, options=options)
    return str(out.file.getvalue())  # type: ignore[attr-defined]


def make(kind: str, folder: Path, count: int = CUSTOMERS) -> tuple[FromSystem, Peer]:
    """A system's file in this folder, and the truth about it."""
    system, _, form = kind.partition("-")
    path, balances = folder / f"theirs.{form or 'rsc'}", None
    if system == "phpnuxbill":
        rows, peer = peers.nux_rows(count)
        path.write_bytes(peers.nux_sql(rows) if form == "sql" else json.dumps(peers.nux_backup(rows)).encode())
    elif system == "gembok":
        peer = peers.gembok(folder / "billing.db", count)
        if form == "sql":
            path.write_bytes(peers.gembok_sql(folder / "billing.db"))
        else:
            path = folder / "billing.db"
    else:
        export, owed, peer = peers.mikhmon(count)
        balances = folder / "saldo.csv"
        path.write_bytes(export)
        balances.write_bytes(owed)
    return FromSystem(System(system), path, JANUARY, "PUSAT", balances, folder / "berita-acara.csv"), peer


def charge(truth: Truth) -> int:
    """What February's bill of them must be: the days of it that weren't billed there, or all months of a cycle that begins in it."""
    begins = max(date.fromordinal(truth.paid_until.toordinal() + 1), date(2026, 2, 1))
    if not truth.active or begins >= MARCH:
        return 0
    if truth.months > 1:
        return truth.months * truth.price
    return (2 * truth.price * (MARCH - begins).days + 28) // 56


BALANCES = """
    SELECT code, coalesce((SELECT sum(outstanding) FROM invoice WHERE customer_id = customer.id), 0)::bigint
                 - coalesce((SELECT sum(credit) FROM payment WHERE customer_id = customer.id), 0)::bigint
      FROM customer
"""
STANDING = """
    SELECT code, plan.name, coalesce(customer.price, plan.price), active, arrears, credit, invoice.due_on, billed_until - 1,
           (SELECT count(*) FROM opening_history WHERE customer_id = customer.id AND kind = 'PAYMENT')
      FROM customer JOIN plan ON plan.id = plan_id JOIN opening_balance ON opening_balance.customer_id = customer.id
      LEFT JOIN invoice ON invoice.id = invoice_id
"""


@pytest.mark.parametrize("kind", ["phpnuxbill-sql", "phpnuxbill-json", "gembok-db", "gembok-sql", "mikhmon"])
async def test_every_balance_is_theirs_and_a_month_runs(database: Database, tmp_path: Path, kind: str) -> None:
    isp = await Isp.make(database)
    given, peer = make(kind, tmp_path)
    assert given.report is not None
    told = await bring(database, given, write=False)
    assert f"{CUSTOMERS} customers, no faults." in told, told[-2_000:]
    assert await isp.rows("SELECT 1 FROM customer UNION ALL SELECT 1 FROM period") == []
    assert not given.report.exists()
    told = await bring(database, given)
    assert f"{CUSTOMERS} customers were imported." in told
    assert {row[0]: tuple(row[1:]) for row in await isp.rows(STANDING)} == {
        one.key: (
            one.plan, one.price, one.active, max(one.arrears - one.credit, 0), max(one.credit - one.arrears, 0),
            (one.due_on or date(2026, 1, 31)) if one.arrears > one.credit else None, one.paid_until, one.payments,
        )
        for one in peer.customers
    }  # fmt: skip
    await isp.check()
    assert peers.SECRET not in str(await isp.rows("SELECT data FROM event"))
    await isp.open()
    await isp.generate()
    assert dict(map(tuple, await isp.rows(BALANCES))) == {one.key: one.arrears - one.credit + charge(one) for one in peer.customers}
    await isp.check()
    _same_report(given, peer)


def _same_report(given: FromSystem, peer: Peer) -> None:
    assert given.report is not None
    lines = list(csv.reader(io.StringIO(given.report.read_text(encoding="utf-8-sig")), delimiter=";"))
    assert given.report.read_bytes().find(peers.SECRET.encode()) == -1
    begins = next(place for place, line in enumerate(lines) if line[:1] == ["Kode"])
    rows = {line[0]: dict(zip(lines[begins], line, strict=True)) for line in lines[begins + 1 : begins + 1 + len(peer.customers)]}
    assert {
        code: (int(row["Tunggakan lama"]), int(row["Titipan lama"]), int(row["Saldo"]), row["Selisih"]) for code, row in rows.items()
    } == {one.key: (one.arrears, one.credit, one.arrears - one.credit, "0") for one in peer.customers}
    told = {line[0]: line[1:] for line in lines[:begins] if line}
    assert told["Selisih saldo"][-1] == "0"
    assert told["SeBilling"][-1] == str(sum(one.arrears - one.credit for one in peer.customers))
    assert (told["Pelanggan"], told["Akun yang tidak diambil"]) == ([str(len(peer.customers))], [str(peer.left_out)])
    assert lines[-1][0].startswith("Tanda tangan")


def test_at_the_shell(committed_url: str, tmp_path: Path) -> None:
    environment = {"SEBILLING_DATABASE_URL": committed_url}
    given, peer = make("gembok-db", tmp_path, 20)
    month = str(Month.of(local_date(system_clock(), JAKARTA)).plus(-1))
    arguments = ["import", "from", "gembok", str(given.file), "--opening", month, "--report", str(given.report)]
    checked = CliRunner().invoke(app, arguments, env=environment)
    assert checked.exit_code == 0, checked.output
    assert "run it again with --yes" in checked.stdout
    done = CliRunner().invoke(app, [*arguments, "--yes"], env=environment)
    assert done.exit_code == 0, done.output
    assert "difference" in done.stdout
    assert given.report is not None
    assert given.report.exists()
    assert CliRunner().invoke(app, ["check"], env=environment).exit_code == 0
    again = CliRunner().invoke(app, [*arguments[:-2], "--yes"], env=environment)
    assert again.exit_code == 1
    assert f"{len(peer.customers)} faults" in again.output.replace("\n", " ")


@pytest.mark.parametrize("off", [{"arrears": 1}, {"cycle_months": 2, "billed_until": MARCH}])
async def test_one_rupiah_too_few_takes_everything_back(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, off: dict[str, Any]
) -> None:
    isp = await Isp.make(database)
    given, _ = make("gembok-db", tmp_path, 5)
    right = openings.opening_of

    def wrong(told: Any, month: Month, *, customer_id: int) -> Opening:
        return replace(right(told, month, customer_id=customer_id), **off)

    monkeypatch.setattr(openings, "opening_of", wrong)
    with pytest.raises(RuntimeError, match="isn't as it was there"):
        await bring(database, given)
    assert await isp.rows("SELECT 1 FROM customer UNION ALL SELECT 1 FROM period") == []
    assert given.report is not None
    assert not given.report.exists()


async def test_the_usual_due_day_becomes_the_new_counters(database: Database, tmp_path: Path) -> None:
    isp = await Isp.make(database)
    await bring(database, make("gembok-db", tmp_path, 20)[0])
    assert await isp.value("SELECT due_day FROM counter WHERE code = 'PUSAT'") == 10


# --- what can't be taken as it is is refused with its remedy, and nothing comes in ---------------------------------------------


def nux(change: Callable[[peers.Rows], object]) -> bytes:
    rows, _ = peers.nux_rows(4)
    change(rows)
    return json.dumps(peers.nux_backup(rows)).encode()


def _set(rows: peers.Rows, table: str, place: int, value: object) -> None:
    rows[table][0] = (*rows[table][0][:place], value, *rows[table][0][place + 1 :])


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda rows: _set(rows, "tbl_customers", 8, "-5000.00"), "credit: its balance there is -5000"),
        (lambda rows: _set(rows, "tbl_customers", 8, "5000.50"), "credit: '5000.50' is no whole rupiah"),
        (lambda rows: _set(rows, "tbl_customers", 11, "kemarin"), "installed_on: 'kemarin' is no day"),
        (lambda rows: rows["tbl_user_recharges"].clear(), "plan: has a balance there, but they have bought no package"),
        (lambda rows: rows["tbl_customers_fields"].append((0, 1, "Sewa Bill", "lima ribu")), "arrears: 'lima ribu' is no whole rupiah"),
        (lambda rows: rows["tbl_plans"].__setitem__(3, (4, "Triwulan 10M", "400000", "PPPOE", 3, "Months", "yes")),
         "price: Triwulan 10M costs"),
        (lambda rows: rows["tbl_user_recharges"].append(
            (90, 1, "plg0001", 1, "Rumah 10M", "2026-01-01", "2026-02-01", "10:00:00", "on", "PPPOE")),
         "plan: they have several packages (Rumah 10M, Rumah 20M)"),
    ],
)  # fmt: skip
async def test_what_phpnuxbill_has_that_can_not_be_is_named(
    database: Database, tmp_file: File, change: Callable[[peers.Rows], object], why: str
) -> None:
    isp = await Isp.make(database)

    def given_balance(rows: peers.Rows) -> None:
        _set(rows, "tbl_customers", 8, "5000.00")
        change(rows)

    path = tmp_file(nux(given_balance), "theirs.json")
    told = await bring(database, FromSystem(System.PHPNUXBILL, path, JANUARY, "PUSAT"))
    assert why in told
    assert "Nothing was imported" in told
    assert await isp.rows("SELECT 1 FROM customer") == []


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("UPDATE invoices SET status = 'partial' WHERE id = 1", "the invoice INV-1 is 'partial' there"),
        ("UPDATE invoices SET status = 'unpaid' WHERE id = 1; INSERT INTO payments VALUES (NULL, 1, 5, '2026-01-01 00:00:00', 'x')",
         "the invoice INV-1 is unpaid there, but something was paid for it"),
        ("UPDATE invoices SET status = 'unpaid', amount = 100.5 WHERE id = 1", "'100.5', which is no whole rupiah"),
        ("UPDATE customers SET package_id = NULL; UPDATE invoices SET status = 'unpaid'; DELETE FROM payments", "but have no package"),
        ("UPDATE customers SET join_date = 'x' WHERE id = 1", "installed_on: 'x' is no time"),
    ],
)  # fmt: skip
async def test_what_gembok_has_that_can_not_be_is_named(database: Database, tmp_path: Path, change: str, why: str) -> None:
    isp = await Isp.make(database)
    given, _ = make("gembok-db", tmp_path, 4)
    changed = sqlite3.connect(given.file)
    changed.executescript(change)
    changed.close()
    told = await bring(database, given)
    assert why in told
    assert await isp.rows("SELECT 1 FROM customer") == []


def test_a_database_whose_changes_lie_beside_it_is_refused(tmp_path: Path) -> None:
    given, _ = make("gembok-db", tmp_path, 2)
    (tmp_path / "billing.db-wal").write_bytes(b"x")
    with pytest.raises(InvalidFile, match="holds changes that aren't in it"):
        gembok.read(given.file)


@pytest.mark.parametrize(
    ("read", "content", "why"),
    [
        (phpnuxbill.read, b"{", "no whole JSON"), (phpnuxbill.read, b"{}", "no table tbl_customers"), (phpnuxbill.read, b"", "no table"),
        (phpnuxbill.read, b"CREATE TABLE tbl_plans (id int); INSERT INTO tbl_plans VALUES (1", "cut off"),
        (phpnuxbill.read, b"INSERT INTO tbl_plans VALUES (1);", "without naming its columns"),
        (phpnuxbill.read, b"INSERT INTO tbl_plans (id) VALUES (1, 2);", "a row of 2 values for 1 columns"),
        (phpnuxbill.read, b"INSERT INTO tbl_plans (id) VALUES (now());", "no plain value"),
        (phpnuxbill.read, b"INSERT INTO tbl_plans (id) SELECT 1;", "no plain INSERT"),
        (phpnuxbill.read, b"-- \xff", "isn't UTF-8"), (gembok.read, b"", "no table packages"),
        (gembok.read, b"SQLite format 3\0" + b"x" * 99, "SQLite says"),
        (lambda path: mikhmon.read(path, on=JANUARY.first), b"/ip hotspot user\n", "no hotspot users"),
        (lambda path: mikhmon.read(path, on=JANUARY.first),
         b"Username,Password,Profile,Time Limit,Data Limit,Comment\na,b,c,d,e,f,g", "7 parts and not 6"),
    ],
)  # fmt: skip
def test_a_file_that_is_none_is_refused(tmp_file: File, read: Callable[[Path], Any], content: bytes, why: str) -> None:
    with pytest.raises(InvalidFile, match=why):
        read(tmp_file(content))


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ("siapa;1000", "line 2: 'siapa' is no customer"), ("wifi1;1000\nwifi1;2000", "line 3: 'wifi1' is on an earlier line"),
        ("wifi1;-5", "line 2, Tunggakan: '-5' is below zero"),
    ],
)  # fmt: skip
async def test_balances_beside_a_system_fit_its_customers(database: Database, tmp_path: Path, rows: str, why: str) -> None:
    given, _ = make("mikhmon", tmp_path, 6)
    (tmp_path / "saldo.csv").write_text(f"Kode;Tunggakan\n{rows}")
    with pytest.raises(InvalidFile, match=why):
        await bring(database, given)


async def test_two_columns_of_balances_that_mean_the_same_are_refused(database: Database, tmp_path: Path) -> None:
    given, _ = make("mikhmon", tmp_path, 6)
    (tmp_path / "saldo.csv").write_text("Kode;Sisa Tagihan;Tunggakan\nwifi1;1000;2000")
    with pytest.raises(InvalidFile, match="'Sisa Tagihan' and 'Tunggakan' mean the same"):
        await bring(database, given)


@pytest.mark.parametrize("amount", ["7000", "0", "lunas"])
@pytest.mark.parametrize(("arrears", "credit"), [(0, 5_000), (5_000, 5_000)])
def test_a_balance_that_a_system_tells_is_never_replaced(tmp_file: File, arrears: int, credit: int, amount: str) -> None:
    account = Account(1, "budi", "Budi", "Rumah", None, JANUARY.first, arrears=arrears, credit=credit)
    with pytest.raises(InvalidFile, match="itself tells a balance of 'budi'"):
        balances.add(Book("PHPNuxBill", accounts=[account]), tmp_file(f"Kode;Tunggakan\nbudi;{amount}".encode(), "saldo.csv"))


@pytest.mark.parametrize("is_there", [True, False])
def test_a_backup_without_the_table_of_bills_says_so(tmp_file: File, is_there: bool) -> None:  # noqa: FBT001
    content = nux(lambda rows: None if is_there else rows["tbl_customers_fields"].clear())
    notes = " ".join(note.english for note in phpnuxbill.read(tmp_file(content, "theirs.json")).notes)
    assert ("tbl_customers_fields" in notes) is not is_there


def test_mikhmons_own_export_of_users(tmp_file: File) -> None:
    path = tmp_file(
        b"Username,Password,Profile,Time Limit,Data Limit,Comment\nbudi,x,Member,,,feb/14/2026 10:30:00\nvc1,vc1,Jam,,,vc-1-01.01.26-\n"
        b"ani,x,Member,,,2026-02-14 00:00:00\nbu tini,x,Member,,,Bu Tini"
    )
    book = mikhmon.read(path, on=JANUARY.first)
    assert [(one.key, one.name, one.price, one.paid_until) for one in book.accounts] == [
        ("budi", "budi", None, date(2026, 2, 14)), ("ani", "ani", None, date(2026, 2, 13)), ("bu tini", "Bu Tini", None, None),
    ]  # fmt: skip
    assert [one.key for one in book.left_out] == ["vc1"]


def test_a_dump_gives_the_columns_that_are_asked_for_and_no_others() -> None:
    content = b"""
        CREATE TABLE `c` (`id` int, `pw` varchar(9) DEFAULT 'a,b)', `name` text, PRIMARY KEY (`id`)); # end
        CREATE TRIGGER t AFTER INSERT ON c BEGIN INSERT INTO c SELECT 1; UPDATE c SET id = 1; END;
        INSERT INTO `other` VALUES (1,'INSERT INTO `c` VALUES (9);');
        INSERT INTO `c` VALUES (1,'rahasia','Bu\\'di \\\\ \\n;'),(2,NULL,_utf8mb4'O''Neil') /* ) */,(3,concat('a'),0x41);
        insert into c (name, id) values (NULL, -4.5);
    """
    dump = sql_dump.read("f", content, {"c": ("id", "name", "none")}, sql_dump.MYSQL)
    assert [tuple(row.values()) for row in dump.rows["c"]] == [
        ("1", "Bu'di \\ \n;", None), ("2", "O'Neil", None), ("3", "A", None), ("-4.5", None, None),
    ]  # fmt: skip
    plain = sql_dump.read("f", b"INSERT INTO c (id, name) VALUES (1, 'C:\\');", {"c": ("name",)}, sql_dump.SQLITE)
    assert plain.rows["c"] == [{"name": "C:\\"}]


@pytest.mark.parametrize(
    "part", [b"/*", b"'", b"`", b"--", b"(", b"x;", b"CREATE TABLE ", b"INSERT INTO c VALUES ((", b"CREATE TRIGGER a;"]
)
@pytest.mark.parametrize("before", [b"", b"CREATE TABLE c (id int, name text); INSERT INTO c VALUES (1,", b"INSERT INTO other VALUES (1,"])
def test_no_dump_takes_more_than_its_length(before: bytes, part: bytes) -> None:
    """Four times what is nested or left open takes four times as long, not sixteen."""

    def seconds(count: int) -> float:
        begun = time.process_time()
        with contextlib.suppress(InvalidFile):
            sql_dump.read("f", before + part * count, {"c": ("id", "name")}, sql_dump.MYSQL)
        return time.process_time() - begun

    assert min(seconds(80_000) for _ in range(2)) < 10 * max(min(seconds(20_000) for _ in range(2)), 0.01)


@pytest.mark.parametrize(
    ("count", "unit", "months"),
    [(1, "Months", 1), (6, "Months", 6), (1, "Period", 1), (30, "Days", 1), (28, "Days", 1), (31, "Days", 1), (27, "Days", None),
     (32, "Days", None), (90, "Days", 3), (365, "Days", 12), (7, "Days", None), (3, "Hrs", None), (0, "Months", None)],
)  # fmt: skip
def test_what_is_a_month(count: int, unit: str, months: int | None) -> None:
    assert months_of(count, unit) == months


def test_amounts_of_databases() -> None:
    assert [rupiah(text) for text in ("150000", "150000.00", "-5000", "", None, "1e5")] == [150_000, 150_000, -5_000, 0, 0, 100_000]
    for text in ("150,000", "1.5", "NaN", "Infinity", "1e99"):
        with pytest.raises(ValueError, match=text[:3]):
            rupiah(text)
