"""queries that grew with history: indexes for lists and the dashboard, drawers and period figures that read less"""

import sqlalchemy as sa
from alembic import op

from sebilling.db.migrate import run_sql_file

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

_OWED = "outstanding > 0"
# What each one is for stands beside it in db/tables/.
_PARTIAL = (
    ("invoice_partly_paid_idx", "invoice", ["id"], f"{_OWED} AND outstanding < total"),
    ("invoice_written_off_idx", "invoice", ["id"], "written_off > 0"),
    ("invoice_void_idx", "invoice", ["id"], "voided_at IS NOT NULL"),
    ("payment_surplus_idx", "payment", ["id"], "surplus_because <> ''"),
    ("service_access_blocked_now_idx", "service_access", ["customer_id"], "actual = 'BLOCKED'"),
    (
        "service_access_drift_idx",
        "service_access",
        ["id"],
        "NOT (desired_generation = observed_generation AND actual IN (desired, 'UNKNOWN'))",
    ),
)
_WHOLE = (
    ("invoice_period_id_id_idx", "invoice", ["period_id", "id"]),
    ("customer_name_id_idx", "customer", ["name", "id"]),
    ("event_kind_id_idx", "event", ["kind", "id"]),
    ("event_actor_id_id_idx", "event", ["actor_id", "id"]),
)


def upgrade() -> None:
    op.create_index(
        "invoice_owed_idx",
        "invoice",
        ["counter_id", "due_on", "id"],
        postgresql_include=["outstanding"],
        postgresql_where=sa.text(_OWED),
    )
    for name, table, columns, condition in _PARTIAL:
        op.create_index(name, table, columns, postgresql_where=sa.text(condition))
    for name, table, columns in _WHOLE:
        op.create_index(op.f(name), table, columns)
    op.drop_index("customer_name_trgm_idx", "customer")
    searched = ["name", "code", "phone"]
    op.create_index(
        "customer_search_idx", "customer", searched, postgresql_using="gin", postgresql_ops=dict.fromkeys(searched, "gin_trgm_ops")
    )
    for name in ("drawer.sql", "period_figures.sql"):
        run_sql_file(op.get_bind(), name, revision)
