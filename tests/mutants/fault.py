"""What a planted fault is."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """A mistake: in `file` (below sebilling/) `new` instead of `old`; `tests` are the arguments of pytest."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]
