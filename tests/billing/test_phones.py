"""Phone numbers, keys and what nobody sees in them."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sebilling.billing import phones, validation
from sebilling.db.engine import Database
from sebilling.errors import InvalidText
from tests.harness import Api, Isp
from tests.imports import meant

MOBILES = st.integers(10**8, 10**11 - 1).map(lambda number: f"+628{number}")


@given(MOBILES, st.integers())
def test_every_spelling_of_a_number_is_that_number(number: str, seed: int) -> None:
    chance = random.Random(seed)
    spelt = meant.phone_text(chance, number)
    for text in (
        spelt,
        meant.hidden(chance, spelt),
        spelt.replace("-", "\N{NON-BREAKING HYPHEN}"),
        spelt.replace(" ", "\N{NO-BREAK SPACE}"),
    ):
        assert phones.read(text, field=()) == number, ascii(text)


@given(st.text(max_size=40))
def test_any_text_is_a_number_or_none_or_refused(text: str) -> None:
    try:
        number = phones.read(text, field=())
    except InvalidText:
        return
    assert number == "" or (number.startswith("+") and number[1:].isdigit() and number.isascii())
    assert phones.read(number, field=()) == number, "what was read stays"


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("", ""), ("-", ""), ("(0251) 832-1234", "+622518321234"), ("+60 12-345 6789", "+60123456789"),
        ("+62 62 812 3456 7890", "+6281234567890"),
        ("81234567890.0", "+6281234567890"), ("０８１２３４５６７８９", "+62812345678" + "9"), ("0622 12345", "+6262212345"),
    ],
)  # fmt: skip
def test_other_numbers(text: str, number: str) -> None:
    assert phones.read(text, field=()) == number


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("6.281E+12", "Excel shortened it"), ("8,12E+11", "Excel shortened it"), ("0812345678/0813456789", "more than one"),
        ("0812345678, 0813456789", "more than one"), ("0812a345678", "'a' (U+0061)"), ("12", "too few"), ("0" * 20, "too few or too many"),
        ("+62 0 0812 3456", "begins wrong"), ("0812\u06603456", "U+0660"), ("1234567890", "begins wrong"),
    ],
)  # fmt: skip
def test_what_is_no_number_is_told_why(text: str, why: str) -> None:
    with pytest.raises(InvalidText) as told:
        phones.read(text, field=())
    assert why in str(told.value)


def test_marks_go_and_what_shapes_letters_stays() -> None:
    assert validation.key("\u202abudi\u200b\u202c\u00ad", what="x", field=(), most=10) == "budi"
    assert validation.key("rumah\N{NO-BREAK SPACE}1", what="x", field=(), most=10) == "rumah 1"
    assert validation.clean("To\u200bno\ufeff", what="x", field=()) == "Tono"
    family = "👨\u200d👩\u200d👧 Keluarga"
    assert validation.clean(family, what="x", field=()) == family
    with pytest.raises(InvalidText, match=r"U\+202E"):
        validation.clean("Budi\u202e", what="x", field=())


async def test_a_customer_is_found_by_any_spelling(database: Database) -> None:
    isp, api = await Isp.make(database), Api(database)
    await isp.customer("P1", name="Budi", phone="0812-3456-7890", pppoe_name="budi\u200b")
    await isp.customer("P2", name="Siti", phone="+62 813 1111 2222")
    await api.sign_in()
    document = "query($search: String!) { customers(filter: {search: $search}) { nodes { code } } }"
    for search in ("0812", "+62 812-3456", "812 3456", "62812", "62 0812", "\u202a+62812\u202c", "bu\u200bdi", "P1"):
        assert (await api.ask(document, search=search))["nodes"] == [{"code": "P1"}], ascii(search)
    assert (await api.ask(document, search="0819"))["nodes"] == []
    assert (await api.ask('{ customer(code: "P1\u200b") { pppoeName } }'))["pppoeName"] == "budi"
