"""Opening balances that come in with customers: documents, journal and recap are right from the first day, and so is the next month."""

import io
import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sebilling.actor import EVERYWHERE, Role, operator
from sebilling.billing import periods, recap
from sebilling.billing.imports.column_map import GivenMap
from sebilling.billing.imports.columns import BY_HEADING, spelt
from sebilling.cli import app, imports, terminal
from sebilling.clock import JAKARTA, Month, local_date, system_clock
from sebilling.db.engine import Database
from sebilling.errors import InvalidFile, InvalidText, NotFound, PeriodClosed
from sebilling.ledger_errors import ConfirmPeriod
from tests.harness import FEBRUARY, NOW, Isp, make_user

JANUARY = Month(2026, 1)
HEADER = "Kode;Nama;Loket;Paket;Harga;Tanggal Pasang"
COLUMNS = ";Tunggakan;Jatuh Tempo;Titipan;Lunas Sampai;Siklus"
HEADINGS = {
    "arrears": ("Tunggakan", "Sisa Tagihan", "Piutang", "TOTAL TUNGGAKAN (Rp)", "Jumlah Tunggakan", "Hutang", "arrears", "Outstanding"),
    "credit": ("Titipan", "Deposit", "Saldo Lebih", "Lebih Bayar", "credit"),
    "paid_until": ("Lunas Sampai", "Dibayar s/d", "Aktif Sampai", "Masa Aktif", "Expired", "Lunas s/d Tgl", "Tgl. Expired", "expiry_date",
                   "Berlaku s.d.", "Aktif sd", "Berlaku Hingga"),
    "due_on": ("Jatuh Tempo", "Tgl Jatuh Tempo", "due_date"),
    "cycle_months": ("Bayar per (N bulan)", "Siklus", "Siklus Tagihan", "Periode Bayar", "Bayar per (bulan)"),
}  # fmt: skip
File = Callable[..., Path]


def sheet(*tails: str, columns: str = COLUMNS, installed: str = "2024-02-01", status: str = "") -> bytes:
    rows = (f"P{number};Budi;LKT01;15M;150000;{installed};{tail}{status}" for number, tail in enumerate(tails, 1))
    return "\n".join([HEADER + columns, *rows]).encode()


async def bring(
    database: Database, path: Path, *, month: Month | None = JANUARY, write: bool = True, by: str | None = None, **given: object
) -> str:
    """What was said; the faults, if there are any."""
    out = terminal.console(io.StringIO(), width=400)
    options = imports.Options(write=write, create_missing=True, out=out, errors=out, opening=month, by=by)
    await imports.run_spreadsheet(path, database, at=NOW, options=options, given=GivenMap(**given))  # type: ignore[arg-type]
    return str(out.file.getvalue())  # type: ignore[attr-defined]


async def recaps(isp: Isp, month: Month) -> dict[str, tuple[int, int, int, int]]:
    """By counter: billed, received, outstanding, credit."""
    async with isp.database.reading() as session:
        found = await recap.read(session, month, scope=EVERYWHERE)
    return {one.counter_code: (one.total_billed, one.total_received, one.outstanding, one.credit) for one in found}


@pytest.mark.parametrize("field", HEADINGS)
def test_headings_that_people_use_are_known(field: str) -> None:
    assert {heading: BY_HEADING.get(spelt(heading)) for heading in HEADINGS[field]} == dict.fromkeys(HEADINGS[field], field)


async def test_what_customers_owe_and_have_paid_comes_in_and_a_month_runs(database: Database, tmp_file: File) -> None:
    isp = await Isp.make(database)
    path = tmp_file(
        sheet("Rp 300.000;20/12/2025;;;", ";;50.000;;", "0;;-;14/02/2026;", ";;;Februari 2026;3 bulan", ";;;;", "lunas;;;10/01/2026;")
    )
    told = await bring(database, path, write=False)
    assert "1 customers owe Rp300.000, 1 have paid ahead Rp50.000." in told
    assert "2 are billed until a day behind that month, 1 pay several months at once." in told
    assert await isp.rows("SELECT 1 FROM customer UNION ALL SELECT 1 FROM period") == [], "a check writes nothing"
    await bring(database, path)
    await isp.check()
    assert await isp.rows(
        "SELECT code, arrears, one.credit, billed_until FROM opening_balance one JOIN customer ON customer.id = customer_id ORDER BY 1"
    ) == [
        ("P1", 300_000, 0, date(2026, 2, 1)), ("P2", 0, 50_000, date(2026, 2, 1)), ("P3", 0, 0, date(2026, 2, 15)),
        ("P4", 0, 0, date(2026, 3, 1)), ("P5", 0, 0, date(2026, 2, 1)), ("P6", 0, 0, date(2026, 2, 1)),
    ]  # fmt: skip
    assert await isp.rows("SELECT number, due_on, total FROM invoice") == [("INV/2026-01/LKT01/000001", date(2025, 12, 20), 300_000)]
    assert await isp.rows("SELECT amount, method, received_on, received_by FROM payment") == [
        (50_000, "OPENING", date(2026, 1, 31), isp.admin.user_id)
    ]
    assert await isp.rows("SELECT debit, credit, amount::bigint FROM journal ORDER BY amount") == [
        ("OPENING_BALANCE", "CREDIT", 50_000), ("RECEIVABLE", "OPENING_BALANCE", 300_000),
    ]  # fmt: skip
    assert await recaps(isp, JANUARY) == {"LKT01": (300_000, 50_000, 300_000, 50_000)}
    await isp.open()
    assert (await isp.generate()).issued == 5, "whoever is billed to the end of February isn't billed for it"
    assert await isp.rows(
        "SELECT code, covers_from, total FROM invoice JOIN customer ON customer.id = customer_id WHERE run_id IS NOT NULL ORDER BY 1"
    ) == [
        ("P1", date(2026, 2, 1), 150_000), ("P2", date(2026, 2, 1), 150_000), ("P3", date(2026, 2, 15), 75_000),
        ("P5", date(2026, 2, 1), 150_000), ("P6", date(2026, 2, 1), 150_000),
    ]  # fmt: skip
    assert (await recaps(isp, FEBRUARY))["LKT01"][3] == 0, "what was paid ahead has settled the first month"
    march = Month(2026, 3)
    await isp.open(march)
    await isp.generate(march)
    assert await isp.rows(
        "SELECT covers_from, covers_until, total FROM invoice JOIN customer ON customer.id = customer_id WHERE code = 'P4'"
    ) == [(date(2026, 3, 1), date(2026, 6, 1), 450_000)]
    await isp.check()


@pytest.mark.parametrize(
    ("tail", "column"),
    [
        ("-50000;;;;", "arrears"), ("(50.000);;;;", "arrears"), ("banyak;;;;", "arrears"), (";;-1;;", "credit"),
        ("1000;;1000;;", "credit"), (";;;10/01/2026;", "arrears"), (";;;30 hari;", "paid_until"), (";;;13/2026;", "paid_until"),
        (";;;31/12/2062;", "paid_until"), (";;;31/12/2023;", "paid_until"), (";;;;3", "paid_until"), (";;;31/03/2026;0", "cycle_months"),
        (";;;31/03/2026;61 bulan", "cycle_months"), ("1000;20;;;", "due_on"), ("1000;1/1/1950;;;", "due_on"),
    ],
)  # fmt: skip
async def test_what_can_not_be_or_can_mean_two_things_is_refused_with_its_line(
    database: Database, tmp_file: File, tail: str, column: str
) -> None:
    isp = await Isp.make(database)
    told = await bring(database, tmp_file(sheet(";;;;", tail)))
    assert f"file.csv:3: {column}: " in told
    assert "Nothing was imported: 1 faults" in told
    assert await isp.rows("SELECT 1 FROM customer UNION ALL SELECT 1 FROM period") == []


async def test_who_is_gone_needs_no_arrears_for_the_rest_of_the_month(database: Database, tmp_file: File) -> None:
    isp = await Isp.make(database)
    await bring(database, tmp_file(sheet("10/01/2026;", columns=";Lunas Sampai;Status", status="berhenti")))
    assert await isp.rows("SELECT arrears, credit FROM opening_balance") == [(0, 0)]
    await isp.check()


@pytest.mark.parametrize(("column", "cell"), [("Tunggakan", "0"), ("Titipan", "5000"), ("Lunas Sampai", "31/01/2026"), ("Siklus", "3")])
async def test_opening_balances_without_their_month_are_refused(database: Database, tmp_file: File, column: str, cell: str) -> None:
    isp = await Isp.make(database)
    told = await bring(database, tmp_file(sheet("", cell, cell, columns=f";{column}")), month=None)
    assert f"the column {column if column != 'Siklus' else 'Bayar per (bulan)'} is filled" in told
    assert "give it as the opening month, such as 2026-01" in told
    assert told.count("file.csv:") == 1, "it is said once"
    assert await isp.rows("SELECT 1 FROM customer") == []
    await bring(database, tmp_file(sheet("", "", columns=f";{column}")), month=None)
    assert await isp.rows("SELECT count(*) FROM customer UNION ALL SELECT count(*) FROM opening_balance") == [(2,), (0,)]


async def test_a_balance_is_never_guessed_to_be_owed_or_paid_ahead(database: Database, tmp_file: File) -> None:
    isp = await Isp.make(database)
    path = tmp_file(sheet("50000", columns=";Saldo"))
    for unknown in (False, True):
        with pytest.raises(InvalidFile, match="rename it to Tunggakan or Titipan, or leave it out"):
            await bring(database, path, ignore_unknown=unknown)
    await bring(database, path, fields={"Saldo": "credit"})
    assert await isp.rows("SELECT arrears, credit FROM opening_balance") == [(0, 50_000)]


async def test_who_answers_for_what_was_paid_ahead(database: Database, tmp_file: File) -> None:
    isp = await Isp.make(database)
    path = tmp_file(sheet("5000", columns=";Titipan"))
    async with isp.write() as session:
        second = await make_user(session, "bu.ani", Role.ADMIN)
    with pytest.raises(InvalidText, match=r"several admins \(admin, bu\.ani\).*--by USERNAME"):
        await bring(database, path, write=False)
    with pytest.raises(NotFound):
        await bring(database, path, by="tidak.ada")
    await bring(database, path, by="bu.ani")
    assert await isp.value("SELECT received_by FROM payment") == second


async def test_nobody_need_answer_when_nothing_was_paid_ahead(database: Database, tmp_file: File) -> None:
    await bring(database, tmp_file(sheet("5000", columns=";Tunggakan")))
    assert await Isp(database, operator("test"), 0).value("SELECT sum(total) FROM invoice") == 5_000


async def test_the_check_knows_that_the_month_takes_nothing(database: Database, tmp_file: File) -> None:
    isp = await Isp.make(database)
    path = tmp_file(sheet("5000", columns=";Tunggakan"))
    with pytest.raises(ConfirmPeriod):
        await bring(database, path, month=Month(2020, 1), write=False)
    await isp.open(JANUARY)
    async with isp.write() as session:
        await periods.close(session, JANUARY, incomplete=True)
    with pytest.raises(PeriodClosed):
        await bring(database, path, write=False)


async def test_a_day_that_means_nothing_is_told(database: Database, tmp_file: File) -> None:
    await Isp.make(database)
    told = await bring(database, tmp_file(sheet(";20/02/2026", "1000;20/01/2026", columns=";Tunggakan;Jatuh Tempo")))
    assert "Jatuh Tempo of 1 customers without arrears was left out" in told


async def test_it_is_told_without_an_opening_month_too(database: Database, tmp_file: File) -> None:
    await Isp.make(database)
    told = await bring(database, tmp_file(sheet("20/02/2026", columns=";Jatuh Tempo")), month=None)
    assert "Jatuh Tempo of 1 customers without arrears was left out" in told


async def test_names_with_brackets_stand_as_they_are(database: Database, tmp_file: File) -> None:
    isp = await Isp.make(database)
    told = await bring(database, tmp_file(sheet("").replace(b";15M;", b";Home [/promo];")))
    assert "Home [/promo]" in told
    assert await isp.value("SELECT count(*) FROM plan WHERE name = 'Home [/promo]'") == 1


async def test_what_is_not_shown_of_many_faults_is_not_counted_as_lines(database: Database, tmp_file: File) -> None:
    await Isp.make(database)
    told = await bring(database, tmp_file(sheet(*["banyak"] * 1_005, columns=";Tunggakan")))
    assert "Nothing was imported: 1005 faults (5 not shown)." in told


def test_at_the_shell(committed_url: str, tmp_file: File) -> None:
    environment = {"SEBILLING_DATABASE_URL": committed_url}
    made = CliRunner().invoke(app, ["user", "add", "siti", "--generate-password"], env=environment)
    assert made.exit_code == 0, made.output
    path = tmp_file(sheet("300000;", ";70000", columns=";Piutang;Deposit"))
    # The month before is the machine's own: a command knows no other clock.
    month = str(Month.of(local_date(system_clock(), JAKARTA)).plus(-1))
    arguments = ["import", "customers", str(path), "--opening", month, "--by", "siti", "--json"]
    checked = json.loads(CliRunner().invoke(app, arguments, env=environment).stdout)
    assert checked["opening"] == {
        "month": month, "owing": 1, "arrears": 300_000, "ahead": 1, "credit": 70_000, "until": 0, "cycles": 0,
    }  # fmt: skip
    assert not checked["written"]
    assert json.loads(CliRunner().invoke(app, [*arguments, "--yes"], env=environment).stdout)["written"]
    done = CliRunner().invoke(app, ["check"], env=environment)
    assert done.exit_code == 0, done.output
