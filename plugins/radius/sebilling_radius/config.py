"""Settings: the RADIUS database, the NASes whose sessions are ended, and the blocking method."""

import ipaddress
from typing import Annotated, Final, Literal

from pydantic import BaseModel, Field, SecretStr, field_validator
from sebilling.plugins.contract import HOST, NOT_A_DESTINATION, OWN_DESTINATION, DeviceConfig

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

    address: str = Field(description="The address as radacct has it (NASIPAddress), or a network such as 10.20.0.0/24.")
    secret: SecretStr = Field(description="Shared secret for CoA and Disconnect.")
    port: int = Field(default=3799, ge=1, le=65535, description="Port for CoA and Disconnect; 3799 by the standard, old MikroTik 1700.")
    send_to: str = Field(
        default="", max_length=255, description="Where to send, if not to the address itself (NAT).", json_schema_extra=HOST
    )

    @field_validator("address")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        return str(ipaddress.ip_network(value)) if "/" in value else str(ipaddress.ip_address(value))

    @field_validator("secret")
    @classmethod
    def _is_a_secret(cls, value: SecretStr) -> SecretStr:
        # A form that showed stars in place of the secret must not store the stars as the secret.
        if not value.get_secret_value().strip("*"):
            raise ValueError("give the secret itself; to keep the one that is set, leave nas out of the update")
        return value

    @property
    def network(self) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
        """All addresses to which this entry applies."""
        return ipaddress.ip_network(self.address)


class RadiusConfig(DeviceConfig, frozen=True):
    """The RADIUS database and the NASes."""

    database_host: str = Field(
        min_length=1, max_length=255, description="Address or name of the database server, or the socket's folder.", json_schema_extra=HOST
    )
    database_port: int = Field(default=5432, ge=1, le=65535)
    database_name: str = Field(default="radius", min_length=1, max_length=63)
    database_user: str = Field(default="sebilling", min_length=1, max_length=63)
    database_password: SecretStr
    database_tls: bool = Field(default=True, description="TLS with a verified certificate. Off only on the same machine.")
    database_ca_pem: str | None = Field(default=None, max_length=65536, description="The CA's certificate (PEM); empty: the system's CAs.")
    schema_name: Table | None = Field(
        default=None, description="Schema of the tables, if it isn't in the user's search path.", json_schema_extra=NOT_A_DESTINATION
    )
    radcheck: Table = Field(default="radcheck", json_schema_extra=NOT_A_DESTINATION)
    radreply: Table = Field(default="radreply", json_schema_extra=NOT_A_DESTINATION)
    radusergroup: Table = Field(default="radusergroup", json_schema_extra=NOT_A_DESTINATION)
    radgroupreply: Table = Field(default="radgroupreply", json_schema_extra=NOT_A_DESTINATION)
    radacct: Table = Field(default="radacct", json_schema_extra=NOT_A_DESTINATION)
    nas: tuple[Nas, ...] = Field(
        default=(), max_length=1000, description="NASes by address; the narrowest that fits counts.", json_schema_extra=OWN_DESTINATION
    )
    timeout_seconds: float = Field(
        default=10, gt=0, le=60, description="Longest wait for the database.", json_schema_extra=NOT_A_DESTINATION
    )
    coa_timeout_seconds: float = Field(
        default=1.5,
        gt=0,
        le=10,
        description="Wait for a NAS's answer before the request is sent again.",
        json_schema_extra=NOT_A_DESTINATION,
    )
    coa_tries: int = Field(
        default=3, ge=1, le=10, description="How many times a request is sent in all.", json_schema_extra=NOT_A_DESTINATION
    )

    def nas_of(self, address: str) -> Nas | None:
        """Return the narrowest entry that contains the address."""
        found = ipaddress.ip_address(address)
        fitting = [one for one in self.nas if found in one.network]
        return max(fitting, key=lambda one: one.network.prefixlen, default=None)


class GroupConfig(RadiusConfig, frozen=True):
    """Settings of the walled garden."""

    group: str = Field(
        default="isolir", min_length=1, max_length=64, description="Group of blocked customers.", json_schema_extra=NOT_A_DESTINATION
    )
    parked: tuple[Attribute, ...] = Field(
        default=PARKED,
        min_length=1,
        max_length=64,
        description="A customer's own reply attributes that are set aside while they are blocked.",
        json_schema_extra=NOT_A_DESTINATION,
    )
    session: Literal["disconnect", "coa"] = Field(
        default="disconnect",
        description="disconnect: the session is ended, the customer dials into the garden. coa: it goes on with the group's attributes.",
        json_schema_extra=NOT_A_DESTINATION,
    )


class RejectConfig(RadiusConfig, frozen=True):
    """Settings of blocking by refused login."""
