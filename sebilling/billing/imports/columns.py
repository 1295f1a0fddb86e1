"""The columns that a file of customers may have: field, headings that people use, and how its cells are parsed.

To add a field to CustomerRow, add a line here and a column to `import_row` in load.py.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from sebilling.billing import phones, validation
from sebilling.billing.imports import cells
from sebilling.language import Sentence


@dataclass(frozen=True, slots=True)
class Column:
    """A field of CustomerRow as a column of a file."""

    field: str
    title: str
    """Name of the column in messages."""
    headings: tuple[str, ...]
    """Headings that people use; `spelt` unifies spellings, so `tgl pasang` also matches `Tgl. Pasang` and `TANGGAL PASANG`."""
    read: Callable[[str], object]
    """Parse a stripped cell, which may be empty. Raises InvalidCell or SebillingError with the remedy."""
    required: bool = False
    is_day: bool = False
    """Whether the column accepts a cell that is a date in Excel."""


def _spread(*groups: str) -> tuple[str, ...]:
    """Expand alternatives: `a|b c|d` stands for `a c`, `a d`, `b c`, `b d`."""
    headings: list[str] = []
    for group in groups:
        made = [""]
        for word in group.split():
            made = [f"{before} {choice}".strip() for before in made for choice in word.split("|")]
        headings += made
    return tuple(headings)


COLUMNS: Final = (
    Column(
        "code", "Kode Pelanggan",
        _spread("kode|id|no|nomor pelanggan|langganan|customer", "kode", "id", "code", "customer code|id|number", "customer no",
                "no induk pelanggan", "id plg", "cid", "kode|no|id registrasi"),
        lambda text: validation.customer_code(text, field="code"), required=True,
    ),
    Column(
        "name", "Nama",
        _spread("nama", "nama pelanggan|customer|lengkap|langganan|client|klien|konsumen", "nama lengkap pelanggan", "pelanggan", "name",
                "customer", "customer name", "full name", "fullname", "client name", "konsumen"),
        lambda text: validation.clean(text, what=Sentence("The name", "Nama"), field="name"), required=True,
    ),
    Column(
        "phone", "No HP",
        _spread("hp|telepon|wa|phone|mobile|kontak", "no|nomor hp|telepon|wa|kontak|mobile|phone", "no|nomor hp|telepon|kontak wa",
                "no|nomor wa hp|telepon", "hp wa", "wa hp", "telepon hp|wa", "no telepon hp", "phone|mobile|telepon number|no", "wa number",
                "no|nomor hp|telepon|wa pelanggan", "contact", "contact number|no", "customer phone", "hp pelanggan", "telepon pelanggan"),
        lambda text: phones.read(text, field="phone"),
    ),
    Column(
        "address", "Alamat",
        _spread("alamat", "alamat lengkap|rumah|pelanggan|pemasangan|instalasi|pasang|domisili", "alamat lengkap pelanggan", "address",
                "customer|full|street|installation address", "alamat rumah pelanggan"),
        cells.read_address,
    ),
    Column(
        "counter", "Loket",
        _spread("loket", "kode|nama|id loket", "loket pembayaran|bayar", "counter", "counter code|name", "kantor", "cabang",
                "kode cabang|kantor"),
        cells.read_counter, required=True,
    ),
    Column(
        "plan", "Paket",
        _spread("paket", "nama|jenis paket", "paket internet|langganan|layanan|berlangganan", "nama paket internet|langganan", "layanan",
                "plan", "plan name", "package", "package name", "internet package|plan", "produk", "nama produk", "product", "service plan",
                "subscription plan"),
        cells.read_plan, required=True,
    ),
    Column(
        "price", "Harga",
        _spread("harga", "harga paket|bulanan|langganan|layanan", "harga per bulan", "tarif", "tarif bulanan|paket", "biaya",
                "biaya bulanan|langganan|paket", "biaya per bulan",
                "harga bulan", "biaya bulan", "iuran", "iuran bulanan", "iuran per bulan", "abonemen", "price",
                "monthly price|fee", "package|plan price", "price per month", "biaya langganan bulanan", "harga paket bulanan"),
        cells.read_price,
    ),
    Column(
        "installed_on", "Tanggal Pasang",
        _spread("tanggal pasang|instalasi|pemasangan|aktivasi|instal|install|aktif|berlangganan|mulai",
                "tanggal mulai berlangganan|langganan|aktif", "installed on|at|date", "install|installation|activation|start|join date",
                "date installed", "tanggal pasang baru",
                "mulai berlangganan|langganan", "tanggal gabung|bergabung"),
        cells.read_installed_on, required=True, is_day=True,
    ),
    Column(
        "pppoe_name", "User PPPoE",
        _spread("pppoe", "user|akun|secret|nama|id pppoe", "pppoe user|name|secret|id|account|akun", "user name pppoe", "pppoe user name",
                "nama user pppoe", "nama akun|secret pppoe", "ppp user|secret|name", "user|secret ppp"),
        cells.read_pppoe_name,
    ),
    Column(
        "active", "Status",
        _spread("status", "status pelanggan|langganan|berlangganan|aktif|layanan|customer|akun|internet|koneksi", "aktif", "active",
                "customer|account|service|subscription status", "is active", "keaktifan"),
        cells.read_active,
    ),
    Column(
        "arrears", "Tunggakan",
        _spread("tunggakan", "jumlah|total|nilai|sisa|saldo tunggakan", "sisa|total tagihan|hutang|utang", "piutang", "saldo piutang",
                "hutang", "utang", "tunggakan pelanggan", "arrears", "outstanding", "outstanding balance|amount", "amount due",
                "belum bayar|dibayar|lunas"),
        cells.read_amount,
    ),
    Column(
        "due_on", "Jatuh Tempo",
        _spread("jatuh tempo", "tanggal jatuh tempo", "jatuh tempo tunggakan|tagihan", "due date", "due on"),
        cells.read_due_on, is_day=True,
    ),
    Column(
        "credit", "Titipan",
        _spread("titipan", "saldo lebih|titipan|deposit", "deposit", "lebih bayar", "kelebihan bayar", "uang titipan|muka", "credit",
                "kredit", "prepaid"),
        cells.read_amount,
    ),
    Column(
        "paid_until", "Lunas Sampai",
        _spread("lunas|dibayar|bayar|terbayar|aktif|berlaku|bayaran sampai|sd|hingga",
                "lunas|aktif|berlaku|dibayar sampai|sd|hingga tanggal", "masa aktif", "masa aktif|berlaku sampai|sd|hingga", "masa berlaku",
                "expired", "expired date|at|on", "expiry", "expiry|expiration date", "expires", "expires on|at",
                "tanggal expired|expire|kadaluarsa|kedaluwarsa", "kadaluarsa", "kedaluwarsa", "paid until|to|through", "active until"),
        cells.read_paid_until, is_day=True,
    ),
    Column(
        "cycle_months", "Bayar per (bulan)",
        _spread("bayar per", "bayar per bulan|berapa", "bayar per n|berapa bulan", "siklus", "siklus bayar|tagihan|pembayaran|penagihan",
                "periode bayar|tagihan|pembayaran", "billing cycle", "cycle months", "bayar tiap", "bayar tiap n bulan"),
        cells.read_cycle,
    ),
)  # fmt: skip
AMBIGUOUS: Final[Mapping[str, tuple[str, str]]] = dict.fromkeys(
    ("saldo", "saldoawal", "saldopelanggan", "sisasaldo", "balance", "openingbalance"), ("arrears", "credit")
)
"""Normalized heading → the two fields that it can mean. Never guessed, as it is money."""
FIELDS: Final[Mapping[str, Column]] = {column.field: column for column in COLUMNS}

_WORDS: Final = {
    "tgl": "tanggal", "tg": "tanggal", "nomor": "no", "nomer": "no", "nmr": "no", "telp": "telepon", "tlp": "telepon", "telpon": "telepon",
    "tlpn": "telepon", "telphone": "telepon", "telephone": "telepon", "handphone": "hp", "hape": "hp", "ponsel": "hp", "seluler": "hp",
    "whatsapp": "wa", "watsapp": "wa", "whatsap": "wa", "plg": "pelanggan", "pel": "pelanggan", "cust": "customer", "bln": "bulan",
    "username": "user name", "usr": "user",
}  # fmt: skip
_GLUED: Final = (
    (re.compile("^tgl"), "tanggal"), (re.compile("^nom[eo]r"), "no"), (re.compile("tele?p(?:on)?(?!h)"), "telepon"),
    (re.compile("handphone|ponsel"), "hp"), (re.compile("whats?app"), "wa"),
)  # fmt: skip
"""Abbreviations within headings written as one word, such as `tglpasang`."""
_HINTS: Final = re.compile(
    r"[(\[]\s*(?:rp\.?|idr|rupiah|dd[/.-]?mm[/.-]?yyyy|hh[/.-]?bb[/.-]?tttt|tgl[/.-]bln[/.-]thn|yyyy-mm-dd|wajib|\*|wa|hp)\s*[)\]]",
    re.IGNORECASE,
)


def spelt(heading: str) -> str:
    """Normalize a heading for comparison: without case, punctuation, invisible characters, abbreviations and hints in brackets."""
    plain = "".join(" " if letter.isspace() else letter for letter in validation.without_invisible(unicodedata.normalize("NFKC", heading)))
    plain = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", _HINTS.sub(" ", plain)).lower()
    words = "".join(letter if letter.isalnum() else " " for letter in plain).split()
    joined = "".join(_WORDS.get(word, word) for word in words if word not in {"rp", "idr"} or len(words) == 1).replace(" ", "")
    for short, long in _GLUED:
        joined = short.sub(long, joined)
    return joined or plain.strip()  # of punctuation alone, such as #


def _by_heading() -> dict[str, str]:
    fields: dict[str, str] = {}
    for column in COLUMNS:
        for heading in column.headings:
            if fields.setdefault(spelt(heading), column.field) != column.field:
                raise RuntimeError(f"the heading '{heading}' stands for two fields")
    return fields


BY_HEADING: Final[Mapping[str, str]] = _by_heading()
"""Normalized heading (by `spelt`) → field."""
