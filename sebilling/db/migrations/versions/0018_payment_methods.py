"""payment methods with their accounts, and no silent ELSE about money; one current file for each group of functions and views"""

import sqlalchemy as sa
from alembic import op

from sebilling.db.migrate import run_sql_file

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

# Each uses what stands before it.
_FILES = (
    "half_up.sql",
    "guards.sql",
    "accounts.sql",
    "carried_sums.sql",
    "closings.sql",
    "surplus.sql",
    "drawer.sql",
    "journal.sql",
    "counted_money.sql",
    "period_figures.sql",
    "opening.sql",
    "feed.sql",
    "credit.sql",
    "record_payment.sql",
)


def upgrade() -> None:
    op.execute("CREATE DOMAIN journal_account AS text NOT NULL")
    _methods()
    op.execute("DROP VIEW journal")  # its columns change their type
    for name in _FILES:
        run_sql_file(op.get_bind(), name, revision)
    op.execute("DROP FUNCTION money_account")
    _checks()


def _methods() -> None:
    op.create_table(
        "payment_method",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("payment_method_pkey")),
        sa.CheckConstraint(
            "account IN ('CASH_ON_HAND', 'CENTRAL_CASH', 'BANK', 'OTHER_RECEIPTS', 'OPENING_BALANCE')",
            name=op.f("payment_method_account_check"),
        ),
        sa.CheckConstraint("(code = 'CASH') = (account = 'CASH_ON_HAND')", name=op.f("payment_method_cash_check")),
        sa.CheckConstraint("(code = 'OPENING') = (account = 'OPENING_BALANCE')", name=op.f("payment_method_opening_check")),
    )
    op.execute(
        "INSERT INTO payment_method VALUES ('CASH', 'CASH_ON_HAND'), ('TRANSFER', 'BANK'), ('QRIS', 'BANK'), ('OTHER', 'OTHER_RECEIPTS'),"
        " ('OPENING', 'OPENING_BALANCE')"
    )
    for table in ("payment", "refund"):
        op.drop_constraint(op.f(f"{table}_method_check"), table)
        op.create_foreign_key(op.f(f"{table}_method_fkey"), table, "payment_method", ["method"], ["code"])
    op.create_check_constraint(op.f("refund_method_check"), "refund", "method <> 'OPENING'")


def _checks() -> None:
    """What the journal books by a function is refused if the function knows no account for it."""
    for table, column, function in (
        ("deposit", "type", "deposit_account"), ("invoice_line", "kind", "line_account"), ("write_off", "kind", "write_off_account"),
    ):  # fmt: skip
        name = op.f(f"{table}_{column}_check")
        op.drop_constraint(name, table)
        op.create_check_constraint(name, table, f"{function}({column}) IS NOT NULL")
