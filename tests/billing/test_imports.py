"""Imports: what ISPs really hand over, right and wrong; everything or nothing."""

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sebilling.actor import operator
from sebilling.billing.imports import load, mikrotik_export, spreadsheet, subscribers
from sebilling.billing.imports.cells import read_active, read_day
from sebilling.billing.imports.rows import CustomerRow, Faulty
from sebilling.db.engine import Database
from sebilling.errors import InvalidFile
from tests.harness import NOW, Isp

SAMPLES = Path(__file__).parents[1] / "samples"
HEADER = "Kode Pelanggan;Nama;Loket;Paket;Harga;Tanggal Pasang"
File = Callable[..., Path]


async def bring(database: Database, rows: Iterator[CustomerRow | Faulty], **options: bool) -> load.Staged:
    """Stage the rows, and write them if nothing is wrong."""
    async with database.transaction(actor=operator("test"), at=NOW) as session:
        staged = await load.stage(session, rows, create_missing=options.pop("create_missing", False), **options)
        if not staged.problem_count:
            await load.write(session, staged, file="test")
    return staged


async def bring_secrets(database: Database, file: Path, *counters: str) -> load.Staged:
    """The secrets of a router's file as customers; comments may name these counters."""
    async with database.transaction(actor=operator("test"), at=NOW) as session:
        where = subscribers.Where("PUSAT", date(2026, 2, 3), frozenset(counters))
        staged = await load.stage(
            session, await subscribers.rows(session, mikrotik_export.read(file), where, []), create_missing=False, free_plans=True
        )
        if not staged.problem_count:
            await load.write(session, staged, file="test")
    return staged


async def count(database: Database) -> Any:
    return await Isp(database, operator("test"), 0).value("SELECT count(*) FROM customer")


def faults(staged: load.Staged) -> list[tuple[int, str]]:
    return [(problem.line, problem.column) for problem in staged.problems]


async def test_the_sample_comes_in_whole(database: Database) -> None:
    staged = await bring(database, spreadsheet.read(SAMPLES / "pelanggan.csv"))
    assert (staged.rows, staged.problem_count) == (300, 0)
    isp = Isp(database, operator("test"), 0)
    assert await isp.rows("SELECT counter.code, count(*) FROM customer JOIN counter ON counter.id = counter_id GROUP BY 1 ORDER BY 1") == [
        ("LKT01", 95), ("LKT02", 100), ("LKT03", 105),
    ]  # fmt: skip
    assert await isp.rows("SELECT name, price FROM plan ORDER BY price") == [
        ("Home 10M", 150_000), ("Home 20M", 200_000), ("Home 50M", 350_000), ("Bisnis 100M", 750_000),
    ]  # fmt: skip
    assert await isp.value("SELECT count(*) FROM customer WHERE active") == 273
    assert await isp.value("SELECT count(*) FROM customer WHERE price IS NOT NULL") == 0, "the plan's own price is no agreement"
    assert await isp.rows("SELECT name, phone, installed_on FROM customer WHERE code = 'PLG-0003'") == [
        ('Warung Yanti "Jaya"', "+6288260241683", date(2024, 7, 31))
    ]
    assert await isp.value("SELECT count(*) FROM event WHERE kind = 'customer.created'") == 300
    await isp.check()


async def test_each_faulty_row_of_the_wrong_sample_is_named_and_nothing_comes_in(database: Database) -> None:
    expected = [
        (3, "code"), (4, "name"), (5, "price"), (6, "installed_on"), (7, "counter"), (8, "plan"), (9, "price"), (10, "installed_on"),
        (11, ""), (12, "name"),
    ]  # fmt: skip
    staged = await bring(database, spreadsheet.read(SAMPLES / "pelanggan-salah.csv"))
    assert faults(staged) == expected
    assert all(len(problem.message.english) > 30 for problem in staged.problems), "each tells the remedy"
    assert await count(database) == 0
    assert await Isp(database, operator("test"), 0).value("SELECT count(*) FROM counter") == 0
    async with database.transaction(actor=operator("test"), at=NOW) as session:
        with pytest.raises(RuntimeError):
            await load.write(session, staged, file="test")


async def test_the_routers_secrets(database: Database) -> None:
    staged = await bring_secrets(database, SAMPLES / "ppp-secrets.rsc", "LKT01", "LKT02", "LKT03")
    assert (staged.rows, staged.problem_count) == (120, 0)
    isp = Isp(database, operator("test"), 0)
    text = (SAMPLES / "ppp-secrets.rsc").read_text().replace("\\\n    ", "")
    secrets = [line for line in text.splitlines() if line.startswith("add ") and "service=pppoe" in line]
    assert len(secrets) == 120
    assert await isp.value("SELECT count(*) FROM customer WHERE NOT active") == sum("disabled=yes" in line for line in secrets) > 0
    for plan, number in await isp.rows("SELECT plan.name, count(*) FROM customer JOIN plan ON plan.id = plan_id GROUP BY 1"):
        assert number == sum(f'profile="{plan}"' in line or f"profile={plan} " in f"{line} " for line in secrets), plan
    assert await isp.rows("SELECT name, code, pppoe_name FROM customer WHERE pppoe_name = 'pppoe0003'") == [
        ('Warung Yanti "Jaya"', "pppoe0003", "pppoe0003")
    ]
    everything = str(await isp.rows("SELECT customer FROM customer")) + str(await isp.rows("SELECT data FROM event"))
    assert "rahasia" not in everything, "passwords of the router are never kept"


async def test_a_second_import_of_the_same_file_is_refused_row_by_row(database: Database, tmp_file: File) -> None:
    path = tmp_file(f"{HEADER}\nP1;Budi;LKT01;Home;150000;2025-01-01\n".encode())
    assert (await bring(database, spreadsheet.read(path))).problem_count == 0
    assert faults(await bring(database, spreadsheet.read(path))) == [(2, "code")]
    assert await count(database) == 1


async def test_later_imports_bring_no_counters_or_plans_unless_asked(database: Database, tmp_file: File) -> None:
    await Isp.make(database)
    path = tmp_file(f"{HEADER}\nP1;Budi;LKT01;Baru;90000;2025-01-01\nP2;Ani;LKT77 Jauh;Home 10M;;2025-01-01\n".encode())
    assert faults(await bring(database, spreadsheet.read(path))) == [(2, "plan"), (3, "counter")]
    staged = await bring(database, spreadsheet.read(path), create_missing=True)
    assert (staged.new_counters, staged.new_plans) == ({"LKT77": 1}, {"Baru": 90_000})
    assert await count(database) == 2


async def test_a_new_plan_without_any_price_is_a_fault(database: Database, tmp_file: File) -> None:
    path = tmp_file(f"{HEADER}\nP1;Budi;LKT01;Baru;;2025-01-01\n".encode())
    assert faults(await bring(database, spreadsheet.read(path))) == [(2, "plan")]


@pytest.mark.parametrize("delimiter", [";", ",", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_any_separator_encoding_and_line_ending(tmp_file: File, delimiter: str, encoding: str, newline: str) -> None:
    lines = [
        "Installed On;Customer Code;Name;Counter;Plan;Price".replace(";", delimiter),
        "15 Maret 2025;P1;Déwi;lkt01;Home;Rp 150.000".replace(";", delimiter),
        "",
    ]
    (row,) = spreadsheet.read(tmp_file(newline.join(lines).encode(encoding)))
    assert isinstance(row, CustomerRow)
    assert (row.line, row.name, row.counter, row.price, row.installed_on) == (2, "Déwi", "LKT01", 150_000, date(2025, 3, 15))


@pytest.mark.parametrize(
    "content",
    [
        b"", b"\n\n", b"PK\x03\x04 a workbook", b"\xd0\xcf\x11\xe0 an old workbook", b"Nama;Loket\nBudi;LKT01\n",
        HEADER.encode() + b"\nP1;\x00\x00;LKT01;Home;1;2025-01-01\n", HEADER.encode() + b"\nP1;\x81\x8d;LKT01;Home;1;2025-01-01\n",
        HEADER.encode() + b'\nP1;"' + b"x" * 10_000_000 + b'";LKT01;Home;1;2025-01-01\n',
        HEADER.encode() + b'\nP1;"' + b"line\n" * 100_000, b"x" * 10_000_000, b"Kode;Kode Pelanggan;Nama;Loket;Paket;Tanggal Pasang\n",
    ],
)  # fmt: skip
def test_files_that_cannot_be_read_at_all(tmp_file: File, content: bytes) -> None:
    with pytest.raises(InvalidFile) as told:
        list(spreadsheet.read(tmp_file(content)))
    assert len(str(told.value)) > 40, "it tells the remedy"


def test_files_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(InvalidFile):
        list(spreadsheet.read(tmp_path / "none.csv"))
    with pytest.raises(InvalidFile):
        mikrotik_export.read(tmp_path)


def test_lines_are_counted_as_editors_count_them(tmp_file: File) -> None:
    path = tmp_file(f'{HEADER}\nP1;"Budi\nSantoso";LKT01;Home;1;2025-01-01\n\nP2;;LKT01;Home;1;2025-01-01\n'.encode())
    first, second = spreadsheet.read(path)
    assert isinstance(first, Faulty)
    assert [problem.line for problem in first.problems] == [2], "a name has no line break in it"
    assert isinstance(second, Faulty)
    assert [problem.line for problem in second.problems] == [5]


def test_every_fault_of_a_row_is_told(tmp_file: File) -> None:
    (row,) = spreadsheet.read(tmp_file(f"{HEADER}\n;;;;x;x\n".encode()))
    assert isinstance(row, Faulty)
    assert {problem.column for problem in row.problems} == {"code", "name", "counter", "plan", "price", "installed_on"}


@given(st.dates(date(1990, 1, 1), date(2199, 12, 31)))
def test_days_are_read_as_they_are_written(day: date) -> None:
    for form in ("%Y-%m-%d", "%d/%m/%Y", "%d-%m-%Y", "%d.%m.%Y", "%d %B %Y", "%Y-%m-%d 00:00:00"):
        assert read_day(day.strftime(form)) == day


@pytest.mark.parametrize(
    "text", ["31/02/2025", "01/13/2025", "1/2/25", "besok", "2025-02-30", "45731", "0001-01-01", "2025-01-01 25:00", "2025-01-01T17:00:00Z"]
)
def test_days_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"write day|check the year"):
        read_day(text)


@pytest.mark.parametrize("text", ["trial", "?", "-", "x", "baru", "menunggu", "aktif?no", "AKTIF / BERHENTI"])
def test_a_status_that_isnt_known_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no status that is known"):
        read_active(text)


@pytest.mark.parametrize(
    ("active", "words"),
    [(True, ["", "AKTIF", "Aktif.", "isolir", "SUSPEND", "suspended", "1", "Ya"]),
     (False, ["BERHENTI", "NONAKTIF", "Non-Aktif", "non aktif", "tidak  aktif", "Putus", "CABUT", "0", "inactive"])],
)  # fmt: skip
def test_words_of_a_status(*, active: bool, words: list[str]) -> None:
    assert [read_active(word) for word in words] == [active] * len(words)


@given(st.text(max_size=300))
def test_any_text_is_rows_or_faults_or_a_clear_refusal(text: str) -> None:
    for content in (f"{HEADER}\n{text}", text):
        path = Path("/dev/shm" if Path("/dev/shm").is_dir() else "/tmp") / "sebilling-fuzz.csv"  # noqa: S108
        path.write_bytes(content.encode("utf-8", "surrogatepass"))
        try:
            for row in spreadsheet.read(path):
                assert isinstance(row, CustomerRow | Faulty)
        except InvalidFile:
            pass
        finally:
            path.unlink()


async def test_fifty_thousand_rows_come_in_as_one_and_their_accounts_hold(committed: Database, tmp_file: File) -> None:
    lines = "".join(
        f"C{number};Budi {number};LKT0{number % 5};Home {number % 3};{150_000 + number % 3};01/03/2024\n" for number in range(50_000)
    )
    staged = await bring(committed, spreadsheet.read(tmp_file(f"{HEADER}\n{lines}".encode())))
    assert (staged.rows, staged.problem_count) == (50_000, 0)
    assert await count(committed) == 50_000
    await Isp(committed, operator("test"), 0).check()


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (f"DATA PELANGGAN;2024;;;;\nPer Maret;;;;;\n\n{HEADER}\nP1;Budi;LKT01;Home;1;2025-01-01\n", [5]),
        (f"{HEADER}\r\nP1;Budi;LKT01;Home;1;2025-01-01\rP2;Ani;LKT01;Home;1;2025-01-01\n", [2, 3]),
        (f"SEP=;\n{HEADER};;;\nP1;Budi;LKT01;Home;1;2025-01-01;;;\n", [3]),
    ],
)
def test_what_stands_around_a_table_does_no_harm(tmp_file: File, content: str, lines: list[int]) -> None:
    rows = list(spreadsheet.read(tmp_file(content.encode())))
    assert [row.line for row in rows if isinstance(row, CustomerRow)] == lines
    assert len(rows) == len(lines)


def test_a_letter_that_was_lost_before_is_told(tmp_file: File) -> None:
    (row,) = spreadsheet.read(tmp_file(f"{HEADER}\nP1;Andr\ufffd;LKT01;Home;1;2025-01-01\n".encode()))
    assert isinstance(row, Faulty)
    assert [(problem.column, "U+FFFD" in problem.message.english) for problem in row.problems] == [("name", True)]


def test_columns_of_the_same_heading_cant_be_told_apart(tmp_file: File) -> None:
    with pytest.raises(InvalidFile, match=r"'Nama', 'NAMA' mean the same .* rename or remove one"):
        list(spreadsheet.read(tmp_file(f"{HEADER};NAMA\n".encode())))
