"""Billing settings of the ISP: proration, tax, late fee, and details on printed documents. Issued invoices keep the values they used."""

from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import Final, TypedDict, Unpack

from sqlalchemy import text

from sebilling import events
from sebilling.billing import scope, validation
from sebilling.billing.validation import Problems
from sebilling.db.engine import ReadSession, WriteSession
from sebilling.errors import InvalidNumber
from sebilling.events.isp import SettingsChanged, SettingsValues
from sebilling.language import Sentence
from sebilling.money import MAX_RUPIAH


class TaxRounding(StrEnum):
    """Rounding of tax to whole rupiah."""

    HALF_UP = "HALF_UP"
    DOWN = "DOWN"


class CashLimitAction(StrEnum):
    """What happens to new cash with which a collector would hold more than the limit."""

    WARN = "WARN"
    REFUSE = "REFUSE"


class DriftAction(StrEnum):
    """What happens when a device isn't as SeBilling left it. What a hand set to a third value is always only reported."""

    REPORT = "REPORT"
    REAPPLY_BLOCKS = "REAPPLY_BLOCKS"
    ENFORCE = "ENFORCE"


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings, one row. Tax is `tax_rate` percent of `tax_numerator`/`tax_denominator` of the taxable amount; `late_fee` and
    `cash_limit` are rupiah.
    """

    prorate_first_month: bool
    tax_rate: Decimal
    tax_numerator: int
    tax_denominator: int
    tax_rounding: str
    late_fee: int
    late_fee_after_days: int
    company_name: str
    company_address: str
    company_phone: str
    receipt_footer: str
    mass_block_percent: int
    pause_after_blocked_days: int
    cash_limit: int
    cash_limit_action: str
    look_every_minutes: int
    drift_action: str
    payment_instructions: str
    customer_promise_days: int


class Changes(TypedDict, total=False):
    """Fields of Settings to change."""

    prorate_first_month: bool
    tax_rate: Decimal
    tax_numerator: int
    tax_denominator: int
    tax_rounding: str
    late_fee: int
    late_fee_after_days: int
    company_name: str
    company_address: str
    company_phone: str
    receipt_footer: str
    mass_block_percent: int
    pause_after_blocked_days: int
    cash_limit: int
    cash_limit_action: str
    look_every_minutes: int
    drift_action: str
    payment_instructions: str
    customer_promise_days: int


@dataclass(frozen=True, slots=True)
class VersionedSettings(Settings):
    """Settings with their version (versions.py)."""

    version: int


_NAMES: Final[tuple[str, ...]] = Settings.__match_args__
_READ_VERSIONED: Final = text(f"SELECT {', '.join(_NAMES)}, version FROM billing_settings")
_READ: Final = text(f"SELECT {', '.join(_NAMES)} FROM billing_settings")
_LOCK: Final = text(f"SELECT {', '.join(_NAMES)} FROM billing_settings FOR NO KEY UPDATE")
_WRITE: Final = text(f"UPDATE billing_settings SET {', '.join(f'{name} = :{name}' for name in _NAMES)}, version = version + 1")
_MAX_LATE_FEE: Final = 1_000_000_000
_MAX_DENOMINATOR: Final = 1_000


async def read(session: ReadSession) -> Settings:
    """Read the present settings."""
    return await session.only_row(_READ, into=Settings)  # the migration inserts it, and nothing deletes it


async def read_versioned(session: ReadSession) -> VersionedSettings:
    """Read the present settings with their version."""
    return await session.only_row(_READ_VERSIONED, into=VersionedSettings)


async def change(session: WriteSession, **changes: Unpack[Changes]) -> Settings:
    """Change fields of Settings for future invoices, and return the new settings.

    Raises InvalidNumber, InvalidText, InvalidInputs, Forbidden.
    """
    scope.central(session)
    present = await session.only_row(_LOCK, into=Settings)
    after = _checked(replace(present, **changes))
    await session.execute(_WRITE, _by_name(after))
    old, new = events.changed(_logged(present), _logged(after))
    await events.append(session, SettingsChanged(before=old, after=new), subject_id=1)
    return after


def _by_name(settings: Settings) -> dict[str, object]:
    return asdict(settings)  # type: ignore[misc]  # its type says nothing about the fields


def _logged(settings: Settings) -> SettingsValues:
    """Return the settings for the event log."""
    return SettingsValues(
        prorate_first_month=settings.prorate_first_month, tax_rate=settings.tax_rate, tax_numerator=settings.tax_numerator,
        tax_denominator=settings.tax_denominator, tax_rounding=settings.tax_rounding, late_fee=settings.late_fee,
        late_fee_after_days=settings.late_fee_after_days, company_name=settings.company_name,
        company_address=settings.company_address, company_phone=settings.company_phone, receipt_footer=settings.receipt_footer,
        mass_block_percent=settings.mass_block_percent, pause_after_blocked_days=settings.pause_after_blocked_days,
        cash_limit=settings.cash_limit, cash_limit_action=settings.cash_limit_action,
        look_every_minutes=settings.look_every_minutes, drift_action=settings.drift_action,
        payment_instructions=settings.payment_instructions, customer_promise_days=settings.customer_promise_days,
    )  # fmt: skip


def _checked(settings: Settings) -> Settings:
    """Return the settings with cleaned texts. Raises InvalidNumber, InvalidText, InvalidInputs."""
    with Problems() as check:
        check(validation.percent, settings.tax_rate, field="tax_rate")
        # A wrong denominator is no bound of the numerator.
        denominator = settings.tax_denominator if 1 <= settings.tax_denominator <= _MAX_DENOMINATOR else _MAX_DENOMINATOR
        for name, value, what, least, most in (
            ("tax_denominator", settings.tax_denominator, Sentence("Denominator of the tax", "Penyebut PPN"), 1, _MAX_DENOMINATOR),
            ("tax_numerator", settings.tax_numerator, Sentence("Numerator of the tax", "Pembilang PPN"), 1, denominator),
            ("late_fee", settings.late_fee, Sentence("Late fee", "Denda"), 0, _MAX_LATE_FEE),
            ("late_fee_after_days", settings.late_fee_after_days, Sentence("Days before a late fee", "Hari sebelum denda"), 0, 365),
            ("mass_block_percent", settings.mass_block_percent, Sentence("Percentage of a mass block", "Persentase isolir massal"), 1, 100),
            ("pause_after_blocked_days", settings.pause_after_blocked_days, Sentence("Days before a pause", "Hari sebelum jeda"), 0, 365),
            ("customer_promise_days", settings.customer_promise_days, Sentence("Days to promise", "Hari janji bayar"), 0, 14),
            ("look_every_minutes", settings.look_every_minutes, Sentence("Minutes between looks", "Menit antar pemeriksaan"), 5, 60),
            ("cash_limit", settings.cash_limit, Sentence("Limit on cash", "Batas uang tunai"), 0, MAX_RUPIAH),
        ):
            if not least <= value <= most:
                why = Sentence(f"give {least} to {most}.", f"isi {least} sampai {most}.")
                check.add(InvalidNumber(field=name, what=what, given=value, why=why))
        return replace(
            settings,
            company_name=check(_text, settings.company_name, "company_name", Sentence("The name", "Nama"), most=100),
            company_address=check(_text, settings.company_address, "company_address", Sentence("The address", "Alamat"), most=300),
            company_phone=check(_text, settings.company_phone, "company_phone", Sentence("The phone number", "Nomor telepon"), most=50),
            payment_instructions=check(
                _lines, settings.payment_instructions, "payment_instructions", Sentence("How to pay", "Cara membayar"), most=1_000
            ),
            receipt_footer=check(_text, settings.receipt_footer, "receipt_footer", Sentence("The footer", "Baris penutup"), most=300),
        )


def _text(text: str, field: str, what: Sentence, *, most: int) -> str:
    return validation.clean(text, what=what, field=field, most=most, required=False)


def _lines(text: str, field: str, what: Sentence, *, most: int) -> str:
    """Clean a text of several lines, each like any other text. Raises InvalidText."""
    lines = [validation.clean(line, what=what, field=field, most=most, required=False) for line in text.strip().split("\n")]
    shorter = "\n".join(lines).strip()
    validation.clean(shorter.replace("\n", " "), what=what, field=field, most=most, required=False)
    return shorter
