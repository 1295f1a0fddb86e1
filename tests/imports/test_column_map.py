"""Columns that aren't known by themselves: said once, told each time, never lost in silence."""

import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from sebilling.actor import operator
from sebilling.billing.imports import column_map
from sebilling.billing.imports.column_map import GivenMap, assign
from sebilling.billing.imports.columns import BY_HEADING, COLUMNS, spelt
from sebilling.cli import app, imports, terminal
from sebilling.db.engine import Database
from sebilling.errors import InvalidFile, InvalidText
from tests.harness import NOW, Isp
from tests.imports import meant

HEADER = "Kode;Nama;Loket;Paket;Harga;Tanggal Pasang;Nomor Induk;Status"
File = Callable[..., Path]


def line(number: int) -> str:
    return f"\nP{number};Budi;LKT01;15M;150000;2024-02-01;budi{number};BERHENTI"


async def bring(database: Database, path: Path, *, write: bool = True, **given: Any) -> str:
    """What was said."""
    out = terminal.console(io.StringIO(), width=300)
    options = imports.Options(write=write, create_missing=True, out=out, errors=out)
    assert await imports.run_spreadsheet(path, database, at=NOW, options=options, given=GivenMap(**given))
    return str(out.file.getvalue())  # type: ignore[attr-defined]


@pytest.mark.parametrize("field", meant.HEADINGS)
def test_headings_that_people_use_are_known(field: str) -> None:
    for heading in meant.HEADINGS[field]:
        for written in (heading, heading.upper(), heading.lower(), f" {heading}: ", heading.replace(" ", "\n"), f"\ufeff{heading}*"):
            assert BY_HEADING.get(spelt(written)) == field, written


def test_a_title_is_a_heading() -> None:
    assert {column.field: BY_HEADING[spelt(column.title)] for column in COLUMNS} == {column.field: column.field for column in COLUMNS}


async def test_what_was_said_of_a_column_is_remembered_and_told(database: Database, tmp_file: File) -> None:
    with pytest.raises(InvalidFile, match=r"'Nomor Induk' \(column 7\)"):
        await bring(database, tmp_file((HEADER + line(1)).encode()))
    checked = await bring(database, tmp_file((HEADER + line(1)).encode()), write=False, fields={"nomor induk": "pppoe_name"})
    assert "Column 'Nomor Induk' is User PPPoE (as specified)." in checked
    isp = Isp(database, operator("test"), 0)
    assert await isp.value("SELECT count(*) FROM import_column") == 0, "a check writes nothing"
    await bring(database, tmp_file((HEADER + line(1)).encode()), fields={"Nomor Induk": "pppoe_name"})
    said = await bring(database, tmp_file((HEADER.upper() + line(2)).encode()))
    assert "Column 'NOMOR INDUK' is User PPPoE (remembered)." in said
    assert await isp.rows("SELECT pppoe_name, active FROM customer ORDER BY id") == [("budi1", False), ("budi2", False)]
    assert await isp.rows("SELECT heading, field, mapped_by FROM import_column") == [
        ("noinduk", "pppoe_name", "sebilling import file.csv"),
    ]  # fmt: skip
    said = await bring(database, tmp_file((HEADER + line(3)).encode()), ignored=("Nomor Induk",))
    assert "Columns left out: 'Nomor Induk'." in said
    assert "Columns left out: 'Nomor Induk' (remembered)." in await bring(database, tmp_file((HEADER + line(4)).encode()))


async def test_leaving_out_a_column_that_is_known_is_said_each_time(database: Database, tmp_file: File) -> None:
    path = tmp_file((HEADER + line(1)).encode())
    said = await bring(database, path, ignored=("Status",), fields={"Nomor Induk": "pppoe_name"})
    assert "Columns left out: 'Status'." in said
    async with database.reading() as session:
        assert await column_map.remembered(session, ["Status", "Nomor Induk"]) == {"noinduk": "pppoe_name"}


async def test_all_that_are_unknown_can_be_left_out_but_not_in_silence(database: Database, tmp_file: File) -> None:
    said = await bring(database, tmp_file((HEADER + line(1)).encode()), ignore_unknown=True)
    assert "Columns left out: 'Nomor Induk'." in said
    assert await Isp(database, operator("test"), 0).value("SELECT count(*) FROM import_column") == 0


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (GivenMap({"Tak Ada": "phone"}), "no column 'Tak Ada'"), (GivenMap(ignored=("Tak Ada",)), "no column 'Tak Ada'"),
        (GivenMap({"Nomor Induk": "code"}), "'Kode', 'Nomor Induk' mean the same"),
        (GivenMap({"Nomor Induk": "phone"}, ("nomor induk",)), "both mapped and left out"),
        (GivenMap({"Kode": "phone"}, ("Nomor Induk",)), "no column for Kode Pelanggan"),
    ],
)  # fmt: skip
def test_maps_that_cannot_be(given: GivenMap, why: str) -> None:
    with pytest.raises(InvalidFile, match=why):
        assign("file.csv", HEADER.split(";"), given, {})
    for pair in ("Nomor Induk", "Nomor Induk=nomor", "=phone"):
        with pytest.raises(InvalidText, match="HEADING=FIELD"):
            column_map.read_given([pair], (), ignore_unknown=False)


def test_columns_that_a_refusal_names_can_be_left_out() -> None:
    headings = [*HEADER.split(";"), "RT, RW", "Lat, Long, Alt", "Email"]
    with pytest.raises(InvalidFile) as told:
        assign("file.csv", headings, GivenMap(), {})
    named = ",".join(re.findall(r"'([^']*)' \(column [0-9]+\)", str(told.value)))
    columns = assign("file.csv", headings, column_map.read_given((), [named], ignore_unknown=False), {})
    assert [column.heading for column in columns if column.field is None] == ["Nomor Induk", "RT, RW", "Lat, Long, Alt", "Email"]


def test_at_the_shell(committed_url: str, tmp_file: File) -> None:
    path = tmp_file((HEADER + line(1) + "\nP2;;LKT01;15M;x;2024-02-01;;ISOLIR").encode())
    arguments = ["import", "customers", str(path), "--map", "Nomor Induk=pppoe_name", "--json"]
    done = CliRunner().invoke(app, arguments, env={"SEBILLING_DATABASE_URL": committed_url})
    assert done.exit_code == 1
    told = json.loads(done.stdout)
    assert [(fault["line"], fault["column"]) for fault in told["faults"]] == [(3, "name"), (3, "price")]
    assert (told["written"], told["counted"]["total"]["customers"], told["counted"]["total"]["active"]) == (False, 1, 0)
    assert told["counted"]["total"]["without_phone"] == 1
    assert any("1 customers are marked as blocked" in note for note in told["notes"])
