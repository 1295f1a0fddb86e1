"""Result of a benchmark."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    """Our figure and the reference's, both in `unit`."""

    benchmark: str
    size: int
    ours: float
    reference: float
    reference_name: str
    unit: str

    @property
    def ratio(self) -> float:
        """Ours divided by the reference."""
        return self.ours / self.reference

    def as_json(self) -> dict[str, object]:
        """Return the result as JSON, with the same keys for every benchmark."""
        return {
            "benchmark": self.benchmark, "size": self.size, "ours": self.ours, "reference": self.reference,
            "referenceName": self.reference_name, "unit": self.unit, "ratio": round(self.ratio, 4),
        }  # fmt: skip
