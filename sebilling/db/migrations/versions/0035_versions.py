"""versions of what people edit, against changes that would undo each other"""

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("app_user", "billing_settings", "customer", "device", "plan"):
        op.add_column(table, sa.Column("version", sa.Integer(), nullable=False, server_default="1"))
