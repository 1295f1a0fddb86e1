"""customers and service accesses counted from indexes alone"""

import sqlalchemy as sa
from alembic import op

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None


def upgrade() -> None:
    counted = ["counter_id", "plan_id", "installed_on", "active"]
    op.create_index("customer_counted_idx", "customer", ["id"], postgresql_include=counted)
    op.create_index("customer_of_plan_idx", "customer", ["plan_id"], postgresql_where=sa.text("active"))
    condition = sa.text("NOT (desired_generation = observed_generation AND actual IN (desired, 'UNKNOWN'))")
    op.create_index("service_access_drift_of_device_idx", "service_access", ["device_id"], postgresql_where=condition)
