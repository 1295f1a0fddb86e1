"""totals of payments from what is kept of each day"""

import sqlalchemy as sa
from alembic import op

from sebilling.db.migrate import run_sql_file

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None


def upgrade() -> None:
    summed = ["counter_id", "method", "received_on", "amount"]
    op.create_index(
        "payment_reversed_idx", "payment", ["id"], postgresql_where=sa.text("reversed_at IS NOT NULL"), postgresql_include=summed
    )
    run_sql_file(op.get_bind(), "payment_totals.sql", revision)
