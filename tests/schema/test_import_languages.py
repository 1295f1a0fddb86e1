"""An import in Indonesian: no fault of a row, refusal of a file or note has an English word."""

import io
import json
import re
from datetime import date, time
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio
import xlsxwriter  # type: ignore[import-untyped]  # it has annotations, but no py.typed

from sebilling.actor import Role
from sebilling.billing.imports import spreadsheet_import, workbook
from sebilling.db.engine import Database
from sebilling.plugins.conformance.languages import english_words
from tests.harness import Api, Isp, make_user
from tests.schema.test_imports import PREVIEW, sent

FIELDS: Final = {
    "Kode": "", "Nama": "Budi", "Loket": "LKT01", "Paket": "Home 10M", "Tanggal Pasang": "2025-01-01", "No HP": "", "Alamat": "",
    "Harga": "150000", "User PPPoE": "", "Status": "", "Tunggakan": "0", "Titipan": "", "Jatuh Tempo": "", "Lunas Sampai": "",
    "Bayar per (bulan)": "",
}  # fmt: skip
"""Headings of a file, and cells of a row without a fault; each has its own code."""
FAULTS: Final = (
    ("code", {"Kode": ""}), ("code", {"Kode": "a b"}), ("code", {"Kode": "x" * 33}), ("code", {"Kode": "SAMA"}), ("code", {"Kode": "ADA"}),
    ("name", {"Nama": ""}), ("name", {"Nama": "x" * 201}), ("name", {"Nama": "Bu\N{RIGHT-TO-LEFT OVERRIDE}di"}), ("name", {"Nama": "=1+1"}),
    ("name", {"Nama": "Andr\N{REPLACEMENT CHARACTER}"}),
    ("phone", {"No HP": "0812x3456789"}), ("phone", {"No HP": "8,1E+11"}), ("phone", {"No HP": "081234567890/081234567891"}),
    ("phone", {"No HP": "08"}),
    ("address", {"Alamat": "x" * 501}),
    ("counter", {"Loket": ""}), ("counter", {"Loket": "L@KET"}), ("counter", {"Loket": "LKT99"}),
    ("counter", {"Loket": "LKT01 " + "x" * 201}),
    ("plan", {"Paket": ""}), ("plan", {"Paket": "Rumah"}), ("plan", {"Paket": "x" * 201}),
    ("price", {"Harga": "dua ratus"}),
    ("installed_on", {"Tanggal Pasang": ""}), ("installed_on", {"Tanggal Pasang": "besok"}),
    ("installed_on", {"Tanggal Pasang": "31/02/2025"}),
    ("installed_on", {"Tanggal Pasang": "Senin, 15/03/2025"}), ("installed_on", {"Tanggal Pasang": "15/03/1980"}),
    ("pppoe_name", {"User PPPoE": "x" * 65}), ("pppoe_name", {"User PPPoE": "sama"}), ("pppoe_name", {"User PPPoE": "ada"}),
    ("active", {"Status": "trial"}),
    ("arrears", {"Tunggakan": "-5000"}), ("arrears", {"Tunggakan": "banyak"}), ("arrears", {"Tunggakan": "", "Lunas Sampai": "10/01/2026"}),
    ("credit", {"Tunggakan": "1000", "Titipan": "1000"}),
    ("due_on", {"Tunggakan": "1000", "Jatuh Tempo": "20"}), ("due_on", {"Jatuh Tempo": "sebentar"}),
    ("paid_until", {"Lunas Sampai": "13/2026"}), ("paid_until", {"Lunas Sampai": "31/12/2062"}),
    ("paid_until", {"Lunas Sampai": "31/12/2023"}),
    ("paid_until", {"Bayar per (bulan)": "3"}),
    ("cycle_months", {"Bayar per (bulan)": "99"}),
)  # fmt: skip
"""A column, and cells that make it faulty: one row each."""
WHOLE_ROWS: Final = ("X1;Budi", "X2" + ";" * len(FIELDS) + "apa", 'X3;"Budi\nX4;' + ";" * len(FIELDS) + '";LKT01')
"""Rows that are faulty as a whole."""
MESSAGES: Final = Path(__file__).parents[2] / "web" / "messages" / "customers"
REQUIRED: Final = "Kode;Nama;Loket;Paket;Tanggal Pasang"


@pytest_asyncio.fixture
async def isp(database: Database) -> Isp:
    made = await Isp.make(database)
    async with made.write() as session:
        await make_user(session, "keuangan", Role.FINANCE)
    return made


@pytest_asyncio.fixture
async def api(database: Database, isp: Isp) -> Api:
    made = Api(database)
    await made.sign_in("keuangan")
    return made


async def said(api: Api, data: bytes, name: str = "pelanggan.csv", **options: Any) -> tuple[Any, list[str]]:
    """The payload of a preview in Indonesian, and its texts. None has an English word; each is another one in English. Neither language
    names an option of the shell, which nobody has in a browser."""
    payloads: dict[str, Any] = {}
    for language in ("en", "id"):
        api.headers["Accept-Language"] = language
        payloads[language] = await sent(api, PREVIEW, data, name, options=options)
    english, indonesian = _texts(payloads["en"]), _texts(payloads["id"])
    assert len(english) == len(indonesian)
    assert [text for text, other in zip(english, indonesian, strict=True) if text == other] == []
    assert [text for text in (*english, *indonesian) if re.search(r"--[a-z]", text)] == []
    assert [(text, words) for text in indonesian if (words := english_words(text))] == []
    return payloads["id"], indonesian


def _texts(payload: Any) -> list[str]:
    report = payload["report"] or {"faults": [], "notes": []}
    return [*(problem["message"] for problem in (*payload["errors"], *report["faults"])), *report["notes"]]


def _row(number: int, **cells: str) -> str:
    return ";".join(f'"{cell}"' for cell in {**FIELDS, "Kode": f"P{number}", **cells}.values())


def _csv(*rows: str) -> bytes:
    return "\n".join([";".join(FIELDS), *rows]).encode()


def _book(*sheets: list[list[Any]]) -> bytes:
    file = io.BytesIO()
    made = xlsxwriter.Workbook(file, {"in_memory": True, "default_date_format": "dd/mm/yyyy"})
    for rows in sheets:
        sheet = made.add_worksheet()
        for line, row in enumerate(rows):
            for place, cell in enumerate(row):
                sheet.write_formula(line, place, *cell) if isinstance(cell, tuple) else sheet.write(line, place, cell)
    made.close()
    return file.getvalue()


async def test_every_fault_of_a_row_is_said_in_indonesian(api: Api, isp: Isp) -> None:
    await isp.customer("ADA", pppoe_name="ada")
    rows = [_row(number, **cells) for number, (_, cells) in enumerate(FAULTS)]
    data = _csv(_row(900, Kode="SAMA"), _row(901, **{"User PPPoE": "sama"}), *rows, *WHOLE_ROWS)
    payload, _ = await said(api, data, month="2026-01")
    faults = payload["report"]["faults"]
    expected = [(line, column) for line, (column, _) in enumerate(FAULTS, 4)]
    first = len(FAULTS) + 4
    assert [(fault["line"], fault["column"]) for fault in faults] == [*expected, (first, ""), (first + 1, ""), (first + 2, "")]
    assert len({fault["message"] for fault in faults}) > len(FAULTS) - 5, "nearly each is of its own kind"


async def test_what_excel_has_instead_of_a_value(api: Api) -> None:
    headings = [*REQUIRED.split(";"), "Harga"]
    rows: list[list[Any]] = [
        headings,
        ["P1", "Budi", "LKT01", "Home 10M", date(2025, 1, 1), ("=A1", None, "")],
        ["P2", "Budi", "LKT01", "Home 10M", date(2025, 1, 1), ("=1/0", None, "#DIV/0!")],
        [12345678901234567890, "Budi", "LKT01", "Home 10M", date(2025, 1, 1), ""],
        ["P4", date(2025, 1, 1), "LKT01", "Home 10M", date(2025, 1, 1), ""],
        ["P5", "Budi", "LKT01", "Home 10M", time(10, 30), ""],
    ]
    payload, texts = await said(api, _book(rows, [["x", "y"]]), "pelanggan.xlsx")
    faults = payload["report"]["faults"]
    assert [(fault["line"], fault["column"]) for fault in faults] == [
        (2, "price"), (3, "price"), (4, "code"), (5, "name"), (6, "installed_on"),
    ]  # fmt: skip
    assert len(texts) == len(faults) + 2, "of the other sheet, and of the formulas"


async def test_what_only_the_whole_file_tells(api: Api) -> None:
    payload, _ = await said(api, _csv(_row(1, Tunggakan="5000")))
    assert [fault["column"] for fault in payload["report"]["faults"]] == ["arrears"]
    payload, _ = await said(api, f"{REQUIRED}\nP1;Budi;LKT01;Baru;2025-01-01\n".encode(), createMissing=True)
    assert [fault["column"] for fault in payload["report"]["faults"]] == ["plan"]


async def test_options_are_named_as_on_the_screen(api: Api) -> None:
    missing = f"{REQUIRED}\nP1;Budi;LKT99;Home 10M;2025-01-01\n".encode()
    for option, data in (("create_missing", missing), ("ignore_unknown", f"{REQUIRED};Catatan".encode())):
        for language in ("en", "id"):
            api.headers["Accept-Language"] = language
            (message,) = _texts(await sent(api, PREVIEW, data, "pelanggan.csv", options={}))
            names = json.loads((MESSAGES / f"{language}.json").read_text(encoding="utf-8"))
            assert f"'{names[option]}'" in message


async def test_notes_are_in_indonesian(api: Api) -> None:
    rows = f"DATA PELANGGAN;2026\n{';'.join(FIELDS)}\n{_row(1, **{'Status': 'isolir', 'Jatuh Tempo': '20/01/2026'})}\n"
    payload, texts = await said(api, rows.encode(), month="2026-01")
    assert payload["report"]["faultCount"] == 0
    assert len(texts) == 3, texts


@pytest.mark.parametrize(
    ("data", "options"),
    [
        (b"", {}), (b"<html>", {}), (b"nama\nBudi\n", {}), (b"PK\x03\x04 and no more", {}), (b"\xd0\xcf\x11\xe0", {}),
        (_book([["Kode"]]), {}), (_book([list(FIELDS)]), {"sheet": "Lain"}), (_csv(), {"sheet": "Lain"}),
        (_book([list(FIELDS), ["x"] * 501]), {}),
        (f"{REQUIRED}\nP1;\"Budi;LKT01".encode(), {}), (f"{REQUIRED}\nP1;\"Budi\"x;LKT01".encode(), {}),
        (f"{REQUIRED}\nP1;\0;LKT01".encode(), {}), (f"{REQUIRED}\n{'x' * 70_000}".encode(), {}),
        (f"{REQUIRED}\nP1;D\xe9wi\nP2;".encode() + b"D\xe9wi", {}), (b"\xef\xbb\xbf" + REQUIRED.encode() + b"\nD\xe9wi", {}),
        (REQUIRED.encode() + b"\n\x81\n", {}), (REQUIRED.encode("utf-16") + b"\n", {}),
        (f"{REQUIRED};Catatan".encode(), {}), (f"{REQUIRED};{';'.join(f'Aneh {n}' for n in range(30))}".encode(), {}),
        (b"Kode;Nama;Loket", {}), (f"{REQUIRED};NAMA".encode(), {}), (f"{REQUIRED};Name".encode(), {}), (f"{REQUIRED};Saldo".encode(), {}),
        (_csv(), {"columns": [{"heading": "Tak Ada", "field": "PHONE"}]}),
        (_csv(), {"columns": [{"heading": "Nama", "field": "NAME"}, {"heading": "NAMA"}]}),
    ],
)  # fmt: skip
async def test_a_refused_file_is_refused_in_indonesian(api: Api, data: bytes, options: dict[str, Any]) -> None:
    payload, texts = await said(api, data, **options)
    assert [error["code"] for error in payload["errors"]] == ["INVALID_FILE"]
    assert len(texts) == 1


async def test_files_that_are_too_large_are_refused_in_indonesian(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (spreadsheet_import, workbook):
        monkeypatch.setattr(module, "MAX_ROWS", 1)
    data, book = _csv(_row(1), _row(2)), _book([list(FIELDS), ["x"], ["x"]])
    for content in (data, book):
        payload, _ = await said(api, content, ignoreUnknown=True)
        assert [error["code"] for error in payload["errors"]] == ["INVALID_FILE"]
