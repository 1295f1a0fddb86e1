"""The API's query words: a stack machine, as the RouterOS manual describes it.

`?name` has it, `?-name` lacks it, `?name=x` (or `?=name=x`) equals, `?<name=x` and `?>name=x` compare; each pushes a truth value.
`?#` works on the stack: `!` negates the top, `&` and `|` join the top two, a number followed by a character pushes a copy of that
value (0 is the top), a number at the end leaves only that value, `.` after anything but a number pushes a copy of the top.
A row matches if every remaining value is true.
"""

import re
from collections.abc import Sequence
from typing import Final

from sebilling_mikrotik.testing.tables import Refusal, Row

_OPERATIONS: Final = re.compile(r"\d+|[!&|.]")


def matches(row: Row, queries: Sequence[str]) -> bool:
    """Whether the row matches the query. Raises Refusal for words that aren't a query."""
    stack: list[bool] = []
    for query in queries:
        if query.startswith("?#"):
            _operate(stack, query[2:])
        else:
            stack.append(_one(row, query[1:]))
    return all(stack)


def _one(row: Row, query: str) -> bool:
    if query[:1] == "-":
        return query[1:] not in row
    order = query[:1] if query[:1] in "<>" else ""
    name, equals, value = query.removeprefix(order or "=").partition("=")
    if not equals:
        return name in row
    if name not in row:
        return False
    return _ordered(row[name], value, order) if order else row[name] == value


def _ordered(first: str, second: str, order: str) -> bool:
    below = int(first) < int(second) if first.isdecimal() and second.isdecimal() else first < second
    return below if order == "<" else not below and first != second


def _operate(stack: list[bool], operations: str) -> None:
    words = _OPERATIONS.findall(operations)
    if "".join(words) != operations or not words:
        raise Refusal("invalid query", category="5")
    try:
        for at, word in enumerate(words):
            if word.isdecimal():
                value = stack[-1 - int(word)]
                if at == len(words) - 1:
                    stack[:] = [value]
                else:
                    stack.append(value)
            elif word == ".":
                if at and not words[at - 1].isdecimal():
                    stack.append(stack[-1])
            elif word == "!":
                stack.append(not stack.pop())
            else:
                first, second = stack.pop(), stack.pop()
                stack.append((first and second) if word == "&" else (first or second))
    except IndexError:
        raise Refusal("invalid query", category="5") from None
