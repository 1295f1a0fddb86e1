"""The feed: committed events in an order that readers can resume from, and how far each plugin has got in it."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, DateTime, Identity, Integer, LargeBinary, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from sebilling.db.tables.columns import Base, String


class Feed(Base):
    """The number of a committed event: 1, 2, 3 … without a gap. Append-only (trigger), written by the relay alone (jobs/relay.py).

    No foreign key: its check would write to each event's row. An invariant watches instead.
    """

    __tablename__ = "feed"
    __table_args__ = (CheckConstraint("number > 0", name="number"),)

    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    event_id: Mapped[int] = mapped_column(BigInteger, unique=True)
    """Unique: no event is numbered twice, and the relay asks which ones have a number."""
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    """SHA-256 of the digest before it (32 zero bytes before the first) and the event's canonical form (db/sql/feed_1.sql)."""


class FeedMark(Base):
    """One row: every event whose id is at most `low` has its number, and none will come any more."""

    __tablename__ = "feed_mark"
    __table_args__ = (CheckConstraint("id = 1", name="single"),)

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    low: Mapped[int] = mapped_column(BigInteger)


class PluginCursor(Base):
    """How far a plugin has got in the feed."""

    __tablename__ = "plugin_cursor"

    id: Mapped[int] = mapped_column(Integer, Identity(always=True), primary_key=True)
    """The number of the lease under which events are delivered."""
    plugin: Mapped[String] = mapped_column(unique=True)
    """The name of its entry point."""
    number: Mapped[int] = mapped_column(BigInteger)
    """Everything up to this number of the feed was delivered, or is none of the plugin's."""
    since_event_id: Mapped[int] = mapped_column(BigInteger)
    """Events up to this id were there before the plugin was, and are none of its."""
    attempts: Mapped[int] = mapped_column(Integer)
    """Failures in a row of the next delivery."""
    next_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """When the next delivery is tried again; null: at once."""
    error: Mapped[String]
    """What went wrong last; empty if nothing."""
