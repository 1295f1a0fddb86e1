"""Months in the life of an ISP at random, beside the model: no difference, no broken invariant."""

import os

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.money.machine import MoneyMachine

RUNS = int(os.environ.get("SEBILLING_TEST_MACHINE_RUNS", "8"))
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
