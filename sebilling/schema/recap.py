"""Rekap in GraphQL."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Final

import strawberry

from sebilling.billing import recap as verbs
from sebilling.schema.counters import Counter, counter_of
from sebilling.schema.engine import ids
from sebilling.schema.engine.access import COUNTERS, query
from sebilling.schema.engine.context import Info
from sebilling.schema.engine.payloads import row
from sebilling.schema.engine.scalars import MonthText, Rupiah, month_in


@strawberry.type(description="The figures of a recap, at a time or between two.")
class RecapFigures:
    invoices: int = strawberry.field(description="The period's invoices, void ones too.")
    total_billed: Rupiah = strawberry.field(description="Their sum, less what was voided in the period.")
    allocated: Rupiah = strawberry.field(description="How much of that payments have settled, whenever they came.")
    written_off: Rupiah = strawberry.field(description="How much of it was given up, cancelled late fees included.")
    outstanding: Rupiah = strawberry.field(
        description="Sisa Tagihan: totalBilled + voidedEarlier − voidedLater − allocated − writtenOff, always."
    )
    voided_earlier: Rupiah = strawberry.field(description="Voided in this period, but issued in an earlier one that is closed.")
    voided_later: Rupiah = strawberry.field(description="Issued in this period, but voided in a later one, because this was closed.")
    payments: int = strawberry.field(description="Payments received at the counter on the month's days.")
    reversed: Rupiah = strawberry.field(description="Payments reversed on the month's days, whenever they were received.")
    refunded: Rupiah = strawberry.field(description="Credit given back on the month's days, less refunds reversed on them.")
    total_received: Rupiah = strawberry.field(description="Total Masuk: the payments' sum less what was reversed.")
    credit: Rupiah = strawberry.field(description="Titipan: how much of the month's money no invoice has taken yet.")
    total_deposited: Rupiah = strawberry.field(
        description="Total Setor: what was counted of deposits on the month's days; corrections on the day of the correction."
    )
    difference: Rupiah = strawberry.field(description="Surplus, or below nothing shortage, of those counts, less what was settled.")
    awaiting_verification: Rupiah = strawberry.field(description="Menunggu verifikasi: submitted and undecided, of any month.")
    cash_on_hand: Rupiah = strawberry.field(description="Belum disetor: cash in the counter's drawers, what waits included.")


@strawberry.type(description="Rekap: a counter's month, as it is now.")
class Recap(RecapFigures):
    counter: Counter = strawberry.field(description="Which counter.")
    as_of_closing: RecapFigures | None = strawberry.field(
        description="Of a closed period: the figures as they were when it was closed, kept. Null of an open one."
    )
    since: RecapFigures | None = strawberry.field(
        description="Of a closed period: what documents of afterwards have changed, each figure now less as of closing."
    )


@query(COUNTERS, "A month's recap, a row per counter that the caller may see, by code.")
async def recap(
    info: Info,
    month: Annotated[MonthText, strawberry.argument(description="Of which period.")],
    counter_id: Annotated[strawberry.ID | None, strawberry.argument(description="Of this counter alone.")] = None,
) -> list[Recap]:
    wanted = ids.decode_optional(counter_id, "counter", field=("counterId",))
    async with info.context.parts.database.reading() as session:
        found = await verbs.read(session, month_in(month, field=("month",)), scope=info.context.signed_in.scope, counter_id=wanted)
    return rows_of(found)


def rows_of(found: Sequence[verbs.Recap]) -> list[Recap]:
    """Recaps as rows."""
    return [row(counter=counter_of(one), since=None if one.since is None else asdict(one.since), **asdict(one)) for one in found]


QUERIES: Final = [recap]
