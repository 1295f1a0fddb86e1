"""Receipts as text: they fit the paper, they are printable, and nobody's name says what the paper should."""

from dataclasses import replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sebilling.billing.payments import PaymentMethod
from sebilling.billing.receipts import Company, Receipt, Settled
from sebilling.money import MAX_RUPIAH
from sebilling.printing.receipt_text import escpos, receipt_text, service, terbilang, whatsapp_text

COMPANY = Company("PT Maju Jaya Net", "Jl. Raya Tlogomas No. 12, Malang", "0812-3456-7890", "Simpan kuitansi ini.")
RECEIPT = Receipt(
    number="KW/2026-02/LKT01/000123",
    company=COMPANY,
    counter_code="LKT01",
    counter_name="Loket Tlogomas",
    customer_id=7,
    customer_code="P0001",
    customer_name="Budi Santoso",
    received_at=datetime(2026, 2, 3, 9, 5, tzinfo=ZoneInfo("Asia/Jakarta")),
    zone="WIB",
    received_by="Siti",
    method=PaymentMethod.CASH,
    amount=250_000,
    lines=(Settled("INV/2026-02/LKT01/000007", date(2026, 2, 1), date(2026, 3, 1), 150_000),),
    credit=70_000,
    refunded=30_000,
    outstanding=5_000,
    reversed=False,
    reversal_reason="",
)
REVERSED = replace(RECEIPT, lines=(), credit=0, refunded=0, outstanding=155_000, reversed=True, reversal_reason="Salah pelanggan")
# no surrogates: PostgreSQL keeps none
ANY_TEXT = st.text(max_size=200)
WILD = st.builds(
    lambda texts, amount, settled: replace(
        RECEIPT,
        company=Company(*texts[:4]),
        counter_name=texts[4],
        customer_name=texts[5],
        received_by=texts[6],
        reversal_reason=texts[7],
        reversed=amount % 2 == 0,
        amount=amount,
        lines=tuple(Settled(f"INV/2026-02/{'X' * 16}/{n:06}", date(2026, 1, 31), date(2026, 2, 28), amount) for n in range(settled)),
    ),
    st.lists(ANY_TEXT, min_size=8, max_size=8),
    st.integers(1, MAX_RUPIAH),
    st.integers(0, 3),
)


@pytest.mark.parametrize("columns", [32, 48])
def test_a_receipt_says_who_paid_what_for_what(columns: int) -> None:
    lines = receipt_text(RECEIPT, columns=32 if columns == 32 else 48).splitlines()
    words = [" ".join(line.split()) for line in lines]
    for expected in (
        "PT Maju Jaya Net",
        "KUITANSI / TANDA TERIMA",
        "KW/2026-02/LKT01/000123",
        "Tanggal : 03-02-2026 09:05 WIB",
        "Loket : LKT01 Loket Tlogomas",
        "Petugas : Siti",
        "Pelanggan : Budi Santoso",
        "Metode : Tunai",
        "INV/2026-02/LKT01/000007",
        "Februari 2026 Rp150.000",
        "Titipan Rp70.000",
        "Dikembalikan Rp30.000",
        "JUMLAH Rp250.000",
        "Sisa tagihan Rp5.000",
        "Terima kasih",
    ):
        assert expected in words
    assert all(len(line) == columns for line in lines if line.endswith(("Rp150.000", "Rp70.000", "Rp250.000", "Rp5.000")))
    assert "DIBATALKAN" not in " ".join(words)


@pytest.mark.parametrize(
    ("method", "word"),
    [(PaymentMethod.CASH, "Tunai"), (PaymentMethod.TRANSFER, "Transfer"), (PaymentMethod.QRIS, "QRIS"), (PaymentMethod.OTHER, "Lainnya")],
)
def test_each_method_has_its_word(method: PaymentMethod, word: str) -> None:
    assert f"Metode    : {word}\n" in receipt_text(replace(RECEIPT, method=method), columns=32)
    assert f"\nMetode: {word}\n" in whatsapp_text(replace(RECEIPT, method=method))


def test_a_reversed_receipt_proves_nothing() -> None:
    for text in (receipt_text(REVERSED, columns=32), receipt_text(REVERSED, columns=48), whatsapp_text(REVERSED)):
        assert "DIBATALKAN" in text
        assert "Salah pelanggan" in text
        assert "Terima kasih" not in text
        assert "sudah kami terima" not in text


@given(WILD)
def test_whatever_people_are_called_it_fits_and_prints(receipt: Receipt) -> None:
    for columns in (32, 48):
        text = receipt_text(receipt, columns=32 if columns == 32 else 48)
        for line in text.split("\n"):
            assert len(line) <= columns
            assert line == "" or (line.isascii() and line.isprintable())
        sent = escpos(receipt, columns=32 if columns == 32 else 48)
        assert sent.startswith(b"\x1b@")
        assert sent.count(b"\x1b") == 3  # init, code page, feed: none came with a text
        assert sent.count(b"\x1d") == 1
        assert b"\x1dV" in sent[-6:]


def test_letters_of_others_become_what_they_look_like() -> None:
    text = receipt_text(replace(RECEIPT, customer_name="José Đặng–Łuk 李 😀"), columns=48)
    assert "Pelanggan : Jose Dang-Luk ? ?\n" in text


@given(WILD)
def test_no_name_forges_a_line(receipt: Receipt) -> None:
    """Every line of a roll begins with our words or is indented; every amount is one of ours."""
    forged = replace(receipt, customer_name=f"Budi\nJUMLAH Rp1\r\u2028{receipt.customer_name}")
    text = receipt_text(forged, columns=48)
    assert sum(line.startswith("JUMLAH") for line in text.splitlines()) == 1
    assert not any(line.startswith("Budi") for line in text.splitlines())


@given(WILD)
def test_a_message_keeps_its_markup(receipt: Receipt) -> None:
    """All the stars are ours, in pairs and in one line; nothing else marks up; the lines are as many as without names."""
    text = whatsapp_text(receipt)
    tame = replace(
        receipt, company=Company("a", "", "", ""), counter_name="a", customer_name="a", received_by="a", reversal_reason="a"
    )  # fmt: skip
    expected = whatsapp_text(tame).split("\n")
    got = text.splitlines()
    assert len(got) in {len(expected), len(expected) - 1}  # an unmarkable company has no line
    for line in got:
        assert line.count("*") in {0, 2}
        assert not set("_~`") & set(line)
    assert sum(line.startswith("Jumlah: ") for line in got) == 1
    assert sum(line.startswith("Sisa tagihan: ") for line in got) == 1


def test_a_message_as_it_is_read() -> None:
    assert whatsapp_text(replace(RECEIPT, customer_name="*Budi*\n_Santoso_")).split("\n") == [
        "*Kuitansi KW/2026-02/LKT01/000123*",
        "",
        "Halo Budi Santoso, pembayaran Anda sudah kami terima.",
        "",
        "Pelanggan: Budi Santoso (P0001)",
        "Tanggal: 3 Februari 2026, 09.05 WIB",
        "Loket: Loket Tlogomas",
        "Petugas: Siti",
        "Metode: Tunai",
        "Jumlah: *Rp250.000*",
        "",
        "Untuk tagihan:",
        "- INV/2026-02/LKT01/000007 (Februari 2026): Rp150.000",
        "",
        "Titipan: Rp70.000",
        "Dikembalikan: Rp30.000",
        "Sisa tagihan: *Rp5.000*",
        "",
        "Terima kasih. Simpan kuitansi ini.",
        "Salam, PT Maju Jaya Net",
    ]


def test_a_code_is_shown_whole_or_not_at_all() -> None:
    text = whatsapp_text(replace(RECEIPT, customer_code="P_01"))
    assert "P01" not in text  # which is another customer
    assert "Pelanggan: Budi Santoso\n" in text


@pytest.mark.parametrize(
    ("covers_from", "covers_until", "words"),
    [
        (date(2026, 2, 1), date(2026, 3, 1), "Februari 2026"),
        (date(2026, 2, 1), date(2026, 5, 1), "Feb - Apr 2026"),
        (date(2025, 12, 1), date(2026, 2, 1), "Des 2025 - Jan 2026"),
        (date(2026, 1, 28), date(2026, 2, 28), "28 Jan - 27 Feb 2026"),
        (date(2025, 12, 15), date(2026, 1, 15), "15 Des 2025 - 14 Jan 2026"),
        (date(2026, 2, 28), date(2026, 3, 1), "28 Februari 2026"),
    ],
)
def test_a_stretch_of_service_by_its_last_day(covers_from: date, covers_until: date, words: str) -> None:
    assert service(covers_from, covers_until) == words


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        (0, "nol rupiah"),
        (11, "sebelas rupiah"),
        (17, "tujuh belas rupiah"),
        (110, "seratus sepuluh rupiah"),
        (1_000, "seribu rupiah"),
        (21_500, "dua puluh satu ribu lima ratus rupiah"),
        (150_000, "seratus lima puluh ribu rupiah"),
        (1_000_000, "satu juta rupiah"),
        (1_001_101, "satu juta seribu seratus satu rupiah"),
        (2_000_000_000, "dua miliar rupiah"),
        (MAX_RUPIAH, "satu triliun rupiah"),
        (-5_000, "minus lima ribu rupiah"),
    ],
)
def test_amounts_in_words(amount: int, words: str) -> None:
    assert terbilang(amount) == words


_NUMBERS = dict(zip("satu dua tiga empat lima enam tujuh delapan sembilan sepuluh sebelas".split(), range(1, 12), strict=True))  # noqa: SIM905 - counted in order
_SCALES = {"ribu": 10**3, "juta": 10**6, "miliar": 10**9, "triliun": 10**12}


@given(st.integers(1, MAX_RUPIAH))
def test_amounts_in_words_read_back(amount: int) -> None:
    total = group = digit = 0
    for word in terbilang(amount).replace("seratus", "satu ratus").replace("seribu", "satu ribu").split()[:-1]:
        if word in _SCALES:
            total, group, digit = total + (group + digit) * _SCALES[word], 0, 0
        elif word == "ratus":
            group, digit = group + digit * 100, 0
        elif word == "puluh":
            group, digit = group + digit * 10, 0
        elif word == "belas":
            group, digit = group + digit + 10, 0
        else:
            digit = _NUMBERS[word]
    assert total + group + digit == amount


def test_a_message_leads_to_the_customers_own_page() -> None:
    assert "\nTagihan Anda dan cara membayarnya: https://isp.id/tagihan/x\n" in whatsapp_text(RECEIPT, page="https://isp.id/tagihan/x")
    assert "tagihan/" not in whatsapp_text(RECEIPT)
