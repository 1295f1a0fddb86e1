"""a limit on the cash that a collector holds"""

import sqlalchemy as sa
from alembic import op

from sebilling.db.migrate import run_sql_file

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    settings = "billing_settings"
    op.add_column(settings, sa.Column("cash_limit", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column(settings, sa.Column("cash_limit_action", sa.Text(), nullable=False, server_default="WARN"))
    for name in ("cash_limit", "cash_limit_action"):
        op.alter_column(settings, name, server_default=None)
    op.create_check_constraint(op.f(f"{settings}_cash_limit_check"), settings, "cash_limit BETWEEN 0 AND 1000000000000")
    op.create_check_constraint(op.f(f"{settings}_cash_limit_action_check"), settings, "cash_limit_action IN ('WARN', 'REFUSE')")
    op.create_index(op.f("drawer_balance_collector_id_idx"), "drawer_balance", ["collector_id"])
    op.execute("DROP FUNCTION record_payment")  # its columns change
    run_sql_file(op.get_bind(), "record_payment.sql", revision)
