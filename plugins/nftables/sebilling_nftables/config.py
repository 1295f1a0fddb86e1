"""Settings of a Linux router: how it is reached, and as whom."""

import re
from typing import Final, Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from sebilling.plugins.contract import HOST, NOT_A_DESTINATION, DeviceConfig, InvalidValue, indonesian

_WORD: Final = re.compile(r"[^\s\x00-\x1f\x7f]{0,255}")


class NftablesConfig(DeviceConfig, frozen=True):
    """Connection settings. With the transport `local`, nft runs on the machine of SeBilling, and only `netns` and `sudo` matter."""

    transport: Literal["ssh", "local"] = Field(
        default="ssh",
        description="`ssh`, or `local` if SeBilling itself runs on the router.",
        json_schema_extra=indonesian("Jalur", "`ssh`, atau `local` bila SeBilling berjalan di router itu sendiri."),
    )
    host: str = Field(
        default="",
        max_length=255,
        description="SSH: address or name of the router.",
        json_schema_extra=indonesian("Alamat", "SSH: alamat atau nama router.", HOST),
    )
    port: int = Field(default=22, ge=1, le=65535, json_schema_extra=indonesian("Port"))
    username: str = Field(default="", max_length=64, json_schema_extra=indonesian("Nama pengguna", mark=NOT_A_DESTINATION))
    password: SecretStr | None = Field(
        default=None,
        description="SSH: leave it empty if a private key is set.",
        json_schema_extra=indonesian("Kata sandi", "SSH: kosongkan bila ada kunci privat."),
    )
    private_key: SecretStr | None = Field(
        default=None,
        description="SSH: private key (PEM or OpenSSH, without a passphrase), used instead of a password.",
        json_schema_extra=indonesian("Kunci privat", "SSH: kunci privat (PEM atau OpenSSH, tanpa frasa sandi), pengganti kata sandi."),
    )
    host_fingerprint: str = Field(
        default="",
        max_length=8192,
        description="SSH: the router's host key, or its fingerprint SHA256:…; one per line. The probe shows the router's.",
        json_schema_extra=indonesian(
            "Sidik jari host", "SSH: host key router, atau sidik jarinya SHA256:…; satu per baris. Tes perangkat menampilkan milik router."
        ),
    )
    sudo: bool = Field(
        default=False,
        description="Run nft by `sudo -n`, for a user who isn't root.",
        json_schema_extra=indonesian("sudo", "Jalankan nft lewat `sudo -n`, untuk pengguna selain root.", NOT_A_DESTINATION),
    )
    netns: str = Field(
        default="",
        pattern=r"^([A-Za-z0-9_][A-Za-z0-9_.-]{0,63})?$",
        description="Name of the network namespace in which the customers are routed; empty for the machine's own.",
        json_schema_extra=indonesian(
            "Network namespace", "Nama network namespace tempat pelanggan dirutekan; kosong untuk mesin itu sendiri.", NOT_A_DESTINATION
        ),
    )
    timeout_seconds: float = Field(
        default=20,
        gt=0,
        le=60,
        description="Longest wait for the answer to one command.",
        json_schema_extra=indonesian("Batas waktu (detik)", "Paling lama menunggu jawaban satu perintah.", NOT_A_DESTINATION),
    )

    @field_validator("host", "username")
    @classmethod
    def _is_word(cls, value: str) -> str:
        if not _WORD.fullmatch(value):
            raise InvalidValue("must not contain blanks or control characters", "tidak boleh berisi spasi atau karakter kontrol")
        return value

    @model_validator(mode="after")
    def _is_reachable(self) -> Self:
        if self.transport == "local":
            return self
        if not self.host or not self.username:
            raise InvalidValue("SSH needs `host` and `username`", "SSH perlu `host` dan `username`")
        if not self.secrets:
            raise InvalidValue("SSH needs `password` or `private_key`", "SSH perlu `password` atau `private_key`")
        return self

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every secret that is set."""
        return tuple(secret.get_secret_value() for secret in (self.password, self.private_key) if secret is not None)

    def command(self, *words: str) -> tuple[str, ...]:
        """Return the words of a command as it is run on the router, in the namespace and by sudo if they are set."""
        inside = ("ip", "netns", "exec", self.netns) if self.netns else ()
        return (*(("sudo", "-n") if self.sudo else ()), *inside, *words)
