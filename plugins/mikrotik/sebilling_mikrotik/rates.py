"""Parse and format RouterOS's speeds. A pair is `rx/tx` as the router sees it: the subscriber's upload first, then the download."""

import re
from typing import Final

from sebilling.plugins.contract import Ref

PAIR: Final = r"^\d+[kMG]?/\d+[kMG]?$"
_RATE: Final = re.compile(r"(\d+)([kMG]?)")
_FACTOR: Final = {"": 1, "k": 1_000, "M": 1_000_000, "G": 1_000_000_000}


def pair_bps(text: str) -> tuple[int, int] | None:
    """Return (upload, download) in bit/s of a `max-limit`, or of the first part of a `rate-limit`; None if it isn't a speed."""
    first = text.split(" ", 1)[0]
    parts = [_RATE.fullmatch(part) for part in first.split("/")]
    rates = [int(part[1]) * _FACTOR[part[2]] for part in parts if part is not None]
    if len(rates) != len(parts) or len(rates) > 2:
        return None
    return rates[0], rates[-1]  # a single rate applies to both directions


def ref_bps(ref: Ref) -> tuple[int, int] | None:
    """Return (upload, download) of the plan in bit/s; None if unknown."""
    if ref.rate_up_kbps is None or ref.rate_down_kbps is None:
        return None
    return ref.rate_up_kbps * 1_000, ref.rate_down_kbps * 1_000


def scaled(pair: str, bps: tuple[int, int], before: tuple[int, int]) -> str:
    """Change a pair, such as a `burst-limit`, in the ratio in which its `max-limit` changes from `before` to `bps`. 0 stays 0."""
    rates = pair_bps(pair) or (0, 0)
    return written((_scaled(rates[0], bps[0], before[0]), _scaled(rates[1], bps[1], before[1])))


def _scaled(rate: int, bps: int, before: int) -> int:
    return rate * bps // before if before else 0


def written(bps: tuple[int, int]) -> str:
    """Format a speed as RouterOS prints a `max-limit`: in whole bit/s."""
    return f"{bps[0]}/{bps[1]}"
