"""`sebilling export` and `sebilling receipt` at the shell: whole files or none, nothing overwritten, errors with their remedy."""

import asyncio
import csv
import io
import os
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from sebilling.db.engine import Database
from tests.cli.test_commands import Shell
from tests.harness import Isp

REPORTS = ("invoices", "payments", "deposits", "journal", "recap")


class Exporting(Shell):
    """A shell whose database is that of the test."""

    def __init__(self, folder: Path, url: str, payment_id: int) -> None:
        super().__init__(folder)
        self.payment_id = payment_id
        self.environment["SEBILLING_DATABASE_URL"] = url

    @property
    def files(self) -> list[str]:
        """What lies in the folder, hidden files too."""
        return sorted(one.name for one in self.folder.iterdir() if one.name != "var")


@pytest.fixture
def shell(tmp_path: Path, committed_url: str) -> Exporting:
    """An ISP with a paid and an open invoice of February."""

    async def month() -> int:
        database = Database(committed_url, connections=2)
        isp = await Isp.make(database, "LKT01", "LKT02")
        await isp.open()
        await isp.customer("P0001", name="Budi", counter="LKT01")
        await isp.customer("P0002", name="=HYPERLINK(1)", counter="LKT02")
        await isp.generate()
        paid = await isp.pay(await isp.value("SELECT min(id) FROM customer"), 150_000)
        await database.close()
        return paid.payment_id

    return Exporting(tmp_path, committed_url, asyncio.run(month()))


def rows(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), delimiter=";"))


def test_every_report_in_both_formats(shell: Exporting) -> None:
    for report in ("journal", "recap"):
        assert f"{report}-2026-02.xlsx" in shell.ok("export", report, "2026-02")
        with zipfile.ZipFile(shell.folder / f"{report}-2026-02.xlsx") as book:
            assert book.testzip() is None
            assert "xl/worksheets/sheet1.xml" in book.namelist()
    for report, lines in zip(REPORTS, (3, 2, 1, 5, 4), strict=True):
        shell.ok("export", report.upper(), "2026-02", "--format", "csv")
        assert len(rows((shell.folder / f"{report}-2026-02.csv").read_bytes())) == lines, report
    assert len(shell.files) == 7
    invoices = rows((shell.folder / "invoices-2026-02.csv").read_bytes())
    assert [line[2] for line in invoices] == ["Nama Pelanggan", "Budi", "'=HYPERLINK(1)"]
    assert rows((shell.folder / "recap-2026-02.csv").read_bytes())[-1][:6] == ["Total", "2", "300000", "150000", "0", "150000"]


def test_nothing_is_overwritten_without_being_told_to(shell: Exporting) -> None:
    shell.ok("export", "payments", "2026-02", "--out", "uang.CSV")
    first = (shell.folder / "uang.CSV").read_bytes()
    assert first.startswith(b"\xef\xbb\xbfNomor Kuitansi;"), "the format that the name ends in"
    (shell.folder / "uang.CSV").write_bytes(b"mine")
    assert "--force" in shell.refused("export", "payments", "2026-02", "--out", "uang.CSV")
    assert (shell.folder / "uang.CSV").read_bytes() == b"mine"
    shell.ok("export", "payments", "2026-02", "--out", "uang.CSV", "--force")
    assert (shell.folder / "uang.CSV").read_bytes() == first
    assert stat.S_IMODE((shell.folder / "uang.CSV").stat().st_mode) & stat.S_IRUSR
    assert shell.files == ["uang.CSV"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("recap", "2026-03"), "2026-03"),  # never opened
        (("invoices", "2026-02", "--out", "nowhere/x.xlsx"), "nowhere is not a folder"),
        (("invoices", "2026-02", "--out", "."), "is a folder"),
        (("invoices", "2026-02", "--out", "x" * 260 + ".csv"), "can't be written"),
    ],
)
def test_what_cannot_be_exported_is_told_and_leaves_nothing(shell: Exporting, arguments: tuple[str, ...], said: str) -> None:
    assert said in shell.refused("export", *arguments)
    assert shell.files == []


def test_a_report_that_is_none_is_told_with_those_that_are(shell: Exporting) -> None:
    done = shell("export", "laporan", "2026-02")
    assert done.returncode == 2
    assert "journal" in done.stderr
    assert shell.files == []


def test_nothing_half_written_stays_when_the_disk_is_full(shell: Exporting) -> None:
    temporary = shell.folder / "temporary"
    temporary.mkdir()
    limited = "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
    limited += "resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100)); from sebilling.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", limited, "export", "invoices", "2026-02", "--format", "csv"], capture_output=True, text=True, check=False,
        cwd=shell.folder, timeout=60, env={**os.environ, **shell.environment, "TMPDIR": str(temporary)},
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "can't be written" in done.stderr
    assert "Traceback" not in done.stderr
    assert shell.files == ["temporary"]
    assert list(temporary.iterdir()) == []


def test_a_database_that_is_away_leaves_no_file(shell: Exporting) -> None:
    done = shell("export", "invoices", "2026-02", SEBILLING_DATABASE_URL="postgresql+asyncpg://nobody@127.0.0.1:1/nothing")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert shell.files == []


def test_a_receipt_by_number_or_payment(shell: Exporting) -> None:
    by_number = shell.ok("receipt", "kw/2026-02/lkt01/000001")
    assert "KW/2026-02/LKT01/000001" in by_number
    assert "Budi" in by_number
    assert "150.000" in by_number
    assert max(map(len, by_number.splitlines())) == 32
    wide = shell.ok("receipt", f"pay_{shell.payment_id}", "--columns", "48")
    assert "KW/2026-02/LKT01/000001" in wide
    assert max(map(len, wide.splitlines())) == 48


def test_a_receipt_that_is_not_there(shell: Exporting) -> None:
    for given in ("KW/2026-02/LKT01/000009", "pay_999999", "pay_0", "", "' OR 1=1 --"):
        assert shell.refused("receipt", given), given
    assert shell("receipt", "KW/2026-02/LKT01/000001", "--columns", "40").returncode == 2
