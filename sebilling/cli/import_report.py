"""Output of `sebilling import`: tables for people, or JSON for programs."""

import dataclasses
import json as jsons
from collections.abc import Mapping

from rich.console import Console
from rich.table import Table

from sebilling.billing.imports.column_map import Source
from sebilling.billing.imports.columns import FIELDS
from sebilling.billing.imports.openings import Sums
from sebilling.billing.imports.overview import Counted
from sebilling.billing.imports.report import ImportReport
from sebilling.cli.terminal import printable
from sebilling.money import format_rupiah


def show(report: ImportReport, out: Console, errors: Console, *, json: bool) -> bool:
    """Print the report; False if there are faults."""
    if json:
        out.print(jsons.dumps(_as_json(report), ensure_ascii=False, indent=1), highlight=False, soft_wrap=True)
        return not report.fault_count
    _show_columns(report, out)
    for note in report.notes:
        out.print(printable(note.english), highlight=False, soft_wrap=True)
    if report.fault_count:
        _show_faults(report, errors)
        return False
    total = report.counted.total
    out.print(f"{total.customers} customers, no faults.")
    if total.customers:
        out.print(_table("counter", report.counted.counters, total, dict.fromkeys(report.new_counters, "new")))
        prices = {
            name: f"new, {format_rupiah(price)} a month" if price else "new, without a price" for name, price in report.new_plans.items()
        }
        out.print(_table("plan", report.counted.plans, total, prices))
    if report.opening is not None:
        _show_opening(report.opening, out)
    if any(not price for price in report.new_plans.values()):
        out.print("Some plans have no price: set their prices before you generate invoices.")
    if report.written:
        out.print(f"{total.customers} customers were imported{report.besides}.", soft_wrap=True)
    elif total.customers:
        out.print("Nothing was written: run it again with --yes to import them.")
    return True


def _as_json(report: ImportReport) -> dict[str, object]:
    faults = [{**dataclasses.asdict(fault), "message": fault.message.english} for fault in report.faults]
    return {**dataclasses.asdict(report), "notes": [note.english for note in report.notes], "faults": faults}


def _show_opening(sums: Sums, out: Console) -> None:
    out.print(f"Opening balances at the end of {sums.month}: {sums.owing} customers owe {format_rupiah(sums.arrears)},"
              f" {sums.ahead} have paid ahead {format_rupiah(sums.credit)}.", soft_wrap=True)  # fmt: skip
    if sums.until or sums.cycles:
        out.print(f"{sums.until} are billed until a day behind that month, {sums.cycles} pay several months at once.", soft_wrap=True)


def _table(what: str, rows: tuple[Counted, ...], total: Counted, remarks: Mapping[str, str]) -> Table:
    table = Table(what, "customers", "active", "inactive", "without phone", "without own price", show_footer=len(rows) > 1)
    money = bool(total.owing or total.ahead)
    for title in ("owing", "arrears", "paid ahead", "credit") if money else ():
        table.add_column(title)
    for column in table.columns[1:]:
        column.justify = "right"
    table.add_column("")
    for row in rows:
        table.add_row(printable(row.name), *_cells(row, money=money), remarks.get(row.name, ""))
    for column, text in zip(table.columns, ["all", *_cells(total, money=money), ""], strict=True):
        column.footer = text
    return table


def _cells(counted: Counted, *, money: bool) -> list[str]:
    cells = [str(count) for count in (counted.customers, counted.active, counted.inactive, counted.without_phone, counted.without_price)]
    return (
        [*cells, str(counted.owing), format_rupiah(counted.arrears), str(counted.ahead), format_rupiah(counted.credit)] if money else cells
    )


def _show_columns(report: ImportReport, out: Console) -> None:
    """Print columns whose meaning isn't clear from the headings themselves."""
    mapped = [column for column in report.columns if column.source is not Source.HEADING and column.field is not None]
    left_out = [column for column in report.columns if column.field is None]
    for column in mapped:
        how = "as specified" if column.source is Source.GIVEN else "remembered"
        out.print(
            f"Column '{printable(column.heading)}' is {FIELDS[str(column.field)].title} ({how}).",
            highlight=False,
            soft_wrap=True,
        )
    if left_out:
        headings = ", ".join(f"'{column.heading}'{' (remembered)' if column.source is Source.REMEMBERED else ''}" for column in left_out)
        out.print(printable(f"Columns left out: {headings}."), highlight=False, soft_wrap=True)


def _show_faults(report: ImportReport, errors: Console) -> None:
    for fault in report.faults:
        location = f"{fault.place}: {fault.column}".rstrip(": ")
        errors.print(printable(f"{location}: {fault.message.english}"), highlight=False, soft_wrap=True)
    more = report.fault_count - len(report.faults)
    extent = f" ({more} not shown)" if more else f" on {len({fault.line for fault in report.faults})} lines"
    errors.print(
        f"Nothing was imported: {report.fault_count} faults{extent}. Fix them and import the whole file again.",
        style="red",
    )
