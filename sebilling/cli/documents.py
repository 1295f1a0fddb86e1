"""`sebilling documents`: check documents against the schema and its limits before they are trusted."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from sebilling.cli.terminal import errors, group, out
from sebilling.schema.build import build_schema
from sebilling.schema.request import trusted_documents

documents = group()


def check(paths: Sequence[Path], out: Console, errors: Console) -> bool:
    """Print the id of each document in these files and folders, or what is wrong with it. True if all are valid.

    Raises InvalidSetting for a file that can't be read.
    """
    schema = build_schema()._schema  # noqa: SLF001 - Strawberry has no public name for it
    is_right = True
    for path in paths:
        known = trusted_documents.read(path)
        wrong = trusted_documents.check(known, schema)
        is_right = is_right and not wrong
        for name, text in known.items():
            if name == trusted_documents.digest(text):  # every document also has an entry under its digest
                continue
            for why in wrong.get(name, []):
                errors.print(f"{path}: {name}: {why}", style="red", highlight=False, soft_wrap=True)
            if name not in wrong:
                out.print(f"{name}  {trusted_documents.digest(text)}", highlight=False, soft_wrap=True)
    return is_right


@documents.command("check")
def documents_check(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="Files or folders of .graphql, or JSON objects of ids and texts.")],
) -> None:
    """Check documents against the schema and its limits, and print their ids; exit code 1 if one is invalid. Needs no database."""
    if not check(files, out, errors):
        raise typer.Exit(1)
