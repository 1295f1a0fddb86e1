"""Reject characters that no text can contain: NUL, which PostgreSQL refuses, and surrogates, which cannot be encoded.

Every text of a request is checked here before anything is executed, whatever its argument: literals once per document, variables in
each request. billing/validation.py has the further rules for each kind of text.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from graphql import ArgumentNode, DocumentNode, ObjectFieldNode, StringValueNode, VariableNode, Visitor, visit

from sebilling.errors import InvalidCharacter

_NEVER: Final = re.compile("[\x00\ud800-\udfff]")
Path = tuple[str, ...]


def check_text(text: str, *, field: Path) -> None:
    """Check one text. Raises InvalidCharacter at `field`."""
    bad = _NEVER.search(text)
    if bad is not None:
        raise InvalidCharacter(field=field, character=f"U+{ord(bad[0]):04X}")


def check_document(document: DocumentNode, text: str) -> None:
    """Check every text in the document. Raises InvalidCharacter at the argument."""
    if "\\u" in text or _NEVER.search(text) is not None:  # a bad character can only be written in one of these ways
        visit(document, _Literals())


def check_variables(variables: Mapping[str, Any], document: DocumentNode) -> None:
    """Check every text in the variables, whose nesting must be within the limits. Raises InvalidCharacter at the argument."""
    for name, value in variables.items():
        try:
            check_text(name, field=())
            _check(value, ())
        except InvalidCharacter as error:
            uses = _Uses(name)
            visit(document, uses)
            raise InvalidCharacter(field=(*(uses.path or (_shown(name),)), *error.path), character=error.character) from None


def _check(value: Any, path: Path) -> None:
    if isinstance(value, str):
        check_text(value, field=path)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _check(item, (*path, str(index)))
    elif isinstance(value, dict):
        for name, item in value.items():
            check_text(name, field=path)
            _check(item, (*path, name))


def _shown(name: str) -> str:
    return _NEVER.sub("?", name)


def _path(ancestors: list[Any]) -> Path:
    return tuple(node.name.value for node in ancestors if isinstance(node, ArgumentNode | ObjectFieldNode))


class _Literals(Visitor):
    def enter_string_value(self, node: StringValueNode, _key: Any, parent: Any, _way: Any, ancestors: list[Any]) -> None:
        check_text(node.value, field=_path([*ancestors, parent]))


class _Uses(Visitor):
    """Find the argument, or the part of one, in which a variable is used."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name
        self.path: Path | None = None

    def enter_variable(self, node: VariableNode, _key: Any, parent: Any, _way: Any, ancestors: list[Any]) -> None:
        if node.name.value == self._name and self.path is None:
            self.path = _path([*ancestors, parent]) or None
