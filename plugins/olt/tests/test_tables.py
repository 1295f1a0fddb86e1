"""Tables as OLTs of the field print them, and what is taken for one by no means. Their forms are those of published transcripts."""

import pytest

from sebilling_olt.faults import Garbled
from sebilling_olt.onu import Onu
from sebilling_olt.screen import Overflow, Screen
from sebilling_olt.tables import huawei_port, zte_lan, zte_port

RULE = "  " + "-" * 77
HUAWEI = [
    RULE,
    "  F/S/P   ONT         SN         Control     Run      Config   Match    Protect",
    "          ID                     flag        state    state    state    side ",
    RULE,
    "  0/ 1/2    0  4857544300000001  active      online   normal   match    no ",
    "  0/ 1/2    4  4857544300000002  active      -        -        -        yes",
    "  0/ 1/2   10  4857544300000003  deactive    offline  initial  initial  no  ",
    "  ------------------------------- ----------------------------------------------",
    "  F/S/P   ONT-ID   Description",
    RULE,
    "  0/ 1/2       0   0/ 1/2  9  4857544300000009  active      online   normal   match    no",
    "  0/ 1/2       4   In port 0/ 1/2, the total of ONTs are",
    "  0/ 1/2      10   ONT_NO_DESCRIPTION",
    RULE,
    "  In port 0/ 1/2 , the total of ONTs are: 3, online: 1",
    RULE,
]
ZTE = [
    "OnuIndex   Admin State  OMCC State  Phase State  Channel    ",
    "--------------------------------------------------------------",
    "1/2/1:1     enable       enable      working      1(GPON)",
    "1/2/1:2     enable       disable     DyingGasp    1(GPON)",
    "gpon-onu_1/2/1:10    disable      disable     OffLine      ",
    "ONU Number: 1/3",
]
HUAWEI_ASKED, ZTE_ASKED = Onu(0, 1, 2, 0), Onu(1, 2, 1, 1)
ADMIN = ("admin",)


def test_a_huawei_port() -> None:
    for total in (HUAWEI[-2], "  In port 0/ 1/2, the total number of ONTs are: 3, online: 1, offline: 2"):
        found = huawei_port([*HUAWEI[:-2], total], HUAWEI_ASKED, ADMIN)
        assert {onu.onu: one["admin"] for onu, one in found.items()} == {0: "active", 4: "active", 10: "deactive"}
        assert found[Onu(0, 1, 2, 10)]["sn"] == "4857544300000003"


def test_a_zte_port() -> None:
    for head in (ZTE[0], "OnuIndex     Admin state  OMCC state  Phase state  Speed mode "):
        found = zte_port([head, *ZTE[1:]], ZTE_ASKED, ADMIN)
        assert {onu.onu: one["admin"] for onu, one in found.items()} == {1: "enable", 2: "enable", 10: "disable"}


def test_whatever_line_is_missing_or_split_it_is_noticed() -> None:
    needed_of_huawei = {1, 4, 5, 6, 14}
    for number in range(len(HUAWEI)):
        without = HUAWEI[:number] + HUAWEI[number + 1 :]
        split = [*HUAWEI[:number], HUAWEI[number][:30], "  ALARM 1", HUAWEI[number][30:], *HUAWEI[number + 1 :]]
        for lines in (without, split, HUAWEI[:number]):
            if number in needed_of_huawei or (lines == HUAWEI[:number] and number <= 14):
                with pytest.raises(Garbled):
                    huawei_port(lines, HUAWEI_ASKED, ADMIN)
            else:
                assert len(huawei_port(lines, HUAWEI_ASKED, ADMIN)) == 3
    for number in (2, 3, 4):
        with_alarm = [*ZTE[:number], ZTE[number][:20], "An alarm", ZTE[number][20:], *ZTE[number + 1 :]]
        with pytest.raises(Garbled):
            zte_port(with_alarm, ZTE_ASKED, ADMIN)
    for number in (0, 2, 3, 4, 5):
        for lines in (ZTE[:number] + ZTE[number + 1 :], ZTE[:number]):
            with pytest.raises(Garbled):
                zte_port(lines, ZTE_ASKED, ADMIN)


def test_another_port_or_one_twice_is_not_taken() -> None:
    with pytest.raises(Garbled, match="another port"):
        huawei_port(HUAWEI, Onu(0, 1, 3, 0), ADMIN)
    with pytest.raises(Garbled, match="another port"):
        zte_port(ZTE, Onu(1, 2, 2, 1), ADMIN)
    with pytest.raises(Garbled, match="twice"):
        zte_port([*ZTE[:3], *ZTE[2:]], ZTE_ASKED, ADMIN)


def test_lan_ports() -> None:
    lines = ["pon-onu-mng gpon-onu_1/2/1:1", "  service A gemport 1 vlan 671", "  interface eth eth_0/2 state lock", "!"]
    parts = ("eth_0/1", "eth_0/2")
    assert zte_lan(lines, ZTE_ASKED, parts) == {ZTE_ASKED: {"eth_0/1": "unlock", "eth_0/2": "lock"}}
    for wrong in (lines[1:], [], ["pon-onu-mng gpon-onu_1/2/1:2", *lines[1:]]):
        with pytest.raises(Garbled):
            zte_lan(wrong, ZTE_ASKED, parts)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_paging_is_drawn_over_as_on_a_terminal(size: int) -> None:
    more = "---- More ( Press 'Q' to break ) ----"
    sent = (
        f"one\r\n{more}\x1b[37D{' ' * 37}\x1b[37Dtwo\r\n --More--"
        + "\b" * 9
        + " " * 9
        + "\b" * 9
        + "three\x1b[K\r\n\x07a\tb\x1b[2Cc\r\nabc\rX"
    )
    screen = Screen()
    for start in range(0, len(sent), size):
        screen.feed(sent[start : start + size])
    assert [line.rstrip() for line in screen.lines] == ["one", "two", "three", "a       b  c", "Xbc"]
    assert not screen.at_end


def test_output_without_end_is_given_up() -> None:
    screen = Screen()
    for _ in range(4):
        screen.feed("x\n" * 450_000)
    with pytest.raises(Overflow):
        screen.feed("x\n" * 450_000)


@pytest.mark.parametrize("phase", ["dying-gasp", "DyingGasp", "Auth-Failed", "N/A", "----", "syncMib", "LOS"])
def test_a_word_in_a_column_that_isnt_needed_hides_nobody(phase: str) -> None:
    lines = [line.replace("DyingGasp", phase) for line in ZTE]
    assert {onu.onu: one["admin"] for onu, one in zte_port(lines, ZTE_ASKED, ADMIN).items()} == {1: "enable", 2: "enable", 10: "disable"}
    lines = [line.replace("-        -        -        yes", f"{phase}  {phase}  {phase}  yes") for line in HUAWEI]
    assert len(huawei_port(lines, HUAWEI_ASKED, ADMIN)) == 3


def test_a_state_that_passes_by_itself_is_one_to_which_a_customer_is_restored() -> None:
    lines = [line.replace("000002  active     ", "000002  configuring") for line in HUAWEI]
    assert {onu.onu: one["admin"] for onu, one in huawei_port(lines, HUAWEI_ASKED, ADMIN).items()} == {
        0: "active",
        4: "active",
        10: "deactive",
    }
