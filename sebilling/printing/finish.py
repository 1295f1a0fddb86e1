"""Wait for what must be finished, whoever gives up waiting."""

import asyncio


async def to_the_end(work: asyncio.Future[None]) -> None:
    """Wait for work that must be finished, such as a thread that still writes, even if the caller is cancelled."""
    cancelled: asyncio.CancelledError | None = None
    while not work.done():
        try:
            await asyncio.wait({work})
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled
    work.result()
