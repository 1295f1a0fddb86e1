"""Receipts and invoices as PDF: rolls of 58 and 80 mm in the length they need, and A5 with as many pages as they need.

Everything is drawn and nothing parsed, so customers' text can't inject markup. The fonts are those that every viewer has; a character
that they lack is shown as its base letter or '?'. The same document gives the same bytes.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal, Self

from reportlab.lib.colors import HexColor, black, white
from reportlab.lib.pagesizes import A5
from reportlab.lib.units import mm
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from sebilling.billing.pictures import NO_PICTURES, Pictures
from sebilling.billing.receipts import Company, InvoicePaper, Receipt
from sebilling.money import format_rupiah
from sebilling.printing.layout import (
    ACCENT,
    BODY,
    GREY,
    INSIDE,
    PAGE,
    RED,
    SMALL,
    Block,
    Lane,
    Paper,
    Style,
    Table,
    a5,
    beside,
    document,
    draw_a5,
    drawable,
    filled,
    flowing,
    pair,
    picture,
    rule,
    space,
    stack,
    text,
    write,
)
from sebilling.printing.receipt_text import THANKS, VOID_RECEIPT, closing, moment, service, tanggal, terbilang

_LOGO_HEIGHT: Final = 12 * mm
_STATUS: Final = {
    "LUNAS": HexColor("#1B7A47"),
    "SEBAGIAN": HexColor("#9A6200"),
    "BELUM LUNAS": RED,
    "DIHAPUS": GREY,
    "BATAL": RED,
    VOID_RECEIPT: RED,
}


# --- rolls -----------------------------------------------------------------------------------------------------------------


def _roll_blocks(receipt: Receipt, lane: Lane, size: float, logo: ImageReader | None) -> list[Block]:
    """A receipt in black, the only colour of thermal paper."""
    body = Style(size, colour=black)
    centred = replace(body, align="centre")
    title = replace(centred, bold=True)
    labels, values = Lane(lane.x, size * 5.4), Lane(lane.x + size * 5.4, lane.width - size * 5.4)

    def fact(name: str, value: str, style: Style = body) -> Block:
        return beside(text(name, body, labels), text(value, style, values))

    dashes = rule(lane, colour=black, thick=0.5, around=3.5, dashed=True)
    company, footer = receipt.company, closing(receipt.company.footer)
    banner = filled(text(VOID_RECEIPT, replace(title, size=size * 1.35, colour=white), lane), lane, colour=black, padding=3)
    void = [banner, space(2), text("Kuitansi ini tidak berlaku", centred, lane)]
    blocks = [
        *_logo(logo, lane, "centre"),
        text(company.name or receipt.counter_name, replace(title, size=size * 1.45), lane),
        text(company.address, centred, lane),
        text(f"Telp. {company.phone}" if company.phone else "", centred, lane),
        rule(lane, colour=black, thick=1, around=4),
        text("KUITANSI / TANDA TERIMA", replace(title, size=size * 1.1), lane),
        text(receipt.number, centred, lane),
    ]
    if receipt.reversed:
        blocks += [space(4), *void, space(3), fact("Alasan", receipt.reversal_reason)]
    blocks += [
        dashes,
        fact("Tanggal", f"{receipt.received_at:%d-%m-%Y %H:%M} {receipt.zone}"),
        fact("Loket", f"{receipt.counter_code} {receipt.counter_name}"),
        fact("Petugas", receipt.received_by),
        fact("Pelanggan", receipt.customer_name, replace(body, bold=True)),
        fact("", receipt.customer_code),
        fact("Metode", receipt.method.indonesian),
        dashes,
    ]
    for line in receipt.lines:
        covers = service(line.covers_from, line.covers_until, dash="–")
        blocks += [text(line.invoice_number, body, lane), pair(covers, format_rupiah(line.amount), lane, body), space(2)]
    blocks += [pair(name, format_rupiah(amount), lane, body) for name, amount in _leftovers(receipt)]
    if receipt.lines or receipt.credit or receipt.refunded:
        blocks.append(dashes)
    blocks += [
        pair("JUMLAH", format_rupiah(receipt.amount), lane, replace(body, size=size * 1.4, bold=True)),
        text(terbilang(receipt.amount).capitalize(), replace(body, size=size * 0.9), lane),
        space(3),
        *([] if receipt.outstanding is None else [pair("Sisa tagihan", format_rupiah(receipt.outstanding), lane, body)]),
        rule(lane, colour=black, thick=1, around=4),
    ]
    if receipt.reversed:
        return [*blocks, *void]
    return [*blocks, text(THANKS, title, lane), text(footer, centred, lane)]


def _logo(logo: ImageReader | None, lane: Lane, align: Literal["left", "centre"]) -> list[Block]:
    return [] if logo is None else [picture(logo, lane, height=_LOGO_HEIGHT, align=align), space(4)]


def _leftovers(receipt: Receipt) -> list[tuple[str, int]]:
    both = (("Titipan", receipt.credit), ("Dikembalikan", receipt.refunded))
    return [(name, amount) for name, amount in both if amount]


def _roll(receipt: Receipt, logo: ImageReader | None, *, width: float, margin: float, size: float) -> bytes:
    paper = stack(*_roll_blocks(receipt, Lane(margin, width - 2 * margin), size, logo))
    height = paper.height + 2 * margin
    buffer = io.BytesIO()
    canvas = document(buffer, (width, height), f"Kuitansi {receipt.number}", receipt.company)
    paper.draw(canvas, height - margin)
    canvas.showPage()
    canvas.save()
    return buffer.getvalue()


# --- A5 --------------------------------------------------------------------------------------------------------------------


_SENDER: Final = Lane(PAGE.x, PAGE.width * 0.56)


def _sender(company: Company, logo: ImageReader | None, counter: str) -> Block:
    """The company with its logo; the counter, if the company has no name."""
    return stack(
        *_logo(logo, _SENDER, "left"),
        text(company.name or counter, Style(14, bold=True, colour=ACCENT), _SENDER),
        space(2),
        text(company.address, SMALL, _SENDER),
        text(f"Telp. {company.phone}" if company.phone else "", SMALL, _SENDER),
    )


def _masthead(sender: Block, title: str, number: str, status: str) -> Block:
    """Head of a document: the sender at the left; title, number and status at the right."""
    right = Lane(_SENDER.x + _SENDER.width + 10, PAGE.width - _SENDER.width - 10)
    what = [text(title, Style(15, bold=True, align="right"), right), text(number, Style(8, colour=GREY, align="right"), right)]
    if status:
        what += [space(4), _badge(status, right.x + right.width)]
    return stack(beside(sender, stack(*what)), rule(PAGE, colour=ACCENT, thick=1.4, around=7))


def _badge(status: str, right: float) -> Block:
    style = Style(8.5, bold=True, colour=_STATUS[status])
    width = style.wide(status) + 16

    def draw(canvas: Canvas, y: float) -> None:
        canvas.setStrokeColor(style.colour)
        canvas.setLineWidth(1)
        canvas.roundRect(right - width, y - 15, width, 15, 3, stroke=1, fill=0)
        write(canvas, Lane(right - width + 8, width), y - 10.6, status, style)

    return Block(15, draw)


def _parties(caption: str, name: str, details: Sequence[str], facts: Sequence[tuple[str, str]]) -> Block:
    """The customer at the left, labelled facts at the right."""
    left = Lane(PAGE.x, PAGE.width * 0.5)
    labels = Lane(left.x + left.width + 12, 58)
    values = Lane(labels.x + labels.width, PAGE.x + PAGE.width - labels.x - labels.width)
    who = [text(caption, SMALL, left), space(1), text(name, Style(10.5, bold=True), left)]
    who += [text(line, BODY, left) for line in details]
    what = [stack(beside(text(word, SMALL, labels), text(value, BODY, values)), space(1.5)) for word, value in facts]
    return stack(beside(stack(*who), stack(*what)), space(10))


def _totals(before: Sequence[tuple[str, int]], main: tuple[str, int], after: Sequence[tuple[str, int]] = ()) -> Block:
    """Amounts below each other at the right; `main` is the highlighted total."""
    ground = Lane(PAGE.x + PAGE.width * 0.42, PAGE.width * 0.58)
    lane = Lane(ground.x + 8, ground.width - 16)

    def rows(amounts: Sequence[tuple[str, int]]) -> list[Block]:
        return [stack(space(1), pair(name, format_rupiah(amount), lane, BODY), space(1)) for name, amount in amounts]

    strong = pair(main[0], format_rupiah(main[1]), lane, Style(11, bold=True, colour=ACCENT))
    return stack(space(5), *rows(before), space(2), filled(strong, ground), space(3), *rows(after))


_RECEIPT_TABLE: Final = Table((
    ("Tagihan", Lane(PAGE.x + 6, 150), "left"),
    ("Masa layanan", Lane(PAGE.x + 162, 110), "left"),
    ("Jumlah", Lane(PAGE.x + 276, PAGE.width - 282), "right"),
))  # fmt: skip
_INVOICE_TABLE: Final = Table((
    ("Uraian", Lane(PAGE.x + 6, 166), "left"),
    ("Jml", Lane(PAGE.x + 176, 22), "right"),
    ("Harga satuan", Lane(PAGE.x + 204, 72), "right"),
    ("Jumlah", Lane(PAGE.x + 282, PAGE.width - 288), "right"),
))  # fmt: skip


def _qris(qris: ImageReader | None) -> list[Block]:
    """The code by which an invoice is paid with a phone, large enough to be scanned from paper."""
    return [] if qris is None else [space(9), text("Bayar dengan QRIS", SMALL, PAGE), space(3), picture(qris, PAGE, height=34 * mm)]


def _warning(words: str, reason: str) -> Block:
    said = stack(text(words, Style(8.5, bold=True, colour=RED), INSIDE), text(f"Alasan: {reason}", BODY, INSIDE))
    return stack(filled(said, PAGE, colour=HexColor("#FBEDEC")), space(8))


def _signature(name: str) -> Block:
    lane = Lane(PAGE.x + PAGE.width * 0.62, PAGE.width * 0.38)
    middle = replace(BODY, align="centre")
    line = rule(Lane(lane.x + 10, lane.width - 20), colour=GREY, around=2)
    return stack(text("Diterima oleh,", middle, lane), space(30), line, text(name, replace(middle, bold=True), lane))


def _receipt_a5(receipt: Receipt, logo: ImageReader | None) -> bytes:
    facts = [("Tanggal", moment(receipt)), ("Loket", f"{receipt.counter_code} {receipt.counter_name}"),
             ("Petugas", receipt.received_by), ("Metode", receipt.method.indonesian)]  # fmt: skip
    first = [
        _masthead(
            _sender(receipt.company, logo, receipt.counter_name), "KUITANSI", receipt.number, VOID_RECEIPT if receipt.reversed else ""
        ),
        _parties("Telah diterima dari", receipt.customer_name, [receipt.customer_code], facts),
    ]
    if receipt.reversed:
        first.insert(1, _warning("Pembayaran ini dibatalkan. Kuitansi ini tidak berlaku.", receipt.reversal_reason))
    rows = [
        _RECEIPT_TABLE.row(line.invoice_number, service(line.covers_from, line.covers_until, dash="–"), format_rupiah(line.amount))
        for line in receipt.lines
    ]
    rows += [_RECEIPT_TABLE.row(name, "", format_rupiah(amount)) for name, amount in _leftovers(receipt)]
    words = text(terbilang(receipt.amount).capitalize(), Style(9, bold=True), INSIDE)
    owed = [] if receipt.outstanding is None else [("Sisa tagihan", receipt.outstanding)]
    tail = stack(
        _totals([], ("Jumlah diterima", receipt.amount), owed),
        space(7),
        filled(stack(text("Terbilang", SMALL, INSIDE), space(1), words), PAGE),
        *([] if receipt.reversed else [space(16), _signature(receipt.received_by)]),
    )
    pages = flowing(stack(*first), _RECEIPT_TABLE, rows, tail, f"Kuitansi {receipt.number}, lanjutan")
    return a5(Paper(pages, f"Kuitansi {receipt.number}", receipt.company, VOID_RECEIPT if receipt.reversed else ""))


# --- documents -------------------------------------------------------------------------------------------------------------


def receipt_pdf(receipt: Receipt, pictures: Pictures = NO_PICTURES, *, paper: Literal["58", "80", "A5"]) -> bytes:
    """Return a receipt for a roll of 58 or 80 mm, on one page as high as needed, or for A5. A reversed one is marked DIBATALKAN."""
    logo = None if pictures.logo is None else drawable(pictures.logo)
    match paper:
        case "58":
            return _roll(receipt, logo, width=58 * mm, margin=4 * mm, size=7)
        case "80":
            return _roll(receipt, logo, width=80 * mm, margin=4.5 * mm, size=8.5)
        case "A5":
            return _receipt_a5(receipt, logo)


@dataclass(frozen=True, slots=True)
class _Drawn:
    """The ISP's pictures, decoded once for all papers of a document."""

    logo: ImageReader | None
    qris: ImageReader | None

    @classmethod
    def of(cls, pictures: Pictures) -> Self:
        logo, qris = (None if content is None else drawable(content) for content in (pictures.logo, pictures.qris))
        return cls(logo, qris)


def invoice_pdf(paper: InvoicePaper, pictures: Pictures = NO_PICTURES) -> bytes:
    """Return an invoice on A5, with as many pages as its lines need. A voided one has the watermark BATAL."""
    return a5(_invoice(paper, _Drawn.of(pictures)))


class InvoiceBook:
    """Many invoices in one PDF, each beginning on a page of its own. Compressed pages stay in memory until it is saved."""

    def __init__(self, path: Path, title: str, company: Company, pictures: Pictures) -> None:
        self._pictures = _Drawn.of(pictures)
        self._canvas = document(path, A5, title, company)

    def add(self, paper: InvoicePaper) -> None:
        """Draw an invoice."""
        draw_a5(self._canvas, _invoice(paper, self._pictures))

    def save(self) -> None:
        """Write the file. Raises OSError."""
        self._canvas.save()


def _invoice(paper: InvoicePaper, drawn: _Drawn) -> Paper:
    void = paper.status == "BATAL"
    first = [
        _masthead(_sender(paper.company, drawn.logo, paper.counter_name), "TAGIHAN", paper.number, paper.status),
        _parties(
            "Ditagihkan kepada",
            paper.customer_name,
            [paper.customer_code, paper.customer_address, paper.customer_phone],
            [
                ("Terbit", tanggal(paper.issued_on)),
                ("Jatuh tempo", tanggal(paper.due_on)),
                ("Masa layanan", service(paper.covers_from, paper.covers_until, dash="–")),
                ("Paket", paper.plan_name),
                ("Loket", f"{paper.counter_code} {paper.counter_name}"),
            ],
        ),
    ]
    if void:
        first.insert(1, _warning("Tagihan ini dibatalkan dan tidak perlu dibayar.", paper.void_reason))
    rows = [
        _INVOICE_TABLE.row(
            line.description,
            str(line.quantity),
            format_rupiah(line.unit_price),
            format_rupiah(line.amount),
            below=line.kind.indonesian,
        )
        for line in paper.lines
    ]
    amounts = [("Total", paper.total), ("Sudah dibayar", paper.allocated)]
    if paper.written_off:
        amounts.append(("Dihapuskan", paper.written_off))
    please = ""
    if paper.outstanding:
        please = f"Mohon dibayar paling lambat {tanggal(paper.due_on)} di {paper.counter_name} ({paper.counter_code})."
    scan = _qris(drawn.qris) if paper.outstanding else []
    tail = stack(_totals(amounts, ("Sisa tagihan", paper.outstanding)), space(9), text(please, BODY, PAGE), *scan)
    pages = flowing(stack(*first), _INVOICE_TABLE, rows, tail, f"Tagihan {paper.number}, lanjutan")
    return Paper(pages, f"Tagihan {paper.number}", paper.company, "BATAL" if void else "")
