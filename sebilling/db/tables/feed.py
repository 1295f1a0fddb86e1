"""Feed: committed events in an order from which readers can resume, and the position of each plugin in it."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, DateTime, Identity, Integer, LargeBinary, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from sebilling.db.tables.columns import Base, String


class Feed(Base):
    """Number of a committed event: 1, 2, 3 … without a gap. Append-only (trigger), written only by the relay (jobs/relay.py).

    There is no foreign key, as its check would write to each event's row; an invariant checks it instead.
    """

    __tablename__ = "feed"
    __table_args__ = (CheckConstraint("number > 0", name="number"),)

    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    event_id: Mapped[int] = mapped_column(BigInteger, unique=True)
    """Unique: no event has two numbers, and the relay looks up which events have one."""
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    """SHA-256 of the previous digest (32 zero bytes before the first) and the event's canonical form (db/sql/feed.sql)."""


class FeedMark(Base):
    """One row: every event whose id is at most `low` has its number, and no more such events will appear."""

    __tablename__ = "feed_mark"
    __table_args__ = (CheckConstraint("id = 1", name="single"),)

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    low: Mapped[int] = mapped_column(BigInteger)


class PluginCursor(Base):
    """Position of a plugin in the feed."""

    __tablename__ = "plugin_cursor"

    id: Mapped[int] = mapped_column(Integer, Identity(always=True), primary_key=True)
    """Number of the lease under which events are delivered."""
    plugin: Mapped[String] = mapped_column(unique=True)
    """Name of its entry point."""
    number: Mapped[int] = mapped_column(BigInteger)
    """Last number of the feed up to which all events of this plugin were delivered."""
    since_event_id: Mapped[int] = mapped_column(BigInteger)
    """Last event id before the plugin was installed; events up to it are not delivered."""
    attempts: Mapped[int] = mapped_column(Integer)
    """Number of consecutive failures of the next delivery."""
    next_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """Time of the next attempt at delivery; null: at once."""
    error: Mapped[String]
    """Last error; empty if none."""
