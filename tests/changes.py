"""The changes of docs/changing.md, made on a copy of the tree."""

import filecmp
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCUMENT = (ROOT / "docs" / "changing.md").read_text(encoding="utf-8")
COPIED = ("sebilling", "tests", "docs", "pyproject.toml", "schema.graphql", "schema.sql")
FENCED = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Tree:
    """A copy of the tree, and what was changed in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._known: dict[str, bytes] = {}
        self.documents: dict[str, str] = {}
        """The command that prints each document that a change says is to be printed."""
        for name in COPIED:
            if (ROOT / name).is_dir():
                # with what was compiled, as files keep their times; without what was installed or built
                shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("node_modules", ".venv", "web_files"))
            else:
                shutil.copy2(ROOT / name, folder / name)

    def insert(self, file: str, after: str, lines: str) -> None:
        """Insert lines after the only place of `after`."""
        content = (self.folder / file).read_text(encoding="utf-8")
        assert content.count(after) == 1
        (self.folder / file).write_text(content.replace(after, after + lines), encoding="utf-8")

    def apply(self, diff: str) -> None:
        """Apply a diff without line numbers: the old lines of each hunk stand in their file once."""
        for part in diff.removeprefix("--- ").split("\n--- "):
            file, _, hunks = part.partition("\n")
            content = (self.folder / file).read_text(encoding="utf-8")
            for hunk in hunks.rstrip("\n").split("\n@@\n"):
                lines = [(line[:1], f"{line[1:]}\n") for line in hunk.split("\n")]
                old, new = ("".join(line for sign, line in lines if sign != other) for other in "+-")
                assert f"\n{content}".count(f"\n{old}") == 1, f"{file} has not once:\n{old}"
                content = f"\n{content}".replace(f"\n{old}", f"\n{new}")[1:]
            (self.folder / file).write_text(content, encoding="utf-8")

    def write(self, file: str, content: str) -> None:
        """Write a new file."""
        assert not (self.folder / file).exists()
        (self.folder / file).write_text(content, encoding="utf-8")

    def needs_documents(self, commands: str) -> None:
        """Keep commands such as `sebilling schema > schema.graphql` for the end."""
        for line in commands.splitlines():
            command, _, file = line.partition(" > ")
            self.documents[file] = command

    def print_documents(self) -> None:
        """Run the commands that were kept."""
        for file, command in self.documents.items():
            (self.folder / file).write_text(self.run(command), encoding="utf-8")

    def run(self, command: str) -> str:
        """Run a `sebilling` or `pytest` command in the copy; its output."""
        program, *arguments = command.split()
        module = {"sebilling": "sebilling.cli", "pytest": "pytest"}[program]
        done = subprocess.run(
            [sys.executable, "-m", module, *arguments], cwd=self.folder, env={**os.environ, "PYTHONPATH": str(self.folder)},
            capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-4_000:] + done.stderr[-2_000:]
        return done.stdout

    def changed(self) -> set[str]:
        """Files that were changed or written since the last look."""
        files = {path for path in self.folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
        now = {
            str(path.relative_to(self.folder)): path.read_bytes() for path in files
            if not (ROOT / path.relative_to(self.folder)).exists()
            or not filecmp.cmp(ROOT / path.relative_to(self.folder), path, shallow=False)
        }  # fmt: skip
        changed = {name for name, content in now.items() if self._known.get(name) != content}
        self._known = now
        return changed

    @property
    def head(self) -> int:
        """The newest migration's number."""
        return max(int(path.name[:4]) for path in (self.folder / "sebilling" / "db" / "migrations" / "versions").glob("0*.py"))


def executes(sql_file: str) -> str:
    """The newest migration that executes an SQL file."""
    migrations = (ROOT / "sebilling" / "db" / "migrations" / "versions").glob("0*.py")
    return max(path.name[:4] for path in migrations if f'"{sql_file}"' in path.read_text(encoding="utf-8"))


def example(heading: str) -> list[str]:
    """The code blocks below a heading, in order."""
    section = DOCUMENT.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return [code for _, code in FENCED.findall(section)]


def add_a_payment_method(tree: Tree) -> tuple[set[str], list[str]]:
    member, migration, snapshots = example("Add a payment method")
    number = f"{tree.head + 1:04}"
    new = f"sebilling/db/migrations/versions/{number}_voucher.py"
    after = '    OTHER = "OTHER", Account.OTHER_RECEIPTS, "Lainnya", "Another method, described in the note."\n'
    tree.insert("sebilling/billing/payments.py", after, member)
    tree.write(new, migration.replace("NNNN", number).replace("MMMM", f"{tree.head:04}"))
    tree.needs_documents(snapshots)
    return {"sebilling/billing/payments.py", new, "schema.graphql", "schema.sql"}, [
        "tests/billing/test_payment_methods.py", "tests/db/test_schema_sql.py::test_it_is_current", "tests/db/test_sql_files.py",
        "tests/billing/test_accounts_of_codes.py::test_the_database_books_each_code_as_its_enum_declares",
        "tests/cli/test_commands.py::test_the_schema_is_printed",
    ]  # fmt: skip


def add_an_event_kind(tree: Tree) -> tuple[set[str], list[str]]:
    kind, call, document = example("Add an event kind")
    tree.insert("sebilling/events/users.py", '    """A user signed in with a recovery code, which is void now."""\n', f"\n\n{kind}")
    pend = '    await session.execute(_PEND, {"user": user_id, "locked": _locked(vault, user_id, secret)})\n'
    tree.insert("sebilling/auth/totp.py", pend, call)
    tree.needs_documents(document)
    return {"sebilling/events/users.py", "sebilling/auth/totp.py", "docs/event_kinds.md"}, [
        "tests/auth/test_totp_started.py", "tests/auth/test_totp.py", "tests/events/test_catalogue.py",
    ]  # fmt: skip


def add_an_isolation_mode(tree: Tree) -> tuple[set[str], list[str]]:
    member, line, copy, migration, snapshots, _ = example("Add an isolation mode")
    before, number = executes("isolation_modes.sql"), f"{tree.head + 1:04}"
    tree.insert("sebilling/billing/isolation/policy.py", '    MANUAL = "MANUAL", "Never automatically."\n', member)
    _, source, target = copy.replace("MMMM", before).split()
    shutil.copy2(tree.folder / source, tree.folder / target)
    tree.insert(source, "                       WHEN 'FROM_INSTALL_DATE' THEN p_monthly_on\n", line)
    new = f"sebilling/db/migrations/versions/{number}_isolation_mode.py"
    tree.write(new, migration.replace("NNNN", number).replace("PPPP", f"{tree.head:04}"))
    tree.needs_documents(snapshots)
    return {"sebilling/billing/isolation/policy.py", source, target, new, "schema.graphql", "schema.sql"}, [
        "tests/isolation/test_first_of_month.py", "tests/isolation/test_policy.py",
    ]  # fmt: skip


def add_a_field_to_customers(tree: Tree) -> tuple[set[str], list[str]]:
    migration, declared, documents = example("Add a field to customers")
    number = f"{tree.head + 1:04}"
    new = f"sebilling/db/migrations/versions/{number}_latitude.py"
    tree.write(new, migration.replace("NNNN", number).replace("MMMM", f"{tree.head:04}"))
    tree.apply(declared)
    tree.needs_documents(documents)
    return {new, "sebilling/db/tables/customer.py", "sebilling/schema/customers.py", "tests/schema/test_matrix.py",
            "schema.graphql", "schema.sql"}, ["tests/schema/test_latitude.py", "tests/db/test_guards.py"]  # fmt: skip


def let_it_be_changed(tree: Tree) -> tuple[set[str], list[str]]:
    changed, documents = example("Let a field of customers be changed")
    tree.apply(changed)
    tree.needs_documents(documents)
    return {"sebilling/schema/customers.py", "sebilling/billing/customers.py", "sebilling/events/customers.py",
            "schema.graphql", "docs/event_kinds.md"}, [
        "tests/schema/test_matrix.py::test_every_field_of_every_type_has_a_line",
        "tests/events/test_catalogue.py::test_the_document_lists_every_kind_as_it_is",
    ]  # fmt: skip
