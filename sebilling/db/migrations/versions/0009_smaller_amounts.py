"""one document holds at most 10^12 rupiah, so that sums of any real number of them can be told exactly"""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_BOUNDS = (
    ("plan", "price", 0),
    ("customer", "price", 0),
    ("payment", "amount", 1),
    ("deposit", "amount", 1),
    ("discount", "amount", 1),
    ("charge", "amount", 1),
    ("isolation_policy", "minimum", 1),
)


def upgrade() -> None:
    for table, column, least in _BOUNDS:
        name = op.f(f"{table}_{column}_check")
        op.drop_constraint(name, table, type_="check")
        op.create_check_constraint(name, table, f"{column} BETWEEN {least} AND 1000000000000")
