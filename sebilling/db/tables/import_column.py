"""What columns of customers' files are, as someone once said."""

from sqlalchemy.orm import Mapped, mapped_column

from sebilling.db.tables.columns import Base, Instant, String


class ImportColumn(Base):
    """A heading that isn't known by itself, and the field that its column is."""

    __tablename__ = "import_column"

    heading: Mapped[String] = mapped_column(primary_key=True)
    """As `spelt` makes it: without case, punctuation and abbreviations."""
    field: Mapped[String | None]
    """A field of CustomerRow; NULL: the column is left out."""
    mapped_at: Mapped[Instant]
    mapped_by: Mapped[String]
