"""Read a router for an import: its accounts without their passwords, and their profiles."""

from collections.abc import Callable, Sequence
from typing import Final

from sebilling.plugins.contract import DriverContext, Sentence, Subscriber

from sebilling_mikrotik import wire
from sebilling_mikrotik.config import RouterConfig
from sebilling_mikrotik.device import is_yes
from sebilling_mikrotik.rates import pair_bps
from sebilling_mikrotik.session import Command, Row, Session

SECRETS: Final[Command] = (
    "/ppp/secret/print",
    "=.proplist=.id,name,service,profile,caller-id,local-address,remote-address,disabled,comment,last-logged-out",
)
PROFILES: Final[Command] = ("/ppp/profile/print", "=.proplist=.id,name,local-address,remote-address,rate-limit,address-list,comment")

USERS: Final[Command] = (
    "/ip/hotspot/user/print", "=.proplist=.id,name,profile,disabled,dynamic,comment,limit-uptime,limit-bytes-total",
)  # fmt: skip
USER_PROFILES: Final[Command] = ("/ip/hotspot/user/profile/print", "=.proplist=.id,name,rate-limit,address-list")
_VOUCHER: Final = ("limit-uptime", "limit-bytes-total")
_UNLIMITED: Final = frozenset(("", "0", "0s"))

CUSTOMERS: Final = frozenset(("", "any", "pppoe"))
"""Services of customers' secrets; other services belong to staff and tunnels between sites."""


async def read_secrets(config: RouterConfig, context: DriverContext) -> list[dict[str, str]]:
    """Read all PPP secrets, raw, in RouterOS's order. Passwords are never requested. Raises DeviceError."""
    return await _read(config, context, SECRETS)


async def read_profiles(config: RouterConfig, context: DriverContext) -> list[dict[str, str]]:
    """Read all PPP profiles, raw; `rate-limit` is the subscriber's upload/download. Raises DeviceError."""
    return await _read(config, context, PROFILES)


async def _read(config: RouterConfig, context: DriverContext, command: Command) -> list[Row]:
    session = await Session.connect(config)
    try:
        rows = await session.rows(*command)
    finally:
        await session.close()
    context.logger.info("mikrotik_read menu=%s rows=%d", command[0], len(rows))
    return [{name: value for name, value in row.items() if name != "password"} for row in rows]


def of_service(row: Row) -> Sentence | None:
    """Return why a secret isn't a customer's: it is for a service other than PPPoE."""
    service = row.get("service", "any")
    return None if service in CUSTOMERS else Sentence(f"service {service}", f"layanan {service}")


def voucher(row: Row) -> Sentence | None:
    """Return why a hotspot user isn't a customer: the router made it itself, or it is a voucher, which runs out."""
    if is_yes(row.get("dynamic")) or row.get("name") == "default-trial":
        return Sentence("made by the router itself", "dibuat oleh router sendiri")
    limits = [f"{name}={row[name]}" for name in _VOUCHER if row.get(name, "0") not in _UNLIMITED]
    return Sentence(f"voucher ({', '.join(limits)})", f"voucer ({', '.join(limits)})") if limits else None


def subscribers(
    accounts: Sequence[Row],
    profiles: Sequence[Row],
    *,
    service_kind: str,
    garden: str | None,
    left_out: Callable[[Row], Sentence | None],
) -> list[Subscriber]:
    """Return accounts as subscribers. The profile is the plan, except for the profile `garden`, whose customers' plans are unknown.

    `left_out` tells why an account doesn't belong to a customer.
    """
    speeds = {row.get("name", ""): pair_bps(row.get("rate-limit", "")) for row in profiles}
    customers: list[Subscriber] = []
    for row in accounts:
        profile = row.get("profile", "default")
        up, down = speeds.get(profile) or (0, 0)
        customers.append(
            Subscriber(
                key=row.get("name", ""),
                service_kind=service_kind,
                plan=None if profile == garden else profile,
                comment=_as_text(row.get("comment", "")),
                disabled=is_yes(row.get("disabled")),
                rate_down_kbps=down // 1_000 or None,  # 0 is no limit
                rate_up_kbps=up // 1_000 or None,
                left_out=left_out(row),
            )
        )
    return customers


def _as_text(value: str) -> str:
    """Decode a comment as UTF-8, or as the Windows encoding that old WinBox versions used."""
    raw = wire.to_bytes(value)
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace")
