"""Layout of PDF documents: blocks of text with a height, and A5 pages onto which they flow."""

import io
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

from PIL import Image
from reportlab.lib.colors import Color, HexColor
from reportlab.lib.pagesizes import A5
from reportlab.lib.units import mm
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

from sebilling.billing.receipts import Company
from sebilling.printing.receipt_text import one_line, plain

Align = Literal["left", "centre", "right"]

_REGULAR: Final = "Helvetica"
_BOLD: Final = "Helvetica-Bold"
_INK: Final = HexColor("#1C2733")
ACCENT: Final = HexColor("#14506E")
_TINT: Final = HexColor("#EDF3F7")
_RULE: Final = HexColor("#C9D5DE")
GREY: Final = HexColor("#667482")
RED: Final = HexColor("#B3261E")
_FINEST_PIXELS: Final = 800
_LEADING: Final = 1.28
"""Height of a line, in sizes of its font."""


# --- text and blocks -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Style:
    """Style of a text; `size` in points."""

    size: float
    bold: bool = False
    colour: Color = _INK
    align: Align = "left"

    @property
    def font(self) -> str:
        """Name of the font in a PDF."""
        return _BOLD if self.bold else _REGULAR

    def wide(self, text: str) -> float:
        """Return the width of a line in points."""
        return stringWidth(text, self.font, self.size)


@dataclass(frozen=True, slots=True)
class Lane:
    """Horizontal position and width, in points."""

    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Block:
    """Something that can be drawn below a `y`, and its height in points."""

    height: float
    draw: Callable[[Canvas, float], None]


def _shown(text: str) -> str:
    """Return the text in characters that the font has."""
    letters = unicodedata.normalize("NFC", one_line(text))
    return "".join(letter if letter.encode("cp1252", "ignore") else plain(letter) for letter in letters)


def _split(text: str, style: Style, width: float) -> list[str]:
    """Wrap text into lines no wider than `width`; a wider word is split."""
    lines: list[str] = []
    line = ""
    for word in _shown(text).split():
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


def write(canvas: Canvas, lane: Lane, y: float, text: str, style: Style) -> None:
    """Draw one line with its baseline at `y`, in a smaller size if it doesn't fit."""
    size = min(style.size, style.size * lane.width / max(style.wide(text), 1))
    canvas.setFont(style.font, size)
    canvas.setFillColor(style.colour)
    match style.align:
        case "left":
            canvas.drawString(lane.x, y, text)
        case "centre":
            canvas.drawCentredString(lane.x + lane.width / 2, y, text)
        case "right":
            canvas.drawRightString(lane.x + lane.width, y, text)


def text(content: str, style: Style, lane: Lane) -> Block:
    """A paragraph; its height is 0 if it is empty."""
    return _lines(_split(content, style, lane.width), style, lane)


def _lines(lines: Sequence[str], style: Style, lane: Lane) -> Block:
    step = style.size * _LEADING

    def draw(canvas: Canvas, y: float) -> None:
        for number, line in enumerate(lines):
            write(canvas, lane, y - number * step - style.size * 0.95, line, style)

    return Block(len(lines) * step, draw)


def space(height: float) -> Block:
    """Empty space, `height` in points."""
    return Block(height, lambda _canvas, _y: None)


def rule(lane: Lane, *, colour: Color = _RULE, thick: float = 0.6, around: float = 4, dashed: bool = False) -> Block:
    """A horizontal line with `around` points of space above and below."""

    def draw(canvas: Canvas, y: float) -> None:
        canvas.setStrokeColor(colour)
        canvas.setLineWidth(thick)
        canvas.setDash([2, 2] if dashed else [])
        canvas.line(lane.x, y - around, lane.x + lane.width, y - around)
        canvas.setDash([])

    return Block(2 * around, draw)


def drawable(content: bytes) -> ImageReader:
    """Return a picture to be drawn, no finer than paper needs: a finer one would be digested anew for each page."""
    image = Image.open(io.BytesIO(content))
    image.thumbnail((_FINEST_PIXELS, _FINEST_PIXELS))
    return ImageReader(image)


def picture(reader: ImageReader, lane: Lane, *, height: float, align: Align = "left") -> Block:
    """A picture as large as fits into the lane and `height` points."""
    pixels_wide, pixels_high = reader.getSize()
    scale = min(lane.width / pixels_wide, height / pixels_high)
    wide, high = pixels_wide * scale, pixels_high * scale
    x = lane.x + {"left": 0.0, "centre": (lane.width - wide) / 2, "right": lane.width - wide}[align]

    def draw(canvas: Canvas, y: float) -> None:
        canvas.drawImage(reader, x, y - high, wide, high, mask="auto")

    return Block(high, draw)


def stack(*blocks: Block) -> Block:
    """Blocks below each other."""

    def draw(canvas: Canvas, y: float) -> None:
        for block in blocks:
            block.draw(canvas, y)
            y -= block.height

    return Block(sum(block.height for block in blocks), draw)


def beside(*blocks: Block) -> Block:
    """Blocks next to each other, aligned at the top."""

    def draw(canvas: Canvas, y: float) -> None:
        for block in blocks:
            block.draw(canvas, y)

    return Block(max(block.height for block in blocks), draw)


def filled(block: Block, lane: Lane, *, colour: Color = _TINT, padding: float = 5) -> Block:
    """A block on a tinted background with round corners."""
    height = block.height + 2 * padding

    def draw(canvas: Canvas, y: float) -> None:
        canvas.setFillColor(colour)
        canvas.roundRect(lane.x, y - height, lane.width, height, 3, stroke=0, fill=1)
        block.draw(canvas, y - padding)

    return Block(height, draw)


def pair(left: str, right: str, lane: Lane, style: Style) -> Block:
    """A label at the left edge and an amount at the right, on one line if both fit, else the amount below."""
    amount = _lines([right], replace(style, align="right"), lane)
    together = style.wide(_shown(left)) + style.wide(right) + 6 <= lane.width
    return (beside if together else stack)(text(left, style, lane), amount)


def document(target: io.BytesIO | Path, size: tuple[float, float], title: str, company: Company) -> Canvas:
    """Create a PDF without date and random id, so that the same document gives the same bytes."""
    canvas = Canvas(str(target) if isinstance(target, Path) else target, pagesize=size, invariant=1, pageCompression=1)
    canvas.setTitle(title)
    canvas.setAuthor(one_line(company.name))
    canvas.setCreator("SeBilling")
    return canvas


# --- A5 --------------------------------------------------------------------------------------------------------------------

_MARGIN: Final = 11 * mm
PAGE: Final = Lane(_MARGIN, A5[0] - 2 * _MARGIN)
INSIDE: Final = Lane(PAGE.x + 8, PAGE.width - 16)
_TOP: Final = A5[1] - _MARGIN
_BOTTOM: Final = _MARGIN + 26
"""Lowest `y` of the content, above the footer."""
SMALL: Final = Style(7.5, colour=GREY)
BODY: Final = Style(8.5)


@dataclass(frozen=True, slots=True)
class Table:
    """Columns of a table; each row is a block of cells."""

    columns: tuple[tuple[str, Lane, Align], ...]

    def head(self) -> Block:
        """The row of titles."""
        cells = [text(title, Style(7.5, bold=True, colour=ACCENT, align=align), lane) for title, lane, align in self.columns]
        return stack(filled(beside(*cells), PAGE, padding=4), space(3))

    def row(self, *cells: str, below: str = "") -> Block:
        """A row. `below` is small text under the first cell, whose text may wrap; text of other cells is shrunk to fit."""
        (_, lane, _), *others = self.columns
        first = stack(text(cells[0], BODY, lane), text(below, SMALL, lane))
        rest = [_lines([_shown(cell)], replace(BODY, align=align), lane) for cell, (_, lane, align) in zip(cells[1:], others, strict=True)]
        return stack(space(1.5), beside(first, *rest), rule(PAGE, thick=0.4, around=2.5))


def flowing(first: Block, table: Table, rows: Sequence[Block], tail: Block, running: str) -> list[Block]:
    """Distribute rows over pages. Each page repeats the table's head; what follows the table stays together."""
    pages = [[first, table.head()] if rows else [first]]
    room = _TOP - _BOTTOM - sum(block.height for block in pages[0])
    for block in [*rows, tail]:
        if block.height > room:
            pages.append([text(running, SMALL, PAGE), space(6), *([] if block is tail else [table.head()])])
            room = _TOP - _BOTTOM - sum(part.height for part in pages[-1])
        pages[-1].append(block)
        room -= block.height
    return [stack(*page) for page in pages]


@dataclass(frozen=True, slots=True)
class Paper:
    """A document of A5 pages; its watermark may be empty."""

    pages: Sequence[Block]
    title: str
    company: Company
    watermark: str


def _watermark(canvas: Canvas, words: str) -> None:
    canvas.saveState()
    canvas.translate(A5[0] / 2, A5[1] / 2)
    canvas.rotate(52)
    canvas.setFillColor(RED)
    canvas.setFillAlpha(0.11)
    canvas.setFont(_BOLD, 72)
    canvas.drawCentredString(0, -24, words)
    canvas.restoreState()


def a5(paper: Paper) -> bytes:
    """Return one document as PDF."""
    buffer = io.BytesIO()
    canvas = document(buffer, A5, paper.title, paper.company)
    draw_a5(canvas, paper)
    canvas.save()
    return buffer.getvalue()


def draw_a5(canvas: Canvas, paper: Paper) -> None:
    """Add the pages of a document to a PDF, each with footer and page number, which counts the pages of this document."""
    company, pages = paper.company, paper.pages
    footer = _lines(_split(company.footer, SMALL, PAGE.width - 70)[:2], SMALL, PAGE)
    for number, page in enumerate(pages, start=1):
        if paper.watermark:
            _watermark(canvas, paper.watermark)
        page.draw(canvas, _TOP)
        rule(PAGE, around=0).draw(canvas, _MARGIN + 20)
        footer.draw(canvas, _MARGIN + 17)
        text(f"Halaman {number} dari {len(pages)}", replace(SMALL, align="right"), PAGE).draw(canvas, _MARGIN + 17)
        canvas.showPage()
