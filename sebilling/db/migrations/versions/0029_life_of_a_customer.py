"""life of a customer: blocks counted from the due date, pauses, the end of service, due days of their own"""

import sqlalchemy as sa
from alembic import op

from sebilling.db.migrate import run_sql_file

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_suspensions()
    op.add_column("customer", sa.Column("due_day", sa.SmallInteger(), nullable=True))
    op.create_check_constraint(op.f("customer_due_day_check"), "customer", "due_day BETWEEN 1 AND 28")
    _count_from_due_dates()


def _create_suspensions() -> None:
    op.create_table(
        "suspension",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("until_on", sa.Date(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("set_by", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("kind IN ('PAUSED', 'BLOCKED', 'ENDED')", name=op.f("suspension_kind_check")),
        sa.CheckConstraint("until_on >= from_on", name=op.f("suspension_days_check")),
        sa.CheckConstraint("kind <> 'ENDED' OR until_on = from_on", name=op.f("suspension_ended_check")),
        sa.CheckConstraint("(kind = 'BLOCKED') = (reason = '')", name=op.f("suspension_reason_check")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("suspension_customer_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("suspension_pkey")),
    )
    op.create_index(op.f("suspension_customer_id_id_idx"), "suspension", ["customer_id", "id"])
    columns = [sa.text("customer_id"), sa.text("(kind = 'ENDED')")]
    op.create_index("suspension_open_idx", "suspension", columns, unique=True, postgresql_where=sa.text("until_on IS NULL"))
    run_sql_file(op.get_bind(), "suspension.sql", revision)
    op.add_column("billing_settings", sa.Column("pause_after_blocked_days", sa.SmallInteger(), nullable=False, server_default="0"))
    op.alter_column("billing_settings", "pause_after_blocked_days", server_default=None)
    condition = "pause_after_blocked_days BETWEEN 0 AND 365"
    op.create_check_constraint(op.f("billing_settings_pause_after_blocked_days_check"), "billing_settings", condition)
    name = op.f("service_access_block_reason_check")
    op.drop_constraint(name, "service_access")
    op.create_check_constraint(
        name,
        "service_access",
        "CASE block_reason"
        " WHEN 'OVERDUE' THEN desired = 'BLOCKED' AND NOT manual AND num_nulls(block_on, block_amount, block_invoice_id) = 0"
        " AND block_note IS NULL"
        " WHEN 'BY_HAND' THEN desired = 'BLOCKED' AND num_nonnulls(block_on, block_amount, block_invoice_id) = 0"
        " AND block_note IS NOT NULL"
        " WHEN 'ENDED' THEN desired = 'BLOCKED' AND manual AND block_on IS NOT NULL"
        " AND num_nonnulls(block_amount, block_invoice_id) = 0 AND block_note IS NOT NULL"
        " ELSE desired = 'ACTIVE' AND num_nonnulls(block_reason, block_on, block_amount, block_invoice_id, block_note) = 0 END",
    )


def _count_from_due_dates() -> None:
    """Give the function of isolation modes the due date: its callers are replaced before the function without it is dropped."""
    name = op.f("isolation_policy_mode_check")
    op.drop_constraint(name, "isolation_policy")
    for file in ("isolation_modes.sql", "isolation.sql"):
        run_sql_file(op.get_bind(), file, revision)
    condition = "isolation_counted_from(mode, '2000-01-01', '2000-01-01', '2000-01-01') IS NOT NULL"
    op.create_check_constraint(name, "isolation_policy", condition)
    op.execute("DROP FUNCTION isolation_counted_from(text, date, date)")
