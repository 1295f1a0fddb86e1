"""The leak audit: what a device gives away that isn't sold, compared with the customers of SeBilling. Changes nothing.

It is found by reading the device's accounts, who is online now, and each access's state:

* an account that is on and is nobody's, so that no invoice is ever written for it;
* someone who is to be blocked, or isn't a customer any more, and has access;
* an account that is faster than the customer's plan;
* a name that is online more than once at a time.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sqlalchemy import text

from sebilling.db.engine import ReadSession
from sebilling.language import Sentence
from sebilling.network import asking, devices
from sebilling.network.access_rows import COLUMNS, TABLES, AccessRow
from sebilling.network.engine import Engine
from sebilling.plugins.contract import (
    CustomerSource,
    DeviceConfig,
    DeviceError,
    Fault,
    IsolationDriver,
    Reading,
    Snapshot,
    State,
    Subscriber,
    Usage,
    UsageReader,
)

SECONDS: Final = 300.0
"""Deadline of reading one device."""
_FASTER_BY: Final = 1.05
"""A speed is faster than sold beyond this factor: devices round."""
_ACCESSES: Final = text(f"SELECT {COLUMNS}, desired, snapshot, active FROM {TABLES} WHERE device_id = :device")


class LeakKind(StrEnum):
    """What is given away."""

    NOT_A_CUSTOMER = "NOT_A_CUSTOMER"
    UNPAID = "UNPAID"
    ENDED = "ENDED"
    FASTER_THAN_SOLD = "FASTER_THAN_SOLD"
    DOUBLE_LOGIN = "DOUBLE_LOGIN"


@dataclass(frozen=True, slots=True)
class Leak:
    """One leak: the account's key, and the access and customer if it is somebody's."""

    kind: LeakKind
    key: str
    service_kind: str
    access_id: int | None
    customer_id: int | None
    detail: Sentence


@dataclass(frozen=True, slots=True)
class Audit:
    """What was read of a device, and the leaks by kind and key."""

    accounts: int
    online: int | None
    """Open sessions; None: the driver can't tell, so that double logins aren't found."""
    leaks: Sequence[Leak]


@dataclass(frozen=True, slots=True)
class _Access(AccessRow):
    """A service access, with what it should be."""

    desired: str
    snapshot: Snapshot | None
    active: bool


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the device says."""

    accounts: Sequence[Subscriber]
    usages: Sequence[Usage] | None
    readings: Mapping[int, Reading]


async def audit(engine: Engine, device_id: int) -> Audit:
    """Read a device and find its leaks. Raises NotFound, InvalidDevice (its driver can't list accounts), DeviceBusy, DeviceUnusable."""
    async with engine.database.reading() as session:
        rows = await _accesses(session, device_id)
    seen = await asking.ask(engine, device_id, lambda driver: _see(driver, rows), seconds=SECONDS)
    leaks = [*_unknown(seen, rows), *_unpaid(seen, rows), *_faster(seen, rows), *_double(seen, rows)]
    leaks.sort(key=lambda leak: (list(LeakKind).index(leak.kind), leak.key))
    return Audit(len(seen.accounts), None if seen.usages is None else len(seen.usages), leaks)


async def _accesses(session: ReadSession, device_id: int) -> list[_Access]:
    return list(await session.rows(_ACCESSES, {"device": device_id}, into=_Access))


async def _see(driver: IsolationDriver[DeviceConfig], rows: Sequence[_Access]) -> _Seen:
    if not isinstance(driver, CustomerSource):
        why = Sentence(
            f"the driver {driver.kind} can't list the accounts of its device, so nothing can be compared.",
            f"driver {driver.kind} tidak bisa membaca daftar akun perangkatnya, jadi tidak ada yang bisa dibandingkan.",
        )
        raise DeviceError(Fault.REFUSED, why, retryable=False)
    kind = type(driver)
    accounts = [devices.spelled(kind, account) for account in await driver.read_customers()]
    usages = [devices.spelled(kind, usage) for usage in await driver.read_usage()] if isinstance(driver, UsageReader) else None
    snapshots = {row.id: row.snapshot for row in rows if row.snapshot is not None}
    return _Seen(accounts, usages, await driver.read_state([row.ref for row in rows], snapshots))


def _unknown(seen: _Seen, rows: Sequence[_Access]) -> list[Leak]:
    known = {(row.service_kind, row.key) for row in rows}
    return [
        Leak(
            LeakKind.NOT_A_CUSTOMER, account.key, account.service_kind, None, None,
            Sentence(
                f"on, with {account.plan or 'no plan'}, and nobody's: make it a customer, or switch it off",
                f"aktif, dengan {account.plan or 'tanpa paket'}, dan bukan milik siapa pun: jadikan pelanggan, atau matikan",
            ),
        )
        for account in seen.accounts
        if not account.disabled and account.left_out is None and (account.service_kind, account.key) not in known
    ]  # fmt: skip


def _unpaid(seen: _Seen, rows: Sequence[_Access]) -> list[Leak]:
    leaks = []
    for row in rows:
        reading = seen.readings.get(row.id)
        if reading is None or reading.actual is not State.ACTIVE:
            continue
        if row.desired == State.BLOCKED:
            detail = Sentence(f"{row.code} is to be blocked and has access", f"{row.code} harus terisolir tetapi masih punya akses")
            leaks.append(Leak(LeakKind.UNPAID, row.key, row.service_kind, row.id, row.customer_id, detail))
        elif not row.active:
            detail = Sentence(
                f"{row.code} gets no invoices any more and has access", f"{row.code} tidak ditagih lagi tetapi masih punya akses"
            )
            leaks.append(Leak(LeakKind.ENDED, row.key, row.service_kind, row.id, row.customer_id, detail))
    return leaks


def _faster(seen: _Seen, rows: Sequence[_Access]) -> list[Leak]:
    accounts = {(account.service_kind, account.key): account for account in seen.accounts}
    leaks = []
    for row in rows:
        account = accounts.get((row.service_kind, row.key))
        if account is None or row.rate_down_kbps is None or account.rate_down_kbps is None:
            continue
        if account.rate_down_kbps > row.rate_down_kbps * _FASTER_BY:
            detail = Sentence(
                f"{row.code} bought {row.rate_down_kbps} kbps and gets {account.rate_down_kbps}",
                f"{row.code} membeli {row.rate_down_kbps} kbps dan mendapat {account.rate_down_kbps}",
            )
            leaks.append(Leak(LeakKind.FASTER_THAN_SOLD, row.key, row.service_kind, row.id, row.customer_id, detail))
    return leaks


def _double(seen: _Seen, rows: Sequence[_Access]) -> list[Leak]:
    owners = {(row.service_kind, row.key): row for row in rows}
    times = Counter((usage.service_kind, usage.key) for usage in seen.usages or ())
    leaks = []
    for (kind, key), count in times.items():
        if count > 1:
            row = owners.get((kind, key))
            detail = Sentence(f"online {count} times at once", f"online {count} kali sekaligus")
            access_id, customer_id = (None, None) if row is None else (row.id, row.customer_id)
            leaks.append(Leak(LeakKind.DOUBLE_LOGIN, key, kind, access_id, customer_id, detail))
    return leaks
