"""docs/tutorial.md is followed to the letter, on free ports: from an empty folder to a customer who is blocked, and restored by paying."""

import sys
import time
from pathlib import Path

import pytest

from tests.commands import without_settings
from tests.operation.test_metrics import free_port
from tests.reader import reading

PAGE = Path(__file__).parents[2] / "docs" / "tutorial.md"
MAX_SECONDS = 600
"""What its title promises, for the machine's part."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tmp_path.chmod(0o711)  # for the embedded server's user
    return tmp_path


def test_a_newcomer_has_a_month_in_ten_minutes(folder: Path) -> None:
    port, router_port = str(free_port()), str(free_port())
    environment = without_settings() | {"SEBILLING_PORT": port, "COLUMNS": "200"}
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    began = time.monotonic()
    with reading(folder, environment) as reader:
        reader.follow(PAGE.read_text(encoding="utf-8").replace("8000", port).replace("8728", router_port))
    seconds = time.monotonic() - began
    sys.stdout.write(f"{reader.commands} commands of the tutorial and {reader.files} files took {seconds:.0f} s\n")
    assert (reader.commands, reader.files) == (33, 2)
    assert seconds < MAX_SECONDS
