"""opening balances: what customers owed, had paid ahead and had been billed for before they came into this system"""

import sqlalchemy as sa
from alembic import op

from sebilling.db.migrate import run_sql_file

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_constraint(op.f("invoice_line_kind_check"), "invoice_line")
    op.create_check_constraint(
        op.f("invoice_line_kind_check"), "invoice_line",
        "kind IN ('SUBSCRIPTION', 'PRORATION', 'CHARGE', 'DISCOUNT', 'TAX', 'LATE_FEE', 'OPENING')",
    )  # fmt: skip
    op.drop_constraint(op.f("payment_method_check"), "payment")
    op.create_check_constraint(op.f("payment_method_check"), "payment", "method IN ('CASH', 'TRANSFER', 'QRIS', 'OTHER', 'OPENING')")
    op.create_table(
        "opening_balance",
        sa.Column("customer_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("period_id", sa.BigInteger(), nullable=False),
        sa.Column("arrears", sa.BigInteger(), nullable=False),
        sa.Column("credit", sa.BigInteger(), nullable=False),
        sa.Column("billed_until", sa.Date(), nullable=True),
        sa.Column("invoice_id", sa.BigInteger(), nullable=True),
        sa.Column("payment_id", sa.BigInteger(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_by", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("arrears >= 0 AND credit >= 0 AND (arrears = 0 OR credit = 0)", name=op.f("opening_balance_one_side_check")),
        sa.CheckConstraint("(arrears > 0) = (invoice_id IS NOT NULL)", name=op.f("opening_balance_arrears_check")),
        sa.CheckConstraint("(credit > 0) = (payment_id IS NOT NULL)", name=op.f("opening_balance_credit_check")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("opening_balance_customer_id_fkey")),
        sa.ForeignKeyConstraint(["period_id"], ["period.id"], name=op.f("opening_balance_period_id_fkey")),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoice.id"], name=op.f("opening_balance_invoice_id_fkey")),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"], name=op.f("opening_balance_payment_id_fkey")),
        sa.PrimaryKeyConstraint("customer_id", name=op.f("opening_balance_pkey")),
    )
    op.create_table(
        "opening_history",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("happened_on", sa.Date(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.CheckConstraint("kind IN ('INVOICE', 'PAYMENT')", name=op.f("opening_history_kind_check")),
        sa.CheckConstraint("amount BETWEEN 0 AND 1000000000000", name=op.f("opening_history_amount_check")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("opening_history_customer_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("opening_history_pkey")),
    )
    op.create_index(op.f("opening_history_customer_id_happened_on_idx"), "opening_history", ["customer_id", "happened_on"], unique=False)
    run_sql_file(op.get_bind(), "opening.sql", revision)
