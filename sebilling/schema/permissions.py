"""Permissions: the root fields that each role may use, so that a screen shows only the menus and buttons that work.

Generated from the rules of the root fields (schema/request/access.py): it says what the server does. Where a permission holds, at all
counters or at those of the user, `User.counters` says.
"""

import re
from enum import Enum
from typing import TYPE_CHECKING, Final

import strawberry

from sebilling.actor import Role
from sebilling.schema.request.access import MUTATIONS, RULES
from sebilling.schema.request.roles import ANYBODY

_WORD: Final = re.compile(r"_([a-z])")


def _permissions() -> dict[str, str]:
    """Name of each permission → its root field. Mutations are named as they are; a query is the permission to see something."""
    rules = {field for field, roles in RULES.items() if roles is not ANYBODY}
    return dict(sorted(((field if field in MUTATIONS else f"see_{field}").upper(), field) for field in rules))


if TYPE_CHECKING:
    Permission = Enum
else:
    Permission = Enum("Permission", _permissions())
    strawberry.enum(Permission, description="Permission to use a root field: a mutation by its name, a query or subscription as SEE_….")
    for _value in Permission.__strawberry_definition__.values:
        _value.description = f"To use `{_WORD.sub(lambda letter: letter[1].upper(), _value.value)}`."


def of_role(role: Role) -> "list[Permission]":
    """The permissions of a role, in their order."""
    return [permission for permission in Permission if role in RULES[permission.value]]
