"""No regular expression of ours takes more than linear time: each is run over long texts made to lead it on.

That none can is shown for each by tests/patterns.py, in the budget test; here is that it shows what it says, and that it is so.
"""

import re
import time
from typing import Any, Final

import pytest

from tests.patterns import Found, fault, found
from tests.patterns import words as words_of

CHARACTERS: Final = 6_000
MAX_RATIO: Final = 3.0
"""Of twice the text; a quadratic one takes four times as long."""
MIN_SECONDS: Final = 0.01
"""Less isn't told apart from noise: an expression that is quadratic takes seconds."""


@pytest.mark.parametrize(
    ("pattern", "mode"),
    [
        (r"[a-z][a-z0-9+.-]*://[^\s/@]+@", "search"), (r"(a+)+b", "match"), (r"(a|a)*b", "match"), (r"(a*)*b", "match"),
        (r"\s*x?\s*y", "fullmatch"),
        (r"a+b", "search"), (r"'.*' is", "search"), (r".*\d+x", "match"), (r"(?:a|ab)(?:c|bcd)*(d*)e|x*y", "search"),
        (r"\w+@\w+\.\w+", "search"),
        (r"a(?:[^b]*b)?", "search"), (r"(\w+\s?)+$", "search"), (r"(?<![a-z])[a-z]+[a-z0-9]+=", "search"), (r"(.*)-\1", "match"),
    ],
)  # fmt: skip
def test_what_is_worse_than_linear_is_found(pattern: str, mode: str) -> None:
    assert fault(re.compile(pattern), mode)


@pytest.mark.parametrize(
    ("pattern", "mode"),
    [
        (r"a+b", "match"), (r"(?<![a-z])[a-z]+=", "search"), (r"\b(?:bearer|basic)\s{1,20}[\w.]+", "search"), (r"[a-z]{0,30}://", "search"),
        (r"(\d+)([kMG]?)", "fullmatch"), (r"a.*", "search"), (r"(?s)(\S+)(?:\s+(.*))?", "fullmatch"),
        (r"[a-z]+(-[a-z]+)*", "fullmatch"), (r"(?:x[^x]*)*y", "match"), (r'"(?:[^"\\]|\\.)*"', "match"),
    ],
)  # fmt: skip
def test_what_is_linear_is_let_through(pattern: str, mode: str) -> None:
    assert fault(re.compile(pattern), mode) == ""


def seconds(one: Found, text: Any) -> float:
    """How long all its uses take of this thread's own time: a busy machine doesn't count."""
    began = time.thread_time()
    for mode in one.modes:
        if mode == "search":
            one.pattern.sub(text[:0], text)
        else:
            getattr(one.pattern, mode)(text)
    return time.thread_time() - began


def text_of(one: Found, word: str, characters: int) -> Any:
    text = (word * (characters // len(word) + 1))[:characters] + "\0"
    return text.encode("latin-1", errors="replace") if isinstance(one.pattern.pattern, bytes) else text


def slow_words(one: Found, characters: int) -> list[str]:
    """Words of which twice as many take much more than twice the time."""
    return [word for word in words_of(one.pattern) if all(ratio(one, word, characters) >= MAX_RATIO for _ in range(3))]


def ratio(one: Found, word: str, characters: int) -> float:
    once, twice = (seconds(one, text_of(one, word, times * characters)) for times in (1, 2))
    return twice / max(once, MIN_SECONDS)


def test_twice_the_text_takes_twice_the_time() -> None:
    """In one test, as looking for the expressions takes seconds, which every process would spend to collect them."""
    slow = {one.where: words for one in found() if (words := slow_words(one, CHARACTERS))}
    assert slow == {}


def test_the_texts_lead_on_what_is_quadratic() -> None:
    quadratic = Found("here", re.compile(r"[a-z][a-z0-9+.-]*://[^\s/@]+@"), frozenset({"search"}))
    # A slow moment in the shorter text makes it look linear: here one look of five is enough, above each of three is needed.
    assert any(slow_words(quadratic, CHARACTERS) for _ in range(5))
