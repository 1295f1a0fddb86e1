"""`sebilling export` and `sebilling receipt`: a month's report as a file, and a receipt as text."""

import secrets
import shutil
import sys
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from sqlalchemy import text

from sebilling.actor import EVERYWHERE
from sebilling.billing import receipts
from sebilling.billing.reports import Report
from sebilling.cli.arguments import MonthArgument, parse_month
from sebilling.cli.database import with_database
from sebilling.cli.terminal import errors, out
from sebilling.clock import Month
from sebilling.db.engine import Database
from sebilling.errors import NotFound
from sebilling.nouns import Noun
from sebilling.printing.receipt_text import receipt_text
from sebilling.schema.values import ids

_PAYMENT: Final = text("SELECT payment_id FROM receipt WHERE number = :number")


class Format(StrEnum):
    """File format of a report."""

    CSV = "csv"
    XLSX = "xlsx"


class Roll(StrEnum):
    """Characters per line, for paper of 58 or 80 mm."""

    NARROW = "32"
    WIDE = "48"


def format_of(out: Path | None, chosen: Format | None) -> Format:
    """Return the chosen format, else the one of the file's extension, else XLSX."""
    if chosen is not None:
        return chosen
    return Format.CSV if out is not None and out.suffix.lower() == ".csv" else Format.XLSX


async def write(
    database: Database, report: Report, month: Month, *, file: Path, format: Format, force: bool, out: Console, errors: Console  # noqa: A002 - the option's name
) -> bool:  # fmt: skip
    """Write the report to `file`, whole or not at all. If it can't, print why and return False. Raises NotFound, DatabaseUnavailable."""
    from sebilling.printing.report_files import report_file

    # In the same folder, so that the rename is atomic: nobody ever sees half a report under that name.
    part = file.parent / f".sebilling-export-{secrets.token_hex(4)}.part"
    try:
        if _refused(file, force=force, errors=errors):
            return False
        async with report_file(database, report, month, scope=EVERYWHERE, is_csv=format is Format.CSV) as made:
            shutil.copyfile(made, part)
        if _refused(file, force=force, errors=errors):  # another process may have been faster
            return False
        part.replace(file)
    except OSError as error:
        _say(errors, f"{file} can't be written: {error.strerror}. Choose another file with --out.")
        return False
    finally:
        with suppress(OSError):  # it was never created
            part.unlink()
    out.print(f"{file} was written.", highlight=False, soft_wrap=True)
    return True


def _refused(file: Path, *, force: bool, errors: Console) -> bool:
    if file.is_dir():
        _say(errors, f"{file} is a folder: name a file in it.")
    elif not file.parent.is_dir():
        _say(errors, f"{file.parent} is not a folder: create it first, or choose another one with --out.")
    elif file.exists() and not force:
        _say(errors, f"{file} already exists: choose another name with --out, or overwrite it with --force.")
    else:
        return False
    return True


def _say(errors: Console, sentence: str) -> None:
    errors.print(sentence, style="red", highlight=False, soft_wrap=True)


async def text_of_receipt(database: Database, reference: str, *, roll: Roll) -> str:
    """Return the text of the receipt with this number, or of this payment (pay_…). Raises NotFound, InvalidId."""
    async with database.reading() as session:
        if reference.startswith("pay_"):
            payment_id = ids.decode(reference, Noun.PAYMENT, field=("number",))
        else:
            payment_id = await session.value(_PAYMENT, {"number": reference.strip().upper()})
            if payment_id is None:
                raise NotFound(field=("number",), noun=Noun.RECEIPT, given=reference[:60])
        content = await receipts.read(session, payment_id, scope=EVERYWHERE)
    return receipt_text(content, columns=32 if roll is Roll.NARROW else 48)


def export(
    report: Annotated[
        Report, typer.Argument(metavar="REPORT", case_sensitive=False, help="invoices, payments, deposits, journal or recap.")
    ],
    month: MonthArgument,
    format: Annotated[Format | None, typer.Option(case_sensitive=False, help="Default: the extension of FILE, else xlsx.")] = None,  # noqa: A002 - the option's name
    to: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Default: such as invoices-2026-02.xlsx.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file.")] = False,
) -> None:
    """Export a month's report of all counters to a spreadsheet file."""
    wanted, chosen = parse_month(month), format_of(to, format)
    file = to or Path(f"{report.lower()}-{wanted}.{chosen}")

    async def work(database: Database) -> bool:
        return await write(database, report, wanted, file=file, format=chosen, force=force, out=out, errors=errors)

    if not with_database(work):
        raise typer.Exit(1)


def receipt(
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="Such as KW/2026-02/LKT01/000123, or a payment's id: pay_123.")],
    columns: Annotated[Roll, typer.Option(help="Characters per line: 32 for 58 mm paper, 48 for 80 mm.")] = Roll.NARROW,
) -> None:
    """Print a payment's receipt as text."""
    sys.stdout.write(with_database(lambda database: text_of_receipt(database, number, roll=columns)))
