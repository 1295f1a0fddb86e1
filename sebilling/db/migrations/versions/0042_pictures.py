"""logo and QRIS picture of the ISP"""

import sqlalchemy as sa
from alembic import op

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "isp_picture",
        sa.Column("kind", sa.Text(), primary_key=True),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("uploaded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('LOGO', 'QRIS')", name=op.f("isp_picture_kind_check")),
        sa.CheckConstraint("media_type IN ('image/png', 'image/jpeg')", name=op.f("isp_picture_media_type_check")),
        sa.CheckConstraint("octet_length(content) BETWEEN 1 AND 1048576", name=op.f("isp_picture_content_check")),
    )
