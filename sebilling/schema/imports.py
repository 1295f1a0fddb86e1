"""Import of customers from an uploaded spreadsheet in GraphQL: a check that changes nothing, then the import of the same file."""

import asyncio
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any, Final

import strawberry
from starlette.datastructures import UploadFile
from strawberry.file_uploads import Upload

from sebilling.billing import idempotency
from sebilling.billing.imports import column_map, spreadsheet, spreadsheet_import
from sebilling.billing.imports.column_map import GivenMap, Source
from sebilling.billing.imports.columns import FIELDS
from sebilling.billing.imports.overview import Counted
from sebilling.billing.imports.report import ImportReport
from sebilling.billing.imports.spreadsheet_import import Choices
from sebilling.db.engine import WriteSession
from sebilling.errors import InvalidFile
from sebilling.language import Language, Sentence
from sebilling.schema.context import Info
from sebilling.schema.engine.declarations import input_type, output, payload, read
from sebilling.schema.enums import described
from sebilling.schema.request.access import mutation
from sebilling.schema.request.roles import OFFICE
from sebilling.schema.values.payloads import INPUT, Key, Payload, row
from sebilling.schema.values.scalars import MonthText, Rupiah, month_in
from sebilling.storage.proofs import MAX_PROOF_BYTES

MAX_FILE_BYTES: Final = MAX_PROOF_BYTES
"""Most bytes of an uploaded file: as of any upload."""
_MAX_NAME: Final = 100
_FILE: Final = f"CSV or XLSX of at most {MAX_FILE_BYTES >> 20} MiB, sent by a GraphQL multipart request."

if TYPE_CHECKING:
    ImportField = Enum
else:
    ImportField = Enum("ImportField", {name.upper(): name for name in FIELDS})
    described(
        ImportField,
        "What a column of a spreadsheet of customers means.",
        **{name.upper(): f"{field.title}." for name, field in FIELDS.items()},
    )
described(
    Source, "How the meaning of a column was determined.",
    HEADING="By its heading.", GIVEN="By the input.", REMEMBERED="As in an earlier import.",
)  # fmt: skip


@output("Column of an imported file.")
class ImportColumn:
    heading: str = read("Heading of the column.", OFFICE)
    field: ImportField | None = read("What it means; null if it is left out.", OFFICE)
    source: Source = read("How that was determined.", OFFICE)


@output("Numbers of the rows of an imported file that belong to a counter or a plan.")
class ImportCount:
    name: str = read("Code of the counter, or name of the plan.", OFFICE)
    is_new: bool = read("Whether the import adds it.", OFFICE)
    price: Rupiah | None = read("Price per month of a plan that is added; null for a counter and for what exists.", OFFICE)
    customers: int = read("Number of customers.", OFFICE)
    active: int = read("Number of these who are active.", OFFICE)
    without_phone: int = read("Number of these without a phone number.", OFFICE)


@output("Opening balances of an imported file.")
class ImportBalances:
    owing: int = read("Number of customers who owe something.", OFFICE)
    arrears: Rupiah = read("Amount that they owe.", OFFICE)
    ahead: int = read("Number of customers who have paid ahead.", OFFICE)
    credit: Rupiah = read("Amount that they have paid ahead.", OFFICE)


@output("Fault of an imported file. While there is one, nothing is imported.")
class ImportFault:
    line: int = read("Line of the file, or row of the sheet, from 1.", OFFICE)
    column: str = read("Column with the fault; empty if it is the row as a whole.", OFFICE)
    message: str = read("What is wrong, and the remedy, in the caller's language.", OFFICE)


@output("Report of an import: what it adds, or what prevents it.")
class ImportedFile:
    file: str = read("Name of the file.", OFFICE)
    customers: int = read("Number of customers that are added; 0 if there are faults.", OFFICE)
    active: int = read("Number of these who are active.", OFFICE)
    counters: list[ImportCount] = read("Customers by counter.", OFFICE)
    plans: list[ImportCount] = read("Customers by plan.", OFFICE)
    balances: ImportBalances | None = read("Opening balances; null without an opening month.", OFFICE)
    columns: list[ImportColumn] = read("Columns of the file, as they were read.", OFFICE)
    notes: list[str] = read("Remarks about the file, in the caller's language.", OFFICE)
    faults: list[ImportFault] = read("The first 1,000 faults, by line; empty if there are none.", OFFICE)
    fault_count: int = read("Number of all faults.", OFFICE)


@input_type("What a column of a file means.")
class ImportColumnInput:
    heading: str = strawberry.field(description="Heading of the column.")
    field: ImportField | None = strawberry.field(default=None, description="What it means; null to leave it out.")


@input_type("How to import a spreadsheet of customers.")
class ImportOptions:
    sheet: str | None = strawberry.field(default=None, description="Name of the sheet of a workbook; the first if left out.")
    columns: list[ImportColumnInput] = strawberry.field(
        default_factory=list, description="Meaning of columns whose headings do not tell it. It is remembered."
    )
    ignore_unknown: bool = strawberry.field(default=False, description="Whether to leave out every column with an unknown heading.")
    create_missing: bool = strawberry.field(default=False, description="Whether to add missing counters and plans.")
    month: MonthText | None = strawberry.field(
        default=None, description="Opening month: the last that the previous system billed; required if the file has balances."
    )


@input_type("Input of previewImport.")
class PreviewImportInput:
    file: Upload = strawberry.field(description=_FILE)
    options: ImportOptions = strawberry.field(default_factory=ImportOptions, description="How to import it.")


@payload("Result of previewImport.")
class PreviewImportPayload(Payload):
    report: ImportedFile | None = strawberry.field(description="What the import would add, or what prevents it.")
    fingerprint: str | None = strawberry.field(
        description="Fingerprint of file and options, for importCustomers; null if there are faults."
    )


@input_type("Input of importCustomers.")
class ImportCustomersInput:
    file: Upload = strawberry.field(description=f"The file that was previewed: {_FILE}")
    fingerprint: str = strawberry.field(description="Fingerprint that previewImport returned for this file with these options.")
    idempotency_key: Key = strawberry.field(description="Idempotency key, 8 to 100 characters, new for each import.")
    options: ImportOptions = strawberry.field(default_factory=ImportOptions, description="The options that were previewed.")


@payload("Result of importCustomers.")
class ImportCustomersPayload(Payload):
    report: ImportedFile | None = strawberry.field(description="What was added, or what prevents it; null for a replay.")
    imported: int | None = strawberry.field(description="Number of customers that were added; 0 if there are faults, null for a replay.")
    replayed: bool = strawberry.field(description="Whether the key had imported this file before, so that nothing was changed now.")


@mutation(OFFICE, "Check a spreadsheet of customers: what importing it would add, or every fault with its line. Changes nothing.")
async def preview_import(info: Info, input: Annotated[PreviewImportInput, INPUT]) -> PreviewImportPayload:
    name, data = await _content(input.file)
    choices = _choices(info, input.options)
    report = await _run(info, name, data, input.options, choices, write=False)
    if report is None:
        raise RuntimeError("a check of an import has no key and is no replay")
    return row(report=_shown(report, info.context.language), fingerprint=None if report.fault_count else choices.fingerprint(data))


@mutation(OFFICE, "Import a spreadsheet of customers that was previewed: all of it, or nothing if there is a fault.")
async def import_customers(info: Info, input: Annotated[ImportCustomersInput, INPUT]) -> ImportCustomersPayload:
    name, data = await _content(input.file)
    choices = _choices(info, input.options)
    if choices.fingerprint(data) != input.fingerprint:
        why = Sentence(
            "the file or the options are not those of the preview. Preview it again.",
            "berkas atau opsinya bukan yang dipratinjau. Pratinjau lagi.",
        )
        raise InvalidFile(field=("input", "fingerprint"), file=name, why=why)
    report = await _run(info, name, data, input.options, choices, write=True, key=input.idempotency_key)
    if report is None:
        return row(report=None, imported=None, replayed=True)
    return row(
        report=_shown(report, info.context.language), imported=report.counted.total.customers if report.written else 0, replayed=False
    )


class _Faulty(Exception):
    """The file has faults, so that nothing of its transaction stays, not even its key."""

    def __init__(self, report: ImportReport) -> None:
        super().__init__()
        self.report = report


async def _content(upload: Any) -> tuple[str, bytes]:
    """Name and bytes of an upload. Raises InvalidFile."""
    if not isinstance(upload, UploadFile):
        why = Sentence("send it by a GraphQL multipart request.", "kirim dengan permintaan multipart GraphQL.")
        raise InvalidFile(field=("input", "file"), file="file", why=why)
    name = "".join(letter for letter in upload.filename or "" if letter.isprintable())[-_MAX_NAME:] or "file"
    data = await upload.read(MAX_FILE_BYTES + 1)
    if len(data) > MAX_FILE_BYTES:
        why = Sentence(
            f"it has more than {MAX_FILE_BYTES >> 20} MB: split it, or use `sebilling import` on the server.",
            f"lebih dari {MAX_FILE_BYTES >> 20} MB: bagi menjadi beberapa, atau pakai `sebilling import` di server.",
        )
        raise InvalidFile(field=("input", "file"), file=name, why=why)
    return name, data


def _choices(info: Info, options: ImportOptions) -> Choices:
    """The choices of the input; the caller answers for money paid ahead. Raises InvalidMonth."""
    month = None if options.month is None else month_in(options.month, field=("input", "options", "month"))
    fields = {column.heading: column.field.value for column in options.columns if column.field is not None}
    ignored = tuple(column.heading for column in options.columns if column.field is None)
    columns = GivenMap(fields, ignored, ignore_unknown=options.ignore_unknown)
    return Choices(columns, options.create_missing, month, by_id=info.context.signed_in.user_id)


async def _run(
    info: Info, name: str, data: bytes, options: ImportOptions, choices: Choices, *, write: bool, key: str | None = None
) -> ImportReport | None:  # fmt: skip
    """Check the file, or import it; None for a replay. It is read in a thread, one file at a time, so that others are served meanwhile."""
    context = info.context
    try:
        async with context.parts.importing:
            table = await asyncio.to_thread(spreadsheet.open_data, name, data, sheet=options.sheet)
            async with context.parts.database.reading() as session:
                before = await column_map.remembered(session, table.headings)
            columns = column_map.assign(table.name, table.headings, choices.columns, before)
            rows = await asyncio.to_thread(spreadsheet_import.rows_of, table, columns, choices)
            async with context.transaction() as session:
                if key is not None and await _is_replay(session, key, choices.fingerprint(data)):
                    return None
                return _sound(await spreadsheet_import.run(session, table, rows, columns, choices, write=write))
    except _Faulty as faulty:
        return faulty.report
    except InvalidFile as error:
        error.field = error.field or ("input", "file")
        raise


async def _is_replay(session: WriteSession, key: str, fingerprint: str) -> bool:
    claim = await idempotency.claim(session, "importCustomers", key, fingerprint, result_id=0)
    return claim.replayed


def _sound(report: ImportReport) -> ImportReport:
    """Return a report without faults. Raises _Faulty."""
    if report.fault_count:
        raise _Faulty(report)
    return report


def _shown(report: ImportReport, language: Language) -> Any:
    """A row of the type ImportedFile, in this language."""
    counted, sums = report.counted, report.opening
    return row(
        file=report.source, customers=0 if report.fault_count else counted.total.customers,
        active=0 if report.fault_count else counted.total.active,
        counters=[_count(counter, is_new=counter.name in report.new_counters) for counter in counted.counters],
        plans=[_count(plan, is_new=plan.name in report.new_plans, price=report.new_plans.get(plan.name)) for plan in counted.plans],
        balances=None if sums is None else row(owing=sums.owing, arrears=sums.arrears, ahead=sums.ahead, credit=sums.credit),
        columns=[row(heading=column.heading, field=None if column.field is None else ImportField(column.field), source=column.source)
                 for column in report.columns],
        notes=[note.in_(language) for note in report.notes], fault_count=report.fault_count,
        faults=[row(line=fault.line, column=fault.column, message=fault.message.in_(language)) for fault in report.faults],
    )  # fmt: skip


def _count(counted: Counted, *, is_new: bool, price: int | None = None) -> Any:
    return row(
        name=counted.name, is_new=is_new, price=price, customers=counted.customers, active=counted.active,
        without_phone=counted.without_phone,
    )  # fmt: skip


QUERIES: Final[list[object]] = []
MUTATIONS: Final = [preview_import, import_customers]
