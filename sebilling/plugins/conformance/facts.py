"""Checks of the world, the driver class and its settings. Of the device only the state is read."""

# ruff: noqa: S101 - a check is an assertion
import inspect
import json
import re
from collections.abc import Mapping
from typing import Final, get_args

from pydantic import BaseModel, ValidationError

from sebilling.plugins import forms
from sebilling.plugins.conformance.languages import assert_said
from sebilling.plugins.conformance.world import Kit, World, made, revealed
from sebilling.plugins.contract import CustomerSource, DeviceConfig, IsolationDriver, Quality, UsageReader
from sebilling.plugins.destinations import secrets_in

_KIND: Final = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")
_SERVICE: Final = re.compile(r"[A-Z][A-Z0-9_]*")
_SECRET_WORDS: Final = frozenset({"password", "passwd", "passphrase", "secret", "token", "credential", "credentials"})
_SECRET_ENDS: Final = frozenset({"key", "community", "pin"})
"""`api_key` is a secret, `key_file` isn't."""
_NO_SECRETS: Final = frozenset({"host_key", "public_key"})
MIN_SECRET: Final = 8


class Facts(Kit):
    """Checks of the driver class."""

    def test_the_world_is_fit(self) -> None:
        """The other checks prove nothing in a world that fails this one."""
        self.run(_fit)

    def test_the_class_says_what_it_is(self) -> None:
        """Kind, title, kinds of service and sizes are well-formed."""
        self.run(_class)

    def test_the_quality_is_earned(self) -> None:
        """`quality` is no higher than what this world can prove."""
        self.run(_quality)

    def test_settings_hide_what_is_secret(self) -> None:
        """Secrets are SecretStr; unknown settings are refused; no error and no schema reveals a secret; texts are in both languages."""
        self.run(_settings)

    def test_settings_come_back_from_json(self) -> None:
        """The core stores settings as encrypted JSON: they must come back equal."""
        self.run(_round_trip)


async def _fit(world: World) -> None:
    assert len(world.refs) >= 3, "provide at least three refs: some checks change one and compare the others"
    every = [*world.refs, *([world.absent] if world.absent is not None else [])]
    assert len({ref.id for ref in every}) == len({ref.key for ref in every}) == len(every), "ids and keys must be unique"
    state = await world.state()
    assert state == await world.state(), "state() differs between two calls: leave out what changes by itself"
    assert state, "state() is empty, so comparisons with it can't fail"
    for ref in world.refs:
        assert not await world.is_blocked(ref), f"{ref.key!r} is blocked from the beginning: provide customers with access"
    config = made(world).config
    assert all(len(secret) >= MIN_SECRET for secret in world.secrets), f"each of `secrets` needs at least {MIN_SECRET} characters"
    planted = [secret for _, secret in secrets_in(config)]
    assert set(planted) <= set(world.secrets), "each secret of `settings` must be in `secrets`"
    assert made(world, **world.wrong_password).config != config, "wrong_password changes nothing"


async def _class(world: World) -> None:
    driver = world.driver
    assert inspect.isclass(driver), "driver must be a class"
    assert issubclass(driver, IsolationDriver), "derive the driver from IsolationDriver"
    assert not inspect.isabstract(driver), f"methods are missing: {', '.join(sorted(driver.__abstractmethods__))}"
    assert _KIND.fullmatch(driver.kind), f"kind must look like vendor.method, not {driver.kind!r}"
    assert_said(driver.title, "title, by which users choose a driver,")
    assert driver.service_kinds, "service_kinds is empty: no customer could be assigned to the device"
    for kind, words in driver.service_kinds.items():
        assert _SERVICE.fullmatch(kind), f"a kind of service must look like PPPOE, not {kind!r}"
        assert_said(words, f"what the key of {kind} is")
    for name in ("max_batch", "config_version"):
        value = getattr(driver, name)
        assert type(value) is int, f"{name} must be a whole number"
        assert value >= 1, f"{name} must be at least 1"


_PROOFS: Final[Mapping[Quality, tuple[str, ...]]] = {
    Quality.SILVER: ("more", "undo_by_hand"),
    Quality.GOLD: ("online",),
    Quality.PLATINUM: ("keep_online", "reboot"),
}
"""What a world must provide for each quality, and for those below it."""


async def _quality(world: World) -> None:
    claimed = world.driver.quality
    assert isinstance(claimed, Quality), f"quality must be a Quality, not {claimed!r}"
    for quality, needed in _PROOFS.items():
        lacking = [name for name in needed if getattr(type(world), name) is getattr(World, name)]
        assert claimed < quality or not lacking, f"{claimed.name} isn't proven: this world lacks {', '.join(lacking)}"
    able = issubclass(world.driver, CustomerSource) and issubclass(world.driver, UsageReader)
    assert claimed < Quality.PLATINUM or able, "PLATINUM needs read_customers and read_usage"


async def _settings(world: World) -> None:
    model = world.driver.config_model
    assert issubclass(model, DeviceConfig), "derive config_model from DeviceConfig"
    open_fields = _open_secrets(model)
    assert not open_fields, f"{', '.join(open_fields)}: make it SecretStr, so that its value isn't shown or logged"
    secret = world.secrets[0] if world.secrets else "not-to-be-told"
    refusal = _refusal(model, {**world.settings, "no_such_setting_anywhere": secret})
    assert refusal, "an unknown setting was accepted: keep extra='forbid'"
    refusal += _refusal(model, {name: [secret] for name in world.settings})
    assert secret not in refusal, "the error about wrong settings reveals a secret: keep hide_input_in_errors=True"
    untranslated = list(forms.untranslated(model))
    assert not untranslated, f"{', '.join(untranslated)}: give json_schema_extra=indonesian(title, description, mark) to its Field"
    for words in forms.texts(model):
        assert_said(words, "the title or description of a setting")
    config = made(world).config
    texts = f"{config!r}{config}{config.model_dump(mode='json')}{json.dumps(model.model_json_schema(), default=str)}"
    assert not [secret for secret in world.secrets if secret in texts], "the settings' text or schema holds a secret: make it SecretStr"


def _refusal(model: type[DeviceConfig], settings: Mapping[str, object]) -> str:
    try:
        model.model_validate(settings)
    except ValidationError as error:
        return f"{error!s}{error!r}"
    return ""


def _open_secrets(model: type[BaseModel]) -> list[str]:
    names = []
    for name, field in model.model_fields.items():
        words = name.lower().split("_")
        types = _types(field.annotation)
        for field_type in types:
            if inspect.isclass(field_type) and issubclass(field_type, BaseModel):
                names += [f"{name}.{inner}" for inner in _open_secrets(field_type)]
        if (_SECRET_WORDS & set(words) or words[-1] in _SECRET_ENDS) and str in types and "_".join(words[-2:]) not in _NO_SECRETS:
            names.append(name)
    return names


def _types(annotation: object) -> set[object]:
    return {annotation}.union(*(_types(argument) for argument in get_args(annotation))) - {type(None)}


async def _round_trip(world: World) -> None:
    model, config = world.driver.config_model, made(world).config
    plain = revealed(config.model_dump(mode="python"))
    again = model.model_validate(json.loads(json.dumps(plain)))
    assert again == config, f"the settings don't come back from JSON unchanged: {again!r} instead of {config!r}"
