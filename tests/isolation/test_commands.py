"""What an operator reads at the shell: work that waits, what drifted, and keys that come from the key file."""

import random
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from sebilling import keys
from sebilling.actor import operator
from sebilling.billing.isolation import policy, sweep
from sebilling.billing.isolation.policy import IsolationMode
from sebilling.cli import isolation as commands
from sebilling.config import Settings
from sebilling.db.engine import Database
from sebilling.device_errors import InvalidDevice
from sebilling.errors import NotFound
from sebilling.network import accesses, devices
from sebilling.network.engine import Engine
from sebilling.vault import Vault, vault_of
from tests.harness import Isp
from tests.isolation.gear import Gear, GearDriver, plugins
from tests.isolation.routers import console, said, shell

NEW_KEY = "41c97e0b5d2f8a6390ebd4172c5f60a98d3b7e14f2068ac5"
LATE = datetime(2026, 2, 14, 2, 0, tzinfo=UTC)


async def late(database: Database, gear: Gear, *names: str) -> tuple[Isp, Engine]:
    """These customers are late on one device."""
    isp = await Isp.make(database)
    engine = Engine(database, plugins(), Vault(b"key"), lambda: LATE, "cli", random.Random(1))
    async with isp.write() as session:
        device_id = await devices.create(session, engine.plugins, engine.vault, name="RB1", kind="test.gear", config={"gear": "one"})
        await policy.set_policy(session, mode=IsolationMode.FROM_INVOICE, days=10)
    for name in names:
        gear.profiles[name] = "home"
        customer_id = await isp.customer(name)
        async with isp.write() as session:
            await accesses.give(
                session, engine.plugins, customer_id=customer_id, device_id=device_id, service_kind="PPPOE", key=name
            )  # fmt: skip
    await isp.open()
    await isp.generate()
    return isp, engine


async def test_a_run_ends_with_2_while_work_waits_and_says_what(committed: Database, gear: Gear) -> None:
    _, engine = await late(committed, gear, "budi", "siti")
    gear.unreachable = True
    out, errors = console(), console()
    assert await commands.run(engine, out, errors, seconds=0.5) == 2
    assert "2 accesses" in said(errors)
    for word in ("budi", "siti", "RB1", "BLOCKED", "no route"):
        assert word in said(out)
    gear.unreachable = False
    engine.clock = lambda: datetime(2026, 2, 14, 3, 0, tzinfo=UTC)
    errors = console()
    assert await commands.run(engine, console(), errors, seconds=20) == 0
    assert said(errors) == ""
    assert set(gear.profiles.values()) == {"isolir"}


async def test_a_run_on_a_blackout_date_says_what_waits_for_its_end(committed: Database, gear: Gear) -> None:
    isp, engine = await late(committed, gear, "budi")
    async with isp.write() as session:
        await policy.add_blackout_date(session, date(2026, 2, 15), reason="Hari raya")
    gear.unreachable = True
    assert await commands.run(engine, console(), console(), seconds=0.5) == 2
    gear.unreachable = False
    engine.clock = lambda: LATE + timedelta(days=1)
    out = console()
    assert await commands.run(engine, out, console(), seconds=20) == 0, "nothing is left to be done today"
    assert "1 blocks decided earlier wait" in said(out)
    assert gear.profiles == {"budi": "home"}


async def test_a_held_run_ends_with_1_though_nothing_waits(committed: Database, gear: Gear) -> None:
    _, engine = await late(committed, gear, *(f"p{number}" for number in range(25)))
    assert await commands.run(engine, console(), console(), seconds=0.5) == 1


async def test_what_drifted_is_told_beside_what_was_found(committed: Database, gear: Gear) -> None:
    isp, engine = await late(committed, gear, "budi", "siti", "wati")
    out = console()
    assert await commands.show_drift(committed, out)
    assert "0 accesses" in said(out), "who was never touched hasn't drifted"
    assert await commands.run(engine, console(), console(), seconds=20) == 0
    out = console()
    assert await commands.show_drift(committed, out)
    gear.profiles["budi"] = "by-hand"
    del gear.profiles["wati"]
    for name in ("budi", "wati"):
        await isp.pay(await isp.value("SELECT id FROM customer WHERE code = :name", name=name), 150_000, at=LATE)
    assert await commands.run(engine, console(), console(), seconds=0.5) == 2
    out = console()
    assert not await commands.show_drift(committed, out)
    told = {line.split()[1]: line for line in said(out).splitlines() if "RB1" in line}
    assert told.keys() == {"budi", "wati"}, "Siti is cut and should be"
    for word in ("ACTIVE", "changed by hand"):
        assert word in told["budi"]
    assert "ABSENT" in told["wati"]
    assert "2 accesses" in said(out)
    async with isp.write() as session:  # read back otherwise than wanted, though nothing waits
        await session.execute(text("UPDATE service_access SET actual = 'DRIFTED' WHERE key = 'siti'"))
    out = console()
    assert not await commands.show_drift(committed, out)
    assert "3 accesses" in said(out)
    assert not await commands.show_drift(committed, console(), device="RB1")
    assert not await commands.show_drift(committed, console(), device=f"dev_{await isp.value('SELECT id FROM device')}")
    with pytest.raises(NotFound):
        await commands.show_drift(committed, console(), device="RB9")
    async with isp.write() as session:
        await devices.update(session, engine.plugins, engine.vault, await isp.value("SELECT id FROM device"), enabled=False)
    assert await commands.show_drift(committed, console()), "a disabled device is left alone"


async def test_drift_and_a_run_at_the_shell(committed: Database, committed_url: str, gear: Gear, tmp_path: Path) -> None:
    await late(committed, gear, "budi")
    given = {"SEBILLING_DATABASE_URL": committed_url, "SEBILLING_SECRET_KEY": NEW_KEY}
    done = await shell(tmp_path, "isolation", "drift", **given)
    assert (done.returncode, "0 accesses" in done.stdout) == (0, True), done.stderr
    async with committed.transaction(actor=operator("test"), at=LATE) as session:
        await sweep.decide(session)
    done = await shell(tmp_path, "isolation", "drift", **given)
    assert (done.returncode, "1 accesses" in done.stdout) == (1, True), done.stderr
    done = await shell(tmp_path, "isolation", "drift", "--device", "RB9", **given)
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)


def settings(folder: Path, **more: Any) -> Settings:
    given: dict[str, Any] = {"_env_file": None, "var": folder, **more}
    return Settings(**given)


async def stored(isp: Isp) -> bytes:
    return bytes(await isp.value("SELECT config FROM device"))


async def test_from_the_key_file_to_a_set_key(committed: Database, committed_url: str, tmp_path: Path, gear: Gear) -> None:
    var = tmp_path / "var"
    isp = await Isp.make(committed)
    async with isp.write() as session:
        config = {"gear": "one", "password": "rahasia"}
        await devices.create(session, plugins(), vault_of(settings(var)), name="RB1", kind="test.gear", config=config)
    file_key = keys.key_in(var)
    new = settings(var, secret_key=NEW_KEY)
    assert vault_of(new).open(await stored(isp))["password"] == "rahasia", "what was encrypted before can still be read"
    given = {"SEBILLING_DATABASE_URL": committed_url, "SEBILLING_SECRET_KEY": NEW_KEY}
    done = await shell(tmp_path, "secrets", "rotate", **given)
    assert done.returncode == 0, done.stderr
    assert Vault(keys.derived(NEW_KEY)).open(await stored(isp))["password"] == "rahasia"
    assert keys.key_in(var) == file_key, "the file is left"
    (var / "secret.key").unlink()
    done = await shell(tmp_path, "secrets", "rotate", **given)
    assert done.returncode == 1
    assert "SEBILLING_SECRET_KEY_OLD" in done.stderr
    assert not (var / "secret.key").exists(), "none is made beside a set key"
    done = await shell(tmp_path, "secrets", "rotate", SEBILLING_DATABASE_URL=committed_url, SEBILLING_SECRET_KEY_OLD=NEW_KEY)
    assert done.returncode == 0, "and back to a key file"
    assert Vault(keys.key_in(var)).open(await stored(isp))["password"] == "rahasia"


async def test_another_deployments_key_file_opens_nothing(committed: Database, committed_url: str, tmp_path: Path, gear: Gear) -> None:
    isp = await Isp.make(committed)
    async with isp.write() as session:
        await devices.create(session, plugins(), Vault(b"lost"), name="RB1", kind="test.gear", config={"gear": "one"})
    before = await stored(isp)
    keys.key_in(tmp_path / "var")
    done = await shell(tmp_path, "secrets", "rotate", SEBILLING_DATABASE_URL=committed_url, SEBILLING_SECRET_KEY=NEW_KEY)
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert await stored(isp) == before


async def test_settings_that_nobody_can_read_are_entered_anew(database: Database, gear: Gear, monkeypatch: pytest.MonkeyPatch) -> None:
    isp, old, new = await Isp.make(database), Vault(b"lost"), Vault(b"new")
    async with isp.write() as session:
        device_id = await devices.create(session, plugins(), old, name="RB1", kind="test.gear", config={"gear": "one", "password": "x"})
    async with isp.write() as session:
        with pytest.raises(InvalidDevice, match="SEBILLING_SECRET_KEY"):
            await devices.read_config(session, plugins(), new, device_id)
        with pytest.raises(InvalidDevice, match="gear"):
            await devices.update(session, plugins(), new, device_id, config={"password": "y"})
        await devices.update(session, plugins(), new, device_id, config={"gear": "one", "password": "***"})
    assert new.open(await stored(isp)) == {"gear": "one", "password": ""}, "stars are nobody's password"
    monkeypatch.setattr(GearDriver, "config_version", 2)
    async with isp.write() as session:
        with pytest.raises(InvalidDevice, match="version 1"):
            await devices.read_config(session, plugins(), new, device_id)
        await devices.update(session, plugins(), new, device_id, config={"gear": "two"})
        _, _, config = await devices.read_config(session, plugins(), new, device_id)
    assert config.model_dump()["gear"] == "two"
