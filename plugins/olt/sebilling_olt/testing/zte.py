"""The commands of a ZTE C300 or C320 that billing may use, and some that it may not."""

import re
from collections.abc import Sequence
from typing import Final

from sebilling_olt.onu import Onu
from sebilling_olt.testing.olt import Unit
from sebilling_olt.testing.shell import Shell

_MORE: Final = " --More--"
_INVALID: Final = "%Error 20200: Invalid input detected at '^' marker. Invalid command"
_PARAMETER: Final = "%Error 20202: Invalid input detected at '^' marker. Invalid parameter"
_PORT: Final = r"(\d+)/(\d+)/(\d+)"


def _onu(numbers: Sequence[int]) -> Onu:
    frame, slot, port, onu = numbers
    return Onu(frame, slot, port, onu)


class ZteShell(Shell):
    """A session on a ZTE OLT."""

    def prompt(self) -> str:
        if not self.place:
            return f"{self.firmware.host}{'#' if self.enabled else '>'}"
        inside = {"configure": "config", "interface": "config-if", "pon-onu-mng": "gpon-onu-mng"}[self.place[-1].split()[0]]
        return f"{self.firmware.host}({inside})#"

    def alarm(self) -> list[str]:
        return ["An alarm 1024 ID 22 level 4 occurred at 10:11:12 2024-03-01 sent by GPON LOS of gpon-onu_1/2/1:3#"]

    def more(self) -> tuple[str, str]:
        return _MORE, "\b" * len(_MORE) + " " * len(_MORE) + "\b" * len(_MORE)

    async def carry_out(self, words: str) -> None:
        if await self._move(words) or (self.place and await self._configure(words)):
            return
        if words == "terminal length 0" and self.enabled and self.firmware.quiet_commands:
            self.page = None
        elif words == "show version" and self.enabled:
            self.say("ZXAN Software, Version: " + self.firmware.version)
        elif (shown := re.fullmatch(rf"show gpon onu state gpon-olt_{_PORT}", words)) and self.enabled:
            await self._port(int(shown[1]), int(shown[2]), int(shown[3]))
        elif (shown := re.fullmatch(rf"show onu running config gpon-onu_{_PORT}:(\d+)", words)) and self.enabled:
            onu = _onu([int(number) for number in shown.groups()])
            if onu in self.olt.units:
                await self.table(self.olt.managed(onu))
            else:
                self.say("%Code 62310-GPONSRV : The onu does not exist.")
        elif words == "write" and self.enabled:
            await self._write()
        elif words == "show running-config" and self.enabled:
            await self.table(self.olt.running().splitlines())
        else:
            self.say("      ^", _INVALID)

    async def _move(self, words: str) -> bool:
        if words == "enable" and not self.enabled:
            await self._enable()
        elif words == "configure terminal" and self.enabled:
            self.say("%Info 20272: Enter configuration commands, one per line. End with CTRL/Z.")
            self.place = ["configure"]
        elif words == "end":
            self.place = []
        elif words == "exit" and self.place:
            self.leave()
        elif words == "exit":
            self.over = True
        elif self.place and (
            entered := re.fullmatch(rf"(interface gpon-olt_|interface gpon-onu_|pon-onu-mng gpon-onu_){_PORT}(?::(\d+))?", words)
        ):
            self._enter(words, entered)
        else:
            return False
        return True

    async def _enable(self) -> None:
        self.enabled = not self.firmware.enable_asks
        for _ in range(3):
            if self.enabled:
                return
            self.enabled = await self.line("Password:", echo=False) == self.olt.enable_password
            self.olt.failed_logins += not self.enabled
        if not self.enabled:
            self.say("%Error 20210: Bad password")

    def _enter(self, words: str, entered: re.Match[str]) -> None:
        position = tuple(int(number) for number in entered.groups()[1:] if number is not None)
        if self.faults.stay:
            return
        if any(onu[: len(position)] == position for onu in self.olt.units) and ("onu" in entered[1]) == (len(position) == 4):
            self.place = ["configure", words]
        else:
            self.say("      ^", _PARAMETER)

    async def _configure(self, words: str) -> bool:
        where = self.place[-1]
        numbers = [int(number) for number in re.findall(r"\d+", where)]
        if (
            (match := re.fullmatch(r"onu (\d+) state (enable|disable)", words))
            and "gpon-olt_" in where
            and self.firmware.blocked_by == "state"
        ):
            await self._switch(self.olt.units.get(_onu([*numbers, int(match[1])])), off=match[2] == "disable")
        elif (match := re.fullmatch(r"no onu (\d+)", words)) and "gpon-olt_" in where:
            self.olt.units.pop(_onu([*numbers, int(match[1])]), None)
        elif words in {"shutdown", "no shutdown"} and "gpon-onu_" in where and self.firmware.blocked_by == "shutdown":
            await self._switch(self.olt.units.get(_onu(numbers)), off=words == "shutdown")
        elif (match := re.fullmatch(r"interface eth eth_0/(\d+) state (lock|unlock)", words)) and "pon-onu-mng" in where:
            await self._lock(self.olt.units[_onu(numbers)], int(match[1]), locks=match[2] == "lock")
        else:
            return False
        return True

    async def _switch(self, unit: Unit | None, *, off: bool) -> None:
        if unit is None:
            self.say("%Code 62307-GPONSRV : The onu does not exist.")
        else:
            await self.change(lambda: setattr(unit, "off", off))

    async def _lock(self, unit: Unit, port: int, *, locks: bool) -> None:
        if port > unit.lan_ports:
            self.say("%Code 63990-GPONOMCI : ONT return error.")
        else:
            await self.change(lambda: unit.locked.add(port) if locks else unit.locked.discard(port))

    async def _write(self) -> None:
        if self.firmware.asks_to_save and not await self.agrees("Are you sure to save the configuration? [yes/no]:"):
            return
        if self.faults.save_refused:
            self.say(self.faults.save_refused)
        else:
            await self.change(self.olt.save, "Building configuration...", ".....[OK]")

    async def _port(self, frame: int, slot: int, port: int) -> None:
        if not any(onu[:2] == (frame, slot) for onu in self.olt.units):
            self.say("      ^", _PARAMETER)
            return
        units = {onu: unit for onu, unit in sorted(self.olt.units.items()) if onu[:3] == (frame, slot, port)}
        if not units:
            self.say("%Code 62310-GPONSRV : No related information to show.")
            return
        lines = [f"OnuIndex   Admin State  OMCC State  Phase State  {self.firmware.states}", "-" * 62]
        for onu, unit in units.items():
            up = unit.online and not unit.off
            admin, omcc, phase = "disable" if unit.off else "enable", "enable" if up else "disable", "working" if up else "OffLine"
            lines.append(f"{onu.key:<11} {admin:<12} {omcc:<11} {phase:<12} 1(GPON)")
        working = sum(unit.online and not unit.off for unit in units.values())
        await self.table([*lines, f"ONU Number: {working}/{len(units)}"])
