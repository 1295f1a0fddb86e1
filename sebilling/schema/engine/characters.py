"""Characters that no text can hold: NUL, which PostgreSQL refuses, and halves of characters (surrogates), which no encoding has.

Every text of a request passes here before anything is executed, whichever argument it is for: literals once with their document,
variables each time. What a text of a kind may hold beyond that says billing/validation.py.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from graphql import ArgumentNode, DocumentNode, ObjectFieldNode, StringValueNode, VariableNode, Visitor, visit

from sebilling.errors import InvalidCharacter

_NEVER: Final = re.compile("[\x00\ud800-\udfff]")
Path = tuple[str, ...]


def check_text(text: str, *, field: Path) -> None:
    """Raises InvalidCharacter at `field`."""
    bad = _NEVER.search(text)
    if bad is not None:
        raise InvalidCharacter(field=field, character=f"U+{ord(bad[0]):04X}")


def check_document(document: DocumentNode, text: str) -> None:
    """Look at every text that stands in the document. Raises InvalidCharacter at the argument."""
    if "\\u" in text or _NEVER.search(text) is not None:  # it must be written in one of these ways
        visit(document, _Literals())


def check_variables(variables: Mapping[str, Any], document: DocumentNode) -> None:
    """Look at every text in the variables, which must lie within the limits of nesting. Raises InvalidCharacter at the argument."""
    for name, value in variables.items():
        try:
            check_text(name, field=())
            _check(value, ())
        except InvalidCharacter as error:
            found = _Uses(name)
            visit(document, found)
            raise InvalidCharacter(field=(*(found.path or (_shown(name),)), *error.field), character=error.facts["character"]) from None


def _check(value: Any, path: Path) -> None:
    if isinstance(value, str):
        check_text(value, field=path)
    elif isinstance(value, list):
        for number, one in enumerate(value):
            _check(one, (*path, str(number)))
    elif isinstance(value, dict):
        for name, one in value.items():
            check_text(name, field=path)
            _check(one, (*path, name))


def _shown(name: str) -> str:
    return _NEVER.sub("?", name)


def _path(ancestors: list[Any]) -> Path:
    return tuple(one.name.value for one in ancestors if isinstance(one, ArgumentNode | ObjectFieldNode))


class _Literals(Visitor):
    def enter_string_value(self, node: StringValueNode, _key: Any, parent: Any, _way: Any, ancestors: list[Any]) -> None:
        check_text(node.value, field=_path([*ancestors, parent]))


class _Uses(Visitor):
    """Which argument, or part of one, a variable is for."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name
        self.path: Path | None = None

    def enter_variable(self, node: VariableNode, _key: Any, parent: Any, _way: Any, ancestors: list[Any]) -> None:
        if node.name.value == self._name and self.path is None:
            self.path = _path([*ancestors, parent]) or None
