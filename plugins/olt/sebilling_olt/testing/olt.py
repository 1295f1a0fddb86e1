"""State of a simulated OLT: users, ONUs, running and saved configuration."""

from dataclasses import dataclass, field

from sebilling_olt.onu import Onu
from sebilling_olt.testing.firmwares import Firmware


@dataclass(slots=True)
class Unit:
    """One registered ONU."""

    sn: str
    name: str
    off: bool = False
    locked: set[int] = field(default_factory=set)
    online: bool = True
    lan_ports: int = 4


class Olt:
    """State behind the command line. `enable_password` is requested only by firmwares that do so."""

    def __init__(self, firmware: Firmware, *, enable_password: str = "", most_sessions: int = 4) -> None:
        self.firmware, self.enable_password, self.most_sessions = firmware, enable_password, most_sessions
        self.users: dict[str, str] = {}
        self.units: dict[Onu, Unit] = {}
        self.sessions = 0
        self.failed_logins = 0
        self.saves = 0
        self.saved = ""

    def user(self, name: str, password: str) -> None:
        """Add a user."""
        self.users[name] = password

    def add(self, key: str, *, off: bool = False, locked: tuple[int, ...] = (), name: str = "", lan_ports: int = 4) -> Unit:
        """Register an ONU. Raises ValueError for an invalid key."""
        onu = Onu.parse(key)
        if onu is None:
            raise ValueError(key)
        head = "485754431A" if self.firmware.maker == "huawei" else "ZTEGC"
        number = len(self.units) + 1
        sn = f"{head}{number:0{16 - len(head)}X}" if self.firmware.maker == "huawei" else f"{head}{number:07X}"
        unit = self.units[onu] = Unit(sn, name or f"customer_{number}", off, set(locked), lan_ports=lan_ports)
        return unit

    def unit(self, key: str) -> Unit:
        """Return the ONU of that key. Raises KeyError."""
        onu = Onu.parse(key)
        if onu is None:
            raise KeyError(key)
        return self.units[onu]

    def save(self) -> None:
        """Save the running configuration, so that a restart restores it."""
        self.saves += 1
        self.saved = self.running()

    def running(self) -> str:
        """Return the running configuration as the OLT would print it."""
        lines = self._huawei() if self.firmware.maker == "huawei" else self._zte()
        return "".join(f"{line}\n" for line in lines)

    def _huawei(self) -> list[str]:
        lines: list[str] = ["#", "[gpon]"]
        board = None
        for onu, unit in sorted(self.units.items()):
            if board != onu[:2]:
                board = onu[:2]
                lines += [f"  <gpon-{onu.frame}/{onu.slot}>", f" interface gpon {onu.frame}/{onu.slot}"]
            lines.append(f'  ont add {onu.port} {onu.onu} sn-auth "{unit.sn}" omci ont-lineprofile-id 10 ont-srvprofile-id 10')
            lines += [f"  ont deactivate {onu.port} {onu.onu}"] * unit.off
        return [*lines, "#", "return"]

    def _zte(self) -> list[str]:
        lines: list[str] = []
        port = None
        for onu, unit in sorted(self.units.items()):
            if port != onu[:3]:
                port = onu[:3]
                lines += ["!", f"interface gpon-olt_{onu.frame}/{onu.slot}/{onu.port}"]
            lines.append(f"  onu {onu.onu} type ZTE-F609 sn {unit.sn}")
            lines += [f"  onu {onu.onu} state disable"] * (unit.off and self.firmware.blocked_by == "state")
        for onu, unit in sorted(self.units.items()):
            lines += ["!", f"interface gpon-onu_{onu.key}", f"  name {unit.name}"]
            lines += ["  shutdown"] * (unit.off and self.firmware.blocked_by == "shutdown")
            lines += ["!", *self.managed(onu)]
        return [*lines, "!", "end"]

    def managed(self, onu: Onu) -> list[str]:
        """Return what is configured on the ONU itself (ZTE). Raises KeyError."""
        locks = [f"  interface eth eth_0/{port} state lock" for port in sorted(self.units[onu].locked)]
        return [f"pon-onu-mng gpon-onu_{onu.key}", "  service INTERNET gemport 1 vlan 100", *locks]
