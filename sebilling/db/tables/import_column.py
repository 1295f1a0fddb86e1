"""Assignments of unknown columns in customers' files, as users have decided them."""

from sqlalchemy.orm import Mapped, mapped_column

from sebilling.db.tables.columns import Base, Instant, String


class ImportColumn(Base):
    """A heading that isn't recognized automatically, and the field assigned to it."""

    __tablename__ = "import_column"

    heading: Mapped[String] = mapped_column(primary_key=True)
    """Normalized by `spelt`: without case, punctuation and abbreviations."""
    field: Mapped[String | None]
    """Field of CustomerRow; NULL: the column is ignored."""
    mapped_at: Mapped[Instant]
    mapped_by: Mapped[String]
