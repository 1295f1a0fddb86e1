"""A machine whose clock jumps a day ahead blocks nobody a day too soon, and says that its clock is wrong."""

import asyncio
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest

from sebilling.billing.isolation import policy, sweep
from sebilling.billing.isolation.policy import IsolationMode
from sebilling.clock import Month, system_clock
from sebilling.db.engine import Database
from tests.concurrency.test_sweep import ACCESS, DEVICE
from tests.harness import SECRET_KEY, Isp
from tests.processes import HttpApi, ServerProcess, WorkerProcess
from tests.wrong_clock import LIBRARY, WrongClock

pytestmark = pytest.mark.skipif(LIBRARY is None, reason="libfaketime isn't here: apt-get install faketime")
STATUS: Final = "{ systemStatus { parts { part level text } } }"
RUN: Final = "mutation { runIsolation { blocked errors { code message } } }"
AHEAD: Final = timedelta(hours=26)


async def an_isp_with_one_who_is_blocked_tomorrow(database: Database) -> Isp:
    isp, now = await Isp.make(database), system_clock()
    customer_id = await isp.customer()
    async with isp.write() as session:
        await policy.set_policy(session, mode=IsolationMode.FROM_INVOICE, days=1)
        device_id = await session.value(DEVICE)
        await session.execute(ACCESS, {"customer": customer_id, "device": device_id, "key": "budi"})
    month = Month.of(now.date())
    await isp.open(month)
    await isp.generate(month, at=now)
    return isp


async def told_of_clock(api: HttpApi) -> str:
    """What the status says of clocks, if they are wrong; else nothing."""
    (told,) = [part for part in (await api.ask(STATUS))["parts"] if part["part"] == "CLOCK"]
    return str(told["text"]) if told["level"] == "BAD" else ""


async def test_nobody_is_blocked_by_a_clock_that_is_ahead(committed: Database, tmp_path: Path) -> None:
    isp, clock = await an_isp_with_one_who_is_blocked_tomorrow(committed), WrongClock(tmp_path / "clock")
    clock.set(int(AHEAD.total_seconds()))
    right = {"SEBILLING_SECRET_KEY": SECRET_KEY, "SEBILLING_INLINE_WORKER": "false"}
    with ExitStack() as stack:
        worker = WorkerProcess(committed.url, **right, **clock.environment)
        stack.callback(worker.stop)
        server, elsewhere = (ServerProcess(committed.url, **settings) for settings in ({**right, **clock.environment}, right))
        stack.callback(server.stop)
        stack.callback(elsewhere.stop)
        async with asyncio.timeout(30):
            while "isolation_not_swept" not in worker.log:
                assert worker.process.poll() is None, worker.log
                await asyncio.sleep(0.1)
        admin = HttpApi(server.address)
        async with admin.http:
            await admin.sign_in()
            assert "this machine's clock is 936" in await told_of_clock(admin)
            with pytest.raises(AssertionError, match="CLOCK_WRONG"):
                await admin.ask(RUN)
            other = HttpApi(elsewhere.address)
            async with other.http:
                await other.sign_in()
                async with asyncio.timeout(30):
                    while True:  # its last heartbeat may have been before its clock jumped
                        if "the clock of the worker on" in await told_of_clock(other):
                            break
                        await asyncio.sleep(0.2)
                clock.set(0)
                async with asyncio.timeout(30):  # the sign-in of a moment ago is dated tomorrow, until something else happens
                    while await told_of_clock(other) or await told_of_clock(admin):
                        await asyncio.sleep(1)
                        await HttpApi(server.address, http=admin.http).sign_in()
            assert (await admin.ask(RUN))["blocked"] == 0
    assert await isp.value("SELECT desired FROM service_access") == "ACTIVE"
    async with isp.write(system_clock() + AHEAD) as session:
        assert (await sweep.decide(session)).blocked == 1, "by that clock it was time"
