"""What was read of a router about some customers, and why one of them is online though blocked."""

from collections import defaultdict
from dataclasses import dataclass, field

from sebilling.plugins.contract import Sentence

from sebilling_mikrotik.firewall import Firewall
from sebilling_mikrotik.session import Command, Row


@dataclass(slots=True)
class View:
    """Rows and sessions by key, and whatever else a method reads."""

    rows: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))
    sessions: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))
    tunnels: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))
    """Rows of the same menu that aren't customers', by key."""
    profiles: dict[str, Row] = field(default_factory=dict)
    inherited: frozenset[str] = frozenset()
    """Profiles of the servers, whose settings fill in what an account's profile leaves out."""
    walled: frozenset[str] = frozenset()
    """Addresses of sessions in the walled garden, as the router lists them."""
    interfaces: dict[str, str] = field(default_factory=dict)
    """DHCP server → its interface."""
    passing: dict[str, list[Command]] = field(default_factory=dict)
    """Address of a blocked customer → commands that remove its connections in FastTrack, which bypass every rule."""
    firewall: Firewall | None = None
    """None if this method doesn't depend on it."""


@dataclass(frozen=True, slots=True)
class Online:
    """Why a customer whose row is blocked is online all the same. `endable`: ending sessions and connections puts them offline."""

    why: Sentence
    look_again_seconds: float | None = None
    endable: bool = False
