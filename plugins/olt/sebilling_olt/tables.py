"""Parse the tables that OLTs print about ONUs. An incomplete one raises Garbled: a failed read must never look like an empty table.

Only the columns that are needed have fixed words: firmware fills the others with new ones, and one ONU without power mustn't hide its port.

A table is valid only if its head was seen and the OLT's own total at the end matches the rows. Unrelated lines, such as alarms, are
skipped; a row that an alarm has split is missing from the count.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from sebilling.plugins.contract import Sentence

from sebilling_olt.faults import Garbled, shown
from sebilling_olt.onu import Onu

Values = Mapping[str, str]
"""Raw state of one ONU: `admin` or one entry per LAN port, and `sn` if the OLT prints it."""

_HUAWEI_HEAD: Final = re.compile(r"\s*F/S/P\s+ONT(?:-ID)?\s+SN\s+Control\s+Run\b.*")
_HUAWEI_ROW: Final = re.compile(r"\s*(\d+)/\s*(\d+)/\s*(\d+)\s+(\d+)\s+([0-9A-Za-z]{12,16})\s+([a-z]+)\s+\S+\s+\S+\s+\S+\s+\S+\s*")
_HUAWEI_TOTAL: Final = re.compile(
    r"\s*In port\s+(\d+)/\s*(\d+)/\s*(\d+)\s*,\s*the total(?:\s+number)?\s+of\s+ONTs\s+(?:are|is)\s*:\s*(\d+)\s*(?:,.*)?"
)
_ZTE_HEAD: Final = re.compile(r"\s*OnuIndex\s+Admin State\s+OMCC State\s+Phase State\b.*", re.IGNORECASE)
_ZTE_ROW: Final = re.compile(r"\s*(?:gpon[-_]onu[-_])?(\d+)/(\d+)/(\d+):(\d+)\s+([a-z]+)\s+\S+\s+\S.*", re.IGNORECASE)
_ZTE_TOTAL: Final = re.compile(r"\s*ONU Number:\s*(\d+)\s*/\s*(\d+)\s*", re.IGNORECASE)
_ZTE_ONU: Final = re.compile(r"\s*pon-onu-mng gpon[-_]onu[-_](\d+)/(\d+)/(\d+):(\d+)\s*")
_ZTE_LOCK: Final = re.compile(r"\s*interface eth eth_0/(\d+) state (lock|unlock)\s*")


def huawei_port(lines: Sequence[str], asked: Onu, parts: Sequence[str]) -> dict[Onu, Values]:
    """Parse `display ont info F S P all`. `parts` is just `admin`. Raises Garbled."""
    (part,) = parts
    values_by_onu: dict[Onu, Values] = {}
    headed, total = False, None
    for line in lines:
        if _HUAWEI_HEAD.fullmatch(line):
            headed = True
        elif row := _HUAWEI_ROW.fullmatch(line):
            # `configuring` and the like pass by themselves: whatever isn't off is on, and can be restored to
            control = "deactive" if row[6].startswith("deactiv") else "active"
            _add(values_by_onu, Onu(*(int(number) for number in row.groups()[:4])), {part: control, "sn": row[5]}, asked)
        elif counted := _HUAWEI_TOTAL.fullmatch(line):
            _same_port([int(number) for number in counted.groups()[:3]], asked, line)
            total = int(counted[4])
    _whole(values_by_onu, headed=headed, total=total)
    return values_by_onu


def zte_port(lines: Sequence[str], asked: Onu, parts: Sequence[str]) -> dict[Onu, Values]:
    """Parse `show gpon onu state gpon-olt_F/S/P`. `parts` is just `admin`. Raises Garbled."""
    (part,) = parts
    values_by_onu: dict[Onu, Values] = {}
    headed, total = False, None
    for line in lines:
        if _ZTE_HEAD.fullmatch(line):
            headed = True
        elif row := _ZTE_ROW.fullmatch(line):
            _add(values_by_onu, Onu(*(int(number) for number in row.groups()[:4])), {part: row[5].lower()}, asked)
        elif counted := _ZTE_TOTAL.fullmatch(line):
            total = int(counted[2])
    _whole(values_by_onu, headed=headed, total=total)
    return values_by_onu


def zte_lan(lines: Sequence[str], asked: Onu, parts: Sequence[str]) -> dict[Onu, Values]:
    """Parse `show onu running config gpon-onu_F/S/P:N`: LAN ports of `parts`; one that isn't printed is unlocked. Raises Garbled."""
    headed = False
    ports = dict.fromkeys(parts, "unlock")
    for line in lines:
        if head := _ZTE_ONU.fullmatch(line):
            if Onu(*(int(number) for number in head.groups())) != asked:
                raise Garbled(
                    Sentence(f'The OLT answered for another ONU: "{shown(line)}".', f'OLT menjawab untuk ONU lain: "{shown(line)}".')
                )
            headed = True
        elif (lock := _ZTE_LOCK.fullmatch(line)) and f"eth_0/{lock[1]}" in ports:
            ports[f"eth_0/{lock[1]}"] = lock[2]
    if not headed:
        raise Garbled(
            Sentence(
                "The OLT's answer names no ONU: it isn't whole, or this firmware prints it in another way.",
                "Jawaban OLT tidak menyebut ONU: belum utuh, atau firmware ini mencetaknya dengan cara lain.",
            )
        )
    return {asked: ports}


def _add(values_by_onu: dict[Onu, Values], onu: Onu, values: Values, asked: Onu) -> None:
    _same_port(onu[:3], asked, onu.key)
    if onu in values_by_onu:
        raise Garbled(Sentence(f"The OLT's table has {onu.key} twice.", f"Tabel OLT memuat {onu.key} dua kali."))
    values_by_onu[onu] = values


def _same_port(port: Sequence[int], asked: Onu, line: str) -> None:
    if tuple(port) != asked[:3]:
        raise Garbled(Sentence(f'The OLT answered for another port: "{shown(line)}".', f'OLT menjawab untuk port lain: "{shown(line)}".'))


def _whole(values_by_onu: Mapping[Onu, Values], *, headed: bool, total: int | None) -> None:
    if not headed or total is None:
        raise Garbled(
            Sentence(
                "The OLT's table has no head or no total: it isn't whole, or this firmware prints it in another way.",
                "Tabel OLT tidak punya kepala atau jumlah: belum utuh, atau firmware ini mencetaknya dengan cara lain.",
            )
        )
    if len(values_by_onu) != total:
        raise Garbled(
            Sentence(
                f"The OLT's table says {total} ONUs and shows {len(values_by_onu)}: it isn't whole.",
                f"Tabel OLT menyebut {total} ONU dan menampilkan {len(values_by_onu)}: belum utuh.",
            )
        )
