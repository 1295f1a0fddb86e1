"""Blocking part of the driver, executed on the session's thread."""

import re
import time
from collections.abc import Sequence
from typing import Final

from sebilling.plugins.contract import DeviceError, Fault, Sentence

from sebilling_olt import plan
from sebilling_olt.config import OltConfig
from sebilling_olt.conversation import Conversation
from sebilling_olt.faults import Garbled, Refusal, Unanswered, shown
from sebilling_olt.onu import Onu
from sebilling_olt.tables import Values

_NOT_SAVED: Final = re.compile(r"fail|denied|refused|not enough|no space|error", re.IGNORECASE)
_READS: Final = 3
"""Attempts to read a table that an alarm has split."""


def view(talk: Conversation, config: OltConfig, onus: Sequence[Onu], *, after: float = 0) -> dict[Onu, Values]:
    """Read the PON ports of these ONUs; those that don't exist on the OLT are left out. Raises DeviceError."""
    time.sleep(after)
    values_by_onu: dict[Onu, Values] = {}
    doubtful: Refusal | None = None
    for command, onu in plan.reads(config, onus).items():
        try:
            values_by_onu |= _read(talk, config, command, onu)
            talk.understood = True
        except Refusal as error:
            if config.dialect.no_such_place.search(error.said) is None:
                raise
            doubtful = error
    if doubtful is not None and not talk.understood:  # if no read succeeded, the command may be wrong, so no ONU counts as absent
        why = Sentence(
            f"{doubtful.message.english} Check the key, and the template of the read command.",
            f"{doubtful.message.indonesian} Periksa kuncinya, dan templat perintah baca.",
        )
        raise DeviceError(Fault.SETUP, why, retryable=False)
    return values_by_onu


def _read(talk: Conversation, config: OltConfig, command: str, onu: Onu) -> dict[Onu, Values]:
    reader = config.dialect.readers[config.method]
    garbled = Sentence("", "")
    for _ in range(_READS):
        try:
            return reader(talk.ask(command), onu, config.parts)
        except Refusal as error:
            if config.dialect.none_there.search(error.said):
                return {}
            raise
        except Garbled as error:
            garbled = error.message
    why = Sentence(f"'{command}': {garbled.english}", f"'{command}': {garbled.indonesian}")
    raise DeviceError(Fault.PROTOCOL, why, retryable=True)


def send(talk: Conversation, config: OltConfig, modes: Sequence[plan.Mode]) -> dict[int, DeviceError]:
    """Send all commands; return the errors by ref id. Unanswered: may have been executed; neither that nor Refusal: never sent."""
    errors: dict[int, DeviceError] = {}
    broken: DeviceError | None = None
    for mode in modes:
        if broken is None:
            broken = _at(talk, config, mode, errors)
        else:
            errors |= dict.fromkeys(mode.steps, broken)
    return errors


def _at(talk: Conversation, config: OltConfig, mode: plan.Mode, errors: dict[int, DeviceError]) -> DeviceError | None:
    """Send the commands of one configuration mode and record the errors; return the error that ended the session, or None."""
    left = dict.fromkeys(mode.steps)
    try:
        try:
            _enter(talk, mode)
        except Refusal as error:
            errors |= dict.fromkeys(mode.steps, error)
        else:
            for ref_id, commands in mode.steps.items():
                _step(talk, ref_id, commands, errors)
                del left[ref_id]
        _home(talk, config)
    except DeviceError as error:
        broken = DeviceError(error.fault, error.message, retryable=True)
        errors |= {ref_id: broken for ref_id in left if ref_id not in errors}
        return broken
    return None


def _enter(talk: Conversation, mode: plan.Mode) -> None:
    for line in mode.enter:
        before = talk.at
        talk.ask(line)
        if talk.at in {before, talk.home}:  # the next command would be executed in the wrong mode
            raise Refusal(
                Fault.PROTOCOL,
                Sentence(
                    f"'{line}' leads nowhere: the prompt is still '{talk.at}'.",
                    f"'{line}' tidak membawa ke mana pun: prompt-nya masih '{talk.at}'.",
                ),
                said="",
                retryable=False,
            )


def _step(talk: Conversation, ref_id: int, commands: Sequence[str], errors: dict[int, DeviceError]) -> None:
    """Send the commands for one ONU. Raises DeviceError if the session ended."""
    for number, command in enumerate(commands):
        try:
            talk.ask(command, agree=True)
        except Refusal as error:
            errors[ref_id] = error
            return
        except DeviceError as error:
            kind = Unanswered if number or isinstance(error, Unanswered) else DeviceError
            errors[ref_id] = kind(error.fault, error.message, retryable=True)
            raise


def _home(talk: Conversation, config: OltConfig) -> None:
    """Return to configuration mode. Raises DeviceError if that fails, as then the current mode is unknown."""
    for _ in range(4):
        if talk.at == talk.home:
            return
        talk.ask(config.templates.leave)
    talk.usable = False
    raise DeviceError(
        Fault.PROTOCOL,
        Sentence(
            f"'{config.templates.leave}' doesn't lead back: the prompt is '{talk.at}'.",
            f"'{config.templates.leave}' tidak membawa kembali: prompt-nya '{talk.at}'.",
        ),
        retryable=True,
    )


def save(talk: Conversation, config: OltConfig) -> None:
    """Save the changes permanently. Raises DeviceError if the OLT doesn't confirm it."""
    lines = talk.ask(config.templates.save, seconds=config.save_seconds, agree=True)
    if any(_NOT_SAVED.search(line) for line in lines):
        words = shown(" ".join(lines))
        raise DeviceError(Fault.REFUSED, Sentence(f'The OLT says: "{words}"', f'OLT menjawab: "{words}"'), retryable=True)


def looked_at(talk: Conversation, config: OltConfig) -> tuple[dict[str, Sentence | str], list[Sentence]]:
    """Return facts and problems for the probe. Changes nothing. Raises DeviceError if the session broke."""
    facts: dict[str, Sentence | str] = {"name": talk.name}
    problems: list[Sentence] = []
    try:
        for line in talk.ask(config.dialect.version):
            if match := config.dialect.version_line.fullmatch(line):
                facts["version"] = shown(match[1])
                break
    except Refusal as error:
        problems.append(
            Sentence(f"The version can't be read: {error.message.english}", f"Versinya tidak bisa dibaca: {error.message.indonesian}")
        )
    return facts, problems
