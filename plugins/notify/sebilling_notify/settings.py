"""Settings, from the environment (`SEBILLING_NOTIFY_…`), a `.env` file, or a TOML file that SEBILLING_NOTIFY_FILE names."""

import difflib
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from sebilling_notify.templates import TEMPLATES, check

PREFIX = "SEBILLING_NOTIFY_"
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}
Names = Annotated[tuple[str, ...], NoDecode]
"""With commas."""


class BadSettings(ValueError):
    """The settings are invalid. Names the setting and the reason, but none of their values."""


class _Core(BaseSettings):
    """The settings of SeBilling itself that are needed here."""

    model_config = SettingsConfigDict(env_prefix="SEBILLING_", env_file=".env", extra="ignore", frozen=True)

    var: Path = Path("var")


class Settings(BaseSettings):
    """Settings of the plugin. Every name has the prefix `SEBILLING_NOTIFY_`."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_file=".env", extra="ignore", frozen=True, hide_input_in_errors=True)

    queue: Path | None = Field(
        default=None, description="File with the messages that wait, on a disk of this machine. Unset: notify.sqlite in SEBILLING_VAR."
    )
    max_waiting: int = Field(
        default=50_000, ge=1, le=1_000_000, description="Messages that may wait for one receiver; more are refused and come again."
    )
    max_age_hours: int = Field(default=24, ge=1, le=720, description="Older events and messages are dropped: nobody wants them any more.")
    timeout_seconds: int = Field(default=10, ge=1, le=60, description="How long a receiver may take to answer.")
    allow_http: bool = Field(default=False, description="Send to http addresses of other machines too; secrets are then open to read.")

    webhook_urls: Names = Field(default=(), description="Addresses that get every event as signed JSON, with commas.")
    webhook_secret: SecretStr | None = Field(default=None, description="Signs webhooks; 16 characters or more.")

    whatsapp_url: str = Field(default="", description="Gateway that takes a form, such as https://api.fonnte.com/send.")
    whatsapp_token: SecretStr | None = Field(default=None, description="Sent in whatsapp_token_header.")
    whatsapp_token_header: str = Field(default="Authorization", description="Header that the gateway wants its token in.")
    whatsapp_phone_field: str = Field(default="target", description="Form field of the number: target (Fonnte), phone (Wablas).")
    whatsapp_text_field: str = Field(default="message", description="Form field of the text.")
    whatsapp_extra: dict[str, str] = Field(default={}, description="Further form fields, as a JSON object.")
    whatsapp_per_minute: int = Field(default=20, ge=1, le=6_000, description="Messages a minute: who sends too fast is blocked.")
    whatsapp_messages: Names = Field(
        default=("invoice", "payment", "reminder", "blocked", "restored"), description="Which of the templates customers get, with commas."
    )
    reminder_days: int = Field(default=3, ge=1, le=30, description="Number of days before the block on which a customer is reminded.")

    telegram_token: SecretStr | None = Field(default=None, description="Of the bot, as BotFather gives it.")
    telegram_chat: str = Field(default="", description="Id of the staff's group.")
    telegram_url: str = Field(default="https://api.telegram.org", description="Of the bot API.")
    telegram_messages: Names = Field(
        default=("reversed", "deposit", "failed", "health"), description="Which of the templates the staff's group gets, with commas."
    )

    templates: dict[str, str] = Field(default={}, description="Texts instead of the built-in ones, by name.")

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource, env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource, file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - as the library calls it
    ) -> tuple[PydanticBaseSettingsSource, ...]:  # fmt: skip
        """Give the environment precedence over the file."""
        file = TomlConfigSettingsSource(settings_cls, Path(os.environ.get(f"{PREFIX}FILE", "")) if f"{PREFIX}FILE" in os.environ else None)
        return init_settings, env_settings, dotenv_settings, file

    @field_validator("webhook_urls", "whatsapp_messages", "telegram_messages", mode="before")
    @classmethod
    def _split(cls, setting: Any) -> Any:
        return tuple(part.strip() for part in setting.split(",") if part.strip()) if isinstance(setting, str) else setting

    @field_validator("whatsapp_messages", "telegram_messages")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := sorted(set(names) - set(TEMPLATES)):
            raise ValueError(f"there is no message {', '.join(unknown)}: choose of {', '.join(TEMPLATES)}")
        return names

    @field_validator("templates")
    @classmethod
    def _usable(cls, templates: dict[str, str]) -> dict[str, str]:
        for name, text in templates.items():
            check(name, text)
        return templates

    @field_validator("webhook_secret")
    @classmethod
    def _long(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None and len(secret.get_secret_value()) < 16:
            raise ValueError("it is too short: use at least 16 random characters")
        return secret

    @property
    def queue_file(self) -> Path:
        """Path of the queue file, by default in the folder of SeBilling's data."""
        return self.queue or _Core().var / "notify.sqlite"

    @property
    def has_work(self) -> bool:
        """Whether any receiver is set."""
        return bool(self.webhook_urls or self.whatsapp_url or self.telegram_chat)


def _refuse_unknown(file: str | None) -> None:
    """Raise BadSettings for an unknown name with our prefix, and suggest the nearest: a mistyped one would silently send nothing."""
    dotenv = DotEnvSettingsSource(Settings, env_file=".env").env_vars
    used = {name.upper().removeprefix(PREFIX) for name in (*os.environ, *dotenv) if name.upper().startswith(PREFIX)} - {"FILE"}
    if file is not None:
        used |= {name.upper() for name in tomllib.loads(Path(file).read_text(encoding="utf-8"))}
    known = {name.upper() for name in Settings.model_fields}
    for name in sorted(used - known):
        near = difflib.get_close_matches(name, sorted(known), n=1)
        raise BadSettings(f"{PREFIX}{name} is no setting: {f'did you mean {PREFIX}{near[0]}? Else ' if near else ''}leave it out.")


def load(overrides: Mapping[str, Any] | None = None) -> Settings:
    """Read the settings; `overrides` take precedence. Raises BadSettings."""
    file = os.environ.get(f"{PREFIX}FILE")
    if file is not None and not Path(file).is_file():
        raise BadSettings(f"{PREFIX}FILE names no file: write one, or unset it")
    try:
        _refuse_unknown(file)
        settings = Settings(**(overrides or {}))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        name = ".".join(str(part) for part in first["loc"]).upper()
        raise BadSettings(f"{PREFIX}{name}: {first['msg']}") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, SettingsError) as error:
        raise BadSettings(f"{PREFIX}FILE or a setting can't be read: {type(error).__name__}") from None
    for name, url in [("WEBHOOK_URLS", webhook_url) for webhook_url in settings.webhook_urls] + [
        ("WHATSAPP_URL", settings.whatsapp_url), ("TELEGRAM_URL", settings.telegram_url)
    ]:  # fmt: skip
        if url:
            _check_address(name, url, allow_http=settings.allow_http)
    if settings.webhook_urls and settings.webhook_secret is None:
        raise BadSettings(f"{PREFIX}WEBHOOK_SECRET isn't set, so receivers couldn't know who sends: set at least 16 random characters.")
    if settings.telegram_chat and settings.telegram_token is None:
        raise BadSettings(f"{PREFIX}TELEGRAM_TOKEN isn't set: make a bot with BotFather, or leave TELEGRAM_CHAT empty.")
    return settings


def _check_address(name: str, url: str, *, allow_http: bool) -> None:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise BadSettings(f"{PREFIX}{name} holds something that is no address: write https://…")
    if parts.scheme == "http" and not allow_http and parts.hostname not in _LOOPBACK:
        raise BadSettings(
            f"{PREFIX}{name} has an http address, which anybody on the way can read: use https, or set {PREFIX}ALLOW_HTTP=true."
        )
