"""Settings, read once from the environment (`SEBILLING_…`) or a `.env` file. `docs/operations.md` lists them by a test."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """What a deployment may set. Every name has the prefix `SEBILLING_`."""

    model_config = SettingsConfigDict(env_prefix="SEBILLING_", env_file=".env", extra="ignore", frozen=True)

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
    host: str = Field(default="127.0.0.1", description="Address that `sebilling serve` listens on.")
    port: int = Field(default=8000, ge=0, le=65535, description="Port that `sebilling serve` listens on.")
    database_connections: int = Field(default=10, ge=2, le=200, description="Connections per pool (one to read, one to write).")
    token_hours: int = Field(default=720, ge=1, description="Hours after which a sign-in ends by itself.")
    graphiql: bool = Field(default=True, description="Serve GraphiQL and answer introspection at /graphql.")
    inline_worker: bool = Field(default=True, description="Let the server do a worker's jobs too; turn off beside `sebilling worker`.")
    generate_chunk: int = Field(default=10_000, ge=100, le=100_000, description="Customers per transaction of a generation run.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(default="INFO", description="Least level that is logged.")
    log_format: Literal["json", "console"] = Field(default="json", description="One JSON object a line, or coloured text.")
