"""Prometheus beside a cluster, with our alerts, whose times are a thirtieth: what waits half an hour in operation waits a minute here."""

import asyncio
import re
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import httpx
import yaml  # type: ignore[import-untyped]  # its types are a package of their own

from tools.cluster.cluster import Cluster
from tools.cluster.programs import Program

_RULES: Final = Path(__file__).parents[2] / "deploy" / "prometheus" / "sebilling.rules.yml"
ALERTS: Final = frozenset(
    rule["alert"] for group in yaml.safe_load(_RULES.read_text(encoding="utf-8"))["groups"] for rule in group["rules"]
)
QUICKER: Final = 30
_UNIT_MS: Final = {"s": 1_000, "m": 60_000}
_PORT: Final = 9090
_CONFIGURATION: Final = """
global: {{ scrape_interval: 500ms, scrape_timeout: 500ms, evaluation_interval: 500ms }}
rule_files: [rules.yml]
scrape_configs: [{{ job_name: sebilling, static_configs: [{{ targets: {targets} }}] }}]
"""


def quicker(rules: str) -> str:
    """The rules with each time divided."""
    return re.sub(r"(for: |\[)(\d+)([sm])\b", lambda found: f"{found[1]}{int(found[2]) * _UNIT_MS[found[3]] // QUICKER}ms", rules)


class Monitor:
    """Asks Prometheus."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http
        self.fired: set[str] = set()
        """Every alert that was seen to fire."""

    async def firing(self) -> set[str]:
        """Alerts that fire now; those of a part of `sebilling status` with its name, such as SebillingPartBad:DISK."""
        alerts = (await self._http.get("/api/v1/alerts")).raise_for_status().json()["data"]["alerts"]
        firing = [alert["labels"] for alert in alerts if alert["state"] == "firing"]
        self.fired |= {labels["alertname"] for labels in firing}
        return {":".join([labels["alertname"], *([labels["part"]] if "part" in labels else [])]) for labels in firing}

    async def tells(self, alerts: frozenset[str], seconds: float) -> None:
        """Wait until all of these fire."""
        until = time.monotonic() + seconds
        while not alerts <= (firing := await self.firing()):
            assert time.monotonic() < until, f"{sorted(alerts - firing)} should fire, not only {sorted(firing)}"
            await asyncio.sleep(0.2)

    async def forgets(self, alerts: frozenset[str], seconds: float) -> None:
        """Wait until none of these fires."""
        until = time.monotonic() + seconds
        while still := alerts & await self.firing():
            assert time.monotonic() < until, f"{sorted(still)} still fires"
            await asyncio.sleep(0.2)


@asynccontextmanager
async def watched(cluster: Cluster) -> AsyncIterator[Monitor]:
    """The cluster with Prometheus, on the address of its proxy."""
    program, folder = shutil.which("prometheus"), cluster.folder / "prometheus"
    assert program is not None, "prometheus isn't installed (Debian: prometheus)"
    folder.mkdir()
    (folder / "rules.yml").write_text(quicker(_RULES.read_text(encoding="utf-8")), encoding="utf-8")
    (folder / "prometheus.yml").write_text(_CONFIGURATION.format(targets=cluster.metrics), encoding="utf-8")
    address = f"{cluster.network.proxy}:{_PORT}"
    words = [program, "--config.file=prometheus.yml", "--storage.tsdb.path=data", f"--web.listen-address={address}"]
    process = Program(words, log=folder / "prometheus.log", run_as=None)
    process.start()
    try:
        async with httpx.AsyncClient(base_url=f"http://{address}", transport=httpx.AsyncHTTPTransport(retries=10)) as http:
            yield Monitor(http)
    finally:
        process.stop()
