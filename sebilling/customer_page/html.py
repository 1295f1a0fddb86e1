"""The pages' HTML: every value is escaped, there is no script, and the one style stands in the page, allowed by its digest."""

import base64
import hashlib
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from html import escape
from typing import Final

from sebilling.customer_page.bill import Bill, Invoice, Isp
from sebilling.language import Language, Sentence
from sebilling.money import format_rupiah
from sebilling.printing.receipt_text import tanggal

STYLE: Final = (
    ":root{color-scheme:light dark}*{box-sizing:border-box}"
    "body{margin:0 auto;max-width:34rem;padding:1.25rem 1rem 3rem;font:1rem/1.5 system-ui,sans-serif;overflow-wrap:anywhere}"
    "h1{font-size:1.25rem;margin:0}h2{font-size:1rem;margin:1.75rem 0 .5rem}p{margin:.25rem 0}"
    ".owes{font-size:2rem;font-weight:700;font-variant-numeric:tabular-nums}"
    ".card{border:1px solid color-mix(in srgb,currentColor 25%,transparent);border-radius:.75rem;padding:1rem;margin:1rem 0}"
    ".note{white-space:pre-line}"
    "table{width:100%;border-collapse:collapse}td,th{padding:.5rem 0;text-align:left;vertical-align:top;font-weight:400;"
    "border-top:1px solid color-mix(in srgb,currentColor 15%,transparent)}td:last-child{text-align:right;font-variant-numeric:tabular-nums}"
    "label{display:block;font-weight:600;margin-top:.75rem}"
    "input,button{font:inherit;width:100%;padding:.7rem;border-radius:.5rem;border:1px solid currentColor;background:Canvas;"
    "color:CanvasText}"
    "button{margin-top:1rem;background:#14532d;border-color:#14532d;color:#fff;font-weight:600;cursor:pointer}"
    ".logo{display:block;max-width:12rem;max-height:4rem;margin-bottom:.75rem;background:#fff}"
    ".qris{display:block;width:16rem;max-width:100%;margin:.5rem 0;padding:.5rem;background:#fff}"
    ".alert{border-left:.3rem solid #b45309;padding-left:.75rem}"
)
POLICY: Final = (
    "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; img-src 'self'; style-src 'sha256-"
    + base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    + "'"
)
"""What the pages may do: nothing but show themselves with the ISP's pictures and send their own form."""
_NAMELESS: Final = Sentence("Your internet provider", "Penyedia internet Anda")


def bill_page(bill: Bill, *, at: datetime, language: Language, here: str) -> str:
    """The customer's page; `here` is its path."""
    customer, isp = bill.customer, bill.isp
    if customer.owes:
        figure, words = format_rupiah(customer.owes), _say(language, "to pay", "yang harus dibayar")
    else:
        figure = _say(language, "All paid", "Lunas")
        words = _say(language, "Thank you. Nothing is to be paid now.", "Terima kasih. Tidak ada tagihan sekarang.")
    owed = f'<div class="card"><p class="owes">{escape(figure)}</p><p>{words}</p></div>'
    blocked = _say(
        language,
        "Your internet is off because of an unpaid bill. It is back within seconds of your payment.",
        "Internet Anda terisolir karena ada tagihan yang belum dibayar. Setelah dibayar, internet aktif kembali dalam hitungan detik.",
    )
    parts = [
        _head(isp, language),
        f"<p>{escape(customer.name)} · {escape(customer.code)}</p>",
        f'<p class="alert" role="status">{blocked}</p>' if customer.is_blocked and customer.owes else "",
        owed,
        _how_to_pay(isp, language, counter=customer.counter) if customer.owes else "",
        _promise(bill, at=at, language=language, here=here),
        _invoices(bill.invoices, language=language, here=here),
        _contact(isp, language),
    ]
    return page(_say(language, "Your bill", "Tagihan Anda"), parts, language)


def isolir_page(isp: Isp, *, language: Language, is_wrong: bool = False) -> str:
    """The page of the walled garden, with a form to find one's own bill. `is_wrong`: nothing was found."""
    off = _say(language, "Your internet is off: a bill is waiting.", "Internet Anda terisolir: ada tagihan yang belum dibayar.")
    wrong = _say(
        language, "No customer has this code with this phone number. Look at your invoice, or ask us.",
        "Tidak ada pelanggan dengan kode dan nomor HP ini. Periksa tagihan Anda, atau hubungi kami.",
    )  # fmt: skip
    form = (
        '<form method="post" action="/isolir">'
        f'<label for="code">{_say(language, "Customer code", "Kode pelanggan")}</label>'
        '<input id="code" name="code" required maxlength="50" autocomplete="off" autocapitalize="characters">'
        f'<label for="phone">{_say(language, "Phone number", "Nomor HP")}</label>'
        '<input id="phone" name="phone" required maxlength="30" type="tel" autocomplete="tel">'
        f"<button>{_say(language, 'See my bill', 'Lihat tagihan')}</button></form>"
    )
    parts = [
        _head(isp, language),
        f'<p class="alert">{off}</p>',
        _how_to_pay(isp, language, counter=""),
        f"<h2>{_say(language, 'See my bill', 'Lihat tagihan saya')}</h2>",
        f'<p class="alert" role="alert">{wrong}</p>' if is_wrong else "",
        form,
        _contact(isp, language),
    ]
    return page(_say(language, "Internet is off", "Internet terisolir"), parts, language)


def message_page(isp: Isp, message: Sentence, *, language: Language) -> str:
    """A page with one sentence."""
    parts = [_head(isp, language), f"<p>{message.in_(language)}</p>", _contact(isp, language)]
    return page(message.in_(language), parts, language)


def _head(isp: Isp, language: Language) -> str:
    """The logo, whose name stands below it, and the name."""
    logo = f'<img class="logo" src="{escape(isp.logo)}" alt="">' if isp.logo else ""
    return f"{logo}<h1>{escape(isp.company_name) or _NAMELESS.in_(language)}</h1>"


def _how_to_pay(isp: Isp, language: Language, *, counter: str) -> str:
    instructions = f'<p class="note">{escape(isp.payment_instructions)}</p>' if isp.payment_instructions else ""
    described = _say(
        language, "QRIS code: scan it with your bank's or wallet's app", "Kode QRIS: pindai dengan aplikasi bank atau dompet Anda"
    )
    qris = f'<img class="qris" src="{escape(isp.qris)}" alt="{described}">' if isp.qris else ""
    at_counter = (
        _say(language, f"In cash at {escape(counter)}, or to our collector.", f"Tunai di {escape(counter)}, atau ke kolektor kami.")
        if counter
        else _say(language, "In cash at our counters, or to our collector.", "Tunai di loket kami, atau ke kolektor kami.")
    )
    return f"<h2>{_say(language, 'How to pay', 'Cara membayar')}</h2>{instructions}{qris}<p>{at_counter}</p>"


def _promise(bill: Bill, *, at: datetime, language: Language, here: str) -> str:
    customer = bill.customer
    today = customer.today(at)
    if customer.owes and customer.promised_until is not None and customer.promised_until >= today:
        day = _day(customer.promised_until, language)
        return f'<p class="card">{_say(language, f"You promised to pay by {day}.", f"Anda berjanji membayar paling lambat {day}.")}</p>'
    if not customer.may_promise(bill.isp, at):
        return ""
    last = today + timedelta(days=bill.isp.customer_promise_days)
    return (
        f"<h2>{_say(language, 'I will pay by', 'Saya akan membayar paling lambat')}</h2>"
        f'<form method="post" action="{escape(here)}/janji"><label for="until">{_say(language, "Day", "Tanggal")}</label>'
        f'<input id="until" name="until" type="date" required min="{today + timedelta(days=1)}" max="{last}" value="{last}">'
        f"<button>{_say(language, 'Promise', 'Berjanji')}</button></form>"
    )


def _invoices(invoices: Iterable[Invoice], *, language: Language, here: str) -> str:
    rows = "".join(
        f'<tr><td><a href="{escape(here)}/{escape(invoice.number)}.pdf">{escape(invoice.number)}</a><br>'
        f"{_day(invoice.covers_from, language)} – {_day(invoice.covers_until - timedelta(days=1), language)}</td>"
        f"<td>{escape(format_rupiah(invoice.total))}<br>"
        + (
            _say(language, f"due {_day(invoice.due_on, language)}", f"jatuh tempo {_day(invoice.due_on, language)}")
            if invoice.outstanding == invoice.total
            else _say(language, f"left {format_rupiah(invoice.outstanding)}", f"sisa {format_rupiah(invoice.outstanding)}")
            if invoice.outstanding
            else _say(language, "written off", "dihapuskan")
            if invoice.written_off
            else _say(language, "paid", "lunas")
        )
        + "</td></tr>"
        for invoice in invoices
    )
    return f"<h2>{_say(language, 'Invoices', 'Tagihan')}</h2><table>{rows}</table>" if rows else ""


def _contact(isp: Isp, language: Language) -> str:
    lines = [escape(line) for line in (isp.company_address, isp.company_phone) if line]
    return f"<h2>{_say(language, 'Contact', 'Hubungi kami')}</h2><p>{'<br>'.join(lines)}</p>" if lines else ""


def _day(day: date, language: Language) -> str:
    return tanggal(day) if language == "id" else f"{day:%d %B %Y}".lstrip("0")


def _say(language: Language, english: str, indonesian: str) -> str:
    return indonesian if language == "id" else english


def page(title: str, parts: Iterable[str], language: Language) -> str:
    """A whole page; the parts are HTML, the title is text."""
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="robots" content="noindex">'
        f"<style>{STYLE}</style></head><body><main>{''.join(parts)}</main></body></html>"
    )
