"""Which user names mean the same customer: FreeRADIUS can be set up to ignore capitals, or what follows an @."""

from typing import Literal, TypeAlias

Matching: TypeAlias = Literal["exact", "lower", "without_realm"]


def folded(name: str, matching: Matching) -> str:
    """Return the form in which names of the customers' tables are compared."""
    return name if matching == "exact" else name.lower()


def of_session(name: str, matching: Matching) -> tuple[str, ...]:
    """Return the folded names of customers to whom a session of this name may belong, the best first."""
    whole = folded(name, matching)
    bare = whole.partition("@")[0]
    return (whole, bare) if matching == "without_realm" and bare and bare != whole else (whole,)
