"""What every mutation's answer has, and how rows stand for GraphQL types."""

from typing import Annotated, Any, Final

import strawberry

from sebilling.schema.engine.errors import UserError

INPUT: Final = strawberry.argument(description="What to do.")
Key = Annotated[str, strawberry.argument(description="8 to 100 characters, new for each deed: the same key again takes no effect.")]


@strawberry.type(description="What came of a mutation.")
class Payload:
    errors: list[UserError] = strawberry.field(description="What the caller can mend; if there is any, nothing has changed.")


def row(**fields: Any) -> Any:
    """A row as the schema's resolver reads it: a dict by field names, in the place of the GraphQL type's object."""
    return fields


def given(**fields: Any) -> dict[str, Any]:
    """The fields that the client sent; absent ones and nulls are left as they are."""
    return {name: value for name, value in fields.items() if value is not strawberry.UNSET and value is not None}
