"""A plugin that isn't ours, made by the template, in a deployment with the real server: it works without a change of the core.

Beside it, plugins that fail: they are shown with their error, and everything else works.
"""

import asyncio
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sebilling.db.engine import Database
from sebilling.plugins.conformance import CHECKS
from tests.harness import Isp
from tests.plugins.installing import ENVIRONMENT, accounts_of, command, installed, made, put, python, toy_device
from tests.processes import HttpApi, clients, servers

ROOT = Path(__file__).parents[2]
RAISES = "raise RuntimeError('no licence for this machine')"
OLDER = "SEBILLING_PLUGIN_API = (0, 9)"
HANGS = """
import time
from sebilling.plugins.hookspecs import hookimpl
SEBILLING_PLUGIN_API = (2, 0)

@hookimpl
def {hook}:
    time.sleep(3600)
"""
DEVICE = "mutation($i: CreateDeviceInput!) { createDevice(input: $i) { device { id } errors { code message } } }"
TEST = "mutation($i: DeviceIdInput!) { testDevice(input: $i) { device { reachable problems facts } errors { code message } } }"
ACCESS = "mutation($i: SetServiceAccessInput!) { setServiceAccess(input: $i) { access { id } errors { code message } } }"
BLOCK = "mutation($i: BlockCustomerInput!) { blockCustomer(input: $i) { customer { id } errors { code message } } }"
RESTORE = "mutation($i: BlockCustomerInput!) { restoreCustomer(input: $i) { customer { id } errors { code message } } }"
ACCESSES = "{ serviceAccesses(first: 10) { nodes { key desired actual inSync } } }"
PLUGINS = "{ plugins { name distribution version status error } }"


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the template's plugin, installed by pip, and three that fail."""
    folder = tmp_path_factory.mktemp("deployment")
    target = folder / "installed"
    installed(made("acme-olt", folder), target)
    put("raises", RAISES, target)
    put("older", OLDER, target)
    put("hangs", HANGS.format(hook="sebilling_startup()") + HANGS.format(hook="sebilling_customer_blocked(event)"), target)
    return target


@pytest.fixture
def port(target: Path) -> Iterator[int]:
    with toy_device("sebilling_acme_olt", target, "budi", "0812", "siti") as port:
        yield port


async def in_sync(api: HttpApi, key: str, state: str) -> None:
    """Wait until the device was read back so."""
    deadline = time.monotonic() + 30
    while True:
        nodes = (await api.ask(ACCESSES))["nodes"]
        if (key, state, state, True) in {(one["key"], one["desired"], one["actual"], one["inSync"]) for one in nodes}:
            return
        assert time.monotonic() < deadline, f"{key} isn't {state}: {nodes}"
        await asyncio.sleep(0.1)


async def test_a_third_partys_driver_cuts_and_gives_back_through_the_real_server(
    committed: Database, target: Path, port: int, tmp_path: Path
) -> None:
    isp = await Isp.make(committed)
    budi = await isp.customer("budi")
    before = accounts_of(port)
    var = str(tmp_path / "var")
    with servers(committed.url, SEBILLING_VAR=var) as running:  # the deployment as it was: it knows of no such driver
        async with clients(running, 1) as (api,):
            assert "acme_olt.profile" not in {one["kind"] for one in await api.ask("{ drivers { kind } }")}
    with servers(committed.url, PYTHONPATH=str(target), SEBILLING_VAR=var) as running:
        async with clients(running, 1) as (api,):
            shown = {one["name"]: one for one in await api.ask(PLUGINS)}
            assert shown["acme-olt"] == {
                "name": "acme-olt", "distribution": "sebilling-acme-olt", "version": "0.1.0", "status": "ACTIVE", "error": "",
            }  # fmt: skip
            assert shown["mikrotik"]["status"] == "ACTIVE"
            assert shown["raises"]["status"] == shown["older"]["status"] == "FAILED"
            assert "no licence for this machine" in shown["raises"]["error"]
            assert "(0, 9)" in shown["older"]["error"]
            config = {"host": "127.0.0.1", "port": port, "password": "toy-password"}
            device = (await api.ask(DEVICE, i={"name": "OLT1", "kind": "acme_olt.profile", "config": config}))["device"]["id"]
            health = (await api.ask(TEST, i={"id": device}))["device"]
            assert health == {"reachable": True, "problems": [], "facts": {"version": "1"}}
            given = {"customerId": f"cus_{budi}", "deviceId": device, "serviceKind": "PPPOE", "key": "budi"}
            await api.ask(ACCESS, i=given)
            await api.ask(BLOCK, i={"customerId": f"cus_{budi}", "reason": "kabel dicuri"})
            await in_sync(api, "budi", "BLOCKED")
            assert accounts_of(port) == {**before, "budi": {**before["budi"], "profile": "isolir"}}
            await api.ask(RESTORE, i={"customerId": f"cus_{budi}", "reason": "sudah kembali"})
            await in_sync(api, "budi", "ACTIVE")
            assert accounts_of(port) == before
            assert "toy-password" not in running[0].log


def test_the_shell_shows_the_same(target: Path, tmp_path: Path) -> None:
    done = command("plugin", "list", folder=tmp_path, PYTHONPATH=str(target))
    assert done.returncode == 0, done.stderr
    for name, status in (("acme-olt", "ACTIVE"), ("raises", "FAILED"), ("older", "FAILED")):
        assert any(name in line and status in line for line in done.stdout.splitlines()), done.stdout


def test_a_plugin_that_hangs_when_it_is_asked_for_its_drivers_is_given_up(target: Path, tmp_path: Path) -> None:
    hung = tmp_path / "hung"
    hung.mkdir()
    put("hung", HANGS.format(hook="sebilling_drivers()"), hung)
    shown = subprocess.run(
        [sys.executable, "-m", "sebilling.cli", "plugin", "list"], capture_output=True, text=True, check=True, cwd=tmp_path, timeout=90,
        env={**ENVIRONMENT, "PYTHONPATH": f"{target}:{hung}"},
    ).stdout  # fmt: skip
    assert any("hung" in line and "FAILED" in line for line in shown.splitlines()), shown
    assert any("acme-olt" in line and "ACTIVE" in line for line in shown.splitlines()), shown


def test_the_generated_packages_own_tests_pass_at_once(tmp_path: Path) -> None:
    done = python(made("acme-olt", tmp_path), "-m", "pytest", "-p", "no:cacheprovider")
    assert done.returncode == 0, done.stdout
    assert f"{len(CHECKS) - 3} passed, 3 skipped" in done.stdout, "the toy has no customers to import, no sessions and no restart"


@pytest.mark.parametrize("tool", [("-m", "ruff", "check"), ("-m", "ruff", "format", "--check"), ("-m", "mypy", "--strict")], ids=" ".join)
def test_the_generated_package_is_clean(tool: tuple[str, ...], tmp_path: Path) -> None:
    package = made("acme-olt", tmp_path)
    config = ("--config", str(ROOT / "pyproject.toml")) if "ruff" in tool else ("--cache-dir", str(tmp_path / "cache"))
    done = python(package, *tool, *config, "sebilling_acme_olt", "tests")
    assert done.returncode == 0, done.stdout + done.stderr


BAD_NAMES = ("", "Acme", "acme_olt", "-acme", "acme-", "a--b", "../evil", "1st", "acme olt", "é", "a" * 41, "sebilling-x")


@pytest.mark.parametrize("name", BAD_NAMES)
def test_bad_names_are_refused_and_nothing_is_written(name: str, tmp_path: Path) -> None:
    done = command("plugin", "new", "--into", str(tmp_path), "--", name, folder=tmp_path)
    assert done.returncode == 1, done.stdout
    assert "Traceback" not in done.stderr
    assert "small letters" in done.stderr or "Leave sebilling out" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_never_overwritten(tmp_path: Path) -> None:
    package = made("acme-olt", tmp_path)
    (package / "README.md").write_text("mine", encoding="utf-8")
    done = command("plugin", "new", "acme-olt", folder=tmp_path)
    assert (done.returncode, "already exists" in done.stderr) == (1, True)
    assert (package / "README.md").read_text(encoding="utf-8") == "mine"
    done = command("plugin", "new", "other", "--into", str(tmp_path / "nowhere"), folder=tmp_path)
    assert (done.returncode, "There is no folder" in done.stderr) == (1, True)
    done = command("plugin", "new", "mikrotik", folder=tmp_path)
    assert (done.returncode, "is installed" in done.stderr) == (1, True)


def test_the_wheel_holds_the_template_the_kit_and_its_types(tmp_path: Path) -> None:
    """Without the web app, which would take most of the time."""
    options = ("--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check")
    done = python(tmp_path, "-m", "pip", "wheel", *options, "--wheel-dir", str(tmp_path), str(ROOT), SEBILLING_NO_WEB="1")
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = tmp_path.glob("sebilling-*.whl")
    with zipfile.ZipFile(wheel) as file:
        names = set(file.namelist())
        points = next(file.read(name).decode() for name in names if name.endswith("entry_points.txt"))
    source = ROOT / "sebilling"
    needed: list[Any] = [*(source / "plugins" / "template").rglob("*.tmpl"), *(source / "plugins" / "conformance").glob("*.py")]
    assert {str(path.relative_to(ROOT)) for path in needed} | {"sebilling/py.typed"} <= names
    assert "sebilling.plugins.conformance_pytest" in points
