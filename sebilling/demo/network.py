"""The demo's network: a simulated router, late customers cut on it, and who pays given back exactly as they were.

The router comes with the MikroTik plugin; without it (it is a distribution of its own) the demo leaves this part out.
"""

import asyncio
import importlib
import importlib.util
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from sebilling.auth import passwords

_MOST: Final = 300
"""Customers on the router."""
_PAYERS: Final = 5
_PATIENCE_SECONDS: Final = 60
_ERRORS: Final = "errors { code message field }"
_CUSTOMERS: Final = """query Who($first: Int!, $after: String) { customers(first: $first, after: $after) {
  nodes { id pppoeName plan { name } } pageInfo { endCursor } } }"""
_DEVICE: Final = f"mutation Router($input: CreateDeviceInput!) {{ createDevice(input: $input) {{ device {{ id }} {_ERRORS} }} }}"
_ACCESS: Final = f"mutation Access($input: SetServiceAccessInput!) {{ setServiceAccess(input: $input) {{ {_ERRORS} }} }}"
_POLICY: Final = f"mutation Policy($input: SetIsolationPolicyInput!) {{ setIsolationPolicy(input: $input) {{ {_ERRORS} }} }}"
_RUN: Final = f"mutation Run {{ runIsolation {{ cut held {_ERRORS} }} }}"
_HOLDS: Final = "query Holds { isolationHolds { id } }"
_APPROVE: Final = f"mutation Approve($input: DecideIsolationHoldInput!) {{ decideIsolationHold(input: $input) {{ {_ERRORS} }} }}"
_WAITING: Final = "query Waiting { serviceAccesses(first: 1, filter: {inLine: false}) { totalCount } }"
_BLOCKED: Final = """query Blocked($after: String) { serviceAccesses(first: 200, after: $after, filter: {blocked: true}) {
  nodes { key actual customer { id outstanding } } pageInfo { hasNextPage endCursor } } }"""
_PAY: Final = f"mutation Pay($input: RecordPaymentInput!) {{ recordPayment(input: $input) {{ {_ERRORS} }} }}"
_DAYS: Final = 20


def available() -> bool:
    """Whether the MikroTik plugin is installed."""
    return importlib.util.find_spec("sebilling_mikrotik") is not None


@contextmanager
def router() -> Iterator[Any]:
    """A simulated router on a port of this machine, in a thread of its own; gives its simulator."""
    testing = importlib.import_module("sebilling_mikrotik.testing")
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="router", daemon=True)
    thread.start()

    def run(work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, loop).result(timeout=30)

    simulator = testing.Simulator(testing.Router(identity="RB-Ciawi"))
    run(simulator.__aenter__())
    try:
        yield simulator
    finally:
        run(simulator.__aexit__(None, None, None))
        loop.call_soon_threadsafe(loop.stop)
        thread.join(timeout=10)
        loop.close()


def secrets(simulator: Any) -> dict[str, dict[str, str]]:
    """Every PPPoE secret of the router by name, as it is."""
    return {row["name"]: dict(row) for row in simulator.router.table("/ppp/secret").rows.values()}


def connect(admin: Any, simulator: Any) -> int:
    """Put customers on the router, and the router and its customers into SeBilling; gives their number."""
    password = passwords.random_password()
    simulator.router.user("sebilling", password)
    simulator.router.setup()
    settings = {"host": "127.0.0.1", "port": simulator.port, "username": "sebilling", "password": password, "tls": False}
    device = admin.ask(_DEVICE, input={"name": "RB-Ciawi", "kind": "mikrotik.pppoe", "config": settings})["device"]
    count, after, profiles = 0, None, set()
    while count < _MOST:
        page = admin.ask(_CUSTOMERS, first=min(200, _MOST - count), after=after)
        for customer in page["nodes"]:
            plan = customer["plan"]["name"]
            if plan not in profiles:
                profiles.add(plan)
                simulator.router.add("/ppp/profile", name=plan)
            simulator.router.add("/ppp/secret", name=customer["pppoeName"], profile=plan, password="x", service="pppoe")  # noqa: S106
            access = {"customerId": customer["id"], "deviceId": device["id"], "serviceKind": "PPPOE", "key": customer["pppoeName"]}
            admin.ask(_ACCESS, input=access)
            count += 1
        after = page["pageInfo"]["endCursor"]
        if after is None:
            break
    admin.ask(_POLICY, input={"mode": "FROM_INVOICE", "days": _DAYS})
    return count


def isolate(admin: Any) -> tuple[int, bool]:
    """Cut whose day has come, and wait until the router is read back so; gives their number, and whether the guard asked first."""
    run = admin.ask(_RUN)
    held = bool(run["held"])
    if held:
        for hold in admin.ask(_HOLDS):
            admin.ask(_APPROVE, input={"id": hold["id"], "approved": True})
        run = admin.ask(_RUN)
    _in_line(admin)
    return run["cut"], held


def _in_line(admin: Any) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while admin.ask(_WAITING)["totalCount"]:
        if time.monotonic() > deadline:
            raise TimeoutError("the router isn't in line within a minute: look at serviceAccesses(filter: {inLine: false})")
        time.sleep(0.02)


def blocked(admin: Any) -> list[Any]:
    """Everybody who should be cut, as SeBilling says."""
    found: list[Any] = []
    after = None
    while True:
        page = admin.ask(_BLOCKED, after=after)
        found += page["nodes"]
        if not page["pageInfo"]["hasNextPage"]:
            return found
        after = page["pageInfo"]["endCursor"]


def restore(admin: Any, simulator: Any, before: dict[str, dict[str, str]]) -> tuple[int, float]:
    """Some of the cut ones pay; gives how many are back exactly as they were, and the longest wait in seconds."""
    back, longest = 0, 0.0
    for access in blocked(admin)[:_PAYERS]:
        owed = access["customer"]["outstanding"]
        payment = {"customerId": access["customer"]["id"], "amount": owed, "method": "QRIS", "idempotencyKey": str(uuid.uuid4())}
        began = time.perf_counter()
        admin.ask(_PAY, input=payment)
        _in_line(admin)
        longest = max(longest, time.perf_counter() - began)
        back += _as_it_was(secrets(simulator)[access["key"]], before[access["key"]])
    return back, round(longest, 3)


def _as_it_was(now: dict[str, str], before: dict[str, str]) -> bool:
    """Every word of the secret; the router's own memory of its last session apart."""
    apart = {"last-logged-out"}
    return {name: now[name] for name in now if name not in apart} == {name: before[name] for name in before if name not in apart}


def wrongly_blocked(admin: Any, simulator: Any) -> int:
    """Secrets that are cut on the router though nothing says so, and customers who are cut though they owe nothing."""
    should = {access["key"]: access["customer"]["outstanding"] for access in blocked(admin)}
    cut = {name for name, row in secrets(simulator).items() if row["profile"] == "isolir" or row.get("disabled") == "true"}
    return len(cut - set(should)) + sum(1 for name in cut & set(should) if should[name] == 0)
