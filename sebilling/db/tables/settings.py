"""Billing settings of the ISP, one row, and its pictures."""

from decimal import Decimal

from sqlalchemy import Boolean, CheckConstraint, Integer, LargeBinary, Numeric, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from sebilling.db.tables.columns import Amount, Base, Instant, String


class BillingSettings(Base):
    """Billing settings, read by the pricing rule when an invoice is issued. Invoice lines keep the values they used."""

    __tablename__ = "billing_settings"
    __table_args__ = (
        CheckConstraint("id = 1", name="single"),
        CheckConstraint("tax_rate BETWEEN 0 AND 100", name="tax_rate"),
        CheckConstraint("tax_numerator BETWEEN 1 AND tax_denominator AND tax_denominator <= 1000", name="tax_fraction"),
        CheckConstraint("tax_rounding IN ('HALF_UP', 'DOWN')", name="tax_rounding"),
        CheckConstraint("late_fee BETWEEN 0 AND 1000000000", name="late_fee"),
        CheckConstraint("late_fee_after_days BETWEEN 0 AND 365", name="late_fee_after_days"),
        CheckConstraint("mass_block_percent BETWEEN 1 AND 100", name="mass_block_percent"),
        CheckConstraint("pause_after_blocked_days BETWEEN 0 AND 365", name="pause_after_blocked_days"),
        CheckConstraint("cash_limit BETWEEN 0 AND 1000000000000", name="cash_limit"),
        CheckConstraint("cash_limit_action IN ('WARN', 'REFUSE')", name="cash_limit_action"),
        CheckConstraint("customer_promise_days BETWEEN 0 AND 14", name="customer_promise_days"),
        CheckConstraint("look_every_minutes BETWEEN 5 AND 60", name="look_every_minutes"),
        CheckConstraint("drift_action IN ('REPORT', 'REAPPLY_BLOCKS', 'ENFORCE')", name="drift_action"),
    )

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    prorate_first_month: Mapped[bool] = mapped_column(Boolean)
    """Whether the month of the installation is billed by days."""
    tax_rate: Mapped[Decimal] = mapped_column(Numeric(7, 4))
    """Percent; 0: no tax."""
    tax_numerator: Mapped[int] = mapped_column(Integer)
    tax_denominator: Mapped[int] = mapped_column(Integer)
    """Tax is computed on numerator/denominator of the taxable amount, such as 11/12."""
    tax_rounding: Mapped[String]
    late_fee: Mapped[Amount]
    """Rupiah, once per overdue invoice; 0: no late fee."""
    late_fee_after_days: Mapped[int] = mapped_column(SmallInteger)
    company_name: Mapped[String]
    """The ISP's name, address and phone number, and a footer, as printed on receipts and invoices; may be empty."""
    company_address: Mapped[String]
    company_phone: Mapped[String]
    receipt_footer: Mapped[String]
    mass_block_percent: Mapped[int] = mapped_column(SmallInteger)
    """A sweep that would block more than this percentage of active customers requires confirmation; blocking up to twenty never does."""
    pause_after_blocked_days: Mapped[int] = mapped_column(SmallInteger)
    """Days for which a customer is blocked before they are paused by themselves; 0: they never are."""
    cash_limit: Mapped[Amount]
    """Rupiah in cash that a collector may hold, over all their drawers; 0: no limit."""
    cash_limit_action: Mapped[String]
    """What happens to new cash beyond the limit: it is recorded with a warning, or refused."""
    look_every_minutes: Mapped[int] = mapped_column(SmallInteger)
    """How often each device is read to find what isn't as SeBilling left it."""
    drift_action: Mapped[String]
    """What happens when a customer isn't blocked any more on the device, or is blocked there and owes nothing."""
    payment_instructions: Mapped[String]
    """How to pay without a counter, such as bank accounts; several lines, may be empty."""
    customer_promise_days: Mapped[int] = mapped_column(SmallInteger)
    """Days ahead that customers may promise to pay by themselves on their page; 0: not at all."""
    version: Mapped[int] = mapped_column(Integer, server_default=text("1"))
    """Grows with each change by a person."""


class IspPicture(Base):
    """A picture of the ISP that stands on papers and customers' pages. It is small and must not be missing after a restore, so that
    it stands here and not in the object store.
    """

    __tablename__ = "isp_picture"
    __table_args__ = (
        CheckConstraint("kind IN ('LOGO', 'QRIS')", name="kind"),
        CheckConstraint("media_type IN ('image/png', 'image/jpeg')", name="media_type"),
        CheckConstraint("octet_length(content) BETWEEN 1 AND 1048576", name="content"),
    )

    kind: Mapped[String] = mapped_column(primary_key=True)
    media_type: Mapped[String]
    content: Mapped[bytes] = mapped_column(LargeBinary)
    """The picture as it was re-encoded from the pixels of the upload."""
    sha256: Mapped[bytes] = mapped_column(LargeBinary)
    """Digest of `content`."""
    uploaded_at: Mapped[Instant]
