"""How often callers were told of a failure of ours, by code: GraphQL answers 200 with it, so no status of HTTP counts it."""

from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from sebilling.error_codes import ErrorCode

_OURS: Final = (ErrorCode.INTERNAL, ErrorCode.DATABASE_UNAVAILABLE, ErrorCode.DEADLINE_EXCEEDED)
_TOLD: Final = Counter({code.value: 0 for code in _OURS})


def told(code: ErrorCode) -> None:
    """Count an error that a caller was told, if it is a failure of ours and not the caller's own mistake."""
    if code.value in _TOLD:
        _TOLD[code.value] += 1


def failures_told() -> Mapping[str, int]:
    """The counts of this process since its start, each code from 0 on."""
    return MappingProxyType(_TOLD)
