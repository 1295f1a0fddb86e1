"""Settings of an OLT: those common to both manufacturers, and those of each."""

import re
from typing import ClassVar, Final, Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from sebilling.plugins.contract import HOST, NOT_A_DESTINATION, DeviceConfig, InvalidValue, indonesian

from sebilling_olt.dialects import HUAWEI, ZTE, Dialect
from sebilling_olt.templates import CommandTemplates

_WORD: Final = re.compile(r"[^\s\x00-\x1f\x7f]{1,255}")
_FINGERPRINT: Final = re.compile(r"SHA256:[A-Za-z0-9+/]{43}=?")
_KEY: Final = re.compile(r"(?:\S+ )?((?:ssh|ecdsa)-[a-z0-9-]+) ([A-Za-z0-9+/]+={0,3})(?: .*)?")


class OltConfig(DeviceConfig, frozen=True):
    """Connection settings of an OLT, and the method by which customers are blocked."""

    dialect: ClassVar[Dialect]

    method: str = Field(
        description="How a customer is blocked: a method of the dialect's grammar.",
        json_schema_extra=indonesian("Cara isolir", "Cara pelanggan diisolir: salah satu cara milik dialeknya.", NOT_A_DESTINATION),
    )
    host: str = Field(
        max_length=255, description="Address or name of the OLT.", json_schema_extra=indonesian("Alamat", "Alamat atau nama OLT.", HOST)
    )
    port: int | None = Field(
        default=None,
        ge=1,
        le=65535,
        description="Empty: 22 for SSH, 23 for Telnet.",
        json_schema_extra=indonesian("Port", "Kosong: 22 untuk SSH, 23 untuk Telnet."),
    )
    transport: Literal["ssh", "telnet"] = Field(
        default="ssh",
        description="With Telnet, the password can be read on the way.",
        json_schema_extra=indonesian("Jalur", "Dengan Telnet, kata sandi bisa terbaca di jalan."),
    )
    username: str = Field(max_length=64, json_schema_extra=indonesian("Nama pengguna", mark=NOT_A_DESTINATION))
    password: SecretStr = Field(json_schema_extra=indonesian("Kata sandi"))
    enable_password: SecretStr | None = Field(
        default=None,
        description="If the OLT asks for one at `enable`.",
        json_schema_extra=indonesian("Kata sandi enable", "Bila OLT memintanya pada `enable`."),
    )
    host_fingerprint: str = Field(
        default="",
        max_length=8192,
        description="SSH: the OLT's host key, or its fingerprint SHA256:…; one per line. The probe shows the OLT's.",
        json_schema_extra=indonesian(
            "Sidik jari host", "SSH: host key OLT, atau sidik jarinya SHA256:…; satu per baris. Tes perangkat menampilkan milik OLT."
        ),
    )
    timeout_seconds: float = Field(
        default=15,
        gt=0,
        le=60,
        description="Longest wait for the answer to one command.",
        json_schema_extra=indonesian("Batas waktu (detik)", "Paling lama menunggu jawaban satu perintah.", NOT_A_DESTINATION),
    )
    save_seconds: float = Field(
        default=40,
        gt=0,
        le=60,
        description="Longest wait for the answer to the save command.",
        json_schema_extra=indonesian("Batas waktu simpan (detik)", "Paling lama menunggu jawaban perintah simpan.", NOT_A_DESTINATION),
    )
    commands: CommandTemplates | None = Field(
        default=None,
        description="The commands of this firmware, if they aren't the usual ones of the method; `dry-run` shows them.",
        json_schema_extra=indonesian(
            "Perintah", "Perintah firmware ini, bila bukan yang biasa untuk cara itu; `dry-run` menampilkannya.", NOT_A_DESTINATION
        ),
    )

    @field_validator("host", "username")
    @classmethod
    def _word(cls, word: str) -> str:
        if _WORD.fullmatch(word) is None:
            raise InvalidValue(
                "it must be one word, without spaces and control characters", "harus satu kata, tanpa spasi dan karakter kontrol"
            )
        return word

    @field_validator("password", "enable_password")
    @classmethod
    def _line(cls, secret: SecretStr | None) -> SecretStr | None:
        value = "-" if secret is None else secret.get_secret_value()
        if not 1 <= len(value) <= 255 or any(char < " " or char == "\x7f" for char in value):
            raise InvalidValue("it must be one line, without control characters", "harus satu baris, tanpa karakter kontrol")
        return secret

    @field_validator("host_fingerprint")
    @classmethod
    def _keys(cls, keys: str) -> str:
        for line in keys.splitlines():
            if line.strip() and not (_FINGERPRINT.fullmatch(line.strip()) or _KEY.fullmatch(line.strip())):
                raise InvalidValue(
                    "each line must be a fingerprint (SHA256:…) or a key (ssh-ed25519 AAAA…, as ssh-keyscan prints it)",
                    "tiap baris harus sidik jari (SHA256:…) atau kunci (ssh-ed25519 AAAA…, seperti keluaran ssh-keyscan)",
                )
        return keys

    @property
    def tcp_port(self) -> int:
        """The port, by default the protocol's."""
        return self.port or (22 if self.transport == "ssh" else 23)

    @property
    def parts(self) -> tuple[str, ...]:
        """Parts of an ONU that are set: its admin state, or each of its LAN ports."""
        return ("admin",)

    @property
    def templates(self) -> CommandTemplates:
        """Command templates of this device."""
        return self.commands or self.dialect.grammar.methods[self.method].defaults

    @property
    def secrets(self) -> tuple[str, ...]:
        """Secrets that must never be in a message."""
        return tuple(secret.get_secret_value() for secret in (self.password, self.enable_password) if secret is not None)

    @model_validator(mode="after")
    def _commands_are_harmless(self) -> Self:
        if self.commands is not None:
            self.dialect.grammar.check(self.method, self.commands)
        return self


class HuaweiConfig(OltConfig, frozen=True):
    """Huawei MA56xx and MA58xx."""

    dialect: ClassVar[Dialect] = HUAWEI
    method: Literal["deactivate"] = Field(
        default="deactivate",
        description="`ont deactivate`: the ONU is dark.",
        json_schema_extra=indonesian("Cara isolir", "`ont deactivate`: ONU mati total.", NOT_A_DESTINATION),
    )


class ZteConfig(OltConfig, frozen=True):
    """ZTE C3xx, blocking the whole ONU."""

    dialect: ClassVar[Dialect] = ZTE
    method: Literal["state", "shutdown", "onu_state"] = Field(
        default="state",
        description="`onu N state disable` at the port, or `shutdown` of the ONU's interface, as the firmware has it: dark.",
        json_schema_extra=indonesian(
            "Cara isolir",
            "`onu N state disable` di port, atau `shutdown` di antarmuka ONU, sesuai firmware: mati total.",
            NOT_A_DESTINATION,
        ),
    )


class ZteLanConfig(OltConfig, frozen=True):
    """ZTE C3xx, blocking the ONU's LAN ports."""

    dialect: ClassVar[Dialect] = ZTE
    method: Literal["lan"] = Field(
        default="lan",
        description="The LAN ports are locked; what the ONU itself serves, such as WiFi, stays.",
        json_schema_extra=indonesian(
            "Cara isolir", "Port LAN dikunci; yang dilayani ONU sendiri, seperti WiFi, tetap ada.", NOT_A_DESTINATION
        ),
    )
    lan_ports: int = Field(
        default=4,
        ge=1,
        le=8,
        description="How many LAN ports each ONU has.",
        json_schema_extra=indonesian("Jumlah port LAN", "Jumlah port LAN tiap ONU.", NOT_A_DESTINATION),
    )

    @property
    def parts(self) -> tuple[str, ...]:
        return tuple(f"eth_0/{number}" for number in range(1, self.lan_ports + 1))
