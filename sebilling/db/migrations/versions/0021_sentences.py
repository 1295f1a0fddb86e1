"""sentences: what devices report is stored in both languages"""

from alembic import op

from sebilling.db.migrate import run_sql_file

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None
# Earlier reports are English in both languages until the device is read again.
_PAIR = "jsonb_build_object('en', {0}, 'id', {0})"


def upgrade() -> None:
    for column in ("detail", "error"):
        pair = _PAIR.format(column)
        op.execute(
            f"ALTER TABLE service_access ALTER COLUMN {column} DROP NOT NULL,"
            f" ALTER COLUMN {column} TYPE jsonb USING CASE WHEN {column} <> '' THEN {pair} END"
        )
    op.execute(
        f"UPDATE device SET problems = (SELECT jsonb_agg({_PAIR.format('problem')}) FROM jsonb_array_elements(problems) problem)"
        " WHERE problems <> '[]'"
    )
    run_sql_file(op.get_bind(), "isolation.sql", revision)
