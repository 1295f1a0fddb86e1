"""Rupiah as Indonesians write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sebilling.money import MAX_RUPIAH, NotRupiahError, format_rupiah, parse_rupiah


@given(st.integers(0, MAX_RUPIAH))
def test_what_is_written_is_read_back(amount: int) -> None:
    shown = format_rupiah(amount)
    for text in (shown, shown.replace("Rp", "Rp "), shown.removeprefix("Rp"), f"{shown},00", f"{shown},-", str(amount), f"IDR {amount}"):
        assert parse_rupiah(text) == amount, text


@pytest.mark.parametrize(
    "text",
    ["", "gratis", "-1", "Rp -5", "1,5", "150,000", "1.50", "15.0000", "1.000.00", "Rp", "1e3", "0x10", "١٢٣", "150000 rb",
     "1000000000000001", "9" * 40, "1\n000", "1.000,50", "NaN", "Rp 1.000\u202e"],
)  # fmt: skip
def test_what_is_no_amount_is_refused_rather_than_guessed(text: str) -> None:
    with pytest.raises(NotRupiahError):
        parse_rupiah(text)


@given(st.text(max_size=30))
def test_any_text_is_an_amount_within_the_bounds_or_refused(text: str) -> None:
    try:
        amount = parse_rupiah(text)
    except NotRupiahError:
        return
    assert 0 <= amount <= MAX_RUPIAH


def test_negative_amounts_are_shown_with_the_sign_first() -> None:
    assert format_rupiah(-1_234_567) == "-Rp1.234.567"
