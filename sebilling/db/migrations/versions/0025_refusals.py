"""record_payment raises its refusals, so that it can be called in autocommit"""

from alembic import op

from sebilling.db.migrate import run_sql_file

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("DROP FUNCTION record_payment")  # its columns change
    for name in ("refuse.sql", "record_payment.sql"):
        run_sql_file(op.get_bind(), name, revision)
