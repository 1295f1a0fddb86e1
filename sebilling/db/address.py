"""Parser of database addresses as operators write them: `postgresql://user:password@host/name?sslmode=verify-full`, as in libpq.

SQLAlchemy doesn't translate libpq's TLS parameters for asyncpg, and passes unknown ones on until something breaks. Here each parameter
has libpq's meaning, or is refused by its name. No message contains a part of the address that could be a password.
"""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from sebilling.language import Sentence
from sebilling.operator_errors import InvalidSetting

_SCHEMES: Final = frozenset({"postgres", "postgresql", "postgresql+asyncpg"})
_PARAMETERS: Final = ("host", "port", "sslmode", "sslrootcert", "sslcert", "sslkey", "connect_timeout")
CONNECT_SECONDS: Final = 10
"""Default connection timeout, unless `connect_timeout` is given."""
_MAX_CONNECT_SECONDS: Final = 300
_MAX_PORT: Final = 65_535
_SYSTEM: Final = "system"


class SslMode(StrEnum):
    """libpq's `sslmode`: the required level of TLS."""

    DISABLE = "disable"
    ALLOW = "allow"
    PREFER = "prefer"
    REQUIRE = "require"
    VERIFY_CA = "verify-ca"
    VERIFY_FULL = "verify-full"


@dataclass(frozen=True, slots=True)
class Address:
    """A parsed address: the URL for SQLAlchemy, and the driver's options. Contains the password."""

    url: URL = field(repr=False)
    timeout_seconds: int
    ssl: ssl.SSLContext | str | None
    """The driver's `ssl` option: a context, a libpq mode without certificates, or None for the driver's default, `prefer`."""


def parse(address: str, *, setting: str = "SEBILLING_DATABASE_URL") -> Address:
    """Parse the address in `setting`. Raises InvalidSetting, with the remedy, if it can't be used."""
    try:
        return _parsed(address)
    except InvalidSetting as error:
        raise InvalidSetting(setting=setting, why=error.why) from None


def _parsed(address: str) -> Address:
    try:
        url = make_url(address)
    except (ArgumentError, ValueError):  # their messages contain parts of the address
        raise _refused(
            "it is no address: write postgresql://user:password@host/name, and special characters of the password as %XX (@ is %40).",
            "bukan alamat: tulis postgresql://user:password@host/nama, dan karakter khusus kata sandi sebagai %XX (@ menjadi %40).",
        ) from None
    if url.drivername not in _SCHEMES:
        raise _refused("it must begin with postgresql://.", "harus diawali postgresql://.")
    if not url.database:
        raise _refused("it names no database: end it with /name.", "nama basis datanya tidak ada: akhiri dengan /nama.")
    if unknown := sorted(set(url.query) - set(_PARAMETERS)):
        raise _refused(
            f"there is no parameter '{unknown[0][:40]}': leave it out; there are {', '.join(_PARAMETERS)}.",
            f"tidak ada parameter '{unknown[0][:40]}': hapus; yang ada {', '.join(_PARAMETERS)}.",
        )
    if "host" in url.query and not _single("host", url.query).startswith("/"):
        raise _refused(
            "its parameter host is for the folder of a Unix socket: write any other host before the name, as in //host/name.",
            "parameter host hanya untuk folder Unix socket: tulis host lain di depan nama, seperti //host/nama.",
        )
    if "port" in url.query and not _is_number(_single("port", url.query), most=_MAX_PORT):
        raise _refused(f"port must be 1 to {_MAX_PORT}.", f"port harus 1 sampai {_MAX_PORT}.")
    parameters = {name: _single(name, url.query) for name in _PARAMETERS[2:] if name in url.query}
    kept = url.set(drivername="postgresql+asyncpg").difference_update_query(_PARAMETERS[2:])
    return Address(kept, _timeout_seconds(parameters), _ssl(parameters))


def _single(name: str, query: Mapping[str, Any]) -> str:
    value = query[name]
    if not isinstance(value, str) or not value:
        raise _refused(f"give {name} one value, or leave it out.", f"isi {name} dengan satu nilai, atau hapus.")
    return value


def _is_number(text: str, *, most: int) -> bool:
    return text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= most


def _timeout_seconds(parameters: Mapping[str, str]) -> int:
    text = parameters.get("connect_timeout", str(CONNECT_SECONDS))
    if not _is_number(text, most=_MAX_CONNECT_SECONDS):
        raise _refused(
            f"connect_timeout must be 1 to {_MAX_CONNECT_SECONDS} seconds.", f"connect_timeout harus 1 sampai {_MAX_CONNECT_SECONDS} detik."
        )
    return int(text)


def _ssl(parameters: Mapping[str, str]) -> ssl.SSLContext | str | None:
    """Return the driver's `ssl` option for `sslmode` and its files. Raises InvalidSetting."""
    modes = ", ".join(SslMode)
    try:
        mode = SslMode(parameters["sslmode"]) if "sslmode" in parameters else None
    except ValueError:
        raise _refused(f"sslmode must be one of {modes}.", f"sslmode harus salah satu dari {modes}.") from None
    files = sorted({"sslrootcert", "sslcert", "sslkey"} & set(parameters))
    if mode in {None, SslMode.DISABLE, SslMode.ALLOW, SslMode.PREFER}:
        if files:
            raise _refused(
                f"{files[0]} counts only with sslmode=require, verify-ca or verify-full: add one of them.",
                f"{files[0]} hanya berlaku dengan sslmode=require, verify-ca atau verify-full: tambahkan salah satunya.",
            )
        return None if mode is None else mode.value
    return _context(SslMode(str(mode)), parameters)


def _context(mode: SslMode, parameters: Mapping[str, str]) -> ssl.SSLContext:
    """Return a context with libpq's meaning of the mode: `require` with a root certificate verifies it, like `verify-ca`."""
    roots = parameters.get("sslrootcert")
    if roots is None and (default := Path.home() / ".postgresql" / "root.crt").is_file():
        roots = str(default)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = mode is SslMode.VERIFY_FULL
    if roots is None:
        if mode is not SslMode.REQUIRE:
            raise _refused(
                f"sslmode={mode} needs sslrootcert=FILE with the certificate of the authority, or, with verify-full, sslrootcert=system.",
                f"sslmode={mode} perlu sslrootcert=BERKAS berisi sertifikat otoritas, atau, dengan verify-full, sslrootcert=system.",
            )
        context.verify_mode = ssl.CERT_NONE
    elif roots == _SYSTEM:
        if mode is not SslMode.VERIFY_FULL:  # anybody with a certificate of a public authority could pose as the server
            raise _refused(
                f"sslrootcert=system with sslmode={mode} would trust any server: use sslmode=verify-full.",
                f"sslrootcert=system dengan sslmode={mode} akan memercayai server mana pun: pakai sslmode=verify-full.",
            )
        context.load_default_certs()
    else:
        _load("sslrootcert", lambda: context.load_verify_locations(cafile=roots))
    if "sslcert" in parameters:
        _load("sslcert or sslkey", lambda: context.load_cert_chain(parameters["sslcert"], parameters.get("sslkey"), password=""))
    elif "sslkey" in parameters:
        raise _refused("sslkey needs sslcert=FILE too.", "sslkey perlu sslcert=BERKAS juga.")
    return context


def _load(what: str, load: Any) -> None:
    try:
        load()
    except OSError as error:  # ssl.SSLError among them
        raise _refused(
            f"the file of {what} can't be used ({type(error).__name__}): check that it is there, readable for this user, and in PEM form.",
            f"berkas {what} tidak bisa dipakai ({type(error).__name__}): pastikan ada, boleh dibaca pengguna ini, dan berformat PEM.",
        ) from None


def _refused(english: str, indonesian: str) -> InvalidSetting:
    return InvalidSetting(setting="SEBILLING_DATABASE_URL", why=Sentence(english, indonesian))
