"""Validation of names, codes, notes and amounts. Text is kept as it was typed, except for surrounding spaces and invisible marks."""

import re
import unicodedata
from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from types import TracebackType
from typing import Final, ParamSpec, Self, TypeVar, cast

from sebilling.errors import InputPath, InvalidAmount, InvalidDate, InvalidInput, InvalidNumber, InvalidText, SebillingError, Words
from sebilling.language import Language, Sentence
from sebilling.money import MAX_RUPIAH, Rupiah

MAX_NAME: Final = 200
"""Maximum characters of a text, unless the field has its own limit."""
_CODE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")
_COUNTER_CODE: Final = re.compile(r"[A-Z0-9][A-Z0-9-]{0,15}")
_BIDI_CONTROLS: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_MEANINGLESS: Final = frozenset("\u00ad\u061c\u180e\u200b\u200e\u200f\u2060\ufeff")
"""Invisible, and without effect on neighbouring letters: soft hyphen, direction marks, zero-width space, word joiner, byte order mark.
The zero-width joiner isn't among them: it combines emoji, and shapes Arabic and Indic letters."""


P = ParamSpec("P")
T = TypeVar("T")


class InvalidInputs(InvalidInput):
    """Several problems of one form. Whoever took the form tells each of them; it has a message for the shell, and no code."""

    problems: Sequence[SebillingError]

    def message(self, language: Language) -> str:
        """Return all messages."""
        return " ".join(problem.message(language) for problem in self.problems)


class Problems:
    """Collect the problems of a form, so that a person corrects all of them at once:

        with Problems() as check:
            name = check(validation.clean, name, what=…, field="name")
            price = check(validation.rupiah, price, field="price")

    Leaving the block raises the problem, or InvalidInputs if there are several. What a failed check would have returned doesn't exist:
    within the block nothing may use it.
    """

    def __init__(self) -> None:
        self._problems: list[SebillingError] = []

    def __enter__(self) -> Self:
        return self

    def __call__(self, check: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what the check returns; keep the error that it raises."""
        try:
            return check(*args, **kwargs)
        except SebillingError as problem:
            self._problems += each_problem(problem)
            return cast("T", None)  # nobody uses it: the block raises

    async def awaited(self, check: Awaitable[T]) -> T:
        """Return what a check that asks the database returns; keep the error that it raises."""
        try:
            return await check
        except SebillingError as problem:
            self._problems.extend(each_problem(problem))
            return cast("T", None)  # as above

    @property
    def found(self) -> bool:
        """Whether there is a problem so far: what only the database knows is looked up then, to be told too."""
        return bool(self._problems)

    def add(self, problem: SebillingError) -> None:
        """Add a problem that was found in another way."""
        self._problems.append(problem)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        if error is None:
            raise_each(self._problems)


def raise_each(problems: Sequence[SebillingError]) -> None:
    """Raise the problem, or InvalidInputs if there are several; nothing if there is none."""
    if problems:
        raise problems[0] if len(problems) == 1 else InvalidInputs(problems=problems)


def each_problem(error: SebillingError) -> Sequence[SebillingError]:
    """Return the problems of a form, or the only error."""
    return error.problems if isinstance(error, InvalidInputs) else [error]


def clean(text: str, *, what: Words, field: InputPath, most: int = MAX_NAME, required: bool = True) -> str:
    """Return `text` in normal form C, without surrounding spaces and meaningless marks. Emoji and right-to-left names are allowed.

    Raises InvalidText for an empty required text, for more than `most` characters, and for invisible characters: control
    characters, and direction overrides, which make one name look like another.
    """
    text = unicodedata.normalize("NFC", without_marks(text)).strip()
    if required and not text:
        raise InvalidText(
            field=field,
            what=what,
            why=Sentence("it is empty; write at least one character.", "masih kosong; isi paling sedikit satu karakter."),
        )
    if len(text) > most:
        raise InvalidText(
            field=field,
            what=what,
            why=Sentence(
                f"it has {len(text)} characters; the most is {most}.", f"panjangnya {len(text)} karakter, paling banyak {most}; persingkat."
            ),
        )
    bad = next((letter for letter in text if unicodedata.category(letter) in {"Cc", "Cs"} or letter in _BIDI_CONTROLS), None)
    if bad is not None:
        raise InvalidText(
            field=field,
            what=what,
            why=Sentence(
                f"it contains the invisible character U+{ord(bad):04X}; remove it.",
                f"berisi karakter tak terlihat U+{ord(bad):04X}; hapus dulu.",
            ),
        )
    return text


def without_marks(text: str) -> str:
    """Return `text` without invisible marks that have no meaning in any text."""
    return text if text.isascii() else "".join(letter for letter in text if letter not in _MEANINGLESS)


def without_invisible(text: str) -> str:
    """Return `text` without invisible characters (Unicode category Cf), for texts that are compared: keys, numbers, headings."""
    return text if text.isascii() else "".join(letter for letter in text if unicodedata.category(letter) != "Cf")


def key(text: str, *, what: Words, field: InputPath, most: int) -> str:
    """Return an exact identifier, such as a user name on a router or a MAC. Like `clean`, but removes every invisible character
    and replaces every kind of space by the plain one. Raises InvalidText.
    """
    visible = without_invisible(text)
    plain = "".join(" " if unicodedata.category(letter) == "Zs" else letter for letter in visible)
    return clean(plain, what=what, field=field, most=most)


def customer_code(code: str, *, field: InputPath) -> str:
    """Return a valid customer code, such as `P0001`. Raises InvalidText."""
    code = key(code, what=Sentence("The code", "Kode"), field=field, most=32)
    if not _CODE.fullmatch(code):
        raise InvalidText(
            field=field,
            what=Sentence(f"The code '{code}'", f"Kode '{code}'"),
            why=Sentence("use letters, digits, dot, hyphen or underscore.", "pakai huruf, angka, titik, tanda hubung atau garis bawah."),
        )
    return code


def counter_code(code: str, *, field: InputPath) -> str:
    """Return a valid counter code, such as `LKT01`, as it appears in invoice numbers. Raises InvalidText."""
    code = key(code, what=Sentence("The code", "Kode"), field=field, most=16).upper()
    if not _COUNTER_CODE.fullmatch(code):
        raise InvalidText(
            field=field,
            what=Sentence(f"The code '{code}'", f"Kode '{code}'"),
            why=Sentence("use letters, digits or hyphen, such as LKT01.", "pakai huruf, angka atau tanda hubung, misalnya LKT01."),
        )
    return code


def rupiah(amount: int, *, field: InputPath, least: int = 0) -> Rupiah:
    """Return `amount` as whole rupiah, from `least` to MAX_RUPIAH. Raises InvalidAmount."""
    if not least <= amount <= MAX_RUPIAH:
        raise InvalidAmount(field=field, given=amount, least=least, most=MAX_RUPIAH)
    return Rupiah(amount)


def reason(text: str) -> str:
    """Return the reason for a correction, of 3 to 500 characters. Raises InvalidText."""
    text = clean(text, what=Sentence("The reason", "Alasan"), field="reason", most=500)
    if len(text) < 3:
        raise InvalidText(
            field="reason",
            what=Sentence("The reason", "Alasan"),
            why=Sentence("write at least 3 characters.", "isi paling sedikit 3 karakter."),
        )
    return text


def percent(percentage: Decimal, *, field: InputPath, least: Decimal = Decimal(0)) -> Decimal:
    """Return `percentage`, from `least` to 100 with at most four decimals. Raises InvalidNumber."""
    if not percentage.is_finite() or not least <= percentage <= 100 or percentage != round(percentage, 4):
        raise InvalidNumber(
            field=field,
            what=Sentence("percent", "persen"),
            given=f"{percentage:.12}",
            why=Sentence(f"give {least} to 100 with at most four decimals.", f"isi {least} sampai 100 dengan paling banyak empat desimal."),
        )
    return percentage


def due_day(day: int) -> int:
    """Return the due day of a counter or a customer, if every month has it. Raises InvalidDate."""
    if not 1 <= day <= 28:
        raise InvalidDate(
            field="due_day",
            given=day,
            why=Sentence(
                "the due day is a day from 1 to 28, which every month has.",
                "jatuh tempo adalah tanggal 1 sampai 28, yang ada di setiap bulan.",
            ),
        )
    return day
