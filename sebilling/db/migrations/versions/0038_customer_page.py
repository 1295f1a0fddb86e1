"""how to pay, and promises of customers by themselves, for their own page"""

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None


def upgrade() -> None:
    settings = "billing_settings"
    op.add_column(settings, sa.Column("payment_instructions", sa.Text(), nullable=False, server_default=""))
    op.add_column(settings, sa.Column("customer_promise_days", sa.SmallInteger(), nullable=False, server_default="0"))
    for name in ("payment_instructions", "customer_promise_days"):
        op.alter_column(settings, name, server_default=None)
    op.create_check_constraint(op.f(f"{settings}_customer_promise_days_check"), settings, "customer_promise_days BETWEEN 0 AND 14")
