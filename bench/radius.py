"""Seconds until FreeRADIUS's customers are blocked, their sessions ended, and their rows read back; and restored.

FreeRADIUS itself answers, as server and as NAS, over UDP on this machine. The reference is the usual script: per customer one
statement that moves them to the group isolir, one that finds their session, and radclient to end it.
"""

import logging
import time

from sebilling_radius import GroupDriver
from sebilling_radius.testing import Rig

from bench.result import Result
from sebilling.plugins.contract import DriverContext, Job, Ref, State
from sebilling.plugins.contract import Result as DeviceResult

SAMPLE = 50
"""Customers with whom the script is measured; each takes equally long."""


async def measure(*, customers: int, blocked: int, rounds: int) -> list[Result]:
    """Return the medians of blocking and restoring `blocked` of `customers`, each round followed by the script. Needs FreeRADIUS.

    Raises RuntimeError without FreeRADIUS, or if a customer isn't in the state that was ordered.
    """
    with Rig() as rig:
        await rig.set_up()
        names = [f"pelanggan{number}" for number in range(customers)]
        await rig.add_many(names)
        late = names[:: customers // blocked][:blocked]
        others = sorted(set(names) - set(late))[:SAMPLE]
        driver = GroupDriver(
            GroupDriver.config_model.model_validate(rig.settings(coa_timeout_seconds=1.5, coa_tries=3)),
            DriverContext(device_id=1, device_name="radius", logger=logging.getLogger("bench")),
        )
        await driver.open()
        seconds: dict[str, list[float]] = {"block": [], "restore": [], "script": []}
        try:
            refs = [Ref(number, name) for number, name in enumerate(late, 1)]
            for _ in range(rounds):
                kept = await driver.snapshot(refs)
                jobs = [Job(ref, kept.get(ref.id, {})) for ref in refs]
                for what, deed, state in (("block", driver.block, State.BLOCKED), ("restore", driver.restore, State.ACTIVE)):
                    began = time.perf_counter()
                    results = [outcome.result async for outcome in deed(jobs)]
                    readings = await driver.read_state(refs, {job.ref.id: job.snapshot for job in jobs} if what == "block" else {})
                    seconds[what].append(time.perf_counter() - began)
                    if results != [DeviceResult.CHANGED] * len(jobs) or {reading.state for reading in readings.values()} != {state}:
                        raise RuntimeError(f"{what}: not everybody is {state}")
                seconds["script"].append(await _script(rig, others) / SAMPLE * len(late))
                await rig.open_sessions(late)
        finally:
            await driver.close()
    name = f"SQL and radclient, one after the other, {SAMPLE} measured"
    return [
        Result.of_rounds(f"radius-{what}-of-{customers}", len(late), seconds[what], seconds["script"], reference_name=name, unit="seconds")
        for what in ("block", "restore")
    ]


async def _script(rig: Rig, names: list[str]) -> float:
    """Seconds in which a script blocks these customers; afterwards they are as before, with a session."""
    connection = await rig.admin()
    began = time.perf_counter()
    for name in names:
        await connection.execute("INSERT INTO radusergroup (username, groupname, priority) VALUES ($1, 'isolir', -1)", name)
        session = await connection.fetchval("SELECT acctsessionid FROM radacct WHERE username = $1 AND acctstoptime IS NULL", name)
        rig.radius.client(rig.radius.coa, "disconnect", f'User-Name = "{name}"\nAcct-Session-Id = "{session}"\n')
    seconds = time.perf_counter() - began
    await connection.execute("DELETE FROM radusergroup WHERE groupname = 'isolir' AND username = ANY($1)", names)
    await connection.close()
    await rig.open_sessions(names)
    return seconds
