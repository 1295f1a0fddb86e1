"""Receipts and invoices as PDF: rolls of 58 and 80 mm as long as they need to be, and A5 of as many pages.

Everything is drawn, nothing is parsed: text of customers has no markup to break out of. The fonts are those that every
viewer has; a character they lack is shown by its base letter or '?'. The same paper gives the same bytes.
"""

import io
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from reportlab.lib.colors import Color, HexColor, black, white
from reportlab.lib.pagesizes import A5
from reportlab.lib.units import mm
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

from sebilling.billing.receipts import Company, InvoicePaper, Receipt
from sebilling.money import format_rupiah
from sebilling.printing.receipt_text import METHODS, THANKS, VOID_RECEIPT, closing, moment, one_line, plain, service, tanggal, terbilang

Align = Literal["left", "centre", "right"]

_REGULAR: Final = "Helvetica"
_BOLD: Final = "Helvetica-Bold"
_INK: Final = HexColor("#1C2733")
_ACCENT: Final = HexColor("#14506E")
_TINT: Final = HexColor("#EDF3F7")
_RULE: Final = HexColor("#C9D5DE")
_GREY: Final = HexColor("#667482")
_RED: Final = HexColor("#B3261E")
_STATUS: Final = {
    "LUNAS": HexColor("#1B7A47"),
    "SEBAGIAN": HexColor("#9A6200"),
    "BELUM LUNAS": _RED,
    "DIHAPUS": _GREY,
    "BATAL": _RED,
    VOID_RECEIPT: _RED,
}
_KINDS: Final = {
    "SUBSCRIPTION": "Langganan",
    "PRORATION": "Prorata",
    "CHARGE": "Biaya",
    "DISCOUNT": "Potongan",
    "TAX": "Pajak",
    "LATE_FEE": "Denda",
}
_LEADING: Final = 1.28
"""Height of a line, in sizes of its font."""


# --- text and blocks -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Style:
    size: float
    bold: bool = False
    colour: Color = _INK
    align: Align = "left"

    @property
    def font(self) -> str:
        return _BOLD if self.bold else _REGULAR

    def wide(self, given: str) -> float:
        return stringWidth(given, self.font, self.size)


@dataclass(frozen=True, slots=True)
class _Lane:
    """Between which edges something stands, in points."""

    x: float
    width: float


@dataclass(frozen=True, slots=True)
class _Block:
    """Something of a height, in points, that can be drawn below a `y`."""

    height: float
    draw: Callable[[Canvas, float], None]


def _shown(given: str) -> str:
    """`given` in the characters of the font."""
    letters = unicodedata.normalize("NFC", one_line(given))
    return "".join(letter if letter.encode("cp1252", "ignore") else plain(letter) for letter in letters)


def _split(given: str, style: _Style, width: float) -> list[str]:
    """Lines no wider than `width`; a word that is wider is cut."""
    lines: list[str] = []
    line = ""
    for word in _shown(given).split():
        longer = f"{line} {word}".lstrip()
        if style.wide(longer) <= width:
            line = longer
            continue
        if line:
            lines.append(line)
        line = word
        while style.wide(line) > width and len(line) > 1:
            fits = next(n for n in range(len(line) - 1, 0, -1) if n == 1 or style.wide(line[:n]) <= width)
            lines.append(line[:fits])
            line = line[fits:]
    return [*lines, line] if line else lines


def _write(canvas: Canvas, lane: _Lane, y: float, given: str, style: _Style) -> None:
    """One line with its baseline at `y`; smaller if it doesn't fit."""
    size = min(style.size, style.size * lane.width / max(style.wide(given), 1))
    canvas.setFont(style.font, size)
    canvas.setFillColor(style.colour)
    match style.align:
        case "left":
            canvas.drawString(lane.x, y, given)
        case "centre":
            canvas.drawCentredString(lane.x + lane.width / 2, y, given)
        case "right":
            canvas.drawRightString(lane.x + lane.width, y, given)


def _text(given: str, style: _Style, lane: _Lane) -> _Block:
    """A paragraph; of no height if it is empty."""
    return _lines(_split(given, style, lane.width), style, lane)


def _lines(lines: Sequence[str], style: _Style, lane: _Lane) -> _Block:
    step = style.size * _LEADING

    def draw(canvas: Canvas, y: float) -> None:
        for number, line in enumerate(lines):
            _write(canvas, lane, y - number * step - style.size * 0.95, line, style)

    return _Block(len(lines) * step, draw)


def _space(height: float) -> _Block:
    return _Block(height, lambda _canvas, _y: None)


def _rule(lane: _Lane, *, colour: Color = _RULE, thick: float = 0.6, around: float = 4, dashed: bool = False) -> _Block:
    def draw(canvas: Canvas, y: float) -> None:
        canvas.setStrokeColor(colour)
        canvas.setLineWidth(thick)
        canvas.setDash([2, 2] if dashed else [])
        canvas.line(lane.x, y - around, lane.x + lane.width, y - around)
        canvas.setDash([])

    return _Block(2 * around, draw)


def _stack(*blocks: _Block) -> _Block:
    """One under the other."""

    def draw(canvas: Canvas, y: float) -> None:
        for block in blocks:
            block.draw(canvas, y)
            y -= block.height

    return _Block(sum(block.height for block in blocks), draw)


def _beside(*blocks: _Block) -> _Block:
    """Next to each other, all from the same height down."""

    def draw(canvas: Canvas, y: float) -> None:
        for block in blocks:
            block.draw(canvas, y)

    return _Block(max(block.height for block in blocks), draw)


def _filled(block: _Block, lane: _Lane, *, colour: Color = _TINT, padding: float = 5) -> _Block:
    """On a tinted ground with round corners."""
    height = block.height + 2 * padding

    def draw(canvas: Canvas, y: float) -> None:
        canvas.setFillColor(colour)
        canvas.roundRect(lane.x, y - height, lane.width, height, 3, stroke=0, fill=1)
        block.draw(canvas, y - padding)

    return _Block(height, draw)


def _pair(left: str, right: str, lane: _Lane, style: _Style) -> _Block:
    """Words at the left edge, an amount at the right: in one line if both fit, else the amount below."""
    amount = _lines([right], replace(style, align="right"), lane)
    together = style.wide(_shown(left)) + style.wide(right) + 6 <= lane.width
    return (_beside if together else _stack)(_text(left, style, lane), amount)


def _document(buffer: io.BytesIO, size: tuple[float, float], title: str, company: Company) -> Canvas:
    canvas = Canvas(buffer, pagesize=size, invariant=1, pageCompression=1)
    canvas.setTitle(title)
    canvas.setAuthor(one_line(company.name))
    canvas.setCreator("SeBilling")
    return canvas


# --- rolls -----------------------------------------------------------------------------------------------------------------


def _roll_blocks(receipt: Receipt, lane: _Lane, size: float) -> list[_Block]:
    """A receipt in black, as thermal paper has no other colour."""
    body = _Style(size, colour=black)
    centred = replace(body, align="centre")
    title = replace(centred, bold=True)
    labels, values = _Lane(lane.x, size * 5.4), _Lane(lane.x + size * 5.4, lane.width - size * 5.4)

    def fact(name: str, value: str, style: _Style = body) -> _Block:
        return _beside(_text(name, body, labels), _text(value, style, values))

    dashes = _rule(lane, colour=black, thick=0.5, around=3.5, dashed=True)
    company, footer = receipt.company, closing(receipt.company.footer)
    banner = _filled(_text(VOID_RECEIPT, replace(title, size=size * 1.35, colour=white), lane), lane, colour=black, padding=3)
    void = [banner, _space(2), _text("Kuitansi ini tidak berlaku", centred, lane)]
    blocks = [
        _text(company.name or receipt.counter_name, replace(title, size=size * 1.45), lane),
        _text(company.address, centred, lane),
        _text(f"Telp. {company.phone}" if company.phone else "", centred, lane),
        _rule(lane, colour=black, thick=1, around=4),
        _text("KUITANSI / TANDA TERIMA", replace(title, size=size * 1.1), lane),
        _text(receipt.number, centred, lane),
    ]
    if receipt.reversed:
        blocks += [_space(4), *void, _space(3), fact("Alasan", receipt.reversal_reason)]
    blocks += [
        dashes,
        fact("Tanggal", f"{receipt.received_at:%d-%m-%Y %H:%M} {receipt.zone}"),
        fact("Loket", f"{receipt.counter_code} {receipt.counter_name}"),
        fact("Petugas", receipt.received_by),
        fact("Pelanggan", receipt.customer_name, replace(body, bold=True)),
        fact("", receipt.customer_code),
        fact("Metode", METHODS[receipt.method]),
        dashes,
    ]
    for line in receipt.lines:
        covers = service(line.covers_from, line.covers_until, dash="–")
        blocks += [_text(line.invoice_number, body, lane), _pair(covers, format_rupiah(line.amount), lane, body), _space(2)]
    blocks += [_pair(name, format_rupiah(amount), lane, body) for name, amount in _leftovers(receipt)]
    if receipt.lines or receipt.credit or receipt.refunded:
        blocks.append(dashes)
    blocks += [
        _pair("JUMLAH", format_rupiah(receipt.amount), lane, replace(body, size=size * 1.4, bold=True)),
        _text(terbilang(receipt.amount).capitalize(), replace(body, size=size * 0.9), lane),
        _space(3),
        _pair("Sisa tagihan", format_rupiah(receipt.outstanding), lane, body),
        _rule(lane, colour=black, thick=1, around=4),
    ]
    if receipt.reversed:
        return [*blocks, *void]
    return [*blocks, _text(THANKS, title, lane), _text(footer, centred, lane)]


def _leftovers(receipt: Receipt) -> list[tuple[str, int]]:
    both = (("Titipan", receipt.credit), ("Dikembalikan", receipt.refunded))
    return [(name, amount) for name, amount in both if amount]


def _roll(receipt: Receipt, *, width: float, margin: float, size: float) -> bytes:
    paper = _stack(*_roll_blocks(receipt, _Lane(margin, width - 2 * margin), size))
    height = paper.height + 2 * margin
    buffer = io.BytesIO()
    canvas = _document(buffer, (width, height), f"Kuitansi {receipt.number}", receipt.company)
    paper.draw(canvas, height - margin)
    canvas.showPage()
    canvas.save()
    return buffer.getvalue()


# --- A5 --------------------------------------------------------------------------------------------------------------------

_MARGIN: Final = 11 * mm
_PAGE: Final = _Lane(_MARGIN, A5[0] - 2 * _MARGIN)
_INSIDE: Final = _Lane(_PAGE.x + 8, _PAGE.width - 16)
_TOP: Final = A5[1] - _MARGIN
_BOTTOM: Final = _MARGIN + 26
"""Above the footer."""
_SMALL: Final = _Style(7.5, colour=_GREY)
_BODY: Final = _Style(8.5)


@dataclass(frozen=True, slots=True)
class _Table:
    """Columns by their edges; every row is a block of cells."""

    columns: tuple[tuple[str, _Lane, Align], ...]

    def head(self) -> _Block:
        """The titles."""
        cells = [_text(title, _Style(7.5, bold=True, colour=_ACCENT, align=align), lane) for title, lane, align in self.columns]
        return _stack(_filled(_beside(*cells), _PAGE, padding=4), _space(3))

    def row(self, *cells: str, below: str = "") -> _Block:
        """`below` stands small under the first cell, whose text may take lines. Other cells get smaller rather than break."""
        (_, lane, _), *others = self.columns
        first = _stack(_text(cells[0], _BODY, lane), _text(below, _SMALL, lane))
        rest = [_lines([_shown(cell)], replace(_BODY, align=align), lane) for cell, (_, lane, align) in zip(cells[1:], others, strict=True)]
        return _stack(_space(1.5), _beside(first, *rest), _rule(_PAGE, thick=0.4, around=2.5))


def _masthead(company: Company, counter: str, title: str, number: str, status: str) -> _Block:
    """Whose paper it is at the left; what it is, and how it stands, at the right."""
    left = _Lane(_PAGE.x, _PAGE.width * 0.56)
    right = _Lane(left.x + left.width + 10, _PAGE.width - left.width - 10)
    whose = _stack(
        _text(company.name or counter, _Style(14, bold=True, colour=_ACCENT), left),
        _space(2),
        _text(company.address, _SMALL, left),
        _text(f"Telp. {company.phone}" if company.phone else "", _SMALL, left),
    )
    what = [_text(title, _Style(15, bold=True, align="right"), right), _text(number, _Style(8, colour=_GREY, align="right"), right)]
    if status:
        what += [_space(4), _badge(status, right.x + right.width)]
    return _stack(_beside(whose, _stack(*what)), _rule(_PAGE, colour=_ACCENT, thick=1.4, around=7))


def _badge(status: str, right: float) -> _Block:
    style = _Style(8.5, bold=True, colour=_STATUS[status])
    width = style.wide(status) + 16

    def draw(canvas: Canvas, y: float) -> None:
        canvas.setStrokeColor(style.colour)
        canvas.setLineWidth(1)
        canvas.roundRect(right - width, y - 15, width, 15, 3, stroke=1, fill=0)
        _write(canvas, _Lane(right - width + 8, width), y - 10.6, status, style)

    return _Block(15, draw)


def _parties(caption: str, name: str, details: Sequence[str], facts: Sequence[tuple[str, str]]) -> _Block:
    """The customer at the left, facts at the right."""
    left = _Lane(_PAGE.x, _PAGE.width * 0.5)
    labels = _Lane(left.x + left.width + 12, 58)
    values = _Lane(labels.x + labels.width, _PAGE.x + _PAGE.width - labels.x - labels.width)
    who = [_text(caption, _SMALL, left), _space(1), _text(name, _Style(10.5, bold=True), left)]
    who += [_text(line, _BODY, left) for line in details]
    what = [_stack(_beside(_text(word, _SMALL, labels), _text(value, _BODY, values)), _space(1.5)) for word, value in facts]
    return _stack(_beside(_stack(*who), _stack(*what)), _space(10))


def _totals(before: Sequence[tuple[str, int]], main: tuple[str, int], after: Sequence[tuple[str, int]] = ()) -> _Block:
    """Amounts under each other at the right; `main` is what the paper is about."""
    ground = _Lane(_PAGE.x + _PAGE.width * 0.42, _PAGE.width * 0.58)
    lane = _Lane(ground.x + 8, ground.width - 16)

    def rows(amounts: Sequence[tuple[str, int]]) -> list[_Block]:
        return [_stack(_space(1), _pair(name, format_rupiah(amount), lane, _BODY), _space(1)) for name, amount in amounts]

    strong = _pair(main[0], format_rupiah(main[1]), lane, _Style(11, bold=True, colour=_ACCENT))
    return _stack(_space(5), *rows(before), _space(2), _filled(strong, ground), _space(3), *rows(after))


def _pages(first: _Block, table: _Table, rows: Sequence[_Block], tail: _Block, running: str) -> list[_Block]:
    """What goes on which page. Each page repeats the table's head; what comes after the table stays together."""
    pages = [[first, table.head()] if rows else [first]]
    room = _TOP - _BOTTOM - sum(block.height for block in pages[0])
    for block in [*rows, tail]:
        if block.height > room:
            pages.append([_text(running, _SMALL, _PAGE), _space(6), *([] if block is tail else [table.head()])])
            room = _TOP - _BOTTOM - sum(part.height for part in pages[-1])
        pages[-1].append(block)
        room -= block.height
    return [_stack(*page) for page in pages]


def _watermark(canvas: Canvas, words: str) -> None:
    canvas.saveState()
    canvas.translate(A5[0] / 2, A5[1] / 2)
    canvas.rotate(52)
    canvas.setFillColor(_RED)
    canvas.setFillAlpha(0.11)
    canvas.setFont(_BOLD, 72)
    canvas.drawCentredString(0, -24, words)
    canvas.restoreState()


def _a5(pages: Sequence[_Block], title: str, company: Company, watermark: str) -> bytes:
    buffer = io.BytesIO()
    canvas = _document(buffer, A5, title, company)
    footer = _lines(_split(company.footer, _SMALL, _PAGE.width - 70)[:2], _SMALL, _PAGE)
    for number, page in enumerate(pages, start=1):
        if watermark:
            _watermark(canvas, watermark)
        page.draw(canvas, _TOP)
        _rule(_PAGE, around=0).draw(canvas, _MARGIN + 20)
        footer.draw(canvas, _MARGIN + 17)
        _text(f"Halaman {number} dari {len(pages)}", replace(_SMALL, align="right"), _PAGE).draw(canvas, _MARGIN + 17)
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


_RECEIPT_TABLE: Final = _Table((
    ("Tagihan", _Lane(_PAGE.x + 6, 150), "left"),
    ("Masa layanan", _Lane(_PAGE.x + 162, 110), "left"),
    ("Jumlah", _Lane(_PAGE.x + 276, _PAGE.width - 282), "right"),
))  # fmt: skip
_INVOICE_TABLE: Final = _Table((
    ("Uraian", _Lane(_PAGE.x + 6, 166), "left"),
    ("Jml", _Lane(_PAGE.x + 176, 22), "right"),
    ("Harga satuan", _Lane(_PAGE.x + 204, 72), "right"),
    ("Jumlah", _Lane(_PAGE.x + 282, _PAGE.width - 288), "right"),
))  # fmt: skip


def _warning(words: str, reason: str) -> _Block:
    said = _stack(_text(words, _Style(8.5, bold=True, colour=_RED), _INSIDE), _text(f"Alasan: {reason}", _BODY, _INSIDE))
    return _stack(_filled(said, _PAGE, colour=HexColor("#FBEDEC")), _space(8))


def _signature(name: str) -> _Block:
    lane = _Lane(_PAGE.x + _PAGE.width * 0.62, _PAGE.width * 0.38)
    middle = replace(_BODY, align="centre")
    line = _rule(_Lane(lane.x + 10, lane.width - 20), colour=_GREY, around=2)
    return _stack(_text("Diterima oleh,", middle, lane), _space(30), line, _text(name, replace(middle, bold=True), lane))


def _receipt_a5(receipt: Receipt) -> bytes:
    facts = [("Tanggal", moment(receipt)), ("Loket", f"{receipt.counter_code} {receipt.counter_name}"),
             ("Petugas", receipt.received_by), ("Metode", METHODS[receipt.method])]  # fmt: skip
    first = [
        _masthead(receipt.company, receipt.counter_name, "KUITANSI", receipt.number, VOID_RECEIPT if receipt.reversed else ""),
        _parties("Telah diterima dari", receipt.customer_name, [receipt.customer_code], facts),
    ]
    if receipt.reversed:
        first.insert(1, _warning("Pembayaran ini dibatalkan. Kuitansi ini tidak berlaku.", receipt.reversal_reason))
    rows = [
        _RECEIPT_TABLE.row(line.invoice_number, service(line.covers_from, line.covers_until, dash="–"), format_rupiah(line.amount))
        for line in receipt.lines
    ]
    rows += [_RECEIPT_TABLE.row(name, "", format_rupiah(amount)) for name, amount in _leftovers(receipt)]
    words = _text(terbilang(receipt.amount).capitalize(), _Style(9, bold=True), _INSIDE)
    tail = _stack(
        _totals([], ("Jumlah diterima", receipt.amount), [("Sisa tagihan", receipt.outstanding)]),
        _space(7),
        _filled(_stack(_text("Terbilang", _SMALL, _INSIDE), _space(1), words), _PAGE),
        *([] if receipt.reversed else [_space(16), _signature(receipt.received_by)]),
    )
    pages = _pages(_stack(*first), _RECEIPT_TABLE, rows, tail, f"Kuitansi {receipt.number}, lanjutan")
    return _a5(pages, f"Kuitansi {receipt.number}", receipt.company, VOID_RECEIPT if receipt.reversed else "")


# --- papers ----------------------------------------------------------------------------------------------------------------


def receipt_pdf(receipt: Receipt, *, paper: Literal["58", "80", "A5"]) -> bytes:
    """A receipt for a roll of 58 or 80 mm, on one page of the height it needs, or for A5. A reversed one says DIBATALKAN."""
    match paper:
        case "58":
            return _roll(receipt, width=58 * mm, margin=4 * mm, size=7)
        case "80":
            return _roll(receipt, width=80 * mm, margin=4.5 * mm, size=8.5)
        case "A5":
            return _receipt_a5(receipt)


def invoice_pdf(paper: InvoicePaper) -> bytes:
    """An invoice on A5, of as many pages as its lines need. A voided one says BATAL across each."""
    void = paper.status == "BATAL"
    first = [
        _masthead(paper.company, paper.counter_name, "TAGIHAN", paper.number, paper.status),
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
            below=_KINDS.get(line.kind, ""),
        )
        for line in paper.lines
    ]
    amounts = [("Total", paper.total), ("Sudah dibayar", paper.allocated)]
    if paper.written_off:
        amounts.append(("Dihapuskan", paper.written_off))
    please = ""
    if paper.outstanding:
        please = f"Mohon dibayar paling lambat {tanggal(paper.due_on)} di {paper.counter_name} ({paper.counter_code})."
    tail = _stack(_totals(amounts, ("Sisa tagihan", paper.outstanding)), _space(9), _text(please, _BODY, _PAGE))
    pages = _pages(_stack(*first), _INVOICE_TABLE, rows, tail, f"Tagihan {paper.number}, lanjutan")
    return _a5(pages, f"Tagihan {paper.number}", paper.company, "BATAL" if void else "")
