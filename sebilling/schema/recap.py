"""Recaps (rekap) in GraphQL."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Final

import strawberry

from sebilling.billing import recap as verbs
from sebilling.nouns import Noun
from sebilling.schema.counters import Counter, counter_of
from sebilling.schema.engine import ids
from sebilling.schema.engine.access import COUNTERS, query
from sebilling.schema.engine.context import Info
from sebilling.schema.engine.payloads import row
from sebilling.schema.engine.scalars import MonthText, Rupiah, month_in


@strawberry.type(description="Figures of a recap, at a time or between two times.")
class RecapFigures:
    invoices: int = strawberry.field(description="Number of invoices of the period, including void ones.")
    total_billed: Rupiah = strawberry.field(description="Sum of these invoices, less those voided in the period.")
    allocated: Rupiah = strawberry.field(description="Amount of totalBilled that is paid, whenever the payments were received.")
    written_off: Rupiah = strawberry.field(description="Amount of totalBilled that is written off, including cancelled late fees.")
    outstanding: Rupiah = strawberry.field(
        description="Sisa Tagihan: totalBilled + voidedEarlier − voidedLater − allocated − writtenOff, always."
    )
    voided_earlier: Rupiah = strawberry.field(description="Amount voided in this period but issued in an earlier one that is closed.")
    voided_later: Rupiah = strawberry.field(
        description="Amount issued in this period but voided in a later one, because this one was closed."
    )
    payments: int = strawberry.field(description="Number of payments received at the counter in the month.")
    reversed: Rupiah = strawberry.field(description="Amount of payments reversed in the month, whenever they were received.")
    refunded: Rupiah = strawberry.field(description="Amount of credit refunded in the month, less refunds reversed in it.")
    total_received: Rupiah = strawberry.field(description="Total Masuk: sum of the payments less what was reversed.")
    credit: Rupiah = strawberry.field(description="Titipan: amount of the month's money that no invoice has used yet.")
    total_deposited: Rupiah = strawberry.field(
        description="Total Setor: amount counted of deposits in the month; corrections count on the day of the correction."
    )
    difference: Rupiah = strawberry.field(
        description="Difference of those counts, less what was settled: above 0 a surplus, below 0 a shortage."
    )
    awaiting_verification: Rupiah = strawberry.field(
        description="Menunggu verifikasi: amount of deposits that wait for verification, of any month."
    )
    cash_on_hand: Rupiah = strawberry.field(
        description="Belum disetor: cash in the counter's drawers, including deposits that wait for verification."
    )


@strawberry.type(description="Recap (rekap) of a counter's month, with the current figures.")
class Recap(RecapFigures):
    counter: Counter = strawberry.field(description="The counter.")
    as_of_closing: RecapFigures | None = strawberry.field(
        description="Figures at the time of closing, kept unchanged; null for an open period."
    )
    since: RecapFigures | None = strawberry.field(description="Change of each figure since the closing; null for an open period.")


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
        recaps = await verbs.read(session, month_in(month, field=("month",)), scope=info.context.signed_in.scope, counter_id=wanted)
    return rows_of(recaps)


def rows_of(recaps: Sequence[verbs.Recap]) -> list[Recap]:
    """The recaps as rows."""
    return [
        row(
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
