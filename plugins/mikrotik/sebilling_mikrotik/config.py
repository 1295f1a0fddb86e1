"""Settings of a router, common to all drivers."""

from pydantic import Field, SecretStr
from sebilling.plugins.contract import HOST, NOT_A_DESTINATION, DeviceConfig, indonesian


class RouterConfig(DeviceConfig, frozen=True):
    """Connection settings of a router. TLS with verification unless it is switched off."""

    host: str = Field(
        min_length=1,
        max_length=255,
        description="Address or name of the router.",
        json_schema_extra=indonesian("Alamat", "Alamat atau nama router.", HOST),
    )
    port: int | None = Field(
        default=None,
        ge=1,
        le=65535,
        description="API port; empty: 8729 with TLS, 8728 without.",
        json_schema_extra=indonesian("Port", "Port API; kosong: 8729 dengan TLS, 8728 tanpa TLS."),
    )
    username: str = Field(min_length=1, max_length=255, json_schema_extra=indonesian("Nama pengguna", mark=NOT_A_DESTINATION))
    password: SecretStr = Field(json_schema_extra=indonesian("Kata sandi"))
    tls: bool = Field(
        default=True,
        description="API-SSL. Without it, the password and all names can be read on the way.",
        json_schema_extra=indonesian("TLS", "API-SSL. Tanpa ini, kata sandi dan semua nama bisa terbaca di jalan."),
    )
    ca_pem: str | None = Field(
        default=None,
        max_length=65536,
        description="The CA's certificate (PEM) that the router's is checked by.",
        json_schema_extra=indonesian("Sertifikat CA", "Sertifikat CA (PEM) untuk memeriksa sertifikat router."),
    )
    server_name: str | None = Field(
        default=None,
        max_length=255,
        description="The name in the router's certificate, if it isn't the host.",
        json_schema_extra=indonesian("Nama server", "Nama di sertifikat router, bila bukan alamatnya."),
    )
    timeout_seconds: float = Field(
        default=10,
        gt=0,
        le=120,
        description="Longest wait for the answer to a command.",
        json_schema_extra=indonesian("Batas waktu (detik)", "Paling lama menunggu jawaban atas satu perintah.", NOT_A_DESTINATION),
    )
    read_timeout_seconds: float = Field(
        default=30,
        gt=0,
        le=600,
        description="Longest wait for a whole table.",
        json_schema_extra=indonesian("Batas waktu baca (detik)", "Paling lama menunggu satu tabel utuh.", NOT_A_DESTINATION),
    )
    session_seconds: float = Field(
        default=5,
        ge=0.1,
        le=120,
        description="Longest wait for ended sessions to vanish.",
        json_schema_extra=indonesian(
            "Batas waktu sesi (detik)", "Paling lama menunggu sesi yang diputus sampai hilang.", NOT_A_DESTINATION
        ),
    )
    kicks_per_second: int = Field(
        default=1000,
        ge=1,
        le=5000,
        description="Sessions ended per second at most. A router whose CPU is full when many dial again needs a lower number.",
        json_schema_extra=indonesian(
            "Sesi diputus per detik",
            "Paling banyak sesi yang diputus tiap detik. Turunkan bila CPU router penuh saat banyak pelanggan menyambung lagi.",
            NOT_A_DESTINATION,
        ),
    )

    @property
    def api_port(self) -> int:
        """The port, by default the protocol's."""
        return self.port or (8729 if self.tls else 8728)
