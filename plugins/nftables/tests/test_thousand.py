"""A thousand customers, IPv4 and IPv6, blocked and restored at once: judged by pings, and by downloads that are under way."""

import subprocess
import time
from typing import Final

import pytest
from sebilling.plugins.contract import Result, State

from sebilling_nftables.testing import INTERNET, Lab

from .conftest import blocked, jobs, local, made, refs, restored, settings
from .ssh_server import SshServer

CUSTOMERS4: Final = [f"10.64.{number // 250}.{number % 250}" for number in range(700)]
CUSTOMERS6: Final = [f"2001:db8:64:{number:x}::7" for number in range(300)]
NEIGHBOURS: Final = ["10.64.99.1", "10.64.99.2", "2001:db8:64:9999::7"]
LOADING: Final = [CUSTOMERS4[0], CUSTOMERS4[699], CUSTOMERS6[0], CUSTOMERS6[299]]
"""Customers with a download under way."""


def ping(lab: Lab, address: str) -> bool:
    """Whether ping itself is answered."""
    words = ("ping", "-c", "1", "-W", "0.3", "-I", address, INTERNET[6 if ":" in address else 4])
    return subprocess.run(["ip", "netns", "exec", lab.customer.name, *words], capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("way", ["local", "ssh"])
async def test_a_thousand_are_blocked_and_restored_and_their_downloads_with_them(lab: Lab, way: str) -> None:
    customers = [*CUSTOMERS4, *CUSTOMERS6]
    lab.nft('add element inet sebilling blocked4 { 192.0.2.1 comment "by hand" }')
    before = lab.ruleset()
    async with SshServer(lab.router) as server:
        driver = local(lab) if way == "local" else made(**settings(server))
        await driver.open()
        wanted = await jobs(driver, refs(customers))
        assert lab.pinged([*customers, *NEIGHBOURS]) == {*customers, *NEIGHBOURS}
        downloads = [lab.download(address) for address in LOADING]
        assert all(download.flows() for download in downloads)

        began = time.perf_counter()
        outcomes = await blocked(driver, wanted)
        block_seconds = time.perf_counter() - began
        assert {outcome.result for outcome in outcomes.values()} == {Result.CHANGED}
        assert lab.pinged([*customers, *NEIGHBOURS]) == set(NEIGHBOURS)
        assert lab.online(customers) == set()
        assert not any(ping(lab, address) for address in LOADING[::2])
        for download in downloads:
            download.received()  # what was on the way
        time.sleep(0.3)  # noqa: ASYNC251 - the sender is a thread
        assert [download.received() for download in downloads] == [0, 0, 0, 0]
        with pytest.raises(OSError, match="timed out"):
            lab.download(LOADING[0])
        readings = await driver.read_state([job.ref for job in wanted], {job.ref.id: job.snapshot for job in wanted})
        assert {reading.actual for reading in readings.values()} == {State.BLOCKED}

        began = time.perf_counter()
        outcomes = await restored(driver, wanted)
        restore_seconds = time.perf_counter() - began
        assert {outcome.result for outcome in outcomes.values()} == {Result.CHANGED}
        assert lab.ruleset() == before
        assert lab.pinged(customers) == set(customers)
        assert all(ping(lab, address) for address in LOADING)
        for address in LOADING:
            with lab.download(address) as again:
                assert again.flows()
        for download in downloads:
            download.close()
        await driver.close()
    print(f"\n1,000 customers, {way}: blocked in {block_seconds:.2f} s, restored in {restore_seconds:.2f} s, each read back")
