"""the feed of events

Events that are there already get their numbers from the relay, some thousands at a time: this migration stays short.
"""

import sqlalchemy as sa
from alembic import op

from sebilling.db.migrate import run_sql_file

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "feed",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("number > 0", name=op.f("feed_number_check")),
        sa.PrimaryKeyConstraint("number", name=op.f("feed_pkey")),
        sa.UniqueConstraint("event_id", name=op.f("feed_event_id_key")),
    )
    op.create_table(
        "feed_mark",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("low", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("feed_mark_single_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("feed_mark_pkey")),
    )
    op.execute("INSERT INTO feed_mark (id, low) VALUES (1, 0)")
    op.create_table(
        "plugin_cursor",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("plugin", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("since_event_id", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("plugin_cursor_pkey")),
        sa.UniqueConstraint("plugin", name=op.f("plugin_cursor_plugin_key")),
    )
    run_sql_file(op.get_bind(), "feed.sql", revision)
