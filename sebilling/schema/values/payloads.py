"""The common parts of mutation payloads, and rows as GraphQL objects."""

from typing import Annotated, Any, Final

import strawberry

from sebilling.schema.engine.declarations import payload
from sebilling.schema.request.errors import UserError

EXPECTED_VERSION: Final = (
    "Version that the caller has read; CONFLICT, and no change, if it is not the present one. Not compared if left out."
)
VERSION: Final = "Version, which grows with each change by a person: send it as expectedVersion, so that no change undoes another."
INPUT: Final = strawberry.argument(description="Input of the mutation.")
Key = Annotated[
    str,
    strawberry.argument(
        description="Idempotency key, 8 to 100 characters, new for each operation: repeating the key has no further effect."
    ),
]


@payload("Result of a mutation.")
class Payload:
    errors: list[UserError] = strawberry.field(description="Errors that the caller can correct; if there are any, nothing was changed.")


def row(**fields: Any) -> Any:
    """A row as the schema's resolver reads it: a dict by field names, used instead of an object of the GraphQL type."""
    return fields


def given(**fields: Any) -> dict[str, Any]:
    """The fields that the client sent; absent ones keep their value. Nulls were refused before (schema/request/unreadable.py)."""
    return {name: value for name, value in fields.items() if value is not strawberry.UNSET}


def expected(version: int | None) -> int | None:
    """The `expected_version` of an input; None if it was left out."""
    return None if version is strawberry.UNSET else version
