"""A MikroTik of the demo: the plugin's simulated RouterOS."""

import importlib
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

from sebilling.auth import passwords
from sebilling.demo.gear import Subscriber, lacks

_APART: Final = {"last-logged-out"}
"""The router's own memory of a subscriber's last session."""


class Router:
    """PPPoE: a blocked customer is in the profile `isolir`."""

    kind: ClassVar = "mikrotik.pppoe"
    service: ClassVar = "PPPOE"
    name: ClassVar = "RB-Ciawi"
    what: ClassVar = "a router"
    holds: ClassVar = "PPPoE customers on a simulated RouterOS"

    def __init__(self) -> None:
        self._simulator: Any = None
        self._password = passwords.random_password()

    @classmethod
    def problem(cls) -> str:
        """Return why the device can't run here; empty if it can."""
        return lacks("sebilling_mikrotik")

    @staticmethod
    def key(number: int, pppoe_name: str) -> str:  # noqa: ARG004 - a router identifies customers by names
        """Return the name of the secret."""
        return pppoe_name

    async def start(self) -> None:
        """Start the simulator, with the profile and the rule for blocked customers."""
        testing = importlib.import_module("sebilling_mikrotik.testing")
        router = testing.Router(identity=self.name)
        router.user("sebilling", self._password)
        router.setup()
        self._simulator = testing.Simulator(router)
        await self._simulator.__aenter__()

    async def stop(self) -> None:
        """Stop the simulator and close its connections."""
        if self._simulator is not None:
            await self._simulator.__aexit__(None, None, None)

    def config(self) -> dict[str, Any]:
        """Return the driver's settings."""
        return {"host": "127.0.0.1", "port": self._simulator.port, "username": "sebilling", "password": self._password, "tls": False}

    async def put(self, subscribers: Sequence[Subscriber]) -> None:
        """Add a profile for each plan and a secret for each customer."""
        for plan in dict.fromkeys(customer.plan for customer in subscribers):
            self._simulator.router.add("/ppp/profile", name=plan)
        for customer in subscribers:
            self._simulator.router.add("/ppp/secret", name=customer.key, profile=customer.plan, password="x", service="pppoe")  # noqa: S106 - of a simulated customer

    async def state(self) -> Mapping[str, Any]:
        """Return all attributes of each secret."""
        rows = self._simulator.router.table("/ppp/secret").rows.values()
        return {row["name"]: {name: value for name, value in row.items() if name not in _APART} for row in rows}

    async def blocked_keys(self) -> set[str]:
        """Return secrets in the isolir profile, and disabled ones."""
        rows = self._simulator.router.table("/ppp/secret").rows.values()
        return {row["name"] for row in rows if row["profile"] == "isolir" or row.get("disabled") == "true"}

    async def dial(self, keys: Sequence[str]) -> Mapping[str, str]:
        """Connect the customers; existing sessions stay."""
        router, results = self._simulator.router, {}
        for key in keys:
            router.dial(key)
            if (session := router.table("/ppp/active").find(key)) is None:
                results[key] = "refused"
                continue
            listed = [entry["list"] for entry in router.table("/ip/firewall/address-list").named.get(session["address"], ())]
            results[key] = f"address list {', '.join(listed)}" if listed else "no address list"
        return results
