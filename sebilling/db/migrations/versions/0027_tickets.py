"""tickets for subscriptions of clients that can't send a header"""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "subscription_ticket",
        sa.Column("ticket_hash", sa.LargeBinary(), nullable=False),
        sa.Column("access_token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["access_token_hash"],
            ["access_token.token_hash"],
            name=op.f("subscription_ticket_access_token_hash_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("ticket_hash", name=op.f("subscription_ticket_pkey")),
    )
    op.create_index(op.f("subscription_ticket_access_token_hash_idx"), "subscription_ticket", ["access_token_hash"], unique=False)
