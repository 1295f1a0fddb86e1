"""Parse and format speeds as `Mikrotik-Rate-Limit`: rx/tx as the NAS sees it, so the subscriber's upload comes first."""

import re
from typing import Final

from sebilling.plugins.contract import Ref

ATTRIBUTE: Final = "Mikrotik-Rate-Limit"
_RATE: Final = re.compile(r"(\d+)([kMG]?)")
_FACTOR: Final = {"": 1, "k": 1_000, "M": 1_000_000, "G": 1_000_000_000}


def pair_bps(value: str) -> tuple[int, int] | None:
    """Return (upload, download) in bit/s of a `Mikrotik-Rate-Limit`, without bursts; None if it isn't a speed."""
    parts = [_RATE.fullmatch(part) for part in value.strip().split(" ", 1)[0].split("/")]
    rates = [int(part[1]) * _FACTOR[part[2]] for part in parts if part is not None]
    if not rates or len(rates) != len(parts) or len(rates) > 2:
        return None
    return rates[0], rates[-1]  # a single rate applies to both directions


def written(ref: Ref) -> str | None:
    """Return the plan's speed as the attribute's value; None if unknown."""
    if ref.rate_up_kbps is None or ref.rate_down_kbps is None:
        return None
    return f"{ref.rate_up_kbps}k/{ref.rate_down_kbps}k"
