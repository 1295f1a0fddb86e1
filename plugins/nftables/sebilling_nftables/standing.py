"""How a customer's addresses stand in a set: not at all, by SeBilling's element, or by others'."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from sebilling.plugins.contract import Sentence

from sebilling_nftables.addresses import Network
from sebilling_nftables.ruleset import Element


class Listed(Enum):
    """How addresses are listed."""

    NOT = "NOT"
    OURS = "OURS"
    """By exactly one element, with SeBilling's mark."""
    BY_OTHERS = "BY_OTHERS"
    """All of them, by elements that aren't this customer's or have no mark."""
    PARTLY = "PARTLY"
    """Some of them; or for a time only."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How addresses stand, and the elements that say so."""

    listed: Listed
    elements: Sequence[Element] = ()

    @property
    def text(self) -> str:
        """The elements, for people and for a snapshot."""
        return ", ".join(f"{element} ({element.comment})" if element.comment else str(element) for element in self.elements)

    @property
    def detail(self) -> Sentence:
        """How they stand, for people."""
        match self.listed:
            case Listed.NOT:
                return Sentence("not in the set", "tidak ada di daftar")
            case Listed.OURS:
                return Sentence(f"in the set: {self.text}", f"ada di daftar: {self.text}")
            case Listed.BY_OTHERS:
                return Sentence(f"in the set by another hand: {self.text}", f"ada di daftar oleh pihak lain: {self.text}")
            case Listed.PARTLY:
                return Sentence(
                    f"only in part, or only for a time, in the set: {self.text}", f"baru sebagian atau sementara ada di daftar: {self.text}"
                )


def standing(elements: Sequence[Element], network: Network) -> Standing:
    """Return how a network stands among a set's elements, which are sorted and don't overlap."""
    first, last = int(network.network_address), int(network.broadcast_address)
    at = bisect_left(elements, first, key=lambda element: element.last)
    overlapping: list[Element] = []
    while at < len(elements) and elements[at].first <= last:
        overlapping.append(elements[at])
        at += 1
    if not overlapping:
        return Standing(Listed.NOT)
    if len(overlapping) == 1 and (overlapping[0].first, overlapping[0].last) == (first, last) and overlapping[0].is_ours:
        return Standing(Listed.PARTLY if overlapping[0].expires else Listed.OURS, overlapping)
    covered = sum(min(element.last, last) - max(element.first, first) + 1 for element in overlapping)
    whole = covered == last - first + 1 and not any(element.expires for element in overlapping)
    return Standing(Listed.BY_OTHERS if whole else Listed.PARTLY, overlapping)
