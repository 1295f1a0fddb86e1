"""The two languages of the product, and texts that exist in both."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Language = Literal["en", "id"]


def preferred(accept_language: str) -> Language:
    """Return the language that the header Accept-Language asks for: Indonesian if it comes first, else English."""
    return "id" if accept_language.strip().lower().startswith("id") else "en"


@dataclass(frozen=True, slots=True)
class Sentence:
    """A text for people in both languages. Whoever shows it chooses the reader's: so it is never put into another text as it is."""

    english: str
    indonesian: str

    def in_(self, language: Language) -> str:
        """Return the text in one language."""
        return self.indonesian if language == "id" else self.english

    def to_json(self) -> dict[str, str]:
        """Return both texts by language, as they are stored and sent in events."""
        return {"en": self.english, "id": self.indonesian}


def in_language(value: object, language: Language) -> object:
    """Return JSON with each text that was stored in both languages replaced by the one in this language."""
    if isinstance(value, Mapping):
        if value.keys() == {"en", "id"}:
            return value[language]
        return {name: in_language(element, language) for name, element in value.items()}
    if isinstance(value, list):
        return [in_language(element, language) for element in value]
    return value
