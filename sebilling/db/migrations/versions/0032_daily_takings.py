"""daily takings, kept by triggers; totals of periods; indexes of what is owed by period, and of payments by receiver"""

import sqlalchemy as sa
from alembic import op

from sebilling.db.migrate import run_sql_file

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

_FILL = """
    INSERT INTO daily_takings (counter_id, day, method, payments, received, reversed)
    SELECT counter_id, day, method, sum(payments), sum(received), sum(reversed)
      FROM (SELECT counter_id, received_on AS day, method, 1 AS payments, amount AS received, 0 AS reversed FROM payment
            UNION ALL
            SELECT counter_id, reversed_on, method, 0, 0, amount FROM payment_reversal JOIN payment ON payment.id = payment_id) moved
     GROUP BY counter_id, day, method
"""


def upgrade() -> None:
    op.create_table(
        "daily_takings",
        sa.Column("counter_id", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("payments", sa.BigInteger(), nullable=False),
        sa.Column("received", sa.Numeric(), nullable=False),
        sa.Column("reversed", sa.Numeric(), nullable=False),
        sa.PrimaryKeyConstraint("counter_id", "day", "method", name=op.f("daily_takings_pkey")),
        sa.ForeignKeyConstraint(["counter_id"], ["counter.id"], name=op.f("daily_takings_counter_id_fkey")),
        sa.ForeignKeyConstraint(["method"], ["payment_method.code"], name=op.f("daily_takings_method_fkey")),
    )
    # Nobody receives money between the sum and the triggers that carry it on.
    op.execute("LOCK TABLE payment, payment_reversal IN SHARE ROW EXCLUSIVE MODE")
    op.execute(_FILL)
    run_sql_file(op.get_bind(), "takings.sql", revision)
    _index_invoices()
    op.create_index(op.f("payment_received_by_id_idx"), "payment", ["received_by", "id"])
    op.create_index("deposit_proof_idx", "deposit", ["proof_id"], postgresql_where=sa.text("proof_id IS NOT NULL"))
    op.create_index(op.f("generation_run_period_id_id_idx"), "generation_run", ["period_id", "id"])
    run_sql_file(op.get_bind(), "period_totals.sql", revision)
    op.drop_index("service_access_drift_idx", "service_access")
    condition = "NOT (desired_generation = observed_generation AND actual IN (desired, 'UNKNOWN'))"
    included, where = ["customer_id"], sa.text(condition)
    op.create_index("service_access_drift_idx", "service_access", ["id"], postgresql_include=included, postgresql_where=where)


def _index_invoices() -> None:
    """Index the few from which a period's sums are read, with what is summed."""
    op.drop_index("invoice_owed_idx", "invoice")
    for name, columns, included, condition in (
        ("invoice_owed_idx", ["counter_id", "due_on", "id"], ["outstanding", "period_id", "customer_id"], "outstanding > 0"),
        ("invoice_void_total_idx", ["period_id", "counter_id"], ["total"], "voided_at IS NOT NULL"),
        ("invoice_written_off_total_idx", ["period_id", "counter_id"], ["written_off"], "written_off > 0"),
        ("invoice_no_run_idx", ["period_id", "counter_id"], ["total"], "run_id IS NULL"),
    ):
        op.create_index(name, "invoice", columns, postgresql_include=included, postgresql_where=sa.text(condition))
