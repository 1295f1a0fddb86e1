"""Router exports as RouterOS writes them: whatever is in a name or a comment comes back, however the lines are wrapped."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sebilling.billing.imports import mikrotik_export
from sebilling.errors import InvalidFile

File = Callable[..., Path]
PLACE = Path("/dev/shm" if Path("/dev/shm").is_dir() else "/tmp")  # noqa: S108
ESCAPES = {'"': '\\"', "\\": "\\\\", "$": "\\$", "?": "\\?", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\a": "\\a", "\b": "\\b", "\f": "\\f",
           "\v": "\\v"}  # fmt: skip
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=60)


def escaped(text: str, chance: random.Random) -> list[str]:
    """As RouterOS writes it between quotes: pieces that it doesn't wrap within."""
    pieces = []
    for letter in text:
        if letter in ESCAPES:
            pieces.append(ESCAPES[letter])
        elif letter == " ":
            pieces.append(chance.choice((" ", "\\_")))
        else:
            pieces += [letter] if " " < letter <= "~" else [f"\\{byte:02X}" for byte in letter.encode()]
    return pieces


def statement(chance: random.Random, newline: str, **words: str) -> str:
    """An `add` with these words, wrapped as RouterOS wraps: a backslash, and four spaces before what follows."""
    pieces = ["add"]
    for name, value in words.items():
        pieces += [f" {name}=", '"', *escaped(value, chance), '"']
    return "".join(piece + (f"\\{newline}    " if chance.random() < 0.1 else "") for piece in pieces)


@given(TEXT, TEXT, st.sampled_from(["\n", "\r\n"]), st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]), st.integers())
def test_names_and_comments_come_back_whole(name: str, comment: str, newline: str, encoding: str, seed: int) -> None:
    chance = random.Random(seed)
    section = chance.choice(("/ppp secret", "/ppp/secret"))
    add = statement(chance, newline, comment=comment, name=name, profile="15M lama", service="pppoe")
    lines = [section, add] if chance.random() < 0.5 else [f"{section}{chance.choice(' /')}{add}"]
    path = PLACE / f"sebilling-{name.__hash__()}.rsc"
    path.write_bytes(newline.join(["# 2026-03-02 by RouterOS 7.16.2", *lines, "/ip pool", 'add name="x"', ""]).encode(encoding))
    try:
        (found,) = mikrotik_export.read(path)
    finally:
        path.unlink()
    assert (found.key, found.comment, found.plan, found.left_out) == (name, comment, "15M lama", None)


@given(st.text(max_size=300))
def test_any_text_is_secrets_or_a_clear_refusal(text: str) -> None:
    path = PLACE / "sebilling-fuzz.rsc"
    path.write_bytes(f"/ppp secret\n{text}\n".encode("utf-8", "surrogatepass"))
    told = "line"
    try:
        mikrotik_export.read(path)
    except InvalidFile as error:
        told = str(error)
    finally:
        path.unlink()
    assert "line" in told


@pytest.mark.parametrize("cut", ['add comment="Pak Sar', "add name=sardi \\", 'add name=sardi comment="Pak \\\n    Sar'])
def test_a_file_that_is_cut_off_is_refused(tmp_file: File, cut: str) -> None:
    with pytest.raises(InvalidFile, match="begins on line 3"):
        mikrotik_export.read(tmp_file(f"/ppp secret\nadd name=lastri\n{cut}".encode()))


def test_whose_plan_is_forgotten(tmp_file: File) -> None:
    text = """/ppp profile
add name=15M address-list=PELANGGAN
add name=Pool-Blokir
add name=tamu address-list=ISOLIR
/ppp secret
add name=a profile=15M
add name=b profile=Pool-Blokir
add name=c profile=tamu
add name=d profile=isolir-lama
"""
    plans = {one.key: one.plan for one in mikrotik_export.read(tmp_file(text.encode()))}
    assert plans == {"a": "15M", "b": None, "c": None, "d": None}
    plans = {one.key: one.plan for one in mikrotik_export.read(tmp_file(text.encode()), isolir_profiles=["TAMU"])}
    assert plans == {"a": "15M", "b": "Pool-Blokir", "c": None, "d": "isolir-lama"}


def test_a_name_in_another_encoding_is_left_to_the_device(tmp_file: File) -> None:
    (found,) = mikrotik_export.read(tmp_file(b'/ppp secret\nadd name="Andr\\E9" comment="Andr\\E9"\n'))
    assert found.fault is not None
    assert "0xE9" in found.fault.english
    assert found.comment == "André", "as old WinBox typed it"
