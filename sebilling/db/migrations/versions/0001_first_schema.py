"""first schema"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from sebilling.db.migrate import run_sql_file

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")  # names are searched by a part of them
    op.create_table(
        "app_user",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("username", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("role IN ('ADMIN', 'FINANCE', 'CLERK', 'COLLECTOR', 'TECHNICIAN', 'AUDITOR')", name=op.f("app_user_role_check")),
        sa.CheckConstraint("username = lower(username)", name=op.f("app_user_username_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("app_user_pkey")),
        sa.UniqueConstraint("username", name=op.f("app_user_username_key")),
    )
    op.create_table(
        "counter",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("timezone", sa.Text(), nullable=False),
        sa.Column("due_day", sa.SmallInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("timezone IN ('Asia/Jakarta', 'Asia/Makassar', 'Asia/Jayapura')", name=op.f("counter_timezone_check")),
        sa.CheckConstraint("due_day BETWEEN 1 AND 28", name=op.f("counter_due_day_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("counter_pkey")),
        sa.UniqueConstraint("code", name=op.f("counter_code_key")),
    )
    op.create_table(
        "event",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_id", sa.BigInteger(), nullable=True),
        sa.Column("actor_name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.BigInteger(), nullable=False),
        sa.Column("counter_id", sa.BigInteger(), nullable=True),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("event_pkey")),
    )
    op.create_index(op.f("event_subject_subject_id_id_idx"), "event", ["subject", "subject_id", "id"], unique=False)
    op.create_table(
        "idempotency_key",
        sa.Column("user_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("result_id", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "key", name=op.f("idempotency_key_pkey")),
    )
    op.create_table(
        "period",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("extract(day FROM month) = 1", name=op.f("period_month_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("period_pkey")),
        sa.UniqueConstraint("month", name=op.f("period_month_key")),
    )
    op.create_table(
        "plan",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("price", sa.BigInteger(), nullable=False),
        sa.Column("rate_down_kbps", sa.Integer(), nullable=True),
        sa.Column("rate_up_kbps", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("price BETWEEN 0 AND 1000000000000000", name=op.f("plan_price_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("plan_pkey")),
        sa.UniqueConstraint("name", name=op.f("plan_name_key")),
    )
    op.create_table(
        "access_token",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["app_user.id"], name=op.f("access_token_user_id_fkey")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("access_token_pkey")),
    )
    op.create_index(op.f("access_token_user_id_idx"), "access_token", ["user_id"], unique=False)
    op.create_table(
        "customer",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("counter_id", sa.BigInteger(), nullable=False),
        sa.Column("plan_id", sa.BigInteger(), nullable=False),
        sa.Column("price", sa.BigInteger(), nullable=True),
        sa.Column("installed_on", sa.Date(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("pppoe_name", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("price BETWEEN 0 AND 1000000000000000", name=op.f("customer_price_check")),
        sa.ForeignKeyConstraint(["counter_id"], ["counter.id"], name=op.f("customer_counter_id_fkey")),
        sa.ForeignKeyConstraint(["plan_id"], ["plan.id"], name=op.f("customer_plan_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("customer_pkey")),
        sa.UniqueConstraint("code", name=op.f("customer_code_key")),
        sa.UniqueConstraint("pppoe_name", name=op.f("customer_pppoe_name_key")),
    )
    op.create_index(op.f("customer_counter_id_id_idx"), "customer", ["counter_id", "id"], unique=False)
    op.create_index(
        "customer_name_trgm_idx", "customer", ["name"], unique=False, postgresql_using="gin", postgresql_ops={"name": "gin_trgm_ops"}
    )
    op.create_table(
        "generation_run",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("period_id", sa.BigInteger(), nullable=False),
        sa.Column("requested_by", sa.BigInteger(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["period_id"], ["period.id"], name=op.f("generation_run_period_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("generation_run_pkey")),
    )
    op.create_index(
        "generation_run_unfinished_idx", "generation_run", ["period_id"], unique=False, postgresql_where=sa.text("finished_at IS NULL")
    )
    op.create_table(
        "invoice_series",
        sa.Column("period_id", sa.BigInteger(), nullable=False),
        sa.Column("counter_id", sa.BigInteger(), nullable=False),
        sa.Column("next_number", sa.Integer(), nullable=False),
        sa.CheckConstraint("next_number >= 1", name=op.f("invoice_series_next_number_check")),
        sa.ForeignKeyConstraint(["counter_id"], ["counter.id"], name=op.f("invoice_series_counter_id_fkey")),
        sa.ForeignKeyConstraint(["period_id"], ["period.id"], name=op.f("invoice_series_period_id_fkey")),
        sa.PrimaryKeyConstraint("period_id", "counter_id", name=op.f("invoice_series_pkey")),
    )
    op.create_table(
        "user_counter",
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("counter_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["counter_id"], ["counter.id"], name=op.f("user_counter_counter_id_fkey")),
        sa.ForeignKeyConstraint(["user_id"], ["app_user.id"], name=op.f("user_counter_user_id_fkey")),
        sa.PrimaryKeyConstraint("user_id", "counter_id", name=op.f("user_counter_pkey")),
    )
    op.create_table(
        "generation_task",
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("counter_id", sa.BigInteger(), nullable=False),
        sa.Column("after_customer_id", sa.BigInteger(), nullable=False),
        sa.Column("upto_customer_id", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("issued", sa.Integer(), nullable=False),
        sa.Column("already_invoiced", sa.Integer(), nullable=False),
        sa.Column("skipped", sa.Integer(), nullable=False),
        sa.Column("skipped_by_reason", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("total_amount", sa.BigInteger(), nullable=False),
        sa.Column("finished", sa.Boolean(), nullable=False),
        sa.CheckConstraint("NOT finished OR done = total", name=op.f("generation_task_finished_check")),
        sa.CheckConstraint("done = issued + already_invoiced + skipped", name=op.f("generation_task_accounted_check")),
        sa.ForeignKeyConstraint(["counter_id"], ["counter.id"], name=op.f("generation_task_counter_id_fkey")),
        sa.ForeignKeyConstraint(["run_id"], ["generation_run.id"], name=op.f("generation_task_run_id_fkey")),
        sa.PrimaryKeyConstraint("run_id", "counter_id", name=op.f("generation_task_pkey")),
    )
    op.create_table(
        "invoice",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("period_id", sa.BigInteger(), nullable=False),
        sa.Column("counter_id", sa.BigInteger(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=True),
        sa.Column("plan_name", sa.Text(), nullable=False),
        sa.Column("covers_from", sa.Date(), nullable=False),
        sa.Column("covers_until", sa.Date(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("allocated", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("covers_from < covers_until", name=op.f("invoice_covers_check")),
        sa.CheckConstraint("total >= 0 AND allocated BETWEEN 0 AND total", name=op.f("invoice_allocated_check")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("invoice_customer_id_fkey")),
        sa.ForeignKeyConstraint(
            ["period_id", "counter_id"],
            ["invoice_series.period_id", "invoice_series.counter_id"],
            name=op.f("invoice_period_id_counter_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("invoice_pkey")),
        sa.UniqueConstraint("customer_id", "period_id", name=op.f("invoice_customer_id_period_id_key")),
        sa.UniqueConstraint("period_id", "counter_id", "sequence", name=op.f("invoice_period_id_counter_id_sequence_key")),
    )
    op.create_index(
        "invoice_open_idx", "invoice", ["customer_id", "due_on", "id"], unique=False, postgresql_where=sa.text("allocated < total")
    )
    op.create_table(
        "payment",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("counter_id", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("allocated", sa.BigInteger(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("received_by", sa.BigInteger(), nullable=False),
        sa.Column("collected_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_on", sa.Date(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.CheckConstraint("method IN ('CASH', 'TRANSFER', 'QRIS', 'OTHER')", name=op.f("payment_method_check")),
        sa.CheckConstraint("allocated BETWEEN 0 AND amount", name=op.f("payment_allocated_check")),
        sa.CheckConstraint("amount BETWEEN 1 AND 1000000000000000", name=op.f("payment_amount_check")),
        sa.ForeignKeyConstraint(["counter_id"], ["counter.id"], name=op.f("payment_counter_id_fkey")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("payment_customer_id_fkey")),
        sa.ForeignKeyConstraint(["received_by"], ["app_user.id"], name=op.f("payment_received_by_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("payment_pkey")),
    )
    op.create_index(op.f("payment_counter_id_received_on_id_idx"), "payment", ["counter_id", "received_on", "id"], unique=False)
    op.create_index("payment_credit_idx", "payment", ["customer_id"], unique=False, postgresql_where=sa.text("allocated < amount"))
    op.create_index(op.f("payment_customer_id_id_idx"), "payment", ["customer_id", "id"], unique=False)
    op.create_table(
        "allocation",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("payment_id", sa.BigInteger(), nullable=False),
        sa.Column("invoice_id", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("allocated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("allocation_amount_check")),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoice.id"], name=op.f("allocation_invoice_id_fkey")),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"], name=op.f("allocation_payment_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("allocation_pkey")),
    )
    op.create_index(op.f("allocation_invoice_id_idx"), "allocation", ["invoice_id"], unique=False)
    op.create_index(op.f("allocation_payment_id_idx"), "allocation", ["payment_id"], unique=False)
    op.create_table(
        "invoice_line",
        sa.Column("invoice_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("quantity", sa.SmallInteger(), nullable=False),
        sa.Column("unit_price", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount = quantity * unit_price", name=op.f("invoice_line_amount_check")),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoice.id"], name=op.f("invoice_line_invoice_id_fkey")),
        sa.PrimaryKeyConstraint("invoice_id", "position", name=op.f("invoice_line_pkey")),
    )
    run_sql_file(op.get_bind(), "guards.sql", revision)
    run_sql_file(op.get_bind(), "record_payment.sql", revision)
