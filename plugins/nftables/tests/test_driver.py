"""The driver on the lab's router: ownership, hands, keys, races, logins."""

import asyncio
import contextlib
from pathlib import Path
from typing import Any, Final

import asyncssh
import pytest
from pydantic import ValidationError
from sebilling.plugins.conformance.languages import assert_said
from sebilling.plugins.contract import DeviceError, Fault, InvalidValue, Job, Result, State

from sebilling_nftables import NftablesDriver
from sebilling_nftables.__main__ import main
from sebilling_nftables.router import Router
from sebilling_nftables.setup import setup_text
from sebilling_nftables.testing import Lab

from .conftest import blocked, english, jobs, local, made, read_one, refs, restored, settings
from .ssh_server import USER, SshServer

NETWORK: Final = "10.64.8.8/29"


def running() -> str:
    """Command lines of this machine's processes."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it has ended
            lines.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
    return "\n".join(lines)


async def opened(lab: Lab) -> NftablesDriver:
    driver = local(lab)
    await driver.open()
    return driver


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("10.1.0.5", "10.1.0.5"), ("10.1.0.5/32", "10.1.0.5"), (" 10.1.0.5 ", "10.1.0.5"), ("10.0.0.8/29", "10.0.0.8/29"),
        ("2001:DB8::5", "2001:db8::5"), ("2001:db8:0:0::5/128", "2001:db8::5"), ("2001:0db8:0100::/56", "2001:db8:100::/56"),
    ],
)  # fmt: skip
def test_a_key_has_one_spelling(text: str, key: str) -> None:
    assert NftablesDriver.canonical_key("STATIC_IP", text) == key


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("10.0.0.9/29", "write 10.0.0.8/29"), ("2001:db8::5/56", "write 2001:db8::/56"), ("::ffff:10.1.0.5", "10.1.0.5"),
        ("10.0.0.0/8", "at most /16"), ("2001:d00::/24", "at most /32"), ("budi", "such as 10.1.0.5"), ("10.1.0.256", "such as"),
        ("::", "customer's address"), ("127.0.0.1", "customer's address"), ("224.0.0.5", "customer's address"),
        ("fe80::1%eth0", "such as"), ("fe80::1", "customer's address"), ("10.1.0.5; drop", "such as"), ("", "such as"),
    ],
)  # fmt: skip
def test_a_key_that_is_no_customers_address_is_refused_with_what_to_write(text: str, remedy: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        NftablesDriver.canonical_key("STATIC_IP", text)
    assert remedy in refused.value.sentence.english
    assert_said(refused.value.sentence, "the remedy")


async def test_one_bad_key_refuses_only_itself(lab: Lab) -> None:
    driver = await opened(lab)
    wanted = [Job(ref, {}) for ref in refs(["10.64.0.1", "10.64.0.9/29", "nonsense", "10.64.0.2"])]
    outcomes = await blocked(driver, wanted)
    assert [outcomes[number].result for number in (1, 2, 3, 4)] == [Result.CHANGED, Result.FAILED, Result.FAILED, Result.CHANGED]
    assert lab.online(["10.64.0.1", "10.64.0.2", "10.64.0.9"]) == {"10.64.0.9"}
    assert (await read_one(driver, wanted[1])).state is State.ABSENT


async def test_neighbours_stay_apart_and_each_is_restored_alone(lab: Lab) -> None:
    driver, before = await opened(lab), lab.ruleset()
    wanted = await jobs(driver, refs([f"10.64.0.{number}" for number in range(8)]))
    await blocked(driver, wanted)
    await restored(driver, wanted[3:4])
    assert lab.online([f"10.64.0.{number}" for number in range(8)]) == {"10.64.0.3"}
    await restored(driver, wanted)
    assert lab.ruleset() == before


async def test_who_overlaps_another_customer_is_refused_alone(lab: Lab) -> None:
    driver = await opened(lab)
    outcomes = await blocked(driver, await jobs(driver, refs([NETWORK, "10.64.8.9", "10.64.0.1"])))
    assert [outcomes[number].result for number in (1, 2, 3)] == [Result.CHANGED, Result.FAILED, Result.CHANGED]
    assert outcomes[2].fault is Fault.AMBIGUOUS
    assert NETWORK in english(outcomes[2])


async def test_what_a_hand_listed_is_blocked_and_stays(lab: Lab) -> None:
    driver = await opened(lab)
    lab.nft('add element inet sebilling blocked4 { 10.64.8.0/24, 10.64.0.1 comment "pak Budi" }')
    before = lab.ruleset()
    wanted = await jobs(driver, refs([NETWORK, "10.64.0.1"]))
    for each in (await blocked(driver, wanted), await restored(driver, wanted)):
        assert {outcome.result for outcome in each.values()} == {Result.UNCHANGED}
        assert lab.ruleset() == before
    for job in wanted:
        reading = await read_one(driver, job)
        assert (reading.actual, lab.online([job.ref.key.partition("/")[0]])) == (State.BLOCKED, set())
        assert ("pak Budi" in str(reading.detail)) is (job is wanted[1])
    reclaimed = await restored(driver, [Job(wanted[1].ref, {}, reclaim=True)])
    assert reclaimed[2].fault is Fault.DRIFTED
    lab.router.run("sh", "-c", english(reclaimed[2]).rpartition("router: ")[2].strip("`"))
    assert lab.online(["10.64.0.1"])


@pytest.mark.parametrize(
    "hand",
    [
        "delete element inet sebilling blocked4 {{ {} }}; add element inet sebilling blocked4 {{ {} }}",
        "delete element inet sebilling blocked4 {{ {} }}; add element inet sebilling blocked4 {{ 10.64.8.10 }} # {}",
        "delete element inet sebilling blocked4 {{ {} }}; add element inet sebilling blocked4 {{ 10.64.8.0/24 comment \"mine\" }} # {}",
    ],
)  # fmt: skip
async def test_what_a_hand_changed_stays_and_the_others_are_restored(lab: Lab, hand: str) -> None:
    driver = await opened(lab)
    wanted = await jobs(driver, refs([NETWORK, "10.64.0.1"]))
    await blocked(driver, wanted)
    lab.nft("-f", "-", text=hand.format(NETWORK, NETWORK).replace("; ", "\n") + "\n")
    listed = lab.listed()
    assert (await read_one(driver, wanted[0])).state is State.DRIFTED
    outcomes = await restored(driver, wanted)
    assert (outcomes[1].fault, outcomes[2].result) == (Fault.DRIFTED, Result.CHANGED)
    assert lab.listed() == listed - {"10.64.0.1"}
    assert (await blocked(driver, wanted[:1]))[1].fault is Fault.DRIFTED


async def test_after_a_restart_nobody_is_read_as_blocked_who_is_online(lab: Lab) -> None:
    driver = await opened(lab)
    wanted = await jobs(driver, refs(["10.64.0.1"]))
    await blocked(driver, wanted)
    lab.reset()
    assert lab.online(["10.64.0.1"])
    assert (await read_one(driver, wanted[0])).actual is State.ACTIVE
    await blocked(driver, wanted)
    assert not lab.online(["10.64.0.1"])


async def test_who_is_online_by_ipv6_isnt_read_as_blocked(lab: Lab) -> None:
    """100.64.0.2 and fd00:c::2 are one device, on the router's own link; behind it is a prefix."""
    driver, keys = await opened(lab), ["100.64.0.2", "fd00:c::2", "2001:db8:64::/48"]
    assert lab.online(keys[:2]) == set(keys[:2])
    wanted = await jobs(driver, refs(keys))
    for count, online in ((1, "2001:db8:64::/48"), (2, "2001:db8:64::/48"), (3, "")):
        await blocked(driver, wanted[:count])
        reading = await read_one(driver, wanted[0])
        assert (reading.state, reading.in_effect) == (State.BLOCKED, not online)
        assert_said(reading.detail, "the detail")
        assert bool(lab.online(["fd00:c::2", "2001:db8:64::1"])) is bool(online)
        assert reading.detail is not None
        assert online in reading.detail.english
    assert not lab.online(["100.64.0.2"])


async def test_a_router_in_between_isnt_taken_for_a_customers_device(lab: Lab) -> None:
    lab.customer.ip("addr", "add", "100.64.0.3/32", "dev", "c")  # a second customer behind the same MAC
    lab.router.ip("neigh", "replace", "100.64.0.3", "lladdr", lab.customer.mac("c"), "dev", "rc")
    driver = await opened(lab)
    wanted = await jobs(driver, refs(["100.64.0.3"]))
    await blocked(driver, wanted)
    assert (await read_one(driver, wanted[0])).actual is State.BLOCKED
    lab.customer.ip("addr", "del", "100.64.0.3/32", "dev", "c")
    lab.router.ip("neigh", "del", "100.64.0.3", "dev", "rc")


@pytest.mark.parametrize("restoring", [False, True])
async def test_a_hand_between_reading_and_changing_doesnt_stop_the_others(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, *, restoring: bool
) -> None:
    driver = await opened(lab)
    wanted = await jobs(driver, refs(["10.64.0.1", "10.64.0.2"]))
    if restoring:
        await blocked(driver, wanted)
    read = Router.read
    hands = [f"{'delete' if restoring else 'add'} element inet sebilling blocked4 {{ 10.64.0.1 }}"]

    async def read_then_a_hand(router: Router) -> Any:
        ruleset = await read(router)
        if hands:
            lab.nft(hands.pop())
        return ruleset

    monkeypatch.setattr(Router, "read", read_then_a_hand)
    outcomes = await (restored if restoring else blocked)(driver, wanted)
    assert outcomes[2].result is Result.CHANGED
    assert outcomes[1].result is (Result.UNCHANGED if restoring else Result.FAILED)
    assert bool(lab.online(["10.64.0.2"])) is restoring


async def test_a_transaction_that_is_refused_changes_nobody(lab: Lab) -> None:
    full = setup_text().replace("flags interval;", "flags interval; size 3;", 1)
    lab.reset(full)
    driver, before = await opened(lab), lab.ruleset()
    customers = [f"10.64.0.{number}" for number in range(1, 20, 2)]
    outcomes = await blocked(driver, await jobs(driver, refs(customers)))
    assert {(outcome.result, outcome.fault) for outcome in outcomes.values()} == {(Result.FAILED, Fault.REFUSED)}
    assert_said(outcomes[1].message, "the refusal")
    assert lab.ruleset() == before
    assert lab.online(customers) == set(customers)


async def test_a_login_by_key_and_a_namespace(lab: Lab) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    async with SshServer(lab.router) as server:
        server.client_key = key.export_public_key().decode()
        driver = made(**settings(server, password=None, private_key=key.export_private_key().decode(), netns=lab.router.name))
        await driver.open()
        health = await driver.probe()
        await driver.close()
        assert health.ok
        assert health.uptime_seconds is not None
        assert health.uptime_seconds > 0
        assert server.commands[0] == f"ip netns exec {lab.router.name} nft -j -t list ruleset"
        stranger = asyncssh.generate_private_key("ssh-ed25519").export_private_key().decode()
        driver = made(**settings(server, password=None, private_key=stranger))
        with pytest.raises(DeviceError) as refused:
            await driver.open()
        assert refused.value.fault is Fault.AUTH


@pytest.mark.parametrize("pinned", ["", "SHA256:" + "A" * 43])
async def test_an_unknown_host_key_is_shown_and_nothing_is_sent(lab: Lab, pinned: str) -> None:
    async with SshServer(lab.router) as server:
        health = await made(**settings(server, host_fingerprint=pinned)).probe()
        assert server.fingerprint in health.problems[0].english
        assert_said(health.problems[0], "the problem")
        assert server.commands == []


async def test_a_transaction_that_isnt_answered_in_time_is_unknown(lab: Lab) -> None:
    async with SshServer(lab.router) as server:
        driver = made(**settings(server, timeout_seconds=1.5))
        await driver.open()
        wanted = await jobs(driver, refs(["10.64.0.1"]))
        server.seconds = 10
        outcomes = await blocked(driver, wanted)
        assert (outcomes[1].result, outcomes[1].fault, outcomes[1].retryable) == (Result.UNKNOWN, Fault.TIMEOUT, True)
        await driver.close()


async def test_sudo_that_isnt_allowed_is_told(lab: Lab) -> None:
    async with SshServer(lab.router) as server:
        server.answers = {"nft": (1, "sudo: a password is required")}
        health = await made(**settings(server, sudo=True)).probe()
        assert server.commands[0] == "sudo -n nft -j -t list ruleset"
        assert health.reachable
        assert "sudoers" in health.problems[0].english
        server.answers = {"nft": (127, "sh: 1: nft: not found")}
        assert "apt install" in (await made(**settings(server)).probe()).problems[0].english
        server.answers = {"nft": (0, '{"nftables": [5]}')}
        assert "isn't understood" in (await made(**settings(server)).probe()).problems[0].english


async def test_without_nft_on_this_machine_it_says_what_to_install(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sebilling_nftables.config.NftablesConfig.command", lambda _self, *words: ("no-such-nft", *words[1:]))
    health = await local(lab).probe()
    assert "apt install nftables" in health.problems[0].english


async def test_without_ip_on_this_machine_the_set_alone_is_read(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    driver = await opened(lab)
    wanted = await jobs(driver, refs(["100.64.0.2"]))
    await blocked(driver, wanted)
    assert (await read_one(driver, wanted[0])).in_effect is False
    monkeypatch.setattr("sebilling_nftables.router.NEIGHBOURS", ("no-such-ip",))
    inside = ("ip", "netns", "exec", lab.router.name)
    monkeypatch.setattr("sebilling_nftables.config.NftablesConfig.command", lambda _self, *words: (*inside, *words))
    driver = made(transport="local")
    await driver.open()
    assert (await read_one(driver, wanted[0])).in_effect is True


async def test_a_call_that_is_given_up_leaves_no_process(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    driver = await opened(lab)
    monkeypatch.setattr("sebilling_nftables.config.NftablesConfig.command", lambda _self, *_words: ("sleep", "47.11"))
    task = asyncio.create_task(driver.probe())
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert "47.11" not in running()


@pytest.mark.parametrize(
    "wrong",
    [{"host": ""}, {"username": ""}, {"password": None}, {"host": "a b"}, {"netns": "-x"}, {"netns": "a/b"}, {"netns": "a;b"}],
)
def test_settings_that_cant_work_are_refused(wrong: dict[str, object]) -> None:
    whole = {"host": "192.0.2.1", "username": USER, "password": "rahasia-77"}
    with pytest.raises(ValidationError):
        NftablesDriver.config_model.model_validate(whole | wrong)
    assert NftablesDriver.config_model.model_validate({"transport": "local"}).command("nft") == ("nft",)


def test_the_setup_is_printed_and_loads(lab: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["setup", "--payment-page", "203.0.113.80", "--payment-page", "2001:db8::80"]) == 0
    lab.reset(capsys.readouterr().out)
    assert "203.0.113.80" in lab.ruleset()
