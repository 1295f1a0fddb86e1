"""what customers of a list owe together"""

from alembic import op

from sebilling.db.migrate import run_sql_file

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file(op.get_bind(), "forecast.sql", revision)
