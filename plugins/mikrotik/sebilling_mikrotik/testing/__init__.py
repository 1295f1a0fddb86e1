"""A simulated RouterOS for tests: `Simulator` serves a stateful `Router` over the API's own protocol; `traffic` tells who is online."""

from sebilling_mikrotik.testing.router import Router
from sebilling_mikrotik.testing.simulator import Faults, Simulator

__all__ = ["Faults", "Router", "Simulator"]
