"""previews of isolation policies"""

from alembic import op

from sebilling.db.migrate import run_sql_file

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_sql_file(op.get_bind(), "isolation.sql", revision)
