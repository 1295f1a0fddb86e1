"""Recaps (rekap) in GraphQL."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Final

import strawberry

from sebilling.billing import recap as verbs
from sebilling.nouns import Noun
from sebilling.schema.context import Info
from sebilling.schema.counters import Counter, counter_of
from sebilling.schema.engine.declarations import output, read
from sebilling.schema.engine.objects import selection
from sebilling.schema.request.access import query
from sebilling.schema.request.roles import COUNTERS
from sebilling.schema.values import ids
from sebilling.schema.values.payloads import row
from sebilling.schema.values.scalars import MonthText, Rupiah, month_in


@output("Figures of a recap, at a time or between two times.")
class RecapFigures:
    invoices: int = read("Number of invoices of the period, including void ones.", COUNTERS)
    total_billed: Rupiah = read("Sum of these invoices, less those voided in the period.", COUNTERS)
    allocated: Rupiah = read("Amount of totalBilled that is paid, whenever the payments were received.", COUNTERS)
    written_off: Rupiah = read("Amount of totalBilled that is written off, including cancelled late fees.", COUNTERS)
    outstanding: Rupiah = read("Sisa Tagihan: totalBilled + voidedEarlier − voidedLater − allocated − writtenOff, always.", COUNTERS)
    voided_earlier: Rupiah = read("Amount voided in this period but issued in an earlier one that is closed.", COUNTERS)
    voided_later: Rupiah = read("Amount issued in this period but voided in a later one, because this one was closed.", COUNTERS)
    payments: int = read("Number of payments received at the counter in the month.", COUNTERS)
    reversed: Rupiah = read("Amount of payments reversed in the month, whenever they were received.", COUNTERS)
    refunded: Rupiah = read("Amount of credit refunded in the month, less refunds reversed in it.", COUNTERS)
    total_received: Rupiah = read("Total Masuk: sum of the payments less what was reversed.", COUNTERS)
    credit: Rupiah = read("Titipan: amount of the month's money that no invoice has used yet.", COUNTERS)
    total_deposited: Rupiah = read(
        "Total Setor: amount counted of deposits in the month; corrections count on the day of the correction.", COUNTERS
    )
    difference: Rupiah = read("Difference of those counts, less what was settled: above 0 a surplus, below 0 a shortage.", COUNTERS)
    awaiting_verification: Rupiah = read("Menunggu verifikasi: amount of deposits that wait for verification, of any month.", COUNTERS)
    cash_on_hand: Rupiah = read("Belum disetor: cash in the counter's drawers, including deposits that wait for verification.", COUNTERS)


@output("Recap (rekap) of a counter's month, with the current figures.")
class Recap(RecapFigures):
    id: strawberry.ID = read("Opaque id.", COUNTERS)
    counter: Counter = read("The counter.", COUNTERS)
    not_invoiced: int | None = read(
        "Number of active customers without an invoice of the period, of whom generateInvoices skips some: closingPreview prices each;"
        " null for a closed period.",
        COUNTERS,
    )
    as_of_closing: RecapFigures | None = read("Figures at the time of closing, kept unchanged; null for an open period.", COUNTERS)
    since: RecapFigures | None = read("Change of each figure since the closing; null for an open period.", COUNTERS)


@query(COUNTERS, "Get a month's recap: one row per counter that the caller may see, by code.")
async def recap(
    info: Info,
    month: Annotated[MonthText, strawberry.argument(description="Month of the period.")],
    counter_id: Annotated[
        strawberry.ID | None, strawberry.argument(description="Id of the counter; all counters that the caller may see if left out.")
    ] = None,
) -> list[Recap]:
    wanted = ids.decode_optional(counter_id, Noun.COUNTER, field=("counterId",))
    async with info.context.parts.database.reading() as session:
        recaps = await verbs.read(
            session, month_in(month, field=("month",)), scope=info.context.signed_in.scope, counter_id=wanted,
            with_missed="not_invoiced" in selection(info),
        )  # fmt: skip
    return rows_of(recaps)


def rows_of(recaps: Sequence[verbs.Recap]) -> list[Recap]:
    """The recaps as rows."""
    return [
        row(
            id=Noun.RECAP.id(counter_recap.period_id, counter_recap.counter_id),
            counter=counter_of(counter_recap),
            as_of_closing=_plain(counter_recap.as_of_closing),
            since=_plain(counter_recap.since),
            **asdict(counter_recap),
        )
        for counter_recap in recaps
    ]


def _plain(figures: verbs.Figures | None) -> dict[str, int] | None:
    return None if figures is None else asdict(figures)


QUERIES: Final = [recap]
