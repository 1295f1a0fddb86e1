"""A loop's turn that may fail: it is told, and the next one doesn't wait for a restart, though longer each time it fails again."""

import time
from collections.abc import Awaitable
from typing import Final

from sebilling.errors import Unavailable
from sebilling.logs import get_logger

_log = get_logger(__name__)
_WAIT_SECONDS: Final = 1.0
MAX_AWAY_SECONDS: Final = 3.0
"""Between two looks for a database that is away: work goes on soon after it is back."""
MAX_WAIT_SECONDS: Final = 30.0
_LASTED_SECONDS: Final = 60.0
"""Who has worked for so long before they failed hasn't failed again, but anew."""


class Turns:
    """The turns of one loop, and how often they failed in a row."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._failures = 0

    async def run(self, work: Awaitable[float]) -> float:
        """The seconds that `work` gives; if it failed, which is logged under the loop's name, a second, doubled with each failure."""
        began = time.monotonic()
        try:
            pause = await work
        except Unavailable as error:
            _log.warning(f"{self._name}_waits", why=str(error))
            return self._wait(began, MAX_AWAY_SECONDS)
        except Exception:  # noqa: BLE001 - whatever it is, it must not wait for a restart
            _log.exception(f"{self._name}_failed")
            return self._wait(began, MAX_WAIT_SECONDS)
        self._failures = 0
        return pause

    def _wait(self, began: float, most: float) -> float:
        self._failures = 1 if time.monotonic() - began >= _LASTED_SECONDS else min(self._failures + 1, 10)
        return min(most, _WAIT_SECONDS * 2.0 ** (self._failures - 1))


async def forgiving(name: str, work: Awaitable[float]) -> float:
    """One turn by itself: what it gives, or a second if it failed, which is logged under `name`."""
    return await Turns(name).run(work)
