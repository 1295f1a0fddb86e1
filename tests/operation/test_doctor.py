"""The doctor names what is planted, says nothing of what is well, and changes nothing."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sebilling.config import Settings
from sebilling.db.engine import Database
from sebilling.operation.doctor import Facts, Finding, findings
from sebilling.operation.missing import Missing
from sebilling.operation.status import judge
from tests import commands
from tests.harness import SECRET_KEY, Isp
from tests.operation.test_status import ROOMY, WELL

SET_UP = Facts(
    nameless=False, without_instructions=False, has_admin=True, has_counter=True, has_plan=True, has_device=True,
    admin_without_two_steps=False,
)  # fmt: skip
NOTHING = Missing([], [], [])


def told(var: Path, *, facts: Facts = SET_UP, missing: Missing = NOTHING, **settings: Any) -> list[Finding]:
    given = {"_env_file": None, "var": var, "database_url": "postgresql://isp@db/isp", "secret_key": SECRET_KEY, **settings}
    return findings(Settings(**given), facts, judge(WELL, ROOMY), missing)


def test_what_is_well_is_not_mentioned(tmp_path: Path) -> None:
    assert told(tmp_path) == []
    proxied: dict[str, Any] = {
        "allowed_hosts": "billing.isp.id", "trusted_proxies": "127.0.0.1", "backup_to": str(tmp_path), "backup_passphrase": "empat kata",
    }  # fmt: skip
    assert told(tmp_path, **proxied) == []


def readable_key(var: Path) -> None:
    (var / "secret.key").write_bytes(b"x" * 32)
    (var / "secret.key").chmod(0o644)


@pytest.mark.parametrize(
    ("planted", "settings", "what", "urgent"),
    [
        ({"missing": Missing(["RB1"], [], [])}, {}, "RB1", True),
        ({"missing": Missing([], [], ["a", "b"])}, {}, "2 proofs", True),
        ({}, {"backup_to": "s3://isp/backups"}, "the secret key isn't in the backups", False),
        ({}, {"backup_to": "/nowhere/at/all", "backup_passphrase": "x"}, "can't be written to /nowhere", True),
        ({}, {"introspection": "everyone"}, "read the schema", False),
        ({}, {"allowed_hosts": "billing.isp.id"}, "no proxy is trusted", False),
        ({}, {"host": "0.0.0.0"}, "without TLS", True),  # noqa: S104 - a setting that is looked at
        ({"facts": replace(SET_UP, has_admin=False)}, {}, "there is no admin", True),
        ({"facts": replace(SET_UP, admin_without_two_steps=True)}, {}, "password alone", False),
        ({"facts": replace(SET_UP, nameless=True)}, {}, "don't name your company", False),
        ({"facts": replace(SET_UP, without_instructions=True)}, {}, "how to pay", False),
        ({"facts": replace(SET_UP, has_device=False)}, {}, "nobody is blocked", False),
    ],
)
def test_each_fault_is_named_alone_with_its_remedy(
    tmp_path: Path, planted: dict[str, Any], settings: dict[str, Any], what: str, urgent: bool  # noqa: FBT001 - a case
) -> None:  # fmt: skip
    (finding,) = told(tmp_path, **planted, **settings)
    assert what in finding.what
    assert (finding.is_urgent, bool(finding.remedy)) == (urgent, True)


def test_a_key_that_others_can_read_is_urgent(tmp_path: Path) -> None:
    readable_key(tmp_path)
    (finding,) = told(tmp_path)
    assert (finding.is_urgent, finding.remedy) == (True, f"chmod 600 {tmp_path / 'secret.key'}")


def test_backups_beside_an_embedded_database_are_told(tmp_path: Path) -> None:
    (finding,) = told(tmp_path, database_url=None, backup_to=str(tmp_path), backup_passphrase="empat kata")
    assert "same disk" in finding.what


async def test_the_command_says_it(committed: Database, tmp_path: Path) -> None:
    where = {"SEBILLING_DATABASE_URL": committed.url, "SEBILLING_VAR": str(tmp_path)}
    done = await asyncio.to_thread(lambda: commands.run(["doctor"], folder=tmp_path, **where))
    assert (done.returncode, "! there is no admin" in done.stdout, "! WORKERS: none is running" in done.stdout) == (1, True, True), (
        done.stdout
    )
    await Isp.make(committed)
    done = await asyncio.to_thread(lambda: commands.run(["doctor"], folder=tmp_path, **where))
    assert "there is no admin" not in done.stdout
    assert "- there is no device" in done.stdout
