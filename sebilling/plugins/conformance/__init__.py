"""The conformance kit: what every driver must do, as tests that its author runs against the device or a simulator.

    class TestMyDriver(DriverConformance):
        @asynccontextmanager
        async def world(self):
            async with MyDevice() as device:
                yield MyWorld(device)

`World` describes what the author provides. Only pytest is needed: each check runs its own event loop. docs/plugins.md is the tutorial.
"""

from typing import Final

from sebilling.plugins.conformance.breaks import Breaks
from sebilling.plugins.conformance.changes import Changes
from sebilling.plugins.conformance.effects import Effects
from sebilling.plugins.conformance.facts import Facts
from sebilling.plugins.conformance.reads import Reads
from sebilling.plugins.conformance.secrecy import Secrecy
from sebilling.plugins.conformance.world import AWKWARD_NAMES, World

__all__ = ["AWKWARD_NAMES", "CHECKS", "DriverConformance", "World"]


class DriverConformance(Facts, Reads, Changes, Effects, Breaks, Secrecy):
    """All checks. Subclass it as `Test…` and implement `world`."""


CHECKS: Final = tuple(sorted(name for name in dir(DriverConformance) if name.startswith("test_")))
"""Names of the checks, to call them one by one without pytest."""
