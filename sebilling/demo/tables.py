"""Tables of the recap and of the demo's month."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from sebilling.billing.recap import Recap
from sebilling.money import format_rupiah


def show_month(figures: Mapping[str, Any], out: Console) -> None:
    """Print the steps of a demo's month, each with its time, and its recap."""
    steps = Table("step", "seconds", "result", title=f"The month {figures['month']}, through GraphQL over HTTP")
    for step in figures["steps"]:
        steps.add_row(step["step"], f"{step['seconds']:.3f}", step["result"])
    out.print(steps)
    counters = figures["counters"]
    out.print(_recap_table(figures["month"], [
        (row["counter"]["code"], row["counter"]["name"], row["invoices"], row["totalBilled"], row["outstanding"], row["payments"],
         row["totalReceived"], row["credit"], row["totalDeposited"], row["cashOnHand"])
        for row in counters
    ]))  # fmt: skip


def recap_table(month: str, rows: Sequence[Recap]) -> Table:
    """Build the table of a month's recap."""
    return _recap_table(month, [
        (row.counter_code, row.counter_name, row.invoices, row.total_billed, row.outstanding, row.payments, row.total_received, row.credit,
         row.total_deposited, row.cash_on_hand)
        for row in rows
    ])  # fmt: skip


def _recap_table(month: str, rows: list[tuple[str, str, *tuple[int, ...]]]) -> Table:
    table = Table("loket", "", title=f"Rekap {month}", show_footer=True)
    table.columns[0].footer = "total"
    heads = ("invoices", "billed", "Sisa Tagihan", "payments", "Total Masuk", "titipan", "Total Setor", "belum disetor")
    money = (False, True, True, False, True, True, True, True)
    for index, (head, is_money) in enumerate(zip(heads, money, strict=True), 2):
        total = sum(int(row[index]) for row in rows)
        table.add_column(head, justify="right", footer=format_rupiah(total) if is_money else str(total))
    for code, name, *values in rows:
        table.add_row(
            code, name, *(format_rupiah(value) if is_money else str(value) for value, is_money in zip(values, money, strict=True))
        )
    return table
