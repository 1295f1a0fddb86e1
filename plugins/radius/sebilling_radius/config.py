"""Settings: the RADIUS database, the NASes whose sessions are ended, and the blocking method."""

import ipaddress
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, Field, SecretStr, field_validator, model_validator
from sebilling.plugins.contract import HOST, NOT_A_DESTINATION, OWN_DESTINATION, DeviceConfig, InvalidValue, indonesian

from sebilling_radius.names import Matching

_TABLE: Final = r"^[a-z_][a-z0-9_]{0,62}$"
_ATTRIBUTE: Final = r"^[A-Za-z0-9][A-Za-z0-9-]{0,63}$"
Table = Annotated[str, Field(pattern=_TABLE)]
Attribute = Annotated[str, Field(pattern=_ATTRIBUTE)]
PARKED: Final = (
    "Framed-IP-Address", "Framed-IP-Netmask", "Framed-Pool", "Framed-Route", "Framed-IPv6-Address", "Framed-IPv6-Prefix",
    "Framed-IPv6-Pool", "Framed-IPv6-Route", "Delegated-IPv6-Prefix", "Delegated-IPv6-Prefix-Pool", "Filter-Id", "Fall-Through",
    "Mikrotik-Rate-Limit", "Mikrotik-Address-List", "Mikrotik-Group", "Mikrotik-Delegated-IPv6-Pool",
)  # fmt: skip
"""A customer's own attributes that would override the walled garden's, or keep FreeRADIUS from reading groups."""


class Nas(BaseModel, extra="forbid", frozen=True, hide_input_in_errors=True):
    """A NAS, or a network of NASes, and how to reach it to end sessions."""

    address: str = Field(
        description="The address as radacct has it (NASIPAddress), or a network such as 10.20.0.0/24.",
        json_schema_extra=indonesian("Alamat", "Alamat seperti di radacct (NASIPAddress), atau jaringan seperti 10.20.0.0/24."),
    )
    secret: SecretStr = Field(
        description="Shared secret for CoA and Disconnect.",
        json_schema_extra=indonesian("Shared secret", "Shared secret untuk CoA dan Disconnect."),
    )
    port: int = Field(
        default=3799,
        ge=1,
        le=65535,
        description="Port for CoA and Disconnect; 3799 by the standard, old MikroTik 1700.",
        json_schema_extra=indonesian("Port", "Port CoA dan Disconnect; standarnya 3799, MikroTik lama 1700."),
    )
    send_to: str = Field(
        default="",
        max_length=255,
        description="Where to send, if not to the address itself (NAT).",
        json_schema_extra=indonesian("Dikirim ke", "Tujuan kirim, bila bukan alamat itu sendiri (NAT).", HOST),
    )

    identifier: str = Field(
        default="",
        max_length=253,
        description="NAS-Identifier, if the NAS only accepts requests that carry it.",
        json_schema_extra=indonesian("NAS-Identifier", "NAS-Identifier, bila NAS hanya menerima permintaan yang memuatnya."),
    )

    @field_validator("address")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        try:
            return str(ipaddress.ip_network(value)) if "/" in value else str(ipaddress.ip_address(value))
        except ValueError:
            raise InvalidValue(
                "enter an IP address, or a network such as 10.20.0.0/24 without host bits",
                "isi alamat IP, atau jaringan seperti 10.20.0.0/24 tanpa bit host",
            ) from None

    @field_validator("secret")
    @classmethod
    def _is_a_secret(cls, value: SecretStr) -> SecretStr:
        # A form that showed stars in place of the secret must not store the stars as the secret.
        if not value.get_secret_value().strip("*"):
            raise InvalidValue(
                "give the secret itself; to keep the one that is set, leave nas out of the update",
                "isi rahasianya sendiri; untuk mempertahankan yang sekarang, jangan sertakan nas dalam perubahan",
            )
        return value

    @property
    def network(self) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
        """All addresses to which this entry applies."""
        return ipaddress.ip_network(self.address)


class RadiusConfig(DeviceConfig, frozen=True):
    """The RADIUS database and the NASes."""

    database_type: Literal["postgresql", "mysql"] = Field(
        default="postgresql",
        description="mysql also for MariaDB.",
        json_schema_extra=indonesian("Jenis database", "mysql juga untuk MariaDB."),
    )
    database_host: str = Field(
        min_length=1,
        max_length=255,
        description="Address or name of the database server, or the socket's folder.",
        json_schema_extra=indonesian("Alamat database", "Alamat atau nama server database, atau folder socket-nya.", HOST),
    )
    database_port: int = Field(
        default=5432,
        ge=1,
        le=65535,
        description="5432 for PostgreSQL, 3306 for MySQL and MariaDB.",
        json_schema_extra=indonesian("Port database", "5432 untuk PostgreSQL, 3306 untuk MySQL dan MariaDB."),
    )
    database_name: str = Field(default="radius", min_length=1, max_length=63, json_schema_extra=indonesian("Nama database"))
    database_user: str = Field(default="sebilling", min_length=1, max_length=63, json_schema_extra=indonesian("Pengguna database"))
    database_password: SecretStr = Field(json_schema_extra=indonesian("Kata sandi database"))
    database_tls: bool = Field(
        default=True,
        description="TLS with a verified certificate. Off only on the same machine.",
        json_schema_extra=indonesian("TLS database", "TLS dengan sertifikat yang diperiksa. Matikan hanya bila di mesin yang sama."),
    )
    database_ca_pem: str | None = Field(
        default=None,
        max_length=65536,
        description="The CA's certificate (PEM); empty: the system's CAs.",
        json_schema_extra=indonesian("Sertifikat CA database", "Sertifikat CA (PEM); kosong: CA milik sistem."),
    )
    schema_name: Table | None = Field(
        default=None,
        description="Schema of the tables, if it isn't in the user's search path; in MySQL, the database.",
        json_schema_extra=indonesian(
            "Skema", "Skema tabelnya, bila tidak ada di search path pengguna; di MySQL, databasenya.", NOT_A_DESTINATION
        ),
    )
    radcheck: Table = Field(default="radcheck", json_schema_extra=indonesian("Tabel radcheck", mark=NOT_A_DESTINATION))
    radreply: Table = Field(default="radreply", json_schema_extra=indonesian("Tabel radreply", mark=NOT_A_DESTINATION))
    radusergroup: Table = Field(default="radusergroup", json_schema_extra=indonesian("Tabel radusergroup", mark=NOT_A_DESTINATION))
    radgroupreply: Table = Field(default="radgroupreply", json_schema_extra=indonesian("Tabel radgroupreply", mark=NOT_A_DESTINATION))
    radgroupcheck: Table = Field(default="radgroupcheck", json_schema_extra=indonesian("Tabel radgroupcheck", mark=NOT_A_DESTINATION))
    radacct: Table = Field(default="radacct", json_schema_extra=indonesian("Tabel radacct", mark=NOT_A_DESTINATION))
    matching: Matching = Field(
        default="exact",
        description="How FreeRADIUS compares user names. exact; lower: ignoring capitals; without_realm: also ignoring @ and what follows.",
        json_schema_extra=indonesian(
            "Pencocokan nama",
            "Cara FreeRADIUS membandingkan nama. exact: persis; lower: tanpa membedakan huruf besar; without_realm: juga tanpa @ dan"
            " sesudahnya.",
            NOT_A_DESTINATION,
        ),
    )
    interim_seconds: int = Field(
        default=600,
        ge=0,
        le=86_400,
        description="How often NASes report a session (Acct-Interim-Interval); 0 if they report only its start and stop.",
        json_schema_extra=indonesian(
            "Interval interim (detik)",
            "Seberapa sering NAS melaporkan sesi (Acct-Interim-Interval); 0 bila hanya awal dan akhirnya.",
            NOT_A_DESTINATION,
        ),
    )
    nas: tuple[Nas, ...] = Field(
        default=(),
        max_length=1000,
        description="NASes by address; the narrowest that fits counts.",
        json_schema_extra=indonesian("NAS", "Daftar NAS menurut alamat; yang paling sempit yang berlaku.", OWN_DESTINATION),
    )
    timeout_seconds: float = Field(
        default=10,
        gt=0,
        le=60,
        description="Longest wait for the database.",
        json_schema_extra=indonesian("Batas waktu (detik)", "Paling lama menunggu database.", NOT_A_DESTINATION),
    )
    coa_timeout_seconds: float = Field(
        default=1.5,
        gt=0,
        le=10,
        description="Wait for a NAS's answer before the request is sent again.",
        json_schema_extra=indonesian(
            "Batas waktu CoA (detik)", "Lama menunggu jawaban NAS sebelum permintaan dikirim lagi.", NOT_A_DESTINATION
        ),
    )
    coa_tries: int = Field(
        default=3,
        ge=1,
        le=10,
        description="How many times a request is sent in all.",
        json_schema_extra=indonesian("Jumlah percobaan CoA", "Berapa kali permintaan dikirim seluruhnya.", NOT_A_DESTINATION),
    )

    @model_validator(mode="after")
    def _nases_differ(self) -> Self:
        reached: set[tuple[str, str, int]] = set()
        for entry in self.nas:
            destination = (entry.address, entry.send_to, entry.port)
            if destination in reached:
                raise InvalidValue(
                    f"two nas have the address {entry.address} and the same port, so only one of them can be asked: give each its own"
                    " port or send_to",
                    f"dua nas beralamat {entry.address} dengan port yang sama, jadi hanya satu yang bisa ditanya: isi port atau send_to"
                    " yang berbeda",
                )
            reached.add(destination)
        return self

    def nases_of(self, address: str) -> tuple[Nas, ...]:
        """Return the narrowest entries that contain the address. Several are NASes behind one address: each must be asked."""
        host = ipaddress.ip_address(address)
        fitting = [entry for entry in self.nas if host in entry.network]
        narrowest = max((entry.network.prefixlen for entry in fitting), default=0)
        return tuple(entry for entry in fitting if entry.network.prefixlen == narrowest)

    @property
    def patience_seconds(self) -> float | None:
        """After how long without a report a session has ended: two intervals and a minute. None: NASes report only start and stop."""
        return 2 * self.interim_seconds + 60 if self.interim_seconds else None


class GroupConfig(RadiusConfig, frozen=True):
    """Settings of the walled garden."""

    group: str = Field(
        default="isolir",
        min_length=1,
        max_length=64,
        description="Group of blocked customers.",
        json_schema_extra=indonesian("Grup isolir", "Grup pelanggan yang diisolir.", NOT_A_DESTINATION),
    )
    parked: tuple[Attribute, ...] = Field(
        default=PARKED,
        min_length=1,
        max_length=64,
        description="A customer's own reply attributes that are set aside while they are blocked.",
        json_schema_extra=indonesian(
            "Atribut yang disisihkan", "Atribut balasan milik pelanggan yang disisihkan selama diisolir.", NOT_A_DESTINATION
        ),
    )
    rejected: Table = Field(
        default="radcheck_rejected",
        description="View of the users whom radcheck rejects (README, step 2), so that SeBilling needn't read passwords.",
        json_schema_extra=indonesian(
            "View yang ditolak",
            "View pengguna yang ditolak di radcheck (README, langkah 2), agar SeBilling tidak perlu membaca kata sandi.",
            NOT_A_DESTINATION,
        ),
    )
    session: Literal["disconnect", "coa"] = Field(
        default="disconnect",
        description="disconnect: the session is ended, the customer dials into the garden. coa: it goes on with the group's attributes.",
        json_schema_extra=indonesian(
            "Sesi yang berjalan",
            "disconnect: sesi diputus, pelanggan masuk lagi ke halaman isolir. coa: sesi berlanjut dengan atribut grup.",
            NOT_A_DESTINATION,
        ),
    )


class RejectConfig(RadiusConfig, frozen=True):
    """Settings of blocking by refused login."""
