"""Inputs from the field, after public reports: each comes out as it should. Folders are named after the kinds of trouble."""

import io
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest

import tests.scenarios.verbs  # noqa: F401 - each verb says its sentences when it is imported
from sebilling.actor import operator
from sebilling.billing import customers
from sebilling.billing.imports.column_map import GivenMap
from sebilling.cli import imports, terminal
from sebilling.db.engine import Database
from sebilling.errors import InvalidFile
from tests.harness import NOW, Isp
from tests.scenarios.book import Book
from tests.scenarios.sentences import read as read_scenario

CASES = Path(__file__).parent


class Import:
    """One run of `sebilling import` on a case's file, and what came of it."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.isp = Isp(database, operator("test"), 0)
        self.out, self.errors = (terminal.console(io.StringIO(), width=300) for _ in range(2))

    def options(self, *, create_missing: bool) -> imports.Options:
        return imports.Options(write=True, create_missing=create_missing, out=self.out, errors=self.errors)

    async def csv(self, name: str, **given: Any) -> bool:
        done = await imports.run_spreadsheet(
            CASES / name, self.database, at=NOW, options=self.options(create_missing=False), given=GivenMap(**given)
        )
        return await self._counted(done)

    async def rsc(self, name: str, counters: str = "LKT01", *, create_missing: bool = False) -> bool:
        done = await imports.run_secrets(
            CASES / name, self.database, at=NOW, options=self.options(create_missing=create_missing),
            given=imports.FromDevice("PUSAT", frozenset(counters.split())),
        )  # fmt: skip
        return await self._counted(done)

    async def _counted(self, done: bool) -> bool:  # noqa: FBT001 - what it was told
        assert done or await self.isp.value("SELECT count(*) FROM customer") == 0, "all or nothing"
        return done

    async def rows(self, *columns: str) -> list[tuple[Any, ...]]:
        return await self.isp.rows(
            f"SELECT {', '.join(columns)} FROM (SELECT customer.*, counter.code AS counter, plan.name AS plan, plan.price AS plan_price"
            " FROM customer JOIN counter ON counter.id = counter_id JOIN plan ON plan.id = plan_id) customer ORDER BY id"
        )

    @property
    def said(self) -> str:
        return self.out.file.getvalue()  # type: ignore[attr-defined,no-any-return]

    @property
    def wrong(self) -> str:
        return self.errors.file.getvalue()  # type: ignore[attr-defined,no-any-return]

    def faults(self, name: str) -> dict[int, str]:
        """Line → what is wrong with it."""
        beginning = f"{Path(name).name}:"
        lines = [line.removeprefix(beginning).split(": ", 1) for line in self.wrong.splitlines() if line.startswith(beginning)]
        return {int(line): message for line, message in lines}


@pytest.fixture
def run(database: Database) -> Import:
    return Import(database)


async def test_01_secrets_of_staff_and_tunnels_are_no_customers(run: Import) -> None:
    assert await run.rsc("01-rsc-vpn-secrets/secrets.rsc")
    assert await run.rows("pppoe_name", "plan") == [("sardi", "15M"), ("lastri", "15M"), ("wtegal", "15M")]
    assert "3 accounts are no customers and were left out" in run.said
    for name, service in (("noc-l2tp", "l2tp"), ("pop-bukit", "sstp"), ("teknisi", "ovpn")):
        assert f"{name} (service {service})" in run.said


async def test_02_who_is_in_the_isolir_profile_is_refused(run: Import) -> None:
    name = "02-rsc-walled-profile/secrets.rsc"
    assert not await run.rsc(name)
    assert {line: "blocked" in why for line, why in run.faults(name).items()} == {9: True, 10: True}


async def test_03_a_hyphen_without_spaces_belongs_to_the_name(run: Import) -> None:
    assert await run.rsc("03-rsc-hyphen-comments/secrets.rsc")
    assert (await run.rows("name", "counter"))[24:] == [
        ("024 C-FUADI", "PUSAT"), ("WARNET-JAYA", "PUSAT"), ("ABDUL-KARIM", "PUSAT"), ("SITI - RT05", "PUSAT"), ("NUR - RT05", "PUSAT"),
        ("TOKO HIDAYAH-PS", "PUSAT"), ("BENGKEL AGUS-PS", "PUSAT"),
    ]  # fmt: skip
    assert (await run.rows("name", "counter"))[0] == ("Pelanggan 1", "LKT01")
    assert "LKT01 (24)" in run.said, "what was split off is told"
    assert "RT05 (2)" in run.said, "what looks like a counter but is none is told"


async def test_03b_no_counter_is_made_of_a_name(run: Import) -> None:
    assert await run.rsc("03-rsc-hyphen-comments/b-after-mending.rsc", create_missing=True)
    assert await run.isp.rows("SELECT code FROM counter ORDER BY code") == [("LKT01",), ("PUSAT",)]


async def test_04_utf_16_of_powershell(run: Import) -> None:
    name = "04-rsc-utf16-powershell/secrets-utf16le.rsc"
    text = (CASES / name).read_bytes().decode("utf-16")
    assert await run.rsc(name)
    assert len(await run.rows("pppoe_name")) == text.count("service=pppoe") > 0


async def test_05_names_and_escapes(run: Import) -> None:
    name = "05-rsc-names-and-escapes/a-space-in-name.rsc"
    assert not await run.rsc(name)
    assert "spaces around it" in run.faults(name)[3]
    assert await run.rsc("05-rsc-names-and-escapes/b-multiline-comment.rsc")
    assert await run.rsc("05-rsc-names-and-escapes/d-escapes-crlf.rsc", create_missing=True)
    assert await run.rows("name", "counter", "plan", "active") == [
        ("Pak Sardi RT 02 RW 05", "LKT01", "15M", True), ("Ibu Déwi Ayu ?$1", "LKT01", "15M lama", False),
    ]  # fmt: skip


async def test_06_line_breaks_in_headings(run: Import) -> None:
    assert await run.csv("06-csv-header-linebreak/pelanggan.csv")
    assert await run.rows("code", "installed_on") == [("P-001", date(2024, 2, 1)), ("P-002", date(2024, 2, 5))]


@pytest.mark.parametrize("name", ["a-sheet", "c-known-column-last"])
async def test_07_a_status_by_any_heading_counts(run: Import, name: str) -> None:
    assert await run.csv(f"07-csv-unknown-columns/{name}.csv")
    assert await run.rows("name", "active", "phone", "address", "pppoe_name") == [
        ("Sardi", True, "+6281200001111", "Dusun Krajan RT 02", "sardi"),
        ("Lastri", False, "+6281200002222", "Dusun Krajan RT 03", "lastri"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "unknown"),
    [
        ("b-other-billing", ("email",)),
        ("d-keterangan-last", ("Keterangan",)),
        ("e-other-billing-headings", ("Email", "PPPoE Profile", "Auto Suspension", "Billing Day")),
    ],
)
async def test_07_unknown_columns_are_named_and_refused_unless_left_out(run: Import, name: str, unknown: tuple[str, ...]) -> None:
    path = f"07-csv-unknown-columns/{name}.csv"
    with pytest.raises(InvalidFile) as told:
        await run.csv(path)
    header = (CASES / path).read_text(encoding="utf-8-sig").splitlines()[0].replace(",", ";").split(";")
    assert all(f"'{heading}'" in str(told.value) for heading in unknown)
    assert not [heading for heading in header if heading not in unknown and f"'{heading}'" in str(told.value)]
    assert await run.csv(path, ignored=unknown)
    assert [row[:2] for row in await run.rows("name", "pppoe_name", "phone")] == [("Sardi", "sardi"), ("Lastri", "lastri")]
    assert "Columns left out: " in run.said


async def test_09_the_separator_hint_of_excel(run: Import) -> None:
    assert await run.csv("09-csv-sep-line/pelanggan.csv")
    assert await run.rows("code", "name", "plan_price") == [("P-001", "Sardi", 150_000)]


async def test_10_line_breaks_in_cells_are_spaces(run: Import) -> None:
    assert await run.csv("10-csv-crlf-in-cell/pelanggan.csv")
    assert await run.rows("address") == [("Dusun Krajan RT 02 RW 05",), ("Dusun Krajan RT 03 RW 05",)]


@pytest.mark.parametrize(("name", "numbers"), [("pelanggan", range(1, 10)), ("b-without-0062", (1, 2, 3, 5, 6, 7, 8, 9))])
async def test_11_one_number_by_all_its_spellings(run: Import, name: str, numbers: Sequence[int]) -> None:
    assert await run.csv(f"11-phone-double-prefix/{name}.csv")
    assert await run.rows("code", "phone") == [(f"P-00{number}", "+62812345678" if number == 5 else "+6281234567890") for number in numbers]


async def test_11_and_12_numbers_and_names_typed_at_the_counter(database: Database) -> None:
    isp = await Isp.make(database)
    typed = [
        ("+62 0812 3456 7890", "a"), ("62 0812-3456-7890", "b"), ("\u202a+62 812\u20113456\u20117890\u202c", "c"),
        ("0812 3456 7890", "rini\u200b"), ("+62 (0)812 3456 7890", "\ufeffwati"),
    ]  # fmt: skip
    for number, (phone, name) in enumerate(typed, 1):
        async with isp.write() as session:
            await customers.create(
                session,
                customers.CustomerDetails(
                    f"P{number}\u200b", "Uji", isp.counters["LKT01"], isp.plan_id, date(2024, 2, 1), phone=phone, pppoe_name=name
                ),
            )
    assert await isp.rows("SELECT code, phone, pppoe_name FROM customer ORDER BY id") == [
        (f"P{number}", "+6281234567890", name) for number, name in enumerate(("a", "b", "c", "rini", "wati"), 1)
    ]


async def test_12_what_nobody_sees_is_taken_out(run: Import) -> None:
    assert await run.csv("12-invisible-characters/pelanggan.csv")
    numbers = ("7890", "7891", "7892", "7893", "7894", "7895", "7896")
    names = ("Sardi", "Lastri", "Gito", "Rini", "Tono", "Wati", "Joko")
    assert await run.rows("name", "phone", "pppoe_name") == [
        (name, f"+628123456{number}", name.lower()) for name, number in zip(names, numbers, strict=True)
    ]


async def test_22_the_anchor_day_31(database: Database) -> None:
    await Book(database).run(read_scenario(CASES / "22-anchor-day-31/anchor.scenario"))


async def test_24_what_means_one_thing_is_read_and_the_rest_refused(run: Import, tmp_path: Path) -> None:
    name = "24-amounts-and-dates/pelanggan.csv"
    assert not await run.csv(name)
    refused = {4: "150k", 5: "150rb", 8: "/bln", 9: "150,000", 11: "45323"}
    faults = run.faults(name)
    assert {line: refused[line] in why for line, why in faults.items()} == dict.fromkeys(refused, True)
    header, *lines = (CASES / name).read_bytes().splitlines(keepends=True)
    mended = tmp_path / "mended.csv"
    mended.write_bytes(header + b"".join(line for number, line in enumerate(lines, 2) if number not in refused))
    assert await imports.run_spreadsheet(mended, run.database, at=NOW, options=run.options(create_missing=False))
    first = date(2024, 2, 1)
    days = {"P-009": date(2024, 2, 15), "P-014": date(2024, 1, 2)}
    assert await run.rows("code", "plan_price", "price", "installed_on") == [
        (code, 150_000, None, days.get(code, first)) for code in (f"P-{number:03}" for number in range(1, 15) if number + 1 not in refused)
    ]


async def test_26_one_foreign_byte_is_refused_with_its_line(run: Import) -> None:
    with pytest.raises(InvalidFile) as told:
        await run.csv("26-csv-mixed-encoding/pelanggan.csv")
    assert "line 4 has the byte 0xE9" in str(told.value)


async def test_27_codes_that_are_made_are_unique_and_valid(run: Import) -> None:
    assert await run.rsc("27-rsc-derived-codes/secrets.rsc")
    codes = dict(await run.rows("pppoe_name", "code"))
    assert len(set(codes.values())) == 8
    assert codes["rumah-1"] == "rumah-1", "who has a valid name keeps it as code"
    assert codes["budi-desa.example"] == "budi-desa.example"
    assert codes["_kantor"] == "kantor"
    assert codes["@warnet"] == "warnet"
    assert "'rumah 1' has the code rumah-1-2, because rumah-1 is taken" in run.said
