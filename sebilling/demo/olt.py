"""An OLT of the demo: the plugin's simulated ZTE, by Telnet, as that needs nothing but the plugin."""

import importlib
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from sebilling.auth import passwords
from sebilling.demo.gear import Subscriber, lacks

_PORTS: Final = 16
_ONUS: Final = 32
"""On a port: the usual split."""


class Olt:
    """Fibre: who is cut has an ONU that is disabled."""

    kind: ClassVar = "olt.zte"
    service: ClassVar = "ONU"
    name: ClassVar = "OLT-Cisarua"
    what: ClassVar = "an OLT"
    holds: ClassVar = "ONUs on a simulated ZTE C320, by Telnet"

    def __init__(self) -> None:
        self._simulator: Any = None
        self._password = passwords.random_password()

    @classmethod
    def problem(cls) -> str:
        """Why it can't be here; empty if it can."""
        return lacks("sebilling_olt")

    @staticmethod
    def key(number: int, pppoe_name: str) -> str:  # noqa: ARG004 - an OLT goes by ports
        """Frame, slot, port and ONU."""
        port = number // _ONUS
        return f"1/{1 + port // _PORTS}/{1 + port % _PORTS}:{1 + number % _ONUS}"

    @property
    def _olt(self) -> Any:
        return self._simulator.olt

    async def start(self) -> None:
        """Serve."""
        testing = importlib.import_module("sebilling_olt.testing")
        olt = testing.Olt(testing.FIRMWARES["zte-c320"])
        olt.user("sebilling", self._password)
        self._simulator = testing.Simulator(olt, transport="telnet")
        await self._simulator.__aenter__()

    async def stop(self) -> None:
        """Hang up on everybody."""
        if self._simulator is not None:
            await self._simulator.__aexit__(None, None, None)

    def config(self) -> dict[str, Any]:
        """The driver's settings."""
        at = {"host": "127.0.0.1", "port": self._simulator.port, "transport": "telnet"}
        return at | {"username": "sebilling", "password": self._password}

    async def put(self, subscribers: Sequence[Subscriber]) -> None:
        """Register their ONUs, and save."""
        for one in subscribers:
            self._olt.add(one.key)
        self._olt.save()

    async def state(self) -> Mapping[str, Any]:
        """Every ONU. Raises RuntimeError if a restart of the OLT would bring something else back."""
        if self._olt.saved != self._olt.running():
            raise RuntimeError("the OLT's configuration isn't saved")
        return {
            onu.key: (unit.sn, unit.name, unit.off, sorted(unit.locked), self._olt.managed(onu)) for onu, unit in self._olt.units.items()
        }

    async def cut(self) -> set[str]:
        """Who is disabled, or has a LAN port locked."""
        return {onu.key for onu, unit in self._olt.units.items() if unit.off or unit.locked}

    async def dial(self, keys: Sequence[str]) -> Mapping[str, str]:
        """Light, or none."""
        return {key: "ONU disabled" if self._olt.unit(key).off else "ONU enabled" for key in keys}
