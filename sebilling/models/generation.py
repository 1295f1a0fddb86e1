"""A generation run and how far it is at each counter."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, DateTime, ForeignKey, Index, Integer, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from sebilling.models.columns import Amount, Base, Id, Instant


class GenerationRun(Base):
    """One click on *Generate Sekarang*. Its row lock is the lease of whoever works on it."""

    __tablename__ = "generation_run"
    # workers look for what is unfinished; closing a period and moving a customer ask for it
    __table_args__ = (Index("generation_run_unfinished_idx", "period_id", postgresql_where=text("finished_at IS NULL")),)

    id: Mapped[Id]
    period_id: Mapped[int] = mapped_column(ForeignKey("period.id"))
    requested_by: Mapped[int | None] = mapped_column(BigInteger)
    started_at: Mapped[Instant]
    finished_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class GenerationTask(Base):
    """A run at one counter: the customers up to `after_customer_id` are accounted for, each exactly once.

    Written only in the transaction that issues the invoices it counts, so it can't tell anything else than the truth.
    """

    __tablename__ = "generation_task"
    __table_args__ = (
        CheckConstraint("done = issued + already_invoiced + skipped", name="accounted"),
        CheckConstraint("NOT finished OR done = total", name="finished"),
    )

    run_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("generation_run.id"), primary_key=True)
    counter_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("counter.id"), primary_key=True)
    after_customer_id: Mapped[int] = mapped_column(BigInteger)
    upto_customer_id: Mapped[int] = mapped_column(BigInteger)
    """Customers who came later belong to the next run."""
    total: Mapped[int] = mapped_column(Integer)
    done: Mapped[int] = mapped_column(Integer)
    issued: Mapped[int] = mapped_column(Integer)
    already_invoiced: Mapped[int] = mapped_column(Integer)
    skipped: Mapped[int] = mapped_column(Integer)
    skipped_by_reason: Mapped[dict[str, Any]] = mapped_column(JSONB)
    total_amount: Mapped[Amount]
    finished: Mapped[bool]
