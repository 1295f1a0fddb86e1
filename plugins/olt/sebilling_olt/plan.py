"""Plan the commands of a batch before the first is sent; the dry run prints the same commands."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sebilling_olt.config import OltConfig
from sebilling_olt.onu import Onu
from sebilling_olt.templates import rendered


@dataclass(slots=True)
class Mode:
    """A configuration mode: the commands to enter it, and those to send there by ref id."""

    enter: tuple[str, ...]
    steps: dict[int, list[str]] = field(default_factory=dict)


def reads(config: OltConfig, onus: Iterable[Onu]) -> dict[str, Onu]:
    """Return the commands that read all states, each with an ONU for which it was built: one per PON port if the template allows."""
    return {rendered(config.templates.read, onu): onu for onu in sorted(set(onus), reverse=True)}


def modes(config: OltConfig, wanted: Sequence[tuple[int, Onu, Mapping[str, str]]]) -> list[Mode]:
    """Group the changes (ref id, ONU, part → desired value) so that each configuration mode is entered once."""
    mode_by_commands: dict[tuple[str, ...], Mode] = {}
    for ref_id, onu, values in sorted(wanted, key=lambda change: change[1]):
        enter = tuple(rendered(line, onu) for line in config.templates.enter)
        mode = mode_by_commands.setdefault(enter, Mode(enter))
        mode.steps[ref_id] = [command(config, onu, part, value) for part, value in values.items()]
    return list(mode_by_commands.values())


def command(config: OltConfig, onu: Onu, part: str, value: str) -> str:
    """Return the command that sets one part of an ONU, to block or to restore it."""
    is_blocked = value == config.dialect.blocked[config.method]
    lan = int(part.rpartition("/")[2]) if part != "admin" else 0
    return rendered(config.templates.block if is_blocked else config.templates.restore, onu, lan=lan)


def dry_run(config: OltConfig, onus: Sequence[Onu], *, restoring: bool) -> list[str]:
    """Return the commands that would be sent if each ONU had to be changed, without connecting to anything."""
    value = "" if restoring else config.dialect.blocked[config.method]
    wanted = [(number, onu, dict.fromkeys(config.parts, value)) for number, onu in enumerate(dict.fromkeys(onus))]
    lines = [config.dialect.config, *sorted(reads(config, onus))]
    for mode in modes(config, wanted):
        lines += [*mode.enter, *(line for step in mode.steps.values() for line in step), *([config.templates.leave] * len(mode.enter))]
    return [*lines, *sorted(reads(config, onus)), config.templates.save]
