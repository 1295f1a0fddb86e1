"""Walls that stop nobody, or not everything: the driver says so where packets get through, and what it prints to paste mends them.

A driver that only looks whether a rule names the set would take most of the holes for a wall.
"""

import re
from ipaddress import ip_address
from pathlib import Path
from typing import Final

import pytest
from sebilling.plugins.conformance.languages import assert_said
from sebilling.plugins.contract import DeviceError, Fault, Result, Sentence, State

from sebilling_nftables.gate import gate_problem
from sebilling_nftables.ruleset import Ruleset
from sebilling_nftables.setup import setup_text
from sebilling_nftables.testing import DOWNLOADS, PAGE, Lab

from .conftest import blocked, jobs, local, read_one, refs, restored
from .setups import CUSTOMER, HOLES, REFUSED_SETS, SETS, WALL4, WALLS, chain, forward, table
from .setups import FORWARD as HOOK

CUSTOMER6: Final = "2001:db8:64:1::5"
NEIGHBOUR: Final = "10.64.0.6"


def pasted(lab: Lab, message: Sentence) -> None:
    """Do on the router what a message says."""
    assert_said(message, "the message")
    lab.router.run("sh", "-c", message.english.rpartition("router: ")[2].strip("`"))


@pytest.mark.parametrize("setup", HOLES.values(), ids=HOLES)
async def test_a_wall_with_a_hole_is_told_and_what_is_printed_mends_it(lab: Lab, setup: str) -> None:
    lab.reset(setup or "flush ruleset")
    driver = local(lab)
    await driver.open()
    (job,) = await jobs(driver, refs([CUSTOMER]))
    with pytest.raises(DeviceError) as refused:
        await blocked(driver, [job])
    assert refused.value.fault is Fault.SETUP
    assert CUSTOMER not in lab.listed()
    assert lab.online([CUSTOMER])
    if setup:  # listed as SeBilling would have, so that the wall alone decides
        lab.nft(f'add element inet sebilling blocked4 {{ {CUSTOMER} comment "sebilling:1" }}')
        reading = await read_one(driver, job)
        assert lab.online([CUSTOMER])
        assert (reading.state, reading.in_effect) == (State.BLOCKED, False)
    left = 6
    while problems := (await driver.probe()).problems:  # a message names one problem
        assert (left := left - 1), problems
        pasted(lab, problems[0])
    await blocked(driver, await jobs(driver, refs([CUSTOMER, CUSTOMER6])))
    assert lab.online([CUSTOMER, CUSTOMER6, NEIGHBOUR]) == {NEIGHBOUR}


def test_most_holes_deceive_who_looks_for_a_rule_only() -> None:
    deceiving = [name for name, setup in HOLES.items() if "ip saddr @blocked4 drop" in setup and "hook forward" in setup]
    assert len(deceiving) >= len(HOLES) // 2


@pytest.mark.parametrize("setup", WALLS.values(), ids=WALLS)
async def test_a_wall_in_another_form_is_taken_as_one(lab: Lab, setup: str) -> None:
    lab.reset(setup)
    driver = local(lab)
    await driver.open()
    before = lab.nft("-s", "list", "ruleset")  # without counters
    wanted = await jobs(driver, refs([CUSTOMER]))
    assert lab.online([CUSTOMER])
    await blocked(driver, wanted)
    assert not lab.online([CUSTOMER])
    assert (await read_one(driver, wanted[0])).actual is State.BLOCKED
    await restored(driver, wanted)
    assert lab.online([CUSTOMER])
    assert lab.nft("-s", "list", "ruleset") == before


@pytest.mark.parametrize("definition", REFUSED_SETS)
async def test_a_set_that_would_lose_a_mark_or_a_block_is_refused(lab: Lab, definition: str) -> None:
    rules = () if "." in definition else WALL4
    lab.reset(table(chain("forward", HOOK, *rules), sets=(f"set blocked4 {{ {definition} }}", SETS[1])))
    driver = local(lab)
    await driver.open()
    with pytest.raises(DeviceError) as refused:
        await blocked(driver, await jobs(driver, refs([CUSTOMER])))
    assert refused.value.fault is Fault.SETUP
    pasted(lab, refused.value.message)
    assert not (await driver.probe()).problems


async def test_the_blocked_reach_the_payment_page_and_nothing_else(lab: Lab) -> None:
    lab.reset(setup_text([ip_address(PAGE)]))
    driver = local(lab)
    await driver.open()
    wanted = await jobs(driver, refs([CUSTOMER]))
    await blocked(driver, wanted)
    assert (await read_one(driver, wanted[0])).actual is State.BLOCKED
    assert not lab.online([CUSTOMER])
    assert not lab.pinged([CUSTOMER])
    with lab.download(CUSTOMER, PAGE) as page:
        assert page.flows()


async def test_the_readme_has_the_setup_and_sends_http_of_the_blocked_to_the_payment_page(lab: Lab) -> None:
    readme = Path(__file__).parents[1].joinpath("README.md").read_text(encoding="utf-8")
    table_, garden = (
        re.search(rf"^    {begin} .*(?:\n    .*)+", readme, re.MULTILINE) for begin in ("table inet sebilling", "nft 'add chain")
    )
    assert table_ is not None
    assert garden is not None
    lab.reset(table_[0])
    printed = lab.ruleset()
    lab.reset()
    assert printed == lab.ruleset()
    lab.reset(setup_text([ip_address(PAGE)]))
    lab.router.run("sh", "-c", garden[0].replace("203.0.113.80:80", f"{PAGE}:{DOWNLOADS}").replace("dport 80", f"dport {DOWNLOADS}"))
    driver = local(lab)
    await driver.open()
    await blocked(driver, await jobs(driver, refs([CUSTOMER])))
    with lab.download(CUSTOMER) as page:  # of another server, the customer thinks
        assert page.flows()
    assert "dnat" in lab.ruleset()
    assert not lab.online([CUSTOMER])


async def test_only_what_needs_the_missing_wall_is_refused(lab: Lab) -> None:
    lab.reset(forward(*WALL4))
    driver = local(lab)
    await driver.open()
    outcomes = await blocked(driver, await jobs(driver, refs([CUSTOMER, CUSTOMER6])))
    assert outcomes[1].result is Result.CHANGED
    assert (outcomes[2].result, outcomes[2].fault) == (Result.FAILED, Fault.SETUP)
    assert lab.online([CUSTOMER, CUSTOMER6]) == {CUSTOMER6}


@pytest.mark.parametrize("statement", ['{"flow": {"op": "add", "flowtable": "@fast"}}', '{"fwd": {"dev": "eth1"}}'])
def test_a_flowtable_is_told(lab: Lab, statement: str) -> None:
    """As libnftables-json(5) writes it: not every kernel has flowtables, so no packet proves it here."""
    setup = lab.nft("-j", "list", "ruleset")
    ruleset = Ruleset()
    ruleset.add(setup, every_table=True)
    ruleset.add(setup, every_table=False)
    assert gate_problem(ruleset, 4) is None
    rule = f'{{"rule": {{"family": "inet", "table": "filter", "chain": "forward", "handle": 7, "expr": [{statement}]}}}}'
    ruleset.add(f'{{"nftables": [{rule}]}}', every_table=True)
    problem = gate_problem(ruleset, 4)
    assert_said(problem, "the problem")
    assert problem is not None
    assert "nft 'delete rule inet filter forward handle 7'" in problem.english
