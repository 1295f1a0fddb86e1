"""Retries of a loop's iterations: a failure is logged, and the next iteration follows after a delay that grows with each failure.

A lasting failure is logged once, and then once a minute with its count: a database with a wrong password logged gigabytes a day.
"""

import time
from collections.abc import Awaitable
from typing import Final

from sebilling.errors import Unavailable
from sebilling.logs import get_logger

_log = get_logger(__name__)
_WAIT_SECONDS: Final = 1.0
MAX_AWAY_SECONDS: Final = 3.0
"""Longest delay while the database is down: work continues soon after it is back."""
MAX_WAIT_SECONDS: Final = 30.0
AGAIN_SECONDS: Final = 60.0
_LASTED_SECONDS: Final = 60.0
"""A failure after working for so long counts as the first, not as a repeated one."""


class Retries:
    """Consecutive failures of one loop and what was logged about them. `of` distinguishes loops with the same name."""

    def __init__(self, name: str, *, of: str = "") -> None:
        self._name, self._of = name, of
        self._failures = 0
        self._why, self._told_at, self._untold = "", 0.0, 0

    async def run(self, work: Awaitable[float]) -> float:
        """Return the pause in seconds that `work` returns; if it fails, log it and return one second, doubled with each failure."""
        began = time.monotonic()
        try:
            pause = await work
        except Unavailable as error:
            if self._is_worth_telling(str(error)):
                _log.warning(f"{self._name}_waits", why=str(error), of=self._of, untold=self._untold)
            return self._wait(began, MAX_AWAY_SECONDS)
        except Exception as error:  # noqa: BLE001 - whatever failed, the loop must go on without a restart
            if self._is_worth_telling(f"{type(error).__name__}: {error}"):
                _log.exception(f"{self._name}_failed", of=self._of, untold=self._untold)
            return self._wait(began, MAX_WAIT_SECONDS)
        if self._why:
            _log.info(f"{self._name}_goes_on", of=self._of)
        self._failures, self._why = 0, ""
        return pause

    def _wait(self, began: float, most: float) -> float:
        self._failures = 1 if time.monotonic() - began >= _LASTED_SECONDS else min(self._failures + 1, 10)
        return min(most, _WAIT_SECONDS * 2.0 ** (self._failures - 1))

    def _is_worth_telling(self, why: str) -> bool:
        """Whether it is new, or was last logged AGAIN_SECONDS ago; `_untold` counts its occurrences since."""
        now = time.monotonic()
        if why == self._why and now < self._told_at + AGAIN_SECONDS:
            self._untold += 1
            return False
        if why != self._why:
            self._untold = 0
        self._why, self._told_at = why, now
        return True


async def forgiving(name: str, work: Awaitable[float], *, of: str = "") -> float:
    """Run one iteration: return its pause, or one second if it failed, which is logged under `name`."""
    return await Retries(name, of=of).run(work)
