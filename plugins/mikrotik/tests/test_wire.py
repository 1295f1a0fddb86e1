"""The wire format against the RouterOS manual's table of lengths."""

import pytest

from sebilling_mikrotik import wire

LENGTHS = [  # the manual's table, at both ends of each row
    (0x00, "00"),
    (0x01, "01"),
    (0x7F, "7f"),
    (0x80, "8080"),
    (0x3FFF, "bfff"),
    (0x4000, "c04000"),
    (0xFFFF, "c0ffff"),
    (0x1FFFFF, "dfffff"),
]


@pytest.mark.parametrize(("length", "header"), LENGTHS[1:])
def test_a_words_length_is_coded_as_the_manual_says(length: int, header: str) -> None:
    sentence = wire.encode(("x" * length,))
    assert sentence == bytes.fromhex(header) + b"x" * length + b"\x00"


@pytest.mark.parametrize(("length", "header"), [*LENGTHS[1:-1], (0x100000, "d00000")])
def test_and_read_back_however_it_is_cut(length: int, header: str) -> None:
    sentence = bytes.fromhex(header) + b"x" * length + b"\x05=a=bc\x00"
    for step in (1, 3, len(sentence)) if length < 0x4000 else (len(sentence), 65_536):
        decoder = wire.Decoder()
        found = [one for at in range(0, len(sentence), step) for one in decoder.feed(sentence[at : at + step])]
        assert found == [("x" * length, "=a=bc")]


def test_lengths_of_four_and_five_bytes_are_no_words_of_ours() -> None:
    for header in ("e0200000", "efffffff", "f010000000", "ff"):
        with pytest.raises(wire.NotRouterOS):
            wire.Decoder().feed(bytes.fromhex(header))


def test_the_manuals_example_of_a_sentence() -> None:
    assert wire.encode(("/login", "=name=admin")) == b"\x06/login\x0b=name=admin\x00"


def test_an_empty_sentence_says_nothing_and_an_empty_word_is_refused() -> None:
    assert wire.Decoder().feed(b"\x00\x00\x05!done\x00") == [("!done",)]
    with pytest.raises(ValueError, match="empty word"):
        wire.encode(("/login", ""))


@pytest.mark.parametrize("raw", [b"budi", "Dé 🌴".encode(), b"caf\xe9", bytes(range(1, 256)), "\uf7e9".encode(), b"\xff\xfe\x80"])
def test_no_byte_of_a_word_is_lost(raw: bytes) -> None:
    text = wire.to_text(raw)
    assert wire.to_bytes(text) == raw
    text.encode("utf-8")  # no half surrogates: it can be kept as JSON


def test_values_stay_raw() -> None:
    words = ("=name=12345", "=disabled=yes", "=comment=a=b", "=empty=", ".tag=4")
    assert wire.pairs(words) == {"name": "12345", "disabled": "yes", "comment": "a=b", "empty": ""}
