"""Rows of open sessions as `Usage`. Counters and directions are the customer's: what the router receives is their upload."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from sebilling.plugins.contract import Usage

from sebilling_mikrotik.durations import seconds_of
from sebilling_mikrotik.session import Row


def pppoe_usage(sessions: Sequence[Row], interfaces: Sequence[Row], *, at: datetime) -> list[Usage]:
    """Return the PPPoE sessions. RouterOS names a session's interface after its account: `<pppoe-budi>`, then `<pppoe-budi-1>`.

    The counters are left out for accounts with several sessions, as the interfaces of these can't be told apart.
    """
    counters = {row.get("name", ""): row for row in interfaces}
    ours = [row for row in sessions if row.get("service", "pppoe") == "pppoe"]
    names = [row.get("name", "") for row in ours]
    several = {name for name, count in Counter(names).items() if count > 1}
    return [
        Usage(
            name, "PPPOE", _since(row, at), row.get("address", ""), row.get("caller-id", ""),
            _number(counter, "rx-byte"), _number(counter, "tx-byte"),
        )
        for name, row in zip(names, ours, strict=True)
        for counter in [{} if name in several else counters.get(f"<pppoe-{name}>", {})]
    ]  # fmt: skip


def hotspot_usage(sessions: Sequence[Row], *, at: datetime) -> list[Usage]:
    """Return the hotspot's sessions."""
    return [
        Usage(
            row.get("user", ""), "HOTSPOT", _since(row, at), row.get("address", ""), row.get("mac-address", ""),
            _number(row, "bytes-in"), _number(row, "bytes-out"),
        )
        for row in sessions
    ]  # fmt: skip


def lease_usage(leases: Sequence[Row]) -> list[Usage]:
    """Return the leases that are bound. Leases count no bytes."""
    bound = [row for row in leases if row.get("status") == "bound"]
    return [
        Usage(row.get("mac-address", ""), "DHCP", None, row.get("active-address") or row.get("address", ""), row.get("mac-address", ""))
        for row in bound
    ]


def queue_usage(queues: Sequence[Row]) -> list[Usage]:
    """Return the queues through which something flows now. Their bytes are since the queue's counters were reset."""
    usages: list[Usage] = []
    for row in queues:
        rates, counts = row.get("rate", "").split("/"), row.get("bytes", "").split("/")
        if not any(rate.rstrip("bps").strip("0") for rate in rates):
            continue
        up, down = (int(count) if count.isdecimal() else None for count in (counts if len(counts) == 2 else ("", "")))
        usages.append(Usage(row.get("name", ""), "QUEUE", None, row.get("target", "").removesuffix("/32"), "", up, down))
    return usages


def _since(row: Row, at: datetime) -> datetime | None:
    seconds = seconds_of(row.get("uptime", ""))
    return None if seconds is None else at - timedelta(seconds=seconds)


def _number(row: Row, name: str) -> int | None:
    value = row.get(name, "")
    return int(value) if value.isdecimal() else None
