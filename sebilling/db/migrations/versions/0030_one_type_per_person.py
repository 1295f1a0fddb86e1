"""one type per person: users are read from their table, and the view of accounts has only what the caller may know of themselves"""

from alembic import op

from sebilling.db.migrate import run_sql_file

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("DROP VIEW account")
    run_sql_file(op.get_bind(), "accounts.sql", revision)
