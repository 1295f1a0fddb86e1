"""What may be sent, and what never is: templates, keys and settings that would do something else are refused."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from sebilling.plugins.contract import Ref

from sebilling_olt import HuaweiDriver, ZteDriver, ZteLanDriver
from sebilling_olt.driver import OltDriver
from sebilling_olt.onu import Onu
from sebilling_olt.templates import rendered

from .conftest import context

PLAIN = {"host": "olt", "username": "u", "password": "x"}
DRIVERS: dict[str, type[OltDriver[Any]]] = {"olt.huawei": HuaweiDriver, "olt.zte": ZteDriver, "olt.zte_lan": ZteLanDriver}


def settings(kind: str, method: str, **commands: object) -> dict[str, object]:
    """Settings with the method's usual commands, and these in their place."""
    usual = DRIVERS[kind].config_model.model_validate(PLAIN | {"method": method}).templates.model_dump()
    return PLAIN | {"method": method, "commands": usual | commands}


@pytest.mark.parametrize(
    ("kind", "method", "place", "command"),
    [
        ("olt.huawei", "deactivate", "block", "ont delete {port} {onu}"),
        ("olt.huawei", "deactivate", "restore", "ont delete {port} {onu}"),
        ("olt.huawei", "deactivate", "block", "undo ont {port} {onu}"),
        ("olt.huawei", "deactivate", "block", "ont reset {port} {onu}"),
        ("olt.huawei", "deactivate", "block", "ont deactivate {port} all"),
        ("olt.huawei", "deactivate", "block", "ont deactivate {port} 0"),
        ("olt.huawei", "deactivate", "block", "ont activate {port} {onu}"),
        ("olt.huawei", "deactivate", "block", "shutdown {port}"),
        ("olt.huawei", "deactivate", "block", "ont deactivate {port} {onu} "),
        ("olt.huawei", "deactivate", "block", " ont deactivate {port} {onu}"),
        ("olt.huawei", "deactivate", "block", ""),
        ("olt.huawei", "deactivate", "save", "erase flash data"),
        ("olt.huawei", "deactivate", "save", "reboot system"),
        ("olt.huawei", "deactivate", "save", "reset saved-configuration"),
        ("olt.huawei", "deactivate", "leave", "ont delete {port} {onu}"),
        ("olt.huawei", "deactivate", "read", "ont delete {port} {onu}"),
        ("olt.huawei", "deactivate", "read", "display current-configuration"),
        ("olt.zte", "state", "block", "no onu {onu}"),
        ("olt.zte", "state", "restore", "no onu {onu}"),
        ("olt.zte", "state", "block", "onu {onu} type X sn ZTEG00000000"),
        ("olt.zte", "state", "block", "shutdown"),
        ("olt.zte", "state", "save", "write erase"),
        ("olt.zte", "state", "save", "format flash"),
        ("olt.zte", "state", "read", "delete startrun.dat"),
        ("olt.zte", "shutdown", "restore", "no pon-onu-mng gpon-onu_{frame}/{slot}/{port}:{onu}"),
        ("olt.zte_lan", "lan", "block", "reboot"),
        ("olt.zte_lan", "lan", "block", "restore factory"),
        ("olt.zte_lan", "lan", "block", "no interface eth eth_0/{lan}"),
    ],
)
def test_a_template_that_does_anything_else_is_refused(kind: str, method: str, place: str, command: str) -> None:
    with pytest.raises(ValidationError) as caught:
        DRIVERS[kind].config_model.model_validate(settings(kind, method, **{place: command}))
    (error,) = caught.value.errors(include_input=False, include_url=False, include_context=False)
    assert "The usual is" in error["msg"] or "one line" in error["msg"] or "one of the commands" in error["msg"]


@pytest.mark.parametrize("place", ["read", "block", "restore", "leave", "save"])
@pytest.mark.parametrize(
    "more", ["\nreboot", "\rreboot", "\x00", ";reboot", " | no-more", "?", "\x1b[A", "\u2028reboot", "\x85reboot", "é"]
)
def test_a_template_is_one_plain_line(place: str, more: str) -> None:
    usual = HuaweiDriver.config_model.model_validate(PLAIN).templates.model_dump()
    with pytest.raises(ValidationError, match="one line of letters"):
        HuaweiDriver.config_model.model_validate(settings("olt.huawei", "deactivate", **{place: usual[place] + more}))


def test_placeholders_are_known_and_are_no_code() -> None:
    for wrong in ("ont deactivate {port} {name}", "ont deactivate {port} {}", "ont deactivate {port} {onu.__class__}"):
        with pytest.raises(ValidationError):
            HuaweiDriver.config_model.model_validate(settings("olt.huawei", "deactivate", block=wrong))


def test_shutdown_is_only_sent_on_an_onus_own_interface() -> None:
    with pytest.raises(ValidationError, match="isn't one of the commands"):
        ZteDriver.config_model.model_validate(settings("olt.zte", "shutdown", enter=["interface gpon-olt_{frame}/{slot}/{port}"]))


def test_templates_of_other_firmwares_are_taken() -> None:
    config = ZteDriver.config_model.model_validate(
        settings(
            "olt.zte", "state", read="show gpon onu state gpon_olt-{frame}/{slot}/{port}",
            enter=["interface gpon_olt-{frame}/{slot}/{port}"], save="write memory",
        )
    )  # fmt: skip
    lines = ZteDriver(config, context()).dry_run([Ref(1, "1/2/1:5")])
    assert lines[1:4] == ["show gpon onu state gpon_olt-1/2/1", "interface gpon_olt-1/2/1", "onu 5 state disable"]
    assert lines[-1] == "write memory"
    HuaweiDriver.config_model.model_validate(
        settings("olt.huawei", "deactivate", enter=["interface epon {frame}/{slot}"], save="save data")
    )


@pytest.mark.parametrize(
    "key",
    ["", "0/1/2", "0/1/2:", "0/1/2:5:6", "00/1/2:5", "0/1/2:05", "0/1/2:-1", "0/1/2:+1", "0/1/2:5\n", "\n0/1/2:5", "0/1/2:5\r\nreboot",
     "0/1/2:5;reboot", "0/1/2:5 6", "64/1/2:5", "0/1/2:256", "0/1/2:1e2", "０/1/2:5", "0/1/2:{onu}", "0/1/2:٣", "budi"],
)  # fmt: skip
def test_a_key_is_four_numbers_and_nothing_else(key: str) -> None:
    assert Onu.parse(key) is None


def test_every_place_has_one_key() -> None:
    for key in ("0/0/0:0", "1/2/1:5", "63/63/63:255"):
        onu = Onu.parse(key)
        assert onu is not None
        assert onu.key == key
    with pytest.raises(ValueError, match="never sent"):
        rendered("ont deactivate {port} {onu}\n", Onu(0, 1, 2, 3))
    with pytest.raises(ValueError, match="invalid literal"):
        rendered("{port}", Onu(0, 1, "1\nreboot", 3))  # type: ignore[arg-type]  # a wrong type is the point


@pytest.mark.parametrize(
    "more",
    [{"host": "olt\nx"}, {"host": "o lt"}, {"username": "u\rreboot"}, {"username": "u v"}, {"password": "x\r\nreboot"}, {"password": ""},
     {"enable_password": "x\n"}, {"host_fingerprint": "nonsense"}, {"host_fingerprint": "SHA256:short"}, {"transport": "rsh"},
     {"method": "delete"}],
)  # fmt: skip
def test_settings_hold_no_second_line(more: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        HuaweiDriver.config_model.model_validate(PLAIN | more)


def dry_run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "sebilling_olt", "dry-run", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[1])


def test_the_dry_run_prints_what_would_be_sent(tmp_path: Path) -> None:
    done = dry_run("olt.huawei", "0/1/2:5", "0/1/3:7", "0/2/0:1")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "config", "display ont info 0 1 2 all", "display ont info 0 1 3 all", "display ont info 0 2 0 all",
        "interface gpon 0/1", "ont deactivate 2 5", "ont deactivate 3 7", "quit", "interface gpon 0/2", "ont deactivate 0 1", "quit",
        "display ont info 0 1 2 all", "display ont info 0 1 3 all", "display ont info 0 2 0 all", "save",
    ]  # fmt: skip
    assert "no shutdown" in dry_run("olt.zte", "1/2/1:5", "--method", "shutdown", "--restore").stdout.splitlines()
    file = tmp_path / "olt.json"
    file.write_text('{"commands": {"block": "no onu {onu}"}}', encoding="utf-8")
    for wrong in (dry_run("olt.zte", "1/2/1:5", "--settings", str(file)), dry_run("olt.zte", "1/2/1:5\nreboot")):
        assert wrong.returncode == 2
        assert wrong.stderr
        assert not wrong.stdout
