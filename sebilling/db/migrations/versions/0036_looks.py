"""looks at devices for what isn't as SeBilling left it; one key per kind of service"""

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    settings = "billing_settings"
    op.add_column(settings, sa.Column("look_every_minutes", sa.SmallInteger(), nullable=False, server_default="10"))
    op.add_column(settings, sa.Column("drift_action", sa.Text(), nullable=False, server_default="REAPPLY_BLOCKS"))
    for name in ("look_every_minutes", "drift_action"):
        op.alter_column(settings, name, server_default=None)
    op.create_check_constraint(op.f(f"{settings}_look_every_minutes_check"), settings, "look_every_minutes BETWEEN 5 AND 60")
    op.create_check_constraint(op.f(f"{settings}_drift_action_check"), settings, "drift_action IN ('REPORT', 'REAPPLY_BLOCKS', 'ENFORCE')")
    for name in ("looked_at", "up_since"):
        op.add_column("device", sa.Column(name, sa.DateTime(timezone=True)))
    for name in ("reclaim", "found_blocked"):
        op.add_column("service_access", sa.Column(name, sa.Boolean(), nullable=False, server_default="false"))
    op.drop_constraint(op.f("service_access_device_id_key_key"), "service_access")
    op.create_unique_constraint(
        op.f("service_access_device_id_service_kind_key_key"), "service_access", ["device_id", "service_kind", "key"]
    )
