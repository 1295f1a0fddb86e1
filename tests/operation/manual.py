"""What docs/operations.md tells an operator to type."""

import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Final

MANUAL: Final = Path(__file__).parents[2] / "docs" / "operations.md"


def backup_commands(folder: Path) -> Sequence[Sequence[str]]:
    """The commands of the chapter on backups, without `sebilling`: write, verify, restore, check, reconcile.

    The manual's folder is this one, and its TIME that of the one backup in it, if there is one.
    """
    chapter = MANUAL.read_text(encoding="utf-8").partition("## Backups")[2].partition("\n## ")[0]
    blocks = "".join(re.findall(r"```sh\n(.*?)```", chapter, re.DOTALL)).replace("/srv/backups", str(folder))
    for file in folder.glob("sebilling-*.zip"):
        blocks = blocks.replace("sebilling-TIME.zip", file.name)
    lines = [shlex.split(line) for line in blocks.splitlines()]
    assert [" ".join(words[:3]).partition(" /")[0] for words in lines] == [
        "sebilling backup", "sebilling backup verify", "sebilling restore", "sebilling check", "sebilling isolation reconcile",
    ]  # fmt: skip
    return [words[1:] for words in lines]
