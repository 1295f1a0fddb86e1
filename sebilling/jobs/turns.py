"""A loop's turn that may fail: it is told, and the next one doesn't wait for a restart.

What lasts is told once, and then once a minute with how often it came again: a database with a wrong password made gigabytes a day.
"""

import time
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Final

from sebilling.errors import Unavailable
from sebilling.logs import get_logger

_log = get_logger(__name__)
_WAIT_SECONDS: Final = 1.0
AGAIN_SECONDS: Final = 60.0


@dataclass(slots=True)
class _Trouble:
    """What keeps a loop from its work."""

    why: str
    told_at: float
    untold: int = 0


_troubles: dict[str, _Trouble] = {}
"""By the loop's name: as many as there are loops."""


async def forgiving(name: str, work: Awaitable[float], *, of: str = "") -> float:
    """The seconds that `work` gives; one second if it failed, which is logged under `name`. `of` tells loops of one name apart."""
    loop = f"{name} {of}"
    try:
        pause = await work
    except Unavailable as error:
        if (again := _worth_telling(loop, str(error))) is not None:
            _log.warning(f"{name}_waits", why=str(error), of=of, untold=again)
    except Exception as error:  # noqa: BLE001 - whatever it is, it must not wait for a restart
        if (again := _worth_telling(loop, f"{type(error).__name__}: {error}")) is not None:
            _log.exception(f"{name}_failed", of=of, untold=again)
    else:
        if _troubles.pop(loop, None) is not None:
            _log.info(f"{name}_goes_on", of=of)
        return pause
    return _WAIT_SECONDS


def _worth_telling(loop: str, why: str) -> int | None:
    """How often it came since it was last told; None if it was told less than AGAIN_SECONDS ago."""
    known, now = _troubles.get(loop), time.monotonic()
    if known is not None and known.why == why and now < known.told_at + AGAIN_SECONDS:
        known.untold += 1
        return None
    untold = known.untold if known is not None and known.why == why else 0
    _troubles[loop] = _Trouble(why, now)
    return untold
