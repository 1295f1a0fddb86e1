"""Execute one command on a simulated router: print, add, set, remove, enable, disable. The answer is sentences."""

from collections.abc import Sequence
from typing import Final

from sebilling_mikrotik import wire
from sebilling_mikrotik.testing.menus import SINGLE
from sebilling_mikrotik.testing.queries import matches
from sebilling_mikrotik.testing.router import Router
from sebilling_mikrotik.testing.tables import Refusal, Row

_SWITCH: Final = {"enable": "no", "disable": "yes"}
_WRITING: Final = ("add", "set", "remove", "enable", "disable")
_SESSIONS: Final = (
    "/ppp/active", "/ip/hotspot/active", "/ip/hotspot/cookie", "/ip/firewall/connection", "/ipv6/firewall/connection", "/interface",
)  # fmt: skip
"""Menus of rows that the router itself creates: they can be removed, but not added or changed."""


def done(ret: str | None = None) -> wire.Sentence:
    """Return the last sentence of an answer."""
    return ("!done",) if ret is None else ("!done", f"=ret={ret}")


def trap(message: str, category: str | None = None) -> wire.Sentence:
    """Return a refusal followed by its `!done`."""
    return ("!trap", *((f"=category={category}",) if category else ()), f"=message={message}")


def execute(router: Router, command: wire.Sentence, *, user: str) -> list[wire.Sentence]:
    """Execute a command and return its answer."""
    path, _, verb = command[0].rpartition("/")
    words, queries = wire.pairs(command[1:]), [word for word in command[1:] if word[:1] == "?"]
    try:
        _allowed(router, user, path, verb)
        if verb in {"print", "getall"}:
            return _print(router, path, words, queries, sensitive="sensitive" in policies(router, user))
        return [done(_write(router, path, verb, words))]
    except Refusal as refusal:
        return [trap(refusal.message, refusal.category), done()]


def policies(router: Router, user: str) -> list[str]:
    """Return the policies of a user's group."""
    row = router.tables["/user"].find(user)
    group = router.tables["/user/group"].find(row["group"]) if row is not None else None
    return group["policy"].split(",") if group is not None else []


def _allowed(router: Router, user: str, path: str, verb: str) -> None:
    if path not in router.tables:
        raise Refusal("no such command prefix", category="0")
    if ("write" if verb in _WRITING else "read") not in policies(router, user):
        raise Refusal("not enough permissions (9)")


def _print(router: Router, path: str, words: dict[str, str], queries: Sequence[str], *, sensitive: bool) -> list[wire.Sentence]:
    table = router.tables[path]
    hidden = {".id"} if path in SINGLE else set()
    if not sensitive:
        hidden |= table.shape.sensitive
    wanted = words[".proplist"].split(",") if words.get(".proplist") else None
    matching = [row for row in table.rows.values() if matches(row, queries)]
    if "count-only" in words:
        return [done(str(len(matching)))]
    rows = [_shown(row, wanted, hidden) for row in matching]
    if not rows and router.version >= (7, 18):
        return [("!empty",), done()]
    return [*rows, done()]


def _shown(row: Row, wanted: list[str] | None, hidden: set[str]) -> wire.Sentence:
    names = row.keys() if wanted is None else [name for name in wanted if name in row]
    return ("!re", *(f"={name}={row[name]}" for name in names if name not in hidden))


def _write(router: Router, path: str, verb: str, words: dict[str, str]) -> str | None:
    table = router.tables[path]
    numbers = words.pop(".id", None) or words.pop("numbers", None)
    if verb == "add" and path not in _SESSIONS and path not in SINGLE:
        return table.add(words)[".id"]
    if verb == "set" and path in SINGLE:
        table.set(next(iter(table.rows.values())), words)
        return None
    if verb not in {"set", "remove", *_SWITCH} or path in SINGLE or (path in _SESSIONS and verb != "remove"):
        raise Refusal("no such command", category="0")
    if numbers is None:
        raise Refusal("missing =.id=", category="5")
    for row in table.meant(numbers):
        if verb == "remove":
            table.remove(row)
            router.removed(path, row)
        else:
            table.set(row, {"disabled": _SWITCH[verb]} if verb in _SWITCH else words)
    return None
