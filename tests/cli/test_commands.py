"""The commands, as someone at a shell uses them: each in a process of its own, over an embedded database of its own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands import run, without_settings

SAMPLES = Path(__file__).parents[1] / "samples"


class Shell:
    """Runs `sebilling …` in one place."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = without_settings()

    def __call__(self, *arguments: str, give: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
        settings = {"SEBILLING_VAR": str(self.folder / "var"), **environment}
        return run(arguments, folder=self.folder, give=give, **self.environment | settings)

    def ok(self, *arguments: str, give: str = "") -> str:
        """What it printed; it must have ended well."""
        done = self(*arguments, give=give)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def refused(self, *arguments: str, give: str = "") -> str:
        """What it said; it must have refused with code 1 and without a traceback."""
        done = self(*arguments, give=give)
        assert done.returncode == 1, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stderr


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def test_a_month_at_the_shell(shell: Shell) -> None:
    assert "Nothing was written" in shell.ok("import", "customers", str(SAMPLES / "pelanggan.csv"))
    said = shell.refused("import", "customers", str(SAMPLES / "pelanggan-salah.csv"), "--yes")
    for line in range(3, 13):
        assert f"pelanggan-salah.csv:{line}: " in said
    assert "300 customers were imported" in shell.ok("import", "customers", str(SAMPLES / "pelanggan.csv"), "--yes")
    assert "2026-02" in shell.refused("generate", "2026-02"), "never opened"
    assert "2026-13" in shell.refused("generate", "2026-13")
    shell.ok("period", "open", "2026-02")
    assert "already exists" in shell.refused("period", "open", "2026-02")
    assert "LKT99" in shell.refused("generate", "2026-02", "--counter", "LKT99")
    assert "273 invoices" in shell.ok("generate", "2026-02")
    assert "0 invoices, Rp0; 273 already invoiced" in shell.ok("generate", "2026-02")
    recap = shell.ok("recap", "2026-02")
    assert "LKT03" in recap
    assert "273" in recap
    assert "gapless_numbers" in shell.ok("check")
    shell.ok("period", "close", "2026-02")
    assert "closed" in shell.refused("generate", "2026-02")


def test_the_router_at_the_shell(shell: Shell) -> None:
    assert "120 customers were imported" in shell.ok("import", "mikrotik", str(SAMPLES / "ppp-secrets.rsc"), "--yes")


def test_users_are_made_by_command(shell: Shell) -> None:
    assert "Password, shown this once" in shell.ok("user", "add", "admin", "--generate-password")
    assert "already exists" in shell.refused("user", "add", "ADMIN", give="a-long-password\n")
    assert "10 to 200 characters" in shell.refused("user", "add", "sari", "--role", "FINANCE", give="short\n")
    assert "LKT01" in shell.refused("user", "add", "kasir", "--role", "CLERK", "--counter", "LKT01", give="a-long-password\n")
    shell.ok("counter", "add", "lkt01", "Pusat")
    shell.ok("user", "add", "kasir", "--role", "CLERK", "--counter", "LKT01", give="a-long-password\n")


def test_a_database_that_is_down_is_told_with_the_remedy(shell: Shell) -> None:
    done = shell("check", SEBILLING_DATABASE_URL="postgresql+asyncpg://nobody@127.0.0.1:1/nothing")
    assert done.returncode == 1
    assert "SEBILLING_DATABASE_URL" in done.stderr
    assert "Traceback" not in done.stderr


def test_check_fails_when_something_is_broken(shell: Shell, committed_url: str) -> None:
    statement = (
        "import asyncio, sys; from sqlalchemy import text; from sqlalchemy.ext.asyncio import create_async_engine\n"
        "async def main():\n"
        "    engine = create_async_engine(sys.argv[1])\n"
        "    async with engine.begin() as c:\n"
        '        await c.execute(text("INSERT INTO generation_run (period_id, started_at) SELECT id, now() FROM period"))\n'
        "        await c.execute(text(\"INSERT INTO period (month, opened_at) VALUES ('2026-02-01', now())\"))\n"
        '        await c.execute(text("INSERT INTO counter (code, name, timezone, due_day, created_at)'
        " VALUES ('L', 'L', 'Asia/Jakarta', 1, now())\"))\n"
        "        await c.execute(text('INSERT INTO invoice_series SELECT period.id, counter.id, 7 FROM period, counter'))\n"
        "asyncio.run(main())"
    )
    subprocess.run([sys.executable, "-c", statement, committed_url], check=True)
    done = shell("check", SEBILLING_DATABASE_URL=committed_url)
    assert done.returncode == 1
    assert [line for line in done.stdout.splitlines() if "gapless_numbers" in line and " 1 " in line]


def test_the_demo_tells_its_month_in_json(shell: Shell) -> None:
    told = json.loads(shell.ok("demo", "--once", "--customers", "120", "--json"))
    assert told["issued"] + told["alreadyInvoiced"] + told["skipped"] == told["customers"] == 120
    assert told["totalBilled"] - told["allocated"] == told["outstanding"]
    # who was cut pays last month's invoice too
    assert told["totalReceived"] - told["credit"] >= told["allocated"] > 0
    assert (told["restored"], told["wronglyBlocked"], told["invariantViolations"]) == (5, 0, 0)
    assert told["blocked"] > told["restored"]
    assert (told["invariantViolations"], told["issuedAgain"]) == (0, 0)
    assert told["credit"] > 0
    assert {row["counter"]["code"] for row in told["counters"]} == {"LKT01", "LKT02", "LKT03"}


def test_the_schema_is_printed(shell: Shell) -> None:
    assert shell.ok("schema") == (Path(__file__).parents[2] / "schema.graphql").read_text(encoding="utf-8")
