"""Checks that texts for people exist in English and in Indonesian."""

# ruff: noqa: S101 - a check is an assertion
import re
from typing import Final

from sebilling.language import Sentence

_WORDS: Final = (
    "a about after again all already also and another any are as ask be been before but by can cannot choose could did does each else enter"
    " every for from had has have how if into is isn't it its itself least longer more most must neither nobody none nor not nothing of off"
    " once one only or other out own reached same see set should since so such than that the their them then there these they this those"
    " too try under until use used was wasn't were what when where whether which while who whole whose why will with within without won't"
    " would wrong you your aren't can't couldn't didn't doesn't don't hasn't haven't at name check"
    " account accounts answer answered blocked changed connection customer customers device devices disabled empty failed found given"
    " gone invalid lacks listed missing needs password refused refuses request settings show shows unknown value"
)
ENGLISH: Final = frozenset(_WORDS.split()) - {"a", "so"}
"""English words that no Indonesian sentence needs. Those that are words, or parts of names, in Indonesian too are left out."""
_QUOTED: Final = re.compile(r"""(?<!\w)'[^'\n]{0,1000}'(?!\w)|"[^"\n]{0,1000}"|`[^`\n]{0,1000}`|\{[^{}\n]{0,100}\}|“[^”\n]{0,1000}”""")
_WORD: Final = re.compile(r"[^\s,;:!?()«»…]+")
_PLAIN: Final = re.compile(r"[A-Z]?[a-z]+(?:'[a-z]+)?")


def english_words(text: str) -> list[str]:
    """Return the English words in a text, without what it quotes and without identifiers, settings and commands."""
    words = (word.strip(".'\"-–—[]{}") for word in _WORD.findall(_QUOTED.sub(" ", text)))
    return [word for word in words if _PLAIN.fullmatch(word) and word.lower() in ENGLISH]


def is_said(sentence: object) -> bool:
    """Whether it is a Sentence that says something in both languages, in Indonesian without English."""
    return (
        type(sentence) is Sentence
        and bool(sentence.english.strip())
        and bool(sentence.indonesian.strip())
        and not english_words(sentence.indonesian)
    )


def assert_said(sentence: object, what: str) -> None:
    """Check a text that a driver gives."""
    assert type(sentence) is Sentence, f"{what} must be a Sentence, in English and Indonesian, not {sentence!r}"
    assert sentence.english.strip(), f"{what} is empty: say what is wrong, and what to do"
    assert sentence.indonesian.strip(), f"{what} is empty in Indonesian: {sentence.english}"
    words = english_words(sentence.indonesian)
    assert not words, (
        f"{what} is English in its Indonesian text ({', '.join(words)}): {sentence.indonesian!r}; put the device's own words in quotes"
    )
