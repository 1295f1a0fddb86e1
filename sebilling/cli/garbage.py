"""Garbage collection while a command starts."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_collections() -> Iterator[None]:
    """Collect no garbage while the block runs, and exclude all that it leaves behind from later collections.

    Nearly all that imports and the schema build lives for ever; searching it for a few hundred objects of garbage took a tenth of the
    server's start.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
