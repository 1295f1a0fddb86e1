"""The reference of the API is current, and a change that breaks clients is noticed."""

import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sebilling.schema.breaking_changes import breaking_changes
from tests.schema.two_counters import SCHEMA

ROOT = Path(__file__).parents[2]
API = ROOT / "docs" / "api"
BEFORE = "type Query { customer(id: ID!): Customer } type Customer { id: ID! name: String! } enum Kind { A B }"


def test_the_reference_is_current() -> None:
    reference: dict[str, Any] = runpy.run_path(str(ROOT / "tools" / "reference.py"))
    written = reference["pages"](SCHEMA)
    assert {path.name for path in API.glob("*.md")} == {*written, "clients.md"}
    old = [name for name, text in written.items() if (API / name).read_text(encoding="utf-8") != text]
    assert old == [], "run `make reference`"


def test_the_map_of_scalars_has_each_of_them() -> None:
    text = (API / "clients.md").read_text(encoding="utf-8")
    ours = {name for name, kind in SCHEMA.type_map.items() if getattr(kind, "specified_by_url", None)}
    assert set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)) == ours
    (codegen,) = re.findall(r"scalars: \{ (.*) \}", text)
    assert {pair.partition(":")[0] for pair in codegen.split(", ")} == ours


@pytest.mark.parametrize(
    ("after", "found"),
    [
        (BEFORE, []),
        (BEFORE.replace("name: String!", "name: String! phone: String").replace("A B", "A B C"), []),
        (BEFORE.replace("id: ID! name: String!", "id: ID!"), ["FIELD_REMOVED: Field Customer.name was removed."]),
        (BEFORE.replace("customer(id: ID!)", "customer(id: ID!, code: String!)"), ["REQUIRED_ARG_ADDED"]),
        (BEFORE.replace("A B", "A"), ["VALUE_REMOVED_FROM_ENUM"]),
        (BEFORE.replace("name: String!", "name: String"), ["FIELD_CHANGED_KIND"]),
    ],
)
def test_what_breaks_a_client_is_found(after: str, found: list[str]) -> None:
    changes = breaking_changes(BEFORE, after)
    assert len(changes) == len(found)
    assert all(change.startswith(start) for change, start in zip(changes, found, strict=True)), changes


def test_the_command_fails_until_a_change_is_accepted(tmp_path: Path) -> None:
    released, accepted = tmp_path / "released.graphql", tmp_path / "accepted.txt"
    released.write_text("type Query { customer(id: ID): Customer } type Customer { id: ID! nickname: String }")
    accepted.write_text("")
    refused = compared(released, accepted)
    assert (refused.returncode, "FIELD_REMOVED: Field Customer.nickname was removed." in refused.stdout) == (1, True), refused.stderr
    accepted.write_text(refused.stdout)
    assert compared(released, accepted).returncode == 0
    assert compared(API / "released.graphql", API / "accepted_changes.txt").returncode == 0


def compared(released: Path, accepted: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "sebilling.cli", "schema", "--compare", str(released), "--accepted", str(accepted)]
    return subprocess.run(command, capture_output=True, text=True, check=False)
