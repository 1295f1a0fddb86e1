"""docs/changing.md is true: each change is made on a copy of the tree, touches the files that it names, and passes there.

All are made one after the other on one copy, and then their documents are printed and their tests run once: each run starts a server and
migrates it.
"""

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
                shutil.copytree(ROOT / name, folder / name)  # with what was compiled: files keep their times
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


STARTED = """
from sebilling.db.engine import Database
from tests.auth.people import START, enter
from tests.harness import PASSWORD, Api, Isp


async def test_each_secret_that_was_shown_is_recorded(database: Database) -> None:
    isp, api = await Isp.make(database), Api(database)
    await enter(api)
    for _ in range(2):
        await api.do(START, p=PASSWORD)
    written = "SELECT subject_id, data->'replaced' FROM event WHERE kind = 'user.totp_started' ORDER BY id"
    assert await isp.rows(written) == [(isp.admin.user_id, False), (isp.admin.user_id, True)]
"""


SAME_DAY = """
from datetime import UTC, date, datetime

from sebilling.actor import Role
from sebilling.clock import Month
from sebilling.db.engine import Database
from tests.harness import Api, Isp, make_user


async def test_everybody_is_blocked_on_the_same_day(database: Database) -> None:
    isp, api = await Isp.make(database), Api(database)
    async with isp.write() as session:
        await make_user(session, "keuangan", Role.FINANCE)
        await make_user(session, "auditor", Role.AUDITOR)
    customer_id = await isp.customer(installed_on=date(2025, 1, 31))
    await api.sign_in("keuangan")
    policy = "mutation($i: SetIsolationPolicyInput!) { setIsolationPolicy(input: $i) { policy { id } errors { code } } }"
    await api.do(policy, i={"mode": "FROM_FIRST_OF_MONTH", "days": 9})
    await api.sign_in("auditor")
    on_the_first, on_the_second = datetime(2026, 1, 31, 18, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)
    for month, issued, blocked in ((2, on_the_first, "2026-02-10"), (3, on_the_second, "2026-04-10")):
        await isp.open(Month(2026, month))
        await isp.generate(Month(2026, month), at=issued)
        forecast = await api.ask("query($c: ID!) { isolationForecast(customerId: $c) { blockOn mode } }", c=f"cus_{customer_id}")
        assert forecast == {"blockOn": blocked, "mode": "FROM_FIRST_OF_MONTH"}
        await isp.pay(customer_id, 150_000, at=issued)
"""


NORTH = """
import pytest

from sebilling.actor import Role
from sebilling.db.engine import Database
from tests.harness import Api, Isp, make_user

CHANGE = "mutation($i: UpdateCustomerInput!) { updateCustomer(input: $i) { customer { latitudeMicrodegrees } errors { code field } } }"
READ = "query($id: ID!) { customer(id: $id) { latitudeMicrodegrees } }"


@pytest.mark.parametrize("role", Role)
async def test_who_reads_and_changes_the_latitude(database: Database, role: Role) -> None:
    isp, api = await Isp.make(database), Api(database)
    customer = f"cus_{await isp.customer()}"
    async with isp.write() as session:
        await make_user(session, "someone", role, *(["LKT01"] if role in {Role.CLERK, Role.COLLECTOR} else []))
    await api.sign_in("someone")
    assert await api.ask(READ, id=customer) == {"latitudeMicrodegrees": None}
    changed = await api.ask(CHANGE, i={"id": customer, "latitudeMicrodegrees": -6_208_763})
    if role not in {Role.ADMIN, Role.FINANCE}:
        assert changed["errors"][0]["code"] == "FORBIDDEN"
        assert await api.ask(READ, id=customer) == {"latitudeMicrodegrees": None}
        return
    assert changed == {"customer": {"latitudeMicrodegrees": -6_208_763}, "errors": []}
    written = await isp.value("SELECT data FROM event WHERE kind = 'customer.changed'")
    assert written == {"before": {"latitude_microdegrees": None}, "after": {"latitude_microdegrees": -6_208_763}}
    refused = await api.ask(CHANGE, i={"id": customer, "latitudeMicrodegrees": 90_000_001})
    assert refused["errors"] == [{"code": "INVALID_NUMBER", "field": ["input", "latitudeMicrodegrees"]}]
    assert await api.ask(READ, id=customer) == {"latitudeMicrodegrees": -6_208_763}
    await api.do(CHANGE, i={"id": customer, "clear": ["LATITUDE_MICRODEGREES"]})
    assert await api.ask(READ, id=customer) == {"latitudeMicrodegrees": None}
"""


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


CHANGES = (add_a_payment_method, add_an_event_kind, add_an_isolation_mode, add_a_field_to_customers, let_it_be_changed)


def test_each_change_touches_the_files_that_it_names_and_passes(tmp_path: Path) -> None:
    tree, tests = Tree(tmp_path), []
    commands: dict[str, str] = {}
    assert tree.changed() == set()
    for change in CHANGES:
        tree.documents.clear()
        files, its_tests = change(tree)
        assert tree.changed() | tree.documents.keys() == files, change.__name__
        commands |= tree.documents
        tests += its_tests
    tree.documents = commands
    tree.print_documents()
    assert tree.changed() == commands.keys()
    tree.write("tests/auth/test_totp_started.py", STARTED)
    *_, model = example("Add an isolation mode")
    tree.insert("tests/isolation/test_policy.py", "    IsolationMode.FROM_INSTALL_DATE: _of_installation,\n", model)
    tree.write("tests/isolation/test_first_of_month.py", SAME_DAY)
    tree.write("tests/schema/test_latitude.py", NORTH)
    tree.run(f"pytest -x -q -p no:cacheprovider {' '.join(dict.fromkeys(tests))}")
