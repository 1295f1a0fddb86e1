"""The web app's texts in either language, so that the same steps are clicked in both."""

import json
import os
from pathlib import Path
from typing import Final

MESSAGES: Final = Path(__file__).parents[2] / "web" / "messages"
LANGUAGES: Final = ("id", "en")
TRIED: Final = LANGUAGES if os.environ.get("SEBILLING_TEST_CAMPAIGN") == "1" else LANGUAGES[:1]
"""Languages in which a screen's flow is clicked: the month, its period and all screens in both, the rest in a campaign."""


class Words:
    """The texts of one language, by the names that they have in web/messages."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._texts: dict[str, str] = {}
        for file in MESSAGES.rglob(f"{language}.json"):
            self._texts |= json.loads(file.read_text(encoding="utf-8"))

    def __call__(self, key: str, /, **values: object) -> str:
        return self._texts[key].format(**values)
