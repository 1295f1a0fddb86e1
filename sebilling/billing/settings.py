"""Billing settings of the ISP: proration, tax, late fee, and details on printed documents. Issued invoices keep the values they used."""

from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import text

from sebilling import events
from sebilling.billing import scope, validation
from sebilling.db.engine import ReadSession, WriteSession
from sebilling.errors import InvalidNumber, Sentence


class TaxRounding(StrEnum):
    """Rounding of tax to whole rupiah."""

    HALF_UP = "HALF_UP"
    DOWN = "DOWN"


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings, one row. Tax is `tax_rate` percent of `tax_numerator`/`tax_denominator` of the taxable amount; `late_fee` is rupiah."""

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


_NAMES: Final = tuple(Settings.__dataclass_fields__)
_READ: Final = text(f"SELECT {', '.join(_NAMES)} FROM billing_settings")
_LOCK: Final = text(f"SELECT {', '.join(_NAMES)} FROM billing_settings FOR NO KEY UPDATE")
_WRITE: Final = text(f"UPDATE billing_settings SET {', '.join(f'{name} = :{name}' for name in _NAMES)}")
_MAX_LATE_FEE: Final = 1_000_000_000
_MAX_DENOMINATOR: Final = 1_000


async def read(session: ReadSession) -> Settings:
    """Read the present settings."""
    row = await session.row(_READ)
    assert row is not None  # noqa: S101 - the migration inserts it, and nothing deletes it
    return Settings(**row._mapping)  # noqa: SLF001 - SQLAlchemy's documented name


async def change(session: WriteSession, **changes: Any) -> Settings:
    """Change fields of Settings for future invoices, and return the new settings. Raises InvalidNumber, InvalidText, Forbidden."""
    scope.central(session)
    row = await session.row(_LOCK)
    assert row is not None  # noqa: S101 - as above
    before: dict[str, Any] = dict(row._mapping)  # noqa: SLF001 - as above
    after = _checked(Settings(**{**before, **changes}))
    await session.execute(_WRITE, {name: getattr(after, name) for name in _NAMES})
    changed = [name for name in _NAMES if getattr(after, name) != before[name]]
    await events.append(
        session, "settings.changed", subject="billing_settings", subject_id=1,
        before={name: _told(before[name]) for name in changed}, after={name: _told(getattr(after, name)) for name in changed},
    )  # fmt: skip
    return after


def _told(value: Any) -> Any:
    return str(value) if isinstance(value, Decimal) else value


def _checked(given: Settings) -> Settings:
    """Return the settings with cleaned texts. Raises InvalidNumber, InvalidText."""
    validation.percent(given.tax_rate, field="tax_rate")
    for name, what, least, most in (
        ("tax_denominator", Sentence("Denominator of the tax", "Penyebut PPN"), 1, _MAX_DENOMINATOR),
        ("tax_numerator", Sentence("Numerator of the tax", "Pembilang PPN"), 1, given.tax_denominator),
        ("late_fee", Sentence("Late fee", "Denda"), 0, _MAX_LATE_FEE),
        ("late_fee_after_days", Sentence("Days before a late fee", "Hari sebelum denda"), 0, 365),
        ("mass_block_percent", Sentence("Percentage of a mass block", "Persentase isolir massal"), 1, 100),
    ):
        value = getattr(given, name)
        if not least <= value <= most:
            why = Sentence(f"give {least} to {most}.", f"isi {least} sampai {most}.")
            raise InvalidNumber(field=name, what=what, given=value, why=why)
    cleaned: dict[str, Any] = {}
    for name, what, most in (
        ("company_name", Sentence("The name", "Nama"), 100),
        ("company_address", Sentence("The address", "Alamat"), 300),
        ("company_phone", Sentence("The phone number", "Nomor telepon"), 50),
        ("receipt_footer", Sentence("The footer", "Baris penutup"), 300),
    ):
        cleaned[name] = validation.clean(getattr(given, name), what=what, field=name, most=most, required=False)
    return replace(given, **cleaned)
