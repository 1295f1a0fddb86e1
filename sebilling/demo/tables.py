"""The recap and the demo's month as tables for people."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from sebilling.billing.recap import Recap
from sebilling.money import format_rupiah


def show_month(figures: Mapping[str, Any], out: Console) -> None:
    """Print the steps of a demo's month, each with its time, and its recap."""
    steps = Table("step", "seconds", "what came of it", title=f"The month {figures['month']}, through GraphQL over HTTP")
    for step in figures["steps"]:
        steps.add_row(step["step"], f"{step['seconds']:.3f}", step["result"])
    out.print(steps)
    counters = figures["counters"]
    out.print(_recap_table(figures["month"], [
        (one["counter"]["code"], one["counter"]["name"], one["invoices"], one["totalBilled"], one["outstanding"], one["payments"],
         one["totalReceived"], one["credit"], one["totalDeposited"], one["cashOnHand"])
        for one in counters
    ]))  # fmt: skip


def recap_table(month: str, rows: list[Recap]) -> Table:
    """The recap of a month for people."""
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
    for place, (head, is_money) in enumerate(zip(heads, money, strict=True), 2):
        total = sum(int(row[place]) for row in rows)
        table.add_column(head, justify="right", footer=format_rupiah(total) if is_money else str(total))
    for code, name, *values in rows:
        table.add_row(
            code, name, *(format_rupiah(value) if is_money else str(value) for value, is_money in zip(values, money, strict=True))
        )
    return table
