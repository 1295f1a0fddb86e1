"""Metrics of real processes: what Prometheus reads there, and alerts that fire by their faults and by nothing else."""

import asyncio
import json
import re
import shutil
import socket
import subprocess
import time
from pathlib import Path

import httpx
import pytest
import yaml  # type: ignore[import-untyped]  # its stubs are another package, for two calls
from graphql import GraphQLError
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from sebilling.db.engine import Database
from sebilling.error_codes import ErrorCode
from sebilling.errors import DatabaseUnavailable
from sebilling.failures import failures_told
from sebilling.logs import counted, errors_logged
from sebilling.operation import status
from sebilling.operation.metrics import MAX_OPERATIONS, Metrics
from sebilling.operation.status import Space
from sebilling.operator_errors import PortTaken
from sebilling.schema.request.errors import formatted
from tests.harness import SECRET_KEY, Api, Isp
from tests.operation.test_status import ROOMY, WELL
from tests.processes import ServerProcess, WorkerProcess

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES = DEPLOY / "prometheus" / "sebilling.rules.yml"
_NAME = re.compile(r"\b(sebilling_[a-z_]{1,60})\b")


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


async def scraped(port: int) -> tuple[str, dict[str, float]]:
    """The text, and each sample as `name{label=value}`."""
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"http://127.0.0.1:{port}/metrics")
    assert answer.status_code == 200
    samples = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            samples[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return answer.text, samples


async def test_what_is_counted_and_read_is_scraped(committed: Database, tmp_path: Path) -> None:
    await Isp.make(committed)
    metrics = Metrics()
    port = metrics.listen("127.0.0.1", 0)
    with pytest.raises(PortTaken, match=str(port)):
        metrics.listen("127.0.0.1", port)
    for _ in range(3):
        metrics.request("pay", 200, 0.03)
    metrics.request("pay", 500, 3)
    looking = asyncio.create_task(metrics.keep_current(committed, tmp_path))
    try:
        text, samples = await scraped(port)
        for _ in range(100):
            if samples["sebilling_database_up"]:
                break
            await asyncio.sleep(0.05)
            text, samples = await scraped(port)
    finally:
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
    assert samples["sebilling_requests_total{operation=pay,status=200}"] == 3
    assert samples["sebilling_requests_total{operation=pay,status=500}"] == 1
    assert (
        samples["sebilling_request_seconds_bucket{le=0.05,operation=pay}"],
        samples["sebilling_request_seconds_count{operation=pay}"],
    ) == (3, 4)
    figures = await status.read_figures(committed)
    assert samples["sebilling_feed_number"] == figures.feed_number
    assert samples["sebilling_backup_age_seconds"] == -1
    levels = {part.name: part.level for part in status.judge(figures, Space.of(tmp_path))}
    shown = {name: samples[f"sebilling_part_level{{part={name}}}"] for name in levels}
    assert shown == {name: ["GOOD", "WARNING", "BAD"].index(level) for name, level in levels.items()}
    if shutil.which("promtool"):
        checked = await asyncio.to_thread(
            lambda: subprocess.run(["promtool", "check", "metrics"], input=text.encode(), capture_output=True, check=False)
        )
        assert checked.returncode == 0, checked.stdout + checked.stderr


async def test_a_database_that_is_away_is_told_and_nothing_else_is_invented(tmp_path: Path) -> None:
    away = Database("postgresql+asyncpg://nobody@127.0.0.1:1/nothing")
    metrics = Metrics()
    port = metrics.listen("127.0.0.1", 0)
    looking = asyncio.create_task(metrics.keep_current(away, tmp_path))
    await asyncio.sleep(0.3)
    looking.cancel()
    await asyncio.gather(looking, return_exceptions=True)
    await away.close()
    _, samples = await scraped(port)
    assert samples["sebilling_database_up"] == 0
    assert not [name for name in samples if name.startswith("sebilling_part_level")]


async def test_a_database_that_gives_no_answer_is_told_as_away(
    committed: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status, "ANSWER_SECONDS", 0.3)
    monkeypatch.setattr("sebilling.operation.metrics.REFRESH_SECONDS", 0.05)
    isp, metrics = await Isp.make(committed), Metrics()
    looking = asyncio.create_task(metrics.keep_current(committed, tmp_path))

    async def told(wanted: int) -> None:
        until = time.monotonic() + 20
        while f"sebilling_database_up {wanted}.0" not in metrics.text():
            assert time.monotonic() < until, wanted
            await asyncio.sleep(0.05)

    await told(1)
    async with isp.write() as session:
        await session.execute(text("LOCK TABLE device IN ACCESS EXCLUSIVE MODE"))
        await told(0)
        with pytest.raises(DatabaseUnavailable, match="no answer within"):
            await status.read(committed, tmp_path)
    await told(1)
    looking.cancel()
    await asyncio.gather(looking, return_exceptions=True)


def test_names_that_clients_choose_are_bounded() -> None:
    metrics = Metrics()
    for number in range(MAX_OPERATIONS * 3):
        metrics.request(f"invented{number}", 200, 0.001)
    text = metrics.text()
    assert text.count("sebilling_requests_total{") == MAX_OPERATIONS + 1
    assert f'operation="other",status="200"}} {float(MAX_OPERATIONS * 2)}' in text


def test_errors_of_the_log_are_counted_by_our_names_only() -> None:
    before = dict(errors_logged())
    for event, method in (("unexpected_error", "error"), ("Task <x> exception was never retrieved", "error"), ("request", "info")):
        counted(None, method, {"event": event})
    grown = {name: count - before.get(name, 0) for name, count in errors_logged().items() if count != before.get(name, 0)}
    assert grown == {"unexpected_error": 1, "library": 1}


async def test_failures_that_callers_are_told_are_counted_and_their_own_mistakes_are_not(database: Database) -> None:
    before = dict(failures_told())
    api = Api(database)
    await Isp.make(database)
    await api.sign_in("admin")
    await api.raw("{ customer(id: 3) { id } nothing }")
    assert failures_told() == before
    for error in (ValueError("never seen before"), DatabaseUnavailable(why="refused")):
        formatted(GraphQLError("", original_error=error), "en")
    grown = {code: count - before[code] for code, count in failures_told().items() if count > before[code]}
    assert grown == {ErrorCode.INTERNAL: 1, ErrorCode.DATABASE_UNAVAILABLE: 1}


def test_alerts_and_the_dashboard_name_metrics_that_exist(tmp_path: Path) -> None:
    metrics = Metrics()
    metrics.request("pay", 200, 0.1)
    counted(None, "error", {"event": "unexpected_error"})
    metrics.show(WELL, ROOMY)
    there = set(_NAME.findall(metrics.text()))
    expressions = [rule["expr"] for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]
    dashboard = json.loads((DEPLOY / "grafana" / "sebilling.json").read_text())
    expressions += [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    named = {name for expression in expressions for name in _NAME.findall(expression)}
    assert named - there == set()
    assert len(named) > 10


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool isn't installed (Debian: prometheus)")
def test_each_alert_fires_by_its_fault_and_by_nothing_else() -> None:
    tests = RULES.with_name("sebilling.rules.test.yml")
    done = subprocess.run(["promtool", "test", "rules", str(tests)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    fired = {
        case["alertname"]
        for test in yaml.safe_load(tests.read_text())["tests"]
        for case in test["alert_rule_test"]
        if case.get("exp_alerts")
    }
    assert fired == {rule["alert"] for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]}


async def test_a_server_and_a_worker_serve_theirs_on_a_port_of_their_own(committed: Database, tmp_path: Path) -> None:
    for process_of in (ServerProcess, WorkerProcess):
        port = free_port()
        process = process_of(committed.url, SEBILLING_METRICS_PORT=str(port), SEBILLING_VAR=str(tmp_path), SEBILLING_SECRET_KEY=SECRET_KEY)
        samples: dict[str, float] = {}
        try:
            for _ in range(300):
                try:
                    _, samples = await scraped(port)
                except httpx.TransportError:
                    samples = {}
                if samples.get("sebilling_part_level{part=DATABASE}") == 0:
                    break
                await asyncio.sleep(0.1)
            assert samples["sebilling_database_up"] == 1, process.log
            if isinstance(process, ServerProcess):
                async with httpx.AsyncClient() as client:
                    await client.get(f"{process.address}/healthz")
                    await client.post(f"{process.address}/graphql", json={"query": "query Invented { me { id } }"})
                    assert "sebilling_" not in (await client.get(f"{process.address}/metrics")).text, "customers don't reach it"
                shown, samples = await scraped(port)
                assert samples["sebilling_requests_total{operation=,status=200}"] >= 1
                assert "Invented" not in shown, "strangers choose no names"
        finally:
            process.stop()
