"""Texts of messages in Indonesian, and the format of their amounts and dates. `$name` is replaced; `$$` is a dollar sign."""

from collections.abc import Mapping
from datetime import date
from string import Template
from typing import Final

TEMPLATES: Final[Mapping[str, str]] = {
    "invoice": "Yth. $name ($code), tagihan internet $number sebesar $amount sudah terbit. Jatuh tempo $due_on."
    " Silakan bayar di loket $counter.$link\n\n$company",
    "payment": "Yth. $name ($code), pembayaran $amount sudah kami terima. Sisa tagihan: $owes. Terima kasih.\n\n$company",
    "reminder": "Yth. $name ($code), tagihan $amount belum lunas. Mohon dibayar sebelum $block_on"
    " supaya internet tidak terisolir.$link\n\n$company",
    "blocked": "Yth. $name ($code), internet Anda terisolir karena tagihan $owes belum lunas."
    " Setelah dibayar, internet aktif kembali otomatis.$link\n\n$company",
    "restored": "Yth. $name ($code), internet Anda sudah aktif kembali. Terima kasih.\n\n$company",
    "reversed": "Pembayaran $amount dari $name ($code) dibatalkan oleh $actor: $reason",
    "deposit": "Setoran diverifikasi oleh $actor: dihitung $counted dari $amount, selisih $difference.",
    "failed": "Isolir gagal untuk $name ($code): $reason",
    "health": "Perangkat $device: $status. $reason",
}
"""Templates by name: the first five are for customers, the rest for staff."""
FIELDS: Final[Mapping[str, frozenset[str]]] = {
    "invoice": frozenset({"name", "code", "counter", "company", "owes", "link", "number", "amount", "due_on"}),
    "payment": frozenset({"name", "code", "counter", "company", "owes", "link", "amount"}),
    "reminder": frozenset({"name", "code", "counter", "company", "owes", "link", "amount", "block_on"}),
    "blocked": frozenset({"name", "code", "counter", "company", "owes", "link"}),
    "restored": frozenset({"name", "code", "counter", "company", "owes", "link"}),
    "reversed": frozenset({"name", "code", "counter", "company", "owes", "amount", "actor", "reason"}),
    "deposit": frozenset({"actor", "amount", "counted", "difference"}),
    "failed": frozenset({"name", "code", "counter", "company", "owes", "reason"}),
    "health": frozenset({"device", "status", "reason"}),
}
"""Fields that each template may use."""
_MONTHS: Final = (
    "Januari", "Februari", "Maret", "April", "Mei", "Juni", "Juli", "Agustus", "September", "Oktober", "November", "Desember",
)  # fmt: skip
_MOST: Final = 4_000
"""Maximum characters of a message; Telegram accepts 4,096."""


def check(name: str, text: str) -> None:
    """Check one text. Raises ValueError, with the remedy, if it is invalid."""
    if name not in TEMPLATES:
        raise ValueError(f"there is no message {name}: choose of {', '.join(TEMPLATES)}")
    template = Template(text)
    if not template.is_valid():
        raise ValueError(f"{name}: write $$ for a dollar sign, and ${{name}} for a field before letters")
    if unknown := sorted(set(template.get_identifiers()) - FIELDS[name]):
        raise ValueError(f"{name}: there is no field {', '.join(unknown)}: choose of {', '.join(sorted(FIELDS[name]))}")


def render(name: str, overrides: Mapping[str, str], fields: Mapping[str, str]) -> str:
    """Return the text of a message with these fields."""
    return Template(overrides.get(name, TEMPLATES[name])).substitute(fields).strip()[:_MOST]


def rupiah(amount: int) -> str:
    """Format rupiah: 150000 → Rp150.000, -5000 → -Rp5.000."""
    return f"{'-' if amount < 0 else ''}Rp{abs(amount):,}".replace(",", ".")


def day(on: date) -> str:
    """Format a date: 20 Februari 2026."""
    return f"{on.day} {_MONTHS[on.month - 1]} {on.year}"
