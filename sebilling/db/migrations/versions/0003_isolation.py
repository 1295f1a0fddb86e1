"""isolation: devices, what should be and what is on them, policies, promises"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from sebilling.db.migrate import run_sql_file

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "device",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("config", sa.LargeBinary(), nullable=False),
        sa.Column("config_version", sa.SmallInteger(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reachable", sa.Boolean(), nullable=True),
        sa.Column("problems", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_by", sa.Text(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("device_pkey")),
        sa.UniqueConstraint("name", name=op.f("device_name_key")),
    )
    op.create_index(op.f("device_next_at_idx"), "device", ["next_at"], unique=False)
    op.create_table(
        "isolation_hold",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("held_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("would_cut", sa.Integer(), nullable=False),
        sa.Column("of_active", sa.Integer(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.BigInteger(), nullable=True),
        sa.Column("approved", sa.Boolean(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("isolation_hold_pkey")),
    )
    op.create_table(
        "no_cut_day",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("no_cut_day_pkey")),
    )
    op.create_table(
        "isolation_policy",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=True),
        sa.Column("counter_id", sa.BigInteger(), nullable=True),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("days", sa.SmallInteger(), nullable=False),
        sa.Column("minimum", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("mode IN ('FROM_INVOICE', 'FROM_INSTALL_DATE', 'MANUAL')", name=op.f("isolation_policy_mode_check")),
        sa.CheckConstraint("customer_id IS NULL OR counter_id IS NULL", name=op.f("isolation_policy_scope_check")),
        sa.CheckConstraint("days BETWEEN 0 AND 365", name=op.f("isolation_policy_days_check")),
        sa.CheckConstraint("minimum BETWEEN 1 AND 1000000000000000", name=op.f("isolation_policy_minimum_check")),
        sa.ForeignKeyConstraint(["counter_id"], ["counter.id"], name=op.f("isolation_policy_counter_id_fkey")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("isolation_policy_customer_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("isolation_policy_pkey")),
        sa.UniqueConstraint(
            "customer_id", "counter_id", name=op.f("isolation_policy_customer_id_counter_id_key"), postgresql_nulls_not_distinct=True
        ),
    )
    op.create_index(op.f("isolation_policy_counter_id_idx"), "isolation_policy", ["counter_id"], unique=False)
    op.create_table(
        "payment_promise",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("until_on", sa.Date(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("promised_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("promised_to", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("payment_promise_customer_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("payment_promise_pkey")),
    )
    op.create_index(op.f("payment_promise_customer_id_id_idx"), "payment_promise", ["customer_id", "id"], unique=False)
    op.create_table(
        "service_access",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("device_id", sa.BigInteger(), nullable=False),
        sa.Column("service_kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("desired", sa.Text(), nullable=False),
        sa.Column("manual", sa.Boolean(), nullable=False),
        sa.Column("because", sa.Text(), nullable=False),
        sa.Column("desired_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("want", sa.BigInteger(), nullable=False),
        sa.Column("have", sa.BigInteger(), nullable=False),
        sa.Column("actual", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("snapshot", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("snapshot_plan_id", sa.BigInteger(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.CheckConstraint("NOT manual OR desired = 'BLOCKED'", name=op.f("service_access_manual_check")),
        sa.CheckConstraint("actual IN ('UNKNOWN', 'ACTIVE', 'BLOCKED', 'DRIFTED', 'ABSENT')", name=op.f("service_access_actual_check")),
        sa.CheckConstraint("desired IN ('ACTIVE', 'BLOCKED')", name=op.f("service_access_desired_check")),
        sa.CheckConstraint("have <= want", name=op.f("service_access_have_check")),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("service_access_customer_id_fkey")),
        sa.ForeignKeyConstraint(["device_id"], ["device.id"], name=op.f("service_access_device_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("service_access_pkey")),
        sa.UniqueConstraint("device_id", "key", name=op.f("service_access_device_id_key_key")),
    )
    op.create_index(
        "service_access_blocked_idx", "service_access", ["customer_id"], unique=False, postgresql_where=sa.text("desired = 'BLOCKED'")
    )
    op.create_index(op.f("service_access_customer_id_idx"), "service_access", ["customer_id"], unique=False)
    op.create_index(
        "service_access_dirty_idx", "service_access", ["device_id", "next_at"], unique=False, postgresql_where=sa.text("want > have")
    )
    op.add_column("billing_settings", sa.Column("mass_cut_percent", sa.SmallInteger(), nullable=False, server_default="30"))
    op.alter_column("billing_settings", "mass_cut_percent", server_default=None)
    op.create_check_constraint(op.f("billing_settings_mass_cut_percent_check"), "billing_settings", "mass_cut_percent BETWEEN 1 AND 100")
    op.execute("INSERT INTO isolation_policy (mode, days, minimum) VALUES ('MANUAL', 0, 1)")  # until the ISP decides, nobody is blocked
    run_sql_file(op.get_bind(), "isolation.sql", revision)
    run_sql_file(op.get_bind(), "record_payment.sql", revision)
