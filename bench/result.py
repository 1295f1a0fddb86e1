"""Result of a benchmark."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True)
class Result:
    """Our figure and the reference's, both in `unit`."""

    benchmark: str
    size: int
    ours: float
    reference: float
    reference_name: str
    unit: str
    connections: int | None = None
    """Number of connections of the client, where a benchmark varies it."""
    ours_rounds: tuple[float, ...] = ()
    """Our figure in each round; empty if it is of one run."""
    reference_rounds: tuple[float, ...] = ()
    """The reference's figure in each round; empty if it is of one run, or a bound."""

    @classmethod
    def of_rounds(
        cls, benchmark: str, size: int, ours: Sequence[float], reference: Sequence[float],
        *, reference_name: str, unit: str, connections: int | None = None,
    ) -> Self:  # fmt: skip
        """Return the medians of rounds, with the rounds."""
        medians = statistics.median(ours), statistics.median(reference)
        return cls(benchmark, size, *medians, reference_name, unit, connections, tuple(ours), tuple(reference))

    @property
    def ratio(self) -> float:
        """Ours divided by the reference."""
        return self.ours / self.reference

    def as_json(self) -> dict[str, object]:
        """Return the result as JSON, with the same keys for every benchmark."""
        return {
            "benchmark": self.benchmark, "size": self.size, "connections": self.connections, "ours": self.ours, "reference": self.reference,
            "referenceName": self.reference_name, "unit": self.unit, "ratio": round(self.ratio, 4),
            "oursSpread": _spread(self.ours_rounds), "referenceSpread": _spread(self.reference_rounds),
        }  # fmt: skip


def _spread(rounds: Sequence[float]) -> dict[str, float] | None:
    """The least, the median and the greatest of rounds; null without rounds."""
    return {"min": min(rounds), "median": statistics.median(rounds), "max": max(rounds)} if rounds else None
