"""payment methods: each with the account that it is booked to; one current file for each group of functions and views"""

from alembic import op

from sebilling.db.migrate import run_sql_file

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

# Each uses what stands before it.
_FILES = (
    "sql/half_up.sql",
    "sql/guards.sql",
    "sql/accounts.sql",
    "sql/carried_sums.sql",
    "sql/closings.sql",
    "sql/surplus.sql",
    "sql/drawer.sql",
    "sql/journal.sql",
    "sql/counted_money.sql",
    "sql/period_figures.sql",
    "sql/opening.sql",
    "sql/feed.sql",
    "sql/credit.sql",
    "sql/isolation.sql",
    "sql/record_payment.sql",
)


def upgrade() -> None:
    for path in _FILES:
        run_sql_file(op.get_bind(), path)
