"""What this machine lacks: keys that decrypt secrets, and proofs; such as after a restore without the secret key or the uploads."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import text

from sebilling.db.engine import Database
from sebilling.storage import ObjectStore
from sebilling.vault import Vault

_PROOFS: Final = text("SELECT object_key FROM proof ORDER BY object_key")


@dataclass(frozen=True, slots=True)
class _Device:
    name: str
    config: bytes


@dataclass(frozen=True, slots=True)
class _TwoStep:
    username: str
    locked: bytes


@dataclass(frozen=True, slots=True)
class Missing:
    """Secrets that can't be decrypted and proofs that are missing, such as after a restore without the secret key or the uploads."""

    devices: Sequence[str]
    users: Sequence[str]
    proofs: Sequence[str]

    def __bool__(self) -> bool:
        return bool(self.devices or self.users or self.proofs)


_DEVICES: Final = text("SELECT name, config FROM device ORDER BY name")
_TWO_STEP: Final = text(
    "SELECT username, coalesce(totp_secret, totp_pending) AS locked FROM app_user"
    " WHERE coalesce(totp_secret, totp_pending) IS NOT NULL ORDER BY username"
)


async def missing(database: Database, store: ObjectStore, vault: Vault) -> Missing:
    """Find devices and users whose secrets no key decrypts, and proofs that aren't in the store.

    Raises DatabaseUnavailable; OSError or obstore's BaseError if the store is unavailable.
    """
    async with database.reading() as session:
        devices = [row.name for row in await session.rows(_DEVICES, into=_Device) if not vault.opens(row.config)]
        users = [row.username for row in await session.rows(_TWO_STEP, into=_TwoStep) if not vault.opens(row.locked)]
        named = await session.values(_PROOFS, kind=str)
    stored = set(await store.keys_older_than(datetime.max.replace(tzinfo=UTC))) if named else set()
    return Missing(devices, users, [key for key in named if key not in stored])
