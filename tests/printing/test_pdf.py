"""PDF papers: their size, their pages, what is written on them, and that no text can do anything but be seen."""

import io
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Literal

import pikepdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from sebilling.billing.pictures import Pictures
from sebilling.billing.pricing import LineKind
from sebilling.billing.receipts import Company, InvoicePaper, InvoicePaperLine, Settled
from sebilling.money import MAX_RUPIAH
from sebilling.printing.pdf import InvoiceBook, invoice_pdf, receipt_pdf
from tests.printing.test_receipt_text import ANY_TEXT, COMPANY, RECEIPT, REVERSED

Paper = Literal["58", "80", "A5"]
PAPERS: list[Paper] = ["58", "80", "A5"]
MM = 72 / 25.4
LINE = InvoicePaperLine(LineKind.SUBSCRIPTION, "Home 20M", 1, 200_000, 200_000)
INVOICE = InvoicePaper(
    number="INV/2026-02/LKT01/000007",
    status="SEBAGIAN",
    company=COMPANY,
    counter_code="LKT01",
    counter_name="Loket Tlogomas",
    customer_code="P0001",
    customer_name="Budi Santoso",
    customer_address="Jl. Melati 5",
    customer_phone="+628123",
    plan_name="Home 20M",
    covers_from=date(2026, 2, 1),
    covers_until=date(2026, 3, 1),
    issued_on=date(2026, 2, 1),
    due_on=date(2026, 2, 10),
    lines=(LINE, InvoicePaperLine(LineKind.DISCOUNT, "Promo", 1, -50_000, -50_000)),
    total=150_000,
    allocated=40_000,
    written_off=10_000,
    outstanding=100_000,
    void_reason="",
)


@dataclass(frozen=True)
class Page:
    """A page's size in points, the texts drawn on it, and the baselines of those that aren't turned."""

    width: float
    height: float
    texts: list[str]
    baselines: list[float]
    images: bool


def pages(document: bytes) -> list[Page]:
    found = []
    with pikepdf.open(io.BytesIO(document)) as pdf:
        for page in pdf.pages:
            texts, baselines, turned = [], [], False
            for instruction in pikepdf.parse_content_stream(page):
                operator, operands = str(instruction.operator), list(instruction.operands)
                if operator == "cm":
                    turned = [float(str(value)) for value in operands[:4]] != [1, 0, 0, 1]
                elif operator == "Q":
                    turned = False
                elif operator == "Tm" and not turned:
                    baselines.append(float(str(operands[5])))
                elif operator == "Tj":
                    texts.append(bytes(operands[0]).decode("cp1252"))
            left, bottom, right, top = (float(str(edge)) for edge in page.mediabox)
            assert (left, bottom) == (0, 0)
            found.append(Page(right, top, texts, baselines, "/XObject" in page.get("/Resources", {})))
    return found


@pytest.mark.parametrize("paper", PAPERS)
def test_a_receipt_says_who_paid_what_for_what(paper: Paper) -> None:
    (page,) = pages(receipt_pdf(RECEIPT, paper=paper))
    assert {"PT Maju Jaya Net", RECEIPT.number, "Budi Santoso", "P0001", "Tunai", "INV/2026-02/LKT01/000007"} <= set(page.texts)
    assert {"Februari 2026", "Rp150.000", "Titipan", "Rp70.000", "Rp30.000", "Rp250.000", "Sisa tagihan", "Rp5.000"} <= set(page.texts)
    assert "Dua ratus lima puluh ribu rupiah" in page.texts
    assert "DIBATALKAN" not in page.texts


@pytest.mark.parametrize("paper", PAPERS)
def test_a_reversed_receipt_proves_nothing(paper: Paper) -> None:
    (page,) = pages(receipt_pdf(REVERSED, paper=paper))
    assert page.texts.count("DIBATALKAN") == 2
    assert any("tidak berlaku" in text for text in page.texts)
    assert any("Salah pelanggan" in text for text in page.texts)
    assert "Terima kasih" not in page.texts
    assert "Diterima oleh," not in page.texts


@pytest.mark.parametrize(("paper", "width"), [("58", 58 * MM), ("80", 80 * MM)])
def test_a_roll_is_as_long_as_it_needs_to_be(paper: Paper, width: float) -> None:
    heights = []
    for count in (0, 1, 40):
        receipt = replace(RECEIPT, lines=RECEIPT.lines * count)
        (page,) = pages(receipt_pdf(receipt, paper=paper))
        assert page.width == pytest.approx(width, abs=0.1)
        heights.append(page.height)
        margin = page.height - max(page.baselines)
        assert 0 < min(page.baselines) < margin < 10 * MM  # neither cut off nor blank
    step = heights[1] - heights[0]
    assert step > 0
    assert heights[2] - heights[1] == pytest.approx(39 * step, abs=1)


def test_a5_takes_as_many_pages_as_there_are_lines() -> None:
    lines = tuple(InvoicePaperLine(LineKind.CHARGE, f"Kabel {n}", 1, n, n) for n in range(1, 101))
    found = pages(invoice_pdf(replace(INVOICE, lines=lines)))
    assert len(found) > 3
    for number, page in enumerate(found, start=1):
        assert page.width == pytest.approx(148 * MM, abs=0.5)
        assert page.height == pytest.approx(210 * MM, abs=0.5)
        assert f"Halaman {number} dari {len(found)}" in page.texts
        assert any(INVOICE.number in text for text in page.texts)
        assert min(page.baselines) > 8 * MM
        assert max(page.baselines) < page.height - 8 * MM
    drawn = [text for page in found for text in page.texts if text.startswith("Kabel ")]
    assert drawn == [f"Kabel {n}" for n in range(1, 101)]  # each once, in order
    receipt = replace(RECEIPT, lines=tuple(Settled(f"INV/{n}", date(2026, 2, 1), date(2026, 3, 1), 1) for n in range(100)))
    numbers = [text for page in pages(receipt_pdf(receipt, paper="A5")) for text in page.texts if text.startswith("INV/")]
    assert numbers == [f"INV/{n}" for n in range(100)]


@pytest.mark.parametrize("count", range(1, 30))
def test_lines_never_run_into_the_footer(count: int) -> None:
    """Whatever the number of lines, the footer stands alone at the bottom and nothing is below it."""
    for page in pages(invoice_pdf(replace(INVOICE, lines=(LINE,) * count))):
        footer = min(page.baselines)
        assert [base for base in page.baselines if base < footer + 14] == [footer] * 2  # the closing line and the page's number


def test_an_invoice_says_what_is_owed_until_when() -> None:
    (page,) = pages(invoice_pdf(INVOICE))
    assert {"TAGIHAN", "SEBAGIAN", "Budi Santoso", "Jl. Melati 5", "10 Februari 2026", "Februari 2026"} <= set(page.texts)
    assert {"Home 20M", "Langganan", "Rp200.000", "Promo", "Potongan", "-Rp50.000"} <= set(page.texts)
    assert {"Rp150.000", "Rp40.000", "Dihapuskan", "Rp10.000", "Sisa tagihan", "Rp100.000"} <= set(page.texts)
    assert any(text.startswith("Mohon dibayar paling lambat 10 Februari 2026") for text in page.texts)


def test_nobody_is_asked_to_pay_a_voided_invoice() -> None:
    void = replace(INVOICE, status="BATAL", allocated=0, written_off=0, outstanding=0, void_reason="Salah paket", lines=(LINE,) * 60)
    found = pages(invoice_pdf(void))
    assert len(found) > 1
    assert all("BATAL" in page.texts for page in found)
    assert any("Salah paket" in text for text in found[0].texts)
    assert not any(text.startswith("Mohon dibayar") for page in found for text in page.texts)


def test_markup_is_only_text() -> None:
    name = '<b>Budi</b> <img src="file:///etc/passwd"/> &amp;'
    (page,) = pages(receipt_pdf(replace(RECEIPT, customer_name=name), paper="80"))
    assert "<b>Budi</b>" in " ".join(page.texts)
    assert not page.images


def test_letters_the_font_lacks_are_replaced() -> None:
    (page,) = pages(receipt_pdf(replace(RECEIPT, customer_name="José Łuk 李"), paper="80"))
    assert "José Luk ?" in page.texts


@pytest.mark.parametrize("paper", PAPERS)
def test_the_same_paper_is_the_same_bytes(paper: Paper) -> None:
    assert receipt_pdf(RECEIPT, paper=paper) == receipt_pdf(RECEIPT, paper=paper)
    assert invoice_pdf(INVOICE) == invoice_pdf(INVOICE)


@settings(max_examples=30, deadline=None)
@given(st.lists(ANY_TEXT, min_size=8, max_size=8), st.integers(1, MAX_RUPIAH))
def test_whatever_people_are_called_there_is_a_paper(texts: list[str], amount: int) -> None:
    company = Company(*texts[:4])
    receipt = replace(RECEIPT, company=company, counter_name=texts[4], customer_name=texts[5], received_by=texts[6], amount=amount)
    for paper in PAPERS:
        for given_receipt in (receipt, replace(receipt, reversed=True, reversal_reason=texts[7], lines=())):
            assert pages(receipt_pdf(given_receipt, paper=paper))
    line = InvoicePaperLine(LineKind.CHARGE, texts[7], 1, amount, amount)
    invoice = replace(INVOICE, company=company, customer_name=texts[5], customer_address=texts[6], plan_name=texts[7], lines=(line,))
    assert pages(invoice_pdf(replace(invoice, total=amount)))


def png(size: tuple[int, int], colour: str) -> bytes:
    """A picture of one colour, half transparent as logos are."""
    content = io.BytesIO()
    Image.new("RGBA", size, colour).save(content, "PNG")
    return content.getvalue()


PICTURES = Pictures(png((1_200, 300), "#14506e80"), png((500, 500), "#000000"))


@pytest.mark.parametrize("paper", PAPERS)
def test_a_receipt_bears_the_logo_but_no_code_to_pay(paper: Paper) -> None:
    plain, (first, *_) = pages(receipt_pdf(RECEIPT, paper=paper))[0], pages(receipt_pdf(RECEIPT, PICTURES, paper=paper))
    assert (plain.images, first.images) == (False, True)
    assert first.texts == plain.texts
    assert min(first.baselines) >= 0
    assert receipt_pdf(RECEIPT, PICTURES, paper=paper) == receipt_pdf(RECEIPT, PICTURES, paper=paper)


def test_an_invoice_that_is_to_be_paid_bears_the_qris_code() -> None:
    (unpaid,) = pages(invoice_pdf(INVOICE, PICTURES))
    assert "Bayar dengan QRIS" in unpaid.texts
    assert min(unpaid.baselines) >= 0
    for paper in (replace(INVOICE, outstanding=0, status="LUNAS"), replace(INVOICE, status="BATAL", outstanding=0, void_reason="salah")):
        assert all("Bayar dengan QRIS" not in page.texts for page in pages(invoice_pdf(paper, PICTURES)))


def test_a_book_of_invoices_holds_each_picture_once(tmp_path: Path) -> None:
    path = tmp_path / "tagihan.pdf"
    book = InvoiceBook(path, "Tagihan", COMPANY, PICTURES)
    for number in range(50):
        book.add(replace(INVOICE, number=f"INV/2026-02/LKT01/{number:06}"))
    book.save()
    one = len(invoice_pdf(INVOICE, PICTURES))
    assert len(pages(path.read_bytes())) == 50
    assert path.stat().st_size < one + 50 * 4_000
