"""Parse cells as people write them: dates, prices, statuses, counters and plans. An ambiguous value is refused."""

import re
from datetime import date, timedelta
from typing import Final

from sebilling.billing import validation
from sebilling.billing.billing_cycles import MAX_MONTHS
from sebilling.clock import Month
from sebilling.language import Sentence
from sebilling.money import NotRupiahError, parse_rupiah


class InvalidCell(ValueError):
    """A cell's value can't be accepted: why, with the remedy."""

    def __init__(self, english: str, indonesian: str) -> None:
        super().__init__(english)
        self.sentence = Sentence(english, indonesian)


_ACTIVE: Final = frozenset(
    ("", "aktif", "active", "akt", "a", "ya", "yes", "y", "1", "true", "on", "benar", "enable", "enabled", "online", "langganan",
     "berlangganan", "terpasang")
)  # fmt: skip
_BLOCKED: Final = frozenset(
    ("isolir", "diisolir", "terisolir", "isolasi", "isolated", "isolate", "suspend", "suspended", "blokir", "diblokir", "terblokir",
     "block", "blocked", "menunggak", "nunggak", "overdue")
)  # fmt: skip
"""Blocked as overdue by the previous system; they are still customers."""
_INACTIVE: Final = frozenset(
    ("nonaktif", "tidak aktif", "tdk aktif", "not active", "inaktif", "inactive", "nonactive", "berhenti",
     "berhenti langganan", "berhenti berlangganan", "stop", "stopped", "putus", "putus langganan", "diputus", "cabut", "dicabut",
     "tidak", "no", "n", "0", "false", "off", "salah", "keluar", "tutup", "ditutup", "terminate", "terminated", "terminasi", "disable",
     "disabled", "dismantle", "dismantled", "cancel", "cancelled", "canceled", "batal", "expired", "closed",
     "unsubscribe", "unsubscribed")
)  # fmt: skip
_MONTHS: Final = {
    name: number
    for number, names in enumerate(
        ("januari january jan", "februari february feb", "maret march mar", "april apr", "mei may", "juni june jun", "juli july jul",
         "agustus august agu aug ags agt", "september sep sept", "oktober october okt oct", "november nov nopember nop",
         "desember december des dec"), 1,
    )
    for name in names.split()
}  # fmt: skip
_ISO: Final = re.compile(r"(?P<year>[0-9]{4})[-/.](?P<month>[0-9]{1,2})[-/.](?P<day>[0-9]{1,2})")
_DAY_FIRST: Final = re.compile(r"(?P<day>[0-9]{1,2})[/.-](?P<month>[0-9]{1,2})[/.-](?P<year>[0-9]{4})")
_NAMED: Final = re.compile(r"(?P<day>[0-9]{1,2})[ /.-]{0,2}(?P<month>[A-Za-z]{3,9})\.?[ /.,-]{0,2}(?P<year>[0-9]{4}|'?[0-9]{2})")
_WEEKDAY: Final = re.compile(r"([A-Za-z']{3,9})(?:, *| +)(?=[0-9])")
_WEEKDAYS: Final = {
    name: number
    for number, names in enumerate(
        ("senin sen monday mon", "selasa sel tuesday tue", "rabu rab wednesday wed", "kamis kam thursday thu",
         "jumat jum'at jum friday fri", "sabtu sab saturday sat", "minggu min ahad sunday sun"),
    )
    for name in names.split()
}  # fmt: skip
_TIME: Final = re.compile(
    r"(?:T|,? +|, *)(?P<hour>[01]?[0-9]|2[0-3])[:.][0-5][0-9](?:[:.][0-5][0-9](?:[.,][0-9]{1,9})?)?"
    r"(?P<zone>Z|\+00:?00|\+0[789]:?00)?(?: *WI[BT]| *WITA)?"
)
_UTC_HOURS: Final = 15
"""From this hour of UTC on it is already the next day in Jayapura, but not yet in Jakarta before 17:00."""
_COUNTER: Final = re.compile(r"(\S+)(?:\s+(.*))?", re.DOTALL)

_NEGATIVE: Final = re.compile(r"(?:rp\.?|idr)?\s{0,5}[-\u2212(]\s{0,5}(?:rp\.?|idr)?\s{0,5}[0-9]|[0-9.,]+\s{0,5}-$", re.IGNORECASE)
_MONTH_ONLY: Final = re.compile(
    r"(?:(?P<name>[A-Za-z]{3,9})[ /.-]{0,2}|(?P<number>[0-9]{1,2})[/.-])(?P<year>(?:19|20|21)[0-9]{2})"
    r"|(?P<first_year>(?:19|20|21)[0-9]{2})[/.-](?P<digits>[0-9]{1,2})"
)
_CYCLE: Final = re.compile(r"(?P<count>[0-9]{1,3}) ?(?P<unit>bulan|bulanan|bln|bl|months?|tahun|th|thn|years?)?")
_CYCLES: Final = {
    "bulanan": 1, "monthly": 1, "triwulan": 3, "kuartal": 3, "quarterly": 3, "semester": 6, "tahunan": 12, "setahun": 12, "yearly": 12,
    "annual": 12,
}  # fmt: skip
_QUOTED: Final = re.compile(r'="((?:[^"]|"")*)"')


def read_day(text: str) -> date:
    """Parse a date: 2025-03-15, 15/03/2025 (day first), 15 Maret 2025, 15-Mar-25, Sabtu, 15 Maret 2025, each with or without a time of
    day. Raises InvalidCell, also for a date that can mean two days.
    """
    shown, weekday = text[:30], None
    if (match := _WEEKDAY.match(text)) and (weekday := _WEEKDAYS.get(match[1].lower())) is not None:
        text = text[match.end() :]
    match = _ISO.match(text) or _DAY_FIRST.match(text) or _NAMED.match(text)
    month = None if match is None else int(match["month"]) if match["month"].isdigit() else _MONTHS.get(match["month"].lower())
    if match is None or month is None or not _is_time(text[match.end() :]):
        raise InvalidCell(
            f"'{shown}' is no date, or not one day only: write day/month/year, such as 15/03/2025.",
            f"'{shown}' bukan tanggal, atau bisa berarti dua tanggal: tulis hari/bulan/tahun, misalnya 15/03/2025.",
        )
    year = int(match["year"].lstrip("'"))
    if len(match["year"]) < 4:  # only beside a month's name, as Excel shows a day: 15-Mar-25
        year += 2000 if year < 90 else 1900
    try:
        result = date(year, month, int(match["day"]))
    except ValueError:
        raise InvalidCell(
            f"'{shown}' is a day that doesn't exist: write day/month/year, such as 15/03/2025.",
            f"tanggal '{shown}' tidak ada: tulis hari/bulan/tahun, misalnya 15/03/2025.",
        ) from None
    if weekday is not None and result.weekday() != weekday:
        raise InvalidCell(
            f"'{shown}' names another day of the week than that date has: check it, and write day/month/year.",
            f"nama hari pada '{shown}' tidak cocok dengan tanggalnya: periksa, lalu tulis hari/bulan/tahun.",
        )
    if not 1990 <= year <= 2199:
        raise InvalidCell(
            f"'{shown}' lies outside 1990 to 2199: check the year.", f"'{shown}' di luar tahun 1990 sampai 2199: periksa tahunnya."
        )
    return result


def _is_time(text: str) -> bool:
    """Whether the text after a date is empty or a time of day, and the date is the same everywhere in Indonesia."""
    if not text:
        return True
    match = _TIME.fullmatch(text)
    return match is not None and (match["zone"] not in {"Z", "+0000", "+00:00"} or int(match["hour"]) < _UTC_HOURS)


def read_installed_on(text: str) -> date:
    """Like `read_day`; raises InvalidCell for an empty cell too."""
    if not text:
        raise InvalidCell(
            "the installation date is empty: write day/month/year, such as 15/03/2025.",
            "tanggal pasang masih kosong: tulis hari/bulan/tahun, misalnya 15/03/2025.",
        )
    return read_day(text)


def read_price(text: str) -> int | None:
    """Parse a price in rupiah per month; None for an empty cell. Raises InvalidCell."""
    if not text:
        return None
    try:
        return parse_rupiah(text)
    except NotRupiahError:
        raise InvalidCell(
            f"'{text[:30]}' is no price: write whole rupiah, such as 150000 or Rp 150.000, or leave it empty.",
            f"'{text[:30]}' bukan harga: tulis rupiah bulat, misalnya 150000 atau Rp 150.000, atau kosongkan.",
        ) from None


def read_amount(text: str) -> int | None:
    """Parse arrears or credit in rupiah; None for an empty cell, 0 for `-` and `lunas`. Raises InvalidCell, also below zero."""
    if not text:
        return None
    if _word(text) in {"", "lunas", "rp"} and not any(letter.isdigit() for letter in text):
        return 0
    if _NEGATIVE.match(text):
        raise InvalidCell(
            f"'{text[:30]}' is below zero: whether that is owed or paid ahead can't be told. Write what they owe in the column Tunggakan,"
            " and what they have paid ahead in the column Titipan.",
            f"'{text[:30]}' di bawah nol: tidak jelas itu tunggakan atau titipan. Tulis yang belum dibayar di kolom Tunggakan, dan yang"
            " dibayar di muka di kolom Titipan.",
        )
    try:
        return parse_rupiah(text)
    except NotRupiahError:
        raise InvalidCell(
            f"'{text[:30]}' is no amount: write whole rupiah, such as 150000 or Rp 150.000; 0 if there is none.",
            f"'{text[:30]}' bukan nominal: tulis rupiah bulat, misalnya 150000 atau Rp 150.000; 0 kalau tidak ada.",
        ) from None


def read_due_on(text: str) -> date | None:
    """Parse the due date of arrears; None for an empty cell. Raises InvalidCell, also for a mere day of the month."""
    if re.fullmatch(r"(?:tgl|tanggal)?\.? ?[0-9]{1,2}", text, re.IGNORECASE):
        raise InvalidCell(
            f"'{text[:30]}' is a day of every month, but here stands the date since when arrears are due, such as 20/01/2026:"
            " leave the column out, and set the day at the counter.",
            f"'{text[:30]}' hanya hari dalam bulan, padahal kolom ini untuk tanggal jatuh tempo tunggakan, misalnya 20/01/2026:"
            " jangan pakai kolom ini, dan atur tanggal jatuh tempo itu pada loketnya.",
        )
    return read_day(text) if text else None


def read_paid_until(text: str) -> date | None:
    """Parse the last paid day; a month without a day means its last day. None for an empty cell. Raises InvalidCell."""
    if not text:
        return None
    match = _MONTH_ONLY.fullmatch(text)
    if match is None:
        return read_day(text)
    number = _MONTHS.get((match["name"] or "").lower()) or int(match["number"] or match["digits"] or 0)
    if not 1 <= number <= 12:
        raise InvalidCell(
            f"'{text[:30]}' is no month: write Januari 2026, or a day such as 31/01/2026.",
            f"'{text[:30]}' bukan bulan: tulis Januari 2026, atau tanggal seperti 31/01/2026.",
        )
    return Month(int(match["year"] or match["first_year"]), number).after - timedelta(days=1)


def read_cycle(text: str) -> int | None:
    """Parse the number of months that are paid at once, 1 to MAX_MONTHS; None for an empty cell. Raises InvalidCell."""
    if not text:
        return None
    word = _word(text)
    match = _CYCLE.fullmatch(word)
    months = _CYCLES.get(word) or (
        int(match["count"]) * (12 if match["unit"] in {"tahun", "th", "thn", "year", "years"} else 1) if match else 0
    )
    if not 1 <= months <= MAX_MONTHS:
        raise InvalidCell(
            f"'{text[:30]}' is no number of months: write how many are paid at once, 1 to {MAX_MONTHS}, such as 3.",
            f"'{text[:30]}' bukan jumlah bulan: tulis berapa bulan yang dibayar sekaligus, 1 sampai {MAX_MONTHS}, misalnya 3.",
        )
    return months


def read_active(text: str) -> bool:
    """Whether the customer is active: an empty cell means yes, and so does a blocked customer. Raises InvalidCell."""
    word = _word(text)
    if word in _INACTIVE:
        return False
    if word in _BLOCKED or (word in _ACTIVE and (word or not text)):
        return True
    raise InvalidCell(
        f"'{text[:30]}' is no status that is known: write aktif, isolir or nonaktif.",
        f"'{text[:30]}' bukan status yang dikenal: tulis aktif, isolir atau nonaktif.",
    )


def is_blocked(text: str) -> bool:
    """Whether a status says that the customer is blocked as overdue."""
    return _word(text) in _BLOCKED


def _word(text: str) -> str:
    words = re.sub(r"[^a-z0-9]+", " ", validation.without_invisible(text).lower()).strip()
    return words if not words.startswith("non ") else words.replace("non ", "non", 1)


def read_counter(text: str) -> tuple[str, str]:
    """Parse a counter's code and name: `LKT01 Ciawi` is the counter LKT01, named Ciawi. Raises InvalidCell, InvalidText."""
    if (match := _COUNTER.fullmatch(text)) is None:
        raise InvalidCell("the counter is empty: write its code, such as LKT01.", "loket masih kosong: tulis kodenya, misalnya LKT01.")
    code = validation.counter_code(match[1], field="counter")
    return code, validation.clean(match[2] or code, what=Sentence("The counter's name", "Nama loket"), field="counter")


def read_plan(text: str) -> str:
    """Parse a plan's name. Raises InvalidCell, InvalidText."""
    if not text:
        raise InvalidCell("the plan is empty: write its name, such as Home 20M.", "paket masih kosong: tulis namanya, misalnya Home 20M.")
    return validation.clean(text, what=Sentence("The plan's name", "Nama paket"), field="plan")


def read_address(text: str) -> str:
    """Return the address on one line. Raises InvalidText."""
    return validation.clean(
        " ".join(filter(None, map(str.strip, text.splitlines()))),
        what=Sentence("The address", "Alamat"),
        field="address",
        most=500,
        required=False,
    )


def read_pppoe_name(text: str) -> str | None:
    """Parse a PPPoE name; None for an empty cell. Raises InvalidText."""
    return validation.key(text, what=Sentence("The PPPoE name", "Nama PPPoE"), field="pppoe_name", most=64) if text else None


def no_formula(text: str) -> str:
    """Return the text; `="0812"` is the text 0812. Raises InvalidCell for a formula that a spreadsheet would execute."""
    if match := _QUOTED.fullmatch(text):  # ="0812…", by which programs keep Excel from taking it for a number
        text = match[1].replace('""', '"')
    if text[:1] in {"=", "@"}:
        raise InvalidCell(
            f"'{text[:30]}' is a formula, which would run when it is opened in Excel: write the plain text.",
            f"'{text[:30]}' adalah rumus, yang akan dijalankan kalau dibuka di Excel: tulis sebagai teks biasa.",
        )
    return text
