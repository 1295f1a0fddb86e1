"""Months in the life of an ISP at random, beside the model: no difference, no broken invariant."""

import os

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.money.machine import MoneyMachine

RUNS = int(os.environ.get("SEBILLING_TEST_MACHINE_RUNS", "5"))
STEPS = int(os.environ.get("SEBILLING_TEST_MACHINE_STEPS", "200"))
SAME_EVERY_TIME = "SEBILLING_TEST_MACHINE_SEED" in os.environ
"""Planted faults (tests/mutants) must be met by the same months each time."""


def test_the_domain_is_the_model(shared_url: str) -> None:
    MoneyMachine.url, MoneyMachine.machines = shared_url, 0
    run_state_machine_as_test(
        MoneyMachine,
        settings=settings(
            max_examples=RUNS, stateful_step_count=STEPS, deadline=None, suppress_health_check=list(HealthCheck), database=None,
            phases=[Phase.generate] if SAME_EVERY_TIME else [Phase.generate, Phase.shrink], print_blob=True, derandomize=SAME_EVERY_TIME,
        ),
    )  # fmt: skip
    assert MoneyMachine.machines >= RUNS, "Hypothesis gave up on some machines: they drew too much"


def test_a_drawer_of_which_everything_is_reversed_is_no_drawer(shared_url: str) -> None:
    """Met by CI in a random life; both the database and the model leave such a drawer out."""
    MoneyMachine.url = shared_url
    state = MoneyMachine()
    try:
        state.begin(arrears=0, credit=0, brought=False)
        state.pay(amount=50_000, method="CASH", who=2, by=1, named=0, hours=0)
        state.refund(which=0, amount=1, method="CASH", by=1)
        state.reverse_refund(which=0)
        state.reverse(which=0)
    finally:
        state.teardown()


def test_a_drawer_of_which_nothing_was_handed_over_is_no_drawer(shared_url: str) -> None:
    """Met by a random life: a deposit without cash in the drawer, whose count was corrected to nothing."""
    MoneyMachine.url = shared_url
    state = MoneyMachine()
    try:
        state.begin(arrears=0, credit=0, brought=False)
        state.hand_over(where=0, by=1, amount=75_000)
        state.verify(which=0, by=2, less=None, confirm=False)
        state.correct_deposit(which=0, by=2, counted=0)
        (deposit,) = state.model.handed.values()
        assert (deposit.status, deposit.counted, deposit.unsettled) == ("VERIFIED", 0, 0)
    finally:
        state.teardown()
