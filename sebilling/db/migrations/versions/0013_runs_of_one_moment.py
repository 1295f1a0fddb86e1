"""runs of one moment: who there was and what it cost is kept with the run; runs may fail and be abandoned; charges alone

A run that is unfinished while this is applied goes on with the customers that its counter has now behind the last one
accounted for, at the prices of now.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_NOW = """
    UPDATE generation_run SET next_at = started_at,
           settings = (SELECT jsonb_build_object(
               'prorate_first_month', prorate_first_month, 'tax_rate', tax_rate, 'tax_numerator', tax_numerator,
               'tax_denominator', tax_denominator, 'tax_rounding', tax_rounding, 'late_fee', late_fee,
               'late_fee_after_days', late_fee_after_days) FROM billing_settings),
           plans = (SELECT coalesce(jsonb_agg(jsonb_build_object('id', id, 'name', name, 'price', price)), '[]') FROM plan),
           discount_ids = coalesce((SELECT array_agg(id ORDER BY id) FROM discount), '{}'),
           discount_untils = coalesce((SELECT array_agg(until_on ORDER BY id) FROM discount), '{}')
"""
_WHO = """
    UPDATE generation_task
       SET customer_ids = array_fill(0::bigint, ARRAY[done]) || ids, plan_ids = array_fill(0::bigint, ARRAY[done]) || plans,
           prices = array_fill(NULL::bigint, ARRAY[done]) || owns, total = done + cardinality(ids),
           charge_ids = coalesce((
               SELECT array_agg(charge.id) FROM charge JOIN customer ON customer.id = customer_id
                WHERE customer.counter_id = generation_task.counter_id AND invoice_id IS NULL AND cancelled_at IS NULL), '{}'),
           finished = cardinality(ids) = 0
      FROM (SELECT run_id, task.counter_id,
                   coalesce(array_agg(customer.id ORDER BY customer.id) FILTER (WHERE customer.id > 0), '{}') AS ids,
                   coalesce(array_agg(plan_id ORDER BY customer.id) FILTER (WHERE customer.id > 0), '{}') AS plans,
                   coalesce(array_agg(price ORDER BY customer.id) FILTER (WHERE customer.id > 0), '{}') AS owns
              FROM generation_task task
              LEFT JOIN customer ON customer.counter_id = task.counter_id AND customer.id > after_customer_id
                                AND customer.id <= upto_customer_id
             WHERE NOT finished GROUP BY 1, 2) now
     WHERE now.run_id = generation_task.run_id AND now.counter_id = generation_task.counter_id
"""


def upgrade() -> None:
    for column in (
        sa.Column("settings", postgresql.JSONB(), nullable=False, server_default="{}"),
        sa.Column("plans", postgresql.JSONB(), nullable=False, server_default="[]"),
        sa.Column("discount_ids", postgresql.ARRAY(sa.BigInteger()), nullable=False, server_default="{}"),
        sa.Column("discount_untils", postgresql.ARRAY(sa.Date()), nullable=False, server_default="{}"),
        sa.Column("attempts", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("error_reference", sa.Text(), nullable=True),
        sa.Column("abandoned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("abandon_reason", sa.Text(), nullable=True),
    ):
        op.add_column("generation_run", column)
    op.execute(_NOW)
    op.create_check_constraint(op.f("generation_run_abandoned_check"), "generation_run", "abandoned_at IS NULL OR finished_at IS NOT NULL")
    op.create_check_constraint(op.f("generation_run_attempts_check"), "generation_run", "(attempts = 0) = (error IS NULL)")
    arrays = ("customer_ids", "plan_ids", "prices", "charge_ids")
    for name in arrays:
        op.add_column("generation_task", sa.Column(name, postgresql.ARRAY(sa.BigInteger()), nullable=False, server_default="{}"))
        # not compressed: a chunk reads a slice of it
        op.execute(f"ALTER TABLE generation_task ALTER COLUMN {name} SET STORAGE EXTERNAL")
    op.execute(_WHO)
    op.drop_column("generation_task", "after_customer_id")
    op.drop_column("generation_task", "upto_customer_id")
    op.create_check_constraint(op.f("generation_task_snapshot_check"), "generation_task", "finished OR cardinality(customer_ids) = total")
    for table, names in (
        ("generation_run", ("settings", "plans", "discount_ids", "discount_untils", "attempts", "next_at")), ("generation_task", arrays),
    ):  # fmt: skip
        for name in names:
            op.alter_column(table, name, server_default=None)

    op.drop_constraint(op.f("invoice_covers_check"), "invoice")
    op.create_check_constraint(op.f("invoice_covers_check"), "invoice", "covers_from <= covers_until")
    op.drop_index("invoice_live_period_idx", "invoice")
    for name, covers in (
        ("invoice_live_period_idx", "covers_from < covers_until"),
        ("invoice_charges_alone_idx", "covers_from = covers_until"),
    ):
        op.create_index(
            name, "invoice", ["customer_id", "period_id"], unique=True, postgresql_where=sa.text(f"voided_at IS NULL AND {covers}")
        )
