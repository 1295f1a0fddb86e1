"""balances of drawers, kept by triggers instead of summed from all cash ever received"""

import sqlalchemy as sa
from alembic import op

from sebilling.db.migrate import run_sql_file

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

_AMOUNTS = ("received", "refunded", "deposited", "difference", "waiting")
# As the view `drawer` summed them until now.
_FILL = """
    INSERT INTO drawer_balance (counter_id, collector_id, received, refunded, deposited, difference, waiting)
    SELECT counter_id, collector_id, sum(received), sum(refunded), sum(deposited), sum(difference), sum(waiting)
      FROM (SELECT counter_id, received_by AS collector_id, amount AS received, 0 AS refunded, 0 AS deposited, 0 AS difference, 0 AS waiting
              FROM payment WHERE method = 'CASH' AND reversed_at IS NULL
            UNION ALL
            SELECT counter_id, refunded_by, 0, amount, 0, 0, 0
              FROM refund WHERE method = 'CASH' AND NOT EXISTS (SELECT FROM refund_reversal WHERE refund_id = refund.id)
            UNION ALL
            SELECT counter_id, collector_id, 0, 0, counted, difference - settled, 0 FROM deposit WHERE status = 'VERIFIED'
            UNION ALL
            SELECT counter_id, collector_id, 0, 0, 0, 0, amount FROM deposit WHERE status = 'SUBMITTED') moved
     GROUP BY counter_id, collector_id
"""


def upgrade() -> None:
    op.create_table(
        "drawer_balance",
        sa.Column("counter_id", sa.BigInteger(), nullable=False),
        sa.Column("collector_id", sa.BigInteger(), nullable=False),
        *(sa.Column(name, sa.Numeric(), nullable=False) for name in _AMOUNTS),
        sa.PrimaryKeyConstraint("counter_id", "collector_id", name=op.f("drawer_balance_pkey")),
        sa.ForeignKeyConstraint(["counter_id"], ["counter.id"], name=op.f("drawer_balance_counter_id_fkey")),
        sa.ForeignKeyConstraint(["collector_id"], ["app_user.id"], name=op.f("drawer_balance_collector_id_fkey")),
    )
    # Nobody moves cash between the sum and the triggers that carry it on.
    op.execute("LOCK TABLE payment, refund, refund_reversal, deposit IN SHARE ROW EXCLUSIVE MODE")
    op.execute(_FILL)
    for name in ("drawer.sql", "period_figures.sql", "journal.sql"):
        run_sql_file(op.get_bind(), name, revision)
    op.drop_index("payment_cash_idx", "payment")
