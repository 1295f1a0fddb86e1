"""What is meant by a generated spreadsheet, and the many ways in which people write it. Knows nothing of the reader."""

import random
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

MONTHS_ID: Final = [
    "Januari",
    "Februari",
    "Maret",
    "April",
    "Mei",
    "Juni",
    "Juli",
    "Agustus",
    "September",
    "Oktober",
    "November",
    "Desember",
]
SHORT_ID: Final = ["Jan", "Feb", "Mar", "Apr", "Mei", "Jun", "Jul", "Agu", "Sep", "Okt", "Nov", "Des"]
SHORT_EN: Final = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
DAYS_ID: Final = ["Senin", "Selasa", "Rabu", "Kamis", "Jumat", "Sabtu", "Minggu"]
NAMES: Final = (
    "Sardi", "Bu Lastri", "Pak Gito, S.Pd", 'Warung "Jaya"', "Toko; Makmur", "H. Nur|Din", "Rini Ayu", "O'Neil", "Ibu Déwi", "José",
    "Añdré", "Müller", "TONO", "024 C-FUADI", "Đorđe 😀", "محمد", "王小明",
)  # fmt: skip
TITLES: Final = {
    "code": "Kode Pelanggan", "name": "Nama", "counter": "Loket", "plan": "Paket", "installed_on": "Tanggal Pasang", "phone": "No HP",
    "address": "Alamat", "price": "Harga", "pppoe_name": "User PPPoE", "active": "Status",
}  # fmt: skip
REQUIRED: Final = ("code", "name", "counter", "plan", "installed_on")
HEADINGS: Final = {
    "code": ("Kode", "ID Pelanggan", "No. Pelanggan", "Kode Pelanggan", "customer_id", "Customer Code", "ID", "Nomor Pelanggan",
             "Kode Plg"),
    "name": ("Nama", "Nama Pelanggan", "NAMA LENGKAP", "Name", "Customer Name", "Nama Lengkap Pelanggan", "Pelanggan"),
    "counter": ("Loket", "Kode Loket", "Counter", "counter_code", "Loket Pembayaran"),
    "plan": ("Paket", "Nama Paket", "Paket Internet", "Plan", "Package Name", "Package", "Layanan", "plan_name"),
    "installed_on": ("Tanggal Pasang", "Tgl Pasang", "Tgl. Instalasi", "Tanggal Aktif", "install_date", "Installed On", "Tgl Pemasangan",
                     "Tanggal Aktivasi", "tglpasang", "Tgl Mulai"),
    "phone": ("No HP", "No. HP/WA", "Telepon", "No. Telp", "WhatsApp", "Phone", "phone_number", "Nomor Handphone", "HP", "No WA", "Kontak"),
    "address": ("Alamat", "Alamat Lengkap", "Address", "Alamat Rumah", "Alamat Pemasangan"),
    "price": ("Harga", "Harga Paket", "Tarif", "Biaya Bulanan", "Harga (Rp)", "Price", "Iuran Bulanan", "Harga/Bulan", "monthly_price"),
    "pppoe_name": ("User PPPoE", "Username PPPoE", "PPPoE Username", "pppoe_username", "PPPoE", "Akun PPPoE", "Secret PPPoE"),
    "active": ("Status", "Status Langganan", "Status Pelanggan", "status_pelanggan", "Aktif", "Customer Status"),
}  # fmt: skip
UNKNOWN: Final = ("Keterangan", "Email", "NIK", "Catatan", "Billing Day", "Koordinat", "ODP", "PPPoE Profile", "Rumah", "No")
ACTIVE: Final = ("AKTIF", "aktif", "Active", "ya", "1", "Isolir", "SUSPEND", "suspended", "Aktif ")
INACTIVE: Final = ("BERHENTI", "NONAKTIF", "Non-Aktif", "tidak aktif", "Inactive", "Putus", "CABUT", "0", "terminated")


@dataclass(frozen=True, slots=True)
class Customer:
    """One that is meant, as it must come in."""

    code: str
    name: str
    counter: str
    plan: str
    installed_on: date
    phone: str = ""
    address: str = ""
    price: int | None = None
    pppoe_name: str | None = None
    active: bool = True


def customer(chance: random.Random, number: int, fields: set[str], encoding: str) -> Customer:
    """Someone of whom these fields are told."""
    name = chance.choice([name for name in NAMES if fits(name, encoding)])
    address = chance.choice(
        ("", "Dusun Krajan RT 02", "Jl. Mawar No. 5, RT 01/RW 02, Ciawi", 'Perum "Asri" Blok C; No. 3', "Gg. Melati – 4")
    )
    return Customer(
        code=f"{chance.choice(('P-', 'PLG', 'A.', ''))}{number + chance.choice((1, 1_000, 20_000)) * 7:04}",
        name=name,
        counter=chance.choice(("LKT01", "LKT02", "PUSAT")),
        plan=chance.choice(("15M", "Home 20M", "Bisnis 100M")),
        installed_on=date(2015, 1, 1) + timedelta(days=chance.randrange(4_000)),
        phone="" if "phone" not in fields or chance.random() < 0.2 else f"+628{chance.randrange(1, 10)}{chance.randrange(10**7, 10**10)}",
        address=address if "address" in fields else "",
        price=chance.choice((None, 0, 99_500, 150_000, 1_250_000)) if "price" in fields else None,
        pppoe_name=f"user{number}@desa" if "pppoe_name" in fields and chance.random() < 0.8 else None,
        active="active" not in fields or chance.random() < 0.7,
    )  # fmt: skip


def fits(text: str, encoding: str) -> bool:
    """Whether it can be written in this encoding."""
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def phone_text(chance: random.Random, number: str) -> str:
    """A number as people write it."""
    if not number:
        return chance.choice(("", "-", " "))
    rest = number[3:]
    parted = f"{rest[:3]}-{rest[3:7]}-{rest[7:]}"
    forms = (
        f"0{rest}", rest, f"62{rest}", number, f"0{parted}", f"+62 {parted.replace('-', ' ')}", f"+62 0{rest}", f"62 0{parted}",
        f"620{rest}",
        f"+62 (0){rest}", f"(0){rest}" if len(rest) > 8 else f"0{rest}", f"0062 {rest}", f"+62.{parted.replace('-', '.')}", f"{rest}.0",
        f"'0{rest}",
    )  # fmt: skip
    return chance.choice(forms)


def hidden(chance: random.Random, text: str) -> str:
    """With a mark that nobody sees."""
    at = chance.randrange(len(text) + 1)
    return text[:at] + chance.choice("\u200b\u200e\ufeff\u00ad") + text[at:]


def price_text(chance: random.Random, price: int | None) -> str:
    """An amount in a way that can mean one only."""
    if price is None:
        return ""
    dotted = f"{price:,}".replace(",", ".")
    forms = [str(price), dotted, f"Rp {dotted}", f"Rp{dotted},00", f"Rp. {dotted},-", f"IDR {price}", f"{price},00", f"rp{price}"]
    if price == 0 or price >= 1_000:
        forms += [f"{price}.00", f"{price}.0", f"Rp {price}.00"]
    if price >= 1_000:
        forms.append(f"{price:,}.00")
    return chance.choice([*forms, f"{price:,}"] if price >= 1_000_000 else forms)


def day_text(chance: random.Random, day: date) -> str:
    """A day in a way that can mean one only, by the day-first order of Indonesia."""
    month, plain = day.month - 1, f"{day:%d/%m/%Y}"
    forms = (
        day.isoformat(), plain, f"{day.day}/{day.month}/{day.year}", f"{day:%d-%m-%Y}", f"{day:%d.%m.%Y}",
        f"{day.day} {MONTHS_ID[month]} {day.year}",
        f"{day.day} {SHORT_ID[month]} {day.year}", f"{day.day:02}-{SHORT_EN[month]}-{day:%y}", f"{day.day}-{SHORT_EN[month]}-{day.year}",
        f"{DAYS_ID[day.weekday()]}, {day.day} {MONTHS_ID[month]} {day.year}", f"{day.isoformat()} 10:23:45",
        f"{day.isoformat()}T00:00:00.000Z",
        f"{plain} 00:00", f"{plain} 08.15", f"{day:%Y/%m/%d}", f"{day.isoformat()} 00:00:00",
    )  # fmt: skip
    return chance.choice(forms)


def heading_text(chance: random.Random, field: str, *, breaks: bool) -> str:
    """A heading as someone typed it."""
    text = chance.choice(HEADINGS[field])
    text = chance.choice((str, str, str.upper, str.lower))(text)
    if " " in text:
        text = text.replace(" ", chance.choice((" ", " ", "  ", "\u00a0", "_", "\n" if breaks else " ")), 1)
    return chance.choice(("", "", "", " ")) + text + chance.choice(("", "", "", " ", ":", "*"))
