"""event catalogue: one SQL function appends events, and payloads name objects by public id"""

from alembic import op

from sebilling.db.migrate import run_sql_file

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for path in ("sql/events.sql", "sql/record_payment.sql", "sql/credit.sql", "sql/surplus.sql", "sql/isolation.sql"):
        run_sql_file(op.get_bind(), path)
