"""What a command imports, in an interpreter of its own: help no command, the server nothing that only some requests need."""

import subprocess
import sys
from pathlib import Path

import pytest

from sebilling.cli import COMMANDS, imported
from tests.commands import without_settings

HEAVY = ("sqlalchemy", "strawberry", "graphql", "starlette", "uvicorn", "alembic", "reportlab", "xlsxwriter", "openpyxl", "PIL", "rich",
         "netmiko", "paramiko", "pydantic", "structlog", "asyncio")  # fmt: skip


def loaded(statement: str, names: tuple[str, ...]) -> list[str]:
    """Which of these modules a new interpreter has imported after it ran the statement."""
    program = f"{statement}\nimport sys\nprint('loaded', *[name for name in {names!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=without_settings())
    return done.stdout.splitlines()[-1].split()[1:]


@pytest.mark.parametrize("words", [["--help"], []], ids=["help", "no command"])
def test_help_imports_no_command(words: list[str]) -> None:
    statement = f"import sys\nfrom sebilling.cli import main\nsys.argv = ['sebilling', *{words!r}]\ntry: main()\nexcept SystemExit: pass"
    assert loaded(statement, HEAVY) == []
    assert loaded(f"{statement}\nimport asyncio, rich", HEAVY) == ["rich", "asyncio"], "it notices what was imported"


def test_a_server_imports_no_library_that_only_some_requests_need(tmp_path: Path) -> None:
    """Nor do its drivers: they are imported with it. (rich comes with structlog.)"""
    late = ("alembic", "reportlab", "xlsxwriter", "openpyxl", "PIL", "pikepdf", "netmiko", "paramiko", "typer.rich_utils",
            "cryptography", "httpx")  # fmt: skip
    statement = (
        "from sebilling.cli import imported; imported('serve')\n"
        "from sebilling.app import create_app; from sebilling.config import Settings; from sebilling.db.engine import Database\n"
        f"app = create_app(Settings.read(var={str(tmp_path)!r}), Database('postgresql://127.0.0.1:1/none'))"
    )
    assert loaded(statement, late) == []
    assert loaded(f"{statement}\nimport sebilling.printing.pdf", late) == ["reportlab", "PIL"], "it notices what was imported"


def test_a_command_imports_only_what_it_needs() -> None:
    for name in ("user", "period", "generate", "export"):
        slow = ("strawberry", "starlette", "uvicorn", "alembic", "reportlab", "PIL", "netmiko")
        assert loaded(f"from sebilling.cli import imported\nimported({name!r})", slow) == [], name


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_what_help_says(name: str) -> None:
    """The table's sentence is the first thing in the command's own help, and each command of a group shows its whole sentence."""
    command = imported(name)
    assert command.name == name
    assert " ".join(command.help.split()) == COMMANDS[name].summary
    for part in getattr(command, "commands", {}).values():
        assert part.help
        assert part.get_short_help_str() == part.help
