"""Checks of the world, of the class and its settings: nothing is asked of the device but its state."""

# ruff: noqa: S101 - a check is an assertion
import inspect
import json
import re
from collections.abc import Mapping
from typing import Final, get_args

from pydantic import BaseModel, ValidationError

from sebilling.plugins.conformance.world import Kit, World, made, revealed
from sebilling.plugins.contract import DeviceConfig, IsolationDriver
from sebilling.plugins.destinations import secrets_in

_KIND: Final = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")
_SERVICE: Final = re.compile(r"[A-Z][A-Z0-9_]*")
_SECRET_WORDS: Final = frozenset({"password", "passwd", "passphrase", "secret", "token", "credential", "credentials"})
_SECRET_ENDS: Final = frozenset({"key", "community", "pin"})
"""`api_key` is a secret, `key_file` isn't."""
MIN_SECRET: Final = 8


class Facts(Kit):
    """The class's facts."""

    def test_the_world_is_fit(self) -> None:
        """The other checks prove nothing in a world that this one refuses."""
        self.run(_fit)

    def test_the_class_says_what_it_is(self) -> None:
        """Kind, title, kinds of service and sizes have their form."""
        self.run(_class)

    def test_settings_hide_what_is_secret(self) -> None:
        """Secrets are SecretStr; strange settings are refused, and neither errors nor the schema tell a secret."""
        self.run(_settings)

    def test_settings_come_back_from_json(self) -> None:
        """The core stores settings as JSON, encrypted: they come back equal."""
        self.run(_round_trip)


async def _fit(world: World) -> None:
    assert len(world.refs) >= 3, "give three refs at least: some checks touch one and look at the others"
    every = [*world.refs, *([world.absent] if world.absent is not None else [])]
    assert len({ref.id for ref in every}) == len({ref.key for ref in every}) == len(every), "ids and keys must differ"
    state = await world.state()
    assert state == await world.state(), "state() gives two things of one device: leave out what changes by itself"
    assert state, "state() is empty: nothing that is compared with it could fail"
    for ref in world.refs:
        assert not await world.is_blocked(ref), f"{ref.key!r} is cut from the beginning"
    config = made(world).config
    assert all(len(secret) >= MIN_SECRET for secret in world.secrets), f"planted secrets need {MIN_SECRET} characters to be found"
    planted = [secret for _, secret in secrets_in(config)]
    assert set(planted) <= set(world.secrets), "each secret of `settings` must be in `secrets`"
    assert made(world, **world.wrong_password).config != config, "wrong_password changes nothing"


async def _class(world: World) -> None:
    driver = world.driver
    assert inspect.isclass(driver), "driver must be a class"
    assert issubclass(driver, IsolationDriver), "derive the driver from IsolationDriver"
    assert not inspect.isabstract(driver), f"methods are missing: {', '.join(sorted(driver.__abstractmethods__))}"
    assert _KIND.fullmatch(driver.kind), f"kind must look like vendor.method, not {driver.kind!r}"
    assert driver.title.strip(), "title is empty: people choose by it"
    assert driver.service_kinds, "service_kinds is empty: no customer could be put on the device"
    for kind, words in driver.service_kinds.items():
        assert _SERVICE.fullmatch(kind), f"a kind of service looks like PPPOE, not {kind!r}"
        assert words.strip(), f"say in words what the key of {kind} is"
    for name in ("max_batch", "config_version"):
        value = getattr(driver, name)
        assert type(value) is int, f"{name} must be a whole number"
        assert value >= 1, f"{name} must be 1 or more"


async def _settings(world: World) -> None:
    model = world.driver.config_model
    assert issubclass(model, DeviceConfig), "derive config_model from DeviceConfig"
    open_fields = _open_secrets(model)
    assert not open_fields, f"{', '.join(open_fields)}: make it SecretStr, or its value is shown and logged"
    secret = world.secrets[0] if world.secrets else "not-to-be-told"
    refusal = _refusal(model, {**world.settings, "no_such_setting_anywhere": secret})
    assert refusal, "a setting that doesn't exist was taken: keep extra='forbid'"
    refusal += _refusal(model, {name: [secret] for name in world.settings})
    assert secret not in refusal, "the error of wrong settings tells a secret: keep hide_input_in_errors=True"
    config = made(world).config
    told = f"{config!r}{config}{config.model_dump(mode='json')}{json.dumps(model.model_json_schema(), default=str)}"
    assert not [one for one in world.secrets if one in told], "the settings' own text or their schema holds a secret: make it SecretStr"


def _refusal(model: type[DeviceConfig], given: Mapping[str, object]) -> str:
    try:
        model.model_validate(given)
    except ValidationError as error:
        return f"{error!s}{error!r}"
    return ""


def _open_secrets(model: type[BaseModel]) -> list[str]:
    found = []
    for name, field in model.model_fields.items():
        words = name.lower().split("_")
        types = _types(field.annotation)
        for one in types:
            if inspect.isclass(one) and issubclass(one, BaseModel):
                found += [f"{name}.{inner}" for inner in _open_secrets(one)]
        if (_SECRET_WORDS & set(words) or words[-1] in _SECRET_ENDS) and str in types:
            found.append(name)
    return found


def _types(annotation: object) -> set[object]:
    return {annotation}.union(*(_types(one) for one in get_args(annotation))) - {type(None)}


async def _round_trip(world: World) -> None:
    model, config = world.driver.config_model, made(world).config
    plain = revealed(config.model_dump(mode="python"))
    again = model.model_validate(json.loads(json.dumps(plain)))
    assert again == config, f"the settings don't come back from JSON as they were: {again!r} instead of {config!r}"
