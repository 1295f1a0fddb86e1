"""Parse RouterOS's durations, such as `1w2d3h4m5s`, `1d02:03:04` or `00:09:32`."""

import re
from typing import Final

_UNITS: Final = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
_WORD: Final = re.compile(r"(\d{1,9})([wdhms])")
_CLOCK: Final = re.compile(r"(?:^|(?<=[wd]))(\d{1,9}):(\d\d):(\d\d)$")


def seconds_of(text: str) -> int | None:
    """Return whole seconds; None if it isn't a duration, such as `never`."""
    clock = _CLOCK.search(text)
    words = text[: clock.start()] if clock else text
    if not text or _WORD.sub("", words):
        return None
    total = sum(int(count) * _UNITS[unit] for count, unit in _WORD.findall(words))
    return total + (int(clock[1]) * 3_600 + int(clock[2]) * 60 + int(clock[3]) if clock else 0)
