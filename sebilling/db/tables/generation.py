"""Generation runs: the data they price by, and their progress at each counter."""

from datetime import date, datetime
from typing import Final

from pydantic import JsonValue
from sqlalchemy import BigInteger, CheckConstraint, Date, DateTime, ForeignKey, Index, Integer, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from sebilling.db.tables.columns import Amount, Base, Id, Instant

_IDS: Final[ARRAY[int]] = ARRAY(BigInteger)
_DAYS: Final[ARRAY[date]] = ARRAY(Date)


class GenerationRun(Base):
    """A generation run, started by *Generate Sekarang*. A worker holds its row lock while working on it.

    It prices by `settings`, `plans` and discounts as they were when it began. See docs/decisions/0018.
    """

    __tablename__ = "generation_run"
    __table_args__ = (
        # for workers that look for unfinished runs, closing a period, and moving a customer
        # for the runs of a period
        Index(None, "period_id", "id"),
        Index("generation_run_unfinished_idx", "period_id", postgresql_where=text("finished_at IS NULL")),
        CheckConstraint("abandoned_at IS NULL OR finished_at IS NOT NULL", name="abandoned"),
        CheckConstraint("(attempts = 0) = (error IS NULL)", name="attempts"),
    )

    id: Mapped[Id]
    period_id: Mapped[int] = mapped_column(ForeignKey("period.id"))
    requested_by: Mapped[int | None] = mapped_column(BigInteger)
    started_at: Mapped[Instant]
    finished_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """Time at which every customer was accounted for, or the run was abandoned."""
    settings: Mapped[dict[str, JsonValue]] = mapped_column(JSONB)
    """Columns of billing_settings that the pricing rule reads."""
    plans: Mapped[list[dict[str, JsonValue]]] = mapped_column(JSONB)
    """Id, name and price of each plan."""
    discount_ids: Mapped[list[int]] = mapped_column(_IDS)
    discount_untils: Mapped[list[date | None]] = mapped_column(_DAYS)
    """Discounts that existed when the run began, with the end of each."""
    attempts: Mapped[int] = mapped_column(Integer)
    """Number of consecutive failures of the next chunk."""
    next_at: Mapped[Instant]
    """Time from which a worker may take it again."""
    error: Mapped[str | None] = mapped_column(Text)
    """Error code of the last failure; the cause is in the log under `error_reference`."""
    error_reference: Mapped[str | None] = mapped_column(Text)
    abandoned_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    abandon_reason: Mapped[str | None] = mapped_column(Text)


class GenerationTask(Base):
    """A run at one counter: the first `done` of `customer_ids` are accounted for, each exactly once.

    Written only in the transaction that issues the invoices it counts, so the counts are always right.
    The arrays hold the customers at the run's beginning, by id, with the plan and the agreed price of each; customers added
    later belong to the next run. They are emptied when the task is finished.
    """

    __tablename__ = "generation_task"
    __table_args__ = (
        CheckConstraint("done = issued + already_invoiced + skipped", name="accounted"),
        CheckConstraint("NOT finished OR done = total", name="finished"),
        CheckConstraint("finished OR cardinality(customer_ids) = total", name="snapshot"),
    )

    run_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("generation_run.id"), primary_key=True)
    counter_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("counter.id"), primary_key=True)
    customer_ids: Mapped[list[int]] = mapped_column(_IDS)
    plan_ids: Mapped[list[int]] = mapped_column(_IDS)
    prices: Mapped[list[int | None]] = mapped_column(_IDS)
    charge_ids: Mapped[list[int]] = mapped_column(_IDS)
    """Charges of these customers that were not invoiced when the run began."""
    total: Mapped[int] = mapped_column(Integer)
    done: Mapped[int] = mapped_column(Integer)
    issued: Mapped[int] = mapped_column(Integer)
    already_invoiced: Mapped[int] = mapped_column(Integer)
    skipped: Mapped[int] = mapped_column(Integer)
    skipped_by_reason: Mapped[dict[str, int]] = mapped_column(JSONB)
    total_amount: Mapped[Amount]
    finished: Mapped[bool]
