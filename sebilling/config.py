"""Settings, read once from the environment (`SEBILLING_…`) or a `.env` file. `docs/operations.md` lists them by a test.

A secret may lie in a file instead, as container platforms give them: `SEBILLING_SECRET_KEY_FILE` names one for
`SEBILLING_SECRET_KEY`. The environment of a process is read more easily than a file, and is inherited.
"""

import os
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, DotEnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from sebilling.errors import InvalidSetting

_PREFIX = "SEBILLING_"
Introspection = Literal["signed_in", "everyone", "nobody"]
"""Who may ask the schema about itself."""


class _SecretFiles(PydanticBaseSettingsSource):
    """What lies in the files that `SEBILLING_…_FILE` name, for settings that are secret."""

    def __init__(self, settings_cls: type[BaseSettings], dotenv: PydanticBaseSettingsSource) -> None:
        super().__init__(settings_cls)
        self._dotenv = dotenv.env_vars if isinstance(dotenv, DotEnvSettingsSource) else {}

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """The content of the setting's file, without the line's end; None if no file is named. Raises InvalidSetting."""
        setting = f"{_PREFIX}{field_name.upper()}"
        file = self._named(f"{setting}_FILE")
        if not file or "SecretStr" not in str(field.annotation):
            return None, field_name, False
        if self._named(setting):
            raise InvalidSetting(setting=f"{setting}_FILE", why=f"{setting} is set too: leave one of the two out.")
        try:
            return Path(file).read_text(encoding="utf-8").rstrip("\r\n"), field_name, False
        except (OSError, ValueError) as error:
            why = f"{file} can't be read ({type(error).__name__}): check that it is there, and readable for this user."
            raise InvalidSetting(setting=f"{setting}_FILE", why=why) from None

    def _named(self, name: str) -> str | None:
        return os.environ.get(name) or self._dotenv.get(name.lower())

    def __call__(self) -> dict[str, Any]:
        """Every secret that lies in a file."""
        found = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: value for name, value in found.items() if value is not None}


class Settings(BaseSettings):
    """What a deployment may set. Every name has the prefix `SEBILLING_`."""

    model_config = SettingsConfigDict(env_prefix="SEBILLING_", env_file=".env", extra="ignore", frozen=True, hide_input_in_errors=True)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - a folder with fixed names; ours are named one by one
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, the environment, files of secrets, `.env`: whichever comes first counts."""
        return init_settings, env_settings, _SecretFiles(settings_cls, dotenv_settings), dotenv_settings

    database_url: SecretStr | None = Field(
        default=None,
        description="PostgreSQL >= 15 as postgresql+asyncpg://user:password@host/name. Unset: an embedded server in VAR.",
    )
    var: Path = Field(default=Path("var"), description="Folder for the embedded database, uploads and the key file.")
    storage_url: str | None = Field(
        default=None, description="Where proofs lie, such as s3://bucket/prefix with the usual AWS_… variables. Unset: uploads in VAR."
    )
    secret_key: SecretStr | None = Field(
        default=None,
        description="Signs download links; the same for all servers, 32 characters or more by chance. Unset: a key file in VAR.",
    )
    secret_key_old: SecretStr | None = Field(
        default=None, description="The key before, while `sebilling secrets rotate` writes what it had encrypted anew."
    )
    plugins_disabled: str = Field(default="", description="Names of plugins that aren't loaded, with commas.")
    device_networks: str = Field(
        default="",
        description="Addresses that devices may have though they are refused otherwise, with commas, such as 127.0.0.0/8 in a lab.",
    )
    host: str = Field(default="127.0.0.1", description="Address that `sebilling serve` listens on.")
    port: int = Field(default=8000, ge=0, le=65535, description="Port that `sebilling serve` listens on.")
    database_connections: int = Field(default=10, ge=2, le=200, description="Connections per pool (one to read, one to write).")
    token_hours: int = Field(
        default=720, ge=1, le=1_000_000, description="Hours after which a sign-in by a plain token, as scripts use, ends."
    )
    access_minutes: int = Field(default=15, ge=1, le=1_440, description="Minutes that the token of a refreshable sign-in (phones) is good.")
    refresh_hours: int = Field(default=720, ge=1, le=87_600, description="Hours without a refresh after which a refreshable sign-in ends.")
    cookie_hours: int = Field(default=12, ge=1, le=720, description="Hours after which a browser's sign-in by cookie ends.")
    trusted_proxies: str = Field(
        default="",
        description="Addresses of the proxies in front, with commas, such as 127.0.0.1: only they are believed X-Forwarded-For and -Proto.",
    )
    allowed_hosts: str = Field(
        default="", description="Names that the server goes by beside localhost, with commas, such as billing.isp.id,*.isp.id; * for any."
    )
    allowed_origins: str = Field(
        default="", description="Origins of web apps elsewhere that may ask (CORS), with commas, such as https://app.isp.id."
    )
    trusted_documents: Path | None = Field(
        default=None, description="File or folder of documents: only they are answered, by documentId or text. Unset: any document is."
    )
    document_seconds: int = Field(default=15, ge=1, le=300, description="Seconds after which a query is given up; mutations never are.")
    concurrent_requests: int = Field(
        default=100, ge=1, le=10_000, description="Requests of one user, or of one address not signed in, that are answered at once."
    )
    connections: int = Field(
        default=2_000, ge=50, le=100_000, description="Connections that are open at once; fewer if fewer files may be open."
    )
    connections_per_address: int = Field(
        default=256, ge=10, le=100_000, description="Connections of one address that are open at once; TRUSTED_PROXIES have no such bound."
    )
    introspection: Introspection = Field(
        default="signed_in", description="Who may see the schema and GraphiQL's page at /graphql: signed_in, everyone or nobody."
    )
    reports_at_once: int = Field(
        default=3, ge=1, le=50, description="Reports that one server makes at once, each by a process and a connection of its own."
    )
    report_seconds: int = Field(
        default=600, ge=5, le=86_400, description="Seconds after which a report is given up, its download included."
    )
    live_connections: int = Field(
        default=50, ge=1, le=10_000, description="Connections with subscriptions that one user may have to one server at once."
    )
    live_subscriptions: int = Field(
        default=200, ge=1, le=100_000, description="Subscriptions that one user may have to one server at once, over all connections."
    )
    live_groups: int = Field(
        default=30, ge=1, le=10_000, description="Different subscriptions (document and variables) that one user may have to one server."
    )
    live_groups_in_all: int = Field(
        default=1_000, ge=1, le=100_000, description="Different subscriptions that all users together may have to one server."
    )
    live_share_percent: int = Field(
        default=30, ge=1, le=100, description="Percent of the time in which a server may be working on the subscriptions of one user."
    )
    inline_worker: bool = Field(default=True, description="Let the server do a worker's jobs too; turn off beside `sebilling worker`.")
    generate_chunk: int = Field(default=10_000, ge=100, le=100_000, description="Customers per transaction of a generation run.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(default="INFO", description="Least level that is logged.")
    log_format: Literal["json", "console"] = Field(default="json", description="One JSON object a line, or coloured text.")
