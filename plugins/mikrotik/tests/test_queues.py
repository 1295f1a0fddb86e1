"""Simple queues: slowed down means slow, whatever bursts, guaranteed speeds and FastTrack would give."""

import pytest
from sebilling.plugins.contract import DeviceError, Job, Ref, Result, State

from sebilling_mikrotik import QueueDriver
from sebilling_mikrotik.testing import Router, Simulator
from sebilling_mikrotik.testing.traffic import online

from .conftest import blocked, jobs, made, read_one, refs, restored


@pytest.mark.parametrize("where", ["/ip/firewall/filter", "/ip/firewall/mangle", "/ipv6/firewall/filter"])
async def test_queues_need_fasttrack_off(where: str, router: Router, simulator: Simulator) -> None:
    router.add("/queue/simple", name="budi", target="10.9.0.1/32", max_limit="10M/20M")
    fasttrack = router.add(where, chain="forward", action="fasttrack-connection", connection_state="established,related")
    driver = made(QueueDriver, simulator)
    await driver.open()
    (job,) = await jobs(driver, refs(["budi"]))
    with pytest.raises(DeviceError) as caught:
        await blocked(driver, [job])
    assert "FastTrack is on" in caught.value.message.english
    assert caught.value.message in (await driver.probe()).problems
    fasttrack["disabled"] = "true"
    router.add("/ip/firewall/connection", src_address="10.9.0.1:1", reply_src_address="198.51.100.77:443", fasttrack="true")
    assert (await blocked(driver, [job]))[1].result is Result.CHANGED
    assert not online(router, "/queue/simple", "budi")
    assert (await read_one(driver, job)).actual is State.BLOCKED
    fasttrack["disabled"] = "false"
    assert (await read_one(driver, job)).actual is State.ACTIVE
    await driver.close()


async def test_a_burst_and_a_guaranteed_speed_go_with_the_block_and_come_back(router: Router, simulator: Simulator) -> None:
    queue = router.add(
        "/queue/simple", name="budi", target="10.9.0.1/32", max_limit="10M/20M", limit_at="2M/4M", burst_limit="20M/40M",
        burst_threshold="8M/16M", burst_time="16s/16s",
    )  # fmt: skip
    before = dict(queue)
    driver = made(QueueDriver, simulator)
    await driver.open()
    (job,) = await jobs(driver, refs(["budi"]))
    assert online(router, "/queue/simple", "budi")
    assert (await blocked(driver, [job]))[1].result is Result.CHANGED
    assert not online(router, "/queue/simple", "budi")
    queue["burst-limit"] = "20000000/40000000"
    assert (await read_one(driver, job)).state is State.DRIFTED, "a burst set by hand"
    queue["burst-limit"] = "0/0"
    assert (await restored(driver, [job]))[1].result is Result.CHANGED
    assert dict(queue) == before
    await blocked(driver, [job])
    faster = Job(Ref(1, "budi", 40_000, 20_000), job.snapshot, plan_changed=True)
    assert [(await restored(driver, [faster]))[1].result for _ in range(2)] == [Result.CHANGED, Result.UNCHANGED]
    twice = ("20000000/40000000", "4000000/8000000", "40000000/80000000", "16000000/32000000", "16s/16s")
    assert tuple(queue[name] for name in ("max-limit", "limit-at", "burst-limit", "burst-threshold", "burst-time")) == twice
    await driver.close()


async def test_what_routeros_leaves_out_and_what_an_old_snapshot_lacks(router: Router, simulator: Simulator) -> None:
    queue = router.add("/queue/simple", name="budi", target="10.9.0.1/32", max_limit="10M/20M")
    for name in ("limit-at", "burst-limit", "burst-threshold", "burst-time"):
        del queue[name]
    before = dict(queue)
    driver = made(QueueDriver, simulator)
    await driver.open()
    (job,) = await jobs(driver, refs(["budi"]))
    assert (await blocked(driver, [job]))[1].result is Result.CHANGED
    old = Job(job.ref, {"max-limit": "10000000/20000000", "disabled": "false"})
    assert (await restored(driver, [old]))[1].result is Result.CHANGED
    assert dict(queue) == before
    await driver.close()
