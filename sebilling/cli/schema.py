"""`sebilling schema`: the GraphQL schema, or the database's; and what in the former breaks clients of an earlier one."""

import sys
from pathlib import Path
from typing import Annotated

import typer


def schema(
    sql: Annotated[bool, typer.Option("--sql", help="Print the database's schema, as the migrations make it, instead.")] = False,
    compare: Annotated[
        Path | None,
        typer.Option("--compare", help="Print what breaks clients of the schema in this file instead, and fail if anything does."),
    ] = None,
    accepted: Annotated[Path | None, typer.Option("--accepted", help="File with lines of --compare that are accepted.")] = None,
) -> None:
    """Print the GraphQL schema."""
    if sql:
        from sebilling.db.schema_sql import describe_fresh

        sys.stdout.write(describe_fresh())
        return
    from sebilling.schema.build import build_schema

    if compare is None:
        sys.stdout.write(build_schema().as_str() + "\n")
        return
    from sebilling.schema.breaking_changes import breaking_changes

    known = set(accepted.read_text(encoding="utf-8").splitlines()) if accepted is not None else set()
    changes = [change for change in breaking_changes(compare.read_text(encoding="utf-8"), build_schema().as_str()) if change not in known]
    for change in changes:
        sys.stdout.write(f"{change}\n")
    if changes:
        raise typer.Exit(1)
