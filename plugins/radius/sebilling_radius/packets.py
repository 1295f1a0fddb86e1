"""Disconnect- and CoA-Requests (RFC 5176) for pyrad: its dictionary, and the attributes by which a NAS finds a session."""

import io
import ipaddress
from collections.abc import Mapping
from typing import Any, Final

from pyrad.dictionary import Dictionary

from sebilling_radius.radacct import Session

_DICTIONARY: Final = """
ATTRIBUTE User-Name 1 string
ATTRIBUTE NAS-IP-Address 4 ipaddr
ATTRIBUTE NAS-Port 5 integer
ATTRIBUTE Framed-IP-Address 8 ipaddr
ATTRIBUTE Filter-Id 11 string
ATTRIBUTE Session-Timeout 27 integer
ATTRIBUTE Idle-Timeout 28 integer
ATTRIBUTE Calling-Station-Id 31 string
ATTRIBUTE NAS-Identifier 32 string
ATTRIBUTE Acct-Session-Id 44 string
ATTRIBUTE Event-Timestamp 55 date
ATTRIBUTE Message-Authenticator 80 octets
ATTRIBUTE NAS-Port-Id 87 string
ATTRIBUTE NAS-IPv6-Address 95 ipv6addr
ATTRIBUTE Framed-IPv6-Prefix 97 ipv6prefix
ATTRIBUTE Error-Cause 101 integer
ATTRIBUTE Delegated-IPv6-Prefix 123 ipv6prefix
ATTRIBUTE Framed-IPv6-Address 168 ipv6addr
VENDOR Mikrotik 14988
BEGIN-VENDOR Mikrotik
ATTRIBUTE Mikrotik-Rate-Limit 8 string
ATTRIBUTE Mikrotik-Address-List 19 string
END-VENDOR Mikrotik
"""
CHANGEABLE: Final = ("Filter-Id", "Session-Timeout", "Idle-Timeout", "Mikrotik-Rate-Limit", "Mikrotik-Address-List")
"""Attributes that a CoA-Request may change in a session, if the group has them."""
NUMBERS: Final = frozenset({"Session-Timeout", "Idle-Timeout"})
_MAX_PORT: Final = 2**32


def dictionary() -> Any:
    """Dictionary for pyrad of the few attributes that are used."""
    return Dictionary(io.StringIO(_DICTIONARY))


def whole_identification(session: Session, identifier: str) -> Mapping[str, object]:
    """Return everything that radacct has of a session, as a NAS may want to see it all before it ends anything."""
    attributes = dict(short_identification(session))
    if identifier:
        attributes["NAS-Identifier"] = identifier
    is_ip6 = ":" in session.nas
    attributes["NAS-IPv6-Address" if is_ip6 else "NAS-IP-Address"] = session.nas
    if session.port.isascii() and session.port.isdigit() and int(session.port) < _MAX_PORT:
        attributes["NAS-Port"] = int(session.port)
    elif session.port:
        attributes["NAS-Port-Id"] = session.port
    if session.calling_station_id:
        attributes["Calling-Station-Id"] = session.calling_station_id
    for name, value in (("Framed-IPv6-Prefix", session.prefix6), ("Delegated-IPv6-Prefix", session.delegated6)):
        if network := _network6(value):
            attributes[name] = network
    if ":" in session.address6 and _is_set(session.address6):
        attributes["Framed-IPv6-Address"] = session.address6
    return attributes


def short_identification(session: Session) -> Mapping[str, object]:
    """Return what alone identifies a session, for a NAS that knows no more attributes or has them in another form than radacct."""
    attributes: dict[str, object] = {"User-Name": session.username, "Acct-Session-Id": session.acct_session_id}
    if _is_set(session.address) and ":" not in session.address:
        attributes["Framed-IP-Address"] = session.address
    return attributes


def _is_set(address: str) -> bool:
    try:
        return not ipaddress.ip_address(address).is_unspecified
    except ValueError:
        return False


def _network6(value: str) -> str:
    try:
        return str(ipaddress.IPv6Network(value, strict=False)) if value else ""
    except ValueError:
        return ""
