"""The lines that a person pastes into a router's terminal, as far as SeBilling prints them: add, set, move, disable, remove."""

import re
import shlex
from typing import Final

from sebilling_mikrotik.testing.router import Router
from sebilling_mikrotik.testing.tables import Row, Table

_FIND: Final = re.compile(r"\[find ([^\]]{0,300})\]")
_QUOTED: Final = re.compile(r"`([^`]+)`")


def paste(router: Router, message: str) -> int:
    """Execute every line between backquotes that begins with a menu; return how many there were. Raises Refusal."""
    lines = [line.strip() for text in _QUOTED.findall(message) for line in text.split(";") if line.strip().startswith("/")]
    for line in lines:
        _execute(router, line)
    return len(lines)


def _execute(router: Router, line: str) -> None:
    finder = _FIND.search(line)
    words = shlex.split(_FIND.sub("", line))
    at = next(number for number, word in enumerate(words) if word in {"add", "set", "move", "disable", "remove"})
    table, verb, rest = router.table("/" + "/".join(words[:at])[1:]), words[at], words[at + 1 :]
    fields = dict(word.split("=", 1) for word in rest if "=" in word)
    rows = _found(table, dict(word.split("=", 1) for word in shlex.split(finder[1]))) if finder else []
    rows += [table.rows[word] for word in rest if word.startswith("*")]
    if verb == "add":
        before = fields.pop("place-before", None)
        row = table.add(fields)
        if before is not None:
            table.move([row], int(before))
    elif verb == "move":
        table.move(rows, int(rest[0]))
    for row in rows:
        if verb == "remove":
            table.remove(row)
        elif verb in {"set", "disable"}:
            table.set(row, fields if verb == "set" else {"disabled": "yes"})


def _found(table: Table, fields: dict[str, str]) -> list[Row]:
    return [row for row in table.rows.values() if all(row.get(name) == value for name, value in fields.items())]
