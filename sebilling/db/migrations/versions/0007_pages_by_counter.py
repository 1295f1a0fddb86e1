"""pages of one counter: its invoices and payments in the order of writing, without reading through everybody's"""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(op.f("invoice_counter_id_id_idx"), "invoice", ["counter_id", "id"], unique=False)
    op.create_index(op.f("payment_counter_id_id_idx"), "payment", ["counter_id", "id"], unique=False)
