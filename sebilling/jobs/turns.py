"""A loop's turn that may fail: it is told, and the next one doesn't wait for a restart."""

from collections.abc import Awaitable
from typing import Final

from sebilling.errors import Unavailable
from sebilling.logs import get_logger

_log = get_logger(__name__)
_WAIT_SECONDS: Final = 1.0


async def forgiving(name: str, work: Awaitable[float]) -> float:
    """The seconds that `work` gives; one second if it failed, which is logged under `name`."""
    try:
        return await work
    except Unavailable as error:
        _log.warning(f"{name}_waits", why=str(error))
    except Exception:  # noqa: BLE001 - whatever it is, it must not wait for a restart
        _log.exception(f"{name}_failed")
    return _WAIT_SECONDS
