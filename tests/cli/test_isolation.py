"""Isolation at the shell: plugins, the plan, one run, and keys that change."""

import asyncio
import random
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sebilling import keys
from sebilling.billing.isolation import policy
from sebilling.billing.isolation.policy import IsolationMode
from sebilling.cli import isolation as commands
from sebilling.db.engine import Database
from sebilling.network import accesses, devices
from sebilling.network.engine import Engine
from sebilling.vault import Vault
from tests.commands import run
from tests.harness import Isp
from tests.isolation.gear import GEARS, Gear, plugins
from tests.isolation.routers import console, said

NEW_KEY = "41c97e0b5d2f8a6390ebd4172c5f60a98d3b7e14f2068ac5"
LATE = datetime(2026, 2, 14, 2, 0, tzinfo=UTC)


def shell(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return run(arguments, folder=folder, **{"SEBILLING_VAR": str(folder / "var"), **environment})


async def late_isp(database: Database, count: int) -> tuple[Isp, Engine, list[int]]:
    """So many late customers on one gear."""
    GEARS["cli"] = Gear()
    isp = await Isp.make(database)
    engine = Engine(database, plugins(), Vault(b"key"), lambda: LATE, "cli", random.Random(1))
    people = []
    async with isp.write() as session:
        device_id = await devices.create(session, engine.plugins, engine.vault, name="RB1", kind="test.gear", config={"gear": "cli"})
        await policy.set_policy(session, mode=IsolationMode.FROM_INVOICE, days=10)
    for number in range(count):
        name = f"p{number:02d}"
        GEARS["cli"].profiles[name] = "home"
        people.append(await isp.customer(name))
        async with isp.write() as session:
            await accesses.give(
                session, engine.plugins, customer_id=people[-1], device_id=device_id, service_kind="PPPOE", key=name
            )  # fmt: skip
    await isp.open()
    await isp.generate()
    return isp, engine, people


async def test_the_plan_is_shown_run_and_undone_by_payments(committed: Database) -> None:
    isp, engine, people = await late_isp(committed, 2)
    out, errors = console(), console()
    await commands.show_plan(committed, out, clock=lambda: LATE)
    assert "2 would be blocked, 0 would be restored" in said(out)
    for cell in ("p01", "Budi", "RB1", "Rp150.000", "2026-02-13"):
        assert cell in said(out)
    assert set(GEARS["cli"].profiles.values()) == {"home"}
    assert await isp.value("SELECT count(*) FROM service_access WHERE desired = 'BLOCKED'") == 0
    assert await commands.run_once(engine, out, errors)
    assert "2 to be blocked, 0 to be restored" in said(out)
    assert "2 changed and verified, 0 waiting" in said(out)
    assert set(GEARS["cli"].profiles.values()) == {"isolir"}
    await isp.pay(people[0], 150_000, at=LATE)
    assert await commands.run_once(engine, out, errors)
    assert GEARS["cli"].profiles == {"p00": "home", "p01": "isolir"}
    assert said(errors) == ""


async def test_who_need_not_be_cut_any_more_is_in_the_plan(committed: Database) -> None:
    isp, engine, _ = await late_isp(committed, 1)
    assert await commands.run_once(engine, console(), console())
    async with isp.write(LATE) as session:  # a policy of the ISP gives nobody back by itself: the sweep does
        await policy.set_policy(session, mode=IsolationMode.MANUAL, days=0)
    out = console()
    await commands.show_plan(committed, out, clock=lambda: LATE)
    assert "0 would be blocked, 1 would be restored" in said(out)
    assert "p00" in said(out)


async def test_a_held_run_says_what_to_do(committed: Database) -> None:
    isp, engine, _ = await late_isp(committed, 25)
    out, errors = console(), console()
    assert not await commands.run_once(engine, out, errors)
    hold_id = await isp.value("SELECT id FROM isolation_hold")
    assert "25 customers" in said(errors)
    assert f"hol_{hold_id}" in said(errors)
    assert "decideIsolationHold" in said(errors)
    assert set(GEARS["cli"].profiles.values()) == {"home"}


async def test_what_cant_be_done_in_time_is_shown(committed: Database) -> None:
    _, engine, _ = await late_isp(committed, 1)
    GEARS["cli"].unreachable = True
    out = console()
    assert await commands.run_once(engine, out, console(), seconds=0.5)
    assert "0 changed and verified, 1 waiting" in said(out)
    assert "no route" in said(out)


async def test_what_a_device_refuses_isnt_waited_for(committed: Database) -> None:
    _, engine, _ = await late_isp(committed, 2)
    GEARS["cli"].forbids = {"p00"}
    out = console()
    async with asyncio.timeout(commands.RUN_SECONDS / 3):
        assert await commands.run_once(engine, out, console())
    assert "1 changed and verified, 1 waiting" in said(out)
    assert "not this one" in said(out)


def test_plugins_are_listed_with_their_errors(tmp_path: Path) -> None:
    info = tmp_path / "broken-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text("[sebilling.plugins]\nbroken = broken_plugin\n")
    (tmp_path / "broken_plugin.py").write_text("raise SystemExit('no [licence]')")
    done = shell(tmp_path, "plugin", "list", PYTHONPATH=str(tmp_path))
    assert done.returncode == 0, done.stderr
    (line,) = (line for line in done.stdout.splitlines() if "FAILED" in line)
    assert "1.2" in line
    assert "[licence]" in done.stdout
    done = shell(tmp_path, "plugin", "list", PYTHONPATH=str(tmp_path), SEBILLING_PLUGINS_DISABLED="broken")
    assert "DISABLED" in done.stdout


@pytest.mark.parametrize(("old", "works"), [("old-key", True), ("another", False), ("", False)])
def test_keys_change_for_all_devices_or_none(tmp_path: Path, committed_url: str, old: str, *, works: bool) -> None:
    def vault(key: str) -> Vault:
        return Vault(keys.derived(key))

    async def prepare() -> None:
        database = Database(committed_url, connections=2)
        isp = await Isp.make(database)
        async with isp.write() as session:
            for name, key in (("RB1", "old-key"), ("RB2", "old-key")):
                config = {"gear": name, "password": "rahasia"}
                await devices.create(session, plugins(), vault(key), name=name, kind="test.gear", config=config)
        await database.close()

    async def stored() -> list[bytes]:
        database = Database(committed_url, connections=2)
        rows = await Isp(database, None, 0).rows("SELECT config FROM device ORDER BY id")  # type: ignore[arg-type]
        await database.close()
        return [bytes(row[0]) for row in rows]

    asyncio.run(prepare())
    before = asyncio.run(stored())
    given = {"SEBILLING_DATABASE_URL": committed_url, "SEBILLING_SECRET_KEY": NEW_KEY}
    done = shell(tmp_path, "secrets", "rotate", **given, **({"SEBILLING_SECRET_KEY_OLD": old} if old else {}))
    assert done.returncode == (0 if works else 1), done.stderr
    assert "Traceback" not in done.stderr
    after = asyncio.run(stored())
    if works:
        assert [vault(NEW_KEY).open(one)["gear"] for one in after] == ["RB1", "RB2"]
    else:
        assert after == before
        assert "SEBILLING_SECRET_KEY_OLD" in done.stderr
