"""isolation modes: their days, and which modes there are, stand in one function"""

from alembic import op

from sebilling.db.migrate import run_sql_file

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("isolation_modes.sql", "isolation.sql"):
        run_sql_file(op.get_bind(), name, revision)
    name = op.f("isolation_policy_mode_check")
    op.drop_constraint(name, "isolation_policy")
    op.create_check_constraint(name, "isolation_policy", "isolation_counted_from(mode, '2000-01-01', '2000-01-01') IS NOT NULL")
