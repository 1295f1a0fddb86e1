"""The driver of docs/plugins.md does what the page says."""

import logging
import re
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from sebilling.plugins.contract import DeviceError, DriverContext, Fault, Job, Ref, Result, State
from sebilling.plugins.loading import GROUP, Plugins

PAGE = Path(__file__).parents[2] / "docs" / "plugins.md"


async def test_the_tutorials_driver_blocks_reads_and_restores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    (tmp_path / "tutorial_shelf.py").write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    plugins = Plugins.load(points=[EntryPoint("shelf", "tutorial_shelf", GROUP)])
    assert [(one.status.value, one.error) for one in plugins.plugins] == [("ACTIVE", "")]
    kind = plugins.drivers["example.shelf"]
    context = DriverContext(1, "shelf", logging.getLogger("tutorial"))
    with pytest.raises(DeviceError) as refused:
        await kind(kind.config_model.model_validate({"password": "wrong"}), context).open()
    assert refused.value.fault is Fault.AUTH
    driver = kind(kind.config_model.model_validate({"password": "open sesame"}), context)
    await driver.open()
    assert (await driver.probe()).ok
    budi, nobody = Ref(1, "budi"), Ref(2, "nobody")
    kept = await driver.snapshot([budi, nobody])
    assert kept == {1: {"profile": "home-10m"}}
    jobs = [Job(budi, kept[1]), Job(nobody, {})]
    assert [one.result async for one in driver.block(jobs)] == [Result.CHANGED, Result.FAILED]
    assert [one.result async for one in driver.block(jobs[:1])] == [Result.UNCHANGED]
    assert {ref: one.state for ref, one in (await driver.read_state([budi, nobody], kept)).items()} == {1: State.BLOCKED, 2: State.ABSENT}
    assert [one.result async for one in driver.restore(jobs[:1])] == [Result.CHANGED]
    assert (await driver.read_state([budi], {}))[1].state is State.ACTIVE
    router = sys.modules["tutorial_shelf"].ROUTER
    assert router == {"budi": "home-10m"}
    router["budi"] = "by-hand"
    assert [one.fault async for one in driver.restore(jobs[:1])] == [Fault.DRIFTED]
    assert router == {"budi": "by-hand"}
    await driver.close()
