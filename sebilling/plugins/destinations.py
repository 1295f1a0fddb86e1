"""Destinations of secrets in a device's settings: a stored secret is never sent to another destination than it was entered for.

Drivers mark their settings as the contract describes. A setting without a mark counts as a destination, so that a driver without marks
is safe.
"""

import hashlib
from collections.abc import Iterator, Mapping
from types import NoneType
from typing import Final, get_args

from pydantic import BaseModel, JsonValue, SecretStr
from pydantic.fields import FieldInfo

from sebilling.device_errors import SecretNeeded
from sebilling.plugins.contract import DeviceConfig

_STARS: Final = str(SecretStr("x"))
"""Placeholder for a secret in a form."""
_MAX_SHOWN: Final = 120
"""Maximum characters of a setting in an event; a longer one, such as a certificate, is replaced by its digest."""


def demand_secrets(current: DeviceConfig, new: DeviceConfig, entered: Mapping[str, object]) -> None:
    """Check that no stored secret would go to a new destination. `entered` holds the settings given by the caller, by name.

    Raises SecretNeeded, with the changed settings and every secret that must be entered again.
    """
    before, after, fields = _open(current), _open(new), type(new).model_fields
    changed = [name for name, value in before.items() if after[name] != value and declared(fields[name]) != "own"]
    kept = [path for path, _ in secrets_in(new) if path[0] not in entered]
    if changed and kept:
        raise SecretNeeded(field=("config", *kept[0]), changed=", ".join(changed), secrets=", ".join(".".join(path) for path in kept))


def destination(config: DeviceConfig) -> dict[str, JsonValue]:
    """Destination settings of a device, for an event; without secrets."""
    hidden = [value for _, value in secrets_in(config)]
    return {name: _shown(value, hidden) for name, value in _open(config).items() if value is not None}


def hosts(value: object, field: FieldInfo | None = None, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield every address, name and path marked HOST in the settings, with its path among them."""
    if isinstance(value, BaseModel):
        for name, inner in type(value).model_fields.items():
            yield from hosts(getattr(value, name), inner, (*path, name))
    elif isinstance(value, list | tuple):
        for number, element in enumerate(value):
            yield from hosts(element, field, (*path, str(number)))
    elif isinstance(value, str) and value and field is not None and declared(field) == "host":
        yield path, value


def declared(field: FieldInfo) -> JsonValue:
    """The field's destination mark: "host", "own", False, or None if it has none."""
    extra = field.json_schema_extra
    return extra.get("destination") if isinstance(extra, Mapping) else None


def is_secret(field: FieldInfo) -> bool:
    """Whether the field holds a secret and nothing else."""
    return SecretStr in (types := set(get_args(field.annotation)) or {field.annotation}) and types <= {SecretStr, NoneType}


def secrets_in(value: object, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield each secret that is set, with its path in the settings."""
    if isinstance(value, SecretStr):
        if value.get_secret_value():
            yield path, value.get_secret_value()
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from secrets_in(getattr(value, name), (*path, name))
    elif isinstance(value, Mapping):
        for name, element in value.items():
            yield from secrets_in(element, (*path, str(name)))
    elif isinstance(value, list | tuple):
        for number, element in enumerate(value):
            yield from secrets_in(element, (*path, str(number)))


def starred(config: DeviceConfig) -> tuple[str, ...] | None:
    """Path of a secret that is the placeholder of a form; None if there is none."""
    return next((path for path, value in secrets_in(config) if value == _STARS), None)


def _open(config: DeviceConfig) -> dict[str, object]:
    """Settings that count as destinations, by name, without secrets."""
    fields = type(config).model_fields
    return {
        name: _without_secrets(getattr(config, name))
        for name, field in fields.items()
        if declared(field) is not False and not is_secret(field)
    }


def _without_secrets(value: object) -> object:
    if isinstance(value, SecretStr):
        return None
    if isinstance(value, BaseModel):
        return {name: _without_secrets(getattr(value, name)) for name in type(value).model_fields}
    if isinstance(value, Mapping):
        return {str(name): _without_secrets(element) for name, element in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_without_secrets(element) for element in value]
    return value


def _shown(value: object, hidden: list[str]) -> JsonValue:
    if isinstance(value, Mapping):
        return {name: _shown(element, hidden) for name, element in value.items() if element is not None}
    if isinstance(value, list):
        return [_shown(element, hidden) for element in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    text = str(value)
    for secret in hidden:  # such as in an address that holds a password
        text = text.replace(secret, _STARS)
    return text if len(text) <= _MAX_SHOWN else f"sha256:{hashlib.sha256(text.encode()).hexdigest()[:16]}"
