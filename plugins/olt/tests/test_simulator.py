"""The simulator against software that we didn't write: netmiko as it is, OpenSSH, the parsers of ntc-templates, and bare sockets."""

import asyncio
import gc
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, Literal

import pytest
from netmiko import ConnectHandler, NetmikoAuthenticationException
from ntc_templates.parse import parse_output
from sebilling.plugins.testing import stopped_while_letting_in

from sebilling_olt.testing import FIRMWARES, Olt, Simulator

from .conftest import ENABLE, PASSWORD, Way, ways

TYPES = {
    ("huawei", "ssh"): "huawei_smartax",
    ("huawei", "telnet"): "huawei_olt_telnet",
    ("zte", "ssh"): "zte_zxros",
    ("zte", "telnet"): "zte_zxros_telnet",
}
KNOWN_TO_NETMIKO = [one for one in ways() if one.id.startswith(("huawei-ma5800", "zte-c320"))]
"""Netmiko's own login answers no YES.NO in Telnet and needs `infoswitch`, so only what it knows."""
PLAIN = "rahasia77"


def _by_netmiko(device_type: str, port: int) -> tuple[str, str, str]:
    line = ConnectHandler(device_type=device_type, host="127.0.0.1", port=port, username="sebilling", password=PLAIN, conn_timeout=5)
    if "huawei" in device_type:
        line.enable()
        shown = line.send_command("display ont info 0 1 1 all", read_timeout=5)
        line.send_config_set(["interface gpon 0/1", "ont deactivate 1 3", "quit"], exit_config_mode=True)
        after = line.send_command("display ont info 0 1 1 all", read_timeout=5)
    else:
        shown = line.send_command("show gpon onu state gpon-olt_1/2/1", read_timeout=5)
        line.send_config_set(["interface gpon-olt_1/2/1", "onu 3 state disable", "exit"], exit_config_mode=True)
        after = line.send_command("show gpon onu state gpon-olt_1/2/1", read_timeout=5)
    prompt = line.find_prompt()
    line.disconnect()
    return str(shown), str(after), prompt


@pytest.mark.parametrize("way", KNOWN_TO_NETMIKO, indirect=True)
async def test_netmiko_as_it_is_works_with_it(way: Way) -> None:
    olt = Olt(way.firmware)
    olt.user("sebilling", PLAIN)
    for number in range(40):
        olt.add(way.key(number))
    olt.add(way.key(3, port=2))
    async with Simulator(olt, transport=way.transport) as simulator:
        shown, after, prompt = await asyncio.to_thread(_by_netmiko, TYPES[way.firmware.maker, way.transport], simulator.port)
    assert prompt == f"{way.firmware.host}#"
    key = f"{way.key(0)[:-1]}3"
    assert [one.key for one, unit in olt.units.items() if unit.off] == [key]
    if way.firmware.maker == "huawei":
        rows = parse_output(platform="huawei_smartax", command="display ont info 0 1 1 all", data=after)  # type: ignore[no-untyped-call]  # foreign
        assert len(rows) == 40
        assert {row["ont_id"] for row in rows if row["control_flag"] == "deactive"} == {"3"}
        assert rows[3]["serial_number"] == olt.unit(key).sn
    else:
        assert "ONU Number: 40/40" in shown
        assert "ONU Number: 39/40" in after


async def test_netmiko_is_refused_with_a_wrong_password() -> None:
    olt = Olt(FIRMWARES["zte-c320"])
    async with Simulator(olt) as simulator:
        with pytest.raises(NetmikoAuthenticationException):
            await asyncio.to_thread(_by_netmiko, "zte_zxros", simulator.port)


@pytest.mark.skipif(shutil.which("ssh") is None, reason="no OpenSSH client")
@pytest.mark.parametrize("name", list(FIRMWARES))
async def test_openssh_works_with_it(name: str, tmp_path: Path) -> None:
    olt = Olt(FIRMWARES[name], enable_password=ENABLE)
    olt.user("sebilling", PASSWORD)
    way = Way(olt.firmware, "ssh", "")
    olt.add(way.key(5), off=True)
    ask = tmp_path / "ask"
    ask.write_text('#!/bin/sh\nprintf "%s\\n" "$OLT_PASSWORD"\n', encoding="utf-8")
    ask.chmod(0o700)
    async with Simulator(olt) as simulator:
        known = tmp_path / "known"
        known.write_text(f"[127.0.0.1]:{simulator.port} {simulator.public_key}\n", encoding="utf-8")
        words = ["yes"] * olt.firmware.yes_banner + ["enable"] * (not olt.firmware.lands_enabled) + [ENABLE] * olt.firmware.enable_asks
        if olt.firmware.maker == "huawei":
            words += ["undo smart", "display ont info 0 1 1 all", "quit", "y"]
        else:
            words += ["show gpon onu state gpon-olt_1/2/1", "exit"]
        process = await asyncio.create_subprocess_exec(
            "ssh", "-tt", "-p", str(simulator.port), "-o", "StrictHostKeyChecking=yes", "-o", f"UserKnownHostsFile={known}",
            "-o", "NumberOfPasswordPrompts=1", "-o", "PreferredAuthentications=password", "-F", "none", "sebilling@127.0.0.1",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            env=os.environ | {"SSH_ASKPASS": str(ask), "SSH_ASKPASS_REQUIRE": "force", "OLT_PASSWORD": PASSWORD, "DISPLAY": "none"},
        )  # fmt: skip
        async with asyncio.timeout(10):
            out, err = await process.communicate("".join(f"{word}\n" for word in words).encode())
        shown = out.decode()
    assert process.returncode == 0, err.decode()
    assert olt.firmware.host in shown
    assert ("deactive    offline  initial  initial  no" if olt.firmware.maker == "huawei" else "ONU Number: 0/1") in shown
    assert ENABLE not in shown


async def _until(reader: asyncio.StreamReader, end: bytes) -> bytes:
    async with asyncio.timeout(5):
        return await reader.readuntil(end)


async def test_telnet_byte_by_byte() -> None:
    """As RFC 854, 857, 858 and 1073 say, and as an MA5608T pages and asks."""
    olt = Olt(FIRMWARES["huawei-ma5608t"])
    olt.user("sebilling", PLAIN)
    for number in range(30):
        olt.add(f"0/1/1:{number}")
    async with Simulator(olt, transport="telnet") as simulator:
        reader, writer = await asyncio.open_connection("127.0.0.1", simulator.port)
        assert await _until(reader, b">>User name:") == b"\xff\xfb\x01\xff\xfb\x03\xff\xfd\x1f>>User name:"
        writer.write(b"\xff\xfd\x01\xff\xfd\x03\xff\xfb\x1f\xff\xfa\x1f\x00\x50\x00\xff\xff\xff\xf0sebilling\r\x00")
        assert await _until(reader, b">>User password:") == b"sebilling\r\n>>User password:"
        writer.write(PLAIN.encode() + b"\r\n")
        banner = await _until(reader, b"YES.NO:")
        assert PLAIN.encode() not in banner
        writer.write(b"yes\nenable\n")
        await _until(reader, b"MA5608T#")
        writer.write(b"display ont info 0 1 1 all\r")
        page = await _until(reader, b"---- More ( Press 'Q' to break ) ----")
        assert page.count(b"\r\n") == 1 + 24
        writer.write(b" ")
        assert (await _until(reader, b"---- More")).startswith(b"\x1b[37D" + b" " * 37 + b"\x1b[37D")
        await _until(reader, b"----")
        writer.write(b"q")
        await _until(reader, b"MA5608T#")
        writer.write(b"config\ninterface gpon 0/1\nont deactivate 1 3\n")
        await _until(reader, b"(y/n)[n]:")
        writer.write(b"\n")
        await _until(reader, b"(config-if-gpon-0/1)#")
        assert not olt.unit("0/1/1:3").off
        writer.write(b"nonsense\n")
        assert b"% Unknown command, the error locates at '^'" in await _until(reader, b"(config-if-gpon-0/1)#")
        writer.close()
        await writer.wait_closed()


def test_telnet_needs_no_asyncssh() -> None:
    code = "import sys; sys.modules['asyncssh'] = None; from sebilling_olt.testing import FIRMWARES, Olt, Simulator; "
    code += "Simulator(Olt(FIRMWARES['zte-c320']), transport='telnet')"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[1])


def test_every_firmware_is_its_own() -> None:
    seen: list[Any] = [(one.host, one.version, one.banner) for one in FIRMWARES.values()]
    assert len(set(seen)) == len(FIRMWARES) == 4


@pytest.mark.parametrize("transport", ["ssh", "telnet"])
async def test_who_is_just_being_let_in_when_it_stops_is_hung_up_on(transport: Literal["ssh", "telnet"]) -> None:
    simulator = Simulator(Olt(FIRMWARES["zte-c320"]), transport=transport)
    for turns in range(6):
        await simulator.listen()
        await stopped_while_letting_in(simulator.port, simulator.stop, turns=turns)
    gc.collect()  # what nobody closed is complained about


@pytest.mark.parametrize("transport", ["ssh", "telnet"])
async def test_it_listens_again_as_soon_as_its_port_is_free(transport: Literal["ssh", "telnet"]) -> None:
    async with Simulator(Olt(FIRMWARES["huawei-ma5800"]), transport=transport) as simulator:
        port = simulator.port
        await simulator.stop()
        with socket.socket() as other:
            other.bind(("127.0.0.1", port))
            other.listen()
            listening = asyncio.create_task(simulator.listen())
            await asyncio.sleep(0.2)
            assert not listening.done()
        await listening
        assert simulator.port == port
