"""Key of a customer on an OLT: `frame/slot/port:onu`, such as `0/1/2:5`."""

import re
from typing import Final, NamedTuple

from sebilling.plugins.contract import Sentence

KEY_HELP: Final = Sentence(
    "ONU as frame/slot/port:onu, such as 0/1/2:5 (ZTE: shelf/slot/port:onu, such as 1/2/1:5)",
    "ONU sebagai frame/slot/port:onu, seperti 0/1/2:5 (ZTE: shelf/slot/port:onu, seperti 1/2/1:5)",
)
_NUMBER: Final = r"(0|[1-9][0-9]{0,2})"
_KEY: Final = re.compile(rf"{_NUMBER}/{_NUMBER}/{_NUMBER}:{_NUMBER}")
_MOST: Final = (63, 63, 63, 255)


class Onu(NamedTuple):
    """Position of an ONU: four small numbers, so nothing else can get into a command."""

    frame: int
    slot: int
    port: int
    onu: int

    @classmethod
    def parse(cls, key: str) -> "Onu | None":
        """Parse a key; None if it is invalid. Each position has exactly one key: leading zeros, spaces and signs are refused."""
        match = _KEY.fullmatch(key)
        if match is None:
            return None
        onu = cls(*(int(part) for part in match.groups()))
        return onu if all(number <= most for number, most in zip(onu, _MOST, strict=True)) else None

    @property
    def key(self) -> str:
        """Key as in `Ref.key`."""
        return f"{self.frame}/{self.slot}/{self.port}:{self.onu}"
