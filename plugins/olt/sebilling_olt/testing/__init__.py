"""A simulated OLT for tests: `Simulator` serves a stateful `Olt` by SSH or Telnet, behaving like one of the `FIRMWARES`."""

from sebilling_olt.testing.firmwares import FIRMWARES, Firmware
from sebilling_olt.testing.olt import Olt, Unit
from sebilling_olt.testing.shell import Faults
from sebilling_olt.testing.simulator import Simulator

__all__ = ["FIRMWARES", "Faults", "Firmware", "Olt", "Simulator", "Unit"]
