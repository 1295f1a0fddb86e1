"""Settings, read once from the environment (`SEBILLING_…`) or a `.env` file. A test keeps the list in `docs/operations.md` complete.

A secret may be in a file instead, as container platforms provide them: `SEBILLING_SECRET_KEY_FILE` names the file for
`SEBILLING_SECRET_KEY`. The environment of a process is easier to read than a file, and child processes inherit it.

Commands read settings with `Settings.read`, which also refuses unknown names: a mistyped name would silently leave the default
in force. A plugin's own settings begin with `SEBILLING_` and the plugin's name, and the plugin checks them; names that begin with
`SEBILLING_TEST_` are for tests and measurements.
"""

import difflib
import itertools
import os
from collections.abc import Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Final, Literal, get_args, get_origin
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, PydanticCustomError
from pydantic_settings import BaseSettings, DotEnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from sebilling.language import Sentence
from sebilling.operator_errors import InvalidSetting

_PREFIX = "SEBILLING_"
Introspection = Literal["signed_in", "everyone", "nobody"]
"""Who may use introspection."""
_TEST_PREFIX = "SEBILLING_TEST_"
PLUGIN_GROUP: Final = "sebilling.plugins"
"""Group of the entry points of plugins."""
MIN_KEY_CHARACTERS: Final = 32
_MIN_KEY_PARTS: Final = 24
"""Least number of different three-character substrings in a key: 32 random hexadecimal digits have about 30, a repeated word fewer."""
_MIN_KEY_STEPS: Final = 8
"""Least number of different distances between neighbouring characters in a key: "abcdef…" has one."""
_PLACEHOLDERS: Final = ("change", "secret", "example", "password", "sebilling", "ganti", "rahasia", "kunci")
"""Words in keys that were copied from a manual. A random key contains one of six letters once in a hundred million."""


class _SecretFiles(PydanticBaseSettingsSource):
    """Settings source: the contents of the files named by `SEBILLING_…_FILE`, for secret settings."""

    def __init__(self, settings_cls: type[BaseSettings], dotenv: PydanticBaseSettingsSource) -> None:
        super().__init__(settings_cls)
        self._dotenv = dotenv.env_vars if isinstance(dotenv, DotEnvSettingsSource) else {}

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Return the content of the setting's file without its final newline; None if no file is named. Raises InvalidSetting."""
        setting = f"{_PREFIX}{field_name.upper()}"
        file = self._named(f"{setting}_FILE")
        if file is None or not is_secret(field):
            return None, field_name, False
        if self._named(setting) is not None:
            why = Sentence(f"{setting} is set too: remove one of the two.", f"{setting} juga diisi: hapus salah satu.")
            raise InvalidSetting(setting=f"{setting}_FILE", why=why)
        try:
            return Path(file).read_text(encoding="utf-8").rstrip("\r\n"), field_name, False
        except (OSError, ValueError) as error:
            why = Sentence(
                f"{file or 'an empty name'} can't be read ({type(error).__name__}): check that it exists and that this user may read it.",
                f"{file or 'nama kosong'} tidak bisa dibaca ({type(error).__name__}): pastikan ada dan boleh dibaca pengguna ini.",
            )
            raise InvalidSetting(setting=f"{setting}_FILE", why=why) from None

    def _named(self, name: str) -> str | None:
        value = os.environ.get(name)
        return self._dotenv.get(name.lower()) if value is None else value

    def __call__(self) -> dict[str, Any]:
        """Return every secret that is in a file."""
        values = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: value for name, value in values.items() if value is not None}


class Settings(BaseSettings):
    """Settings of a deployment. Every name has the prefix `SEBILLING_`."""

    model_config = SettingsConfigDict(env_prefix="SEBILLING_", env_file=".env", extra="ignore", frozen=True, hide_input_in_errors=True)

    @classmethod
    def read(cls, **overrides: Any) -> "Settings":
        """Read the settings of this process; `overrides` take precedence. Raises InvalidSetting for a wrong value or an unknown name."""
        try:
            _refuse_unknown(_names_in_use(cls))
            return cls(**overrides)
        except ValidationError as error:
            raise _in_words(error.errors(include_input=False, include_url=False)) from None
        except SettingsError as error:
            why = Sentence(f"they can't be read: {error}.", f"tidak bisa dibaca: {error}.")
            raise InvalidSetting(setting="The settings", why=why) from None

    @field_validator("*", mode="before")
    @classmethod
    def _not_empty(cls, setting: Any, info: Any) -> Any:
        default = cls.model_fields[info.field_name].default
        if default != "" and (setting.get_secret_value() if isinstance(setting, SecretStr) else setting) == "":
            raise PydanticCustomError("empty", "it is empty")
        return setting

    @field_validator("secret_key")
    @classmethod
    def _hard_to_guess(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None and not is_hard_to_guess(secret.get_secret_value()):
            raise PydanticCustomError("weak_key", "it can be guessed")
        return secret

    @field_validator("public_url")
    @classmethod
    def _of_the_web(cls, url: str | None) -> str | None:
        if url is None:
            return None
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        if parts.scheme not in {"https", "http"} or not parts.hostname or "@" in origin or url.rstrip("/") != origin:
            raise PydanticCustomError("no_public_url", "it is no address such as https://billing.isp.id")
        return origin

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - a folder with fixed names; each of our files is named by its own setting
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return the sources in order of precedence: arguments, the environment, secret files, `.env`."""
        return init_settings, env_settings, _SecretFiles(settings_cls, dotenv_settings), dotenv_settings

    @property
    def direct_url(self) -> str | None:
        """The database's address past a pooler, if one is set."""
        return None if self.database_direct_url is None else self.database_direct_url.get_secret_value()

    @property
    def origins(self) -> tuple[str, ...]:
        """The allowed origins, as browsers write them."""
        return tuple(origin.strip().lower().rstrip("/") for origin in self.allowed_origins.split(",") if origin.strip())

    database_url: SecretStr | None = Field(
        default=None,
        description="PostgreSQL >= 15 as postgresql://user:password@host/name?sslmode=verify-full. Unset: an embedded server in VAR.",
    )
    database_direct_url: SecretStr | None = Field(
        default=None,
        description="The same database past a pooler, for leases and notifications. Unset: DATABASE_URL.",
    )
    failover_seconds: int = Field(
        default=0,
        ge=0,
        le=60,
        description="Seconds for which reads and payments (by their key) wait for a database that is away. 0: an error at once.",
    )
    drain_seconds: int = Field(
        default=0,
        ge=0,
        le=30,
        description="Seconds for which a server that is told to stop still serves, while /healthz sends proxies elsewhere. 0: none.",
    )
    var: Path = Field(default=Path("var"), description="Folder for the embedded database, uploads and the key file.")
    storage_url: str | None = Field(
        default=None, description="Store of proofs, such as s3://bucket/prefix with the usual AWS_… variables. Unset: uploads in VAR."
    )
    secret_key: SecretStr | None = Field(
        default=None,
        description="Signs download links and encrypts devices' settings; the same for all servers, such as `openssl rand -hex 24` prints."
        " Unset: a key file in VAR.",
    )
    secret_key_old: SecretStr | None = Field(
        default=None, description="Previous key, needed until `sebilling secrets rotate` has encrypted everything with the new one."
    )
    plugins_disabled: str = Field(default="", description="Names of plugins not to load, separated by commas.")
    device_networks: str = Field(
        default="",
        description="Otherwise refused addresses that devices may have, separated by commas, such as 127.0.0.0/8 in a lab.",
    )
    host: str = Field(default="127.0.0.1", description="Address that `sebilling serve` listens on.")
    port: int = Field(default=8000, ge=0, le=65535, description="Port that `sebilling serve` listens on.")
    database_connections: int = Field(
        default=10,
        ge=2,
        le=200,
        description="Connections per pool (for answers, other reads, payments, other writes); opened when needed.",
    )
    token_hours: int = Field(default=720, ge=1, le=1_000_000, description="Hours after which a sign-in with a plain token (scripts) ends.")
    access_minutes: int = Field(
        default=15, ge=1, le=1_440, description="Minutes for which the token of a refreshable sign-in (phones) is valid."
    )
    refresh_hours: int = Field(default=720, ge=1, le=87_600, description="Hours without a refresh after which a refreshable sign-in ends.")
    cookie_hours: int = Field(default=12, ge=1, le=720, description="Hours after which a browser's sign-in with a cookie ends.")
    trusted_proxies: str = Field(
        default="",
        description="Addresses of trusted proxies, separated by commas, such as 127.0.0.1: only their X-Forwarded-For and -Proto count.",
    )
    allowed_hosts: str = Field(
        default="",
        description="Host names of the server besides localhost, separated by commas, such as billing.isp.id,*.isp.id; * for any.",
    )
    allowed_origins: str = Field(
        default="",
        description="Origins of web and hybrid apps that may call from elsewhere (CORS), separated by commas, such as https://app.isp.id,capacitor://localhost.",
    )
    public_url: str | None = Field(
        default=None,
        description="Address of this server for customers, such as https://billing.isp.id; messages link to their page. Unset: no link.",
    )
    trusted_documents: Path | None = Field(
        default=None, description="File or folder of trusted documents: only they are answered, by documentId or text. Unset: any document."
    )
    document_seconds: int = Field(default=15, ge=1, le=300, description="Seconds after which a query is stopped; mutations never are.")
    concurrent_requests: int = Field(
        default=100, ge=1, le=10_000, description="Concurrent requests of one user, or of one anonymous address."
    )
    connections: int = Field(
        default=2_000, ge=50, le=100_000, description="Open connections in all; fewer if the limit of open files is lower."
    )
    connections_per_address: int = Field(
        default=256, ge=10, le=100_000, description="Open connections of one address; TRUSTED_PROXIES have no such limit."
    )
    introspection: Introspection = Field(
        default="signed_in", description="Who may see the schema and GraphiQL at /graphql: signed_in, everyone or nobody."
    )
    reports_at_once: int = Field(
        default=3, ge=1, le=50, description="Concurrent reports per server, each with its own process and database connection."
    )
    report_seconds: int = Field(default=600, ge=5, le=86_400, description="Seconds after which a report is stopped, its download included.")
    live_connections: int = Field(
        default=50, ge=1, le=10_000, description="Concurrent connections with subscriptions of one user to one server."
    )
    live_subscriptions: int = Field(
        default=200, ge=1, le=100_000, description="Concurrent subscriptions of one user to one server, over all connections."
    )
    live_groups: int = Field(
        default=30, ge=1, le=10_000, description="Different subscriptions (document and variables) of one user to one server."
    )
    live_groups_in_all: int = Field(
        default=1_000, ge=1, le=100_000, description="Different subscriptions of all users together to one server."
    )
    live_share_percent: int = Field(
        default=30, ge=1, le=100, description="Percent of a server's time that the subscriptions of one user may take."
    )
    inline_worker: bool = Field(
        default=True, description="Whether the server runs the worker's jobs too; turn off when `sebilling worker` runs."
    )
    backup_to: str | None = Field(
        default=None, description="Folder or bucket (s3://bucket/prefix) for the worker's daily backups. Unset: it makes none."
    )
    backup_hour: int = Field(default=2, ge=0, le=23, description="Hour (Asia/Jakarta) after which the day's backup is made.")
    backup_passphrase: SecretStr | None = Field(
        default=None, description="Seals the secret key in backups; needed to restore it. Unset: the key isn't in backups."
    )
    metrics_port: int | None = Field(
        default=None, ge=1, le=65_535, description="Port of /metrics for Prometheus, of a server or worker. Unset: none."
    )
    metrics_host: str = Field(default="127.0.0.1", description="Address that METRICS_PORT listens on.")
    answers_from_sql: bool = Field(default=True, description="Whether PostgreSQL writes answers of plain fields; off: for comparison.")
    fast_path: bool = Field(default=True, description="Whether known documents pass the executor by; off: for comparison.")
    generate_chunk: int = Field(default=10_000, ge=100, le=100_000, description="Customers per transaction of a generation run.")
    slow_statement_milliseconds: int | None = Field(
        default=None, ge=1, le=600_000,
        description="Milliseconds from which an SQL statement is logged (slow_statement), with its request's operation. Unset: none is.",
    )  # fmt: skip
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(default="INFO", description="Lowest level that is logged.")
    log_format: Literal["json", "console"] = Field(default="json", description="json: one JSON object per line; console: coloured text.")


def is_secret(field: FieldInfo) -> bool:
    """Whether the setting must not be shown, and may be in a file of its own (`…_FILE`)."""
    return SecretStr in (field.annotation, *get_args(field.annotation))


def is_hard_to_guess(key: str) -> bool:
    """Whether a key is long and varied enough: at least MIN_KEY_CHARACTERS without repetitions, sequences or words of manuals.

    It can't prove randomness; it refuses what people type when they are asked for a key.
    """
    parts = {key[start : start + 3] for start in range(len(key) - 2)}
    steps = {ord(after) - ord(before) for before, after in itertools.pairwise(key)}
    varied = len(parts) >= _MIN_KEY_PARTS and len(steps) >= _MIN_KEY_STEPS
    return len(key) >= MIN_KEY_CHARACTERS and varied and not any(word in key.lower() for word in _PLACEHOLDERS)


def values_of(field: FieldInfo) -> Sentence:
    """Describe the allowed values of a setting, for the table in docs/operations.md and the error about a wrong value."""
    least, most = (next((vars_of[name] for vars_of in _bounds(field) if name in vars_of), None) for name in ("ge", "le"))
    kinds = (field.annotation, *get_args(field.annotation))
    if get_origin(field.annotation) is Literal:
        choices = get_args(field.annotation)
        return Sentence(", ".join(choices), ", ".join(choices))
    if bool in kinds:
        return Sentence("true or false", "true atau false")
    if int in kinds:
        return Sentence(f"a whole number from {least} to {most}", f"bilangan bulat dari {least} sampai {most}")
    if Path in kinds:
        return Sentence("a path", "sebuah path")
    return Sentence("text", "teks")


def _bounds(field: FieldInfo) -> list[Mapping[str, Any]]:
    return [{name: getattr(bound, name) for name in ("ge", "le") if hasattr(bound, name)} for bound in field.metadata]


_KEY_WHY: Final = Sentence(
    f"it can be guessed, and whoever guesses it can sign links as any user: use at least {MIN_KEY_CHARACTERS} random characters,"
    " such as `openssl rand -hex 24` prints.",
    f"kunci ini bisa ditebak, dan siapa pun yang menebaknya bisa menandatangani tautan atas nama siapa saja: isi paling sedikit"
    f" {MIN_KEY_CHARACTERS} karakter acak, misalnya dari `openssl rand -hex 24`.",
)
_EMPTY_WHY: Final = Sentence("it is empty: set a value, or unset it.", "nilainya kosong: isi, atau hapus pengaturannya.")
_ADDRESS_WHY: Final = Sentence(
    "it must be an address without a path, such as https://billing.isp.id.",
    "isinya harus alamat tanpa path, misalnya https://billing.isp.id.",
)
_OWN_WORDS: Final = {"weak_key": _KEY_WHY, "empty": _EMPTY_WHY, "no_public_url": _ADDRESS_WHY}


def _in_words(errors: list[ErrorDetails]) -> InvalidSetting:
    """Name the first wrong setting with its allowed values, then the other wrong ones. No value is shown: it may be a secret."""
    names = list(dict.fromkeys(str(error["loc"][0]) for error in errors))
    first, field = errors[0], Settings.model_fields.get(names[0])
    if first["type"] in _OWN_WORDS:
        why = _OWN_WORDS[first["type"]]
    elif field is None:
        why = Sentence("there is no such setting.", "tidak ada pengaturan seperti itu.")
    else:
        allowed = values_of(field)
        why = Sentence(f"it must be {allowed.english}.", f"isinya harus {allowed.indonesian}.")
    if others := ", ".join(f"{_PREFIX}{name.upper()}" for name in names[1:]):
        why = Sentence(f"{why.english} Also wrong: {others}.", f"{why.indonesian} Juga salah: {others}.")
    return InvalidSetting(setting=f"{_PREFIX}{names[0].upper()}", why=why)


def _names_in_use(settings: type[BaseSettings]) -> set[str]:
    """Return every name with the prefix SEBILLING_ in the environment and in `.env`."""
    file = settings.model_config.get("env_file")
    dotenv = DotEnvSettingsSource(settings, env_file=file).env_vars if file is not None else {}
    return {name.upper() for name in (*os.environ, *dotenv) if name.upper().startswith(_PREFIX)}


def _refuse_unknown(names: set[str]) -> None:
    """Raise InvalidSetting for a name that is neither a setting nor of an installed plugin, and suggest the most similar setting."""
    known = {f"{_PREFIX}{name.upper()}" for name in Settings.model_fields}
    known |= {f"{_PREFIX}{name.upper()}_FILE" for name, field in Settings.model_fields.items() if is_secret(field)}
    unknown = sorted(name for name in names - known if not name.startswith(_TEST_PREFIX))
    if unknown:  # only now: listing the installed plugins is slow
        plugins = tuple(f"{_PREFIX}{point.name.upper().replace('-', '_')}_" for point in entry_points(group=PLUGIN_GROUP))
        unknown = [name for name in unknown if not name.startswith(plugins)]
    if unknown:
        near = difflib.get_close_matches(unknown[0].removeprefix(_PREFIX), sorted(name.removeprefix(_PREFIX) for name in known), n=1)
        meant, maksud = (f"did you mean {_PREFIX}{near[0]}? Otherwise", f"maksudnya {_PREFIX}{near[0]}? Kalau bukan,") if near else ("", "")
        why = Sentence(
            f"there is no such setting, and no installed plugin has one with this name: {meant} remove it.",
            f"tidak ada pengaturan seperti itu, juga tidak di plugin yang terpasang: {maksud} hapus saja.",
        )
        raise InvalidSetting(setting=unknown[0], why=Sentence(*(" ".join(sentence.split()) for sentence in (why.english, why.indonesian))))
