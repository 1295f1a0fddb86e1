"""archived plans and counters"""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("plan", "counter"):
        op.add_column(table, sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True))
