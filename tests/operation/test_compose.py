"""compose.yaml has what a deployment needs. There is no Docker here: the Compose specification's schema checks it, and its essentials
are looked at."""

import re
import subprocess
import sys
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped] # it has no types of its own

from sebilling.config import Settings

ROOT = Path(__file__).parents[2]
OURS = ("app", "worker", "migrate")


@pytest.fixture(scope="module")
def compose() -> Any:
    return yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))


def faults(text: str, folder: Path) -> str:
    """What the schema of the Compose specification has against a file; empty if nothing."""
    file = folder / "compose.yaml"
    file.write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", file.name]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=60)
    return done.stdout + done.stderr if done.returncode else ""


@pytest.mark.parametrize(
    ("line", "wrong"),
    [("stop_grace_period:", "stop_grace_periods:"), ("cap_drop: [ALL]", "cap_drop: ALL"), ("", "")],
)
def test_the_specifications_schema_has_nothing_against_it(tmp_path: Path, line: str, wrong: str) -> None:
    text = (ROOT / "compose.yaml").read_text(encoding="utf-8")
    assert line in text
    found = faults(text.replace(line, wrong), tmp_path)
    assert bool(found) is bool(line), found


def test_every_setting_of_ours_is_one(compose: Any) -> None:
    known = {f"SEBILLING_{name.upper()}" for name in Settings.model_fields}
    for name in OURS:
        assert set(compose["services"][name]["environment"]) <= known


def test_what_must_be_set_is_asked_for_and_nothing_else(compose: Any) -> None:
    text = (ROOT / "compose.yaml").read_text(encoding="utf-8")
    assert set(re.findall(r"\$\{(\w+):\?", text)) == {
        "SEBILLING_ALLOWED_HOSTS", "SEBILLING_SECRET_KEY", "SEBILLING_BACKUP_PASSPHRASE", "POSTGRES_PASSWORD",
    }  # fmt: skip
    assert not re.findall(r"\$\{\w+\}", text)


def test_it_answers_under_its_name_and_tells_clients_apart(compose: Any) -> None:
    proxy = compose["services"]["proxy"]
    address = proxy["networks"]["default"]["ipv4_address"]
    (network,) = compose["networks"]["default"]["ipam"]["config"]
    assert ip_address(address) in ip_network(network["subnet"])
    assert ip_address(address) not in ip_network(network["ip_range"])
    for name in OURS:
        environment = compose["services"][name]["environment"]
        assert environment["SEBILLING_ALLOWED_HOSTS"].startswith("${SEBILLING_ALLOWED_HOSTS:?")
        assert environment["SEBILLING_TRUSTED_PROXIES"] == address
    assert [name for name, service in compose["services"].items() if "ports" in service] == ["proxy"], "nobody gets past it"
    assert proxy["environment"]["SEBILLING_NAME"] == compose["services"]["app"]["environment"]["SEBILLING_ALLOWED_HOSTS"]
    asked = set(re.findall(r"\{\$(\w+)", (ROOT / "deploy" / "caddy" / "Caddyfile").read_text(encoding="utf-8")))
    assert asked == set(proxy["environment"])
    assert (proxy["cap_drop"], proxy["cap_add"], proxy["security_opt"]) == (["ALL"], ["NET_BIND_SERVICE"], ["no-new-privileges:true"])


def test_whoever_gets_in_changes_nothing_and_backups_are_made(compose: Any) -> None:
    for name in OURS:
        service = compose["services"][name]
        assert (service["read_only"], service["cap_drop"], service["security_opt"]) == (True, ["ALL"], ["no-new-privileges:true"])
        written = {volume.partition(":")[2] for volume in service["volumes"]} | set(service["tmpfs"])
        assert written == {"/home/sebilling/var", "/home/sebilling/backups", "/tmp"}  # noqa: S108 - the container's own
        assert service["environment"]["SEBILLING_BACKUP_TO"] in written


def test_it_is_built_once_watched_and_its_logs_have_an_end(compose: Any) -> None:
    services = compose["services"]
    assert {(services[name]["image"], services[name]["build"]) for name in OURS} == {("sebilling:local", ".")}
    assert services["worker"]["healthcheck"]["test"] == ["CMD", "sebilling", "workers", "--here"]
    assert services["db"]["healthcheck"]["test"]
    for one in services.values():
        assert one["logging"]["options"]["max-size"]
        assert int(one["stop_grace_period"].removesuffix("s")) > 20
    assert "user add admin" in (ROOT / "compose.yaml").read_text(encoding="utf-8")
