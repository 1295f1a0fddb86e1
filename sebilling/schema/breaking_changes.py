"""Breaking changes: what in a schema breaks clients of an earlier one."""

from graphql import build_schema, find_breaking_changes


def breaking_changes(released: str, present: str) -> list[str]:
    """One line for each breaking change between two schemas, sorted; none if nothing is released, that is, if the first is empty.

    Raises GraphQLSyntaxError.
    """
    if all(not line.strip() or line.lstrip().startswith("#") for line in released.splitlines()):
        return []
    changes = find_breaking_changes(build_schema(released), build_schema(present))
    return sorted(f"{change.type.name}: {change.description}" for change in changes)
