"""Receipts as plain text, for 58 and 80 mm thermal printers and for WhatsApp; and the wording that all documents share."""

import calendar
import re
import textwrap
import unicodedata
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final, Literal

from sebilling.billing.receipts import Receipt
from sebilling.money import format_rupiah

THANKS: Final = "Terima kasih"
VOID_RECEIPT: Final = "DIBATALKAN"
_MONTHS: Final = ["Januari", "Februari", "Maret", "April", "Mei", "Juni", "Juli", "Agustus", "September", "Oktober", "November", "Desember"]
_DIGITS: Final = ["nol", "satu", "dua", "tiga", "empat", "lima", "enam", "tujuh", "delapan", "sembilan", "sepuluh", "sebelas"]
_SCALES: Final = ((10**12, "triliun"), (10**9, "miliar"), (10**6, "juta"), (10**3, "ribu"), (100, "ratus"))
_INIT: Final = b"\x1b@\x1bt\x00"
"""ESC @: reset the printer; ESC t 0: code page 437."""
_FEED_AND_CUT: Final = b"\x1bd\x03\x1dVB\x00"
"""ESC d 3: feed the paper past the tear-off edge; GS V B 0: cut, if the printer has a cutter."""
_ASCII: Final = str.maketrans({
    "\u2018": "'", "\u2019": "'", "\u02bc": "'", "\u02bb": "'", "\u201c": '"', "\u201d": '"', "\u2013": "-", "\u2014": "-", "\u2212": "-",
    "\u2022": "*", "\u00b7": ".", "\u00d7": "x", "\u2044": "/", "\u00df": "ss", "\u00e6": "ae", "\u00c6": "AE", "\u00f8": "o",
    "\u00d8": "O", "\u0111": "d", "\u0110": "D", "\u0142": "l", "\u0141": "L", "\u0131": "i", "\u0153": "oe", "\u0152": "OE",
    "\u2010": "-", "\u2011": "-",
})  # fmt: skip


# --- words -----------------------------------------------------------------------------------------------------------------


def one_line(text: str) -> str:
    """Return the text without invisible characters: line breaks of every script become a space, controls and joiners are removed."""
    if text.isascii() and text.isprintable():  # nearly all of a list of receipts, and a tenth of its time otherwise
        return " ".join(text.split())
    kept = "".join(letter for letter in " ".join(text.split()) if unicodedata.category(letter)[0] != "C")
    return " ".join(kept.split())


def plain(text: str) -> str:
    """Convert to ASCII, which every printer and font shows alike: `é` → `e`, `–` → `-`, a character without an equivalent → `?`."""
    if text.isascii() and text.isprintable():
        return text
    decomposed = unicodedata.normalize("NFKD", text.translate(_ASCII)).translate(_ASCII)
    return "".join(letter if letter.isascii() else "?" for letter in decomposed if unicodedata.category(letter)[0] not in "MC")


def tanggal(day: date) -> str:
    """`2026-02-03` → `3 Februari 2026`."""
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def moment(receipt: Receipt) -> str:
    """Format the time of payment in the counter's time zone: `3 Februari 2026, 09.00 WIB`."""
    return f"{tanggal(receipt.received_at)}, {receipt.received_at:%H.%M} {receipt.zone}"


def service(covers_from: date, covers_until: date, *, dash: str = "-") -> str:
    """Format a service period `[covers_from, covers_until)` by its first and last day, or whole months by name.

    `Februari 2026`, `Feb - Apr 2026`, `28 Jan - 27 Feb 2026`; `tanpa masa layanan` for an invoice of charges only.
    """
    if covers_from == covers_until:
        return "tanpa masa layanan"
    last = covers_until - timedelta(days=1)
    whole = covers_from.day == 1 and last.day == calendar.monthrange(last.year, last.month)[1]
    if whole and (covers_from.year, covers_from.month) == (last.year, last.month):
        return f"{_MONTHS[last.month - 1]} {last.year}"
    if covers_from == last:
        return tanggal(last)

    def short(day: date, *, year: bool) -> str:
        return ("" if whole else f"{day.day} ") + _MONTHS[day.month - 1][:3] + (f" {day.year}" if year else "")

    return f"{short(covers_from, year=covers_from.year != last.year)} {dash} {short(last, year=True)}"


def terbilang(amount: int) -> str:
    """Write rupiah in words, as a kuitansi requires: `150000` → `seratus lima puluh ribu rupiah`.

    Why not num2words: it has no types, its licence is the LGPL, and of its 50 languages one is needed, whose rules are 20 lines.
    """
    return " ".join([*(["minus"] if amount < 0 else []), *_words(abs(amount)), "rupiah"])


def _words(number: int) -> Iterator[str]:
    if number < 12:
        yield _DIGITS[number]
    elif number < 20:
        yield from (_DIGITS[number - 10], "belas")
    elif number < 100:
        yield from (_DIGITS[number // 10], "puluh")
        yield from _words(number % 10) if number % 10 else ()
    else:
        scale, name = next(pair for pair in _SCALES if number >= pair[0])
        count, rest = divmod(number, scale)
        # one hundred and one thousand are single words; one million isn't
        yield from (f"se{name}",) if count == 1 and scale <= 1_000 else (*_words(count), name)
        yield from _words(rest) if rest else ()


# --- rolls -----------------------------------------------------------------------------------------------------------------


def _plain(text: str) -> str:
    return " ".join(plain(one_line(text)).split())


def _wrapped(text: str, columns: int) -> list[str]:
    words = _plain(text)
    return [words] if 0 < len(words) <= columns else textwrap.wrap(words, columns, break_on_hyphens=False)


def _centred(text: str, columns: int) -> list[str]:
    return [line.center(columns).rstrip() for line in _wrapped(text, columns)]


def _labelled(label: str, value: str, columns: int) -> list[str]:
    """A value beside its label; further lines are indented under the value, so that no name can pass for a line of the receipt."""
    lines = _wrapped(value, columns - 12) or [""]
    return [f"{label if n == 0 else '':<9} {':' if label and n == 0 else ' '} {line}".rstrip() for n, line in enumerate(lines)]


def _amount(label: str, amount: int, columns: int) -> list[str]:
    """An amount at the right edge, on the label's line if both fit."""
    money = format_rupiah(amount)
    if len(label) + 1 + len(money) <= columns:
        return [label + money.rjust(columns - len(label))]
    return [label, money.rjust(columns)]


def _roll(receipt: Receipt, columns: int) -> Iterator[str]:
    void = ["", *_centred(f"*** {VOID_RECEIPT} ***", columns), *_centred("Kuitansi ini tidak berlaku", columns), ""]
    thick, thin = "=" * columns, "-" * columns
    yield from _centred(receipt.company.name or receipt.counter_name, columns)
    yield from _centred(receipt.company.address, columns)
    yield from _centred(f"Telp. {receipt.company.phone}" if receipt.company.phone else "", columns)
    yield thick
    yield from _centred("KUITANSI / TANDA TERIMA", columns)
    yield from _centred(receipt.number, columns)
    if receipt.reversed:
        yield from void[:-1]
        yield from _labelled("Alasan", receipt.reversal_reason, columns)
    yield thin
    yield from _labelled("Tanggal", f"{receipt.received_at:%d-%m-%Y %H:%M} {receipt.zone}", columns)
    yield from _labelled("Loket", f"{receipt.counter_code} {receipt.counter_name}", columns)
    yield from _labelled("Petugas", receipt.received_by, columns)
    yield from _labelled("Pelanggan", receipt.customer_name, columns)
    yield from _labelled("", receipt.customer_code, columns)
    yield from _labelled("Metode", receipt.method.indonesian, columns)
    yield thin
    for line in receipt.lines:
        yield from _wrapped(line.invoice_number, columns)
        yield from _amount(f"  {service(line.covers_from, line.covers_until)}", line.amount, columns)
    if receipt.credit:
        yield from _amount("Titipan", receipt.credit, columns)
    if receipt.refunded:
        yield from _amount("Dikembalikan", receipt.refunded, columns)
    if receipt.lines or receipt.credit or receipt.refunded:
        yield thin
    yield from _amount("JUMLAH", receipt.amount, columns)
    yield from _wrapped(f"({terbilang(receipt.amount)})", columns)
    if receipt.outstanding is not None:
        yield from _amount("Sisa tagihan", receipt.outstanding, columns)
    yield thick
    if receipt.reversed:
        yield from void[1:-1]
    else:
        yield from _centred(THANKS, columns)
        yield from _centred(closing(receipt.company.footer), columns)


def closing(footer: str) -> str:
    """The ISP's closing line, unless it only repeats the thanks that are printed anyway."""
    return "" if footer.strip(" .!").casefold() == THANKS.casefold() else footer


def receipt_text(receipt: Receipt, *, columns: Literal[32, 48]) -> str:
    """Return a receipt for a roll of 58 mm (32 columns) or 80 mm (48 columns) as ASCII lines, each ended by \\n."""
    return "".join(f"{line}\n" for line in _roll(receipt, columns))


def escpos(receipt: Receipt, *, columns: Literal[32, 48]) -> bytes:
    """Return the same with an ESC/POS printer's commands around it. The text is printable ASCII, so it can't contain a command."""
    return _INIT + receipt_text(receipt, columns=columns).encode("cp437") + _FEED_AND_CUT


# --- WhatsApp --------------------------------------------------------------------------------------------------------------


def _unmarked(text: str) -> str:
    """Remove formatting characters and line breaks from foreign text."""
    return " ".join(re.sub(r"[*_~`]", "", one_line(text)).split())


def whatsapp_text(receipt: Receipt, *, page: str = "") -> str:
    """Return a receipt as a message, with the address of the customer's own page unless that is empty. Each line begins with our own
    words, so that no name can forge one.
    """
    name, code = _unmarked(receipt.customer_name), _unmarked(receipt.customer_code)
    if code == receipt.customer_code:  # without its underscore a code could be another customer's
        name = f"{name} ({code})"
    company = _unmarked(receipt.company.name) or _unmarked(receipt.counter_name)
    lines = [f"*Kuitansi {receipt.number}*", ""]
    if receipt.reversed:
        lines += [f"*{VOID_RECEIPT}*: pembayaran ini sudah dibatalkan dan kuitansi ini tidak berlaku.",
                  f"Alasan: {_unmarked(receipt.reversal_reason)}", ""]  # fmt: skip
    else:
        lines += [f"Halo {_unmarked(receipt.customer_name)}, pembayaran Anda sudah kami terima.", ""]
    lines += [
        f"Pelanggan: {name}",
        f"Tanggal: {moment(receipt)}",
        f"Loket: {_unmarked(receipt.counter_name)}",
        f"Petugas: {_unmarked(receipt.received_by)}",
        f"Metode: {receipt.method.indonesian}",
        f"Jumlah: *{format_rupiah(receipt.amount)}*",
    ]
    if receipt.lines:
        lines += ["", "Untuk tagihan:"]
        lines += [
            f"- {line.invoice_number} ({service(line.covers_from, line.covers_until)}): {format_rupiah(line.amount)}"
            for line in receipt.lines
        ]
    lines.append("")
    if receipt.credit:
        lines.append(f"Titipan: {format_rupiah(receipt.credit)}")
    if receipt.refunded:
        lines.append(f"Dikembalikan: {format_rupiah(receipt.refunded)}")
    if receipt.outstanding is not None:
        lines.append(f"Sisa tagihan: *{format_rupiah(receipt.outstanding)}*")
    if page:
        lines += ["", f"Tagihan Anda dan cara membayarnya: {page}"]
    if not receipt.reversed:
        footer = _unmarked(closing(receipt.company.footer))
        lines += ["", f"{THANKS}.{' ' if footer else ''}{footer}"]
    return "\n".join([*lines, f"Salam, {company}"] if company else lines)
