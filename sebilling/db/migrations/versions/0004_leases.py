"""leases are advisory locks and need no end; restores lock rows in one order; a trigger looks up by keys"""

import sqlalchemy as sa
from alembic import op

from sebilling.db.migrate import run_sql_file

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_column("device", "lease_until")
    op.create_index(
        "service_access_restore_idx", "service_access", ["device_id", "next_at"], unique=False,
        postgresql_where=sa.text("want > have AND desired = 'ACTIVE'"),
    )  # fmt: skip
    run_sql_file(op.get_bind(), "isolation.sql", revision)
    run_sql_file(op.get_bind(), "guards.sql", revision)
