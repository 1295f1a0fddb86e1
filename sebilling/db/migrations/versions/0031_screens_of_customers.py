"""screens of customers and isolation: timelines, forecasts, promises with their state, wider search, more orders"""

import sqlalchemy as sa
from alembic import op

from sebilling.db.migrate import run_sql_file

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

# What each one is for stands beside it in db/tables/.
_EVENT_CUSTOMER = "event_customer(subject, subject_id, data)"


def upgrade() -> None:
    for name in ("isolation.sql", "timeline.sql", "forecast.sql"):
        run_sql_file(op.get_bind(), name, revision)
    op.create_index(
        "event_customer_idx",
        "event",
        [sa.text(_EVENT_CUSTOMER), "id"],
        postgresql_where=sa.text(f"{_EVENT_CUSTOMER} IS NOT NULL"),
    )
    op.create_index(op.f("payment_promise_until_on_idx"), "payment_promise", ["until_on"])
    op.create_index(op.f("customer_installed_on_id_idx"), "customer", ["installed_on", "id"])
    op.drop_index("customer_search_idx", "customer")
    searched = ["name", "address", "code", "phone", "pppoe_name"]
    op.create_index(
        "customer_search_idx", "customer", searched, postgresql_using="gin", postgresql_ops=dict.fromkeys(searched, "gin_trgm_ops")
    )
