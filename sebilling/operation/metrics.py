"""Metrics for Prometheus, at /metrics on a port of their own (SEBILLING_METRICS_PORT), which customers don't reach.

Requests are counted as they end; the rest are the figures of `status`, read every REFRESH_SECONDS, so that scraping costs the database
nothing. A part's level is the one that `sebilling status` tells: alerts and people see the same.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, start_http_server
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from sebilling import __version__
from sebilling.db.engine import Database
from sebilling.errors import DatabaseUnavailable
from sebilling.failures import failures_told
from sebilling.logs import errors_logged, get_logger
from sebilling.operation import status
from sebilling.operation.status import Figures, Level, Space
from sebilling.operator_errors import PortTaken

_log = get_logger(__name__)
REFRESH_SECONDS: Final = 10.0
MAX_OPERATIONS: Final = 200
"""Names of operations that are counted apart, as clients choose them; the others are counted as `other`."""
_BUCKETS: Final = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
_LEVELS: Final = {Level.GOOD: 0, Level.WARNING: 1, Level.BAD: 2}


class _Kept(Collector):
    """Counts that are kept elsewhere, by one label."""

    def __init__(self, name: str, text: str, label: str, read: Callable[[], Mapping[str, int]]) -> None:
        self._name, self._text, self._label, self._read = name, text, label, read

    def collect(self) -> Iterable[CounterMetricFamily]:
        """Yield the current counts."""
        family = CounterMetricFamily(self._name, self._text, labels=[self._label])
        for value, count in self._read().items():
            family.add_metric([value], count)
        yield family


class Metrics:
    """Metrics of one process, in a registry of their own."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self._operations: set[str] = set()
        self._requests = Counter("sebilling_requests", "Requests, by operation and status.", ["operation", "status"], registry=registry)
        self._seconds = Histogram("sebilling_request_seconds", "Duration of requests.", ["operation"], registry=registry, buckets=_BUCKETS)
        Gauge("sebilling_info", "Version of this process.", ["version"], registry=registry).labels(__version__).set(1)
        self._up = Gauge("sebilling_database_up", "Whether the database answered the last look.", registry=registry)
        self._levels = Gauge("sebilling_part_level", "State of a part: 0 good, 1 warning, 2 bad.", ["part"], registry=registry)
        self._figures = {
            name: Gauge(f"sebilling_{name}", text, registry=registry)
            for name, text in (
                ("database_bytes", "Size of the database."),
                ("database_connections", "Connections of all clients to the database server."),
                ("workers", "Worker processes that report."),
                ("feed_number", "Last number of the feed."),
                ("feed_lag_seconds", "Age of the oldest event without a number."),
                ("isolation_due", "Accesses to be blocked or restored on devices that answer."),
                ("isolation_lag_seconds", "Age of the oldest of them."),
                ("devices", "Devices that are switched on."),
                ("devices_away", "Devices that don't answer."),
                ("generation_failing", "Generation runs that fail."),
                ("plugins_failing", "Plugins that can't take events."),
                ("plugin_events_waiting", "Events that the slowest plugin hasn't seen."),
                ("backup_age_seconds", "Age of the last backup; -1: none."),
                ("disk_free_bytes", "Free space of the disk with SEBILLING_VAR."),
            )
        }
        registry.register(_Kept("sebilling_logged_errors", "Lines of the level error in the log, by event.", "event", errors_logged))
        registry.register(_Kept("sebilling_failures", "Failures of ours that callers were told, by code.", "code", failures_told))

    def request(self, operation: str, status_code: int, seconds: float) -> None:
        """Count a request that ended."""
        if operation not in self._operations:
            if len(self._operations) < MAX_OPERATIONS:
                self._operations.add(operation)
            else:
                operation = "other"
        self._requests.labels(operation, str(status_code)).inc()
        self._seconds.labels(operation).observe(seconds)

    def show(self, figures: Figures, space: Space) -> None:
        """Take over the figures, and the levels that they imply."""
        backup = -1 if figures.backup_at is None else (figures.at - figures.backup_at).total_seconds()
        values: dict[str, float] = {
            "database_bytes": figures.database_bytes, "database_connections": figures.connections, "workers": figures.workers,
            "feed_number": figures.feed_number, "feed_lag_seconds": figures.unnumbered_seconds, "isolation_due": figures.due,
            "isolation_lag_seconds": figures.due_seconds, "devices": figures.devices, "devices_away": len(figures.devices_away),
            "generation_failing": figures.failing_runs, "plugins_failing": len(figures.failing_plugins),
            "plugin_events_waiting": figures.undelivered, "backup_age_seconds": backup, "disk_free_bytes": space.free,
        }  # fmt: skip
        for name, gauge in self._figures.items():
            gauge.set(values[name])
        for part in status.judge(figures, space):
            self._levels.labels(part.name).set(_LEVELS[part.level])
        self._up.set(1)

    def text(self) -> str:
        """What is served at /metrics."""
        return generate_latest(self._registry).decode()

    def listen(self, host: str, port: int) -> int:
        """Serve /metrics in a thread until the process ends; return the port. Raises PortTaken."""
        try:
            server, _ = start_http_server(port, addr=host, registry=self._registry)
        except OSError as error:
            raise PortTaken(host=host, port=port, why=str(error.strerror)) from error
        return server.server_port

    async def keep_current(self, database: Database, var: Path) -> None:
        """Read the figures every REFRESH_SECONDS, until cancelled. While the database is away only that is told."""
        while True:
            try:
                self.show(await status.read_figures(database), Space.of(var))
            except DatabaseUnavailable:
                self._up.set(0)
            except Exception:  # noqa: BLE001 - whatever it is, watching goes on
                _log.exception("metrics_failed")
            await asyncio.sleep(REFRESH_SECONDS)
