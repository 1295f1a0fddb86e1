"""Reading a router for an import: its secrets without their passwords, and its profiles."""

from typing import Final

from sebilling.plugins.contract import DriverContext

from sebilling_mikrotik.config import RouterConfig
from sebilling_mikrotik.session import Row, Session

_SECRET: Final = "name,service,profile,caller-id,local-address,remote-address,disabled,comment,last-logged-out"  # noqa: S105 - field names
_PROFILE: Final = "name,local-address,remote-address,rate-limit,address-list,comment"


async def read_secrets(config: RouterConfig, context: DriverContext) -> list[dict[str, str]]:
    """All PPP secrets as RouterOS prints them, raw, in its order. Passwords are never asked for. Raises DeviceError."""
    return await _read(config, context, "/ppp/secret/print", f"=.proplist=.id,{_SECRET}")


async def read_profiles(config: RouterConfig, context: DriverContext) -> list[dict[str, str]]:
    """All PPP profiles, raw; `rate-limit` is upload/download of the subscriber. Raises DeviceError."""
    return await _read(config, context, "/ppp/profile/print", f"=.proplist=.id,{_PROFILE}")


async def _read(config: RouterConfig, context: DriverContext, *command: str) -> list[Row]:
    session = await Session.connect(config)
    try:
        rows = await session.rows(*command)
    finally:
        await session.close()
    context.logger.info("mikrotik_read menu=%s rows=%d", command[0], len(rows))
    return [{name: value for name, value in row.items() if name != "password"} for row in rows]
