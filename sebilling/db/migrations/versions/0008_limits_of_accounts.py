"""limits of sign-ins tell by a digest whose they are, so that those of one account can be cleared"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sign_in_attempt", sa.Column("account", sa.LargeBinary(), nullable=True))
