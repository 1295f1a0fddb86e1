"""The commands of a Huawei MA56xx or MA58xx that billing may use, and some that it may not."""

import re
from typing import Final

from sebilling_olt.onu import Onu
from sebilling_olt.testing.shell import Shell

_MORE: Final = "---- More ( Press 'Q' to break ) ----"
_RULE: Final = "  " + "-" * 77
_UNKNOWN: Final = ("            ^", "  % Unknown command, the error locates at '^'")
_SMART: Final = ("display ", "save", "ont ")


class HuaweiShell(Shell):
    """A session on a Huawei OLT."""

    smart = False

    def prompt(self) -> str:
        if not self.place:
            return f"{self.firmware.host}{'#' if self.enabled else '>'}"
        inside = self.place[-1].removeprefix("interface ").replace("gpon ", "gpon-")
        return f"{self.firmware.host}(config)#" if self.place[-1] == "config" else f"{self.firmware.host}(config-if-{inside})#"

    def alarm(self) -> list[str]:
        return [
            "  ! 1 [2024-03-01 10:11:12+07:00]:",
            "  ALARM 11111 FAULT WARNING 0x2e112007 SERVICE QUALITY 2024-03-01 10:11:12+07:00",
            "  ALARM NAME  : The distribute fiber is broken or the OLT cannot receive",
            "                expected optical signals from the ONT(LOSi/LOBi)",
            "  PARAMETERS  : FrameID: 0, SlotID: 1, PortID: 2, ONT ID: 3",
            "  Failure: The optical signals of the ONT are lost",
            "  --- END",
        ]

    def more(self) -> tuple[str, str]:
        return _MORE, f"\x1b[{len(_MORE)}D{' ' * len(_MORE)}\x1b[{len(_MORE)}D"

    async def carry_out(self, words: str) -> None:
        if self.smart and words.startswith(_SMART):
            await self.line("{ <cr>||<K> }:")
            self.say("", "  Command:", f"          {words}")
        if self.place and self.place[-1].startswith("interface") and (await self._at_the_board(words)):
            return
        if await self._quiet(words) or await self._move(words):
            return
        if words == "display version" and self.enabled:
            self.say(f"  VERSION : {self.firmware.version}", "  PATCH   : SPH216", "  PRODUCT : MA5800-X7")
        elif (shown := re.fullmatch(r"display ont info (\d+) (\d+) (\d+) all", words)) and self.enabled:
            await self._port(int(shown[1]), int(shown[2]), int(shown[3]))
        elif words in {"save", "save configuration"} and self.enabled:
            await self._save()
        elif words == "display current-configuration" and self.enabled:
            await self.table(self.olt.running().splitlines())
        else:
            self.say(*_UNKNOWN)

    async def _quiet(self, words: str) -> bool:
        known = self.firmware.quiet_commands
        if words == "undo smart" and known:
            self.smart = False
        elif words.lower() == "infoswitch cli off" and known and self.enabled:
            self.say("  Infoswitch of CLI is off")
        elif re.fullmatch(r"scroll( \d+)?", words) and known:
            self.page = 512
        else:
            return False
        return True

    async def _move(self, words: str) -> bool:
        if words in {"enable", "disable"}:
            self.enabled, self.place = words == "enable", []
        elif words == "config" and self.enabled:
            self.place = ["config"]
        elif (entered := re.fullmatch(r"interface gpon (\d+)/(\d+)", words)) and self.place:
            self._enter(words, int(entered[1]), int(entered[2]))
        elif words == "return":
            self.place = []
        elif words == "quit" and self.place:
            self.leave()
        elif words == "quit":
            await self._quit()
        else:
            return False
        return True

    def _enter(self, words: str, frame: int, slot: int) -> None:
        if self.faults.stay:
            return
        if any(onu[:2] == (frame, slot) for onu in self.olt.units):
            self.place = ["config", words]
        else:
            self.say("  Failure: The board does not exist")

    async def _quit(self) -> None:
        self.say("  Check whether system data has been changed. Please save data before logout.")
        if await self.agrees("Are you sure to log out? (y/n)[n]:"):
            self.say("", "  Configuration console exit, please retry to log on")
            self.over = True

    async def _at_the_board(self, words: str) -> bool:
        match = re.fullmatch(r"ont (activate|deactivate|delete) (\d+) (\d+)", words)
        if match is None:
            return False
        frame, slot = (int(number) for number in self.place[-1].split()[-1].split("/"))
        onu = Onu(frame, slot, int(match[2]), int(match[3]))
        unit, off = self.olt.units.get(onu), match[1] == "deactivate"
        if unit is None:
            self.say("  Failure: The ONT does not exist")
        elif match[1] == "delete":
            await self.change(lambda: self.olt.units.__delitem__(onu), "  Number of ONTs that can be deleted: 1, success: 1")
        elif off and self.firmware.asks_to_block and not await self.agrees("  Are you sure to deactivate the ONT? (y/n)[n]:"):
            return True
        elif unit.off == off:
            self.say(f"  Failure: The ONT has been {match[1]}d")
        else:
            await self.change(lambda: setattr(unit, "off", off))
        return True

    async def _save(self) -> None:
        if self.firmware.asks_to_save and not await self.agrees("  The saved configuration will be overwritten. Continue? (y/n)[n]:"):
            return
        if self.faults.save_refused:
            self.say(self.faults.save_refused)
        elif await self.change(self.olt.save, "  It will take several minutes to save configuration file, please wait..."):
            self.say(
                "",
                "  Configuration file had been saved successfully",
                "  Note: The configuration file will take effect after being activated",
            )

    async def _port(self, frame: int, slot: int, port: int) -> None:
        port_name = f"{frame}/ {slot}/{port}"
        if not any(onu[:2] == (frame, slot) for onu in self.olt.units):
            self.say("  Failure: The board does not exist")
            return
        units = {onu: unit for onu, unit in sorted(self.olt.units.items()) if onu[:3] == (frame, slot, port)}
        if not units:
            self.say("  Failure: There is no ONT available")
            return
        lines = [_RULE, "  F/S/P   ONT         SN         Control     Run      Config   Match    Protect"]
        lines += ["          ID                     flag        state    state    state    side ", _RULE]
        for onu, unit in units.items():
            up = unit.online and not unit.off
            states = ("online", "normal", "match") if up else ("offline", "initial", "initial")
            flag = "deactive" if unit.off else "active"
            lines.append(f"  {port_name} {onu.onu:4}  {unit.sn}  {flag:11} {states[0]:8} {states[1]:8} {states[2]:8} no ")
        lines += [_RULE, "  F/S/P   ONT-ID   Description", _RULE]
        lines += [f"  {port_name}    {onu.onu:4}   {unit.name}" for onu, unit in units.items()]
        online = sum(unit.online and not unit.off for unit in units.values())
        counted = self.firmware.total.format(place=port_name, total=len(units), online=online, offline=len(units) - online)
        await self.table([*lines, _RULE, counted, _RULE])
