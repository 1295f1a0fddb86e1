"""One bad plugin never stops the others, nor the application, and is shown with its error."""

import sys
import uuid
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from sebilling.config import PLUGIN_GROUP
from sebilling.plugins import loading
from sebilling.plugins.conformance.languages import english_words
from sebilling.plugins.loading import Plugins, PluginStatus, in_words

Write = Callable[[str, str], EntryPoint]
API = "SEBILLING_PLUGIN_API = (2, 0)\n"
GOOD = (
    API
    + """
from sebilling.plugins.hookspecs import hookimpl
from tests.isolation.gear import GearDriver
CALLED = []

@hookimpl
def sebilling_drivers():
    return [GearDriver]

@hookimpl
def sebilling_startup():
    CALLED.append("startup")

@hookimpl
async def sebilling_payment_recorded(event):
    CALLED.append(event)
"""
)
BEGIN = (
    API
    + "import asyncio, time\nfrom sebilling.plugins.hookspecs import hookimpl\nfrom tests.isolation.gear import GearDriver, GearConfig\n"
)
HOOK = BEGIN + "@hookimpl\n"
DRIVERS = HOOK + "def sebilling_drivers():\n    "
BAD = {
    "ImportError": (API + "import no_such_module_anywhere", "no_such_module_anywhere"),
    "SystemExit": (API + "raise SystemExit('licence expired')", "licence expired"),
    "no API": ("", "None"),
    "other major": ("SEBILLING_PLUGIN_API = (3, 0)", "(3, 0)"),
    "newer minor": ("SEBILLING_PLUGIN_API = (2, 99)", "(2, 99)"),
    "no tuple": ("SEBILLING_PLUGIN_API = '1.0'", "1.0"),
    "a tuple of texts": ("SEBILLING_PLUGIN_API = (2, '0')", ""),
    "wrong argument": (HOOK + "def sebilling_payment_recorded(evnt): ...", "evnt"),
    "unknown hook": (HOOK + "def sebilling_payment_recieved(event): ...", "sebilling_payment_recieved"),
    "abstract driver": (DRIVERS + "from sebilling.plugins.contract import IsolationDriver\n    return [IsolationDriver]", "is no driver"),
    "no subclass": (DRIVERS + "return [int]", "is no driver"),
    "no class": (DRIVERS + "return ['mikrotik']", "is no driver"),
    "no kind": (
        DRIVERS + "from sebilling.plugins.contract import IsolationDriver as D\n"
        "    body = {n: (lambda self, *a: None) for n in D.__abstractmethods__} | {'config_model': GearConfig}\n"
        "    return [type('Kindless', (D,), body)]",
        "kind",
    ),
    "no settings": (DRIVERS + "return [type('Bare', (GearDriver,), {'kind': 'test.bare', 'config_model': dict})]", "config_model"),
    "one kind twice": (DRIVERS + "one = type('One', (GearDriver,), {'kind': 'test.one'})\n    return [one, one]", "test.one"),
    "drivers raise": (DRIVERS + "raise ValueError('no gear')", "no gear"),
    "drivers give nothing": (DRIVERS + "return 7", ""),
}  # fmt: skip


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write a module, give an entry point to it."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def written(name: str, source: str) -> EntryPoint:
        module = f"plugin_{uuid.uuid4().hex}"
        (tmp_path / f"{module}.py").write_text(source, encoding="utf-8")
        return EntryPoint(name, module, PLUGIN_GROUP)

    return written


def status(plugins: Plugins) -> dict[str, PluginStatus]:
    return {one.name: one.status for one in plugins.plugins}


def called(good: EntryPoint) -> list[object]:
    found: list[object] = sys.modules[good.value].CALLED
    return found


async def started(plugins: Plugins) -> dict[str, str]:
    """Call `sebilling_startup` of each plugin; the errors by plugin."""
    errors = {}
    for name in plugins.hooked(["sebilling_startup"]):
        try:
            await plugins.call(name, "sebilling_startup", context=None)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever it does, the next plugin is called
            errors[name] = in_words(error)
    return errors


@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize("name", ["bad-before", "worse-after"])
async def test_a_plugin_that_cant_be_loaded_is_shown_and_the_others_work(write: Write, name: str, case: str) -> None:
    source, told = BAD[case]
    good = write("good", GOOD)
    plugins = Plugins.load(points=[write(name, source), good])
    assert status(plugins) == {"good": PluginStatus.ACTIVE, name: PluginStatus.FAILED}
    (failed,) = (one for one in plugins.plugins if one.name == name)
    assert failed.error
    assert told in failed.error.english
    assert not english_words(failed.error.indonesian)
    assert failed.drivers == ()
    assert set(plugins.drivers) == {"test.gear"}
    assert await started(plugins) == {}
    assert called(good) == ["startup"]


async def test_a_kind_that_is_taken_is_refused_and_the_first_stays(write: Write) -> None:
    good = write("good", GOOD)
    plugins = Plugins.load(points=[write("later", DRIVERS + "return [GearDriver]"), good])
    assert status(plugins) == {"good": PluginStatus.ACTIVE, "later": PluginStatus.FAILED}
    assert "test.gear" in str(plugins.plugins[1].error)
    await started(plugins)
    assert called(good) == ["startup"]


async def test_a_hook_of_a_newer_sebilling_may_be_optional(write: Write) -> None:
    newer = GOOD + "\n@hookimpl(optionalhook=True)\ndef sebilling_of_next_year(event): raise ValueError('called')\n"
    plugins = Plugins.load(points=[good := write("newer", newer)])
    assert status(plugins) == {"newer": PluginStatus.ACTIVE}
    assert await started(plugins) == {}
    assert called(good) == ["startup"]


async def test_a_failed_plugins_hooks_are_never_called(write: Write) -> None:
    half = HOOK + "def sebilling_startup(): raise ValueError('called')\n@hookimpl\ndef sebilling_unknown(): ..."
    plugins = Plugins.load(points=[write("half", half), write("good", GOOD)])
    assert status(plugins)["half"] is PluginStatus.FAILED
    assert await started(plugins) == {}


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("def sebilling_startup(): raise ValueError('no way')", "no way"),
        ("def sebilling_startup(): raise SystemExit(3)", "SystemExit"),
        ("async def sebilling_startup(): raise ValueError('no way')", "no way"),
        ("async def sebilling_startup(): await asyncio.sleep(3600)", "TimeoutError"),
        ("def sebilling_startup(): time.sleep(2)", "TimeoutError"),
    ],
)
async def test_a_hook_that_raises_hangs_or_blocks_stops_no_other(
    write: Write, monkeypatch: pytest.MonkeyPatch, body: str, told: str
) -> None:
    monkeypatch.setattr(loading, "HOOK_SECONDS", 0.2)
    good = write("good", GOOD)
    plugins = Plugins.load(points=[write("bad", HOOK + body), good])
    errors = await started(plugins)
    assert list(errors) == ["bad"]
    assert told in errors["bad"]
    assert called(good) == ["startup"]


async def test_hooks_that_block_many_threads_leave_one_for_the_others(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "HOOK_SECONDS", 0.3)
    good = write("good", GOOD)
    plugins = Plugins.load(points=[write("bad", HOOK + "def sebilling_startup(): time.sleep(15)"), good])
    for _ in range(12):  # the loop's pool has fewer threads on a small machine
        assert list(await started(plugins)) == ["bad"]
    assert len(called(good)) == 12


async def test_async_hooks_are_awaited(write: Write) -> None:
    good = write("good", GOOD)
    plugins = Plugins.load(points=[good])
    await plugins.call("good", "sebilling_payment_recorded", event="the event")
    assert called(good) == ["the event"]


async def test_plugins_are_switched_off_by_name(write: Write) -> None:
    good = write("good", GOOD)
    plugins = Plugins.load(disabled=["off", "unknown", ""], points=[write("off", "raise SystemExit"), good])
    assert status(plugins) == {"good": PluginStatus.ACTIVE, "off": PluginStatus.DISABLED}
    await started(plugins)
    assert called(good) == ["startup"]
