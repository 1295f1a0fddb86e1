"""`sebilling schema`: the GraphQL schema, or the database's."""

import sys
from typing import Annotated

import typer


def schema(
    sql: Annotated[bool, typer.Option("--sql", help="Print the database's schema, as the migrations make it, instead.")] = False,
) -> None:
    """Print the GraphQL schema."""
    if sql:
        from sebilling.db.schema_sql import describe_fresh

        sys.stdout.write(describe_fresh())
        return
    from sebilling.schema.build import build_schema

    sys.stdout.write(build_schema().as_str() + "\n")
