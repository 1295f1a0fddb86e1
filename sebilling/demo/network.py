"""The demo's network: devices with customers; overdue customers are blocked, and payers are restored exactly as they were.

The devices come with the plugins, which are separate distributions; the demo leaves out those that are not installed.
"""

import time
import uuid
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Final

from sebilling.demo.gear import Gear, Running, Subscriber, running
from sebilling.demo.olt import Olt
from sebilling.demo.radius import Radius
from sebilling.demo.router import Router

KINDS: Final[tuple[type[Gear], ...]] = (Router, Radius, Olt)
_MOST: Final = 300
"""Most customers on all devices together."""
_PAYERS: Final = 5
_PAYERS_OF_EACH: Final = 3
"""Payers per device if there are several; somebody stays blocked on each."""
_PATIENCE_SECONDS: Final = 60
_ERRORS: Final = "errors { code message field }"
_CUSTOMERS: Final = """query Who($first: Int!, $after: String) { customers(first: $first, after: $after) {
  nodes { id pppoeName plan { name } } pageInfo { endCursor } } }"""
_DEVICE: Final = f"mutation Router($input: CreateDeviceInput!) {{ createDevice(input: $input) {{ device {{ id }} {_ERRORS} }} }}"
_ACCESS: Final = f"mutation Access($input: SetServiceAccessInput!) {{ setServiceAccess(input: $input) {{ {_ERRORS} }} }}"
_POLICY: Final = f"mutation Policy($input: SetIsolationPolicyInput!) {{ setIsolationPolicy(input: $input) {{ {_ERRORS} }} }}"
_RUN: Final = f"mutation Run {{ runIsolation {{ blocked held {_ERRORS} }} }}"
_HOLDS: Final = "query Holds { isolationHolds { nodes { id } } }"
_APPROVE: Final = f"mutation Approve($input: DecideIsolationHoldInput!) {{ decideIsolationHold(input: $input) {{ {_ERRORS} }} }}"
_WAITING: Final = "query Waiting { serviceAccesses(first: 1, filter: {inSync: false}) { totalCount } }"
_BLOCKED: Final = """query Blocked($device: ID!, $after: String) {
  serviceAccesses(first: 200, after: $after, filter: {blocked: true, deviceId: $device}) {
    nodes { key actual customer { id outstanding } } pageInfo { hasNextPage endCursor } } }"""
_PAY: Final = f"mutation Pay($input: RecordPaymentInput!) {{ recordPayment(input: $input) {{ {_ERRORS} }} }}"
_DAYS: Final = 20


class NotAsItWas(Exception):
    """The state of a device is wrong."""


@dataclass(slots=True)
class Device:
    """A running device that is registered in SeBilling, with its figures so far."""

    gear: Gear
    running: Running
    id: str
    before: Mapping[str, Any]
    """State of every customer before anybody is blocked."""
    answers: dict[str, list[str]] = field(default_factory=dict)
    """What customers got at each connection, by key."""
    blocked: int = 0
    restored: int = 0
    restore_seconds: float = 0.0
    wrongly_blocked: int = 0

    def figures(self) -> dict[str, Any]:
        """Return the figures for JSON."""
        return {
            "kind": self.gear.kind, "name": self.gear.name, "customers": len(self.before), "blocked": self.blocked,
            "restored": self.restored, "restoreSeconds": self.restore_seconds, "wronglyBlocked": self.wrongly_blocked,
        }  # fmt: skip

    def dial(self, keys: Sequence[str]) -> None:
        """Connect these customers and record what each gets."""
        for key, words in self.running.run(self.gear.dial(keys)).items():
            self.answers.setdefault(key, []).append(words)


def kinds(*, full: bool) -> list[type[Gear]]:
    """Return the router if it can run here; with `full` every kind, whether it can run or not."""
    return list(KINDS) if full else [kind for kind in (Router,) if not kind.problem()]


def customers_of(admin: Any, shares: int) -> list[list[Any]]:
    """Return the first customers, split into so many shares."""
    customers: list[Any] = []
    after = None
    while len(customers) < _MOST:
        page = admin.ask(_CUSTOMERS, first=min(200, _MOST - len(customers)), after=after)
        customers += page["nodes"]
        after = page["pageInfo"]["endCursor"]
        if after is None:
            break
    return [customers[number::shares] for number in range(shares)]


def connect(admin: Any, stack: ExitStack, kind: type[Gear], customers: Sequence[Any]) -> Device:
    """Start a device, which stops with the stack; configure the customers on it, and register both in SeBilling."""
    device_thread = stack.enter_context(running(kind))
    gear = device_thread.gear
    keys = {customer["id"]: kind.key(number, customer["pppoeName"]) for number, customer in enumerate(customers)}
    device_thread.run(gear.put([Subscriber(keys[customer["id"]], customer["plan"]["name"]) for customer in customers]))
    device = admin.ask(_DEVICE, input={"name": gear.name, "kind": gear.kind, "config": gear.config()})["device"]
    for customer_id, key in keys.items():
        access = {"customerId": customer_id, "deviceId": device["id"], "serviceKind": gear.service, "key": key}
        admin.ask(_ACCESS, input=access)
    return Device(gear, device_thread, device["id"], device_thread.run(gear.state()))


def isolate(admin: Any, devices: Sequence[Device]) -> bool:
    """Block overdue customers and wait until all devices are in sync; return whether the sweep was held for approval first.

    Raises NotAsItWas if a device has another state.
    """
    admin.ask(_POLICY, input={"mode": "FROM_INVOICE", "days": _DAYS})
    held = bool(admin.ask(_RUN)["held"])
    if held:
        for hold in admin.ask(_HOLDS)["nodes"]:
            admin.ask(_APPROVE, input={"id": hold["id"], "approved": True})
        admin.ask(_RUN)
    _in_sync(admin)
    for device in devices:
        examine(admin, device)
        device.blocked = len(_blocked(admin, device))
    return held


def _in_sync(admin: Any) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while admin.ask(_WAITING)["totalCount"]:
        if time.monotonic() > deadline:
            raise TimeoutError("the devices aren't in sync after a minute: see serviceAccesses(filter: {inSync: false})")
        time.sleep(0.02)


def _blocked(admin: Any, device: Device) -> list[Any]:
    """Return the accesses on the device that SeBilling wants blocked."""
    accesses: list[Any] = []
    after = None
    while True:
        page = admin.ask(_BLOCKED, device=device.id, after=after)
        accesses += page["nodes"]
        if not page["pageInfo"]["hasNextPage"]:
            return accesses
        after = page["pageInfo"]["endCursor"]


def restore(admin: Any, device: Device, *, alone: bool) -> list[str]:
    """Pay for some of the blocked customers; return their keys. `alone`: there is no other device."""
    payers = _blocked(admin, device)
    payers = payers[:_PAYERS] if alone else payers[:-1][:_PAYERS_OF_EACH]
    for access in payers:
        owed = access["customer"]["outstanding"]
        payment = {"customerId": access["customer"]["id"], "amount": owed, "method": "QRIS", "idempotencyKey": str(uuid.uuid4())}
        began = time.perf_counter()
        admin.ask(_PAY, input=payment)
        _in_sync(admin)
        device.restore_seconds = round(max(device.restore_seconds, time.perf_counter() - began), 3)
        device.restored += device.running.run(device.gear.state())[access["key"]] == device.before[access["key"]]
    return [access["key"] for access in payers]


def go_online(admin: Any, devices: Sequence[Device]) -> None:
    """Connect every customer who should be blocked."""
    for device in devices:
        device.dial([access["key"] for access in _blocked(admin, device)])


def examine(admin: Any, device: Device) -> None:
    """Count customers who are blocked without reason, or although they owe nothing.

    Raises NotAsItWas if somebody who should be blocked isn't, or anybody else isn't exactly as before.
    """
    should = {access["key"]: access["customer"]["outstanding"] for access in _blocked(admin, device)}
    blocked = device.running.run(device.gear.blocked_keys())
    device.wrongly_blocked = len(blocked - set(should)) + sum(1 for key in blocked & set(should) if should[key] == 0)
    if unblocked := sorted(set(should) - blocked):
        raise NotAsItWas(f"{device.gear.name}: {', '.join(unblocked[:5])} should be blocked")
    now = device.running.run(device.gear.state())
    if changed := [key for key, state in device.before.items() if key not in should and now.get(key) != state]:
        raise NotAsItWas(f"{device.gear.name}: {', '.join(changed[:5])} should be unchanged")


def dialled(devices: Sequence[Device]) -> list[str]:
    """Describe, for each device, what one customer got at each connection: before, while blocked and after paying.

    Raises NotAsItWas if a blocked customer got the same as before, or a payer didn't.
    """
    lines = []
    for device in devices:
        for key, (before, blocked, *after) in ((key, answers) for key, answers in device.answers.items() if len(answers) > 1):
            if blocked == before or [answer for answer in after if answer != before]:
                raise NotAsItWas(f"{device.gear.name} gave {key} {device.answers[key]}")
        if whole := next((key for key, answers in device.answers.items() if len(answers) > 2), None):
            lines.append(f"{whole}: {'; blocked: '.join(device.answers[whole][:2])}; restored: {device.answers[whole][2]}")
    return lines
