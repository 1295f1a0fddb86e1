"""credit never lies beside a debt, inactive customers still owe, and money of those who moved is taken"""

import sqlalchemy as sa
from alembic import op

from sebilling.db.migrate import run_sql_file

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "credit_hold",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("payment_id", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("held_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("held_by", sa.BigInteger(), nullable=True),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("released_by", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["payment_id"], ["payment.id"], name=op.f("credit_hold_payment_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("credit_hold_pkey")),
    )
    op.create_index("credit_hold_current_idx", "credit_hold", ["payment_id"], unique=True, postgresql_where=sa.text("released_at IS NULL"))
    op.create_table(
        "customer_move",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("from_counter_id", sa.BigInteger(), nullable=False),
        sa.Column("to_counter_id", sa.BigInteger(), nullable=False),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("moved_by", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("customer_move_customer_id_fkey")),
        sa.ForeignKeyConstraint(["from_counter_id"], ["counter.id"], name=op.f("customer_move_from_counter_id_fkey")),
        sa.ForeignKeyConstraint(["to_counter_id"], ["counter.id"], name=op.f("customer_move_to_counter_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("customer_move_pkey")),
    )
    op.create_index(op.f("customer_move_customer_id_id_idx"), "customer_move", ["customer_id", "id"], unique=False)
    op.create_table(
        "user_counter_left",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("counter_id", sa.BigInteger(), nullable=False),
        sa.Column("left_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["app_user.id"], name=op.f("user_counter_left_user_id_fkey")),
        sa.ForeignKeyConstraint(["counter_id"], ["counter.id"], name=op.f("user_counter_left_counter_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("user_counter_left_pkey")),
    )
    op.create_index(op.f("user_counter_left_user_id_idx"), "user_counter_left", ["user_id"], unique=False)
    run_sql_file(op.get_bind(), "credit.sql", revision)
    run_sql_file(op.get_bind(), "record_payment.sql", revision)
    run_sql_file(op.get_bind(), "isolation.sql", revision)
