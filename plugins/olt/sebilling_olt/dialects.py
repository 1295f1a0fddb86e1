"""Dialects of the two manufacturers' command lines: texts to recognize, login commands, and allowed commands. Data only."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sebilling_olt.onu import Onu
from sebilling_olt.tables import Values, huawei_port, zte_lan, zte_port
from sebilling_olt.templates import CommandTemplates, Grammar, Method

Reader = Callable[[Sequence[str], Onu, Sequence[str]], dict[Onu, Values]]
MORE: Final = re.compile(r"-{2,}\s*More\b.*", re.IGNORECASE)
QUESTION: Final = re.compile(r".*(?:\((?:y/n|yes/no)\)|\[(?:y/n|yes/no)\]|YES\.NO)[^A-Za-z0-9]{0,20}(?:\[[yn]\])?\s{0,20}:?", re.IGNORECASE)
CHOICE: Final = re.compile(r"\{.*\}\s*:")
HARMFUL_QUESTION: Final = re.compile(r"delet|eras|reboot|restart|reset|factory|format|remov|roll ?back|clear", re.IGNORECASE)
USERNAME: Final = re.compile(r"(?:>>\s*|\S+ )?(?:user ?name|login)\s*:", re.IGNORECASE)
PASSWORD: Final = re.compile(r".*password\s{0,20}:", re.IGNORECASE)
WRONG_LOGIN: Final = re.compile(
    r"password invalid|bad password|incorrect|authentication fail|invalid (?:user|login|password)|access denied|login fail", re.IGNORECASE
)
FULL: Final = re.compile(
    r"reenter times|upper limit|too many (?:users|sessions|connections|login)"
    r"|max(?:imum)? (?:number of )?(?:users|sessions|connections|vty)",
    re.IGNORECASE,
)
LOCKED_OUT: Final = re.compile(r"(?:user|account|ip address)\b.{0,200}\block", re.IGNORECASE)
NEW_PASSWORD: Final = re.compile(r"change now|must be changed|please choose|new password", re.IGNORECASE)
NO_RIGHT: Final = re.compile(r"permission|privilege|insufficient|no right|authority|level is too low|not authorized", re.IGNORECASE)
UNKNOWN_COMMAND: Final = re.compile(r"unknown command|invalid command|unrecognized|incomplete command|too many parameters", re.IGNORECASE)
BUSY: Final = re.compile(r"busy|try (?:it )?(?:again|later)|in progress|being (?:executed|configured)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Dialect:
    """Command line of one manufacturer."""

    name: str
    device_types: Mapping[str, str]
    """Transport → netmiko's device type."""
    enable: str
    quiet: tuple[str, ...]
    """Commands sent once after the login; a firmware that doesn't know one may refuse it."""
    config: str
    logout: tuple[str, ...]
    """Commands from configuration mode to the end of the session."""
    refusal: re.Pattern[str]
    alarm_begin: re.Pattern[str]
    alarm_end: re.Pattern[str]
    none_there: re.Pattern[str]
    """The OLT's statement that there is no such port or ONU, or that the port has no ONUs."""
    no_such_place: re.Pattern[str]
    """The same, if the command itself is valid; it may also mean that this firmware has a different syntax."""
    version: str
    version_line: re.Pattern[str]
    grammar: Grammar
    readers: Mapping[str, Reader]
    """Method → parser of its `read` command."""
    blocked: Mapping[str, str]
    """Method → raw value of a blocked part."""
    open: Mapping[str, str]
    """Method → raw value of a part that isn't blocked."""
    onus: tuple[int, int]
    """Lowest and highest ONU number of a port."""


HUAWEI: Final = Dialect(
    name="Huawei",
    device_types={"ssh": "huawei_smartax", "telnet": "huawei_olt_telnet"},
    enable="enable",
    quiet=("undo smart", "infoswitch cli OFF", "scroll 512"),
    config="config",
    logout=("quit", "quit"),
    refusal=re.compile(r"\s*(?:Failure:|Error:|% ?[A-Z][a-z]).*"),
    alarm_begin=re.compile(r"\s*!\s*(?:\d+\s*)?\[[^\]\n]*\].*"),
    alarm_end=re.compile(r"\s*-+\s*END\b.*"),
    none_there=re.compile(r"does not exist|do not exist|no ONT", re.IGNORECASE),
    no_such_place=re.compile(r"Parameter error", re.IGNORECASE),
    version="display version",
    version_line=re.compile(r"\s*(?:VERSION|Version)\s*:\s*(\S.*)"),
    grammar=Grammar(
        methods={
            "deactivate": Method(
                defaults=CommandTemplates(
                    read="display ont info {frame} {slot} {port} all",
                    enter=("interface gpon {frame}/{slot}",),
                    block="ont deactivate {port} {onu}",
                    restore="ont activate {port} {onu}",
                    leave="quit",
                    save="save",
                ),
                read=r"display ont info (?:\{frame\} \{slot\} \{port\}|\{frame\}/\{slot\}/\{port\})(?: all)?",
                enter=r"interface (?:gpon|xgpon|xgspon|epon) \{frame\}/\{slot\}",
                block=r"ont deactivate \{port\} \{onu\}",
                restore=r"ont activate \{port\} \{onu\}",
            )
        },
        leave=r"quit",
        save=r"save(?: configuration| data)?",
    ),
    readers={"deactivate": huawei_port},
    blocked={"deactivate": "deactive"},
    open={"deactivate": "active"},
    onus=(0, 255),
)

_OLT_PORT: Final = r"gpon[-_]olt[-_]\{frame\}/\{slot\}/\{port\}"
_ONU: Final = r"gpon[-_]onu[-_]\{frame\}/\{slot\}/\{port\}:\{onu\}"
_READ_PORT: Final = rf"show (?:gpon|pon) onu state {_OLT_PORT}"
_ZTE_READ: Final = "show gpon onu state gpon-olt_{frame}/{slot}/{port}"

ZTE: Final = Dialect(
    name="ZTE",
    device_types={"ssh": "zte_zxros", "telnet": "zte_zxros_telnet"},
    enable="enable",
    quiet=("terminal length 0",),
    config="configure terminal",
    logout=("end", "exit"),
    refusal=re.compile(r"\s*(?:%\s?(?:Error|Code)\b|% ?(?:Invalid|Unknown|Incomplete|Ambiguous|Unrecognized)).*", re.IGNORECASE),
    alarm_begin=re.compile(r"\s*(?:An alarm\b|The alarm\b|%?\s?Alarm\b|Notification\b).*", re.IGNORECASE),
    alarm_end=re.compile(r".*"),
    none_there=re.compile(r"does not exist|no related information|not exist", re.IGNORECASE),
    no_such_place=re.compile(r"Invalid parameter", re.IGNORECASE),
    version="show version",
    version_line=re.compile(r".{0,200}\b(?:Version|Software)\b[^:]{0,100}:?\s{0,40}(\S.*)", re.IGNORECASE),
    grammar=Grammar(
        methods={
            "state": Method(
                defaults=CommandTemplates(
                    read=_ZTE_READ,
                    enter=("interface gpon-olt_{frame}/{slot}/{port}",),
                    block="onu {onu} state disable",
                    restore="onu {onu} state enable",
                    leave="exit",
                    save="write",
                ),
                read=_READ_PORT,
                enter=rf"interface {_OLT_PORT}",
                block=r"onu \{onu\} state (?:disable|deactive|deactivate)",
                restore=r"onu \{onu\} state (?:enable|active|activate)",
            ),
            "shutdown": Method(
                defaults=CommandTemplates(
                    read=_ZTE_READ,
                    enter=("interface gpon-onu_{frame}/{slot}/{port}:{onu}",),
                    block="shutdown",
                    restore="no shutdown",
                    leave="exit",
                    save="write",
                ),
                read=_READ_PORT,
                enter=rf"interface {_ONU}",  # the ONU's interface: on the port's it would block everybody
                block=r"shutdown",
                restore=r"no shutdown",
            ),
            "onu_state": Method(
                defaults=CommandTemplates(
                    read=_ZTE_READ,
                    enter=("interface gpon-onu_{frame}/{slot}/{port}:{onu}",),
                    block="state deactive",
                    restore="state active",
                    leave="exit",
                    save="write",
                ),
                read=_READ_PORT,
                enter=rf"interface {_ONU}",
                block=r"state (?:disable|deactive|deactivate)",
                restore=r"state (?:enable|active|activate)",
            ),
            "lan": Method(
                defaults=CommandTemplates(
                    read="show onu running config gpon-onu_{frame}/{slot}/{port}:{onu}",
                    enter=("pon-onu-mng gpon-onu_{frame}/{slot}/{port}:{onu}",),
                    block="interface eth eth_0/{lan} state lock",
                    restore="interface eth eth_0/{lan} state unlock",
                    leave="exit",
                    save="write",
                ),
                read=rf"show onu running[- ]config {_ONU}",
                enter=rf"(?:pon-onu\n)?pon-onu-mng {_ONU}",
                block=r"interface eth eth_0/\{lan\} state lock",
                restore=r"interface eth eth_0/\{lan\} state unlock",
            ),
        },
        leave=r"exit",
        save=r"write(?: memory)?|save",
    ),
    readers={"state": zte_port, "shutdown": zte_port, "onu_state": zte_port, "lan": zte_lan},
    blocked={"state": "disable", "shutdown": "disable", "onu_state": "disable", "lan": "lock"},
    open={"state": "enable", "shutdown": "enable", "onu_state": "enable", "lan": "unlock"},
    onus=(1, 255),
)
