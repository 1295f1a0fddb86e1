"""speeds of plans that are to be given on devices"""

import sqlalchemy as sa
from alembic import op

from sebilling.db.migrate import run_sql_file

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("service_access", sa.Column("speed_pending", sa.Boolean(), nullable=False, server_default="false"))
    op.create_index(op.f("service_access_speed_pending_idx"), "service_access", ["device_id"], postgresql_where=sa.text("speed_pending"))
    run_sql_file(op.get_bind(), "speeds.sql", revision)
