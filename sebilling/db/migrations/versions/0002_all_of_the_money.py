"""all of the money: charges, discounts, tax, cycles, corrections, deposits, receipts"""

import sqlalchemy as sa
from alembic import op

from sebilling.db.migrate import run_sql_file

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE EXTENSION IF NOT EXISTS btree_gist")  # customer and stretch of time in one exclusion constraint
    op.drop_index("invoice_open_idx", "invoice")
    op.drop_index("payment_credit_idx", "payment")
    op.drop_constraint(op.f("invoice_allocated_check"), "invoice")
    op.drop_constraint(op.f("payment_allocated_check"), "payment")
    op.create_table(
        "billing_settings",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("prorate_first_month", sa.Boolean(), nullable=False),
        sa.Column("tax_rate", sa.Numeric(precision=7, scale=4), nullable=False),
        sa.Column("tax_numerator", sa.Integer(), nullable=False),
        sa.Column("tax_denominator", sa.Integer(), nullable=False),
        sa.Column("tax_rounding", sa.Text(), nullable=False),
        sa.Column("late_fee", sa.BigInteger(), nullable=False),
        sa.Column("late_fee_after_days", sa.SmallInteger(), nullable=False),
        sa.Column("company_name", sa.Text(), nullable=False),
        sa.Column("company_address", sa.Text(), nullable=False),
        sa.Column("company_phone", sa.Text(), nullable=False),
        sa.Column("receipt_footer", sa.Text(), nullable=False),
        sa.CheckConstraint("tax_rounding IN ('HALF_UP', 'DOWN')", name=op.f("billing_settings_tax_rounding_check")),
        sa.CheckConstraint("id = 1", name=op.f("billing_settings_single_check")),
        sa.CheckConstraint("late_fee BETWEEN 0 AND 1000000000", name=op.f("billing_settings_late_fee_check")),
        sa.CheckConstraint("late_fee_after_days BETWEEN 0 AND 365", name=op.f("billing_settings_late_fee_after_days_check")),
        sa.CheckConstraint(
            "tax_numerator BETWEEN 1 AND tax_denominator AND tax_denominator <= 1000", name=op.f("billing_settings_tax_fraction_check")
        ),
        sa.CheckConstraint("tax_rate BETWEEN 0 AND 100", name=op.f("billing_settings_tax_rate_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("billing_settings_pkey")),
    )
    op.create_table(
        "proof",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("object_key", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("uploaded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("uploaded_by", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "media_type IN ('image/jpeg', 'image/png', 'image/webp', 'application/pdf')", name=op.f("proof_media_type_check")
        ),
        sa.CheckConstraint("size_bytes BETWEEN 1 AND 20971520", name=op.f("proof_size_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("proof_pkey")),
        sa.UniqueConstraint("object_key", name=op.f("proof_object_key_key")),
    )
    op.create_table(
        "deposit",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("counter_id", sa.BigInteger(), nullable=False),
        sa.Column("collector_id", sa.BigInteger(), nullable=False),
        sa.Column("submitted_by", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("proof_id", sa.BigInteger(), nullable=True),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deposited_on", sa.Date(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.CheckConstraint("status IN ('SUBMITTED', 'VERIFIED', 'REJECTED')", name=op.f("deposit_status_check")),
        sa.CheckConstraint("type = 'MANUAL' OR proof_id IS NOT NULL", name=op.f("deposit_proof_check")),
        sa.CheckConstraint("type IN ('MANUAL', 'TRANSFER')", name=op.f("deposit_type_check")),
        sa.CheckConstraint("amount BETWEEN 1 AND 1000000000000000", name=op.f("deposit_amount_check")),
        sa.ForeignKeyConstraint(["collector_id"], ["app_user.id"], name=op.f("deposit_collector_id_fkey")),
        sa.ForeignKeyConstraint(["counter_id"], ["counter.id"], name=op.f("deposit_counter_id_fkey")),
        sa.ForeignKeyConstraint(["proof_id"], ["proof.id"], name=op.f("deposit_proof_id_fkey")),
        sa.ForeignKeyConstraint(["submitted_by"], ["app_user.id"], name=op.f("deposit_submitted_by_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("deposit_pkey")),
    )
    op.create_index(op.f("deposit_collector_id_counter_id_idx"), "deposit", ["collector_id", "counter_id"], unique=False)
    op.create_index(op.f("deposit_counter_id_deposited_on_id_idx"), "deposit", ["counter_id", "deposited_on", "id"], unique=False)
    op.create_index(
        "deposit_waiting_idx", "deposit", ["counter_id", "collector_id"], unique=False, postgresql_where=sa.text("status = 'SUBMITTED'")
    )
    op.create_table(
        "receipt_series",
        sa.Column("counter_id", sa.BigInteger(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("next_number", sa.Integer(), nullable=False),
        sa.CheckConstraint("next_number >= 1", name=op.f("receipt_series_next_number_check")),
        sa.ForeignKeyConstraint(["counter_id"], ["counter.id"], name=op.f("receipt_series_counter_id_fkey")),
        sa.PrimaryKeyConstraint("counter_id", "month", name=op.f("receipt_series_pkey")),
    )
    op.create_table(
        "billing_cycle",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("months", sa.SmallInteger(), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("set_by", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("months BETWEEN 1 AND 60", name=op.f("billing_cycle_months_check")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("billing_cycle_customer_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("billing_cycle_pkey")),
    )
    op.create_index(op.f("billing_cycle_customer_id_id_idx"), "billing_cycle", ["customer_id", "id"], unique=False)
    op.create_table(
        "deposit_decision",
        sa.Column("deposit_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("verified", sa.Boolean(), nullable=False),
        sa.Column("counted", sa.BigInteger(), nullable=True),
        sa.Column("difference", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("verified OR reason <> ''", name=op.f("deposit_decision_reason_check")),
        sa.CheckConstraint("counted > 0 AND difference <= counted", name=op.f("deposit_decision_counted_check")),
        sa.CheckConstraint(
            "verified = (counted IS NOT NULL) AND verified = (difference IS NOT NULL)", name=op.f("deposit_decision_verified_check")
        ),
        sa.ForeignKeyConstraint(["decided_by"], ["app_user.id"], name=op.f("deposit_decision_decided_by_fkey")),
        sa.ForeignKeyConstraint(["deposit_id"], ["deposit.id"], name=op.f("deposit_decision_deposit_id_fkey")),
        sa.PrimaryKeyConstraint("deposit_id", name=op.f("deposit_decision_pkey")),
    )
    op.create_table(
        "discount",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=True),
        sa.Column("plan_id", sa.BigInteger(), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.Column("percent", sa.Numeric(precision=7, scale=4), nullable=True),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("until_on", sa.Date(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("(amount IS NULL) <> (percent IS NULL)", name=op.f("discount_measure_check")),
        sa.CheckConstraint("(customer_id IS NULL) <> (plan_id IS NULL)", name=op.f("discount_target_check")),
        sa.CheckConstraint("amount BETWEEN 1 AND 1000000000000000", name=op.f("discount_amount_check")),
        sa.CheckConstraint("from_on <= until_on", name=op.f("discount_stretch_check")),
        sa.CheckConstraint("percent > 0 AND percent <= 100", name=op.f("discount_percent_check")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("discount_customer_id_fkey")),
        sa.ForeignKeyConstraint(["plan_id"], ["plan.id"], name=op.f("discount_plan_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("discount_pkey")),
    )
    op.create_index("discount_customer_idx", "discount", ["customer_id"], unique=False, postgresql_where=sa.text("customer_id IS NOT NULL"))
    op.create_index("discount_plan_idx", "discount", ["plan_id"], unique=False, postgresql_where=sa.text("plan_id IS NOT NULL"))
    op.create_table(
        "charge",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("overdue_invoice_id", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.BigInteger(), nullable=True),
        sa.Column("invoice_id", sa.BigInteger(), nullable=True),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(kind = 'LATE_FEE') = (overdue_invoice_id IS NOT NULL)", name=op.f("charge_overdue_check")),
        sa.CheckConstraint("kind IN ('INSTALLATION', 'DEVICE', 'CABLE', 'LATE_FEE', 'OTHER')", name=op.f("charge_kind_check")),
        sa.CheckConstraint("amount BETWEEN 1 AND 1000000000000000", name=op.f("charge_amount_check")),
        sa.CheckConstraint("invoice_id IS NULL OR cancelled_at IS NULL", name=op.f("charge_cancelled_check")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("charge_customer_id_fkey")),
        sa.ForeignKeyConstraint(["overdue_invoice_id"], ["invoice.id"], name=op.f("charge_overdue_invoice_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("charge_pkey")),
        sa.UniqueConstraint("overdue_invoice_id", name=op.f("charge_overdue_invoice_id_key")),
    )
    op.create_index("charge_billed_idx", "charge", ["invoice_id"], unique=False, postgresql_where=sa.text("invoice_id IS NOT NULL"))
    op.create_index(op.f("charge_customer_id_id_idx"), "charge", ["customer_id", "id"], unique=False)
    op.create_index(
        "charge_waiting_idx",
        "charge",
        ["customer_id"],
        unique=False,
        postgresql_where=sa.text("invoice_id IS NULL AND cancelled_at IS NULL"),
    )
    op.create_table(
        "invoice_void",
        sa.Column("invoice_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("period_id", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("voided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("voided_by", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoice.id"], name=op.f("invoice_void_invoice_id_fkey")),
        sa.ForeignKeyConstraint(["period_id"], ["period.id"], name=op.f("invoice_void_period_id_fkey")),
        sa.PrimaryKeyConstraint("invoice_id", name=op.f("invoice_void_pkey")),
    )
    op.create_index(op.f("invoice_void_period_id_idx"), "invoice_void", ["period_id"], unique=False)
    op.create_table(
        "payment_reversal",
        sa.Column("payment_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("reversed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reversed_on", sa.Date(), nullable=False),
        sa.Column("reversed_by", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"], name=op.f("payment_reversal_payment_id_fkey")),
        sa.PrimaryKeyConstraint("payment_id", name=op.f("payment_reversal_pkey")),
    )
    op.create_index(op.f("payment_reversal_reversed_on_idx"), "payment_reversal", ["reversed_on"], unique=False)
    op.create_table(
        "receipt",
        sa.Column("payment_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("counter_id", sa.BigInteger(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"], name=op.f("receipt_payment_id_fkey")),
        sa.PrimaryKeyConstraint("payment_id", name=op.f("receipt_pkey")),
        sa.UniqueConstraint("counter_id", "month", "sequence", name=op.f("receipt_counter_id_month_sequence_key")),
        sa.UniqueConstraint("number", name=op.f("receipt_number_key")),
    )
    op.create_table(
        "refund",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("payment_id", sa.BigInteger(), nullable=False),
        sa.Column("counter_id", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("refunded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("refunded_on", sa.Date(), nullable=False),
        sa.Column("refunded_by", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("method IN ('CASH', 'TRANSFER', 'QRIS', 'OTHER')", name=op.f("refund_method_check")),
        sa.CheckConstraint("amount > 0", name=op.f("refund_amount_check")),
        sa.ForeignKeyConstraint(["counter_id"], ["counter.id"], name=op.f("refund_counter_id_fkey")),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"], name=op.f("refund_payment_id_fkey")),
        sa.ForeignKeyConstraint(["refunded_by"], ["app_user.id"], name=op.f("refund_refunded_by_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("refund_pkey")),
    )
    op.create_index(op.f("refund_counter_id_refunded_on_idx"), "refund", ["counter_id", "refunded_on"], unique=False)
    op.create_index(op.f("refund_payment_id_idx"), "refund", ["payment_id"], unique=False)
    op.create_table(
        "write_off",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("invoice_id", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("written_off_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("written_off_on", sa.Date(), nullable=False),
        sa.Column("written_off_by", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("amount > 0", name=op.f("write_off_amount_check")),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoice.id"], name=op.f("write_off_invoice_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("write_off_pkey")),
    )
    op.create_index(op.f("write_off_invoice_id_idx"), "write_off", ["invoice_id"], unique=False)
    op.create_table(
        "deallocation",
        sa.Column("allocation_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("deallocated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["allocation_id"], ["allocation.id"], name=op.f("deallocation_allocation_id_fkey")),
        sa.PrimaryKeyConstraint("allocation_id", name=op.f("deallocation_pkey")),
    )
    op.add_column("invoice", sa.Column("written_off", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("invoice", sa.Column("voided_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "invoice",
        sa.Column(
            "outstanding",
            sa.BigInteger(),
            sa.Computed("CASE WHEN voided_at IS NULL THEN total - allocated - written_off ELSE 0 END", persisted=True),
            nullable=False,
        ),
    )
    op.drop_constraint(op.f("invoice_customer_id_period_id_key"), "invoice", type_="unique")
    op.create_index(op.f("invoice_customer_id_covers_until_idx"), "invoice", ["customer_id", "covers_until"], unique=False)
    op.create_index(
        "invoice_live_period_idx", "invoice", ["customer_id", "period_id"], unique=True, postgresql_where=sa.text("voided_at IS NULL")
    )
    op.add_column("invoice_line", sa.Column("charge_id", sa.BigInteger(), nullable=True))
    op.add_column("invoice_line", sa.Column("discount_id", sa.BigInteger(), nullable=True))
    op.add_column("invoice_line", sa.Column("tax_rate", sa.Numeric(precision=7, scale=4), nullable=True))
    op.add_column("invoice_line", sa.Column("tax_fraction", sa.Text(), nullable=True))
    op.add_column("invoice_line", sa.Column("tax_base", sa.BigInteger(), nullable=True))
    op.add_column("invoice_line", sa.Column("tax_rounding", sa.Text(), nullable=True))
    op.create_index(
        "invoice_line_charge_idx", "invoice_line", ["charge_id"], unique=False, postgresql_where=sa.text("charge_id IS NOT NULL")
    )
    op.add_column("payment", sa.Column("surplus_because", sa.Text(), nullable=False, server_default=""))
    op.add_column("payment", sa.Column("refunded", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("payment", sa.Column("reversed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "payment",
        sa.Column(
            "credit",
            sa.BigInteger(),
            sa.Computed("CASE WHEN reversed_at IS NULL THEN amount - allocated - refunded ELSE 0 END", persisted=True),
            nullable=False,
        ),
    )
    op.create_index(
        "payment_cash_idx",
        "payment",
        ["counter_id", "received_by"],
        unique=False,
        postgresql_include=["amount"],
        postgresql_where=sa.text("method = 'CASH' AND reversed_at IS NULL"),
    )
    for table, columns in (("invoice", ["written_off"]), ("payment", ["refunded", "surplus_because"])):
        for column in columns:  # the default was for the rows of before
            op.alter_column(table, column, server_default=None)
    op.create_index("invoice_open_idx", "invoice", ["customer_id", "due_on", "id"], postgresql_where=sa.text("outstanding > 0"))
    op.create_index("payment_credit_idx", "payment", ["customer_id"], postgresql_where=sa.text("credit > 0"))
    op.execute(
        "ALTER TABLE invoice ADD CONSTRAINT invoice_covers_excl EXCLUDE USING gist"
        " (customer_id WITH =, daterange(covers_from, covers_until) WITH &&) WHERE (voided_at IS NULL)"
    )
    for table, name, check in _CHECKS:
        op.create_check_constraint(op.f(f"{table}_{name}_check"), table, check)
    op.execute(_SETTINGS)
    op.execute(_RECEIPTS)
    op.execute(_SERIES)
    run_sql_file(op.get_bind(), "guards.sql", revision)
    run_sql_file(op.get_bind(), "record_payment.sql", revision)
    run_sql_file(op.get_bind(), "views.sql", revision)


_CHECKS = (
    ("invoice", "allocated", "total >= 0 AND allocated >= 0 AND written_off >= 0 AND allocated + written_off <= total"),
    ("invoice", "voided", "voided_at IS NULL OR allocated + written_off = 0"),
    ("invoice_line", "kind", "kind IN ('SUBSCRIPTION', 'PRORATION', 'CHARGE', 'DISCOUNT', 'TAX', 'LATE_FEE')"),
    ("invoice_line", "sign", "(kind = 'DISCOUNT') = (amount < 0)"),
    ("invoice_line", "tax", "(kind = 'TAX') = (tax_rate IS NOT NULL)"),
    ("payment", "allocated", "allocated >= 0 AND refunded >= 0 AND allocated + refunded <= amount"),
    ("payment", "reversed", "reversed_at IS NULL OR allocated + refunded = 0"),
    ("payment", "surplus_because", "surplus_because IN ('', 'OVERPAID', 'IN_ADVANCE', 'ALREADY_PAID')"),
)
_SETTINGS = "INSERT INTO billing_settings VALUES (1, false, 0, 1, 1, 'HALF_UP', 0, 0, '', '', '', '')"
# Payments of before get their receipt numbers in the order in which they came.
_RECEIPTS = """
    INSERT INTO receipt (payment_id, counter_id, month, sequence, number)
    SELECT id, counter_id, month, sequence,
           'KW/' || to_char(month, 'YYYY-MM') || '/' || code || '/' || lpad(sequence::text, greatest(6, length(sequence::text)), '0')
      FROM (SELECT payment.id, counter_id, code, date_trunc('month', received_on)::date AS month,
                   row_number() OVER (PARTITION BY counter_id, date_trunc('month', received_on) ORDER BY payment.id) AS sequence
              FROM payment JOIN counter ON counter.id = counter_id) numbered
"""
_SERIES = "INSERT INTO receipt_series SELECT counter_id, month, max(sequence) + 1 FROM receipt GROUP BY counter_id, month"
