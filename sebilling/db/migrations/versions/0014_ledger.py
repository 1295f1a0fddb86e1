"""the ledger's ways back: closings kept, deposits counted anew, differences settled, write-offs and refunds reversed"""

from typing import Any

import sqlalchemy as sa
from alembic import op

from sebilling.db.migrate import run_sql_file

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def _id() -> sa.Column[int]:
    return sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False)


def _what(name: str, kind: type[sa.types.TypeEngine[Any]], *, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True) if kind is sa.DateTime else kind(), nullable=null)


def upgrade() -> None:
    _periods()
    _reversals()
    _deposits()
    run_sql_file(op.get_bind(), "closings.sql", revision)
    run_sql_file(op.get_bind(), "differences.sql", revision)
    run_sql_file(op.get_bind(), "views.sql", revision)
    run_sql_file(op.get_bind(), "counted_money.sql", revision)
    run_sql_file(op.get_bind(), "period_figures.sql", revision)
    op.execute(_FIGURES)


def _periods() -> None:
    op.create_table(
        "period_closing", _id(),
        _what("period_id", sa.BigInteger), _what("incomplete", sa.Boolean), _what("closed_at", sa.DateTime),
        _what("closed_by", sa.BigInteger, null=True),
        sa.ForeignKeyConstraint(["period_id"], ["period.id"], name=op.f("period_closing_period_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("period_closing_pkey")),
    )  # fmt: skip
    op.create_index(op.f("period_closing_period_id_id_idx"), "period_closing", ["period_id", "id"], unique=False)
    op.create_index(op.f("period_closing_closed_at_idx"), "period_closing", ["closed_at"], unique=False)
    op.create_table(
        "period_reopening", _id(),
        _what("closing_id", sa.BigInteger), _what("reason", sa.Text), _what("reopened_at", sa.DateTime),
        _what("reopened_by", sa.BigInteger, null=True),
        sa.CheckConstraint("reason <> ''", name=op.f("period_reopening_reason_check")),
        sa.ForeignKeyConstraint(["closing_id"], ["period_closing.id"], name=op.f("period_reopening_closing_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("period_reopening_pkey")),
        sa.UniqueConstraint("closing_id", name=op.f("period_reopening_closing_id_key")),
    )  # fmt: skip
    op.create_table(
        "period_closing_figure", _what("closing_id", sa.BigInteger), _what("counter_id", sa.BigInteger),
        *(_what(name, sa.BigInteger) for name in _NAMES),
        sa.ForeignKeyConstraint(["closing_id"], ["period_closing.id"], name=op.f("period_closing_figure_closing_id_fkey")),
        sa.ForeignKeyConstraint(["counter_id"], ["counter.id"], name=op.f("period_closing_figure_counter_id_fkey")),
        sa.PrimaryKeyConstraint("closing_id", "counter_id", name=op.f("period_closing_figure_pkey")),
    )  # fmt: skip
    op.execute("INSERT INTO period_closing (period_id, incomplete, closed_at) SELECT id, false, closed_at FROM period"
               " WHERE closed_at IS NOT NULL ORDER BY closed_at")  # fmt: skip


def _reversals() -> None:
    _reversal("write_off_reversal", "write_off", "write_off")
    _reversal("refund_reversal", "refund", "refund")
    op.add_column("write_off", sa.Column("kind", sa.Text(), nullable=False, server_default="BAD_DEBT"))
    op.add_column("write_off", sa.Column("charge_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(op.f("write_off_charge_id_fkey"), "write_off", "charge", ["charge_id"], ["id"])
    op.create_check_constraint(op.f("write_off_kind_check"), "write_off", "kind IN ('BAD_DEBT', 'LATE_FEE')")
    op.create_check_constraint(op.f("write_off_charge_check"), "write_off", "(kind = 'LATE_FEE') = (charge_id IS NOT NULL)")
    op.create_index("write_off_charge_idx", "write_off", ["charge_id"], unique=True, postgresql_where=sa.text("charge_id IS NOT NULL"))


def _reversal(table: str, what: str, named: str) -> None:
    op.create_table(
        table,
        sa.Column(f"{what}_id", sa.BigInteger(), autoincrement=False, nullable=False),
        _what("reason", sa.Text), _what("reversed_at", sa.DateTime), _what("reversed_on", sa.Date),
        _what("reversed_by", sa.BigInteger, null=True),
        sa.ForeignKeyConstraint([f"{what}_id"], [f"{named}.id"], name=op.f(f"{table}_{what}_id_fkey")),
        sa.PrimaryKeyConstraint(f"{what}_id", name=op.f(f"{table}_pkey")),
    )  # fmt: skip


def _deposits() -> None:
    op.add_column("deposit_decision", sa.Column("decided_on", sa.Date(), nullable=True))
    op.execute("ALTER TABLE deposit_decision DISABLE TRIGGER deposit_decision_append_only")
    op.execute("UPDATE deposit_decision SET decided_on = (decided_at AT TIME ZONE timezone)::date FROM deposit JOIN counter"
               " ON counter.id = counter_id WHERE deposit.id = deposit_id")  # fmt: skip
    op.execute("ALTER TABLE deposit_decision ENABLE TRIGGER deposit_decision_append_only")
    op.alter_column("deposit_decision", "decided_on", nullable=False)
    op.create_index(op.f("deposit_decision_decided_on_idx"), "deposit_decision", ["decided_on"], unique=False)
    for name in ("counted", "difference", "settled"):
        op.add_column("deposit", sa.Column(name, sa.BigInteger(), nullable=False, server_default="0"))
    op.execute("ALTER TABLE deposit DISABLE TRIGGER deposit_fixed")
    op.execute("UPDATE deposit SET counted = deposit_decision.counted, difference = deposit_decision.difference FROM deposit_decision"
               " WHERE deposit_id = deposit.id AND verified")  # fmt: skip
    op.execute("ALTER TABLE deposit ENABLE TRIGGER deposit_fixed")
    op.create_check_constraint(op.f("deposit_settled_check"), "deposit", "settled BETWEEN least(difference, 0) AND greatest(difference, 0)")
    op.create_check_constraint(op.f("deposit_counted_check"), "deposit", "status = 'VERIFIED' OR counted = 0 AND difference = 0")
    op.create_index(
        "deposit_unsettled_idx", "deposit", ["collector_id", "counter_id", "id"], postgresql_where=sa.text("difference <> settled")
    )
    _corrections()
    _settlements()


def _corrections() -> None:
    op.create_table(
        "deposit_correction", _id(), _what("deposit_id", sa.BigInteger), _what("corrects_id", sa.BigInteger, null=True),
        *(_what(name, sa.BigInteger) for name in ("counted_before", "counted", "difference_before", "difference")),
        _what("reason", sa.Text), _what("corrected_at", sa.DateTime), _what("corrected_on", sa.Date), _what("corrected_by", sa.BigInteger),
        sa.CheckConstraint("counted >= 0 AND counted <> counted_before", name=op.f("deposit_correction_counted_check")),
        sa.CheckConstraint("counted - counted_before = difference - difference_before", name=op.f("deposit_correction_difference_check")),
        sa.CheckConstraint("reason <> ''", name=op.f("deposit_correction_reason_check")),
        sa.ForeignKeyConstraint(["deposit_id"], ["deposit_decision.deposit_id"], name=op.f("deposit_correction_deposit_id_fkey")),
        sa.ForeignKeyConstraint(["corrects_id"], ["deposit_correction.id"], name=op.f("deposit_correction_corrects_id_fkey")),
        sa.ForeignKeyConstraint(["corrected_by"], ["app_user.id"], name=op.f("deposit_correction_corrected_by_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("deposit_correction_pkey")),
        sa.UniqueConstraint(
            "deposit_id", "corrects_id", name=op.f("deposit_correction_deposit_id_corrects_id_key"), postgresql_nulls_not_distinct=True
        ),
    )  # fmt: skip
    op.create_index(op.f("deposit_correction_corrected_on_idx"), "deposit_correction", ["corrected_on"], unique=False)


def _settlements() -> None:
    op.create_table(
        "difference_settlement", _id(), _what("deposit_id", sa.BigInteger), _what("kind", sa.Text),
        _what("payment_id", sa.BigInteger, null=True), _what("amount", sa.BigInteger), _what("reason", sa.Text),
        _what("settled_at", sa.DateTime), _what("settled_on", sa.Date), _what("settled_by", sa.BigInteger),
        sa.CheckConstraint("amount > 0", name=op.f("difference_settlement_amount_check")),
        sa.CheckConstraint("kind IN ('SURPLUS', 'SHORTAGE')", name=op.f("difference_settlement_kind_check")),
        sa.CheckConstraint("payment_id IS NULL OR kind = 'SURPLUS'", name=op.f("difference_settlement_payment_check")),
        sa.ForeignKeyConstraint(["deposit_id"], ["deposit_decision.deposit_id"], name=op.f("difference_settlement_deposit_id_fkey")),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"], name=op.f("difference_settlement_payment_id_fkey")),
        sa.ForeignKeyConstraint(["settled_by"], ["app_user.id"], name=op.f("difference_settlement_settled_by_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("difference_settlement_pkey")),
    )  # fmt: skip
    op.create_index(op.f("difference_settlement_deposit_id_idx"), "difference_settlement", ["deposit_id"], unique=False)
    op.create_index(op.f("difference_settlement_settled_on_idx"), "difference_settlement", ["settled_on"], unique=False)
    op.create_index(
        "difference_settlement_payment_idx", "difference_settlement", ["payment_id"], postgresql_where=sa.text("payment_id IS NOT NULL")
    )
    _reversal("settlement_reversal", "settlement", "difference_settlement")
    op.create_index(op.f("settlement_reversal_reversed_on_idx"), "settlement_reversal", ["reversed_on"], unique=False)


_NAMES = (
    "invoices", "total_billed", "voided_earlier", "voided_later", "allocated", "written_off", "outstanding", "payments", "reversed",
    "refunded", "total_received", "credit", "total_deposited", "difference", "awaiting_verification", "cash_on_hand",
)  # fmt: skip
# Periods closed before get the figures that the documents had by then.
_FIGURES = (
    f"INSERT INTO period_closing_figure (closing_id, counter_id, {', '.join(_NAMES)})"
    f" SELECT period_closing.id, figures.counter_id, {', '.join(f'figures.{name}' for name in _NAMES)}"
    " FROM period_closing, period_figures(period_id, closed_at) figures"
)
