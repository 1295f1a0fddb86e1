"""A real OLT, if there is one. Probes and reads, changes nothing.

SEBILLING_TEST_LIVE_OLT is the file with the device's settings as JSON, with `kind` among them and `keys`, a list of ONUs.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from sebilling.plugins.contract import State

from sebilling_olt import HuaweiDriver, ZteDriver, ZteLanDriver
from sebilling_olt.driver import OltDriver

from .conftest import context, refs

WHERE = os.environ.get("SEBILLING_TEST_LIVE_OLT", "")


def read_settings() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(WHERE).read_text(encoding="utf-8"))
    return found


@pytest.mark.skipif(not WHERE, reason="no real OLT: set SEBILLING_TEST_LIVE_OLT to a file with its settings")
async def test_a_real_olt_is_probed_and_read() -> None:
    settings = read_settings()
    kind, keys = settings.pop("kind"), settings.pop("keys")
    classes: list[type[OltDriver[Any]]] = [HuaweiDriver, ZteDriver, ZteLanDriver]
    driver_class = next(one for one in classes if one.kind == kind)
    driver = driver_class(driver_class.config_model.model_validate(settings), context())
    health = await driver.probe()
    print(health)
    assert health.reachable
    await driver.open()
    readings = await driver.read_state(refs(keys), {})
    print(readings, await driver.snapshot(refs(keys)))
    assert all(one.state is not State.ABSENT for one in readings.values())
    await driver.close()
