"""A simulated router on a socket, registered in SeBilling through its API."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from sebilling_mikrotik.testing import Router, Simulator

from sebilling.auth import passwords
from tests.processes import HttpApi

NAME: Final = "RB1"
CREATE: Final = "mutation($input: CreateDeviceInput!) { createDevice(input: $input) { device { id } errors { message } } }"
SET: Final = "mutation($input: SetServiceAccessInput!) { setServiceAccess(input: $input) { errors { message } } }"


@asynccontextmanager
async def connected_router(admin: HttpApi, customers: Sequence[int]) -> AsyncIterator[Simulator]:
    """A simulated router with these customers, registered in SeBilling. Their plan is 10M."""
    router, password = Router(identity=NAME), passwords.random_password()
    router.user("sebilling", password)
    router.setup()
    router.add("/ppp/profile", name="home", rate_limit="5M/10M")
    async with Simulator(router) as simulator:
        config = {"host": "127.0.0.1", "port": simulator.port, "username": "sebilling", "password": password, "tls": False}
        made = await admin.ask(CREATE, input={"name": NAME, "kind": "mikrotik.pppoe", "config": config})
        for customer in customers:
            router.add("/ppp/secret", name=f"c{customer}", profile="home", password="x", service="pppoe")
            access = {"customerId": f"cus_{customer}", "deviceId": made["device"]["id"], "serviceKind": "PPPOE", "key": f"c{customer}"}
            await admin.ask(SET, input=access)
        yield simulator


def blocked(simulator: Simulator) -> set[str]:
    """Keys of the customers in the isolir profile."""
    return {row["name"] for row in simulator.router.table("/ppp/secret").rows.values() if row["profile"] == "isolir"}
