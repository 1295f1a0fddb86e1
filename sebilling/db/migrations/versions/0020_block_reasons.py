"""the reason for a block is data: code, day, amount and invoice, or a person's note, instead of an English sentence"""

import sqlalchemy as sa
from alembic import op

from sebilling.db.migrate import run_sql_file

revision = "0020"
down_revision = "0018"
branch_labels = None
depends_on = None

# The sentence was written by the sweep, in one statement with an event that has the invoice.
_OVERDUE = """
    UPDATE service_access
       SET block_reason = 'OVERDUE', block_on = parsed.day::date, block_amount = parsed.amount::bigint,
           block_invoice_id = parsed.invoice::bigint
      FROM (SELECT access.id, sentence[1] AS day, sentence[2] AS amount,
                   (SELECT data->>'invoice' FROM event
                     WHERE subject = 'service_access' AND subject_id = access.id AND kind = 'isolation.block_wanted' AND data ? 'invoice'
                     ORDER BY event.id DESC LIMIT 1) AS invoice
              FROM service_access access,
                   regexp_match(because, '^unpaid since ([0-9]{4}-[0-9]{2}-[0-9]{2}): ([0-9]{1,16}) rupiah$') sentence
             WHERE desired = 'BLOCKED' AND NOT manual AND sentence IS NOT NULL) parsed
     WHERE service_access.id = parsed.id AND parsed.invoice IS NOT NULL
"""
_BY_HAND = """
    UPDATE service_access SET block_reason = 'BY_HAND', block_note = because WHERE desired = 'BLOCKED' AND block_reason IS NULL
"""


def upgrade() -> None:
    for column in (
        sa.Column("block_reason", sa.Text()),
        sa.Column("block_on", sa.Date()),
        sa.Column("block_amount", sa.BigInteger()),
        sa.Column("block_invoice_id", sa.BigInteger()),
        sa.Column("block_note", sa.Text()),
    ):
        op.add_column("service_access", column)
    op.execute(_OVERDUE)
    op.execute(_BY_HAND)
    op.drop_column("service_access", "because")
    op.create_foreign_key(op.f("service_access_block_invoice_id_fkey"), "service_access", "invoice", ["block_invoice_id"], ["id"])
    op.create_check_constraint(
        op.f("service_access_block_reason_check"),
        "service_access",
        "CASE block_reason"
        " WHEN 'OVERDUE' THEN desired = 'BLOCKED' AND NOT manual AND num_nulls(block_on, block_amount, block_invoice_id) = 0"
        " AND block_note IS NULL"
        " WHEN 'BY_HAND' THEN desired = 'BLOCKED' AND num_nonnulls(block_on, block_amount, block_invoice_id) = 0"
        " AND block_note IS NOT NULL"
        " ELSE desired = 'ACTIVE' AND num_nonnulls(block_reason, block_on, block_amount, block_invoice_id, block_note) = 0 END",
    )
    run_sql_file(op.get_bind(), "isolation.sql", revision)
