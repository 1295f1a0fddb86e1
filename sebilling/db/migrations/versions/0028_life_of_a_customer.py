"""life of a customer: blocks counted from the due date"""

from alembic import op

from sebilling.db.migrate import run_sql_file

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _count_from_due_dates()


def _count_from_due_dates() -> None:
    """Give the function of isolation modes the due date: its callers are replaced before the function without it is dropped."""
    name = op.f("isolation_policy_mode_check")
    op.drop_constraint(name, "isolation_policy")
    for file in ("isolation_modes.sql", "isolation.sql"):
        run_sql_file(op.get_bind(), file, revision)
    condition = "isolation_counted_from(mode, '2000-01-01', '2000-01-01', '2000-01-01') IS NOT NULL"
    op.create_check_constraint(name, "isolation_policy", condition)
    op.execute("DROP FUNCTION isolation_counted_from(text, date, date)")
