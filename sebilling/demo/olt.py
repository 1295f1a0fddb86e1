"""An OLT of the demo: the plugin's simulated ZTE, over Telnet, which needs nothing but the plugin."""

import importlib
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from sebilling.auth import passwords
from sebilling.demo.gear import Subscriber, lacks

_PORTS: Final = 16
_ONUS: Final = 32
"""ONUs per port: the usual split."""


class Olt:
    """Fibre: the ONU of a blocked customer is disabled."""

    kind: ClassVar = "olt.zte"
    service: ClassVar = "ONU"
    name: ClassVar = "OLT-Cisarua"
    what: ClassVar = "an OLT"
    holds: ClassVar = "ONUs on a simulated ZTE C320, over Telnet"

    def __init__(self) -> None:
        self._simulator: Any = None
        self._password = passwords.random_password()

    @classmethod
    def problem(cls) -> str:
        """Return why the device can't run here; empty if it can."""
        return lacks("sebilling_olt")

    @staticmethod
    def key(number: int, pppoe_name: str) -> str:  # noqa: ARG004 - an OLT identifies customers by ports
        """Return frame, slot, port and ONU."""
        port = number // _ONUS
        return f"1/{1 + port // _PORTS}/{1 + port % _PORTS}:{1 + number % _ONUS}"

    @property
    def _olt(self) -> Any:
        return self._simulator.olt

    async def start(self) -> None:
        """Start the simulator."""
        testing = importlib.import_module("sebilling_olt.testing")
        olt = testing.Olt(testing.FIRMWARES["zte-c320"])
        olt.user("sebilling", self._password)
        self._simulator = testing.Simulator(olt, transport="telnet")
        await self._simulator.__aenter__()

    async def stop(self) -> None:
        """Stop the simulator and close its connections."""
        if self._simulator is not None:
            await self._simulator.__aexit__(None, None, None)

    def config(self) -> dict[str, Any]:
        """Return the driver's settings."""
        at = {"host": "127.0.0.1", "port": self._simulator.port, "transport": "telnet"}
        return at | {"username": "sebilling", "password": self._password}

    async def put(self, subscribers: Sequence[Subscriber]) -> None:
        """Register their ONUs, and save."""
        for subscriber in subscribers:
            self._olt.add(subscriber.key)
        self._olt.save()

    async def state(self) -> Mapping[str, Any]:
        """Return every ONU. Raises RuntimeError if a restart of the OLT would restore something else."""
        if self._olt.saved != self._olt.running():
            raise RuntimeError("the OLT's configuration isn't saved")
        return {
            onu.key: (unit.sn, unit.name, unit.off, sorted(unit.locked), self._olt.managed(onu)) for onu, unit in self._olt.units.items()
        }

    async def blocked_keys(self) -> set[str]:
        """Return ONUs that are disabled or have a locked LAN port."""
        return {onu.key for onu, unit in self._olt.units.items() if unit.off or unit.locked}

    async def dial(self, keys: Sequence[str]) -> Mapping[str, str]:
        """Return whether each ONU is enabled."""
        return {key: "ONU disabled" if self._olt.unit(key).off else "ONU enabled" for key in keys}
