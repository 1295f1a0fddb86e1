"""Differences between the simulated firmwares. Their texts are from the manufacturers' manuals and from published transcripts."""

from dataclasses import dataclass
from typing import Final, Literal


@dataclass(frozen=True, slots=True)
class Firmware:
    """Behaviour of one firmware."""

    name: str
    maker: Literal["huawei", "zte"]
    host: str
    version: str
    banner: str
    lands_enabled: bool
    """Whether the login requires `enable`."""
    enable_asks: bool = False
    smart: bool = False
    """Huawei: `{ <cr>||<K> }:` after a command, until `undo smart`."""
    quiet_commands: bool = True
    """Whether it knows the commands that turn paging, smart mode and alarms off."""
    asks_to_block: bool = False
    """Whether blocking an ONU asks (y/n)."""
    asks_to_save: bool = False
    yes_banner: bool = False
    """Huawei: the login first requires `yes`."""
    total: str = ""
    """Huawei: last line of the table, with the total."""
    states: str = ""
    """ZTE: last column heading of the state table."""
    blocked_by: Literal["state", "shutdown"] = "state"
    reprints: bool = True
    """Whether prompt and typed text are repeated after an alarm."""

    @property
    def onu_from(self) -> int:
        """The lowest ONU number."""
        return 0 if self.maker == "huawei" else 1


FIRMWARES: Final[dict[str, Firmware]] = {
    firmware.name: firmware
    for firmware in (
        Firmware(
            name="huawei-ma5800",
            maker="huawei",
            host="MA5800-X7",
            version="MA5800V100R019C10",
            banner="\r\n  Huawei Integrated Access Software (MA5800).\r\n  Copyright(C) Huawei Technologies Co., Ltd.\r\n",
            lands_enabled=False,
            smart=True,
            total="  In port {place} , the total of ONTs are: {total}, online: {online}",
        ),
        Firmware(
            name="huawei-ma5608t",
            maker="huawei",
            host="MA5608T",
            version="MA5600V800R013C00",
            banner="\r\n     Huawei Integrated Access Software (MA5608T).\r\n",
            lands_enabled=False,
            quiet_commands=False,
            asks_to_block=True,
            asks_to_save=True,
            yes_banner=True,
            total="  In port {place}, the total number of ONTs are: {total}, online: {online}, offline: {offline}",
            reprints=False,
        ),
        Firmware(
            name="zte-c320",
            maker="zte",
            host="ZXAN",
            version="V2.1.0",
            banner="\r\n\r\n************************************************\r\nWelcome to ZXAN product C320 of ZTE Corporation\r\n",
            lands_enabled=True,
            states="Channel",
        ),
        Firmware(
            name="zte-c300",
            maker="zte",
            host="OLT-C300.pop1",
            version="V1.2.5P3",
            banner="\r\nWelcome to ZXAN product C300 of ZTE Corporation\r\n",
            lands_enabled=False,
            enable_asks=True,
            quiet_commands=False,
            asks_to_save=True,
            states="Speed mode",
            blocked_by="shutdown",
            reprints=False,
        ),
    )
}
