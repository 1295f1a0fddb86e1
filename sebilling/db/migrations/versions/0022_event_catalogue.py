"""event catalogue: one SQL function appends events, and payloads name objects by public id"""

from alembic import op

from sebilling.db.migrate import run_sql_file

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("events.sql", "record_payment.sql", "credit.sql", "surplus.sql", "isolation.sql"):
        run_sql_file(op.get_bind(), name, revision)
