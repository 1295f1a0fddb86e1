"""references and days of invoices are checked once per statement, by triggers, instead of row by row"""

from alembic import op

from sebilling.db.migrate import run_sql_file

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table, constraint in (
        ("invoice", "invoice_covers_excl"),
        ("invoice", "invoice_customer_id_fkey"),
        ("invoice", "invoice_period_id_counter_id_fkey"),
        ("invoice_line", "invoice_line_invoice_id_fkey"),
    ):
        op.drop_constraint(op.f(constraint), table)
    run_sql_file(op.get_bind(), "invoice_checks.sql", revision)
