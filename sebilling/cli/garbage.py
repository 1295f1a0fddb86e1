"""Garbage collection while a command starts."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_ALLOCATIONS: Final = 100_000
"""Objects between two collections: all imports of the server together cause a few collections of the youngest, instead of hundreds."""


@contextmanager
def rare_collections() -> Iterator[None]:
    """Collect garbage rarely while the block runs.

    Nearly all that imports and the schema build lives for ever; searching it for garbage took a fifth of the server's start.
    """
    before = gc.get_threshold()
    gc.set_threshold(_ALLOCATIONS, 50, 50)
    try:
        yield
    finally:
        gc.set_threshold(*before)
