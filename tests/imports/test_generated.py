"""Generated spreadsheets import exactly what was meant, or nothing with the reason, and no message says what isn't so.

`SEBILLING_TEST_SPREADSHEETS=10000` for the whole campaign; `SEBILLING_TEST_SPREADSHEETS_SEED` for others.
"""

import os
from pathlib import Path
from typing import Any, NoReturn

import pytest
from sqlalchemy import text

from sebilling.actor import operator
from sebilling.billing.imports import load, spreadsheet
from sebilling.billing.imports.column_map import GivenMap
from sebilling.billing.imports.rows import CustomerRow, Faulty
from sebilling.db.engine import Database
from sebilling.errors import InvalidFile
from tests.harness import NOW
from tests.imports import claims, sheets
from tests.imports.meant import Customer
from tests.imports.sheets import Sheet

COUNT = int(os.environ.get("SEBILLING_TEST_SPREADSHEETS", "400"))
SEED = int(os.environ.get("SEBILLING_TEST_SPREADSHEETS_SEED", "20260203"))
BATCHES = 10
FIELDS = ("code", "name", "counter", "plan", "installed_on", "phone", "address", "price", "pppoe_name", "active")


def read(sheet: Sheet, path: Path) -> tuple[list[CustomerRow], list[Faulty], str]:
    """What the reader made of it: rows, faulty rows, and why the whole was refused."""
    try:
        found = list(spreadsheet.read(path_of(sheet, path), given=GivenMap(ignored=sheet.ignored)))
    except InvalidFile as error:
        return [], [], str(error)
    return [row for row in found if isinstance(row, CustomerRow)], [row for row in found if isinstance(row, Faulty)], ""


def check(sheet: Sheet, path: Path) -> None:
    rows, faulty, refused = read(sheet, path)
    where = f"seed {sheet.seed} ({sheet.kind})"
    if refused or sheet.refused:
        assert claims.is_true_of_file(refused, sheet), f"{where}: {sheet.refused}: {refused!r}"
        return
    told = [(problem.line, problem.column, problem.message.english) for row in faulty for problem in row.problems]
    assert {(line, column) for line, column, _ in told} == sheet.faults, f"{where}: {told}"
    for line, column, message in told:
        assert claims.is_true_of_row(line, column, message, sheet), f"{where}: line {line}, {column}: {message!r}"
    wrong = {line for line, _ in sheet.faults}
    meant = [(line, one) for line, one in zip(sheet.lines, sheet.customers, strict=True) if line not in wrong]
    assert [(row.line, *(getattr(row, name) for name in FIELDS)) for row in rows] == [
        (line, *(getattr(one, name) for name in FIELDS)) for line, one in meant
    ], where


@pytest.mark.parametrize("batch", range(BATCHES))
def test_each_is_read_as_it_was_meant_or_refused_with_a_true_reason(batch: int, tmp_path: Path) -> None:
    for number in range(batch, COUNT, BATCHES):
        check(sheets.make(SEED + number), tmp_path / "pelanggan.any")


class RolledBack(Exception):
    """So that the next sheet finds an empty database."""


def roll_back() -> NoReturn:
    raise RolledBack


def path_of(sheet: Sheet, path: Path) -> Path:
    """Where it is written."""
    path.write_bytes(sheet.data)
    return path


LOADED = """
    SELECT customer.code, customer.name, counter.code, plan.name, installed_on, phone, address, coalesce(customer.price, plan.price),
           pppoe_name, active
      FROM customer JOIN counter ON counter.id = counter_id JOIN plan ON plan.id = plan_id ORDER BY customer.id
"""


async def loaded(database: Database, sheet: Sheet, path: Path) -> tuple[list[tuple[Any, ...]], load.Staged]:
    """The customers that it brings into the database, which is empty before and after."""
    found: list[tuple[Any, ...]] = []
    staged = load.Staged()
    try:
        async with database.transaction(actor=operator("test"), at=NOW) as session:
            rows = spreadsheet.read(path_of(sheet, path), given=GivenMap(ignored=sheet.ignored))
            staged = await load.stage(session, rows, create_missing=True, free_plans=True)
            if not staged.problem_count:
                await load.write(session, staged, file="test")
            found = [tuple(row) for row in await session.rows(text(LOADED))]
            roll_back()
    except (RolledBack, InvalidFile):
        return found, staged


def as_loaded(one: Customer, plan_prices: dict[str, int]) -> tuple[Any, ...]:
    price = one.price if one.price is not None else plan_prices[one.plan]
    return (one.code, one.name, one.counter, one.plan, one.installed_on, one.phone, one.address, price, one.pppoe_name, one.active)


async def test_a_part_of_them_comes_into_the_database_row_by_row(database: Database, tmp_path: Path) -> None:
    whole = 0
    for number in range(max(20, COUNT // 25)):
        sheet = sheets.make(SEED - 1 - number)
        found, staged = await loaded(database, sheet, tmp_path / "pelanggan.any")
        if sheet.refused or sheet.faults:
            assert found == [], f"seed {sheet.seed}: everything or nothing"
            continue
        codes = [one.code for one in sheet.customers]
        if len(set(codes)) < len(codes):
            assert {problem.column for problem in staged.problems} == {"code"}
            continue
        whole += 1
        assert found == [as_loaded(one, staged.new_plans) for one in sheet.customers], f"seed {sheet.seed}"
    assert whole > 5
